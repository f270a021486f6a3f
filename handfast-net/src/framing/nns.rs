//! The .NET NegotiateStream Protocol, \[MS-NNS\]: framing for tokens during the handshake, and for sealed messages after it.
//!
//! ```text
//! initiator                                   acceptor
//!   HandshakeInProgress token  ──────────────▶
//!   ◀──────────────  HandshakeInProgress token          as often as the mechanism needs
//!   HandshakeDone token        ──────────────▶          by the side whose context is complete
//!   ◀──────────────  HandshakeDone, token or empty      always sent by the acceptor
//!   data messages              ◀────────────▶
//! ```
//! A side that refuses sends HandshakeError instead, and closes. Section numbers here are those of \[MS-NNS\] v20190313 and later.

use std::fmt;
use std::io::{Read, Write};

use handfast::wire::{DecodeError, Reader, Writer};

use super::{FrameError, Invalid, check_length, read_body, read_header};

/// The longest token of a handshake message: its length has 16 bits (2.2.1).
pub const TOKEN_LIMIT: usize = 0xffff;
/// The longest payload of a data message that is written, in bytes of sealed message (2.2.2).
pub const WRITE_LIMIT: usize = 0xfc30;
/// The longest payload of a data message that is read. .NET's own reader takes as much; some writers pass [`WRITE_LIMIT`].
pub const READ_LIMIT: usize = 0x1_0000;

const DONE: u8 = 0x14;
const ERROR: u8 = 0x15;
const IN_PROGRESS: u8 = 0x16;
const VERSION: [u8; 2] = [1, 0];
pub(crate) const HEADER: &str = "handshake message header";
pub(crate) const TOKEN: &str = "handshake token";
const DATA: &str = "data message";

/// A message of the handshake (2.2.1).
///
/// ```
/// use handfast_net::framing::nns::Handshake;
/// let mut bytes = Vec::new();
/// Handshake::InProgress(vec![0x60, 0x01, 0x02]).encode(&mut bytes)?;
/// assert_eq!(bytes, [0x16, 1, 0, 0, 3, 0x60, 0x01, 0x02]);
/// # Ok::<(), handfast_net::framing::FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// A token, not the last of its sender.
    InProgress(Vec<u8>),
    /// The sender's context is complete: its last token, or nothing.
    Done(Vec<u8>),
    /// The sender refuses.
    Error(ErrorCode),
}

impl Handshake {
    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] for a token over [`TOKEN_LIMIT`], [`Invalid::NoToken`] for an empty [`InProgress`](Self::InProgress).
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let error_payload;
        let (id, payload) = match self {
            Handshake::InProgress(token) if token.is_empty() => return Err(FrameError::Invalid(Invalid::NoToken)),
            Handshake::InProgress(token) => (IN_PROGRESS, token.as_slice()),
            Handshake::Done(token) => (DONE, token.as_slice()),
            Handshake::Error(code) => {
                error_payload = code.to_payload();
                (ERROR, error_payload.as_slice())
            }
        };
        let too_long = |_| FrameError::TooLong { part: TOKEN, length: payload.len(), limit: TOKEN_LIMIT };
        let length = u16::try_from(payload.len()).map_err(too_long)?;
        Writer::new(out).u8(id).bytes(&VERSION).u16_be(length).bytes(payload);
        Ok(())
    }

    /// Writes the message, in one call of `write_all`.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode), or the stream's.
    pub fn write(&self, writer: &mut impl Write) -> Result<(), FrameError> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        writer.write_all(&bytes)?;
        Ok(writer.flush()?)
    }

    /// Reads a message from the front of `bytes`, and tells how many of them it has; `None` if it is not all there yet.
    ///
    /// # Errors
    /// [`FrameError::Invalid`], as soon as the bytes that are there show it.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let header = Header::decode(*header)?;
        let Some(payload) = rest.get(..header.length) else { return Ok(None) };
        let message = header.with_payload(payload.to_vec())?;
        Ok(Some((message, bytes.len() - rest.len() + header.length)))
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`FrameError`]: [`Ended`](FrameError::Ended) if the stream ends before it, the others as they say.
    pub fn read(reader: &mut impl Read) -> Result<Self, FrameError> {
        let header = Header::decode(read_header(reader, HEADER)?)?;
        let mut payload = Vec::new();
        read_body(reader, TOKEN, header.length, &mut payload)?;
        header.with_payload(payload)
    }
}

/// The header of a handshake message.
pub(crate) struct Header {
    id: u8,
    pub(crate) length: usize,
}

impl Header {
    /// The version is written as 1.0 and ignored when read (3.1.5.2, 3.2.5.1).
    pub(crate) fn decode([id, _major, _minor, high, low]: [u8; 5]) -> Result<Self, FrameError> {
        let length = usize::from(u16::from_be_bytes([high, low]));
        match (id, length) {
            (IN_PROGRESS, 0) => Err(FrameError::Invalid(Invalid::NoToken)),
            (ERROR, length) if length != ErrorCode::PAYLOAD => Err(FrameError::Invalid(Invalid::ErrorPayload(length))),
            (IN_PROGRESS | DONE | ERROR, length) => Ok(Header { id, length }),
            (id, _) => Err(FrameError::Invalid(Invalid::MessageId(id))),
        }
    }

