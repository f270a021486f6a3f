use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};

use handfast::{Context, Flags, Protection, Sealer, Session, Target, Unsealer};

use super::StreamOptions;
use super::reader::FrameReader;
use super::tamper::Tamper;
use super::writer::FrameWriter;
use crate::Timed;
use crate::driver::{Accounts, HandshakeError, KdcExchange, NnsCarrier, NoAccounts};

/// A byte stream between two proven programs, framed as \[MS-NNS\]: the protocol of .NET's NegotiateStream.
///
/// What is written is sealed (signed, if that is what was agreed on), and what is read has been opened and checked: it came from
/// the peer, whole and in order. Each `write` sends one message of up to about 64 KB.
///
/// # Ends
/// [`shut_down`](Self::shut_down) says that nothing more will come, in a message of its own: sealed and empty. Without it, the end of the
/// connection is an error for the reader ([`StreamError::Unannounced`](super::StreamError::Unannounced)), since anybody can end a
/// connection. Programs on .NET don't say it, and ignore it when we do; to talk with them, see
/// [`dangerous_unannounced_end`](StreamOptions::dangerous_unannounced_end).
///
/// After the first thing that is wrong, every read fails in the same way, and what is wrong beyond doubt (a message was tampered
/// with) fails every write, too, also where the two directions were parted.
///
/// # Time
/// Reads and writes wait as long as the inner stream lets them: set time-outs there. One that has timed out can be tried again.
pub struct NegotiateStream<S = TcpStream> {
    stream: S,
    context: Context,
    reader: FrameReader,
    writer: FrameWriter,
}

impl NegotiateStream<TcpStream> {
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
        let context = options.driver().initiate(target, kdc, &mut NnsCarrier::initiator(&mut timed))?;
        drop(timed);
        NegotiateStream::established(tcp, context, options)
    }

    /// Makes a context with whoever has opened this connection.
    ///
    /// # Errors
    /// As for [`connect`](Self::connect).
    pub fn accept(tcp: TcpStream, session: Session<'_>, options: &StreamOptions) -> Result<Self, HandshakeError> {
        NegotiateStream::accept_with_accounts(tcp, session, &NoAccounts, options)
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
        let context = options.driver().accept(session, accounts, &mut NnsCarrier::acceptor(&mut timed))?;
        drop(timed);
        NegotiateStream::established(tcp, context, options)
    }

    /// Says that nothing more will be written, and ends the connection in this direction. What the peer says can still be read.
    ///
    /// # Errors
    /// The stream's; if it has timed out, this can be called again.
    pub fn shut_down(&mut self) -> io::Result<()> {
        self.announce_end()?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Parts the two directions, so that two threads can read and write at the same time. They share no lock.
    ///
    /// # Errors
    /// The stream as it was, if its context can't be parted ([`io::ErrorKind::Unsupported`]) or the connection can't.
    pub fn split(self) -> Result<(ReadHalf, WriteHalf), (Box<Self>, io::Error)> {
        let second = match self.stream.try_clone() {
            Ok(second) => second,
            Err(error) => return Err((Box::new(self), error)),
        };
        let NegotiateStream { stream, context, reader, writer } = self;
        match context.split() {
            Ok((sealer, unsealer)) => {
                Ok((ReadHalf { stream: second, unsealer, reader }, WriteHalf { stream, sealer, writer }))
            }
            Err((context, error)) => {
                let error = io::Error::new(io::ErrorKind::Unsupported, error);
                Err((Box::new(NegotiateStream { stream, context, reader, writer }), error))
            }
        }
    }
}

impl<S: Read + Write> NegotiateStream<S> {
    /// As [`connect`](NegotiateStream::connect), over any stream; how long it may take is that stream's affair.
    ///
    /// # Errors
    /// As for [`connect`](NegotiateStream::connect).
    pub fn connect_over(
        mut stream: S,
        target: Target<'_>,
        kdc: &(impl KdcExchange + ?Sized),
        options: &StreamOptions,
    ) -> Result<Self, HandshakeError> {
        let context = options.driver().initiate(target, kdc, &mut NnsCarrier::initiator(&mut stream))?;
        NegotiateStream::established(stream, context, options)
    }

