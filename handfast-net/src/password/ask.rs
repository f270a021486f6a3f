use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Instant;

use handfast::krb5::HostAddress;
use handfast::krb5::exchange::{
    KdcAttempt, PASSWORD_REPLY_LIMIT, PasswordChange, PasswordError, PasswordExchange, PasswordStep,
};
use handfast::krb5::message::{AddressType, KrbError, PasswordMessage};

use super::{ChangeError, NONSENSE_LIMIT, PasswordServers};
use crate::deadline::is_timeout;
use crate::kdc::{Attempt, KdcAddress, Silence, Transport, framed, udp};
use crate::{Clock, Deadline, Timed, resolve};

/// The ways in which servers are asked, one after the other.
pub(crate) const WAYS: [Transport; 2] = [Transport::Tcp, Transport::Udp];

/// Changes or sets a password at the servers of its realm.
///
/// # Errors
/// [`ChangeError`]. If a request was sent, the password may have been changed all the same, unless the server refused.
pub fn change_password(change: &PasswordChange, servers: &PasswordServers, clock: &Clock) -> Result<(), ChangeError> {
    let asking = Asking { change, servers, clock, deadline: Deadline::after(servers.patience.whole) };
    let located = servers.locate(change.realm());
    let mut tried = located.tried;
    for way in WAYS {
        for server in located.servers.iter().filter(|server| server.transport.is_none_or(|own| own == way)) {
            if asking.at(server, way, &mut tried)? {
                return Ok(());
            }
        }
    }
    Err(ChangeError::Unreachable { realm: change.realm().to_owned(), tried })
}

/// Why one server has not done it.
pub(crate) enum Failed {
    /// It has answered.
    Answered(PasswordError),
    /// It was silent.
    Silent(Silence),
}

impl From<PasswordError> for Failed {
    fn from(error: PasswordError) -> Self {
        Failed::Answered(error)
    }
}

impl From<Silence> for Failed {
    fn from(why: Silence) -> Self {
        Failed::Silent(why)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Silent(udp::failure(error))
    }
}

struct Asking<'a> {
    change: &'a PasswordChange,
    servers: &'a PasswordServers,
    clock: &'a Clock,
    deadline: Deadline,
}

impl Asking<'_> {
    /// Asks a server at all its addresses, until one answers; whether one did.
    fn at(&self, server: &KdcAddress, way: Transport, tried: &mut Vec<KdcAttempt>) -> Result<bool, ChangeError> {
        let addresses = match resolve::addresses(&server.host, server.port) {
            Ok(addresses) => addresses,
            Err(error) => {
                tried.push(attempt(server, None, way, Silence::Unresolvable { why: error.why }));
                return Ok(false);
            }
        };
        for address in addresses {
            match self.converse(address, way) {
                Ok(()) => return Ok(true),
                Err(Failed::Answered(error)) => return Err(error.into()),
                Err(Failed::Silent(why)) => tried.push(attempt(server, Some(address), way, why)),
            }
        }
        Ok(false)
    }

    fn converse(&self, address: SocketAddr, way: Transport) -> Result<(), Failed> {
        let mut next = None;
        loop {
            match self.once(address, way, next)? {
                PasswordStep::Complete => return Ok(()),
                PasswordStep::NeedsServer(exchange) => next = Some(exchange),
            }
        }
    }

    /// One request and its reply; a first request says from where it is sent.
    fn once(
        &self,
        address: SocketAddr,
        way: Transport,
        next: Option<PasswordExchange>,
    ) -> Result<PasswordStep, Failed> {
        let patience = &self.servers.patience;
        let wait = self.deadline.at_most(patience.answer).ok_or(Silence::NotAsked)?;
        let begin = |own: SocketAddr| {
            next.map_or_else(|| self.change.begin(Some(host_address(own.ip())), self.clock.now()), Ok)
        };
        let (exchange, reply) = match way {
            Transport::Tcp => {
                let connect = self.deadline.at_most(patience.connect).ok_or(Silence::NotAsked)?;
                let stream = TcpStream::connect_timeout(&address, connect)?;
                let exchange = begin(stream.local_addr()?)?;
                let reply = by_tcp(&stream, exchange.request(), Deadline::after(wait))?;
                (exchange, reply)
            }
            Transport::Udp => {
                let socket = udp::connect(address)?;
                let exchange = begin(socket.local_addr()?)?;
                socket.send(exchange.request())?;
                (exchange, by_udp(&socket, Deadline::after(wait))?)
            }
        };
        Ok(exchange.reply(&reply, self.clock.now())?)
    }
}

