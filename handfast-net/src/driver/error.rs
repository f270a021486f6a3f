use std::fmt;
use std::io;

use handfast::{Error, Flags, Protection};

use crate::framing::{FrameError, gss_sample, nns};

/// Why a handshake gave no context.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The mechanism failed: one side refuses the other, or can't go on.
    Mechanism(Error),
    /// The peer refuses, and says no more than this code (MS-NNS 2.2.1).
    RefusedByPeer(nns::ErrorCode),
    /// The context does not protect messages as is required here.
    NotProtected {
        /// What is required.
        least: Protection,
        /// What the context offers.
        flags: Flags,
    },
    /// The peer says that the handshake is complete, when we need one more token.
    EndedEarly,
    /// The peer sent one more token, when the handshake was complete.
    UnexpectedToken,
    /// A gss-sample token of another kind than what has to come now.
    UnexpectedFlags {
        /// Its flags.
        flags: gss_sample::Flags,
        /// The flags that it must have.
        wanted: gss_sample::Flags,
    },
    /// The stream failed, ended or ran out of time, or what came is no frame.
    Frame(FrameError),
}

impl From<FrameError> for HandshakeError {
    fn from(error: FrameError) -> Self {
        HandshakeError::Frame(error)
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        HandshakeError::Frame(FrameError::Io(error))
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeError::Mechanism(error) => error.fmt(f),
            HandshakeError::RefusedByPeer(code) => {
                write!(f, "{code}, and does not say why: its log may")
            }
            HandshakeError::NotProtected { least, flags } => {
                let wanted = match least {
                    Protection::Integrity => "signed",
                    Protection::Confidentiality => "sealed",
                };
                write!(f, "messages must be {wanted}, and the context can't do that (it offers: {flags})")
            }
            HandshakeError::EndedEarly => {
                f.write_str("the peer says that the handshake is complete, but its last proof is missing")
            }
            HandshakeError::UnexpectedToken => f.write_str("the peer sent a token after the handshake was complete"),
            HandshakeError::UnexpectedFlags { flags, wanted } => {
                write!(f, "a token with the flags {flags:?} came where one with {wanted:?} must")
            }
            HandshakeError::Frame(error) => write!(f, "the handshake did not complete: {error}"),
        }
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HandshakeError::Mechanism(error) => Some(error),
            HandshakeError::Frame(error) => Some(error),
            _ => None,
        }
    }
}

impl From<HandshakeError> for io::Error {
    /// The stream's own kind if the stream failed, else [`io::ErrorKind::PermissionDenied`], or [`io::ErrorKind::InvalidData`] where
    /// the peer does not follow the protocol.
    fn from(error: HandshakeError) -> Self {
        let kind = match error {
            HandshakeError::Frame(error) => return error.into(),
            HandshakeError::EndedEarly | HandshakeError::UnexpectedToken | HandshakeError::UnexpectedFlags { .. } => {
                io::ErrorKind::InvalidData
            }
            _ => io::ErrorKind::PermissionDenied,
        };
        io::Error::new(kind, error)
    }
}
