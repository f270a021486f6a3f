use super::ndr::ARRAY_LIMIT;
use super::utf16;
use crate::wire::{EncodeError, Writer};
use alloc::vec::Vec;

/// Headers of type serialization version 1 (MS-RPCE 2.2.6): their sizes in bytes, and that of the common header alone.
const HEADERS: usize = 16;
const FILLER: u32 = 0xcccc_cccc;
/// Referents count up from here in steps of four, as peers' do; all that matters is that they are not null (C706 14.3.10).
const FIRST_REFERENT: u32 = 0x0002_0000;

/// Writes one object in NDR, as [`NdrReader`](super::ndr::NdrReader) reads it.
pub(super) struct NdrWriter {
    what: &'static str,
    object: Vec<u8>,
    next_referent: u32,
}

impl NdrWriter {
    /// An object, which begins with the pointer to it; `what` names the format in errors.
    pub(super) fn new(what: &'static str) -> Self {
        let mut ndr = NdrWriter { what, object: Vec::new(), next_referent: FIRST_REFERENT };
        ndr.pointer(true);
        ndr
    }

    /// The whole: headers, object, padding.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.align(8);
        let mut out = Vec::with_capacity(self.object.len().saturating_add(HEADERS));
        let length = u32::try_from(self.object.len()).unwrap_or(u32::MAX);
        Writer::new(&mut out).bytes(&[1, 0x10]).u16_le(8).u32_le(FILLER).u32_le(length).u32_le(0).bytes(&self.object);
        out
    }

    fn align(&mut self, alignment: usize) {
        let padded = self.object.len().next_multiple_of(alignment);
        self.object.resize(padded, 0);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.object.extend_from_slice(bytes);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.align(2);
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn file_time(&mut self, value: u64) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn pointer(&mut self, present: bool) {
        let referent = if present { self.next_referent } else { 0 };
        self.next_referent = self.next_referent.saturating_add(if present { 4 } else { 0 });
        self.u32(referent);
    }

    /// The maximum count of a conformant array.
    pub(super) fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        let too_many = EncodeError { what: self.what, item: "a list", limit: ARRAY_LIMIT };
        let count = u32::try_from(count).ok().filter(|_| count <= ARRAY_LIMIT).ok_or(too_many)?;
        self.u32(count);
        Ok(())
    }

    /// A count, and the pointer to so many items.
    pub(super) fn array_header(&mut self, count: usize, present: bool) -> Result<(), EncodeError> {
        self.count(count)?;
        self.pointer(present);
        Ok(())
    }

    /// The part of an RPC_UNICODE_STRING that stands in its structure. Its pointer is never null, as peers send it.
    pub(super) fn string_header(&mut self, text: &str) -> Result<(), EncodeError> {
        let length = text.encode_utf16().count().saturating_mul(2);
        let too_long = EncodeError { what: self.what, item: "a string", limit: usize::from(u16::MAX) };
        let length = u16::try_from(length).map_err(|_| too_long)?;
        self.align(4);
        self.u16(length);
        self.u16(length);
        self.pointer(true);
        Ok(())
    }

    /// The characters of an RPC_UNICODE_STRING.
    pub(super) fn string(&mut self, text: &str) -> Result<(), EncodeError> {
        let units = text.encode_utf16().count();
        let too_long = EncodeError { what: self.what, item: "a string", limit: usize::from(u16::MAX) };
        let count = u32::try_from(units).map_err(|_| too_long)?;
        self.u32(count);
        self.u32(0);
        self.u32(count);
        utf16::write(text, &mut self.object);
        Ok(())
    }
}
