//! Handfast measured beside the peer's library, in one run.
//!
//! `cargo run --release -p handfast-benches` prints a table: a row per measurement, a column per [`Contender`], how
//! many times better the last one is than the first, and the goal. Passes are interleaved (A B A B ...) and the best
//! pass of each counts, since on shared machines a single pass can lie by a factor of two: quote ratios, not figures.
//!
//! Needs MIT's programs (`./scripts/test` installs them) and `HANDFAST_PEERS=required`. Beside NTLM stands gss-ntlmssp,
//! loaded by MIT's library; where it is not installed the table says so.
//!
//! [`forward`] is another program: what `handfast serve --forward` carries, beside plain copies of TCP.

pub mod contender;
pub mod first;
pub mod forward;
pub mod gssapi;
pub mod heap;
pub mod kdc;
pub mod machine;
pub mod measure;
pub mod mit;
pub mod ntlm;
pub mod ours;
pub mod realm;
pub mod table;

mod goal;

pub use contender::{
    Contender, Exchange, Handshakes, NotThisWay, Operation, Package, Pair, Past, Result, Tickets, Way,
};
