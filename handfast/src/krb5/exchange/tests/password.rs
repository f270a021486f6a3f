//! Changes of a password, at a server that says whatever a test wants it to say.

use super::*;
use crate::crypto::Secret;
use crate::krb5::HostAddress;
use crate::krb5::enctype::{CipherKey, KeyUsage};
use crate::krb5::exchange::{PasswordChange, PasswordError, PasswordExchange, PasswordRefusal, PasswordStep};
use crate::krb5::message::{
    AddressType, ApOptions, ApRep, ApReq, Authenticator, ChangePasswdData, EncApRepPart, EncKrbPrivPart, EncryptedData,
    ErrorCode, HostAddress as MessageAddress, KrbError, KrbPriv, PasswordMessage, PasswordPolicy, PasswordResult,
    PasswordResultCode,
};
use alloc::format;
use alloc::string::ToString;

const SUCCESS: PasswordResultCode = PasswordResultCode::SUCCESS;
const ACCEPTOR: [u8; 4] = [0, 0, 0, 1];

fn ticket() -> HeldTicket {
    HeldTicket { server: PasswordChange::service(REALM), ..tgt() }
}

fn new_password() -> Secret<Vec<u8>> {
    Secret::new(b"correct horse".to_vec())
}

fn change() -> PasswordChange {
    PasswordChange::new(&ticket(), new_password(), random())
}

fn setting() -> PasswordChange {
    PasswordChange::set(&ticket(), principal("bob"), new_password(), random())
}

fn begun(change: &PasswordChange) -> PasswordExchange {
    change.begin(None, NOW).unwrap()
}

fn open(key: &EncryptionKey, usage: u32, sealed: &EncryptedData<'_>) -> Secret<Vec<u8>> {
    CipherKey::new(key, KeyUsage(usage)).unwrap().decrypt(sealed.cipher).unwrap()
}

fn seal(key: &EncryptionKey, usage: u32, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    CipherKey::new(key, KeyUsage(usage)).unwrap().encrypt(&[9; 16], plain, &mut out);
    out
}

/// A server's reply in parts, right as they are made.
struct Said {
    key: EncryptionKey,
    subkey: EncryptionKey,
    time: Time,
    /// The number that the AP-REP names, and the message has.
    numbers: [Option<u32>; 2],
    address: (AddressType, Vec<u8>),
    version: u16,
    data: Vec<u8>,
    ap: bool,
}

impl Said {
    /// To this request, which is checked.
    fn to(request: &[u8], version: u16) -> Said {
        let message = PasswordMessage::decode(request).unwrap();
        assert_eq!(message.version, version);
        let ap = ApReq::decode(message.ap).unwrap();
        assert_eq!(ap.ap_options, ApOptions::MUTUAL_REQUIRED);
        let key = ticket().key;
        let plain = open(&key, 11, &ap.authenticator);
        let authenticator = Authenticator::decode(plain.expose()).unwrap();
        assert_eq!(authenticator.cname.to_principal(authenticator.crealm), alice());
        let subkey = authenticator.subkey.unwrap().to_key().unwrap();
        let part = open(&subkey, 13, &KrbPriv::decode(message.message).unwrap().enc_part);
        assert_eq!(EncKrbPrivPart::decode(part.expose()).unwrap().seq_number, authenticator.seq_number);
        let data = PasswordResult { code: SUCCESS, text: b"" }.to_bytes();
        let address = (AddressType::DIRECTIONAL, ACCEPTOR.to_vec());
        Said { key, subkey, time: NOW, numbers: [Some(77); 2], address, version: 1, data, ap: true }
    }

    fn refusing(self, code: u16, text: &[u8]) -> Said {
        Said { data: PasswordResult { code: PasswordResultCode(code), text }.to_bytes(), ..self }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let enc = |key: &EncryptionKey, cipher| EncryptedData { etype: key.enctype(), kvno: None, cipher };
        let part = EncApRepPart {
            ctime: self.time.into(),
            cusec: self.time.into(),
            subkey: None,
            seq_number: self.numbers[0],
        };
        let part = seal(&self.key, 12, &part.to_der());
        let ap = ApRep { enc_part: enc(&self.key, &part) }.to_der();
        let part = EncKrbPrivPart {
            user_data: &self.data,
            timestamp: None,
            usec: None,
            seq_number: self.numbers[1],
            s_address: MessageAddress { addr_type: self.address.0, address: &self.address.1 },
            r_address: None,
        };
        let part = seal(&self.subkey, 13, &part.to_der());
        let message = KrbPriv { enc_part: enc(&self.subkey, &part) }.to_der();
        let ap = if self.ap { ap.as_slice() } else { &[] };
        PasswordMessage { version: self.version, ap, message: &message }.to_bytes().unwrap()
    }
}

