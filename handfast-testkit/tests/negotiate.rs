//! Whole handshakes by Negotiate in the kit, and what goes wrong between their ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/policies.rs"]
mod policies;

use handfast::crypto::Secret;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::{HeldTicket, Keytab, KeytabEntry};
use handfast::mech::negotiate::message::NegotiationToken;
use handfast::mech::{MechanismId, Why};
use handfast::{Acceptor, Account, Context, Credential, Error, Flags, NtlmRefusal, Policy, Refusal, ReplayGuard};
use handfast_testkit::{
    AcceptorPeer, End, Ends, Fault, Handshake, Kind, Leg, Peer, Say, ScriptedPeer, Testkit, handfast,
};
use policies::policies;

const HTTP: &str = "HTTP/www.example.com";
const ENCTYPE: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    kit.user_of("alice", "correct horse", &[ENCTYPE]);
    kit.service_of(HTTP, &[ENCTYPE]);
    kit
}

/// Alice's ticket, with which no KDC is asked.
fn ticket(kit: &Testkit) -> HeldTicket {
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
    kit.wire().forget();
    ticket
}

fn with_ticket(kit: &Testkit, ticket: &HeldTicket) -> Credential {
    let tickets = Credential::tickets(&kit.ccache("alice", [ticket.clone()]));
    tickets.and_ntlm_password("EXAMPLE.COM", "alice", "correct horse")
}

/// Kerberos or NTLM, with a ticket at hand.
fn either(kit: &Testkit) -> Handshake {
    let credential = with_ticket(kit, &ticket(kit));
    kit.handshake("alice", HTTP).credential(&credential).negotiate_with_ntlm()
}

/// NTLM, since no KDC answers.
fn fallback(kit: &Testkit) -> Handshake {
    kit.wire().fault(Leg::ToKdc, Fault::Drop);
    kit.handshake("alice", HTTP).negotiate_with_ntlm()
}

fn refusal(end: &End) -> &Refusal {
    match end.error() {
        Some(Error::Refused(refusal)) => refusal,
        _ => panic!("{end}"),
    }
}

fn talk(from: &mut Context, to: &mut Context) {
    let mut token = Vec::new();
    from.seal(b"attack at dawn", &mut token).unwrap();
    assert_eq!(to.unseal(&mut token).unwrap(), b"attack at dawn");
}

#[test]
fn kerberos_is_the_first_choice_in_two_tokens() {
    let kit = kit();
    let (mut client, mut server) = either(&kit).run().contexts().unwrap();
    let kinds: Vec<_> = kit.wire().messages().iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [Kind::NegTokenInit, Kind::NegTokenResp]);
    assert_eq!((client.mechanism(), client.why()), (MechanismId::KERBEROS, server.why()));
    assert!(matches!(client.why(), Why::FirstChoice));
    assert!(client.flags().contains(Flags::MUTUAL));
    talk(&mut client, &mut server);
    talk(&mut server, &mut client);
}

#[test]
fn a_silent_kdc_leads_to_ntlm_where_both_allow_it() {
    let kit = kit();
    let (mut client, mut server) = fallback(&kit).run().contexts().unwrap();
    assert_eq!((client.mechanism(), server.mechanism()), (MechanismId::NTLM, MechanismId::NTLM));
    let Why::Fallback { first_choice, reason } = client.why() else { panic!("{:?}", client.why()) };
    assert_eq!(*first_choice, MechanismId::KERBEROS);
    assert!(matches!(**reason, Error::KdcUnreachable(_)), "{reason}");
    assert!(!client.flags().contains(Flags::MUTUAL));
    talk(&mut client, &mut server);
    talk(&mut server, &mut client);
    // The policy's value is what allows it.
    let ends = fallback(&kit).initiator(kit.initiator()).run();
    assert!(matches!(ends.initiator.error(), Some(Error::KdcUnreachable(_))), "{ends:?}");
    assert!(matches!(ends.acceptor, End::Waiting));
    // And the acceptor's.
    let ends = fallback(&kit).acceptor(&kit.acceptor(HTTP)).run();
    assert!(matches!(refusal(&ends.acceptor), Refusal::NoCommonMechanism { .. }), "{ends:?}");
}

#[test]
fn a_wrong_password_is_no_reason_for_a_fallback() {
    let kit = kit();
    let client = kit.credential("alice").client().clone();
    let wrong = Credential::password(client, "battery staple");
    let wrong = wrong.and_ntlm_password("EXAMPLE.COM", "alice", "correct horse");
    let ends = kit.handshake("alice", HTTP).credential(&wrong).negotiate_with_ntlm().run();
    assert!(matches!(ends.initiator.error(), Some(Error::Exchange(_))), "{ends:?}");
    assert!(matches!(ends.acceptor, End::Waiting));
}

