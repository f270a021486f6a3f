//! Public keys, and signatures verified with them.

use super::CertificateError;
use super::algorithm::{AlgorithmIdentifier, DigestAlgorithm, EC_PUBLIC_KEY, RSA_ENCRYPTION, digest_of, is_rsa};
use crate::asn1::{DerReader, tag};
use crate::crypto::SignatureAlgorithm;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};

pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(super) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Bits in an RSA modulus: fewer can be factored, more only cost time.
const RSA_BITS: core::ops::RangeInclusive<usize> = 2048..=8192;

/// Octets of the hash that P-521's signatures take: a shorter one stands for the same number, with zeros in front (FIPS 186-5 6.4).
const P521_PREHASH: usize = 64;

/// A public key of a kind that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// ```text
    /// SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
    /// ```
    /// (RFC 5280 4.1.2.7, RFC 3279 2.3.1, RFC 5480 2)
    pub(super) fn decode(info: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = DerReader::new("SubjectPublicKeyInfo", info);
        let (algorithm, octets) =
            reader.nested(tag::SEQUENCE, |fields| Ok((AlgorithmIdentifier::read(fields)?, fields.bit_octets()?)))?;
        reader.finish()?;
        match algorithm.oid {
            RSA_ENCRYPTION => rsa_key(octets),
            EC_PUBLIC_KEY => {
                let named = algorithm.parameters("ECParameters").oid()?;
                PublicKey::on_curve(named, octets)
            }
            other => Err(CertificateError::algorithm(other, "a public key")),
        }
    }

    /// A point of a named curve (RFC 5480 2.1.1): on it, and not at infinity.
    fn on_curve(curve: ObjectIdentifier, point: &[u8]) -> Result<Self, CertificateError> {
        let wrong = |_| CertificateError::PublicKey { rule: "a point that is not on its curve" };
        match curve {
            P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P256).map_err(wrong),
            P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P384).map_err(wrong),
            P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P521).map_err(wrong),
            other => Err(CertificateError::algorithm(other, "a public key's curve")),
        }
    }

    /// How this key signs where nothing else was asked for.
    pub(super) fn preferred(&self) -> SignatureAlgorithm {
        match self {
            PublicKey::Rsa(_) => SignatureAlgorithm::RsaSha256,
            PublicKey::P256(_) => SignatureAlgorithm::EcdsaSha256,
            PublicKey::P384(_) => SignatureAlgorithm::EcdsaSha384,
            PublicKey::P521(_) => SignatureAlgorithm::EcdsaSha512,
        }
    }

    /// The algorithm with the same hash that this key signs by. A KDC of wide use names RSA's for its ECDSA signatures; the hash is what
    /// the signer's choice is about.
    pub(super) fn kind_of(&self, algorithm: SignatureAlgorithm) -> SignatureAlgorithm {
        match (self, algorithm) {
            (PublicKey::Rsa(_), algorithm) => algorithm,
            (_, SignatureAlgorithm::RsaSha1) => SignatureAlgorithm::EcdsaSha1,
            (_, SignatureAlgorithm::RsaSha256) => SignatureAlgorithm::EcdsaSha256,
            (_, SignatureAlgorithm::RsaSha384) => SignatureAlgorithm::EcdsaSha384,
            (_, SignatureAlgorithm::RsaSha512) => SignatureAlgorithm::EcdsaSha512,
            (_, algorithm) => algorithm,
        }
    }

    /// Whether `signature` is that of `message` by this key. The algorithm must be one of the key's kind.
    pub(super) fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let digest = digest_of(algorithm);
        let hash = digest.digest(message);
        match self {
            PublicKey::Rsa(key) => is_rsa(algorithm) && key.verify(pkcs1(digest), &hash, signature).is_ok(),
            _ if is_rsa(algorithm) => false,
            PublicKey::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&hash, &signature).is_ok()),
            PublicKey::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&hash, &signature).is_ok()),
            PublicKey::P521(key) => p521::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&p521_prehash(&hash), &signature).is_ok()),
        }
    }
}

/// A hash as P-521's signatures take it.
pub(super) fn p521_prehash(hash: &[u8]) -> Vec<u8> {
    let zeros = P521_PREHASH.saturating_sub(hash.len());
    core::iter::repeat_n(0, zeros).chain(hash.iter().copied()).collect()
}

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 A.1.1)
fn rsa_key(octets: &[u8]) -> Result<PublicKey, CertificateError> {
    let mut reader = DerReader::new("RSAPublicKey", octets);
    let (modulus, exponent) = reader.nested(tag::SEQUENCE, |fields| Ok((fields.unsigned()?, fields.unsigned()?)))?;
    reader.finish()?;
    let (_, most) = RSA_BITS.into_inner();
    let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    let wrong = |_| CertificateError::PublicKey { rule: "an RSA modulus or exponent that is none, or too large" };
    let key = RsaPublicKey::new_with_max_size(modulus, exponent, most).map_err(wrong)?;
    if key.n().bits() < *RSA_BITS.start() {
        return Err(CertificateError::PublicKey { rule: "an RSA modulus of fewer than 2048 bits" });
    }
    Ok(PublicKey::Rsa(key))
}

/// EMSA-PKCS1-v1_5 with a hash: the DigestInfo in front of it (RFC 8017 9.2, note 1). The padding is made and compared whole,
/// never taken apart.
pub(super) fn pkcs1(digest: DigestAlgorithm) -> Pkcs1v15Sign {
    const SHA1: &[u8] = &[0x30, 0x21, 0x30, 0x09, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x14];
    let sha2 = |number: u8, size: u8| {
        [0x30, 17 + size, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, number, 5, 0, 4, size]
    };
    let (prefix, length): (Vec<u8>, _) = match digest {
        DigestAlgorithm::Sha1 => (SHA1.to_vec(), 20),
        DigestAlgorithm::Sha256 => (sha2(1, 32).to_vec(), 32),
        DigestAlgorithm::Sha384 => (sha2(2, 48).to_vec(), 48),
        DigestAlgorithm::Sha512 => (sha2(3, 64).to_vec(), 64),
    };
    Pkcs1v15Sign { hash_len: Some(length), prefix: prefix.into_boxed_slice() }
}
