//! FAST in the TGS exchange (RFC 6113 5.4): our client against the realm, and requests made by hand.

use super::*;
use handfast::crypto::{Random, RandomError};
use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::fx_cf2;
use handfast::krb5::exchange::{
    ClientSecret, ExchangeError, ExchangeStep, FastUse, Login, Mismatch, TicketOptions, TicketRequest,
};
use handfast::krb5::message::{
    AdElement, AdType, ArmorType, FastOptions, KrbFastArmor, KrbFastArmoredRep, KrbFastArmoredReq, KrbFastReq,
    KrbFastResponse, MethodData, PaFxFastReply, PaFxFastRequest,
};
use std::sync::atomic::{AtomicU8, Ordering};

const AES128: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;
const FAST: PaDataType = PaDataType::FX_FAST;

/// The same octets each time.
#[derive(Default)]
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

fn options(fast: FastUse) -> TicketOptions {
    TicketOptions { fast, fast_tgs: fast, enctypes: vec![AES128], ..TicketOptions::default() }
}

fn held(client: &str, key: EncryptionKey) -> HeldTicket {
    let keys = ClientSecret::Keys(vec![key]);
    let mut step = Login::new(principal(client), keys, options(FastUse::Off), Arc::new(OsRandom)).begin(NOW).unwrap();
    loop {
        step = match step {
            ExchangeStep::NeedsKdc(next, request) => {
                next.reply(&answer(&realm(), &request.bytes, NOW).reply.unwrap(), NOW).unwrap()
            }
            ExchangeStep::NeedsAnswer(..) => panic!("a question"),
            ExchangeStep::Complete(got) => return got.ticket,
        };
    }
}

/// alice's ticket-granting ticket, the same each time.
fn alices() -> HeldTicket {
    static TICKET: OnceLock<HeldTicket> = OnceLock::new();
    TICKET.get_or_init(|| held("alice@R.TEST", user_key(AES128))).clone()
}

/// A request that is the same each time.
fn wanted(service: &str, options: TicketOptions) -> TicketRequest {
    TicketRequest::new(&alices(), principal(service), options, Arc::new(Counting::default()))
}

fn web(fast: FastUse) -> TicketRequest {
    wanted("HTTP/web@R.TEST", options(fast))
}

