use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use handfast::crypto::Secret;
use handfast::krb5::Ccache;
use handfast::krb5::ccache::CcacheEntry;
use handfast::wire::{DecodeError, DecodeReason};

use super::cache::random_name;
use super::file::{Access, Place};
use super::{CacheCollection, CcacheFile, CredentialCache, StoreError};
use crate::environment::{CacheName, Store};

/// The file that names the primary cache: its file's name and a line break.
const PRIMARY: &str = "primary";
/// What the names of cache files start with; alone it is the first one's.
const CACHE: &str = "tkt";
/// The longest first line of [`PRIMARY`], its line break counted: what MIT's library reads.
const PRIMARY_LIMIT: usize = 63;
/// The most caches that are listed.
const LIST_LIMIT: usize = 4096;

/// A directory of credential caches, as MIT's library keeps them: `DIR:/run/user/1000/krb5cc`.
///
/// The caches are files whose names start with `tkt`; a file `primary` says which of them is the primary one.
#[derive(Clone, Debug)]
pub struct CacheDirectory {
    path: PathBuf,
}

impl CacheDirectory {
    /// The directory, which is made if it is not there (its parent must be).
    ///
    /// # Errors
    /// [`StoreError::Io`] if it can't be made, or is no directory.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let failed = |error| StoreError::Io { store: Store::Ccache, path: path.clone(), doing: "open", error };
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(failed(io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(CacheDirectory { path })
    }

    fn place(&self) -> Place {
        Place { store: Store::Ccache, path: self.path.join(PRIMARY) }
    }

    /// The path of the primary cache. If none was ever chosen, that is written down, as MIT's library does.
    fn primary_path(&self) -> Result<PathBuf, StoreError> {
        match self.chosen() {
            Err(StoreError::Missing { .. }) => self.choose(CACHE).map(|()| self.path.join(CACHE)),
            name => Ok(self.path.join(name?)),
        }
    }

    fn chosen(&self) -> Result<String, StoreError> {
        let place = self.place();
        let bytes = place.unlocked(Access::Read, |file| place.contents(file, PRIMARY_LIMIT * 2))?;
        let line = bytes.expose().split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let name = line.strip_suffix(b"\n").filter(|_| line.len() <= PRIMARY_LIMIT);
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).filter(|name| is_cache(name));
        name.map(str::to_owned).ok_or_else(|| self.invalid_primary())
    }

    fn invalid_primary(&self) -> StoreError {
        let reason = DecodeReason::Invalid("one line names a file in the directory that starts with tkt");
        let error = DecodeError { what: "name of the primary cache", offset: 0, reason };
        StoreError::Malformed { store: Store::Ccache, path: self.path.join(PRIMARY), error }
    }

    fn choose(&self, name: &str) -> Result<(), StoreError> {
        self.place().replace(&Secret::new(format!("{name}\n").into_bytes()))
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> StoreError {
        move |error| StoreError::Io { store: Store::Ccache, path: self.path.clone(), doing, error }
    }

    /// The names of cache files, in their order.
    fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(self.failed("list"))? {
            let name = entry.map_err(self.failed("list"))?.file_name();
            if name.to_str().is_some_and(is_cache) {
                files.push(self.path.join(name));
            }
            if files.len() > LIST_LIMIT {
                return Err(StoreError::TooLarge { store: Store::Ccache, path: self.path.clone(), limit: LIST_LIMIT });
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Whether that is the name of a cache file in a directory, and of nothing else.
fn is_cache(name: &str) -> bool {
    name.starts_with(CACHE) && !name.contains(['/', '\\', '\n', '\0'])
}

impl CacheCollection for CacheDirectory {
    fn primary(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        Ok(in_directory(self.primary_path()?))
    }

    fn caches(&self) -> Result<Vec<Arc<dyn CredentialCache>>, StoreError> {
        let primary = self.primary_path()?;
        let mut files = self.files()?;
        files.sort_by_key(|file| *file != primary);
        Ok(files.into_iter().filter(|file| file.is_file()).map(in_directory).collect())
    }

    fn unused(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        loop {
            let path = self.path.join(random_name(CACHE, 6)?);
            if !path.try_exists().map_err(self.failed("open"))? {
                return Ok(in_directory(path));
            }
        }
    }

    fn switch_to(&self, name: &CacheName) -> Result<(), StoreError> {
        let file_name = match name {
            CacheName::InDirectory(path) if path.parent() == Some(&self.path) => path.file_name(),
            _ => None,
        };
        let file_name = file_name.and_then(|name| name.to_str()).filter(|name| is_cache(name));
        let file_name = file_name.filter(|name| name.len() < PRIMARY_LIMIT);
        self.choose(file_name.ok_or_else(|| StoreError::NoCollection { name: name.clone() })?)
    }
}

/// A cache in a directory: a file under another name.
#[derive(Debug)]
struct FileInDirectory(CcacheFile);

pub(super) fn in_directory(path: impl AsRef<Path>) -> Arc<dyn CredentialCache> {
    Arc::new(FileInDirectory(CcacheFile::new(path.as_ref())))
}

impl CredentialCache for FileInDirectory {
    fn name(&self) -> CacheName {
        CacheName::InDirectory(self.0.path().to_owned())
    }

    fn load(&self) -> Result<Arc<Ccache>, StoreError> {
        self.0.load()
    }

    fn replace(&self, ccache: &Ccache) -> Result<(), StoreError> {
        self.0.replace(ccache)
    }

    fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        self.0.append(entries)
    }

    fn destroy(&self) -> Result<(), StoreError> {
        self.0.destroy()
    }
}

impl fmt::Display for FileInDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}
