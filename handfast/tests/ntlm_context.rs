//! NTLM contexts, both ends: every check of the acceptor has a client that fails it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast::crypto::{Random, RandomError, Secret};
use handfast::krb5::Keytab;
use handfast::mech::MechanismId;
use handfast::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn now() -> Time {
    Time::from_unix_micros(1_700_000_000_123_456)
}

/// Counts, so that no two draws are the same and every run is.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// The NT hash of `Password` (MS-NLMP 4.2.2.1.2).
const NT_HASH: [u8; 16] =
    [0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52];

fn hash() -> Account {
    Account::NtHash(Secret::new(NT_HASH))
}

/// A client and a server, with what each of them wants.
struct Pair {
    credential: Credential,
    client: Policy,
    server: Policy,
    names: NtlmServer,
    client_bindings: Option<ChannelBindings>,
    server_bindings: Option<ChannelBindings>,
    account: Account,
}

impl Pair {
    fn new() -> Self {
        Pair {
            credential: Credential::ntlm_password("EXAMPLE", "alice", "Password"),
            client: Policy::default().dangerous_ntlm_unproven_server(),
            server: Policy::default(),
            names: NtlmServer::new("WWW", "EXAMPLE").dns("www.example.com", "example.com"),
            client_bindings: None,
            server_bindings: None,
            account: hash(),
        }
    }

    /// A whole handshake; `change` sees each message (1, 2, 3) on its way.
    fn run(&self, mut change: impl FnMut(u8, &mut Vec<u8>)) -> Result<(Context, Context), Error> {
        let initiator = Initiator::with_random(self.client.clone(), Arc::new(Counting::default()));
        let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
        let mut to = initiator.to(&target).credential(&self.credential);
        if let Some(bindings) = &self.client_bindings {
            to = to.channel_bindings(bindings);
        }
        let mut negotiate = Vec::new();
        let Initiate::NeedsToken(client) = to.begin(now(), &mut negotiate)? else { panic!() };
        change(1, &mut negotiate);
        let acceptor = Acceptor::with_random(&Keytab::new(), None, Arc::new(Counting::default()))
            .policy(self.server.clone())
            .dangerous_with_ntlm(self.names.clone());
        let mut session = acceptor.session();
        if let Some(bindings) = &self.server_bindings {
            session = session.channel_bindings(bindings);
        }
        let mut challenge = Vec::new();
        let Accept::NeedsToken(server) = session.begin().step(&negotiate, now(), &mut challenge)? else { panic!() };
        change(2, &mut challenge);
        let mut authenticate = Vec::new();
        let Initiate::Complete(client) = client.step(&challenge, now(), &mut authenticate)? else { panic!() };
        change(3, &mut authenticate);
        let mut out = Vec::new();
        let Accept::NeedsAccount(server) = server.step(&authenticate, now(), &mut out)? else { panic!() };
        assert_eq!(server.mechanism(), MechanismId::NTLM);
        let step = server.answer(self.account.clone(), now(), &mut out);
        assert!(out.is_empty(), "NTLM has no fourth message");
        let Accept::Complete(server) = step? else { panic!() };
        Ok((client, server))
    }

    fn established(&self) -> (Context, Context) {
        self.run(|_, _| {}).unwrap()
    }

    fn refusal(&self, change: impl FnMut(u8, &mut Vec<u8>)) -> Refusal {
        match self.run(change).unwrap_err() {
            Error::Refused(refusal) => *refusal,
            other => panic!("{other:?}"),
        }
    }
}

fn sealed(context: &mut Context, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    context.seal(message, &mut token).unwrap();
    token
}

#[test]
fn a_context_says_who_is_there_and_that_the_server_is_unproven() {
    let (client, server) = Pair::new().established();
    assert_eq!(server.peer().to_string(), "EXAMPLE\\alice");
    assert_eq!(server.local().to_string(), "HTTP/www.example.com");
    assert_eq!(client.peer().to_string(), "HTTP/www.example.com");
    assert_eq!(client.local().to_string(), "EXAMPLE\\alice");
    for context in [&client, &server] {
        let all = Flags::REPLAY | Flags::SEQUENCE | Flags::CONFIDENTIALITY | Flags::INTEGRITY;
        assert_eq!((context.flags(), context.mechanism()), (all, MechanismId::NTLM));
        assert_eq!(context.expires(), None);
    }
    assert_eq!(client.session_key(), server.session_key());
}

