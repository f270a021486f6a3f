//! The command line of `handfast serve`.

use super::proxy::Version;
use super::{allow, keys, ntlm};
use crate::failure::{Exit, Failure};
use crate::framing::Framing;
use crate::mechanism::{Dialect, Mechanism};
use crate::relay::Patience;
use crate::{expiry, journal, place, span};
use handfast::{Policy, Protection};
use handfast_net::Settings;
use handfast_net::stream::StreamOptions;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How many connections there may be, unless the command line says it.
pub(super) const CONNECTIONS: usize = 4096;
/// The same where each is a thread.
pub(super) const SAMPLE_CONNECTIONS: usize = 64;

/// Accept connections from clients that prove who they are
///
/// Each client proves itself with a ticket for a service whose keys are in the keytab, and this server proves itself
/// to the client with those keys. What goes over the connection is sealed.
///
/// With --forward, each client that is served gets a connection to HOST:PORT: a service that knows nothing of Kerberos
/// stands behind a door that does. What one side ends is ended on the other, while the other direction still flows. Let
/// the service listen where nobody else reaches it. With --echo clients get back what they send. Without either, standard
/// input and output are connected to the first client, as by `nc -l`; the program ends with that connection.
///
/// SIGINT (Ctrl-C) or SIGTERM stops the server: no new connections, and some time for those that are open; a second one
/// ends it at once. SIGHUP reads keys, accounts and lists of clients anew and reopens the log file; a file that can't be
/// read leaves what was there. Open connections go on, also those of clients that are not allowed any more.
///
/// Who has not proven itself yet gives up its place to a newcomer when all are taken; who has keeps it, and newcomers are
/// turned away.
#[derive(clap::Args, Clone, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast serve --listen 127.0.0.1:7777 --keytab host.keytab --echo
  handfast serve --listen 0.0.0.0:7777 --allow alice --allow bob@EXAMPLE.COM > received

PostgreSQL (or Redis: port 6379) for the users of a realm, with nothing changed in it or in its clients:
  server$ handfast serve --listen 0.0.0.0:7432 --service postgres/db.example.com --forward 127.0.0.1:5432 \\
            --allow-realm EXAMPLE.COM --log json --log-file /var/log/handfast.log
  client$ handfast connect db.example.com:7432 --service postgres/db.example.com --listen 127.0.0.1:5432 &
  client$ psql -h 127.0.0.1

A service that wants to know who is there (HAProxy's protocol; version 2 carries names: TLV 0xE0 the client,
an account as in --accounts; 0xE1 the mechanism, 0xE2 the service, 0x02 its host):
  handfast serve --listen 0.0.0.0:7080 --forward 127.0.0.1:8080 --proxy-protocol v2

A realm of your own, with its KDC, in the same process:
  handfast serve --listen 0.0.0.0:7777 --realm-directory realm.db --kdc 0.0.0.0:88 --forward 127.0.0.1:6379

