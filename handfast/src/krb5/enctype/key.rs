use super::{Algorithms, CryptoError, Enctype, Row, des3, rfc3961, rfc4757, rfc6803, rfc8009};
use crate::crypto::block::{Aes128, Aes256, Camellia128, Camellia256};
use crate::crypto::hash::{Sha1, Sha256, Sha384};
use crate::crypto::{Random, Secret};
use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroize;

/// The longest keys of the enctypes that are computed with, in octets.
const LONGEST: usize = 32;

/// A key and the encryption type it is for (RFC 4120 5.2.9).
///
/// A key of an enctype that this build doesn't know can be held, listed and written to files as it
/// came; whatever would compute with it fails with [`CryptoError::UnsupportedEnctype`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    enctype: Enctype,
    octets: Secret<Octets>,
}

/// In place where they fit: contexts hold several keys each.
#[derive(Clone)]
enum Octets {
    Here(u8, [u8; LONGEST]),
    Elsewhere(Vec<u8>),
}

impl Octets {
    fn zeros(size: usize) -> Self {
        match u8::try_from(size) {
            Ok(length) if size <= LONGEST => Octets::Here(length, [0; LONGEST]),
            _ => Octets::Elsewhere(vec![0; size]),
        }
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        match self {
            Octets::Here(length, octets) => octets.get(..usize::from(*length)).unwrap_or(octets),
            Octets::Elsewhere(octets) => octets,
        }
    }
}

impl AsMut<[u8]> for Octets {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Octets::Here(length, octets) => octets.split_at_mut(LONGEST.min(usize::from(*length))).0,
            Octets::Elsewhere(octets) => octets,
        }
    }
}

impl Zeroize for Octets {
    fn zeroize(&mut self) {
        match self {
            Octets::Here(_, octets) => octets.zeroize(),
            Octets::Elsewhere(octets) => octets.zeroize(),
        }
    }
}

impl EncryptionKey {
    /// A key of an enctype's length, or of an enctype that this build doesn't know. The octets are copied; the caller's own stay
    /// the caller's to wipe.
    ///
    /// # Errors
    /// [`CryptoError::WrongKeySize`].
    pub fn new(enctype: Enctype, bytes: impl AsRef<[u8]>) -> Result<Self, CryptoError> {
        let key = Self::unchecked(enctype, bytes);
        match key.usable() {
            Ok(_) | Err(CryptoError::UnsupportedEnctype(_)) => Ok(key),
            Err(error) => Err(error),
        }
    }

    /// A key as a file holds it, whatever its length, so that one bad key doesn't hide the others.
    ///
    /// Whatever would compute with a key of the wrong length fails with [`CryptoError::WrongKeySize`].
    pub fn unchecked(enctype: Enctype, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        Self::filled_by(enctype, bytes.len(), |octets| octets.copy_from_slice(bytes))
    }

    /// The key of `octets` that are random, or as good as random (RFC 3961 3, "random-to-key"): for RFC 3962 4, RFC 8009 5
    /// and RFC 6803 2 the octets as they are, for triple DES a key of 24 out of 21 (RFC 3961 6.3.1).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
    pub fn random_to_key(enctype: Enctype, octets: &[u8]) -> Result<Self, CryptoError> {
        let row = enctype.supported_row()?;
        if octets.len() != row.seed {
            return Err(CryptoError::WrongKeySize { enctype, expected: row.seed, actual: octets.len() });
        }
        Ok(Self::made_of(row, octets))
    }

    /// The key of as many octets as the enctype wants.
    fn made_of(row: &Row, seed: &[u8]) -> Self {
        Self::filled_by(row.enctype, row.key_size, |key| match row.algorithms {
            Algorithms::Des3 => des3::random_to_key(seed, key),
            _ => key.copy_from_slice(seed),
        })
    }

    /// A fresh random key: [`EncryptionKey::random_to_key`] of random octets.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`], or [`CryptoError::Random`].
    pub fn generate(enctype: Enctype, random: &dyn Random) -> Result<Self, CryptoError> {
        let row = enctype.supported_row()?;
        let mut seed = Secret::new(Octets::zeros(row.seed));
        random.fill(seed.expose_mut().as_mut())?;
        Ok(Self::made_of(row, seed.expose().as_ref()))
    }

    /// A key that was made inside here, of the length its enctype has.
    pub(super) fn filled_by(enctype: Enctype, size: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut octets = Secret::new(Octets::zeros(size));
        fill(octets.expose_mut().as_mut());
        EncryptionKey { enctype, octets }
    }

    /// What the key is for.
    pub fn enctype(&self) -> Enctype {
        self.enctype
    }

    /// The key itself. What is copied from it is no longer protected.
    pub fn bytes(&self) -> &[u8] {
        self.octets.expose().as_ref()
    }

    /// The row of its enctype, if it is supported and the key has the right length.
    pub(super) fn usable(&self) -> Result<&'static Row, CryptoError> {
        let row = self.enctype.supported_row()?;
        let (enctype, expected, actual) = (self.enctype, row.key_size, self.bytes().len());
        if expected == actual { Ok(row) } else { Err(CryptoError::WrongKeySize { enctype, expected, actual }) }
    }

    /// The pseudo-random function of the enctype (RFC 3961 5.3, RFC 8009 5, RFC 6803 6): 16 octets for the
    /// enctypes of RFC 3962, RFC 6803 and triple DES, 32 and 48 for those of RFC 8009, 20 for RC4 (RFC 4757 5).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
    pub fn prf(&self, input: &[u8]) -> Result<Secret<Vec<u8>>, CryptoError> {
        let key = self.bytes();
        Ok(match self.usable()?.algorithms {
            Algorithms::Aes128Sha1 => rfc3961::prf::<Aes128, Sha1>(key, input),
            Algorithms::Aes256Sha1 => rfc3961::prf::<Aes256, Sha1>(key, input),
            Algorithms::Aes128Sha256 => rfc8009::prf::<Sha256>(key, input),
            Algorithms::Aes256Sha384 => rfc8009::prf::<Sha384>(key, input),
            Algorithms::Camellia128 => rfc6803::prf::<Camellia128>(key, input),
            Algorithms::Camellia256 => rfc6803::prf::<Camellia256>(key, input),
            Algorithms::Des3 => des3::prf(key, input),
            Algorithms::Rc4 => rfc4757::prf(key, input),
        })
    }
}
