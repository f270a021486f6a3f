//! The framing of MIT's sample programs, gss-client and gss-server (`src/appl/gss-sample` of MIT krb5): one byte of flags, a
//! big-endian length of four bytes, and the token.
//!
//! ```text
//! gss-client                                     gss-server
//!   NOOP | CONTEXT_NEXT, empty    ──────────────▶
//!   CONTEXT, token                ◀────────────▶         until both contexts are complete
//!   DATA | WRAPPED | ENCRYPTED | SEND_MIC, message  ──▶  as often as the client likes
//!   ◀──────────────  MIC, its MIC (or NOOP, empty)
//!   NOOP, empty                   ──────────────▶        the end
//! ```
//! The older protocol (`-v1`), which has no flags, is not spoken.

use std::fmt;
use std::io::{Read, Write};
use std::ops::BitOr;

use handfast::wire::Writer;

use super::{FrameError, Invalid, check_length, read_body, read_header};

/// The longest token that is read or written: 1 MiB.
pub const TOKEN_LIMIT: usize = 1 << 20;

pub(crate) const HEADER: &str = "token header";
pub(crate) const TOKEN: &str = "token";

/// The flags before a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// Nothing in it: opens or ends a conversation, or answers where no MIC is wanted.
    pub const NOOP: Flags = Flags(1);
    /// A token of context establishment.
    pub const CONTEXT: Flags = Flags(2);
    /// A message.
    pub const DATA: Flags = Flags(4);
    /// A MIC over the message that came before.
    pub const MIC: Flags = Flags(8);
    /// Context tokens follow.
    pub const CONTEXT_NEXT: Flags = Flags(16);
    /// The message is a Wrap token.
    pub const WRAPPED: Flags = Flags(32);
    /// The message is encrypted.
    pub const ENCRYPTED: Flags = Flags(64);
    /// A MIC is wanted in answer.
    pub const SEND_MIC: Flags = Flags(128);

    const NAMES: [(Flags, &'static str); 8] = [
        (Flags::NOOP, "NOOP"),
        (Flags::CONTEXT, "CONTEXT"),
        (Flags::DATA, "DATA"),
        (Flags::MIC, "MIC"),
        (Flags::CONTEXT_NEXT, "CONTEXT_NEXT"),
        (Flags::WRAPPED, "WRAPPED"),
        (Flags::ENCRYPTED, "ENCRYPTED"),
        (Flags::SEND_MIC, "SEND_MIC"),
    ];

    /// Both together.
    #[must_use]
    pub(crate) const fn or(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.or(other)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag));
        f.write_str(&set.map(|(_, name)| *name).collect::<Vec<_>>().join(" | "))
    }
}

/// A token with its flags.
///
/// ```
/// use handfast_net::framing::gss_sample::{Flags, Token};
/// let mut bytes = Vec::new();
/// Token::new(Flags::NOOP | Flags::CONTEXT_NEXT, Vec::new()).encode(&mut bytes)?;
/// assert_eq!(bytes, [0x11, 0, 0, 0, 0]);
/// # Ok::<(), handfast_net::framing::FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The flags; at least one is set.
    pub flags: Flags,
    /// The token itself.
    pub body: Vec<u8>,
}

impl Token {
    /// A token with its flags.
    #[must_use]
    pub fn new(flags: Flags, body: Vec<u8>) -> Self {
        Token { flags, body }
    }

