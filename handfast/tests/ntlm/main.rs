//! NTLM contexts, both ends: every check has a peer that fails it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod handshake;
mod hostile;
mod messages;
mod mutated;
mod pair;
mod secrets;
