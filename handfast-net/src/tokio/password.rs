use std::net::{IpAddr, SocketAddr};

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpStream, UdpSocket, lookup_host};
use ::tokio::time::timeout;
use handfast::krb5::exchange::{KdcAttempt, PasswordChange, PasswordExchange, PasswordStep};

use crate::kdc::{KdcAddress, Silence, Transport, framed, udp};
use crate::password::ask::{Failed, WAYS, attempt, host_address, looks_like_reply, reply_length, whole};
use crate::password::{ChangeError, NONSENSE_LIMIT, PasswordServers};
use crate::{Clock, Deadline, resolve};

/// Changes or sets a password: the twin of [`crate::password::change_password`].
///
/// # Errors
/// [`ChangeError`], as there. A future that is dropped leaves it open whether the password was changed.
pub async fn change_password(
    change: &PasswordChange,
    servers: &PasswordServers,
    clock: &Clock,
) -> Result<(), ChangeError> {
    let asking = Asking { change, servers, clock, deadline: Deadline::after(servers.patience.whole) };
    let located = servers.locate_async(change.realm()).await;
    let mut tried = located.tried;
    for way in WAYS {
        for server in located.servers.iter().filter(|server| server.transport.is_none_or(|own| own == way)) {
            if asking.at(server, way, &mut tried).await? {
                return Ok(());
            }
        }
    }
    Err(ChangeError::Unreachable { realm: change.realm().to_owned(), tried })
}

struct Asking<'a> {
    change: &'a PasswordChange,
    servers: &'a PasswordServers,
    clock: &'a Clock,
    deadline: Deadline,
}

impl Asking<'_> {
    async fn at(&self, server: &KdcAddress, way: Transport, tried: &mut Vec<KdcAttempt>) -> Result<bool, ChangeError> {
        let addresses = match self.addresses(server).await {
            Ok(addresses) => addresses,
            Err(why) => {
                tried.push(attempt(server, None, way, why));
                return Ok(false);
            }
        };
        for address in addresses {
            match self.converse(address, way).await {
                Ok(()) => return Ok(true),
                Err(Failed::Answered(error)) => return Err(error.into()),
                Err(Failed::Silent(why)) => tried.push(attempt(server, Some(address), way, why)),
            }
        }
        Ok(false)
    }

    async fn addresses(&self, server: &KdcAddress) -> Result<Vec<SocketAddr>, Silence> {
        let found = match server.host.parse::<IpAddr>() {
            Ok(_) => resolve::addresses(&server.host, server.port),
            Err(_) => resolve::usable(&server.host, lookup_host((server.host.as_str(), server.port)).await),
        };
        found.map_err(|error| Silence::Unresolvable { why: error.why })
    }

    async fn converse(&self, address: SocketAddr, way: Transport) -> Result<(), Failed> {
        let mut next = None;
        loop {
            let wait = self.deadline.at_most(self.servers.patience.answer).ok_or(Silence::NotAsked)?;
            let once = timeout(wait, self.once(address, way, next.take())).await;
            match once.map_err(|_| Silence::TimedOut { waited: wait })?? {
                PasswordStep::Complete => return Ok(()),
                PasswordStep::NeedsServer(exchange) => next = Some(exchange),
            }
        }
    }

    async fn once(
        &self,
        address: SocketAddr,
        way: Transport,
        next: Option<PasswordExchange>,
    ) -> Result<PasswordStep, Failed> {
        let begin = |own: SocketAddr| {
            next.map_or_else(|| self.change.begin(Some(host_address(own.ip())), self.clock.now()), Ok)
        };
        let (exchange, reply) = match way {
            Transport::Tcp => {
                let connect = self.servers.patience.connect;
                let connecting = timeout(connect, TcpStream::connect(address)).await;
                let mut stream = connecting.map_err(|_| Silence::TimedOut { waited: connect })??;
                let exchange = begin(stream.local_addr()?)?;
                let reply = by_tcp(&mut stream, exchange.request()).await?;
                (exchange, reply)
            }
            Transport::Udp => {
                let socket = udp::connect(address)?;
                socket.set_nonblocking(true)?;
                let socket = UdpSocket::from_std(socket)?;
                let exchange = begin(socket.local_addr()?)?;
                socket.send(exchange.request()).await?;
                (exchange, by_udp(&socket).await?)
            }
        };
        Ok(exchange.reply(&reply, self.clock.now())?)
    }
}

async fn by_tcp(stream: &mut TcpStream, request: &[u8]) -> Result<Vec<u8>, Failed> {
    stream.write_all(&framed(request)?).await?;
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let length = reply_length(header)?;
    let mut reply = Vec::new();
    let got = stream.take(length).read_to_end(&mut reply).await?;
    whole(reply, got, length)
}

async fn by_udp(socket: &UdpSocket) -> Result<Vec<u8>, Failed> {
    let mut buffer = vec![0; udp::DATAGRAM_LIMIT];
    for _ in 0..NONSENSE_LIMIT {
        let length = socket.recv(&mut buffer).await?;
        if let Some(reply) = buffer.get(..length).filter(|reply| looks_like_reply(reply)) {
            return Ok(reply.to_vec());
        }
    }
    Err(Silence::Nonsense { count: NONSENSE_LIMIT }.into())
}
