//! Negotiate (RFC 4178, MS-SPNG): its messages and whole handshakes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod downgrade;
mod handshake;
#[path = "../kerberos/pair.rs"]
#[allow(dead_code, reason = "of Kerberos' tests, and not all is used here")]
mod kerberos;
mod ladder;
mod message;
mod mutation;
mod order;
mod pair;
#[path = "../support/mod.rs"]
mod support;
