//! Certificates and a private key in one file, under a password: PKCS #12 (RFC 7292).

use super::algorithm::{AlgorithmIdentifier, DigestAlgorithm};
use super::key_text::{self, iterations};
use super::private_key::PrivateKey;
use super::{Certificate, IdentityError};
use crate::asn1::{DerReader, tag};
use crate::crypto::hash::{Hash, Sha1, Sha256, Sha384};
use crate::crypto::hmac::HmacKey;
use crate::crypto::{Secret, constant_time_eq};
use crate::wire::DecodeError;
use alloc::string::ToString;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");

/// Octets in a file that is read.
const FILE_LIMIT: usize = 1 << 20;
/// How many safes and bags are read.
const BAG_LIMIT: usize = 64;

/// What a file holds.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) certificates: Vec<Certificate>,
    pub(super) keys: Vec<PrivateKey>,
}

/// Reads a file in DER. Its MAC is checked first: nothing of a file with a wrong one is read.
///
/// ```text
/// PFX     ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, macData MacData OPTIONAL }
/// MacData ::= SEQUENCE {
///     mac SEQUENCE { digestAlgorithm AlgorithmIdentifier, digest OCTET STRING },
///     macSalt OCTET STRING, iterations INTEGER DEFAULT 1
/// }
/// AuthenticatedSafe ::= SEQUENCE OF ContentInfo
/// ```
pub(super) fn decode(file: &[u8], password: &str) -> Result<Contents, IdentityError> {
    let mut reader = DerReader::new("PKCS #12 file", file);
    if file.len() > FILE_LIMIT {
        return Err(reader.too_large(FILE_LIMIT).into());
    }
    let (safe, mac) = reader.nested(tag::SEQUENCE, |fields| {
        let at = fields.clone();
        if fields.integer()? != 3 {
            return Err(at.invalid("the version must be 3"));
        }
        let safe = fields.nested(tag::SEQUENCE, |info| {
            let at = info.clone();
            if info.oid()? != DATA {
                return Err(at.invalid("a file that is signed, not under a password"));
            }
            info.nested(tag::context(0), |content| content.primitive(tag::OCTET_STRING))
        })?;
        let mac = if fields.is_empty() { None } else { Some(Mac::read(fields)?) };
        Ok((safe, mac))
    })?;
    reader.finish()?;
    mac.ok_or(IdentityError::Missing("MAC"))?.check(safe, password)?;
    read_safes(safe, password)
}

/// MacData.
struct Mac<'a> {
    algorithm: AlgorithmIdentifier<'a>,
    digest: &'a [u8],
    salt: &'a [u8],
    iterations: i64,
}

impl<'a> Mac<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let (algorithm, digest) = fields.nested(tag::SEQUENCE, |info| {
                Ok((AlgorithmIdentifier::read(info)?, info.primitive(tag::OCTET_STRING)?))
            })?;
            let salt = fields.primitive(tag::OCTET_STRING)?;
            let iterations = if fields.is_empty() { 1 } else { fields.integer()? };
            Ok(Mac { algorithm, digest, salt, iterations })
        })
    }

    fn check(&self, safe: &[u8], password: &str) -> Result<(), IdentityError> {
        let unknown = || IdentityError::Encryption { oid: self.algorithm.oid.to_string() };
        let digest = DigestAlgorithm::named(&self.algorithm).map_err(|_| unknown())?;
        let iterations = iterations(self.iterations)?;
        let key = mac_key(digest, password, self.salt, iterations);
        let mac = match digest {
            DigestAlgorithm::Sha1 => hmac::<Sha1>(key.expose(), safe),
            DigestAlgorithm::Sha256 => hmac::<Sha256>(key.expose(), safe),
            DigestAlgorithm::Sha384 => hmac::<Sha384>(key.expose(), safe),
            DigestAlgorithm::Sha512 => return Err(unknown()),
        };
        if constant_time_eq(&mac, self.digest) { Ok(()) } else { Err(IdentityError::WrongPassword) }
    }
}

fn hmac<H: Hash>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = alloc::vec![0; H::OUTPUT];
    HmacKey::<H>::new(key).mac(&[message], &mut mac);
    mac
}

/// The key of the MAC (RFC 7292 B.2, with the ID of B.3 for MACs): as long as one hash, so that one block is enough.
fn mac_key(digest: DigestAlgorithm, password: &str, salt: &[u8], iterations: u32) -> Secret<Vec<u8>> {
    const MAC_ID: u8 = 3;
    let block = if digest == DigestAlgorithm::Sha384 { 128 } else { 64 };
    let password = bmp_string(password);
    let mut input = Secret::new(alloc::vec![MAC_ID; block]);
    for part in [salt, password.expose()] {
        let length = part.len().div_ceil(block) * block;
        input.expose_mut().extend(part.iter().cycle().take(length));
    }
    let mut key = Secret::new(digest.digest(input.expose()));
    for _ in 1..iterations {
        key = Secret::new(digest.digest(key.expose()));
    }
    key
}

