//! The hash functions as compression over a chaining value: the form that HMAC can store and resume.

use sha1::digest::array::Array;
use sha1::digest::typenum::{U64, U128};
use zeroize::Zeroize;

/// A Merkle–Damgård hash with the message's length at its end (FIPS 180-4, RFC 1321).
pub(crate) trait Hash {
    /// The chaining value.
    type State: Copy + Zeroize + Send + Sync;
    /// One block of input.
    type Block: Copy + AsRef<[u8]> + AsMut<[u8]> + Zeroize + Send + Sync;

    /// The chaining value before any input.
    const INITIAL: Self::State;
    /// A block of zeros.
    const ZERO_BLOCK: Self::Block;
    /// Octets in a block.
    const BLOCK: usize;
    /// Octets in a digest.
    const OUTPUT: usize;

    /// Takes whole blocks in.
    fn compress(state: &mut Self::State, blocks: &[Self::Block]);
    /// The longest run of whole blocks in `bytes`, and what remains.
    fn blocks(bytes: &[u8]) -> (&[Self::Block], &[u8]);
    /// The state as a digest: the first `out.len()` octets of it, at most `OUTPUT`.
    fn write(state: &Self::State, out: &mut [u8]);

    /// `block` with the padding after `filled` octets of message: 0x80, zeros, and the length of
    /// the whole message in bits if it fits; says whether it did.
    fn pad(block: &mut Self::Block, filled: usize, message: u64) -> bool {
        let (_, rest) = block.as_mut().split_at_mut(filled);
        rest.fill(0);
        if let Some(first) = rest.first_mut() {
            *first = 0x80;
        }
        // The length field is an eighth of a block; nothing here is longer than 2^61 octets.
        let fits = filled < Self::BLOCK - Self::BLOCK / 8;
        if fits {
            Self::write_length(block, message);
        }
        fits
    }

    /// The length of the message in bits, at the end of its last block.
    fn write_length(block: &mut Self::Block, message: u64);
}

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident, $word:ty, $words:literal, $block:literal, $size:ty, $output:literal,
     $to_bytes:ident, $compress:path, $initial:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl Hash for $name {
            type State = [$word; $words];
            type Block = [u8; $block];

            const INITIAL: Self::State = $initial;
            const ZERO_BLOCK: Self::Block = [0; $block];
            const BLOCK: usize = $block;
            const OUTPUT: usize = $output;

            #[inline]
            fn compress(state: &mut Self::State, blocks: &[Self::Block]) {
                $compress(state, blocks);
            }

            #[inline]
            fn blocks(bytes: &[u8]) -> (&[Self::Block], &[u8]) {
                let (blocks, rest) = Array::<u8, $size>::slice_as_chunks(bytes);
                (Array::cast_slice_to_core(blocks), rest)
            }

            #[inline]
            fn write(state: &Self::State, out: &mut [u8]) {
                for (out, word) in out.chunks_mut(size_of::<$word>()).zip(state) {
                    for (out, octet) in out.iter_mut().zip(word.$to_bytes()) {
                        *out = octet;
                    }
                }
            }

            fn write_length(block: &mut Self::Block, message: u64) {
                let (_, length) = block.split_at_mut(Self::BLOCK - 8);
                length.copy_from_slice(&message.wrapping_mul(8).$to_bytes());
            }
        }
    };
}

