//! Messages to and from a KCM daemon, which keeps credential caches: Heimdal's `kcm` and sssd's, as MIT's library speaks to them
//! (its `kcm.h`).
//!
//! ```text
//! request  length (32 bits, big endian), then as many bytes:
//!          major version 2, minor version 0, operation (16 bits), parameters one behind the other
//! reply    length, the transport's status (32 bits, not counted), then as many bytes:
//!          the operation's status (32 bits) and, if it is 0, results one behind the other
//! ```
//!
//! Names end with a zero byte; principals and tickets are laid out as in a file of version 4; a UUID has 16 bytes, and a list of
//! them is not counted, so nothing can stand behind it.

use super::CcacheEntry;
use crate::crypto::Secret;
use crate::name::Principal;
use crate::wire::{DecodeError, DecodeReason, Reader, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Where the daemon listens, if the configuration does not say so with `kcm_socket`.
pub const SOCKET: &str = "/var/run/.heim_org.h5l.kcm-socket";
/// The longest reply that is read, in bytes; MIT's limit.
pub const REPLY_LIMIT: usize = 10 << 20;
/// The most caches, and tickets of a cache, that are read.
pub const LIST_LIMIT: usize = 4096;

const WHAT: &str = "KCM reply";

/// What a daemon is asked for; parameters and results as MIT's library knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// () → name, of a new cache.
    GenNew,
    /// (name, principal) → (): an empty cache.
    Initialize,
    /// (name) → ()
    Destroy,
    /// (name, ticket) → ()
    Store,
    /// (name) → principal
    GetPrincipal,
    /// (name) → UUIDs of the tickets
    GetCredUuidList,
    /// (name, UUID) → ticket
    GetCredByUuid,
    /// () → UUIDs of the caches
    GetCacheUuidList,
    /// (UUID) → name
    GetCacheByUuid,
    /// () → name, of the primary cache
    GetDefaultCache,
    /// (name) → ()
    SetDefaultCache,
    /// (name) → seconds
    GetKdcOffset,
    /// (name, seconds) → ()
    SetKdcOffset,
    /// (name) → count, and as many counted tickets; an extension of MIT's
    GetCredList,
}

impl Operation {
    /// A request without parameters.
    pub fn request(self) -> Secret {
        let mut out = Vec::with_capacity(64);
        Writer::new(&mut out).u8(2).u8(0).u16_be(self.number());
        Secret::new(out)
    }

    fn number(self) -> u16 {
        match self {
            Operation::GenNew => 3,
            Operation::Initialize => 4,
            Operation::Destroy => 5,
            Operation::Store => 6,
            Operation::GetPrincipal => 8,
            Operation::GetCredUuidList => 9,
            Operation::GetCredByUuid => 10,
            Operation::GetCacheUuidList => 18,
            Operation::GetCacheByUuid => 19,
            Operation::GetDefaultCache => 20,
            Operation::SetDefaultCache => 21,
            Operation::GetKdcOffset => 22,
            Operation::SetKdcOffset => 23,
            Operation::GetCredList => 13001,
        }
    }
}

/// Why a daemon did not do what it was asked for: a number of its `com_err` tables, which are those of MIT's library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(pub i32);

impl Status {
    /// Done.
    pub const DONE: Status = Status(0);
    /// `KRB5_CC_NOTFOUND`.
    pub const NOT_FOUND: Status = Status(-1_765_328_243);
    /// `KRB5_CC_END`: no more, or none at all.
    pub const END: Status = Status(-1_765_328_242);
    /// `KRB5_CC_IO`: what sssd says to operations that it does not know.
    pub const IO: Status = Status(-1_765_328_191);
    /// `KRB5_FCC_NOFILE`: no such cache.
    pub const NO_FILE: Status = Status(-1_765_328_189);
    /// `KRB5_FCC_INTERNAL`: what Heimdal says to operations that it does not know.
    pub const INTERNAL: Status = Status(-1_765_328_188);
    /// `KRB5_CC_NOSUPP`: what sssd says to operations that it does not do.
    pub const NOT_SUPPORTED: Status = Status(-1_765_328_137);

