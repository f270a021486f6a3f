use crate::asn1::{Asn1, DerReader, DerWriter, Listed, tag};
use crate::mech::MechanismId;
use crate::mechanism_id::write_dotted;
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;

/// The most mechanisms that an offer is read with.
pub const MECH_TYPES_LIMIT: usize = 32;

/// The longest object identifier that is read, in bytes of its DER contents.
pub const MECH_TYPE_LIMIT: usize = 64;

/// A mechanism as a peer names it, known here or not (RFC 4178 4.1): the contents of an OBJECT IDENTIFIER in DER.
///
/// ```text
/// MechType ::= OBJECT IDENTIFIER
/// MechTypeList ::= SEQUENCE OF MechType
/// ```
/// ```
/// use handfast::mech::MechanismId;
/// use handfast::mech::negotiate::message::MechType;
/// let ours = MechType::from(MechanismId::NTLM);
/// assert_eq!((ours.to_string().as_str(), ours.known()), ("1.3.6.1.4.1.311.2.2.10", Some(MechanismId::NTLM)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MechType<'a>(&'a [u8]);

impl<'a> MechType<'a> {
    /// One that was read before.
    pub(in crate::mech::negotiate) fn of_contents(contents: &'a [u8]) -> Self {
        MechType(contents)
    }

    /// The bytes of the DER encoding, without tag and length.
    pub fn der_contents(self) -> &'a [u8] {
        self.0
    }

    /// Which of the mechanisms that have a name in [`MechanismId`] it is.
    pub fn known(self) -> Option<MechanismId> {
        [
            MechanismId::KERBEROS,
            MechanismId::MS_KERBEROS,
            MechanismId::KERBEROS_USER_TO_USER,
            MechanismId::IAKERB,
            MechanismId::NTLM,
            MechanismId::SPNEGO,
        ]
        .into_iter()
        .find(|id| self == MechType::from(*id))
    }
}

impl From<MechanismId> for MechType<'static> {
    fn from(id: MechanismId) -> Self {
        MechType(id.der_contents())
    }
}

impl PartialEq<MechanismId> for MechType<'_> {
    fn eq(&self, id: &MechanismId) -> bool {
        self.0 == id.der_contents()
    }
}

impl fmt::Display for MechType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_dotted(self.0, f)
    }
}

impl fmt::Debug for MechType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechType({self})")
    }
}

impl Listed for MechType<'_> {
    const LIMIT: usize = MECH_TYPES_LIMIT;
}

impl<'a> Asn1<'a> for MechType<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let contents = reader.primitive(tag::OBJECT_IDENTIFIER)?;
        if contents.len() > MECH_TYPE_LIMIT {
            return Err(at.too_large(MECH_TYPE_LIMIT));
        }
        if !is_identifier(contents) {
            return Err(at.invalid("no object identifier"));
        }
        Ok(MechType(contents))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::OBJECT_IDENTIFIER, self.0);
    }
}

/// Whether every arc ends and is in its shortest form (X.690 8.19.2).
fn is_identifier(contents: &[u8]) -> bool {
    let mut at_start = true;
    for octet in contents {
        if at_start && *octet == 0x80 {
            return false;
        }
        at_start = octet & 0x80 == 0;
    }
    at_start && !contents.is_empty()
}

/// The DER of a MechTypeList: what a mechListMIC is made over (RFC 4178 5, appendix D).
///
/// DER has one encoding of a list, and no other is read: these are the bytes that the list arrived in.
pub fn mech_type_list(mech_types: &[MechType<'_>]) -> Vec<u8> {
    let mut der = Vec::new();
    DerWriter::new(&mut der).nested(tag::SEQUENCE, |list| mech_types.iter().for_each(|item| item.write(list)));
    der
}
