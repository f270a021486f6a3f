//! Ticket stores on disk: credential caches and keytabs in files, shared with MIT's library and programs.
//!
//! Files are locked as MIT locks them ([`crate::lock`]): shared to read, exclusively to write, for 10 seconds at the longest until
//! somebody else has let go. What was read is kept, and read again only when the file has another device, inode, size or
//! modification time.
//!
//! As with MIT's library, a symbolic link is followed to read and to append, and replaced by a file when a cache is created; who
//! owns a file is not looked at. Files are created with the mode 0600.

mod ccache_file;
mod error;
mod file;
mod keytab_file;

pub use ccache_file::CcacheFile;
pub use error::StoreError;
pub use keytab_file::KeytabFile;

#[cfg(test)]
mod tests;
