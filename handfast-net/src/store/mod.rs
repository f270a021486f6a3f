//! Ticket stores: credential caches of every type, and keytabs in files, shared with MIT's library and programs.
//!
//! | type | what it is |
//! |---|---|
//! | `FILE` | a file: [`CcacheFile`] |
//! | `DIR` | files in a directory, one of them the primary one: [`CacheDirectory`] |
//! | `MEMORY` | caches of this process, by name: [`MemoryCaches`] |
//! | `KCM` | caches that a daemon keeps: [`Kcm`] |
//! | `KEYRING` | caches that the Linux kernel keeps: `Keyrings` (feature `keyring`) |
//!
//! Each is a [`CredentialCache`], and those that come together a [`CacheCollection`]; [`CacheTypes`] opens them by their names.
//!
//! [`ReplayFile`] is a replay cache in MIT's form, which several acceptors share.
//!
//! Files are locked as MIT locks them ([`crate::lock`]): shared to read, exclusively to write, for 10 seconds at the longest until
//! somebody else has let go. What was read is kept, and read again only when the file has another device, inode, size or
//! modification time.
//!
//! As with MIT's library, a symbolic link is followed to read and to append, and replaced by a file when a cache is created; who
//! owns a file is not looked at. Files are created with the mode 0600.

mod cache;
mod ccache_file;
mod directory;
mod error;
mod file;
mod kcm;
#[cfg(all(target_os = "linux", feature = "keyring"))]
mod keyring;
mod keytab_file;
mod memory;
mod replay_file;
mod types;

pub use cache::{CacheCollection, CredentialCache};
pub use ccache_file::CcacheFile;
pub use directory::CacheDirectory;
pub use error::StoreError;
pub use kcm::{Kcm, KcmError};
#[cfg(all(target_os = "linux", feature = "keyring"))]
pub use keyring::Keyrings;
pub use keytab_file::KeytabFile;
pub use memory::MemoryCaches;
pub use replay_file::ReplayFile;
pub use types::CacheTypes;

#[cfg(test)]
mod tests;
