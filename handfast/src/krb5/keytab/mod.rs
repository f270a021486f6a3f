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

mod decode;
mod encode;
mod error;

pub use error::KeyNotFound;

use super::enctype::{EncryptionKey, Enctype};
use crate::crypto::Secret;
use crate::name::Principal;
use crate::time::Time;
use crate::wire::DecodeError;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Reverse;
use error::LISTED;

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

/// A record whose contents do not decode. The others are good without it; it is written back as it was, unless it stood in
/// a file of version 1: files are written in version 2, where its bytes would mean something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// What is wrong with it.
    pub error: DecodeError,
    bytes: Option<Secret>,
}

impl Keytab {
    /// The largest file that is read, in bytes.
    pub const SIZE_LIMIT: usize = 16 << 20;

    /// A keytab without keys.
    pub fn new() -> Self {
        Keytab::default()
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
