use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpStream, UdpSocket, lookup_host};
use ::tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use ::tokio::task::JoinSet;
use ::tokio::time::timeout;

use super::conversation::{Again, Asks, Conversation, Event};
use super::exchange::Exchange;
use super::reply::looks_like_reply;
use super::{Attempt, KdcAddress, KdcClient, KdcReply, Silence, Transport, Unreachable, tcp, udp};
use crate::Deadline;
use crate::resolve::{self, Unresolvable};

impl KdcClient {
    /// [`exchange`](Self::exchange) for tasks of tokio, in the same way and with the same errors. Whom it asks is forgotten when the
    /// future is dropped.
    ///
    /// # Errors
    /// As for [`exchange`](Self::exchange).
    pub async fn exchange_async(
        &self,
        realm: &str,
        kdcs: &[KdcAddress],
        request: &[u8],
        tcp_required: bool,
    ) -> Result<KdcReply, Unreachable> {
        let deadline = Deadline::after(self.pace.whole);
        let tasks = Tasks::new(request, self.pace.connect);
        Exchange::new(&self.pace, kdcs, tasks, deadline, self.order(request, tcp_required))
            .run_async()
            .await
            .map_err(|tried| Unreachable { realm: realm.to_owned(), tried })
    }
}

impl Exchange<'_, Tasks> {
    async fn run_async(mut self) -> Result<KdcReply, Vec<Attempt>> {
        while let Some(wait) = self.step() {
            if let Ok(Some(event)) = timeout(wait, self.asks.receiver.recv()).await
                && let Some(reply) = self.take(event)
            {
                return Ok(reply);
            }
        }
        Err(self.report())
    }
}

/// The tasks that wait on behalf of an exchange; they end when this is dropped.
struct Tasks {
    request: Arc<[u8]>,
    connect: Duration,
    tasks: JoinSet<()>,
    sender: UnboundedSender<Event>,
    receiver: UnboundedReceiver<Event>,
}

impl Tasks {
    fn new(request: &[u8], connect: Duration) -> Self {
        let (sender, receiver) = unbounded_channel();
        Tasks { request: request.into(), connect, tasks: JoinSet::new(), sender, receiver }
    }

    fn ask_by_udp(&mut self, index: usize, address: SocketAddr) -> io::Result<Again> {
        let socket = udp::connect(address)?;
        socket.set_nonblocking(true)?;
        send(&socket, &self.request)?;
        let listening = UdpSocket::from_std(socket.try_clone()?)?;
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            let heard = listen(&listening, || report(&sender, Event::Nonsense(index))).await;
            report(&sender, Event::Ended(index, heard));
        });
        let request = Arc::clone(&self.request);
        Ok(Box::new(move || send(&socket, &request)))
    }

    fn ask_by_tcp(&mut self, index: usize, address: SocketAddr) {
        let (request, sender, connect) = (Arc::clone(&self.request), self.sender.clone(), self.connect);
        self.tasks.spawn(async move {
            let heard = converse(address, &request, connect).await;
            report(&sender, Event::Ended(index, heard));
        });
    }
}

impl Asks for Tasks {
    fn find(&mut self, index: usize, kdc: &KdcAddress) -> Option<Result<Vec<SocketAddr>, Unresolvable>> {
        let (host, port) = (kdc.host.clone(), kdc.port);
        if host.parse::<IpAddr>().is_ok() {
            return Some(resolve::addresses(&host, port));
        }
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            let found = resolve::usable(&host, lookup_host((host.as_str(), port)).await);
            report(&sender, Event::Found(index, found));
        });
        None
    }

    fn ask(&mut self, index: usize, kdc: usize, address: SocketAddr, transport: Transport) -> Conversation {
        let begun = match transport {
            Transport::Udp => self.ask_by_udp(index, address).map(Some).map_err(udp::failure),
            Transport::Tcp => {
                self.ask_by_tcp(index, address);
                Ok(None)
            }
        };
        Conversation::new(kdc, address, transport, begun)
    }
}

/// Sends a datagram. One for which there is no room is lost, as others are on their way, and sent again.
fn send(socket: &std::net::UdpSocket, request: &[u8]) -> io::Result<()> {
    match socket.send(request) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        sent => sent.map(drop),
    }
}

/// Listens until a reply comes or the KDC fails; calls `nonsense` for each datagram that is no reply.
async fn listen(socket: &UdpSocket, nonsense: impl Fn()) -> Result<Vec<u8>, Silence> {
    let mut buffer = vec![0; udp::DATAGRAM_LIMIT];
    for _ in 0..udp::NONSENSE_LIMIT {
        let length = socket.recv(&mut buffer).await.map_err(udp::failure)?;
        match buffer.get(..length) {
            Some(reply) if looks_like_reply(reply) => return Ok(reply.to_vec()),
            _ => nonsense(),
        }
    }
    Err(Silence::Nonsense { count: udp::NONSENSE_LIMIT })
}

/// One request and its reply on a connection of their own (RFC 4120 7.2.2).
async fn converse(address: SocketAddr, request: &[u8], connect: Duration) -> Result<Vec<u8>, Silence> {
    let request = tcp::framed(request)?;
    let connecting = timeout(connect, TcpStream::connect(address)).await;
    let mut stream = connecting.map_err(|_| Silence::TimedOut { waited: connect })??;
    stream.write_all(&request).await?;
    let header = read(&mut stream, 4, 0).await?;
    let reply = read(&mut stream, tcp::reply_length(&header)?, header.len()).await?;
    if looks_like_reply(&reply) { Ok(reply) } else { Err(Silence::Nonsense { count: 1 }) }
}

/// Reads `count` bytes; takes memory as they arrive.
async fn read(stream: &mut TcpStream, count: u32, before: usize) -> Result<Vec<u8>, Silence> {
    let mut bytes = Vec::new();
    let got = stream.take(count.into()).read_to_end(&mut bytes).await?;
    if usize::try_from(count) == Ok(got) { Ok(bytes) } else { Err(Silence::Closed { got: before + got }) }
}

fn report(sender: &UnboundedSender<Event>, event: Event) {
    // Once the exchange is over nobody listens, and nobody needs to.
    let _ = sender.send(event);
}
