use super::{Algorithms, CryptoError, EncryptionKey, Enctype, Row, des3, rfc3962, rfc4757, rfc6803, rfc8009};
use crate::crypto::block::{Aes128, Aes256, Camellia128, Camellia256};
use crate::crypto::hash::{Sha256, Sha384};
use crate::name::Principal;
use alloc::vec::Vec;

/// The most PBKDF2 iterations that a key distribution center can ask for: a few seconds of work.
/// RFC 3962 4 wants no limit below 50,000.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// The key of a password (RFC 3961 3 "string-to-key"; RFC 3962 4, RFC 8009 4, RFC 6803 4).
///
/// `parameters` are those of ETYPE-INFO2 (RFC 4120 5.2.7.5): an iteration count in four big-endian
/// octets; without them the enctype's default counts.
///
/// # Errors
/// [`CryptoError::UnsupportedEnctype`], [`CryptoError::WrongParameters`], and
/// [`CryptoError::IterationCount`] above [`MAX_ITERATIONS`].
pub fn string_to_key(
    enctype: Enctype,
    password: &[u8],
    salt: &[u8],
    parameters: Option<&[u8]>,
) -> Result<EncryptionKey, CryptoError> {
    let row = enctype.supported_row()?;
    if let (Algorithms::Rc4 | Algorithms::Des3, Some(octets)) = (row.algorithms, parameters) {
        return Err(CryptoError::WrongParameters { actual: octets.len() });
    }
    if let Algorithms::Rc4 = row.algorithms {
        let password = core::str::from_utf8(password).map_err(|_| CryptoError::PasswordNotText)?;
        return Ok(EncryptionKey::filled_by(enctype, row.key_size, |key| rfc4757::string_to_key(password, key)));
    }
    let count = iterations(row, parameters)?;
    Ok(EncryptionKey::filled_by(enctype, row.key_size, |key| match row.algorithms {
        Algorithms::Aes128Sha1 => rfc3962::string_to_key::<Aes128>(password, salt, count, key),
        Algorithms::Aes256Sha1 => rfc3962::string_to_key::<Aes256>(password, salt, count, key),
        Algorithms::Aes128Sha256 => rfc8009::string_to_key::<Sha256>(row.name, password, salt, count, key),
        Algorithms::Aes256Sha384 => rfc8009::string_to_key::<Sha384>(row.name, password, salt, count, key),
        Algorithms::Camellia128 => rfc6803::string_to_key::<Camellia128>(row.name, password, salt, count, key),
        Algorithms::Camellia256 => rfc6803::string_to_key::<Camellia256>(row.name, password, salt, count, key),
        Algorithms::Des3 => des3::string_to_key(password, salt, key),
        Algorithms::Rc4 => {}
    }))
}

/// The salt of a principal's password where the KDC names none: realm and components, with nothing between (RFC 4120 4).
pub fn default_salt(principal: &Principal) -> Vec<u8> {
    let mut salt = principal.realm().as_bytes().to_vec();
    principal.components().iter().for_each(|component| salt.extend_from_slice(component.as_bytes()));
    salt
}

/// The iteration count that the parameters ask for. Zero stands for 2^32 (RFC 3962 4).
fn iterations(row: &Row, parameters: Option<&[u8]>) -> Result<u32, CryptoError> {
    let Some(octets) = parameters else { return Ok(row.iterations) };
    let octets = octets.try_into().map_err(|_| CryptoError::WrongParameters { actual: octets.len() })?;
    match u32::from_be_bytes(octets) {
        count @ 1..=MAX_ITERATIONS => Ok(count),
        0 => Err(CryptoError::IterationCount { requested: 1 << 32, limit: MAX_ITERATIONS }),
        count => Err(CryptoError::IterationCount { requested: count.into(), limit: MAX_ITERATIONS }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parameters: &[u8]) -> Result<EncryptionKey, CryptoError> {
        string_to_key(Enctype::AES128_CTS_HMAC_SHA1_96, b"password", b"salt", Some(parameters))
    }

    #[test]
    fn implausible_iteration_counts_are_refused() {
        let refused = |requested| Err(CryptoError::IterationCount { requested, limit: 10_000_000 });
        assert_eq!(with(&[0, 0, 0, 0]), refused(1 << 32));
        assert_eq!(with(&10_000_001_u32.to_be_bytes()), refused(10_000_001));
        assert_eq!(with(&[0xff; 4]), refused(u32::MAX.into()));
        assert!(with(&50_000_u32.to_be_bytes()).is_ok());
    }

    #[test]
    fn parameters_are_four_octets() {
        for length in [0, 1, 3, 5, 8] {
            assert_eq!(with(&[0, 0, 0, 1, 0, 0, 0, 1][..length]), Err(CryptoError::WrongParameters { actual: length }));
        }
    }

    #[test]
    fn without_parameters_the_default_counts() {
        for (enctype, count) in [(17, 4096_u32), (18, 4096), (19, 32_768), (20, 32_768), (25, 32_768), (26, 32_768)] {
            let key = |parameters: Option<&[u8]>| string_to_key(Enctype(enctype), b"password", b"salt", parameters);
            let default = key(None);
            assert_eq!(default, key(Some(&count.to_be_bytes())));
            assert_ne!(default, key(Some(&(count + 1).to_be_bytes())));
        }
    }

    #[test]
    fn an_unknown_enctype_has_no_string_to_key() {
        let result = string_to_key(Enctype(99), b"password", b"salt", None);
        assert_eq!(result, Err(CryptoError::UnsupportedEnctype(Enctype(99))));
    }
}
