//! ASN.1 in DER (X.690), as far as Kerberos and its neighbours need it: tags and values checked by the `der`
//! crate, fields described once per type by [`sequence!`], errors that carry a position.

#[cfg(feature = "pkinit")]
mod object;
mod reader;
mod writer;

#[cfg(feature = "pkinit")]
pub(crate) use object::der_of;
pub(crate) use reader::{DerReader, first_element};
pub(crate) use writer::DerWriter;

use crate::wire::DecodeError;
use alloc::vec::Vec;

/// Identifier octets of the universal types in use (X.680 8.4).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    #[cfg(feature = "pkinit")]
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    #[cfg(feature = "pkinit")]
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const GENERAL_STRING: u8 = 0x1b;
    pub(crate) const SEQUENCE: u8 = 0x30;
    #[cfg(feature = "pkinit")]
    pub(crate) const SET: u8 = 0x31;

    /// `[APPLICATION number]`, constructed; `number` is at most 30.
    pub(crate) const fn application(number: u8) -> u8 {
        assert!(number < 31, "tag numbers above 30 take more than one octet");
        0x60 | number
    }

    /// `[number]`, constructed; `number` is at most 30.
    pub(crate) const fn context(number: u8) -> u8 {
        assert!(number < 31, "tag numbers above 30 take more than one octet");
        0xa0 | number
    }

    /// The bit of a tag whose contents are elements.
    pub(crate) const CONSTRUCTED: u8 = 0x20;

    /// `[number] IMPLICIT` in the place of the tag `own`; `number` is at most 30.
    pub(crate) const fn implicit(number: u8, own: u8) -> u8 {
        0x80 | number | (own & CONSTRUCTED)
    }
}

/// A type with one DER encoding that it is read from and written to.
pub(crate) trait Asn1<'a>: Sized {
    /// Reads one element from the front.
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError>;
    /// Appends one element.
    fn write(&self, writer: &mut DerWriter<'_>);
}

/// The item type of a `SEQUENCE OF`, with how many of them are read at most.
pub(crate) trait Listed {
    /// More than this many items are an error.
    const LIMIT: usize;
}

/// A type that an OPTIONAL field is kept as.
pub(crate) trait Optional<'a>: Sized {
    /// The value that stands for an absent field.
    fn absent() -> Self;
    /// Whether the field is left out when written.
    fn is_absent(&self) -> bool;
    /// Reads the present field.
    fn read_present(reader: &mut DerReader<'a>) -> Result<Self, DecodeError>;
    /// Writes the present field.
    fn write_present(&self, writer: &mut DerWriter<'_>);
}

impl<'a, T: Asn1<'a>> Optional<'a> for Option<T> {
    fn absent() -> Self {
        None
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn read_present(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        T::read(reader).map(Some)
    }

    fn write_present(&self, writer: &mut DerWriter<'_>) {
        if let Some(value) = self {
            value.write(writer);
        }
    }
}

/// An empty list is what an absent one is (RFC 4120 5.1.3), and is never sent.
impl<'a, T: Asn1<'a> + Listed> Optional<'a> for Vec<T> {
    fn absent() -> Self {
        Vec::new()
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn read_present(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        Self::read(reader)
    }

    fn write_present(&self, writer: &mut DerWriter<'_>) {
        self.write(writer);
    }
}

impl<'a, T: Asn1<'a> + Listed> Asn1<'a> for Vec<T> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |items| {
            let mut list = Vec::new();
            while !items.is_empty() {
                if list.len() == T::LIMIT {
                    return Err(items.too_large(T::LIMIT));
                }
                list.push(T::read(items)?);
            }
            Ok(list)
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |items| self.iter().for_each(|item| item.write(items)));
    }
}

/// Int32 (RFC 4120 5.2.4).
impl<'a> Asn1<'a> for i32 {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        i32::try_from(reader.integer()?).map_err(|_| at.invalid("the INTEGER does not fit Int32"))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.integer(i64::from(*self));
    }
}

/// UInt32 (RFC 4120 5.2.4); read from the negative number of the same 32 bits too, which peers send for
/// sequence numbers (5.3.2), nonces and key version numbers.
impl<'a> Asn1<'a> for u32 {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let value = reader.integer()?;
        let signed = i32::try_from(value).map(|value| u32::from_be_bytes(value.to_be_bytes()));
        u32::try_from(value).or(signed).map_err(|_| at.invalid("the INTEGER does not fit UInt32"))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.integer(i64::from(*self));
    }
}

