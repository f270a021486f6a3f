use super::ndr::NdrReader;
use super::ndr_writer::NdrWriter;
use crate::wire::{DecodeError, EncodeError, Reader};
use alloc::string::String;
use alloc::vec::Vec;

/// The services that a delegated ticket went through: S4U_DELEGATION_INFO (MS-PAC 2.9), in NDR.
///
/// ```text
/// RPC_UNICODE_STRING S4U2proxyTarget
/// ULONG TransitedListSize, [size_is(TransitedListSize)] PRPC_UNICODE_STRING S4UTransitedServices
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationInfo {
    /// The service that the ticket is for.
    pub proxy_target: String,
    /// The services that asked in the client's name, in the order in which they did.
    pub transited_services: Vec<String>,
}

impl DelegationInfo {
    /// Reads a whole buffer.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        DelegationInfo::read(Reader::new("PAC delegation info", bytes))
    }

    pub(super) fn read(reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut ndr = NdrReader::open(reader)?;
        let target = ndr.string_header()?;
        let (count, services) = (ndr.u32()?, ndr.pointer()?);
        let proxy_target = ndr.string(target)?;
        let services = ndr.items(services, count, 8, NdrReader::string_header)?;
        let transited_services = services.into_iter().map(|service| ndr.string(service)).collect::<Result<_, _>>()?;
        ndr.finish()?;
        Ok(DelegationInfo { proxy_target, transited_services })
    }

    /// The bytes of the buffer.
    ///
    /// # Errors
    /// [`EncodeError`] if a name or the list is too long for its count.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let mut ndr = NdrWriter::new("PAC delegation info");
        ndr.string_header(&self.proxy_target)?;
        ndr.array_header(self.transited_services.len(), true)?;
        ndr.string(&self.proxy_target)?;
        ndr.count(self.transited_services.len())?;
        self.transited_services.iter().try_for_each(|service| ndr.string_header(service))?;
        self.transited_services.iter().try_for_each(|service| ndr.string(service))?;
        Ok(ndr.finish())
    }
}
