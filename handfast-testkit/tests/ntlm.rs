//! Whole handshakes by NTLM in the kit, and what goes wrong between their ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast::mech::MechanismId;
use handfast::{
    Acceptor, Account, ChannelBindings, Context, CredentialError, Error, Flags, Logon, NtlmRefusal, Policy, Refusal,
};
use handfast_testkit::{AcceptorPeer, End, Ends, Fault, Kind, Leg, Peer, Say, ScriptedPeer, Testkit, handfast};
use std::time::Duration;

const HTTP: &str = "HTTP/www.example.com";
const HOST: &str = "host/www.example.com";

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    kit.user_of("alice", "correct horse", &[]);
    kit.user_of("bob", "battery staple", &[]);
    kit.service(HTTP);
    kit.service(HOST);
    kit
}

fn refusal(end: &End) -> &Refusal {
    match end.error() {
        Some(Error::Refused(refusal)) => refusal,
        _ => panic!("{end}"),
    }
}

fn faulty(kind: Kind, fault: Fault) -> Ends {
    let kit = kit();
    kit.wire().fault(kind, fault);
    kit.handshake("alice", HTTP).ntlm().run()
}

/// What a client of `kit` sends, as the attacker in the middle has it: the acceptor's end waits for the last message.
fn waiting(kit: &Testkit, acceptor: &Acceptor) -> (AcceptorPeer, Vec<u8>) {
    let mut session = AcceptorPeer::new(kit, acceptor.session());
    let mut sent = Vec::new();
    let client = kit.handshake("alice", HTTP).ntlm().against(|token: &[u8]| {
        sent = token.to_vec();
        session.answer(token).filter(|_| Kind::of(token) == Kind::NtlmNegotiate)
    });
    assert!(client.is_established() && Kind::of(&sent) == Kind::NtlmAuthenticate);
    (session, sent)
}

/// The same, stopped before the acceptor sees the last message.
fn captured(kit: &Testkit, acceptor: &Acceptor) -> (AcceptorPeer, Vec<u8>) {
    let mut session = AcceptorPeer::new(kit, acceptor.session());
    let mut last = Vec::new();
    kit.handshake("alice", HTTP).ntlm().against(|token: &[u8]| match Kind::of(token) {
        Kind::NtlmAuthenticate => {
            last = token.to_vec();
            None
        }
        _ => session.answer(token),
    });
    (session, last)
}

#[test]
fn three_messages_and_no_kdc() {
    let kit = kit();
    let (mut client, mut server) = kit.handshake("alice", HTTP).ntlm().run().contexts().unwrap();
    let kinds: Vec<_> = kit.wire().messages().iter().map(|message| message.kind.to_string()).collect();
    assert_eq!(kinds, ["NTLM NEGOTIATE", "NTLM CHALLENGE", "NTLM AUTHENTICATE"]);
    assert_eq!((client.mechanism(), server.mechanism()), (MechanismId::NTLM, MechanismId::NTLM));
    assert_eq!((client.peer(), client.local()), (server.local(), server.peer()));
    assert_eq!(server.local().to_string(), HTTP);
    assert_eq!(client.session_key(), server.session_key());
    assert!(!(client.flags() | server.flags()).contains(Flags::MUTUAL));
    for message in [&b""[..], b"to", &[7; 70_000]] {
        talk(&mut client, &mut server, message);
        talk(&mut server, &mut client, message);
    }
}

fn talk(from: &mut Context, to: &mut Context, message: &[u8]) {
    let mut token = Vec::new();
    from.seal(message, &mut token).unwrap();
    assert_eq!(to.unseal(&mut token).unwrap(), message);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let transcript = |seed| {
        let kit = kit();
        kit.reseed(seed);
        kit.handshake("alice", HTTP).ntlm().run().contexts().unwrap();
        kit.wire().messages().into_iter().map(|message| message.sent).collect::<Vec<_>>()
    };
    assert_eq!(transcript(1), transcript(1));
    assert_ne!(transcript(1)[1], transcript(2)[1]);
}

