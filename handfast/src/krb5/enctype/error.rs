use super::Enctype;
use crate::crypto::RandomError;
use core::fmt;

/// Why an operation with a key was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CryptoError {
    /// The enctype is not one that this build can compute with.
    UnsupportedEnctype(Enctype),
    /// The key's length is not the one that its enctype has (RFC 3961 3, "protocol key format").
    WrongKeySize {
        /// The enctype the key was for.
        enctype: Enctype,
        /// Octets it needs.
        expected: usize,
        /// Octets given.
        actual: usize,
    },
    /// The ciphertext is shorter than its confounder and MAC alone would be.
    TooShort {
        /// The least number of octets that could be one.
        minimum: usize,
        /// Octets given.
        actual: usize,
    },
    /// A buffer for a confounder or a MAC is not exactly as long as the enctype wants it.
    WrongBufferSize {
        /// Octets it must have.
        expected: usize,
        /// Octets it has.
        actual: usize,
    },
    /// The MAC does not fit: the wrong key or usage, or octets that were changed on the way.
    IntegrityCheckFailed,
    /// The string-to-key parameters are not the four octets that they must be (RFC 3962 4, RFC 8009 4).
    WrongParameters {
        /// Octets given.
        actual: usize,
    },
    /// More PBKDF2 iterations were asked for than are done for anyone.
    IterationCount {
        /// Iterations asked for; four zero octets ask for 2^32.
        requested: u64,
        /// [`MAX_ITERATIONS`](super::MAX_ITERATIONS).
        limit: u32,
    },
    /// KRB-FX-CF2 with one pepper for both keys (RFC 6113 5.1 wants two).
    EqualPeppers,
    /// More octets were asked of PRF+ than its counter reaches (RFC 6113 5.1).
    OutputTooLong {
        /// Octets asked for.
        requested: usize,
        /// The most that the enctype can give.
        limit: usize,
    },
    /// RC4's string-to-key wants text (RFC 4757 2), and the password is not UTF-8.
    PasswordNotText,
    /// The source of randomness failed.
    Random(RandomError),
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedEnctype(enctype) => write!(f, "{enctype} is not supported"),
            Self::WrongKeySize { enctype, expected, actual } => {
                write!(f, "a key of {enctype} has {expected} octets, this one has {actual}")
            }
            Self::TooShort { minimum, actual } => {
                write!(f, "a ciphertext of {actual} octets is shorter than the least possible, {minimum}")
            }
            Self::WrongBufferSize { expected, actual } => {
                write!(f, "a buffer of {actual} octets stands where exactly {expected} are needed")
            }
            Self::IntegrityCheckFailed => {
                f.write_str("the integrity check failed: another key or key usage, or altered octets")
            }
            Self::WrongParameters { actual } => {
                write!(f, "string-to-key parameters of {actual} octets, where 4 are needed")
            }
            Self::IterationCount { requested, limit } => {
                write!(f, "string-to-key with {requested} iterations refused: the limit is {limit}")
            }
            Self::EqualPeppers => f.write_str("KRB-FX-CF2 with two equal peppers"),
            Self::OutputTooLong { requested, limit } => {
                write!(f, "PRF+ for {requested} octets refused: the limit is {limit}")
            }
            Self::PasswordNotText => f.write_str("the password is not UTF-8, so it has no key of rc4-hmac"),
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CryptoError {}

impl From<RandomError> for CryptoError {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}
