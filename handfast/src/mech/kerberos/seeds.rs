use crate::crypto::{Random, RandomError, Secret};
use crate::krb5::enctype::{CryptoError, EncryptionKey};

/// All the randomness that one end of a handshake needs, from one call.
pub(super) struct Seeds {
    subkey: Secret<[u8; LONGEST_KEY]>,
    /// For the one message that this end encrypts.
    pub(super) confounder: [u8; 16],
    /// For the messages of the context.
    pub(super) confounder_secret: Secret<[u8; 16]>,
    /// Below 2^30, so that no peer takes it for a negative number.
    pub(super) sequence_number: u32,
}

const LONGEST_KEY: usize = 32;

impl Seeds {
    pub(super) fn draw(random: &dyn Random) -> Result<Seeds, RandomError> {
        let mut drawn = Secret::new([0; LONGEST_KEY + 16 + 16 + 4]);
        random.fill(drawn.expose_mut())?;
        let mut rest = drawn.expose().as_slice();
        let mut seeds = Seeds {
            subkey: Secret::new([0; LONGEST_KEY]),
            confounder: [0; 16],
            confounder_secret: Secret::new([0; 16]),
            sequence_number: 0,
        };
        let mut number = [0; 4];
        take(&mut rest, seeds.subkey.expose_mut());
        take(&mut rest, &mut seeds.confounder);
        take(&mut rest, seeds.confounder_secret.expose_mut());
        take(&mut rest, &mut number);
        seeds.sequence_number = u32::from_be_bytes(number) & 0x3fff_ffff;
        Ok(seeds)
    }

    /// A fresh key of the same encryption type as `key`. Any octets are a key, for AES (RFC 3962 4, RFC 8009 5).
    pub(super) fn subkey_like(&self, key: &EncryptionKey) -> Result<EncryptionKey, CryptoError> {
        let unsupported = || CryptoError::UnsupportedEnctype(key.enctype());
        let size = key.enctype().key_size().ok_or_else(unsupported)?;
        let bytes = self.subkey.expose().get(..size).ok_or_else(unsupported)?;
        EncryptionKey::new(key.enctype(), bytes)
    }
}

fn take(rest: &mut &[u8], out: &mut [u8]) {
    for (to, from) in out.iter_mut().zip(*rest) {
        *to = *from;
    }
    *rest = rest.get(out.len()..).unwrap_or_default();
}