#[test]
fn messages_go_both_ways_in_order() {
    let (mut client, mut server) = Pair::new().established();
    for round in 0..5_usize {
        let message = vec![7; round * 100];
        let mut token = sealed(&mut client, &message);
        assert_eq!(token.len(), message.len() + 16);
        assert_eq!(server.unseal(&mut token).unwrap(), message);
        let mut token = sealed(&mut server, &message);
        assert_eq!(client.unseal(&mut token).unwrap(), message);
        let mut signature = Vec::new();
        server.sign(&message, &mut signature).unwrap();
        assert_eq!(client.verify(&message, &signature), Ok(Order::InOrder));
    }
    let (mut client, mut server) = (client.split().unwrap(), server.split().unwrap());
    let mut token = Vec::new();
    client.0.seal(b"halves", &mut token).unwrap();
    assert_eq!(server.1.unseal(&mut token).unwrap(), b"halves");
}

#[test]
fn a_refused_message_leaves_the_context_as_it_was() {
    let (mut client, mut server) = Pair::new().established();
    let first = sealed(&mut client, b"first");
    let second = sealed(&mut client, b"second");
    for bit in 0..first.len() * 8 {
        let mut changed = first.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(server.unseal(&mut changed).is_err(), "bit {bit}");
        assert!(!changed.ends_with(b"first"));
    }
    for cut in 0..first.len() {
        assert!(server.unseal(&mut first[..cut].to_vec()).is_err(), "cut at {cut}");
    }
    let error = server.unseal(&mut second.clone()).unwrap_err();
    assert_eq!(error, MessageError::Order(OrderError::Gap { missing: 1 }));
    assert_eq!(server.unseal(&mut first.clone()).unwrap(), b"first");
    assert_eq!(server.unseal(&mut first.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
    assert_eq!(server.unseal(&mut second.clone()).unwrap(), b"second");
    let mut signature = Vec::new();
    client.sign(b"signed", &mut signature).unwrap();
    assert_eq!(server.verify(b"Signed", &signature).unwrap_err(), MessageError::NotAuthentic);
    assert_eq!(server.verify(b"signed", &signature), Ok(Order::InOrder));
}

#[test]
fn a_message_that_comes_back_to_its_sender_is_refused() {
    let (mut client, _) = Pair::new().established();
    let mut token = sealed(&mut client, b"to the server");
    assert_eq!(client.unseal(&mut token).unwrap_err(), MessageError::NotAuthentic);
}

#[test]
fn parts_in_place_are_the_same_token() {
    let (mut client, mut server) = Pair::new().established();
    let (mut header, mut a, mut b) = ([0; 16], *b"one ", *b"three");
    let mut parts = [Part::Sealed(&mut a), Part::Signed(b"two "), Part::Sealed(&mut b)];
    client.protect_parts(Protection::Confidentiality, &mut header, &mut parts, &mut []).unwrap();
    let (mut c, mut d) = (a, b);
    let mut parts = [Part::Sealed(&mut a), Part::Signed(b"two!"), Part::Sealed(&mut b)];
    let error = server.unprotect_parts(Protection::Confidentiality, &mut header, &mut parts, &mut []).unwrap_err();
    assert_eq!(error, MessageError::NotAuthentic);
    assert_eq!((a, b), ([0; 4], [0; 5]), "what is not authentic is wiped");
    let mut parts = [Part::Sealed(&mut c), Part::Signed(b"two "), Part::Sealed(&mut d)];
    let opened = server.unprotect_parts(Protection::Confidentiality, &mut header, &mut parts, &mut []).unwrap();
    assert_eq!((opened, &c, &d), ((Protection::Confidentiality, Order::InOrder), b"one ", b"three"));
    let error = client.protect_parts(Protection::Integrity, &mut [0; 15], &mut [], &mut []).unwrap_err();
    assert_eq!(error, MessageError::BufferSize { needed: 16 });
}

#[test]
fn contexts_that_move_go_on_where_they_were() {
    let (mut client, mut server) = Pair::new().established();
    let mut token = sealed(&mut client, b"before");
    server.unseal(&mut token).unwrap();
    let mut client = Context::import(client.export().expose()).unwrap();
    let mut server = Context::import(server.export().expose()).unwrap();
    assert_eq!(server.peer().to_string(), "EXAMPLE\\alice");
    let mut token = sealed(&mut client, b"after");
    assert_eq!(server.unseal(&mut token).unwrap(), b"after");
    let mut token = sealed(&mut server, b"and back");
    assert_eq!(client.unseal(&mut token).unwrap(), b"and back");
}

#[test]
fn the_policy_must_name_the_unproven_server() {
    let pair = Pair { client: Policy::default(), ..Pair::new() };
    let error = pair.run(|_, _| {}).unwrap_err();
    let target = "HTTP/www.example.com".into();
    assert_eq!(error, Error::Credential(CredentialError::NtlmServerUnproven { target }));
}

#[test]
fn an_acceptor_knows_ntlm_only_if_told() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let kerberos = Credential::password("alice@EXAMPLE.COM".parse().unwrap(), "Password");
    let error = initiator.to(&target).credential(&kerberos).ntlm().begin(now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Credential(CredentialError::NoNtlmSecret { .. })), "{error:?}");
    let both = kerberos.and_ntlm_password("EXAMPLE", "alice", "Password");
    let step = initiator.to(&target).credential(&both).begin(now(), &mut Vec::new()).unwrap();
    assert!(matches!(step, Initiate::NeedsKdc(_)), "Kerberos, unless NTLM is named");
    let mut negotiate = Vec::new();
    initiator.to(&target).credential(&both).ntlm().begin(now(), &mut negotiate).unwrap();
    assert_eq!((negotiate.len(), &negotiate[..8]), (40, &b"NTLMSSP\0"[..]));
    let acceptor = Acceptor::new(&Keytab::new(), ReplayGuard::in_memory());
    assert!(acceptor.session().begin().step(&negotiate, now(), &mut Vec::new()).is_err());
    let acceptor = acceptor.dangerous_with_ntlm(NtlmServer::new("WWW", ""));
    let step = acceptor.session().begin().step(&negotiate, now(), &mut Vec::new()).unwrap();
    assert!(matches!(step, Accept::NeedsToken(_)));
    let error = acceptor.session().begin().step(&[0x60, 0], now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "what is not NTLM is Kerberos: {error:?}");
}