#[test]
fn a_stripped_mechanism_is_seen_by_who_chose_without_it() {
    let kit = kit();
    kit.wire().fault(Kind::NegTokenInit, Fault::StripMechanism(MechanismId::KERBEROS));
    let ends = either(&kit).run();
    assert_eq!(refusal(&ends.acceptor), &Refusal::MechListMicMismatch);
    assert!(matches!(ends.initiator, End::Failed(_)), "{ends:?}");
    // What was offered behind the choice of both does nothing for it (RFC 4178 5).
    kit.wire().fault(Kind::NegTokenInit, Fault::StripMechanism(MechanismId::NTLM));
    let (client, _) = either(&kit).run().contexts().unwrap();
    assert_eq!(client.mechanism(), MechanismId::KERBEROS);
    // With nothing left there is nothing to choose from.
    let credential = with_ticket(&kit, &ticket(&kit));
    kit.wire().fault(Kind::NegTokenInit, Fault::StripMechanism(MechanismId::KERBEROS));
    let ends = kit.handshake("alice", HTTP).credential(&credential).negotiate().run();
    assert!(matches!(refusal(&ends.acceptor), Refusal::NoCommonMechanism { .. }), "{ends:?}");
}

#[test]
fn dropped_mics_are_missed_in_both_directions() {
    let kit = kit();
    // From the client: with its last token, behind the offer and the proof.
    let dropped = |leg: Leg, fault: Fault| {
        kit.wire().repair();
        kit.wire().fault(leg, fault);
        fallback(&kit).run()
    };
    let ends = dropped(Leg::ToAcceptor, Fault::DropMechListMic);
    assert_eq!(refusal(&ends.acceptor), &Refusal::MechListMicAbsent);
    assert!(!ends.initiator.is_established());
    let ends = dropped(Leg::ToAcceptor, Fault::DropMic);
    assert_eq!(refusal(&ends.acceptor), &Refusal::Ntlm(NtlmRefusal::MicAbsent));
    assert!(!ends.initiator.is_established());
    // From the server: the client knows no context then.
    let ends = dropped(Leg::ToInitiator, Fault::DropMechListMic);
    assert_eq!(refusal(&ends.initiator), &Refusal::MechListMicAbsent);
}

#[test]
fn ones_own_tokens_are_no_answers() {
    let kit = kit();
    for by in [either, fallback] {
        kit.wire().repair();
        let end = by(&kit).against(ScriptedPeer::new([Say::Reflect]));
        assert!(matches!(end, End::Failed(_)), "{end}");
        // Its second token too, where there is one.
        kit.wire().repair();
        let acceptor = kit.dangerous_ntlm_acceptor(HTTP);
        let mut server = AcceptorPeer::new(&kit, acceptor.session());
        let mut first = true;
        let end = by(&kit).against(|token: &[u8]| {
            let answer = if first { server.answer(token) } else { Some(token.to_vec()) };
            first = false;
            answer
        });
        let kerberos = matches!(&end, End::Established(context) if context.mechanism() == MechanismId::KERBEROS);
        assert!(kerberos || matches!(end, End::Failed(_)), "{end}");
        // The server gets its own answer.
        let reply = kit.wire().last(Kind::NegTokenResp).unwrap().sent;
        let (end, _) = kit.accept(&acceptor, &reply);
        assert!(matches!(end, End::Failed(_)));
    }
}

/// The acceptor's end of a fallback's handshake that waits for the last tokens, and those.
fn captured(kit: &Testkit, acceptor: &Acceptor) -> (AcceptorPeer, Vec<u8>) {
    let mut session = AcceptorPeer::new(kit, acceptor.session());
    let mut proof = Vec::new();
    fallback(kit).against(|token: &[u8]| match Kind::of(token) {
        Kind::NegTokenInit => session.answer(token),
        _ => {
            proof = token.to_vec();
            None
        }
    });
    assert!(
        matches!(NegotiationToken::decode(&proof).unwrap(), NegotiationToken::Resp(resp) if resp.mech_list_mic.is_some())
    );
    (session, proof)
}

#[test]
fn proofs_are_good_for_their_own_session_alone() {
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
    // A replayed offer brings nobody in with NTLM, and with Kerberos the guard knows it.
    kit.wire().repair();
    let (end, _) = kit.accept(&acceptor, &proof);
    assert!(matches!(end, End::Failed(_)));
    let guarded = kit.dangerous_ntlm_acceptor(HTTP);
    either(&kit).acceptor(&guarded).run().contexts().unwrap();
    let offer = kit.wire().last(Kind::NegTokenInit).unwrap().sent;
    let (end, _) = kit.accept(&guarded, &offer);
    assert_eq!(refusal(&end), &Refusal::Replay);
}

fn another_key() -> EncryptionKey {
    EncryptionKey::new(ENCTYPE, vec![0x5a; ENCTYPE.key_size().unwrap()]).unwrap()
}

