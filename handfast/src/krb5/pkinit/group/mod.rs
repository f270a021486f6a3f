//! Key agreement: MODP groups (RFC 4556 3.2.1) and elliptic curves (RFC 5349 4).

mod curve;
mod modp;
mod prime;

use super::algorithm::{AlgorithmIdentifier, EC_PUBLIC_KEY};
use super::message::write_bits;
use super::public_key::{P256, P384, P521};
use crate::asn1::{DerReader, DerWriter, der_of, tag};
use crate::crypto::{Random, RandomError, Secret};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;
use der::asn1::ObjectIdentifier;
use modp::Modp;

/// dhpublicnumber (RFC 3279 2.3.3).
const DH_PUBLIC_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10046.2.1");

/// A group that keys are agreed on in. No other is: parameters that a peer brings are compared with these, never computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DhGroup {
    /// MODP group 2 (RFC 2409 6.2), of 1024 bits: weak, a government can solve it (RFC 8247 2.4).
    Modp1024,
    /// MODP group 14 (RFC 3526 3), of 2048 bits.
    Modp2048,
    /// MODP group 16 (RFC 3526 5), of 4096 bits.
    Modp4096,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve P-521.
    P521,
}

impl DhGroup {
    /// Those that are not weak, in the order that most peers can follow: every peer has the first (RFC 4556 3.2.1).
    pub const STRONG: [DhGroup; 5] =
        [DhGroup::Modp2048, DhGroup::Modp4096, DhGroup::P256, DhGroup::P384, DhGroup::P521];

    const ALL: [DhGroup; 6] =
        [DhGroup::Modp1024, DhGroup::Modp2048, DhGroup::Modp4096, DhGroup::P256, DhGroup::P384, DhGroup::P521];

    /// Whether it can be solved with enough money.
    pub const fn is_weak(self) -> bool {
        matches!(self, DhGroup::Modp1024)
    }

    /// The group that an AlgorithmIdentifier names or spells out; none if it is another.
    pub fn of_parameters(algorithm: &[u8]) -> Option<DhGroup> {
        let mut reader = DerReader::new("AlgorithmIdentifier", algorithm);
        let algorithm = AlgorithmIdentifier::read(&mut reader).ok()?;
        reader.finish().ok()?;
        DhGroup::ALL.into_iter().find(|group| group.is(&algorithm))
    }

    fn is(self, algorithm: &AlgorithmIdentifier<'_>) -> bool {
        match self.kind() {
            Kind::Modp(modp) => algorithm.oid == DH_PUBLIC_NUMBER && modp.is_spelled_by(algorithm).unwrap_or(false),
            Kind::Curve(curve) => algorithm.oid == EC_PUBLIC_KEY && names(algorithm, curve).unwrap_or(false),
        }
    }

    /// The AlgorithmIdentifier (RFC 3279 2.3.3, RFC 5480 2.1.1), in DER.
    pub fn parameters(self) -> Vec<u8> {
        der_of(|writer| self.write_parameters(writer))
    }

    fn write_parameters(self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| match self.kind() {
            Kind::Modp(modp) => {
                fields.oid(DH_PUBLIC_NUMBER);
                modp.write(fields);
            }
            Kind::Curve(curve) => {
                fields.oid(EC_PUBLIC_KEY);
                fields.oid(curve);
            }
        });
    }

    fn kind(self) -> Kind {
        match self {
            DhGroup::Modp1024 => Kind::Modp(Modp::GROUP_2),
            DhGroup::Modp2048 => Kind::Modp(Modp::GROUP_14),
            DhGroup::Modp4096 => Kind::Modp(Modp::GROUP_16),
            DhGroup::P256 => Kind::Curve(P256),
            DhGroup::P384 => Kind::Curve(P384),
            DhGroup::P521 => Kind::Curve(P521),
        }
    }
}

impl fmt::Display for DhGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DhGroup::Modp1024 => "MODP group 2 (1024 bits)",
            DhGroup::Modp2048 => "MODP group 14 (2048 bits)",
            DhGroup::Modp4096 => "MODP group 16 (4096 bits)",
            DhGroup::P256 => "P-256",
            DhGroup::P384 => "P-384",
            DhGroup::P521 => "P-521",
        })
    }
}

enum Kind {
    Modp(Modp),
    Curve(ObjectIdentifier),
}

fn names(algorithm: &AlgorithmIdentifier<'_>, curve: ObjectIdentifier) -> Result<bool, DecodeError> {
    let mut reader = algorithm.parameters("ECParameters");
    let named = reader.oid()?;
    reader.finish()?;
    Ok(named == curve)
}

/// One half of a key agreement, for one exchange.
pub struct DhKeyPair {
    group: DhGroup,
    private: Secret<Vec<u8>>,
    public: Vec<u8>,
}

/// A peer's public value is not one of the group: zero, one, the largest, outside of the subgroup, or not on the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicValueError;

impl fmt::Display for PublicValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer's public value is not one of the group: a key agreed on with it could be known")
    }
}

impl core::error::Error for PublicValueError {}

impl DhKeyPair {
    /// A new one.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn generate(group: DhGroup, random: &dyn Random) -> Result<Self, RandomError> {
        let (private, public) = match group.kind() {
            Kind::Modp(modp) => modp.generate(random)?,
            Kind::Curve(_) => curve::generate(group, random)?,
        };
        Ok(DhKeyPair { group, private, public })
    }

    /// The group.
    pub fn group(&self) -> DhGroup {
        self.group
    }

    /// What the peer is told, as it stands in a BIT STRING: an INTEGER (RFC 3279 2.3.3), or a point (RFC 5480 2.2).
    pub fn public_value(&self) -> &[u8] {
        &self.public
    }

    /// A SubjectPublicKeyInfo with the public value, in DER.
    pub fn public_key_info(&self) -> Vec<u8> {
        der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                self.group.write_parameters(fields);
                write_bits(&self.public, fields);
            });
        })
    }

    /// The shared secret, as long as the modulus or the field (RFC 4556 3.2.3.1, RFC 5349 4).
    ///
    /// # Errors
    /// [`PublicValueError`] for a public value that is no good one.
    pub fn agree(&self, peer: &[u8]) -> Result<Secret<Vec<u8>>, PublicValueError> {
        match self.group.kind() {
            Kind::Modp(modp) => modp.agree(self.private.expose(), peer),
            Kind::Curve(_) => curve::agree(self.group, self.private.expose(), peer),
        }
        .ok_or(PublicValueError)
    }
}

/// Shows the group alone.
impl fmt::Debug for DhKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DhKeyPair").field("group", &self.group).finish_non_exhaustive()
    }
}

/// A peer's SubjectPublicKeyInfo: its AlgorithmIdentifier in DER, and its public value.
///
/// # Errors
/// If it does not decode.
pub fn public_key_info(info: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut reader = DerReader::new("SubjectPublicKeyInfo", info);
    let parts = reader.nested(tag::SEQUENCE, |fields| {
        let (_, algorithm) = fields.with_bytes(AlgorithmIdentifier::read)?;
        Ok((algorithm, fields.bit_octets()?))
    })?;
    reader.finish()?;
    Ok(parts)
}

#[cfg(test)]
mod tests;
