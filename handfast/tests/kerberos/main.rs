//! Kerberos contexts, both ends: a ticket made by hand, so that every field of it can be wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod authorization;
mod dce_style;
mod delegation;
mod des3;
mod forged;
mod handshake;
mod messages;
mod pair;
mod rc4;
mod user_to_user;
