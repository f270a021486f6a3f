//! The password service, asked by our client, and by who means it ill.

use super::*;
use crate::{Directory, PASSWORD_LIMIT, PasswordOutcome};
use handfast::ReplayGuard;
use handfast::crypto::Secret;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{
    ClientSecret, ExchangeError, ExchangeStep, Login, PasswordChange, PasswordError, PasswordStep, TicketOptions,
    TicketRequest,
};
use handfast::krb5::message::{
    EncApRepPart, EncKrbPrivPart, HostAddress, KrbPriv, PasswordMessage, PasswordResultCode,
};
use std::format;
use std::string::{String, ToString};
use std::sync::RwLock;
use std::time::Duration;

const NEW: &[u8] = b"battery staple";
const AES128: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;

/// alice, root/admin, who may set passwords, the service HTTP/web, and the password service.
fn members() -> MemoryDirectory {
    static MEMBERS: OnceLock<MemoryDirectory> = OnceLock::new();
    let make = || {
        let mut directory = MemoryDirectory::new("R.TEST", &OsRandom, NOW).unwrap();
        for name in ["alice@R.TEST", "root/admin@R.TEST"] {
            directory.insert(PrincipalEntry::user_of(principal(name), PASSWORD, &[AES256, AES128], NOW).unwrap());
        }
        directory.insert(PrincipalEntry::service(principal("HTTP/web@R.TEST"), &OsRandom, NOW).unwrap());
        directory.insert(PrincipalEntry::password_service("R.TEST", &OsRandom, NOW).unwrap());
        directory
    };
    MEMBERS.get_or_init(make).clone()
}

fn settings() -> Settings {
    Settings { password_administrators: vec![principal("root/admin@R.TEST")], ..Settings::default() }
}

/// A realm that can change its directory, which stays at hand.
struct Served {
    directory: Arc<RwLock<MemoryDirectory>>,
    realm: Realm,
}

impl Served {
    fn of(directory: MemoryDirectory, settings: Settings) -> Served {
        let directory = Arc::new(RwLock::new(directory));
        Served { realm: Realm::new("R.TEST", directory.clone(), settings, Arc::new(OsRandom)), directory }
    }

    fn new() -> Served {
        Served::of(members(), settings())
    }

