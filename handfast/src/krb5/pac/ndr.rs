use crate::wire::{DecodeError, DecodeReason, Reader};
use alloc::string::String;
use alloc::vec::Vec;

/// The most items that one array is read with: more groups than any token of 64 KiB holds.
pub(super) const ARRAY_LIMIT: usize = 4096;

/// Objects are padded to a multiple of this many bytes (MS-RPCE 2.2.6.2).
const OBJECT_ALIGNMENT: usize = 8;

/// Reads NDR (C706 14) as MS-RPCE 2.2.6 serializes it, type serialization version 1.
///
/// ```text
/// version 1, endianness 0x10, header length 8 (u16), filler 0xcccccccc    common header (MS-RPCE 2.2.6.1)
/// object length (u32), filler (u32)                                       private header (MS-RPCE 2.2.6.2)
/// referent of the object (u32, not null), the object
/// ```
/// Values are aligned to their own size, counted from the object's start. What a pointer points to follows behind the
/// structure that the pointer is in, in the order of the pointers. Nothing here refers backwards and no type in a
/// PAC contains itself, so what is read is bounded by the input.
pub(super) struct NdrReader<'a> {
    reader: Reader<'a>,
    start: usize,
}

/// A pointer (C706 14.3.10): whether something follows for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    present: bool,
}

impl Pointer {
    pub(super) fn is_null(self) -> bool {
        !self.present
    }
}

/// The part of an RPC_UNICODE_STRING (MS-DTYP 2.3.10) that stands in its structure; sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringHeader {
    length: u16,
    maximum: u16,
    buffer: Pointer,
}

impl<'a> NdrReader<'a> {
    /// Reads the headers of one serialized object, up to and with the pointer to it.
    pub(super) fn open(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        if reader.array::<2>()? != [1, 0x10] || reader.u16_le()? != 8 {
            return Err(at.invalid("not NDR type serialization version 1, little-endian (MS-RPCE 2.2.6.1)"));
        }
        reader.u32_le()?; // filler
        let at = reader.clone();
        let length = size(reader.u32_le()?);
        reader.u32_le()?; // filler
        if length % OBJECT_ALIGNMENT != 0 {
            return Err(at.invalid("the object's length is no multiple of 8 (MS-RPCE 2.2.6.2)"));
        }
        let object = reader.sub(length)?;
        reader.finish()?;
        let start = object.offset();
        let mut ndr = NdrReader { reader: object, start };
        let at = ndr.reader.clone();
        if ndr.pointer()?.is_null() {
            return Err(at.invalid("the pointer to the object is null"));
        }
        Ok(ndr)
    }

