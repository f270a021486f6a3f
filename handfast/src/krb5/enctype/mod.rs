//! Encryption types (RFC 3961): numbers and names, keys, encryption, checksums.
//!
//! ```
//! use handfast::krb5::enctype::{CipherKey, Enctype, KeyUsage, string_to_key};
//! # fn main() -> Result<(), handfast::krb5::enctype::CryptoError> {
//! let key = string_to_key(Enctype::AES256_CTS_HMAC_SHA1_96, b"password", b"EXAMPLE.COMalice", None)?;
//! let cipher = CipherKey::new(&key, KeyUsage::AS_REQ_TIMESTAMP)?;
//! let confounder = [7; 16]; // fresh and random for each message
//! let mut sealed = Vec::new();
//! cipher.encrypt(&confounder, b"now", &mut sealed);
//! assert_eq!(cipher.decrypt(&sealed)?.expose(), b"now");
//! # Ok(())
//! # }
//! ```

mod checksum;
mod checksum_type;
mod cipher;
mod cts;
mod des3;
mod error;
mod key;
mod part;
#[cfg(test)]
mod properties;
mod rfc3961;
mod rfc3962;
mod rfc4757;
mod rfc6113;
mod rfc6803;
mod rfc8009;
mod string_to_key;
mod usage;
#[cfg(test)]
mod vectors;

pub use checksum::{ChecksumKey, Mac};
pub use checksum_type::ChecksumType;
pub use cipher::CipherKey;
pub use error::CryptoError;
pub use key::EncryptionKey;
pub use part::Part;
pub use rfc6113::fx_cf2;
pub use string_to_key::{MAX_ITERATIONS, default_salt, string_to_key};
pub use usage::KeyUsage;

use core::fmt;
use core::str::FromStr;

/// An encryption type number (RFC 3961 8, RFC 4120 7.5.1). Unknown numbers are representable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Enctype(pub i32);

/// What there is to know of an enctype without computing anything.
struct Row {
    enctype: Enctype,
    /// The registered name.
    name: &'static str,
    /// Other names that configuration files use.
    aliases: &'static [&'static str],
    algorithms: Algorithms,
    key_size: usize,
    /// Octets that a key is made of, where it has more than those.
    seed: usize,
    confounder: usize,
    /// Plaintext is padded with zeros to a multiple of this.
    block: usize,
    mac: usize,
    /// The MAC stands in front of the confounder, not behind the data.
    mac_first: bool,
    checksum: ChecksumType,
    /// Iterations of string-to-key where no parameters say otherwise.
    iterations: u32,
    /// Broken: never used unless a policy names it.
    weak: bool,
    /// To be replaced, though not broken.
    deprecated: bool,
}

/// Which code computes an enctype.
#[derive(Clone, Copy)]
enum Algorithms {
    Aes128Sha1,
    Aes256Sha1,
    Aes128Sha256,
    Aes256Sha384,
    Camellia128,
    Camellia256,
    Rc4,
    Des3,
}

