//! From the shared secret to the reply key (RFC 4556 3.2.3.1, RFC 8636 6).

use super::algorithm::DigestAlgorithm;
use super::message::{KdfAlgorithmId, Krb5PrincipalName};
use crate::asn1::{Asn1, der_of, tag};
use crate::crypto::Secret;
use crate::krb5::enctype::{CryptoError, EncryptionKey, Enctype};
use crate::krb5::message::{KdcReqBody, PrincipalName};
use crate::name::Principal;
use alloc::vec::Vec;
use core::fmt;
use der::asn1::ObjectIdentifier;
use zeroize::Zeroize;

/// A key derivation function of RFC 8636 6: it covers the request and the reply, so that nobody can change them unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PkinitKdf {
    /// id-pkinit-kdf-ah-sha1. A derived key needs no hash that is free of collisions.
    Sha1,
    /// id-pkinit-kdf-ah-sha256, which everybody has.
    Sha256,
    /// id-pkinit-kdf-ah-sha384.
    Sha384,
    /// id-pkinit-kdf-ah-sha512.
    Sha512,
}

impl PkinitKdf {
    /// All but SHA-1's, best first.
    pub const DEFAULT: [PkinitKdf; 3] = [PkinitKdf::Sha256, PkinitKdf::Sha384, PkinitKdf::Sha512];

    const ALL: [PkinitKdf; 4] = [PkinitKdf::Sha1, PkinitKdf::Sha256, PkinitKdf::Sha384, PkinitKdf::Sha512];

    /// The one of that name; none for another.
    pub fn of_id(id: KdfAlgorithmId) -> Option<Self> {
        PkinitKdf::ALL.into_iter().find(|kdf| kdf.id() == id)
    }

    /// How it is named on the wire.
    pub fn id(self) -> KdfAlgorithmId {
        KdfAlgorithmId { kdf_id: self.oid() }
    }

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            PkinitKdf::Sha1 => "1.3.6.1.5.2.3.6.1",
            PkinitKdf::Sha256 => "1.3.6.1.5.2.3.6.2",
            PkinitKdf::Sha512 => "1.3.6.1.5.2.3.6.3",
            PkinitKdf::Sha384 => "1.3.6.1.5.2.3.6.4",
        })
    }

    fn digest(self) -> DigestAlgorithm {
        match self {
            PkinitKdf::Sha1 => DigestAlgorithm::Sha1,
            PkinitKdf::Sha256 => DigestAlgorithm::Sha256,
            PkinitKdf::Sha384 => DigestAlgorithm::Sha384,
            PkinitKdf::Sha512 => DigestAlgorithm::Sha512,
        }
    }

    /// `length` octets: one-step key derivation (SP 800-56C 4.1), with its OtherInfo.
    fn derive(self, shared: &[u8], other_info: &[u8], length: usize) -> Secret<Vec<u8>> {
        let block = |counter: u32| hash(self.digest(), &[&counter.to_be_bytes(), shared, other_info]);
        expand((1..).map(block), length)
    }
}

impl fmt::Display for PkinitKdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PkinitKdf::Sha1 => "id-pkinit-kdf-ah-sha1",
            PkinitKdf::Sha256 => "id-pkinit-kdf-ah-sha256",
            PkinitKdf::Sha384 => "id-pkinit-kdf-ah-sha384",
            PkinitKdf::Sha512 => "id-pkinit-kdf-ah-sha512",
        })
    }
}

/// What a reply key is bound to (RFC 8636 6).
#[derive(Clone, Debug)]
pub struct KeyContext<'a> {
    /// The enctype of the reply.
    pub enctype: Enctype,
    /// The KDC-REQ-BODY that counts, which names client and service.
    pub body: &'a KdcReqBody<'a>,
    /// The AS-REQ, whole, as it was sent.
    pub as_req: &'a [u8],
    /// The PA-PK-AS-REP, whole.
    pub pk_as_rep: &'a [u8],
}

