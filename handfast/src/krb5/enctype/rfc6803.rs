//! Camellia with CMAC (RFC 6803): key derivation in feedback mode, and a MAC of the plaintext.

use super::cts::Message;
use super::rfc3961::{Integrity, Simplified};
use super::usage::{KeyUsage, Purpose};
use crate::crypto::Secret;
use crate::crypto::block::BlockKey;
use crate::crypto::cmac::{Cmac, cmac};
use crate::crypto::hash::Sha1;
use crate::crypto::hmac::pbkdf2;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::consts::U16;
use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Octets in a block, and in a MAC.
const BLOCK: usize = 16;

/// KDF-FEEDBACK-CMAC (RFC 6803 3): fills `out`.
pub(super) fn derive(base: &impl BlockCipherEncrypt<BlockSize = U16>, constant: &[u8], out: &mut [u8]) {
    let bits = u32::try_from(8 * out.len()).unwrap_or(u32::MAX);
    let mut feedback = Zeroizing::new([0; BLOCK]);
    for (counter, out) in (1_u32..).zip(out.chunks_mut(BLOCK)) {
        let mut cmac = Cmac::new(base);
        [&feedback[..], &counter.to_be_bytes(), constant, &[0], &bits.to_be_bytes()]
            .iter()
            .for_each(|part| cmac.update(part));
        cmac.finish(&mut *feedback);
        out.copy_from_slice(feedback.split_at(out.len()).0);
    }
}

/// A base key, expanded.
pub(super) fn schedule<K: BlockKey>(base: &[u8]) -> K::Encrypt {
    K::filled_by(|key| key.copy_from_slice(base)).encrypt()
}

/// The key of a usage (RFC 6803 6).
pub(super) fn subkey<K: BlockKey>(base: &[u8], usage: KeyUsage, purpose: Purpose) -> K {
    K::filled_by(|key| derive(&schedule::<K>(base), &usage.constant(purpose), key))
}

/// String-to-key (RFC 6803 4): the salt is led by the enctype's name, the result is derived once more.
pub(super) fn string_to_key<K: BlockKey>(name: &str, password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8]) {
    let salt = [name.as_bytes(), &[0], salt];
    let stretched = K::filled_by(|key| pbkdf2::<Sha1>(password, &salt, iterations, key));
    derive(&stretched.encrypt(), b"kerberos", key);
}

/// PRF (RFC 6803 6): the CMAC of the input under the key derived for "prf".
pub(super) fn prf<K: BlockKey>(base: &[u8], input: &[u8]) -> Secret<Vec<u8>> {
    let key = K::filled_by(|key| derive(&schedule::<K>(base), b"prf", key));
    let mut out = Secret::new(vec![0; BLOCK]);
    cmac(&key, &[input], out.expose_mut());
    out
}

/// Encryption and a MAC of the plaintext (RFC 6803 6): the keys of one usage.
pub(super) type EncryptAndCmac<K> = Simplified<K, CmacKey<K>>;

impl<K: BlockKey> EncryptAndCmac<K> {
    pub(super) fn new(base: &[u8], usage: KeyUsage) -> Self {
        Simplified::of(subkey(base, usage, Purpose::Encryption), CmacKey(subkey(base, usage, Purpose::Integrity)))
    }
}

/// A key of CMAC.
pub(super) struct CmacKey<K>(K);

impl<K: BlockKey> Integrity for CmacKey<K> {
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        let cipher = self.0.encrypt();
        let mut cmac = Cmac::new(&cipher);
        message.covered().for_each(|octets| cmac.update(octets));
        cmac.finish(mac);
    }
}
