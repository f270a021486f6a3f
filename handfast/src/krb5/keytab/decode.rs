use super::{Keytab, KeytabEntry, UnreadableRecord, WHAT};
use crate::crypto::Secret;
use crate::krb5::byte_order::{ByteOrder, read_name};
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::name::{NameType, Principal};
use crate::wire::{DecodeError, DecodeReason, Reader};

impl Keytab {
    /// Reads a file's bytes. Holes are skipped; records whose contents make no sense are set aside in
    /// [`Keytab::unreadable`]. What stands behind a record length of 0, the format's end mark, is not read.
    ///
    /// # Errors
    /// If it is no keytab, is of an unknown version, is cut off, or is over [`Keytab::SIZE_LIMIT`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(WHAT, bytes);
        if bytes.len() > Self::SIZE_LIMIT {
            return Err(reader.error(DecodeReason::TooLarge { limit: Self::SIZE_LIMIT }));
        }
        let version = Version::read(&mut reader)?;
        let mut keytab = Keytab::new();
        while !reader.is_empty() {
            match version.order().i32(&mut reader)? {
                0 => break,
                length @ 1.. => keytab.read_record(version, reader.sub(to_usize(length.unsigned_abs()))?),
                hole => {
                    reader.take(to_usize(hole.unsigned_abs()))?;
                }
            }
        }
        Ok(keytab)
    }

    fn read_record(&mut self, version: Version, mut record: Reader<'_>) {
        let bytes = record.clone().all();
        match read_entry(version, &mut record) {
            Ok(entry) => self.entries.push(entry),
            Err(error) => {
                let bytes = (version == Version::Two).then(|| Secret::new(bytes.to_vec()));
                self.unreadable.push(UnreadableRecord { error, bytes });
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at_start = reader.clone();
        match reader.u16_be()? {
            0x0501 => Ok(Version::One),
            0x0502 => Ok(Version::Two),
            _ => Err(at_start.invalid("a keytab starts with 05 01 or 05 02")),
        }
    }

    fn order(self) -> ByteOrder {
        match self {
            Version::One => ByteOrder::Little,
            Version::Two => ByteOrder::Big,
        }
    }
}

fn read_entry(version: Version, record: &mut Reader<'_>) -> Result<KeytabEntry, DecodeError> {
    let order = version.order();
    let principal = read_principal(version, record)?;
    let timestamp = order.time(record)?;
    let low_kvno = u32::from(record.u8()?);
    let enctype = Enctype(order.number(record)?);
    let length = order.u16(record)?;
    let key = EncryptionKey::unchecked(enctype, record.take(length.into())?);
    let kvno = match record.left() {
        0..=3 => low_kvno,
        _ => Some(order.u32(record)?).filter(|kvno| *kvno != 0).unwrap_or(low_kvno),
    };
    Ok(KeytabEntry { principal, timestamp, kvno, key })
}

fn read_principal(version: Version, record: &mut Reader<'_>) -> Result<Principal, DecodeError> {
    let order = version.order();
    let count = usize::from(order.u16(record)?);
    // Version 1 counts the realm as a component and has no name type.
    let components = match version {
        Version::One => {
            count.checked_sub(1).ok_or_else(|| record.invalid("the count of components includes the realm"))?
        }
        Version::Two => count,
    };
    let principal = read_name(record, components, |record| {
        let length = order.u16(record)?;
        record.take(length.into())
    })?;
    match version {
        Version::One => Ok(principal),
        Version::Two => Ok(principal.with_name_type(NameType(record.i32_be()?))),
    }
}

/// Lengths of 32 bits fit wherever this runs; if not, no input is as long as `usize::MAX`.
fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
