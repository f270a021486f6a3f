//! PKINIT: our client's logins, and what comes between.

use super::*;
use crate::RealmPkinit;
use handfast::crypto::{Random, RandomError, Secret};
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{ClientSecret, ExchangeError, ExchangeStep, FastUse, Login, TicketOptions};
use handfast::krb5::message::TicketFlags;
use handfast::krb5::pkinit::{
    AuthPack, ContentType, DhGroup, DhKeyPair, KdcDhKeyInfo, KdcTrust, PaPkAsRep, PaPkAsReq, PkinitError,
    PkinitIdentity, PkinitKdf, PkinitOptions, SignedData, ToSign, TrustAnchors,
};
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../../handfast/tests/pkinit/", $name)).as_slice()
    };
}

/// In 2027, when the certificates are valid.
const THEN: Time = Time::from_unix_micros(1_800_000_000_000_000);
const REALM: &str = "TEST.REALM";

/// The same octets again in every run.
#[derive(Default)]
struct Repeated(AtomicU64);

impl Random for Repeated {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for octet in out {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *octet = next.to_be_bytes()[0];
        }
        Ok(())
    }
}

fn identity(kind: &str, who: &str) -> PkinitIdentity {
    let (certificate, key) = match (who, kind) {
        ("kdc", "rsa") => (data!("kdc-rsa.pem"), data!("kdc-rsa.key")),
        ("kdc", _) => (data!("kdc-ec.pem"), data!("kdc-ec.key")),
        (_, "rsa") => (data!("user-rsa.pem"), data!("user-rsa.key")),
        _ => (data!("user-ec.pem"), data!("user-ec.key")),
    };
    PkinitIdentity::from_pem(certificate, key, None).unwrap()
}

fn anchors() -> TrustAnchors {
    TrustAnchors::from_pem(data!("ca.pem")).unwrap()
}

fn trust() -> Arc<KdcTrust> {
    Arc::new(KdcTrust::new(anchors()))
}

/// `alice`, whom the certificates name, and another.
fn pki_directory() -> MemoryDirectory {
    static DIRECTORY: OnceLock<MemoryDirectory> = OnceLock::new();
    let make = || {
        let mut directory = MemoryDirectory::new(REALM, &OsRandom, THEN).unwrap();
        for user in ["alice@TEST.REALM", "other@TEST.REALM"] {
            directory.insert(PrincipalEntry::user_of(principal(user), PASSWORD, &[AES256], THEN).unwrap());
        }
        directory
    };
    DIRECTORY.get_or_init(make).clone()
}

fn pkinit() -> RealmPkinit {
    let mut pkinit = RealmPkinit::new(identity("ec", "kdc"), anchors());
    pkinit.anonymous = true;
    pkinit
}

fn realm_with(change: impl FnOnce(&mut RealmPkinit)) -> Realm {
    let mut pkinit = pkinit();
    change(&mut pkinit);
    Realm::new(REALM, Arc::new(pki_directory()), Settings::default(), Arc::new(Repeated::default())).with_pkinit(pkinit)
}

fn certificate(kind: &str) -> ClientSecret {
    ClientSecret::Certificate { identity: identity(kind, "user"), trust: trust() }
}

fn with(change: impl FnOnce(&mut PkinitOptions)) -> TicketOptions {
    let mut pkinit = PkinitOptions { groups: vec![DhGroup::P256], ..PkinitOptions::default() };
    change(&mut pkinit);
    TicketOptions { pkinit, ..TicketOptions::default() }
}

fn login(secret: ClientSecret, options: TicketOptions) -> Login {
    Login::new(principal("alice@TEST.REALM"), secret, options, Arc::new(Repeated::default()))
}

fn anonymous(options: TicketOptions) -> Login {
    Login::anonymous(REALM, trust(), options, Arc::new(Repeated::default()))
}

