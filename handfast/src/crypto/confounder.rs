use crate::crypto::Secret;
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// The confounder of a message: a function of its sequence number, keyed with a secret of one context's sending half.
///
/// A confounder must not be predictable and not repeat under one key (RFC 3961 5.3). Sequence numbers don't repeat,
/// AES-128 under a secret of this context alone is a permutation of them, and no system call is needed per message.
/// The secret is expanded each time, which takes some 20 ns; kept expanded it would take 700 octets.
pub(crate) fn confounder(secret: &Secret<[u8; 16]>, sequence_number: u64) -> [u8; 16] {
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(sequence_number.to_be_bytes()) {
        *to = from;
    }
    Aes128Enc::new(secret.expose().into()).encrypt_block((&mut block).into());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confounders_differ_by_number_and_by_secret() {
        let (one, two) = (Secret::new([1; 16]), Secret::new([2; 16]));
        assert_ne!(confounder(&one, 0), confounder(&one, 1));
        assert_ne!(confounder(&one, 0), confounder(&two, 0));
        assert_eq!(confounder(&one, 7), confounder(&one, 7));
    }
}
