//! Pre-authentication (RFC 4120 5.2.7): how a client proves itself to the KDC before it gets a ticket.

mod client_secret;
mod encrypted_timestamp;
mod key_hints;

pub use client_secret::ClientSecret;
pub(super) use encrypted_timestamp::encrypted_timestamp;
pub(super) use key_hints::{KeyHint, KeyHints};
