mod entry;
#[cfg(feature = "file")]
mod file;
mod long_term_key;
mod memory;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use handfast::Principal;

pub use entry::{PASSWORD_HISTORY_LIMIT, PrincipalEntry};
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

    /// Changes a principal, all at once and to stay: a new password that it has chosen, or a failed proof. `change` says whether it
    /// has changed anything, and so does this; it may be called more than once. `false` if there is no such principal.
    ///
    /// # Errors
    /// If it can't be done. A directory that does not have this can't be changed by a realm.
    fn update(&self, _name: &Principal, _change: &dyn Fn(&mut PrincipalEntry) -> bool) -> Result<bool, DirectoryError> {
        Err(DirectoryError::new("it is not one that the realm can change"))
    }

    /// [`update`](Self::update) for one who holds the directory alone.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    fn update_mut(
        &mut self,
        name: &Principal,
        change: &dyn Fn(&mut PrincipalEntry) -> bool,
    ) -> Result<bool, DirectoryError> {
        self.update(name, change)
    }
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        (**self).find(name)
    }

    fn update(&self, name: &Principal, change: &dyn Fn(&mut PrincipalEntry) -> bool) -> Result<bool, DirectoryError> {
        (**self).update(name, change)
    }
}

/// A directory that is edited while it is served.
#[cfg(feature = "std")]
impl<D: Directory> Directory for std::sync::RwLock<D> {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        self.read().unwrap_or_else(std::sync::PoisonError::into_inner).find(name)
    }

    fn update(&self, name: &Principal, change: &dyn Fn(&mut PrincipalEntry) -> bool) -> Result<bool, DirectoryError> {
        self.write().unwrap_or_else(std::sync::PoisonError::into_inner).update_mut(name, change)
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
