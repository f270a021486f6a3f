//! Triple DES with HMAC-SHA1 (RFC 3961 6.3), for what old realms have encrypted. Weak: blocks of 8 octets repeat after some
//! gigabytes under one key, and a password's key has no iterations.
//!
//! It is the simplified profile of RFC 3961 5 like AES with SHA-1, but for blocks of 8 octets, data that is padded with zeros to whole
//! ones, and keys with parity bits.

use super::cipher::MacOfPlaintext;
use super::cts::Message;
use super::rfc3961::{Integrity, n_fold};
use super::usage::{KeyUsage, Purpose};
use crate::crypto::Secret;
use crate::crypto::hash::{Hash, Hasher, Sha1};
use crate::crypto::hmac::HmacKey;
use alloc::vec::Vec;
use cbc::{Decryptor, Encryptor};
use des::TdesEde3;
use des::cipher::consts::U8;
use des::cipher::{Array, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use zeroize::Zeroizing;

/// Octets in a block, and in each of the three keys of DES in a key.
const BLOCK: usize = 8;

/// Octets in a key.
const KEY: usize = 24;

/// Octets that a key is made of (RFC 3961 6.3.1).
pub(super) const SEED: usize = 21;

/// Octets that a key of DES is made of.
const DES_SEED: usize = 7;

type Block = Array<u8, U8>;

/// A key that wipes itself.
type Key = Zeroizing<[u8; KEY]>;

/// Random-to-key (RFC 3961 6.3.1): three times 56 bits become 64. `key` has 24 octets, `seed` 21.
pub(super) fn random_to_key(seed: &[u8], key: &mut [u8]) {
    for (seed, key) in seed.chunks_exact(DES_SEED).zip(key.chunks_exact_mut(BLOCK)) {
        let lowest_bits = (1..).zip(seed).fold(0, |bits, (place, octet)| bits | (octet & 1) << place);
        for (octet, seed) in key.iter_mut().zip(seed.iter().chain([&lowest_bits])) {
            *octet = with_parity(*seed);
        }
        avoid_weak(key);
    }
}

/// The octet with its lowest bit such that an odd number of them is set.
fn with_parity(octet: u8) -> u8 {
    let bits = octet & 0xfe;
    bits | u8::from(bits.count_ones() % 2 == 0)
}

/// A weak or semi-weak key of DES is corrected (RFC 3961 6.2).
fn avoid_weak(key: &mut [u8]) {
    let weak = des::weak_key_test(key).is_err();
    if let (true, [.., last]) = (weak, key) {
        *last ^= 0xf0;
    }
}

/// A key, expanded. Other lengths than 24 octets don't come here.
fn schedule(key: &[u8]) -> TdesEde3 {
    let mut octets = Key::default();
    octets.iter_mut().zip(key).for_each(|(octet, key)| *octet = *key);
    TdesEde3::new((&*octets).into())
}

/// DK (RFC 3961 5.1): fills `key`.
fn derive(base: &TdesEde3, constant: &[u8], key: &mut [u8]) {
    let seed = derive_random(base, constant);
    random_to_key(&*seed, key);
}

/// DR (RFC 3961 5.1).
fn derive_random(base: &TdesEde3, constant: &[u8]) -> Zeroizing<[u8; SEED]> {
    let mut seed = Zeroizing::new([0; SEED]);
    let mut block = Zeroizing::new(Block::default());
    n_fold(constant, &mut block);
    for out in seed.chunks_mut(BLOCK) {
        base.encrypt_block(&mut block);
        out.copy_from_slice(block.split_at(out.len()).0);
    }
    seed
}

pub(super) fn derived(base: &[u8], constant: &[u8]) -> Key {
    let mut key = Key::default();
    derive(&schedule(base), constant, &mut *key);
    key
}

/// String-to-key (RFC 3961 6.3.1): password and salt, folded to a key, from which the key is derived.
pub(super) fn string_to_key(password: &[u8], salt: &[u8], key: &mut [u8]) {
    let text = Zeroizing::new([password, salt].concat());
    let (mut seed, mut folded) = (Zeroizing::new([0; SEED]), Key::default());
    if !text.is_empty() {
        n_fold(&text, &mut *seed);
    }
    random_to_key(&*seed, &mut *folded);
    derive(&schedule(&*folded), b"kerberos", key);
}

/// PRF (RFC 3961 5.3): the hash of the input, cut to whole blocks, encrypted with DK(key, "prf").
pub(super) fn prf(base: &[u8], input: &[u8]) -> Secret<Vec<u8>> {
    let mut hasher = Hasher::<Sha1>::new();
    hasher.update(input);
    let mut hash = Zeroizing::new([0; Sha1::OUTPUT]);
    Sha1::write(&hasher.finish(), &mut *hash);
    let mut out = Secret::new(hash.split_at(Sha1::OUTPUT / BLOCK * BLOCK).0.to_vec());
    encrypt(&schedule(&*derived(base, b"prf")), core::iter::once(out.expose_mut().as_mut_slice()));
    out
}

/// The checksum key of a usage (RFC 3961 5.4).
pub(super) fn checksum_key(base: &[u8], usage: KeyUsage) -> HmacKey<Sha1> {
    HmacKey::new(&*derived(base, &usage.constant(Purpose::Checksum)))
}

/// Encrypts pieces of whole blocks as one text, from an initial vector of zeros.
fn encrypt<'t>(cipher: &TdesEde3, pieces: impl Iterator<Item = &'t mut [u8]>) {
    let mut cbc = Encryptor::inner_iv_init(cipher, &Block::default());
    pieces.for_each(|piece| cbc.encrypt_blocks(Block::slice_as_chunks_mut(piece).0));
}

/// The keys of one usage (RFC 3961 5.3). Every piece of a message that it encrypts is of whole blocks.
pub(super) struct Des3Hmac {
    encryption: Key,
    integrity: HmacKey<Sha1>,
}

impl Des3Hmac {
    pub(super) fn new(base: &[u8], usage: KeyUsage) -> Self {
        Des3Hmac {
            encryption: derived(base, &usage.constant(Purpose::Encryption)),
            integrity: HmacKey::new(&*derived(base, &usage.constant(Purpose::Integrity))),
        }
    }
}

impl MacOfPlaintext for Des3Hmac {
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        Integrity::mac(&self.integrity, message, mac);
    }

    fn encrypt(&self, message: &mut Message<'_, '_>, _mac: &[u8]) {
        let cipher = schedule(&*self.encryption);
        let mut cbc = Encryptor::inner_iv_init(&cipher, &Block::default());
        message.each_sealed(|piece| cbc.encrypt_blocks(Block::slice_as_chunks_mut(piece).0));
    }

    fn decrypt(&self, message: &mut Message<'_, '_>, _mac: &[u8]) {
        let cipher = schedule(&*self.encryption);
        let mut cbc = Decryptor::inner_iv_init(&cipher, &Block::default());
        message.each_sealed(|piece| cbc.decrypt_blocks(Block::slice_as_chunks_mut(piece).0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_keys_are_corrected() {
        // 0101010101010101 and its likes (RFC 3961 6.2).
        let mut key = [0; KEY];
        random_to_key(&[0; SEED], &mut key);
        assert_eq!(key, [[1, 1, 1, 1, 1, 1, 1, 0xf1]; 3].concat()[..]);
        random_to_key(&[0xff; SEED], &mut key);
        assert_eq!(key, [[0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x0e]; 3].concat()[..]);
        let seed: Vec<u8> = (1..=21).collect();
        random_to_key(&seed, &mut key);
        assert!(key.iter().all(|octet| octet.count_ones() % 2 == 1));
    }
}
