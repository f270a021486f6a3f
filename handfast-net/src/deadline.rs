use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A moment after which waiting ends, for a whole exchange and not for each byte of it.
///
/// ```
/// use handfast_net::Deadline;
/// use std::time::Duration;
/// assert!(!Deadline::after(Duration::from_secs(60)).passed());
/// assert!(Deadline::after(Duration::ZERO).passed());
/// assert_eq!(Deadline::never().left(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Option<Instant>,
}

impl Deadline {
    /// Ends after `time` from now; a time too long to be counted is [`never`](Self::never).
    pub fn after(time: Duration) -> Self {
        Deadline { at: Instant::now().checked_add(time) }
    }

    /// Waits as long as it takes.
    pub fn never() -> Self {
        Deadline { at: None }
    }

    /// The time that is left: zero once it has passed, `None` if it never does.
    pub fn left(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// `time`, or what is left if that is less; `None` once nothing is left.
    pub(crate) fn at_most(&self, time: Duration) -> Option<Duration> {
        let wait = self.left().map_or(time, |left| left.min(time));
        (!wait.is_zero()).then_some(wait)
    }
}

/// A TCP stream read and written under one [`Deadline`]: a peer that sends a byte now and then doesn't extend it.
///
/// Every call fails with [`io::ErrorKind::TimedOut`] once the deadline has passed. The stream's own time-outs are set anew for
/// each call, and put back when this is dropped.
#[derive(Debug)]
pub struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Deadline,
    before: [Option<Duration>; 2],
}

impl<'a> Timed<'a> {
    /// Puts `stream` under `deadline`.
    ///
    /// # Errors
    /// The system's, if the stream does not tell its time-outs.
    pub fn new(stream: &'a TcpStream, deadline: Deadline) -> io::Result<Self> {
        Ok(Timed { stream, deadline, before: [stream.read_timeout()?, stream.write_timeout()?] })
    }

    /// Calls `io` until it does something other than time out, with the time that is left set by `limit` before each call.
    fn run(
        &self,
        limit: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut io: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let left = self.deadline.left();
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the peer took too long"));
            }
            limit(self.stream, left)?;
            match io(self.stream) {
                Err(error) if is_timeout(&error) => {}
                done => return done,
            }
        }
    }
}

/// Whether a call on a socket ended because of its time-out; which kind says so depends on the system.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.run(TcpStream::set_read_timeout, |mut stream| stream.read(buffer))
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.run(TcpStream::set_write_timeout, |mut stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let [read, write] = self.before;
        // A stream that takes no time-out is broken, and its next call says so.
        let _ = self.stream.set_read_timeout(read);
        let _ = self.stream.set_write_timeout(write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn dripping_bytes_do_not_extend_a_deadline() {
        let (ours, mut theirs) = pair();
        let drip = thread::spawn(move || {
            while theirs.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let mut timed = Timed::new(&ours, Deadline::after(Duration::from_millis(60))).unwrap();
        let error = timed.read_exact(&mut vec![0; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(timed);
        drop(ours);
        drip.join().unwrap();
    }

    #[test]
    fn a_peer_that_does_not_read_does_not_extend_a_deadline() {
        let (ours, _theirs) = pair();
        let mut timed = Timed::new(&ours, Deadline::after(Duration::from_millis(60))).unwrap();
        let error = timed.write_all(&vec![0; 64 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn the_streams_own_time_outs_come_back() {
        let (ours, mut theirs) = pair();
        let own = Some(Duration::from_secs(77));
        ours.set_read_timeout(own).unwrap();
        theirs.write_all(b"x").unwrap();
        let mut timed = Timed::new(&ours, Deadline::after(Duration::from_secs(5))).unwrap();
        timed.read_exact(&mut [0]).unwrap();
        drop(timed);
        assert_eq!((ours.read_timeout().unwrap(), ours.write_timeout().unwrap()), (own, None));
    }
}
