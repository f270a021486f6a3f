use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use handfast::{Context, Protection, Session, Target};

use super::lifetime::Lifetime;
use super::{StreamError, StreamOptions};
use crate::Timed;
use crate::driver::{Accounts, GssSampleCarrier, HandshakeError, KdcExchange, NoAccounts};
use crate::framing::FrameError;
use crate::framing::gss_sample::{Flags, TOKEN_LIMIT, Token};

/// Messages between two proven programs, as MIT's sample programs gss-client (the side that connects) and gss-server have it.
///
/// The initiator [sends](Self::send) messages one by one, and each is answered: with the acceptor's signature of it if one is asked
/// for. [`end`](Self::end) says that there will be none. The acceptor [receives](Self::receive) and answers them.
pub struct GssSampleStream<S = TcpStream> {
    stream: S,
    context: Context,
    least: Option<Protection>,
    lifetime: Lifetime,
    failed: Option<StreamError>,
}

/// How a message is sent. `default()` is what gss-client does: sealed, and signed in answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleMessage {
    /// How it is protected; `None` sends it as it is (gss-client's `-nw`; `-nx` is [`Protection::Integrity`]).
    pub protection: Option<Protection>,
    /// Whether the acceptor shall send its signature of the message (without gss-client's `-nm`).
    pub answer_signed: bool,
}

impl Default for SampleMessage {
    fn default() -> Self {
        SampleMessage { protection: Some(Protection::Confidentiality), answer_signed: true }
    }
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleReceived {
    /// The message.
    pub message: Vec<u8>,
    /// How it was sent.
    pub how: SampleMessage,
}

impl GssSampleStream<TcpStream> {
    /// Makes a context with `target` over a connection that was opened for it.
    ///
    /// # Errors
    /// [`HandshakeError`]: why there is no context, or not in time.
    pub fn connect(
        tcp: TcpStream,
        target: Target<'_>,
        kdc: &(impl KdcExchange + ?Sized),
        options: &StreamOptions,
    ) -> Result<Self, HandshakeError> {
        let mut timed = Timed::new(&tcp, options.deadline())?;
        let context = options.driver().initiate(target, kdc, &mut GssSampleCarrier::initiator(&mut timed))?;
        drop(timed);
        Ok(GssSampleStream::established(tcp, context, options))
    }

    /// Makes a context with whoever has opened this connection.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub fn accept(tcp: TcpStream, session: Session<'_>, options: &StreamOptions) -> Result<Self, HandshakeError> {
        GssSampleStream::accept_with_accounts(tcp, session, &NoAccounts, options)
    }

    /// As [`accept`](Self::accept), for mechanisms that need an account store.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub fn accept_with_accounts(
        tcp: TcpStream,
        session: Session<'_>,
        accounts: &(impl Accounts + ?Sized),
        options: &StreamOptions,
    ) -> Result<Self, HandshakeError> {
        let mut timed = Timed::new(&tcp, options.deadline())?;
        let context = options.driver().accept(session, accounts, &mut GssSampleCarrier::acceptor(&mut timed))?;
        drop(timed);
        Ok(GssSampleStream::established(tcp, context, options))
    }
}

impl<S: Read + Write> GssSampleStream<S> {
    /// Messages under a context that was made already.
    pub fn established(stream: S, context: Context, options: &StreamOptions) -> Self {
        let lifetime = options.lifetime(&context);
        GssSampleStream { stream, context, least: options.least(), lifetime, failed: None }
    }

    /// The context: who the peer is, by what mechanism, with what flags and for how long.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The inner stream, for its addresses and time-outs.
    pub fn inner(&self) -> &S {
        &self.stream
    }

    /// The inner stream and the context.
    pub fn into_inner(self) -> (S, Context) {
        (self.stream, self.context)
    }

    /// Sends a message and waits for the answer; if it is to be signed, the signature has been checked.
    ///
    /// # Errors
    /// [`StreamError`] inside, or the stream's. After any error but one about the message's protection the stream is of no use.
    pub fn send(&mut self, message: &[u8], how: SampleMessage) -> io::Result<()> {
        self.check(how.protection)?;
        let token = self.outgoing(message, how).map_err(StreamError::from);
        let token = self.keep(token)?;
        token.write(&mut self.stream)?;
        let Token { flags, body } = self.read()?.ok_or_else(|| self.fail(StreamError::Unannounced))?;
        let result = match how.answer_signed {
            true if flags.contains(Flags::MIC) => {
                self.context.verify(message, &body).map(|_| ()).map_err(StreamError::from)
            }
            false if flags.contains(Flags::NOOP) => Ok(()),
            _ => Err(StreamError::Unexpected { what: "another answer than was asked for" }),
        };
        self.keep(result)
    }