#[test]
fn nobody_speaks_ntlm_who_did_not_ask_for_it() {
    let kit = kit();
    let strict = kit.handshake("alice", HTTP).ntlm().initiator(kit.initiator()).run();
    let refused = strict.initiator.error();
    assert!(matches!(refused, Some(Error::Credential(CredentialError::NtlmServerUnproven { .. }))), "{strict:?}");
    assert_eq!(kit.wire().messages(), []);
    let ends = kit.handshake("alice", HTTP).ntlm().acceptor(&kit.acceptor(HTTP)).run();
    assert!(
        matches!(ends.acceptor, End::Failed(_)) && matches!(ends.initiator, End::Waiting | End::Failed(_)),
        "{ends:?}"
    );
}

fn logon(domain: &str, user: &str) -> Logon {
    Logon {
        user: user.into(),
        domain: domain.into(),
        workstation: String::new(),
        server_challenge: [0; 8],
        nt_response: Vec::new(),
        lm_response: Vec::new(),
        negotiate_flags: 0,
    }
}

#[test]
fn the_account_store_knows_users_with_passwords() {
    let kit = kit();
    let knows = |domain: &str, user: &str| matches!(kit.account(&logon(domain, user)), Account::NtHash(_));
    for (domain, user) in
        [("EXAMPLE.COM", "alice"), ("example.com", "ALICE"), ("EXAMPLE", "bob"), ("", "alice@example.com")]
    {
        assert!(knows(domain, user), "{domain}\\{user}");
    }
    for (domain, user) in [
        ("", "alice"),
        ("OTHER.COM", "alice"),
        ("EXAMPLE.COM", "mallory"),
        ("EXAMPLE.COM", HTTP),
        ("EXAMPLE.COM", "alice@EXAMPLE.COM"),
        ("", "alice@OTHER.COM"),
    ] {
        assert_eq!(kit.account(&logon(domain, user)), Account::Refused, "{domain}\\{user}");
    }
    kit.change("alice", |alice| alice.disabled = true);
    assert!(!knows("EXAMPLE.COM", "alice"));
    let end = kit.clock().right().saturating_add(Duration::from_secs(60));
    kit.change("alice", |alice| (alice.disabled, alice.expires) = (false, Some(end)));
    assert!(knows("EXAMPLE.COM", "alice"));
    kit.clock().advance(Duration::from_secs(60));
    assert!(!knows("EXAMPLE.COM", "alice"));
    kit.remove("bob");
    assert!(!knows("EXAMPLE.COM", "bob"));
}

#[test]
fn an_account_store_that_refuses_or_errs_lets_nobody_in() {
    let kit = kit();
    for (says, error) in [(Account::Unavailable, Error::AccountUnavailable), (Account::Refused, Error::AccountRefused)]
    {
        kit.accounts_say([says]);
        let ends = kit.handshake("alice", HTTP).ntlm().run();
        assert_eq!(ends.acceptor.error(), Some(&error));
    }
    kit.handshake("alice", HTTP).ntlm().run().contexts().unwrap();
}

#[test]
fn a_dropped_mic_is_missed() {
    let ends = faulty(Kind::NtlmAuthenticate, Fault::DropMic);
    assert_eq!(refusal(&ends.acceptor), &Refusal::Ntlm(NtlmRefusal::MicAbsent));
    // It is a whole message all the same: what is refused is that the MIC is not there.
    let other = faulty(Kind::NtlmChallenge, Fault::DropMic);
    other.contexts().unwrap();
}

#[test]
fn a_changed_challenge_is_seen_by_the_mic() {
    // The server's NetBIOS name, in the pairs: what the client's proof covers too. A bit of its flags: what only the MIC does.
    let ends = faulty(Kind::NtlmChallenge, Fault::Flip { offset: 21, mask: 0x40 });
    assert_eq!(refusal(&ends.acceptor), &Refusal::Ntlm(NtlmRefusal::MicMismatch));
    let ends = faulty(Kind::NtlmNegotiate, Fault::Flip { offset: 13, mask: 0x40 });
    assert_eq!(refusal(&ends.acceptor), &Refusal::Ntlm(NtlmRefusal::MicMismatch));
}

