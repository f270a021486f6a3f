use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use handfast::crypto::Secret;

use super::{AccountList, AccountListError};

/// Whoever is neither the owner nor of the group may read or write, or the group may write.
const TOO_OPEN: u32 = 0o026;
/// The group may read.
const GROUP_READS: u32 = 0o040;

/// An [`AccountList`] in a file, which nobody but its owner should be able to read: each hash in it is as good as the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFile {
    path: PathBuf,
}

impl AccountFile {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        AccountFile { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, and says whether its group can read it, too.
    ///
    /// # Errors
    /// [`AccountFileError`]; [`TooOpen`](AccountFileError::TooOpen) if everybody may read or write it, or its group write it.
    pub fn load(&self) -> Result<(AccountList, bool), AccountFileError> {
        // Before it is opened, too: opening a pipe waits until somebody writes to it.
        if !std::fs::metadata(&self.path).map_err(|error| self.io(error))?.is_file() {
            return Err(AccountFileError::NotAFile { path: self.path.clone() });
        }
        let file = File::open(&self.path).map_err(|error| self.io(error))?;
        let metadata = file.metadata().map_err(|error| self.io(error))?;
        if !metadata.is_file() {
            return Err(AccountFileError::NotAFile { path: self.path.clone() });
        }
        let mode = metadata.permissions().mode();
        if mode & TOO_OPEN != 0 {
            return Err(AccountFileError::TooOpen { path: self.path.clone(), mode: mode & 0o777 });
        }
        let most = u64::try_from(AccountList::SIZE_LIMIT).unwrap_or(u64::MAX).saturating_add(1);
        let size = usize::try_from(metadata.len().min(most)).unwrap_or(AccountList::SIZE_LIMIT);
        // Whole from the start: memory that a vector leaves behind when it grows is not wiped.
        let mut text = Secret::new(Vec::with_capacity(size + 1));
        file.take(most).read_to_end(text.expose_mut()).map_err(|error| self.io(error))?;
        let list = AccountList::parse(text.expose())
            .map_err(|error| AccountFileError::Malformed { path: self.path.clone(), error })?;
        Ok((list, mode & GROUP_READS != 0))
    }

    fn io(&self, error: io::Error) -> AccountFileError {
        AccountFileError::Io { path: self.path.clone(), error }
    }
}

/// Why an account file can't be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum AccountFileError {
    /// The system does not let us read it.
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is a directory, a pipe or a device.
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// Others may read or change it.
    TooOpen {
        /// Where it is.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A line can't be read.
    Malformed {
        /// Where it is.
        path: PathBuf,
        /// Which line, and why.
        error: AccountListError,
    },
}

impl fmt::Display for AccountFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountFileError::Io { path, error } => write!(f, "can't read the accounts in {}: {error}", path.display()),
            AccountFileError::NotAFile { path } => write!(f, "{} is no regular file", path.display()),
            AccountFileError::TooOpen { path, mode } => write!(
                f,
                "others may read or change {} (its mode is {mode:04o}), and what is in it is as good as the passwords: make it 0600",
                path.display()
            ),
            AccountFileError::Malformed { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for AccountFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AccountFileError::Io { error, .. } => Some(error),
            AccountFileError::Malformed { error, .. } => Some(error),
            AccountFileError::NotAFile { .. } | AccountFileError::TooOpen { .. } => None,
        }
    }
}
