//! The key exchange of SPAKE pre-authentication (RFC 9588), for either side: groups, the transcript, the keys. The messages are in
//! [`message`](super::message).
//!
//! Both sides know the client's key. Who watches, or pretends to be one of them, learns nothing to guess at the password with: a
//! guess takes a whole exchange with the other side, and each exchange tests one.
//!
//! ```text
//! w = PRF+(client's key)           KDC: x at random, T = x*G + w*M      client: y at random, S = y*G + w*N
//!                                  KDC: K = x*(S - w*N)                 client: K = y*(T - w*M)       the same K
//! K'[n] = of client's key, w, K, the transcript of all messages, and the KDC-REQ-BODY
//! ```
//!
//! The groups and keys take the Cargo feature `spake`; [`SpakeError`] is always here.

#[cfg(feature = "spake")]
mod edwards25519;
mod error;
#[cfg(feature = "spake")]
mod exchange;
#[cfg(feature = "spake")]
mod group;
#[cfg(feature = "spake")]
mod nist;
#[cfg(feature = "spake")]
mod transcript;
#[cfg(test)]
#[cfg(feature = "spake")]
mod vectors;

pub use error::SpakeError;
#[cfg(feature = "spake")]
pub use exchange::{KeyPair, Multiplier, Role, SharedElement};
#[cfg(feature = "spake")]
pub use group::is_supported;
#[cfg(feature = "spake")]
pub use transcript::Transcript;
