//! RC4 with HMAC-MD5 (RFC 4757). Weak: a password's key has no salt and no iterations, and the cipher's output is biased.

use super::KeyUsage;
use super::cipher::MacOfPlaintext;
use super::cts::Message;
use super::rfc3961::Integrity;
use crate::crypto::Secret;
use crate::crypto::hash::{Hash, Hasher, Md5, Sha1};
use crate::crypto::hmac::HmacKey;
use crate::crypto::keystream::Keystream;
use alloc::vec;
use alloc::vec::Vec;
use md4::{Digest, Md4};
use zeroize::Zeroizing;

/// Octets in a key and in a MAC.
const LENGTH: usize = 16;

/// The message type of a usage (RFC 4757 3), in little-endian octets, as MIT krb5 maps them: the client's part of an
/// AS-REP goes by 8, and a MIC of the acceptor by 13. RFC 4757 has 8 for a TGS-REP under a subkey, too; no KDC does that.
fn message_type(usage: KeyUsage) -> [u8; 4] {
    match usage {
        KeyUsage::AS_REP_ENC_PART => 8_u32,
        KeyUsage::ACCEPTOR_SIGN => 13,
        KeyUsage(number) => number,
    }
    .to_le_bytes()
}

/// String-to-key (RFC 4757 2): MD4 of the password in UTF-16, which is the NT hash. There is no salt.
pub(super) fn string_to_key(password: &str, key: &mut [u8]) {
    let unicode = Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let hash = Zeroizing::new(<[u8; LENGTH]>::from(Md4::digest(unicode.as_slice())));
    key.copy_from_slice(&*hash);
}

/// PRF (RFC 4757 5): HMAC-SHA1 of the input.
pub(super) fn prf(base: &[u8], input: &[u8]) -> Secret<Vec<u8>> {
    let mut out = Secret::new(vec![0; Sha1::OUTPUT]);
    HmacKey::<Sha1>::new(base).mac(&[input], out.expose_mut());
    out
}

/// The MAC of `message` as a key.
fn keyed(base: &HmacKey<Md5>, message: &[u8]) -> Secret<[u8; LENGTH]> {
    let mut key = Secret::new([0; LENGTH]);
    base.mac(&[message], key.expose_mut());
    key
}

/// The checksum key of a usage (RFC 4757 4).
pub(super) struct Signing {
    key: HmacKey<Md5>,
    message_type: [u8; 4],
}

impl Signing {
    pub(super) fn new(base: &[u8], usage: KeyUsage) -> Self {
        let key = keyed(&HmacKey::new(base), b"signaturekey\0");
        Signing { key: HmacKey::new(key.expose()), message_type: message_type(usage) }
    }

    /// HMAC of the hash of message type and message.
    pub(super) fn mac(&self, parts: &[&[u8]], out: &mut [u8]) {
        let mut hasher = Hasher::<Md5>::new();
        hasher.update(&self.message_type);
        parts.iter().for_each(|part| hasher.update(part));
        let mut digest = [0; LENGTH];
        Md5::write(&hasher.finish(), &mut digest);
        self.key.mac(&[&digest], out);
    }
}

/// MAC the plaintext, and encrypt under a key made of the MAC (RFC 4757 5): the key of one usage.
pub(super) struct Rc4Hmac {
    /// K1, which is K2 as well where keys are not cut to 40 bits.
    key: HmacKey<Md5>,
}

impl Rc4Hmac {
    pub(super) fn new(base: &[u8], usage: KeyUsage) -> Self {
        let key = keyed(&HmacKey::new(base), &message_type(usage));
        Rc4Hmac { key: HmacKey::new(key.expose()) }
    }

    /// Encrypts or decrypts, under a key made of the MAC.
    fn apply(&self, message: &mut Message<'_, '_>, mac: &[u8]) {
        let mut stream = Keystream::new(keyed(&self.key, mac));
        message.each_sealed(|octets| stream.apply(octets));
    }
}

impl MacOfPlaintext for Rc4Hmac {
    fn mac(&self, message: &Message<'_, '_>, mac: &mut [u8]) {
        Integrity::mac(&self.key, message, mac);
    }

    fn encrypt(&self, message: &mut Message<'_, '_>, mac: &[u8]) {
        self.apply(message, mac);
    }

    fn decrypt(&self, message: &mut Message<'_, '_>, mac: &[u8]) {
        self.apply(message, mac);
    }
}
