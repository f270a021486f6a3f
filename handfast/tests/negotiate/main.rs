//! Negotiate (RFC 4178, MS-SPNG): its messages and whole handshakes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod message;
#[path = "../support/mod.rs"]
mod support;
