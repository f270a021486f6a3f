mod encoding;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod record;
mod snapshot;
mod store;
mod stored;
#[cfg(test)]
mod tests;

use super::{Directory, DirectoryError, PrincipalEntry};
use crate::settings::Settings;
use encoding::{decode_entry, encode_entry, encode_settings};
use handfast::crypto::Random;
use handfast::krb5::Keytab;
use handfast::krb5::enctype::CryptoError;
use handfast::{Principal, Time};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use snapshot::Snapshot;
use std::fmt;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use std::vec::Vec;
use store::Stamp;

pub use error::FileDirectoryError;

/// What holds for the whole file: [`REALM_NAME`] and [`REALM_SETTINGS`].
const REALM: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("realm");
const REALM_NAME: &str = "name";
const REALM_SETTINGS: &str = "settings";
/// Names as [`Principal`] displays them, and principals as [`encode_entry`] writes them.
const PRINCIPALS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("principals");

/// How often the file is looked at while it is served.
const LOOK: Duration = Duration::from_millis(250);

/// A directory in a database file, which may be served by one process while others edit it.
///
/// **Keys stand in the file in clear.** It is made with mode 0600, and a file that anyone but its owner can read or
/// write is refused. Who can read it can be anyone in the realm: protect its backups the same.
///
/// Nobody holds the file open: an edit opens it, commits durably and closes it; another process's edit at that moment
/// waits, for 5 seconds at most. What [`Directory::find`] answers from is in memory. It looks at the file's identity,
/// size and time every 250 milliseconds when it is asked, and reads it again if they changed: edits are seen within
/// that time. While an editor has the file open, what was read before is served; if the file is gone or open to
/// others, nothing is.
pub struct FileDirectory {
    path: PathBuf,
    held: RwLock<Result<Arc<Snapshot>, String>>,
    started: Instant,
    /// Milliseconds after `started` when the file is looked at again.
    next_look: AtomicU64,
}

impl FileDirectory {
    /// Makes the file, which must not be there yet, with a realm in it: its ticket-granting service with random keys.
    ///
    /// # Errors
    /// If there is a file already, or it can't be made; what was made of it is removed then.
    pub fn create(
        path: impl Into<PathBuf>,
        realm: &str,
        settings: &Settings,
        random: &dyn Random,
        now: Time,
    ) -> Result<Self, FileDirectoryError> {
        let path = path.into();
        let krbtgt = PrincipalEntry::krbtgt(realm, random, now)?;
        let opened = store::create(&path)?;
        let file = File { path: &path, write: &opened };
        let made = file.commit(|write| {
            let mut table = file.table(write, REALM)?;
            file.put(&mut table, REALM_NAME, realm.as_bytes())?;
            file.put(&mut table, REALM_SETTINGS, encode_settings(settings)?.expose())?;
            file.put_entry(&mut file.table(write, PRINCIPALS)?, &krbtgt)
        });
        let closed = opened.close().map_err(|error| store::database(&path, error));
        if let Err(error) = made.and(closed) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Self::open(path)
    }

