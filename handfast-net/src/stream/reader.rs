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
#[cfg(any(feature = "tokio", test))]
pub(super) const KEPT: usize = 2 << 10;

/// How much is read beyond what is needed, at first and at most. It doubles whenever so much has come, so that an idle
/// connection keeps a small buffer.
const AHEAD: Range<usize> = 256..16 << 10;

/// The receiving direction of an MS-NNS stream: frames are opened in place in one buffer. It reads nothing itself.
///
/// Whoever drives it fills [`space`](Self::space) and says by how much in [`received`](Self::received), until `space` gives none;
/// then there is something in [`plain`](Self::plain), or it is empty at the end. Between two calls it can be left for any time.
#[derive(Debug)]
pub(crate) struct FrameReader {
    least: Protection,
    lifetime: Lifetime,
    unannounced_end: bool,
    tamper: Tamper,
    /// How much is read beyond what is needed; nothing, unless that was asked for.
    ahead: usize,
    /// The frame that is being received, header included, and what has come of those behind it.
    buffer: Vec<u8>,
    /// Where that frame begins.
    start: usize,
    /// Up to where something has come.
    filled: usize,
    /// How much space was given last.
    given: usize,
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
            ahead: 0,
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            given: 0,
            plain: 0..0,
            ended: false,
            failed: None,
        }
    }

    /// Reads more than one frame at a time.
    pub(super) fn read_ahead(mut self) -> Self {
        self.ahead = AHEAD.start;
        self
    }

    /// Where the next bytes of the connection go, never empty; `None` if none are needed now.
    pub(crate) fn space(&mut self, half: &mut impl Opens) -> Result<Option<&mut [u8]>, StreamError> {
        if self.start < self.filled && self.plain.is_empty() && !self.ended && self.failed.is_none() {
            let opened = self.open(half);
            self.note(opened);
        }
        if !self.plain.is_empty() || self.ended {
            return Ok(None);
        }
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.make_room()?;
        Ok(self.buffer.get_mut(self.filled..self.filled + self.given))
    }

    /// Moves what has come to the front, and makes the buffer long enough for the frame.
    fn make_room(&mut self) -> Result<(), StreamError> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        let end = self.needed()? + self.ahead;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.given = end - self.filled;
        Ok(())
    }

    /// `count` bytes have come into the space; none if the connection has ended. Opens the frame if it is whole.
    pub(crate) fn received(&mut self, count: usize, half: &mut impl Opens) {
        self.filled += count.min(self.given);
        if self.ahead > 0 && count == self.given {
            self.ahead = AHEAD.end.min(self.ahead * 2);
        }
        let taken = if count == 0 { self.cut() } else { self.open(half) };
        self.note(taken);
    }

    fn note(&mut self, result: Result<(), StreamError>) {
        self.failed = result.err();
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
    #[cfg(any(feature = "tokio", test))]
    pub(crate) fn rest(&mut self) {
        if self.filled == self.start && self.plain.is_empty() && self.buffer.capacity() > KEPT {
            (self.buffer, self.start, self.filled) = (Vec::new(), 0, 0);
            self.ahead = AHEAD.start.min(self.ahead);
        }
    }

    /// How long the frame is, as far as that is known.
    fn needed(&self) -> Result<usize, StreamError> {
        let Some(header) = self.buffer.get(self.start..self.filled).and_then(<[u8]>::first_chunk) else {
            return Ok(HEADER);
        };
        match nns::data_length(*header) {
            Ok(length) => Ok(HEADER + length),
            Err(FrameError::TooLong { length, limit, .. }) => Err(StreamError::TooLong { length, limit }),
            Err(_) => Err(StreamError::Unexpected { what: "a broken frame" }),
        }
    }

    /// The connection has ended.
    fn cut(&mut self) -> Result<(), StreamError> {
        match self.filled - self.start {
            0 if self.unannounced_end => self.ended = true,
            0 => return Err(StreamError::Unannounced),
            got => return Err(StreamError::Truncated { needed: self.needed()?, got }),
        }
        Ok(())
    }

    /// Opens the frame if all of it is there. An empty message is the end that the peer announces.
    fn open(&mut self, half: &mut impl Opens) -> Result<(), StreamError> {
        let end = self.start + self.needed()?;
        if self.filled < self.start + HEADER || self.filled < end {
            return Ok(());
        }
        self.lifetime.check()?;
        let token = self.buffer.get_mut(self.start + HEADER..end).unwrap_or_default();
        let first = token.as_ptr().addr();
        let message = half.open(self.least, token)?;
        let offset = self.start + HEADER + message.as_ptr().addr().saturating_sub(first);
        self.ended = message.is_empty();
        self.plain = offset..offset + message.len();
        self.start = end;
        Ok(())
    }
}

