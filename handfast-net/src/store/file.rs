//! A store's file: opened, locked, read and written as MIT's library does.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use handfast::crypto::{OsRandom, Random, Secret};
use nix::fcntl::OFlag;

use super::StoreError;
use crate::environment::Store;
use crate::lock::{FileLock, LockMode};

/// How long somebody else may keep a file locked.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a file may be replaced by another one while it is being opened.
const REPLACED_LIMIT: usize = 10;
const OWNER_ONLY: u32 = 0o600;

/// Which contents a file has, as far as can be told without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    fn is_same_file(&self, other: &Stamp) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// What was last read of a file.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<(Stamp, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// What was read, if the file is still the same; else what `read` reads.
    pub(super) fn load(
        &self,
        place: &Place,
        read: impl FnOnce() -> Result<(Stamp, T), StoreError>,
    ) -> Result<Arc<T>, StoreError> {
        // What is inside is replaced whole, so a panic elsewhere leaves it as good as it was.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = place.stamp()?;
        if let Some((_, value)) = kept.as_ref().filter(|(read_as, _)| *read_as == stamp) {
            return Ok(Arc::clone(value));
        }
        let (stamp, value) = read()?;
        let value = Arc::new(value);
        *kept = Some((stamp, Arc::clone(&value)));
        Ok(value)
    }
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) store: Store,
    pub(super) path: PathBuf,
}

/// How a file is opened.
#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Append,
    Write,
    /// To write, and not what a symbolic link leads to: who can put one there shall not choose what is overwritten.
    WriteItself,
}

impl Place {
    pub(super) fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> StoreError {
        move |error| {
            let (store, path) = (self.store, self.path.clone());
            match error.kind() {
                io::ErrorKind::NotFound => StoreError::Missing { store, path },
                _ => StoreError::Io { store, path, doing, error },
            }
        }
    }

    fn stamp(&self) -> Result<Stamp, StoreError> {
        let metadata = fs::metadata(&self.path).map_err(self.io("read"))?;
        if !metadata.is_file() {
            return Err(StoreError::NotAFile { store: self.store, path: self.path.clone() });
        }
        Ok(Stamp::of(&metadata))
    }

    fn open(&self, access: Access) -> io::Result<File> {
        let mut options = OpenOptions::new();
        match access {
            Access::Read => options.read(true),
            Access::Append => options.read(true).append(true),
            Access::Write => options.read(true).write(true),
            Access::WriteItself => options.read(true).write(true).custom_flags(OFlag::O_NOFOLLOW.bits()),
        };
        options.open(&self.path)
    }

    /// Fails if a symbolic link stands here.
    pub(super) fn refuse_link(&self) -> Result<(), StoreError> {
        let metadata = fs::symlink_metadata(&self.path).map_err(self.io("read"))?;
        if metadata.is_symlink() {
            return Err(StoreError::NotAFile { store: self.store, path: self.path.clone() });
        }
        Ok(())
    }

    /// Opens the file, locks it, and calls `with` with it. A file that was replaced in between is opened anew.
    pub(super) fn locked<T>(
        &self,
        access: Access,
        with: impl FnOnce(&File, Stamp) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (doing, mode) = match access {
            Access::Read => ("read", LockMode::Shared),
            Access::Append | Access::Write | Access::WriteItself => ("write", LockMode::Exclusive),
        };
        let mut left = REPLACED_LIMIT;
        loop {
            self.stamp()?;
            let file = self.open(access).map_err(self.io(doing))?;
            let lock = FileLock::acquire(&file, mode, PATIENCE).map_err(|error| StoreError::Lock {
                store: self.store,
                path: self.path.clone(),
                error,
            })?;
            let stamp = Stamp::of(&file.metadata().map_err(self.io(doing))?);
            left -= 1;
            if left == 0 || self.stamp()?.is_same_file(&stamp) {
                let result = with(&file, stamp);
                drop(lock);
                return result;
            }
        }
    }

    /// Opens the file, which is never written to but replaced, and calls `with` with it.
    pub(super) fn unlocked<T>(
        &self,
        access: Access,
        with: impl FnOnce(&File) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.stamp()?;
        with(&self.open(access).map_err(self.io("read"))?)
    }

    /// All of a file that is open.
    pub(super) fn contents(&self, file: &File, limit: usize) -> Result<Secret, StoreError> {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let size = file.metadata().map_err(self.io("read"))?.len().min(most);
        // Whole from the start: memory that a vector leaves behind when it grows is not wiped.
        let mut bytes = Secret::new(Vec::with_capacity(usize::try_from(size).unwrap_or(limit) + 1));
        file.take(most).read_to_end(bytes.expose_mut()).map_err(self.io("read"))?;
        if bytes.expose().len() > limit {
            return Err(StoreError::TooLarge { store: self.store, path: self.path.clone(), limit });
        }
        Ok(bytes)
    }

    /// Puts a file with `contents` in the place of the one that is there, at once: whoever reads sees the old or the new one.
    pub(super) fn replace(&self, contents: &Secret) -> Result<(), StoreError> {
        let (temporary, file) = self.create_beside()?;
        let result = fill(&file, contents).and_then(|()| fs::rename(&temporary, &self.path));
        if result.is_err() {
            let _ = fs::remove_file(&temporary); // there is a better error to report
        }
        result.map_err(|error| self.not_created(error))
    }

    /// A new file in the same directory.
    fn create_beside(&self) -> Result<(PathBuf, File), StoreError> {
        let mut random = [0; 8];
        OsRandom.fill(&mut random).map_err(|error| self.not_created(io::Error::other(error)))?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", u64::from_be_bytes(random)));
        let path = self.path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&path);
        Ok((path, file.map_err(|error| self.not_created(error))?))
    }

    /// Not [`StoreError::Missing`], even if a directory is.
    fn not_created(&self, error: io::Error) -> StoreError {
        StoreError::Io { store: self.store, path: self.path.clone(), doing: "create", error }
    }
}

fn fill(mut file: &File, contents: &Secret) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    file.write_all(contents.expose())
}

/// Writes zeros over the file.
pub(super) fn wipe(mut file: &File) -> io::Result<()> {
    let size = file.metadata()?.len();
    file.rewind()?;
    io::copy(&mut io::repeat(0).take(size), &mut file).map(|_| ())
}

/// Where a store is, in the way in which it is named.
pub(super) fn file_path(path: &Path) -> String {
    format!("FILE:{}", path.display())
}
