use std::io::{self, Read};
use std::ops::Range;

use handfast::Protection;

use super::StreamError;
use super::halves::Opens;
use super::lifetime::Lifetime;
use super::tamper::Tamper;
use crate::framing::{FrameError, nns};

const HEADER: usize = 4;
/// The longest buffer that a stream keeps while nothing comes or goes, in bytes.
pub(super) const KEPT: usize = 2 << 10;

/// The receiving direction of an MS-NNS stream: one frame at a time, opened in place in one buffer. It reads nothing itself.
///
/// Whoever drives it fills [`space`](Self::space) and says by how much in [`received`](Self::received), until `space` gives none;
/// then there is something in [`plain`](Self::plain), or it is empty at the end. Between two calls it can be left for any time.
#[derive(Debug)]
pub(crate) struct FrameReader {
    least: Protection,
    lifetime: Lifetime,
    unannounced_end: bool,
    tamper: Tamper,
    /// The frame that is being received, header included.
    buffer: Vec<u8>,
    /// How much of it has come.
    filled: usize,
    /// The part of an opened message in `buffer` that was not asked for yet.
    plain: Range<usize>,
    ended: bool,
    failed: Option<StreamError>,
}

impl FrameReader {
    pub(super) fn new(least: Protection, lifetime: Lifetime, unannounced_end: bool, tamper: Tamper) -> Self {
        FrameReader {
            least,
            lifetime,
            unannounced_end,
            tamper,
            buffer: Vec::new(),
            filled: 0,
            plain: 0..0,
            ended: false,
            failed: None,
        }
    }

    /// Where the next bytes of the connection go, never empty; `None` if none are needed now.
    pub(crate) fn space(&mut self) -> Result<Option<&mut [u8]>, StreamError> {
        if !self.plain.is_empty() || self.ended {
            return Ok(None);
        }
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let needed = self.needed()?;
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        Ok(self.buffer.get_mut(self.filled..needed))
    }

    /// `count` bytes have come into the space; none if the connection has ended. Opens the frame if it is whole.
    pub(crate) fn received(&mut self, count: usize, half: &mut impl Opens) {
        self.filled = self.buffer.len().min(self.filled.saturating_add(count));
        let taken = if count == 0 { self.cut() } else { self.open(half) };
        self.failed = taken.err();
        if let Some(failed) = &self.failed {
            self.tamper.report(failed);
        }
    }

    /// What can be read now.
    pub(crate) fn plain(&self) -> &[u8] {
        self.buffer.get(self.plain.clone()).unwrap_or_default()
    }

    /// The first `count` bytes of it have been read.
    pub(crate) fn consume(&mut self, count: usize) {
        self.plain.start = self.plain.end.min(self.plain.start.saturating_add(count));
    }

    /// Nothing comes for now: between two frames, what a long one needed is given back.
    pub(crate) fn rest(&mut self) {
        if self.filled == 0 && self.plain.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
    }

    /// How long the frame is, as far as that is known.
    fn needed(&self) -> Result<usize, StreamError> {
        let Some(header) = self.buffer.get(..self.filled).and_then(<[u8]>::first_chunk) else { return Ok(HEADER) };
        match nns::data_length(*header) {
            Ok(length) => Ok(HEADER + length),
            Err(FrameError::TooLong { length, limit, .. }) => Err(StreamError::TooLong { length, limit }),
            Err(_) => Err(StreamError::Unexpected { what: "a broken frame" }),
        }
    }

    /// The connection has ended.
    fn cut(&mut self) -> Result<(), StreamError> {
        match self.filled {
            0 if self.unannounced_end => self.ended = true,
            0 => return Err(StreamError::Unannounced),
            got => return Err(StreamError::Truncated { needed: self.needed()?, got }),
        }
        Ok(())
    }

    /// Opens the frame if all of it is there. An empty message is the end that the peer announces.
    fn open(&mut self, half: &mut impl Opens) -> Result<(), StreamError> {
        let needed = self.needed()?;
        if self.filled < HEADER || self.filled < needed {
            return Ok(());
        }
        self.lifetime.check()?;
        let token = self.buffer.get_mut(HEADER..needed).unwrap_or_default();
        let start = token.as_ptr().addr();
        let message = half.open(self.least, token)?;
        let offset = HEADER + message.as_ptr().addr().saturating_sub(start);
        self.ended = message.is_empty();
        self.plain = offset..offset + message.len();
        self.filled = 0;
        Ok(())
    }
}

/// Driven by a stream that blocks.
impl FrameReader {
    /// What can be read now, at least one byte; empty only at the end.
    pub(super) fn fill(&mut self, stream: &mut impl Read, half: &mut impl Opens) -> io::Result<&[u8]> {
        while let Some(space) = self.space()? {
            match stream.read(space) {
                Ok(count) => self.received(count, half),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.plain())
    }

    pub(super) fn read(&mut self, stream: &mut impl Read, half: &mut impl Opens, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let count = self.fill(stream, half)?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use crate::stream::Expiry;
    use handfast::{MessageError, Order, Unprotected};

    /// Protects nothing.
    struct Plain;

    impl Opens for Plain {
        fn unprotect<'t>(&mut self, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
            Ok(Unprotected { message: token, protection: Protection::Integrity, order: Order::InOrder })
        }
    }

    fn feed(reader: &mut FrameReader, mut bytes: &[u8]) {
        while let Some(space) = reader.space().unwrap().filter(|_| !bytes.is_empty()) {
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            reader.received(count, &mut Plain);
        }
    }

    #[test]
    fn a_long_frame_leaves_no_long_buffer() {
        let lifetime = Lifetime::new(None, Expiry::Ignore, Clock::system());
        let mut reader = FrameReader::new(Protection::Integrity, lifetime, false, Tamper::default());
        let frame = [nns::data_header(50_000).unwrap().as_slice(), &[7; 50_000]].concat();
        // While it comes, and while it is read, it stays.
        feed(&mut reader, &frame[..10_000]);
        reader.rest();
        feed(&mut reader, &frame[10_000..]);
        reader.consume(20_000);
        reader.rest();
        assert_eq!(reader.plain(), &[7; 30_000]);
        reader.consume(30_000);
        reader.rest();
        assert_eq!(reader.buffer.capacity(), 0);
        feed(&mut reader, &frame);
        assert_eq!(reader.plain().len(), 50_000);
    }
}
