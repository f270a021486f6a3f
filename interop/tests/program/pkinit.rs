//! `handfast login --certificate` at MIT's KDC: certificates of both kinds, in PEM and PKCS #12, and KDCs that are none.

use crate::handfast::{Handfast, failed};
use handfast_interop::{KeyKind, MitClient, MitConfig, MitRealm, Pki, TempDir, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// MIT's KDC with this certificate, which believes those of `pki`.
fn realm_with(pki: &Pki, (certificate, key): &(PathBuf, PathBuf)) -> MitRealm {
    let relations = format!(
        "  pkinit_identity = FILE:{},{}\n  pkinit_anchors = FILE:{}\n",
        certificate.display(),
        key.display(),
        pki.authority().display()
    );
    MitRealm::start_with_kdc(&[], &relations)
}

fn realm_of(pki: &Pki) -> MitRealm {
    realm_with(pki, &pki.kdc(MitRealm::NAME))
}

fn certificate_of(pki: &Pki, name: &str) -> String {
    let (certificate, key) = pki.client(name, MitRealm::NAME);
    format!("--certificate {} --certificate-key {}", certificate.display(), key.display())
}

fn trust(authority: &Path) -> String {
    format!("--trust {}", authority.display())
}

/// The ticket is alice's, by MIT's programs, and her certificate got it, by the KDC's log.
fn is_good(program: &Handfast, realm: &MitRealm) {
    let client = program.mit();
    assert_eq!(client.klist().principal, "alice@MIT.TEST");
    client.kvno("host/localhost").expect_success();
    realm.expect_kdc_log("PKINIT: freshness token received from alice@MIT.TEST");
}

#[test]
fn krb5kdc_takes_certificates_in_pem_and_pkcs12() {
    for kind in [KeyKind::Rsa, KeyKind::P256] {
        let pki = Pki::new(kind);
        let realm = realm_of(&pki);
        let (certificate, key) = pki.client("alice", MitRealm::NAME);
        let (certificate_name, key_name) = (certificate.display(), key.display());
        let file = pki.pkcs12(&certificate, &key, "geheim");
        let authority = pki.authority();
        let believed = trust(&authority);
        for ways in [
            format!("--certificate {certificate_name} --certificate-key {key_name} {believed}"),
            format!("--certificate FILE:{certificate_name},{key_name} {believed}"),
            format!("--certificate {} --certificate-password-file password {believed}", file.display()),
            format!("--certificate PKCS12:{} --certificate-password-file password {believed}", file.display()),
            format!(
                "-X X509_user_identity=FILE:{certificate_name},{key_name} -X X509_anchors=FILE:{}",
                authority.display()
            ),
        ] {
            let program = Handfast::new(realm.config());
            std::fs::write(program.path("password"), "geheim\n").unwrap();
            program.run(&format!("login alice {ways}")).expect_success();
            is_good(&program, &realm);
        }
    }
}

#[test]
fn certificates_that_krb5_conf_names() {
    let pki = Pki::new(KeyKind::P256);
    let realm = realm_of(&pki);
    let (certificate, key) = pki.client("alice", MitRealm::NAME);
    let config = realm.config().clone();
    let config = config.setting(&format!("pkinit_anchors = FILE:{}", pki.authority().display()));
    let config = config.setting(&format!("pkinit_identities = FILE:{},{}", certificate.display(), key.display()));
    let program = Handfast::new(&config);
    program.run("login alice --certificate").expect_success();
    is_good(&program, &realm);
}

#[test]
fn krb5kdc_refuses_the_certificate_of_another_user() {
    let pki = Pki::new(KeyKind::Rsa);
    let realm = realm_of(&pki);
    let program = Handfast::new(realm.config());
    let refused = program.run(&format!("login alice {} {}", certificate_of(&pki, "bob"), trust(&pki.authority())));
    failed(&refused, 5, "KDC_ERR_CLIENT_NAME_MISMATCH");
    realm.expect_kdc_log("preauth (pkinit) verify failure: Client name mismatch");
    assert!(!program.path("ccache").exists());
}

/// Certificates of the right authority that are not the KDC's of the realm: MIT's KDC signs with them all the same.
#[test]
fn a_kdc_with_a_certificate_for_something_else_is_refused() {
    let pki = Pki::new(KeyKind::P256);
    let named = &["krbtgt", MitRealm::NAME];
    for (certificate, says) in [
        (pki.issue("user", Pki::CLIENT_PURPOSE, MitRealm::NAME, named), "is not for KDCs"),
        (
            pki.issue("other", Pki::KDC_PURPOSE, "OTHER.TEST", &["krbtgt", "OTHER.TEST"]),
            "is not that of the KDC of MIT.TEST",
        ),
        (pki.issue("bob", Pki::KDC_PURPOSE, MitRealm::NAME, &["bob"]), "it names bob@MIT.TEST"),
    ] {
        let realm = realm_with(&pki, &certificate);
        let program = Handfast::new(realm.config());
        let refused =
            program.run(&format!("login alice {} {}", certificate_of(&pki, "alice"), trust(&pki.authority())));
        failed(&refused, 5, says);
        assert!(!program.path("ccache").exists());
    }
    // What krb5.conf allows: anything of the authority's is a KDC, if it names the realm.
    let realm = realm_with(&pki, &pki.issue("user", Pki::CLIENT_PURPOSE, MitRealm::NAME, named));
    let program = Handfast::new(&realm.config().clone().setting("pkinit_eku_checking = none"));
    program.run(&format!("login alice {} {}", certificate_of(&pki, "alice"), trust(&pki.authority()))).expect_success();
    is_good(&program, &realm);
}

#[test]
fn a_kdc_of_another_authority_or_of_one_that_has_expired_is_refused() {
    let (pki, other) = (Pki::new(KeyKind::Rsa), Pki::new(KeyKind::Rsa));
    let realm = realm_of(&pki);
    for (authority, says) in [
        (other.authority(), "the signature of a certificate is wrong"),
        (pki.expired_authority(), "it has to be renewed"),
    ] {
        let program = Handfast::new(realm.config());
        let refused = program.run(&format!("login alice {} {}", certificate_of(&pki, "alice"), trust(&authority)));
        failed(&refused, 5, says);
        assert!(!program.path("ccache").exists());
    }
    let program = Handfast::new(realm.config());
    let untrusting = program.run(&format!("login alice {}", certificate_of(&pki, "alice")));
    failed(&untrusting, 8, "no pkinit_anchors is set in krb5.conf for MIT.TEST");
}

#[test]
fn wrong_passwords_and_keys_are_said() {
    let pki = Pki::new(KeyKind::P256);
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let (certificate, key) = pki.client("alice", MitRealm::NAME);
    let (_, others_key) = pki.client("bob", MitRealm::NAME);
    let file = pki.pkcs12(&certificate, &key, "geheim");
    std::fs::write(program.path("password"), "falsch\n").unwrap();
    let believed = trust(&pki.authority());
    let run = |more: String| program.run(&format!("login alice {more} {believed}"));
    let p12 = file.display();
    failed(&run(format!("--certificate {p12} --certificate-password-file password")), 8, "the password is wrong");
    failed(&run(format!("--certificate {p12}")), 2, "there is no terminal to ask for the password on");
    let of_another = format!("--certificate {} --certificate-key {}", certificate.display(), others_key.display());
    failed(&run(of_another), 8, "the private key is that of no certificate here");
}

/// The commands that the manual has for certificates of one's own, and what they make: with krb5kdc, with our realm, and with kinit.
#[test]
fn the_manuals_commands_make_certificates_that_everybody_takes() {
    let manual = include_str!("../../../handfast/src/manual/certificates.md");
    let commands = manual.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = TempDir::new("manual");
    let commands = format!("set -eu\n{}", commands.replace("EXAMPLE.COM", MitRealm::NAME));
    run(Command::new("bash").current_dir(dir.path()), &commands, Duration::from_secs(60)).expect_success();
    let file = |name: &str| dir.join(name).display().to_string();
    let relations = format!(
        "  pkinit_identity = FILE:{},{}\n  pkinit_anchors = FILE:{}\n",
        file("kdc.pem"),
        file("kdc.key"),
        file("ca.pem")
    );
    let realm = MitRealm::start_with_kdc(&[], &relations);
    dir.write("password", "correct-horse\n");
    let login = format!(
        "login alice --certificate {} --certificate-password-file {} --trust {}",
        file("client.p12"),
        file("password"),
        file("ca.pem")
    );
    let program = Handfast::new(realm.config());
    program.run(&login).expect_success();
    is_good(&program, &realm);
    // The same by our realm, and MIT's client of it.
    let ours = Handfast::new(&MitConfig::new(MitRealm::NAME, ([127, 0, 0, 1], 9).into()));
    ours.run(&format!("realm init {}", MitRealm::NAME)).expect_success();
    ours.run_with("realm add-user alice --password-stdin", "alice-password\n").expect_success();
    let serve = format!(
        "realm serve --certificate {} --certificate-key {} --client-trust {}",
        file("kdc.pem"),
        file("kdc.key"),
        file("ca.pem")
    );
    let kdc = ours.start(&serve, "MIT.TEST is served on ");
    let config = MitConfig::new(MitRealm::NAME, kdc.address());
    Handfast::new(&config).run(&login).expect_success();
    let client = MitClient::new(&config);
    let identity = format!("X509_user_identity=FILE:{},{}", file("client.pem"), file("client.key"));
    let anchors = format!("X509_anchors=FILE:{}", file("ca.pem"));
    client.kinit_with(&["-X", &identity, "-X", &anchors, "alice"], "").expect_success();
    assert_eq!(client.klist().principal, "alice@MIT.TEST");
}
