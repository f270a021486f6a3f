use super::field::{Field, Payload, write_field};
use super::{AvPairs, NegotiateFlags, SIGNATURE, read_start, version};
use crate::wire::{DecodeError, DecodeReason, Reader, Writer};
use alloc::vec::Vec;

const WHAT: &str = "NTLM CHALLENGE_MESSAGE";
const MESSAGE_TYPE: u32 = 2;
/// Without the version.
const FIXED: usize = 48;
const WITH_VERSION: usize = 56;
/// The longest list of pairs, in octets: the client's response repeats it, and has to fit in a field.
const TARGET_INFO_LIMIT: usize = 16 * 1024;

/// `CHALLENGE_MESSAGE` (MS-NLMP 2.2.1.2).
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct Challenge<'a> {
    pub(in crate::mech::ntlm) flags: NegotiateFlags,
    pub(in crate::mech::ntlm) server_challenge: [u8; 8],
    /// In UTF-16; a hint that nobody proves.
    pub(in crate::mech::ntlm) target_name: &'a [u8],
    pub(in crate::mech::ntlm) target_info: AvPairs<'a>,
}

impl<'a> Challenge<'a> {
    pub(in crate::mech::ntlm) fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, message);
        read_start(&mut reader, MESSAGE_TYPE)?;
        let target_name = Field::read(&mut reader)?;
        let flags = NegotiateFlags(reader.u32_le()?);
        let server_challenge = reader.array()?;
        reader.take(8)?; // reserved, ignored on receipt
        let target_info = Field::read(&mut reader)?;
        let mut payload = Payload::new(WHAT, message);
        let target_name = payload.take(&target_name, FIXED)?;
        let pairs = payload.take(&target_info, FIXED)?;
        payload.finish(WITH_VERSION)?;
        Ok(Challenge { flags, server_challenge, target_name, target_info: target_pairs(pairs)? })
    }

    pub(in crate::mech::ntlm) fn encode(&self) -> Vec<u8> {
        let (mut out, mut payload, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        self.target_info.encode(&mut pairs);
        Writer::new(&mut out).bytes(&SIGNATURE).u32_le(MESSAGE_TYPE);
        write_field(self.target_name, WITH_VERSION, &mut out, &mut payload);
        Writer::new(&mut out).u32_le(self.flags.0).bytes(&self.server_challenge).bytes(&[0; 8]);
        write_field(&pairs, WITH_VERSION, &mut out, &mut payload);
        Writer::new(&mut out).bytes(&version(self.flags)).bytes(&payload);
        out
    }
}

/// The list fills its field; no field is an empty list.
fn target_pairs(bytes: &[u8]) -> Result<AvPairs<'_>, DecodeError> {
    if bytes.is_empty() {
        return Ok(AvPairs::default());
    }
    let mut reader = Reader::new("NTLM TargetInfo", bytes);
    if bytes.len() > TARGET_INFO_LIMIT {
        return Err(reader.error(DecodeReason::TooLarge { limit: TARGET_INFO_LIMIT }));
    }
    let pairs = AvPairs::decode(&mut reader)?;
    reader.finish()?;
    Ok(pairs)
}