    /// Appends the token to `out`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] over [`TOKEN_LIMIT`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let length = self.body.len();
        check_length(TOKEN, length, TOKEN_LIMIT)?;
        let too_long = |_| FrameError::TooLong { part: TOKEN, length, limit: TOKEN_LIMIT };
        Writer::new(out).u8(self.flags.0).u32_be(u32::try_from(length).map_err(too_long)?).bytes(&self.body);
        Ok(())
    }

    /// Writes the token, in one call of `write_all`.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode), or the stream's.
    pub fn write(&self, writer: &mut impl Write) -> Result<(), FrameError> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        writer.write_all(&bytes)?;
        Ok(writer.flush()?)
    }

    /// Reads a token from the front of `bytes`, and tells how many of them it has; `None` if it is not all there yet.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] over [`TOKEN_LIMIT`], [`Invalid::OldProtocol`] without flags.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let (flags, length) = decode_header(*header)?;
        let whole = bytes.len() - rest.len() + length;
        Ok(rest.get(..length).map(|body| (Token::new(flags, body.to_vec()), whole)))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`FrameError`]: [`Ended`](FrameError::Ended) if the stream ends before it, the others as they say.
    pub fn read(reader: &mut impl Read) -> Result<Self, FrameError> {
        Token::read_limited(reader, TOKEN_LIMIT)
    }

    /// Reads a token of at most `limit` bytes, and never more than [`TOKEN_LIMIT`].
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_limited(reader: &mut impl Read, limit: usize) -> Result<Self, FrameError> {
        let (flags, length) = decode_header(read_header(reader, HEADER)?)?;
        check_length(TOKEN, length, limit)?;
        let mut body = Vec::new();
        read_body(reader, TOKEN, length, &mut body)?;
        Ok(Token::new(flags, body))
    }
}

/// In the old protocol a token begins with its length, and the first byte of any sane one is zero.
pub(crate) fn decode_header([flags, length @ ..]: [u8; 5]) -> Result<(Flags, usize), FrameError> {
    if flags == 0 {
        return Err(FrameError::Invalid(Invalid::OldProtocol));
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    check_length(TOKEN, length, TOKEN_LIMIT)?;
    Ok((Flags(flags), length))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Dripping;
    use super::*;

    #[test]
    fn the_eight_flags_are_mits() {
        let values = Flags::NAMES.map(|(flag, _)| flag.0);
        assert_eq!(values, [1, 2, 4, 8, 16, 32, 64, 128]);
        let flags = Flags::DATA | Flags::WRAPPED;
        assert!(flags.contains(Flags::DATA) && !flags.contains(Flags::DATA | Flags::MIC));
        assert_eq!(format!("{flags:?}"), "DATA | WRAPPED");
    }

    #[test]
    fn tokens_are_flags_length_and_body() {
        let token = Token::new(Flags::CONTEXT, vec![0x60; 0x102]);
        let bytes = [&[2, 0, 0, 1, 2][..], &[0x60; 0x102]].concat();
        let mut written = Vec::new();
        token.write(&mut written).unwrap();
        assert_eq!(written, bytes);
        assert_eq!(Token::read(&mut Dripping::new(&bytes)).unwrap(), token);
        assert_eq!(Token::decode(&[&bytes[..], b"next"].concat()).unwrap(), Some((token, bytes.len())));
    }

    #[test]
    fn a_part_of_a_token_is_awaited_and_its_end_is_an_error() {
        let bytes = [4, 0, 0, 0, 3, 1, 2, 3];
        for length in 0..bytes.len() {
            let part = &bytes[..length];
            assert_eq!(Token::decode(part).unwrap(), None);
            let error = Token::read(&mut &part[..]).unwrap_err();
            match length {
                0 => assert!(matches!(error, FrameError::Ended)),
                1..5 => assert!(matches!(error, FrameError::Truncated { needed: 5, got, .. } if got == length)),
                _ => assert!(matches!(error, FrameError::Truncated { needed: 3, got, .. } if got == length - 5)),
            }
        }
    }

    #[test]
    fn lengths_over_the_limit_are_refused_before_any_body() {
        for header in [[4, 0, 0x10, 0, 1], [4, 0xff, 0xff, 0xff, 0xff]] {
            assert!(matches!(Token::decode(&header), Err(FrameError::TooLong { limit: TOKEN_LIMIT, .. })));
            assert!(matches!(Token::read(&mut &header[..]), Err(FrameError::TooLong { .. })));
        }
        let long = Token::new(Flags::DATA, vec![0; TOKEN_LIMIT + 1]);
        assert!(matches!(long.encode(&mut Vec::new()), Err(FrameError::TooLong { .. })));
        let longest = Token::new(Flags::DATA, vec![0; TOKEN_LIMIT]);
        let mut bytes = Vec::new();
        longest.encode(&mut bytes).unwrap();
        assert_eq!(Token::read(&mut &bytes[..]).unwrap(), longest);
    }

    #[test]
    fn the_old_protocol_is_named() {
        assert!(matches!(Token::read(&mut &[0; 5][..]), Err(FrameError::Invalid(Invalid::OldProtocol))));
    }
}
