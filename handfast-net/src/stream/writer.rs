use std::io::{self, Write};

use handfast::Protection;

use super::StreamError;
use super::halves::Seals;
use super::lifetime::Lifetime;
#[cfg(any(feature = "tokio", test))]
use super::reader::KEPT;
use super::tamper::Tamper;
use crate::framing::nns;

const HEADER: usize = 4;

/// The sending direction of an MS-NNS stream: each message is sealed in the one buffer from which its frame is sent. It sends
/// nothing itself.
///
/// Whoever drives it sends what is [`unsent`](Self::unsent) and says how much of it in [`sent`](Self::sent). Only when nothing is
/// unsent can the next message be [put in](Self::put): a frame of which a part is still to be sent goes before anything else.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    protection: Protection,
    lifetime: Lifetime,
    tamper: Tamper,
    buffer: Vec<u8>,
    /// How much of `buffer` is sent.
    sent: usize,
    shut_down: bool,
    failed: Option<StreamError>,
}

impl FrameWriter {
    pub(super) fn new(protection: Protection, lifetime: Lifetime, tamper: Tamper) -> Self {
        FrameWriter { protection, lifetime, tamper, buffer: Vec::new(), sent: 0, shut_down: false, failed: None }
    }

    /// Whether a message may be written at all; what is unsent can be sent in any case.
    pub(crate) fn check(&self) -> Result<(), StreamError> {
        self.tamper.check()?;
        if self.shut_down { Err(StreamError::ShutDown) } else { Ok(()) }
    }

    /// Seals the front of `data`, as much of it as one frame takes, to be sent; tells how much. Nothing must be unsent.
    pub(crate) fn put(&mut self, half: &mut impl Seals, data: &[u8]) -> Result<usize, StreamError> {
        let limit = half.message_limit(self.protection, nns::WRITE_LIMIT);
        let chunk = data.get(..limit).unwrap_or(data);
        self.attempt(|writer| writer.lifetime.check())?;
        self.attempt(|writer| writer.seal(half, chunk))?;
        Ok(chunk.len())
    }

    /// Seals, if that was not done, the empty message that is the end. Nothing must be unsent.
    pub(crate) fn put_end(&mut self, half: &mut impl Seals) -> Result<(), StreamError> {
        if !self.shut_down {
            self.attempt(|writer| writer.seal(half, &[]))?;
            self.shut_down = true;
        }
        Ok(())
    }

    /// Fails if a frame broke off, so that what was taken to be sent was not.
    pub(crate) fn check_whole(&self) -> Result<(), StreamError> {
        let broken = self.failed.as_ref().filter(|failed| matches!(failed, StreamError::Broken(_)));
        broken.map_or(Ok(()), |broken| Err(broken.clone()))
    }

    /// What is to be sent now.
    pub(crate) fn unsent(&self) -> Option<&[u8]> {
        self.buffer.get(self.sent..).filter(|rest| !rest.is_empty())
    }

