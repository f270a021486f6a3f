//! AES with SHA-1 (RFC 3962): string-to-key. The rest is the simplified profile of RFC 3961.

use super::rfc3961;
use crate::crypto::block::BlockKey;
use crate::crypto::hash::Sha1;
use crate::crypto::hmac::pbkdf2;

/// DK(PBKDF2(password, salt), "kerberos") (RFC 3962 4).
pub(super) fn string_to_key<K: BlockKey>(password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8]) {
    let stretched = K::filled_by(|key| pbkdf2::<Sha1>(password, &[salt], iterations, key));
    rfc3961::derive(&stretched.encrypt(), b"kerberos", key);
}