#[test]
fn a_negotiate_message_of_32_bytes_is_taken() {
    let refusal = Pair::new().refusal(|number, message| {
        if number == 1 {
            message.truncate(32)
        }
    });
    assert_eq!(refusal, Refusal::NtlmMicMismatch, "the client's MIC is over forty bytes");
}

#[test]
fn names_longer_than_a_message_can_hold_are_an_error_of_ours() {
    for (domain, user) in [("", "a".repeat(65_537)), ("EXAMPLE", "a".repeat(5_000))] {
        let pair = Pair { credential: Credential::ntlm_password(domain, &user, "Password"), ..Pair::new() };
        let error = pair.run(|_, _| {}).unwrap_err();
        assert!(matches!(error, Error::Name(ParseNameError::TooLong { .. })), "{error:?}");
    }
    let long = "p".repeat(10 * 1024);
    let pair = Pair { credential: Credential::ntlm_password("EXAMPLE", "alice", &long), ..Pair::new() };
    assert!(matches!(pair.refusal(|_, _| {}), Refusal::NtlmNotProven { .. }));
}

/// All flag sets that we offer, as policies of the client.
fn policies() -> Vec<Policy> {
    let all = Policy::default().dangerous_ntlm_unproven_server();
    vec![
        all.clone(),
        all.clone().integrity_only(),
        all.clone().authentication_only(),
        all.clone().with_flags(Flags::IDENTIFY),
        all.clone().integrity_only().with_flags(Flags::IDENTIFY),
        all.authentication_only().with_flags(Flags::IDENTIFY),
    ]
}

