use super::PacBufferType;
use crate::krb5::enctype::{ChecksumType, CryptoError, Enctype};
use crate::wire::DecodeError;
use core::fmt;

/// Why a PAC is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacError {
    /// It does not decode.
    Decode(DecodeError),
    /// A buffer that must be there is missing.
    Missing(PacBufferType),
    /// A signature is not of the type that goes with the key: another algorithm, or one without a key.
    ChecksumType {
        /// Which signature.
        signature: PacBufferType,
        /// Its checksum type.
        found: ChecksumType,
        /// The key's enctype.
        key: Enctype,
    },
    /// A signature was not made with this key over this PAC.
    WrongSignature(PacBufferType),
    /// The PAC was made for another client, or for another of its logins.
    OtherClient,
    /// The ticket holds two of them.
    Two,
    /// A key can't be used.
    Crypto(CryptoError),
}

impl fmt::Display for PacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacError::Decode(error) => error.fmt(f),
            PacError::Missing(buffer) => write!(f, "the PAC has no {buffer}"),
            PacError::ChecksumType { signature, found, key } => {
                write!(f, "the PAC's {signature} is of {found}, which does not go with a key of {key}")
            }
            PacError::WrongSignature(signature) => {
                write!(f, "the PAC's {signature} is wrong: made with another key, or the PAC was changed")
            }
            PacError::OtherClient => f.write_str("the PAC names another client, or another login, than the ticket"),
            PacError::Two => f.write_str("the ticket has two PACs"),
            PacError::Crypto(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PacError {}

impl From<DecodeError> for PacError {
    fn from(error: DecodeError) -> Self {
        PacError::Decode(error)
    }
}

impl From<CryptoError> for PacError {
    fn from(error: CryptoError) -> Self {
        PacError::Crypto(error)
    }
}
