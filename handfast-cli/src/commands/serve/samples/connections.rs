//! The connections that are open, so that there are not too many, and so that they can be ended.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Open connections, up to a limit.
pub(super) struct Connections {
    limit: usize,
    open: Mutex<Open>,
    left: Condvar,
}

#[derive(Default)]
struct Open {
    next: u64,
    streams: BTreeMap<u64, TcpStream>,
}

/// A connection's place, which is free again when this is dropped.
pub(super) struct Admitted<'a> {
    number: u64,
    connections: &'a Connections,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Connections { limit, open: Mutex::default(), left: Condvar::new() }
    }

    /// How many there may be.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in, if there is a place.
    pub(super) fn admit(&self, stream: &TcpStream) -> Option<Admitted<'_>> {
        let other = stream.try_clone().ok()?;
        let mut open = self.open();
        if open.streams.len() >= self.limit {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.streams.insert(number, other);
        Some(Admitted { number, connections: self })
    }

    /// Waits until all have left, but for no longer than `grace`; then ends those that are there still.
    pub(super) fn finish(&self, grace: Duration) {
        let waited = self.left.wait_timeout_while(self.open(), grace, |open| !open.streams.is_empty());
        let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
        for stream in open.streams.values() {
            // One that has ended by itself needs no ending.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.connections.open().streams.remove(&self.number);
        self.connections.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_place_is_free_again_when_a_connection_leaves() {
        let connections = Connections::new(1);
        let (_client, server) = pair();
        let first = connections.admit(&server);
        assert!(first.is_some() && connections.admit(&server).is_none());
        drop(first);
        assert!(connections.admit(&server).is_some());
    }

    #[test]
    fn who_stays_beyond_the_grace_is_ended() {
        let connections = Connections::new(2);
        let (mut client, server) = pair();
        let _place = connections.admit(&server);
        connections.finish(Duration::from_millis(1));
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn with_nobody_there_finishing_does_not_wait() {
        let connections = Connections::new(2);
        let (_client, server) = pair();
        drop(connections.admit(&server));
        connections.finish(Duration::from_secs(3600));
    }
}
