//! A wrong secret never authenticates by NTLM: whatever the flags that a peer or we negotiate, with and without channel
//! bindings, and whatever somebody without the secret makes up.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/ntlm_client.rs"]
mod ntlm_client;
#[path = "support/policies.rs"]
mod policies;

use handfast::crypto::Secret;
use handfast::krb5::Keytab;
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegTokenInit, NegTokenResp, NegotiationToken};
use handfast::mech::ntlm::nt_hash;
use handfast::{Acceptor, Account, ChannelBindings, Credential, Error, Flags, NtlmRefusal, Policy, Refusal};
use handfast_testkit::{AcceptorPeer, End, Ends, Leg, Peer, Testkit, handfast};
use ntlm_client::*;
use policies::policies;

const HTTP: &str = "HTTP/www.example.com";

/// Every flag that says how the handshake or its messages are made (MS-NLMP 2.2.2.5).
const MATTER: [u32; 11] = [
    UNICODE,
    SIGN,
    SEAL,
    ALWAYS_SIGN,
    EXTENDED_SESSION_SECURITY,
    IDENTIFY,
    TARGET_INFO,
    VERSION,
    KEY_128,
    KEY_EXCHANGE,
    KEY_56,
];

fn sets() -> impl Iterator<Item = u32> {
    let chosen = |set: u32| MATTER.into_iter().enumerate().filter(move |(index, _)| set >> index & 1 == 1);
    (0..1_u32 << MATTER.len()).map(move |set| {
        let flags = chosen(set).fold(NTLM, |flags, (_, flag)| flags | flag);
        if flags & UNICODE == 0 { flags | OEM } else { flags }
    })
}

/// What we take: Unicode and extended session security always; where messages are protected, exchanged keys of 128 bits;
/// protected messages unless the policy does without.
fn fits(flags: u32, policy: &Policy) -> bool {
    let protects = flags & (SIGN | SEAL) != 0;
    let has = |all: u32| flags & all == all;
    has(UNICODE | EXTENDED_SESSION_SECURITY)
        && (!protects || has(KEY_128 | KEY_EXCHANGE))
        && (protects || !policy.flags().contains(Flags::INTEGRITY))
}

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    kit.user_of("alice", "correct horse", &[]);
    kit.user_of("bob", "battery staple", &[]);
    kit.service(HTTP);
    kit
}

fn alice(flags: u32) -> Client {
    Client {
        asked: flags,
        answered: flags,
        user: "alice",
        domain: "EXAMPLE.COM",
        target: HTTP,
        nt_hash: *nt_hash("correct horse").expose(),
        bindings: [0; 16],
        guess: Guess::Nothing,
    }
}

/// An acceptor, the channel that it sees, and the channel that its clients name.
struct Server {
    acceptor: Acceptor,
    policy: Policy,
    bindings: Option<ChannelBindings>,
    clients: [u8; 16],
}

impl Server {
    /// With and without protected messages; no channel, one that must be named, one that may be, one that only the client sees.
    fn all(kit: &Testkit) -> Vec<Server> {
        let (channel, none) = (ChannelBindings::raw(b"this channel"), [0; 16]);
        let lax = |policy: &Policy| policy.clone().dangerous_accept_absent_channel_bindings();
        let server = |policy: &Policy, bindings: Option<&ChannelBindings>, clients| Server {
            acceptor: kit.dangerous_ntlm_acceptor(HTTP).policy(policy.clone()),
            policy: policy.clone(),
            bindings: bindings.cloned(),
            clients,
        };
        let policies = [Policy::default(), Policy::default().authentication_only()];
        let of = |policy: &Policy| {
            [
                server(policy, None, none),
                server(policy, Some(&channel), channel.gss_hash()),
                server(&lax(policy), Some(&channel), none),
                server(policy, None, channel.gss_hash()),
            ]
        };
        policies.iter().flat_map(of).collect()
    }

    fn meets(&self, kit: &Testkit, client: &Client) -> End {
        let mut session = self.acceptor.session();
        if let Some(bindings) = &self.bindings {
            session = session.channel_bindings(bindings);
        }
        let mut peer = AcceptorPeer::new(kit, session);
        let negotiate = client.negotiate();
        if let Some(challenge) = peer.answer(&negotiate) {
            let (authenticate, key) = client.authenticate(&negotiate, &challenge);
            assert_eq!(peer.answer(&authenticate), None);
            return match peer.end() {
                End::Established(context) => {
                    assert_eq!(context.session_key().expose(), &key);
                    assert!(!context.flags().contains(Flags::MUTUAL));
                    End::Established(context)
                }
                other => other,
            };
        }
        peer.end()
    }
}

