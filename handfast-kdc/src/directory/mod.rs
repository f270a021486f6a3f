mod entry;
#[cfg(feature = "file")]
mod file;
mod long_term_key;
mod memory;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use handfast::Principal;

pub use entry::PrincipalEntry;
#[cfg(all(fuzzing, feature = "file"))]
pub use file::fuzzing;
#[cfg(feature = "file")]
pub use file::{FileDirectory, FileDirectoryError};
pub use long_term_key::LongTermKey;
pub use memory::MemoryDirectory;

/// Who is known to a realm. Asked twice or thrice per request, from many threads at once.
pub trait Directory: Send + Sync {
    /// The principal of that name, none if there is none.
    ///
    /// # Errors
    /// If that can't be told now; the client is answered KDC_ERR_SVC_UNAVAILABLE.
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError>;
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        (**self).find(name)
    }
}

/// A directory that is edited while it is served.
#[cfg(feature = "std")]
impl<D: Directory> Directory for std::sync::RwLock<D> {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        self.read().unwrap_or_else(std::sync::PoisonError::into_inner).find(name)
    }
}

/// The directory can't answer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    reason: String,
}

impl DirectoryError {
    /// An error with a reason for the log; clients do not see it.
    pub fn new(reason: impl Into<String>) -> Self {
        DirectoryError { reason: reason.into() }
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the directory can't answer: {}", self.reason)
    }
}

impl core::error::Error for DirectoryError {}
