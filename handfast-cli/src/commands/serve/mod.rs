//! `handfast serve`: a server whose clients have proven who they are, as it has to them.

use crate::failure::{Exit, Failure};
use crate::framing::Framing;
use crate::output::Output;
use crate::traffic::Traffic;
use crate::{signal, span};
use handfast::krb5::Keytab;
use handfast::{Acceptor, Protection, ReplayGuard, ServiceName};
use handfast_net::stream::StreamOptions;
use handfast_net::{Listener, Settings, Stopper};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

mod allowed;
mod connections;
mod conversation;
mod log;

use super::realm::cannot_listen;
use allowed::Allowed;
use connections::Connections;
use log::{Connection, Log};

/// Accept connections from clients that prove who they are
///
/// Each client proves itself with a ticket for a service whose keys are in the keytab, and this server proves itself
/// to the client with those keys. What goes over the connection is sealed.
///
/// Without --echo, standard input and output are connected to the first client, as by `nc -l`; the program ends
/// with that connection. With --echo, or with the framing of MIT's samples, many clients are served at once, one
/// line is printed for what happens to each, and SIGINT (Ctrl-C) or SIGTERM stops the server: no new connections,
/// and some time for those that are open.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast serve --listen 127.0.0.1:7777 --keytab host.keytab --echo
  handfast serve --listen 0.0.0.0:7777 --allow alice --allow bob@EXAMPLE.COM > received
  handfast serve --listen 127.0.0.1:4444 --framing gss-sample          gss-client of MIT's samples can be the client"
)]
pub(crate) struct Args {
    /// Address and port to listen on; with port 0 a free one is chosen, and printed
    #[arg(long, short = 'l', value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Keytab with the keys of the service [default: KRB5_KTNAME, else the configured one]
    #[arg(long, short = 'k', value_name = "FILE")]
    keytab: Option<String>,
    /// Be this service only, even if the keytab has others; repeat it for several
    #[arg(long, short = 's', value_name = "SERVICE/HOST")]
    service: Vec<String>,
    /// Serve this client; repeat it for several [default: everybody that proves to be of a known realm]
    #[arg(long, short = 'a', value_name = "PRINCIPAL")]
    allow: Vec<String>,
    /// Serve every client of this realm; repeat it for several
    #[arg(long, value_name = "REALM")]
    allow_realm: Vec<String>,
    /// How tokens and messages are laid out on the connection
    #[arg(long, value_enum, default_value_t = Framing::Nns)]
    framing: Framing,
    /// Send back what clients send
    #[arg(long)]
    echo: bool,
    /// Also take messages that are signed and not sealed
    #[arg(long)]
    integrity_only: bool,
    /// Serve one connection, and end as it ends
    #[arg(long)]
    once: bool,
    /// How many clients may be connected at once; a further one is sent away
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    max_connections: usize,
    /// How long a client may take to prove itself
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span::parse)]
    handshake_time: Duration,
    /// How long a proven client may be silent [default: as long as it likes]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    idle_time: Option<Duration>,
    /// How long connections may go on once the server is told to stop
    #[arg(long, value_name = "SPAN", default_value = "5s", value_parser = span::parse)]
    grace: Duration,
}

impl Args {
    /// Whether the connection is standard input's and output's.
    fn is_pipe(&self) -> bool {
        !self.echo && self.framing == Framing::Nns
    }

    /// Whether the first connection is the only one.
    fn is_once(&self) -> bool {
        self.once || self.is_pipe()
    }
}

/// What all connections share.
struct Server<'a> {
    args: &'a Args,
    acceptor: Acceptor,
    options: StreamOptions,
    allowed: Allowed,
    connections: Connections,
    log: Log<'a>,
    /// How the only connection ended, if there is to be one only.
    result: OnceLock<Result<(), Failure>>,
    stopper: Stopper,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    let keytab = keytab(args, &settings)?;
    let allowed = Allowed::new(&args.allow, &args.allow_realm, &settings, &keytab)?;
    let acceptor = Acceptor::new(&keytab, ReplayGuard::in_memory()).policy(settings.policy());
    let listener = Listener::bind(args.listen).map_err(|error| cannot_listen(args.listen, &error))?;
    let stopper = listener.stopper();
    let log = Log::new(output, args.is_pipe());
    signal::on_stop({
        let stopper = stopper.clone();
        move |_| stopper.stop()
    })?;
    log.listening(listener.local_addr(), &keytab);
    let connections = Connections::new(if args.is_once() { 1 } else { args.max_connections });
    let result = OnceLock::new();
    let server = Server { args, acceptor, options: options(args), allowed, connections, log, result, stopper };
    server.serve(&listener);
    server.log.stopped();
    server.result.into_inner().unwrap_or(Ok(()))
}

/// The keys of the services that are wanted.
fn keytab(args: &Args, settings: &Settings) -> Result<Keytab, Failure> {
    let file = settings.keytab(args.keytab.as_deref())?;
    let mut keytab = Keytab::clone(&*file.load()?);
    let wanted: Vec<ServiceName> = args.service.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    if !wanted.is_empty() {
        keytab.remove(|entry| !wanted.iter().any(|name| name.to_principal(entry.principal.realm()) == entry.principal));
    }
    if keytab.entries().is_empty() {
        let whose =
            if wanted.is_empty() { "no key".to_owned() } else { format!("no key of {}", args.service.join(", ")) };
        let cause = format!("{file} has {whose}");
        return Err(Failure::new(Exit::Files, cause).next("look at it with `handfast list --keytab FILE`"));
    }
    Ok(keytab)
}

fn options(args: &Args) -> StreamOptions {
    let least = if args.integrity_only { Protection::Integrity } else { Protection::Confidentiality };
    StreamOptions::default().handshake_time(args.handshake_time).least_protection(least)
}

impl Server<'_> {
    fn serve(&self, listener: &Listener) {
        thread::scope(|scope| {
            let mut number = 0;
            while let Some(accepted) = listener.accept() {
                let (tcp, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        self.log.trouble(&error);
                        continue;
                    }
                };
                number += 1;
                let connection = Connection { number, peer };
                let Some(admitted) = self.connections.admit(&tcp) else {
                    self.log.sent_away(connection, self.connections.limit());
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
                    self.log.trouble(&error);
                }
            }
            // Who stops a pipe has seen enough.
            self.connections.finish(if self.args.is_pipe() { Duration::ZERO } else { self.args.grace });
        });
    }

    /// One client, from its first token to its end.
    fn serve_one(&self, tcp: TcpStream, connection: Connection) -> Result<(), Failure> {
        let traffic = Arc::new(Traffic::default());
        let result = conversation::hold(self, tcp, connection, &traffic);
        self.log.ended(connection, &traffic, &result);
        result
    }
}
