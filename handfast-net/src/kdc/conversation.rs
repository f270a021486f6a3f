use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::watch::Watch;
use super::{KdcAddress, Silence, Transport, tcp, udp};
use crate::Deadline;
use crate::resolve::{Unresolvable, addresses};

/// Who asks on behalf of an exchange, and reports what comes of it as an [`Event`]: threads, or tasks.
pub(super) trait Asks {
    /// The addresses of a KDC, if they can be told at once; otherwise they are reported.
    fn find(&mut self, index: usize, kdc: &KdcAddress) -> Option<Result<Vec<SocketAddr>, Unresolvable>>;

    /// Sends the request; what becomes of it is reported.
    fn ask(&mut self, index: usize, kdc: usize, address: SocketAddr, transport: Transport) -> Conversation;
}

/// Sends a datagram once more.
pub(super) type Again = Box<dyn Fn() -> io::Result<()> + Send>;

/// One KDC asked at one address in one way.
pub(super) struct Conversation {
    /// Its place in the list of KDCs.
    pub(super) kdc: usize,
    pub(super) address: SocketAddr,
    pub(super) transport: Transport,
    pub(super) since: Instant,
    /// Datagrams that were no reply.
    pub(super) nonsense: u32,
    pub(super) ended: Option<Silence>,
    again: Option<Again>,
}

impl Conversation {
    /// One that has just begun, or failed to. With UDP there is a way to ask again.
    pub(super) fn new(
        kdc: usize,
        address: SocketAddr,
        transport: Transport,
        begun: Result<Option<Again>, Silence>,
    ) -> Self {
        let (again, ended) = match begun {
            Ok(again) => (again, None),
            Err(why) => (None, Some(why)),
        };
        Conversation { kdc, address, transport, since: Instant::now(), nonsense: 0, ended, again }
    }

    /// A datagram to somebody who was silent so far.
    pub(super) fn can_be_asked_again(&self) -> bool {
        self.ended.is_none() && self.again.is_some()
    }

    /// Sends the datagram again, if the conversation is still open; tells whether it is.
    pub(super) fn ask_again(&mut self) -> bool {
        let Some(again) = self.again.as_ref().filter(|_| self.ended.is_none()) else { return false };
        self.ended = again().err().map(udp::failure);
        self.ended.is_none()
    }
}

/// What is reported, with the place of the KDC or of the conversation.
pub(super) enum Event {
    Found(usize, Result<Vec<SocketAddr>, Unresolvable>),
    Nonsense(usize),
    Ended(usize, Result<Vec<u8>, Silence>),
}

/// The threads that wait on behalf of an exchange; they end soon after this is dropped.
pub(super) struct Threads {
    request: Arc<[u8]>,
    watch: Watch,
    connect: Duration,
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

impl Threads {
    pub(super) fn new(request: &[u8], deadline: Deadline, connect: Duration) -> Self {
        let (sender, receiver) = mpsc::channel();
        Threads { request: request.into(), watch: Watch::new(deadline), connect, sender, receiver }
    }

    /// The next report, if there is one in `time`.
    pub(super) fn wait(&self, time: Duration) -> Option<Event> {
        self.receiver.recv_timeout(time).ok()
    }

    fn ask_by_udp(&self, index: usize, address: SocketAddr) -> io::Result<Again> {
        let socket = Arc::new(udp::connect(address)?);
        socket.send(&self.request)?;
        let (listening, watch, sender) = (Arc::clone(&socket), self.watch.clone(), self.sender.clone());
        spawn(move || {
            let heard = udp::listen(&listening, &watch, || report(&sender, Event::Nonsense(index)));
            heard.into_iter().for_each(|result| report(&sender, Event::Ended(index, result)));
        })?;
        let request = Arc::clone(&self.request);
        Ok(Box::new(move || socket.send(&request).map(drop)))
    }

    fn ask_by_tcp(&self, index: usize, address: SocketAddr) -> io::Result<()> {
        let (request, watch, sender) = (Arc::clone(&self.request), self.watch.clone(), self.sender.clone());
        let connect = self.connect;
        spawn(move || {
            let heard = tcp::converse(address, &request, &watch, connect);
            heard.into_iter().for_each(|result| report(&sender, Event::Ended(index, result)));
        })
    }
}

impl Asks for Threads {
    fn find(&mut self, index: usize, kdc: &KdcAddress) -> Option<Result<Vec<SocketAddr>, Unresolvable>> {
        let (host, port) = (kdc.host.clone(), kdc.port);
        if host.parse::<IpAddr>().is_ok() {
            return Some(addresses(&host, port));
        }
        let sender = self.sender.clone();
        let looking = spawn(move || report(&sender, Event::Found(index, addresses(&host, port))));
        looking.err().map(|error| Err(Unresolvable { host: kdc.host.clone(), why: error.to_string() }))
    }

    fn ask(&mut self, index: usize, kdc: usize, address: SocketAddr, transport: Transport) -> Conversation {
        let begun = match transport {
            Transport::Udp => self.ask_by_udp(index, address).map(Some).map_err(udp::failure),
            Transport::Tcp => self.ask_by_tcp(index, address).map(|()| None).map_err(Silence::from),
        };
        Conversation::new(kdc, address, transport, begun)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.watch.end();
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("handfast-kdc".to_owned()).spawn(work).map(drop)
}

fn report(sender: &Sender<Event>, event: Event) {
    // Once the exchange is over nobody listens, and nobody needs to.
    let _ = sender.send(event);
}
