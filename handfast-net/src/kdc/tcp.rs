use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Silence;
use super::reply::looks_like_reply;
use super::watch::Watch;
use crate::deadline::is_timeout;

/// The longest reply over TCP, in bytes: 1 MiB. A ticket with a large PAC takes some tens of KiB.
pub const TCP_REPLY_LIMIT: u32 = 1 << 20;

/// The high bit of a length is reserved, and zero (RFC 4120 7.2.2).
const RESERVED: u32 = 1 << 31;

/// One request and its reply on a connection of their own (RFC 4120 7.2.2); `None` if the exchange is over before.
pub(super) fn converse(
    address: SocketAddr,
    request: &[u8],
    watch: &Watch,
    connect: Duration,
) -> Option<Result<Vec<u8>, Silence>> {
    let result = match TcpStream::connect_timeout(&address, watch.at_most(connect)?) {
        Ok(stream) => ask(&mut Watched { stream: &stream, watch }, request),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Silence::TimedOut { waited: connect }),
        Err(error) => Err(error.into()),
    };
    (!watch.is_over()).then_some(result)
}

fn ask(stream: &mut Watched<'_>, request: &[u8]) -> Result<Vec<u8>, Silence> {
    stream.write_all(&framed(request)?)?;
    let mut header = Vec::new();
    read(stream, 4, &mut header, 0)?;
    let length = reply_length(&header)?;
    let mut reply = Vec::new();
    read(stream, length, &mut reply, header.len())?;
    if looks_like_reply(&reply) { Ok(reply) } else { Err(Silence::Nonsense { count: 1 }) }
}

/// The request behind its length.
pub(crate) fn framed(request: &[u8]) -> Result<Vec<u8>, Silence> {
    let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
    if length & RESERVED != 0 {
        return Err(Silence::Io { kind: io::ErrorKind::InvalidInput, why: "the request is over 2 GiB".to_owned() });
    }
    Ok([&length.to_be_bytes(), request].concat())
}

/// Reads `count` bytes; takes memory as they arrive.
fn read(stream: &mut Watched<'_>, count: u32, out: &mut Vec<u8>, before: usize) -> Result<(), Silence> {
    let got = stream.take(count.into()).read_to_end(out)?;
    if usize::try_from(count) == Ok(got) { Ok(()) } else { Err(Silence::Closed { got: before + got }) }
}

/// The length of the reply, by the four bytes before it.
pub(super) fn reply_length(header: &[u8]) -> Result<u32, Silence> {
    let length = header.iter().fold(0, |length, byte| (length << 8) | u32::from(*byte));
    if length & RESERVED != 0 {
        Err(Silence::Nonsense { count: 1 })
    } else if length > TCP_REPLY_LIMIT {
        Err(Silence::TooLong { length, limit: TCP_REPLY_LIMIT })
    } else {
        Ok(length)
    }
}

/// A stream whose calls end when the exchange does.
struct Watched<'a> {
    stream: &'a TcpStream,
    watch: &'a Watch,
}

impl Watched<'_> {
    fn run(
        &self,
        limit: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut io: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        while let Some(wait) = self.watch.tick() {
            limit(self.stream, Some(wait))?;
            match io(self.stream) {
                Err(error) if is_timeout(&error) => {}
                done => return done,
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.run(TcpStream::set_read_timeout, |mut stream| stream.read(buffer))
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.run(TcpStream::set_write_timeout, |mut stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
