use super::account_control::{AccountControl, UserFlags};
use super::group::{
    DomainGroups, GroupAttributes, GroupMembership, SidAndAttributes, read_domain_sid, read_group,
    read_sids_and_attributes,
};
use super::ndr::{NdrReader, Pointer, StringHeader};
use super::ndr_writer::NdrWriter;
use super::{FileTime, Rid, Sid};
use crate::wire::{DecodeError, EncodeError, Reader};
use alloc::string::String;
use alloc::vec::Vec;

/// Who logged on, with what groups: KERB_VALIDATION_INFO (MS-PAC 2.5), in NDR.
///
/// ```text
/// FILETIME LogonTime, LogoffTime, KickOffTime, PasswordLastSet, PasswordCanChange, PasswordMustChange
/// RPC_UNICODE_STRING EffectiveName, FullName, LogonScript, ProfilePath, HomeDirectory, HomeDirectoryDrive
/// USHORT LogonCount, BadPasswordCount
/// ULONG UserId, PrimaryGroupId, GroupCount, [size_is(GroupCount)] PGROUP_MEMBERSHIP GroupIds
/// ULONG UserFlags, USER_SESSION_KEY (16 bytes, zero in Kerberos)
/// RPC_UNICODE_STRING LogonServer, LogonDomainName, PISID LogonDomainId
/// ULONG Reserved1[2], UserAccountControl, SubAuthStatus
/// FILETIME LastSuccessfulILogon, LastFailedILogon, ULONG FailedILogonCount, Reserved3
/// ULONG SidCount, [size_is(SidCount)] PKERB_SID_AND_ATTRIBUTES ExtraSids
/// PISID ResourceGroupDomainSid, ULONG ResourceGroupCount, [size_is(ResourceGroupCount)] PGROUP_MEMBERSHIP ResourceGroupIds
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogonInfo {
    /// When the user last logged on.
    pub logon_time: FileTime,
    /// When the session shall end.
    pub logoff_time: FileTime,
    /// When the server shall end it by force.
    pub kick_off_time: FileTime,
    /// When the password was set.
    pub password_last_set: FileTime,
    /// When it may be changed.
    pub password_can_change: FileTime,
    /// When it must be.
    pub password_must_change: FileTime,
    /// The account's name (sAMAccountName).
    pub effective_name: String,
    /// The user's full name.
    pub full_name: String,
    /// Path of the logon script.
    pub logon_script: String,
    /// Path of the profile.
    pub profile_path: String,
    /// Path of the home directory.
    pub home_directory: String,
    /// The drive letter that it is connected to.
    pub home_directory_drive: String,
    /// How often the user has logged on.
    pub logon_count: u16,
    /// Wrong passwords since the last logon.
    pub bad_password_count: u16,
    /// The user in its domain; [`LogonInfo::user_sid`] puts them together.
    pub user_id: Rid,
    /// The primary group in the user's domain, also among `groups`.
    pub primary_group_id: Rid,
    /// Groups of the user's domain.
    pub groups: Vec<GroupMembership>,
    /// What holds of the logon.
    pub user_flags: UserFlags,
    /// NetBIOS name of the DC that authenticated the user.
    pub logon_server: String,
    /// NetBIOS name of the user's domain.
    pub logon_domain_name: String,
    /// The user's domain.
    pub logon_domain_id: Option<Sid>,
    /// What holds of the account.
    pub account_control: AccountControl,
    /// Groups of other domains, and SIDs that say how the user authenticated.
    pub extra_sids: Vec<SidAndAttributes>,
    /// Domain-local groups of the service's domain.
    pub resource_groups: Option<DomainGroups>,
}

/// The smallest size of the structure, in bytes: without what its pointers point to.
const GROUP_SIZE: usize = 8;

impl LogonInfo {
    /// The user's SID (MS-PAC 2.5): its domain and `user_id`, or the first of `extra_sids` where `user_id` is 0.
    pub fn user_sid(&self) -> Option<Sid> {
        match (self.user_id, self.logon_domain_id) {
            (Rid(0), _) => self.extra_sids.first().map(|first| first.sid),
            (rid, Some(domain)) => Some(domain.with(rid)),
            (_, None) => None,
        }
    }

    /// All groups as SIDs: those of the user's domain, the extra SIDs and the resource groups. Where `user_id` is 0, the
    /// first extra SID is the user's own, not a group's.
    ///
    /// Not all of them count: see [`GroupAttributes::grants`].
    pub fn group_sids(&self) -> impl Iterator<Item = SidAndAttributes> + '_ {
        let domain = self.logon_domain_id.into_iter();
        let own = domain.flat_map(|domain| {
            self.groups
                .iter()
                .map(move |group| SidAndAttributes { sid: domain.with(group.rid), attributes: group.attributes })
        });
        let extra = self.extra_sids.iter().copied().skip(usize::from(self.user_id == Rid(0)));
        own.chain(extra).chain(self.resource_groups.iter().flat_map(DomainGroups::sids))
    }

    /// Whether the user is `sid`, or in a group `sid` that gives access.
    pub fn grants(&self, sid: Sid) -> bool {
        self.user_sid() == Some(sid) || self.group_sids().any(|group| group.sid == sid && group.attributes.grants())
    }

    /// Reads a whole buffer.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        LogonInfo::read(Reader::new("PAC logon info", bytes))
    }

    pub(super) fn read(reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut ndr = NdrReader::open(reader)?;
        let fixed = Fixed::read(&mut ndr)?;
        let info = fixed.with_referents(&mut ndr)?;
        ndr.finish()?;
        Ok(info)
    }
}