fn by_tcp(stream: &TcpStream, request: &[u8], deadline: Deadline) -> Result<Vec<u8>, Failed> {
    let since = Instant::now();
    converse(stream, request, deadline).map_err(|failed| match failed {
        Failed::Silent(Silence::Io { kind: io::ErrorKind::TimedOut, .. }) => {
            Silence::TimedOut { waited: since.elapsed() }.into()
        }
        failed => failed,
    })
}

fn converse(stream: &TcpStream, request: &[u8], deadline: Deadline) -> Result<Vec<u8>, Failed> {
    let mut timed = Timed::new(stream, deadline)?;
    timed.write_all(&framed(request)?)?;
    let mut header = [0; 4];
    timed.read_exact(&mut header)?;
    let length = reply_length(header)?;
    let mut reply = Vec::new();
    let got = timed.take(length).read_to_end(&mut reply)?;
    whole(reply, got, length)
}

/// The length of the reply, by the four bytes before it.
pub(crate) fn reply_length(header: [u8; 4]) -> Result<u64, Failed> {
    let (length, limit) = (u32::from_be_bytes(header), u32::try_from(PASSWORD_REPLY_LIMIT).unwrap_or(u32::MAX));
    if length > limit { Err(Silence::TooLong { length, limit }.into()) } else { Ok(length.into()) }
}

pub(crate) fn whole(reply: Vec<u8>, got: usize, length: u64) -> Result<Vec<u8>, Failed> {
    if u64::try_from(got) == Ok(length) { Ok(reply) } else { Err(Silence::Closed { got }.into()) }
}

/// Listens to the server alone; what has not the shape of a reply is passed over.
fn by_udp(socket: &std::net::UdpSocket, deadline: Deadline) -> Result<Vec<u8>, Failed> {
    let since = Instant::now();
    let mut buffer = vec![0; udp::DATAGRAM_LIMIT];
    let mut nonsense = 0;
    while let Some(wait) = deadline.left().filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(wait))?;
        match socket.recv(&mut buffer) {
            Ok(length) => match buffer.get(..length).filter(|reply| looks_like_reply(reply)) {
                Some(reply) => return Ok(reply.to_vec()),
                None => nonsense += 1,
            },
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error.into()),
        }
        if nonsense == NONSENSE_LIMIT {
            break;
        }
    }
    Err(Failed::Silent(match nonsense {
        0 => Silence::TimedOut { waited: since.elapsed() },
        count => Silence::Nonsense { count },
    }))
}

/// Whether it has the outer shape of what a password server says: a framed message, or a KRB-ERROR.
pub(crate) fn looks_like_reply(bytes: &[u8]) -> bool {
    PasswordMessage::decode(bytes).is_ok() || KrbError::decode(bytes).is_ok()
}

pub(crate) fn attempt(server: &KdcAddress, address: Option<SocketAddr>, way: Transport, why: Silence) -> KdcAttempt {
    let attempt = Attempt { kdc: server.clone(), address, transport: Some(way), why };
    KdcAttempt { kdc: attempt.place(), reason: attempt.why.to_string() }
}

/// An address as a message has it (RFC 4120 7.1).
pub(crate) fn host_address(address: IpAddr) -> HostAddress {
    match address.to_canonical() {
        IpAddr::V4(address) => HostAddress { addr_type: AddressType::IPV4.0, address: address.octets().to_vec() },
        IpAddr::V6(address) => HostAddress { addr_type: AddressType::IPV6.0, address: address.octets().to_vec() },
    }
}
