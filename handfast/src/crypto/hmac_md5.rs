//! HMAC-MD5 (RFC 2104), which NTLM is built on (MS-NLMP 6).

use super::Secret;
use super::hash::{Hash, Md5};
use super::hmac::{Hmac, HmacKey};

/// Octets in a block of MD5.
pub(crate) const BLOCK: usize = Md5::BLOCK;

/// A scheduled key.
pub(crate) type HmacMd5Key = HmacKey<Md5>;
/// The MAC of a message that comes in pieces.
pub(crate) type HmacMd5<'k> = Hmac<'k, Md5>;

/// The MAC of the concatenation of `parts`, by a key of 16 octets, as all of NTLM's are.
pub(crate) fn hmac_md5(key: &Secret<[u8; 16]>, parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = [0; 16];
    HmacMd5Key::new(key.expose()).mac(parts, &mut mac);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2104, appendix: the test vectors with keys of 16 octets.
    #[test]
    fn rfc2104_vectors() {
        let mac = hmac_md5(&Secret::new([0x0b; 16]), &[b"Hi ", b"There"]);
        assert_eq!(u128::from_be_bytes(mac), 0x9294_727a_3638_bb1c_13f4_8ef8_158b_fc9d);
        let mac = hmac_md5(&Secret::new([0xaa; 16]), &[&[0xdd; 50]]);
        assert_eq!(u128::from_be_bytes(mac), 0x56be_3452_1d14_4c88_dbb8_c733_f0e8_b3f6);
    }
}
