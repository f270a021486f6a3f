//! Tests of clients and services that speak Kerberos or NTLM in a plain `#[test]`: realm, users and services inside one
//! process.
//!
//! No KDC to install, no `krb5.conf`, no port, no clock, no randomness but the test's own: a full mutual
//! authentication is three lines, and gives the same bytes each time.
//!
//! ```
//! use handfast_testkit::Testkit;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kit = Testkit::new("EXAMPLE.COM");
//! kit.user("alice", "correct horse");
//! kit.service("HTTP/www.example.com");
//!
//! let (mut client, mut server) = kit.authenticate("alice", "HTTP/www.example.com")?;
//! assert_eq!(server.peer().to_string(), "alice@EXAMPLE.COM");
//!
//! let mut token = Vec::new();
//! client.seal(b"hello", &mut token)?;
//! assert_eq!(server.unseal(&mut token)?, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! # NTLM and Negotiate
//!
//! The same users log on by NTLM with the same passwords: [`Handshake::ntlm`]; by Negotiate with Kerberos, or with NTLM as
//! well: [`Handshake::negotiate`], [`Handshake::negotiate_with_ntlm`]. The kit's account store answers
//! ([`Testkit::account`]), unless the test does ([`Testkit::accounts_say`]). A service that takes such clients is
//! [`Testkit::dangerous_ntlm_acceptor`].
//!
//! ```
//! use handfast::{Account, Error, NtlmRefusal, Refusal};
//! use handfast_testkit::{Fault, Kind, Testkit};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kit = Testkit::new("EXAMPLE.COM");
//! kit.user("alice", "correct horse");
//! kit.service("HTTP/www.example.com");
//! let by_ntlm = || kit.handshake("alice", "HTTP/www.example.com").ntlm();
//!
//! let (_, server) = by_ntlm().run().contexts()?;
//! assert_eq!(server.peer().to_string(), "EXAMPLE.COM\\alice");
//!
//! kit.accounts_say([Account::Unavailable]);
//! assert_eq!(by_ntlm().run().acceptor.error(), Some(&Error::AccountUnavailable));
//!
//! kit.wire().fault(Kind::NtlmAuthenticate, Fault::DropMic);
//! let ends = by_ntlm().run();
//! let Some(Error::Refused(refusal)) = ends.acceptor.error() else { panic!("{ends:?}") };
//! assert_eq!(**refusal, Refusal::Ntlm(NtlmRefusal::MicAbsent));
//! # Ok(())
//! # }
//! ```
//!
//! # Your own service
//!
//! Take the pieces that your code needs: [`Testkit::credential`] and [`Testkit::initiator`] for a client,
//! [`Testkit::keytab`] or [`Testkit::acceptor`] for a service, [`Testkit::exchange`] for whatever asks a KDC (it is what
//! `handfast-net` takes: `|request| kit.exchange(request)`), and [`Pipe`] for code that reads and writes a
//! connection. `examples/echo_service.rs` is a whole service with its tests.
//!
//! # What goes wrong
//!
//! - **Time** ([`Clock`]): `kit.clock().advance(…)` until tickets have ended; `kit.clock().skew(Party::Acceptor, 301)`.
//! - **The wire** ([`Wire`]): every message is recorded, and can be lost, cut, changed, replaced, replayed or delayed; a
//!   MIC can be dropped, a mechanism be stripped from an offer.
//! - **Peers without a secret** ([`ScriptedPeer`], [`Testkit::kdc_says`]): garbage, silence, one's own token back.
//! - **Accounts** ([`Testkit::accounts_say`]): a store that refuses, errs, or has another hash.
//! - **The realm** ([`Testkit::change`], [`Testkit::settings`]): disabled users, expired passwords, short lives,
//!   few enctypes, replies too big for UDP.
//!
//! ```
//! use handfast::{Error, Refusal};
//! use handfast_testkit::{Party, Testkit};
//! let kit = Testkit::new("EXAMPLE.COM");
//! kit.user("alice", "correct horse");
//! kit.service("HTTP/www.example.com");
//! kit.clock().skew(Party::Acceptor, 301);
//!
//! let error = kit.authenticate("alice", "HTTP/www.example.com").unwrap_err();
//! let Some(Error::Refused(refusal)) = error.acceptor() else { panic!("{error}") };
//! assert!(matches!(**refusal, Refusal::ClockSkew { seconds: -301, .. }));
//! ```
//!
//! # Speed
//!
//! Tickets and tokens take less than a millisecond each. Passwords are what is slow, as they should be: give users few
//! enctypes with [`Testkit::user_of`], take one [`Testkit::credential`] for many handshakes (it keeps its tickets),
//! and let Cargo optimize the ciphers in your tests too:
//!
//! ```toml
//! [profile.dev.package."*"]
//! opt-level = 2
//! ```
//!
//! # For tests only
//!
//! Its randomness is no secret: [`SeededRandom`] must never make a real key.
#![forbid(unsafe_code)]

mod clock;
mod end;
mod handshake;
mod kit;
mod message;
mod ntlm;
mod peer;
mod pipe;
mod seeded_random;
mod tamper;
mod wire;

pub use clock::{Clock, Party};
pub use end::{End, Ends, HandshakeError};
pub use handshake::{AcceptorPeer, Handshake};
pub use kit::Testkit;
pub use message::{Kind, Leg, Message};
pub use peer::{Peer, Say, ScriptedPeer};
pub use pipe::Pipe;
pub use seeded_random::SeededRandom;
pub use wire::{Fault, Which, Wire};

pub use handfast;
pub use handfast_kdc;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
