//! Handshakes: what proves both ends, and what is refused.

use crate::pair::*;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::{AdType, TicketFlags};
use handfast::krb5::{Capaths, Keytab, KeytabEntry};
use handfast::*;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[test]
fn both_ends_prove_themselves_and_talk() {
    for enctype in ENCTYPES {
        let mut pair = Pair::new(enctype);
        let (mut client, mut server) = pair.contexts();
        assert_eq!(client.peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
        assert_eq!(client.local().to_string(), "alice@EXAMPLE.COM");
        assert_eq!(server.peer(), client.local());
        assert_eq!(server.local(), client.peer());
        assert_eq!(client.session_key(), server.session_key());
        assert_ne!(client.session_key().expose().as_slice(), pair.session_key.bytes());
        assert_eq!(client.flags(), Policy::default().flags());
        assert_eq!(server.flags(), client.flags());
        assert_eq!(server.expires(), Some(pair.end));
        for message in [&b""[..], b"x", &[7; 15], &[7; 16], &[7; 1000], &[7; 70_000]] {
            let mut token = seal(&mut client, message);
            assert_eq!(server.unseal(&mut token).unwrap(), message);
            let mut token = seal(&mut server, message);
            assert_eq!(client.unseal(&mut token).unwrap(), message);
            let mut mic = Vec::new();
            client.sign(message, &mut mic).unwrap();
            assert_eq!(server.verify(message, &mic), Ok(Order::InOrder));
            let mut token = Vec::new();
            server.protect(Protection::Integrity, message, &mut token).unwrap();
            let opened = client.unprotect(&mut token).unwrap();
            assert_eq!((&*opened.message, opened.protection), (message, Protection::Integrity));
        }
    }
}

#[test]
fn without_mutual_authentication_the_flag_says_so() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.client_policy = Policy::default().dangerous_unproven_acceptor();
    let (mut client, mut server) = pair.contexts();
    assert!(!client.flags().contains(Flags::MUTUAL) && !server.flags().contains(Flags::MUTUAL));
    assert_eq!(server.unseal(&mut seal(&mut client, b"to")).unwrap(), b"to");
    assert_eq!(client.unseal(&mut seal(&mut server, b"fro")).unwrap(), b"fro");
}

#[test]
fn every_wrong_ticket_has_its_own_refusal() {
    let enctype = ENCTYPES[1];
    let pair = || Pair::new(enctype);
    let refusal = |change: &dyn Fn(&mut Pair)| {
        let mut pair = pair();
        change(&mut pair);
        pair.refusal()
    };
    let wrong_key = EncryptionKey::new(enctype, vec![66; 32]).unwrap();
    assert!(matches!(refusal(&|pair| pair.service_key = wrong_key.clone()), Refusal::TicketNotDecryptable { .. }));
    assert!(matches!(
        refusal(&|pair| pair.kvno = 4),
        Refusal::NoKey { kvno: Some(4), held, .. } if held == [(3, enctype), (2, enctype)]
    ));
    assert!(matches!(
        refusal(&|pair| pair.service = "ldap/www.example.com@EXAMPLE.COM".parse().unwrap()),
        Refusal::UnknownService { held, .. } if held.len() == 2
    ));
    let ended = now().saturating_sub(Duration::from_secs(301)).whole_seconds();
    assert!(matches!(refusal(&|pair| pair.end = ended), Refusal::TicketExpired { end, .. } if end == ended));
    let starts = now().saturating_add(Duration::from_secs(302)).whole_seconds();
    assert!(matches!(refusal(&|pair| pair.start = starts), Refusal::TicketNotYetValid { .. }));
    assert!(matches!(refusal(&|pair| pair.flags = TicketFlags::INVALID), Refusal::TicketNotYetValid { .. }));
    assert!(matches!(
        refusal(&|pair| pair.ticket_client = "mallory@EXAMPLE.COM".parse().unwrap()),
        Refusal::ClientMismatch { .. }
    ));
    assert!(matches!(
        refusal(&|pair| pair.ticket_client = "alice@EVIL.COM".parse().unwrap()),
        Refusal::ClientMismatch { .. }
    ));
    assert_eq!(refusal(&|pair| pair.restriction = Some(AdType(4711))), Refusal::CriticalAuthorizationData(4711));
    assert!(matches!(
        refusal(&|pair| pair.server_policy = Policy::default().with_enctypes([ENCTYPES[0]])),
        Refusal::EnctypeNotPermitted(_)
    ));
    assert_eq!(
        refusal(&|pair| pair.client_policy = Policy::default().authentication_only()),
        Refusal::FlagsMissing(Flags::INTEGRITY)
    );
}