/// Runs a request that needs one message and its answer.
fn drive(
    realm: &Realm,
    request: TicketRequest,
    to_kdc: impl FnOnce(Vec<u8>) -> Vec<u8>,
    to_client: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> Result<HeldTicket, ExchangeError> {
    let ExchangeStep::NeedsKdc(next, request) = request.begin(NOW)? else { panic!("a ticket out of nothing") };
    let reply = answer(realm, &to_kdc(request.bytes), NOW).reply.unwrap_or_default();
    match next.reply(&to_client(reply), NOW)? {
        ExchangeStep::Complete(acquired) => Ok(acquired.ticket),
        _ => panic!("it asks for more"),
    }
}

fn same(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn mismatch(result: Result<HeldTicket, ExchangeError>) -> Mismatch {
    match result {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

fn types(padata: &[PaData<'_>]) -> Vec<PaDataType> {
    padata.iter().map(|padata| padata.padata_type).collect()
}

/// The message and its answer, and the ticket.
fn recorded(fast: FastUse) -> (Vec<u8>, Vec<u8>, HeldTicket) {
    let (mut request, mut reply) = (vec![], vec![]);
    let keep = |bytes: Vec<u8>, kept: &mut Vec<u8>| {
        kept.clone_from(&bytes);
        bytes
    };
    let ticket = drive(&realm(), web(fast), |bytes| keep(bytes, &mut request), |bytes| keep(bytes, &mut reply));
    (request, reply, ticket.unwrap())
}

#[test]
fn a_ticket_is_asked_for_and_given_inside() {
    let (tgs, checked) = (PaDataType::TGS_REQ, PaDataType::REQ_ENC_PA_REP);
    for (fast, outside, reply_has) in [
        (FastUse::Off, vec![tgs, checked], vec![]),
        (FastUse::IfPossible, vec![tgs, FAST, checked], vec![FAST]),
        (FastUse::Required, vec![tgs, FAST], vec![FAST]),
    ] {
        let (request, reply, ticket) = recorded(fast);
        assert_eq!(types(&KdcReq::decode(&request).unwrap().padata), outside);
        assert_eq!(types(&KdcRep::decode(&reply).unwrap().padata), reply_has);
        assert_eq!((ticket.client, ticket.server), (principal("alice@R.TEST"), principal("HTTP/web@R.TEST")));
    }
}

#[test]
fn a_hidden_name_is_in_neither_message() {
    let sees_name = |hide_client_name| {
        let options = TicketOptions { hide_client_name, ..options(FastUse::Required) };
        let mut seen = false;
        let look = |bytes: Vec<u8>| {
            seen |= bytes.windows(5).any(|window| window == b"alice");
            bytes
        };
        assert!(drive(&realm(), wanted("HTTP/web@R.TEST", options), same, look).is_ok());
        seen
    };
    assert_eq!((sees_name(true), sees_name(false)), (false, true));
}

#[test]
fn a_refusal_stands_inside() {
    for (fast, inside) in [(FastUse::Required, true), (FastUse::IfPossible, true), (FastUse::Off, false)] {
        let mut error = vec![];
        let look = |bytes: Vec<u8>| {
            error.clone_from(&bytes);
            bytes
        };
        let result = drive(&realm(), wanted("HTTP/nobody@R.TEST", options(fast)), same, look);
        let Err(ExchangeError::Refused(refusal)) = result else { panic!("{result:?}") };
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
        let e_data = KrbError::decode(&error).unwrap().e_data.map(|e_data| MethodData::decode(e_data).unwrap());
        assert_eq!(e_data.is_some_and(|methods| types(&methods.0) == [FAST]), inside);
    }
    // What stands outside does not count where something stands inside.
    let other_code = |bytes: Vec<u8>| {
        KrbError { error_code: ErrorCode::KDC_ERR_POLICY, ..KrbError::decode(&bytes).unwrap() }.to_der()
    };
    let result = drive(&realm(), wanted("HTTP/nobody@R.TEST", options(FastUse::Required)), same, other_code);
    assert!(matches!(&result, Err(ExchangeError::Refused(it)) if it.code == ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN));
}

/// What a KDC sees that does not know FAST.
fn without_fast(bytes: &[u8]) -> Vec<u8> {
    let mut message = KdcReq::decode(bytes).unwrap();
    message.padata.retain(|padata| padata.padata_type != FAST);
    message.to_der()
}

#[test]
fn fast_does_not_come_off() {
    let strip = |bytes: Vec<u8>| without_fast(&bytes);
    let not_armored = |result| matches!(result, Err(ExchangeError::NotArmored { .. }));
    assert!(not_armored(drive(&realm(), web(FastUse::Required), strip, same)));
    let nobody = wanted("HTTP/nobody@R.TEST", options(FastUse::Required));
    assert!(not_armored(drive(&realm(), nobody, strip, same)), "a refusal outside is not believed");
    assert_eq!(mismatch(drive(&realm(), web(FastUse::IfPossible), strip, same)), Mismatch::RequestChanged);
    // Taken off a reply, the key that strengthens the reply's is missing.
    let off = |bytes: Vec<u8>| KdcRep { padata: vec![], ..KdcRep::decode(&bytes).unwrap() }.to_der();
    assert!(not_armored(drive(&realm(), web(FastUse::Required), same, off)));
    let unproven = Err(ExchangeError::ReplyNotProven { realm: "R.TEST".into() });
    assert_eq!(drive(&realm(), web(FastUse::IfPossible), same, off), unproven);
}

/// What a request makes of its reply after a change inside.
fn with_reply(change: impl FnOnce(&mut KrbFastResponse<'_>)) -> Result<HeldTicket, ExchangeError> {
    // The nonce is drawn before the subkey.
    let subkey = EncryptionKey::new(AES128, [1; 16]).unwrap();
    let key = fx_cf2(&subkey, &alices().key, b"subkeyarmor", b"ticketarmor").unwrap();
    drive(&realm(), web(FastUse::Required), same, |bytes| {
        let reply = KdcRep::decode(&bytes).unwrap();
        let old = PaFxFastReply::decode(reply.padata[0].padata_value).unwrap().0.enc_fast_rep;
        let plain = CipherKey::new(&key, KeyUsage(52)).unwrap().decrypt(old.cipher).unwrap();
        let mut response = KrbFastResponse::decode(plain.expose()).unwrap();
        change(&mut response);
        let cipher = sealed(&key, KeyUsage(52), &response.to_der());
        let enc_fast_rep = EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher };
        let value = PaFxFastReply(KrbFastArmoredRep { enc_fast_rep }).to_der();
        KdcRep { padata: vec![PaData { padata_type: FAST, padata_value: &value }], ..reply.clone() }.to_der()
    })
}

#[test]
fn a_reply_inside_vouches_for_its_ticket_client_and_request() {
    assert!(with_reply(|_| ()).is_ok());
    assert_eq!(mismatch(with_reply(|it| it.finished = None)), Mismatch::NotFinished);
    assert_eq!(mismatch(with_reply(|it| it.strengthen_key = None)), Mismatch::NotStrengthened);
    assert_eq!(mismatch(with_reply(|it| it.nonce ^= 1)), Mismatch::Nonce);
    let checksum = |it: &mut KrbFastResponse<'_>| it.finished.as_mut().unwrap().ticket_checksum.checksum = &[0; 12];
    assert_eq!(mismatch(with_reply(checksum)), Mismatch::TicketChanged);
    let bob = |it: &mut KrbFastResponse<'_>| it.finished.as_mut().unwrap().cname.name_string = vec!["bob"];
    assert!(matches!(mismatch(with_reply(bob)), Mismatch::OutsideClient { .. }));
}

#[test]
fn no_message_cut_or_changed_gives_another_ticket() {
    let (request, reply, whole) = recorded(FastUse::Required);
    let with = |reply: &[u8]| drive(&realm(), web(FastUse::Required), same, |_| reply.to_vec());
    for end in 0..reply.len() {
        assert!(with(&reply[..end]).is_err(), "reply cut at {end}");
    }
    for bit in 0..reply.len() * 8 {
        let mut changed = reply.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(ticket) = with(&changed) {
            assert_eq!(ticket, whole, "bit {bit} of the reply");
        }
    }
    let realm = realm();
    for end in 0..request.len() {
        assert_eq!(answer(&realm, &request[..end], NOW).reply, None);
    }
    let mut issued = 0;
    for bit in 0..request.len() * 8 {
        let mut changed = request.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Some(reply) = answer(&realm, &changed, NOW).reply else { continue };
        if KdcRep::decode(&reply).is_ok() {
            issued += 1;
            let result = with(&reply);
            assert!(result.is_err(), "bit {bit} of the request");
        }
    }
    // Name types and key versions, which nothing covers; and what makes it a request that does not know FAST.
    assert!(issued < 200, "{issued}");
}

#[test]
fn padata_of_tickets_in_another_name_go_inside() {
    let realm = realm();
    let service = realm.directory.find(&principal("HTTP/web@R.TEST")).unwrap().unwrap();
    let key = service.keys.iter().find(|key| key.enctype() == AES128).unwrap().key().clone();
    // Under keys that were made for this directory.
    let tgt = held("HTTP/web@R.TEST", key);
    for fast in [FastUse::Off, FastUse::IfPossible, FastUse::Required] {
        let request =
            TicketRequest::for_user(&tgt, principal("alice@R.TEST"), options(fast), Arc::new(Counting::default()));
        let ticket = drive(&realm, request, same, same).unwrap();
        assert_eq!((ticket.client, ticket.server), (principal("alice@R.TEST"), principal("HTTP/web@R.TEST")));
    }
}

fn subkey() -> EncryptionKey {
    EncryptionKey::new(AES256, [0x5b; 32]).unwrap()
}

/// A request in the making, whose FAST is right until a test does it wrong.
struct ByHand {
    ask: TgsAsk,
    inside: KdcReqBody<'static>,
    armor: Option<KrbFastArmor<'static>>,
    options: FastOptions,
    usages: (KeyUsage, KeyUsage),
    covered: Option<&'static [u8]>,
    checksum_type: Option<ChecksumType>,
}

impl ByHand {
    fn new(ask: TgsAsk) -> Self {
        let inside = ask.body.clone();
        let ask = ask.with(|ask| ask.authenticator.subkey = Some(KeyRef { keytype: AES256, keyvalue: &[0x5b; 32] }));
        ByHand {
            ask,
            inside,
            armor: None,
            options: FastOptions::NONE,
            usages: (KeyUsage(50), KeyUsage(51)),
            covered: None,
            checksum_type: None,
        }
    }

    fn key(&self) -> EncryptionKey {
        fx_cf2(&subkey(), &self.ask.session, b"subkeyarmor", b"ticketarmor").unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        let key = self.key();
        let plain = self.ask.bytes();
        let mut message = KdcReq::decode(&plain).unwrap();
        let checksum_key = ChecksumKey::new(&key, self.usages.0).unwrap();
        let checksum = checksum_key.checksum(&[self.covered.unwrap_or(message.padata[0].padata_value)]);
        let body = self.inside.to_der();
        let req_body = Encoded::<KdcReqBody<'_>>::decode(&body).unwrap();
        let inside = KrbFastReq { fast_options: self.options, padata: vec![], req_body }.to_der();
        let cipher = sealed(&key, self.usages.1, &inside);
        let cksumtype = self.checksum_type.unwrap_or(checksum_key.checksum_type());
        let value = PaFxFastRequest(KrbFastArmoredReq {
            armor: self.armor,
            req_checksum: Checksum { cksumtype, checksum: &checksum },
            enc_fast_req: EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher },
        })
        .to_der();
        message.padata.push(PaData { padata_type: FAST, padata_value: &value });
        message.to_der()
    }

    /// The code, and whether it stands inside of FAST too.
    fn refused(&self, realm: &Realm) -> (ErrorCode, bool) {
        let error = ask(realm, &self.bytes(), NOW).unwrap_err();
        let methods = error.e_data.map(|e_data| MethodData::decode(e_data).unwrap().0).unwrap_or_default();
        let Some(fast) = methods.first() else { return (error.error_code, false) };
        let sealed = PaFxFastReply::decode(fast.padata_value).unwrap().0.enc_fast_rep;
        let plain = CipherKey::new(&self.key(), KeyUsage(52)).unwrap().decrypt(sealed.cipher).unwrap();
        let response = KrbFastResponse::decode(plain.expose()).unwrap();
        assert_eq!((response.nonce, response.strengthen_key, response.finished), (self.inside.nonce, None, None));
        assert_eq!(KrbError::decode(response.padata[0].padata_value).unwrap().error_code, error.error_code);
        (error.error_code, true)
    }
}

/// What becomes of a right request after a change.
fn spoilt(change: impl FnOnce(&mut ByHand)) -> (ErrorCode, bool) {
    let realm = realm();
    let mut by_hand = ByHand::new(TgsAsk::new(&tgt(&realm, |_| ()), &["HTTP", "web"]));
    assert!(ask(&realm, &by_hand.bytes(), NOW).is_ok());
    change(&mut by_hand);
    by_hand.refused(&realm)
}

#[test]
fn what_is_inside_belongs_to_the_proof_and_its_keys() {
    let failed = (ErrorCode::KDC_ERR_PREAUTH_FAILED, false);
    assert_eq!(spoilt(|it| it.ask.authenticator.subkey = None), failed);
    let armor = KrbFastArmor { armor_type: ArmorType::AP_REQUEST, armor_value: b"" };
    assert_eq!(spoilt(|it| it.armor = Some(armor)), failed, "explicit armor is for the AS");
    let other = Some(KeyRef { keytype: AES256, keyvalue: &[0x5c; 32] });
    let code = spoilt(|it| it.ask.authenticator.subkey = other);
    assert_eq!(code, (ErrorCode::KRB_AP_ERR_MODIFIED, false));
    assert_eq!(spoilt(|it| it.covered = Some(b"another proof")), (ErrorCode::KRB_AP_ERR_MODIFIED, false));
    assert_eq!(spoilt(|it| it.usages.0 = KeyUsage(6)), (ErrorCode::KRB_AP_ERR_MODIFIED, false));
    assert_eq!(spoilt(|it| it.usages.1 = KeyUsage(52)), (ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, false));
    let unkeyed = spoilt(|it| it.checksum_type = Some(ChecksumType(7)));
    assert_eq!(unkeyed, (ErrorCode::KRB_AP_ERR_INAPP_CKSUM, false));
    let critical = spoilt(|it| it.options = FastOptions(0x8000_0000 >> 15));
    assert_eq!(critical, (ErrorCode::KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS, true));
}

#[test]
fn what_is_asked_for_inside_is_what_counts() {
    let nobody = PrincipalName { name_type: NameType::SRV_INST, name_string: vec!["HTTP", "nobody"] };
    let code = spoilt(|it| it.inside.sname = Some(nobody.clone()));
    assert_eq!(code, (ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, true));
    let realm = realm();
    let mut by_hand = ByHand::new(TgsAsk::new(&tgt(&realm, |_| ()), &["HTTP", "web"]));
    by_hand.ask.body.sname = Some(nobody);
    assert!(ask(&realm, &by_hand.bytes(), NOW).is_ok());
}

/// Outside, a service's ticket is to be renewed; inside, it would be a ticket-granting one.
#[test]
fn a_services_ticket_grants_none_whatever_stands_outside() {
    let realm = realm();
    let service = TgsAsk::new(&tgt(&realm, |_| ()), &["HTTP", "web"]).held(&realm);
    let mut by_hand = ByHand::new(TgsAsk::new(&service, &["HTTP", "web"]));
    by_hand.ask.body.kdc_options = KdcOptions::RENEW;
    by_hand.inside.sname = Some(PrincipalName { name_type: NameType::SRV_INST, name_string: vec!["NFS", "files"] });
    assert_eq!(by_hand.refused(&realm), (ErrorCode::KRB_AP_ERR_NOT_US, true));
}

fn data(ad_type: AdType) -> AuthorizationData<'static> {
    AuthorizationData(vec![AdElement { ad_type, ad_data: b"" }])
}

/// A ticket-granting ticket with authorization data that its client wished.
fn marked(realm: &Realm, ad_type: AdType) -> Held {
    let tgt = tgt(realm, |_| ());
    let cipher = sealed(&tgt.session, KeyUsage(4), &data(ad_type).to_der()).leak();
    let sealed = EncryptedData { etype: AES256, kvno: None, cipher };
    TgsAsk::new(&tgt, &["krbtgt", "R.TEST"]).with(|ask| ask.body.enc_authorization_data = Some(sealed)).held(realm)
}

#[test]
fn a_ticket_for_armor_alone_gets_no_other() {
    let realm = realm();
    let ask = |ticket: &Held| TgsAsk::new(ticket, &["HTTP", "web"]);
    let ticket = marked(&realm, AdType::FX_FAST_ARMOR);
    assert_eq!(ask(&ticket).refused(&realm), ErrorCode::KDC_ERR_POLICY);
    assert_eq!(ByHand::new(ask(&ticket)).refused(&realm), (ErrorCode::KDC_ERR_POLICY, false));
    let tgt = tgt(&realm, |_| ());
    let marked = ask(&tgt).with(|ask| ask.authenticator.authorization_data = data(AdType::FX_FAST_ARMOR));
    assert_eq!(marked.refused(&realm), ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn who_says_that_fast_was_used_is_answered_inside_alone() {
    let realm = realm();
    let ticket = marked(&realm, AdType::FX_FAST_USED);
    let in_ticket = || TgsAsk::new(&ticket, &["HTTP", "web"]);
    let tgt = tgt(&realm, |_| ());
    let in_authenticator = || {
        let says = |ask: &mut TgsAsk| ask.authenticator.authorization_data = data(AdType::FX_FAST_USED);
        TgsAsk::new(&tgt, &["HTTP", "web"]).with(says)
    };
    for ask in [in_ticket(), in_authenticator()] {
        assert_eq!(ask.refused(&realm), ErrorCode::KRB_AP_ERR_MODIFIED);
    }
    for ask in [in_ticket(), in_authenticator()] {
        assert!(super::ask(&realm, &ByHand::new(ask).bytes(), NOW).is_ok());
    }
}
