//! Certificates and messages that OpenSSL made (tests/pkinit says how), and our own beside them.

use super::*;
use crate::crypto::{Random, RandomError};
use crate::time::Time;
use alloc::vec::Vec;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/pkinit/", $name))
    };
}

/// Randomness that counts.
struct Counting;

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.iter_mut().zip((1..=255_u8).cycle()).for_each(|(out, octet)| *out = octet);
        Ok(())
    }
}

const REALM: &str = "TEST.REALM";

/// In 2027, when all of them are valid.
fn now() -> Time {
    Time::from_unix_seconds(1_800_000_000)
}

fn anchors() -> TrustAnchors {
    TrustAnchors::from_pem(file!("ca.pem")).unwrap()
}

fn identity(pem: &[u8], key: &[u8]) -> PkinitIdentity {
    PkinitIdentity::from_pem(pem, key, None).unwrap()
}

fn kdcs() -> [PkinitIdentity; 2] {
    [identity(file!("kdc-rsa.pem"), file!("kdc-rsa.key")), identity(file!("kdc-ec.pem"), file!("kdc-ec.key"))]
}

fn signed_by(identity: &PkinitIdentity, content_type: ContentType, content: &[u8]) -> Vec<u8> {
    let message = ToSign::new(content_type, content, identity).unwrap();
    message.finish(&identity.sign(&message, &Counting).unwrap()).unwrap()
}

fn verify(message: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let signed = SignedData::decode(message)?;
    let rules = CertificateRules::default();
    let signer = signed.verify(ContentType::DhKeyData, &anchors(), &rules, now())?;
    signer.content_of_kdc(REALM, &KdcRules::default()).map(<[u8]>::to_vec)
}

#[test]
fn what_openssl_signed_is_verified() {
    for message in [file!("kdc-rsa.cms").as_slice(), file!("kdc-ec.cms")] {
        assert_eq!(verify(message).unwrap(), b"content");
    }
}

#[test]
fn what_we_sign_is_verified() {
    for kdc in kdcs() {
        assert_eq!(verify(&signed_by(&kdc, ContentType::DhKeyData, b"content")).unwrap(), b"content");
    }
}

#[test]
fn keys_and_certificates_of_pkcs12() {
    for (file, pem) in [
        (file!("user-rsa.p12").as_slice(), file!("user-rsa.pem").as_slice()),
        (file!("user-ec.p12"), file!("user-ec.pem")),
    ] {
        let identity = PkinitIdentity::from_pkcs12(file, "geheim").unwrap();
        assert_eq!(identity.certificate(), &certificates_in_pem(pem).unwrap()[0]);
        assert!(identity.holds_key());
    }
}
