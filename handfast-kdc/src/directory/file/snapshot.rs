use super::encoding::{decode_entry, decode_settings};
use super::store::{Stamp, database};
use super::{FileDirectoryError, PRINCIPALS, REALM, REALM_NAME, REALM_SETTINGS};
use crate::directory::PrincipalEntry;
use crate::settings::Settings;
use handfast::Principal;
use handfast::crypto::Secret;
use handfast::wire::DecodeError;
use redb::{ReadableDatabase, ReadableTable, TableError};
use std::collections::HashMap;
use std::path::Path;
use std::string::{String, ToString};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// The contents of the file at one time. Keys are derived when a principal is first asked for.
pub(super) struct Snapshot {
    stamp: Stamp,
    read_at: SystemTime,
    pub(super) realm: String,
    pub(super) settings: Settings,
    principals: HashMap<Principal, Arc<Held>>,
}

struct Held {
    bytes: Secret,
    entry: OnceLock<Result<Arc<PrincipalEntry>, DecodeError>>,
}

/// Files changed within this time of being read are read again: their time may not tell two changes apart.
const UNSETTLED: Duration = Duration::from_secs(1);

impl Snapshot {
    /// Reads the whole file. What has not changed since `before` keeps its derived keys.
    pub(super) fn read(
        path: &Path,
        (opened, stamp): (impl ReadableDatabase, Stamp),
        before: Option<&Snapshot>,
    ) -> Result<Self, FileDirectoryError> {
        let wrong = |error: redb::Error| database(path, error);
        let read = opened.begin_read().map_err(|error| wrong(error.into()))?;
        let no_realm = || FileDirectoryError::NoRealm { path: path.to_path_buf() };
        let missing = |error| match error {
            TableError::TableDoesNotExist(_) => no_realm(),
            error => wrong(error.into()),
        };
        let realm = read.open_table(REALM).map_err(missing)?;
        let value = |name| realm.get(name).map_err(|error| wrong(error.into()))?.ok_or_else(no_realm);
        let name = String::from_utf8(value(REALM_NAME)?.value().to_vec()).map_err(|_| no_realm())?;
        let settings = decode_settings(value(REALM_SETTINGS)?.value());
        let settings = settings.map_err(|error| FileDirectoryError::Decode { of: "settings".to_string(), error })?;

        let mut principals = HashMap::new();
        for row in read.open_table(PRINCIPALS).map_err(missing)?.iter().map_err(|error| wrong(error.into()))? {
            let (name, bytes) = row.map_err(|error| wrong(error.into()))?;
            let name: Principal = name.value().parse().map_err(|error| database(path, error))?;
            let held = held(before, &name, bytes.value());
            principals.insert(name, held);
        }
        Ok(Snapshot { stamp, read_at: SystemTime::now(), realm: name, settings, principals })
    }

    /// Whether a file with this stamp surely holds the same.
    pub(super) fn is_of(&self, stamp: Stamp) -> bool {
        let settled = |modified| self.read_at.duration_since(modified).is_ok_and(|age| age >= UNSETTLED);
        self.stamp == stamp && stamp.modified.is_some_and(settled)
    }

    pub(super) fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, FileDirectoryError> {
        self.principals.get(name).map(|held| held.entry(name)).transpose()
    }

    /// All principals, by name.
    pub(super) fn entries(&self) -> Result<Vec<Arc<PrincipalEntry>>, FileDirectoryError> {
        let mut named: Vec<_> = self.principals.iter().map(|(name, held)| (name.to_string(), name, held)).collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        named.into_iter().map(|(_, name, held)| held.entry(name)).collect()
    }
}

impl Held {
    fn entry(&self, name: &Principal) -> Result<Arc<PrincipalEntry>, FileDirectoryError> {
        let entry = self.entry.get_or_init(|| decode_entry(self.bytes.expose()).map(Arc::new));
        entry.clone().map_err(|error| FileDirectoryError::Decode { of: name.to_string(), error })
    }
}

/// The bytes as held before, with keys that were derived, if they are the same.
fn held(before: Option<&Snapshot>, name: &Principal, bytes: &[u8]) -> Arc<Held> {
    let same = before.and_then(|before| before.principals.get(name)).filter(|held| held.bytes.expose() == bytes);
    let new = || Arc::new(Held { bytes: Secret::new(bytes.to_vec()), entry: OnceLock::new() });
    same.cloned().unwrap_or_else(new)
}
