use core::fmt;

/// A checksum type number (RFC 3961 8). Unknown numbers are representable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChecksumType(pub i32);

impl ChecksumType {
    /// hmac-sha1-des3-kd (RFC 3961 6.3)
    pub const HMAC_SHA1_DES3_KD: ChecksumType = ChecksumType(12);
    /// hmac-sha1-96-aes128 (RFC 3962 7)
    pub const HMAC_SHA1_96_AES128: ChecksumType = ChecksumType(15);
    /// hmac-sha1-96-aes256 (RFC 3962 7)
    pub const HMAC_SHA1_96_AES256: ChecksumType = ChecksumType(16);
    /// hmac-md5 with RC4's keys (RFC 4757 4)
    pub const HMAC_MD5: ChecksumType = ChecksumType(-138);
    /// cmac-camellia128 (RFC 6803 7)
    pub const CMAC_CAMELLIA128: ChecksumType = ChecksumType(17);
    /// cmac-camellia256 (RFC 6803 7)
    pub const CMAC_CAMELLIA256: ChecksumType = ChecksumType(18);
    /// hmac-sha256-128-aes128 (RFC 8009 7)
    pub const HMAC_SHA256_128_AES128: ChecksumType = ChecksumType(19);
    /// hmac-sha384-192-aes256 (RFC 8009 7)
    pub const HMAC_SHA384_192_AES256: ChecksumType = ChecksumType(20);

    /// The registered name, if it is known here.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::HMAC_SHA1_96_AES128 => "hmac-sha1-96-aes128",
            Self::HMAC_SHA1_96_AES256 => "hmac-sha1-96-aes256",
            Self::HMAC_MD5 => "hmac-md5",
            Self::HMAC_SHA1_DES3_KD => "hmac-sha1-des3-kd",
            Self::CMAC_CAMELLIA128 => "cmac-camellia128",
            Self::CMAC_CAMELLIA256 => "cmac-camellia256",
            Self::HMAC_SHA256_128_AES128 => "hmac-sha256-128-aes128",
            Self::HMAC_SHA384_192_AES256 => "hmac-sha384-192-aes256",
            _ => return None,
        })
    }
}

impl fmt::Display for ChecksumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "checksum type {}", self.0),
        }
    }
}

impl fmt::Debug for ChecksumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChecksumType({})", self.0)
    }
}
