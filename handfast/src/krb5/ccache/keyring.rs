//! Credential caches in the Linux kernel's keyrings: what keys hold, as MIT's library writes them (its `cc_keyring.c`, since
//! release 1.12).
//!
//! ```text
//! anchor keyring                     session, user, process, thread, or the user's persistent keyring
//!   └ keyring  _krb_COLLECTION       `_krb` below the persistent one
//!       ├ user     krb_ccache:primary     which cache is the primary one: version, length, name
//!       └ keyring  NAME                   a cache
//!           ├ user     __krb5_princ__           whose it is, as in a file
//!           ├ user     __krb5_time_offsets__    KdcOffset: seconds, microseconds
//!           └ big_key  SERVER                   an entry, as in a file; `user` where the kernel has no big_key
//! ```

use super::{Ccache, CcacheEntry, KdcOffset, as_server};
use crate::wire::{DecodeError, DecodeReason, EncodeError, Reader, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The key that holds the name of the primary cache of a collection.
pub const PRIMARY: &str = "krb_ccache:primary";
/// The key that holds whose cache it is.
pub const PRINCIPAL: &str = "__krb5_princ__";
/// The key that holds how far the KDC's clock is ahead.
pub const TIME_OFFSETS: &str = "__krb5_time_offsets__";
/// What the keyring of a collection is called, before the collection's own name.
pub const COLLECTION_PREFIX: &str = "_krb_";
/// What the keyring of the collection is called below a persistent keyring.
pub const PERSISTENT_COLLECTION: &str = "_krb";
/// What a new cache is called, before eight random characters.
pub const UNIQUE_PREFIX: &str = "krb_ccache_";
/// The name of the first cache of a collection that itself has none.
pub const NAMELESS: &str = "tkt";
/// The longest name of a cache that is read, in bytes; the kernel's limit for descriptions.
pub const NAME_LIMIT: usize = 4095;

const VERSION: u32 = 1;
const WHAT: &str = "primary cache of a keyring collection";

/// What [`PRIMARY`] holds for `name`.
///
/// # Errors
/// If the name is longer than [`NAME_LIMIT`].
pub fn encode_primary(name: &str) -> Result<Vec<u8>, EncodeError> {
    let too_long = EncodeError { what: WHAT, item: "the name", limit: NAME_LIMIT };
    let length = u32::try_from(name.len()).ok().filter(|_| name.len() <= NAME_LIMIT).ok_or(too_long)?;
    let mut out = Vec::new();
    Writer::new(&mut out).u32_be(VERSION).u32_be(length).bytes(name.as_bytes());
    Ok(out)
}

/// The name that [`PRIMARY`] holds.
///
/// # Errors
/// If it is of another version, cut off, longer than [`NAME_LIMIT`], has something behind it, or isn't UTF-8.
pub fn decode_primary(bytes: &[u8]) -> Result<String, DecodeError> {
    let mut reader = Reader::new(WHAT, bytes);
    let at_version = reader.clone();
    if reader.u32_be()? != VERSION {
        return Err(at_version.invalid("the version of a keyring collection is 1"));
    }
    let at_length = reader.clone();
    let length = usize::try_from(reader.u32_be()?).unwrap_or(usize::MAX);
    if length > NAME_LIMIT {
        return Err(at_length.error(DecodeReason::TooLarge { limit: NAME_LIMIT }));
    }
    let at_name = reader.clone();
    let name = core::str::from_utf8(reader.take(length)?).map_err(|_| at_name.invalid("a name is UTF-8"))?;
    reader.finish()?;
    Ok(name.to_string())
}

/// What [`TIME_OFFSETS`] holds.
pub fn encode_time_offsets(offset: KdcOffset) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).i32_be(offset.seconds).i32_be(offset.microseconds);
    out
}

/// The offset that [`TIME_OFFSETS`] holds.
///
/// # Errors
/// If it is cut off, or something stands behind it.
pub fn decode_time_offsets(bytes: &[u8]) -> Result<KdcOffset, DecodeError> {
    let mut reader = Reader::new("time offsets of a keyring", bytes);
    let offset = KdcOffset { seconds: reader.i32_be()?, microseconds: reader.i32_be()? };
    reader.finish()?;
    Ok(offset)
}

/// What the key of an entry is called: its server, written out.
pub fn entry_name(entry: &CcacheEntry) -> String {
    match entry {
        CcacheEntry::Ticket(ticket) => ticket.server.to_string(),
        CcacheEntry::Config(config) => as_server(config).to_string(),
    }
}

/// The most keys of a keyring that are read.
pub const KEY_LIMIT: usize = Ccache::LIST_LIMIT * 4;
