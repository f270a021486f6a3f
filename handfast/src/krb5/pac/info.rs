use super::{
    AttributesInfo, Claims, ClientInfo, DelegationInfo, DeviceInfo, LogonInfo, Pac, PacBufferType, PacError, Sid,
    UpnDnsInfo,
};
use crate::wire::DecodeError;
use alloc::vec::Vec;

/// All that a PAC says, read and owned.
///
/// Claims are read when they are asked for ([`PacInfo::client_claims`]), credentials and unknown buffers are kept as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacInfo {
    bytes: Vec<u8>,
    /// Whose ticket it is.
    pub client_info: ClientInfo,
    /// Who logged on, with what groups; a KDC without a directory of SIDs sends none (MIT krb5).
    pub logon_info: Option<LogonInfo>,
    /// The client's user principal name.
    pub upn_dns_info: Option<UpnDnsInfo>,
    /// The services that delegated.
    pub delegation_info: Option<DelegationInfo>,
    /// The device that the client logged in from.
    pub device_info: Option<DeviceInfo>,
    /// How the PAC came to be.
    pub attributes: Option<AttributesInfo>,
    /// The SID of who asked for the ticket.
    pub requestor: Option<Sid>,
}

impl PacInfo {
    /// Reads all buffers.
    ///
    /// # Errors
    /// [`PacError::Decode`], and [`PacError::Missing`] without a [`ClientInfo`].
    pub fn read(pac: &Pac<'_>) -> Result<Self, PacError> {
        Ok(PacInfo {
            bytes: pac.bytes().to_vec(),
            client_info: pac.client_info()?.ok_or(PacError::Missing(PacBufferType::CLIENT_INFO))?,
            logon_info: pac.logon_info()?,
            upn_dns_info: pac.upn_dns_info()?,
            delegation_info: pac.delegation_info()?,
            device_info: pac.device_info()?,
            attributes: pac.attributes()?,
            requestor: pac.requestor()?,
        })
    }

    /// The PAC as it came, for what is not read here: see [`Pac::decode`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The client's SID: by its logon info, or else its UPN info.
    pub fn user_sid(&self) -> Option<Sid> {
        let by_name = || self.upn_dns_info.as_ref()?.sam_name_and_sid.as_ref().map(|(_, sid)| *sid);
        let logon = self.logon_info.as_ref().and_then(LogonInfo::user_sid);
        logon.or_else(by_name)
    }

    /// Whether the client is `sid`, or in a group `sid` that gives access (not one that is for denial only).
    pub fn grants(&self, sid: Sid) -> bool {
        self.user_sid() == Some(sid) || self.logon_info.as_ref().is_some_and(|logon| logon.grants(sid))
    }

    /// Claims about the client.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the PAC.
    pub fn client_claims(&self) -> Result<Option<Claims>, DecodeError> {
        Pac::decode(&self.bytes)?.client_claims()
    }

    /// Claims about the device.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the PAC.
    pub fn device_claims(&self) -> Result<Option<Claims>, DecodeError> {
        Pac::decode(&self.bytes)?.device_claims()
    }
}
