use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// The first port on 127.0.0.1 that is free for TCP and UDP both, from a base that differs per process.
///
/// Below the range from which the system picks ports by itself. No port is given twice within a process; another
/// process may still take it first, so whoever starts a peer on it checks that the peer got it.
pub fn free_port() -> u16 {
    static OFFSET: AtomicU16 = AtomicU16::new(0);
    let base = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let offset = OFFSET.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + base.wrapping_add(offset) % COUNT;
        if is_free(port) {
            return port;
        }
    }
    panic!("no free port on 127.0.0.1 between {FIRST} and {}", FIRST + COUNT)
}

fn is_free(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

/// A loopback address that swallows what is sent to it over UDP and never answers; it lives as long as the socket.
pub fn silent_address() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_or_else(|error| panic!("can't bind: {error}"));
    let address = socket.local_addr().unwrap_or_else(|error| panic!("no local address: {error}"));
    (socket, address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_use_are_passed_over() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(held.local_addr().unwrap().port()));
        let (_socket, address) = silent_address();
        assert!(!is_free(address.port()));
    }

    #[test]
    fn no_port_is_given_twice() {
        assert_ne!(free_port(), free_port());
    }
}