/// Runs a login; `on_the_way` may change request and reply of each round trip.
fn through(
    login: Login,
    realm: &Realm,
    mut on_the_way: impl FnMut(usize, bool, &mut Vec<u8>),
) -> Result<HeldTicket, ExchangeError> {
    let mut step = login.begin(THEN)?;
    for round in 0.. {
        step = match step {
            ExchangeStep::Complete(got) => return Ok(got.ticket),
            ExchangeStep::NeedsAnswer(next, _) => next.decline(THEN)?,
            ExchangeStep::NeedsKdc(next, request) => {
                let mut bytes = request.bytes;
                on_the_way(round, true, &mut bytes);
                let request = Request { bytes: &bytes, transport: Transport::Tcp, peer: None };
                let mut reply = realm.handle(&request, THEN).reply.unwrap_or_default();
                on_the_way(round, false, &mut reply);
                next.reply(&reply, THEN)?
            }
        };
    }
    panic!("no end")
}

fn run(login: Login, realm: &Realm) -> Result<HeldTicket, ExchangeError> {
    through(login, realm, |_, _, _| ())
}

fn pkinit_error(result: Result<HeldTicket, ExchangeError>) -> PkinitError {
    match result.map(|_| ()).unwrap_err() {
        ExchangeError::Pkinit(error) => *error,
        other => panic!("{other:?}"),
    }
}

