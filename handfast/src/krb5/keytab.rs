//! Keytabs: the long-term keys of services, in MIT's file format.
//!
//! The format has no RFC; it is described in MIT krb5's documentation ("Keytab file format"), with
//! one correction that real files prove: the length of a key has 16 bits. Version 2 (`05 02`) is
//! read and written. Version 1 (`05 01`), in the byte order of the machine that wrote it, is read as
//! least significant byte first.
//!
//! ```
//! use handfast::Time;
//! use handfast::krb5::enctype::{Enctype, EncryptionKey};
//! use handfast::krb5::{Keytab, KeytabEntry};
//!
//! let http = "HTTP/www.example.com@EXAMPLE.COM".parse()?;
//! let mut keytab = Keytab::new();
//! keytab.add(KeytabEntry {
//!     principal: http,
//!     timestamp: Time::from_unix_seconds(1_700_000_000),
//!     kvno: 3,
//!     key: EncryptionKey::new(Enctype::AES256_CTS_HMAC_SHA1_96, [7; 32])?,
//! });
//! let file = keytab.encode()?;
//! assert_eq!(Keytab::decode(file.expose())?, keytab);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::byte_order::{ByteOrder, file_seconds, read_name};
use super::enctype::{EncryptionKey, Enctype};
use crate::crypto::Secret;
use crate::wire::{DecodeError, DecodeReason, EncodeError, Reader, Writer};
use crate::{NameType, Principal, Time};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

/// The name of the format in errors.
const WHAT: &str = "keytab";

/// The long-term keys that services hold: what a keytab file contains.
#[doc(alias = "krb5_keytab")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keytab {
    entries: Vec<KeytabEntry>,
    unreadable: Vec<UnreadableRecord>,
}

/// One key of one principal.
#[doc(alias = "krb5_keytab_entry")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeytabEntry {
    /// Whose key it is.
    pub principal: Principal,
    /// When the entry was written; the file holds whole seconds.
    pub timestamp: Time,
    /// The key's version number.
    pub kvno: u32,
    /// The key; its enctype may be one that nothing here can use.
    pub key: EncryptionKey,
}

/// A record whose contents do not decode. The others are good without it; it is written back as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// What is wrong with it.
    pub error: DecodeError,
    bytes: Secret,
}

/// No key in the keytab fits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyNotFound {
    /// There is no key of this principal at all.
    Principal {
        /// Whose key was wanted.
        principal: Principal,
        /// Whose keys there are; the first nine principals, if there are more.
        held: Vec<Principal>,
    },
    /// There is none of this version.
    Kvno {
        /// Whose key was wanted.
        principal: Principal,
        /// The version that was wanted.
        kvno: u32,
        /// The versions that there are.
        held: Vec<u32>,
    },
    /// There is none of this encryption type.
    Enctype {
        /// Whose key was wanted.
        principal: Principal,
        /// The encryption type that was wanted.
        enctype: Enctype,
        /// The encryption types that there are.
        held: Vec<Enctype>,
    },
}

impl Keytab {
    /// The largest file that is read, in bytes.
    pub const SIZE_LIMIT: usize = 16 << 20;

    /// A keytab without keys.
    pub fn new() -> Self {
        Keytab::default()
    }

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
            Err(error) => self.unreadable.push(UnreadableRecord { error, bytes: Secret::new(bytes.to_vec()) }),
        }
    }

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
        for record in &self.unreadable {
            write_record(out.expose_mut(), record.bytes.expose())?;
        }
        Ok(out)
    }

    /// Enough bytes for the whole file, so that writing it leaves no outgrown copies of keys behind.
    fn room(&self) -> usize {
        let unreadable = self.unreadable.iter().map(|record| record.bytes.expose().len() + 4);
        2 + self.entries.iter().map(|entry| room_for(entry) + 4).chain(unreadable).sum::<usize>()
    }

    /// All keys, in the order of the file.
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// The records that could not be read.
    pub fn unreadable(&self) -> &[UnreadableRecord] {
        &self.unreadable
    }

    /// Every principal that has a key here, once, in the order of the file.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        let mut seen = BTreeSet::new();
        let principals = self.entries.iter().map(|entry| &entry.principal);
        principals.filter(move |principal| seen.insert((principal.realm(), principal.components())))
    }

    /// The keys of one principal, the newest first.
    pub fn keys_of(&self, principal: &Principal) -> Vec<&KeytabEntry> {
        let mut keys: Vec<_> = self.entries.iter().filter(|entry| entry.principal == *principal).collect();
        keys.sort_by_key(|entry| Reverse((entry.kvno, entry.timestamp)));
        keys
    }

    /// The key that a ticket names: of this principal, version (the newest if none is given) and
    /// encryption type.
    ///
    /// Old entries hold the low 8 bits of the version only; one of them stands in where no whole
    /// number is equal. Keys of a length that their enctype doesn't have are passed over.
    ///
    /// # Errors
    /// If there is none, with what there is instead.
    #[doc(alias = "krb5_kt_get_entry")]
    pub fn find(
        &self,
        principal: &Principal,
        kvno: Option<u32>,
        enctype: Enctype,
    ) -> Result<&KeytabEntry, KeyNotFound> {
        let keys = self.keys_of(principal);
        if keys.is_empty() {
            let held = self.principals().take(LISTED + 1).cloned().collect();
            return Err(KeyNotFound::Principal { principal: principal.clone(), held });
        }
        let versions = of_version(&keys, kvno);
        if let (true, Some(kvno)) = (versions.is_empty(), kvno) {
            let mut held: Vec<u32> = keys.iter().map(|entry| entry.kvno).collect();
            held.dedup();
            return Err(KeyNotFound::Kvno { principal: principal.clone(), kvno, held });
        }
        versions.iter().copied().find(|entry| entry.key.enctype() == enctype && entry.has_fitting_key()).ok_or_else(
            || KeyNotFound::Enctype {
                principal: principal.clone(),
                enctype,
                held: versions.iter().map(|entry| entry.key.enctype()).collect(),
            },
        )
    }

    /// Adds a key, in the place of the one with the same principal, version and enctype if there is one.
    #[doc(alias = "krb5_kt_add_entry")]
    pub fn add(&mut self, entry: KeytabEntry) {
        match self.entries.iter_mut().find(|held| held.is_for_the_same(&entry)) {
            Some(held) => *held = entry,
            None => self.entries.push(entry),
        }
    }

    /// Removes the entries that `unwanted` returns true for; returns how many.
    #[doc(alias = "krb5_kt_remove_entry")]
    pub fn remove(&mut self, mut unwanted: impl FnMut(&KeytabEntry) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !unwanted(entry));
        before - self.entries.len()
    }

    /// Adds all keys of `other`, as [`Keytab::add`] does.
    pub fn merge(&mut self, other: Keytab) {
        self.extend(other.entries);
        self.unreadable.extend(other.unreadable);
    }
}