    pub(crate) fn with_payload(&self, payload: Vec<u8>) -> Result<Handshake, FrameError> {
        match self.id {
            IN_PROGRESS => Ok(Handshake::InProgress(payload)),
            DONE => Ok(Handshake::Done(payload)),
            _ => ErrorCode::from_payload(&payload)
                .map(Handshake::Error)
                .map_err(|_| FrameError::Invalid(Invalid::ErrorPayload(payload.len()))),
        }
    }
}

/// Why a side refuses: an HRESULT, or the Win32 code [`TRUST_FAILURE`](Self::TRUST_FAILURE) (2.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// `ERROR_TRUST_FAILURE`: authenticated, but what was negotiated (protection, delegation) is not acceptable (2.2.1).
    pub const TRUST_FAILURE: ErrorCode = ErrorCode(0x6fe);
    /// `SEC_E_INVALID_TOKEN`: the token is not well formed.
    pub const INVALID_TOKEN: ErrorCode = ErrorCode(0x8009_0308);
    /// `SEC_E_LOGON_DENIED`: the peer is not who it says, or may not come in (the refusal of section 4).
    pub const LOGON_DENIED: ErrorCode = ErrorCode(0x8009_030c);

    const PAYLOAD: usize = 8;

    /// Four reserved bytes, zero, and the code. .NET writes and reads all eight as one big-endian number, although 2.2 says
    /// little-endian for all fields.
    fn to_payload(self) -> [u8; Self::PAYLOAD] {
        u64::from(self.0).to_be_bytes()
    }

    fn from_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("HandshakeError", payload);
        reader.take(4)?;
        let code = reader.u32_be()?;
        reader.finish()?;
        Ok(ErrorCode(code))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match *self {
            Self::TRUST_FAILURE => "the negotiated protection is not acceptable to the peer",
            Self::INVALID_TOKEN => "the peer can't read the token",
            Self::LOGON_DENIED => "the peer denies the logon",
            _ => "the peer refuses",
        };
        write!(f, "{meaning} (0x{:08X})", self.0)
    }
}

/// Appends a data message with `payload`, a sealed (or signed) message, to `out` (2.2.2).
///
/// # Errors
/// [`FrameError::TooLong`] over [`WRITE_LIMIT`].
///
/// ```
/// let mut bytes = Vec::new();
/// handfast_net::framing::nns::encode_data(b"sealed", &mut bytes)?;
/// assert_eq!(bytes, b"\x06\0\0\0sealed");
/// # Ok::<(), handfast_net::framing::FrameError>(())
/// ```
pub fn encode_data(payload: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    out.extend_from_slice(&data_header(payload.len())?);
    out.extend_from_slice(payload);
    Ok(())
}

/// The four bytes before a payload of `length` bytes (2.2.2).
///
/// # Errors
/// [`FrameError::TooLong`] over [`WRITE_LIMIT`].
pub fn data_header(length: usize) -> Result<[u8; 4], FrameError> {
    check_length(DATA, length, WRITE_LIMIT)?;
    let too_long = |_| FrameError::TooLong { part: DATA, length, limit: WRITE_LIMIT };
    Ok(u32::try_from(length).map_err(too_long)?.to_le_bytes())
}

/// Reads a data message from the front of `bytes`: its payload, and how many bytes the message has; `None` if it is not all there
/// yet.
///
/// # Errors
/// [`FrameError::TooLong`] over [`READ_LIMIT`].
pub fn decode_data(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = data_length(*header)?;
    let whole = bytes.len() - rest.len() + length;
    Ok(rest.get(..length).map(|payload| (payload, whole)))
}

/// Reads a data message; its payload replaces what `payload` holds, whose memory is used again.
///
/// # Errors
/// [`FrameError::Ended`] if the stream ends before it, [`FrameError::TooLong`] over [`READ_LIMIT`], the others as they say.
pub fn read_data(reader: &mut impl Read, payload: &mut Vec<u8>) -> Result<(), FrameError> {
    payload.clear();
    let length = data_length(read_header(reader, "data message length")?)?;
    read_body(reader, DATA, length, payload)
}

/// Writes a data message.
///
/// # Errors
/// As for [`encode_data`], or the stream's.
pub fn write_data(writer: &mut impl Write, payload: &[u8]) -> Result<(), FrameError> {
    let mut bytes = Vec::new();
    encode_data(payload, &mut bytes)?;
    writer.write_all(&bytes)?;
    Ok(writer.flush()?)
}

pub(crate) fn data_length(header: [u8; 4]) -> Result<usize, FrameError> {
    let length = usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX);
    check_length(DATA, length, READ_LIMIT)?;
    Ok(length)
}

#[cfg(test)]
mod tests;
