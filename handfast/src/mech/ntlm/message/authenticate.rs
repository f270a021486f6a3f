use super::field::{Field, Payload, write_field};
use super::{NegotiateFlags, SIGNATURE, read_start, version};
use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec::Vec;

const WHAT: &str = "NTLM AUTHENTICATE_MESSAGE";
const MESSAGE_TYPE: u32 = 3;
/// Up to the flags; version and MIC are there if the payload starts behind them.
const FIXED: usize = 64;
const MIC_OFFSET: usize = 72;
const WITH_MIC: usize = 88;

/// `AUTHENTICATE_MESSAGE` (MS-NLMP 2.2.1.3). Names are in UTF-16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct Authenticate<'a> {
    pub(in crate::mech::ntlm) lm_response: &'a [u8],
    pub(in crate::mech::ntlm) nt_response: &'a [u8],
    pub(in crate::mech::ntlm) domain: &'a [u8],
    pub(in crate::mech::ntlm) user: &'a [u8],
    pub(in crate::mech::ntlm) workstation: &'a [u8],
    pub(in crate::mech::ntlm) encrypted_session_key: &'a [u8],
    pub(in crate::mech::ntlm) flags: NegotiateFlags,
    /// `None` in a message that has no room for one.
    pub(in crate::mech::ntlm) mic: Option<[u8; 16]>,
}

impl<'a> Authenticate<'a> {
    pub(in crate::mech::ntlm) fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, message);
        read_start(&mut reader, MESSAGE_TYPE)?;
        let mut field = || Field::read(&mut reader);
        let [lm, nt, domain, user, workstation, key] = [field()?, field()?, field()?, field()?, field()?, field()?];
        let flags = NegotiateFlags(reader.u32_le()?);
        let mut payload = Payload::new(WHAT, message);
        let mut take = |field: Field| payload.take(&field, FIXED);
        let [lm_response, nt_response, domain, user, workstation, encrypted_session_key] =
            [take(lm)?, take(nt)?, take(domain)?, take(user)?, take(workstation)?, take(key)?];
        payload.finish(FIXED.max(WITH_MIC.min(payload.first())))?;
        let mic = if payload.first() < WITH_MIC { None } else { read_mic(message) };
        Ok(Authenticate { lm_response, nt_response, domain, user, workstation, encrypted_session_key, flags, mic })
    }

    /// The message; without a MIC, its place is filled with zeros, as the MIC is computed over it.
    pub(in crate::mech::ntlm) fn encode(&self) -> Vec<u8> {
        let (mut out, mut payload) = (Vec::new(), Vec::new());
        Writer::new(&mut out).bytes(&SIGNATURE).u32_le(MESSAGE_TYPE);
        // The payload's order: what is a multiple of two first, so that names start at even offsets.
        for field in
            [self.lm_response, self.nt_response, self.domain, self.user, self.workstation, self.encrypted_session_key]
        {
            write_field(field, WITH_MIC, &mut out, &mut payload);
        }
        let mut writer = Writer::new(&mut out);
        writer.u32_le(self.flags.0).bytes(&version(self.flags)).bytes(&self.mic.unwrap_or_default()).bytes(&payload);
        out
    }
}

fn read_mic(message: &[u8]) -> Option<[u8; 16]> {
    message.get(MIC_OFFSET..WITH_MIC)?.try_into().ok()
}

/// The parts of a message with a MIC around it, for a computation over the message with zeros in its place
/// (MS-NLMP 3.1.5.1.2).
pub(in crate::mech::ntlm) fn around_mic(message: &[u8]) -> Option<(&[u8], &[u8])> {
    Some((message.get(..MIC_OFFSET)?, message.get(WITH_MIC..)?))
}

/// Puts a MIC into its place.
pub(in crate::mech::ntlm) fn put_mic(message: &mut [u8], mic: &[u8; 16]) {
    if let Some(place) = message.get_mut(MIC_OFFSET..WITH_MIC) {
        place.copy_from_slice(mic);
    }
}