fn code(result: Result<HeldTicket, ExchangeError>) -> ErrorCode {
    match result.map(|_| ()).unwrap_err() {
        ExchangeError::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn certificates_of_both_kinds_every_group_and_function() {
    for kind in ["rsa", "ec"] {
        let realm = realm_with(|pkinit| pkinit.identity = identity(kind, "kdc"));
        let ticket = run(login(certificate(kind), TicketOptions::default()), &realm).unwrap();
        assert!(ticket.flags.contains(TicketFlags::PRE_AUTHENT) && !ticket.flags.contains(TicketFlags::ANONYMOUS));
        assert_eq!(ticket.client, principal("alice@TEST.REALM"));
    }
    let realm = realm_with(|pkinit| {
        pkinit.agreement.weak_group_2 = true;
        pkinit.agreement.weak_unbound_kdf = true;
        pkinit.agreement.kdfs.push(PkinitKdf::Sha1);
    });
    for group in [DhGroup::Modp2048, DhGroup::Modp4096, DhGroup::P256, DhGroup::P384, DhGroup::P521] {
        run(login(certificate("ec"), with(|options| options.groups = vec![group])), &realm).unwrap();
    }
    let weak = with(|options| (options.groups, options.weak_group_2) = (vec![], true));
    run(login(certificate("ec"), weak), &realm).unwrap();
    for kdf in [PkinitKdf::Sha1, PkinitKdf::Sha256, PkinitKdf::Sha384, PkinitKdf::Sha512] {
        run(login(certificate("ec"), with(|options| options.kdfs = vec![kdf])), &realm).unwrap();
    }
    let unbound = with(|options| (options.kdfs, options.weak_unbound_kdf) = (vec![], true));
    run(login(certificate("ec"), unbound), &realm).unwrap();
}

#[test]
fn what_is_not_permitted_is_refused() {
    let realm = realm_with(|_| ());
    let group_2 = |options: &mut PkinitOptions| (options.groups, options.weak_group_2) = (vec![], true);
    let refused = run(login(certificate("ec"), with(group_2)), &realm);
    assert_eq!(code(refused), ErrorCode::KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED);
    let unbound = with(|options| (options.kdfs, options.weak_unbound_kdf) = (vec![], true));
    assert_eq!(code(run(login(certificate("ec"), unbound), &realm)), ErrorCode::KDC_ERR_NO_ACCEPTABLE_KDF);
    let sha1 = with(|options| options.kdfs = vec![PkinitKdf::Sha1]);
    assert_eq!(code(run(login(certificate("ec"), sha1), &realm)), ErrorCode::KDC_ERR_NO_ACCEPTABLE_KDF);
    let none = with(|options| options.groups = vec![DhGroup::Modp1024]);
    assert!(matches!(pkinit_error(run(login(certificate("ec"), none), &realm)), PkinitError::NoGroup { .. }));
}

/// The realm names its groups, and the client goes on with one of its own among them.
#[test]
fn a_client_goes_on_with_a_group_that_the_realm_takes() {
    let realm = realm_with(|pkinit| pkinit.agreement.groups = vec![DhGroup::P521, DhGroup::P384]);
    let mut rounds = 0;
    let options = with(|options| options.groups = vec![DhGroup::P256, DhGroup::P384]);
    through(login(certificate("ec"), options), &realm, |round, _, _| rounds = round).unwrap();
    assert_eq!(rounds, 2);
    let refused = run(login(certificate("ec"), with(|_| ())), &realm);
    assert_eq!(code(refused), ErrorCode::KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED);
}

#[test]
fn an_anonymous_ticket_says_so_and_armors_a_login() {
    let realm = realm_with(|_| ());
    let nobody = run(anonymous(with(|_| ())), &realm).unwrap();
    assert!(nobody.flags.contains(TicketFlags::ANONYMOUS));
    assert_eq!(nobody.client, Principal::anonymous());
    let options = TicketOptions { fast: FastUse::Required, ..with(|_| ()) };
    let password = ClientSecret::Password(Secret::new(PASSWORD.to_vec()));
    let user = run(login(password, options.clone()).with_armor(&nobody), &realm).unwrap();
    assert_eq!(user.client, principal("alice@TEST.REALM"));
    run(login(certificate("ec"), options).with_armor(&nobody), &realm).unwrap();
    let closed = realm_with(|pkinit| pkinit.anonymous = false);
    assert_eq!(code(run(anonymous(with(|_| ())), &closed)), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

/// An anonymous proof is none of a client with a name: nobody has signed it.
#[test]
fn an_unsigned_proof_proves_no_name() {
    let realm = realm_with(|_| ());
    let unsign = |round: usize, is_request: bool, bytes: &mut Vec<u8>| {
        if round == 1 && is_request {
            *bytes = changed_proof(bytes, |signed| {
                let content = signed_content(signed, ContentType::AuthData);
                SignedData::unsigned(ContentType::AuthData, &content)
            });
        }
    };
    let refused = through(login(certificate("ec"), with(|_| ())), &realm, unsign);
    assert_eq!(code(refused), ErrorCode::KDC_ERR_INVALID_SIG);
}

/// What stands in a signed message, found without checking it.
fn signed_content(signed: &[u8], content_type: ContentType) -> Vec<u8> {
    let kind = if content_type == ContentType::AuthData { "user" } else { "kdc" };
    let message = SignedData::decode(signed).unwrap();
    let signer = message.verify(content_type, &anchors(), &Default::default(), THEN).unwrap();
    match kind {
        "user" => signer.content_of_client(&principal("alice@TEST.REALM"), &Default::default()).unwrap().to_vec(),
        _ => signer.content_of_kdc(REALM, &Default::default()).unwrap().to_vec(),
    }
}

/// A request with another signedAuthPack.
fn changed_proof(bytes: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let message = KdcReq::decode(bytes).unwrap();
    let values = message.padata.iter().map(|padata| match padata.padata_type {
        PaDataType::PK_AS_REQ => {
            let signed = PaPkAsReq::decode(padata.padata_value).unwrap().signed_auth_pack;
            PaPkAsReq { signed_auth_pack: &change(signed) }.to_der()
        }
        _ => padata.padata_value.to_vec(),
    });
    let values: Vec<Vec<u8>> = values.collect();
    let padata = message.padata.iter().zip(&values).map(|(padata, value)| PaData { padata_value: value, ..*padata });
    KdcReq { padata: padata.collect(), ..message.clone() }.to_der()
}

/// A reply with other padata of a type; none leaves it out.
fn changed_reply(bytes: &[u8], kind: PaDataType, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let message = KdcRep::decode(bytes).unwrap();
    let values = message.padata.iter().map(|padata| match padata.padata_type == kind {
        true => change(padata.padata_value),
        false => Some(padata.padata_value.to_vec()),
    });
    let values: Vec<Option<Vec<u8>>> = values.collect();
    let kept = message.padata.iter().zip(&values).filter_map(|(padata, value)| {
        value.as_ref().map(|value| PaData { padata_value: value, padata_type: padata.padata_type })
    });
    KdcRep { padata: kept.collect(), ..message.clone() }.to_der()
}

/// The reply of the last round trip, changed.
fn with_reply(login: Login, realm: &Realm, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<HeldTicket, ExchangeError> {
    through(login, realm, |round, is_request, bytes| {
        if round == 1 && !is_request {
            *bytes = change(bytes);
        }
    })
}

/// Signed anew by the KDC, with another content.
fn signed_anew(pk_as_rep: &[u8], change: impl Fn(KdcDhKeyInfo<'_>) -> Vec<u8>) -> Vec<u8> {
    let info = PaPkAsRep::decode(pk_as_rep).unwrap().dh_info;
    let content = signed_content(info.dh_signed_data, ContentType::DhKeyData);
    let content = change(KdcDhKeyInfo::decode(&content).unwrap());
    let kdc = identity("ec", "kdc");
    let message = ToSign::new(ContentType::DhKeyData, &content, &kdc).unwrap();
    let signed = message.finish(&kdc.sign(&message, &OsRandom).unwrap()).unwrap();
    PaPkAsRep { dh_info: handfast::krb5::pkinit::DhRepInfo { dh_signed_data: &signed, ..info } }.to_der()
}

/// CVE-2019-12098: an anonymous client that does not check that both have made the session key.
#[test]
fn cve_2019_12098_anonymous_replies_without_a_key_exchange_are_refused() {
    let realm = realm_with(|_| ());
    let strip = |reply: &[u8]| changed_reply(reply, PaDataType::PKINIT_KX, |_| None);
    assert_eq!(pkinit_error(with_reply(anonymous(with(|_| ())), &realm, strip)), PkinitError::NoKeyExchange);
    // A client with a name does not need it, but checks it where it is.
    with_reply(login(certificate("ec"), with(|_| ())), &realm, strip).unwrap();
    let spoil = |reply: &[u8]| {
        changed_reply(reply, PaDataType::PKINIT_KX, |value| {
            let mut value = value.to_vec();
            *value.last_mut().unwrap() ^= 1;
            Some(value)
        })
    };
    for login in [anonymous(with(|_| ())), login(certificate("ec"), with(|_| ()))] {
        assert_eq!(pkinit_error(with_reply(login, &realm, spoil)), PkinitError::SessionKey);
    }
}

#[test]
fn a_reply_that_is_not_one_to_this_proof_is_refused() {
    let realm = realm_with(|_| ());
    let user = || login(certificate("ec"), with(|_| ()));
    let in_reply = |change: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        pkinit_error(with_reply(user(), &realm, |reply| changed_reply(reply, PaDataType::PK_AS_REP, change)))
    };
    assert_eq!(in_reply(&|_| None), PkinitError::NoReply);
    let nonce = |value: &[u8]| Some(signed_anew(value, |info| KdcDhKeyInfo { nonce: info.nonce ^ 1, ..info }.to_der()));
    assert_eq!(in_reply(&nonce), PkinitError::Nonce);
    let reused = |value: &[u8]| {
        let until = Some(THEN.into());
        Some(signed_anew(value, |info| KdcDhKeyInfo { dh_key_expiration: until, ..info }.to_der()))
    };
    assert_eq!(in_reply(&reused), PkinitError::Nonce);
    let off_curve =
        |value: &[u8]| Some(signed_anew(value, |info| KdcDhKeyInfo { subject_public_key: &[0; 65], ..info }.to_der()));
    assert!(matches!(in_reply(&off_curve), PkinitError::PublicValue(_)));
    let kdf = |kdf: Option<PkinitKdf>| {
        move |value: &[u8]| {
            let info = PaPkAsRep::decode(value).unwrap().dh_info;
            let info = handfast::krb5::pkinit::DhRepInfo { kdf: kdf.map(PkinitKdf::id), ..info };
            Some(PaPkAsRep { dh_info: info }.to_der())
        }
    };
    assert!(matches!(in_reply(&kdf(Some(PkinitKdf::Sha1))), PkinitError::Kdf { .. }));
    assert_eq!(in_reply(&kdf(None)), PkinitError::NoKdf);
    // Another of the functions that were offered gives another key.
    let other =
        with_reply(user(), &realm, |reply| changed_reply(reply, PaDataType::PK_AS_REP, kdf(Some(PkinitKdf::Sha512))));
    assert!(matches!(other, Err(ExchangeError::WrongSecret { .. })), "{other:?}");
}

/// The reply to another request, by the same KDC for the same client.
#[test]
fn a_reply_from_another_request_is_refused() {
    let realm = realm_with(|_| ());
    let mut first = Vec::new();
    let random = Arc::new(OsRandom);
    let user = || Login::new(principal("alice@TEST.REALM"), certificate("ec"), with(|_| ()), random.clone());
    through(user(), &realm, |_, is_request, bytes| {
        if !is_request {
            first = bytes.clone()
        }
    })
    .unwrap();
    assert_eq!(pkinit_error(with_reply(user(), &realm, |_| first.clone())), PkinitError::Nonce);
}

#[test]
fn a_kdc_of_another_realm_or_with_a_clients_certificate_is_not_believed() {
    for other in [identity("ec", "user"), identity("rsa", "user")] {
        let realm = realm_with(|pkinit| pkinit.identity = other);
        assert!(matches!(pkinit_error(run(login(certificate("ec"), with(|_| ())), &realm)), PkinitError::Kdc(_)));
        assert!(matches!(pkinit_error(run(anonymous(with(|_| ())), &realm)), PkinitError::Kdc(_)));
    }
    let nobody = Arc::new(KdcTrust::default());
    let secret = ClientSecret::Certificate { identity: identity("ec", "user"), trust: nobody };
    assert!(matches!(pkinit_error(run(login(secret, with(|_| ())), &realm_with(|_| ()))), PkinitError::Kdc(_)));
}

#[test]
fn another_users_certificate_is_refused() {
    let realm = realm_with(|_| ());
    let other = Login::new(principal("other@TEST.REALM"), certificate("ec"), with(|_| ()), Arc::new(OsRandom));
    assert_eq!(code(run(other, &realm)), ErrorCode::KDC_ERR_CLIENT_NAME_MISMATCH);
    let strangers =
        realm_with(|pkinit| pkinit.client_trust = TrustAnchors::new([identity("rsa", "kdc").certificate().clone()]));
    let refused = run(login(certificate("ec"), with(|_| ())), &strangers);
    let Err(ExchangeError::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, ErrorCode::KDC_ERR_CANT_VERIFY_CERTIFICATE);
    let believed = identity("rsa", "kdc").certificate().subject().to_string();
    assert_eq!(refusal.trusted_certifiers, [believed.as_str()]);
    assert!(refusal.to_string().contains(&format!("the KDC believes certificates of {believed}")), "{refusal}");
    let kdcs = identity("ec", "kdc");
    let secret = ClientSecret::Certificate { identity: kdcs, trust: trust() };
    let refused = run(login(secret, with(|_| ())), &realm);
    assert_eq!(code(refused), ErrorCode::KDC_ERR_INCONSISTENT_KEY_PURPOSE);
}

/// A proof that is moved to another request, or made at another time, or lacks what belongs to it.
#[test]
fn a_proof_belongs_to_one_request_and_one_time() {
    let realm = realm_with(|pkinit| pkinit.require_freshness = true);
    let user = identity("ec", "user");
    let proof = |change: &dyn Fn(&mut AuthPack<'_>)| {
        let changed = through(login(certificate("ec"), with(|_| ())), &realm, |round, is_request, bytes| {
            if round != 1 || !is_request {
                return;
            }
            *bytes = changed_proof(bytes, |signed| {
                let content = signed_content(signed, ContentType::AuthData);
                let mut pack = AuthPack::decode(&content).unwrap();
                change(&mut pack);
                let message = ToSign::new(ContentType::AuthData, &pack.to_der(), &user).unwrap();
                message.finish(&user.sign(&message, &OsRandom).unwrap()).unwrap()
            });
        });
        code(changed)
    };
    let late = handfast::krb5::message::KerberosTime::from(Time::from_unix_micros(THEN.unix_micros() + 301_000_000));
    assert_eq!(proof(&|pack| pack.pk_authenticator.ctime = late), ErrorCode::KRB_AP_ERR_SKEW);
    assert_eq!(
        proof(&|pack| pack.pk_authenticator.pa_checksum = None),
        ErrorCode::KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED
    );
    assert_eq!(proof(&|pack| pack.pk_authenticator.pa_checksum = Some(&[0; 20])), ErrorCode::KRB_AP_ERR_MODIFIED);
    assert_eq!(
        proof(&|pack| pack.pk_authenticator.pa_checksum2.as_mut().unwrap().checksum = &[0; 32]),
        ErrorCode::KRB_AP_ERR_MODIFIED
    );
    assert_eq!(proof(&|pack| pack.pk_authenticator.freshness_token = None), ErrorCode::KDC_ERR_PREAUTH_FAILED);
    assert_eq!(proof(&|pack| pack.client_public_value = None), ErrorCode::KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED);
    let own = DhKeyPair::generate(DhGroup::P256, &OsRandom).unwrap().public_key_info();
    let mut off = own.clone();
    *off.last_mut().unwrap() ^= 1;
    let off: &'static [u8] = Box::leak(off.into_boxed_slice());
    assert_eq!(proof(&|pack| pack.client_public_value = Some(off)), ErrorCode::KDC_ERR_PREAUTH_FAILED);
}

/// The ways of a login that sends a certificate's signature, or none.
const MAKES: [fn() -> Login; 2] = [|| login(certificate("ec"), with(|_| ())), || anonymous(with(|_| ()))];

/// A message of the last round of a login that nobody changes.
fn recorded(make: fn() -> Login, of_request: bool) -> (Vec<u8>, HeldTicket) {
    let mut message = Vec::new();
    let got = through(make(), &realm_with(|_| ()), |_, is_request, bytes| {
        if is_request == of_request {
            message.clone_from(bytes);
        }
    });
    (message, got.unwrap())
}

/// A login whose proof, or the reply to it, is changed on its way.
fn changed(make: fn() -> Login, of_request: bool, change: &dyn Fn(&mut Vec<u8>)) -> Result<HeldTicket, ExchangeError> {
    through(make(), &realm_with(|_| ()), |round, is_request, bytes| {
        if round == 1 && is_request == of_request {
            change(bytes);
        }
    })
}

/// The proof, cut at every octet and with a bit of each flipped: the realm gives no ticket for it, or none that the client takes, as what
/// is not signed is in the reply's checksum (RFC 6806 11).
#[test]
fn nothing_comes_of_a_changed_proof() {
    let gives = |realm: &Realm, bytes: &[u8]| {
        let request = Request { bytes, transport: Transport::Tcp, peer: None };
        realm.handle(&request, THEN).reply.is_some_and(|reply| KdcRep::decode(&reply).is_ok())
    };
    std::thread::scope(|scope| {
        for make in MAKES {
            scope.spawn(move || {
                let (proof, _) = recorded(make, true);
                let realm = realm_with(|_| ());
                for end in 0..proof.len() {
                    assert!(!gives(&realm, &proof[..end]), "cut at {end}");
                }
                for at in 0..proof.len() {
                    let mut flipped = proof.clone();
                    flipped[at] ^= 1 << (at % 8);
                    if gives(&realm, &flipped) {
                        let end = changed(make, true, &|bytes| bytes.clone_from(&flipped));
                        assert!(end.is_err(), "octet {at} of {}", proof.len());
                    }
                }
                assert!(gives(&realm, &proof), "as it was");
            });
        }
    });
}

/// Each reply wants a login of its own, whose keys are made anew: not every octet has its turn.
const STEP: usize = 5;

/// The reply, cut at octets all over it and with a bit of each flipped: nothing comes of it, or what came before.
#[test]
fn nothing_comes_of_a_changed_reply() {
    std::thread::scope(|scope| {
        for make in MAKES {
            scope.spawn(move || {
                let (reply, whole) = recorded(make, false);
                for at in (0..reply.len()).step_by(STEP) {
                    assert!(changed(make, false, &|bytes| bytes.truncate(at)).is_err(), "cut at {at}");
                    let flip = |bytes: &mut Vec<u8>| {
                        bytes.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << (at % 8))
                    };
                    let Ok(got) = changed(make, false, &flip) else { continue };
                    // The ticket is the service's to check; and a client with a name needs no PA-PKINIT-KX.
                    let same = HeldTicket { ticket: whole.ticket.clone(), ..got } == whole;
                    assert!(same, "octet {at} of {}", reply.len());
                }
            });
        }
    });
}
