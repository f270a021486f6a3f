//! What X.509 and CMS need of ASN.1 beside what Kerberos does (RFC 5280 A, RFC 5652 12).

use super::{DerReader, DerWriter, tag};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use der::Tag;
use der::asn1::{ObjectIdentifier, UtcTime};

impl<'a> DerReader<'a> {
    /// OBJECT IDENTIFIER.
    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, DecodeError> {
        let at = self.clone();
        let contents = self.primitive(tag::OBJECT_IDENTIFIER)?;
        ObjectIdentifier::from_bytes(contents).map_err(|_| at.invalid("no OBJECT IDENTIFIER of up to 39 octets"))
    }

    /// The octets of an INTEGER of any size, as they are: two's complement in its shortest form.
    pub(crate) fn integer_octets(&mut self) -> Result<&'a [u8], DecodeError> {
        let at = self.clone();
        match self.primitive(tag::INTEGER)? {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => {
                Err(at.invalid("not the shortest encoding, as DER wants it"))
            }
            octets => Ok(octets),
        }
    }

    /// An INTEGER of any size that is not negative, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], DecodeError> {
        let at = self.clone();
        match self.integer_octets()? {
            [0x80..=0xff, ..] => Err(at.invalid("a negative INTEGER")),
            [0, rest @ ..] => Ok(rest),
            octets => Ok(octets),
        }
    }

    /// The octets of a BIT STRING of whole octets.
    pub(crate) fn bit_octets(&mut self) -> Result<&'a [u8], DecodeError> {
        let at = self.clone();
        match self.primitive(tag::BIT_STRING)? {
            [0, octets @ ..] => Ok(octets),
            _ => Err(at.invalid("a BIT STRING that is not of whole octets")),
        }
    }

    /// The next element, whatever it is, tag and length included.
    pub(crate) fn any(&mut self) -> Result<&'a [u8], DecodeError> {
        let Some(found) = self.peek() else { return self.primitive(0) };
        self.with_bytes(|reader| reader.primitive(found)).map(|(_, bytes)| bytes)
    }

    /// All that is left, as it is.
    pub(crate) fn remaining(&mut self) -> Result<&'a [u8], DecodeError> {
        self.with_bytes(|reader| {
            while !reader.is_empty() {
                reader.any()?;
            }
            Ok(())
        })
        .map(|(_, bytes)| bytes)
    }

    /// Time ::= CHOICE { UTCTime, GeneralizedTime }, as DER has them (RFC 5280 4.1.2.5), in seconds since the epoch.
    pub(crate) fn either_time(&mut self) -> Result<u64, DecodeError> {
        let at = self.clone();
        if self.peek() != Some(tag::UTC_TIME) {
            return self.generalized_time();
        }
        let contents = self.primitive(tag::UTC_TIME)?;
        let time = der::asn1::AnyRef::new(Tag::UtcTime, contents).and_then(der::asn1::AnyRef::decode_as::<UtcTime>);
        time.map(|time| time.to_unix_duration().as_secs())
            .map_err(|_| at.invalid("no date and time of the form YYMMDDHHMMSSZ"))
    }
}

impl DerWriter<'_> {
    /// OBJECT IDENTIFIER.
    pub(crate) fn oid(&mut self, oid: ObjectIdentifier) {
        self.primitive(tag::OBJECT_IDENTIFIER, oid.as_bytes());
    }

    /// SET OF, its elements in DER's order (X.690 11.6).
    pub(crate) fn set_of(&mut self, tag: u8, mut elements: Vec<Vec<u8>>) {
        elements.sort();
        self.nested(tag, |set| elements.iter().for_each(|element| set.raw(element)));
    }
}

/// What `write` writes, alone.
pub(crate) fn der_of(write: impl FnOnce(&mut DerWriter<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut DerWriter::new(&mut out));
    out
}