impl KeyContext<'_> {
    /// The reply key of a shared secret: by `kdf`, or, without one, as RFC 4556 3.2.3.1 says, which covers nothing else.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`].
    pub fn reply_key(&self, kdf: Option<PkinitKdf>, shared: &Secret<Vec<u8>>) -> Result<EncryptionKey, CryptoError> {
        // The key-generation seed of every enctype here is as long as its keys (RFC 3962 4, RFC 8009 5, RFC 6803 2).
        let length = self.enctype.seed_size().ok_or(CryptoError::UnsupportedEnctype(self.enctype))?;
        let octets = match kdf {
            Some(kdf) => kdf.derive(shared.expose(), &self.other_info(kdf), length),
            None => octet_string_to_key(shared.expose(), length),
        };
        EncryptionKey::random_to_key(self.enctype, octets.expose())
    }

    /// ```text
    /// OtherInfo ::= SEQUENCE {
    ///     algorithmID    AlgorithmIdentifier,
    ///     partyUInfo     [0] OCTET STRING,
    ///     partyVInfo     [1] OCTET STRING,
    ///     suppPubInfo    [2] OCTET STRING OPTIONAL,
    ///     suppPrivInfo   [3] OCTET STRING OPTIONAL
    /// }
    /// ```
    fn other_info(&self, kdf: PkinitKdf) -> Vec<u8> {
        // An anonymous client's name is that of the reply (RFC 8062 4.1.1), with which peers derive their keys.
        let anonymous = Principal::anonymous();
        let is_anonymous = |name: &PrincipalName<'_>| name.to_principal(anonymous.realm()) == anonymous;
        let party = |name: &Option<PrincipalName<'_>>| {
            let name = name.clone().map(|name| match is_anonymous(&name) {
                true => Krb5PrincipalName { realm: anonymous.realm(), principal_name: PrincipalName::from(&anonymous) },
                false => Krb5PrincipalName { realm: self.body.realm, principal_name: name },
            });
            name.map(|name| der_of(|writer| name.write(writer))).unwrap_or_default()
        };
        der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                fields.nested(tag::SEQUENCE, |algorithm| algorithm.oid(kdf.oid()));
                fields.field(0, &party(&self.body.cname).as_slice());
                fields.field(1, &party(&self.body.sname).as_slice());
                fields.field(2, &self.public_info().as_slice());
            });
        })
    }

    /// ```text
    /// PkinitSuppPubInfo ::= SEQUENCE {
    ///     enctype    [0] Int32,
    ///     as-REQ     [1] OCTET STRING,
    ///     pk-as-rep  [2] OCTET STRING,
    ///     ...
    /// }
    /// ```
    fn public_info(&self) -> Vec<u8> {
        der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                fields.field(0, &self.enctype.0);
                fields.field(1, &self.as_req);
                fields.field(2, &self.pk_as_rep);
            });
        })
    }
}

/// The octets of octetstring2key (RFC 4556 3.2.3.1), before random-to-key.
fn octet_string_to_key(shared: &[u8], length: usize) -> Secret<Vec<u8>> {
    expand((0_u8..=u8::MAX).map(|counter| hash(DigestAlgorithm::Sha1, &[&[counter], shared])), length)
}

/// As many octets of the blocks as are wanted.
fn expand(blocks: impl Iterator<Item = Vec<u8>>, length: usize) -> Secret<Vec<u8>> {
    let mut octets = Secret::new(Vec::with_capacity(length));
    for mut block in blocks {
        let missing = length.saturating_sub(octets.expose().len());
        octets.expose_mut().extend(block.iter().take(missing));
        block.zeroize();
        if octets.expose().len() == length {
            break;
        }
    }
    octets
}

fn hash(digest: DigestAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
    let whole = Secret::new(parts.concat());
    digest.digest(whole.expose())
}

#[cfg(test)]
mod tests;
