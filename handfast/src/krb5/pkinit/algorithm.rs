//! Object identifiers of algorithms, and what they mean together.

use super::CertificateError;
use crate::asn1::{DerReader, DerWriter, tag};
use crate::crypto::SignatureAlgorithm;
use crate::wire::DecodeError;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;
use sha2::Digest;

pub(super) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// RFC 8017 A.2.4, RFC 5758 3.2.
const SIGNATURES: [(SignatureAlgorithm, ObjectIdentifier); 8] = [
    (SignatureAlgorithm::RsaSha1, ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5")),
    (SignatureAlgorithm::RsaSha256, ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11")),
    (SignatureAlgorithm::RsaSha384, ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12")),
    (SignatureAlgorithm::RsaSha512, ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13")),
    (SignatureAlgorithm::EcdsaSha1, ObjectIdentifier::new_unwrap("1.2.840.10045.4.1")),
    (SignatureAlgorithm::EcdsaSha256, ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2")),
    (SignatureAlgorithm::EcdsaSha384, ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3")),
    (SignatureAlgorithm::EcdsaSha512, ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4")),
];

/// A hash function for signatures and digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DigestAlgorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl DigestAlgorithm {
    const ALL: [(DigestAlgorithm, ObjectIdentifier); 4] = [
        (DigestAlgorithm::Sha1, SHA1),
        (DigestAlgorithm::Sha256, SHA256),
        (DigestAlgorithm::Sha384, SHA384),
        (DigestAlgorithm::Sha512, SHA512),
    ];

    /// The one that `algorithm` names; its parameters are absent or NULL (RFC 5754 2).
    pub(super) fn named(algorithm: &AlgorithmIdentifier<'_>) -> Result<Self, CertificateError> {
        let known = DigestAlgorithm::ALL.into_iter().find(|(_, oid)| *oid == algorithm.oid);
        match known {
            Some((digest, _)) if algorithm.has_no_parameters() => Ok(digest),
            _ => Err(CertificateError::algorithm(algorithm.oid, "a digest")),
        }
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            DigestAlgorithm::Sha1 => SHA1,
            DigestAlgorithm::Sha256 => SHA256,
            DigestAlgorithm::Sha384 => SHA384,
            DigestAlgorithm::Sha512 => SHA512,
        }
    }

    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            DigestAlgorithm::Sha1 => sha1::Sha1::digest(message).to_vec(),
            DigestAlgorithm::Sha256 => sha2::Sha256::digest(message).to_vec(),
            DigestAlgorithm::Sha384 => sha2::Sha384::digest(message).to_vec(),
            DigestAlgorithm::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }

    /// The RSA signature with this hash.
    pub(super) fn with_rsa(self) -> SignatureAlgorithm {
        match self {
            DigestAlgorithm::Sha1 => SignatureAlgorithm::RsaSha1,
            DigestAlgorithm::Sha256 => SignatureAlgorithm::RsaSha256,
            DigestAlgorithm::Sha384 => SignatureAlgorithm::RsaSha384,
            DigestAlgorithm::Sha512 => SignatureAlgorithm::RsaSha512,
        }
    }
}

/// The hash of a signature.
pub(super) fn digest_of(algorithm: SignatureAlgorithm) -> DigestAlgorithm {
    match algorithm {
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::EcdsaSha1 => DigestAlgorithm::Sha1,
        SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaSha256 => DigestAlgorithm::Sha256,
        SignatureAlgorithm::RsaSha384 | SignatureAlgorithm::EcdsaSha384 => DigestAlgorithm::Sha384,
        SignatureAlgorithm::RsaSha512 | SignatureAlgorithm::EcdsaSha512 => DigestAlgorithm::Sha512,
    }
}

/// Whether it is RSA's; ECDSA's otherwise.
pub(super) fn is_rsa(algorithm: SignatureAlgorithm) -> bool {
    algorithm == digest_of(algorithm).with_rsa()
}

/// The signature that `algorithm` names.
///
/// # Errors
/// For one that is not known here, or parameters that it can't have (RFC 4055 5, RFC 5758 3.2; NULL is let through with ECDSA,
/// as a peer of wide use sends it).
pub(super) fn signature_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Result<SignatureAlgorithm, CertificateError> {
    let known = SIGNATURES.into_iter().find(|(_, oid)| *oid == algorithm.oid);
    match known {
        Some((signature, _)) if algorithm.has_no_parameters() => Ok(signature),
        _ => Err(CertificateError::algorithm(algorithm.oid, "a signature")),
    }
}

/// ```text
/// AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY DEFINED BY algorithm OPTIONAL }
/// ```
/// (RFC 5280 4.1.1.2)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: ObjectIdentifier,
    /// The parameters, whole; empty if there are none.
    pub(super) parameters: &'a [u8],
}

impl<'a> AlgorithmIdentifier<'a> {
    pub(super) fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let oid = fields.oid()?;
            let parameters = if fields.is_empty() { &[] } else { fields.any()? };
            Ok(AlgorithmIdentifier { oid, parameters })
        })
    }

    fn has_no_parameters(&self) -> bool {
        self.parameters.is_empty() || *self.parameters == [tag::NULL, 0]
    }

    /// The parameters, to be read.
    pub(super) fn parameters(&self, what: &'static str) -> DerReader<'a> {
        DerReader::new(what, self.parameters)
    }
}

/// Appends the AlgorithmIdentifier of a digest: with NULL, as most peers have it (RFC 5754 2).
pub(super) fn write_digest(digest: DigestAlgorithm, writer: &mut DerWriter<'_>) {
    writer.nested(tag::SEQUENCE, |fields| {
        fields.oid(digest.oid());
        fields.primitive(tag::NULL, &[]);
    });
}

/// Appends the AlgorithmIdentifier of a signature: with NULL for RSA (RFC 4055 5), without for ECDSA (RFC 5758 3.2).
pub(super) fn write_signature(algorithm: SignatureAlgorithm, writer: &mut DerWriter<'_>) {
    writer.nested(tag::SEQUENCE, |fields| {
        if let Some((_, oid)) = SIGNATURES.into_iter().find(|(known, _)| *known == algorithm) {
            fields.oid(oid);
        }
        if is_rsa(algorithm) {
            fields.primitive(tag::NULL, &[]);
        }
    });
}