/// Nobody is proven; an initiator that wants no proof of a Kerberos service may have a context all the same.
fn nobody(ends: &Ends, policy: &Policy) {
    assert!(matches!(ends.acceptor, End::Failed(_)), "{ends:?}");
    assert!(!ends.initiator.is_established() || !policy.flags().contains(Flags::MUTUAL), "{ends:?}");
}

#[test]
fn a_wrong_secret_never_authenticates_with_kerberos_inside() {
    let kit = kit();
    let ticket = ticket(&kit);
    let wrong_ticket = HeldTicket { key: another_key(), ..ticket.clone() };
    let replaced = |entry: &KeytabEntry| KeytabEntry { key: another_key(), ..entry.clone() };
    let (keytab, right_keytab) = (kit.keytab(HTTP), kit.keytab(HTTP));
    let wrong_keytab: Keytab = keytab.entries().iter().map(replaced).collect();
    for policy in policies() {
        let run = |ticket: &HeldTicket, keytab: &Keytab| {
            let acceptor = Acceptor::with_random(keytab, Some(ReplayGuard::in_memory()), kit.random());
            kit.handshake("alice", HTTP)
                .credential(&with_ticket(&kit, ticket))
                .negotiate_with_ntlm()
                .initiator(kit.initiator_with(policy.clone().dangerous_ntlm_unproven_server()))
                .acceptor(&acceptor.policy(policy.clone()).dangerous_with_ntlm(kit.ntlm_server(HTTP)))
                .run()
        };
        let (client, _) = run(&ticket, &right_keytab).contexts().unwrap();
        assert_eq!(client.mechanism(), MechanismId::KERBEROS);
        nobody(&run(&wrong_ticket, &right_keytab), &policy);
        nobody(&run(&ticket, &wrong_keytab), &policy);
    }
}

#[test]
fn a_wrong_secret_never_authenticates_with_ntlm_inside() {
    let kit = kit();
    let wrong = [
        Credential::ntlm_password("EXAMPLE.COM", "alice", "battery staple"),
        Credential::ntlm_password("EXAMPLE.COM", "mallory", "correct horse"),
        Credential::ntlm_hash("EXAMPLE.COM", "alice", Secret::new([0; 16])),
    ];
    let right = Credential::ntlm_password("EXAMPLE.COM", "alice", "correct horse");
    for policy in policies() {
        let run = |credential: &Credential| {
            kit.handshake("alice", HTTP)
                .credential(credential)
                .negotiate_with_ntlm()
                .initiator(kit.initiator_with(policy.clone().dangerous_ntlm_unproven_server()))
                .acceptor(&kit.dangerous_ntlm_acceptor(HTTP).policy(policy.clone()))
                .run()
        };
        let (client, _) = run(&right).contexts().unwrap();
        assert_eq!(client.mechanism(), MechanismId::NTLM);
        for credential in &wrong {
            let ends = run(credential);
            assert!(!ends.initiator.is_established() && matches!(ends.acceptor, End::Failed(_)), "{ends:?}");
        }
        for says in [Account::Refused, Account::Unavailable, Account::NtHash(Secret::new([0; 16]))] {
            kit.accounts_say([says]);
            let ends = run(&right);
            assert!(!ends.initiator.is_established() && matches!(ends.acceptor, End::Failed(_)), "{ends:?}");
        }
    }
}

#[test]
fn a_hint_changes_no_offer() {
    let kit = kit();
    let offer = |handshake: Handshake| {
        kit.reseed(1);
        handshake.run().contexts().unwrap();
        let sent = kit.wire().last(Kind::NegTokenInit).unwrap().sent;
        let NegotiationToken::Init(offer) = NegotiationToken::decode(&sent).unwrap() else { panic!() };
        assert!(offer.mech_token.is_some());
        offer.mech_types.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let credential = with_ticket(&kit, &ticket(&kit));
    let hinted = || kit.handshake("alice", HTTP).credential(&credential).negotiate_with_ntlm().acceptor_first();
    let whole = offer(hinted());
    assert_eq!(whole.len(), 2);
    // A hint without Kerberos is as good as a stripped offer would be: the client offers it all the same.
    kit.wire().fault(0, Fault::StripMechanism(MechanismId::KERBEROS));
    assert_eq!(offer(hinted()), whole);
    kit.wire().fault(0, Fault::Drop);
    assert_eq!(offer(hinted()), whole);
    // One with nothing in common ends it.
    kit.wire().fault(0, Fault::StripMechanism(MechanismId::KERBEROS));
    kit.wire().forget();
    let kerberos = kit.handshake("alice", HTTP).credential(&credential).negotiate().acceptor_first();
    let ends = kerberos.acceptor(&kit.dangerous_ntlm_acceptor(HTTP)).run();
    assert!(matches!(refusal(&ends.initiator), Refusal::NoCommonMechanism { .. }), "{ends:?}");
    // Kerberos alone knows no hints.
    let ends = kit.handshake("alice", HTTP).acceptor_first().run();
    assert!(matches!(ends.initiator, End::Failed(_)), "{ends:?}");
}
