//! Lists of encryption types by name.

use crate::krb5::enctype::Enctype;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Encryption types in the order of preference, as a list in krb5.conf names them.
///
/// The list has names with commas or white space between them. A name stands for one enctype or for a
/// family (`aes`, `aes-sha1`, `aes-sha2`, `camellia`, `rc4`, `des3`), `DEFAULT` for all that are strong, the preferred first,
/// and behind them RC4 in a file that says `allow_rc4`;
/// a `-` before a name takes out what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EnctypeList {
    /// The encryption types. They may be ones that nothing here can use or that policy forbids.
    pub enctypes: Vec<Enctype>,
    /// The names that stand for nothing that is known.
    pub unknown: Vec<String>,
}

const AES256_SHA1: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;
const AES128_SHA1: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;
const AES256_SHA2: Enctype = Enctype::AES256_CTS_HMAC_SHA384_192;
const AES128_SHA2: Enctype = Enctype::AES128_CTS_HMAC_SHA256_128;
const CAMELLIA128: Enctype = Enctype::CAMELLIA128_CTS_CMAC;
const CAMELLIA256: Enctype = Enctype::CAMELLIA256_CTS_CMAC;
const RC4: Enctype = Enctype::RC4_HMAC;
const RC4_EXPORT: Enctype = Enctype(24);
const DES3: Enctype = Enctype::DES3_CBC_SHA1_KD;
const DES_CRC: Enctype = Enctype(1);
const DES_MD4: Enctype = Enctype(2);
const DES_MD5: Enctype = Enctype(3);

/// What `allow_weak_crypto` is about: single DES and RC4 with 40 bits.
const WEAK: [Enctype; 4] = [DES_CRC, DES_MD4, DES_MD5, RC4_EXPORT];

/// Names of families, and of enctypes that MIT krb5 has and the table of enctypes here has not.
const NAMES: [(&str, &[Enctype]); 15] = [
    ("aes", &[AES256_SHA1, AES128_SHA1, AES256_SHA2, AES128_SHA2]),
    ("aes-sha1", &[AES256_SHA1, AES128_SHA1]),
    ("aes-sha2", &[AES256_SHA2, AES128_SHA2]),
    ("camellia", &[CAMELLIA256, CAMELLIA128]),
    ("rc4", &[RC4]),
    ("arcfour-hmac", &[RC4]),
    ("arcfour-hmac-md5", &[RC4]),
    ("rc4-hmac", &[RC4]),
    ("arcfour-hmac-exp", &[RC4_EXPORT]),
    ("rc4-hmac-exp", &[RC4_EXPORT]),
    ("arcfour-hmac-md5-exp", &[RC4_EXPORT]),
    ("des3", &[DES3]),
    ("des-cbc-crc", &[DES_CRC]),
    ("des-cbc-md4", &[DES_MD4]),
    ("des-cbc-md5", &[DES_MD5]),
];

/// What a name stands for.
fn named(name: &str, rc4: bool) -> Option<Vec<Enctype>> {
    if name.eq_ignore_ascii_case("DEFAULT") {
        return Some(Enctype::strong().chain(rc4.then_some(RC4)).collect());
    }
    let listed = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    listed.map(|(_, enctypes)| enctypes.to_vec()).or_else(|| Enctype::from_name(name).map(|enctype| [enctype].into()))
}

impl EnctypeList {
    /// Reads a list.
    pub fn parse(text: &str) -> Self {
        EnctypeList::parse_with(text, false)
    }

    /// Reads a list where `allow_rc4` says whether `DEFAULT` ends with RC4.
    pub(super) fn parse_with(text: &str, allow_rc4: bool) -> Self {
        let mut list = EnctypeList::default();
        for word in text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty()) {
            let (name, removes) = match word.strip_prefix('-') {
                Some(name) => (name, true),
                None => (word.strip_prefix('+').unwrap_or(word), false),
            };
            match named(name, allow_rc4) {
                Some(enctypes) => list.apply(&enctypes, removes),
                None => list.unknown.push(name.to_string()),
            }
        }
        list
    }

    /// The list without single DES and RC4 with 40 bits.
    pub fn without_weak(mut self) -> Self {
        self.enctypes.retain(|enctype| !WEAK.contains(enctype));
        self
    }

    fn apply(&mut self, enctypes: &[Enctype], removes: bool) {
        if removes {
            self.enctypes.retain(|enctype| !enctypes.contains(enctype));
        } else {
            let new = enctypes.iter().filter(|enctype| !self.enctypes.contains(enctype)).copied();
            let new: Vec<Enctype> = new.collect();
            self.enctypes.extend(new);
        }
    }
}