/// Driven by a stream that blocks.
impl FrameReader {
    /// What can be read now, at least one byte; empty only at the end.
    pub(super) fn fill(&mut self, stream: &mut impl Read, half: &mut impl Opens) -> io::Result<&[u8]> {
        while let Some(space) = self.space(half)? {
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

    /// Protects nothing; a message of one `!` is refused.
    struct Plain;

    impl Opens for Plain {
        fn unprotect<'t>(&mut self, message: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
            let (protection, order) = (Protection::Confidentiality, Order::InOrder);
            if message == b"!" {
                Err(MessageError::NotAuthentic)
            } else {
                Ok(Unprotected { message, protection, order })
            }
        }
    }

    /// Gives at most so much at once, and counts.
    struct Slow<'b> {
        bytes: &'b [u8],
        most: usize,
        reads: usize,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.reads += 1;
            let most = into.len().min(self.most);
            self.bytes.read(&mut into[..most])
        }
    }

    fn reader() -> FrameReader {
        let lifetime = Lifetime::new(None, Expiry::End, Clock::system());
        FrameReader::new(Protection::Confidentiality, lifetime, false, Tamper::default())
    }

    fn frames<'m>(messages: impl IntoIterator<Item = &'m [u8]>) -> Vec<u8> {
        let mut bytes = Vec::new();
        messages.into_iter().for_each(|message| nns::encode_data(message, &mut bytes).unwrap());
        bytes
    }

    /// All messages up to the end, or up to what is wrong.
    fn messages(reader: &mut FrameReader, stream: &mut Slow<'_>) -> (Vec<Vec<u8>>, io::Result<()>) {
        let mut messages = Vec::new();
        loop {
            match reader.fill(stream, &mut Plain).map(<[u8]>::to_vec) {
                Ok(message) if message.is_empty() => return (messages, Ok(())),
                Ok(message) => {
                    reader.consume(message.len());
                    messages.push(message);
                }
                Err(error) => return (messages, Err(error)),
            }
        }
    }

    fn feed(reader: &mut FrameReader, mut bytes: &[u8]) {
        while let Some(space) = reader.space(&mut Plain).unwrap().filter(|_| !bytes.is_empty()) {
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            reader.received(count, &mut Plain);
        }
    }

    #[test]
    fn frames_come_whole_however_they_arrive() {
        let sent: Vec<Vec<u8>> = [1, 2, 300, 5000, 60_000, 1, 40_000, 7].map(|length| vec![7; length]).to_vec();
        let bytes = frames(sent.iter().map(Vec::as_slice).chain([&b""[..]]));
        for most in [1, 3, 4, 5, 255, 4096, usize::MAX] {
            for mut reader in [reader(), reader().read_ahead()] {
                let mut stream = Slow { bytes: &bytes, most, reads: 0 };
                let (received, end) = messages(&mut reader, &mut stream);
                assert!(received == sent && end.is_ok(), "{most} at a time");
            }
        }
    }

    #[test]
    fn reading_ahead_is_fewer_reads_and_takes_what_follows_the_end() {
        let bytes = [frames([&b"small"[..]; 1000]), frames([&b""[..]]), b"another protocol".to_vec()].concat();
        let (mut one, mut many) =
            (Slow { bytes: &bytes, most: usize::MAX, reads: 0 }, Slow { reads: 0, bytes: &bytes, most: usize::MAX });
        assert_eq!(messages(&mut reader(), &mut one).0.len(), 1000);
        assert_eq!((one.reads, one.bytes), (2 * 1000 + 1, &b"another protocol"[..]));
        let mut ahead = reader().read_ahead();
        assert_eq!(messages(&mut ahead, &mut many).0.len(), 1000);
        assert!(many.reads < 10 && many.bytes.is_empty(), "{} reads", many.reads);
        assert!(ahead.buffer.len() <= AHEAD.end + 64, "{} bytes are kept", ahead.buffer.len());
    }

    #[test]
    fn an_idle_reader_keeps_little() {
        let (bytes, mut reader) = (frames([&b"small"[..]]), reader().read_ahead());
        let mut stream = Slow { bytes: &bytes, most: usize::MAX, reads: 0 };
        assert_eq!(reader.fill(&mut stream, &mut Plain).unwrap(), b"small");
        assert!(reader.buffer.len() <= HEADER + AHEAD.start);
    }

    #[test]
    fn what_is_wrong_comes_in_its_turn_and_for_good() {
        for (bad, at_end) in [(frames([&b"!"[..]]), false), (vec![0xff; 4], false), (b"\x05\0\0\0cut".to_vec(), true)] {
            let bytes =
                [frames([&b"one"[..], b"two"]), bad, if at_end { vec![] } else { frames([&b"three"[..]]) }].concat();
            let mut reader = reader().read_ahead();
            let mut stream = Slow { bytes: &bytes, most: usize::MAX, reads: 0 };
            let (received, end) = messages(&mut reader, &mut stream);
            assert_eq!(received, [b"one", b"two"]);
            let error = end.unwrap_err().to_string();
            assert_eq!(messages(&mut reader, &mut stream).1.unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_long_frame_leaves_no_long_buffer() {
        let frame = frames([&[7; 50_000][..]]);
        for mut reader in [reader(), reader().read_ahead()] {
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
}
