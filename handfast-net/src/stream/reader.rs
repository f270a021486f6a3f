use std::io::{self, Read};
use std::ops::Range;

use handfast::Protection;

use super::StreamError;
use super::halves::Opens;
use super::lifetime::Lifetime;
use crate::framing::{FrameError, nns};

const HEADER: usize = 4;

/// The receiving direction of an MS-NNS stream: one frame at a time, opened in place in one buffer.
///
/// A read that is interrupted, or times out, goes on where it was.
#[derive(Debug)]
pub(super) struct FrameReader {
    least: Protection,
    lifetime: Lifetime,
    unannounced_end: bool,
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
    pub(super) fn new(least: Protection, lifetime: Lifetime, unannounced_end: bool) -> Self {
        FrameReader {
            least,
            lifetime,
            unannounced_end,
            buffer: Vec::new(),
            filled: 0,
            plain: 0..0,
            ended: false,
            failed: None,
        }
    }

    /// Fails if somebody has tampered with what came.
    pub(super) fn check_untampered(&self) -> Result<(), StreamError> {
        let tampered = self.failed.as_ref().filter(|failed| failed.kind() == io::ErrorKind::InvalidData);
        tampered.map_or(Ok(()), |failed| Err(failed.clone()))
    }

    /// What can be read now, at least one byte; empty only at the end.
    pub(super) fn fill(&mut self, stream: &mut impl Read, half: &mut impl Opens) -> io::Result<&[u8]> {
        while self.plain.is_empty() && !self.ended {
            if let Some(failed) = &self.failed {
                return Err(failed.clone().into());
            }
            if self.receive(stream)?
                && let Err(error) = self.open(half)
            {
                self.failed = Some(error);
            }
        }
        Ok(self.buffer.get(self.plain.clone()).unwrap_or_default())
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.plain.start = self.plain.end.min(self.plain.start.saturating_add(count));
    }

    pub(super) fn read(&mut self, stream: &mut impl Read, half: &mut impl Opens, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let count = self.fill(stream, half)?.read(into)?;
        self.consume(count);
        Ok(count)
    }

    /// Receives until there is a whole frame; false if there will be none.
    fn receive(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        if !self.receive_to(stream, HEADER)? {
            return Ok(false);
        }
        match self.length() {
            Ok(length) => self.receive_to(stream, HEADER + length),
            Err(error) => {
                self.failed = Some(error);
                Ok(false)
            }
        }
    }

    fn length(&self) -> Result<usize, StreamError> {
        let header = self.buffer.first_chunk().copied().unwrap_or_default();
        nns::data_length(header).map_err(|error| match error {
            FrameError::TooLong { length, limit, .. } => StreamError::TooLong { length, limit },
            _ => StreamError::Unexpected { what: "a broken frame" },
        })
    }

    /// Receives until `needed` bytes of the frame are there; false if the connection ends before.
    fn receive_to(&mut self, stream: &mut impl Read, needed: usize) -> io::Result<bool> {
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        while let Some(rest) = self.buffer.get_mut(self.filled..needed).filter(|rest| !rest.is_empty()) {
            match stream.read(rest) {
                Ok(0) => {
                    self.cut(needed);
                    return Ok(false);
                }
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The connection has ended.
    fn cut(&mut self, needed: usize) {
        match self.filled {
            0 if self.unannounced_end => self.ended = true,
            0 => self.failed = Some(StreamError::Unannounced),
            got => self.failed = Some(StreamError::Truncated { needed, got }),
        }
    }

    /// Opens the frame. An empty message is the end that the peer announces.
    fn open(&mut self, half: &mut impl Opens) -> Result<(), StreamError> {
        self.lifetime.check()?;
        let token = self.buffer.get_mut(HEADER..self.filled).unwrap_or_default();
        let start = token.as_ptr().addr();
        let message = half.open(self.least, token)?;
        let offset = HEADER + message.as_ptr().addr().saturating_sub(start);
        self.ended = message.is_empty();
        self.plain = offset..offset + message.len();
        self.filled = 0;
        Ok(())
    }
}