/// UTF-16, big-endian, with a NUL behind it (RFC 7292 B.1).
fn bmp_string(password: &str) -> Secret<Vec<u8>> {
    Secret::new(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect())
}

/// Reads the AuthenticatedSafe.
fn read_safes(safe: &[u8], password: &str) -> Result<Contents, IdentityError> {
    let mut reader = DerReader::new("AuthenticatedSafe", safe);
    let infos = reader.nested(tag::SEQUENCE, |items| {
        let mut infos = Vec::new();
        while !items.is_empty() {
            if infos.len() == BAG_LIMIT {
                return Err(items.too_large(BAG_LIMIT));
            }
            infos.push(items.nested(tag::SEQUENCE, |info| {
                let kind = info.oid()?;
                Ok((kind, info.nested(tag::context(0), DerReader::any)?))
            })?);
        }
        Ok(infos)
    })?;
    reader.finish()?;
    let mut contents = Contents::default();
    for (kind, content) in infos {
        let mut reader = DerReader::new("SafeContents", content);
        match kind {
            DATA => read_bags(reader.primitive(tag::OCTET_STRING)?, password, &mut contents)?,
            ENCRYPTED_DATA => {
                let (algorithm, data) = read_encrypted(&mut reader)?;
                let plain = key_text::decrypt(&algorithm, data, password.as_bytes())?;
                read_bags(plain.expose(), password, &mut contents)?;
            }
            other => return Err(IdentityError::Encryption { oid: other.to_string() }),
        }
    }
    Ok(contents)
}

/// ```text
/// EncryptedData ::= SEQUENCE { version INTEGER, encryptedContentInfo SEQUENCE {
///     contentType OBJECT IDENTIFIER, contentEncryptionAlgorithm AlgorithmIdentifier,
///     encryptedContent [0] IMPLICIT OCTET STRING OPTIONAL } }
/// ```
/// (RFC 5652 8, 6.1)
fn read_encrypted<'a>(reader: &mut DerReader<'a>) -> Result<(AlgorithmIdentifier<'a>, &'a [u8]), DecodeError> {
    reader.nested(tag::SEQUENCE, |fields| {
        fields.integer()?;
        let read = fields.nested(tag::SEQUENCE, |info| {
            info.oid()?;
            Ok((AlgorithmIdentifier::read(info)?, info.primitive(0x80)?))
        })?;
        fields.remaining()?;
        Ok(read)
    })
}

/// ```text
/// SafeContents ::= SEQUENCE OF SEQUENCE {
///     bagId OBJECT IDENTIFIER, bagValue [0] EXPLICIT ANY, bagAttributes SET OF PKCS12Attribute OPTIONAL }
/// ```
/// Bags of other kinds are passed over.
fn read_bags(octets: &[u8], password: &str, contents: &mut Contents) -> Result<(), IdentityError> {
    let mut reader = DerReader::new("SafeContents", octets);
    let bags = reader.nested(tag::SEQUENCE, |items| {
        let mut bags = Vec::new();
        while !items.is_empty() {
            if bags.len() == BAG_LIMIT {
                return Err(items.too_large(BAG_LIMIT));
            }
            bags.push(items.nested(tag::SEQUENCE, |bag| {
                let kind = bag.oid()?;
                let value = bag.nested(tag::context(0), DerReader::any)?;
                bag.remaining()?;
                Ok((kind, value))
            })?);
        }
        Ok(bags)
    })?;
    reader.finish()?;
    for (kind, value) in bags {
        match kind {
            KEY_BAG => contents.keys.push(PrivateKey::decode(value)?),
            SHROUDED_KEY_BAG => contents.keys.push(key_text::encrypted(value, Some(password.as_bytes()))?),
            CERTIFICATE_BAG => contents.certificates.extend(read_certificate(value)?),
            _ => {}
        }
    }
    Ok(())
}

/// CertBag ::= SEQUENCE { certId OBJECT IDENTIFIER, certValue [0] EXPLICIT OCTET STRING }; other kinds than X.509 are passed over.
fn read_certificate(value: &[u8]) -> Result<Option<Certificate>, DecodeError> {
    let mut reader = DerReader::new("CertBag", value);
    let (kind, octets) = reader.nested(tag::SEQUENCE, |bag| {
        let kind = bag.oid()?;
        Ok((kind, bag.nested(tag::context(0), |value| value.primitive(tag::OCTET_STRING))?))
    })?;
    if kind == X509_CERTIFICATE { Certificate::decode(octets).map(Some) } else { Ok(None) }
}
