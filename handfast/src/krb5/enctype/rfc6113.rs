//! Keys made of two keys (RFC 6113 5.1): PRF+ and KRB-FX-CF2. And the other PRF+, of RFC 7802.

use super::{CryptoError, EncryptionKey};
use crate::crypto::Secret;
use alloc::vec::Vec;

/// KRB-FX-CF2 (RFC 6113 5.1): one key made of two, of the first one's enctype. Who knows only one of them knows nothing
/// of the result.
///
/// The peppers belong to the protocol that combines, and differ from each other: with equal ones, two equal keys
/// would make a key of zeros.
///
/// # Errors
/// [`CryptoError::EqualPeppers`], and of either key [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
pub fn fx_cf2(
    key1: &EncryptionKey,
    key2: &EncryptionKey,
    pepper1: &[u8],
    pepper2: &[u8],
) -> Result<EncryptionKey, CryptoError> {
    if pepper1 == pepper2 {
        return Err(CryptoError::EqualPeppers);
    }
    let enctype = key1.enctype();
    let length = key1.usable()?.seed;
    let mut random = key1.prf_plus(pepper1, length)?;
    let other = key2.prf_plus(pepper2, length)?;
    random.expose_mut().iter_mut().zip(other.expose()).for_each(|(octet, other)| *octet ^= other);
    EncryptionKey::random_to_key(enctype, random.expose())
}

impl EncryptionKey {
    /// PRF+ (RFC 6113 5.1): `length` octets of [`EncryptionKey::prf`] over a counter of one octet and `input`.
    ///
    /// # Errors
    /// [`CryptoError::OutputTooLong`] for more than 255 outputs of the PRF hold, [`CryptoError::UnsupportedEnctype`]
    /// and [`CryptoError::WrongKeySize`].
    pub fn prf_plus(&self, input: &[u8], length: usize) -> Result<Secret<Vec<u8>>, CryptoError> {
        self.prf_counted((1..=u8::MAX).map(u8::to_be_bytes), input, length)
    }

    /// `length` octets of [`EncryptionKey::prf`] over each of `counters` and `input`.
    fn prf_counted<const N: usize>(
        &self,
        mut counters: impl Iterator<Item = [u8; N]>,
        input: &[u8],
        length: usize,
    ) -> Result<Secret<Vec<u8>>, CryptoError> {
        let mut out = Secret::new(Vec::with_capacity(length));
        while out.expose().len() < length {
            let limit = out.expose().len();
            let counter = counters.next().ok_or(CryptoError::OutputTooLong { requested: length, limit })?;
            let block = self.prf(&[&counter, input].concat())?;
            out.expose_mut().extend(block.expose().iter().take(length - limit));
        }
        Ok(out)
    }

    /// The PRF+ of RFC 7802 3, which counts from 0 and in four octets.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedEnctype`] and [`CryptoError::WrongKeySize`].
    pub(crate) fn gss_prf_plus(&self, input: &[u8], length: usize) -> Result<Secret<Vec<u8>>, CryptoError> {
        self.prf_counted((0..=u32::MAX).map(u32::to_be_bytes), input, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krb5::enctype::Enctype;
    use alloc::vec;

    /// Keys of triple DES differ in more than the lowest bit of an octet.
    fn key(enctype: Enctype, octet: u8) -> EncryptionKey {
        EncryptionKey::new(enctype, vec![2 * octet; enctype.key_size().unwrap()]).unwrap()
    }

    #[test]
    fn the_first_keys_enctype_is_the_results() {
        for first in Enctype::computable() {
            for second in Enctype::computable() {
                let made = fx_cf2(&key(first, 1), &key(second, 2), b"a", b"b").unwrap();
                assert_eq!((made.enctype(), made.bytes().len()), (first, first.key_size().unwrap()));
                assert_ne!(made, fx_cf2(&key(first, 1), &key(second, 3), b"a", b"b").unwrap());
                assert_ne!(made, fx_cf2(&key(first, 3), &key(second, 2), b"a", b"b").unwrap());
                assert_ne!(made, fx_cf2(&key(first, 1), &key(second, 2), b"b", b"a").unwrap());
            }
        }
    }

    #[test]
    fn equal_peppers_and_keys_that_do_not_compute_are_refused() {
        let good = key(Enctype::AES256_CTS_HMAC_SHA1_96, 1);
        let unknown = EncryptionKey::unchecked(Enctype(99), [1; 16]);
        let short = EncryptionKey::unchecked(good.enctype(), [1; 31]);
        assert_eq!(fx_cf2(&good, &good, b"a", b"a"), Err(CryptoError::EqualPeppers));
        for (bad, error) in [
            (unknown, CryptoError::UnsupportedEnctype(Enctype(99))),
            (short, CryptoError::WrongKeySize { enctype: good.enctype(), expected: 32, actual: 31 }),
        ] {
            assert_eq!(fx_cf2(&bad, &good, b"a", b"b"), Err(error.clone()));
            assert_eq!(fx_cf2(&good, &bad, b"a", b"b"), Err(error));
        }
    }

    #[test]
    fn prf_plus_is_as_long_as_asked_for_and_no_counter_comes_twice() {
        for enctype in Enctype::computable() {
            let key = key(enctype, 7);
            let block = key.prf(b"").unwrap().expose().len();
            let limit = 255 * block;
            let longest = key.prf_plus(b"pepper", limit).unwrap();
            for length in [0, 1, block - 1, block, block + 1, limit - 1, limit] {
                assert_eq!(key.prf_plus(b"pepper", length).unwrap().expose(), &longest.expose()[..length]);
            }
            let last = key.prf(b"\xffpepper").unwrap();
            assert_eq!(&longest.expose()[limit - block..], last.expose());
            let refused = key.prf_plus(b"pepper", limit + 1).map(|_| ());
            assert_eq!(refused, Err(CryptoError::OutputTooLong { requested: limit + 1, limit }));
        }
    }

    #[test]
    fn random_to_key_takes_as_many_octets_as_the_enctype_wants() {
        let enctype = Enctype::AES128_CTS_HMAC_SHA256_128;
        assert_eq!(EncryptionKey::random_to_key(enctype, &[10; 16]), Ok(key(enctype, 5)));
        let wrong = |actual| Err(CryptoError::WrongKeySize { enctype, expected: 16, actual });
        assert_eq!(EncryptionKey::random_to_key(enctype, &[5; 15]), wrong(15));
        assert_eq!(EncryptionKey::random_to_key(enctype, &[5; 17]), wrong(17));
        assert_eq!(
            EncryptionKey::random_to_key(Enctype(99), &[5; 17]),
            Err(CryptoError::UnsupportedEnctype(Enctype(99)))
        );
    }
}