impl Extend<KeytabEntry> for Keytab {
    /// Adds each, as [`Keytab::add`] does.
    fn extend<T: IntoIterator<Item = KeytabEntry>>(&mut self, entries: T) {
        let place = |entry: &KeytabEntry| {
            let (realm, components) = (entry.principal.realm().to_string(), entry.principal.components().to_vec());
            (realm, components, entry.kvno, entry.key.enctype())
        };
        let mut places: BTreeMap<_, _> = self.entries.iter().map(place).zip(0..).collect();
        for entry in entries {
            let at = *places.entry(place(&entry)).or_insert(self.entries.len());
            match self.entries.get_mut(at) {
                Some(held) => *held = entry,
                None => self.entries.push(entry),
            }
        }
    }
}

impl KeytabEntry {
    /// Whether the key is as long as those of its enctype, as far as the enctype is known.
    fn has_fitting_key(&self) -> bool {
        self.key.enctype().key_size().is_none_or(|size| size == self.key.bytes().len())
    }

    fn is_for_the_same(&self, other: &KeytabEntry) -> bool {
        self.principal == other.principal && self.kvno == other.kvno && self.key.enctype() == other.key.enctype()
    }
}

impl FromIterator<KeytabEntry> for Keytab {
    fn from_iter<T: IntoIterator<Item = KeytabEntry>>(entries: T) -> Self {
        let mut keytab = Keytab::new();
        keytab.extend(entries);
        keytab
    }
}

/// Those of `keys` with this version; with any of the newest version if none is given.
fn of_version<'a>(keys: &[&'a KeytabEntry], kvno: Option<u32>) -> Vec<&'a KeytabEntry> {
    let with = |kvno: u32| keys.iter().copied().filter(move |entry| entry.kvno == kvno).collect::<Vec<_>>();
    match kvno {
        None => keys.first().map(|newest| with(newest.kvno)).unwrap_or_default(),
        Some(kvno) => match with(kvno) {
            none if none.is_empty() => with(kvno & 0xff),
            exact => exact,
        },
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
    let too_long = |_| EncodeError { what: WHAT, item: "a record", limit: to_usize(i32::MAX.unsigned_abs()) };
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

/// Lengths of 32 bits fit wherever this runs; if not, no input is as long as `usize::MAX`.
fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

impl fmt::Display for KeyNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyNotFound::Principal { principal, held } => {
                write!(f, "the keytab has no key of {principal}; it has keys of {}", Listed(held))
            }
            KeyNotFound::Kvno { principal, kvno, held } => {
                write!(f, "the keytab has no key of {principal} with version {kvno}; it has versions {}", Listed(held))
            }
            KeyNotFound::Enctype { principal, enctype, held } => {
                let held: Vec<i32> = held.iter().map(|enctype| enctype.0).collect();
                write!(
                    f,
                    "the keytab has no key of {principal} with enctype {}; it has enctypes {}",
                    enctype.0,
                    Listed(&held)
                )
            }
        }
    }
}

impl core::error::Error for KeyNotFound {}

/// How many things an error lists.
const LISTED: usize = 8;

/// At most [`LISTED`] of them, with commas.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        for (index, item) in self.0.iter().take(LISTED).enumerate() {
            write!(f, "{}{item}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str(if self.0.len() > LISTED { " and more" } else { "" })
    }
}
