//! Private keys as they are kept: PKCS#8, encrypted or not (RFC 5958), and the older forms of each kind.

use super::IdentityError;
use super::algorithm::AlgorithmIdentifier;
use super::pem::Block;
use super::private_key::PrivateKey;
use crate::asn1::{DerReader, tag};
use crate::crypto::Secret;
use crate::crypto::hash::{Sha1, Sha256, Sha384};
use crate::crypto::hmac::pbkdf2;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherDecrypt, KeyInit};
use aes::{Aes128Dec, Aes192Dec, Aes256Dec, Block as AesBlock};
use alloc::string::ToString;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

/// id-PBES2 and id-PBKDF2 (RFC 8018 A.4, A.2).
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
/// RFC 8018 B.1.
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
/// RFC 8018 B.2.5.
const AES128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");

/// How many iterations are computed to make a key of a password: some seconds.
pub(super) const ITERATION_LIMIT: u32 = 5_000_000;

/// The private key in a PEM block, if it is one.
pub(super) fn in_block(block: &Block, password: Option<&[u8]>) -> Option<Result<PrivateKey, IdentityError>> {
    let octets = block.contents.expose();
    match block.label.as_str() {
        "PRIVATE KEY" => Some(PrivateKey::decode(octets)),
        "ENCRYPTED PRIVATE KEY" => Some(encrypted(octets, password)),
        "RSA PRIVATE KEY" => Some(PrivateKey::decode_rsa(octets)),
        "EC PRIVATE KEY" => Some(PrivateKey::decode_ec(octets, None)),
        _ => None,
    }
}

/// EncryptedPrivateKeyInfo ::= SEQUENCE { encryptionAlgorithm AlgorithmIdentifier, encryptedData OCTET STRING } (RFC 5958 3)
pub(super) fn encrypted(octets: &[u8], password: Option<&[u8]>) -> Result<PrivateKey, IdentityError> {
    let mut reader = DerReader::new("EncryptedPrivateKeyInfo", octets);
    let (algorithm, data) = reader.nested(tag::SEQUENCE, |fields| {
        Ok((AlgorithmIdentifier::read(fields)?, fields.primitive(tag::OCTET_STRING)?))
    })?;
    reader.finish()?;
    let plain = decrypt(&algorithm, data, password.ok_or(IdentityError::NoPassword)?)?;
    // With a wrong password the padding fits by chance, once in 256 times.
    PrivateKey::decode(plain.expose()).map_err(|error| match error {
        IdentityError::Decode(_) => IdentityError::WrongPassword,
        other => other,
    })
}

/// What PBES2 has encrypted with a key of a password (RFC 8018 6.2).
///
/// ```text
/// PBES2-params  ::= SEQUENCE { keyDerivationFunc AlgorithmIdentifier, encryptionScheme AlgorithmIdentifier }
/// PBKDF2-params ::= SEQUENCE {
///     salt OCTET STRING, iterationCount INTEGER, keyLength INTEGER OPTIONAL,
///     prf AlgorithmIdentifier DEFAULT hmacWithSHA1
/// }
/// ```
pub(super) fn decrypt(
    algorithm: &AlgorithmIdentifier<'_>,
    data: &[u8],
    password: &[u8],
) -> Result<Secret<Vec<u8>>, IdentityError> {
    if algorithm.oid != PBES2 {
        return Err(unknown(algorithm.oid));
    }
    let mut parameters = algorithm.parameters("PBES2-params");
    let (derivation, scheme) = parameters
        .nested(tag::SEQUENCE, |fields| Ok((AlgorithmIdentifier::read(fields)?, AlgorithmIdentifier::read(fields)?)))?;
    parameters.finish()?;
    let length = match scheme.oid {
        AES128_CBC => 16,
        AES192_CBC => 24,
        AES256_CBC => 32,
        other => return Err(unknown(other)),
    };
    let key = derive(&derivation, password, length)?;
    let mut vector = scheme.parameters("AES-IV");
    let iv: [u8; 16] = vector.primitive(tag::OCTET_STRING)?.try_into().map_err(|_| vector.invalid("16 octets"))?;
    match length {
        16 => cbc_decrypt::<Aes128Dec>(key.expose(), iv, data),
        24 => cbc_decrypt::<Aes192Dec>(key.expose(), iv, data),
        _ => cbc_decrypt::<Aes256Dec>(key.expose(), iv, data),
    }
}

fn unknown(oid: ObjectIdentifier) -> IdentityError {
    IdentityError::Encryption { oid: oid.to_string() }
}

