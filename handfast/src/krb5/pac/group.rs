use super::ndr::NdrReader;
use super::{Rid, Sid};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use core::fmt;

/// Whether and how a group counts (MS-PAC 2.2.1; SE_GROUP_*, MS-DTYP 2.4.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupAttributes(pub u32);

impl GroupAttributes {
    /// Can't be switched off by the user.
    pub const MANDATORY: GroupAttributes = GroupAttributes(0x1);
    /// Counts unless switched off.
    pub const ENABLED_BY_DEFAULT: GroupAttributes = GroupAttributes(0x2);
    /// Counts.
    pub const ENABLED: GroupAttributes = GroupAttributes(0x4);
    /// May own objects.
    pub const OWNER: GroupAttributes = GroupAttributes(0x8);
    /// Counts where access is denied, and nowhere else (SE_GROUP_USE_FOR_DENY_ONLY).
    pub const USE_FOR_DENY_ONLY: GroupAttributes = GroupAttributes(0x10);
    /// A domain-local group of the service's own domain.
    pub const RESOURCE: GroupAttributes = GroupAttributes(0x2000_0000);
    /// What a DC gives a member: mandatory, enabled by default, enabled (MS-KILE 3.3.5.6.4.1).
    pub const MEMBER: GroupAttributes = GroupAttributes(0x7);

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: GroupAttributes) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether membership may give access: enabled, and not for denial only.
    pub fn grants(self) -> bool {
        self.contains(GroupAttributes::ENABLED) && !self.contains(GroupAttributes::USE_FOR_DENY_ONLY)
    }
}

impl fmt::Debug for GroupAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupAttributes(0x{:08x})", self.0)
    }
}

/// A group of a domain that stands elsewhere (MS-PAC 2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMembership {
    /// The group inside its domain.
    pub rid: Rid,
    /// Whether and how it counts.
    pub attributes: GroupAttributes,
}

/// A group, or any other SID that the client has (MS-PAC 2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidAndAttributes {
    /// The SID.
    pub sid: Sid,
    /// Whether and how it counts.
    pub attributes: GroupAttributes,
}

/// Groups of one domain (MS-PAC 2.2.3, DOMAIN_GROUP_MEMBERSHIP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainGroups {
    /// The domain.
    pub domain: Sid,
    /// The groups in it.
    pub groups: Vec<GroupMembership>,
}

impl DomainGroups {
    /// The groups as SIDs.
    pub fn sids(&self) -> impl Iterator<Item = SidAndAttributes> + '_ {
        self.groups
            .iter()
            .map(|group| SidAndAttributes { sid: self.domain.with(group.rid), attributes: group.attributes })
    }
}

pub(super) fn read_group(ndr: &mut NdrReader<'_>) -> Result<GroupMembership, DecodeError> {
    Ok(GroupMembership { rid: Rid(ndr.u32()?), attributes: GroupAttributes(ndr.u32()?) })
}

/// An RPC_SID (MS-DTYP 2.4.2.3): the count of sub-authorities, which moved to the front, then the SID.
pub(super) fn read_sid(ndr: &mut NdrReader<'_>) -> Result<Sid, DecodeError> {
    let at_start = ndr.invalid("a SID has another number of sub-authorities than its size says");
    let count = ndr.conformance(4)?;
    let sid = ndr.plain(4, Sid::read)?;
    if sid.sub_authorities().len() != count {
        return Err(at_start);
    }
    Ok(sid)
}

/// The SID of a domain: with room for one more sub-authority.
pub(super) fn read_domain_sid(ndr: &mut NdrReader<'_>) -> Result<Sid, DecodeError> {
    let full = ndr.invalid("the SID of a domain has no room for a relative identifier");
    let sid = read_sid(ndr)?;
    if sid.can_be_domain() { Ok(sid) } else { Err(full) }
}

/// The items of an array of KERB_SID_AND_ATTRIBUTES, and then the SIDs that they point to.
pub(super) fn read_sids_and_attributes(
    ndr: &mut NdrReader<'_>,
    pointer: super::ndr::Pointer,
    count: u32,
) -> Result<Vec<SidAndAttributes>, DecodeError> {
    let items = ndr.items(pointer, count, 8, |ndr| {
        let null = ndr.invalid("a group without a SID");
        let (sid, attributes) = (ndr.pointer()?, GroupAttributes(ndr.u32()?));
        if sid.is_null() { Err(null) } else { Ok(attributes) }
    })?;
    items.into_iter().map(|attributes| Ok(SidAndAttributes { sid: read_sid(ndr)?, attributes })).collect()
}
