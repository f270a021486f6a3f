//! A listener on tokio: connections up to a limit, each with a task and a last event in the log; a graceful end, and reloading.

use crate::failure::{Exit, Failure};
use crate::journal::{Event, Journal, Level};
use crate::output::{BAD, GOOD};
use crate::relay::over;
use crate::signal::Asked;
use crate::span;
use crate::traffic::Traffic;
use handfast::Time;
use serde_json::json;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

mod limit;
mod places;

pub(crate) use limit::within_open_files;
pub(crate) use places::{Place, Places};

/// How long a failed accept waits: a system out of file descriptors fails at once, each time.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections may wait to be taken.
const BACKLOG: u32 = 4096;

/// A connection's number, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) peer: SocketAddr,
}

/// How far a connection has come.
pub(crate) struct Stage {
    pub(crate) connection: Connection,
    pub(crate) traffic: Traffic,
    began: Instant,
    place: Place,
}

impl Stage {
    fn new(connection: Connection, place: Place) -> Self {
        Stage { connection, traffic: Traffic::default(), began: Instant::now(), place }
    }

    /// A connection whose place is somebody else's affair.
    pub(crate) fn alone(connection: Connection) -> Self {
        Stage::new(connection, Place::alone())
    }

    /// The peer is proven, and may be here: the connection keeps its place from here on, and what ends it does not refuse it.
    pub(crate) fn admit(&self) {
        self.place.prove();
    }
}

/// What a program does with its connections.
pub(crate) trait Serve: Send + Sync + 'static {
    fn journal(&self) -> &Journal;

    /// One connection, until it has ended.
    fn session(&self, tcp: TcpStream, stage: &Stage) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Reads anew what may have changed; logs what became of it. It may wait, and be called again meanwhile.
    fn reload(&self);
}

/// How long and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: usize,
    /// How long connections may go on once the program is told to stop.
    pub(crate) grace: Duration,
    /// The first connection is the only one.
    pub(crate) once: bool,
}

/// Listens on `address`. Peers that vanish are noticed by the system in the end, also where nothing is sent to them: its probes
/// (`SO_KEEPALIVE`) are on for all connections that are taken.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Takes connections until a signal says stop; with `once` the first one alone, whose result it is then.
pub(crate) async fn run<S: Serve>(
    server: &Arc<S>,
    listener: TcpListener,
    mut signals: UnboundedReceiver<Asked>,
    limits: Limits,
) -> Result<(), Failure> {
    let places = Places::new(limits.connections);
    let (close, closing) = watch::channel(false);
    let mut sessions = JoinSet::new();
    let mut number = 0;
    let mut result = Ok(());
    loop {
        tokio::select! {
            asked = signals.recv() => match asked {
                Some(Asked::Reload) => reload(server),
                Some(Asked::Stop) | None => break,
            },
            Some(ended) = sessions.join_next() => if limits.once {
                result = ended.unwrap_or(Ok(()));
                break;
            },
            accepted = accept(&listener), if !(limits.once && number > 0) => {
                let (tcp, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        trouble(server.journal(), &error).await;
                        continue;
                    }
                };
                number += 1;
                let connection = Connection { number, peer };
                match places.take() {
                    Some(place) => {
                        let stage = Stage::new(connection, place);
                        sessions.spawn(one(Arc::clone(server), tcp, stage, closing.clone()));
                    }
                    None => turned_away(server.journal(), connection, limits.connections),
                }
            }
        }
    }
    drop(listener);
    let stopped = finish(server.journal(), &mut sessions, &close, limits.grace).await;
    if limits.once { result.and(stopped) } else { Ok(()) }
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept().await {
            // A peer that went away before it was taken is passed over.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            accepted => return accepted,
        }
    }
}

/// Files are read where waiting for them holds up no connection, nor the next signal.
fn reload<S: Serve>(server: &Arc<S>) {
    let server = Arc::clone(server);
    // Nobody waits for it: what becomes of it is in the log.
    drop(tokio::task::spawn_blocking(move || server.reload()));
}

