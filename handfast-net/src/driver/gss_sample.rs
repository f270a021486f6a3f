use std::io::{Read, Write};

use super::{Carrier, HandshakeError, Reason};
use crate::framing::gss_sample::{Flags, Token};

/// Carries tokens as MIT's gss-client and gss-server do.
#[derive(Debug)]
pub struct GssSampleCarrier<'s, S> {
    stream: &'s mut S,
    initiator: bool,
    opened: bool,
    token_limit: usize,
}

impl<'s, S: Read + Write> GssSampleCarrier<'s, S> {
    /// The most bytes of a token that are read during the handshake.
    const TOKEN_LIMIT: usize = 64 << 10;

    /// The initiator's end.
    pub fn initiator(stream: &'s mut S) -> Self {
        GssSampleCarrier { stream, initiator: true, opened: false, token_limit: Self::TOKEN_LIMIT }
    }

    /// The acceptor's end.
    pub fn acceptor(stream: &'s mut S) -> Self {
        GssSampleCarrier { stream, initiator: false, opened: false, token_limit: Self::TOKEN_LIMIT }
    }

    /// Reads tokens of up to `limit` bytes: 64 KiB unless set.
    #[must_use]
    pub fn token_limit(mut self, limit: usize) -> Self {
        self.token_limit = limit;
        self
    }

    fn write(&mut self, flags: Flags, body: &[u8]) -> Result<(), HandshakeError> {
        Ok(Token::new(flags, body.to_vec()).write(self.stream)?)
    }

    fn read(&mut self, wanted: Flags) -> Result<Vec<u8>, HandshakeError> {
        let Token { flags, body } = Token::read_limited(self.stream, self.token_limit)?;
        if flags.contains(wanted) { Ok(body) } else { Err(HandshakeError::UnexpectedFlags { flags, wanted }) }
    }

    /// The initiator says, before its first token, that it wants a context.
    fn open(&mut self) -> Result<(), HandshakeError> {
        if std::mem::replace(&mut self.opened, true) {
            return Ok(());
        }
        let flags = Flags::NOOP | Flags::CONTEXT_NEXT;
        if self.initiator { self.write(flags, &[]) } else { self.read(flags).map(|_| ()) }
    }
}

impl<S: Read + Write> Carrier for GssSampleCarrier<'_, S> {
    fn send(&mut self, token: &[u8], _: bool) -> Result<(), HandshakeError> {
        self.open()?;
        if token.is_empty() { Ok(()) } else { self.write(Flags::CONTEXT, token) }
    }

    fn receive(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.open()?;
        self.read(Flags::CONTEXT)
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
