//! The service behind: it takes, gives and echoes what it is asked for.

use crate::contender::Result;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Take so many bytes, and answer with one.
pub(super) const TAKE: u8 = b'T';
/// Give so many bytes.
pub(super) const GIVE: u8 = b'G';
/// Send back so many bytes, as they come.
pub(super) const ECHO: u8 = b'E';

const BUFFER: usize = 64 << 10;

/// A service on loopback, for as long as the process runs.
#[derive(Debug, Clone, Copy)]
pub struct Backend {
    address: SocketAddr,
}

impl Backend {
    /// Starts it. Each connection has a thread.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let thread = thread::Builder::new().stack_size(256 << 10);
                // A connection that gets no thread is dropped, which its client sees.
                drop(thread.spawn(move || serve(tcp)));
            }
        });
        Ok(Backend { address })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

pub(super) fn request(what: u8, bytes: usize) -> Vec<u8> {
    let count = u64::try_from(bytes).unwrap_or(u64::MAX);
    [&[what][..], &count.to_be_bytes()].concat()
}

/// Answers requests until the client ends.
fn serve(mut tcp: TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let mut what = [0; 1];
        let mut count = [0; 8];
        if tcp.read(&mut what)? == 0 {
            return Ok(());
        }
        tcp.read_exact(&mut count)?;
        buffer.resize(BUFFER, 0);
        answer(&mut tcp, what, u64::from_be_bytes(count), &mut buffer)?;
    }
}

fn answer(tcp: &mut TcpStream, [what]: [u8; 1], mut left: u64, buffer: &mut [u8]) -> io::Result<()> {
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let (part, _) = buffer.split_at_mut(most);
        let count = if what == GIVE { tcp.write(part)? } else { tcp.read(part)? };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if what == ECHO {
            tcp.write_all(part.split_at(count).0)?;
        }
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    }
    if what == TAKE { tcp.write_all(b".") } else { Ok(()) }
}