#[test]
fn a_client_of_another_realm_must_have_come_a_checked_way() {
    let foreign = |flags, transited| {
        let mut pair = Pair::new(ENCTYPES[1]);
        pair.client = "alice@OTHER.ORG".parse().unwrap();
        pair.ticket_client = pair.client.clone();
        (pair.flags, pair.transited) = (flags, transited);
        pair
    };
    assert!(matches!(
        foreign(TicketFlags::default(), b"MIDDLE.NET").refusal(),
        Refusal::ForeignRealm { client_realm, realm } if client_realm == "OTHER.ORG" && realm == "MIDDLE.NET"
    ));
    let mut shown = foreign(TicketFlags::default(), b"MIDDLE\x1b.NET");
    shown.ticket_client = "alice@\u{7}\u{1b}[2J".parse().unwrap();
    shown.client = shown.ticket_client.clone();
    let said = shown.refusal().to_string();
    assert!(said.contains("realm \\u{7}\\u{1b}[2J and came through MIDDLE\\u{1b}.NET,"), "{said}");
    foreign(TicketFlags::default(), b"").contexts();
    foreign(TicketFlags::TRANSITED_POLICY_CHECKED, b"MIDDLE.NET").contexts();
    // What stands on the way by the names of the realms, and by what the policy says.
    foreign(TicketFlags::default(), b"ORG,COM").contexts();
    foreign(TicketFlags::default(), b",").contexts();
    let through = |realm: &str| {
        let mut pair = foreign(TicketFlags::default(), b"MIDDLE.NET");
        pair.server_policy =
            Policy::default().with_capaths(Capaths::default().with("OTHER.ORG", "EXAMPLE.COM", [realm]));
        pair
    };
    through("MIDDLE.NET").contexts();
    assert!(matches!(through("ANOTHER.NET").refusal(), Refusal::ForeignRealm { .. }));
    // Both ways: a way from here to there is none from there to here.
    let mut pair = through("X");
    pair.server_policy =
        Policy::default().with_capaths(Capaths::default().with("EXAMPLE.COM", "OTHER.ORG", ["MIDDLE.NET"]));
    assert!(matches!(pair.refusal(), Refusal::ForeignRealm { .. }));
}

#[test]
fn a_way_that_cannot_be_read_is_refused() {
    for contents in [&b"MIDDLE\\"[..], b"\xff", b"A.", &[b'a'; 5000]] {
        let mut pair = Pair::new(ENCTYPES[1]);
        pair.client = "alice@OTHER.ORG".parse().unwrap();
        pair.ticket_client = pair.client.clone();
        pair.transited = contents.to_vec().leak();
        assert!(matches!(pair.refusal(), Refusal::TransitedNotReadable { .. }), "{contents:?}");
    }
}

#[test]
fn clocks_may_be_five_minutes_apart_and_no_more() {
    for (seconds, passes) in [(-299_i64, true), (299, true), (-301, false), (301, false)] {
        let at = Time::from_unix_micros(now().unix_micros() - seconds * 1_000_000);
        let mut pair = Pair::new(ENCTYPES[1]);
        if passes {
            let acceptor = pair.acceptor();
            accept(&acceptor, &pair.begin(None).1, at).0.unwrap();
        } else {
            let expected = Refusal::ClockSkew { seconds, limit: Duration::from_secs(300) };
            assert_eq!(pair.refusal_at(at), expected);
        }
    }
}

#[test]
fn a_replayed_token_is_refused_and_a_new_one_is_not() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let acceptor = pair.acceptor();
    let (_, token) = pair.begin(None);
    accept(&acceptor, &token, now()).0.unwrap();
    let again = accept(&acceptor.clone(), &token, now()).0.unwrap_err();
    assert!(matches!(&again, Error::Refused(refusal) if **refusal == Refusal::Replay), "{again}");
    let initiator = Initiator::with_random(Policy::default(), Arc::new(Counting(AtomicU64::new(99))));
    let target = ServiceName::principal(pair.service.clone());
    let mut fresh = Vec::new();
    initiator.to(&target).credential(&pair.credential()).begin(now(), &mut fresh).unwrap();
    accept(&acceptor, &fresh, now()).0.unwrap();
}

