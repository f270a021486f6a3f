use crate::asn1::{Asn1, DerReader, DerWriter, tag};
use crate::wire::DecodeError;

/// UTF8String, which `&str` is not: that is Kerberos's GeneralString.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utf8String<'a>(pub &'a str);

impl<'a> Asn1<'a> for Utf8String<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let bytes = reader.primitive(tag::UTF8_STRING)?;
        core::str::from_utf8(bytes).map(Utf8String).map_err(|_| at.invalid("the UTF8String is not UTF-8"))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::UTF8_STRING, self.0.as_bytes());
    }
}
