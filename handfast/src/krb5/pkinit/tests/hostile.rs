//! Messages, certificates and files cut at every octet and flipped at every bit.

use super::forge::{Draft, list};
use super::*;
use crate::krb5::pkinit::RevocationList;

/// All of `octets` with one bit flipped.
fn flipped(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..octets.len() * 8).map(|bit| {
        let mut flipped = octets.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// The same, with one bit of each octet, another from octet to octet.
fn flipped_once(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    flipped(octets).enumerate().filter(|(bit, _)| bit % 8 == bit / 8 % 8).map(|(_, flipped)| flipped)
}

#[test]
fn cut_messages_do_not_decode() {
    for message in [data!("kdc-rsa.cms"), data!("kdc-ec.cms")] {
        for length in 0..message.len() {
            assert!(SignedData::decode(&message[..length]).is_err(), "{length}");
        }
        assert!(SignedData::decode(&[message, &[0]].concat()).is_err());
    }
}

/// Whatever is flipped, nobody reads another content, or believes another signer.
#[test]
fn flipped_messages_are_refused_or_say_the_same() {
    let anchors = anchors();
    let mut same = 0;
    for message in flipped(data!("kdc-rsa.cms")).chain(flipped_once(data!("kdc-ec.cms"))) {
        if let Ok(content) = verify(&message, &anchors) {
            assert_eq!(content, b"content");
            same += 1;
        }
    }
    // What is not signed: versions, and the list of digests in front (RFC 5652 5.1).
    assert!(same < 150, "{same} flips changed nothing");
}

#[test]
fn cut_and_flipped_certificates() {
    let certificate = certificates_in_pem(data!("kdc-rsa.pem")).unwrap().remove(0);
    for length in 0..certificate.der().len() {
        assert!(Certificate::decode(&certificate.der()[..length]).is_err(), "{length}");
    }
    let (anchors, rules) = (anchors(), CertificateRules::default());
    for flipped in flipped(certificate.der()) {
        if let Ok(flipped) = Certificate::decode(&flipped) {
            assert!(anchors.check(&flipped, &[], &rules, now()).is_err());
        }
    }
}

#[test]
fn cut_and_flipped_lists() {
    let der = list("root", 1, &[7, 9], now().saturating_add(super::forge::DAY), false);
    for length in 0..der.len() {
        assert!(RevocationList::decode(&der[..length]).is_err(), "{length}");
    }
    let root = Draft::authority("root", 1, "root", 1).sign();
    let kdc = Draft::kdc("root", 1).sign();
    let rules = CertificateRules { require_revocation_lists: true, ..CertificateRules::default() };
    for flipped in flipped_once(&der) {
        if let Ok(list) = RevocationList::decode(&flipped) {
            let anchors = TrustAnchors::new([root.clone()]).with_revocation_lists([list]);
            assert!(anchors.check(&kdc, &[], &rules, now()).is_err());
        }
    }
}

#[test]
fn cut_and_flipped_files_of_pkcs12() {
    let file = data!("user-ec.p12");
    let right = PkinitIdentity::from_pkcs12(file, "geheim").unwrap();
    for length in 0..file.len() {
        assert!(PkinitIdentity::from_pkcs12(&file[..length], "geheim").is_err(), "{length}");
    }
    for flipped in flipped_once(file) {
        if let Ok(identity) = PkinitIdentity::from_pkcs12(&flipped, "geheim") {
            assert_eq!(identity.certificate(), right.certificate());
        }
    }
}

#[test]
fn cut_and_flipped_texts() {
    let (certificate, key) = (data!("user-ec.pem"), data!("user-ec.key"));
    let right = PkinitIdentity::from_pem(certificate, key, None).unwrap();
    for key in flipped_once(key).chain((0..key.len()).map(|length| key[..length].to_vec())) {
        if let Ok(identity) = PkinitIdentity::from_pem(certificate, &key, None) {
            assert_eq!(identity.certificate(), right.certificate());
        }
    }
    let encrypted = data!("user-ec-encrypted.key");
    for key in flipped_once(encrypted) {
        if let Ok(identity) = PkinitIdentity::from_pem(certificate, &key, Some(b"geheim")) {
            assert_eq!(identity.certificate(), right.certificate());
        }
    }
}
