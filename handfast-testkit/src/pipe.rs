use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One end of a connection inside the process: [`Read`] and [`Write`], blocking, like a `TcpStream`.
///
/// What one end writes, the other reads. When all clones of an end are dropped, or after [`Pipe::shutdown`], the
/// other end reads what is left and then the end of the stream, and its writes fail with
/// [`ErrorKind::BrokenPipe`].
///
/// ```
/// use handfast_testkit::Pipe;
/// use std::io::{Read, Write};
/// let (mut client, mut server) = Pipe::pair();
/// let echo = std::thread::spawn(move || {
///     let mut line = [0; 6];
///     server.read_exact(&mut line)?;
///     server.write_all(&line)
/// });
/// client.write_all(b"hello\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert_eq!(answer, "hello\n");
/// echo.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pipe(Arc<Half>);

/// The ends of one direction each, and how this end reads. Dropped with the last clone.
#[derive(Debug)]
struct Half {
    incoming: Arc<Direction>,
    outgoing: Arc<Direction>,
    settings: Mutex<Settings>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Settings {
    read_limit: Option<usize>,
    read_timeout: Option<Duration>,
}

/// Bytes under way in one direction.
#[derive(Debug)]
struct Direction {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// No more bytes will come.
    ended: bool,
    /// Nobody will read.
    unread: bool,
}

impl Pipe {
    /// A connection that holds 64 KiB in each direction; a writer waits for room.
    pub fn pair() -> (Pipe, Pipe) {
        Pipe::pair_with_capacity(64 * 1024)
    }

    /// A connection that holds `capacity` bytes in each direction, at least 1; a writer waits for room.
    pub fn pair_with_capacity(capacity: usize) -> (Pipe, Pipe) {
        let direction = || {
            let state = Mutex::default();
            Arc::new(Direction { state, changed: Condvar::new(), capacity: capacity.max(1) })
        };
        let (there, back) = (direction(), direction());
        let half = |incoming: &Arc<Direction>, outgoing: &Arc<Direction>| {
            let (incoming, outgoing) = (Arc::clone(incoming), Arc::clone(outgoing));
            Pipe(Arc::new(Half { incoming, outgoing, settings: Mutex::default() }))
        };
        (half(&back, &there), half(&there, &back))
    }

    /// Gives at most `limit` bytes to one read of this end, at least 1: as a network does to who takes one read for
    /// one message.
    pub fn limit_reads(&self, limit: usize) {
        self.settings().read_limit = Some(limit.max(1));
    }

    /// Lets reads of this end fail with [`ErrorKind::TimedOut`] after this (real) time; `None` for never.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) {
        self.settings().read_timeout = timeout;
    }

    /// Writes no more: the other end reads what is left, then the end of the stream.
    pub fn shutdown(&self) {
        self.0.outgoing.change(|state| state.ended = true);
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.0.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Direction {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn read(&self, out: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing_yet = |state: &mut State| state.bytes.is_empty() && !state.ended;
        let mut state = match timeout {
            None => self.changed.wait_while(state, nothing_yet).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = self.changed.wait_timeout_while(state, timeout, nothing_yet);
                let (state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
                if outcome.timed_out() {
                    return Err(ErrorKind::TimedOut.into());
                }
                state
            }
        };
        let read = state.bytes.read(out)?;
        drop(state);
        self.changed.notify_all();
        Ok(read)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |state: &mut State| state.bytes.len() >= self.capacity && !state.ended && !state.unread;
        let mut state = self.changed.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        if state.ended || state.unread {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let room = self.capacity.saturating_sub(state.bytes.len()).min(bytes.len());
        state.bytes.extend(bytes.iter().take(room));
        drop(state);
        self.changed.notify_all();
        Ok(room)
    }
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let Settings { read_limit, read_timeout } = *self.settings();
        let limit = read_limit.unwrap_or(usize::MAX).min(out.len());
        let (out, _) = out.split_at_mut(limit);
        self.0.incoming.read(out, read_timeout)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() { Ok(0) } else { self.0.outgoing.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.outgoing.change(|state| state.ended = true);
        self.incoming.change(|state| state.unread = true);
    }
}
