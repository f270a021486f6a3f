//! FAST (RFC 6113 5.4): our client's logins against the realm, and requests made by hand.

use super::*;
use handfast::crypto::{Random, RandomError, Secret};
use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::fx_cf2;
use handfast::krb5::exchange::{
    ClientSecret, ExchangeError, ExchangeStep, FastUse, KdcRequest, LOGIN_REQUEST_LIMIT, Login, Mismatch, TicketOptions,
};
use handfast::krb5::message::{
    ArmorType, FastOptions, KrbFastArmor, KrbFastArmoredReq, KrbFastReq, KrbFastResponse, MethodData, PaFxFastReply,
    PaFxFastRequest, TicketFlags,
};

use std::sync::atomic::{AtomicU8, Ordering};

const AES128: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;
const TIMESTAMP: PaDataType = PaDataType::ENC_TIMESTAMP;
const CHALLENGE: PaDataType = PaDataType::ENCRYPTED_CHALLENGE;

fn realm_with(preauth: &[PaDataType]) -> Realm {
    let settings = Settings { preauth: preauth.to_vec(), ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory()), settings, Arc::new(OsRandom))
}

fn required() -> TicketOptions {
    TicketOptions { fast: FastUse::Required, ..TicketOptions::default() }
}

fn secret() -> ClientSecret {
    ClientSecret::Keys(vec![user_key(AES256)])
}

fn login(secret: ClientSecret, options: TicketOptions, armor: &HeldTicket) -> Login {
    Login::new(principal("alice@R.TEST"), secret, options, Arc::new(OsRandom)).with_armor(armor)
}

/// A ticket-granting ticket that armor is made of.
fn armor() -> HeldTicket {
    let login = Login::new(principal("alice@R.TEST"), secret(), TicketOptions::default(), Arc::new(OsRandom));
    drive(&realm(), login, |_, bytes| bytes).unwrap()
}

/// Runs a login; `on_the_way` sees every message, requests with even numbers, replies with odd ones.
fn drive(
    realm: &Realm,
    login: Login,
    mut on_the_way: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
) -> Result<HeldTicket, ExchangeError> {
    let mut step = login.begin(NOW)?;
    for number in 0.. {
        step = match step {
            ExchangeStep::NeedsKdc(next, KdcRequest { bytes, .. }) => {
                assert!(number < usize::try_from(LOGIN_REQUEST_LIMIT).unwrap());
                let bytes = on_the_way(2 * number, bytes);
                let reply = answer(realm, &bytes, NOW).reply.unwrap_or_default();
                next.reply(&on_the_way(2 * number + 1, reply), NOW)?
            }
            ExchangeStep::NeedsAnswer(..) => panic!("a question"),
            ExchangeStep::Complete(got) => return Ok(got.ticket),
        };
    }
    panic!("it never ends")
}

