//! The simplified profile (RFC 3961 5): n-fold, key derivation, encryption with a MAC of the plaintext.

use super::cipher::MacOfPlaintext;
use super::cts::Message;
use super::usage::{KeyUsage, Purpose};
use crate::crypto::Secret;
use crate::crypto::block::BlockKey;
use crate::crypto::hash::{Hash, Hasher};
use crate::crypto::hmac::HmacKey;
use aes::Block;
use aes::cipher::BlockCipherEncrypt;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Octets in a cipher block.
const BLOCK: usize = 16;

/// Octets in the longest output of n-fold: RFC 3961 A.1 has 256 bits.
const LONGEST_FOLD: usize = 32;

/// n-fold (RFC 3961 5.1): `input`, repeated and rotated right by 13 bits more each time, in chunks
/// of `out`'s length, added up with end-around carry. Neither may be empty, nor `out` over 32 octets.
pub(super) fn n_fold(input: &[u8], out: &mut [u8]) {
    let mut columns = [0_u32; LONGEST_FOLD];
    let (columns, _) = columns.split_at_mut(out.len());
    add_up(input, columns);
    out.fill(0);
    let mut carry = 0;
    loop {
        for (octet, column) in out.iter_mut().zip(columns.iter_mut()).rev() {
            carry += u32::from(*octet) + core::mem::take(column);
            let [.., low] = carry.to_be_bytes();
            (*octet, carry) = (low, carry >> 8);
        }
        if carry == 0 {
            return;
        }
    }
}

/// Adds the octets of the rotated copies to their columns, as many as a common multiple holds.
fn add_up(input: &[u8], columns: &mut [u32]) {
    let bits = 8 * input.len();
    let at = |index: usize| input.get(index).copied().unwrap_or(0);
    let wrapped = |number: usize, end: usize| if number >= end { number - end } else { number };
    let (mut start, mut column) = (0, 0);
    for _ in 0..columns.len() / gcd(input.len(), columns.len()) {
        let (mut index, shift) = (start / 8, start % 8);
        for _ in input {
            let next = wrapped(index + 1, input.len());
            let [octet, _] = (u16::from_be_bytes([at(index), at(next)]) << shift).to_be_bytes();
            if let Some(sum) = columns.get_mut(column) {
                *sum += u32::from(octet);
            }
            (index, column) = (next, wrapped(column + 1, columns.len()));
        }
        start = wrapped(start + bits - 13 % bits, bits);
    }
}

/// n-fold of five octets to one block, as [`n_fold`] does it.
///
/// The sum with end-around carry is one modulo 2^128 - 1, where a copy's place is a rotation.
fn n_fold_to_block(input: [u8; 5]) -> [u8; BLOCK] {
    const BITS: u32 = 40;
    let [a, b, c, d, e] = input;
    let value = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    // 16 copies of 5 octets are 5 blocks.
    let sum = (0..16).fold(0_u128, |sum, copy| {
        let shift = 13 * copy % BITS;
        let rotated = (value >> shift | value << (BITS - shift)) & ((1 << BITS) - 1);
        let (sum, carry) = sum.overflowing_add(u128::from(rotated).rotate_right((copy + 1) * BITS));
        sum + u128::from(carry)
    });
    sum.to_be_bytes()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// DR (RFC 3961 5.1), which is DK too where random-to-key is the identity: fills `out`.
pub(super) fn derive(
    base: &impl BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
    constant: &[u8],
    out: &mut [u8],
) {
    let mut block = Zeroizing::new(Block::default());
    match constant.try_into() {
        Ok(constant) => *block = n_fold_to_block(constant).into(),
        Err(_) => n_fold(constant, &mut block),
    }
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

/// Encryption with ciphertext stealing and a MAC of the plaintext (RFC 3961 5.3, RFC 3962 6, RFC 6803 6): the keys of one usage.
pub(super) struct Simplified<K: BlockKey, I: Integrity> {
    encryption: K,
    integrity: I,
}

/// A key that MACs a message.
pub(super) trait Integrity {
    /// Fills `mac`.
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]);
}

impl<K: BlockKey, I: Integrity> Simplified<K, I> {
    pub(super) fn of(encryption: K, integrity: I) -> Self {
        Simplified { encryption, integrity }
    }
}

/// The same with HMAC (RFC 3961 5.3).
pub(super) type EncryptAndHmac<K, H> = Simplified<K, HmacKey<H>>;

impl<K: BlockKey, H: Hash> EncryptAndHmac<K, H> {
    pub(super) fn new(base: &[u8], usage: KeyUsage) -> Self {
        let base = schedule::<K>(base);
        Simplified::of(
            K::filled_by(|key| derive(&base, &usage.constant(Purpose::Encryption), key)),
            subkey_mac::<K, H>(&base, usage, Purpose::Integrity),
        )
    }
}

impl<H: Hash> Integrity for HmacKey<H> {
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        let mut hmac = self.begin();
        message.covered().for_each(|octets| hmac.update(octets));
        hmac.finish(mac);
    }
}

impl<K: BlockKey, I: Integrity> MacOfPlaintext for Simplified<K, I> {
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        self.integrity.mac(message, mac);
    }

    fn encrypt(&self, message: &mut Message<'_, '_>, _mac: &[u8]) {
        message.encrypt(&self.encryption.encrypt());
    }

    fn decrypt(&self, message: &mut Message<'_, '_>, _mac: &[u8]) {
        message.decrypt(&self.encryption.decrypt());
    }
}

#[cfg(test)]
mod tests {
    use super::{n_fold, n_fold_to_block};

    #[test]
    fn five_octets_fold_to_a_block_as_by_the_general_rule() {
        let constants = (0..2048_u32).flat_map(|usage| [0x99, 0xaa, 0x55].map(|purpose| (usage, purpose)));
        let odd = [(u32::MAX, 0xff), (0, 0), (0x8000_0000, 0), (0x1234_5678, 0x9a)];
        for (usage, purpose) in constants.chain(odd) {
            let [a, b, c, d] = usage.to_be_bytes();
            let mut block = [0; 16];
            n_fold(&[a, b, c, d, purpose], &mut block);
            assert_eq!(n_fold_to_block([a, b, c, d, purpose]), block, "{usage:x} {purpose:x}");
        }
    }

    /// The sum of ones' complement numbers that are all -0 is -0, and of 0 alone is 0.
    #[test]
    fn carries_go_around_until_none_is_left() {
        for (octet, lengths) in [(0xff, [1, 5, 8, 32]), (0, [1, 5, 8, 32])] {
            for length in lengths {
                let mut out = [7; 16];
                n_fold(&alloc::vec![octet; length], &mut out);
                assert_eq!(out, [octet; 16]);
            }
        }
    }
}