#[test]
fn an_acceptor_with_other_keys_remembers_the_proofs_of_the_one_before() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let before = pair.acceptor();
    let token = pair.begin(None).1;
    accept(&before, &token, now()).0.unwrap();
    let after = before.clone().with_keytab(&pair.keytab());
    let again = accept(&after, &token, now()).0.unwrap_err();
    assert!(matches!(&again, Error::Refused(refusal) if **refusal == Refusal::Replay), "{again}");
    let empty = before.with_keytab(&Keytab::default());
    let unknown = accept(&empty, &token, now()).0.unwrap_err();
    assert!(matches!(&unknown, Error::Refused(refusal) if **refusal != Refusal::Replay), "{unknown}");
}

#[test]
fn a_proof_of_a_clock_that_is_ahead_is_remembered_until_it_is_behind() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let acceptor = pair.acceptor();
    let after = |seconds| now().saturating_add(Duration::from_secs(seconds));
    let initiator = Initiator::with_random(Policy::default(), Arc::new(Counting(AtomicU64::new(99))));
    let (target, credential) = (ServiceName::principal(pair.service.clone()), pair.credential());
    let token = |at| {
        let mut out = Vec::new();
        initiator.to(&target).credential(&credential).begin(at, &mut out).unwrap();
        out
    };
    let ahead = token(after(300));
    accept(&acceptor, &ahead, now()).0.unwrap();
    for seconds in [299, 300, 301, 302, 599] {
        // Enough to reach every part of the guard.
        (0..100).for_each(|_| drop(accept(&acceptor, &token(after(seconds)), after(seconds)).0.unwrap()));
    }
    let again = accept(&acceptor, &ahead, after(600)).0.unwrap_err();
    assert!(matches!(&again, Error::Refused(refusal) if **refusal == Refusal::Replay), "{again}");
}

#[test]
fn without_a_guard_a_replay_passes_as_its_name_says() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.guard = None;
    let acceptor = pair.acceptor();
    let (_, token) = pair.begin(None);
    accept(&acceptor, &token, now()).0.unwrap();
    accept(&acceptor, &token, now()).0.unwrap();
}

#[test]
fn channel_bindings_must_be_the_same_at_both_ends() {
    let (ours, other) = (ChannelBindings::raw(b"tls-exporter:1"), ChannelBindings::raw(b"tls-exporter:2"));
    let verdict = |server: Option<&ChannelBindings>, client: Option<&ChannelBindings>, policy: Policy| {
        let mut pair = Pair::new(ENCTYPES[1]);
        pair.server_policy = policy;
        let acceptor = pair.acceptor();
        let mut session = acceptor.session();
        if let Some(bindings) = server {
            session = session.channel_bindings(bindings);
        }
        match session.begin().step(&pair.begin(client).1, now(), &mut Vec::new()) {
            Ok(_) => None,
            Err(Error::Refused(refusal)) => Some(*refusal),
            Err(other) => panic!("{other}"),
        }
    };
    let lenient = Policy::default().dangerous_accept_absent_channel_bindings();
    assert_eq!(verdict(Some(&ours), Some(&ours), Policy::default()), None);
    assert_eq!(verdict(None, Some(&ours), Policy::default()), None);
    assert_eq!(verdict(Some(&ours), Some(&other), Policy::default()), Some(Refusal::ChannelBindingsMismatch));
    assert_eq!(verdict(Some(&ours), None, Policy::default()), Some(Refusal::ChannelBindingsAbsent));
    assert_eq!(verdict(Some(&ours), None, lenient.clone()), None);
    assert_eq!(verdict(Some(&ours), Some(&other), lenient), Some(Refusal::ChannelBindingsMismatch));
}

