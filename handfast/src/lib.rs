//! Two programs, one connection, each sure of the other.
//!
//! A client connects to a server, and each must know who the other is before a byte of work passes. Both hand opaque
//! *tokens* back and forth; a *mechanism* on each side makes and reads them; in the end both hold a *security context*:
//! the peer's proven identity, a session key, a lifetime, and the means to seal and sign messages. Windows calls this
//! SSPI, everyone else GSS-API. The mechanism here is Kerberos V5 (RFC 4120, RFC 4121), in pure Rust, for both ends; where
//! it is asked for by name, NTLM ([`mech::ntlm`]), which proves the client but not the server; and what the two ends agree
//! on, by [`Negotiate`](manual::negotiate).
//!
//! ```text
//!   initiator (client)                 KDC                          acceptor (server)
//!   name + password,                   knows all keys               a keytab, nothing else
//!   or the ticket that `kinit` made
//!        │ ── who I am, proven ────────► │                              │
//!        │ ◄──────── a ticket for you ── │                              │
//!        │ ── the ticket, and that it is mine ────────────────────────► │  checks it with its own key
//!        │ ◄──────────────────────────── that the ticket could be read ─│
//!     Context ◄════════ sealed messages, either way ═══════════════► Context
//! ```
//!
//! # This crate thinks, it never waits
//!
//! There is no socket, file, environment, thread or clock in it. Bytes that come in are arguments, bytes that go out are
//! appended to your buffer, the time is an argument, and what only the outside knows is asked for by an arm of an enum.
//! It builds without `std`, and without `unsafe`. Drivers that do wait, ticket caches on disk and streams are in
//! [`handfast-net`](https://docs.rs/handfast-net); a realm to test against, in virtual time, is in
//! [`handfast-testkit`](https://docs.rs/handfast-testkit).
//!
//! # A client
//!
//! ```no_run
//! use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
//! use handfast::{Context, Credential, Error, Initiate, Initiator, Policy, ServiceName, Time};
//! # fn send(_: &mut Vec<u8>) -> std::io::Result<()> { Ok(()) }
//! # fn receive() -> std::io::Result<Vec<u8>> { Ok(vec![]) }
//! # fn ask_kdc(_: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> { Ok(vec![]) }
//! # fn now() -> Time { std::time::SystemTime::now().into() }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let initiator = Initiator::new(Policy::default());                       // long-lived, shared
//! let credential = Credential::password("alice@EXAMPLE.COM".parse()?, "correct horse");
//! let target: ServiceName = "HTTP/www.example.com".parse()?;
//!
//! let mut out = Vec::new();                  // what is here is sent, even when a call fails; empty: nothing to send
//! let mut step = initiator.to(&target).credential(&credential).begin(now(), &mut out)?;
//! let mut context = loop {
//!     send(&mut out)?;
//!     step = match step {
//!         Initiate::NeedsToken(next) => next.step(&receive()?, now(), &mut out)?,
//!         Initiate::NeedsKdc(next) => match ask_kdc(next.request()) {
//!             Ok(reply) => next.reply(&reply, now(), &mut out)?,
//!             Err(tried) => next.unreachable(tried, now(), &mut out)?,
//!         },
//!         Initiate::NeedsAnswer(next) => next.decline(now(), &mut out)?,   // declining fails closed
//!         Initiate::Complete(context) => break context,
//!     };
//! };
//! assert!(context.flags().contains(handfast::Flags::MUTUAL));              // the server has proven itself
//! context.seal(b"hello", &mut out)?;
//! # Ok(()) }
//! ```
//!
//! # A server
//!
//! ```no_run
//! use handfast::krb5::Keytab;
//! use handfast::{Accept, Account, Acceptor, Error, ReplayGuard, Time};
//! # fn send(_: &mut Vec<u8>) -> std::io::Result<()> { Ok(()) }
//! # fn receive() -> std::io::Result<Vec<u8>> { Ok(vec![]) }
//! # fn now() -> Time { std::time::SystemTime::now().into() }
//! # fn keytab_bytes() -> Vec<u8> { vec![] }
//! # fn refused() -> handfast::krb5::exchange::KdcUnreachable {
//! #     handfast::krb5::exchange::KdcUnreachable { realm: "".into(), tried: vec![] }
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let acceptor = Acceptor::new(&Keytab::decode(&keytab_bytes())?, ReplayGuard::in_memory());   // shared by all threads
//!
//! let mut out = Vec::new();
//! let mut step = Accept::NeedsToken(acceptor.session().begin());                        // one for each connection
//! let context = loop {
//!     let result = match step {
//!         Accept::NeedsToken(next) => next.step(&receive()?, now(), &mut out),
//!         Accept::NeedsAccount(next) => next.answer(Account::Refused, now(), &mut out), // NTLM asks for accounts
//!         Accept::NeedsKdc(next) => next.unreachable(refused(), now(), &mut out),
//!         Accept::NeedsAnswer(next) => next.decline(now(), &mut out),
//!         Accept::Complete(context) => break context,
//!     };
//!     send(&mut out)?;                       // also when refused: the client is told, the same for every reason
//!     step = result?;
//! };
//! println!("{} is here", context.peer());    // proven, or there would be no context
//! # Ok(()) }
//! ```
//!
//! # What is on unless named off
//!
//! Mutual authentication, integrity, confidentiality, replay and sequence detection, channel bindings where the acceptor
//! knows them, a replay guard. Each can be turned off by a [`Policy`] value whose name says what that means
//! (`dangerous_…`). The [`manual`] has the reasons.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | conversions from `SystemTime`; the standard library's locks |
//! | `os-random` | yes | `OsRandom`, and the constructors that use it |
//! | `pkinit` | no | [`krb5`]`::pkinit` and `Credential::certificate`: logins with certificates (RFC 4556) |
//!
//! A feature adds constructors and conversions, never a method to the order of what is tried, and never a weaker check.
//!
//! # Where things are
//!
//! [`Initiator`], [`Acceptor`] and [`Context`] are the paved path. [`krb5`] has what stands below: messages, encryption
//! types, keytabs, credential caches, `krb5.conf`, and the exchanges with a KDC, each usable alone. [`mech`] is the shape
//! of a mechanism, for applications that bring their own. [`wire`] reads and writes formats that are laid out by hand.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod crypto;
pub mod krb5;
pub mod manual;
pub mod mech;
pub mod wire;

