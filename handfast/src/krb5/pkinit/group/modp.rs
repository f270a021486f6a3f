//! Diffie-Hellman modulo a safe prime, with the generator 2 (RFC 2631 2.1, RFC 3526).

use super::super::algorithm::AlgorithmIdentifier;
use super::prime;
use crate::asn1::{DerReader, DerWriter, der_of, tag};
use crate::crypto::{Random, RandomError, Secret};
use crate::wire::DecodeError;
use alloc::vec;
use alloc::vec::Vec;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{JacobiSymbol, Odd, U512, U1024, U2048, U4096, Uint};
use zeroize::Zeroize;

/// Octets of a private exponent: twice the bits of the longest symmetric key (RFC 4556 3.2.1).
const EXPONENT_SIZE: usize = 64;

/// Base and secret exponent modulo a prime, to the power.
type Power = fn(&[u8], &[u8], &[u8]) -> Option<Secret<Vec<u8>>>;

/// A group, by its prime.
#[derive(Clone, Copy)]
pub(super) struct Modp {
    /// In hexadecimal.
    prime: &'static str,
    power: Power,
    is_member: fn(&[u8], &[u8]) -> bool,
}

impl Modp {
    pub(super) const GROUP_2: Modp = Modp::new::<{ U1024::LIMBS }>(prime::GROUP_2);
    pub(super) const GROUP_14: Modp = Modp::new::<{ U2048::LIMBS }>(prime::GROUP_14);
    pub(super) const GROUP_16: Modp = Modp::new::<{ U4096::LIMBS }>(prime::GROUP_16);

    const fn new<const LIMBS: usize>(prime: &'static str) -> Modp {
        Modp { prime, power: power::<LIMBS>, is_member: is_member::<LIMBS> }
    }

    fn prime(&self) -> Vec<u8> {
        let digit =
            |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
        self.prime.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |octet, hex| octet << 4 | digit(hex))).collect()
    }

    /// Whether DomainParameters (RFC 3279 2.3.3) are of this group. The factor q may be left out, or zero.
    ///
    /// ```text
    /// DomainParameters ::= SEQUENCE { p INTEGER, g INTEGER, q INTEGER, j INTEGER OPTIONAL, ... }
    /// ```
    pub(super) fn is_spelled_by(&self, algorithm: &AlgorithmIdentifier<'_>) -> Result<bool, DecodeError> {
        let mut reader = algorithm.parameters("DomainParameters");
        let (p, g, q) = reader.nested(tag::SEQUENCE, |fields| {
            let numbers = (fields.unsigned()?, fields.unsigned()?);
            let q = if fields.is_empty() { &[] } else { fields.unsigned()? };
            fields.ignore_rest()?;
            Ok((numbers.0, numbers.1, q))
        })?;
        reader.finish()?;
        let prime = self.prime();
        Ok(p == prime && g == [2] && (q.is_empty() || q == halved(&prime)))
    }

    /// DomainParameters.
    pub(super) fn write(&self, writer: &mut DerWriter<'_>) {
        let prime = self.prime();
        writer.nested(tag::SEQUENCE, |fields| {
            write_unsigned(&prime, fields);
            write_unsigned(&[2], fields);
            write_unsigned(&halved(&prime), fields);
        });
    }

    /// A private exponent, and 2 to its power as an INTEGER in DER.
    pub(super) fn generate(&self, random: &dyn Random) -> Result<(Secret<Vec<u8>>, Vec<u8>), RandomError> {
        let mut private = Secret::new(vec![0; EXPONENT_SIZE]);
        random.fill(private.expose_mut())?;
        let public = (self.power)(&self.prime(), &[2], private.expose()).ok_or(RandomError)?;
        let public = der_of(|writer| write_unsigned(public.expose(), writer));
        Ok((private, public))
    }

    /// The shared secret, as long as the prime; none if the peer's public value is none of the subgroup (RFC 2631 2.1.5).
    pub(super) fn agree(&self, private: &[u8], peer: &[u8]) -> Option<Secret<Vec<u8>>> {
        let mut reader = DerReader::new("DHPublicKey", peer);
        let peer = reader.unsigned().ok()?;
        reader.finish().ok()?;
        let prime = self.prime();
        if !(self.is_member)(&prime, peer) {
            return None;
        }
        (self.power)(&prime, peer, private)
    }
}

/// (p - 1) / 2, of an odd p whose first bit is set.
fn halved(prime: &[u8]) -> Vec<u8> {
    let carries = core::iter::once(&0).chain(prime);
    prime.iter().zip(carries).map(|(octet, before)| octet >> 1 | before << 7).collect()
}

/// A non-negative INTEGER.
fn write_unsigned(octets: &[u8], writer: &mut DerWriter<'_>) {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let significant = octets.get(zeros..).unwrap_or_default();
    let contents = if significant.first().is_none_or(|first| *first >= 0x80) {
        [&[0], significant].concat()
    } else {
        significant.to_vec()
    };
    writer.primitive(tag::INTEGER, &contents);
}

/// A number that fits; none for a longer one.
fn number<const LIMBS: usize>(octets: &[u8]) -> Option<Uint<LIMBS>> {
    let zeros = Uint::<LIMBS>::BYTES.checked_sub(octets.len())?;
    let mut padded = vec![0; zeros];
    padded.extend_from_slice(octets);
    let number = Uint::from_be_slice(&padded);
    padded.zeroize();
    Some(number)
}

/// `base` to the power of a secret exponent, in constant time, as long as the prime.
fn power<const LIMBS: usize>(prime: &[u8], base: &[u8], exponent: &[u8]) -> Option<Secret<Vec<u8>>> {
    let prime = Odd::new(number::<LIMBS>(prime)?).into_option()?;
    let params = FixedMontyParams::new_vartime(prime);
    let mut exponent: U512 = number(exponent)?;
    let mut raised = FixedMontyForm::new(&number(base)?, &params).pow(&exponent);
    exponent.zeroize();
    let mut result = raised.retrieve();
    let octets = Secret::new(result.to_be_bytes().as_ref().to_vec());
    result.zeroize();
    raised.as_montgomery_mut().zeroize();
    Some(octets)
}

/// Whether a public value is from 2 to p - 2 and to the power of q is 1 (RFC 2631 2.1.5): for p = 2q + 1, whether it is a square.
/// Nothing secret is in it.
fn is_member<const LIMBS: usize>(prime: &[u8], value: &[u8]) -> bool {
    let numbers = number::<LIMBS>(prime).and_then(|prime| Odd::new(prime).into_option()).zip(number::<LIMBS>(value));
    let Some((prime, value)) = numbers else { return false };
    let last = prime.as_ref().wrapping_sub(&Uint::ONE);
    value > Uint::ONE && value < last && value.jacobi_symbol_vartime(&prime) == JacobiSymbol::One
}
