use super::algorithm::{AlgorithmIdentifier, signature_algorithm};
use super::extension::Extensions;
use super::public_key::PublicKey;
use super::{CertificateError, CertificateRules};
use crate::asn1::{DerReader, tag};
use crate::crypto::SignatureAlgorithm;
use crate::time::Time;
use crate::wire::DecodeError;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Octets in a certificate that is read.
const CERTIFICATE_LIMIT: usize = 1 << 17;

/// An X.509 certificate (RFC 5280 4.1).
///
/// ```text
/// Certificate    ::= SEQUENCE { tbsCertificate TBSCertificate, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
/// TBSCertificate ::= SEQUENCE {
///     version [0] INTEGER DEFAULT v1, serialNumber INTEGER, signature AlgorithmIdentifier, issuer Name,
///     validity SEQUENCE { notBefore Time, notAfter Time }, subject Name, subjectPublicKeyInfo SubjectPublicKeyInfo,
///     issuerUniqueID [1] BIT STRING OPTIONAL, subjectUniqueID [2] BIT STRING OPTIONAL, extensions [3] Extensions OPTIONAL
/// }
/// ```
/// Its signature is checked over the octets as they came. Clones share them.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    der: Vec<u8>,
    signed: Signed,
    serial: Vec<u8>,
    issuer: DistinguishedName,
    subject: DistinguishedName,
    not_before: Time,
    not_after: Time,
    key_info: Vec<u8>,
    extensions: Extensions,
}

/// Octets that an issuer has signed, and how: of a certificate, or of a list of revoked ones.
#[derive(PartialEq, Eq)]
pub(super) struct Signed {
    octets: Vec<u8>,
    algorithm: Result<SignatureAlgorithm, CertificateError>,
    signature: Vec<u8>,
    what: &'static str,
}

impl Signed {
    /// Reads what stands behind the signed octets. The algorithm stands in them as well, and must be the same (RFC 5280 4.1.1.2).
    pub(super) fn read(
        octets: &[u8],
        inner: AlgorithmIdentifier<'_>,
        what: &'static str,
        reader: &mut DerReader<'_>,
    ) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let outer = AlgorithmIdentifier::read(reader)?;
        if outer != inner {
            return Err(at.invalid("another signature algorithm than the one that is signed"));
        }
        let signature = reader.bit_octets()?.to_vec();
        Ok(Signed { octets: octets.to_vec(), algorithm: signature_algorithm(&outer), signature, what })
    }

    /// Checks that `issuer` has signed it.
    pub(super) fn check(&self, issuer: &Certificate, rules: &CertificateRules) -> Result<(), CertificateError> {
        let algorithm = self.algorithm.clone()?;
        rules.check_algorithm(algorithm)?;
        let right = issuer.public_key()?.verifies(algorithm, &self.octets, &self.signature);
        if right { Ok(()) } else { Err(CertificateError::Signature { of: self.what }) }
    }
}

impl Certificate {
    /// Reads a certificate in DER; octets behind it are an error.
    ///
    /// # Errors
    /// If it is not DER, is longer than 128 KiB, has two extensions of the same kind, or one that is known here and wrong.
    pub fn decode(der: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = DerReader::new("certificate", der);
        if der.len() > CERTIFICATE_LIMIT {
            return Err(reader.too_large(CERTIFICATE_LIMIT));
        }
        let mut parts = reader.nested(tag::SEQUENCE, |outer| {
            let ((mut parts, inner), octets) = outer.with_bytes(|outer| outer.nested(tag::SEQUENCE, Parts::read))?;
            parts.signed = Signed::read(octets, inner, "a certificate", outer)?;
            Ok(parts)
        })?;
        reader.finish()?;
        parts.der = der.to_vec();
        Ok(Certificate(Arc::new(parts)))
    }

    /// The certificate, in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whose certificate it is. What counts for Kerberos stands in its alternative names.
    pub fn subject(&self) -> &DistinguishedName {
        &self.0.subject
    }

    /// Who has signed it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// Its number, among its issuer's: the octets of an INTEGER.
    pub fn serial_number(&self) -> &[u8] {
        &self.0.serial
    }

