use super::decode::TAG_KDC_OFFSET;
use super::{CONFIG_NAME, CONFIG_REALM, Ccache, CcacheEntry, ConfigEntry, WHAT};
use crate::crypto::Secret;
use crate::krb5::byte_order::file_seconds;
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::held_ticket::HeldTicket;
use crate::krb5::message::TicketFlags;
use crate::name::{NameType, Principal};
use crate::time::Time;
use crate::wire::{EncodeError, Writer};
use alloc::vec::Vec;

impl Ccache {
    /// A file of version 4.
    ///
    /// # Errors
    /// If a number or a length is over what the format has room for.
    pub fn encode(&self) -> Result<Secret, EncodeError> {
        let entries: Vec<Secret> = self.entries.iter().map(CcacheEntry::encode).collect::<Result<_, _>>()?;
        let mut start = self.encode_header()?;
        write_principal(&mut start, &self.principal)?;
        let size = start.len() + entries.iter().map(|entry| entry.expose().len()).sum::<usize>();
        let mut out = Secret::new(Vec::with_capacity(size));
        out.expose_mut().extend_from_slice(&start);
        entries.iter().for_each(|entry| out.expose_mut().extend_from_slice(entry.expose()));
        Ok(out)
    }

    fn encode_header(&self) -> Result<Vec<u8>, EncodeError> {
        let mut fields = Vec::new();
        if let Some(offset) = self.kdc_offset {
            let mut writer = Writer::new(&mut fields);
            writer.u16_be(TAG_KDC_OFFSET).u16_be(8).i32_be(offset.seconds).i32_be(offset.microseconds);
        }
        for (tag, value) in &self.unknown_tags {
            let length = fit("a header field", value.len())?;
            Writer::new(&mut fields).u16_be(*tag).u16_be(length).bytes(value);
        }
        let mut header = Vec::new();
        Writer::new(&mut header).u16_be(0x0504).u16_be(fit("the header", fields.len())?).bytes(&fields);
        Ok(header)
    }
}

/// A principal as it stands in a file of version 4, by itself.
///
/// # Errors
/// If a length is over what the format has room for.
pub fn encode_principal(principal: &Principal) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    write_principal(&mut out, principal)?;
    Ok(out)
}

impl CcacheEntry {
    /// The entry as it stands in a file of version 4, to be appended to one.
    ///
    /// # Errors
    /// If a number or a length is over what the format has room for.
    pub fn encode(&self) -> Result<Secret, EncodeError> {
        match self {
            CcacheEntry::Ticket(ticket) => encode_ticket(ticket),
            CcacheEntry::Config(config) => encode_ticket(&as_ticket(config)),
        }
    }
}

fn encode_ticket(ticket: &HeldTicket) -> Result<Secret, EncodeError> {
    let mut secret = Secret::new(Vec::with_capacity(room_for(ticket)));
    let out = secret.expose_mut();
    write_principal(out, &ticket.client)?;
    write_principal(out, &ticket.server)?;
    Writer::new(out).u16_be(number("an enctype number", ticket.key.enctype().0)?);
    write_data(out, "a key", ticket.key.bytes())?;
    Writer::new(out)
        .u32_be(file_seconds(ticket.auth_time))
        .u32_be(ticket.start_time.map_or(0, file_seconds))
        .u32_be(file_seconds(ticket.end_time))
        .u32_be(ticket.renew_till.map_or(0, file_seconds))
        .u8(ticket.is_skey.into())
        .u32_be(ticket.flags.0);
    let addresses = ticket.addresses.iter().map(|address| (address.addr_type, address.address.as_slice()));
    write_list(out, "an address", addresses)?;
    let elements = ticket.authorization_data.iter().map(|element| (element.ad_type, element.ad_data.as_slice()));
    write_list(out, "an element of authorization data", elements)?;
    write_data(out, "a ticket", &ticket.ticket)?;
    write_data(out, "a second ticket", &ticket.second_ticket)?;
    Ok(secret)
}

/// More than the entry takes, so that writing it leaves no outgrown copies of the key behind.
fn room_for(ticket: &HeldTicket) -> usize {
    let name =
        |name: &Principal| name.components().iter().map(|part| part.len() + 4).sum::<usize>() + name.realm().len();
    let addresses = ticket.addresses.iter().map(|address| address.address.len() + 6).sum::<usize>();
    let elements = ticket.authorization_data.iter().map(|element| element.ad_data.len() + 6).sum::<usize>();
    let data = ticket.key.bytes().len() + ticket.ticket.len() + ticket.second_ticket.len();
    name(&ticket.client) + name(&ticket.server) + addresses + elements + data + 96
}

/// A configuration entry is laid out as a ticket whose other fields are zero.
fn as_ticket(config: &ConfigEntry) -> HeldTicket {
    HeldTicket {
        client: config.client.clone(),
        server: as_server(config),
        key: EncryptionKey::unchecked(Enctype(0), []),
        auth_time: Time::EPOCH,
        start_time: None,
        end_time: Time::EPOCH,
        renew_till: None,
        is_skey: false,
        flags: TicketFlags::default(),
        addresses: Vec::new(),
        authorization_data: Vec::new(),
        ticket: config.value.clone(),
        second_ticket: Vec::new(),
    }
}

/// What stands in for the server of a configuration entry.
pub(super) fn as_server(config: &ConfigEntry) -> Principal {
    let components = [Some(CONFIG_NAME), Some(config.name.as_str()), config.about.as_deref()];
    Principal::new(NameType::PRINCIPAL, components.into_iter().flatten(), CONFIG_REALM)
}

fn write_principal(out: &mut Vec<u8>, principal: &Principal) -> Result<(), EncodeError> {
    let components = principal.components();
    Writer::new(out).i32_be(principal.name_type().0).u32_be(fit("the count of components", components.len())?);
    write_data(out, "a realm", principal.realm().as_bytes())?;
    components.iter().try_for_each(|component| write_data(out, "a component of a name", component.as_bytes()))
}

fn write_list<'a>(
    out: &mut Vec<u8>,
    item: &'static str,
    list: impl ExactSizeIterator<Item = (i32, &'a [u8])>,
) -> Result<(), EncodeError> {
    if list.len() > Ccache::LIST_LIMIT {
        return Err(EncodeError { what: WHAT, item: "a list", limit: Ccache::LIST_LIMIT });
    }
    Writer::new(out).u32_be(fit("a list", list.len())?);
    for (kind, value) in list {
        Writer::new(out).u16_be(number("a type number", kind)?);
        write_data(out, item, value)?;
    }
    Ok(())
}

fn write_data(out: &mut Vec<u8>, item: &'static str, bytes: &[u8]) -> Result<(), EncodeError> {
    Writer::new(out).u32_be(fit(item, bytes.len())?).bytes(bytes);
    Ok(())
}

fn fit<T: TryFrom<usize>>(item: &'static str, length: usize) -> Result<T, EncodeError> {
    let limit = if size_of::<T>() == 2 { 0xffff } else { 0xffff_ffff };
    T::try_from(length).map_err(|_| EncodeError { what: WHAT, item, limit })
}

/// A type number of 16 bits, negative for local use.
fn number(item: &'static str, number: i32) -> Result<u16, EncodeError> {
    i16::try_from(number).map(|number| u16::from_be_bytes(number.to_be_bytes())).map_err(|_| EncodeError {
        what: WHAT,
        item,
        limit: 0x7fff,
    })
}
