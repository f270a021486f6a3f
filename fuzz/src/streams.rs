//! Streams under a context, from the bytes below them.

use crate::seeds::stage;
use handfast::{Context, Time};
use handfast_net::Clock;
use handfast_net::stream::{GssSampleStream, NegotiateStream, StreamOptions};
use std::io::{self, Read, Write};

/// A peer whose bytes are all there, and who hears nothing.
struct Recording<'a>(&'a [u8]);

impl Read for Recording<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Recording<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a client may have said: the only sealed message that there is of the context.
const SAID: &[u8] = b"sealed";

/// Frames for a stream whose context is live: the first byte says of MS-NNS, the same with reading ahead, or of MIT's samples. No
/// more comes out than what the client has sealed, once.
pub fn streams(data: &[u8]) {
    let Some((selector, bytes)) = data.split_first() else { return };
    let context = Context::import(&stage().talk.server).expect("exported by the stage");
    let options = StreamOptions::default().clock(Clock::from_fn(|| Time::EPOCH));
    if selector % 3 == 2 {
        return samples(GssSampleStream::established(Recording(bytes), context, &options));
    }
    let options = if selector % 3 == 1 { options.read_ahead() } else { options };
    let mut stream = NegotiateStream::established(Recording(bytes), context, &options).expect("it seals");
    let mut out = Vec::new();
    // What came before an error stays.
    let _ = stream.read_to_end(&mut out);
    assert!(out.is_empty() || out == SAID, "{out:02x?}");
}

fn samples(mut stream: GssSampleStream<Recording<'_>>) {
    let mut received = Vec::new();
    while let Ok(Some(message)) = stream.receive() {
        received.push(message.message);
    }
    assert!(received.is_empty() || received == [SAID], "{received:02x?}");
}

/// Frames as an honest client sends them, and one that is sent twice.
pub fn seeds() -> Vec<Vec<u8>> {
    let (_, token) = &stage().talk.messages[0];
    let length = u32::try_from(token.len()).expect("short");
    let nns = [&length.to_le_bytes()[..], token].concat();
    // DATA, WRAPPED, ENCRYPTED, SEND_MIC.
    let sample = [&[0x04 | 0x20 | 0x10 | 0x80][..], &length.to_be_bytes(), token].concat();
    let once = |selector: u8, frame: &[u8]| [&[selector], frame].concat();
    vec![once(0, &nns), once(1, &nns), once(0, &nns.repeat(2)), once(2, &sample), once(2, &sample.repeat(2))]
}
