use core::fmt;

/// Where keys, nonces and confounder secrets come from: the one seam for randomness.
///
/// The same `Random` bytes and the same input bytes give the same output bytes, which is how whole
/// handshakes are tested. An implementation for real use must be cryptographically strong.
pub trait Random: Send + Sync {
    /// Fills `out` or fails; never fills a part.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of randomness failed; whatever needed it has failed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of randomness failed")
    }
}

impl core::error::Error for RandomError {}

/// The operating system's generator (feature `os-random`).
#[cfg(feature = "os-random")]
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

#[cfg(feature = "os-random")]
impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(out).map_err(|_| RandomError)
    }
}
