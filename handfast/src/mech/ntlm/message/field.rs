//! Fields that point into a message's payload: length, maximum length, offset (MS-NLMP 2.2.1).

use crate::wire::{DecodeError, DecodeReason, Reader, Writer};
use alloc::string::String;
use alloc::vec::Vec;

/// The longest name in bytes.
const NAME_LIMIT: usize = 2048;

/// Where a field's bytes are; its own place in the message is kept for errors.
pub(super) struct Field {
    at: usize,
    len: usize,
    offset: usize,
}

impl Field {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.offset();
        let len = usize::from(reader.u16_le()?);
        reader.u16_le()?; // the maximum length, which a receiver ignores
        let offset = usize::try_from(reader.u32_le()?).unwrap_or(usize::MAX);
        Ok(Field { at, len, offset })
    }
}

/// A message's payload: what its fields point to, behind the fixed part.
pub(super) struct Payload<'a> {
    what: &'static str,
    message: &'a [u8],
    /// Start and end of each field that isn't empty.
    taken: Vec<(usize, usize)>,
}

impl<'a> Payload<'a> {
    pub(super) fn new(what: &'static str, message: &'a [u8]) -> Self {
        Payload { what, message, taken: Vec::new() }
    }

    /// The field's bytes, which must be in the message, not before `fixed`, and not part of another field.
    pub(super) fn take(&mut self, field: &Field, fixed: usize) -> Result<&'a [u8], DecodeError> {
        if field.len == 0 {
            return Ok(&[]);
        }
        let invalid = |rule| DecodeError { what: self.what, offset: field.at, reason: DecodeReason::Invalid(rule) };
        let (start, end) = (field.offset, field.offset.saturating_add(field.len));
        if start < fixed {
            return Err(invalid("a field points into the fixed part of the message"));
        }
        let Some(bytes) = self.message.get(start..end) else {
            return Err(invalid("a field points outside of the message"));
        };
        if self.taken.iter().any(|taken| start < taken.1 && taken.0 < end) {
            return Err(invalid("two fields overlap"));
        }
        self.taken.push((start, end));
        Ok(bytes)
    }

    /// Where the first field's bytes are; the message's end if all are empty.
    pub(super) fn first(&self) -> usize {
        self.taken.iter().map(|taken| taken.0).min().unwrap_or(self.message.len())
    }

    /// Succeeds if nothing is behind the last field and the first `fixed` bytes.
    pub(super) fn finish(&self, fixed: usize) -> Result<(), DecodeError> {
        let end = self.taken.iter().map(|taken| taken.1).max().unwrap_or(0).max(fixed);
        match self.message.len().checked_sub(end) {
            None | Some(0) => Ok(()),
            Some(count) => Err(DecodeError { what: self.what, offset: end, reason: DecodeReason::Trailing { count } }),
        }
    }
}

/// Appends a field, and its bytes to `payload`, which will stand at `fixed`.
pub(super) fn write_field(bytes: &[u8], fixed: usize, out: &mut Vec<u8>, payload: &mut Vec<u8>) {
    // What is written here is shorter than 64 KiB: names are checked when a credential or a server is made.
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let offset = u32::try_from(fixed + payload.len()).unwrap_or(u32::MAX);
    Writer::new(out).u16_le(len).u16_le(len).u32_le(offset);
    payload.extend_from_slice(bytes.get(..usize::from(len)).unwrap_or(bytes));
}

/// Text in UTF-16, least significant octet first.
pub(in crate::mech::ntlm) fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 2);
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// The text of UTF-16 bytes: a whole number of units, surrogates in pairs, no control characters.
pub(in crate::mech::ntlm) fn utf16_text(what: &'static str, bytes: &[u8]) -> Result<String, DecodeError> {
    let error = |reason| DecodeError { what, offset: 0, reason };
    if bytes.len() > NAME_LIMIT {
        return Err(error(DecodeReason::TooLarge { limit: NAME_LIMIT }));
    }
    if bytes.len() % 2 != 0 {
        return Err(error(DecodeReason::Invalid("UTF-16 of an odd number of bytes")));
    }
    let units = bytes.chunks(2).map(|pair| pair.iter().rev().fold(0, |unit, octet| (unit << 8) | u16::from(*octet)));
    let text = char::decode_utf16(units).collect::<Result<String, _>>();
    let text = text.map_err(|_| error(DecodeReason::Invalid("UTF-16 with half a surrogate pair")))?;
    if text.chars().any(char::is_control) {
        return Err(error(DecodeReason::Invalid("a control character in a name")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(len: usize, offset: usize) -> Field {
        Field { at: 0, len, offset }
    }

    #[test]
    fn fields_outside_wrapping_and_overlapping_are_refused() {
        let message = [7; 100];
        let reason = |fields: &[Field]| {
            let mut payload = Payload::new("test", &message);
            fields.iter().try_for_each(|field| payload.take(field, 40).map(|_| ())).map_err(|error| error.reason)
        };
        let invalid = |rule| Err(DecodeReason::Invalid(rule));
        assert_eq!(reason(&[field(20, 40), field(40, 60), field(0, usize::MAX)]), Ok(()));
        assert_eq!(reason(&[field(1, 39)]), invalid("a field points into the fixed part of the message"));
        for (len, offset) in [(1, 100), (61, 40), (2, usize::MAX), (0xffff, 0xffff_ffff)] {
            assert_eq!(
                reason(&[field(len, offset)]),
                invalid("a field points outside of the message"),
                "{len} {offset}"
            );
        }
        for second in [field(1, 59), field(60, 40), field(5, 45), field(20, 40)] {
            assert_eq!(reason(&[field(20, 40), second]), invalid("two fields overlap"));
        }
    }

    #[test]
    fn what_no_field_points_to_is_refused() {
        let message = [7; 100];
        let mut payload = Payload::new("test", &message);
        payload.take(&field(10, 60), 40).unwrap();
        assert_eq!((payload.first(), payload.finish(40).unwrap_err().offset), (60, 70));
        payload.take(&field(30, 70), 40).unwrap();
        assert_eq!(payload.finish(40), Ok(()));
    }

    #[test]
    fn bad_utf16_is_refused() {
        let reason = |bytes: &[u8]| utf16_text("test", bytes).map_err(|error| error.reason);
        let invalid = |rule| Err(DecodeReason::Invalid(rule));
        assert_eq!(reason(&utf16("a\u{e9}\u{1f980}")), Ok("a\u{e9}\u{1f980}".into()));
        assert_eq!(reason(&[0x61]), invalid("UTF-16 of an odd number of bytes"));
        assert_eq!(reason(&[0x00, 0xd8]), invalid("UTF-16 with half a surrogate pair"));
        assert_eq!(reason(&[0x1b, 0]), invalid("a control character in a name"));
        assert_eq!(reason(&[0x61; 2050]), Err(DecodeReason::TooLarge { limit: NAME_LIMIT }));
    }
}
