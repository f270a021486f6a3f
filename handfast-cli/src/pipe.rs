//! Standard input and output at one end of a connection, as `nc` has it.

use crate::failure::Failure;
use crate::traffic::Traffic;
use handfast_net::stream::{NegotiateStream, ReadHalf, WriteHalf};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, mpsc};
use std::thread;

/// How much of the input goes into a message.
const CHUNK: usize = 32 << 10;

/// Carries `input` to the peer, and what the peer says to standard output, until both say that it was all.
///
/// A connection that breaks ends it at once, also while the input waits.
pub(crate) fn run(
    stream: NegotiateStream,
    input: impl Read + Send + 'static,
    traffic: &Arc<Traffic>,
) -> Result<(), Failure> {
    let (from_peer, mut to_peer) = stream.split().map_err(|(_, error)| error)?;
    let (done, sending) = mpsc::channel();
    let counted = Arc::clone(traffic);
    thread::spawn(move || {
        let result = send(input, &mut to_peer, &counted);
        if result.is_err() {
            // Wakes the reading half. If the connection is gone already, it is awake.
            let _ = to_peer.inner().shutdown(Shutdown::Both);
        }
        // Nobody waits for it any more if reading has failed.
        let _ = done.send(result);
    });
    match receive(from_peer, traffic) {
        // Where both halves fail, the sending one knows why.
        Err(failure) => Err(sending.try_recv().ok().and_then(Result::err).unwrap_or(failure)),
        Ok(()) => sending.recv().unwrap_or(Ok(())),
    }
}

fn send(mut input: impl Read, to_peer: &mut WriteHalf, traffic: &Traffic) -> Result<(), Failure> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match input.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.map_err(|error| Failure::input(&error))?,
        };
        if count == 0 {
            return Ok(to_peer.shut_down()?);
        }
        to_peer.write_all(chunk.get(..count).unwrap_or_default())?;
        traffic.count_sent(count);
    }
}

fn receive(mut from_peer: ReadHalf, traffic: &Traffic) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let mut last = b'\n';
    loop {
        let data = from_peer.fill_buf()?;
        let count = data.len();
        let Some(end) = data.last() else {
            // The shell's prompt shall stand on a line of its own.
            return if stdout.is_terminal() && last != b'\n' { write(&mut stdout, b"\n").map(drop) } else { Ok(()) };
        };
        last = *end;
        if !write(&mut stdout, data)? {
            return Ok(());
        }
        traffic.count_received(count);
        from_peer.consume(count);
    }
}

/// Writes to standard output; false if whoever reads it has seen enough.
fn write(stdout: &mut impl Write, data: &[u8]) -> Result<bool, Failure> {
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|error| Failure::output(&error)),
    }
}
