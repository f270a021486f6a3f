use super::{CONFIG_NAME, CONFIG_REALM, Ccache, CcacheEntry, ConfigEntry, KdcOffset, REMOVED_CONFIG_REALM, WHAT};
use crate::krb5::byte_order::{ByteOrder, read_name};
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::held_ticket::{AuthorizationDataElement, HeldTicket, HostAddress};
use crate::krb5::message::TicketFlags;
use crate::name::{NameType, Principal};
use crate::time::Time;
use crate::wire::{DecodeError, DecodeReason, Reader};
use alloc::vec::Vec;

/// The header field that holds the KDC's time offset.
pub(super) const TAG_KDC_OFFSET: u16 = 1;

impl Ccache {
    /// Reads a file's bytes. Entries that were marked as removed are left out.
    ///
    /// # Errors
    /// If it is no credential cache, is of an unknown version, is cut off, has a name that isn't UTF-8, or
    /// is over [`Ccache::SIZE_LIMIT`] or [`Ccache::LIST_LIMIT`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, bytes);
        if bytes.len() > Self::SIZE_LIMIT {
            return Err(reader.error(DecodeReason::TooLarge { limit: Self::SIZE_LIMIT }));
        }
        let version = Version::read(&mut reader)?;
        let header = if version.0 == 4 { Header::read(&mut reader)? } else { Header::default() };
        let mut ccache = Ccache::new(version.principal(&mut reader)?);
        (ccache.kdc_offset, ccache.unknown_tags, ccache.file_version) = (header.kdc_offset, header.unknown, version.0);
        while !reader.is_empty() {
            ccache.entries.extend(version.entry(&mut reader)?);
        }
        Ok(ccache)
    }
}

impl CcacheEntry {
    /// Reads an entry as it stands in a file of version 4, by itself: as the kernel's keyring and a KCM daemon keep it. `None` if it
    /// was marked as removed.
    ///
    /// # Errors
    /// As for [`Ccache::decode`]; if anything stands behind it, too.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        whole(bytes, |reader| Version(4).entry(reader))
    }
}

/// Reads a principal as it stands in a file of version 4, by itself.
///
/// # Errors
/// If it is cut off, something stands behind it, or the name isn't UTF-8.
pub fn decode_principal(bytes: &[u8]) -> Result<Principal, DecodeError> {
    whole(bytes, |reader| Version(4).principal(reader))
}

fn whole<T>(bytes: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    let mut reader = Reader::new(WHAT, bytes);
    if bytes.len() > Ccache::SIZE_LIMIT {
        return Err(reader.error(DecodeReason::TooLarge { limit: Ccache::SIZE_LIMIT }));
    }
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[derive(Default)]
struct Header {
    kdc_offset: Option<KdcOffset>,
    unknown: Vec<(u16, Vec<u8>)>,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut header = Header::default();
        let length = reader.u16_be()?;
        let mut fields = reader.sub(length.into())?;
        while !fields.is_empty() {
            let tag = fields.u16_be()?;
            let length = fields.u16_be()?;
            let mut value = fields.sub(length.into())?;
            if tag == TAG_KDC_OFFSET && header.kdc_offset.is_none() {
                header.kdc_offset = Some(KdcOffset { seconds: value.i32_be()?, microseconds: value.i32_be()? });
                value.finish()?;
            } else {
                header.unknown.push((tag, value.all().to_vec()));
            }
        }
        Ok(header)
    }
}

/// The version of a file, 1 to 4.
#[derive(Clone, Copy)]
struct Version(u8);

