//! A client of NTLM that negotiates whatever it is told to, and is as wrong as it is told to be (MS-NLMP 3.1.5, 3.3.2).
//!
//! It shares no code with the library but the NT hash: what it does, a peer may do.

use md5::{Digest, Md5};

pub(crate) const UNICODE: u32 = 0x0000_0001;
pub(crate) const OEM: u32 = 0x0000_0002;
pub(crate) const SIGN: u32 = 0x0000_0010;
pub(crate) const SEAL: u32 = 0x0000_0020;
pub(crate) const NTLM: u32 = 0x0000_0200;
pub(crate) const ALWAYS_SIGN: u32 = 0x0000_8000;
pub(crate) const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
pub(crate) const IDENTIFY: u32 = 0x0010_0000;
pub(crate) const TARGET_INFO: u32 = 0x0080_0000;
pub(crate) const VERSION: u32 = 0x0200_0000;
pub(crate) const KEY_128: u32 = 0x2000_0000;
pub(crate) const KEY_EXCHANGE: u32 = 0x4000_0000;
pub(crate) const KEY_56: u32 = 0x8000_0000;

/// Where an AUTHENTICATE_MESSAGE has its MIC (MS-NLMP 2.2.1.3).
const MIC: std::ops::Range<usize> = 72..88;
/// Header, MIC included.
const FIXED: u32 = 88;

/// Whom the client knows.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The flags of the first message.
    pub(crate) asked: u32,
    /// Those of the last one, as far as they were granted.
    pub(crate) answered: u32,
    pub(crate) user: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) target: &'static str,
    pub(crate) nt_hash: [u8; 16],
    /// All zeros for none.
    pub(crate) bindings: [u8; 16],
    pub(crate) guess: Guess,
}

/// What somebody without the secret may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// Nothing: proof and MIC of the secret that it has.
    Nothing,
    /// A proof of zeros, and all that follows from it.
    ZeroProof,
    /// Whatever proof, and a MIC under a key of zeros, as of an account whose key was never made.
    ZeroKey,
    /// The first octet of the proof is right, the others are not.
    OneOctet,
    /// No proof at all: an anonymous client's empty response.
    NoResponse,
    /// The proof of NTLM version 1 in its length, 24 octets.
    Version1,
}

impl Client {
    /// NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1).
    pub(crate) fn negotiate(&self) -> Vec<u8> {
        let mut message = [b"NTLMSSP\0", &1_u32.to_le_bytes()[..], &self.asked.to_le_bytes()].concat();
        message.extend([0; 16]);
        if self.asked & VERSION != 0 {
            message.extend([10, 0, 0, 0, 0, 0, 0, 15]);
        }
        message
    }

    /// AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3) in answer to a challenge that followed `negotiate`, and the exported
    /// session key.
    pub(crate) fn authenticate(&self, negotiate: &[u8], challenge: &[u8]) -> (Vec<u8>, [u8; 16]) {
        let at = |range: std::ops::Range<usize>| challenge[range].try_into().unwrap();
        let granted = u32::from_le_bytes(at(20..24));
        let (flags, server_challenge) = (granted & self.answered, &challenge[24..32]);
        let [length, offset] = [u16_at(challenge, 40), u16_at(challenge, 44)];
        let temp = self.temp(&challenge[offset..offset + length]);
        let response_key = self.response_key();
        let right = hmac_md5(&response_key, &[server_challenge, &temp]);
        let proof = self.proof(right);
        let base_key = hmac_md5(&response_key, &[&proof]);
        let exchanges = flags & KEY_EXCHANGE != 0 && flags & (SIGN | SEAL) != 0;
        let encrypted = if exchanges { vec![0x77; 16] } else { Vec::new() };
        let key_exchange_key = if self.guess == Guess::ZeroKey { [0; 16] } else { base_key };
        let key = if exchanges { rc4(&key_exchange_key, &[0x77; 16]) } else { key_exchange_key };
        let response = match self.guess {
            Guess::NoResponse => Vec::new(),
            Guess::Version1 => proof.into_iter().chain([0; 8]).collect(),
            _ => [&proof[..], &temp].concat(),
        };
        let mut message = self.message(&response, &encrypted, flags);
        let mic = hmac_md5(&key, &[negotiate, challenge, &message]);
        message[MIC].copy_from_slice(&mic);
        (message, key)
    }

