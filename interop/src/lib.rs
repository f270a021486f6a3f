//! Peers that nobody here wrote, started by the test itself on loopback and asked for their verdict.
//!
//! Every test that uses a peer starts one of these and reads what the *peer* says: its output, its log, its
//! exit status. Nothing here knows `handfast`; it starts programs, bounds their time and stops them.
//!
//! ```no_run
//! use handfast_interop::{Enctype, GssServer, MitRealm};
//!
//! let realm = MitRealm::start();                            // krb5kdc, users, services, keytabs
//! let enctype = Enctype::Aes256Sha384;                      // of all keys in what follows
//! let alice = realm.client_of_with("alice", &realm.config().clone().enctypes(&[enctype]));   // kinit'ed
//!
//! let service = enctype.service();                          // a service whose only key is of this enctype
//! let server = GssServer::start(realm.config(), realm.service_keytab(), &service);
//! alice.gss_client(server.port(), &service, "hello", &[]).expect_success().expect_text("Signature verified");
//! server.expect_accepted("alice@MIT.TEST", "aes256-cts-hmac-sha384-192/localhost@MIT.TEST");
//! server.expect_subkey(enctype);
//! server.expect_log("Received message: \"hello\"");
//! ```
//!
//! [`SamplePeer`] is either end of a connection by gss-ntlmssp and MIT's SPNEGO in MIT's mechglue, or by pyspnego: programs in
//! Python (`interop/python`) that say what these libraries say.
//!
//! # When these tests run
//! They need `HANDFAST_PEERS=required` and the peers' programs, which `./scripts/test` sets and installs. Without
//! the variable, and with it when a program is missing, each test fails and says so: none is ever skipped.
//! The crate is no default member of the workspace, so a plain `cargo test` needs nothing but Rust.
#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "a harness for tests: what goes wrong here fails the test that asked for it")]

mod clock;
mod kcm;
mod kdc_proxy;
mod mit;
mod newer_krb5;
mod peer;
mod pki;
mod port;
mod process;
mod radius;
mod relay;
mod samba;
mod sample_peer;
mod temp;

pub use clock::by_clock;
pub use kcm::HeimdalKcm;
pub use kdc_proxy::KdcProxy;
pub use mit::client::MitClient;
pub use mit::config::MitConfig;
pub use mit::enctype::Enctype;
pub use mit::gss_server::GssServer;
pub use mit::klist::{Klist, KlistTicket};
pub use mit::realm::{MitRealm, PasswordServer};
pub use peer::{peer_file, peer_program, require_peers};
pub use pki::{KeyKind, Pki};
pub use port::{free_port, silent_address};
pub use process::{Daemon, Run, run};
pub use radius::Radius;
pub use relay::record;
pub use samba::SambaDomain;
pub use sample_peer::{Library, SamplePeer, SampleServer};
pub use temp::TempDir;