#[test]
fn every_changed_or_cut_client_token_is_refused() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.guard = None;
    let acceptor = pair.acceptor();
    let (_, token) = pair.begin(None);
    let (expected, _) = accept(&acceptor, &token, now());
    let expected = expected.unwrap();
    let harmless = bits_that_prove_nothing(&token);
    for position in 0..token.len() {
        accept(&acceptor, &token[..position], now()).0.unwrap_err();
        for bit in 0..8 {
            let mut changed = token.clone();
            changed[position] ^= 1 << bit;
            match accept(&acceptor, &changed, now()).0 {
                Err(_) => {}
                Ok(context) => {
                    assert!(harmless.contains(&(position, bit)), "bit {bit} of byte {position} passed");
                    assert_eq!((context.peer(), context.flags()), (expected.peer(), expected.flags()));
                    assert_eq!(context.local(), expected.local());
                }
            }
        }
    }
    let longer = [&token[..], &[0]].concat();
    accept(&acceptor, &longer, now()).0.unwrap_err();
    accept(&acceptor, b"", now()).0.unwrap_err();
}

/// The bits of a client's token that nothing protects and nothing believes.
fn bits_that_prove_nothing(token: &[u8]) -> Vec<(usize, u8)> {
    let find = |pattern: &[u8]| token.windows(pattern.len()).position(|window| window == pattern).unwrap();
    let mut bits = Vec::new();
    // How many bits of the AP-REQ's options are unused; the unused ones are zero (RFC 4120 5.2.8).
    let options = find(&[0xa2, 0x07, 0x03, 0x05, 0x00]) + 4;
    bits.extend((0..3).map(|bit| (options, bit)));
    // Options that are not known, and the copy of the mutual flag: RFC 4121 4.1.1.1 has the real one. Not user-to-user.
    bits.extend((1..5).flat_map(|byte| (0..8).map(move |bit| (options + byte, bit))));
    bits.retain(|bit| *bit != (options + 1, 6));
    // The type of the service's name, a hint (RFC 4120 6.2).
    let name_type = find(&[0xa2, 0x22, 0x30, 0x20, 0xa0, 0x03, 0x02, 0x01]) + 8;
    bits.extend((0..8).map(|bit| (name_type, bit)));
    bits
}

#[test]
fn every_changed_or_cut_acceptor_token_is_refused() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.guard = None;
    let acceptor = pair.acceptor();
    let (_, token) = pair.begin(None);
    let (_, reply) = accept(&acceptor, &token, now());
    let client = || match pair.begin(None).0 {
        Initiate::NeedsToken(next) => next,
        other => panic!("{other:?}"),
    };
    let untouched = complete(client().step(&reply, now(), &mut Vec::new())).unwrap();
    assert!(untouched.flags().contains(Flags::MUTUAL));
    for position in 0..reply.len() {
        client().step(&reply[..position], now(), &mut Vec::new()).unwrap_err();
        for bit in 0..8 {
            let mut changed = reply.clone();
            changed[position] ^= 1 << bit;
            let result = client().step(&changed, now(), &mut Vec::new());
            assert!(result.is_err(), "bit {bit} of byte {position} passed");
        }
    }
}

#[test]
fn the_acceptor_must_answer_this_request_and_no_other() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let acceptor = pair.acceptor();
    let (_, token) = pair.begin(None);
    let (_, reply) = accept(&acceptor, &token, now());
    let later = now().saturating_add(Duration::from_micros(1));
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let target = ServiceName::principal(pair.service.clone());
    let step = initiator.to(&target).credential(&credential).begin(later, &mut Vec::new()).unwrap();
    let Initiate::NeedsToken(next) = step else { panic!() };
    let error = next.step(&reply, later, &mut Vec::new()).unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if **why == Refusal::AcceptorAnsweredAnother), "{error}");
}

#[test]
fn two_proofs_of_one_credential_are_told_apart_even_in_the_same_microsecond() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let acceptor = pair.acceptor();
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let target = ServiceName::principal(pair.service.clone());
    let begin = |out: &mut Vec<u8>| initiator.to(&target).credential(&credential).begin(now(), out).unwrap();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let (_, Initiate::NeedsToken(second)) = (begin(&mut one), begin(&mut two)) else { panic!() };
    let (_, answer_to_one) = accept(&acceptor, &one, now());
    let error = second.step(&answer_to_one, now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if **why == Refusal::AcceptorAnsweredAnother), "{error}");
}

#[test]
fn a_token_reflected_to_its_sender_proves_nothing() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let (step, token) = pair.begin(None);
    let Initiate::NeedsToken(next) = step else { panic!() };
    let error = next.step(&token, now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if **why == Refusal::AcceptorNotProven), "{error}");
    let (mut client, _) = pair.contexts();
    let mut message = seal(&mut client, b"mine");
    assert_eq!(client.unseal(&mut message).unwrap_err(), MessageError::WrongDirection);
}