/// By Negotiate, with nothing but NTLM on both sides: the tokens that a client without a MIC of the list sends.
fn negotiated(kit: &Testkit, policy: &Policy, client: &Client) -> End {
    let acceptor = Acceptor::with_random(&Keytab::new(), None, kit.random()).policy(policy.clone());
    let acceptor = acceptor.dangerous_with_ntlm(kit.ntlm_server(HTTP));
    let mut peer = AcceptorPeer::new(kit, acceptor.session());
    let negotiate = client.negotiate();
    let offer = NegTokenInit {
        mech_types: vec![MechanismId::NTLM.into()],
        mech_token: Some(&negotiate),
        ..NegTokenInit::default()
    };
    let mut token = Vec::new();
    NegotiationToken::Init(offer).encode(&mut token);
    let answer = peer.answer(&token).unwrap();
    let NegotiationToken::Resp(answer) = NegotiationToken::decode(&answer).unwrap() else { panic!() };
    if let Some(challenge) = answer.response_token {
        let (authenticate, _) = client.authenticate(&negotiate, challenge);
        let proof = NegTokenResp { response_token: Some(&authenticate), ..NegTokenResp::default() };
        token.clear();
        NegotiationToken::Resp(proof).encode(&mut token);
        peer.answer(&token);
    }
    peer.end()
}

#[test]
fn for_every_set_of_flags_inside_negotiate() {
    let kit = kit();
    let mut established = 0;
    for policy in [Policy::default(), Policy::default().authentication_only()] {
        for flags in sets().filter(|flags| fits(*flags, &policy)) {
            let client = alice(flags);
            let right = negotiated(&kit, &policy, &client);
            // Where there is a key for it, the list must be proven too.
            let protects = flags & (SIGN | SEAL) != 0;
            assert_eq!(right.is_established(), !protects, "{flags:#010x}: {right}");
            if protects {
                assert_eq!(refusal(&right), &Refusal::MechListMicAbsent);
            }
            established += usize::from(!protects);
            for wrong in wrongs(&client) {
                let end = negotiated(&kit, &policy, &wrong);
                assert!(matches!(end, End::Failed(_)), "{wrong:?}: {end}");
                assert!(
                    !matches!(end.error(), Some(Error::Refused(refusal)) if **refusal == Refusal::MechListMicAbsent)
                );
            }
        }
    }
    assert!(established > 100, "{established}");
}

fn error(end: &End) -> &Error {
    end.error().unwrap_or_else(|| panic!("{end}"))
}

