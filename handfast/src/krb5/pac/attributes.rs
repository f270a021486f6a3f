use super::Sid;
use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec::Vec;

/// How the PAC came to be: PAC_ATTRIBUTES_INFO (MS-PAC 2.14).
///
/// ```text
/// FlagsLength (4 bytes): how many bits follow, 2; Flags (4 bytes for every 32 bits)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributesInfo {
    /// The client asked for a PAC (PA-PAC-REQUEST).
    pub requested: bool,
    /// The client did not say whether it wanted one.
    pub given_implicitly: bool,
}

const FLAGS_LENGTH: u32 = 2;

impl AttributesInfo {
    /// Reads a whole buffer. Flags that are not known are ignored.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        AttributesInfo::read(Reader::new("PAC attributes", bytes))
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let words = reader.u32_le()?.div_ceil(32);
        if words == 0 {
            return Err(at.invalid("no flags"));
        }
        let flags = reader.u32_le()?;
        let more = usize::try_from(words.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(4);
        reader.take(more)?;
        reader.finish()?;
        Ok(AttributesInfo { requested: flags & 1 != 0, given_implicitly: flags & 2 != 0 })
    }

    /// The bytes of the buffer.
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = u32::from(self.requested) | u32::from(self.given_implicitly) << 1;
        let mut out = Vec::new();
        Writer::new(&mut out).u32_le(FLAGS_LENGTH).u32_le(flags);
        out
    }
}

/// PAC_REQUESTOR (MS-PAC 2.15): the SID of who asked for the ticket, in its packet representation.
pub(super) fn read_requestor(mut reader: Reader<'_>) -> Result<Sid, DecodeError> {
    let sid = Sid::read(&mut reader)?;
    reader.finish()?;
    Ok(sid)
}