/// Waits for those that are there; after the grace they are closed. The last one's result.
async fn finish(
    journal: &Journal,
    sessions: &mut JoinSet<Result<(), Failure>>,
    close: &watch::Sender<bool>,
    grace: Duration,
) -> Result<(), Failure> {
    let open = sessions.len();
    if open > 0 {
        let text = format!("stopping: {open} connections are open, and have {} to end", span::words(grace));
        journal.log(Event::new(Level::Info, "stop", text).with(json!({ "open": open, "grace": grace.as_secs() })));
    }
    let mut last = Ok(());
    let all = async {
        while let Some(ended) = sessions.join_next().await {
            last = ended.unwrap_or(Ok(()));
        }
    };
    if timeout(grace, all).await.is_err() {
        // Nobody who is there does not listen.
        let _ = close.send(true);
        while let Some(ended) = sessions.join_next().await {
            last = ended.unwrap_or(Ok(()));
        }
    }
    last
}

/// One connection, and its last event.
async fn one<S: Serve>(
    server: Arc<S>,
    tcp: TcpStream,
    mut stage: Stage,
    mut closing: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let mut evicted = stage.place.evicted();
    accepted(server.journal(), stage.connection);
    let result = tokio::select! {
        result = server.session(tcp, &stage) => result,
        () = evicted.wait() => Err(Failure::new(Exit::Connection, "not proven yet, and closed for a newcomer: all places are taken")),
        _ = closing.wait_for(|close| *close) => Err(Failure::new(Exit::Connection, "the server has stopped")),
    };
    last_event(server.journal(), &stage, &result);
    result
}

fn accepted(journal: &Journal, Connection { number, peer }: Connection) {
    journal.log(Event::new(Level::Debug, "accepted", "accepted").of(number, peer));
}

/// A connection that there was no place for.
pub(crate) fn turned_away(journal: &Journal, Connection { number, peer }: Connection, limit: usize) {
    let text = format!("turned away: {limit} connections are open, and there may be no more");
    let fields = json!({ "class": "full", "limit": limit, "reason": text });
    journal.log(Event::new(Level::Warn, "refused", text).styled(BAD).of(number, peer).with(fields));
}

async fn trouble(journal: &Journal, error: &io::Error) {
    cannot_take(journal, error);
    sleep(PAUSE).await;
}

/// The system gives us no connection.
pub(crate) fn cannot_take(journal: &Journal, error: &io::Error) {
    let text = format!("a connection can't be taken: {error}");
    let fields = json!({ "reason": error.to_string() });
    journal.log(Event::new(Level::Error, "trouble", text).styled(BAD).with(fields));
}

/// What logs that the proof of this connection is over, which goes on.
pub(crate) fn tell_expired(journal: &Journal, Connection { number, peer }: Connection) -> impl Fn(Time) + use<> {
    let journal = journal.clone();
    move |at| {
        let event = Event::new(Level::Warn, "expired", format!("goes on, though {}", over(at))).styled(BAD);
        journal.log(event.of(number, peer).with(json!({ "expires": at.to_string() })));
    }
}

/// `refused` if the peer was not proven or is not allowed, else `closed`.
pub(crate) fn last_event(journal: &Journal, stage: &Stage, result: &Result<(), Failure>) {
    let Connection { number, peer } = stage.connection;
    let failed = result.as_ref().err();
    let class = failed.map_or("ended", |failure| failure.exit.name());
    let seconds = stage.began.elapsed().as_secs_f64();
    let event = match failed {
        Some(failure) if !stage.place.is_proven() => {
            let next = failure.next.as_ref().map(|next| format!(" ({next})")).unwrap_or_default();
            let text = format!("refused, {class}: {}{next}", failure.cause);
            let fields = json!({ "class": class, "reason": failure.cause, "next": failure.next, "seconds": seconds });
            Event::new(Level::Warn, "refused", text).styled(BAD).with(fields)
        }
        _ => {
            let (received, sent) = (stage.traffic.received(), stage.traffic.sent());
            let amount = format!("{received} bytes received, {sent} sent in {seconds:.1} s");
            let text = match failed {
                None => format!("ended, {amount}"),
                Some(failure) => format!("broke off, {class}, {amount}: {}", failure.cause),
            };
            let level = if failed.is_some() { Level::Warn } else { Level::Info };
            let style = if failed.is_some() { BAD } else { GOOD };
            let reason = failed.map(|failure| &failure.cause);
            Event::new(level, "closed", text).styled(style).with(json!({
                "outcome": class, "reason": reason, "received": received, "sent": sent, "seconds": seconds,
            }))
        }
    };
    journal.log(event.of(number, peer));
}
