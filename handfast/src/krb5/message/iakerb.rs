use super::Checksum;
use crate::asn1::{Asn1, DerReader, DerWriter, der_methods, sequence, tag};
use crate::wire::DecodeError;

/// What stands before the message in an IAKERB token (draft-ietf-kitten-iakerb-03 3). Later fields are ignored: Windows sends one.
///
/// ```text
/// IAKERB-HEADER ::= SEQUENCE {
///     target-realm  [1] UTF8String,   -- the first tag is 1; MIT krb5 to 1.21 has an OCTET STRING here
///     cookie        [2] OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IakerbHeader<'a> {
    /// Whose KDC the message is for, or from. Empty in the question which realm the acceptor's is.
    pub target_realm: TargetRealm<'a>,
    /// What the acceptor wants to see again with the next message.
    pub cookie: Option<&'a [u8]>,
}

sequence! { IakerbHeader<'a>, fields { field 1 target_realm, optional 2 cookie }, extensible }
der_methods!(IakerbHeader<'a>, "IAKERB-HEADER");

impl<'a> IakerbHeader<'a> {
    /// Reads an IAKERB-HEADER from the front of `bytes`; what stands behind it is a Kerberos message, or nothing.
    pub fn decode_front(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let mut reader = DerReader::new("IAKERB-HEADER", bytes);
        let (header, own) = reader.with_bytes(IakerbHeader::read)?;
        Ok((header, bytes.get(own.len()..).unwrap_or_default()))
    }
}

/// A realm, in one of the two forms that peers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetRealm<'a> {
    /// The realm's name.
    pub name: &'a str,
    /// Whether it is an OCTET STRING, as MIT krb5 to 1.21 has it, and not a UTF8String.
    pub is_octet_string: bool,
}

impl<'a> Asn1<'a> for TargetRealm<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let is_octet_string = reader.peek() == Some(tag::OCTET_STRING);
        let octets = reader.primitive(if is_octet_string { tag::OCTET_STRING } else { tag::UTF8_STRING })?;
        let name = core::str::from_utf8(octets).map_err(|_| at.invalid("the realm is not UTF-8"))?;
        Ok(TargetRealm { name, is_octet_string })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        let tag = if self.is_octet_string { tag::OCTET_STRING } else { tag::UTF8_STRING };
        writer.primitive(tag, self.name.as_bytes());
    }
}

/// Proves which IAKERB tokens a client has sent and received (draft-ietf-kitten-iakerb-03 4).
///
/// ```text
/// KRB-FINISHED ::= SEQUENCE {
///     gss-mic  [1] Checksum,   -- over the tokens; the first tag is 1
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KrbFinished<'a> {
    /// Over all tokens before the AP-REQ, one behind the other, with the authenticator's subkey.
    pub gss_mic: Checksum<'a>,
}

sequence! { KrbFinished<'a>, fields { field 1 gss_mic }, extensible }
der_methods!(KrbFinished<'a>, "KRB-FINISHED");
