//! Kerberos contexts, both ends: a ticket made by hand, so that every field of it can be wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast::crypto::{Random, RandomError};
use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{
    AdElement, AdType, AuthorizationData, EncTicketPart, EncryptedData, KeyRef, PrincipalName, Ticket, TicketFlags,
    TransitedEncoding,
};
use handfast::krb5::{Ccache, HeldTicket, Keytab, KeytabEntry};
use handfast::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const ENCTYPES: [Enctype; 4] = [
    Enctype::AES128_CTS_HMAC_SHA1_96,
    Enctype::AES256_CTS_HMAC_SHA1_96,
    Enctype::AES128_CTS_HMAC_SHA256_128,
    Enctype::AES256_CTS_HMAC_SHA384_192,
];

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

/// A client with a ticket, and the service that the ticket is for.
struct Pair {
    enctype: Enctype,
    service_key: EncryptionKey,
    session_key: EncryptionKey,
    client: Principal,
    ticket_client: Principal,
    service: Principal,
    kvno: u32,
    flags: TicketFlags,
    start: Time,
    end: Time,
    restriction: Option<AdType>,
    transited: &'static [u8],
    guard: Option<ReplayGuard>,
    client_policy: Policy,
    server_policy: Policy,
}

impl Pair {
    fn new(enctype: Enctype) -> Self {
        let key = |fill| EncryptionKey::new(enctype, vec![fill; enctype.key_size().unwrap()]).unwrap();
        Pair {
            enctype,
            service_key: key(1),
            session_key: key(2),
            client: "alice@EXAMPLE.COM".parse().unwrap(),
            ticket_client: "alice@EXAMPLE.COM".parse().unwrap(),
            service: "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap(),
            kvno: 3,
            flags: TicketFlags::default(),
            start: now().saturating_sub(Duration::from_secs(60)).whole_seconds(),
            end: now().saturating_add(Duration::from_secs(3600)).whole_seconds(),
            restriction: None,
            transited: &[],
            guard: Some(ReplayGuard::in_memory()),
            client_policy: Policy::default(),
            server_policy: Policy::default(),
        }
    }

    fn ticket(&self) -> Vec<u8> {
        let restriction = self.restriction.map(|ad_type| AdElement { ad_type, ad_data: &[] });
        let part = EncTicketPart {
            flags: self.flags,
            key: KeyRef { keytype: self.session_key.enctype(), keyvalue: self.session_key.bytes() },
            crealm: self.ticket_client.realm(),
            cname: PrincipalName::from(&self.ticket_client),
            transited: TransitedEncoding { tr_type: 1, contents: self.transited },
            authtime: self.start.into(),
            starttime: None,
            endtime: self.end.into(),
            renew_till: None,
            caddr: Vec::new(),
            authorization_data: AuthorizationData(restriction.into_iter().collect()),
        };
        let mut cipher = Vec::new();
        CipherKey::new(&self.service_key, KeyUsage::TICKET).unwrap().encrypt(&[9; 16], &part.to_der(), &mut cipher);
        let enc_part = EncryptedData { etype: self.enctype, kvno: Some(self.kvno), cipher: &cipher };
        Ticket { realm: self.service.realm(), sname: PrincipalName::from(&self.service), enc_part }.to_der()
    }

    fn credential(&self) -> Credential {
        let mut cache = Ccache::new(self.client.clone());
        cache.replace(HeldTicket {
            client: self.client.clone(),
            server: "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap(),
            key: self.session_key.clone(),
            auth_time: self.start,
            start_time: None,
            end_time: Time::from_unix_seconds(4_000_000_000),
            renew_till: None,
            is_skey: false,
            flags: Default::default(),
            addresses: Vec::new(),
            authorization_data: Vec::new(),
            ticket: self.ticket(),
            second_ticket: Vec::new(),
        });
        Credential::tickets(&cache)
    }

