use super::HEADER;
use crate::mech::Protection;
use crate::wire::{DecodeError, Reader};

const WRAP: [u8; 2] = [0x05, 0x04];
const MIC: [u8; 2] = [0x04, 0x04];

/// Flags field (RFC 4121 4.2.2): the sender is the acceptor.
pub(super) const SENT_BY_ACCEPTOR: u8 = 1;
/// Flags field: the message is encrypted.
pub(super) const SEALED: u8 = 2;
/// Flags field: under the acceptor's subkey.
pub(super) const ACCEPTOR_SUBKEY: u8 = 4;

/// The 16 bytes in front of every token (RFC 4121 4.2.6).
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) flags: u8,
    /// EC of a Wrap token; 0 before it is known.
    pub(super) extra_count: u16,
    pub(super) rotation: u16,
    pub(super) number: u64,
}

impl Header {
    pub(super) fn wrap_bytes(self) -> [u8; HEADER] {
        let [ec0, ec1] = self.extra_count.to_be_bytes();
        let [rrc0, rrc1] = self.rotation.to_be_bytes();
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        [WRAP[0], WRAP[1], self.flags, 0xff, ec0, ec1, rrc0, rrc1, n0, n1, n2, n3, n4, n5, n6, n7]
    }

    pub(super) fn mic_bytes(self) -> [u8; HEADER] {
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        [MIC[0], MIC[1], self.flags, 0xff, 0xff, 0xff, 0xff, 0xff, n0, n1, n2, n3, n4, n5, n6, n7]
    }

    pub(super) fn read_wrap(bytes: &[u8]) -> Result<Header, DecodeError> {
        let mut reader = Reader::new("Wrap token", bytes);
        let flags = read_start(&mut reader, WRAP, "is not a Wrap token (TOK_ID 05 04)")?;
        if reader.u8()? != 0xff {
            return Err(reader.invalid("the filler byte is not FF"));
        }
        Ok(Header { flags, extra_count: reader.u16_be()?, rotation: reader.u16_be()?, number: reader.u64_be()? })
    }

    pub(super) fn read_mic(bytes: &[u8]) -> Result<Header, DecodeError> {
        let mut reader = Reader::new("MIC token", bytes);
        let flags = read_start(&mut reader, MIC, "is not a MIC token (TOK_ID 04 04)")?;
        if reader.array()? != [0xff; 5] {
            return Err(reader.invalid("the filler bytes are not FF"));
        }
        if flags & SEALED != 0 {
            return Err(reader.invalid("the Sealed flag is set"));
        }
        Ok(Header { flags, extra_count: 0, rotation: 0, number: reader.u64_be()? })
    }

    pub(super) fn protection(self) -> Protection {
        if self.flags & SEALED != 0 { Protection::Confidentiality } else { Protection::Integrity }
    }

    /// The header as it is signed: not rotated yet, and for a checksum its length not yet counted (RFC 4121 4.2.4).
    pub(super) fn for_checksum(self) -> [u8; HEADER] {
        Header { extra_count: 0, rotation: 0, ..self }.wrap_bytes()
    }

    /// Whether the encrypted copy says the same, but for RRC.
    pub(super) fn matches_inner(self, inner: &[u8]) -> bool {
        Header::read_wrap(inner).is_ok_and(|inner| {
            inner.flags == self.flags && inner.extra_count == self.extra_count && inner.number == self.number
        })
    }
}

fn read_start(reader: &mut Reader<'_>, token_id: [u8; 2], rule: &'static str) -> Result<u8, DecodeError> {
    let at = reader.clone();
    if reader.array()? != token_id {
        return Err(at.invalid(rule));
    }
    reader.u8()
}
