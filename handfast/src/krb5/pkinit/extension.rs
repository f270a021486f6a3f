//! The extensions of a certificate (RFC 5280 4.2) that count here.

use crate::asn1::{Asn1, DerReader, tag};
use crate::krb5::message::PrincipalName;
use crate::name::Principal;
use crate::wire::DecodeError;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
/// id-pkinit-san (RFC 4556 3.2.2).
const PKINIT_SAN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.2.2");
/// userPrincipalName, as Active Directory's certificates have it.
const UPN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");

/// How many extensions, names and purposes are read of each.
const LIMIT: usize = 64;

/// What a certificate says in its extensions.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// Of those critical, the first that is not understood here.
    pub(super) not_understood: Option<ObjectIdentifier>,
    /// The bits, the first the most significant, if it is there.
    pub(super) key_usage: Option<u32>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    /// Extended key usage: none if it is not there, and then the key is for every purpose.
    pub(super) purposes: Option<Vec<ObjectIdentifier>>,
    pub(super) names: AlternativeNames,
    pub(super) key_identifier: Option<Vec<u8>>,
}

/// digitalSignature(0), keyCertSign(5) and cRLSign(6) of a KeyUsage (RFC 5280 4.2.1.3).
pub(super) const DIGITAL_SIGNATURE: u32 = 1 << 31;
pub(super) const KEY_CERT_SIGN: u32 = 1 << 26;
pub(super) const CRL_SIGN: u32 = 1 << 25;

/// Whether it is a certificate authority, and how many others may stand behind it (RFC 5280 4.2.1.9).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct BasicConstraints {
    pub(super) authority: bool,
    pub(super) path_length: Option<usize>,
}

/// One Extension: which, whether it is critical, and its value.
pub(super) struct Extension<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// Extensions ::= SEQUENCE OF SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING };
/// two of the same kind are an error (RFC 5280 4.2).
pub(super) fn read_extensions<'a>(reader: &mut DerReader<'a>) -> Result<Vec<Extension<'a>>, DecodeError> {
    reader.nested(tag::SEQUENCE, |items| {
        let mut list: Vec<Extension<'a>> = Vec::new();
        while !items.is_empty() {
            let at = items.clone();
            if list.len() == LIMIT {
                return Err(at.too_large(LIMIT));
            }
            let extension = items.nested(tag::SEQUENCE, |fields| {
                let oid = fields.oid()?;
                let critical = fields.peek() == Some(tag::BOOLEAN) && fields.boolean()?;
                Ok(Extension { oid, critical, value: fields.primitive(tag::OCTET_STRING)? })
            })?;
            if list.iter().any(|other| other.oid == extension.oid) {
                return Err(at.invalid("the same extension twice"));
            }
            list.push(extension);
        }
        Ok(list)
    })
}

impl Extensions {
    pub(super) fn read(reader: &mut DerReader<'_>) -> Result<Self, DecodeError> {
        let mut read = Extensions::default();
        for extension in read_extensions(reader)? {
            read.take(&extension)?;
        }
        Ok(read)
    }

    /// Takes one extension in.
    fn take(&mut self, extension: &Extension<'_>) -> Result<(), DecodeError> {
        let value = &mut DerReader::new("certificate extension", extension.value);
        match extension.oid {
            KEY_USAGE => self.key_usage = Some(value.bits32()?),
            BASIC_CONSTRAINTS => self.basic_constraints = Some(read_basic_constraints(value)?),
            EXTENDED_KEY_USAGE => self.purposes = Some(read_purposes(value)?),
            SUBJECT_ALT_NAME => self.names = AlternativeNames::read(value)?,
            SUBJECT_KEY_IDENTIFIER => self.key_identifier = Some(value.primitive(tag::OCTET_STRING)?.to_vec()),
            // Constraints that are not checked here would be broken silently, critical or not.
            other if extension.critical || other == NAME_CONSTRAINTS => {
                self.not_understood = self.not_understood.or(Some(other));
                return Ok(());
            }
            _ => return Ok(()),
        }
        value.finish()
    }

    /// Whether the key may be used so: any way if the extension is not there.
    pub(super) fn may(&self, usage: u32) -> bool {
        self.key_usage.is_none_or(|bits| bits & usage != 0)
    }
}

/// BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }
fn read_basic_constraints(reader: &mut DerReader<'_>) -> Result<BasicConstraints, DecodeError> {
    reader.nested(tag::SEQUENCE, |fields| {
        let authority = fields.peek() == Some(tag::BOOLEAN) && fields.boolean()?;
        let at = fields.clone();
        let path_length = if fields.is_empty() { None } else { Some(fields.integer()?) };
        let path_length = path_length.map(usize::try_from).transpose().map_err(|_| at.invalid("a negative length"))?;
        Ok(BasicConstraints { authority, path_length })
    })
}

/// ExtKeyUsageSyntax ::= SEQUENCE OF OBJECT IDENTIFIER
fn read_purposes(reader: &mut DerReader<'_>) -> Result<Vec<ObjectIdentifier>, DecodeError> {
    reader.nested(tag::SEQUENCE, |items| {
        let mut list = Vec::new();
        while !items.is_empty() {
            if list.len() == LIMIT {
                return Err(items.too_large(LIMIT));
            }
            list.push(items.oid()?);
        }
        Ok(list)
    })
}

/// The names in a SubjectAltName that count here (RFC 5280 4.2.1.6); others are passed over.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct AlternativeNames {
    /// KRB5PrincipalNames (RFC 4556 3.2.2).
    pub(super) principals: Vec<Principal>,
    /// User principal names, `user@domain`, as they stand there.
    pub(super) upns: Vec<String>,
    pub(super) hosts: Vec<String>,
}

impl AlternativeNames {
    /// GeneralNames ::= SEQUENCE OF CHOICE { otherName [0] OtherName, ..., dNSName [2] IA5String, ... }
    fn read(reader: &mut DerReader<'_>) -> Result<Self, DecodeError> {
        const OTHER_NAME: u8 = tag::context(0);
        const DNS_NAME: u8 = 0x82;
        reader.nested(tag::SEQUENCE, |items| {
            let mut names = AlternativeNames::default();
            let mut count = 0_usize;
            while let Some(kind) = items.peek() {
                if count == LIMIT {
                    return Err(items.too_large(LIMIT));
                }
                count += 1;
                match kind {
                    OTHER_NAME => items.nested(kind, |name| names.read_other(name))?,
                    DNS_NAME => {
                        let at = items.clone();
                        names.hosts.push(text(items.primitive(kind)?, &at)?);
                    }
                    _ => drop(items.any()?),
                }
            }
            Ok(names)
        })
    }

    /// OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY DEFINED BY type-id }
    fn read_other(&mut self, name: &mut DerReader<'_>) -> Result<(), DecodeError> {
        let kind = name.oid()?;
        name.nested(tag::context(0), |value| {
            let at = value.clone();
            match kind {
                PKINIT_SAN => self.principals.push(read_principal(value)?),
                UPN => self.upns.push(text(value.primitive(tag::UTF8_STRING)?, &at)?),
                _ => drop(value.any()?),
            }
            Ok(())
        })
    }

    /// All of them, to be shown.
    pub(super) fn to_strings(&self) -> Vec<String> {
        let principals = self.principals.iter().map(Principal::to_string);
        principals.chain(self.upns.iter().cloned()).chain(self.hosts.iter().cloned()).collect()
    }
}

/// Text that names somebody: no NUL or other control character, behind which a reader of C strings would stop.
fn text(octets: &[u8], at: &DerReader<'_>) -> Result<String, DecodeError> {
    let text = core::str::from_utf8(octets).map_err(|_| at.invalid("a name that is not UTF-8"))?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(at.invalid("an empty name, or one with control characters"));
    }
    Ok(text.to_string())
}

/// KRB5PrincipalName ::= SEQUENCE { realm [0] Realm, principalName [1] PrincipalName } (RFC 4556 3.2.2)
fn read_principal(reader: &mut DerReader<'_>) -> Result<Principal, DecodeError> {
    reader.nested(tag::SEQUENCE, |fields| {
        let at = fields.clone();
        let realm = fields.nested(tag::context(0), <&str>::read)?;
        let name = fields.nested(tag::context(1), PrincipalName::read)?;
        let parts = name.name_string.iter().copied().chain([realm]);
        if name.name_string.is_empty() || parts.into_iter().any(|part| part.chars().any(char::is_control)) {
            return Err(at.invalid("a principal without a name, or with control characters"));
        }
        Ok(name.to_principal(realm))
    })
}