#[test]
fn a_wrong_secret_never_authenticates_whatever_is_negotiated() {
    for client in policies() {
        let server = Policy::default().authentication_only();
        let pair = Pair { client, server, ..Pair::new() };
        let (client, accepted) = pair.established();
        assert_eq!(client.flags(), accepted.flags());
        let account = "EXAMPLE\\alice".to_string();
        for credential in [
            Credential::ntlm_password("EXAMPLE", "alice", "password"),
            Credential::ntlm_password("EXAMPLE", "alice", ""),
            Credential::ntlm_hash("EXAMPLE", "alice", Secret::new([0; 16])),
        ] {
            let pair = Pair { credential, client: pair.client.clone(), server: pair.server.clone(), ..Pair::new() };
            assert_eq!(pair.refusal(|_, _| {}), Refusal::NtlmNotProven { account: account.clone() });
        }
        let wrong = Secret::new([1; 16]);
        let pair = Pair { account: Account::NtHash(wrong), client: pair.client, server: pair.server, ..Pair::new() };
        assert_eq!(pair.refusal(|_, _| {}), Refusal::NtlmNotProven { account });
    }
}

#[test]
fn the_users_name_is_compared_without_regard_to_case_and_the_domain_with_it() {
    let pair = Pair { credential: Credential::ntlm_password("EXAMPLE", "ALICE", "Password"), ..Pair::new() };
    assert_eq!(pair.established().1.peer().to_string(), "EXAMPLE\\ALICE");
    // The proof covers both names: `bob` with alice's answer is nobody.
    let refusal = Pair::new().refusal(|number, message| {
        if number == 3 {
            let at = message.windows(10).position(|bytes| bytes == b"a\0l\0i\0c\0e\0").unwrap();
            message[at] = b'b';
        }
    });
    assert_eq!(refusal, Refusal::NtlmNotProven { account: "EXAMPLE\\blice".into() });
}

#[test]
fn an_account_store_that_refuses_or_fails_never_authenticates() {
    let answer = |account| Pair { account, ..Pair::new() }.run(|_, _| {}).unwrap_err();
    assert_eq!(answer(Account::Refused), Error::AccountRefused);
    assert_eq!(answer(Account::Unavailable), Error::AccountUnavailable);
    let verified = |key| Account::Verified { session_base_key: Secret::new(key), identity: "alice".into() };
    assert_eq!(answer(verified([0; 16])), Error::Refused(Box::new(Refusal::NtlmMicMismatch)));
}

#[test]
fn messages_only_signed_where_sealing_was_not_asked_for() {
    let client = Policy::default().dangerous_ntlm_unproven_server().integrity_only();
    let (mut client, mut server) = Pair { client, ..Pair::new() }.established();
    assert!(!server.flags().contains(Flags::CONFIDENTIALITY));
    assert!(client.seal(b"", &mut Vec::new()).is_err());
    let mut token = Vec::new();
    client.protect(Protection::Integrity, b"plain", &mut token).unwrap();
    assert!(token.ends_with(b"plain"));
    assert_eq!(server.unseal(&mut token.clone()).unwrap_err(), MessageError::NotSealed);
    let opened = server.unprotect(&mut token).unwrap();
    assert_eq!((&*opened.message, opened.protection), (&b"plain"[..], Protection::Integrity));
}

const FLAGS: [usize; 3] = [12, 20, 60];

#[test]
fn stripped_flags_are_refused_by_each_end() {
    let strip = |at: u8, bit: u32| {
        Pair::new().refusal(move |number, message| {
            if number == at {
                let place = FLAGS[usize::from(at) - 1];
                let flags = u32::from_le_bytes(message[place..place + 4].try_into().unwrap()) & !bit;
                message[place..place + 4].copy_from_slice(&flags.to_le_bytes());
            }
        })
    };
    // Unicode, extended session security, 128-bit keys, key exchange.
    for bit in [1, 0x0008_0000, 0x2000_0000, 0x4000_0000] {
        for at in 1..=3 {
            assert_eq!(strip(at, bit), Refusal::NtlmFlagsMissing(bit), "message {at}");
        }
    }
    let (sign, seal, target_info) = (0x10, 0x20, 0x0080_0000);
    for at in [1, 3] {
        assert_eq!(strip(at, sign | seal), Refusal::FlagsMissing(Flags::INTEGRITY));
    }
    assert_eq!(strip(2, seal), Refusal::NtlmFlagsMissing(seal));
    assert_eq!(strip(2, sign), Refusal::NtlmFlagsMissing(sign));
    assert_eq!(strip(2, target_info), Refusal::NtlmFlagsMissing(target_info));
    assert_eq!(strip(1, seal), Refusal::NtlmFlagsMissing(seal), "the client sees that its wish did not arrive");
    assert_eq!(strip(3, seal), Refusal::NtlmMicMismatch);
}