impl<'a> Asn1<'a> for bool {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.boolean()
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::BOOLEAN, &[if *self { 0xff } else { 0 }]);
    }
}

/// OCTET STRING.
impl<'a> Asn1<'a> for &'a [u8] {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.primitive(tag::OCTET_STRING)
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::OCTET_STRING, self);
    }
}

/// KerberosString (RFC 4120 5.2.1): GeneralString; UTF-8 beyond ASCII is let through, as the section allows.
impl<'a> Asn1<'a> for &'a str {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let bytes = reader.primitive(tag::GENERAL_STRING)?;
        core::str::from_utf8(bytes).map_err(|_| at.invalid("the GeneralString is not UTF-8"))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::GENERAL_STRING, self.as_bytes());
    }
}

/// Describes a SEQUENCE of tagged fields, once for reading and writing: `field` and `optional` have explicit tags, `implicit` and
/// `optional_implicit` implicit ones.
///
/// ```text
/// sequence! { Type<'a>, application 14, constants { 0 = 5, "pvno must be 5" }, fields { field 2 name, optional 3 other } }
/// ```
/// `application` and `constants` may be missing; constants come first. Fields behind the last one described are
/// an error, unless `extensible` stands at the end.
macro_rules! sequence {
    (@read $reader:ident, $read:ident, ) => { $reader.nested($crate::asn1::tag::SEQUENCE, $read) };
    (@read $reader:ident, $read:ident, $tag:literal) => {
        $reader.nested($crate::asn1::tag::application($tag), |inner| inner.nested($crate::asn1::tag::SEQUENCE, $read))
    };
    (@write $writer:ident, $write:ident, ) => { $writer.nested($crate::asn1::tag::SEQUENCE, $write) };
    (@write $writer:ident, $write:ident, $tag:literal) => {
        $writer.nested($crate::asn1::tag::application($tag), |inner| inner.nested($crate::asn1::tag::SEQUENCE, $write))
    };
    (@rest $reader:ident, ) => {};
    (@rest $reader:ident, extensible) => { $reader.ignore_rest()? };
    (
        $type:ty, $(application $tag:literal,)?
        $(constants { $($number:literal = $value:literal, $rule:literal);+ },)?
        fields { $($kind:ident $field_number:literal $field:ident),+ $(,)? }
        $(, $extensible:ident)?
    ) => {
        impl<'a> $crate::asn1::Asn1<'a> for $type {
            fn read(reader: &mut $crate::asn1::DerReader<'a>) -> Result<Self, $crate::wire::DecodeError> {
                let read_fields = |fields: &mut $crate::asn1::DerReader<'a>| {
                    $($(fields.constant($number, $value, $rule)?;)+)?
                    let read = Self { $($field: fields.$kind($field_number)?),+ };
                    $crate::asn1::sequence!(@rest fields, $($extensible)?);
                    Ok(read)
                };
                $crate::asn1::sequence!(@read reader, read_fields, $($tag)?)
            }

            fn write(&self, writer: &mut $crate::asn1::DerWriter<'_>) {
                let write_fields = |fields: &mut $crate::asn1::DerWriter<'_>| {
                    $($(fields.field::<i32>($number, &$value);)+)?
                    $(fields.$kind($field_number, &self.$field);)+
                };
                $crate::asn1::sequence!(@write writer, write_fields, $($tag)?);
            }
        }
    };
}
pub(crate) use sequence;

/// The public methods of a type with one DER encoding.
macro_rules! der_methods {
    ($type:ty, $name:literal) => {
        impl<'a> $type {
            #[doc = concat!("Reads a whole ", $name, " in DER; bytes behind it are an error.")]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, $crate::wire::DecodeError> {
                $crate::asn1::decode($name, bytes)
            }

            #[doc = concat!("Appends the DER of this ", $name, " to `out`. Old bytes of `out` are wiped where it has to grow.")]
            pub fn encode(&self, out: &mut alloc::vec::Vec<u8>) {
                $crate::asn1::Asn1::write(self, &mut $crate::asn1::DerWriter::new(out));
            }

            #[doc = concat!("The DER of this ", $name, ".")]
            pub fn to_der(&self) -> alloc::vec::Vec<u8> {
                let mut out = alloc::vec::Vec::new();
                self.encode(&mut out);
                out
            }
        }
    };
}
pub(crate) use der_methods;

/// Reads all of `bytes` as one `T`.
pub(crate) fn decode<'a, T: Asn1<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut reader = DerReader::new(what, bytes);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