    fn proof(&self, right: [u8; 16]) -> [u8; 16] {
        match self.guess {
            Guess::Nothing | Guess::NoResponse | Guess::Version1 => right,
            Guess::ZeroProof => [0; 16],
            Guess::ZeroKey => [0x55; 16],
            Guess::OneOctet => std::array::from_fn(|index| if index == 0 { right[0] } else { !right[index] }),
        }
    }

    /// `temp` (MS-NLMP 3.3.2): the server's pairs with flags, bindings and target before their end.
    fn temp(&self, target_info: &[u8]) -> Vec<u8> {
        let pairs = &target_info[..target_info.len() - 4];
        let timestamp = pairs.windows(4).position(|window| window == [7, 0, 8, 0]).unwrap() + 4;
        let pair = |id: u8, value: &[u8]| {
            let length = u16::try_from(value.len()).unwrap().to_le_bytes();
            [&[id, 0][..], &length, value].concat()
        };
        [
            &[1, 1, 0, 0, 0, 0, 0, 0][..],
            &pairs[timestamp..timestamp + 8],
            &[0xaa; 8], // ClientChallenge
            &[0; 4],
            pairs,
            &pair(6, &[2, 0, 0, 0]),
            &pair(9, &utf16(self.target)),
            &pair(10, &self.bindings),
            &[0; 8], // MsvAvEOL, and the four zeros behind
        ]
        .concat()
    }

    /// `NTOWFv2` (MS-NLMP 3.3.2).
    fn response_key(&self) -> [u8; 16] {
        hmac_md5(&self.nt_hash, &[&utf16(&self.user.to_uppercase()), &utf16(self.domain)])
    }

    fn message(&self, nt_response: &[u8], encrypted: &[u8], flags: u32) -> Vec<u8> {
        let (domain, user) = (utf16(self.domain), utf16(self.user));
        let mut header = [b"NTLMSSP\0", &3_u32.to_le_bytes()[..]].concat();
        let mut payload = Vec::new();
        for field in [&[0; 24][..], nt_response, &domain, &user, &[], encrypted] {
            let length = u16::try_from(field.len()).unwrap().to_le_bytes();
            let offset = FIXED + u32::try_from(payload.len()).unwrap();
            header.extend([&length[..], &length, &offset.to_le_bytes()].concat());
            payload.extend(field);
        }
        header.extend(flags.to_le_bytes());
        header.extend([0; 8 + 16]); // version, MIC
        [header, payload].concat()
    }
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// RFC 2104, for keys of one block at most.
fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let pad = |octet: u8| -> Vec<u8> { (0..64).map(|index| octet ^ key.get(index).copied().unwrap_or(0)).collect() };
    let mut inner = Md5::new_with_prefix(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    Md5::new_with_prefix(pad(0x5c)).chain_update(inner.finalize()).finalize().into()
}

/// The cipher that `RC4K` is (MS-NLMP 6).
fn rc4(key: &[u8; 16], data: &[u8; 16]) -> [u8; 16] {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut j = 0_usize;
    for i in 0..256 {
        j = (j + usize::from(state[i]) + usize::from(key[i % 16])) % 256;
        state.swap(i, j);
    }
    j = 0;
    std::array::from_fn(|index| {
        let i = index + 1;
        j = (j + usize::from(state[i])) % 256;
        state.swap(i, j);
        data[index] ^ state[(usize::from(state[i]) + usize::from(state[j])) % 256]
    })
}