    fn keytab(&self) -> Keytab {
        let mut keytab = Keytab::new();
        let entry =
            |name: &str, kvno, key| KeytabEntry { principal: name.parse().unwrap(), timestamp: now(), kvno, key };
        keytab.add(entry(
            "HTTP/www.example.com@EXAMPLE.COM",
            3,
            EncryptionKey::new(self.enctype, self.key(1)).unwrap(),
        ));
        keytab.add(entry(
            "HTTP/www.example.com@EXAMPLE.COM",
            2,
            EncryptionKey::new(self.enctype, self.key(7)).unwrap(),
        ));
        keytab.add(entry(
            "host/www.example.com@EXAMPLE.COM",
            3,
            EncryptionKey::new(self.enctype, self.key(8)).unwrap(),
        ));
        keytab
    }

    fn key(&self, fill: u8) -> Vec<u8> {
        vec![fill; self.enctype.key_size().unwrap()]
    }

    fn acceptor(&mut self) -> Acceptor {
        Acceptor::with_random(&self.keytab(), self.guard.take(), Arc::new(Counting(AtomicU64::new(1 << 40))))
            .policy(self.server_policy.clone())
    }

    fn initiator(&self) -> Initiator {
        Initiator::with_random(self.client_policy.clone(), Arc::new(Counting::default()))
    }

    fn begin(&self, bindings: Option<&ChannelBindings>) -> (Initiate, Vec<u8>) {
        let (initiator, credential) = (self.initiator(), self.credential());
        let target = ServiceName::principal("HTTP/www.example.com@EXAMPLE.COM".parse().unwrap());
        let mut request = initiator.to(&target).credential(&credential);
        if let Some(bindings) = bindings {
            request = request.channel_bindings(bindings);
        }
        let mut out = Vec::new();
        (request.begin(now(), &mut out).unwrap(), out)
    }

    /// The whole handshake.
    fn contexts(&mut self) -> (Context, Context) {
        let acceptor = self.acceptor();
        let (step, token) = self.begin(None);
        let (server, reply) = accept(&acceptor, &token, now());
        let server = server.unwrap();
        let client = match step {
            Initiate::NeedsToken(next) => complete(next.step(&reply, now(), &mut Vec::new())).unwrap(),
            Initiate::Complete(context) => context,
            other => panic!("{other:?}"),
        };
        (client, server)
    }

    /// Why the acceptor refuses the client's token at `at`; the client learns nothing but that it is refused.
    fn refusal_at(&mut self, at: Time) -> Refusal {
        let acceptor = self.acceptor();
        let (step, token) = self.begin(None);
        let (result, reply) = accept(&acceptor, &token, at);
        let Err(Error::Refused(refusal)) = result else { panic!("{result:?}") };
        let Initiate::NeedsToken(next) = step else { panic!() };
        let told = complete(next.step(&reply, at, &mut Vec::new())).unwrap_err();
        assert!(matches!(&told, Error::RefusedByPeer(refusal) if refusal.code.0 == 60), "{told}");
        *refusal
    }

    fn refusal(&mut self) -> Refusal {
        self.refusal_at(now())
    }
}

fn accept(acceptor: &Acceptor, token: &[u8], at: Time) -> (Result<Context, Error>, Vec<u8>) {
    let mut reply = Vec::new();
    let result = acceptor.session().begin().step(token, at, &mut reply).map(|step| match step {
        Accept::Complete(context) => context,
        other => panic!("{other:?}"),
    });
    (result, reply)
}

fn complete(step: Result<Initiate, Error>) -> Result<Context, Error> {
    step.map(|step| match step {
        Initiate::Complete(context) => context,
        other => panic!("{other:?}"),
    })
}

