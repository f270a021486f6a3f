//! Diffie-Hellman on elliptic curves (RFC 5349 4, RFC 5480).

use super::DhGroup;
use crate::crypto::{Random, RandomError, Secret};
use alloc::vec;
use alloc::vec::Vec;
use p256::elliptic_curve::point::AffineCoordinates;
use zeroize::Zeroize;

/// How often a private key is drawn: out of range it is less than once in 2^32 times.
const DRAW_LIMIT: usize = 16;

/// Makes both functions of one curve.
macro_rules! curve {
    ($name:ident, $curve:ident, $size:literal, $first_mask:literal) => {
        mod $name {
            use super::*;

            /// A private key, and its point.
            pub(super) fn generate(random: &dyn Random) -> Result<(Secret<Vec<u8>>, Vec<u8>), RandomError> {
                for _ in 0..DRAW_LIMIT {
                    let mut private = Secret::new(vec![0; $size]);
                    random.fill(private.expose_mut())?;
                    private.expose_mut().iter_mut().take(1).for_each(|first| *first &= $first_mask);
                    if let Ok(key) = $curve::SecretKey::from_slice(private.expose()) {
                        let point = $curve::Sec1Point::from(key.public_key());
                        return Ok((private, point.as_bytes().to_vec()));
                    }
                }
                Err(RandomError)
            }

            /// The x-coordinate of the shared point; none if the peer's is not on the curve, or at infinity.
            pub(super) fn agree(private: &[u8], peer: &[u8]) -> Option<Secret<Vec<u8>>> {
                let private = $curve::SecretKey::from_slice(private).ok()?;
                let peer = $curve::PublicKey::from_sec1_bytes(peer).ok()?;
                let shared = $curve::ProjectivePoint::from(*peer.as_affine()) * *private.to_nonzero_scalar();
                let mut x = shared.to_affine().x();
                let octets = Secret::new(x.as_slice().to_vec());
                x.zeroize();
                Some(octets)
            }
        }
    };
}

curve!(p256_curve, p256, 32, 0xff);
curve!(p384_curve, p384, 48, 0xff);
curve!(p521_curve, p521, 66, 0x01);

pub(super) fn generate(group: DhGroup, random: &dyn Random) -> Result<(Secret<Vec<u8>>, Vec<u8>), RandomError> {
    match group {
        DhGroup::P384 => p384_curve::generate(random),
        DhGroup::P521 => p521_curve::generate(random),
        _ => p256_curve::generate(random),
    }
}

pub(super) fn agree(group: DhGroup, private: &[u8], peer: &[u8]) -> Option<Secret<Vec<u8>>> {
    match group {
        DhGroup::P384 => p384_curve::agree(private, peer),
        DhGroup::P521 => p521_curve::agree(private, peer),
        _ => p256_curve::agree(private, peer),
    }
}