    /// From when on it is valid.
    pub fn not_before(&self) -> Time {
        self.0.not_before
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> Time {
        self.0.not_after
    }

    /// The public key: a SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7).
    pub fn public_key_info(&self) -> &[u8] {
        &self.0.key_info
    }

    /// The principals and hosts that it names (RFC 5280 4.2.1.6, RFC 4556 3.2.2), to be shown.
    pub fn names(&self) -> Vec<String> {
        self.0.extensions.names.to_strings()
    }

    pub(super) fn public_key(&self) -> Result<PublicKey, CertificateError> {
        PublicKey::decode(&self.0.key_info)
    }

    pub(super) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    pub(super) fn signed(&self) -> &Signed {
        &self.0.signed
    }

    /// Checks that it is valid at `now` (RFC 5280 6.1.3 (a)(2)); both ends count.
    pub(super) fn check_validity(&self, now: Time) -> Result<(), CertificateError> {
        let subject = self.subject();
        if now < self.not_before() {
            return Err(CertificateError::NotYetValid { subject: subject.clone(), from: self.not_before(), now });
        }
        if now.whole_seconds() > self.not_after() {
            return Err(CertificateError::Expired { subject: subject.clone(), until: self.not_after(), now });
        }
        Ok(())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", self.subject())
            .field("issuer", self.issuer())
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

impl Parts {
    /// The fields of a TBSCertificate.
    fn read<'a>(fields: &mut DerReader<'a>) -> Result<(Self, AlgorithmIdentifier<'a>), DecodeError> {
        let version = read_version(fields)?;
        let serial = fields.integer_octets()?.to_vec();
        let algorithm = AlgorithmIdentifier::read(fields)?;
        let issuer = DistinguishedName::read(fields)?;
        let (not_before, not_after) =
            fields.nested(tag::SEQUENCE, |times| Ok((read_time(times)?, read_time(times)?)))?;
        let subject = DistinguishedName::read(fields)?;
        let key_info = fields.any()?.to_vec();
        for number in [0x81, 0x82] {
            if version > 0 && fields.peek() == Some(number) {
                fields.primitive(number)?;
            }
        }
        let at = fields.clone();
        let extensions = match fields.peek() {
            Some(_) if version < 2 => return Err(at.invalid("extensions take version 3")),
            Some(_) => fields.nested(tag::context(3), Extensions::read)?,
            None => Extensions::default(),
        };
        // Set by the caller, who knows the octets.
        let signed = Signed {
            octets: Vec::new(),
            algorithm: Err(CertificateError::Unsigned),
            signature: Vec::new(),
            what: "a certificate",
        };
        let parts =
            Parts { der: Vec::new(), signed, serial, issuer, subject, not_before, not_after, key_info, extensions };
        Ok((parts, algorithm))
    }
}

/// A Time (RFC 5280 4.1.2.5).
pub(super) fn read_time(reader: &mut DerReader<'_>) -> Result<Time, DecodeError> {
    reader.either_time().map(|seconds| Time::EPOCH.saturating_add(Duration::from_secs(seconds)))
}

/// v1(0), v2(1) or v3(2).
fn read_version(fields: &mut DerReader<'_>) -> Result<i64, DecodeError> {
    if fields.peek() != Some(tag::context(0)) {
        return Ok(0);
    }
    fields.nested(tag::context(0), |field| {
        let at = field.clone();
        match field.integer()? {
            version @ 1..=2 => Ok(version),
            _ => Err(at.invalid("the version must be 2 or 3 where it stands")),
        }
    })
}

/// A Name (RFC 5280 4.1.2.4), compared by its octets.
///
/// ```text
/// Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }
/// ```
/// Shown as RFC 4514 does, the last part first.
#[derive(Clone, PartialEq, Eq)]
pub struct DistinguishedName {
    der: Vec<u8>,
    shown: String,
}

impl DistinguishedName {
    /// The name, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn read(reader: &mut DerReader<'_>) -> Result<Self, DecodeError> {
        let (parts, der) = reader.with_bytes(|reader| {
            reader.nested(tag::SEQUENCE, |parts| {
                let mut shown = Vec::new();
                while !parts.is_empty() {
                    parts.nested(tag::SET, |set| {
                        while !set.is_empty() {
                            shown.push(read_attribute(set)?);
                        }
                        Ok(())
                    })?;
                }
                Ok(shown)
            })
        })?;
        let shown = parts.iter().rev().map(String::as_str).collect::<Vec<_>>().join(",");
        Ok(DistinguishedName { der: der.to_vec(), shown })
    }
}

/// One AttributeTypeAndValue, shown.
fn read_attribute(set: &mut DerReader<'_>) -> Result<String, DecodeError> {
    set.nested(tag::SEQUENCE, |attribute| {
        let oid = attribute.oid()?.to_string();
        let kind = match oid.as_str() {
            "2.5.4.3" => "CN",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "0.9.2342.19200300.100.1.25" => "DC",
            "0.9.2342.19200300.100.1.1" => "UID",
            other => other,
        };
        let tag = attribute.peek().unwrap_or(0);
        let value = String::from_utf8_lossy(attribute.primitive(tag)?);
        let mut shown = alloc::format!("{kind}=");
        for c in value.chars().filter(|c| !c.is_control()).take(128) {
            if matches!(c, ',' | '+' | '\\') {
                shown.push('\\');
            }
            shown.push(c);
        }
        Ok(shown)
    })
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.shown.is_empty() { "(no name)" } else { &self.shown })
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