/// Every enctype that this build can compute with, the preferred first.
static TABLE: [Row; 8] = [
    Row {
        enctype: Enctype::AES256_CTS_HMAC_SHA384_192,
        name: "aes256-cts-hmac-sha384-192",
        aliases: &["aes256-sha2"],
        algorithms: Algorithms::Aes256Sha384,
        key_size: 32,
        seed: 32,
        confounder: 16,
        block: 1,
        mac: 24,
        mac_first: false,
        checksum: ChecksumType::HMAC_SHA384_192_AES256,
        iterations: 32_768,
        weak: false,
        deprecated: false,
    },
    Row {
        enctype: Enctype::AES128_CTS_HMAC_SHA256_128,
        name: "aes128-cts-hmac-sha256-128",
        aliases: &["aes128-sha2"],
        algorithms: Algorithms::Aes128Sha256,
        key_size: 16,
        seed: 16,
        confounder: 16,
        block: 1,
        mac: 16,
        mac_first: false,
        checksum: ChecksumType::HMAC_SHA256_128_AES128,
        iterations: 32_768,
        weak: false,
        deprecated: false,
    },
    Row {
        enctype: Enctype::AES256_CTS_HMAC_SHA1_96,
        name: "aes256-cts-hmac-sha1-96",
        aliases: &["aes256-cts", "aes256-sha1"],
        algorithms: Algorithms::Aes256Sha1,
        key_size: 32,
        seed: 32,
        confounder: 16,
        block: 1,
        mac: 12,
        mac_first: false,
        checksum: ChecksumType::HMAC_SHA1_96_AES256,
        iterations: 4096,
        weak: false,
        deprecated: false,
    },
    Row {
        enctype: Enctype::AES128_CTS_HMAC_SHA1_96,
        name: "aes128-cts-hmac-sha1-96",
        aliases: &["aes128-cts", "aes128-sha1"],
        algorithms: Algorithms::Aes128Sha1,
        key_size: 16,
        seed: 16,
        confounder: 16,
        block: 1,
        mac: 12,
        mac_first: false,
        checksum: ChecksumType::HMAC_SHA1_96_AES128,
        iterations: 4096,
        weak: false,
        deprecated: false,
    },
    Row {
        enctype: Enctype::CAMELLIA256_CTS_CMAC,
        name: "camellia256-cts-cmac",
        aliases: &["camellia256-cts"],
        algorithms: Algorithms::Camellia256,
        key_size: 32,
        seed: 32,
        confounder: 16,
        block: 1,
        mac: 16,
        mac_first: false,
        checksum: ChecksumType::CMAC_CAMELLIA256,
        iterations: 32_768,
        weak: false,
        deprecated: false,
    },
    Row {
        enctype: Enctype::CAMELLIA128_CTS_CMAC,
        name: "camellia128-cts-cmac",
        aliases: &["camellia128-cts"],
        algorithms: Algorithms::Camellia128,
        key_size: 16,
        seed: 16,
        confounder: 16,
        block: 1,
        mac: 16,
        mac_first: false,
        checksum: ChecksumType::CMAC_CAMELLIA128,
        iterations: 32_768,
        weak: false,
        deprecated: false,
    },
    Row {
        enctype: Enctype::RC4_HMAC,
        name: "rc4-hmac",
        aliases: &["arcfour-hmac", "arcfour-hmac-md5"],
        algorithms: Algorithms::Rc4,
        key_size: 16,
        seed: 16,
        confounder: 8,
        block: 1,
        mac: 16,
        mac_first: true,
        checksum: ChecksumType::HMAC_MD5,
        iterations: 0,
        weak: true,
        deprecated: true,
    },
    Row {
        enctype: Enctype::DES3_CBC_SHA1_KD,
        name: "des3-cbc-sha1-kd",
        aliases: &["des3-cbc-sha1", "des3-hmac-sha1"],
        algorithms: Algorithms::Des3,
        key_size: 24,
        seed: des3::SEED,
        confounder: 8,
        block: 8,
        mac: 20,
        mac_first: false,
        checksum: ChecksumType::HMAC_SHA1_DES3_KD,
        iterations: 0,
        weak: true,
        deprecated: true,
    },
];

impl Enctype {
    /// des3-cbc-sha1-kd (RFC 3961 6.3): weak
    pub const DES3_CBC_SHA1_KD: Enctype = Enctype(16);
    /// aes128-cts-hmac-sha1-96 (RFC 3962)
    pub const AES128_CTS_HMAC_SHA1_96: Enctype = Enctype(17);
    /// aes256-cts-hmac-sha1-96 (RFC 3962)
    pub const AES256_CTS_HMAC_SHA1_96: Enctype = Enctype(18);
    /// aes128-cts-hmac-sha256-128 (RFC 8009)
    pub const AES128_CTS_HMAC_SHA256_128: Enctype = Enctype(19);
    /// aes256-cts-hmac-sha384-192 (RFC 8009)
    pub const AES256_CTS_HMAC_SHA384_192: Enctype = Enctype(20);
    /// rc4-hmac (RFC 4757): weak
    pub const RC4_HMAC: Enctype = Enctype(23);
    /// camellia128-cts-cmac (RFC 6803)
    pub const CAMELLIA128_CTS_CMAC: Enctype = Enctype(25);
    /// camellia256-cts-cmac (RFC 6803)
    pub const CAMELLIA256_CTS_CMAC: Enctype = Enctype(26);

    /// Every enctype that this build can compute with, the preferred first: RFC 8009's, RFC 3962's, RFC 6803's, and behind
    /// them those that are weak. What is offered or permitted by default is [`Enctype::strong`] alone.
    pub fn computable() -> impl Iterator<Item = Enctype> {
        TABLE.iter().map(|row| row.enctype)
    }

    /// Those of [`Enctype::computable`] that are not weak: what every default is made of.
    pub fn strong() -> impl Iterator<Item = Enctype> {
        TABLE.iter().filter(|row| !row.weak).map(|row| row.enctype)
    }

    /// The enctype of that name or alias (`aes256-cts`, `aes256-sha1`, `aes256-sha2`), in any case.
    pub fn from_name(name: &str) -> Option<Enctype> {
        let is = |known: &&str| known.eq_ignore_ascii_case(name);
        TABLE.iter().find(|row| is(&row.name) || row.aliases.iter().any(is)).map(|row| row.enctype)
    }

