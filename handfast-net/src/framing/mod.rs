//! Framings: how tokens and sealed messages are cut out of a byte stream.
//!
//! Each comes as a codec over byte slices (`encode`, `decode`) and as blocking `read` and `write`. A frame's length is checked
//! before anything is allocated for it. Put a [`crate::Timed`] around a `TcpStream` to bound the time.

use std::fmt;
use std::io::{self, Read};

pub mod gss_sample;
pub mod nns;

/// A frame that was not read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The stream ended between two frames.
    Ended,
    /// The stream ended inside a frame.
    Truncated {
        /// The part of the frame that was being read.
        part: &'static str,
        /// Its length in bytes.
        needed: usize,
        /// How many of them came.
        got: usize,
    },
    /// A length over the limit.
    TooLong {
        /// The part of the frame that has this length.
        part: &'static str,
        /// The length in bytes.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A frame that its protocol does not allow.
    Invalid(Invalid),
    /// The stream failed; [`io::ErrorKind::TimedOut`] if a deadline passed.
    Io(io::Error),
}

/// What a protocol does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// MS-NNS 2.2.1: a MessageId other than 0x14, 0x15 and 0x16.
    MessageId(u8),
    /// MS-NNS 2.2.1: a HandshakeInProgress message without a token.
    NoToken,
    /// MS-NNS 2.2.1: a HandshakeError message whose payload is not of 8 bytes.
    ErrorPayload(usize),
    /// gss-sample: a token without flags, as the old protocol (`-v1`) has it.
    OldProtocol,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Ended => f.write_str("the peer closed the connection"),
            FrameError::Truncated { part, needed, got } => {
                write!(f, "the connection ended after {got} of {needed} bytes of a {part}")
            }
            FrameError::TooLong { part, length, limit } => {
                write!(f, "a {part} of {length} bytes is longer than the limit of {limit}")
            }
            FrameError::Invalid(invalid) => invalid.fmt(f),
            FrameError::Io(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::MessageId(id) => write!(f, "0x{id:02x} begins no handshake message (0x14, 0x15 and 0x16 do)"),
            Invalid::NoToken => f.write_str("a HandshakeInProgress message has no token"),
            Invalid::ErrorPayload(length) => {
                write!(f, "a HandshakeError message has a payload of {length} bytes, not 8")
            }
            Invalid::OldProtocol => f.write_str("a token has no flags: the old protocol (-v1) is not spoken here"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FrameError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        FrameError::Io(error)
    }
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => error,
            FrameError::Ended | FrameError::Truncated { .. } => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            FrameError::TooLong { .. } | FrameError::Invalid(_) => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Reads a header. The stream's end before its first byte is [`FrameError::Ended`].
fn read_header<const N: usize>(reader: &mut impl Read, part: &'static str) -> Result<[u8; N], FrameError> {
    let mut header = [0; N];
    match fill(reader, &mut header)? {
        0 => Err(FrameError::Ended),
        got if got < N => Err(FrameError::Truncated { part, needed: N, got }),
        _ => Ok(header),
    }
}

/// Reads `needed` bytes behind what `out` holds. Memory is taken as bytes arrive, not as a length promises them.
fn read_body(reader: &mut impl Read, part: &'static str, needed: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let limit = u64::try_from(needed).unwrap_or(u64::MAX);
    let got = reader.take(limit).read_to_end(out)?;
    if got < needed { Err(FrameError::Truncated { part, needed, got }) } else { Ok(()) }
}

/// Reads until `buffer` is full or the stream ends; tells how much it read.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut rest = buffer;
    let mut got = 0;
    while !rest.is_empty() {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => {
                got += count;
                rest = rest.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// Fails if `length` is over `limit`.
pub(crate) fn check_length(part: &'static str, length: usize, limit: usize) -> Result<(), FrameError> {
    if length > limit { Err(FrameError::TooLong { part, length, limit }) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives one byte at a time, with an interruption before each.
    #[derive(Debug)]
    pub(crate) struct Dripping<'a> {
        bytes: &'a [u8],
        interrupted: bool,
    }

    impl<'a> Dripping<'a> {
        pub(crate) fn new(bytes: &'a [u8]) -> Self {
            Dripping { bytes, interrupted: false }
        }
    }

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = buffer.len().min(1);
            self.bytes.read(&mut buffer[..count])
        }
    }

    #[test]
    fn errors_become_io_errors_of_a_fitting_kind() {
        let kind = |error: FrameError| io::Error::from(error).kind();
        assert_eq!(kind(FrameError::Ended), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(FrameError::Truncated { part: "x", needed: 2, got: 1 }), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(FrameError::TooLong { part: "x", length: 2, limit: 1 }), io::ErrorKind::InvalidData);
        assert_eq!(kind(FrameError::Invalid(Invalid::NoToken)), io::ErrorKind::InvalidData);
        assert_eq!(kind(FrameError::Io(io::ErrorKind::TimedOut.into())), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_failing_stream_is_not_an_ended_one() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let error = read_header::<4>(&mut Failing, "length").unwrap_err();
        assert!(matches!(error, FrameError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset));
    }
}
