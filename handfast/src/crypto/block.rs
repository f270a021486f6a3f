//! AES and Camellia keys as they came, expanded for one message: 16 or 32 octets at rest instead of kilobytes.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::ZeroizeOnDrop;

/// A key of a cipher with 16-octet blocks.
///
/// The expanded schedules know how to wipe themselves; they live on the stack, for one message.
/// With AES instructions expanding costs some 20 ns; a schedule kept for the software cipher takes 960 octets.
pub(crate) trait BlockKey: ZeroizeOnDrop + Sized {
    /// A schedule for encryption.
    type Encrypt: BlockCipherEncrypt<BlockSize = U16> + ZeroizeOnDrop;
    /// A schedule for decryption.
    type Decrypt: BlockCipherDecrypt<BlockSize = U16> + ZeroizeOnDrop;

    /// Octets in a key.
    const LENGTH: usize;

    /// The key that `fill` writes.
    fn filled_by(fill: impl FnOnce(&mut [u8])) -> Self;
    /// Expands the key for encryption.
    fn encrypt(&self) -> Self::Encrypt;
    /// Expands the key for decryption.
    fn decrypt(&self) -> Self::Decrypt;
}

macro_rules! block_key {
    ($(#[$doc:meta])* $name:ident, $length:literal, $encrypt:ty, $decrypt:ty) => {
        $(#[$doc])*
        #[derive(ZeroizeOnDrop)]
        pub(crate) struct $name([u8; $length]);

        impl BlockKey for $name {
            type Encrypt = $encrypt;
            type Decrypt = $decrypt;

            const LENGTH: usize = $length;

            fn filled_by(fill: impl FnOnce(&mut [u8])) -> Self {
                let mut key = $name([0; $length]);
                fill(&mut key.0);
                key
            }

            #[inline]
            fn encrypt(&self) -> Self::Encrypt {
                <$encrypt>::new((&self.0).into())
            }

            #[inline]
            fn decrypt(&self) -> Self::Decrypt {
                <$decrypt>::new((&self.0).into())
            }
        }
    };
}

block_key!(
    /// A key of AES-128 (FIPS 197).
    Aes128,
    16,
    aes::Aes128Enc,
    aes::Aes128Dec
);
block_key!(
    /// A key of AES-256 (FIPS 197).
    Aes256,
    32,
    aes::Aes256Enc,
    aes::Aes256Dec
);
block_key!(
    /// A key of Camellia with 128 bits (RFC 3713). Its schedule serves both ways; expanding it takes as long as some four
    /// blocks, and it reads tables by the data: no processor here has instructions for it.
    Camellia128,
    16,
    camellia::Camellia128,
    camellia::Camellia128
);
block_key!(
    /// A key of Camellia with 256 bits (RFC 3713).
    Camellia256,
    32,
    camellia::Camellia256,
    camellia::Camellia256
);