    /// Whether that can mean that the daemon lacks the operation.
    pub fn is_unsupported(self) -> bool {
        [Status::IO, Status::INTERNAL, Status::NOT_SUPPORTED].contains(&self)
    }

    /// Whether that means that there is no such cache.
    pub fn is_missing(self) -> bool {
        [Status::NO_FILE, Status::NOT_FOUND, Status::END].contains(&self)
    }
}

/// A number that a daemon gives to a cache or ticket.
pub type Uuid = [u8; 16];

/// Reads the operation's status from the bytes of a reply, and gives what is behind it.
///
/// # Errors
/// If it is cut off.
pub fn decode_status(reply: &[u8]) -> Result<(Status, &[u8]), DecodeError> {
    let mut reader = Reader::new(WHAT, reply);
    Ok((Status(reader.i32_be()?), reader.all()))
}

/// Reads the principal that a reply consists of. A zero byte behind it, which MIT's test daemon sends, is passed over.
///
/// # Errors
/// As for [`decode_principal`](super::decode_principal).
pub fn decode_principal(reply: &[u8]) -> Result<Principal, DecodeError> {
    match super::decode_principal(reply) {
        Err(DecodeError { reason: DecodeReason::Trailing { count: 1 }, .. }) if reply.last() == Some(&0) => {
            super::decode_principal(reply.split_last().map_or(reply, |(_, before)| before))
        }
        principal => principal,
    }
}

/// Reads the name that a reply consists of.
///
/// # Errors
/// If it does not end with its only zero byte, or isn't UTF-8.
pub fn decode_name(reply: &[u8]) -> Result<String, DecodeError> {
    let reader = Reader::new(WHAT, reply);
    match reply.split_last() {
        Some((0, name)) if !name.contains(&0) => {
            core::str::from_utf8(name).map(ToString::to_string).map_err(|_| reader.invalid("a name is UTF-8"))
        }
        _ => Err(reader.invalid("a name ends with a zero byte, and has no other")),
    }
}

/// Reads the UUIDs that a reply consists of.
///
/// # Errors
/// If they are more than [`LIST_LIMIT`], or the last one is cut off.
pub fn decode_uuids(reply: &[u8]) -> Result<Vec<Uuid>, DecodeError> {
    let mut reader = Reader::new(WHAT, reply);
    if reply.len() > LIST_LIMIT * 16 {
        return Err(reader.error(DecodeReason::TooLarge { limit: LIST_LIMIT }));
    }
    let mut uuids = Vec::with_capacity(reply.len() / 16);
    while !reader.is_empty() {
        uuids.push(reader.array()?);
    }
    Ok(uuids)
}

/// Reads a counted list of entries. Those that are marked as removed are left out.
///
/// # Errors
/// If they are more than [`LIST_LIMIT`], one is no entry, or something stands behind them.
pub fn decode_entries(reply: &[u8]) -> Result<Vec<CcacheEntry>, DecodeError> {
    let mut reader = Reader::new(WHAT, reply);
    let count = usize::try_from(reader.u32_be()?).unwrap_or(usize::MAX);
    if count > LIST_LIMIT {
        return Err(reader.error(DecodeReason::TooLarge { limit: LIST_LIMIT }));
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(reader.u32_be()?).unwrap_or(usize::MAX);
        entries.extend(CcacheEntry::decode(reader.take(length)?)?);
    }
    reader.finish()?;
    Ok(entries)
}

/// Reads the seconds by which the KDC's clock is ahead.
///
/// # Errors
/// If they are cut off, or something stands behind them.
pub fn decode_offset(reply: &[u8]) -> Result<i32, DecodeError> {
    let mut reader = Reader::new(WHAT, reply);
    let seconds = reader.i32_be()?;
    reader.finish()?;
    Ok(seconds)
}