impl Version {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at_start = reader.clone();
        match reader.array()? {
            [5, version @ 1..=4] => Ok(Version(version)),
            _ => Err(at_start.invalid("a credential cache starts with 05 and its version, 01 to 04")),
        }
    }

    fn order(self) -> ByteOrder {
        if self.0 < 3 { ByteOrder::Little } else { ByteOrder::Big }
    }

    fn data<'a>(self, reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        let length = self.order().u32(reader)?;
        reader.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A count that is read with up to `limit` items.
    fn count(self, reader: &mut Reader<'_>, limit: usize) -> Result<usize, DecodeError> {
        let at_count = reader.clone();
        let count = usize::try_from(self.order().u32(reader)?).unwrap_or(usize::MAX);
        if count > limit { Err(at_count.error(DecodeReason::TooLarge { limit })) } else { Ok(count) }
    }

    /// Version 1 counts the realm as a component and has no name type.
    fn principal(self, reader: &mut Reader<'_>) -> Result<Principal, DecodeError> {
        let name_type = if self.0 == 1 { NameType::UNKNOWN } else { NameType(self.order().i32(reader)?) };
        let count = self.count(reader, usize::MAX)?;
        let components = match self.0 {
            1 => count.checked_sub(1).ok_or_else(|| reader.invalid("the count of components includes the realm"))?,
            _ => count,
        };
        Ok(read_name(reader, components, |reader| self.data(reader))?.with_name_type(name_type))
    }

    /// Version 3 has the enctype twice.
    fn key(self, reader: &mut Reader<'_>) -> Result<EncryptionKey, DecodeError> {
        let enctype = Enctype(self.order().number(reader)?);
        if self.0 == 3 {
            self.order().number(reader)?;
        }
        Ok(EncryptionKey::unchecked(enctype, self.data(reader)?))
    }

    fn addresses(self, reader: &mut Reader<'_>) -> Result<Vec<HostAddress>, DecodeError> {
        let count = self.count(reader, Ccache::LIST_LIMIT)?;
        let mut address =
            || Ok(HostAddress { addr_type: self.order().number(reader)?, address: self.data(reader)?.to_vec() });
        (0..count).map(|_| address()).collect()
    }

    fn authorization_data(self, reader: &mut Reader<'_>) -> Result<Vec<AuthorizationDataElement>, DecodeError> {
        let count = self.count(reader, Ccache::LIST_LIMIT)?;
        let mut element = || {
            Ok(AuthorizationDataElement { ad_type: self.order().number(reader)?, ad_data: self.data(reader)?.to_vec() })
        };
        (0..count).map(|_| element()).collect()
    }

    fn entry(self, reader: &mut Reader<'_>) -> Result<Option<CcacheEntry>, DecodeError> {
        let ticket = self.ticket(reader)?;
        Ok(match as_config(&ticket) {
            _ if is_removed(&ticket) => None,
            Some(config) => Some(CcacheEntry::Config(config)),
            None => Some(CcacheEntry::Ticket(ticket)),
        })
    }

    fn ticket(self, reader: &mut Reader<'_>) -> Result<HeldTicket, DecodeError> {
        // The fields of the struct are evaluated in the order that is written here, the file's.
        Ok(HeldTicket {
            client: self.principal(reader)?,
            server: self.principal(reader)?,
            key: self.key(reader)?,
            auth_time: self.order().time(reader)?,
            start_time: given(self.order().time(reader)?),
            end_time: self.order().time(reader)?,
            renew_till: given(self.order().time(reader)?),
            is_skey: reader.u8()? != 0,
            flags: TicketFlags(self.order().u32(reader)?),
            addresses: self.addresses(reader)?,
            authorization_data: self.authorization_data(reader)?,
            ticket: self.data(reader)?.to_vec(),
            second_ticket: self.data(reader)?.to_vec(),
        })
    }
}

/// A time of 0 stands for none.
fn given(time: Time) -> Option<Time> {
    (time != Time::EPOCH).then_some(time)
}

/// MIT removes an entry by writing over it: an `authtime` of all ones and an `endtime` of 0, and
/// another realm in a configuration entry.
fn is_removed(ticket: &HeldTicket) -> bool {
    let all_ones = Time::from_unix_seconds(u32::MAX.into());
    let overwritten = ticket.end_time == Time::EPOCH && ticket.auth_time == all_ones;
    overwritten || ticket.server.realm() == REMOVED_CONFIG_REALM
}

fn as_config(ticket: &HeldTicket) -> Option<ConfigEntry> {
    if ticket.server.realm() != CONFIG_REALM {
        return None;
    }
    let (name, about) = match ticket.server.components() {
        [first, name] if first == CONFIG_NAME => (name, None),
        [first, name, about] if first == CONFIG_NAME => (name, Some(about)),
        _ => return None,
    };
    Some(ConfigEntry {
        client: ticket.client.clone(),
        name: name.clone(),
        about: about.cloned(),
        value: ticket.ticket.clone(),
    })
}
