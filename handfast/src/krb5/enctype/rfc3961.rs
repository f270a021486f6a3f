//! The simplified profile (RFC 3961 5): n-fold, key derivation, encryption with a MAC of the plaintext.

use super::CryptoError;
use super::cipher::{LONGEST_MAC, Profile};
use super::cts::Message;
use super::usage::{KeyUsage, Purpose};
use crate::crypto::aes::BlockKey;
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::hmac::HmacKey;
use crate::crypto::{Secret, constant_time_eq};
use aes::Block;
use aes::cipher::BlockCipherEncrypt;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Octets in a cipher block.
const BLOCK: usize = 16;

/// n-fold (RFC 3961 5.1): `input`, repeated and rotated right by 13 bits more each time, in chunks
/// of `out`'s length, added up with end-around carry. Neither may be empty.
pub(super) fn n_fold(input: &[u8], out: &mut [u8]) {
    out.fill(0);
    let bits = 8 * input.len();
    let mut carry = 0_u32;
    for index in (0..lcm(input.len(), out.len())).rev() {
        let (copy, octet) = (index / input.len(), index % input.len());
        let bit = (8 * octet + (bits - 13 * copy % bits)) % bits;
        carry += u32::from(octet_at_bit(input, bit));
        carry = add_to_octet(out, index % out.len(), carry);
    }
    while carry > 0 {
        for index in (0..out.len()).rev() {
            carry = add_to_octet(out, index, carry);
        }
    }
}

/// The eight bits from `bit` on, around the end.
fn octet_at_bit(input: &[u8], bit: usize) -> u8 {
    let at = |index: usize| input.get(index % input.len()).copied().unwrap_or(0);
    let [octet, _] = (u16::from_be_bytes([at(bit / 8), at(bit / 8 + 1)]) << (bit % 8)).to_be_bytes();
    octet
}

/// Adds to one octet; what does not fit is the carry.
fn add_to_octet(out: &mut [u8], index: usize, addend: u32) -> u32 {
    let Some(octet) = out.get_mut(index) else { return 0 };
    let sum = u32::from(*octet) + addend;
    let [.., low] = sum.to_be_bytes();
    *octet = low;
    sum >> 8
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a / divisor * b
}

/// DR (RFC 3961 5.1), which is DK too where random-to-key is the identity: fills `out`.
pub(super) fn derive(
    base: &impl BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
    constant: &[u8],
    out: &mut [u8],
) {
    let mut block = Zeroizing::new(Block::default());
    n_fold(constant, &mut block);
    for out in out.chunks_mut(BLOCK) {
        base.encrypt_block(&mut block);
        out.copy_from_slice(block.split_at(out.len()).0);
    }
}

/// A base key, expanded.
pub(super) fn schedule<K: BlockKey>(base: &[u8]) -> K::Encrypt {
    K::filled_by(|key| key.copy_from_slice(base)).encrypt()
}

/// PRF (RFC 3961 5.3): the hash of the input, cut to whole blocks, encrypted with DK(key, "prf").
pub(super) fn prf<K: BlockKey, H: Hash>(base: &[u8], input: &[u8]) -> Secret<Vec<u8>> {
    let key = K::filled_by(|key| derive(&schedule::<K>(base), b"prf", key));
    let mut hasher = Hasher::<H>::new();
    hasher.update(input);
    let mut block = Zeroizing::new(Block::default());
    H::write(&hasher.finish(), &mut block);
    key.encrypt().encrypt_block(&mut block);
    Secret::new(block.to_vec())
}

/// The checksum key of a usage (RFC 3961 5.4).
pub(super) fn checksum_key<K: BlockKey, H: Hash>(base: &[u8], usage: KeyUsage) -> HmacKey<H> {
    subkey_mac::<K, H>(&schedule::<K>(base), usage, Purpose::Checksum)
}

/// A derived key, in the protocol key form, scheduled for HMAC.
fn subkey_mac<K: BlockKey, H: Hash>(base: &K::Encrypt, usage: KeyUsage, purpose: Purpose) -> HmacKey<H> {
    let mut key = Zeroizing::new([0; 32]);
    let (key, _) = key.split_at_mut(K::LENGTH);
    derive(base, &usage.constant(purpose), key);
    HmacKey::new(key)
}

/// Encrypt and MAC the plaintext (RFC 3961 5.3): the keys of one usage.
pub(super) struct Simplified<K: BlockKey, H: Hash> {
    encryption: K,
    integrity: HmacKey<H>,
}

impl<K: BlockKey, H: Hash> Simplified<K, H> {
    pub(super) fn new(base: &[u8], usage: KeyUsage) -> Self {
        let base = schedule::<K>(base);
        Simplified {
            encryption: K::filled_by(|key| derive(&base, &usage.constant(Purpose::Encryption), key)),
            integrity: subkey_mac::<K, H>(&base, usage, Purpose::Integrity),
        }
    }

    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        let mut hmac = self.integrity.begin();
        message.covered().for_each(|octets| hmac.update(octets));
        hmac.finish(mac);
    }
}

impl<K: BlockKey, H: Hash> Profile for Simplified<K, H> {
    fn seal(&self, mut message: Message<'_, '_>, mac: &mut [u8]) {
        self.mac(&message, mac);
        message.encrypt(&self.encryption.encrypt());
    }

    fn unseal(&self, mut message: Message<'_, '_>, mac: &[u8]) -> Result<(), CryptoError> {
        message.decrypt(&self.encryption.decrypt());
        let mut expected = [0; LONGEST_MAC];
        let (expected, _) = expected.split_at_mut(mac.len());
        self.mac(&message, expected);
        if constant_time_eq(expected, mac) {
            return Ok(());
        }
        message.wipe();
        Err(CryptoError::IntegrityCheckFailed)
    }
}