#[test]
fn tokens_over_the_limit_are_not_looked_at() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let acceptor = pair.acceptor();
    let error = accept(&acceptor, &vec![0x60; 64 * 1024 + 1], now()).0.unwrap_err();
    assert_eq!(error, Error::TokenTooLarge { size: 65_537, limit: 65_536 });
    let Initiate::NeedsToken(waiting) = pair.begin(None).0 else { panic!() };
    let error = waiting.step(&vec![0x60; 64 * 1024 + 1], now(), &mut Vec::new()).unwrap_err();
    assert_eq!(error, Error::TokenTooLarge { size: 65_537, limit: 65_536 });
}

#[test]
fn an_initiator_takes_as_many_steps_as_its_policy_allows() {
    let mut pair = Pair { guard: None, ..Pair::new(ENCTYPES[1]) };
    let acceptor = pair.acceptor();
    for (limit, passes) in [(1, false), (2, true)] {
        pair.client_policy = Policy::default().with_leg_limit(limit);
        let (step, token) = pair.begin(None);
        let Initiate::NeedsToken(waiting) = step else { panic!() };
        let (_, reply) = accept(&acceptor, &token, now());
        match waiting.step(&reply, now(), &mut Vec::new()) {
            Ok(_) => assert!(passes),
            Err(error) => assert!(!passes && error == Error::TooManyLegs { limit }, "{error}"),
        }
    }
}

#[test]
fn a_cache_without_a_ticket_says_what_is_missing() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let credential = pair.credential();
    let target: ServiceName = "ldap/www.example.com".parse().unwrap();
    pair.client_policy = Policy::default();
    let error = pair.initiator().to(&target).credential(&credential).begin(now(), &mut Vec::new()).unwrap_err();
    let Error::Credential(CredentialError::NoTicket { service, .. }) = &error else { panic!("{error}") };
    assert_eq!(service.to_string(), "ldap/www.example.com@EXAMPLE.COM");
}

#[test]
fn a_keytab_without_a_usable_key_of_the_client_makes_no_credential() {
    let mut keytab = Pair::new(ENCTYPES[1]).keytab();
    let alice: Principal = "alice@EXAMPLE.COM".parse().unwrap();
    let none = CredentialError::NoUsableKey { client: alice.clone() };
    assert_eq!(Credential::keytab(alice.clone(), &keytab).unwrap_err(), none);
    let key = EncryptionKey::unchecked(Enctype(24), [1; 16]);
    keytab.add(KeytabEntry { principal: alice.clone(), timestamp: now(), kvno: 1, key });
    assert_eq!(Credential::keytab(alice, &keytab).unwrap_err(), none);
}

#[test]
fn without_a_realm_there_is_nobody_to_ask() {
    let credential = Credential::password("alice".parse().unwrap(), "hunter2");
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let initiator = Pair::new(ENCTYPES[1]).initiator();
    let error = initiator.to(&target).credential(&credential).begin(now(), &mut Vec::new()).unwrap_err();
    let name = "HTTP/www.example.com".to_string();
    assert_eq!(error, Error::Credential(CredentialError::UnknownRealm { name }));
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let credential = Credential::password(pair.client.clone(), "hunter2");
    let (client, _) = pair.contexts();
    let shown = format!("{credential:?} {client:?} {:?}", client.session_key());
    assert!(!shown.contains("hunter2"));
    assert!(!shown.contains(&format!("{:?}", client.session_key().expose())));
}

