//! RC4 (MS-NLMP 6) as a stream that can be looked ahead in: what a refused message used up is not lost.

use super::Secret;
use alloc::vec::Vec;
use rc4::{KeyInit, Rc4, StreamCipher};
use zeroize::Zeroizing;

/// An RC4 key stream.
pub(crate) struct Keystream {
    key: Secret<[u8; 16]>,
    cipher: Rc4,
    /// Drawn from the cipher and not consumed yet; what comes next is at the front.
    ahead: Zeroizing<Vec<u8>>,
    consumed: u64,
}

impl Keystream {
    /// The stream of a key, from its start.
    pub(crate) fn new(key: Secret<[u8; 16]>) -> Self {
        let cipher = cipher(&key);
        Keystream { key, cipher, ahead: Zeroizing::new(Vec::new()), consumed: 0 }
    }

    /// The stream from octet `consumed` on.
    pub(crate) fn resume(key: Secret<[u8; 16]>, consumed: u64) -> Self {
        let mut stream = Keystream::new(key);
        let mut left = consumed;
        let mut skipped = Zeroizing::new([0; 4096]);
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(skipped.len());
            let (part, _) = skipped.split_at_mut(count);
            stream.cipher.apply_keystream(part);
            left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
        stream.consumed = consumed;
        stream
    }

    /// The key and how much of the stream is consumed, for [`Keystream::resume`].
    pub(crate) fn state(&self) -> (&Secret<[u8; 16]>, u64) {
        (&self.key, self.consumed)
    }

    /// Begins anew with the same key.
    pub(crate) fn restart(&mut self) {
        *self = Keystream::new(self.key.clone());
    }

    /// The next `count` octets, which stay the next ones.
    pub(crate) fn peek(&mut self, count: usize) -> &[u8] {
        let drawn = self.ahead.len();
        if drawn < count {
            // A larger buffer is a new one: the old one is wiped, which growing in place would not do.
            let mut grown = Zeroizing::new(Vec::with_capacity(count));
            grown.extend_from_slice(&self.ahead);
            grown.resize(count, 0);
            let (_, fresh) = grown.split_at_mut(drawn);
            self.cipher.apply_keystream(fresh);
            self.ahead = grown;
        }
        self.ahead.get(..count).unwrap_or_default()
    }

    /// Passes over the next `count` octets.
    pub(crate) fn consume(&mut self, count: usize) {
        self.peek(count);
        self.ahead.drain(..count);
        self.consumed = self.consumed.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Encrypts or decrypts in place.
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        if self.ahead.is_empty() {
            self.cipher.apply_keystream(bytes);
            self.consumed = self.consumed.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        } else {
            xor(bytes, self.peek(bytes.len()));
            self.consume(bytes.len());
        }
    }
}

/// `bytes` XOR the start of `stream`.
pub(crate) fn xor(bytes: &mut [u8], stream: &[u8]) {
    bytes.iter_mut().zip(stream).for_each(|(octet, key)| *octet ^= key);
}

fn cipher(key: &Secret<[u8; 16]>) -> Rc4 {
    // Keys of 1 to 256 octets are taken; this one has 16.
    #[allow(clippy::expect_used, reason = "the length is in the type")]
    Rc4::new_from_slice(key.expose()).expect("an RC4 key of 16 octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6229 2: the stream of the 128-bit key 0x0102…10, at its start; and that resuming is skipping.
    #[test]
    fn rfc6229_vector() {
        let key = || Secret::new(core::array::from_fn(|index| u8::try_from(index + 1).unwrap()));
        let start = |stream: &mut Keystream| u128::from_be_bytes(stream.peek(16).try_into().unwrap());
        assert_eq!(start(&mut Keystream::new(key())), 0x9ac7_cc9a_609d_1ef7_b293_2899_cde4_1b97);
        let mut far = Keystream::new(key());
        far.consume(5000);
        assert_eq!(start(&mut Keystream::resume(key(), 5000)), start(&mut far));
    }

    #[test]
    fn what_was_peeked_comes_again() {
        let mut ahead = Keystream::new(Secret::new([7; 16]));
        let mut straight = Keystream::new(Secret::new([7; 16]));
        for count in [0, 1, 40, 3, 100] {
            ahead.peek(count * 2);
            let (mut a, mut b) = (alloc::vec![0; count], alloc::vec![0; count]);
            ahead.apply(&mut a);
            straight.apply(&mut b);
            assert_eq!(a, b);
            assert_eq!(ahead.state().1, straight.state().1);
        }
    }
}
