use super::{Keytab, KeytabEntry, WHAT};
use crate::crypto::Secret;
use crate::krb5::byte_order::file_seconds;
use crate::krb5::enctype::Enctype;
use crate::wire::{EncodeError, Writer};
use alloc::vec::Vec;

impl Keytab {
    /// A file of version 2 without holes; every entry carries its version number in 32 bits, too.
    ///
    /// # Errors
    /// If a name or a key is longer than the 65,535 bytes that the format has room for.
    pub fn encode(&self) -> Result<Secret, EncodeError> {
        let mut out = Secret::new(Vec::with_capacity(self.room()));
        Writer::new(out.expose_mut()).u16_be(0x0502);
        for entry in &self.entries {
            write_entry(out.expose_mut(), entry)?;
        }
        for record in self.unreadable.iter().filter_map(|record| record.bytes.as_ref()) {
            write_record(out.expose_mut(), record.expose())?;
        }
        Ok(out)
    }

    /// Enough bytes for the whole file, so that writing it leaves no outgrown copies of keys behind.
    fn room(&self) -> usize {
        let unreadable = self.unreadable.iter().filter_map(|record| record.bytes.as_ref());
        let unreadable = unreadable.map(|record| record.expose().len() + 4);
        2 + self.entries.iter().map(|entry| room_for(entry) + 4).chain(unreadable).sum::<usize>()
    }
}

/// More than an entry's fixed fields and counts take, and the bytes of its names and key.
fn room_for(entry: &KeytabEntry) -> usize {
    let names = entry.principal.components().iter().map(|component| component.len() + 2).sum::<usize>();
    names + entry.principal.realm().len() + entry.key.bytes().len() + 32
}

fn write_entry(out: &mut Vec<u8>, entry: &KeytabEntry) -> Result<(), EncodeError> {
    let mut record = Secret::new(Vec::with_capacity(room_for(entry)));
    let bytes = record.expose_mut();
    let components = entry.principal.components();
    Writer::new(bytes).u16_be(fit_u16("the count of components", components.len())?);
    write_counted(bytes, "a realm", entry.principal.realm().as_bytes())?;
    for component in components {
        write_counted(bytes, "a component of a name", component.as_bytes())?;
    }
    let [.., low_kvno] = entry.kvno.to_be_bytes();
    Writer::new(bytes)
        .i32_be(entry.principal.name_type().0)
        .u32_be(file_seconds(entry.timestamp))
        .u8(low_kvno)
        .u16_be(fit_enctype(entry.key.enctype())?);
    write_counted(bytes, "a key", entry.key.bytes())?;
    Writer::new(bytes).u32_be(entry.kvno);
    write_record(out, record.expose())
}

fn write_record(out: &mut Vec<u8>, record: &[u8]) -> Result<(), EncodeError> {
    let too_long = |_| EncodeError { what: WHAT, item: "a record", limit: 0x7fff_ffff };
    let length = i32::try_from(record.len()).map_err(too_long)?;
    Writer::new(out).i32_be(length).bytes(record);
    Ok(())
}

fn write_counted(out: &mut Vec<u8>, item: &'static str, bytes: &[u8]) -> Result<(), EncodeError> {
    Writer::new(out).u16_be(fit_u16(item, bytes.len())?).bytes(bytes);
    Ok(())
}

fn fit_u16(item: &'static str, length: usize) -> Result<u16, EncodeError> {
    u16::try_from(length).map_err(|_| EncodeError { what: WHAT, item, limit: u16::MAX.into() })
}

fn fit_enctype(enctype: Enctype) -> Result<u16, EncodeError> {
    i16::try_from(enctype.0).map(|number| u16::from_be_bytes(number.to_be_bytes())).map_err(|_| EncodeError {
        what: WHAT,
        item: "an enctype number",
        limit: 0x7fff,
    })
}