/// RFC 7802 3, RFC 4401: the same at both ends, another for each key, input and context, and kept by an exported context.
#[test]
fn both_ends_have_the_same_pseudo_random_octets() {
    for (enctype, policy) in ENCTYPES.map(|enctype| (enctype, Policy::default())).into_iter().chain([
        (Enctype::RC4_HMAC, Policy::default().weak_rc4()),
        (ENCTYPES[1], Policy::default().dangerous_unproven_acceptor()),
    ]) {
        let server_policy = Policy::default().weak_rc4();
        let pair = |policy: &Policy| Pair {
            client_policy: policy.clone(),
            server_policy: server_policy.clone(),
            ..Pair::new(enctype)
        };
        let (client, server) = pair(&policy).contexts();
        let prf = |context: &Context, key, input: &[u8]| context.prf(key, input, 100).unwrap().expose().clone();
        let full = prf(&client, PrfKey::Full, b"input");
        let partial = prf(&client, PrfKey::Partial, b"input");
        assert_eq!(
            (&full, &partial),
            (&prf(&server, PrfKey::Full, b"input"), &prf(&server, PrfKey::Partial, b"input"))
        );
        // Without an acceptor's subkey there is one key.
        let one_key = enctype == Enctype::RC4_HMAC || !policy.flags().contains(Flags::MUTUAL);
        assert_eq!(full == partial, one_key, "{enctype}");
        assert_ne!(full, prf(&client, PrfKey::Full, b"Input"));
        assert_eq!(client.prf(PrfKey::Full, b"input", 7).unwrap().expose(), &full[..7]);
        assert_eq!(client.prf(PrfKey::Full, b"input", 0).unwrap().expose().len(), 0);
        for context in [client, server] {
            let again = Context::import(context.export().expose()).unwrap();
            assert_eq!(
                (prf(&again, PrfKey::Full, b"input"), prf(&again, PrfKey::Partial, b"input")),
                (full.clone(), partial.clone())
            );
        }
    }
}

/// A client's token at an acceptor that asks its driver, and what became of the driver's answer.
fn asked(answer: Option<Answer>) -> (Result<Context, Error>, Vec<u8>, Initiate) {
    let mut pair = Pair { guard: Some(ReplayGuard::asks_driver()), ..Pair::new(ENCTYPES[3]) };
    let acceptor = pair.acceptor();
    let (step, token) = pair.begin(None);
    let mut out = Vec::new();
    let waiting = acceptor.session().begin().step(&token, now(), &mut out).unwrap();
    let Accept::NeedsAnswer(next) = waiting else { panic!("{waiting:?}") };
    let Question::Replay { checksum, keep } = next.question() else { panic!("{:?}", next.question()) };
    assert_eq!(*keep, Duration::from_secs(600), "twice the clock skew");
    // The authenticator is the token's last part, and its checksum the authenticator's: RFC 8009 5.2, 24 bytes.
    assert_eq!((checksum.len(), &token[token.len() - 24..]), (24, &checksum[..]));
    assert!(out.is_empty(), "nothing is said before it is known");
    let result = match answer {
        Some(answer) => next.answer(answer, now(), &mut out),
        None => next.decline(now(), &mut out),
    };
    let result = result.map(|accepted| match accepted {
        Accept::Complete(context) => context,
        other => panic!("{other:?}"),
    });
    (result, out, step)
}

#[test]
fn a_proof_that_the_driver_calls_new_makes_a_context() {
    let (server, reply, step) = asked(Some(Answer::Fresh));
    let Initiate::NeedsToken(next) = step else { panic!("{step:?}") };
    let mut client = complete(next.step(&reply, now(), &mut Vec::new())).unwrap();
    let mut server = server.unwrap();
    assert_eq!(server.unseal(&mut seal(&mut client, b"hello")).unwrap(), b"hello");
}

#[test]
fn a_proof_that_the_driver_knows_or_knows_nothing_of_is_refused_like_any_other() {
    let unknown = || "the disk is gone".to_owned();
    let refusals = [
        (Some(Answer::Replayed), Refusal::Replay),
        (Some(Answer::ReplayUnknown(unknown())), Refusal::ReplayUnknown(unknown())),
        (None, Refusal::ReplayUnknown("nobody answers for a replay cache".to_owned())),
    ];
    for (answer, expected) in refusals {
        let (result, told, step) = asked(answer);
        let Err(Error::Refused(refusal)) = result else { panic!("{result:?}") };
        assert_eq!(*refusal, expected);
        let Initiate::NeedsToken(next) = step else { panic!("{step:?}") };
        let told = complete(next.step(&told, now(), &mut Vec::new())).unwrap_err();
        assert!(matches!(&told, Error::RefusedByPeer(refusal) if refusal.code.0 == 60), "{told}");
    }
    let (result, told, _) = asked(Some(Answer::Custom(handfast::crypto::Secret::new(Vec::new()))));
    assert!(matches!(result, Err(Error::ApiMisuse(_))) && !told.is_empty());
}
