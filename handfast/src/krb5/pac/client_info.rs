use super::{FileTime, utf16};
use crate::krb5::message::{KerberosTime, PrincipalName};
use crate::time::Time;
use crate::wire::{DecodeError, EncodeError, Reader, Writer};
use alloc::string::String;
use alloc::vec::Vec;

/// Whose ticket the PAC is of: PAC_CLIENT_INFO (MS-PAC 2.7).
///
/// ```text
/// ClientId (8 bytes, FILETIME): the ticket's authtime
/// NameLength (2 bytes), Name (NameLength bytes, UTF-16)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// When the client first authenticated; a ticket's authtime.
    pub client_id: FileTime,
    /// The client's name, without its realm.
    pub name: String,
}

impl ClientInfo {
    /// The one that belongs into a ticket of `cname` with `authtime`.
    pub fn of_ticket(cname: &PrincipalName<'_>, authtime: KerberosTime) -> Self {
        ClientInfo { client_id: FileTime::from(Time::from(authtime)), name: cname.name_string.join("/") }
    }

    /// Whether it belongs into a ticket of `cname` with `authtime`: the same name, component by component, and the same
    /// second. This binds the PAC to the client (MS-KILE 3.4.5.3; MIT krb5 and Samba compare both too).
    pub fn is_of(&self, cname: &PrincipalName<'_>, authtime: KerberosTime) -> bool {
        let authtime = Time::from(authtime).unix_seconds();
        self.name == cname.name_string.join("/") && self.client_id.unix_seconds() == Some(authtime)
    }

    /// Reads a whole buffer.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        ClientInfo::read(Reader::new("PAC client info", bytes))
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let client_id = FileTime(reader.u64_le()?);
        let length = usize::from(reader.u16_le()?);
        let at = reader.clone();
        let name = utf16::text(reader.take(length)?).ok_or_else(|| at.invalid("the name is not UTF-16"))?;
        reader.finish()?;
        Ok(ClientInfo { client_id, name })
    }

    /// The bytes of the buffer.
    ///
    /// # Errors
    /// [`EncodeError`] if the name is longer than 65,535 bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let name = utf16::bytes(&self.name);
        let limit = usize::from(u16::MAX);
        let too_long = EncodeError { what: "PAC client info", item: "the name", limit };
        let length = u16::try_from(name.len()).map_err(|_| too_long)?;
        let mut out = Vec::new();
        Writer::new(&mut out).u64_le(self.client_id.0).u16_le(length).bytes(&name);
        Ok(out)
    }
}
