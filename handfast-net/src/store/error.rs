use std::fmt;
use std::io;
use std::path::PathBuf;

use handfast::Principal;
use handfast::crypto::RandomError;
use handfast::wire::{DecodeError, EncodeError};

use super::kcm::KcmError;
use crate::environment::{CacheName, Store, StoreNameError};
use crate::lock::LockError;

/// Why a credential cache or keytab can't be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such file.
    Missing {
        /// What was looked for.
        store: Store,
        /// Where.
        path: PathBuf,
    },
    /// The system does not let us.
    Io {
        /// What it is.
        store: Store,
        /// Where.
        path: PathBuf,
        /// What was attempted, such as `read`.
        doing: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// Somebody else has locked it for too long, or it takes no lock.
    Lock {
        /// What it is.
        store: Store,
        /// Where.
        path: PathBuf,
        /// Why there is no lock.
        error: LockError,
    },
    /// It is no file, but a directory, a pipe or a device.
    NotAFile {
        /// What was looked for.
        store: Store,
        /// Where.
        path: PathBuf,
    },
    /// It is longer than is read.
    TooLarge {
        /// What it is.
        store: Store,
        /// Where.
        path: PathBuf,
        /// The most bytes that are read.
        limit: usize,
    },
    /// It does not decode.
    Malformed {
        /// What it is.
        store: Store,
        /// Where.
        path: PathBuf,
        /// What is wrong, and at which byte.
        error: DecodeError,
    },
    /// There is no such credential cache, where it is no file.
    NoCache {
        /// Its name.
        name: CacheName,
    },
    /// A rule of `.k5identity` names a client for a service, and there is no cache of that client.
    NoCacheOf {
        /// Who.
        client: Box<Principal>,
        /// Where the rule stands.
        path: PathBuf,
    },
    /// The file `.k5identity` can't be read.
    Identities {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The cache's type has no primary cache to choose, or not in this collection.
    NoCollection {
        /// The name that was to be switched to, or in whose collection a new cache was to be made.
        name: CacheName,
    },
    /// A cache that is no file does not decode.
    MalformedCache {
        /// Its name.
        name: CacheName,
        /// What is wrong, and at which byte of the part that was read.
        error: DecodeError,
    },
    /// The kernel's keyring refuses.
    Keyring {
        /// The cache or collection.
        name: CacheName,
        /// What was attempted, such as `read`.
        doing: &'static str,
        /// What the kernel says.
        error: io::Error,
    },
    /// The KCM daemon refuses, or is not there.
    Kcm {
        /// Where it listens.
        socket: PathBuf,
        /// Why.
        error: KcmError,
    },
    /// The system gives no random bytes for a new name.
    Random(RandomError),
    /// No store has that name.
    Name(StoreNameError),
    /// What was to be written has no place in the format.
    Encode(EncodeError),
}

impl From<EncodeError> for StoreError {
    fn from(error: EncodeError) -> Self {
        StoreError::Encode(error)
    }
}

impl From<RandomError> for StoreError {
    fn from(error: RandomError) -> Self {
        StoreError::Random(error)
    }
}

impl From<StoreNameError> for StoreError {
    fn from(error: StoreNameError) -> Self {
        StoreError::Name(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Missing { store: Store::Ccache, path } => {
                write!(f, "no credential cache at FILE:{}: log in first", path.display())
            }
            StoreError::Missing { store: Store::Keytab, path } => {
                write!(f, "no keytab at FILE:{}: put one there, or name another one", path.display())
            }
            StoreError::Missing { store: Store::ReplayCache, path } => {
                write!(f, "no replay cache at {}", path.display())
            }
            StoreError::Io { store: Store::ReplayCache, path, doing, error } => {
                write!(f, "can't {doing} the replay cache {}: {error}", path.display())
            }
            StoreError::Io { store, path, doing, error } => {
                write!(f, "can't {doing} the {store} FILE:{}: {error}", path.display())
            }
            StoreError::Lock { store, path, error } => write!(f, "the {store} FILE:{}: {error}", path.display()),
            StoreError::NotAFile { store, path } => {
                write!(f, "no {store} at FILE:{}: that is no regular file", path.display())
            }
            StoreError::TooLarge { store, path, limit } => {
                write!(f, "the {store} FILE:{} is longer than the limit of {limit} bytes", path.display())
            }
            StoreError::Malformed { store, path, error } => {
                write!(f, "FILE:{} is no {store}, or a damaged one: {error}", path.display())
            }
            StoreError::NoCache { name } => write!(f, "no credential cache at {name}: log in first"),
            StoreError::NoCacheOf { client, path } => {
                write!(
                    f,
                    "{} says to be {client} for this service, of whom there is no credential cache: log in first",
                    path.display()
                )
            }
            StoreError::Identities { path, error } => write!(f, "can't read {}: {error}", path.display()),
            StoreError::NoCollection { name } => {
                write!(f, "{name} is in no collection of caches here: DIR, KEYRING and KCM have such")
            }
            StoreError::MalformedCache { name, error } => {
                write!(f, "{name} is no credential cache, or a damaged one: {error}")
            }
            StoreError::Keyring { name, doing, error } => write!(f, "can't {doing} {name}: {error}"),
            StoreError::Kcm { socket, error } => write!(f, "the KCM daemon at {}: {error}", socket.display()),
            StoreError::Random(error) => error.fmt(f),
            StoreError::Name(error) => error.fmt(f),
            StoreError::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Io { error, .. } | StoreError::Identities { error, .. } => Some(error),
            StoreError::Lock { error, .. } => Some(error),
            StoreError::Malformed { error, .. } => Some(error),
            StoreError::MalformedCache { error, .. } => Some(error),
            StoreError::Keyring { error, .. } => Some(error),
            StoreError::Kcm { error, .. } => Some(error),
            StoreError::Random(error) => Some(error),
            StoreError::Name(error) => Some(error),
            StoreError::Encode(error) => Some(error),
            StoreError::Missing { .. }
            | StoreError::NotAFile { .. }
            | StoreError::TooLarge { .. }
            | StoreError::NoCache { .. }
            | StoreError::NoCacheOf { .. }
            | StoreError::NoCollection { .. } => None,
        }
    }
}
