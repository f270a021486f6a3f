use super::{Asn1, Optional, tag};
use crate::wire::{DecodeError, DecodeReason};
use core::time::Duration;
use der::asn1::{AnyRef, BitStringRef, GeneralizedTime};
use der::{Choice, Decode, DecodeValue, ErrorKind, Header, Length, Reader, SliceReader, Tag};

/// Reads DER elements from the front of a byte string and knows how far in it is.
#[derive(Clone)]
pub(crate) struct DerReader<'a> {
    what: &'static str,
    rest: &'a [u8],
    offset: usize,
    /// The number that stands in the place of the next element's own tag (X.690 8.14.3).
    instead: Option<u8>,
}

/// Whether an identifier of this first octet has no second (X.690 8.1.2.4).
const fn one_octet(tag: u8) -> bool {
    tag & 0x1f != 0x1f
}

/// The element that `bytes` begin with, whole, and what stands behind it.
pub(crate) fn first_element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header_len, length) = DerReader::new("an element", bytes).header().ok()?;
    bytes.split_at_checked(header_len.checked_add(length)?)
}

impl<'a> DerReader<'a> {
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        DerReader { what, rest: bytes, offset: 0, instead: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn invalid(&self, rule: &'static str) -> DecodeError {
        self.error(DecodeReason::Invalid(rule))
    }

    pub(crate) fn too_large(&self, limit: usize) -> DecodeError {
        self.error(DecodeReason::TooLarge { limit })
    }

    fn error(&self, reason: DecodeReason) -> DecodeError {
        DecodeError { what: self.what, offset: self.offset, reason }
    }

    /// Succeeds if nothing is left.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(self.error(DecodeReason::Trailing { count })),
        }
    }

    /// The identifier octet of the next element, if there is one.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The contents of the next element, whatever its tag is.
    fn contents(&mut self) -> Result<DerReader<'a>, DecodeError> {
        let (header_len, length) = self.header()?;
        self.take(header_len)?;
        let offset = self.offset;
        Ok(DerReader { what: self.what, rest: self.take(length)?, offset, instead: None })
    }

    /// Checks the next identifier and length octets; how many they are, and the length they tell.
    fn header(&self) -> Result<(usize, usize), DecodeError> {
        match *self.rest {
            [tag, length @ 0..=0x7f, ..] if one_octet(tag) => Ok((2, usize::from(length))),
            [tag, 0x81, length @ 0x80..=0xff, ..] if one_octet(tag) => Ok((3, usize::from(length))),
            [tag, 0x82, high @ 1..=0xff, low, ..] if one_octet(tag) => {
                Ok((4, usize::from(u16::from_be_bytes([high, low]))))
            }
            _ => self.rare_header(),
        }
    }

    /// Any header, also the long ones and the wrong ones.
    #[cold]
    fn rare_header(&self) -> Result<(usize, usize), DecodeError> {
        let mut reader = SliceReader::new(self.rest).map_err(|error| self.der_error(error))?;
        let header = Header::decode(&mut reader).map_err(|error| self.der_error(error))?;
        let size = |length: Length| usize::try_from(length).map_err(|error| self.der_error(error));
        Ok((size(reader.position())?, size(header.length())?))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(DecodeReason::Truncated { needed: count, left: self.rest.len() }));
        };
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    fn der_error(&self, error: der::Error) -> DecodeError {
        let left = self.rest.len();
        self.error(match error.kind() {
            ErrorKind::Incomplete { .. } => DecodeReason::Truncated { needed: left.saturating_add(1), left },
            ErrorKind::IndefiniteLength => DecodeReason::Invalid("an indefinite length is not DER"),
            ErrorKind::Noncanonical { .. } => DecodeReason::Invalid("not the shortest encoding, as DER wants it"),
            ErrorKind::Overlength | ErrorKind::Overflow => DecodeReason::Invalid("a length beyond 32 bits"),
            ErrorKind::DateTime => DecodeReason::Invalid("no date and time of the form YYYYMMDDHHMMSSZ from 1970 on"),
            ErrorKind::Length { .. } => {
                DecodeReason::Invalid("a length that is not in its shortest form, or not of the type")
            }
            ErrorKind::TagUnknown { .. } | ErrorKind::TagNumberInvalid => DecodeReason::Invalid("an unknown tag"),
            _ => DecodeReason::Invalid("a value that is not DER of its type"),
        })
    }

    /// The contents of the next element, which must carry the tag `expected`.
    fn element(&mut self, expected: u8) -> Result<DerReader<'a>, DecodeError> {
        let expected = self.instead.take().map_or(expected, |number| tag::implicit(number, expected));
        match self.peek() {
            Some(found) if found == expected => self.contents(),
            found => Err(self.error(DecodeReason::UnexpectedTag { expected, found })),
        }
    }

    /// Reads all contents of the next element, tagged `expected`, with `read`.
    pub(crate) fn nested<T>(
        &mut self,
        expected: u8,
        read: impl FnOnce(&mut DerReader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut inner = self.element(expected)?;
        let value = read(&mut inner)?;
        inner.finish()?;
        Ok(value)
    }

    /// The required field `[number]`.
    pub(crate) fn field<T: Asn1<'a>>(&mut self, number: u8) -> Result<T, DecodeError> {
        self.nested(tag::context(number), T::read)
    }

    /// The field `[number]` if it is there.
    pub(crate) fn optional<T: Optional<'a>>(&mut self, number: u8) -> Result<T, DecodeError> {
        if self.peek() == Some(tag::context(number)) {
            self.nested(tag::context(number), T::read_present)
        } else {
            Ok(T::absent())
        }
    }

    /// The required field `[number] IMPLICIT`.
    pub(crate) fn implicit<T: Asn1<'a>>(&mut self, number: u8) -> Result<T, DecodeError> {
        self.instead = Some(number);
        T::read(self)
    }

    /// The field `[number] IMPLICIT` if it is there.
    pub(crate) fn optional_implicit<T: Optional<'a>>(&mut self, number: u8) -> Result<T, DecodeError> {
        let [primitive, constructed] = [0, tag::CONSTRUCTED].map(|form| tag::implicit(number, form));
        if self.peek().is_none_or(|found| found != primitive && found != constructed) {
            return Ok(T::absent());
        }
        self.instead = Some(number);
        T::read_present(self)
    }

    /// The field `[number]`, which can only be `value`.
    pub(crate) fn constant(&mut self, number: u8, value: i32, rule: &'static str) -> Result<(), DecodeError> {
        let at = self.clone();
        if self.field::<i32>(number)? == value { Ok(()) } else { Err(at.invalid(rule)) }
    }

    /// Passes over whatever elements are left, for types that later versions may extend.
    pub(crate) fn ignore_rest(&mut self) -> Result<(), DecodeError> {
        while !self.is_empty() {
            self.contents()?;
        }
        Ok(())
    }

    /// Reads one element with `read`, and its bytes as they are.
    pub(crate) fn with_bytes<T>(
        &mut self,
        read: impl FnOnce(&mut DerReader<'a>) -> Result<T, DecodeError>,
    ) -> Result<(T, &'a [u8]), DecodeError> {
        let before = self.rest;
        let value = read(self)?;
        let bytes = before.get(..before.len().saturating_sub(self.rest.len())).unwrap_or_default();
        Ok((value, bytes))
    }

    /// The contents of a primitive type.
    pub(crate) fn primitive(&mut self, expected: u8) -> Result<&'a [u8], DecodeError> {
        self.element(expected).map(|contents| contents.rest)
    }

    /// The value of a primitive type that the `der` crate knows.
    fn value<T>(&mut self, expected: u8, tag: Tag) -> Result<T, DecodeError>
    where
        T: Choice<'a> + DecodeValue<'a, Error = der::Error>,
    {
        let at = self.clone();
        let contents = self.primitive(expected)?;
        AnyRef::new(tag, contents).and_then(AnyRef::decode_as).map_err(|error| at.der_error(error))
    }

    /// INTEGER, as far as 64 bits hold it.
    pub(crate) fn integer(&mut self) -> Result<i64, DecodeError> {
        let mut after = self.clone();
        match after.primitive(tag::INTEGER)? {
            [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => self.value(tag::INTEGER, Tag::Integer),
            contents @ [first, ..] if contents.len() <= 8 => {
                let sign = if *first < 0x80 { 0 } else { -1 };
                *self = after;
                Ok(contents.iter().fold(sign, |value, octet| value << 8 | i64::from(*octet)))
            }
            _ => self.value(tag::INTEGER, Tag::Integer),
        }
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, DecodeError> {
        self.value(tag::BOOLEAN, Tag::Boolean)
    }

    /// The first 32 bits of a BIT STRING, bit 0 the most significant. Bits that are not there count as zero and
    /// bits beyond are not looked at (RFC 4120 5.2.8).
    pub(crate) fn bits32(&mut self) -> Result<u32, DecodeError> {
        let mut after = self.clone();
        if let [0, a, b, c, d] = *after.primitive(tag::BIT_STRING)? {
            *self = after;
            return Ok(u32::from_be_bytes([a, b, c, d]));
        }
        let bits: BitStringRef<'a> = self.value(tag::BIT_STRING, Tag::BitString)?;
        let mut first = [0; 4];
        first.iter_mut().zip(bits.raw_bytes()).for_each(|(to, from)| *to = *from);
        Ok(u32::from_be_bytes(first))
    }

    /// GeneralizedTime without fractions, as seconds since the epoch.
    pub(crate) fn generalized_time(&mut self) -> Result<u64, DecodeError> {
        let time: GeneralizedTime = self.value(tag::GENERALIZED_TIME, Tag::GeneralizedTime)?;
        Ok(Duration::as_secs(&time.to_unix_duration()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Every octet string of up to 10 octets that are at an edge.
    fn contents() -> impl Iterator<Item = Vec<u8>> {
        const EDGES: [u8; 5] = [0, 1, 0x7f, 0x80, 0xff];
        let strings = |length: u32| {
            (0..5_usize.pow(length.min(4))).map(move |number| {
                (0..length).map(|place| EDGES[number / 5_usize.pow(place % 4) % 5]).collect::<Vec<u8>>()
            })
        };
        (0..=10).flat_map(strings)
    }

    #[test]
    fn integers_and_bits_are_read_as_the_der_crate_reads_them() {
        for contents in contents() {
            let element = |tag: u8| [&[tag, u8::try_from(contents.len()).unwrap()], contents.as_slice()].concat();
            let (integer, bits) = (element(tag::INTEGER), element(tag::BIT_STRING));
            let mut reader = DerReader::new("test", &integer);
            assert_eq!(reader.integer().ok(), i64::from_der(&integer).ok(), "{contents:x?}");
            let mut reader = DerReader::new("test", &bits);
            let expected = BitStringRef::from_der(&bits).ok().map(|bits| {
                let first: Vec<u8> = bits.raw_bytes().iter().copied().chain([0; 4]).take(4).collect();
                u32::from_be_bytes(first.try_into().unwrap())
            });
            assert_eq!(reader.bits32().ok(), expected, "{contents:x?}");
        }
    }
}