fn seal(context: &mut Context, message: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    context.seal(message, &mut token).unwrap();
    token
}

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
        Refusal::TransitedNotChecked { client_realm } if client_realm == "OTHER.ORG"
    ));
    let mut shown = foreign(TicketFlags::default(), b"MIDDLE.NET");
    shown.ticket_client = "alice@\u{7}\u{1b}[2J".parse().unwrap();
    shown.client = shown.ticket_client.clone();
    assert!(shown.refusal().to_string().contains("realm \\u{7}\\u{1b}[2J,"));
    foreign(TicketFlags::default(), b"").contexts();
    foreign(TicketFlags::TRANSITED_POLICY_CHECKED, b"MIDDLE.NET").contexts();
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
fn every_changed_or_cut_message_is_refused_and_the_context_goes_on() {
    for enctype in ENCTYPES {
        let (mut client, mut server) = Pair::new(enctype).contexts();
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            let mut token = Vec::new();
            client.protect(protection, b"attack at dawn", &mut token).unwrap();
            for position in 0..token.len() {
                assert!(server.unprotect(&mut token[..position].to_vec()).is_err(), "cut at {position}");
                for bit in 0..8 {
                    let mut changed = token.clone();
                    changed[position] ^= 1 << bit;
                    let result = server.unprotect(&mut changed);
                    assert!(result.is_err(), "bit {bit} of byte {position} of {protection:?} passed: {result:?}");
                }
            }
            assert_eq!(server.unprotect(&mut token).unwrap().message, b"attack at dawn");
        }
        let mut mic = Vec::new();
        client.sign(b"signed", &mut mic).unwrap();
        for position in 0..mic.len() {
            assert!(server.verify(b"signed", &mic[..position]).is_err());
            let mut changed = mic.clone();
            changed[position] ^= 1;
            assert!(server.verify(b"signed", &changed).is_err());
        }
        assert!(server.verify(b"Signed", &mic).is_err());
        assert!(server.verify(b"signed", &mic).is_ok());
    }
}

#[test]
fn any_rotation_is_taken_modulo_the_length() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    for protection in [Protection::Confidentiality, Protection::Integrity] {
        for rotation in [0_u16, 1, 12, 28, 59, 60, 61, 1000, 0xffff] {
            let mut token = Vec::new();
            client.protect(protection, b"sixteen octets..", &mut token).unwrap();
            let length = token.len() - 16;
            token[16..].rotate_right(usize::from(rotation) % length);
            token[6..8].copy_from_slice(&rotation.to_be_bytes());
            assert_eq!(server.unprotect(&mut token).unwrap().message, b"sixteen octets..", "{rotation}");
        }
    }
}

#[test]
fn messages_pass_once_and_in_order() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    let (one, two) = (seal(&mut client, b"one"), seal(&mut client, b"two"));
    let gap = MessageError::Order(OrderError::Gap { missing: 1 });
    assert_eq!(server.unseal(&mut two.clone()).unwrap_err(), gap);
    assert_eq!(server.unseal(&mut one.clone()).unwrap(), b"one");
    assert_eq!(server.unseal(&mut two.clone()).unwrap(), b"two");
    assert_eq!(server.unseal(&mut one.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
}

#[test]
fn datagrams_may_come_in_any_order_but_once() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.client_policy = Policy::default().any_message_order();
    let (mut client, mut server) = pair.contexts();
    let (one, two) = (seal(&mut client, b"one"), seal(&mut client, b"two"));
    assert_eq!(server.unprotect(&mut two.clone()).unwrap().order, Order::Gap { missing: 1 });
    assert_eq!(server.unprotect(&mut one.clone()).unwrap().order, Order::OutOfOrder);
    assert_eq!(server.unseal(&mut one.clone()).unwrap_err(), MessageError::Order(OrderError::Replayed));
    for _ in 0..70 {
        server.unseal(&mut seal(&mut client, b"more")).unwrap();
    }
    assert_eq!(server.unseal(&mut two.clone()).unwrap_err(), MessageError::Order(OrderError::Old));
}

#[test]
fn unseal_refuses_what_is_only_signed_and_forgets_it() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    let mut signed = Vec::new();
    client.protect(Protection::Integrity, b"open", &mut signed).unwrap();
    assert_eq!(server.unseal(&mut signed.clone()).unwrap_err(), MessageError::NotSealed);
    assert_eq!(server.unprotect(&mut signed).unwrap().message, b"open");
}

#[test]
fn a_context_without_confidentiality_does_not_seal() {
    let mut pair = Pair::new(ENCTYPES[1]);
    pair.client_policy = Policy::default().integrity_only();
    let (mut client, mut server) = pair.contexts();
    let refused = MessageError::NotNegotiated(Flags::CONFIDENTIALITY);
    assert_eq!(client.seal(b"x", &mut Vec::new()).unwrap_err(), refused);
    assert_eq!(server.seal(b"x", &mut Vec::new()).unwrap_err(), refused);
}

