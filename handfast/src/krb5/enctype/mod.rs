//! Encryption types (RFC 3961): numbers, names, keys.

use crate::crypto::Secret;
use alloc::vec::Vec;
use core::fmt;

/// An encryption type number (RFC 3961 8, RFC 4120 7.5.1). Unknown numbers are representable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enctype(pub i32);

impl Enctype {
    /// aes128-cts-hmac-sha1-96 (RFC 3962)
    pub const AES128_CTS_HMAC_SHA1_96: Enctype = Enctype(17);
    /// aes256-cts-hmac-sha1-96 (RFC 3962)
    pub const AES256_CTS_HMAC_SHA1_96: Enctype = Enctype(18);
    /// aes128-cts-hmac-sha256-128 (RFC 8009)
    pub const AES128_CTS_HMAC_SHA256_128: Enctype = Enctype(19);
    /// aes256-cts-hmac-sha384-192 (RFC 8009)
    pub const AES256_CTS_HMAC_SHA384_192: Enctype = Enctype(20);
}

impl fmt::Debug for Enctype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enctype({})", self.0)
    }
}

/// A key and the encryption type it is for (RFC 4120 5.2.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    enctype: Enctype,
    bytes: Secret<Vec<u8>>,
}

impl EncryptionKey {
    /// A key of these bytes.
    pub fn new(enctype: Enctype, bytes: impl Into<Vec<u8>>) -> Self {
        EncryptionKey { enctype, bytes: Secret::new(bytes.into()) }
    }

    /// What it is for.
    pub fn enctype(&self) -> Enctype {
        self.enctype
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }
}