fn mismatch(result: Result<HeldTicket, ExchangeError>) -> Mismatch {
    match result {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_goes_on_inside_by_either_method_and_with_either_secret() {
    let armor = armor();
    let password = ClientSecret::Password(Secret::new(PASSWORD.to_vec()));
    for methods in [&[CHALLENGE][..], &[TIMESTAMP], &[CHALLENGE, TIMESTAMP]] {
        for secret in [secret(), password.clone()] {
            let realm = realm_with(methods);
            let mut types = Vec::new();
            let ticket = drive(&realm, login(secret, required(), &armor), |number, bytes| {
                if number.is_multiple_of(2) {
                    let outside = KdcReq::decode(&bytes).unwrap().padata;
                    types.push(outside.iter().map(|padata| padata.padata_type).collect::<Vec<_>>());
                }
                bytes
            });
            assert!(ticket.unwrap().flags.contains(TicketFlags::PRE_AUTHENT));
            assert_eq!(types, vec![[PaDataType::FX_FAST, PaDataType::REQ_ENC_PA_REP]; 2]);
        }
    }
}

#[test]
fn a_wrong_secret_is_refused_inside() {
    let wrong = ClientSecret::Password(Secret::new(b"wrong".to_vec()));
    for methods in [[CHALLENGE], [TIMESTAMP]] {
        let result = drive(&realm_with(&methods), login(wrong.clone(), required(), &armor()), |_, bytes| bytes);
        let Err(ExchangeError::Refused(refusal)) = result else { panic!("{result:?}") };
        assert_eq!((refusal.code, refusal.tried), (ErrorCode::KDC_ERR_PREAUTH_FAILED, methods.to_vec()));
    }
}

#[test]
fn a_client_without_preauthentication_gets_a_strengthened_reply_too() {
    let realm = changed("alice@R.TEST", |alice| alice.requires_preauth = false);
    let mut messages = Vec::new();
    let ticket = drive(&realm, login(secret(), required(), &armor()), |_, bytes| {
        messages.push(bytes.clone());
        bytes
    });
    assert!(ticket.is_ok(), "{ticket:?}");
    let reply = KdcRep::decode(&messages[1]).unwrap();
    let plain = CipherKey::new(&user_key(AES256), KeyUsage::AS_REP_ENC_PART).unwrap().decrypt(reply.enc_part.cipher);
    assert!(plain.is_err(), "the client's key alone opens it");
}

#[test]
fn a_hidden_name_is_in_no_message() {
    let armor = armor();
    let sees_name = |options: TicketOptions, secret: ClientSecret| {
        let mut seen = Vec::new();
        let result = drive(&realm(), login(secret, options, &armor), |_, bytes| {
            seen.push(bytes.windows(5).any(|window| window == b"alice"));
            bytes
        });
        (result.is_ok(), seen)
    };
    let hidden = TicketOptions { hide_client_name: true, ..required() };
    assert_eq!(sees_name(hidden.clone(), secret()), (true, vec![false; 4]));
    assert_eq!(sees_name(required(), secret()), (true, vec![true; 4]));
    let wrong = ClientSecret::Password(Secret::new(b"wrong".to_vec()));
    assert_eq!(sees_name(hidden, wrong), (false, vec![false; 4]));
    // It has to be seen where FAST may be left.
    let not_required = TicketOptions { hide_client_name: true, ..TicketOptions::default() };
    assert_eq!(sees_name(not_required, secret()), (true, vec![true; 4]));
}

#[test]
fn without_an_armor_that_is_good_there_is_no_required_fast() {
    let plain = Login::new(principal("alice@R.TEST"), secret(), required(), Arc::new(OsRandom));
    let error = drive(&realm(), plain, |_, bytes| bytes).unwrap_err();
    assert_eq!(error, ExchangeError::NoArmor { realm: "R.TEST".into(), ticket: None, end: None });
    let good = armor();
    let ended = HeldTicket { end_time: NOW, ..good.clone() };
    let other = HeldTicket { server: principal("HTTP/web@R.TEST"), ..good.clone() };
    let foreign = HeldTicket { server: principal("krbtgt/OTHER@R.TEST"), ..good };
    for bad in [ended, other, foreign] {
        let error = drive(&realm(), login(secret(), required(), &bad), |_, bytes| bytes).unwrap_err();
        assert!(matches!(&error, ExchangeError::NoArmor { ticket: Some(_), .. }), "{error:?}");
        // Not required: without.
        let messages = counted(login(secret(), TicketOptions::default(), &bad));
        assert_eq!(messages, 0, "armored requests");
    }
    let off = TicketOptions { fast: FastUse::Off, ..TicketOptions::default() };
    assert_eq!(counted(login(secret(), off, &armor())), 0);
    assert_eq!(counted(login(secret(), TicketOptions::default(), &armor())), 2);
}

/// How many requests of a login that succeeds are armored.
fn counted(login: Login) -> usize {
    let mut count = 0;
    let result = drive(&realm(), login, |number, bytes| {
        count += usize::from(number.is_multiple_of(2) && has_fast(&bytes));
        bytes
    });
    assert!(result.is_ok(), "{result:?}");
    count
}

fn has_fast(request: &[u8]) -> bool {
    let padata = KdcReq::decode(request).unwrap().padata;
    padata.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST)
}

/// A request as a KDC sees it that doesn't know FAST.
fn without_fast(request: &[u8]) -> Vec<u8> {
    let mut message = KdcReq::decode(request).unwrap();
    message.padata.retain(|padata| padata.padata_type != PaDataType::FX_FAST);
    message.to_der()
}

/// An error as a KDC sends it that doesn't know FAST.
fn unoffered(reply: &[u8]) -> Vec<u8> {
    let Ok(error) = KrbError::decode(reply) else { return reply.to_vec() };
    let Ok(mut methods) = MethodData::decode(error.e_data.unwrap_or_default()) else { return reply.to_vec() };
    methods.0.retain(|padata| padata.padata_type != PaDataType::FX_FAST);
    KrbError { e_data: Some(&methods.to_der()), ..error.clone() }.to_der()
}

/// Somebody on the way who takes FAST out of requests and offers.
fn strip(number: usize, bytes: Vec<u8>) -> Vec<u8> {
    if number.is_multiple_of(2) { without_fast(&bytes) } else { unoffered(&bytes) }
}

#[test]
fn required_fast_does_not_come_off() {
    let error = drive(&realm(), login(secret(), required(), &armor()), strip).unwrap_err();
    let ExchangeError::NotArmored { realm: of, refusal: Some(refusal) } = &error else { panic!("{error:?}") };
    assert_eq!((of.as_str(), refusal.code), ("R.TEST", ErrorCode::KDC_ERR_PREAUTH_REQUIRED));
    assert!(error.to_string().contains("answered outside of FAST, which is not believed; what was said:"), "{error}");
    let open = changed("alice@R.TEST", |alice| alice.requires_preauth = false);
    let error = drive(&open, login(secret(), required(), &armor()), strip).unwrap_err();
    assert_eq!(error, ExchangeError::NotArmored { realm: "R.TEST".into(), refusal: None });
}

#[test]
fn fast_that_was_taken_off_is_noticed() {
    let result = drive(&realm(), login(secret(), TicketOptions::default(), &armor()), strip);
    assert_eq!(mismatch(result), Mismatch::FastStripped);
    let open = changed("alice@R.TEST", |alice| alice.requires_preauth = false);
    let result = drive(&open, login(secret(), TicketOptions::default(), &armor()), strip);
    assert_eq!(mismatch(result), Mismatch::RequestChanged, "the first request has the checksum already");
    // Who offers FAST and answers outside of it is no KDC that doesn't know it.
    let only_requests =
        |number: usize, bytes: Vec<u8>| if number.is_multiple_of(2) { without_fast(&bytes) } else { bytes };
    let error = drive(&realm(), login(secret(), TicketOptions::default(), &armor()), only_requests).unwrap_err();
    assert!(matches!(error, ExchangeError::NotArmored { .. }), "{error:?}");
}

#[test]
fn once_a_proof_is_inside_nothing_outside_counts() {
    // The second request is answered as if FAST were not known.
    for taken in [2, 3] {
        let error =
            drive(&realm(), login(secret(), TicketOptions::default(), &armor()), |number, bytes| match number {
                2 if taken == 2 => without_fast(&bytes),
                3 => match KdcRep::decode(&bytes) {
                    Ok(reply) => KdcRep { padata: vec![], ..reply }.to_der(),
                    Err(_) => unoffered(&bytes),
                },
                _ => bytes,
            });
        assert!(matches!(error, Err(ExchangeError::NotArmored { .. })), "{taken}: {error:?}");
    }
}

#[test]
fn replies_and_errors_of_another_conversation_are_refused() {
    let armor = armor();
    let mut first = Vec::new();
    drive(&realm(), login(secret(), required(), &armor), |_, bytes| {
        first.push(bytes.clone());
        bytes
    })
    .unwrap();
    for number in [1, 3] {
        let result = drive(&realm(), login(secret(), required(), &armor), |now, bytes| {
            if now == number { first[number].clone() } else { bytes }
        });
        assert_eq!(result, Err(ExchangeError::ReplyNotProven { realm: "R.TEST".into() }), "{number}");
    }
    // The error of the first request in answer to the second: the same armor key, another nonce.
    let mut error = Vec::new();
    let result = drive(&realm(), login(secret(), required(), &armor), |number, bytes| match number {
        1 => {
            error.clone_from(&bytes);
            bytes
        }
        3 => error.clone(),
        _ => bytes,
    });
    assert_eq!(mismatch(result), Mismatch::Nonce);
}

/// The same octets each time.
#[derive(Default)]
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

/// A login that makes the same requests each time.
fn repeatable(armor: &HeldTicket) -> Login {
    let random = Arc::new(Counting::default());
    let keys = ClientSecret::Keys(vec![user_key(AES128)]);
    let options = TicketOptions { enctypes: vec![AES128], ..required() };
    Login::new(principal("alice@R.TEST"), keys, options, random).with_armor(armor)
}

/// An armor that takes little time to compute with; the same each time.
fn quick_armor() -> HeldTicket {
    static ARMOR: OnceLock<HeldTicket> = OnceLock::new();
    let make = || {
        let options = TicketOptions { enctypes: vec![AES128], ..TicketOptions::default() };
        let keys = ClientSecret::Keys(vec![user_key(AES128)]);
        let login = Login::new(principal("alice@R.TEST"), keys, options, Arc::new(OsRandom));
        drive(&realm(), login, |_, bytes| bytes).unwrap()
    };
    ARMOR.get_or_init(make).clone()
}

/// The messages of such a login, and its ticket.
fn recorded(realm: &Realm, armor: &HeldTicket) -> (Vec<Vec<u8>>, HeldTicket) {
    let mut messages = Vec::new();
    let ticket = drive(realm, repeatable(armor), |_, bytes| {
        messages.push(bytes.clone());
        bytes
    });
    (messages, ticket.unwrap())
}

/// A repeatable login with these replies.
fn replayed(armor: &HeldTicket, replies: [&[u8]; 2]) -> Result<HeldTicket, ExchangeError> {
    let mut step = repeatable(armor).begin(NOW)?;
    for reply in replies {
        let ExchangeStep::NeedsKdc(login, _) = step else { panic!() };
        step = login.reply(reply, NOW)?;
    }
    match step {
        ExchangeStep::Complete(got) => Ok(got.ticket),
        _ => panic!("it asks for more"),
    }
}

/// The encrypted part of the ticket is the service's; of all else inside of FAST and in a reply, every bit counts, but for
/// name types (RFC 4120 6.2), the reply's key version (5.2.9), and the tags of extensible types (RFC 6113 5.4).
#[test]
fn no_reply_cut_or_changed_gives_another_ticket() {
    let armor = quick_armor();
    let (messages, whole) = recorded(&realm(), &armor);
    let (error, reply) = (&messages[1], &messages[3]);
    assert_eq!(replayed(&armor, [error, reply]), Ok(whole.clone()));
    for end in 0..error.len() {
        assert!(replayed(&armor, [&error[..end], reply]).is_err(), "error cut at {end}");
    }
    for end in 0..reply.len() {
        assert!(replayed(&armor, [error, &reply[..end]]).is_err(), "reply cut at {end}");
    }
    let flipped = |bytes: &[u8], at: usize| {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        changed
    };
    for at in 0..error.len() {
        // Outside of FAST, nothing of an error is looked at.
        if let Ok(ticket) = replayed(&armor, [&flipped(error, at), reply]) {
            assert_eq!(ticket, whole, "error at {at}");
        }
    }
    let mut harmless = 0;
    for at in 0..reply.len() {
        if let Ok(ticket) = replayed(&armor, [error, &flipped(reply, at)]) {
            assert_eq!(ticket, whole, "reply at {at}");
            harmless += 1;
        }
    }
    assert!(harmless < 8, "{harmless} octets of the reply do not count");
}

#[test]
fn no_request_cut_or_changed_gives_a_ticket_that_the_client_takes() {
    let (realm, armor) = (realm(), quick_armor());
    let (messages, _) = recorded(&realm, &armor);
    let request = &messages[2];
    for end in 0..request.len() {
        assert_eq!(answer(&realm, &request[..end], NOW).reply, None);
    }
    for at in 0..request.len() {
        let mut changed = request.clone();
        changed[at] ^= 1 << (at % 8);
        let Some(reply) = answer(&realm, &changed, NOW).reply else { continue };
        if KdcRep::decode(&reply).is_ok() {
            assert!(replayed(&armor, [&messages[1], &reply]).is_err(), "at {at}");
        }
    }
}

/// A request inside of FAST in the making: right, until a test does it wrong.
struct ByHand {
    ticket: Vec<u8>,
    ticket_key: EncryptionKey,
    authenticator: Authenticator<'static>,
    with_armor: bool,
    armor_type: ArmorType,
    usages: (KeyUsage, KeyUsage, KeyUsage),
    options: FastOptions,
    outside: KdcReqBody<'static>,
    covered: Option<Vec<u8>>,
    checksum_type: Option<ChecksumType>,
    padata: Vec<PaData<'static>>,
}

fn subkey() -> EncryptionKey {
    EncryptionKey::new(AES256, vec![0x5b; 32]).unwrap()
}

impl ByHand {
    fn new() -> Self {
        let armor = armor();
        let subkey: &'static EncryptionKey = Box::leak(Box::new(subkey()));
        ByHand {
            ticket: armor.ticket,
            ticket_key: armor.key,
            authenticator: Authenticator {
                crealm: "R.TEST",
                cname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["alice"] },
                cksum: None,
                cusec: NOW.into(),
                ctime: NOW.into(),
                subkey: Some(KeyRef::from(subkey)),
                seq_number: None,
                authorization_data: AuthorizationData::default(),
            },
            with_armor: true,
            armor_type: ArmorType::AP_REQUEST,
            usages: (KeyUsage(11), KeyUsage(50), KeyUsage(51)),
            options: FastOptions::NONE,
            outside: as_body(),
            covered: None,
            checksum_type: None,
            padata: vec![],
        }
    }

    fn armor_key(&self) -> EncryptionKey {
        fx_cf2(&subkey(), &self.ticket_key, b"subkeyarmor", b"ticketarmor").unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        let key = self.armor_key();
        let authenticator = sealed(&self.ticket_key, self.usages.0, &self.authenticator.to_der());
        let ap_req = ApReq {
            ap_options: ApOptions::NONE,
            ticket: Encoded::<Ticket<'_>>::decode(&self.ticket).unwrap(),
            authenticator: EncryptedData { etype: self.ticket_key.enctype(), kvno: None, cipher: &authenticator },
        }
        .to_der();
        let outside = self.outside.to_der();
        let inside = as_body().to_der();
        let inside = KrbFastReq {
            fast_options: self.options,
            padata: self.padata.clone(),
            req_body: Encoded::<KdcReqBody<'_>>::decode(&inside).unwrap(),
        };
        let checksum_key = ChecksumKey::new(&key, self.usages.1).unwrap();
        let checksum = checksum_key.checksum(&[self.covered.as_ref().unwrap_or(&outside)]);
        let cipher = sealed(&key, self.usages.2, &inside.to_der());
        let armor = KrbFastArmor { armor_type: self.armor_type, armor_value: &ap_req };
        let value = PaFxFastRequest(KrbFastArmoredReq {
            armor: self.with_armor.then_some(armor),
            req_checksum: Checksum {
                cksumtype: self.checksum_type.unwrap_or(checksum_key.checksum_type()),
                checksum: &checksum,
            },
            enc_fast_req: EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher },
        })
        .to_der();
        let padata = vec![PaData { padata_type: PaDataType::FX_FAST, padata_value: &value }];
        request(KdcExchange::As, padata, &self.outside)
    }

    /// The code outside of FAST, and the one inside if there is one.
    fn refused(&self) -> (ErrorCode, Option<ErrorCode>) {
        let error = ask(&realm(), &self.bytes(), NOW).unwrap_err();
        let methods = error.e_data.map(|e_data| MethodData::decode(e_data).unwrap().0).unwrap_or_default();
        let Some(fast) = methods.iter().find(|padata| padata.padata_type == PaDataType::FX_FAST) else {
            return (error.error_code, None);
        };
        assert_eq!(methods.len(), 1, "nothing else outside");
        let sealed = PaFxFastReply::decode(fast.padata_value).unwrap().0.enc_fast_rep;
        let plain = CipherKey::new(&self.armor_key(), KeyUsage(52)).unwrap().decrypt(sealed.cipher).unwrap();
        let response = KrbFastResponse::decode(plain.expose()).unwrap();
        assert_eq!((response.nonce, response.strengthen_key, response.finished), (as_body().nonce, None, None));
        let inside = response.padata.iter().find(|padata| padata.padata_type == PaDataType::FX_ERROR).unwrap();
        let inside = KrbError::decode(inside.padata_value).unwrap();
        assert_eq!(inside.e_data, None);
        (error.error_code, Some(inside.error_code))
    }

    /// What becomes of it after a change that leaves no armor.
    fn spoilt(change: impl FnOnce(&mut Self)) -> ErrorCode {
        let mut by_hand = ByHand::new();
        change(&mut by_hand);
        let (code, inside) = by_hand.refused();
        assert_eq!(inside, None, "{code}");
        code
    }
}

