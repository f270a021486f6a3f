//! Sockets, files and drivers for handfast: KDC transport, ticket stores, handshake drivers, streams.
//!
//! What waits or touches the system lives here; what thinks lives in `handfast`. Everything but the twins in `tokio` is blocking, and
//! every wait is bounded by a [`Deadline`] or a time-out that the caller can set.
//!
//! | room | what it does |
//! |---|---|
//! | [`environment`] | the one place that reads environment variables, and the default names of stores |
//! | [`Settings`] | environment and configuration: the one value that a program makes at its start |
//! | [`config`] | reads krb5.conf and what it includes |
//! | [`store`] (Unix) | credential caches and keytabs in files |
//! | [`login`] | gets tickets |
//! | [`password`] | changes passwords |
//! | [`accounts`] | accounts of NTLM in a text file |
//! | [`kdc`] | carries a request to the KDCs of a realm, over UDP and TCP |
//! | `pkinit` (feature `pkinit`) | reads certificates, private keys and trust anchors from files |
//! | (feature `kkdcp`) | asks KDC proxies by HTTPS (MS-KKDCP), for [`Kdcs`] |
//! | `dns` (feature `dns`) | finds the KDCs of a realm by their SRV records |
//! | [`kdc_server`] | the sockets of a KDC, UDP and TCP on one port |
//! | [`framing`] | tokens and messages on a byte stream: MS-NNS, and MIT's gss-client/gss-server |
//! | [`driver`] | handshakes: tokens, KDC requests and the clock, until there is a context |
//! | [`stream`] | byte streams and messages under a context |
//! | `tokio` (feature `tokio`) | streams and handshakes for tokio |
//! | [`lock`] (Unix) | whole-file locks that exclude MIT's library |
//! | [`resolve`] | host names to addresses |
#![forbid(unsafe_code)]

pub mod accounts;
pub mod config;
#[cfg(feature = "dns")]
pub mod dns;
pub mod driver;
pub mod environment;
pub mod framing;
pub mod kdc;
pub mod kdc_server;
#[cfg(feature = "kkdcp")]
mod kkdcp;
#[cfg(unix)]
pub mod lock;
pub mod login;
pub mod password;
#[cfg(feature = "pkinit")]
pub mod pkinit;
pub mod resolve;
#[cfg(unix)]
pub mod store;
pub mod stream;
#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(unix)]
mod choice;
mod clock;
mod deadline;
pub mod host_name;
mod interfaces;
mod listener;
mod locate;
#[cfg(test)]
mod scratch;
mod settings;

pub use clock::Clock;
pub use deadline::{Deadline, Timed};
pub use environment::Environment;
pub use listener::{Listener, Stopper};
pub use locate::Kdcs;
pub use password::PasswordServers;
pub use settings::Settings;
