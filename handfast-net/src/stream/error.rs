use std::fmt;
use std::io;

use handfast::{MessageError, Order, Protection, Time};

/// Why a stream can't go on; it is inside the [`io::Error`] of the call that failed, and of all calls in that direction after it.
///
/// ```
/// use handfast_net::stream::StreamError;
/// let error = std::io::Error::from(StreamError::Unannounced);
/// assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
/// assert_eq!(StreamError::of(&error), Some(&StreamError::Unannounced));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// A message is refused: changed on its way, replayed, or not to be made. [`io::ErrorKind::InvalidData`].
    Message(MessageError),
    /// A message came out of its place: others before it are missing, or it comes late. [`io::ErrorKind::InvalidData`].
    Misplaced(Order),
    /// A message has less protection than is required. [`io::ErrorKind::InvalidData`].
    NotProtected {
        /// What is required.
        least: Protection,
    },
    /// A frame is longer than is read. [`io::ErrorKind::InvalidData`].
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A frame of a kind that can't come here. [`io::ErrorKind::InvalidData`].
    Unexpected {
        /// What came.
        what: &'static str,
    },
    /// The connection ended inside a frame. [`io::ErrorKind::UnexpectedEof`].
    Truncated {
        /// The length of the frame, header included, as far as it is known.
        needed: usize,
        /// How many bytes of it came.
        got: usize,
    },
    /// The connection ended between two frames, but the peer did not say that this is the end: somebody may have cut it.
    /// [`io::ErrorKind::UnexpectedEof`].
    Unannounced,
    /// The lifetime of the context is over. [`io::ErrorKind::PermissionDenied`].
    Expired {
        /// When it ended.
        at: Time,
        /// What the clock says.
        now: Time,
    },
    /// We have ended the stream, and can't write any more. [`io::ErrorKind::BrokenPipe`].
    ShutDown,
    /// The connection failed in the middle of a message of ours, in this way: what of it arrived is not known.
    Broken(io::ErrorKind),
}

impl StreamError {
    /// The stream's own reason in an error of a stream's `read` or `write`, if it is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&StreamError> {
        error.get_ref()?.downcast_ref()
    }

    /// Which [`io::ErrorKind`] it comes as.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            StreamError::Message(_)
            | StreamError::Misplaced(_)
            | StreamError::NotProtected { .. }
            | StreamError::TooLong { .. }
            | StreamError::Unexpected { .. } => io::ErrorKind::InvalidData,
            StreamError::Truncated { .. } | StreamError::Unannounced => io::ErrorKind::UnexpectedEof,
            StreamError::Expired { .. } => io::ErrorKind::PermissionDenied,
            StreamError::ShutDown => io::ErrorKind::BrokenPipe,
            StreamError::Broken(kind) => *kind,
        }
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        io::Error::new(error.kind(), error)
    }
}

impl From<MessageError> for StreamError {
    fn from(error: MessageError) -> Self {
        StreamError::Message(error)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Message(error) => error.fmt(f),
            StreamError::Misplaced(Order::Gap { missing }) => {
                write!(f, "{missing} messages before this one are missing: somebody took them out")
            }
            StreamError::Misplaced(_) => f.write_str("a message came out of its place, or its place can't be told"),
            StreamError::NotProtected { least: Protection::Confidentiality } => {
                f.write_str("a message is not sealed, and must be")
            }
            StreamError::NotProtected { least: Protection::Integrity } => {
                f.write_str("a message is not even signed, and must be")
            }
            StreamError::TooLong { length, limit } => {
                write!(f, "a message of {length} bytes is longer than the limit of {limit}")
            }
            StreamError::Unexpected { what } => write!(f, "{what} came where it can't"),
            StreamError::Truncated { needed, got } => {
                write!(f, "the connection ended after {got} of {needed} bytes of a message")
            }
            StreamError::Unannounced => f.write_str(
                "the connection ended, but the peer did not say that this is the end: it crashed, it never says so, or \
                 somebody cut the connection",
            ),
            StreamError::Expired { at, now } => {
                write!(f, "the context ended at {at}; it is now {now}: connect again with a new ticket")
            }
            StreamError::ShutDown => f.write_str("the stream was shut down for writing"),
            StreamError::Broken(kind) => write!(f, "the connection failed while a message was sent: {kind}"),
        }
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StreamError::Message(error) => Some(error),
            _ => None,
        }
    }
}
