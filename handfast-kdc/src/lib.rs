//! A Kerberos V5 realm as a function: request bytes and the time in, reply bytes out.
//!
//! [`Realm::handle`] answers AS and TGS requests (RFC 4120 3.1, 3.3) about the principals of a [`Directory`]. It opens
//! no socket, reads no clock and waits for nobody: a server, a test or a firmware calls it with bytes from anywhere.
//!
//! ```
//! use handfast::{Principal, Time, crypto::OsRandom};
//! use handfast_kdc::{MemoryDirectory, PrincipalEntry, Realm, Request, Settings, Transport};
//! use std::sync::Arc;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Time::from_unix_seconds(1_700_000_000);
//! let mut directory = MemoryDirectory::new("EXAMPLE.COM", &OsRandom, now)?;
//! directory.insert(PrincipalEntry::user("alice@EXAMPLE.COM".parse()?, b"correct horse", now)?);
//! directory.insert(PrincipalEntry::service("HTTP/www.example.com@EXAMPLE.COM".parse()?, &OsRandom, now)?);
//! let keytab = directory.keytab(&"HTTP/www.example.com@EXAMPLE.COM".parse()?);
//! assert_eq!(keytab.entries().len(), 4);
//!
//! let realm = Realm::new("EXAMPLE.COM", Arc::new(directory), Settings::default(), Arc::new(OsRandom));
//! let answer = realm.handle(&Request { bytes: b"no Kerberos", transport: Transport::Udp, peer: None }, now);
//! assert!(answer.reply.is_none());
//! println!("{}", answer.event);
//! # Ok(())
//! # }
//! ```
//!
//! [`Realm::handle_password`] is the realm's password service (RFC 3244).
//!
//! With the Cargo feature `pkinit`, `Realm::with_pkinit` takes clients with certificates and anonymous ones.
//!
//! What it does not do: a history of passwords. A request
//! that asks for one of them is refused, not misread.
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod aliases;
mod as_exchange;
mod authorization;
mod directory;
mod event;
mod fast;
mod foreign_pac;
mod issue;
mod lifetime;
mod lockout;
mod on_behalf;
mod other_realms;
mod pac;
mod password;
#[cfg(feature = "pkinit")]
mod pkinit;
mod preauth;
mod realm;
mod refusal;
mod settings;
mod tgs_exchange;
mod tgs_policy;
mod tgs_proof;
mod user_to_user;

#[cfg(test)]
mod tests;

#[cfg(all(fuzzing, feature = "file"))]
pub use directory::fuzzing;
pub use directory::{Directory, DirectoryError, LongTermKey, MemoryDirectory, PASSWORD_HISTORY_LIMIT, PrincipalEntry};
#[cfg(feature = "file")]
pub use directory::{FileDirectory, FileDirectoryError};
pub use event::{Event, Outcome};
pub use pac::{Domain, DomainAccount};
pub use password::{PASSWORD_LIMIT, PasswordAnswer, PasswordEvent, PasswordOutcome};
#[cfg(feature = "pkinit")]
pub use pkinit::RealmPkinit;
pub use realm::{Answer, REQUEST_LIMIT, Realm, Request, Transport};
pub use settings::{DEFAULT_ENCTYPES, PREAUTH, SESSION_ENCTYPES, SPAKE_GROUPS, Settings};
