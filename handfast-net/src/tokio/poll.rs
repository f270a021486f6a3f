//! Moves bytes between a stream and the two machines of [`crate::stream`]. All state is in the machines: what is pending can be
//! dropped and polled anew.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::halves::{Opens, Seals};
use crate::stream::reader::FrameReader;
use crate::stream::writer::FrameWriter;

/// Waits until something can be read, or the end is there.
pub(super) fn poll_fill<'r>(
    reader: &'r mut FrameReader,
    half: &mut impl Opens,
    stream: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<&'r [u8]>> {
    while let Some(space) = reader.space(half)? {
        let mut space = ReadBuf::new(space);
        match Pin::new(&mut *stream).poll_read(cx, &mut space) {
            Poll::Ready(Ok(())) => {
                let count = space.filled().len();
                reader.received(count, half);
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                reader.rest();
                return Poll::Pending;
            }
        }
    }
    Poll::Ready(Ok(reader.plain()))
}

pub(super) fn poll_read(
    reader: &mut FrameReader,
    half: &mut impl Opens,
    stream: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
    into: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if into.remaining() == 0 {
        return Poll::Ready(Ok(()));
    }
    let plain = ready!(poll_fill(reader, half, stream, cx))?;
    let count = plain.len().min(into.remaining());
    into.put_slice(plain.get(..count).unwrap_or_default());
    reader.consume(count);
    Poll::Ready(Ok(()))
}

/// Takes the front of `data` once everything before it has left; tells how much. What is taken is sent now as far as possible, and
/// before anything else later.
pub(super) fn poll_write(
    writer: &mut FrameWriter,
    half: &mut impl Seals,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
    data: &[u8],
) -> Poll<io::Result<usize>> {
    writer.check()?;
    if data.is_empty() {
        return Poll::Ready(Ok(0));
    }
    ready!(poll_send(writer, stream, cx))?;
    let count = writer.put(half, data)?;
    match poll_send(writer, stream, cx) {
        Poll::Ready(Err(error)) if writer.check_whole().is_err() => Poll::Ready(Err(error)),
        _ => Poll::Ready(Ok(count)),
    }
}

pub(super) fn poll_flush(
    writer: &mut FrameWriter,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(poll_send(writer, stream, cx))?;
    writer.check_whole()?;
    writer.rest();
    Pin::new(stream).poll_flush(cx)
}

/// Sends what is unsent, then the message that is the end.
pub(super) fn poll_announce_end(
    writer: &mut FrameWriter,
    half: &mut impl Seals,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(poll_send(writer, stream, cx))?;
    writer.put_end(half)?;
    poll_flush(writer, stream, cx)
}

/// Announces the end, then shuts the stream down.
pub(super) fn poll_shut_down(
    writer: &mut FrameWriter,
    half: &mut impl Seals,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(poll_announce_end(writer, half, stream, cx))?;
    Pin::new(stream).poll_shutdown(cx)
}

fn poll_send(
    writer: &mut FrameWriter,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while let Some(rest) = writer.unsent() {
        let result = ready!(Pin::new(&mut *stream).poll_write(cx, rest));
        writer.sent(result)?;
    }
    Poll::Ready(Ok(()))
}
