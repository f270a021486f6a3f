//! The NTLMv2 response and the keys that follow from it (MS-NLMP 3.3.2, 3.4.5.1).

use super::message::{AvPairs, FileTime, utf16};
use crate::crypto::Secret;
use crate::crypto::hmac_md5::hmac_md5;
use crate::crypto::keystream::Keystream;
use crate::wire::{DecodeError, Reader, Writer};
use alloc::string::String;
use alloc::vec::Vec;
use md4::{Digest, Md4};
use zeroize::Zeroizing;

const WHAT: &str = "NTLMv2 response";

/// The NT hash of a password, `MD4(UNICODE(Passwd))`: what an account store holds, and answers with
/// [`Account::NtHash`](crate::Account::NtHash) (MS-NLMP 3.3.1, NTOWFv1).
///
/// It is as good as the password to whoever has it.
///
/// ```
/// // The example of MS-NLMP 4.2.2.1.2.
/// let hash = handfast::mech::ntlm::nt_hash("Password");
/// assert_eq!(hash.expose()[..4], [0xa4, 0xf4, 0x9c, 0x40]);
/// ```
#[doc(alias = "NTOWF")]
pub fn nt_hash(password: &str) -> Secret<[u8; 16]> {
    let unicode = Zeroizing::new(utf16(password));
    Secret::new(Md4::digest(unicode.as_slice()).into())
}

/// `HMAC_MD5(NT hash, UNICODE(Uppercase(User) + UserDom))` (MS-NLMP 3.3.2, NTOWFv2).
pub(super) fn ntowf_v2(nt_hash: &Secret<[u8; 16]>, user: &str, domain: &str) -> Secret<[u8; 16]> {
    let user: String = user.chars().map(uppercase).collect();
    Secret::new(hmac_md5(nt_hash, &[&utf16(&user), &utf16(domain)]))
}

/// One character becomes one character, as in a table of UTF-16 units: `ß` stays what it is.
fn uppercase(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) if c.len_utf16() == 1 => upper,
        _ => c,
    }
}

/// `NTProofStr`: `HMAC_MD5(ResponseKeyNT, ServerChallenge + temp)` (MS-NLMP 3.3.2).
pub(super) fn nt_proof(response_key: &Secret<[u8; 16]>, server_challenge: &[u8; 8], temp: &[u8]) -> [u8; 16] {
    hmac_md5(response_key, &[server_challenge, temp])
}

/// `SessionBaseKey`: `HMAC_MD5(ResponseKeyNT, NTProofStr)` (MS-NLMP 3.3.2). It is the KeyExchangeKey too (3.4.5.1).
pub(super) fn session_base_key(response_key: &Secret<[u8; 16]>, nt_proof: &[u8; 16]) -> Secret<[u8; 16]> {
    Secret::new(hmac_md5(response_key, &[nt_proof]))
}

/// `RC4K(KeyExchangeKey, key)`: encrypts the exported session key, and decrypts it (MS-NLMP 3.1.5.1.2).
pub(super) fn exchange_key(key_exchange_key: &Secret<[u8; 16]>, key: &[u8; 16]) -> Secret<[u8; 16]> {
    let mut exchanged = Secret::new(*key);
    Keystream::new(key_exchange_key.clone()).apply(exchanged.expose_mut());
    exchanged
}

/// `NTLMv2_RESPONSE` (MS-NLMP 2.2.2.8): the proof, and what it is over.
pub(super) struct Response<'a> {
    pub(super) nt_proof: [u8; 16],
    /// The client challenge as it was sent, with whatever follows its list of pairs: the proof covers that as well.
    pub(super) temp: &'a [u8],
    /// Where there is one in the challenge, that one.
    pub(super) timestamp: FileTime,
    pub(super) pairs: AvPairs<'a>,
}

impl<'a> Response<'a> {
    /// The fields up to the pairs' end; the four zeros that follow (MS-NLMP 3.3.2, `temp`), or anything else, are not
    /// looked at.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, bytes);
        let nt_proof = reader.array()?;
        let temp = reader.clone().all();
        let at = reader.clone();
        if reader.array()? != [1, 1] {
            return Err(at.invalid("RespType and HiRespType are not 1"));
        }
        reader.take(2 + 4)?; // reserved
        let timestamp = FileTime(reader.u64_le()?);
        reader.take(8 + 4)?; // the client's challenge, reserved
        let pairs = AvPairs::decode(&mut reader)?;
        Ok(Response { nt_proof, temp, timestamp, pairs })
    }
}

/// `temp` (MS-NLMP 3.3.2), the `NTLMv2_CLIENT_CHALLENGE` (2.2.2.7) and four zeros.
pub(super) fn temp(timestamp: u64, client_challenge: &[u8; 8], pairs: &AvPairs<'_>) -> Vec<u8> {
    let mut temp = Vec::new();
    Writer::new(&mut temp).bytes(&[1, 1]).bytes(&[0; 6]).u64_le(timestamp).bytes(client_challenge).bytes(&[0; 4]);
    pairs.encode(&mut temp);
    temp.extend_from_slice(&[0; 4]);
    temp
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::wire::DecodeReason;

    /// MS-NLMP 2.2.2.7: RespType and HiRespType are 1.
    #[test]
    fn responses_of_another_type_are_refused() {
        let bytes = |types: [u8; 2]| [&[9; 16][..], &types, &temp(0, &[7; 8], &AvPairs::default())[2..]].concat();
        assert!(Response::decode(&bytes([1, 1])).is_ok());
        for types in [[0, 1], [1, 0], [2, 1], [1, 2]] {
            let error = Response::decode(&bytes(types)).err().unwrap();
            let reason = DecodeReason::Invalid("RespType and HiRespType are not 1");
            assert_eq!((error.offset, error.reason), (16, reason), "{types:?}");
        }
    }

    /// A table of UTF-16 units has one unit for each (MS-NLMP 3.3.2, Uppercase).
    #[test]
    fn one_unit_becomes_one_unit_and_two_stay() {
        for c in '\0'..=char::MAX {
            let upper = uppercase(c);
            assert!(if c.len_utf16() == 1 { upper.len_utf16() == 1 } else { upper == c }, "{c:?}");
        }
        assert_eq!([uppercase('\u{e9}'), uppercase('\u{df}')], ['\u{c9}', '\u{df}']);
    }
}
