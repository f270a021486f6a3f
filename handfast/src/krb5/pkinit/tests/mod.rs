//! Certificates and messages that OpenSSL made (tests/pkinit says how), and our own beside them.

mod forge;
mod hostile;
mod identities;
mod messages;
mod path;
mod purpose;

use super::*;
use crate::crypto::{Random, RandomError};
use crate::time::Time;
use alloc::vec::Vec;

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/pkinit/", $name)).as_slice()
    };
}
use data;

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
    TrustAnchors::from_pem(data!("ca.pem")).unwrap()
}

fn kdc_rsa() -> PkinitIdentity {
    PkinitIdentity::from_pem(data!("kdc-rsa.pem"), data!("kdc-rsa.key"), None).unwrap()
}

fn signed_by(identity: &PkinitIdentity, content_type: ContentType, content: &[u8]) -> Vec<u8> {
    let message = ToSign::new(content_type, content, identity).unwrap();
    message.finish(&identity.sign(&message, &Counting).unwrap()).unwrap()
}

/// What a KDC of the realm has signed, by the strictest rules.
fn verify(message: &[u8], anchors: &TrustAnchors) -> Result<Vec<u8>, CertificateError> {
    let signed = SignedData::decode(message)?;
    let rules = CertificateRules::default();
    let signer = signed.verify(ContentType::DhKeyData, anchors, &rules, now())?;
    signer.content_of_kdc(REALM, &KdcRules::default()).map(<[u8]>::to_vec)
}
