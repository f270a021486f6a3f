//! AES and Camellia in CBC mode with ciphertext stealing (RFC 3962 5, RFC 8009 5, RFC 6803 6: CBC-CS3), over a text in pieces.

use super::Part;
use aes::Block;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, IvState};
use zeroize::Zeroize;

/// Octets in a block.
const BLOCK: usize = 16;

/// A confounder and the parts after it: the text that is encrypted and the octets that are MACed.
pub(super) struct Message<'m, 'a> {
    header: &'m mut [u8],
    parts: &'m mut [Part<'a>],
}

/// A place in the encrypted text. Segment 0 is the header, segment n the n-th part.
#[derive(Clone, Copy, Default)]
struct Place {
    segment: usize,
    offset: usize,
}

impl<'m, 'a> Message<'m, 'a> {
    /// `header` is a whole block.
    pub(super) fn new(header: &'m mut [u8], parts: &'m mut [Part<'a>]) -> Self {
        Message { header, parts }
    }

    /// Everything that the MAC covers, in order.
    pub(super) fn covered(&self) -> impl Iterator<Item = &[u8]> {
        core::iter::once(&*self.header).chain(self.parts.iter().map(Part::octets))
    }

    /// Does `work` on each piece of the encrypted text, in order.
    pub(super) fn each_sealed(&mut self, mut work: impl FnMut(&mut [u8])) {
        work(self.header);
        self.parts.iter_mut().for_each(|part| work(part.sealed_mut()));
    }

    /// Overwrites all that is encrypted or was decrypted with zeros.
    pub(super) fn wipe(&mut self) {
        self.header.zeroize();
        self.parts.iter_mut().for_each(|part| part.sealed_mut().zeroize());
    }

    /// Encrypts the text in place, from an initial vector of zeros.
    pub(super) fn encrypt(&mut self, cipher: &impl BlockCipherEncrypt<BlockSize = U16>) {
        let (body, tail) = split(self.sealed_len());
        let mut cbc = cbc::Encryptor::inner_iv_init(cipher, &Block::default());
        let mut place = Place::default();
        self.each_run(&mut place, body, |blocks| cbc.encrypt_blocks(blocks));
        if tail == 0 {
            return;
        }
        // The last two blocks, the second padded with zeros; then swapped, the first one cut.
        let mut last = [Block::default(); 2];
        self.read(place, last.as_flattened_octets_mut(tail));
        cbc.encrypt_blocks(&mut last);
        last.swap(0, 1);
        self.write(&mut place, last.as_flattened_octets_mut(tail));
        last.zeroize();
    }

    /// Decrypts the text in place, from an initial vector of zeros.
    pub(super) fn decrypt(&mut self, cipher: &impl BlockCipherDecrypt<BlockSize = U16>) {
        let (body, tail) = split(self.sealed_len());
        let mut cbc = cbc::Decryptor::inner_iv_init(cipher, &Block::default());
        let mut place = Place::default();
        self.each_run(&mut place, body, |blocks| cbc.decrypt_blocks(blocks));
        if tail == 0 {
            return;
        }
        let mut last = [Block::default(); 2];
        self.read(place, last.as_flattened_octets_mut(tail));
        let [full, cut] = &mut last;
        cipher.decrypt_block(full);
        // `full` is now the last plaintext block, padded, XOR the whole of the block that was cut.
        let (known, stolen) = (cut.split_at_mut(tail - BLOCK), full.split_at(tail - BLOCK).1);
        known.1.copy_from_slice(stolen);
        full.iter_mut().zip(cut.iter()).for_each(|(full, cut)| *full ^= cut);
        let iv = cbc.iv_state();
        cbc::Decryptor::inner_iv_init(cipher, &iv).decrypt_block(cut);
        last.swap(0, 1);
        self.write(&mut place, last.as_flattened_octets_mut(tail));
        last.zeroize();
    }

    fn sealed_len(&self) -> usize {
        self.header.len() + self.parts.iter().map(|part| part.sealed().len()).sum::<usize>()
    }

    /// Does `work` on the next `left` octets, a whole number of blocks: on long runs in place, on
    /// a block that lies across a border in a copy.
    fn each_run(&mut self, place: &mut Place, mut left: usize, mut work: impl FnMut(&mut [Block])) {
        while left > 0 {
            let run = self.run(place);
            let length = run.len().min(left);
            let (blocks, _) = Block::slice_as_chunks_mut(run.split_at_mut(length).0);
            let done = if blocks.is_empty() {
                let mut block = Block::default();
                self.read(*place, &mut block);
                work(core::slice::from_mut(&mut block));
                self.write(place, &block);
                BLOCK
            } else {
                work(blocks);
                place.offset += blocks.len() * BLOCK;
                blocks.len() * BLOCK
            };
            left = left.saturating_sub(done);
        }
    }

    fn segment(&mut self, index: usize) -> Option<&mut [u8]> {
        match index.checked_sub(1) {
            None => Some(self.header),
            Some(index) => self.parts.get_mut(index).map(Part::sealed_mut),
        }
    }

    /// What lies at `place` in one piece, after moving it off the end of finished segments; empty
    /// only at the end of the text.
    fn run(&mut self, place: &mut Place) -> &mut [u8] {
        while self.segment(place.segment).is_some_and(|segment| segment.len() <= place.offset) {
            *place = Place { segment: place.segment + 1, offset: 0 };
        }
        self.segment(place.segment).and_then(|segment| segment.get_mut(place.offset..)).unwrap_or_default()
    }

    /// Copies from the text.
    fn read(&mut self, mut place: Place, mut out: &mut [u8]) {
        while !out.is_empty() {
            let run = self.run(&mut place);
            let length = run.len().min(out.len());
            if length == 0 {
                return;
            }
            let (now, later) = out.split_at_mut(length);
            now.copy_from_slice(run.split_at(length).0);
            place.offset += length;
            out = later;
        }
    }

    /// Copies into the text, and moves `place` past it.
    fn write(&mut self, place: &mut Place, mut octets: &[u8]) {
        while !octets.is_empty() {
            let run = self.run(place);
            let length = run.len().min(octets.len());
            if length == 0 {
                return;
            }
            let (now, later) = octets.split_at(length);
            run.split_at_mut(length).0.copy_from_slice(now);
            place.offset += length;
            octets = later;
        }
    }
}

/// How many octets are plain CBC, and how many are the two last blocks that are stolen from: one
/// block alone is plain, everything longer ends in one whole and one perhaps partial block.
fn split(length: usize) -> (usize, usize) {
    if length <= BLOCK {
        return (length, 0);
    }
    let tail = BLOCK + 1 + (length - 1) % BLOCK;
    (length - tail, tail)
}

/// Two blocks as the octets that are in use of them.
trait FlattenedOctets {
    fn as_flattened_octets_mut(&mut self, length: usize) -> &mut [u8];
}

impl FlattenedOctets for [Block; 2] {
    fn as_flattened_octets_mut(&mut self, length: usize) -> &mut [u8] {
        Block::slice_as_flattened_mut(self).split_at_mut(length).0
    }
}
