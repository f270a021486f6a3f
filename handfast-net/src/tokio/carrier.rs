use std::future::Future;

use ::tokio::io::{AsyncRead, AsyncWrite};

use super::framing::{read_handshake, read_token, write_handshake, write_token};
use crate::driver::gss_sample::{self, Opening};
use crate::driver::{HandshakeError, Reason, nns};
use crate::framing::FrameError;
use crate::framing::gss_sample::{Flags, Token};

/// Carries the tokens of one handshake between the two sides: the twin of [`crate::driver::Carrier`].
pub trait Carrier: Send {
    /// Sends our token; `complete` says that our context needs nothing more. Only the last token may be empty.
    ///
    /// Fails if the stream does, or if there is no way to say it.
    fn send(&mut self, token: &[u8], complete: bool) -> impl Future<Output = Result<(), HandshakeError>> + Send;

    /// Waits for the peer's token. Fails if the stream does, or something else than a token comes.
    fn receive(&mut self) -> impl Future<Output = Result<Vec<u8>, HandshakeError>> + Send;

    /// Waits, after our context is complete and the last token sent, for what the framing still wants from the peer.
    fn finish(&mut self) -> impl Future<Output = Result<(), HandshakeError>> + Send;

    /// Tells the peer that we refuse, as far as that can be told; `token` is what the mechanism has to say to it, or empty. The
    /// handshake has failed already, so that a failure to tell it changes nothing.
    fn refuse(&mut self, reason: Reason, token: &[u8]) -> impl Future<Output = ()> + Send;
}

/// Carries tokens as \[MS-NNS\] has it.
#[derive(Debug)]
pub struct NnsCarrier<'s, S> {
    stream: &'s mut S,
    turns: nns::Turns,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin + Send> NnsCarrier<'s, S> {
    /// The initiator's end.
    pub fn initiator(stream: &'s mut S) -> Self {
        NnsCarrier { stream, turns: nns::Turns::initiator() }
    }

    /// The acceptor's end.
    pub fn acceptor(stream: &'s mut S) -> Self {
        NnsCarrier { stream, turns: nns::Turns::acceptor() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Carrier for NnsCarrier<'_, S> {
    async fn send(&mut self, token: &[u8], complete: bool) -> Result<(), HandshakeError> {
        match self.turns.message(token, complete) {
            Some(message) if self.turns.may_send(complete) => Ok(write_handshake(self.stream, &message).await?),
            Some(_) => {
                self.refuse(Reason::Denied, &[]).await;
                Err(HandshakeError::EndedEarly)
            }
            None => Ok(()),
        }
    }

    async fn receive(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.turns.token(read_handshake(self.stream).await?)
    }

    async fn finish(&mut self) -> Result<(), HandshakeError> {
        if self.turns.are_over() { Ok(()) } else { self.turns.end(read_handshake(self.stream).await?) }
    }

    async fn refuse(&mut self, reason: Reason, _: &[u8]) {
        let _ = write_handshake(self.stream, &nns::refusal(reason)).await; // the peer may be gone
    }
}

/// Carries tokens as MIT's gss-client and gss-server do.
#[derive(Debug)]
pub struct GssSampleCarrier<'s, S> {
    stream: &'s mut S,
    turns: gss_sample::Turns,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin + Send> GssSampleCarrier<'s, S> {
    /// The initiator's end.
    pub fn initiator(stream: &'s mut S) -> Self {
        GssSampleCarrier { stream, turns: gss_sample::Turns::initiator() }
    }

    /// The acceptor's end.
    pub fn acceptor(stream: &'s mut S) -> Self {
        GssSampleCarrier { stream, turns: gss_sample::Turns::acceptor() }
    }

    /// Reads tokens of up to `limit` bytes: 64 KiB unless set.
    #[must_use]
    pub fn token_limit(mut self, limit: usize) -> Self {
        self.turns.token_limit = limit;
        self
    }

    async fn read(&mut self) -> Result<Token, FrameError> {
        read_token(self.stream, self.turns.token_limit).await
    }

    async fn open(&mut self) -> Result<(), HandshakeError> {
        match self.turns.opening() {
            Some(Opening::Send(token)) => Ok(write_token(self.stream, &token).await?),
            Some(Opening::Receive) => gss_sample::body(self.read().await?, gss_sample::OPENING).map(drop),
            None => Ok(()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Carrier for GssSampleCarrier<'_, S> {
    async fn send(&mut self, token: &[u8], _: bool) -> Result<(), HandshakeError> {
        self.open().await?;
        match gss_sample::message(token) {
            Some(token) => Ok(write_token(self.stream, &token).await?),
            None => Ok(()),
        }
    }

    async fn receive(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.open().await?;
        gss_sample::body(self.read().await?, Flags::CONTEXT)
    }

    async fn finish(&mut self) -> Result<(), HandshakeError> {
        Ok(())
    }

    async fn refuse(&mut self, _: Reason, token: &[u8]) {
        if !token.is_empty() {
            let _ = self.send(token, false).await; // the peer may be gone
        }
    }
}
