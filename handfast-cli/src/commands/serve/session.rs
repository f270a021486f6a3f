//! One connection: the proof, the permission, and what this server is for.

use super::delegated::Delegated;
use super::forward;
use super::options::Args;
use super::reload::Serving;
use crate::failure::{Exit, Failure};
use crate::journal::{Event, Journal, Level, tell_reload};
use crate::listen::{Connection, Serve, Stage, tell_expired};
use crate::output::{BAD, GOOD};
use crate::relay::{Watch, end_of};
use crate::{describe, pipe};
use handfast::{Context, Flags, Logon};
use handfast_net::Settings;
use handfast_net::driver::{Accounts, NoAccounts};
use handfast_net::stream::StreamOptions;
use handfast_net::tokio::NegotiateStream;
use serde_json::Value;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

/// What all connections share.
pub(super) struct Server {
    pub(super) args: Args,
    settings: Settings,
    options: StreamOptions,
    serving: Mutex<Arc<Serving>>,
    journal: Journal,
    /// One after the other: the last one's files are those that hold.
    reloading: Mutex<()>,
}

impl Server {
    pub(super) fn new(args: Args, settings: Settings, journal: Journal) -> Result<Self, Failure> {
        let serving = Mutex::new(Arc::new(Serving::load(&args, &settings, &journal)?));
        Ok(Server {
            options: args.stream_options(&settings)?,
            args,
            settings,
            serving,
            journal,
            reloading: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What connections are judged by now.
    pub(super) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.lock())
    }

    pub(super) fn warn(&self, text: String, fields: Value) {
        self.journal.log(Event::new(Level::Warn, "warning", text).styled(BAD).with(fields));
    }

    /// A stream to a client that is proven and may be here, and what the client is called.
    async fn prove(&self, tcp: TcpStream, connection: Connection) -> Result<(NegotiateStream, String), Failure> {
        let serving = self.serving();
        let accounts = |logon: &Logon| {
            ready(match &serving.accounts {
                Some(accounts) => accounts.find(logon),
                None => NoAccounts.find(logon),
            })
        };
        let session = serving.acceptor.session();
        let stream = NegotiateStream::accept_with_accounts(tcp, session, &accounts, &self.options).await?;
        proven(&self.journal, connection, stream.context());
        self.args.ntlm.check_context(stream.context())?;
        serving.allowed.check(stream.context())?;
        let name = serving.name(stream.context());
        Ok((stream, name))
    }

    /// What the client hands on, in a file until the connection ends.
    async fn keep(&self, connection: Connection, delegated: Option<Delegated>) -> Result<Option<Delegated>, Failure> {
        let Some(delegated) = delegated else { return Ok(None) };
        let written = spawn_blocking(move || delegated.write());
        let delegated = written.await.map_err(|_| Failure::new(Exit::Other, "a thread of ours broke"))??;
        delegated.tell(&self.journal, connection);
        Ok(Some(delegated))
    }
}

impl Serve for Server {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    async fn session(&self, tcp: TcpStream, stage: &Stage) -> Result<(), Failure> {
        tcp.set_nodelay(true)?;
        let local = tcp.local_addr()?;
        // Apart, so that what the handshake needed is not kept for what follows.
        let (stream, name) = Box::pin(self.prove(tcp, stage.connection)).await?;
        let delegated = Delegated::of(self.args.take_delegated.as_deref(), stage.connection, stream.context());
        let _kept = self.keep(stage.connection, delegated).await?;
        stage.admit();
        let end = end_of(stream.context(), self.args.expiry, tell_expired(&self.journal, stage.connection));
        let watch = Watch::new(self.args.patience(), end);
        match &self.args.forward {
            Some(place) => {
                let way = Way { place, client: &name, peer: stage.connection.peer, local };
                forward::run(&self.args, stream, way, &watch, stage, &self.journal).await
            }
            None if self.args.echo => watch.over(echo(stream, &watch, stage)).await,
            None => pipe::run(stream, pipe::Input::Stdin, &watch, &stage.traffic).await,
        }
    }

    fn reload(&self) {
        let _one = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.journal.reopen();
        let fresh = self.serving().reloaded(&self.args, &self.settings, &self.journal);
        *self.lock() = Arc::new(fresh);
        tell_reload(&self.journal, "log", log.map(|()| "open".to_owned()));
    }
}

/// Where a connection comes from, and where it is to go.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) place: &'a crate::place::Place,
    /// What the client is called: by the account's own name, if it has one.
    pub(super) client: &'a str,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Logs who it is.
pub(super) fn proven(journal: &Journal, Connection { number, peer }: Connection, context: &Context) {
    let ours = if context.flags().contains(Flags::MUTUAL) { "" } else { " (we are not proven to it)" };
    let text = format!("{} is proven, to {}: {}{ours}", context.peer(), context.local(), describe::line(context));
    let event = Event::new(Level::Info, "proven", text).styled(GOOD).of(number, peer);
    journal.log(event.with(describe::object(context)));
}

/// Sends back what comes, until the client says that it was all.
async fn echo(mut stream: NegotiateStream, watch: &Watch, stage: &Stage) -> Result<(), Failure> {
    loop {
        let data = stream.fill_buf().await?.to_vec();
        if data.is_empty() {
            return Ok(watch.in_time(stream.shutdown()).await?);
        }
        stream.consume(data.len());
        stage.traffic.count_received(data.len());
        watch.send(&mut stream, &data).await?;
        stage.traffic.count_sent(data.len());
    }
}