/// A KRB-ERROR with that e-data.
fn error(e_data: Option<&[u8]>) -> Vec<u8> {
    let server = PasswordChange::service(REALM);
    KrbError {
        ctime: None,
        cusec: None,
        stime: NOW.into(),
        susec: NOW.into(),
        error_code: ErrorCode::KRB_AP_ERR_REPEAT,
        crealm: None,
        cname: None,
        realm: REALM,
        sname: (&server).into(),
        e_text: Some("seen\u{1b}[31m"),
        e_data,
    }
    .to_der()
}

fn answered(change: &PasswordChange, spoil: impl FnOnce(Said) -> Said) -> Result<PasswordStep, PasswordError> {
    let exchange = begun(change);
    let said = spoil(Said::to(exchange.request(), PasswordMessage::CHANGE));
    exchange.reply(&said.to_bytes(), NOW)
}

fn refused(result: Result<PasswordStep, PasswordError>) -> PasswordRefusal {
    match result {
        Err(PasswordError::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// The user data of a request, and where it says that it is from.
fn user_data(exchange: &PasswordExchange, version: u16) -> (Vec<u8>, Vec<u8>) {
    let said = Said::to(exchange.request(), version);
    let message = PasswordMessage::decode(exchange.request()).unwrap();
    let part = open(&said.subkey, 13, &KrbPriv::decode(message.message).unwrap().enc_part);
    let part = EncKrbPrivPart::decode(part.expose()).unwrap();
    (part.user_data.to_vec(), part.s_address.address.to_vec())
}

#[test]
fn ones_own_password_is_changed_in_the_original_protocol() {
    let exchange = begun(&change());
    assert_eq!(user_data(&exchange, 1), (b"correct horse".to_vec(), vec![0; 4]));
    assert!(matches!(answered(&change(), |said| said), Ok(PasswordStep::Complete)));
}

#[test]
fn a_request_says_where_it_is_from_and_no_two_have_the_same_key() {
    let from = HostAddress { addr_type: 2, address: vec![192, 0, 2, 1] };
    let change = change();
    let [one, other] = [(); 2].map(|()| change.begin(Some(from.clone()), NOW).unwrap());
    assert_eq!(user_data(&one, 1).1, [192, 0, 2, 1]);
    assert_ne!(Said::to(one.request(), 1).subkey, Said::to(other.request(), 1).subkey);
}

#[test]
fn anothers_password_is_set_as_rfc_3244_has_it() {
    let exchange = begun(&setting());
    let (data, _) = user_data(&exchange, PasswordMessage::SET);
    let data = ChangePasswdData::decode(&data).unwrap();
    let target = data.targname.as_ref().unwrap().to_principal(data.targrealm.unwrap());
    assert_eq!((data.newpasswd, target), (b"correct horse".as_slice(), principal("bob")));
    let said = Said::to(exchange.request(), PasswordMessage::SET).to_bytes();
    assert!(matches!(exchange.reply(&said, NOW), Ok(PasswordStep::Complete)));
}

#[test]
fn a_server_that_does_not_know_the_original_protocol_is_asked_once_in_the_other() {
    let bad_version = PasswordResult { code: PasswordResultCode::BAD_VERSION, text: b"" }.to_bytes();
    let Ok(PasswordStep::NeedsServer(exchange)) = begun(&change()).reply(&error(Some(&bad_version)), NOW) else {
        panic!()
    };
    let (data, _) = user_data(&exchange, PasswordMessage::SET);
    assert_eq!(ChangePasswdData::decode(&data).unwrap().targname, None);
    let said = Said::to(exchange.request(), PasswordMessage::SET).refusing(6, b"").to_bytes();
    assert_eq!(refused(exchange.reply(&said, NOW)).code, PasswordResultCode::BAD_VERSION);
    assert_eq!(refused(begun(&setting()).reply(&error(Some(&bad_version)), NOW)).code, PasswordResultCode::BAD_VERSION);
}

#[test]
fn a_refusal_has_the_servers_words_and_says_whether_they_are_proven() {
    let refusal = refused(answered(&change(), |said| said.refusing(4, b"too short")));
    assert!(refusal.proven);
    assert_eq!(
        refusal.to_string(),
        "the password service of EXAMPLE.COM refuses alice@EXAMPLE.COM a new password: the new password is not taken; \
         choose another one (the server's words: too short)"
    );
    let data = PasswordResult { code: PasswordResultCode::ACCESSDENIED, text: b"\x1b[2Jno" }.to_bytes();
    let refusal = refused(begun(&setting()).reply(&error(Some(&data)), NOW));
    assert!(!refusal.proven);
    assert_eq!(
        refusal.to_string(),
        "the password service of EXAMPLE.COM refuses alice@EXAMPLE.COM a new password of bob@EXAMPLE.COM: who asks may \
         not do it; ask the realm's administrator (the server's words: [2Jno); nothing proves that the server said so"
    );
    let unknown = refused(answered(&change(), |said| said.refusing(0xffff, b"\xff")));
    assert_eq!((unknown.code.0, unknown.text), (0xffff, None));
    let long = "é".repeat(600);
    let kept = refused(answered(&change(), |said| said.refusing(4, long.as_bytes()))).text.unwrap();
    assert_eq!(kept.chars().count(), 512);
}

#[test]
fn the_policy_of_active_directory_is_told_in_words() {
    let blob = |length: u32, history: u32, properties: u32, max: u64, min: u64| {
        let numbers = [length, history, properties].map(u32::to_be_bytes).concat();
        [&[0, 0][..], &numbers, &max.to_be_bytes(), &min.to_be_bytes()].concat()
    };
    let day = 86_400 * 10_000_000;
    let policy = refused(answered(&change(), |said| said.refusing(4, &blob(7, 24, 1, 42 * day, day)))).policy;
    assert_eq!(
        policy.unwrap().to_string(),
        "at least 7 characters; characters of several kinds, and no part of the name; none of the last 24 passwords; \
         no change for 1 days after one; a new one after 42 days"
    );
    assert_eq!(PasswordPolicy::decode(&blob(0, 0, 0, 0, 0)).unwrap().to_string(), "no rules");
    let whole = blob(7, 0, 0, 0, 0);
    assert_eq!(PasswordPolicy::decode(&whole[..29]), None);
    assert_eq!(PasswordPolicy::decode(&[&whole[..], &[0]].concat()), None);
    assert_eq!(PasswordPolicy::decode(&[&[0, 1], &whole[2..]].concat()), None);
}

#[test]
fn only_a_proven_server_says_that_it_is_done() {
    let done = PasswordResult { code: SUCCESS, text: b"" }.to_bytes();
    let is_unproven = |result: Result<PasswordStep, PasswordError>| {
        assert!(matches!(result, Err(PasswordError::NotProven { .. })), "{result:?}");
    };
    is_unproven(begun(&change()).reply(&error(Some(&done)), NOW));
    let framed = PasswordMessage { version: 1, ap: &[], message: &error(Some(&done)) }.to_bytes().unwrap();
    is_unproven(begun(&change()).reply(&framed, NOW));
    is_unproven(answered(&change(), |said| Said { key: key(17, 0xee), ..said }));
    is_unproven(answered(&change(), |said| Said { subkey: key(17, 0xee), ..said }));
    is_unproven(answered(&change(), |said| Said { subkey: key(18, 0xee), ..said }));
    assert!(answered(&change(), |said| Said { ap: false, ..said }).is_err(), "without a proof");
}

#[test]
fn a_reply_is_one_to_this_request_in_its_order_and_direction() {
    let old = |said| Said { time: seconds(-1), ..said };
    assert_eq!(answered(&change(), old).unwrap_err(), PasswordError::AnswersAnother);
    for numbers in [[Some(77), Some(78)], [Some(77), None], [None, Some(77)], [None, None]] {
        let result = answered(&change(), |said| Said { numbers, ..said });
        assert_eq!(result.unwrap_err(), PasswordError::OutOfOrder, "{numbers:?}");
    }
    let ours = |said| Said { address: (AddressType::DIRECTIONAL, vec![0; 4]), ..said };
    assert_eq!(answered(&change(), ours).unwrap_err(), PasswordError::WrongDirection);
    let address = |said| Said { address: (AddressType::IPV4, vec![127, 0, 0, 1]), ..said };
    assert!(matches!(answered(&change(), address), Ok(PasswordStep::Complete)));
    assert_eq!(answered(&change(), |said| Said { version: 2, ..said }).unwrap_err(), PasswordError::Version(2));
}

#[test]
fn a_reply_to_another_request_is_none_to_this_one() {
    let change = change();
    let [one, other] = [begun(&change), change.begin(None, seconds(1)).unwrap()];
    let reply = Said::to(one.request(), 1).to_bytes();
    assert_eq!(other.reply(&reply, NOW).unwrap_err(), PasswordError::AnswersAnother);
    let [one, other] = [(); 2].map(|()| begun(&change)); // in the same microsecond
    let reply = Said::to(one.request(), 1).to_bytes();
    assert!(matches!(other.reply(&reply, NOW), Err(PasswordError::NotProven { .. })));
    assert!(matches!(one.reply(&reply, NOW), Ok(PasswordStep::Complete)));
}

#[test]
fn the_request_itself_is_no_reply() {
    for change in [change(), setting()] {
        let exchange = begun(&change);
        let request = exchange.request().to_vec();
        assert!(exchange.reply(&request, NOW).is_err());
    }
}

#[test]
fn an_error_that_says_nothing_of_passwords_is_told() {
    let told = begun(&change()).reply(&error(None), NOW).unwrap_err().to_string();
    assert_eq!(
        told,
        "the password service of EXAMPLE.COM answers with an error: KRB_AP_ERR_REPEAT (34): the request was seen before \
         (the server's words: seen [31m)"
    );
    assert!(matches!(begun(&change()).reply(&error(Some(b"\0")), NOW), Err(PasswordError::Decode(_))));
    let long = vec![0; 16_385];
    assert!(matches!(begun(&change()).reply(&long, NOW), Err(PasswordError::Decode(error)) if error.offset == 0));
}

#[test]
fn a_ticket_that_does_not_fit_makes_no_request() {
    let begin = |ticket: HeldTicket| PasswordChange::new(&ticket, new_password(), random()).begin(None, NOW);
    assert!(matches!(begin(tgt()), Err(PasswordError::WrongService { .. })));
    let other_realm = HeldTicket { server: PasswordChange::service("OTHER"), ..tgt() };
    assert!(matches!(begin(other_realm), Err(PasswordError::WrongService { .. })));
    assert!(matches!(begin(HeldTicket { end_time: NOW, ..ticket() }), Err(PasswordError::TicketEnded { .. })));
    let long = PasswordChange::new(&ticket(), Secret::new(vec![b'x'; 70_000]), random()).begin(None, NOW);
    assert!(matches!(long, Err(PasswordError::TooLong(_))));
    let failing = PasswordChange::new(&ticket(), new_password(), Arc::new(Failing)).begin(None, NOW);
    assert!(matches!(failing, Err(PasswordError::Random(_))));
}

#[test]
fn no_password_is_shown() {
    let change = change();
    let shown = format!("{change:?} {:?}", begun(&change));
    assert!(shown.contains("alice") && !shown.contains("horse"), "{shown}");
}

#[test]
fn a_reply_that_is_cut_or_changed_is_never_taken_for_done() {
    let change = change();
    let whole = |exchange: &PasswordExchange| Said::to(exchange.request(), 1).to_bytes();
    let length = whole(&begun(&change)).len();
    for cut in 0..length {
        let exchange = begun(&change);
        let reply = whole(&exchange);
        assert!(exchange.reply(&reply[..cut], NOW).is_err(), "{cut}");
    }
    let mut unchanged = Vec::new();
    for bit in 0..length * 8 {
        let exchange = begun(&change);
        let mut reply = whole(&exchange);
        reply[bit / 8] ^= 1 << (bit % 8);
        match exchange.reply(&reply, NOW) {
            Ok(PasswordStep::Complete) => unchanged.push(bit),
            Ok(PasswordStep::NeedsServer(_)) => panic!("{bit}"),
            Err(_) => {}
        }
    }
    assert_eq!(unchanged, [], "no field of a reply is outside of what is checked");
}
