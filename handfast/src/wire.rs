//! One reader and one writer for every format that is laid out by hand: keytab, ccache, GSS tokens.

use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroize;

/// Bytes that do not decode: what was being read, where, and why it can't be.
///
/// ```
/// use handfast::wire::Reader;
/// let error = Reader::new("a length", &[1]).u16_be().unwrap_err();
/// assert_eq!(error.to_string(), "a length: at byte 0: 2 bytes needed, 1 left");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The format or message being decoded, such as `"AP-REQ"` or `"keytab"`.
    pub what: &'static str,
    /// Where in it, in bytes from its start.
    pub offset: usize,
    /// Why.
    pub reason: DecodeReason,
}

/// Why bytes do not decode.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeReason {
    /// More bytes are needed than there are.
    Truncated {
        /// How many bytes the next item needs.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// Bytes are left over behind a whole item.
    Trailing {
        /// How many.
        count: usize,
    },
    /// A length or count is over the limit that is set for it.
    TooLarge {
        /// The limit, in the unit of the item.
        limit: usize,
    },
    /// An ASN.1 element has another tag than the one that must stand here.
    UnexpectedTag {
        /// The identifier octet that must stand here.
        expected: u8,
        /// The one that does; none at the end.
        found: Option<u8>,
    },
    /// A value that the format does not allow; the text names the rule.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at byte {}: {}", self.what, self.offset, self.reason)
    }
}

impl fmt::Display for DecodeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeReason::Truncated { needed, left } => write!(f, "{needed} bytes needed, {left} left"),
            DecodeReason::Trailing { count } => write!(f, "{count} bytes left over at the end"),
            DecodeReason::TooLarge { limit } => write!(f, "over the limit of {limit}"),
            DecodeReason::UnexpectedTag { expected, found: Some(found) } => {
                write!(f, "tag 0x{expected:02x} needed, tag 0x{found:02x} found")
            }
            DecodeReason::UnexpectedTag { expected, found: None } => {
                write!(f, "tag 0x{expected:02x} needed, nothing left")
            }
            DecodeReason::Invalid(rule) => f.write_str(rule),
        }
    }
}

impl core::error::Error for DecodeError {}

/// A value that a format has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// The format or message being encoded.
    pub what: &'static str,
    /// Which of its items is too long, or too many.
    pub item: &'static str,
    /// What there is room for, in the unit of the item.
    pub limit: usize,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is over the limit of {}", self.what, self.item, self.limit)
    }
}

impl core::error::Error for EncodeError {}

/// Reads from the front of a byte string; every read is checked against what is left.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
    offset: usize,
}

macro_rules! read_int {
    ($($name:ident, $ty:ty, $from:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name(&mut self) -> Result<$ty, DecodeError> {
            self.array().map(<$ty>::$from)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`; `what` names the format in errors.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Reader { what, rest: bytes, offset: 0 }
    }

    /// Where the next byte is, counted from the start of the whole input.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(DecodeReason::Truncated { needed: count, left: self.rest.len() }));
        };
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A reader over the next `count` bytes, which this one skips.
    pub fn sub(&mut self, count: usize) -> Result<Reader<'a>, DecodeError> {
        let offset = self.offset;
        Ok(Reader { what: self.what, rest: self.take(count)?, offset })
    }

    /// All that is left.
    pub fn all(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.offset += rest.len();
        self.rest = &[];
        rest
    }

    /// Succeeds if nothing is left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(self.error(DecodeReason::Trailing { count })),
        }
    }

    /// An error at the next byte.
    pub fn error(&self, reason: DecodeReason) -> DecodeError {
        DecodeError { what: self.what, offset: self.offset, reason }
    }

    /// An error at the next byte, for a value that the format does not allow.
    pub fn invalid(&self, rule: &'static str) -> DecodeError {
        self.error(DecodeReason::Invalid(rule))
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    read_int! {
        u16_be, u16, from_be_bytes, "Two bytes, most significant first.";
        u16_le, u16, from_le_bytes, "Two bytes, least significant first.";
        u32_be, u32, from_be_bytes, "Four bytes, most significant first.";
        u32_le, u32, from_le_bytes, "Four bytes, least significant first.";
        u64_be, u64, from_be_bytes, "Eight bytes, most significant first.";
        u64_le, u64, from_le_bytes, "Eight bytes, least significant first.";
        i32_be, i32, from_be_bytes, "Four bytes, most significant first, two's complement.";
        i32_le, i32, from_le_bytes, "Four bytes, least significant first, two's complement.";
    }
}

/// The first capacity of a buffer that has none.
const FIRST_CAPACITY: usize = 256;

/// Makes room for `more` bytes. Where the buffer has to grow, the old one is wiped: it may hold keys.
pub(crate) fn make_room(out: &mut Vec<u8>, more: usize) {
    if out.capacity().saturating_sub(out.len()) >= more {
        return;
    }
    let capacity = out.capacity().saturating_mul(2).max(out.len().saturating_add(more));
    let mut grown = Vec::with_capacity(capacity.max(FIRST_CAPACITY));
    grown.extend_from_slice(out);
    out.zeroize();
    *out = grown;
}

/// Appends to the caller's buffer. Where the buffer has to grow, the old one is wiped.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

macro_rules! write_int {
    ($($name:ident, $ty:ty, $to:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name(&mut self, value: $ty) -> &mut Self {
            self.bytes(&value.$to())
        }
    )*};
}

impl<'a> Writer<'a> {
    /// Appends behind what `out` already holds.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out }
    }

    /// The bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        make_room(self.out, bytes.len());
        self.out.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    write_int! {
        u16_be, u16, to_be_bytes, "Two bytes, most significant first.";
        u16_le, u16, to_le_bytes, "Two bytes, least significant first.";
        u32_be, u32, to_be_bytes, "Four bytes, most significant first.";
        u32_le, u32, to_le_bytes, "Four bytes, least significant first.";
        u64_be, u64, to_be_bytes, "Eight bytes, most significant first.";
        u64_le, u64, to_le_bytes, "Eight bytes, least significant first.";
        i32_be, i32, to_be_bytes, "Four bytes, most significant first, two's complement.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_reader_counts_from_the_start_of_the_whole() {
        let mut reader = Reader::new("test", &[0, 1, 2, 3, 4]);
        reader.take(2).unwrap();
        let mut sub = reader.sub(2).unwrap();
        sub.u8().unwrap();
        let error = sub.u16_be().unwrap_err();
        assert_eq!((error.offset, error.reason), (3, DecodeReason::Truncated { needed: 2, left: 1 }));
        assert_eq!(reader.finish().unwrap_err().reason, DecodeReason::Trailing { count: 1 });
    }

    #[test]
    fn a_failed_read_takes_nothing() {
        let mut reader = Reader::new("test", &[1, 2]);
        assert!(reader.u32_be().is_err());
        assert_eq!(reader.u16_be(), Ok(0x0102));
    }
}
