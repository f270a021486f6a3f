//! Measurements beside the peer's library, in one run, on one thread.
//!
//! `cargo run --release -p handfast-benches` prints a table: a row per measurement, a column per [`Contender`], and
//! how many times as fast the last one is as the first. Passes are interleaved (A B A B ...) and the best pass of each
//! counts, since on shared machines a single pass can lie by a factor of two: quote ratios, not figures.
//!
//! Needs MIT's programs (`./scripts/test` installs them) and `HANDFAST_PEERS=required`.

pub mod contender;
pub mod gssapi;
pub mod measure;
pub mod mit;
pub mod table;

pub use contender::{Contender, Handshakes, Operation, Pair, Result, Tickets};