    /// Succeeds if nothing but padding is left.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        if self.reader.left() < OBJECT_ALIGNMENT { Ok(()) } else { self.reader.finish() }
    }

    pub(super) fn invalid(&self, rule: &'static str) -> DecodeError {
        self.reader.invalid(rule)
    }

    /// Skips to the next multiple of `alignment` bytes (C706 14.2.2).
    fn align(&mut self, alignment: usize) -> Result<(), DecodeError> {
        let in_object = self.reader.offset().wrapping_sub(self.start);
        self.reader.take(in_object.wrapping_neg() % alignment).map(|_| ())
    }

    /// Reads with a reader of plain bytes, from the next multiple of `alignment` bytes.
    pub(super) fn plain<T>(
        &mut self,
        alignment: usize,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.align(alignment)?;
        read(&mut self.reader)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.align(2)?;
        self.reader.u16_le()
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.align(4)?;
        self.reader.u32_le()
    }

    /// Eight bytes on a boundary of eight (C706's hyper).
    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.align(8)?;
        self.reader.u64_le()
    }

    /// A FILETIME (MS-DTYP 2.3.3): two 32-bit integers, so its boundary is of four.
    pub(super) fn file_time(&mut self) -> Result<u64, DecodeError> {
        self.align(4)?;
        self.reader.u64_le()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.reader.array()
    }

    pub(super) fn pointer(&mut self) -> Result<Pointer, DecodeError> {
        Ok(Pointer { present: self.u32()? != 0 })
    }

    /// Reads what `pointer` points to, if anything.
    pub(super) fn referent<T>(
        &mut self,
        pointer: Pointer,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if pointer.is_null() { Ok(None) } else { read(self).map(Some) }
    }

    /// The maximum count of a conformant array (C706 14.3.3.2), each item of which takes at least `item_size` bytes.
    pub(super) fn conformance(&mut self, item_size: usize) -> Result<usize, DecodeError> {
        let at = self.reader.clone();
        let count = size(self.u32()?);
        if count > ARRAY_LIMIT {
            return Err(at.error(DecodeReason::TooLarge { limit: ARRAY_LIMIT }));
        }
        let needed = count.saturating_mul(item_size);
        if needed > self.reader.left() {
            return Err(at.error(DecodeReason::Truncated { needed, left: self.reader.left() }));
        }
        Ok(count)
    }

    /// A conformant array behind `pointer`: as many items as `count` in its structure said.
    pub(super) fn items<T>(
        &mut self,
        pointer: Pointer,
        count: u32,
        item_size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let at = self.reader.clone();
        if pointer.is_null() && count != 0 {
            return Err(at.invalid("an array with a count and no items"));
        }
        let items = self.referent(pointer, |ndr| {
            if ndr.conformance(item_size)? != size(count) {
                return Err(at.invalid("an array's size is not the count in its structure"));
            }
            (0..count).map(|_| read(ndr)).collect()
        })?;
        Ok(items.unwrap_or_default())
    }

    /// Opaque bytes behind `pointer`, as many as `count` in the structure said; `limit` bytes at most.
    pub(super) fn bytes(&mut self, pointer: Pointer, count: u32, limit: usize) -> Result<&'a [u8], DecodeError> {
        let at = self.reader.clone();
        if pointer.is_null() {
            return if count == 0 { Ok(&[]) } else { Err(at.invalid("an array with a count and no items")) };
        }
        let stated = self.u32()?;
        if stated != count {
            return Err(at.invalid("an array's size is not the count in its structure"));
        }
        if size(count) > limit {
            return Err(at.error(DecodeReason::TooLarge { limit }));
        }
        self.reader.take(size(count))
    }

    /// The header of an RPC_UNICODE_STRING.
    pub(super) fn string_header(&mut self) -> Result<StringHeader, DecodeError> {
        self.align(4)?;
        let at = self.reader.clone();
        let (length, maximum, buffer) = (self.u16()?, self.u16()?, self.pointer()?);
        if length > maximum || length % 2 != 0 || maximum % 2 != 0 {
            return Err(at.invalid("a string's length is odd or above its maximum (MS-DTYP 2.3.10)"));
        }
        if buffer.is_null() && length != 0 {
            return Err(at.invalid("a string with a length and no characters"));
        }
        Ok(StringHeader { length, maximum, buffer })
    }

    /// The characters of an RPC_UNICODE_STRING, a conformant varying array (C706 14.3.3.4); empty for a null pointer.
    pub(super) fn string(&mut self, header: StringHeader) -> Result<String, DecodeError> {
        let text = self.referent(header.buffer, |ndr| {
            let at = ndr.reader.clone();
            let (maximum, offset, actual) = (ndr.u32()?, ndr.u32()?, ndr.u32()?);
            let says = |bytes: u16| u32::from(bytes) / 2;
            if maximum != says(header.maximum) || offset != 0 || actual != says(header.length) {
                return Err(at.invalid("a string's counts are not those of its header"));
            }
            ndr.utf16(actual)
        })?;
        Ok(text.unwrap_or_default())
    }

    /// A string that ends with a null character (C706 14.3.4), which is not part of what is returned.
    pub(super) fn terminated_string(&mut self) -> Result<String, DecodeError> {
        let at = self.reader.clone();
        let (maximum, offset, actual) = (self.u32()?, self.u32()?, self.u32()?);
        if offset != 0 || actual == 0 || actual > maximum {
            return Err(at.invalid("a string's counts do not fit each other"));
        }
        let mut text = self.utf16(actual)?;
        match text.pop() {
            Some('\0') if !text.contains('\0') => Ok(text),
            _ => Err(at.invalid("a string does not end with its only null character")),
        }
    }

    fn utf16(&mut self, units: u32) -> Result<String, DecodeError> {
        let at = self.reader.clone();
        let bytes = self.reader.take(size(units).saturating_mul(2))?;
        super::utf16::text(bytes).ok_or_else(|| at.invalid("a string is not UTF-16"))
    }
}

/// A count or length as this machine counts; one that it can't count to is above every limit.
pub(super) fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: [u8; 20] = [1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0];

    fn object(body: [u8; 20]) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..20].copy_from_slice(&HEADERS);
        bytes[20..].copy_from_slice(&body);
        bytes
    }

    fn open(bytes: &[u8]) -> Result<NdrReader<'_>, DecodeError> {
        NdrReader::open(Reader::new("test", bytes))
    }

    #[test]
    fn every_octet_of_the_headers_counts_but_fillers() {
        let whole = object([7; 20]);
        assert!(open(&whole).is_ok());
        for at in (0..4).chain(8..12) {
            let mut other = whole;
            other[at] ^= 1;
            assert!(open(&other).is_err(), "{at}");
        }
        let mut null = whole;
        null[18] = 0;
        assert_eq!(open(&null).err().unwrap().reason, DecodeReason::Invalid("the pointer to the object is null"));
    }

    #[test]
    fn values_stand_on_their_own_boundary() {
        let bytes = object([1, 9, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        let mut ndr = open(&bytes).unwrap();
        assert_eq!((ndr.array(), ndr.u16(), ndr.u32()), (Ok([1]), Ok(2), Ok(3)));
        // 12 bytes in; the next boundary of eight is at 16.
        assert_eq!((ndr.u64(), ndr.finish()), (Ok(4), Ok(())));
    }

    #[test]
    fn a_count_beyond_the_input_or_the_limit_reserves_nothing() {
        for (count, limit) in [(u32::MAX, true), (0x8000_0000, true), (4097, true), (4096, false), (3, false)] {
            let mut body = [0; 20];
            body[..4].copy_from_slice(&count.to_le_bytes());
            let bytes = object(body);
            let reason = open(&bytes).unwrap().conformance(8).unwrap_err().reason;
            assert_eq!(matches!(reason, DecodeReason::TooLarge { limit: ARRAY_LIMIT }), limit, "{count}: {reason}");
        }
    }
}
