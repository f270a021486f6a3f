//! Secrets, constant-time comparison and the randomness seam.

pub(crate) mod block;
pub(crate) mod cmac;
mod confounder;
pub(crate) mod hash;
pub(crate) mod hmac;
pub(crate) mod hmac_md5;
pub(crate) mod keystream;
mod random;
mod secret;
mod signature_algorithm;

pub(crate) use confounder::confounder;
#[cfg(feature = "os-random")]
pub use random::OsRandom;
pub use random::{Random, RandomError};
pub use secret::{Secret, constant_time_eq};
pub use signature_algorithm::SignatureAlgorithm;