hash!(
    /// SHA-1 (FIPS 180-4 6.1).
    Sha1,
    u32,
    5,
    64,
    U64,
    20,
    to_be_bytes,
    sha1::block_api::compress,
    [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
);

hash!(
    /// SHA-256 (FIPS 180-4 6.2).
    Sha256,
    u32,
    8,
    64,
    U64,
    32,
    to_be_bytes,
    sha2::block_api::compress256,
    [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19
    ]
);

hash!(
    /// SHA-384 (FIPS 180-4 6.5): SHA-512 from another start, cut to 48 octets.
    Sha384,
    u64,
    8,
    128,
    U128,
    48,
    to_be_bytes,
    sha2::block_api::compress512,
    [
        0xcbbb_9d5d_c105_9ed8,
        0x629a_292a_367c_d507,
        0x9159_015a_3070_dd17,
        0x152f_ecd8_f70e_5939,
        0x6733_2667_ffc0_0b31,
        0x8eb4_4a87_6858_1511,
        0xdb0c_2e0d_64f9_8fa7,
        0x47b5_481d_befa_4fa4
    ]
);

#[cfg(feature = "spake")]
hash!(
    /// SHA-512 (FIPS 180-4 6.4).
    Sha512,
    u64,
    8,
    128,
    U128,
    64,
    to_be_bytes,
    sha2::block_api::compress512,
    [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179
    ]
);

hash!(
    /// MD5 (RFC 1321).
    Md5,
    u32,
    4,
    64,
    U64,
    16,
    to_le_bytes,
    md5::block_api::compress,
    [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]
);

/// A running hash: chaining value, the octets of an unfinished block, and the length so far.
pub(crate) struct Hasher<H: Hash> {
    state: H::State,
    block: H::Block,
    filled: usize,
    length: u64,
}

impl<H: Hash> Hasher<H> {
    /// A hash of nothing yet.
    pub(crate) fn new() -> Self {
        Self::resume(H::INITIAL, 0)
    }

    /// Goes on from a chaining value reached after `length` octets, a whole number of blocks.
    #[inline]
    pub(crate) fn resume(state: H::State, length: u64) -> Self {
        Hasher { state, block: H::ZERO_BLOCK, filled: 0, length }
    }

    /// Takes more of the message in.
    #[inline]
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(octets(bytes));
        if self.filled > 0 {
            bytes = self.top_up(bytes);
        }
        let (blocks, rest) = H::blocks(bytes);
        if !blocks.is_empty() {
            H::compress(&mut self.state, blocks);
        }
        if !rest.is_empty() {
            self.top_up(rest);
        }
    }

    /// How many octets the unfinished block has room for: what is taken in up to there, and then in whole blocks, is
    /// never copied.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        H::BLOCK - self.filled
    }

    /// Fills the unfinished block, takes it in once whole, and gives back what is left of `bytes`.
    fn top_up<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let (_, room) = self.block.as_mut().split_at_mut(self.filled);
        let (now, later) = bytes.split_at(bytes.len().min(room.len()));
        for (room, octet) in room.iter_mut().zip(now) {
            *room = *octet;
        }
        self.filled += now.len();
        if self.filled == H::BLOCK {
            H::compress(&mut self.state, &[self.block]);
            self.filled = 0;
        }
        later
    }

    /// Pads the message and gives the chaining value at its end. Nothing may be added after it.
    #[inline]
    pub(crate) fn finish(&mut self) -> H::State {
        if !H::pad(&mut self.block, self.filled, self.length) {
            H::compress(&mut self.state, &[self.block]);
            self.block = H::ZERO_BLOCK;
            H::write_length(&mut self.block, self.length);
        }
        H::compress(&mut self.state, &[self.block]);
        self.state
    }
}

impl<H: Hash> Drop for Hasher<H> {
    fn drop(&mut self) {
        self.state.zeroize();
        self.block.zeroize();
    }
}

/// A length as the hash counts it: no slice is longer than `u64::MAX`.
fn octets(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use sha1::Digest;

    fn digest<H: Hash>(message: &[u8], piece: usize) -> Vec<u8> {
        let mut hasher = Hasher::<H>::new();
        for piece in message.chunks(piece) {
            hasher.update(piece);
        }
        let mut out = alloc::vec![0; H::OUTPUT];
        H::write(&hasher.finish(), &mut out);
        out
    }

    #[test]
    fn every_length_in_every_piece_agrees_with_the_one_shot_digest() {
        let message: Vec<u8> = (0..=255).cycle().take(300).collect();
        for length in 0..message.len() {
            let message = &message[..length];
            for piece in [1, 7, 64, 100, 128, 300] {
                assert_eq!(digest::<Sha1>(message, piece), sha1::Sha1::digest(message)[..]);
                assert_eq!(digest::<Sha256>(message, piece), sha2::Sha256::digest(message)[..]);
                assert_eq!(digest::<Sha384>(message, piece), sha2::Sha384::digest(message)[..]);
                #[cfg(feature = "spake")]
                assert_eq!(digest::<Sha512>(message, piece), sha2::Sha512::digest(message)[..]);
                assert_eq!(digest::<Md5>(message, piece), md5::Md5::digest(message)[..]);
            }
        }
    }
}