#[test]
fn a_replayed_proof_answers_another_challenge() {
    let kit = kit();
    let acceptor = kit.dangerous_ntlm_acceptor(HTTP);
    let (first, proof) = waiting(&kit, &acceptor);
    assert!(first.end().is_established());
    let (mut second, _) = captured(&kit, &acceptor);
    assert_eq!(second.answer(&proof), None);
    assert!(matches!(refusal(&second.end()), Refusal::Ntlm(NtlmRefusal::NotProven { .. })));
    // As the first message of a session it means nothing.
    let (end, answer) = kit.accept(&acceptor, &proof);
    assert!(matches!(end, End::Failed(Error::Decode(_))) && answer.is_none(), "{end}");
}

#[test]
fn crossed_sessions_are_refused_both() {
    let kit = kit();
    let acceptor = kit.dangerous_ntlm_acceptor(HTTP);
    let ((mut a, for_a), (mut b, for_b)) = (captured(&kit, &acceptor), captured(&kit, &acceptor));
    a.answer(&for_b);
    b.answer(&for_a);
    for end in [a.end(), b.end()] {
        assert!(matches!(refusal(&end), Refusal::Ntlm(NtlmRefusal::NotProven { .. })), "{end}");
    }
    let (mut straight, proof) = captured(&kit, &acceptor);
    straight.answer(&proof);
    assert!(straight.end().is_established());
}

#[test]
fn ones_own_tokens_are_no_answers() {
    let kit = kit();
    // To the client its NEGOTIATE.
    let end = kit.handshake("alice", HTTP).ntlm().against(ScriptedPeer::new([Say::Reflect]));
    assert!(matches!(end, End::Failed(Error::Decode(_))), "{end}");
    // To the server its CHALLENGE.
    let (mut server, _) = captured(&kit, &kit.dangerous_ntlm_acceptor(HTTP));
    let challenge = kit.wire().last(Kind::NtlmChallenge).unwrap().sent;
    assert_eq!(server.answer(&challenge), None);
    assert!(matches!(server.end(), End::Failed(Error::Decode(_))));
    // To the client's end of a machine that is client and server, the challenge that its own server made: it answers
    // as the client that it is, for the service that it means, and its own server is another.
    let own = kit.dangerous_ntlm_acceptor(HOST);
    let (mut server, answer) = captured(&kit, &own);
    server.answer(&answer);
    assert_eq!(refusal(&server.end()), &Refusal::Ntlm(NtlmRefusal::Target { target: HTTP.into() }));
}

/// Somebody in the middle who has a channel of his own to each end.
#[test]
fn a_relayed_challenge_is_refused_where_the_channel_is_bound() {
    let kit = kit();
    let relayed = |channel: &'static [u8]| {
        kit.handshake("alice", HTTP)
            .ntlm()
            .initiator_bindings(ChannelBindings::raw(channel))
            .acceptor_bindings(ChannelBindings::raw(b"from the relay to the server"))
            .run()
    };
    let ends = relayed(b"from the client to the relay");
    assert_eq!(refusal(&ends.acceptor), &Refusal::ChannelBindingsMismatch);
    relayed(b"from the relay to the server").contexts().unwrap();
}

#[test]
fn messages_that_never_come_leave_the_server_waiting() {
    for kind in [Kind::NtlmNegotiate, Kind::NtlmChallenge] {
        let ends = faulty(kind, Fault::Drop);
        assert!(matches!((&ends.initiator, &ends.acceptor), (End::Waiting, End::Waiting)), "{ends:?}");
    }
    let ends = faulty(Kind::NtlmAuthenticate, Fault::Drop);
    assert!(matches!(ends.acceptor, End::Waiting));
}

#[test]
fn a_refusal_says_nothing_to_the_client() {
    let kit = kit();
    kit.accounts_say([Account::Refused]);
    let ends = kit.handshake("alice", HTTP).ntlm().run();
    // The client has its context, and no proof of anybody.
    assert!(ends.initiator.is_established());
    assert!(!kit.wire().messages().iter().skip(2).any(|message| message.leg == Leg::ToInitiator));
    let policy = Policy::default().dangerous_ntlm_unproven_server().with_token_limit(40);
    let ends = kit.handshake("alice", HTTP).ntlm().initiator(kit.initiator_with(policy)).run();
    assert!(matches!(ends.initiator.error(), Some(Error::TokenTooLarge { limit: 40, .. })), "{ends:?}");
}
