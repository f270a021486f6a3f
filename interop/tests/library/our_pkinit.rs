//! MIT's clients with certificates, and without names, at our realm.

use crate::our_realm::{OurRealm, user};
use handfast::krb5::pkinit::{DhGroup, PkinitIdentity, TrustAnchors};
use handfast_interop::{KeyKind, MitClient, Pki};
use handfast_kdc::{RealmPkinit, Settings};
use std::path::Path;

fn pkinit(pki: &Pki) -> RealmPkinit {
    let (certificate, key) = pki.kdc(OurRealm::NAME);
    let read = |path: &Path| std::fs::read(path).unwrap();
    let identity = PkinitIdentity::from_pem(&read(&certificate), &read(&key), None).unwrap();
    let mut pkinit = RealmPkinit::new(identity, TrustAnchors::from_pem(&read(&pki.authority())).unwrap());
    pkinit.anonymous = true;
    pkinit
}

/// MIT's programs, which believe the authority.
fn client(realm: &OurRealm, pki: &Pki) -> MitClient {
    let anchors = format!("pkinit_anchors = FILE:{}", pki.authority().display());
    MitClient::new(&realm.config().setting(&anchors))
}

fn identity_of(pki: &Pki, name: &str) -> String {
    let (certificate, key) = pki.client(name, OurRealm::NAME);
    format!("X509_user_identity=FILE:{},{}", certificate.display(), key.display())
}

#[test]
fn kinit_logs_in_with_certificates() {
    for kind in [KeyKind::Rsa, KeyKind::P256] {
        let pki = Pki::new(kind);
        let mut terms = pkinit(&pki);
        terms.require_freshness = true;
        let realm = OurRealm::start_pkinit(terms, Settings::default());
        let client = client(&realm, &pki);
        client.kinit_with(&["-X", &identity_of(&pki, "alice"), "alice"], "").expect_success();
        assert_eq!(client.klist().principal, "alice@OURS.TEST");
        client.kvno("sample/localhost").expect_success();
        let trace = client.trace();
        assert!(trace.contains("PKINIT client verified DH reply"), "{trace}");
        assert!(trace.contains("PKINIT client used KDF"), "{trace}");
        let refused = client.kinit_with(&["-X", &identity_of(&pki, "bob"), "alice"], "");
        refused.expect_failure();
        assert!(realm.log().contains("KDC_ERR_CLIENT_NAME_MISMATCH"), "{}", realm.log());
    }
}

#[test]
fn kinit_goes_on_with_the_group_that_our_realm_takes() {
    let pki = Pki::new(KeyKind::Rsa);
    let mut terms = pkinit(&pki);
    terms.agreement.groups = vec![DhGroup::P384, DhGroup::Modp4096];
    let realm = OurRealm::start_pkinit(terms, Settings::default());
    let client = client(&realm, &pki);
    client.kinit_with(&["-X", &identity_of(&pki, "alice"), "alice"], "").expect_success();
    let trace = client.trace();
    assert!(
        trace.contains("trying again with KDC-provided DH parameters") || trace.contains("PKINIT client trying again"),
        "{trace}"
    );
    assert!(realm.log().contains("KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED"), "{}", realm.log());
}

/// `kinit -n`, a service ticket with it, and `kinit -T` with it.
#[test]
fn kinit_stays_anonymous_and_protects_a_password() {
    let pki = Pki::new(KeyKind::P256);
    let realm = OurRealm::start_pkinit(pkinit(&pki), Settings::default());
    realm.insert(user("alice"));
    let nobody = client(&realm, &pki);
    nobody.kinit_with(&["-n"], "").expect_success();
    assert_eq!(nobody.klist().principal, "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS");
    nobody.kvno("sample/localhost").expect_success();
    let alice = client(&realm, &pki);
    let armor = format!("FILE:{}", nobody.ccache().display());
    alice.kinit_with(&["-T", &armor, "alice"], &OurRealm::password("alice")).expect_success();
    assert_eq!(alice.klist().principal, "alice@OURS.TEST");
    let trace = alice.trace();
    assert!(trace.contains("Decoding FAST response"), "{trace}");
}
