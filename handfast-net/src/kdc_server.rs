//! The sockets of a KDC: requests over UDP and TCP on one port, each given to a function that answers.
//!
//! UDP is one request and one reply per datagram (RFC 4120 7.2.1). Over TCP each is preceded by its length, and a connection
//! takes several, one after the other (7.2.2). What the requests say is none of this module's business.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::deadline::is_timeout;
use crate::kdc::Transport;
use crate::{Deadline, Listener, Stopper, Timed};

/// How often a thread that waits for datagrams looks whether it is to stop.
const TICK: Duration = Duration::from_millis(100);
/// Threads that answer datagrams.
const UDP_THREADS: usize = 2;
/// How many ports are tried that are free for TCP, until one is free for UDP too.
const PORT_TRIES: usize = 20;
/// No datagram is longer.
const DATAGRAM_LIMIT: usize = 0xffff;

/// How much a [`KdcServer`] takes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections at a time: 256. For a further one the oldest is closed.
    pub connections: usize,
    /// How long a TCP client may take for one request, and to take the reply: 10 s. Then it is closed.
    pub patience: Duration,
    /// The longest request over TCP, in bytes: 64 KiB.
    pub request: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connections: 256, patience: Duration::from_secs(10), request: 0xffff }
    }
}

/// A request as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// What it says.
    pub content: Content<'a>,
    /// By which way.
    pub transport: Transport,
    /// From where. Over UDP anybody can claim any address.
    pub peer: SocketAddr,
}

/// What a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A message.
    Message(&'a [u8]),
    /// A TCP client announced a message of this many bytes, over [`Limits::request`] or with the reserved bit set: a server that
    /// can, answers KRB_ERR_FIELD_TOOLONG (RFC 4120 7.2.2). The connection is closed after that.
    TooLong(u32),
}

/// A UDP socket and a TCP listener on the same port.
#[derive(Debug)]
pub struct KdcServer {
    udp: UdpSocket,
    listener: Listener,
    limits: Limits,
}

impl KdcServer {
    /// Listens on `address`; with port 0 on one that is free for both.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let mut tries = 1;
        loop {
            let listener = Listener::bind(address)?;
            match UdpSocket::bind(listener.local_addr()) {
                Ok(udp) => {
                    udp.set_read_timeout(Some(TICK))?;
                    return Ok(KdcServer { udp, listener, limits });
                }
                Err(error) if address.port() != 0 || tries == PORT_TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// What ends [`serve`](Self::serve), for another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.listener.stopper()
    }

    /// Gives each request to `answer`, from several threads at once, and sends what it returns, until stopped. Requests that are
    /// being answered then are finished first.
    pub fn serve(&self, answer: impl Fn(&Incoming<'_>) -> Option<Vec<u8>> + Sync) {
        let (answer, connections) = (&answer, &Connections::new(self.limits.connections));
        thread::scope(|scope| {
            for _ in 0..UDP_THREADS {
                scope.spawn(|| self.serve_datagrams(answer));
            }
            while let Some(connection) = self.listener.accept() {
                let Some((admitted, peer)) =
                    connection.and_then(|(stream, peer)| Ok((connections.admit(stream)?, peer))).ok()
                else {
                    continue;
                };
                // Without a thread for it, a connection is closed by being dropped.
                let _ = thread::Builder::new().spawn_scoped(scope, move || {
                    // A client that breaks off is its own affair.
                    let _ = self.serve_connection(&admitted.stream, peer, answer);
                });
            }
            connections.finish();
        });
    }

    fn serve_datagrams(&self, answer: &(impl Fn(&Incoming<'_>) -> Option<Vec<u8>> + Sync)) {
        let stopper = self.stopper();
        let mut buffer = vec![0; DATAGRAM_LIMIT];
        while !stopper.is_stopped() {
            match self.udp.recv_from(&mut buffer) {
                Ok((length, peer)) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    let incoming = Incoming { content: Content::Message(bytes), transport: Transport::Udp, peer };
                    if let Some(reply) = answer(&incoming) {
                        // What does not arrive is asked for again.
                        let _ = self.udp.send_to(&reply, peer);
                    }
                }
                Err(error) if is_timeout(&error) => {}
                // An earlier reply found nobody: some systems tell it here.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(_) => thread::sleep(TICK),
            }
        }
    }

    fn serve_connection(
        &self,
        stream: &TcpStream,
        peer: SocketAddr,
        answer: &(impl Fn(&Incoming<'_>) -> Option<Vec<u8>> + Sync),
    ) -> io::Result<()> {
        let mut request = Vec::new();
        loop {
            let content = self.receive(stream, &mut request)?;
            let Some(reply) = answer(&Incoming { content, transport: Transport::Tcp, peer }) else { return Ok(()) };
            send(stream, &reply, self.limits.patience)?;
            if matches!(content, Content::TooLong(_)) {
                return Ok(());
            }
        }
    }

    /// Reads a length and as many bytes into `request`; takes memory as they arrive.
    fn receive<'a>(&self, stream: &TcpStream, request: &'a mut Vec<u8>) -> io::Result<Content<'a>> {
        let mut timed = Timed::new(stream, Deadline::after(self.limits.patience))?;
        let mut header = [0; 4];
        timed.read_exact(&mut header)?;
        let length = u32::from_be_bytes(header);
        if length > self.limits.request {
            return Ok(Content::TooLong(length));
        }
        request.clear();
        let got = timed.take(length.into()).read_to_end(request)?;
        if usize::try_from(length) == Ok(got) {
            Ok(Content::Message(request))
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

fn send(stream: &TcpStream, reply: &[u8], patience: Duration) -> io::Result<()> {
    let length = u32::try_from(reply.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let framed = [&length.to_be_bytes(), reply].concat();
    Timed::new(stream, Deadline::after(patience))?.write_all(&framed)
}

/// The TCP connections that are open, oldest first.
struct Connections {
    limit: usize,
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

/// A connection that leaves when it is dropped.
struct Admitted<'a> {
    stream: TcpStream,
    number: u64,
    connections: &'a Connections,
}

impl Connections {
    fn new(limit: usize) -> Self {
        Connections { limit: limit.max(1), next: AtomicU64::new(0), open: Mutex::new(BTreeMap::new()) }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in; when there are too many, the oldest is closed.
    fn admit(&self, stream: TcpStream) -> io::Result<Admitted<'_>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let other = stream.try_clone()?;
        let mut open = self.open();
        while open.len() >= self.limit {
            if let Some((_, oldest)) = open.pop_first() {
                let _ = oldest.shutdown(Shutdown::Both);
            }
        }
        open.insert(number, other);
        Ok(Admitted { stream, number, connections: self })
    }

    /// Nobody is listened to any more; what is being answered is answered.
    fn finish(&self) {
        for stream in self.open().values() {
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