/// The structure itself, with pointers in it.
struct Fixed {
    times: [FileTime; 6],
    names: [StringHeader; 6],
    logon_count: u16,
    bad_password_count: u16,
    user_id: Rid,
    primary_group_id: Rid,
    groups: (u32, Pointer),
    user_flags: UserFlags,
    server_and_domain: [StringHeader; 2],
    logon_domain_id: Pointer,
    account_control: AccountControl,
    extra_sids: (u32, Pointer),
    resource_domain: Pointer,
    resource_groups: (u32, Pointer),
}

/// Reads `N` of the same.
fn each<T, const N: usize>(mut read: impl FnMut() -> Result<T, DecodeError>) -> Result<[T; N], DecodeError> {
    let items: Vec<T> = (0..N).map(|_| read()).collect::<Result<_, _>>()?;
    // As many as were asked for.
    items.try_into().map_err(|_| Reader::new("NDR", &[]).invalid("too few items"))
}

impl Fixed {
    fn read(ndr: &mut NdrReader<'_>) -> Result<Self, DecodeError> {
        let times = each(|| ndr.file_time().map(FileTime))?;
        let names = each(|| ndr.string_header())?;
        let (logon_count, bad_password_count) = (ndr.u16()?, ndr.u16()?);
        let (user_id, primary_group_id) = (Rid(ndr.u32()?), Rid(ndr.u32()?));
        let groups = (ndr.u32()?, ndr.pointer()?);
        let user_flags = UserFlags(ndr.u32()?);
        ndr.array::<16>()?; // UserSessionKey
        let server_and_domain = each(|| ndr.string_header())?;
        let logon_domain_id = ndr.pointer()?;
        ndr.array::<8>()?; // Reserved1
        let account_control = AccountControl(ndr.u32()?);
        ndr.array::<28>()?; // SubAuthStatus to Reserved3: no longer used
        Ok(Fixed {
            times,
            names,
            logon_count,
            bad_password_count,
            user_id,
            primary_group_id,
            groups,
            user_flags,
            server_and_domain,
            logon_domain_id,
            account_control,
            extra_sids: (ndr.u32()?, ndr.pointer()?),
            resource_domain: ndr.pointer()?,
            resource_groups: (ndr.u32()?, ndr.pointer()?),
        })
    }

    fn with_referents(self, ndr: &mut NdrReader<'_>) -> Result<LogonInfo, DecodeError> {
        let [logon_time, logoff_time, kick_off_time, password_last_set, password_can_change, password_must_change] =
            self.times;
        let mut names = self.names.into_iter();
        let mut name = |ndr: &mut NdrReader<'_>| names.next().map_or(Ok(String::new()), |name| ndr.string(name));
        let [server, domain] = self.server_and_domain;
        Ok(LogonInfo {
            logon_time,
            logoff_time,
            kick_off_time,
            password_last_set,
            password_can_change,
            password_must_change,
            effective_name: name(ndr)?,
            full_name: name(ndr)?,
            logon_script: name(ndr)?,
            profile_path: name(ndr)?,
            home_directory: name(ndr)?,
            home_directory_drive: name(ndr)?,
            logon_count: self.logon_count,
            bad_password_count: self.bad_password_count,
            user_id: self.user_id,
            primary_group_id: self.primary_group_id,
            groups: ndr.items(self.groups.1, self.groups.0, GROUP_SIZE, read_group)?,
            user_flags: self.user_flags,
            logon_server: ndr.string(server)?,
            logon_domain_name: ndr.string(domain)?,
            logon_domain_id: ndr.referent(self.logon_domain_id, read_domain_sid)?,
            account_control: self.account_control,
            extra_sids: read_sids_and_attributes(ndr, self.extra_sids.1, self.extra_sids.0)?,
            resource_groups: read_domain_groups(ndr, self.resource_domain, self.resource_groups)?,
        })
    }
}

/// A domain and groups in it, where the domain may be missing if there are no groups.
fn read_domain_groups(
    ndr: &mut NdrReader<'_>,
    domain: Pointer,
    groups: (u32, Pointer),
) -> Result<Option<DomainGroups>, DecodeError> {
    let domain = ndr.referent(domain, read_domain_sid)?;
    let without = ndr.invalid("groups without a domain");
    let groups = ndr.items(groups.1, groups.0, GROUP_SIZE, read_group)?;
    match domain {
        Some(domain) => Ok(Some(DomainGroups { domain, groups })),
        None if groups.is_empty() => Ok(None),
        None => Err(without),
    }
}