    /// As [`accept_with_accounts`](NegotiateStream::accept_with_accounts), over any stream; how long it may take is that stream's affair.
    ///
    /// # Errors
    /// As for [`connect`](NegotiateStream::connect).
    pub fn accept_over(
        mut stream: S,
        session: Session<'_>,
        accounts: &(impl Accounts + ?Sized),
        options: &StreamOptions,
    ) -> Result<Self, HandshakeError> {
        let context = options.driver().accept(session, accounts, &mut NnsCarrier::acceptor(&mut stream))?;
        NegotiateStream::established(stream, context, options)
    }

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

    /// The inner stream, for its addresses and time-outs. What is read from it or written to it directly breaks this one.
    pub fn inner(&self) -> &S {
        &self.stream
    }

    /// Says that nothing more will be written; the connection stays as it is.
    ///
    /// # Errors
    /// The stream's; if it has timed out, this can be called again.
    pub fn announce_end(&mut self) -> io::Result<()> {
        self.writer.shut_down(&mut self.stream, &mut self.context)
    }

    /// The inner stream and the context. What was received and not read is lost.
    pub fn into_inner(self) -> (S, Context) {
        (self.stream, self.context)
    }
}

/// The two directions of an MS-NNS stream under `context`, if that protects messages as `options` require.
pub(crate) fn frames(context: &Context, options: &StreamOptions) -> Result<(FrameReader, FrameWriter), HandshakeError> {
    let sealed = context.flags().contains(Flags::CONFIDENTIALITY);
    let protection = if sealed { Protection::Confidentiality } else { Protection::Integrity };
    let least = options.least().unwrap_or(Protection::Integrity);
    if protection < least || !context.flags().contains(Flags::INTEGRITY) {
        return Err(HandshakeError::NotProtected { least, flags: context.flags() });
    }
    let (lifetime, tamper) = (options.lifetime(context), Tamper::default());
    let end = options.takes_unannounced_end();
    let reader = FrameReader::new(least.max(protection), lifetime.clone(), end, tamper.clone());
    let reader = if options.reads_ahead() { reader.read_ahead() } else { reader };
    Ok((reader, FrameWriter::new(protection, lifetime, tamper)))
}

impl<S: Read> Read for NegotiateStream<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(&mut self.stream, &mut self.context, into)
    }
}

/// One message of the peer, or what is left of it, at a time.
impl<S: Read> BufRead for NegotiateStream<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill(&mut self.stream, &mut self.context)
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }
}

impl<S: Write> Write for NegotiateStream<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writer.write(&mut self.stream, &mut self.context, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush(&mut self.stream)
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
pub struct ReadHalf {
    stream: TcpStream,
    unsealer: Unsealer,
    reader: FrameReader,
}

impl ReadHalf {
    /// The inner stream, for its addresses and time-outs.
    pub fn inner(&self) -> &TcpStream {
        &self.stream
    }
}

impl Read for ReadHalf {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(&mut self.stream, &mut self.unsealer, into)
    }
}

/// One message of the peer, or what is left of it, at a time.
impl BufRead for ReadHalf {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill(&mut self.stream, &mut self.unsealer)
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// The sending direction of a [`NegotiateStream`].
pub struct WriteHalf {
    stream: TcpStream,
    sealer: Sealer,
    writer: FrameWriter,
}

impl WriteHalf {
    /// The inner stream, for its addresses and time-outs.
    pub fn inner(&self) -> &TcpStream {
        &self.stream
    }

    /// As [`NegotiateStream::shut_down`].
    ///
    /// # Errors
    /// The stream's; if it has timed out, this can be called again.
    pub fn shut_down(&mut self) -> io::Result<()> {
        self.writer.shut_down(&mut self.stream, &mut self.sealer)?;
        self.stream.shutdown(Shutdown::Write)
    }
}

impl Write for WriteHalf {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writer.write(&mut self.stream, &mut self.sealer, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush(&mut self.stream)
    }
}

impl fmt::Debug for WriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").field("stream", &self.stream).finish_non_exhaustive()
    }
}
