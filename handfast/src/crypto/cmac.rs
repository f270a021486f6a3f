//! CMAC (NIST SP 800-38B, RFC 4493) over a cipher of 16-octet blocks.
//!
//! Ours, because one loop over the block cipher that is here anyway is less than two crates more, and because it
//! takes a message in pieces and wipes what it holds.

use super::block::BlockKey;
use aes::Block;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::consts::U16;
use zeroize::Zeroize;

/// Octets in a block, and in a MAC.
const BLOCK: usize = 16;

/// The MAC of a message that comes in pieces.
pub(crate) struct Cmac<'c, C> {
    cipher: &'c C,
    /// The chaining value.
    state: Block,
    /// What came and is not encrypted yet: the last block is masked, and which one is the last shows only at the end.
    pending: Block,
    filled: usize,
}

impl<'c, C: BlockCipherEncrypt<BlockSize = U16>> Cmac<'c, C> {
    pub(crate) fn new(cipher: &'c C) -> Self {
        Cmac { cipher, state: Block::default(), pending: Block::default(), filled: 0 }
    }

    /// Takes more of the message in.
    pub(crate) fn update(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if self.filled == BLOCK {
                self.absorb();
            }
            let (now, later) = octets.split_at(octets.len().min(BLOCK - self.filled));
            self.pending.iter_mut().skip(self.filled).zip(now).for_each(|(to, from)| *to = *from);
            self.filled += now.len();
            octets = later;
        }
    }

    /// Chains the pending block.
    fn absorb(&mut self) {
        self.state.iter_mut().zip(&self.pending).for_each(|(state, octet)| *state ^= octet);
        self.cipher.encrypt_block(&mut self.state);
        self.filled = 0;
    }

    /// Writes the first `out.len()` octets of the MAC, 16 at most.
    pub(crate) fn finish(mut self, out: &mut [u8]) {
        let mut mask = Block::default();
        self.cipher.encrypt_block(&mut mask);
        double(&mut mask);
        if self.filled < BLOCK {
            double(&mut mask);
            let padding = core::iter::once(0x80).chain(core::iter::repeat(0));
            self.pending.iter_mut().skip(self.filled).zip(padding).for_each(|(to, from)| *to = from);
        }
        self.pending.iter_mut().zip(&mask).for_each(|(octet, mask)| *octet ^= mask);
        mask.zeroize();
        self.absorb();
        out.iter_mut().zip(&self.state).for_each(|(out, octet)| *out = *octet);
    }
}

impl<C> Drop for Cmac<'_, C> {
    fn drop(&mut self) {
        self.state.zeroize();
        self.pending.zeroize();
    }
}

/// Doubles in GF(2^128) (SP 800-38B 6.1), without a branch on the value.
fn double(block: &mut Block) {
    let value = u128::from_be_bytes((*block).into());
    let reduction = 0x87 & (value >> 127).wrapping_neg();
    *block = (value << 1 ^ reduction).to_be_bytes().into();
}

/// The CMAC of the concatenation of `parts`, cut to `out.len()` octets.
pub(crate) fn cmac<K: BlockKey>(key: &K, parts: &[&[u8]], out: &mut [u8]) {
    let cipher = key.encrypt();
    let mut cmac = Cmac::new(&cipher);
    parts.iter().for_each(|part| cmac.update(part));
    cmac.finish(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::block::Aes128;

    const KEY: u128 = 0x2b7e1516_28aed2a6_abf71588_09cf4f3c;
    const MESSAGE: [u128; 4] = [
        0x6bc1bee2_2e409f96_e93d7e11_7393172a,
        0xae2d8a57_1e03ac9c_9eb76fac_45af8e51,
        0x30c81c46_a35ce411_e5fbc119_1a0a52ef,
        0xf69f2445_df4f9b17_ad2b417b_e66c3710,
    ];

    /// RFC 4493 4, with the message cut in two at every place.
    #[test]
    fn rfc4493_examples_in_pieces() {
        let key = Aes128::filled_by(|key| key.copy_from_slice(&KEY.to_be_bytes()));
        let message = MESSAGE.map(u128::to_be_bytes);
        let message = message.as_flattened();
        for (length, expected) in [
            (0, 0xbb1d6929_e9593728_7fa37d12_9b756746_u128),
            (16, 0x070a16b4_6b4d4144_f79bdd9d_d04a287c),
            (40, 0xdfa66747_de9ae630_30ca3261_1497c827),
            (64, 0x51f0bebf_7e3b9d92_fc497417_79363cfe),
        ] {
            for cut in 0..=length {
                let mut mac = [0; 16];
                cmac(&key, &[&message[..cut], &[], &message[cut..length]], &mut mac);
                assert_eq!(u128::from_be_bytes(mac), expected, "{length} octets, cut at {cut}");
            }
        }
    }
}
