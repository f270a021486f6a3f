use super::Trouble;
use handfast_net::Timed;
use handfast_net::framing::nns;
use handfast_net::kdc::Transport;
use std::fmt;
use std::io::{self, Read, Write};
use std::time::Instant;

/// One of the three who take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Client,
    Kdc,
    Server,
}

impl Party {
    pub(super) fn name(self) -> &'static str {
        match self {
            Party::Client => "client",
            Party::Kdc => "KDC",
            Party::Server => "server",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes that passed in one go, and when they were sent, or had arrived, at the client's end.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) via: Transport,
    pub(super) at: Instant,
    pub(super) bytes: Vec<u8>,
}

/// What somebody on the way does to what is written as the nth, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tamper {
    Nothing,
    /// Flips a bit in its last byte.
    Flip(usize),
    /// Changes the token in its frame.
    Change(usize, fn(&[u8]) -> Result<Vec<u8>, Trouble>),
}

impl Tamper {
    fn apply(self, written: usize, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = bytes.to_vec();
        match self {
            Tamper::Flip(nth) if nth == written => bytes.iter_mut().last().into_iter().for_each(|last| *last ^= 1),
            Tamper::Change(nth, change) if nth == written => {
                bytes = change_token(&bytes, change).map_err(|trouble| io::Error::other(trouble.0))?;
            }
            _ => {}
        }
        Ok(bytes)
    }
}

fn change_token(frame: &[u8], change: fn(&[u8]) -> Result<Vec<u8>, Trouble>) -> Result<Vec<u8>, Trouble> {
    let mut changed = Vec::new();
    match nns::Handshake::decode(frame)?.ok_or_else(|| Trouble::new("a frame that is not whole"))?.0 {
        nns::Handshake::InProgress(token) => nns::Handshake::InProgress(change(&token)?).encode(&mut changed)?,
        nns::Handshake::Done(token) => nns::Handshake::Done(change(&token)?).encode(&mut changed)?,
        nns::Handshake::Error(_) => return Err(Trouble::new("an error where a token was to be changed")),
    }
    Ok(changed)
}

/// The client's end of its connection to the server: notes what passes, and tampers with it if it is told to.
pub(super) struct Tap<'a> {
    stream: Timed<'a>,
    written: usize,
    tamper: Tamper,
    pub(super) passed: Vec<Passed>,
}

impl<'a> Tap<'a> {
    pub(super) fn new(stream: Timed<'a>, tamper: Tamper) -> Self {
        Tap { stream, written: 0, tamper, passed: Vec::new() }
    }

    /// What goes one way without a word the other way between is one passage.
    fn note(&mut self, from: Party, to: Party, at: Instant, bytes: &[u8]) {
        match self.passed.last_mut() {
            Some(last) if last.from == from => last.bytes.extend_from_slice(bytes),
            _ => self.passed.push(Passed { from, to, via: Transport::Tcp, at, bytes: bytes.to_vec() }),
        }
    }
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.note(Party::Server, Party::Client, Instant::now(), buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let changed = self.tamper.apply(self.written, bytes)?;
        self.written += 1;
        let at = Instant::now();
        self.stream.write_all(&changed)?;
        self.note(Party::Client, Party::Server, at, &changed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast_net::Deadline;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    #[test]
    fn one_bit_of_the_chosen_write_is_flipped_and_noted_as_it_went() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut tap = Tap::new(Timed::new(&tcp, Deadline::after(Duration::from_secs(10))).unwrap(), Tamper::Flip(1));
        tap.write_all(b"ab").unwrap();
        tap.write_all(b"ab").unwrap();
        let mut got = [0; 4];
        peer.read_exact(&mut got).unwrap();
        assert_eq!(got, [b'a', b'b', b'a', b'b' ^ 1]);
        assert_eq!(tap.passed.len(), 1);
        assert_eq!(tap.passed[0].bytes, got);
    }
}