    /// Nothing more is to be sent for now: what a long frame needed is given back.
    #[cfg(any(feature = "tokio", test))]
    pub(crate) fn rest(&mut self) {
        if self.unsent().is_none() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
            self.sent = 0;
        }
    }

    /// `result` of sending what was unsent: how much of it is. After an error that is not only for now, nothing is sent any more:
    /// the frame must not be sent twice, and without it the stream has a gap.
    pub(crate) fn sent(&mut self, result: io::Result<usize>) -> io::Result<()> {
        let error = match result {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(count) => {
                self.sent += count;
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => error,
        };
        if !is_later(&error) {
            self.failed = Some(StreamError::Broken(error.kind()));
            self.buffer.clear();
            self.sent = 0;
        }
        Err(error)
    }

    /// Does `what`, unless it or something else failed before: then it fails for good.
    fn attempt(&mut self, what: impl FnOnce(&mut Self) -> Result<(), StreamError>) -> Result<(), StreamError> {
        if self.failed.is_none() {
            self.failed = what(self).err();
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn seal(&mut self, half: &mut impl Seals, message: &[u8]) -> Result<(), StreamError> {
        self.buffer.clear();
        self.sent = 0;
        self.buffer.extend_from_slice(&[0; HEADER]);
        let sealed = half.protect(self.protection, message, &mut self.buffer);
        let header = nns::data_header(self.buffer.len() - HEADER);
        match (sealed, header, self.buffer.first_chunk_mut()) {
            (Ok(()), Ok(header), Some(place)) => {
                *place = header;
                Ok(())
            }
            (sealed, ..) => {
                self.buffer.clear();
                sealed?;
                Err(StreamError::TooLong { length: message.len(), limit: nns::WRITE_LIMIT })
            }
        }
    }
}

/// Driven by a stream that blocks.
impl FrameWriter {
    /// Sends the front of `data`, as much of it as one frame takes; tells how much.
    pub(super) fn write(&mut self, stream: &mut impl Write, half: &mut impl Seals, data: &[u8]) -> io::Result<usize> {
        self.check()?;
        if data.is_empty() {
            return Ok(0);
        }
        self.send(stream)?;
        let count = self.put(half, data)?;
        match self.send(stream) {
            Err(error) if !is_later(&error) => Err(error),
            _ => Ok(count),
        }
    }

    /// Sends what is left to be sent.
    pub(super) fn flush(&mut self, stream: &mut impl Write) -> io::Result<()> {
        self.send(stream)?;
        self.check_whole()?;
        stream.flush()
    }

    /// Sends the empty message that is the end.
    pub(super) fn shut_down(&mut self, stream: &mut impl Write, half: &mut impl Seals) -> io::Result<()> {
        self.send(stream)?;
        self.put_end(half)?;
        self.flush(stream)
    }

    fn send(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while let Some(rest) = self.unsent() {
            let result = stream.write(rest);
            self.sent(result)?;
        }
        Ok(())
    }
}

/// Whether it is only not possible now.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use crate::stream::Expiry;
    use handfast::MessageError;

    /// Protects nothing.
    struct Plain;

    impl Seals for Plain {
        fn protect(&mut self, _: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
            out.extend_from_slice(message);
            Ok(())
        }

        fn message_limit(&self, _: Protection, token: usize) -> usize {
            token
        }
    }

    /// Fails once, after a few bytes.
    struct Hiccup {
        taken: Vec<u8>,
        kind: Option<io::ErrorKind>,
    }

    impl Write for Hiccup {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.kind.take_if(|_| self.taken.len() >= 3) {
                Some(kind) => Err(kind.into()),
                None => {
                    let count = if self.kind.is_some() { bytes.len().min(3) } else { bytes.len() };
                    self.taken.extend_from_slice(&bytes[..count]);
                    Ok(count)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writer() -> FrameWriter {
        let lifetime = Lifetime::new(None, Expiry::End, Clock::system());
        FrameWriter::new(Protection::Confidentiality, lifetime, Tamper::default())
    }

    #[test]
    fn what_timed_out_is_sent_on_once() {
        let (mut writer, mut stream) = (writer(), Hiccup { taken: vec![], kind: Some(io::ErrorKind::TimedOut) });
        assert_eq!(writer.write(&mut stream, &mut Plain, b"one").unwrap(), 3);
        assert_eq!(writer.write(&mut stream, &mut Plain, b"two").unwrap(), 3);
        assert_eq!(stream.taken, b"\x03\0\0\0one\x03\0\0\0two");
    }

    #[test]
    fn what_broke_is_not_sent_again_nor_anything_after_it() {
        let broken = io::ErrorKind::ConnectionReset;
        let (mut writer, mut stream) = (writer(), Hiccup { taken: vec![], kind: Some(broken) });
        assert_eq!(writer.write(&mut stream, &mut Plain, b"one").unwrap_err().kind(), broken);
        let error = writer.write(&mut stream, &mut Plain, b"one").unwrap_err();
        assert_eq!(StreamError::of(&error), Some(&StreamError::Broken(broken)));
        assert!(writer.flush(&mut stream).is_err());
        assert!(writer.shut_down(&mut stream, &mut Plain).is_err());
        assert_eq!(stream.taken, b"\x03\0\0");
    }

    #[test]
    fn a_long_frame_leaves_no_long_buffer() {
        let lifetime = Lifetime::new(None, Expiry::Ignore, Clock::system());
        let mut writer = FrameWriter::new(Protection::Integrity, lifetime, Tamper::default());
        writer.put(&mut Plain, &[7; 50_000]).unwrap();
        writer.sent(Ok(20_000)).unwrap();
        writer.rest();
        assert_eq!(writer.unsent().map(<[u8]>::len), Some(HEADER + 30_000));
        writer.sent(Ok(HEADER + 30_000)).unwrap();
        writer.rest();
        assert_eq!((writer.buffer.capacity(), writer.unsent()), (0, None));
        writer.put(&mut Plain, b"short").unwrap();
        assert_eq!(writer.unsent().map(<[u8]>::len), Some(HEADER + 5));
    }
}