fn refusal(end: &End) -> &Refusal {
    match error(end) {
        Error::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

/// What somebody may try who has no secret, or another one.
fn wrongs(client: &Client) -> Vec<Client> {
    let guesses = [Guess::ZeroProof, Guess::ZeroKey, Guess::OneOctet, Guess::NoResponse, Guess::Version1];
    let secrets = ["battery staple", "", "Correct horse", "correct horse "];
    let guess = |guess| Client { guess, ..client.clone() };
    let secret = |password| Client { nt_hash: *nt_hash(password).expose(), ..client.clone() };
    let hashes = [[0; 16], [0xff; 16]].map(|nt_hash| Client { nt_hash, ..client.clone() });
    let names = [
        Client { user: "bob", ..client.clone() },
        Client { user: "mallory", ..client.clone() },
        Client { domain: "OTHER.COM", ..client.clone() },
    ];
    guesses.map(guess).into_iter().chain(secrets.map(secret)).chain(hashes).chain(names).collect()
}

/// With these flags nobody gets in but who has the secret.
fn only_the_secret(kit: &Testkit, server: &Server, client: &Client) {
    let right = server.meets(kit, client);
    let fits = fits(client.asked & client.answered, &server.policy) && fits(client.asked, &server.policy);
    assert_eq!(right.is_established(), fits, "{:#010x} {:#010x}: {right}", client.asked, client.answered);
    if !fits {
        let refusal = refusal(&right);
        assert!(matches!(refusal, Refusal::Ntlm(NtlmRefusal::FlagsMissing(_)) | Refusal::FlagsMissing(_)), "{refusal}");
        return;
    }
    for wrong in wrongs(client) {
        let end = server.meets(kit, &wrong);
        match wrong.guess {
            Guess::NoResponse => assert_eq!(refusal(&end), &Refusal::Ntlm(NtlmRefusal::Anonymous)),
            Guess::Version1 => assert_eq!(refusal(&end), &Refusal::Ntlm(NtlmRefusal::NotVersion2)),
            _ if matches!(error(&end), Error::AccountRefused) => {
                assert!(wrong.user == "mallory" || wrong.domain == "OTHER.COM")
            }
            _ => assert!(matches!(refusal(&end), Refusal::Ntlm(NtlmRefusal::NotProven { .. })), "{wrong:?}: {end}"),
        }
    }
    for (says, expected) in
        [(Account::Refused, Error::AccountRefused), (Account::Unavailable, Error::AccountUnavailable)]
    {
        kit.accounts_say([says]);
        assert_eq!(error(&server.meets(kit, client)), &expected);
    }
}

#[test]
fn for_every_set_of_flags_that_a_peer_may_ask_for() {
    let kit = kit();
    let mut tried = 0;
    for server in Server::all(&kit) {
        for flags in sets() {
            only_the_secret(&kit, &server, &Client { bindings: server.clients, ..alice(flags) });
            tried += 1;
        }
    }
    assert_eq!(tried, 8 << MATTER.len());
}

#[test]
fn for_every_set_of_flags_that_is_left_in_the_last_message() {
    let kit = kit();
    let all = MATTER.into_iter().fold(NTLM, |all, flag| all | flag);
    for server in Server::all(&kit) {
        for flags in sets() {
            only_the_secret(&kit, &server, &Client { answered: flags, bindings: server.clients, ..alice(all) });
        }
    }
}

#[test]
fn a_channel_that_is_another_or_absent_is_refused_to_who_has_the_secret_too() {
    let kit = kit();
    let another = ChannelBindings::raw(b"another channel").gss_hash();
    let servers = Server::all(&kit);
    let mut refused = 0;
    for server in servers.iter().filter(|server| server.bindings.is_some()) {
        for flags in sets().filter(|flags| fits(*flags, &server.policy)) {
            let end = server.meets(&kit, &Client { bindings: another, ..alice(flags) });
            assert_eq!(refusal(&end), &Refusal::ChannelBindingsMismatch);
            refused += 1;
            if server.clients != [0; 16] {
                let end = server.meets(&kit, &alice(flags));
                assert_eq!(refusal(&end), &Refusal::ChannelBindingsAbsent);
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

/// The key of a domain controller that checks for us: without the right one, the MIC shows that it is another's.
#[test]
fn a_verdict_with_a_wrong_key_authenticates_nobody() {
    let kit = kit();
    for server in Server::all(&kit) {
        for flags in sets().filter(|flags| fits(*flags, &server.policy)) {
            let session_base_key = Secret::new([0; 16]);
            kit.accounts_say([Account::Verified { session_base_key, identity: "EXAMPLE\\alice".into() }]);
            let client = Client { bindings: server.clients, guess: Guess::ZeroProof, ..alice(flags) };
            assert_eq!(refusal(&server.meets(&kit, &client)), &Refusal::Ntlm(NtlmRefusal::MicMismatch));
        }
    }
}

/// Our own initiator, with each set of flags that a policy asks for.
fn ours(kit: &Testkit, policy: &Policy, credential: &Credential) -> Ends {
    kit.handshake("alice", HTTP)
        .ntlm()
        .credential(credential)
        .initiator(kit.initiator_with(policy.clone().dangerous_ntlm_unproven_server()))
        .acceptor(&kit.dangerous_ntlm_acceptor(HTTP).policy(policy.clone()))
        .run()
}

#[test]
fn for_every_set_of_flags_that_we_ask_for() {
    let kit = kit();
    let right = kit.credential("alice");
    let wrong = [
        Credential::ntlm_password("EXAMPLE.COM", "alice", "battery staple"),
        Credential::ntlm_password("EXAMPLE.COM", "alice", ""),
        Credential::ntlm_password("EXAMPLE.COM", "mallory", "correct horse"),
        Credential::ntlm_password("OTHER.COM", "alice", "correct horse"),
        Credential::ntlm_hash("EXAMPLE.COM", "alice", Secret::new([0; 16])),
    ];
    for policy in policies() {
        let (mut client, mut server) = ours(&kit, &policy, &right).contexts().unwrap();
        assert_eq!(client.flags(), server.flags());
        if client.flags().contains(Flags::CONFIDENTIALITY) {
            let mut token = Vec::new();
            client.seal(b"attack at dawn", &mut token).unwrap();
            assert_eq!(server.unseal(&mut token).unwrap(), b"attack at dawn");
        }
        for credential in &wrong {
            let ends = ours(&kit, &policy, credential);
            assert!(matches!(ends.acceptor, End::Failed(_)), "{ends:?}");
        }
        for says in [Account::Refused, Account::Unavailable, Account::NtHash(Secret::new([0; 16]))] {
            kit.accounts_say([says]);
            assert!(matches!(ours(&kit, &policy, &right).acceptor, End::Failed(_)));
        }
    }
}

/// A server that knows no account can make a client believe that it is there, and nothing more.
#[test]
fn a_server_without_the_secret_can_say_nothing() {
    let kit = kit();
    for policy in policies().into_iter().filter(|policy| policy.flags().contains(Flags::CONFIDENTIALITY)) {
        kit.accounts_say([Account::NtHash(Secret::new([0; 16]))]);
        let ends = ours(&kit, &policy, &kit.credential("alice"));
        let End::Established(mut client) = ends.initiator else { panic!("{}", ends.initiator) };
        assert!(!client.flags().contains(Flags::MUTUAL));
        let mut sealed = Vec::new();
        client.seal(b"attack at dawn", &mut sealed).unwrap();
        client.unseal(&mut sealed).unwrap_err();
        let recorded: Vec<_> =
            kit.wire().messages().into_iter().filter(|message| message.leg == Leg::ToInitiator).collect();
        for mut said in recorded.into_iter().map(|message| message.sent).chain([vec![0; 16], vec![1; 40]]) {
            client.unseal(&mut said).unwrap_err();
        }
    }
}