    /// Opens a file and reads it.
    ///
    /// # Errors
    /// If it can't be read, others can read it, or there is no realm in it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileDirectoryError> {
        let path = path.into();
        let snapshot = Snapshot::read(&path, store::open_to_read(&path)?, None)?;
        Ok(FileDirectory {
            path,
            held: RwLock::new(Ok(Arc::new(snapshot))),
            started: Instant::now(),
            next_look: AtomicU64::new(0),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The realm's name.
    ///
    /// # Errors
    /// If the file can't be read any more.
    pub fn realm(&self) -> Result<String, DirectoryError> {
        self.current().map(|snapshot| snapshot.realm.clone())
    }

    /// The settings in the file. A [`Realm`](crate::Realm) keeps those that it was made with.
    ///
    /// # Errors
    /// If the file can't be read any more.
    pub fn settings(&self) -> Result<Settings, DirectoryError> {
        self.current().map(|snapshot| snapshot.settings.clone())
    }

    /// All principals, by name.
    ///
    /// # Errors
    /// If the file can't be read any more, or one of them does not decode.
    pub fn entries(&self) -> Result<Vec<Arc<PrincipalEntry>>, DirectoryError> {
        self.current()?.entries().map_err(|error| DirectoryError::new(error.to_string()))
    }

    /// The keys of a principal.
    ///
    /// # Errors
    /// If there is no such principal, or the file can't be read any more.
    pub fn keytab(&self, name: &Principal) -> Result<Keytab, FileDirectoryError> {
        let snapshot = Snapshot::read(&self.path, store::open_to_read(&self.path)?, None)?;
        let entry = snapshot.find(name)?.ok_or_else(|| FileDirectoryError::Unknown(name.clone()))?;
        Ok(entry.keytab())
    }

    /// Changes the settings.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn set_settings(&self, settings: &Settings) -> Result<(), FileDirectoryError> {
        let bytes = encode_settings(settings)?;
        self.edit(|file, write| file.put(&mut file.table(write, REALM)?, REALM_SETTINGS, bytes.expose()))
    }

    /// Adds a principal.
    ///
    /// # Errors
    /// If there is one of that name, it is of another realm, or the file can't be written.
    pub fn add(&self, entry: &PrincipalEntry) -> Result<(), FileDirectoryError> {
        self.edit(|file, write| {
            file.check_realm(write, &entry.principal)?;
            let mut principals = file.table(write, PRINCIPALS)?;
            match file.entry(&principals, &entry.principal)? {
                Some(_) => Err(FileDirectoryError::Known(entry.principal.clone())),
                None => file.put_entry(&mut principals, entry),
            }
        })
    }

    /// Changes a principal: password, keys, flags, limits. Its name stays.
    ///
    /// # Errors
    /// If there is no such principal, `change` fails, or the file can't be written; nothing is changed then.
    pub fn change(
        &self,
        name: &Principal,
        change: impl FnOnce(&mut PrincipalEntry) -> Result<(), CryptoError>,
    ) -> Result<(), FileDirectoryError> {
        self.edit(|file, write| {
            let mut principals = file.table(write, PRINCIPALS)?;
            let entry = file.entry(&principals, name)?;
            let mut entry = entry.ok_or_else(|| FileDirectoryError::Unknown(name.clone()))?;
            let principal = entry.principal.clone();
            change(&mut entry)?;
            entry.principal = principal;
            file.put_entry(&mut principals, &entry)
        })
    }

    /// Removes a principal, not the realm's own ticket-granting service.
    ///
    /// # Errors
    /// If there is no such principal, or the file can't be written.
    pub fn remove(&self, name: &Principal) -> Result<(), FileDirectoryError> {
        if *name == Principal::krbtgt(name.realm(), name.realm()) {
            return Err(FileDirectoryError::Needed(name.clone()));
        }
        self.edit(|file, write| {
            let mut principals = file.table(write, PRINCIPALS)?;
            let removed = principals.remove(name.to_string().as_str()).map_err(|error| file.wrong(error))?;
            removed.map(drop).ok_or_else(|| FileDirectoryError::Unknown(name.clone()))
        })
    }

    /// Opens the file, does the work and commits it, or leaves all as it was.
    fn edit(
        &self,
        work: impl FnOnce(&File<'_>, &WriteTransaction) -> Result<(), FileDirectoryError>,
    ) -> Result<(), FileDirectoryError> {
        let opened = store::open(&self.path)?;
        let file = File { path: &self.path, write: &opened };
        let done = file.commit(|write| work(&file, write));
        let closed = opened.close().map_err(|error| store::database(&self.path, error));
        self.next_look.store(0, Ordering::Relaxed);
        done.and(closed)
    }

    /// What the file holds, looked at if it is time.
    fn current(&self) -> Result<Arc<Snapshot>, DirectoryError> {
        if self.is_time_to_look() {
            self.look();
        }
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone().map_err(DirectoryError::new)
    }

    /// True for one of the threads that ask, once in a while.
    fn is_time_to_look(&self) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (now, next) = (millis(self.started.elapsed()), self.next_look.load(Ordering::Relaxed));
        let later = now.saturating_add(millis(LOOK));
        now >= next && self.next_look.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Reads the file again if it changed.
    fn look(&self) {
        let before = self.held.read().unwrap_or_else(PoisonError::into_inner).clone().ok();
        let stamp = std::fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata));
        if let (Some(before), Ok(stamp)) = (&before, &stamp)
            && before.is_of(*stamp)
        {
            return;
        }
        let read = store::open_to_read_now(&self.path)
            .and_then(|opened| Snapshot::read(&self.path, opened, before.as_deref()));
        let held = match (read, before) {
            (Ok(snapshot), _) => Ok(Arc::new(snapshot)),
            (Err(FileDirectoryError::Busy { .. }), Some(_)) => return,
            (Err(error), _) => Err(error.to_string()),
        };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

impl Directory for FileDirectory {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        self.current()?.find(name).map_err(|error| DirectoryError::new(error.to_string()))
    }

    fn update(&self, name: &Principal, change: &dyn Fn(&mut PrincipalEntry) -> bool) -> Result<bool, DirectoryError> {
        let mut changed = false;
        let edit = |entry: &mut PrincipalEntry| {
            changed = change(entry);
            Ok(())
        };
        match self.change(name, edit) {
            Ok(()) => Ok(changed),
            Err(FileDirectoryError::Unknown(_)) => Ok(false),
            Err(error) => Err(DirectoryError::new(error.to_string())),
        }
    }
}

impl fmt::Debug for FileDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDirectory").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The file while it is open to write.
struct File<'a> {
    path: &'a Path,
    write: &'a redb::Database,
}

