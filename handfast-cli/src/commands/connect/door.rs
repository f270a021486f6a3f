//! `--listen`: a local door; each connection that comes in by it becomes a proven one to the server.

use super::client::{Client, is_proven, verdict};
use crate::commands::realm::cannot_listen;
use crate::failure::Failure;
use crate::journal::{Event, Journal, Level};
use crate::listen::{self, Connection, Limits, Serve, Stage, tell_expired};
use crate::output::{BAD, GOOD, Output};
use crate::relay::{self, Watch, end_of};
use crate::signal::Asked;
use crate::{describe, runtime};
use handfast::Context;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

struct Door {
    client: Client,
    journal: Journal,
}

/// Takes local connections at `address` until a signal says stop.
pub(super) fn run(
    client: Client,
    address: SocketAddr,
    signals: UnboundedReceiver<Asked>,
    output: &Output,
) -> Result<(), Failure> {
    let journal = Journal::open(&client.args.log, output)?;
    let connections = listen::within_open_files(client.args.max_connections, 2);
    let limits = Limits { connections, grace: client.args.grace, once: false };
    let door = Arc::new(Door { client, journal });
    runtime::run(async {
        let listener = listen::bind(address).map_err(|error| cannot_listen(address, &error))?;
        door.announce(listener.local_addr()?);
        let result = listen::run(&door, listener, signals, limits).await;
        door.journal.log(Event::new(Level::Info, "stopped", "stopped"));
        result
    })
}

impl Door {
    fn announce(&self, address: SocketAddr) {
        let server = self.client.args.server.to_string();
        let text = format!("listening on {address} for {server}");
        let fields = json!({ "address": address.to_string(), "server": server });
        self.journal.log(Event::new(Level::Info, "listening", text).with(fields));
    }

    fn proven(&self, Connection { number, peer }: Connection, context: &Context) {
        let (level, style) = if is_proven(context) { (Level::Info, GOOD) } else { (Level::Warn, BAD) };
        let event = Event::new(level, "proven", verdict(context)).styled(style).of(number, peer);
        let proven = json!({ "server_proven": is_proven(context) });
        self.journal.log(event.with(describe::object(context)).with(proven));
    }
}

impl Serve for Door {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    async fn session(&self, mut tcp: TcpStream, stage: &Stage) -> Result<(), Failure> {
        tcp.set_nodelay(true)?;
        let stream = Box::pin(self.client.connect()).await?;
        self.proven(stage.connection, stream.context());
        stage.admit();
        let told = tell_expired(&self.journal, stage.connection);
        let watch = Watch::new(self.client.args.patience(), end_of(stream.context(), self.client.args.expiry, told));
        relay::run(stream, &mut tcp, "the local program", &watch, &stage.traffic).await
    }

    fn reload(&self) {
        let log = self.journal.reopen();
        crate::journal::tell_reload(&self.journal, "log", log.map(|()| "open".to_owned()));
    }
}
