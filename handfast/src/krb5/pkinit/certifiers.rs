//! What a KDC says of certificates that it does not take (RFC 4556 3.2.2): whom it believes, or which certificate is the bad one.

use super::certificate::DistinguishedName;
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, tag};
use crate::wire::DecodeError;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How many certificates are read of a list.
pub const CERTIFIER_LIMIT: usize = 64;

/// `[number] IMPLICIT OCTET STRING`.
const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// What tells a certificate from others (RFC 4556 3.2.1). Each is DER of its own.
///
/// ```text
/// ExternalPrincipalIdentifier ::= SEQUENCE {
///     subjectName            [0] IMPLICIT OCTET STRING OPTIONAL,
///     issuerAndSerialNumber  [1] IMPLICIT OCTET STRING OPTIONAL,
///     subjectKeyIdentifier   [2] IMPLICIT OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalPrincipalIdentifier<'a> {
    /// A Name: that of the certificate's subject.
    pub subject_name: Option<&'a [u8]>,
    /// An IssuerAndSerialNumber.
    pub issuer_and_serial_number: Option<&'a [u8]>,
    /// A SubjectKeyIdentifier.
    pub subject_key_identifier: Option<&'a [u8]>,
}

impl ExternalPrincipalIdentifier<'_> {
    /// The subject's name, as RFC 4514 shows it, if it is there; else the issuer's.
    fn shown(&self) -> Option<String> {
        let name = |der| DistinguishedName::read(&mut DerReader::new("Name", der)).ok();
        let issuer = |der| {
            let mut reader = DerReader::new("IssuerAndSerialNumber", der);
            reader.nested(tag::SEQUENCE, |fields| {
                let issuer = DistinguishedName::read(fields)?;
                fields.ignore_rest()?;
                Ok(issuer)
            })
        };
        let subject = self.subject_name.and_then(name).map(|name| name.to_string());
        subject.or_else(|| {
            let issuer = issuer(self.issuer_and_serial_number?).ok()?;
            Some(alloc::format!("one issued by {issuer}"))
        })
    }
}

impl<'a> Asn1<'a> for ExternalPrincipalIdentifier<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let mut optional = |number| match fields.peek() {
                Some(found) if found == implicit(number) => fields.primitive(found).map(Some),
                _ => Ok(None),
            };
            let subject_name = optional(0)?;
            let issuer_and_serial_number = optional(1)?;
            let subject_key_identifier = optional(2)?;
            fields.ignore_rest()?;
            Ok(ExternalPrincipalIdentifier { subject_name, issuer_and_serial_number, subject_key_identifier })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| {
            let all = [self.subject_name, self.issuer_and_serial_number, self.subject_key_identifier];
            for (number, octets) in (0..).zip(all) {
                if let Some(octets) = octets {
                    fields.primitive(implicit(number), octets);
                }
            }
        });
    }
}

impl Listed for ExternalPrincipalIdentifier<'_> {
    const LIMIT: usize = CERTIFIER_LIMIT;
}

/// Certificates that a KDC names in a refusal: the authorities that it believes, or those of the client's that are not valid
/// (RFC 4556 3.2.2). Nothing protects it.
///
/// ```text
/// TD-TRUSTED-CERTIFIERS ::= SEQUENCE OF ExternalPrincipalIdentifier
/// TD-INVALID-CERTIFICATES ::= SEQUENCE OF ExternalPrincipalIdentifier
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdCertificates<'a>(pub Vec<ExternalPrincipalIdentifier<'a>>);

impl TdCertificates<'_> {
    /// Their names, as RFC 4514 shows them, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.0.iter().filter_map(ExternalPrincipalIdentifier::shown) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl<'a> Asn1<'a> for TdCertificates<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        Vec::read(reader).map(TdCertificates)
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        self.0.write(writer);
    }
}
der_methods!(TdCertificates<'a>, "TD-TRUSTED-CERTIFIERS");

#[cfg(test)]
mod tests {
    use super::*;

    /// CN=A, in DER.
    const NAME: [u8; 14] = [0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, b'A'];

    #[test]
    fn a_list_is_read_as_it_was_written_and_shown_by_names() {
        let issued = [&[0x30, 17][..], &NAME, &[2, 1, 7]].concat();
        let by_subject = ExternalPrincipalIdentifier { subject_name: Some(&NAME), ..Default::default() };
        let by_issuer = ExternalPrincipalIdentifier { issuer_and_serial_number: Some(&issued), ..Default::default() };
        let by_key = ExternalPrincipalIdentifier { subject_key_identifier: Some(b"key"), ..Default::default() };
        let list = TdCertificates(Vec::from([by_subject, by_issuer, by_key, by_subject]));
        let bytes = list.to_der();
        let read = TdCertificates::decode(&bytes).unwrap();
        assert_eq!(read, list);
        assert_eq!(read.names(), ["CN=A", "one issued by CN=A"]);
        for end in 0..bytes.len() {
            assert!(TdCertificates::decode(bytes.get(..end).unwrap()).is_err());
        }
        let broken = ExternalPrincipalIdentifier { subject_name: Some(b"\x30\x05no"), ..Default::default() };
        assert!(TdCertificates(Vec::from([broken])).names().is_empty());
        let many = TdCertificates(alloc::vec![by_key; CERTIFIER_LIMIT + 1]).to_der();
        assert!(TdCertificates::decode(&many).is_err());
    }
}
