use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{self, Poll};

use ::tokio::io::{self as tokio_io, AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::TcpStream;
use handfast::{Context, Sealer, Session, Target, Unsealer};

use super::{Accounts, Driver, KdcExchange, NnsCarrier, poll};
use crate::driver::{HandshakeError, NoAccounts};
use crate::stream::StreamOptions;
use crate::stream::negotiate::frames;
use crate::stream::reader::FrameReader;
use crate::stream::writer::FrameWriter;

/// A byte stream between two proven programs, framed as \[MS-NNS\]: the twin of [`crate::stream::NegotiateStream`], over anything
/// that tokio reads and writes (TCP, TLS, Unix sockets, pipes).
///
/// What is written is sealed (signed, if that is what was agreed on), and what is read has been opened and checked: it came from
/// the peer, whole and in order. Each write sends one message of up to about 64 KB.
///
/// # Ends
/// `shutdown` says that nothing more will come, in a message of its own: sealed and empty. Without it, the end of the connection
/// is an error for the reader ([`StreamError::Unannounced`](crate::stream::StreamError::Unannounced)).
///
/// After the first thing that is wrong, every read fails in the same way, and what is wrong beyond doubt (a message was tampered
/// with) fails every write, too, also where the two directions were parted.
///
/// # Cancellation
/// A read or write that is dropped while it waits has lost nothing: the next one goes on where it was. A `write` that is done has
/// sealed its bytes; what the connection did not take of them is sent by the next write, flush or shutdown, before anything
/// else. So `flush` before waiting for an answer. A handshake that is dropped is over.
///
/// # Time
/// A handshake ends after [`StreamOptions::handshake_time`], also while it waits for a KDC or an account store. Reads and writes wait
/// for as long as it takes: put a [`timeout`](::tokio::time::timeout) around them.
pub struct NegotiateStream<S = TcpStream> {
    stream: S,
    context: Context,
    reader: FrameReader,
    writer: FrameWriter,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> NegotiateStream<S> {
    /// Makes a context with `target` over a connection that was opened for it.
    ///
    /// # Errors
    /// [`HandshakeError`]: why there is no context, or not in time.
    pub async fn connect<K: KdcExchange>(
        mut stream: S,
        target: Target<'_>,
        kdc: &K,
        options: &StreamOptions,
    ) -> Result<Self, HandshakeError> {
        let context = driver(options).initiate(target, kdc, &mut NnsCarrier::initiator(&mut stream)).await?;
        NegotiateStream::established(stream, context, options)
    }

    /// Makes a context with whoever has opened this connection.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub async fn accept(stream: S, session: Session<'_>, options: &StreamOptions) -> Result<Self, HandshakeError> {
        NegotiateStream::accept_with_accounts(stream, session, &NoAccounts, options).await
    }

    /// As [`accept`](Self::accept), for mechanisms that need an account store.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub async fn accept_with_accounts<A: Accounts>(
        mut stream: S,
        session: Session<'_>,
        accounts: &A,
        options: &StreamOptions,
    ) -> Result<Self, HandshakeError> {
        let context = driver(options).accept(session, accounts, &mut NnsCarrier::acceptor(&mut stream)).await?;
        NegotiateStream::established(stream, context, options)
    }
}

fn driver(options: &StreamOptions) -> Driver {
    Driver::from(options.driver()).deadline(options.deadline())
}

impl<S: AsyncRead + AsyncWrite + Unpin> NegotiateStream<S> {
    /// A stream of messages under a context that was made otherwise, both sides having agreed that data messages of \[MS-NNS\] follow.
    ///
    /// # Errors
    /// [`HandshakeError::NotProtected`] if the context can't protect messages as the options require; there is no such stream without
    /// any protection.
    pub fn established(stream: S, context: Context, options: &StreamOptions) -> Result<Self, HandshakeError> {
        let (reader, writer) = frames(&context, options)?;
        Ok(NegotiateStream { stream, context, reader, writer })
    }

    /// The context: who the peer is, by what mechanism, with what flags and for how long.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The inner stream, for its addresses. What is read from it or written to it directly breaks this one.
    pub fn inner(&self) -> &S {
        &self.stream
    }

