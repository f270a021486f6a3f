use super::cipher::LONGEST_MAC;
use super::usage::Purpose;
use super::{
    Algorithms, ChecksumType, CryptoError, EncryptionKey, KeyUsage, Row, des3, rfc3961, rfc4757, rfc6803, rfc8009,
};
use crate::crypto::block::{Aes128, Aes256, Camellia128, Camellia256};
use crate::crypto::cmac::cmac;
use crate::crypto::constant_time_eq;
use crate::crypto::hash::{Sha1, Sha256, Sha384};
use crate::crypto::hmac::HmacKey;
use alloc::boxed::Box;
use core::fmt;

/// The checksum key of one usage (RFC 3961 5.4, RFC 8009 6, RFC 6803 7), scheduled once: safe to share between threads.
pub struct ChecksumKey {
    row: &'static Row,
    key: Scheduled,
}

enum Scheduled {
    Sha1(HmacKey<Sha1>),
    Sha256(HmacKey<Sha256>),
    /// Boxed: twice the size of the others.
    Sha384(Box<HmacKey<Sha384>>),
    Camellia128(Camellia128),
    Camellia256(Camellia256),
    Rc4(rfc4757::Signing),
}

impl ChecksumKey {
    /// Derives and schedules the key.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
    pub fn new(key: &EncryptionKey, usage: KeyUsage) -> Result<Self, CryptoError> {
        let row = key.usable()?;
        let base = key.bytes();
        let scheduled = match row.algorithms {
            Algorithms::Aes128Sha1 => Scheduled::Sha1(rfc3961::checksum_key::<Aes128, _>(base, usage)),
            Algorithms::Aes256Sha1 => Scheduled::Sha1(rfc3961::checksum_key::<Aes256, _>(base, usage)),
            Algorithms::Aes128Sha256 => Scheduled::Sha256(rfc8009::checksum_key(base, usage, row.mac)),
            Algorithms::Aes256Sha384 => Scheduled::Sha384(Box::new(rfc8009::checksum_key(base, usage, row.mac))),
            Algorithms::Camellia128 => Scheduled::Camellia128(rfc6803::subkey(base, usage, Purpose::Checksum)),
            Algorithms::Camellia256 => Scheduled::Camellia256(rfc6803::subkey(base, usage, Purpose::Checksum)),
            Algorithms::Des3 => Scheduled::Sha1(des3::checksum_key(base, usage)),
            Algorithms::Rc4 => Scheduled::Rc4(rfc4757::Signing::new(base, usage)),
        };
        Ok(ChecksumKey { row, key: scheduled })
    }

    /// The type of its checksums.
    pub fn checksum_type(&self) -> ChecksumType {
        self.row.checksum
    }

    /// Octets in a checksum.
    pub fn mac_len(&self) -> usize {
        self.row.mac
    }

    /// The checksum of the concatenation of `parts`.
    pub fn checksum(&self, parts: &[&[u8]]) -> Mac {
        let mut mac = Mac { octets: [0; LONGEST_MAC], length: self.row.mac };
        let (out, _) = mac.octets.split_at_mut(mac.length);
        match &self.key {
            Scheduled::Sha1(key) => key.mac(parts, out),
            Scheduled::Sha256(key) => key.mac(parts, out),
            Scheduled::Sha384(key) => key.mac(parts, out),
            Scheduled::Camellia128(key) => cmac(key, parts, out),
            Scheduled::Camellia256(key) => cmac(key, parts, out),
            Scheduled::Rc4(key) => key.mac(parts, out),
        }
        mac
    }

    /// Whether `expected` is the checksum of the concatenation of `parts`; takes as long either way.
    ///
    /// # Errors
    /// [`CryptoError::IntegrityCheckFailed`], also for a checksum of another length.
    pub fn verify(&self, parts: &[&[u8]], expected: &[u8]) -> Result<(), CryptoError> {
        if constant_time_eq(&self.checksum(parts), expected) { Ok(()) } else { Err(CryptoError::IntegrityCheckFailed) }
    }
}

/// Shows the enctype, not the key.
impl fmt::Debug for ChecksumKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChecksumKey({})", self.row.name)
    }
}

/// A keyed checksum, as long as its type says. Compare with [`ChecksumKey::verify`] alone.
#[derive(Clone)]
pub struct Mac {
    octets: [u8; LONGEST_MAC],
    length: usize,
}

impl core::ops::Deref for Mac {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.octets.split_at(self.length).0
    }
}

impl AsRef<[u8]> for Mac {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({} octets)", self.length)
    }
}