    /// Says that no message will come any more.
    ///
    /// # Errors
    /// The stream's.
    pub fn end(&mut self) -> io::Result<()> {
        Ok(Token::new(Flags::NOOP, Vec::new()).write(&mut self.stream)?)
    }

    /// Waits for a message and answers it; `None` if the peer says that there is none any more, or ends the connection (the
    /// protocol has no proof that nothing is missing).
    ///
    /// # Errors
    /// [`StreamError`] inside, or the stream's. The stream is of no use then.
    pub fn receive(&mut self) -> io::Result<Option<SampleReceived>> {
        self.keep(Ok(()))?;
        let Some(token) = self.read()? else { return Ok(None) };
        if token.flags.contains(Flags::NOOP) {
            return Ok(None);
        }
        let opened = self.open(token);
        let received = self.keep(opened)?;
        let answer = if received.how.answer_signed {
            let mut mic = Vec::new();
            let signed = self.context.sign(&received.message, &mut mic).map_err(StreamError::from);
            self.keep(signed)?;
            Token::new(Flags::MIC, mic)
        } else {
            Token::new(Flags::NOOP, Vec::new())
        };
        answer.write(&mut self.stream)?;
        Ok(Some(received))
    }

    fn outgoing(&mut self, message: &[u8], how: SampleMessage) -> Result<Token, handfast::MessageError> {
        let wanted = if how.answer_signed { Flags::DATA | Flags::SEND_MIC } else { Flags::DATA };
        let Some(protection) = how.protection else { return Ok(Token::new(wanted, message.to_vec())) };
        let mut body = Vec::new();
        self.context.protect(protection, message, &mut body)?;
        let sealed = protection == Protection::Confidentiality;
        let kind = if sealed { Flags::WRAPPED | Flags::ENCRYPTED } else { Flags::WRAPPED };
        Ok(Token::new(wanted | kind, body))
    }

    /// What the message is, and what it must not be less than: what its flags claim, and what is required here.
    fn open(&mut self, token: Token) -> Result<SampleReceived, StreamError> {
        let Token { flags, mut body } = token;
        if !flags.contains(Flags::DATA) {
            return Err(StreamError::Unexpected { what: "a token that is no message" });
        }
        let answer_signed = flags.contains(Flags::SEND_MIC);
        if !flags.contains(Flags::WRAPPED) {
            self.require(None)?;
            return Ok(SampleReceived { message: body, how: SampleMessage { protection: None, answer_signed } });
        }
        let opened = self.context.unprotect(&mut body)?;
        let (message, protection) = (opened.message.to_vec(), opened.protection);
        self.require(Some(protection))?;
        if flags.contains(Flags::ENCRYPTED) && protection != Protection::Confidentiality {
            return Err(StreamError::NotProtected { least: Protection::Confidentiality });
        }
        Ok(SampleReceived { message, how: SampleMessage { protection: Some(protection), answer_signed } })
    }

    fn require(&self, protection: Option<Protection>) -> Result<(), StreamError> {
        match self.least {
            Some(least) if protection < Some(least) => Err(StreamError::NotProtected { least }),
            _ => Ok(()),
        }
    }

    /// Whether a message may be sent at all, and so.
    fn check(&mut self, protection: Option<Protection>) -> io::Result<()> {
        self.keep(Ok(()))?;
        let alive = self.lifetime.check();
        self.keep(alive)?;
        Ok(self.require(protection)?)
    }

    /// The next token, at a time that is within the context's lifetime; `None` if the connection ends before one.
    fn read(&mut self) -> io::Result<Option<Token>> {
        let token = match Token::read_limited(&mut self.stream, TOKEN_LIMIT) {
            Err(FrameError::Ended) => return Ok(None),
            Err(FrameError::TooLong { length, limit, .. }) => {
                return Err(self.fail(StreamError::TooLong { length, limit }));
            }
            Err(FrameError::Truncated { needed, got, .. }) => {
                return Err(self.fail(StreamError::Truncated { needed, got }));
            }
            Err(FrameError::Invalid(_)) => {
                return Err(self.fail(StreamError::Unexpected { what: "a token without flags" }));
            }
            read => read?,
        };
        let alive = self.lifetime.check();
        self.keep(alive)?;
        Ok(Some(token))
    }

    /// Keeps an error for all calls to come.
    fn keep<T>(&mut self, result: Result<T, StreamError>) -> io::Result<T> {
        match (&self.failed, result) {
            (None, Ok(value)) => Ok(value),
            (None, Err(error)) => Err(self.fail(error)),
            (Some(failed), _) => Err(failed.clone().into()),
        }
    }

    fn fail(&mut self, error: StreamError) -> io::Error {
        self.failed.insert(error).clone().into()
    }
}

impl<S: fmt::Debug> fmt::Debug for GssSampleStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GssSampleStream")
            .field("stream", &self.stream)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