/// Where the value of an AV_PAIR that starts with these four bytes is.
fn pair_at(message: &[u8], id: u8, len: u8) -> usize {
    message.windows(4).position(|bytes| bytes == [id, 0, len, 0]).unwrap() + 4
}

#[test]
fn drop_the_mic() {
    // The MIC is taken off, and AvFlags say so or not.
    let zeroed = Pair::new().refusal(|number, message| {
        if number == 3 {
            message[72..88].fill(0)
        }
    });
    assert_eq!(zeroed, Refusal::NtlmMicMismatch);
    let flag_off = Pair::new().refusal(|number, message| {
        if number == 3 {
            let at = pair_at(message, 6, 4);
            message[at] = 0;
            message[72..88].fill(0);
        }
    });
    assert_eq!(flag_off, Refusal::NtlmMicAbsent);
    let removed = Pair::new().refusal(|number, message| {
        if number == 3 {
            message.drain(72..88);
            for field in (12..60).step_by(8) {
                message[field + 4] = message[field + 4].wrapping_sub(16);
                if message[field + 4] > 239 {
                    message[field + 5] -= 1;
                }
            }
        }
    });
    assert_eq!(removed, Refusal::NtlmMicAbsent);
}

#[test]
fn a_challenge_without_a_timestamp_is_refused_by_the_client() {
    let refusal = Pair::new().refusal(|number, message| {
        if number == 2 {
            let at = pair_at(message, 7, 8) - 4;
            message[at] = 0x77;
        }
    });
    assert_eq!(refusal, Refusal::NtlmNoTimestamp);
}

#[test]
fn the_version_1_response_and_anonymous_clients_are_refused() {
    for len in [0, 24] {
        let refusal = Pair::new().refusal(|number, message| {
            if number == 3 {
                // Cut the response in place: what is behind it is no field's.
                message[20..22].copy_from_slice(&[len, 0]);
            }
        });
        assert_eq!(refusal, Refusal::NtlmNotVersion2);
    }
    let refusal = Pair::new().refusal(|number, message| {
        if number == 3 {
            message[36..38].copy_from_slice(&[0, 0]);
        }
    });
    assert_eq!(refusal, Refusal::NtlmNotVersion2);
}

#[test]
fn channel_bindings_as_required_if_present_or_off() {
    let ours = ChannelBindings::raw(*b"ours");
    let other = ChannelBindings::raw(*b"other");
    let run = |client: Option<&ChannelBindings>, server: Option<&ChannelBindings>, policy: &Policy| {
        let pair = Pair {
            client_bindings: client.cloned(),
            server_bindings: server.cloned(),
            server: policy.clone(),
            ..Pair::new()
        };
        pair.run(|_, _| {}).map(|_| ())
    };
    let refused = |refusal| Err(Error::Refused(Box::new(refusal)));
    let required = Policy::default();
    let if_present = Policy::default().dangerous_accept_absent_channel_bindings();
    for policy in [&required, &if_present] {
        assert_eq!(run(Some(&ours), Some(&ours), policy), Ok(()));
        assert_eq!(run(Some(&other), Some(&ours), policy), refused(Refusal::ChannelBindingsMismatch));
        assert_eq!(run(Some(&ours), None, policy), Ok(()), "off: the server knows no channel");
        assert_eq!(run(None, None, policy), Ok(()));
    }
    assert_eq!(run(None, Some(&ours), &required), refused(Refusal::ChannelBindingsAbsent));
    assert_eq!(run(None, Some(&ours), &if_present), Ok(()));
    // All zeros is what a client without bindings sends; a pair that is missing is the same.
    let pair = Pair { server_bindings: Some(ours), ..Pair::new() };
    let refusal = pair.refusal(|number, message| {
        if number == 3 {
            let at = pair_at(message, 10, 16) - 4;
            message[at] = 0x77;
        }
    });
    assert_eq!(refusal, Refusal::ChannelBindingsAbsent);
}

