use std::io::{Read, Write};

use super::{Carrier, HandshakeError, Reason};
use crate::framing::FrameError;
use crate::framing::gss_sample::{Flags, Token};

/// Carries tokens as MIT's gss-client and gss-server do.
#[derive(Debug)]
pub struct GssSampleCarrier<'s, S> {
    stream: &'s mut S,
    turns: Turns,
}

impl<'s, S: Read + Write> GssSampleCarrier<'s, S> {
    /// The initiator's end.
    pub fn initiator(stream: &'s mut S) -> Self {
        GssSampleCarrier { stream, turns: Turns::initiator() }
    }

    /// The acceptor's end.
    pub fn acceptor(stream: &'s mut S) -> Self {
        GssSampleCarrier { stream, turns: Turns::acceptor() }
    }

    /// Reads tokens of up to `limit` bytes: 64 KiB unless set.
    #[must_use]
    pub fn token_limit(mut self, limit: usize) -> Self {
        self.turns.token_limit = limit;
        self
    }

    fn read(&mut self) -> Result<Token, FrameError> {
        Token::read_limited(self.stream, self.turns.token_limit)
    }

    /// The initiator says, before its first token, that it wants a context.
    fn open(&mut self) -> Result<(), HandshakeError> {
        match self.turns.opening() {
            Some(Opening::Send(token)) => Ok(token.write(self.stream)?),
            Some(Opening::Receive) => body(self.read()?, OPENING).map(drop),
            None => Ok(()),
        }
    }
}

impl<S: Read + Write> Carrier for GssSampleCarrier<'_, S> {
    fn send(&mut self, token: &[u8], _: bool) -> Result<(), HandshakeError> {
        self.open()?;
        message(token).map_or(Ok(()), |token| Ok(token.write(self.stream)?))
    }

    fn receive(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.open()?;
        body(self.read()?, Flags::CONTEXT)
    }

    fn finish(&mut self) -> Result<(), HandshakeError> {
        Ok(())
    }

    fn refuse(&mut self, _: Reason, token: &[u8]) {
        if !token.is_empty() {
            let _ = self.send(token, false); // the peer may be gone
        }
    }
}

/// The flags of a conversation's first token.
pub(crate) const OPENING: Flags = Flags::NOOP.or(Flags::CONTEXT_NEXT);

/// Who says what when; the stream is somebody else's.
#[derive(Debug)]
pub(crate) struct Turns {
    initiator: bool,
    opened: bool,
    pub(crate) token_limit: usize,
}

/// What has to be done before the first token.
pub(crate) enum Opening {
    Send(Token),
    Receive,
}

impl Turns {
    /// The most bytes of a token that are read during the handshake, unless set.
    const TOKEN_LIMIT: usize = 64 << 10;

    pub(crate) fn initiator() -> Self {
        Turns { initiator: true, opened: false, token_limit: Self::TOKEN_LIMIT }
    }

    pub(crate) fn acceptor() -> Self {
        Turns { initiator: false, ..Turns::initiator() }
    }

    /// What is to be done first, once.
    pub(crate) fn opening(&mut self) -> Option<Opening> {
        match (std::mem::replace(&mut self.opened, true), self.initiator) {
            (true, _) => None,
            (false, true) => Some(Opening::Send(Token::new(OPENING, Vec::new()))),
            (false, false) => Some(Opening::Receive),
        }
    }
}

/// The message for our token, if there is one.
pub(crate) fn message(token: &[u8]) -> Option<Token> {
    (!token.is_empty()).then(|| Token::new(Flags::CONTEXT, token.to_vec()))
}

/// What is in the peer's token, which must have the flags `wanted`.
pub(crate) fn body(Token { flags, body }: Token, wanted: Flags) -> Result<Vec<u8>, HandshakeError> {
    if flags.contains(wanted) { Ok(body) } else { Err(HandshakeError::UnexpectedFlags { flags, wanted }) }
}
