use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::Silence;
use super::reply::looks_like_reply;
use super::watch::Watch;
use crate::deadline::is_timeout;

/// The most datagrams from one KDC that are no reply before it is given up.
pub const NONSENSE_LIMIT: u32 = 1000;

/// No datagram is longer.
pub(crate) const DATAGRAM_LIMIT: usize = 0xffff;

/// A socket that hears `address` only.
pub(crate) fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(socket)
}

/// Listens until a reply comes, the KDC fails, or the exchange is over (then `None`); calls `nonsense` for each datagram that is no
/// reply.
pub(super) fn listen(
    socket: &UdpSocket,
    watch: &Watch,
    mut nonsense: impl FnMut(),
) -> Option<Result<Vec<u8>, Silence>> {
    let mut buffer = vec![0; DATAGRAM_LIMIT];
    let mut count = 0;
    while let Some(wait) = watch.tick() {
        match socket.set_read_timeout(Some(wait)).and_then(|()| socket.recv(&mut buffer)) {
            Ok(length) => match buffer.get(..length) {
                Some(reply) if looks_like_reply(reply) => return Some(Ok(reply.to_vec())),
                _ => {
                    count += 1;
                    nonsense();
                }
            },
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Some(Err(failure(error))),
        }
        if count == NONSENSE_LIMIT {
            return Some(Err(Silence::Nonsense { count }));
        }
    }
    None
}

/// Some systems report "port unreachable" as a reset.
pub(crate) fn failure(error: io::Error) -> Silence {
    if error.kind() == io::ErrorKind::ConnectionReset { Silence::Refused } else { error.into() }
}