#[test]
fn the_target_that_the_client_means_can_be_insisted_on() {
    let names = |target: &str| NtlmServer::new("WWW", "EXAMPLE").only_targets([target.parse().unwrap()]);
    Pair { names: names("http/WWW.example.com"), ..Pair::new() }.established();
    let refusal = Pair { names: names("cifs/www.example.com"), ..Pair::new() }.refusal(|_, _| {});
    assert_eq!(refusal, Refusal::NtlmTarget { target: "HTTP/www.example.com".into() });
    let refusal = Pair { names: names("HTTP/www.example.com"), ..Pair::new() }.refusal(|number, message| {
        if number == 3 {
            let at = pair_at(message, 9, 40) - 4;
            message[at] = 0x77;
        }
    });
    assert_eq!(refusal, Refusal::NtlmTarget { target: String::new() });
}

#[test]
fn reflected_messages_are_refused() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let credential = Credential::ntlm_password("EXAMPLE", "alice", "Password");
    let mut negotiate = Vec::new();
    let step = initiator.to(&target).credential(&credential).begin(now(), &mut negotiate).unwrap();
    let Initiate::NeedsToken(client) = step else { panic!() };
    assert!(matches!(client.step(&negotiate, now(), &mut Vec::new()).unwrap_err(), Error::Decode(_)));
    // An answer to one challenge is no answer to another.
    let mut first = Vec::new();
    Pair::new()
        .run(|number, message| {
            if number == 3 {
                first = message.clone()
            }
        })
        .unwrap();
    let acceptor =
        Acceptor::new(&Keytab::new(), ReplayGuard::in_memory()).dangerous_with_ntlm(NtlmServer::new("W", ""));
    let step = acceptor.session().begin().step(&negotiate, now(), &mut Vec::new()).unwrap();
    let Accept::NeedsToken(server) = step else { panic!() };
    let Accept::NeedsAccount(server) = server.step(&first, now(), &mut Vec::new()).unwrap() else { panic!() };
    let error = server.answer(hash(), now(), &mut Vec::new()).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(Refusal::NtlmNotProven { account: "EXAMPLE\\alice".into() })));
}

#[test]
fn inputs_that_were_not_asked_for_are_misuse() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let credential = Credential::ntlm_password("EXAMPLE", "alice", "Password");
    let to = initiator.to(&target).credential(&credential).ntlm();
    let error = to.begin_with(b"hint", now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(_)), "NTLM's server never speaks first: {error:?}");
}

/// Every message cut at every byte and with every bit flipped: an error, or contexts that are the same as ever.
#[test]
fn mutated_messages_are_refused_or_change_nothing() {
    let pair = Pair::new();
    let (client, server) = pair.established();
    let mut lengths = [0; 3];
    pair.run(|number, message| lengths[usize::from(number) - 1] = message.len()).unwrap();
    let same = |contexts: &(Context, Context)| {
        contexts.0.session_key() == client.session_key()
            && contexts.1.session_key() == server.session_key()
            && (contexts.0.peer(), contexts.1.peer()) == (client.peer(), server.peer())
            && (contexts.0.flags(), contexts.1.flags()) == (client.flags(), server.flags())
    };
    for (number, length) in (1..).zip(lengths) {
        for cut in 0..length {
            let result = pair.run(|at, message| {
                if at == number {
                    message.truncate(cut)
                }
            });
            assert!(result.is_err(), "message {number} cut at {cut}");
        }
        let longer = pair.run(|at, message| {
            if at == number {
                message.push(0)
            }
        });
        assert!(longer.is_err(), "message {number} with a byte more");
        for bit in 0..length * 8 {
            let result = pair.run(|at, message| {
                if at == number {
                    message[bit / 8] ^= 1 << (bit % 8);
                }
            });
            // The MIC covers every bit of all three messages (MS-NLMP 3.1.5.1.2).
            assert!(result.as_ref().map_or(true, same), "message {number}, bit {bit}: other contexts");
            assert!(result.is_err(), "message {number}, bit {bit}: the MIC did not notice");
        }
    }
}
