use super::{KeyPair, SpakeError, edwards25519, nist};
use crate::crypto::hash::{Hash, Hasher, Sha256, Sha384, Sha512};
use crate::crypto::{Random, RandomError, Secret};
use crate::krb5::message::SpakeGroup;
use alloc::vec;
use alloc::vec::Vec;

/// Of w, mask and randomness.
type Generate = fn(&[u8], &[u8], &dyn Random) -> Result<KeyPair, RandomError>;

/// Of w, mask, scalar and element.
type Unmask = fn(&[u8], &[u8], &[u8], &[u8]) -> Option<Secret<Vec<u8>>>;

/// A registered group (RFC 9588 12.2).
pub(super) struct Group {
    number: SpakeGroup,
    /// Octets of a multiplier: of w and of private scalars.
    pub(super) multiplier: usize,
    hash: fn(&[&[u8]]) -> Secret<Vec<u8>>,
    /// A private scalar, and the element scalar*G + w*mask.
    pub(super) generate: Generate,
    /// scalar*(element - w*mask); none if the element is no good one, or the result would be the identity.
    pub(super) result: Unmask,
    /// w*mask, for tests.
    #[cfg(test)]
    pub(super) masked: fn(w: &[u8], mask: &[u8]) -> Vec<u8>,
    /// The constant that hides the KDC's element.
    pub(super) m: &'static [u8],
    /// The constant that hides the client's element.
    pub(super) n: &'static [u8],
}

static GROUPS: [Group; 4] = [
    Group {
        number: SpakeGroup::EDWARDS25519,
        multiplier: 32,
        hash: digest::<Sha256>,
        generate: edwards25519::generate,
        result: edwards25519::result,
        #[cfg(test)]
        masked: edwards25519::mask_alone,
        m: &edwards25519::M,
        n: &edwards25519::N,
    },
    Group {
        number: SpakeGroup::P256,
        multiplier: 32,
        hash: digest::<Sha256>,
        generate: nist::generate::<p256::ProjectivePoint>,
        result: nist::result::<p256::ProjectivePoint>,
        #[cfg(test)]
        masked: nist::mask_alone::<p256::ProjectivePoint>,
        m: &nist::P256_M,
        n: &nist::P256_N,
    },
    Group {
        number: SpakeGroup::P384,
        multiplier: 48,
        hash: digest::<Sha384>,
        generate: nist::generate::<p384::ProjectivePoint>,
        result: nist::result::<p384::ProjectivePoint>,
        #[cfg(test)]
        masked: nist::mask_alone::<p384::ProjectivePoint>,
        m: &nist::P384_M,
        n: &nist::P384_N,
    },
    Group {
        number: SpakeGroup::P521,
        multiplier: 66,
        hash: digest::<Sha512>,
        generate: nist::generate::<p521::ProjectivePoint>,
        result: nist::result::<p521::ProjectivePoint>,
        #[cfg(test)]
        masked: nist::mask_alone::<p521::ProjectivePoint>,
        m: &nist::P521_M,
        n: &nist::P521_N,
    },
];

impl Group {
    /// The group of that number.
    ///
    /// # Errors
    /// [`SpakeError::UnsupportedGroup`].
    pub(super) fn of(number: SpakeGroup) -> Result<&'static Group, SpakeError> {
        GROUPS.iter().find(|group| group.number == number).ok_or(SpakeError::UnsupportedGroup(number))
    }

    /// The hash of these parts, one behind the other.
    pub(super) fn hash(&self, parts: &[&[u8]]) -> Secret<Vec<u8>> {
        (self.hash)(parts)
    }
}

/// Whether this build can compute with a group.
pub fn is_supported(group: SpakeGroup) -> bool {
    Group::of(group).is_ok()
}

fn digest<H: Hash>(parts: &[&[u8]]) -> Secret<Vec<u8>> {
    let mut hasher = Hasher::<H>::new();
    parts.iter().for_each(|part| hasher.update(part));
    let mut out = Secret::new(vec![0; H::OUTPUT]);
    H::write(&hasher.finish(), out.expose_mut());
    out
}
