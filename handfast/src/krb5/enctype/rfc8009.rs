//! AES with SHA-2 (RFC 8009): key derivation by HMAC, and a MAC of the ciphertext.

use super::CryptoError;
use super::cipher::{LONGEST_MAC, Profile};
use super::cts::Message;
use super::usage::{KeyUsage, Purpose};
use crate::crypto::block::BlockKey;
use crate::crypto::hash::Hash;
use crate::crypto::hmac::{HmacKey, pbkdf2};
use crate::crypto::{Secret, constant_time_eq};
use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// The initial cipher state, which is MACed before the ciphertext (RFC 8009 5).
const CIPHER_STATE: [u8; 16] = [0; 16];

/// KDF-HMAC-SHA2 (RFC 8009 3): fills `out`, at most one digest. No context is an empty one.
pub(super) fn kdf<H: Hash>(key: &HmacKey<H>, label: &[u8], context: &[u8], out: &mut [u8]) {
    let bits = u32::try_from(8 * out.len()).unwrap_or(u32::MAX);
    key.mac(&[&1_u32.to_be_bytes(), label, &[0], context, &bits.to_be_bytes()], out);
}

/// A key derived for a usage, of `length` octets, scheduled for HMAC.
fn subkey_mac<H: Hash>(base: &HmacKey<H>, usage: KeyUsage, purpose: Purpose, length: usize) -> HmacKey<H> {
    let mut key = Zeroizing::new([0; LONGEST_MAC]);
    let (key, _) = key.split_at_mut(length);
    kdf(base, &usage.constant(purpose), &[], key);
    HmacKey::new(key)
}

/// String-to-key (RFC 8009 4): the salt is led by the enctype's name, the result is derived once more.
pub(super) fn string_to_key<H: Hash>(name: &str, password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8]) {
    let mut stretched = Zeroizing::new([0; 32]);
    let (stretched, _) = stretched.split_at_mut(key.len());
    pbkdf2::<H>(password, &[name.as_bytes(), &[0], salt], iterations, stretched);
    kdf(&HmacKey::<H>::new(stretched), b"kerberos", &[], key);
}

/// PRF (RFC 8009 5): as long as the digest.
pub(super) fn prf<H: Hash>(base: &[u8], input: &[u8]) -> Secret<Vec<u8>> {
    let mut out = Secret::new(vec![0; H::OUTPUT]);
    kdf(&HmacKey::<H>::new(base), b"prf", input, out.expose_mut());
    out
}

/// The checksum key of a usage (RFC 8009 5): as long as the checksum.
pub(super) fn checksum_key<H: Hash>(base: &[u8], usage: KeyUsage, mac_len: usize) -> HmacKey<H> {
    subkey_mac(&HmacKey::new(base), usage, Purpose::Checksum, mac_len)
}

/// Encrypt, then MAC the ciphertext (RFC 8009 5): the keys of one usage.
pub(super) struct EncryptThenMac<K: BlockKey, H: Hash> {
    encryption: K,
    integrity: HmacKey<H>,
}

impl<K: BlockKey, H: Hash> EncryptThenMac<K, H> {
    /// `mac_len` octets are the length of the MAC, and of its key.
    pub(super) fn new(base: &[u8], usage: KeyUsage, mac_len: usize) -> Self {
        let base = HmacKey::<H>::new(base);
        EncryptThenMac {
            encryption: K::filled_by(|key| kdf(&base, &usage.constant(Purpose::Encryption), &[], key)),
            integrity: subkey_mac(&base, usage, Purpose::Integrity, mac_len),
        }
    }

    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        let mut hmac = self.integrity.begin();
        hmac.update(&CIPHER_STATE);
        message.covered().for_each(|octets| hmac.update(octets));
        hmac.finish(mac);
    }
}

impl<K: BlockKey, H: Hash> Profile for EncryptThenMac<K, H> {
    fn seal(&self, mut message: Message<'_, '_>, mac: &mut [u8]) {
        message.encrypt(&self.encryption.encrypt());
        self.mac(&message, mac);
    }

    fn unseal(&self, mut message: Message<'_, '_>, mac: &[u8]) -> Result<(), CryptoError> {
        let mut expected = [0; LONGEST_MAC];
        let (expected, _) = expected.split_at_mut(mac.len());
        self.mac(&message, expected);
        if !constant_time_eq(expected, mac) {
            return Err(CryptoError::IntegrityCheckFailed);
        }
        message.decrypt(&self.encryption.decrypt());
        Ok(())
    }
}
