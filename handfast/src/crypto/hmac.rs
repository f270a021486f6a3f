//! HMAC (RFC 2104) over keys whose padded blocks were hashed once, and PBKDF2 (RFC 8018 5.2) on it.

use super::hash::{Hash, Hasher};
use zeroize::{Zeroize, Zeroizing};

/// Octets in the longest digest here, SHA-384's.
const LONGEST: usize = 48;

/// A scheduled HMAC key: the hash's state after `K xor ipad` and after `K xor opad`.
pub(crate) struct HmacKey<H: Hash> {
    inner: H::State,
    outer: H::State,
}

impl<H: Hash> HmacKey<H> {
    /// Schedules a key of any length; one longer than a block is hashed first (RFC 2104 3).
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new(H::ZERO_BLOCK);
        if key.len() > H::BLOCK {
            let mut hasher = Hasher::<H>::new();
            hasher.update(key);
            let (digest, _) = block.as_mut().split_at_mut(H::OUTPUT);
            H::write(&hasher.finish(), digest);
        } else {
            let (start, _) = block.as_mut().split_at_mut(key.len());
            start.copy_from_slice(key);
        }
        HmacKey { inner: Self::state_after(&mut block, 0x36), outer: Self::state_after(&mut block, 0x36 ^ 0x5c) }
    }

    /// XORs `pad` into the block (the second time: out of one pad, into the other) and hashes it.
    fn state_after(block: &mut H::Block, pad: u8) -> H::State {
        block.as_mut().iter_mut().for_each(|octet| *octet ^= pad);
        let mut state = H::INITIAL;
        H::compress(&mut state, &[*block]);
        state
    }

    /// Begins the MAC of a message.
    #[inline]
    pub(crate) fn begin(&self) -> Hmac<'_, H> {
        Hmac { key: self, hasher: Hasher::resume(self.inner, Self::one_block()) }
    }

    /// The MAC of the concatenation of `parts`, cut to `out.len()` octets.
    #[inline]
    pub(crate) fn mac(&self, parts: &[&[u8]], out: &mut [u8]) {
        let mut hmac = self.begin();
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finish(out);
    }

    /// What both hashes have taken in before the message.
    fn one_block() -> u64 {
        u64::try_from(H::BLOCK).unwrap_or(u64::MAX)
    }

    /// HMAC of a message of one digest's length, given and returned in place: a padded block, already
    /// laid out, whose first octets are the message. This is the round of PBKDF2.
    #[inline]
    fn mac_of_digest(&self, block: &mut H::Block) {
        for start in [self.inner, self.outer] {
            let mut state = start;
            H::compress(&mut state, &[*block]);
            let (digest, _) = block.as_mut().split_at_mut(H::OUTPUT);
            H::write(&state, digest);
        }
    }
}

impl<H: Hash> Drop for HmacKey<H> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// The MAC of a message that comes in pieces.
pub(crate) struct Hmac<'k, H: Hash> {
    key: &'k HmacKey<H>,
    hasher: Hasher<H>,
}

impl<H: Hash> Hmac<'_, H> {
    /// Takes more of the message in.
    #[inline]
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// How many octets of the message until the hash is between two blocks.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.hasher.room()
    }

    /// Writes the first `out.len()` octets of the MAC; no more than the digest has.
    #[inline]
    pub(crate) fn finish(mut self, out: &mut [u8]) {
        let mut digest = [0; LONGEST];
        let (digest, _) = digest.split_at_mut(H::OUTPUT);
        H::write(&self.hasher.finish(), digest);
        let mut outer = Hasher::<H>::resume(self.key.outer, HmacKey::<H>::one_block());
        outer.update(digest);
        H::write(&outer.finish(), out);
    }
}

/// PBKDF2 with HMAC as its function; fills `out`, whatever its length. Zero iterations count as one.
pub(crate) fn pbkdf2<H: Hash>(password: &[u8], salt: &[&[u8]], iterations: u32, out: &mut [u8]) {
    let key = HmacKey::<H>::new(password);
    let digest_message = HmacKey::<H>::one_block() + u64::try_from(H::OUTPUT).unwrap_or(0);
    for (index, out) in (1_u32..).zip(out.chunks_mut(H::OUTPUT)) {
        let mut block = Zeroizing::new(H::ZERO_BLOCK);
        H::pad(&mut block, H::OUTPUT, digest_message);
        let mut first = key.begin();
        salt.iter().for_each(|part| first.update(part));
        first.update(&index.to_be_bytes());
        first.finish(block.as_mut().split_at_mut(H::OUTPUT).0);
        out.copy_from_slice(block.as_ref().split_at(out.len()).0);
        for _ in 1..iterations {
            key.mac_of_digest(&mut block);
            out.iter_mut().zip(block.as_ref()).for_each(|(out, octet)| *out ^= octet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash::{Md5, Sha1, Sha256, Sha384};

    /// HMAC as RFC 2104 2 writes it down, over the whole message at once.
    fn plain<D: sha1::Digest>(block: usize, key: &[u8], message: &[u8]) -> alloc::vec::Vec<u8> {
        let mut padded = if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() };
        padded.resize(block, 0);
        let pad = |octet: u8| padded.iter().map(|key| key ^ octet).collect::<alloc::vec::Vec<u8>>();
        let inner = D::new().chain_update(pad(0x36)).chain_update(message).finalize();
        D::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
    }

    fn scheduled<H: Hash>(key: &[u8], message: &[u8]) -> alloc::vec::Vec<u8> {
        let mut out = alloc::vec![0; H::OUTPUT];
        let (a, b) = message.split_at(message.len() / 3);
        HmacKey::<H>::new(key).mac(&[a, b], &mut out);
        out
    }

    #[test]
    fn scheduled_keys_of_every_length_agree_with_the_definition() {
        let octets: alloc::vec::Vec<u8> = (0..=255).collect();
        for length in 0..=200 {
            let (key, message) = (&octets[..length], &octets[length..]);
            assert_eq!(scheduled::<Sha1>(key, message), plain::<sha1::Sha1>(64, key, message));
            assert_eq!(scheduled::<Sha256>(key, message), plain::<sha2::Sha256>(64, key, message));
            assert_eq!(scheduled::<Sha384>(key, message), plain::<sha2::Sha384>(128, key, message));
            assert_eq!(scheduled::<Md5>(key, message), plain::<md5::Md5>(64, key, message));
        }
    }
}