Clients that reach no KDC (`handfast connect --mechanism iakerb`, and those of Debian 12's MIT krb5):
  handfast serve --listen 0.0.0.0:7777 --iakerb --iakerb-dialect mit-1.21 --echo

Clients without Kerberos, by name and password (their server is not proven to them):
  handfast serve --listen 0.0.0.0:7777 --dangerous-ntlm --accounts accounts --allow-account 'CORP\\alice' --echo

With what clients hand on (`handfast connect --delegate`), a service acts for them: the log names the cache.
  handfast serve --listen 0.0.0.0:7080 --forward 127.0.0.1:8080 --take-delegated /run/handfast

The log's events: listening; of each connection accepted and forwarded (debug), proven and delegated (info), and last
one of closed (info, or warn if it broke off) and refused (warn); expired (warn, with --expiry warn), reload,
warning, trouble, stop, stopped.

gss-client of MIT's samples can be the client:
  handfast serve --listen 127.0.0.1:4444 --framing gss-sample"
)]
pub(crate) struct Args {
    /// Address and port to listen on; with port 0 a free one is chosen, and logged
    #[arg(long, short = 'l', value_name = "ADDRESS")]
    pub(super) listen: SocketAddr,
    #[command(flatten)]
    pub(super) keys: keys::Args,
    #[command(flatten)]
    pub(super) allow: allow::Args,
    #[command(flatten)]
    pub(super) ntlm: ntlm::Args,
    /// Let clients that reach no KDC log in through this server (IAKERB): it asks those of its keytab's realms.
    /// Whoever reaches this server then reaches these KDCs, and can guess passwords there
    #[arg(long, verbatim_doc_comment, help_heading = "IAKERB")]
    pub(super) iakerb: bool,
    /// Ask the KDCs of REALM, not of the keytab's realms; repeat it for several
    #[arg(long, value_name = "REALM", requires = "iakerb", help_heading = "IAKERB")]
    pub(super) iakerb_realm: Vec<String>,
    /// Which IAKERB to speak
    #[arg(long, value_enum, value_name = "DIALECT", default_value_t, help_heading = "IAKERB")]
    pub(super) iakerb_dialect: Dialect,
    /// Connect each client to the service at HOST:PORT
    #[arg(long, short = 'f', value_name = "HOST:PORT", conflicts_with = "echo", help_heading = "What for")]
    pub(super) forward: Option<place::Place>,
    /// Begin each connection to the service with this header, which says who the client is and where
    #[arg(long, value_enum, value_name = "VERSION", help_heading = "What for")]
    pub(super) proxy_protocol: Option<Version>,
    /// Send back what clients send
    #[arg(long, help_heading = "What for")]
    pub(super) echo: bool,
    /// Keep the logins that clients hand on in DIR: for each such connection a credential cache, until it ends
    #[arg(long, value_name = "DIR", help_heading = "What for")]
    pub(super) take_delegated: Option<PathBuf>,
    /// Serve one connection, and end as it ends
    #[arg(long, help_heading = "What for")]
    pub(super) once: bool,
    /// How tokens and messages are laid out on the connection
    #[arg(long, value_enum, default_value_t = Framing::Nns)]
    pub(super) framing: Framing,
    /// Also take messages that are signed and not sealed
    #[arg(long)]
    pub(super) integrity_only: bool,
    /// Remember proofs in a file that other servers of these keys share, MIT's too [default: in memory]
    ///
    /// Of MIT's form file2. Without NAME: KRB5RCACHENAME, else configured, else the user's in /var/tmp.
    #[arg(long, value_name = "NAME", num_args = 0..=1, help_heading = "Who we are")]
    pub(super) replay_cache: Option<Option<String>>,
    /// How many clients may be connected at once [default: 4096, or 64 with --framing gss-sample]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    pub(super) max_connections: Option<usize>,
    /// How long a client may take to prove itself, from its connection to its last token
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span::parse, help_heading = "Limits")]
    pub(super) handshake_time: Duration,
    /// How long a proven connection may be silent in both directions [default: as long as it likes]
    #[arg(long, value_name = "SPAN", value_parser = span::parse, help_heading = "Limits")]
    pub(super) idle_time: Option<Duration>,
    /// How long a client or the service may leave what it is sent untaken
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = span::parse, help_heading = "Limits")]
    pub(super) write_time: Duration,
    /// What happens to a connection when the client's proof (its ticket) is over
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = expiry::Expiry::End, help_heading = "Limits")]
    pub(super) expiry: expiry::Expiry,
    /// How long connections may go on once the server is told to stop
    #[arg(long, value_name = "SPAN", default_value = "5s", value_parser = span::parse, help_heading = "Limits")]
    pub(super) grace: Duration,
    #[command(flatten)]
    pub(super) log: journal::Args,
}

impl Args {
    /// Whether the connection is standard input's and output's.
    pub(super) fn is_pipe(&self) -> bool {
        !self.echo && self.forward.is_none() && self.framing == Framing::Nns
    }

    /// Whether the first connection is the only one.
    pub(super) fn is_once(&self) -> bool {
        self.once || self.is_pipe()
    }

    /// What clap can't see.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.framing == Framing::GssSample && self.forward.is_some() {
            return Err(Failure::new(Exit::Usage, "--forward is for --framing nns: samples are answered here"));
        }
        if self.framing == Framing::GssSample && self.expiry == expiry::Expiry::Warn {
            return Err(Failure::new(Exit::Usage, "--expiry warn is for --framing nns"));
        }
        // clap does not look for what is required where something else excludes it.
        if self.proxy_protocol.is_some() && self.forward.is_none() {
            return Err(Failure::new(Exit::Usage, "--proxy-protocol is for the service that --forward names"));
        }
        if let Some(directory) = self.take_delegated.as_ref().filter(|directory| !directory.is_dir()) {
            return Err(Failure::new(Exit::Files, format!("{} is no directory", directory.display())));
        }
        if self.max_connections == Some(0) {
            return Err(Failure::new(Exit::Usage, "--max-connections 0 would serve nobody"));
        }
        if self.ntlm.lists(Mechanism::Iakerb) && !self.iakerb {
            return Err(Failure::new(Exit::Usage, "--mechanism iakerb lets clients log in through this server")
                .next("if strangers may reach its KDC, say --iakerb"));
        }
        self.ntlm.check()
    }

    /// What is asked of clients, and done for them.
    pub(super) fn policy(&self, settings: &Settings) -> Policy {
        let policy = settings.policy().with_iakerb_dialect(self.iakerb_dialect.into());
        let policy = if self.take_delegated.is_some() { policy.take_delegated() } else { policy };
        match (self.iakerb, self.iakerb_realm.is_empty()) {
            (false, _) => policy,
            (true, true) => policy.relay_iakerb(),
            (true, false) => policy.relay_iakerb_to(self.iakerb_realm.iter().cloned()),
        }
    }

    pub(super) fn stream_options(&self, settings: &Settings) -> Result<StreamOptions, Failure> {
        let least = if self.integrity_only { Protection::Integrity } else { Protection::Confidentiality };
        let options = StreamOptions::default().handshake_time(self.handshake_time).least_protection(least);
        let options = options.expiry(self.expiry.of_streams()).read_ahead();
        let options = if self.iakerb { options.relay(settings.kdcs().clone()) } else { options };
        Ok(match &self.replay_cache {
            Some(name) => options.replays(settings.replay_cache(name.as_deref())?),
            None => options,
        })
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { idle: self.idle_time, write: self.write_time }
    }
}
