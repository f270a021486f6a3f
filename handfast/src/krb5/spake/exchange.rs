use super::group::Group;
use super::{SpakeError, Transcript};
use crate::crypto::{Random, RandomError, Secret};
use crate::krb5::enctype::{CryptoError, EncryptionKey, fx_cf2};
use crate::krb5::message::SpakeGroup;
use alloc::vec::Vec;
use core::fmt;

/// Who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The KDC, whose element is hidden by M.
    Kdc,
    /// The client, whose element is hidden by N.
    Client,
}

/// The client's key, made a multiplier of a group: w (RFC 9588 5).
pub struct Multiplier {
    group: &'static Group,
    number: SpakeGroup,
    key: EncryptionKey,
    w: Secret<Vec<u8>>,
}

/// A private scalar and the public element of it, good for one exchange.
pub struct KeyPair {
    /// In the group's octets; without the cofactor, for edwards25519.
    pub private: Secret<Vec<u8>>,
    /// T or S: hidden by w, and in the clear to nobody.
    pub public: Vec<u8>,
}

/// K, which both sides compute if they have the same w (RFC 9588 1.4).
pub struct SharedElement(Secret<Vec<u8>>);

impl Multiplier {
    /// Of the client's key, which the reply would be under without SPAKE.
    ///
    /// # Errors
    /// [`SpakeError::UnsupportedGroup`], [`SpakeError::Key`].
    pub fn new(key: &EncryptionKey, group: SpakeGroup) -> Result<Self, SpakeError> {
        let (number, group) = (group, Group::of(group)?);
        let input = [&b"SPAKEsecret"[..], &number.0.to_be_bytes()].concat();
        let w = key.prf_plus(&input, group.multiplier)?;
        Ok(Multiplier { group, number, key: key.clone(), w })
    }

    /// Draws a private scalar.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn generate(&self, role: Role, random: &dyn Random) -> Result<KeyPair, RandomError> {
        (self.group.generate)(self.w.expose(), self.mask(role), random)
    }

    /// The shared element, of one's own private scalar and the peer's public element.
    ///
    /// # Errors
    /// [`SpakeError::PublicElement`].
    pub fn shared_element(
        &self,
        role: Role,
        private: &Secret<Vec<u8>>,
        peers: &[u8],
    ) -> Result<SharedElement, SpakeError> {
        let mask = self.mask(match role {
            Role::Kdc => Role::Client,
            Role::Client => Role::Kdc,
        });
        let result = (self.group.result)(self.w.expose(), mask, private.expose(), peers);
        result.map(SharedElement).ok_or(SpakeError::PublicElement(self.number))
    }

    /// K'\[n\] (RFC 9588 7): the reply key for 0, that of the client's second factor for 1. `body` is the KDC-REQ-BODY of the
    /// request that the key is used with, inside of FAST the inner one.
    ///
    /// # Errors
    /// What is wrong with the client's key.
    pub fn derive(
        &self,
        shared: &SharedElement,
        transcript: &Transcript,
        body: &[u8],
        n: u32,
    ) -> Result<EncryptionKey, CryptoError> {
        let enctype = self.key.enctype();
        let length = enctype.seed_size().ok_or(CryptoError::UnsupportedEnctype(enctype))?;
        let mut seed = Secret::new(Vec::new());
        for block in 1..=u8::MAX {
            let hashed = self.group.hash(&[
                b"SPAKEkey",
                &self.number.0.to_be_bytes(),
                &enctype.0.to_be_bytes(),
                self.w.expose(),
                shared.0.expose(),
                transcript.hash(),
                body,
                &n.to_be_bytes(),
                &[block],
            ]);
            let missing = length - seed.expose().len();
            seed.expose_mut().extend(hashed.expose().iter().take(missing));
            if seed.expose().len() == length {
                break;
            }
        }
        fx_cf2(&self.key, &EncryptionKey::random_to_key(enctype, seed.expose())?, b"SPAKE", b"keyderiv")
    }

    fn mask(&self, role: Role) -> &'static [u8] {
        match role {
            Role::Kdc => self.group.m,
            Role::Client => self.group.n,
        }
    }

    /// The public element of a private scalar of zero.
    #[cfg(test)]
    pub(super) fn mask_alone(&self, role: Role) -> Vec<u8> {
        (self.group.masked)(self.w.expose(), self.mask(role))
    }

    #[cfg(test)]
    pub(super) fn w(&self) -> &[u8] {
        self.w.expose()
    }
}

impl SharedElement {
    #[cfg(test)]
    pub(super) fn octets(&self) -> &[u8] {
        self.0.expose()
    }
}

/// Shows no secret.
macro_rules! opaque {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}
opaque!(Multiplier, KeyPair, SharedElement);
