//! PKINIT at MIT's KDC: our client with certificates, anonymous, and armored by an anonymous ticket.

use crate::ours::{kdc, now};
use handfast::Answer;
use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::exchange::{ClientSecret, ExchangeError, ExchangeStep, FastUse, Login, TicketOptions};
use handfast::krb5::message::TicketFlags;
use handfast::krb5::pkinit::{DhGroup, KdcTrust, PkinitError, PkinitIdentity, PkinitKdf, PkinitOptions, TrustAnchors};
use handfast::krb5::{Ccache, HeldTicket};
use handfast_interop::{KeyKind, MitClient, MitRealm, Pki};
use handfast_net::driver::KdcExchange;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// MIT's KDC with a certificate of `pki`, and more relations.
fn realm_of(pki: &Pki, more: &str) -> MitRealm {
    let (certificate, key) = pki.kdc(MitRealm::NAME);
    let relations = format!(
        "  pkinit_identity = FILE:{},{}\n  pkinit_anchors = FILE:{}\n{more}",
        certificate.display(),
        key.display(),
        pki.authority().display()
    );
    let realm = MitRealm::start_with_kdc(&[], &relations);
    realm.kadmin("addprinc +requires_preauth -randkey WELLKNOWN/ANONYMOUS\n");
    realm
}

fn trust(pki: &Pki) -> Arc<KdcTrust> {
    let anchors = TrustAnchors::from_pem(&std::fs::read(pki.authority()).unwrap()).unwrap();
    Arc::new(KdcTrust::new(anchors))
}

fn identity((certificate, key): &(PathBuf, PathBuf)) -> PkinitIdentity {
    PkinitIdentity::from_pem(&std::fs::read(certificate).unwrap(), &std::fs::read(key).unwrap(), None).unwrap()
}

fn secret(pki: &Pki, name: &str) -> ClientSecret {
    ClientSecret::Certificate { identity: identity(&pki.client(name, MitRealm::NAME)), trust: trust(pki) }
}

/// Runs a login; `sign` answers for the private key if that is outside.
fn run(login: Login, realm: &MitRealm, sign: Option<&PkinitIdentity>) -> Result<(HeldTicket, usize), ExchangeError> {
    let mut requests = 0;
    let mut step = login.begin(now())?;
    loop {
        step = match step {
            ExchangeStep::Complete(got) => return Ok((got.ticket, requests)),
            ExchangeStep::NeedsAnswer(next, handfast::Question::Sign { algorithm, octets, .. }) if sign.is_some() => {
                let signature = sign.unwrap().sign_octets(algorithm, &octets, &OsRandom).unwrap();
                next.answer(Answer::Signature(signature), now())?
            }
            ExchangeStep::NeedsAnswer(next, _) => next.decline(now())?,
            ExchangeStep::NeedsKdc(next, request) => {
                requests += 1;
                let reply = kdc(realm.kdc()).exchange(&request).unwrap();
                next.reply(&reply, now())?
            }
        };
    }
}

fn login(name: &str, secret: ClientSecret, options: TicketOptions) -> Login {
    Login::new(format!("{name}@{}", MitRealm::NAME).parse().unwrap(), secret, options, Arc::new(OsRandom))
}

fn with(pkinit: PkinitOptions) -> TicketOptions {
    TicketOptions { pkinit, ..TicketOptions::default() }
}