/// A key of `length` octets by PBKDF2 (RFC 8018 5.2).
fn derive(
    derivation: &AlgorithmIdentifier<'_>,
    password: &[u8],
    length: usize,
) -> Result<Secret<Vec<u8>>, IdentityError> {
    if derivation.oid != PBKDF2 {
        return Err(unknown(derivation.oid));
    }
    let mut parameters = derivation.parameters("PBKDF2-params");
    let (salt, count, function) = parameters.nested(tag::SEQUENCE, |fields| {
        let salt = fields.primitive(tag::OCTET_STRING)?;
        let count = fields.integer()?;
        let at = fields.clone();
        if fields.peek() == Some(tag::INTEGER) && usize::try_from(fields.integer()?).ok() != Some(length) {
            return Err(at.invalid("another key length than the cipher's"));
        }
        let function = if fields.is_empty() { HMAC_SHA1 } else { AlgorithmIdentifier::read(fields)?.oid };
        Ok((salt, count, function))
    })?;
    parameters.finish()?;
    let iterations = iterations(count)?;
    let mut key = Secret::new(alloc::vec![0; length]);
    match function {
        HMAC_SHA1 => pbkdf2::<Sha1>(password, &[salt], iterations, key.expose_mut()),
        HMAC_SHA256 => pbkdf2::<Sha256>(password, &[salt], iterations, key.expose_mut()),
        HMAC_SHA384 => pbkdf2::<Sha384>(password, &[salt], iterations, key.expose_mut()),
        other => return Err(unknown(other)),
    }
    Ok(key)
}

/// A number of iterations that is computed.
pub(super) fn iterations(count: i64) -> Result<u32, IdentityError> {
    match u32::try_from(count) {
        Ok(iterations @ 1..=ITERATION_LIMIT) => Ok(iterations),
        _ => Err(IdentityError::Iterations { found: u64::try_from(count).unwrap_or(0), limit: ITERATION_LIMIT }),
    }
}

/// AES in CBC mode, and the padding of RFC 8018 6.1.1 taken off.
fn cbc_decrypt<C>(key: &[u8], iv: [u8; 16], data: &[u8]) -> Result<Secret<Vec<u8>>, IdentityError>
where
    C: KeyInit + BlockCipherDecrypt<BlockSize = U16>,
{
    let cipher = C::new_from_slice(key).map_err(|_| IdentityError::WrongPassword)?;
    let mut plain = Secret::new(Vec::with_capacity(data.len()));
    let mut before = iv;
    for encrypted in data.chunks(16) {
        let encrypted: [u8; 16] = encrypted.try_into().map_err(|_| IdentityError::WrongPassword)?;
        let mut block = AesBlock::from(encrypted);
        cipher.decrypt_block(&mut block);
        plain.expose_mut().extend(block.iter().zip(before).map(|(octet, before)| octet ^ before));
        before = encrypted;
    }
    let padding = plain.expose().last().copied().unwrap_or(0);
    let kept = plain.expose().len().saturating_sub(usize::from(padding));
    let tail = plain.expose().get(kept..).unwrap_or_default();
    if !(1..=16).contains(&padding) || tail.iter().any(|octet| *octet != padding) {
        return Err(IdentityError::WrongPassword);
    }
    plain.expose_mut().truncate(kept);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that makes `plain` of a block of zeros.
    fn vector_for(plain: [u8; 16]) -> [u8; 16] {
        let mut block = AesBlock::default();
        Aes128Dec::new(&[7; 16].into()).decrypt_block(&mut block);
        core::array::from_fn(|place| block[place] ^ plain[place])
    }

    #[test]
    fn all_of_the_padding_is_looked_at() {
        let decrypt = |plain| cbc_decrypt::<Aes128Dec>(&[7; 16], vector_for(plain), &[0; 16]);
        let right = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3, 3, 3];
        assert_eq!(decrypt(right).unwrap().expose(), &right[..13]);
        for (place, octet) in [(13, 2), (15, 0), (15, 17)] {
            let mut wrong = right;
            wrong[place] = octet;
            assert_eq!(decrypt(wrong).map(|_| ()), Err(IdentityError::WrongPassword));
        }
        assert!(cbc_decrypt::<Aes128Dec>(&[7; 16], [0; 16], &[0; 15]).is_err());
        assert!(cbc_decrypt::<Aes128Dec>(&[7; 16], [0; 16], &[]).is_err());
    }
}
