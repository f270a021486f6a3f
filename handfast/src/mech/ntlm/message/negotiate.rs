use super::field::{Field, Payload};
use super::{NegotiateFlags, SIGNATURE, read_start, version};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec::Vec;

const WHAT: &str = "NTLM NEGOTIATE_MESSAGE";
const MESSAGE_TYPE: u32 = 1;
/// Without the version, which some clients leave out.
const FIXED: usize = 32;
const WITH_VERSION: usize = 40;

/// `NEGOTIATE_MESSAGE` (MS-NLMP 2.2.1.1), as far as it is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct Negotiate {
    pub(in crate::mech::ntlm) flags: NegotiateFlags,
}

impl Negotiate {
    /// Domain and workstation must be within the message; nobody asks what they are.
    pub(in crate::mech::ntlm) fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, message);
        read_start(&mut reader, MESSAGE_TYPE)?;
        let flags = NegotiateFlags(reader.u32_le()?);
        let (domain, workstation) = (Field::read(&mut reader)?, Field::read(&mut reader)?);
        let mut payload = Payload::new(WHAT, message);
        payload.take(&domain, FIXED)?;
        payload.take(&workstation, FIXED)?;
        payload.finish(WITH_VERSION)?;
        Ok(Negotiate { flags })
    }

    /// Forty bytes, version and two empty fields included.
    pub(in crate::mech::ntlm) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(WITH_VERSION);
        let empty = [0, 0, 0, 0, 40, 0, 0, 0];
        Writer::new(&mut out).bytes(&SIGNATURE).u32_le(MESSAGE_TYPE).u32_le(self.flags.0);
        Writer::new(&mut out).bytes(&empty).bytes(&empty).bytes(&version(self.flags));
        out
    }
}