impl LogonInfo {
    /// The logon of a user of a domain, as a KDC without more knowledge issues it (MS-KILE 3.3.5.6.4.1): the user's and
    /// the domain's name, no time limits, and no groups yet.
    pub fn of_user(domain: Sid, user_id: Rid, name: impl Into<String>) -> Self {
        LogonInfo {
            logon_time: FileTime::UNSET,
            logoff_time: FileTime::NEVER,
            kick_off_time: FileTime::NEVER,
            password_last_set: FileTime::UNSET,
            password_can_change: FileTime::UNSET,
            password_must_change: FileTime::NEVER,
            effective_name: name.into(),
            full_name: String::new(),
            logon_script: String::new(),
            profile_path: String::new(),
            home_directory: String::new(),
            home_directory_drive: String::new(),
            logon_count: 0,
            bad_password_count: 0,
            user_id,
            primary_group_id: Rid::DOMAIN_USERS,
            groups: Vec::new(),
            user_flags: UserFlags::default(),
            logon_server: String::new(),
            logon_domain_name: String::new(),
            logon_domain_id: Some(domain),
            account_control: AccountControl::NORMAL,
            extra_sids: Vec::new(),
            resource_groups: None,
        }
    }

    /// The bytes of the buffer.
    ///
    /// # Errors
    /// [`EncodeError`] if a string or a list is too long for its count.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let mut ndr = NdrWriter::new("PAC logon info");
        self.write_fixed(&mut ndr)?;
        self.write_referents(&mut ndr)?;
        Ok(ndr.finish())
    }

    fn names(&self) -> [&str; 6] {
        [
            &self.effective_name,
            &self.full_name,
            &self.logon_script,
            &self.profile_path,
            &self.home_directory,
            &self.home_directory_drive,
        ]
    }

    fn write_fixed(&self, ndr: &mut NdrWriter) -> Result<(), EncodeError> {
        for time in [
            self.logon_time,
            self.logoff_time,
            self.kick_off_time,
            self.password_last_set,
            self.password_can_change,
            self.password_must_change,
        ] {
            ndr.file_time(time.0);
        }
        for name in self.names() {
            ndr.string_header(name)?;
        }
        ndr.u16(self.logon_count);
        ndr.u16(self.bad_password_count);
        ndr.u32(self.user_id.0);
        ndr.u32(self.primary_group_id.0);
        ndr.array_header(self.groups.len(), true)?;
        ndr.u32(self.user_flags.0);
        ndr.bytes(&[0; 16]);
        ndr.string_header(&self.logon_server)?;
        ndr.string_header(&self.logon_domain_name)?;
        ndr.pointer(self.logon_domain_id.is_some());
        ndr.bytes(&[0; 8]);
        ndr.u32(self.account_control.0);
        ndr.bytes(&[0; 28]);
        ndr.array_header(self.extra_sids.len(), !self.extra_sids.is_empty())?;
        ndr.pointer(self.resource_groups.is_some());
        let resource_groups = self.resource_groups.as_ref().map_or(0, |groups| groups.groups.len());
        ndr.array_header(resource_groups, resource_groups != 0)
    }

    fn write_referents(&self, ndr: &mut NdrWriter) -> Result<(), EncodeError> {
        for name in self.names() {
            ndr.string(name)?;
        }
        write_groups(ndr, &self.groups)?;
        ndr.string(&self.logon_server)?;
        ndr.string(&self.logon_domain_name)?;
        self.logon_domain_id.iter().for_each(|sid| write_sid(ndr, sid));
        if !self.extra_sids.is_empty() {
            ndr.count(self.extra_sids.len())?;
            for extra in &self.extra_sids {
                ndr.pointer(true);
                ndr.u32(extra.attributes.0);
            }
            self.extra_sids.iter().for_each(|extra| write_sid(ndr, &extra.sid));
        }
        if let Some(resource) = &self.resource_groups {
            write_sid(ndr, &resource.domain);
            if !resource.groups.is_empty() {
                write_groups(ndr, &resource.groups)?;
            }
        }
        Ok(())
    }
}

fn write_sid(ndr: &mut NdrWriter, sid: &Sid) {
    // At most 15.
    ndr.u32(u32::try_from(sid.sub_authorities().len()).unwrap_or(u32::MAX));
    ndr.bytes(&sid.to_bytes());
}

fn write_groups(ndr: &mut NdrWriter, groups: &[GroupMembership]) -> Result<(), EncodeError> {
    ndr.count(groups.len())?;
    for GroupMembership { rid: Rid(rid), attributes: GroupAttributes(attributes) } in groups {
        ndr.u32(*rid);
        ndr.u32(*attributes);
    }
    Ok(())
}
