//! edwards25519 (RFC 9588 12.2): little-endian octets, points as RFC 8032 5.1.2 writes them.

use super::KeyPair;
use crate::crypto::{Random, RandomError, Secret};
use alloc::vec::Vec;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;

/// The constant M.
pub(super) const M: [u8; 32] = [
    0xd0, 0x48, 0x03, 0x2c, 0x6e, 0xa0, 0xb6, 0xd6, 0x97, 0xdd, 0xc2, 0xe8, 0x6b, 0xda, 0x85, 0xa3, 0x3a, 0xda, 0xc9,
    0x20, 0xf1, 0xbf, 0x18, 0xe1, 0xb0, 0xc6, 0xd1, 0x66, 0xa5, 0xce, 0xcd, 0xaf,
];

/// The constant N.
pub(super) const N: [u8; 32] = [
    0xd3, 0xbf, 0xb5, 0x18, 0xf4, 0x4f, 0x34, 0x30, 0xf2, 0x9d, 0x0c, 0x92, 0xaf, 0x50, 0x38, 0x65, 0xa1, 0xed, 0x32,
    0x81, 0xdc, 0x69, 0xb3, 0x5d, 0xd8, 0x68, 0xba, 0x85, 0xf8, 0x86, 0xc4, 0xab,
];

/// A private scalar is kept without the cofactor, by which it is multiplied wherever it is used (RFC 9588 5): what a peer adds
/// of small order has no effect.
pub(super) fn generate(w: &[u8], mask: &[u8], random: &dyn Random) -> Result<KeyPair, RandomError> {
    let mut wide = Secret::new([0; 64]);
    random.fill(wide.expose_mut())?;
    let private = Secret::new(Scalar::from_bytes_mod_order_wide(wide.expose()));
    let mask = masked(w, mask).ok_or(RandomError)?;
    if *private.expose() == Scalar::ZERO {
        return Err(RandomError); // w*M alone could be guessed at
    }
    let public = EdwardsPoint::mul_base(private.expose()).mul_by_cofactor() + mask;
    let private = Secret::new(private.expose().to_bytes().to_vec());
    Ok(KeyPair { private, public: public.compress().to_bytes().to_vec() })
}

pub(super) fn result(w: &[u8], mask: &[u8], scalar: &[u8], element: &[u8]) -> Option<Secret<Vec<u8>>> {
    let unmasked = decode(element)? - masked(w, mask)?;
    let scalar = reduced(scalar)?;
    let result = unmasked.mul_by_cofactor() * scalar.expose();
    (!result.is_identity()).then(|| Secret::new(result.compress().to_bytes().to_vec()))
}

fn masked(w: &[u8], mask: &[u8]) -> Option<EdwardsPoint> {
    Some(decode(mask)? * reduced(w)?.expose())
}

fn reduced(octets: &[u8]) -> Option<Secret<Scalar>> {
    let octets: Secret<[u8; 32]> = Secret::new(octets.try_into().ok()?);
    Some(Secret::new(Scalar::from_bytes_mod_order(*octets.expose())))
}

/// A point that has one way to be written, and is not of small order.
fn decode(element: &[u8]) -> Option<EdwardsPoint> {
    let compressed = CompressedEdwardsY(element.try_into().ok()?);
    let point = compressed.decompress()?;
    (point.compress() == compressed && !point.is_small_order()).then_some(point)
}

#[cfg(test)]
pub(super) fn mask_alone(w: &[u8], mask: &[u8]) -> Vec<u8> {
    masked(w, mask).unwrap().compress().to_bytes().to_vec()
}
