//! Standard input and output at one end of a connection, as `nc` has it.

use crate::failure::Failure;
use crate::relay::Watch;
use crate::traffic::Traffic;
use handfast_net::tokio::{NegotiateStream, ReadHalf, WriteHalf};
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::thread;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, Stdout, stdout};
use tokio::sync::mpsc::{Receiver, channel};

/// How much of the input goes into a message.
const CHUNK: usize = 32 << 10;

/// What goes to the peer.
pub(crate) enum Input {
    /// What comes on standard input.
    Stdin,
    /// This.
    Text(Vec<u8>),
}

/// Carries `input` to the peer, and what the peer says to standard output, until both say that it was all.
///
/// A connection that breaks ends it at once, also while the input waits.
pub(crate) async fn run(
    stream: NegotiateStream,
    input: Input,
    watch: &Watch,
    traffic: &Traffic,
) -> Result<(), Failure> {
    let (mut from_peer, mut to_peer) = stream.into_split().map_err(|(_, error)| error)?;
    let sending = send(input, &mut to_peer, watch, traffic);
    let receiving = receive(&mut from_peer, watch, traffic);
    watch.over(async { tokio::try_join!(sending, receiving).map(|_| ()) }).await
}

async fn send(input: Input, to_peer: &mut WriteHalf, watch: &Watch, traffic: &Traffic) -> Result<(), Failure> {
    match input {
        Input::Text(text) => send_chunk(&text, to_peer, watch, traffic).await?,
        Input::Stdin => {
            let mut chunks = stdin();
            while let Some(chunk) = chunks.recv().await {
                send_chunk(&chunk?, to_peer, watch, traffic).await?;
            }
        }
    }
    Ok(watch.in_time(to_peer.shutdown()).await?)
}

async fn send_chunk(chunk: &[u8], to_peer: &mut WriteHalf, watch: &Watch, traffic: &Traffic) -> Result<(), Failure> {
    watch.send(to_peer, chunk).await?;
    traffic.count_sent(chunk.len());
    Ok(())
}

/// Read by a thread that nobody waits for: there is no other way to leave a terminal that says nothing.
fn stdin() -> Receiver<Result<Vec<u8>, Failure>> {
    let (sender, receiver) = channel(1);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = match stdin.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => {
                    chunk.truncate(count);
                    Ok(chunk)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(Failure::input(&error)),
            };
            let failed = read.is_err();
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

async fn receive(from_peer: &mut ReadHalf, watch: &Watch, traffic: &Traffic) -> Result<(), Failure> {
    let (mut stdout, terminal) = (stdout(), io::stdout().is_terminal());
    let mut last = b'\n';
    loop {
        let data = from_peer.fill_buf().await?;
        let count = data.len();
        let Some(end) = data.last() else {
            // The shell's prompt shall stand on a line of its own.
            return if terminal && last != b'\n' { write(&mut stdout, b"\n").await.map(drop) } else { Ok(()) };
        };
        last = *end;
        watch.moved();
        if !write(&mut stdout, data).await? {
            return Ok(());
        }
        traffic.count_received(count);
        from_peer.consume(count);
        watch.moved();
    }
}

/// Writes to standard output; false if whoever reads it has seen enough.
async fn write(stdout: &mut Stdout, data: &[u8]) -> Result<bool, Failure> {
    let written = async {
        stdout.write_all(data).await?;
        stdout.flush().await
    };
    match written.await {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).map_err(|error| Failure::output(&error)),
    }
}
