//! Records: numbered fields, so that a value can get new ones, in any later version, and what does not say anything takes no room.
//!
//! ```text
//! version  u8              2
//! fields   { number u16, length u32, value }*     in the order of their numbers, each at most once
//! ```
//! Numbers stand with the most significant octet first. A field is left out while its value is what it is without being set. A
//! number that this program doesn't know is an error: what it says could be that nobody may log in.

use super::stored::Stored;
use handfast::crypto::Secret;
use handfast::wire::{DecodeError, EncodeError, Reader, Writer};
use std::vec::Vec;

/// The version of all records.
const VERSION: u8 = 2;

/// A field of a `T`.
pub(super) struct Field<T> {
    pub(super) number: u16,
    pub(super) write: fn(&T, &mut Output) -> Result<(), EncodeError>,
    pub(super) read: fn(&mut T, &mut Input<'_>) -> Result<(), DecodeError>,
}

/// The fields of a type: numbers, and the names of those in the type.
macro_rules! fields {
    ($($number:literal => $name:ident),* $(,)?) => {
        &[$($crate::directory::file::record::Field {
            number: $number,
            write: |of, out| $crate::directory::file::stored::Stored::write(&of.$name, out),
            read: |of, input| $crate::directory::file::stored::Stored::read(input).map(|value| of.$name = value),
        }),*]
    };
}
pub(super) use fields;

/// Writes `of`, without those fields that are as in `unset`.
pub(super) fn write<T>(what: &'static str, fields: &[Field<T>], of: &T, unset: &T) -> Result<Secret, EncodeError> {
    let mut out = Output::new(what);
    out.writer().u8(VERSION);
    for field in fields {
        let value = |of: &T| {
            let mut out = Output::new(what);
            (field.write)(of, &mut out).map(|()| out.bytes)
        };
        let (value, unset) = (value(of)?, value(unset)?);
        if value.expose() != unset.expose() {
            out.writer().u16_be(field.number);
            out.octets(value.expose())?;
        }
    }
    Ok(out.bytes)
}

/// Reads what [`write()`] wrote into `of`, which has nothing set.
pub(super) fn read<T>(what: &'static str, fields: &[Field<T>], bytes: &[u8], mut of: T) -> Result<T, DecodeError> {
    let mut input = Input(Reader::new(what, bytes));
    let at = input.0.clone();
    if input.0.u8()? != VERSION {
        return Err(at.invalid("a version that this program does not know"));
    }
    let mut last = None;
    while !input.0.is_empty() {
        let at = input.0.clone();
        let number = input.0.u16_be()?;
        if last.replace(number).is_some_and(|last| number <= last) {
            return Err(at.invalid("a field that stands behind its place"));
        }
        let field = fields.iter().find(|field| field.number == number);
        let field = field.ok_or_else(|| at.invalid("a field that this program does not know"))?;
        let mut value = input.sub()?;
        (field.read)(&mut of, &mut value)?;
        value.0.finish()?;
    }
    Ok(of)
}

/// What is being written.
pub(super) struct Output {
    what: &'static str,
    bytes: Secret,
}

impl Output {
    fn new(what: &'static str) -> Self {
        Output { what, bytes: Secret::new(Vec::with_capacity(512)) }
    }

    pub(super) fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.bytes.expose_mut())
    }

    /// A count of four octets.
    pub(super) fn count(&mut self, item: &'static str, count: usize) -> Result<(), EncodeError> {
        let limit = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
        let count = u32::try_from(count).map_err(|_| EncodeError { what: self.what, item, limit })?;
        self.writer().u32_be(count);
        Ok(())
    }

    /// Octets behind their count.
    pub(super) fn octets(&mut self, octets: &[u8]) -> Result<(), EncodeError> {
        self.count("a value", octets.len())?;
        self.writer().bytes(octets);
        Ok(())
    }

    /// All of them behind their count.
    pub(super) fn list<T: Stored>(&mut self, items: &[T]) -> Result<(), EncodeError> {
        self.count("a list", items.len())?;
        items.iter().try_for_each(|item| item.write(self))
    }
}

/// What is being read.
pub(super) struct Input<'a>(pub(super) Reader<'a>);

impl<'a> Input<'a> {
    fn sub(&mut self) -> Result<Input<'a>, DecodeError> {
        let length = self.0.u32_be()?;
        self.0.sub(usize::try_from(length).unwrap_or(usize::MAX)).map(Input)
    }

    /// Octets behind their count.
    pub(super) fn octets(&mut self) -> Result<&'a [u8], DecodeError> {
        self.sub().map(|mut octets| octets.0.all())
    }

    /// Bounded by what is left: every item takes octets.
    pub(super) fn list<T: Stored>(&mut self) -> Result<Vec<T>, DecodeError> {
        let count = self.0.u32_be()?;
        (0..count).map(|_| T::read(self)).collect()
    }
}