/// MIT's programs with this ticket.
fn klist_of(realm: &MitRealm, ticket: &HeldTicket) -> MitClient {
    let client = realm.client();
    let mut cache = Ccache::new(ticket.client.clone());
    cache.replace(ticket.clone());
    std::fs::write(client.ccache(), cache.encode().unwrap().expose()).unwrap();
    client
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn krb5kdc_takes_certificates_of_both_kinds_and_every_key_derivation() {
    for kind in [KeyKind::Rsa, KeyKind::P256] {
        let pki = Pki::new(kind);
        let realm = realm_of(&pki, "");
        for kdf in [PkinitKdf::Sha256, PkinitKdf::Sha512, PkinitKdf::Sha1] {
            let options = with(PkinitOptions { kdfs: vec![kdf], ..PkinitOptions::default() });
            let (ticket, requests) = run(login("alice", secret(&pki, "alice"), options), &realm, None).unwrap();
            assert_eq!((ticket.client.to_string().as_str(), requests), ("alice@MIT.TEST", 2));
            let client = klist_of(&realm, &ticket);
            assert_eq!(client.klist().principal, "alice@MIT.TEST");
            client.kvno("host/localhost").expect_success();
        }
        realm.expect_kdc_log("PKINIT: freshness token received from alice@MIT.TEST");
    }
}

#[test]
fn a_signature_from_outside_is_as_good() {
    let pki = Pki::new(KeyKind::Rsa);
    let realm = realm_of(&pki, "");
    let whole = identity(&pki.client("alice", MitRealm::NAME));
    let outside = PkinitIdentity::with_key_outside(whole.chain().to_vec()).unwrap();
    let secret = ClientSecret::Certificate { identity: outside, trust: trust(&pki) };
    let ticket = run(login("alice", secret, TicketOptions::default()), &realm, Some(&whole)).unwrap().0;
    klist_of(&realm, &ticket).kvno("host/localhost").expect_success();
}

/// The KDC names the groups that it takes; ours goes on with one of them, unless it is not permitted.
#[test]
fn krb5kdc_wants_more_bits_and_gets_them() {
    let pki = Pki::new(KeyKind::Rsa);
    let realm = realm_of(&pki, "  pkinit_dh_min_bits = 4096\n  pkinit_require_freshness = true\n");
    let (ticket, requests) =
        run(login("alice", secret(&pki, "alice"), TicketOptions::default()), &realm, None).unwrap();
    assert_eq!(requests, 3);
    klist_of(&realm, &ticket).kvno("host/localhost").expect_success();
    realm.expect_kdc_log("preauth (pkinit) verify failure: Key parameters not accepted");
    let short = with(PkinitOptions { groups: vec![DhGroup::Modp2048], ..PkinitOptions::default() });
    let refused = run(login("alice", secret(&pki, "alice"), short), &realm, None).unwrap_err();
    assert!(matches!(refused, ExchangeError::Refused(_)), "{refused}");
}

#[test]
fn other_peoples_certificates_and_unknown_authorities_are_refused_on_both_sides() {
    let (pki, other) = (Pki::new(KeyKind::Rsa), Pki::new(KeyKind::Rsa));
    let realm = realm_of(&pki, "");
    let bob = run(login("alice", secret(&pki, "bob"), TicketOptions::default()), &realm, None).unwrap_err();
    assert!(bob.to_string().contains("KDC_ERR_CLIENT_NAME_MISMATCH"), "{bob}");
    realm.expect_kdc_log("preauth (pkinit) verify failure: Client name mismatch");
    let unknown =
        ClientSecret::Certificate { identity: identity(&other.client("alice", MitRealm::NAME)), trust: trust(&pki) };
    let refused = run(login("alice", unknown, TicketOptions::default()), &realm, None).unwrap_err();
    realm.expect_kdc_log("preauth (pkinit) verify failure: Failed to verify received certificate");
    let ExchangeError::Refused(refusal) = refused else { panic!("{refused}") };
    assert_eq!(refusal.trusted_certifiers, ["CN=Authority"], "{refusal}");
    let misled =
        ClientSecret::Certificate { identity: identity(&pki.client("alice", MitRealm::NAME)), trust: trust(&other) };
    let refused = run(login("alice", misled, TicketOptions::default()), &realm, None).unwrap_err();
    assert!(matches!(&refused, ExchangeError::Pkinit(error) if matches!(**error, PkinitError::Kdc(_))), "{refused}");
}

fn anonymous(realm: &MitRealm, pki: &Pki) -> HeldTicket {
    let login = Login::anonymous(MitRealm::NAME, trust(pki), TicketOptions::default(), Arc::new(OsRandom));
    run(login, realm, None).unwrap().0
}

/// krb5kdc gives an anonymous ticket, and takes it as armor for alice's password.
#[test]
fn an_anonymous_ticket_protects_a_password() {
    let pki = Pki::new(KeyKind::P256);
    let realm = realm_of(&pki, "");
    let nobody = anonymous(&realm, &pki);
    assert!(nobody.flags.contains(TicketFlags::ANONYMOUS));
    let client = klist_of(&realm, &nobody);
    assert_eq!(client.klist().principal, "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS");
    client.kvno("host/localhost").expect_success();
    let password = ClientSecret::Password(Secret::new(realm.password("alice").into_bytes()));
    let options = TicketOptions { fast: FastUse::Required, ..TicketOptions::default() };
    let alice = run(login("alice", password, options).with_armor(&nobody), &realm, None).unwrap().0;
    let client = klist_of(&realm, &alice);
    // For clients alone who were challenged inside of FAST.
    client.kvno("armored/localhost").expect_success();
    assert_eq!(client.klist().principal, "alice@MIT.TEST");
    // A certificate inside of FAST.
    let options = TicketOptions { fast: FastUse::Required, ..TicketOptions::default() };
    let alice = run(login("alice", secret(&pki, "alice"), options).with_armor(&nobody), &realm, None).unwrap().0;
    klist_of(&realm, &alice).kvno("host/localhost").expect_success();
    assert!(!display(&pki.authority()).is_empty());
}