type Rows<'a> = Table<'a, &'static str, &'static [u8]>;

impl File<'_> {
    fn wrong(&self, error: impl Into<redb::Error>) -> FileDirectoryError {
        store::database(self.path, error.into())
    }

    fn commit(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), FileDirectoryError>,
    ) -> Result<(), FileDirectoryError> {
        let write = self.write.begin_write().map_err(|error| self.wrong(error))?;
        work(&write)?;
        write.commit().map_err(|error| self.wrong(error))
    }

    fn table<'t>(
        &self,
        write: &'t WriteTransaction,
        table: TableDefinition<'static, &'static str, &'static [u8]>,
    ) -> Result<Rows<'t>, FileDirectoryError> {
        write.open_table(table).map_err(|error| self.wrong(error))
    }

    fn put(&self, table: &mut Rows<'_>, name: &str, bytes: &[u8]) -> Result<(), FileDirectoryError> {
        table.insert(name, bytes).map(drop).map_err(|error| self.wrong(error))
    }

    fn put_entry(&self, table: &mut Rows<'_>, entry: &PrincipalEntry) -> Result<(), FileDirectoryError> {
        self.put(table, &entry.principal.to_string(), encode_entry(entry)?.expose())
    }

    fn entry(&self, table: &Rows<'_>, name: &Principal) -> Result<Option<PrincipalEntry>, FileDirectoryError> {
        let bytes = table.get(name.to_string().as_str()).map_err(|error| self.wrong(error))?;
        let undecodable = |error| FileDirectoryError::Decode { of: name.to_string(), error };
        bytes.map(|bytes| decode_entry(bytes.value()).map_err(undecodable)).transpose()
    }

    /// Whether the principal is of the file's realm, or a key that another one shares with it, and has a name that can be written and read.
    fn check_realm(&self, write: &WriteTransaction, principal: &Principal) -> Result<(), FileDirectoryError> {
        let table = self.table(write, REALM)?;
        let no_realm = || FileDirectoryError::NoRealm { path: self.path.to_path_buf() };
        let name = table.get(REALM_NAME).map_err(|error| self.wrong(error))?.ok_or_else(no_realm)?;
        let realm = String::from_utf8_lossy(name.value()).into_owned();
        let ours = principal.realm() == realm || *principal == Principal::krbtgt(&realm, principal.realm());
        if ours && principal.to_string().parse().as_ref() == Ok(principal) {
            return Ok(());
        }
        Err(FileDirectoryError::WrongRealm { principal: principal.clone(), realm })
    }
}