    fn entry(&self, name: &str) -> Arc<PrincipalEntry> {
        self.directory.find(&principal(name)).unwrap().unwrap()
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut PrincipalEntry)) {
        assert!(self.directory.write().unwrap().change(&principal(name), change));
    }

    fn log_in(
        &self,
        name: &str,
        password: &[u8],
        service: Option<&str>,
        now: Time,
    ) -> Result<HeldTicket, ExchangeError> {
        let options = TicketOptions { service: service.map(principal), ..TicketOptions::default() };
        let secret = ClientSecret::Password(Secret::new(password.to_vec()));
        let mut step = Login::new(principal(name), secret, options, Arc::new(OsRandom)).begin(now)?;
        loop {
            step = match step {
                ExchangeStep::Complete(got) => return Ok(got.ticket),
                ExchangeStep::NeedsKdc(next, request) => next.reply(&self.kdc(&request.bytes, now), now)?,
                ExchangeStep::NeedsAnswer(_, question) => panic!("{question}"),
            };
        }
    }

    fn kdc(&self, bytes: &[u8], now: Time) -> Vec<u8> {
        answer(&self.realm, bytes, now).reply.unwrap()
    }

    /// A ticket for the password service that came from the password.
    fn initial(&self, name: &str) -> HeldTicket {
        self.log_in(name, PASSWORD, Some("kadmin/changepw@R.TEST"), NOW).unwrap()
    }

    /// One that came from a login.
    fn derived(&self, name: &str) -> HeldTicket {
        let tgt = self.log_in(name, PASSWORD, None, NOW).unwrap();
        let (service, options) = (principal("kadmin/changepw@R.TEST"), TicketOptions::default());
        match TicketRequest::new(&tgt, service, options, Arc::new(OsRandom)).begin(NOW).unwrap() {
            ExchangeStep::NeedsKdc(next, request) => match next.reply(&self.kdc(&request.bytes, NOW), NOW).unwrap() {
                ExchangeStep::Complete(acquired) => acquired.ticket,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn password(&self, bytes: &[u8], now: Time) -> crate::PasswordAnswer {
        let peer = Some("192.0.2.7".parse().unwrap());
        self.realm.handle_password(&Request { bytes, transport: Transport::Udp, peer }, None, now)
    }

    fn ask(&self, change: &PasswordChange) -> Result<(), PasswordError> {
        let exchange = change.begin(None, NOW)?;
        let reply = self.password(exchange.request(), NOW).reply.expect("a request is answered");
        match exchange.reply(&reply, NOW)? {
            PasswordStep::Complete => Ok(()),
            PasswordStep::NeedsServer(exchange) => panic!("{exchange:?}"),
        }
    }

    fn refused(&self, change: &PasswordChange) -> (PasswordResultCode, std::string::String) {
        match self.ask(change) {
            Err(PasswordError::Refused(refusal)) => (refusal.code, refusal.text.unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }
}

fn to(ticket: &HeldTicket, new_password: &[u8]) -> PasswordChange {
    PasswordChange::new(ticket, Secret::new(new_password.to_vec()), Arc::new(OsRandom))
}

fn set(ticket: &HeldTicket, target: &str) -> PasswordChange {
    PasswordChange::set(ticket, principal(target), Secret::new(NEW.to_vec()), Arc::new(OsRandom))
}

#[test]
fn a_user_changes_its_password_and_the_old_one_is_gone() {
    let served = Served::of(members(), Settings { max_password_age: Some(Duration::from_secs(90)), ..settings() });
    served.edit("alice@R.TEST", |alice| (alice.failures, alice.password_expires) = (2, Some(NOW)));
    let before = served.entry("alice@R.TEST");
    served.ask(&to(&served.initial("alice@R.TEST"), NEW)).unwrap();
    let after = served.entry("alice@R.TEST");
    let enctypes = |entry: &PrincipalEntry| entry.keys.iter().map(|key| key.enctype()).collect::<Vec<_>>();
    assert_eq!((before.kvno(), after.kvno(), enctypes(&after)), (Some(1), Some(2), vec![AES256, AES128]));
    assert_eq!((after.password_expires, after.failures, after.modified), (Some(at(90)), 0, NOW));
    assert!(served.log_in("alice@R.TEST", PASSWORD, None, NOW).is_err());
    assert!(served.log_in("alice@R.TEST", NEW, None, NOW).is_ok());
}

#[test]
fn the_event_says_who_has_changed_whose_password() {
    let served = Served::new();
    let exchange = set(&served.derived("root/admin@R.TEST"), "alice@R.TEST").begin(None, NOW).unwrap();
    let event = served.password(exchange.request(), NOW).event;
    assert_eq!(
        event.to_string(),
        "password from 192.0.2.7 by UDP: changed, key version 2; root/admin@R.TEST for alice@R.TEST"
    );
    let event = served.password(b"\0\x06\0\x01\0\0", NOW).event;
    assert_eq!(
        event.to_string(),
        "password from 192.0.2.7 by UDP: ignored: password message: at byte 4: there is no AP-REQ"
    );
}

#[test]
fn administrators_set_others_passwords_and_nobody_else_does() {
    let served = Served::new();
    assert_eq!(
        served.refused(&set(&served.initial("alice@R.TEST"), "root/admin@R.TEST")),
        (PasswordResultCode::ACCESSDENIED, "only administrators set others' passwords".into())
    );
    served.ask(&set(&served.derived("root/admin@R.TEST"), "alice@R.TEST")).unwrap();
    assert!(served.log_in("alice@R.TEST", NEW, None, NOW).is_ok());
    for name in ["nobody@R.TEST", "HTTP/web@R.TEST", "krbtgt/R.TEST@R.TEST", "kadmin/changepw@R.TEST"] {
        let (code, text) = served.refused(&set(&served.derived("root/admin@R.TEST"), name));
        let why = if name.starts_with("nobody") { "no such principal" } else { "no password" };
        assert!(code == PasswordResultCode::HARDERROR && text.contains(why), "{name}: {text}");
    }
}

#[test]
fn ones_own_password_is_changed_with_a_ticket_that_came_from_it() {
    let served = Served::new();
    for name in ["alice@R.TEST", "root/admin@R.TEST"] {
        let ticket = served.derived(name);
        assert_eq!(served.refused(&to(&ticket, NEW)).0, PasswordResultCode::INITIAL_FLAG_NEEDED);
        assert_eq!(served.refused(&set(&ticket, name)).0, PasswordResultCode::INITIAL_FLAG_NEEDED);
        served.ask(&set(&served.initial(name), name)).unwrap();
    }
}

#[test]
fn passwords_that_break_the_rules_are_refused_with_a_text() {
    let served = Served::new();
    let ticket = served.initial("alice@R.TEST");
    let long = vec![b'x'; PASSWORD_LIMIT + 1];
    for (new_password, text) in [
        (&b"short"[..], "at least 8 characters"),
        ("é".repeat(7).as_bytes(), "at least 8 characters"),
        (b"", "at least 8"),
        (PASSWORD, "the old one"),
        (&long, "1024 bytes"),
    ] {
        let (code, told) = served.refused(&to(&ticket, new_password));
        assert!(code == PasswordResultCode::SOFTERROR && told.contains(text), "{told}");
    }
    served.ask(&to(&ticket, &long[..PASSWORD_LIMIT])).unwrap();
    let lax = Served::of(members(), Settings { min_password_length: 0, ..settings() });
    assert_eq!(lax.refused(&to(&lax.initial("alice@R.TEST"), b"")).0, PasswordResultCode::SOFTERROR);
}

/// Changes alice's password from one to another, at a time.
fn changes(served: &Served, old: &[u8], new: &[u8], now: Time) -> Result<(), String> {
    let ticket = served.log_in("alice@R.TEST", old, Some("kadmin/changepw@R.TEST"), now).unwrap();
    let exchange = to(&ticket, new).begin(None, now).unwrap();
    let reply = served.password(exchange.request(), now).reply.unwrap();
    match exchange.reply(&reply, now) {
        Ok(PasswordStep::Complete) => Ok(()),
        Err(PasswordError::Refused(refusal)) if refusal.code == PasswordResultCode::SOFTERROR => {
            Err(refusal.text.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn passwords_that_were_used_before_are_refused_as_far_back_as_the_settings_look() {
    let (a, b, c, d) = (PASSWORD, NEW, b"third password", b"fourth password");
    for (password_history, refused) in [(0, 1), (1, 1), (2, 2), (3, 3), (1000, 4)] {
        let served = Served::of(members(), Settings { password_history, ..settings() });
        let change = |old, new: &[u8], count| changes(&served, old, new, at(count));
        change(a, b, 1).unwrap();
        change(b, c, 2).unwrap();
        change(c, d, 3).unwrap();
        let kept = served.entry("alice@R.TEST").password_history.clone();
        assert_eq!(kept.len(), refused.max(1) - 1, "{password_history}");
        assert!(kept.iter().all(|key| key.enctype() == AES256), "one key of each");
        for (count, before) in [&d[..], c, b, a].into_iter().enumerate() {
            let result = change(d, before, 4);
            assert_eq!(result.is_err(), count < refused, "{password_history}: {count} {result:?}");
            match result {
                Err(text) if count == 0 => assert_eq!(text, "The new password is the old one."),
                Err(text) => assert!(text.starts_with("The new password was used before: it must differ "), "{text}"),
                // What was taken is the password now.
                Ok(()) => break,
            }
        }
    }
}

#[test]
fn what_is_remembered_is_no_key_of_anybody() {
    let served = Served::of(members(), Settings { password_history: 5, ..settings() });
    changes(&served, PASSWORD, NEW, at(1)).unwrap();
    assert_eq!(served.entry("alice@R.TEST").password_history.len(), 1);
    assert!(served.log_in("alice@R.TEST", PASSWORD, None, at(2)).is_err());
    let entry = served.entry("alice@R.TEST");
    assert!(entry.keytab().entries().iter().all(|entry| entry.kvno == 2));
    assert!(!format!("{entry:?}").contains("bytes"));
}

#[test]
fn administrators_are_told_of_earlier_passwords_too() {
    let served = Served::of(members(), Settings { password_history: 3, ..settings() });
    changes(&served, PASSWORD, NEW, at(1)).unwrap();
    changes(&served, NEW, b"third password", at(2)).unwrap();
    let (code, text) = served.refused(&set(&served.derived("root/admin@R.TEST"), "alice@R.TEST"));
    assert!(code == PasswordResultCode::SOFTERROR && text.contains("used before"), "{text}");
}

#[test]
fn a_password_is_kept_for_a_while_unless_it_has_expired_or_an_administrator_sets_it() {
    let settings = || Settings { min_password_age: Duration::from_secs(60), ..settings() };
    let served = Served::of(members(), settings());
    let told = changes(&served, PASSWORD, NEW, at(59)).unwrap_err();
    assert_eq!(told, format!("The password was changed lately. It can be changed again from {} on.", at(60)));
    changes(&served, PASSWORD, NEW, at(60)).unwrap();
    assert!(changes(&served, NEW, PASSWORD, at(119)).is_err());
    changes(&served, NEW, PASSWORD, at(120)).unwrap();
    served.edit("alice@R.TEST", |alice| alice.password_expires = Some(at(121)));
    changes(&served, PASSWORD, NEW, at(121)).unwrap();
    let served = Served::of(members(), settings());
    served.ask(&set(&served.derived("root/admin@R.TEST"), "alice@R.TEST")).unwrap();
    let served = Served::of(members(), settings());
    served.edit("alice@R.TEST", |alice| alice.password_changed = None);
    changes(&served, PASSWORD, NEW, at(1)).unwrap();
}

#[test]
fn who_is_gone_disabled_or_expired_changes_nothing() {
    let after = |change: fn(&Served)| {
        let served = Served::new();
        let ticket = served.initial("alice@R.TEST");
        change(&served);
        served.refused(&to(&ticket, NEW)).0
    };
    let denied = PasswordResultCode::ACCESSDENIED;
    assert_eq!(after(|served| served.edit("alice@R.TEST", |alice| alice.disabled = true)), denied);
    assert_eq!(after(|served| served.edit("alice@R.TEST", |alice| alice.expires = Some(NOW))), denied);
    assert_eq!(after(|served| drop(served.directory.write().unwrap().remove(&principal("alice@R.TEST")))), denied);
}

#[test]
fn an_expired_password_is_changed() {
    let served = Served::new();
    served.edit("alice@R.TEST", |alice| alice.password_expires = Some(NOW));
    assert!(served.log_in("alice@R.TEST", PASSWORD, None, NOW).is_err());
    served.ask(&to(&served.initial("alice@R.TEST"), NEW)).unwrap();
    assert_eq!(served.entry("alice@R.TEST").password_expires, None);
    assert!(served.log_in("alice@R.TEST", NEW, None, NOW).is_ok());
}

#[test]
fn a_request_counts_once() {
    let served = Served::new();
    let exchange = to(&served.initial("alice@R.TEST"), NEW).begin(None, NOW).unwrap();
    let request = exchange.request().to_vec();
    served.password(&request, NOW);
    served.edit("alice@R.TEST", |alice| alice.set_password(b"a third one", &[AES256], None, NOW).unwrap());
    for now in [NOW, at(299)] {
        let event = served.password(&request, now).event;
        assert!(event.to_string().contains("seen before"), "{event}");
    }
    assert!(served.log_in("alice@R.TEST", b"a third one", None, NOW).is_ok());
    let event = served.password(&request, at(301)).event;
    assert!(matches!(event.outcome, PasswordOutcome::Refused { .. }), "{event}");
}

#[test]
fn while_too_many_requests_are_remembered_there_are_no_further_ones() {
    let mut served = Served::new();
    served.realm.password_requests = ReplayGuard::in_memory_with_limit(0);
    assert_eq!(served.refused(&to(&served.initial("alice@R.TEST"), NEW)).0, PasswordResultCode::AUTHERROR);
}

#[test]
fn a_ticket_for_another_service_or_an_old_one_changes_nothing() {
    let served = Served::new();
    let web = served.log_in("alice@R.TEST", PASSWORD, Some("HTTP/web@R.TEST"), NOW).unwrap();
    let passed_off = HeldTicket { server: principal("kadmin/changepw@R.TEST"), ..web };
    assert_eq!(served.refused(&to(&passed_off, NEW)).0, PasswordResultCode::AUTHERROR);
    let exchange = to(&served.initial("alice@R.TEST"), NEW).begin(None, at(200)).unwrap();
    let event = served.password(exchange.request(), at(301)).event;
    assert!(event.to_string().contains("the ticket ended"), "{event}");
    let exchange = to(&served.initial("alice@R.TEST"), NEW).begin(None, at(290)).unwrap();
    let event = served.password(exchange.request(), at(-11)).event;
    assert!(event.to_string().contains("301 s ahead"), "{event}");
    served.directory.write().unwrap().remove(&principal("kadmin/changepw@R.TEST"));
    let exchange = to(&passed_off, NEW).begin(None, NOW).unwrap();
    assert!(matches!(served.password(exchange.request(), NOW).event.outcome, PasswordOutcome::Refused { .. }));
    assert_eq!(served.entry("alice@R.TEST").kvno(), Some(1));
}

/// A request with parts of one's own.
struct Made {
    ticket: HeldTicket,
    client: &'static str,
    subkey: Option<EncryptionKey>,
    /// In the authenticator, and in the message.
    numbers: [Option<u32>; 2],
    address: (i32, [u8; 4]),
    version: u16,
    data: Vec<u8>,
}

impl Made {
    fn new(served: &Served) -> Made {
        Made {
            ticket: served.initial("alice@R.TEST"),
            client: "alice",
            subkey: Some(EncryptionKey::generate(AES256, &OsRandom).unwrap()),
            numbers: [Some(5); 2],
            address: (3, [0; 4]),
            version: PasswordMessage::CHANGE,
            data: NEW.to_vec(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let authenticator = Authenticator {
            crealm: "R.TEST",
            cname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec![self.client] },
            cksum: None,
            cusec: NOW.into(),
            ctime: NOW.into(),
            subkey: self.subkey.as_ref().map(KeyRef::from),
            seq_number: self.numbers[0],
            authorization_data: AuthorizationData::default(),
        };
        let cipher = sealed(&self.ticket.key, KeyUsage::AP_REQ_AUTHENTICATOR, &authenticator.to_der());
        let ap = ApReq {
            ap_options: ApOptions::MUTUAL_REQUIRED,
            ticket: Encoded::<Ticket<'_>>::decode(&self.ticket.ticket).unwrap(),
            authenticator: EncryptedData { etype: self.ticket.key.enctype(), kvno: None, cipher: &cipher },
        };
        let (kind, octets) = self.address;
        let part = EncKrbPrivPart {
            user_data: &self.data,
            timestamp: None,
            usec: None,
            seq_number: self.numbers[1],
            s_address: HostAddress { addr_type: handfast::krb5::message::AddressType(kind), address: &octets },
            r_address: None,
        };
        let key = self.subkey.as_ref().unwrap_or(&self.ticket.key);
        let cipher = sealed(key, KeyUsage::KRB_PRIV_ENC_PART, &part.to_der());
        let message =
            KrbPriv { enc_part: EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher } }.to_der();
        PasswordMessage { version: self.version, ap: &ap.to_der(), message: &message }.to_bytes().unwrap()
    }
}

#[test]
fn every_part_of_a_request_is_checked() {
    let outcome = |spoil: fn(&mut Made)| {
        let served = Served::new();
        let mut made = Made::new(&served);
        spoil(&mut made);
        let outcome = served.password(&made.bytes(), NOW).event.outcome;
        let changed = served.entry("alice@R.TEST").kvno() == Some(2);
        assert_eq!(changed, matches!(outcome, PasswordOutcome::Changed { .. }));
        match outcome {
            PasswordOutcome::Changed { .. } => PasswordResultCode::SUCCESS,
            PasswordOutcome::Refused { code, .. } => code,
            other => panic!("{other}"),
        }
    };
    let (done, unproven) = (PasswordResultCode::SUCCESS, PasswordResultCode::AUTHERROR);
    assert_eq!(outcome(|_| ()), done);
    assert_eq!(outcome(|made| made.numbers = [None; 2]), done, "as MIT's kpasswd");
    assert_eq!(outcome(|made| made.address = (2, [192, 0, 2, 9])), done, "behind a NAT");
    assert_eq!(outcome(|made| made.client = "root"), unproven, "another client");
    assert_eq!(outcome(|made| made.subkey = None), unproven, "no subkey");
    assert_eq!(outcome(|made| made.numbers = [Some(5), Some(6)]), unproven);
    assert_eq!(outcome(|made| made.address = (3, [0, 0, 0, 1])), unproven, "a server's message");
    assert_eq!(outcome(|made| made.version = 2), PasswordResultCode::BAD_VERSION);
    assert_eq!(outcome(|made| made.version = PasswordMessage::SET), PasswordResultCode::MALFORMED);
    let weak = |made: &mut Made| made.subkey = Some(EncryptionKey::generate(Enctype::RC4_HMAC, &OsRandom).unwrap());
    assert_eq!(outcome(weak), unproven, "an enctype that is not used here");
}

#[test]
fn a_directory_that_can_not_be_changed_is_not() {
    let served = Served::new();
    let realm = Realm::new("R.TEST", Arc::new(members()), settings(), Arc::new(OsRandom));
    let exchange = to(&served.initial("alice@R.TEST"), NEW).begin(None, NOW).unwrap();
    let request = Request { bytes: exchange.request(), transport: Transport::Tcp, peer: None };
    let answer = realm.handle_password(&request, None, NOW);
    assert!(answer.event.to_string().contains("HARDERROR"), "{}", answer.event);
    let told = exchange.reply(&answer.reply.unwrap(), NOW).unwrap_err().to_string();
    assert!(told.contains("the server can't do it") && !told.contains("directory"), "{told}");
}

#[test]
fn the_reply_says_where_it_is_from_and_its_errors_are_of_the_protocol_asked_in() {
    let served = Served::new();
    let made = Made::new(&served);
    let bytes = made.bytes();
    let request = Request { bytes: &bytes, transport: Transport::Tcp, peer: None };
    let from = Some("192.0.2.1".parse().unwrap());
    let reply = served.realm.handle_password(&request, from, NOW).reply.unwrap();
    let message = PasswordMessage::decode(&reply).unwrap();
    let opened =
        |key: &EncryptionKey, usage, cipher: &[u8]| CipherKey::new(key, usage).unwrap().decrypt(cipher).unwrap();
    let sealed = KrbPriv::decode(message.message).unwrap().enc_part.cipher;
    let part = opened(made.subkey.as_ref().unwrap(), KeyUsage::KRB_PRIV_ENC_PART, sealed);
    let part = EncKrbPrivPart::decode(part.expose()).unwrap();
    assert_eq!((part.s_address.address, part.user_data), (&[192, 0, 2, 1][..], &[0, 0][..]));
    let sealed = handfast::krb5::message::ApRep::decode(message.ap).unwrap().enc_part.cipher;
    let rep = opened(&made.ticket.key, KeyUsage::AP_REP_ENC_PART, sealed);
    assert_eq!(EncApRepPart::decode(rep.expose()).unwrap().seq_number, part.seq_number);

    let again = served.password(&bytes, NOW).reply.unwrap();
    let framed = PasswordMessage::decode(&again).unwrap();
    assert!(framed.ap.is_empty() && KrbError::decode(framed.message).is_ok());
    let newer = Made { version: PasswordMessage::SET, numbers: [Some(1), Some(2)], ..made }.bytes();
    assert!(KrbError::decode(&served.password(&newer, NOW).reply.unwrap()).is_ok());
}

/// CVE-2002-2443: two servers, each of which answers the other's answer, do so for ever; anyone can start it with one datagram.
#[test]
fn cve_2002_2443_nothing_that_a_password_server_sends_is_answered() {
    let served = Served::new();
    let made = Made::new(&served);
    let exchange = to(&served.initial("alice@R.TEST"), NEW).begin(None, NOW).unwrap();
    let done = served.password(exchange.request(), NOW).reply.unwrap();
    let error = served.password(exchange.request(), NOW).reply.unwrap();
    let newer = Made { version: PasswordMessage::SET, numbers: [Some(1), Some(2)], ..made };
    let bare = served.password(&newer.bytes(), NOW).reply.unwrap();
    let with = |version, ap: &[u8]| PasswordMessage { version, ap, message: b"" }.to_bytes().unwrap();
    for sent in [done, error, bare, vec![], b"\0\x04\0\x01".to_vec(), with(1, &[]), with(2, &[]), with(0xff80, b"x")] {
        let answer = served.password(&sent, NOW);
        assert_eq!(answer.reply, None, "{}", answer.event);
        assert!(matches!(answer.event.outcome, PasswordOutcome::Ignored { .. }));
    }
}

#[test]
fn cut_and_changed_requests_end_in_silence_refusal_or_the_same_change() {
    let (before, settings) = (members(), settings());
    let first = Served::of(before.clone(), settings.clone());
    let whole = to(&first.initial("alice@R.TEST"), NEW).begin(None, NOW).unwrap().request().to_vec();
    let outcome = |bytes: &[u8]| {
        let served = Served::of(before.clone(), settings.clone());
        let answer = served.password(bytes, NOW);
        let kvno = served.entry("alice@R.TEST").kvno();
        match answer.event.outcome {
            PasswordOutcome::Changed { .. } => {
                assert_eq!(kvno, Some(2));
                assert!(answer.event.client == Some(principal("alice@R.TEST")));
                true
            }
            _ => {
                assert_eq!(kvno, Some(1));
                false
            }
        }
    };
    assert!(outcome(&whole));
    assert!((0..whole.len()).all(|length| !outcome(&whole[..length])));
    let mut same = Vec::new();
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if outcome(&changed) {
            same.push(bit);
        }
    }
    // What no key covers: the options of the AP-REQ, 32 bits, and the name type of the ticket's service.
    assert!(same.len() <= 32 + 32, "{same:?}");
}
