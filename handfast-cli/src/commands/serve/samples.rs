//! The framing of MIT's samples: each message is signed and shown. A thread for each connection.

use super::delegated::Delegated;
use super::options::{Args, SAMPLE_CONNECTIONS};
use super::reload::Serving;
use super::session::proven;
use crate::failure::Failure;
use crate::journal::{Event, Journal, Level};
use crate::listen::{Connection, Stage, cannot_take, last_event, turned_away};
use crate::output::Output;
use crate::signal;
use handfast::Protection;
use handfast_net::driver::{Accounts, NoAccounts};
use handfast_net::stream::{GssSampleStream, StreamOptions};
use handfast_net::{Listener, Settings, Stopper};
use serde_json::json;
use std::net::TcpStream;
use std::sync::OnceLock;
use std::thread;

mod connections;

use super::super::realm::cannot_listen;
use connections::Connections;

struct Server<'a> {
    args: &'a Args,
    serving: Serving,
    options: StreamOptions,
    journal: Journal,
    connections: Connections,
    /// How the only connection ended, if there is to be one only.
    result: OnceLock<Result<(), Failure>>,
    stopper: Stopper,
}

/// Runs the command.
pub(super) fn run(args: &Args, settings: &Settings, output: &Output) -> Result<(), Failure> {
    let listener = Listener::bind(args.listen).map_err(|error| cannot_listen(args.listen, &error))?;
    let stopper = listener.stopper();
    signal::on_stop({
        let stopper = stopper.clone();
        move || stopper.stop()
    })?;
    let journal = Journal::open(&args.log, output)?;
    let serving = Serving::load(args, settings, &journal)?;
    let (address, services) = (listener.local_addr(), serving.services());
    let text = format!("listening on {address} as {}", services.join(", "));
    let fields = json!({ "address": address.to_string(), "services": services });
    journal.log(Event::new(Level::Info, "listening", text).with(fields));
    let limit = if args.is_once() { 1 } else { args.max_connections.unwrap_or(SAMPLE_CONNECTIONS) };
    let (connections, result) = (Connections::new(limit), OnceLock::new());
    let server =
        Server { args, serving, options: args.stream_options(settings)?, journal, connections, result, stopper };
    server.serve(&listener);
    super::stopped(&server.journal);
    server.result.into_inner().unwrap_or(Ok(()))
}

impl Server<'_> {
    fn serve(&self, listener: &Listener) {
        thread::scope(|scope| {
            let mut number = 0;
            while let Some(accepted) = listener.accept() {
                let (tcp, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        cannot_take(&self.journal, &error);
                        continue;
                    }
                };
                number += 1;
                let connection = Connection { number, peer };
                let Some(admitted) = self.connections.admit(&tcp) else {
                    turned_away(&self.journal, connection, self.connections.limit());
                    continue;
                };
                let serve = move || {
                    let result = self.serve_one(tcp, connection);
                    if self.args.is_once() {
                        let _ = self.result.set(result); // the first one's, which is the only one's
                        self.stopper.stop();
                    }
                    drop(admitted); // not before: no other client shall take the place
                };
                if let Err(error) = thread::Builder::new().spawn_scoped(scope, serve) {
                    cannot_take(&self.journal, &error);
                }
            }
            self.connections.finish(self.args.grace);
        });
    }

    /// One client, from its first token to its end.
    fn serve_one(&self, tcp: TcpStream, connection: Connection) -> Result<(), Failure> {
        let stage = Stage::alone(connection);
        let result = self.hold(tcp, &stage);
        last_event(&self.journal, &stage, &result);
        result
    }

    fn hold(&self, tcp: TcpStream, stage: &Stage) -> Result<(), Failure> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(self.args.idle_time)?;
        tcp.set_write_timeout(Some(self.args.write_time))?;
        let session = self.serving.acceptor.session();
        let stream = match &self.serving.accounts {
            Some(accounts) => self.accept(tcp, session, &**accounts)?,
            None => self.accept(tcp, session, &NoAccounts)?,
        };
        proven(&self.journal, stage.connection, stream.context());
        self.args.ntlm.check_context(stream.context())?;
        self.serving.allowed.check(stream.context())?;
        let delegated = Delegated::of(self.args.take_delegated.as_deref(), stage.connection, stream.context());
        let kept = delegated.map(Delegated::write).transpose()?;
        kept.iter().for_each(|kept| kept.tell(&self.journal, stage.connection));
        stage.admit();
        self.samples(stream, stage)
    }

    fn accept(
        &self,
        tcp: TcpStream,
        session: handfast::Session<'_>,
        accounts: &impl Accounts,
    ) -> Result<GssSampleStream, Failure> {
        Ok(GssSampleStream::accept_with_accounts(tcp, session, accounts, &self.options)?)
    }

    /// Signs each message, as gss-server does, and shows it.
    fn samples(&self, mut stream: GssSampleStream, stage: &Stage) -> Result<(), Failure> {
        while let Some(received) = stream.receive()? {
            let how = match received.how.protection {
                Some(Protection::Confidentiality) => "sealed",
                Some(Protection::Integrity) => "signed",
                None => "unprotected",
            };
            let (text, bytes) = (String::from_utf8_lossy(&received.message), received.message.len());
            stage.traffic.count_received(bytes);
            let Connection { number, peer } = stage.connection;
            let event = Event::new(Level::Info, "message", format!("{how} message of {bytes} bytes: {text:?}"));
            let fields = json!({ "message": text, "bytes": bytes, "protection": how });
            self.journal.log(event.of(number, peer).with(fields));
        }
        Ok(())
    }
}