#[test]
fn a_request_by_hand_is_taken_as_it_should_be() {
    let required = ErrorCode::KDC_ERR_PREAUTH_REQUIRED;
    assert_eq!(ByHand::new().refused(), (required, Some(required)));
    // What is outside does not count, as long as the checksum is of it.
    let outside = KdcReqBody { cname: None, nonce: 1, ..as_body() };
    assert_eq!(ByHand { outside, ..ByHand::new() }.refused(), (required, Some(required)));
}

#[test]
fn a_wrong_armor_is_refused() {
    let failed = ErrorCode::KDC_ERR_PREAUTH_FAILED;
    assert_eq!(ByHand::spoilt(|it| it.with_armor = false), failed);
    assert_eq!(ByHand::spoilt(|it| it.armor_type = ArmorType(2)), failed);
    assert_eq!(ByHand::spoilt(|it| it.authenticator.subkey = None), failed);
    assert_eq!(ByHand::spoilt(|it| it.authenticator.cname.name_string = vec!["bob"]), ErrorCode::KRB_AP_ERR_BADMATCH);
    assert_eq!(ByHand::spoilt(|it| it.authenticator.crealm = "OTHER"), ErrorCode::KRB_AP_ERR_BADMATCH);
    assert_eq!(ByHand::spoilt(|it| it.authenticator.ctime = at(400).into()), ErrorCode::KRB_AP_ERR_SKEW);
    assert_eq!(ByHand::spoilt(|it| it.usages.0 = KeyUsage(7)), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let another_key = EncryptionKey::new(AES256, vec![1; 32]).unwrap();
    assert_eq!(ByHand::spoilt(|it| it.ticket_key = another_key), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    let short = EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, vec![1; 16]).unwrap();
    assert_eq!(ByHand::spoilt(|it| it.ticket_key = short), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    // A ticket for another service, and one that has ended.
    let realm = realm();
    let tgt = tgt(&realm, |_| ());
    let other = TgsAsk::new(&tgt, &["HTTP", "web"]).held(&realm);
    assert_eq!(ByHand::spoilt(|it| it.ticket = other.der.to_vec()), ErrorCode::KRB_AP_ERR_NOT_US);
    let ended = ask(&realm, &ByHand::new().bytes(), at(25 * HOUR)).unwrap_err();
    assert_eq!((ended.error_code, ended.e_data), (ErrorCode::KRB_AP_ERR_TKT_EXPIRED, None));
}

#[test]
fn what_is_inside_belongs_to_what_is_outside() {
    let modified = ErrorCode::KRB_AP_ERR_MODIFIED;
    let other = KdcReqBody { nonce: 3, ..as_body() };
    assert_eq!(ByHand::spoilt(|it| it.covered = Some(other.to_der())), modified, "another request's");
    assert_eq!(ByHand::spoilt(|it| it.usages.1 = KeyUsage(6)), modified);
    assert_eq!(ByHand::spoilt(|it| it.usages.2 = KeyUsage(52)), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
    // rsa-md5 has no key; hmac-sha1-96-aes128 goes with another one.
    for wrong in [7, 15] {
        let code = ByHand::spoilt(|it| it.checksum_type = Some(ChecksumType(wrong)));
        assert_eq!(code, ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
    }
}

#[test]
fn unknown_options_that_are_critical_are_refused_inside_others_are_ignored() {
    let unknown = ErrorCode::KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS;
    let options = FastOptions(0x8000_0000 >> 15);
    assert_eq!(ByHand { options, ..ByHand::new() }.refused(), (unknown, Some(unknown)));
    let required = ErrorCode::KDC_ERR_PREAUTH_REQUIRED;
    for options in [FastOptions(0x8000_0000 >> 16), FastOptions::HIDE_CLIENT_NAMES] {
        assert_eq!(ByHand { options, ..ByHand::new() }.refused(), (required, Some(required)));
    }
}

#[test]
fn encrypted_challenge_is_not_for_the_outside() {
    let padata = vec![PaData { padata_type: CHALLENGE, padata_value: &[0x30, 0] }];
    let bytes = request(KdcExchange::As, padata, &as_body());
    assert_eq!(refused(&realm(), &bytes, NOW), ErrorCode::KDC_ERR_PREAUTH_FAILED);
    let methods = ask(&realm(), &request(KdcExchange::As, vec![], &as_body()), NOW).unwrap_err();
    let methods = MethodData::decode(methods.e_data.unwrap()).unwrap().0;
    assert!(methods.iter().all(|padata| padata.padata_type != CHALLENGE), "not offered");
}

/// A challenge under a key of the client's, in one direction.
fn challenge(armor: &EncryptionKey, key: &EncryptionKey, direction: &[u8], usage: u32, time: Time) -> PaData<'static> {
    let key = fx_cf2(armor, key, direction, b"challengelongterm").unwrap();
    let plain = PaEncTsEnc { patimestamp: time.into(), pausec: None }.to_der();
    let cipher = sealed(&key, KeyUsage(usage), &plain);
    let value = EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher }.to_der();
    PaData { padata_type: CHALLENGE, padata_value: value.leak() }
}

#[test]
fn a_challenge_is_of_this_client_for_this_kdc_and_now() {
    let mut by_hand = ByHand::new();
    let armor = by_hand.armor_key();
    let (key, to_kdc) = (user_key(AES256), &b"clientchallengearmor"[..]);
    by_hand.padata = vec![challenge(&armor, &key, to_kdc, 54, NOW)];
    assert!(ask(&realm(), &by_hand.bytes(), NOW).is_ok());
    let failed = ErrorCode::KDC_ERR_PREAUTH_FAILED;
    let unlisted = user_key(Enctype::AES128_CTS_HMAC_SHA1_96);
    let other = EncryptionKey::new(AES256, vec![1; 32]).unwrap();
    for (wrong, code) in [
        (challenge(&other, &key, to_kdc, 54, NOW), failed),
        (challenge(&armor, &other, to_kdc, 54, NOW), failed),
        (challenge(&armor, &unlisted, to_kdc, 54, NOW), failed),
        (challenge(&armor, &key, b"kdcchallengearmor", 54, NOW), failed),
        (challenge(&armor, &key, to_kdc, 55, NOW), failed),
        (challenge(&armor, &key, to_kdc, 54, at(301)), ErrorCode::KRB_AP_ERR_SKEW),
        (PaData { padata_type: CHALLENGE, padata_value: b"junk" }, failed),
    ] {
        by_hand.padata = vec![wrong];
        assert_eq!(by_hand.refused(), (code, Some(code)));
    }
}

/// The armor key of a repeatable login: its subkey is what is drawn first.
fn repeatable_armor_key(armor: &HeldTicket) -> EncryptionKey {
    let subkey = EncryptionKey::new(AES128, vec![0; 16]).unwrap();
    fx_cf2(&subkey, &armor.key, b"subkeyarmor", b"ticketarmor").unwrap()
}

/// What is inside of the FAST of these padata, changed and sealed again.
fn reworked(key: &EncryptionKey, padata: &[PaData<'_>], change: impl FnOnce(&mut KrbFastResponse<'_>)) -> Vec<u8> {
    let fast = padata.iter().find(|padata| padata.padata_type == PaDataType::FX_FAST).unwrap();
    let old = PaFxFastReply::decode(fast.padata_value).unwrap().0.enc_fast_rep;
    let plain = CipherKey::new(key, KeyUsage(52)).unwrap().decrypt(old.cipher).unwrap();
    let mut response = KrbFastResponse::decode(plain.expose()).unwrap();
    change(&mut response);
    let cipher = sealed(key, KeyUsage(52), &response.to_der());
    let enc_fast_rep = EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher };
    PaFxFastReply(handfast::krb5::message::KrbFastArmoredRep { enc_fast_rep }).to_der()
}

/// What a login makes of its reply after a change inside and one outside.
fn with_reply(
    inside: impl FnOnce(&mut KrbFastResponse<'_>),
    outside: impl for<'a> FnOnce(&mut KdcRep<'a>),
) -> Result<HeldTicket, ExchangeError> {
    let armor = quick_armor();
    let (messages, _) = recorded(&realm(), &armor);
    let mut reply = KdcRep::decode(&messages[3]).unwrap();
    let value = reworked(&repeatable_armor_key(&armor), &reply.padata, inside);
    reply.padata = vec![PaData { padata_type: PaDataType::FX_FAST, padata_value: &value }];
    outside(&mut reply);
    replayed(&armor, [&messages[1], &reply.to_der()])
}

/// What a login makes of the first error after a change inside and one outside.
fn with_error(
    inside: impl FnOnce(&mut KrbFastResponse<'_>),
    outside: impl FnOnce(&mut KrbError<'_>),
) -> Result<HeldTicket, ExchangeError> {
    let armor = quick_armor();
    let (messages, _) = recorded(&realm(), &armor);
    let mut error = KrbError::decode(&messages[1]).unwrap();
    let methods = MethodData::decode(error.e_data.unwrap()).unwrap().0;
    let value = reworked(&repeatable_armor_key(&armor), &methods, inside);
    let e_data = MethodData(vec![PaData { padata_type: PaDataType::FX_FAST, padata_value: &value }]).to_der();
    error.e_data = Some(&e_data);
    outside(&mut error);
    replayed(&armor, [&error.to_der(), &messages[3]])
}

#[test]
fn a_reply_inside_vouches_for_its_ticket_client_and_request() {
    let inside = |change: fn(&mut KrbFastResponse<'_>)| mismatch(with_reply(change, |_| ()));
    assert!(with_reply(|_| (), |_| ()).is_ok());
    assert_eq!(inside(|it| it.finished = None), Mismatch::NotFinished);
    assert_eq!(inside(|it| it.nonce ^= 1), Mismatch::Nonce);
    let checksum = |it: &mut KrbFastResponse<'_>| it.finished.as_mut().unwrap().ticket_checksum.checksum = &[0; 12];
    assert_eq!(inside(checksum), Mismatch::TicketChanged);
    let unkeyed = |it: &mut KrbFastResponse<'_>| {
        it.finished.as_mut().unwrap().ticket_checksum.cksumtype = ChecksumType(7);
    };
    assert_eq!(inside(unkeyed), Mismatch::TicketChanged);
    // The reply key is strengthened, or it is another one.
    let unstrengthened = with_reply(|it| it.strengthen_key = None, |_| ());
    assert!(matches!(unstrengthened, Err(ExchangeError::WrongSecret { .. })), "{unstrengthened:?}");
}

#[test]
fn names_swapped_inside_or_outside_are_noticed() {
    let (alice, bob) = (principal("alice@R.TEST"), principal("bob@R.TEST"));
    let to_bob = |it: &mut KrbFastResponse<'_>| it.finished.as_mut().unwrap().cname.name_string = vec!["bob"];
    let expected = Mismatch::OutsideClient { inside: bob.clone(), outside: alice.clone() };
    assert_eq!(mismatch(with_reply(to_bob, |_| ())), expected);
    let outside = |reply: &mut KdcRep<'_>| reply.cname.name_string = vec!["bob"];
    let expected = Mismatch::OutsideClient { inside: alice.clone(), outside: bob.clone() };
    assert_eq!(mismatch(with_reply(|_| (), outside)), expected);
    assert_eq!(mismatch(with_reply(to_bob, outside)), Mismatch::Client { asked: alice, got: bob });
    // Nobody asked for hidden names.
    let anonymous = |reply: &mut KdcRep<'_>| {
        reply.crealm = "WELLKNOWN:ANONYMOUS";
        reply.cname.name_string = vec!["WELLKNOWN", "ANONYMOUS"];
    };
    assert!(matches!(mismatch(with_reply(|_| (), anonymous)), Mismatch::OutsideClient { .. }));
}

#[test]
fn a_challenge_that_the_kdc_leaves_unanswered_is_no_login() {
    let none = |it: &mut KrbFastResponse<'_>| it.padata.retain(|padata| padata.padata_type != CHALLENGE);
    assert_eq!(mismatch(with_reply(none, |_| ())), Mismatch::ChallengeUnanswered);
    // An answer under another key, and what looks like the client's own challenge.
    let (armor, key) = (repeatable_armor_key(&quick_armor()), user_key(AES128));
    for (direction, usage) in [(&b"clientchallengearmor"[..], 55), (b"kdcchallengearmor", 54)] {
        let wrong = challenge(&armor, &key, direction, usage, NOW);
        let replaced = |it: &mut KrbFastResponse<'_>| {
            it.padata.retain(|padata| padata.padata_type != CHALLENGE);
            it.padata.push(wrong);
        };
        assert_eq!(mismatch(with_reply(replaced, |_| ())), Mismatch::ChallengeUnanswered);
    }
}

#[test]
fn padata_and_errors_outside_do_not_count() {
    let junk = PaData { padata_type: PaDataType::ETYPE_INFO2, padata_value: b"junk" };
    assert!(with_reply(|_| (), |reply| reply.padata.push(junk)).is_ok());
    let other_code = |error: &mut KrbError<'_>| error.error_code = ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN;
    assert!(with_error(|_| (), other_code).is_ok());
    let without = |wanted| move |it: &mut KrbFastResponse<'_>| it.padata.retain(|padata| padata.padata_type != wanted);
    assert_eq!(mismatch(with_error(without(PaDataType::FX_ERROR), |_| ())), Mismatch::NoErrorInside);
    // Without a cookie the KDC has ended it.
    let ended = with_error(without(PaDataType::FX_COOKIE), |_| ());
    let Err(ExchangeError::Refused(refusal)) = ended else { panic!("{ended:?}") };
    assert_eq!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
}
