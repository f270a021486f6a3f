use crate::crypto::Secret;
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// Confounders of one context's sending half: a keyed function of the sequence number.
///
/// A confounder must not be predictable and not repeat under one key (RFC 3961 5.3). Sequence numbers don't repeat,
/// AES-128 under a secret of this context alone is a permutation of them, and no system call is needed per message.
pub(crate) struct Confounders(Aes128Enc);

impl Confounders {
    pub(crate) fn new(secret: &Secret<[u8; 16]>) -> Self {
        Confounders(Aes128Enc::new(secret.expose().into()))
    }

    pub(crate) fn at(&self, sequence_number: u64) -> [u8; 16] {
        let mut block = [0; 16];
        for (to, from) in block.iter_mut().zip(sequence_number.to_be_bytes()) {
            *to = from;
        }
        self.0.encrypt_block((&mut block).into());
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confounders_differ_by_number_and_by_secret() {
        let one = Confounders::new(&Secret::new([1; 16]));
        let two = Confounders::new(&Secret::new([2; 16]));
        assert_ne!(one.at(0), one.at(1));
        assert_ne!(one.at(0), two.at(0));
        assert_eq!(one.at(7), one.at(7));
    }
}
