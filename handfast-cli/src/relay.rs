//! Bytes both ways between a proven connection and a plain one, until both directions have ended.
//!
//! Nothing is held for a direction in which nothing moves: a buffer is there from the first byte of a read until its last one is
//! written. An end that one side announces goes on to the other at once, while the other direction still flows.

use crate::expiry::Expiry;
use crate::failure::{Exit, Failure};
use crate::span;
use crate::traffic::Traffic;
use handfast::{Context, Time};
use handfast_net::tokio::{NegotiateStream, ReadHalf, WriteHalf};
use std::future::pending;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, tcp};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How much is read at once: what a message of NegotiateStream holds, without its overhead.
const CHUNK: usize = 63 << 10;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without a byte in either direction.
    pub(crate) idle: Option<Duration>,
    /// Until one side takes what it is sent.
    pub(crate) write: Duration,
}

/// Watches over a connection that is proven: ends it when nothing moves, or when the proof is over.
pub(crate) struct Watch {
    patience: Patience,
    end: End,
    moved: Mutex<Instant>,
}

impl Watch {
    pub(crate) fn new(patience: Patience, end: End) -> Self {
        Watch { patience, end, moved: Mutex::new(Instant::now()) }
    }

    /// Something moves.
    pub(crate) fn moved(&self) {
        *self.last() = Instant::now();
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`, unless it is to be ended before.
    pub(crate) async fn over(&self, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        tokio::select! {
            result = work => result,
            failure = self.stood_still() => Err(failure),
            failure = self.expired() => Err(failure),
        }
    }

    /// Returns once nothing has moved for so long.
    async fn stood_still(&self) -> Failure {
        let Some(idle) = self.patience.idle else { return pending().await };
        loop {
            let until = *self.last() + idle;
            if Instant::now() >= until {
                let cause = format!("nothing moved in either direction for {}", span::words(idle));
                return Failure::new(Exit::Connection, cause);
            }
            sleep_until(until).await;
        }
    }

    /// Returns once the proof is over, if the connection is to end then.
    async fn expired(&self) -> Failure {
        let (End::BreakOff(at) | End::Tell(at, _)) = &self.end else { return pending().await };
        let left = at.unix_micros().saturating_sub(span::now().unix_micros());
        sleep(Duration::from_micros(u64::try_from(left).unwrap_or(0))).await;
        if let End::Tell(_, tell) = &self.end {
            tell(*at);
            return pending().await;
        }
        Failure::new(Exit::NoCredentials, over(*at))
    }

    /// Fails if the other side does not take what it is sent.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let write = self.patience.write;
        let late = || io::Error::other(format!("what is sent was not taken for {}", span::words(write)));
        timeout(write, work).await.unwrap_or_else(|_| Err(late()))
    }

    /// Writes and flushes, in time.
    pub(crate) async fn send(&self, to: &mut (impl AsyncWrite + Unpin), data: &[u8]) -> Result<(), Failure> {
        self.moved();
        let sent = self.in_time(async {
            to.write_all(data).await?;
            to.flush().await
        });
        sent.await?;
        self.moved();
        Ok(())
    }
}

/// What happens at the end of the proof.
pub(crate) enum End {
    /// Nothing, or it has none.
    Never,
    /// The connection ends.
    BreakOff(Time),
    /// This is told, once, and the connection goes on.
    Tell(Time, Box<dyn Fn(Time) + Send + Sync>),
}

/// That the proof is over, in words.
pub(crate) fn over(at: Time) -> String {
    format!("the proof was good until {} UTC, and that is over", span::moment(at))
}

/// What is to happen when this context's proof is over; `tell` tells it, if it is to be told.
pub(crate) fn end_of(context: &Context, expiry: Expiry, tell: impl Fn(Time) + Send + Sync + 'static) -> End {
    match (context.expires(), expiry) {
        (None, _) | (_, Expiry::Ignore) => End::Never,
        (Some(at), Expiry::End) => End::BreakOff(at),
        (Some(at), Expiry::Warn) => End::Tell(at, Box::new(tell)),
    }
}

/// Carries bytes both ways. `far` names the plain side in what is said of its failures.
pub(crate) async fn run(
    stream: NegotiateStream,
    plain: &mut TcpStream,
    far: &str,
    watch: &Watch,
    traffic: &Traffic,
) -> Result<(), Failure> {
    let (mut from_peer, mut to_peer) = stream.into_split().map_err(|(_, error)| error)?;
    let (from_plain, mut to_plain) = plain.split();
    let inward = inward(&mut from_peer, &mut to_plain, far, watch, traffic);
    let outward = outward(&from_plain, &mut to_peer, far, watch, traffic);
    watch.over(async { tokio::try_join!(inward, outward).map(|_| ()) }).await
}

/// From the peer to the plain side.
async fn inward(
    from: &mut ReadHalf,
    to: &mut tcp::WriteHalf<'_>,
    far: &str,
    watch: &Watch,
    traffic: &Traffic,
) -> Result<(), Failure> {
    loop {
        let data = from.fill_buf().await?;
        let count = data.len();
        if count == 0 {
            return watch.in_time(to.shutdown()).await.or_else(ended).map_err(|error| of_plain(far, &error));
        }
        watch.moved();
        watch.in_time(to.write_all(data)).await.map_err(|error| of_plain(far, &error))?;
        from.consume(count);
        traffic.count_received(count);
        watch.moved();
    }
}

/// From the plain side to the peer.
async fn outward(
    from: &tcp::ReadHalf<'_>,
    to: &mut WriteHalf,
    far: &str,
    watch: &Watch,
    traffic: &Traffic,
) -> Result<(), Failure> {
    loop {
        let data = chunk(from).await.map_err(|error| of_plain(far, &error))?;
        if data.is_empty() {
            return Ok(watch.in_time(to.shutdown()).await?);
        }
        watch.send(to, &data).await?;
        traffic.count_sent(data.len());
    }
}

/// What has come, as soon as something has; empty at the end. While nothing comes, no buffer is held.
async fn chunk(from: &tcp::ReadHalf<'_>) -> io::Result<Vec<u8>> {
    loop {
        from.readable().await?;
        let mut data = Vec::with_capacity(CHUNK);
        match from.try_read_buf(&mut data) {
            Ok(_) => return Ok(data),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Who has gone already needs not be told that it was all.
fn ended(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotConnected { Ok(()) } else { Err(error) }
}

fn of_plain(far: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Connection, format!("{far}: {error}"))
}
