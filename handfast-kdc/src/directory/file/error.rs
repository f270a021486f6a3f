use handfast::Principal;
use handfast::krb5::enctype::CryptoError;
use handfast::wire::{DecodeError, EncodeError};
use std::fmt;
use std::path::PathBuf;
use std::string::String;
use std::time::Duration;

/// Why a directory file can't be used, or an edit was refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileDirectoryError {
    /// The file can't be opened, made or looked at.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others than its owner may read or write the file: the keys in it must be taken for known.
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its mode, the lowest nine bits.
        mode: u32,
    },
    /// Another process has had the file open all the time.
    Busy {
        /// The file.
        path: PathBuf,
        /// How long we tried.
        waited: Duration,
    },
    /// The database itself reports an error.
    Database {
        /// The file.
        path: PathBuf,
        /// What the database says.
        reason: String,
    },
    /// There is no realm in the file.
    NoRealm {
        /// The file.
        path: PathBuf,
    },
    /// What the file holds does not decode.
    Decode {
        /// The principal's name, or "settings".
        of: String,
        /// Why.
        error: DecodeError,
    },
    /// A name or list is too long for the file.
    Encode(EncodeError),
    /// A principal of that name is there already.
    Known(Principal),
    /// No principal of that name is there.
    Unknown(Principal),
    /// The principal's realm is not the file's.
    WrongRealm {
        /// The principal.
        principal: Principal,
        /// The file's realm.
        realm: String,
    },
    /// Without its ticket-granting service there is no realm.
    Needed(Principal),
    /// A key can't be made.
    Crypto(CryptoError),
}

impl fmt::Display for FileDirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
            Self::OpenToOthers { path, mode } => write!(
                f,
                "{}: its mode is {mode:04o}, so others than its owner can get at the keys: make it 0600, and new keys",
                path.display()
            ),
            Self::Busy { path, waited } => {
                write!(f, "{}: another process has had it open for {:.1} s", path.display(), waited.as_secs_f64())
            }
            Self::Database { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::NoRealm { path } => write!(f, "{}: there is no realm in it", path.display()),
            Self::Decode { of, error } => write!(f, "{of}: {error}"),
            Self::Encode(error) => error.fmt(f),
            Self::Known(principal) => write!(f, "{principal} is there already"),
            Self::Unknown(principal) => write!(f, "there is no {principal}"),
            Self::WrongRealm { principal, realm } => write!(f, "{principal} is not of the realm {realm}"),
            Self::Needed(principal) => write!(f, "{principal} is the ticket-granting service and can't be removed"),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileDirectoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Decode { error, .. } => Some(error),
            Self::Encode(error) => Some(error),
            Self::Crypto(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CryptoError> for FileDirectoryError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<EncodeError> for FileDirectoryError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
