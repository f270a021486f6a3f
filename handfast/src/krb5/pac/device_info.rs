use super::group::{
    DomainGroups, GroupMembership, SidAndAttributes, read_domain_sid, read_group, read_sids_and_attributes,
};
use super::ndr::NdrReader;
use super::{Rid, Sid};
use crate::wire::{DecodeError, Reader};
use alloc::vec::Vec;

/// The device that the client logged in from: PAC_DEVICE_INFO (MS-PAC 2.12), in NDR.
///
/// ```text
/// ULONG UserId, PrimaryGroupId, PISID AccountDomainId
/// ULONG AccountGroupCount, [size_is(AccountGroupCount)] PGROUP_MEMBERSHIP AccountGroupIds
/// ULONG SidCount, [size_is(SidCount)] PKERB_SID_AND_ATTRIBUTES ExtraSids
/// ULONG DomainGroupCount, [size_is(DomainGroupCount)] PDOMAIN_GROUP_MEMBERSHIP DomainGroup
/// DOMAIN_GROUP_MEMBERSHIP: PISID DomainId, ULONG GroupCount, [size_is(GroupCount)] PGROUP_MEMBERSHIP GroupIds
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The device's account in its domain.
    pub user_id: Rid,
    /// Its primary group.
    pub primary_group_id: Rid,
    /// Its domain.
    pub account_domain_id: Option<Sid>,
    /// Its groups in that domain.
    pub groups: Vec<GroupMembership>,
    /// Other SIDs that it has.
    pub extra_sids: Vec<SidAndAttributes>,
    /// Its groups in other domains.
    pub domain_groups: Vec<DomainGroups>,
}

impl DeviceInfo {
    /// The device's SID.
    pub fn device_sid(&self) -> Option<Sid> {
        match self.user_id {
            Rid(0) => self.extra_sids.first().map(|first| first.sid),
            rid => self.account_domain_id.map(|domain| domain.with(rid)),
        }
    }

    /// Reads a whole buffer.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        DeviceInfo::read(Reader::new("PAC device info", bytes))
    }

    pub(super) fn read(reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut ndr = NdrReader::open(reader)?;
        let (user_id, primary_group_id) = (Rid(ndr.u32()?), Rid(ndr.u32()?));
        let domain = ndr.pointer()?;
        let groups = (ndr.u32()?, ndr.pointer()?);
        let sids = (ndr.u32()?, ndr.pointer()?);
        let others = (ndr.u32()?, ndr.pointer()?);
        let info = DeviceInfo {
            user_id,
            primary_group_id,
            account_domain_id: ndr.referent(domain, read_domain_sid)?,
            groups: ndr.items(groups.1, groups.0, 8, read_group)?,
            extra_sids: read_sids_and_attributes(&mut ndr, sids.1, sids.0)?,
            domain_groups: {
                let headers =
                    ndr.items(others.1, others.0, 12, |ndr| Ok((ndr.pointer()?, ndr.u32()?, ndr.pointer()?)))?;
                headers.into_iter().map(|header| read_domain(&mut ndr, header)).collect::<Result<_, _>>()?
            },
        };
        ndr.finish()?;
        Ok(info)
    }
}

fn read_domain(
    ndr: &mut NdrReader<'_>,
    (domain, count, groups): (super::ndr::Pointer, u32, super::ndr::Pointer),
) -> Result<DomainGroups, DecodeError> {
    let without = ndr.invalid("groups without a domain");
    let domain = ndr.referent(domain, read_domain_sid)?.ok_or(without)?;
    Ok(DomainGroups { domain, groups: ndr.items(groups, count, 8, read_group)? })
}
