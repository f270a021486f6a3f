use crate::asn1::{Asn1, DerReader, DerWriter};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::ops::Deref;

/// A value beside its DER, byte for byte as it was received or made.
///
/// For what is checksummed or passed on as it is: a ticket in an AP-REQ or KDC reply, the body of a KDC request. Reads
/// as the value it holds; writing it writes the bytes.
///
/// ```
/// use handfast::krb5::enctype::Enctype;
/// use handfast::krb5::message::{Encoded, EncryptedData, PrincipalName, Ticket};
/// # use handfast::{NameType};
/// let enc_part = EncryptedData { etype: Enctype(18), kvno: Some(1), cipher: b"..." };
/// let sname = PrincipalName { name_type: NameType::SRV_HST, name_string: vec!["HTTP", "www.example.com"] };
/// let mut buffer = Vec::new();
/// let ticket = Encoded::<Ticket>::new(Ticket { realm: "EXAMPLE.COM", sname, enc_part }, &mut buffer);
/// assert_eq!(ticket.realm, "EXAMPLE.COM");
/// assert_eq!(Encoded::<Ticket>::decode(ticket.bytes())?, ticket);
/// # Ok::<(), handfast::wire::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<'a, T> {
    value: T,
    bytes: &'a [u8],
}

impl<'a, T> Encoded<'a, T> {
    /// The bytes, one whole element.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Encoded<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'a, T: Asn1<'a>> Asn1<'a> for Encoded<'a, T> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.with_bytes(T::read).map(|(value, bytes)| Encoded { value, bytes })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.raw(self.bytes);
    }
}

impl<'a, T> Encoded<'a, T> {
    /// Writes `value` behind what `buffer` holds and borrows what it has written.
    pub(super) fn write_to<'v>(value: T, buffer: &'a mut Vec<u8>) -> Self
    where
        T: Asn1<'v>,
    {
        let start = buffer.len();
        value.write(&mut DerWriter::new(buffer));
        Encoded { value, bytes: buffer.get(start..).unwrap_or_default() }
    }
}

/// The public constructors of `Encoded` for one type.
macro_rules! encoded_methods {
    ($type:ty, $name:literal) => {
        impl<'a> crate::krb5::message::Encoded<'a, $type> {
            #[doc = concat!("Encodes `value` behind what `buffer` holds, and keeps both.")]
            pub fn new(value: $type, buffer: &'a mut alloc::vec::Vec<u8>) -> Self {
                Self::write_to(value, buffer)
            }

            #[doc = concat!("Reads a whole ", $name, " in DER and keeps its bytes; bytes behind it are an error.")]
            pub fn decode(bytes: &'a [u8]) -> Result<Self, crate::wire::DecodeError> {
                crate::asn1::decode($name, bytes)
            }
        }
    };
}
pub(super) use encoded_methods;