#[test]
fn the_in_place_form_and_the_plain_form_are_one() {
    for enctype in ENCTYPES {
        let (mut client, mut server) = Pair::new(enctype).contexts();
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            let (header_len, trailer_len) = client.sizes(protection);
            let (mut header, mut trailer) = (vec![0; header_len], vec![0; trailer_len]);
            let (mut front, mut back) = (*b"in two ", *b"pieces");
            let parts = &mut [Part::Sealed(&mut front), Part::Sealed(&mut back)];
            client.protect_parts(protection, &mut header, parts, &mut trailer).unwrap();
            let mut joined = [&header[..], &front, &back, &trailer].concat();
            assert_eq!(server.unprotect(&mut joined).unwrap().message, b"in two pieces");

            let mut token = Vec::new();
            client.protect(protection, b"in two pieces", &mut token).unwrap();
            let (header, rest) = token.split_at_mut(header_len);
            let (body, trailer) = rest.split_at_mut(13);
            let (front, back) = body.split_at_mut(5);
            let parts = &mut [Part::Sealed(front), Part::Sealed(back)];
            server.unprotect_parts(protection, header, parts, trailer).unwrap();
            assert_eq!(body, b"in two pieces");
        }
    }
}

#[test]
fn what_is_signed_beside_a_sealed_part_is_bound_to_it() {
    let (mut client, mut server) = Pair::new(ENCTYPES[1]).contexts();
    let (header_len, trailer_len) = client.sizes(Protection::Confidentiality);
    let (mut header, mut trailer, mut body) = (vec![0; header_len], vec![0; trailer_len], *b"body");
    let parts = &mut [Part::Signed(b"head"), Part::Sealed(&mut body)];
    client.protect_parts(Protection::Confidentiality, &mut header, parts, &mut trailer).unwrap();
    let mut open = |head: &[u8]| {
        let (mut header, mut trailer, mut body) = (header.clone(), trailer.clone(), body);
        let parts = &mut [Part::Signed(head), Part::Sealed(&mut body)];
        server.unprotect_parts(Protection::Confidentiality, &mut header, parts, &mut trailer).map(|_| body)
    };
    assert_eq!(open(b"Head").unwrap_err(), MessageError::NotAuthentic);
    assert_eq!(open(b"head").unwrap(), *b"body");
}

#[test]
fn halves_work_apart() {
    let (client, server) = Pair::new(ENCTYPES[1]).contexts();
    let (mut sealer, _) = client.split().unwrap();
    let (_, mut unsealer) = server.split().unwrap();
    let handle = std::thread::spawn(move || {
        let mut token = Vec::new();
        sealer.seal(b"from another thread", &mut token).unwrap();
        token
    });
    assert_eq!(unsealer.unseal(&mut handle.join().unwrap()).unwrap(), b"from another thread");
}

#[test]
fn an_exported_context_goes_on_where_it_was() {
    let (mut client, mut server) = Pair::new(ENCTYPES[3]).contexts();
    let mut first = seal(&mut client, b"first");
    server.unseal(&mut first.clone()).unwrap();
    let (peer, flags) = (client.peer().clone(), client.flags());
    let mut client = Context::import(client.export().expose()).unwrap();
    let exported = server.export();
    for cut in 0..exported.expose().len() {
        assert!(Context::import(&exported.expose()[..cut]).is_err(), "cut at {cut}");
    }
    let mut server = Context::import(exported.expose()).unwrap();
    assert_eq!((client.peer(), client.flags()), (&peer, flags));
    assert!(server.unseal(&mut first).is_err());
    assert_eq!(server.unseal(&mut seal(&mut client, b"second")).unwrap(), b"second");
}

#[test]
fn tokens_over_the_limit_are_not_looked_at() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let acceptor = pair.acceptor();
    let error = accept(&acceptor, &vec![0x60; 64 * 1024 + 1], now()).0.unwrap_err();
    assert_eq!(error, Error::TokenTooLarge { size: 65_537, limit: 65_536 });
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
fn secrets_stay_out_of_debug_output() {
    let mut pair = Pair::new(ENCTYPES[1]);
    let credential = Credential::password(pair.client.clone(), "hunter2");
    let (client, _) = pair.contexts();
    let shown = format!("{credential:?} {client:?} {:?}", client.session_key());
    assert!(!shown.contains("hunter2"));
    assert!(!shown.contains(&format!("{:?}", client.session_key().expose())));
}
