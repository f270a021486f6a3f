//! A TCP listener whose waiting another thread can end.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long a failed [`Listener::accept`] waits before it tells: a system out of file descriptors fails at once, each time.
const PAUSE: Duration = Duration::from_millis(100);
/// How long [`Stopper::stop`] tries to wake the listener.
const WAKE: Duration = Duration::from_secs(1);

/// Listens on one address until it is stopped.
///
/// ```
/// use handfast_net::Listener;
/// let listener = Listener::bind("127.0.0.1:0".parse().unwrap())?;
/// listener.stopper().stop();
/// assert!(listener.accept().is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    stopper: Stopper,
}

impl Listener {
    /// Listens on `address`; with port 0 the system chooses one.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let tcp = TcpListener::bind(address)?;
        let address = tcp.local_addr()?;
        Ok(Listener { tcp, stopper: Stopper { stopped: Arc::new(AtomicBool::new(false)), address } })
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.stopper.address
    }

    /// What stops it, for another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits for the next connection; `None` once stopped. A peer that went away before it was taken is passed over.
    ///
    /// An error (too many open files, say) is told after a tenth of a second; the listener goes on.
    pub fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        loop {
            if self.stopper.is_stopped() {
                return None;
            }
            match self.tcp.accept() {
                Ok(_) if self.stopper.is_stopped() => return None,
                Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) => {}
                Err(error) => {
                    thread::sleep(PAUSE);
                    return Some(Err(error));
                }
                connection => return Some(connection),
            }
        }
    }
}

/// Stops a [`Listener`] from any thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    stopped: Arc<AtomicBool>,
    address: SocketAddr,
}

impl Stopper {
    /// Stops the listener: [`Listener::accept`] returns `None` from now on, also where it is waiting.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // A connection wakes the call that waits. If none comes about, the queue is full and the call does not wait.
        let _ = TcpStream::connect_timeout(&reachable(self.address), WAKE);
    }

    /// Whether it has been stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// Where a listener on `address` is reached from this host.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_until_it_is_stopped() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(listener.local_addr()).unwrap();
        let (_, peer) = listener.accept().unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        listener.stopper().stop();
        assert!(listener.accept().is_none());
    }

    #[test]
    fn a_waiting_listener_is_woken_also_on_every_address() {
        for address in ["127.0.0.1:0", "0.0.0.0:0"] {
            let listener = Listener::bind(address.parse().unwrap()).unwrap();
            let stopper = listener.stopper();
            let waiting = thread::spawn(move || listener.accept().is_none());
            stopper.stop();
            assert!(waiting.join().unwrap());
        }
    }

    #[test]
    fn an_address_of_no_host_is_reached_on_loopback() {
        for (address, reached) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("192.0.2.1:3", "192.0.2.1:3")]
        {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), reached);
        }
    }
}
