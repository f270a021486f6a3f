//! HMAC-MD5 (RFC 2104), which NTLM is built on (MS-NLMP 6).

use super::Secret;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Octets in a block of MD5.
const BLOCK: usize = 64;

/// The MAC of a message that comes in pieces.
pub(crate) struct HmacMd5 {
    inner: Md5,
    outer: Md5,
}

impl HmacMd5 {
    /// Begins with a key of 16 octets, as all of NTLM's are.
    pub(crate) fn new(key: &Secret<[u8; 16]>) -> Self {
        HmacMd5 { inner: padded(key, 0x36), outer: padded(key, 0x5c) }
    }

    /// Takes more of the message in.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// The MAC.
    pub(crate) fn finish(mut self) -> [u8; 16] {
        self.outer.update(self.inner.finalize());
        self.outer.finalize().into()
    }
}

fn padded(key: &Secret<[u8; 16]>, pad: u8) -> Md5 {
    let mut block = Zeroizing::new([pad; BLOCK]);
    block.iter_mut().zip(key.expose()).for_each(|(octet, key)| *octet ^= key);
    Md5::new_with_prefix(block.as_slice())
}

/// The MAC of the concatenation of `parts`.
pub(crate) fn hmac_md5(key: &Secret<[u8; 16]>, parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = HmacMd5::new(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finish()
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
