//! The three messages (MS-NLMP 2.2.1) and what they are made of.

mod authenticate;
mod av_pairs;
mod challenge;
mod field;
mod file_time;
mod flags;
mod negotiate;

pub(super) use authenticate::{Authenticate, around_mic, put_mic};
pub(super) use av_pairs::{AvId, AvPairs, MIC_PRESENT, UNTRUSTED_TARGET};
pub(super) use challenge::Challenge;
pub(super) use field::{utf16, utf16_text};
pub(super) use file_time::FileTime;
pub(super) use flags::NegotiateFlags;
pub(super) use negotiate::Negotiate;

use crate::wire::{DecodeError, Reader};

/// `Signature` (MS-NLMP 2.2.1), the first field of every message.
const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// `VERSION` (MS-NLMP 2.2.2.10): the product's version means nothing here; the last octet is NTLMSSP_REVISION_W2K3. All
/// zeros where it is not negotiated (2.2.1).
fn version(flags: NegotiateFlags) -> [u8; 8] {
    let revision = if flags.contains(NegotiateFlags::VERSION) { 0x0f } else { 0 };
    [0, 0, 0, 0, 0, 0, 0, revision]
}

/// Whether `token` is meant as a message of NTLM.
pub(crate) fn is_ntlm(token: &[u8]) -> bool {
    token.starts_with(&SIGNATURE)
}

/// Reads past the signature and the message type, which must be `message_type`.
fn read_start(reader: &mut Reader<'_>, message_type: u32) -> Result<(), DecodeError> {
    let at = reader.clone();
    if reader.array()? != SIGNATURE {
        return Err(at.invalid("does not start with NTLMSSP"));
    }
    let at = reader.clone();
    if reader.u32_le()? != message_type {
        return Err(at.invalid("another message type than the one whose turn it is"));
    }
    Ok(())
}