    /// Says that nothing more will be written; the connection stays as it is. `shutdown` says it, too, and then shuts the connection
    /// down in this direction.
    ///
    /// # Errors
    /// The stream's.
    pub async fn announce_end(&mut self) -> io::Result<()> {
        let NegotiateStream { stream, context, writer, .. } = self;
        poll_fn(|cx| poll::poll_announce_end(writer, context, stream, cx)).await
    }

    /// Parts the two directions, so that two tasks can read and write at the same time.
    ///
    /// The halves share the inner stream as [`tokio::io::split`](::tokio::io::split) has it: a lock is held while bytes are handed
    /// over, and never while one of them waits, opens or seals.
    ///
    /// # Errors
    /// The stream as it was, if its context can't be parted ([`io::ErrorKind::Unsupported`]).
    #[allow(clippy::type_complexity, reason = "as that of the blocking twin, with its stream")]
    pub fn into_split(self) -> Result<(ReadHalf<S>, WriteHalf<S>), (Box<Self>, io::Error)> {
        let NegotiateStream { stream, context, reader, writer } = self;
        match context.split() {
            Ok((sealer, unsealer)) => {
                let (receiving, sending) = tokio_io::split(stream);
                let read = ReadHalf { stream: receiving, unsealer, reader };
                Ok((read, WriteHalf { stream: sending, sealer, writer }))
            }
            Err((context, error)) => {
                let error = io::Error::new(io::ErrorKind::Unsupported, error);
                Err((Box::new(NegotiateStream { stream, context, reader, writer }), error))
            }
        }
    }

    /// The inner stream and the context. What was received and not read is lost, as is what was written and not flushed.
    pub fn into_inner(self) -> (S, Context) {
        (self.stream, self.context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for NegotiateStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut task::Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let NegotiateStream { stream, context, reader, .. } = self.get_mut();
        poll::poll_read(reader, context, stream, cx, into)
    }
}

/// One message of the peer, or what is left of it, at a time.
impl<S: AsyncRead + Unpin> AsyncBufRead for NegotiateStream<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<&[u8]>> {
        let NegotiateStream { stream, context, reader, .. } = self.get_mut();
        poll::poll_fill(reader, context, stream, cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().reader.consume(count);
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for NegotiateStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut task::Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let NegotiateStream { stream, context, writer, .. } = self.get_mut();
        poll::poll_write(writer, context, stream, cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let NegotiateStream { stream, writer, .. } = self.get_mut();
        poll::poll_flush(writer, stream, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let NegotiateStream { stream, context, writer, .. } = self.get_mut();
        poll::poll_shut_down(writer, context, stream, cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for NegotiateStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateStream")
            .field("stream", &self.stream)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// The receiving direction of a [`NegotiateStream`].
pub struct ReadHalf<S = TcpStream> {
    stream: tokio_io::ReadHalf<S>,
    unsealer: Unsealer,
    reader: FrameReader,
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadHalf<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut task::Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let ReadHalf { stream, unsealer, reader } = self.get_mut();
        poll::poll_read(reader, unsealer, stream, cx, into)
    }
}

/// One message of the peer, or what is left of it, at a time.
impl<S: AsyncRead + Unpin> AsyncBufRead for ReadHalf<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<&[u8]>> {
        let ReadHalf { stream, unsealer, reader } = self.get_mut();
        poll::poll_fill(reader, unsealer, stream, cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().reader.consume(count);
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// The sending direction of a [`NegotiateStream`].
pub struct WriteHalf<S = TcpStream> {
    stream: tokio_io::WriteHalf<S>,
    sealer: Sealer,
    writer: FrameWriter,
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteHalf<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut task::Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let WriteHalf { stream, sealer, writer } = self.get_mut();
        poll::poll_write(writer, sealer, stream, cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let WriteHalf { stream, writer, .. } = self.get_mut();
        poll::poll_flush(writer, stream, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let WriteHalf { stream, sealer, writer } = self.get_mut();
        poll::poll_shut_down(writer, sealer, stream, cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").field("stream", &self.stream).finish_non_exhaustive()
    }
}