    /// The registered name, if this build knows the enctype.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// Whether this build can compute with it, be it weak or not.
    pub fn can_compute(self) -> bool {
        self.row().is_some()
    }

    /// Whether this build can compute with it, and it is not weak.
    pub fn is_strong(self) -> bool {
        self.row().is_some_and(|row| !row.weak)
    }

    /// Whether it is known and broken: never used unless a policy names it.
    pub fn is_weak(self) -> bool {
        self.row().is_some_and(|row| row.weak)
    }

    /// Whether it is known and on its way out.
    pub fn is_deprecated(self) -> bool {
        self.row().is_some_and(|row| row.deprecated)
    }

    /// Octets in a key.
    pub fn key_size(self) -> Option<usize> {
        self.row().map(|row| row.key_size)
    }

    /// Octets that a key is made of (RFC 3961 3, "key-generation seed length").
    pub fn seed_size(self) -> Option<usize> {
        self.row().map(|row| row.seed)
    }

    /// Octets of confounder before the data in a ciphertext.
    pub fn header_len(self) -> Option<usize> {
        self.row().map(|row| row.confounder)
    }

    /// Octets of MAC after the data in a ciphertext, and in a checksum.
    pub fn mac_len(self) -> Option<usize> {
        self.row().map(|row| row.mac)
    }

    /// The checksum type that goes with it (RFC 3961 3, "required checksum mechanism").
    pub fn mandatory_checksum(self) -> Option<ChecksumType> {
        self.row().map(|row| row.checksum)
    }

    /// Iterations of string-to-key where no parameters say otherwise.
    pub fn default_iterations(self) -> Option<u32> {
        self.row().map(|row| row.iterations)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.enctype == self)
    }

    fn supported_row(self) -> Result<&'static Row, CryptoError> {
        self.row().ok_or(CryptoError::UnsupportedEnctype(self))
    }
}

/// The name, or `enctype N` for a number that this build doesn't know.
impl fmt::Display for Enctype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "enctype {}", self.0),
        }
    }
}

impl fmt::Debug for Enctype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enctype({})", self.0)
    }
}

/// No enctype of that name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEnctypeName;

impl fmt::Display for UnknownEnctypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no enctype of that name is known; known are")?;
        TABLE.iter().try_for_each(|row| write!(f, " {}", row.name))
    }
}

impl core::error::Error for UnknownEnctypeName {}

impl FromStr for Enctype {
    type Err = UnknownEnctypeName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Enctype::from_name(name).ok_or(UnknownEnctypeName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_and_aliases_lead_to_numbers() {
        for (name, number) in [
            ("aes128-cts-hmac-sha1-96", 17),
            ("aes128-cts", 17),
            ("AES128-SHA1", 17),
            ("aes256-cts-hmac-sha1-96", 18),
            ("aes256-cts", 18),
            ("aes256-sha1", 18),
            ("aes128-cts-hmac-sha256-128", 19),
            ("aes128-sha2", 19),
            ("aes256-cts-hmac-sha384-192", 20),
            ("aes256-sha2", 20),
            ("camellia128-cts-cmac", 25),
            ("camellia128-cts", 25),
            ("camellia256-cts-cmac", 26),
            ("Camellia256-CTS", 26),
        ] {
            assert_eq!(name.parse(), Ok(Enctype(number)), "{name}");
        }
        assert_eq!("aes".parse::<Enctype>(), Err(UnknownEnctypeName));
    }

    #[test]
    fn rc4_and_triple_des_need_a_policy_that_names_them() {
        let weak = [Enctype::RC4_HMAC, Enctype::DES3_CBC_SHA1_KD];
        for enctype in Enctype::computable() {
            assert_eq!(enctype.is_weak(), weak.contains(&enctype), "{enctype}");
        }
    }

    #[test]
    fn unknown_numbers_have_a_display() {
        assert_eq!(Enctype(18).to_string(), "aes256-cts-hmac-sha1-96");
        assert_eq!(Enctype(-7).to_string(), "enctype -7");
        assert!(!Enctype(-7).can_compute());
        assert_eq!(Enctype(-7).mandatory_checksum(), None);
    }

    #[test]
    fn each_enctype_has_its_registered_checksum_type() {
        let types: alloc::vec::Vec<_> =
            [17, 18, 19, 20, 25, 26].map(|number| Enctype(number).mandatory_checksum().map(|sum| sum.0)).into();
        assert_eq!(types, [Some(15), Some(16), Some(19), Some(20), Some(17), Some(18)]);
    }
}