mod accept;
mod asn1;
mod bindings;
mod context;
mod credential;
mod error;
mod flags;
mod identity;
mod initiate;
mod legs;
mod mechanism_id;
mod name;
mod policy;
mod question;
mod replay;
mod sync;
mod time;
mod window;
mod words;

pub use accept::{Accept, AcceptAccount, AcceptAnswer, AcceptKdc, AcceptToken, Acceptor, Session};
pub use bindings::{ChannelAddress, ChannelBindings, ServerEndPointError};
pub use context::{Context, Sealer, Unsealer};
pub use credential::Credential;
pub use error::{
    CredentialError, DelegationRefusal, Error, IakerbRefusal, MessageError, NtlmRefusal, PeerRefusal, Refusal,
};
pub use flags::Flags;
pub use identity::Identity;
pub use initiate::{Initiate, InitiateAnswer, InitiateKdc, InitiateToken, Initiator, Target};
pub use mech::ntlm::NtlmServer;
pub use mech::{Part, PrfKey, Protection, Unprotected};
pub use name::{NameType, ParseNameError, ParseServiceNameError, Principal, ServiceName};
pub use policy::{IakerbDialect, PacPolicy, Policy};
pub use question::{Account, Answer, Logon, OtpToken, OtpValue, Question};
pub use replay::ReplayGuard;
pub use time::Time;
pub use window::{Order, OrderError};
