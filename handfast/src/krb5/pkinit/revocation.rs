use super::algorithm::AlgorithmIdentifier;
use super::certificate::{Signed, read_time};
use super::extension::{CRL_SIGN, read_extensions};
use super::pem;
use super::{Certificate, CertificateError, CertificateRules, DistinguishedName, IdentityError};
use crate::asn1::{DerReader, tag};
use crate::time::Time;
use crate::wire::DecodeError;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Octets in a list that is read.
const LIST_LIMIT: usize = 1 << 24;

/// A list of the certificates that their issuer has revoked (CertificateList, RFC 5280 5.1).
///
/// ```text
/// TBSCertList ::= SEQUENCE {
///     version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name, thisUpdate Time, nextUpdate Time OPTIONAL,
///     revokedCertificates SEQUENCE OF SEQUENCE {
///         userCertificate INTEGER, revocationDate Time, crlEntryExtensions Extensions OPTIONAL } OPTIONAL,
///     crlExtensions [0] Extensions OPTIONAL
/// }
/// ```
/// Whole lists alone: one with a critical extension (of changes, or for a part of the certificates) is refused.
#[derive(Clone)]
pub struct RevocationList(Arc<Parts>);

struct Parts {
    signed: Signed,
    issuer: DistinguishedName,
    this_update: Time,
    next_update: Option<Time>,
    /// Serial numbers, in their order, and since when.
    revoked: Vec<(Vec<u8>, Time)>,
}

impl RevocationList {
    /// Reads a list in DER; octets behind it are an error.
    ///
    /// # Errors
    /// If it is not DER, is longer than 16 MiB, or has a critical extension.
    pub fn decode(der: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = DerReader::new("list of revoked certificates", der);
        if der.len() > LIST_LIMIT {
            return Err(reader.too_large(LIST_LIMIT));
        }
        let parts = reader.nested(tag::SEQUENCE, |outer| {
            let ((list, inner), octets) = outer.with_bytes(|outer| outer.nested(tag::SEQUENCE, List::read))?;
            let signed = Signed::read(octets, inner, "a list of revoked certificates", outer)?;
            let List { issuer, this_update, next_update, revoked } = list;
            Ok(Parts { signed, issuer, this_update, next_update, revoked })
        })?;
        reader.finish()?;
        Ok(RevocationList(Arc::new(parts)))
    }

    /// Reads all lists of a PEM text (RFC 7468 6).
    ///
    /// # Errors
    /// [`IdentityError::Pem`], [`IdentityError::Decode`], [`IdentityError::Missing`] if there is none.
    pub fn from_pem(text: &[u8]) -> Result<Vec<Self>, IdentityError> {
        let mut lists = Vec::new();
        for block in pem::blocks(text)? {
            if block.label == "X509 CRL" {
                lists.push(RevocationList::decode(block.contents.expose())?);
            }
        }
        if lists.is_empty() { Err(IdentityError::Missing("list of revoked certificates")) } else { Ok(lists) }
    }

    /// Who has issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// Since when the certificate with this serial number is revoked, if it is.
    pub fn revoked(&self, serial_number: &[u8]) -> Option<Time> {
        let found = self.0.revoked.binary_search_by(|(serial, _)| serial.as_slice().cmp(serial_number)).ok()?;
        self.0.revoked.get(found).map(|(_, since)| *since)
    }

    /// Whether it is the one to be used now: issued, and its next is not.
    pub fn is_current(&self, now: Time) -> bool {
        self.0.this_update <= now && self.0.next_update.is_none_or(|next| now <= next)
    }

    /// Checks that it is `issuer`'s.
    pub(super) fn check_issuer(&self, issuer: &Certificate, rules: &CertificateRules) -> Result<(), CertificateError> {
        if !issuer.extensions().may(CRL_SIGN) {
            let used_for = "signing lists of revoked certificates";
            return Err(CertificateError::KeyUsage { subject: issuer.subject().clone(), used_for });
        }
        self.0.signed.check(issuer, rules)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer", self.issuer())
            .field("this_update", &self.0.this_update)
            .field("revoked", &self.0.revoked.len())
            .finish_non_exhaustive()
    }
}

struct List {
    issuer: DistinguishedName,
    this_update: Time,
    next_update: Option<Time>,
    revoked: Vec<(Vec<u8>, Time)>,
}

impl List {
    /// The fields of a TBSCertList.
    fn read<'a>(fields: &mut DerReader<'a>) -> Result<(Self, AlgorithmIdentifier<'a>), DecodeError> {
        if fields.peek() == Some(tag::INTEGER) {
            fields.integer()?;
        }
        let algorithm = AlgorithmIdentifier::read(fields)?;
        let issuer = DistinguishedName::read(fields)?;
        let this_update = read_time(fields)?;
        let is_time = matches!(fields.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME));
        let next_update = if is_time { Some(read_time(fields)?) } else { None };
        let mut revoked = Vec::new();
        if fields.peek() == Some(tag::SEQUENCE) {
            fields.nested(tag::SEQUENCE, |entries| {
                while !entries.is_empty() {
                    revoked.push(entries.nested(tag::SEQUENCE, read_entry)?);
                }
                Ok(())
            })?;
        }
        revoked.sort();
        let at = fields.clone();
        if !fields.is_empty() {
            let extensions = fields.nested(tag::context(0), read_extensions)?;
            if extensions.iter().any(|extension| extension.critical) {
                return Err(at.invalid("a critical extension, which is not understood here"));
            }
        }
        Ok((List { issuer, this_update, next_update, revoked }, algorithm))
    }
}

/// A serial number, and since when; extensions of an entry may say why, and whose certificate it is if not the list's issuer's:
/// that one is critical, and refused.
fn read_entry(entry: &mut DerReader<'_>) -> Result<(Vec<u8>, Time), DecodeError> {
    let serial = entry.integer_octets()?.to_vec();
    let since = read_time(entry)?;
    let at = entry.clone();
    if !entry.is_empty() && read_extensions(entry)?.iter().any(|extension| extension.critical) {
        return Err(at.invalid("a critical extension, which is not understood here"));
    }
    Ok((serial, since))
}
