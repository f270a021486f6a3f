//! The command line of `handfast connect`.

use crate::failure::{Exit, Failure};
use crate::framing::Framing;
use crate::mechanism::{Dialect, Mechanism};
use crate::place::Place;
use crate::relay::Patience;
use crate::secret::PasswordSource;
use crate::{expiry, journal, span};
use handfast::{Policy, Protection};
use handfast_net::Settings;
use handfast_net::stream::StreamOptions;
use std::net::SocketAddr;
use std::time::Duration;

/// Connect to a server, each end proving itself to the other
///
/// The tickets of `handfast login` (or kinit) prove who we are; the server proves that it is the service asked for. What
/// goes over the connection is sealed.
///
/// Standard input goes to the server, and what it says to standard output, as by `nc`; or give --message. With --listen,
/// each connection that a local program makes to ADDRESS becomes one of its own to the server, until SIGINT (Ctrl-C) or
/// SIGTERM: programs that know nothing of Kerberos reach what stands behind `handfast serve --forward`. Tickets are taken
/// from the cache anew for each connection; log in again, and the next one has them.
///
/// With the framing of MIT's samples each message (or line of the input) is sent by itself, and the server's signature of
/// it is checked. New service tickets are put into the credential cache.
///
/// With --mechanism iakerb nothing is asked of a KDC but through the server, for hosts that reach none: by the tickets in
/// the cache, by --client-keytab, or with --user by a password. The server sees what a KDC sees, and can guess at a weak
/// password.
///
/// NTLM never proves the server. It is used only with --dangerous-unproven-server and --account, and it is said when it is.
#[derive(clap::Args, Clone, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast connect www.example.com:7777 --message hello
  tar c . | handfast connect backup.example.com:7777 --service backup/backup.example.com

PostgreSQL or Redis behind `handfast serve --forward` (see `handfast serve --help`), for the programs of this host:
  handfast connect db.example.com:7432 --service postgres/db.example.com --listen 127.0.0.1:5432 &
  psql -h 127.0.0.1                        # with --client-keytab FILE nobody has to log in again
  handfast connect cache.example.com:7379 --listen 127.0.0.1:6379 &
  redis-cli

Where no KDC can be reached but by the server (`handfast serve --iakerb`); the realm is the server's if it is left out:
  handfast connect www.example.com:7777 --mechanism iakerb --user alice@EXAMPLE.COM

With a name and a password, where there is no Kerberos; whoever answers is believed:
  handfast connect www.example.com:7777 --account 'CORP\\alice' --dangerous-unproven-server

gss-server of MIT's samples can be the server:
  handfast connect localhost:4444 --framing gss-sample --message hello --verbose"
)]
pub(crate) struct Args {
    /// Where the server is
    #[arg(value_name = "HOST:PORT")]
    pub(super) server: Place,
    /// The service that the server must prove to be [default: host/HOST]
    #[arg(long, short = 's', value_name = "SERVICE/HOST")]
    pub(super) service: Option<String>,
    /// Send TEXT instead of standard input; repeat it for several
    #[arg(long, short = 'm', value_name = "TEXT")]
    pub(super) message: Vec<String>,
    /// Take local connections at ADDRESS, and make one to the server for each
    #[arg(long, short = 'l', value_name = "ADDRESS", conflicts_with = "message")]
    pub(super) listen: Option<SocketAddr>,
    /// By what to prove ourselves and the server [default: negotiate; kerberos with --framing gss-sample]
    #[arg(long, value_enum, value_name = "MECHANISM")]
    pub(super) mechanism: Option<Mechanism>,
    /// Who we are by IAKERB, with a password; with --mechanism negotiate by it only where no KDC is reached
    #[arg(long, short = 'u', value_name = "PRINCIPAL", conflicts_with_all = ["account", "client_keytab", "cache"])]
    pub(super) user: Option<String>,
    /// Which IAKERB to speak
    #[arg(long, value_enum, value_name = "DIALECT", default_value_t)]
    iakerb_dialect: Dialect,
    /// Who we are by NTLM; the password is asked for, or read as the other options say
    #[arg(long, value_name = "DOMAIN\\USER")]
    pub(super) account: Option<String>,
    #[command(flatten)]
    pub(super) password: PasswordSource,
    /// How tokens and messages are laid out on the connection
    #[arg(long, value_enum, default_value_t = Framing::Nns)]
    pub(super) framing: Framing,
    /// Agree on signed messages only: others can read them, but not change them
    #[arg(long)]
    integrity_only: bool,
    /// Sign messages and don't seal them, though both ends could (gss-sample)
    #[arg(long)]
    pub(super) sign: bool,
    /// Don't ask the server to prove itself: whoever answers is believed. With NTLM it can't be otherwise
    #[arg(long)]
    dangerous_unproven_server: bool,
    /// Hand our login on to the server if the realm trusts it with that (OK-AS-DELEGATE): it can then act as us
    #[arg(long)]
    pub(super) delegate: bool,
    /// Hand our login on whatever server it is: it can then act as us everywhere
    #[arg(long, conflicts_with = "delegate")]
    dangerous_delegate: bool,
    /// Let the end of the connection be the end of the data, as .NET has it: anybody on the way can cut it short
    #[arg(long)]
    dangerous_unannounced_end: bool,
    /// Listen on an address of other hosts, too: whoever reaches it is to the server what we are
    #[arg(long, requires = "listen")]
    dangerous_listen_for_others: bool,
    /// How long connecting and proving may take, each
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span::parse)]
    pub(super) timeout: Duration,
    /// Credential cache, such as FILE:/tmp/cc or KCM:1000 [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    pub(super) cache: Option<String>,
    /// Log in by ourselves, as the first in a keytab; no cache [default: KRB5_CLIENT_KTNAME, else configured]
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "cache")]
    pub(super) client_keytab: Option<Option<String>>,
    /// Show on standard error what the two ends agreed on
    #[arg(long, short = 'v')]
    pub(super) verbose: bool,
    /// How many local connections there may be at once
    #[arg(long, value_name = "COUNT", default_value_t = 4096, help_heading = "Limits")]
    pub(super) max_connections: usize,
    /// How long a connection may be silent in both directions [default: as long as it likes]
    #[arg(long, value_name = "SPAN", value_parser = span::parse, help_heading = "Limits")]
    idle_time: Option<Duration>,
    /// How long either side may leave what it is sent untaken
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = span::parse, help_heading = "Limits")]
    write_time: Duration,
    /// What happens to a connection when our ticket is over
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = expiry::Expiry::End, help_heading = "Limits")]
    pub(super) expiry: expiry::Expiry,
    /// How long connections may go on once we are told to stop (--listen)
    #[arg(long, value_name = "SPAN", default_value = "5s", value_parser = span::parse, help_heading = "Limits")]
    pub(super) grace: Duration,
    #[command(flatten)]
    pub(super) log: journal::Args,
}

fn usage(cause: &str, next: &str) -> Failure {
    Failure::new(Exit::Usage, cause).next(next)
}

impl Args {
    /// What clap can't see.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let samples = self.framing == Framing::GssSample;
        if self.sign && !samples {
            return Err(usage("--sign is for --framing gss-sample", "--integrity-only signs in both framings"));
        }
        if self.expiry == expiry::Expiry::Warn && samples {
            return Err(usage("--expiry warn is for --framing nns", "leave it out: the connection ends"));
        }
        if self.listen.is_some() && samples {
            return Err(usage("--listen is for --framing nns", "leave --framing out"));
        }
        if self.listen.is_some_and(|address| !address.ip().is_loopback()) && !self.dangerous_listen_for_others {
            return Err(usage(
                "whoever reaches that address would be to the server what we are",
                "listen on 127.0.0.1, or say --dangerous-listen-for-others",
            ));
        }
        if self.account.is_none() && self.mechanism() == Mechanism::Ntlm {
            return Err(usage("NTLM needs a name and a password", "give the name with --account 'DOMAIN\\user'"));
        }
        if self.user.is_some() && !matches!(self.mechanism(), Mechanism::Iakerb | Mechanism::Negotiate) {
            return Err(usage("--user is for --mechanism iakerb, or negotiate", "use the tickets of `handfast login`"));
        }
        if self.account.is_some() && !self.dangerous_unproven_server {
            return Err(usage(
                "an account is for NTLM, which does not prove the server",
                "if that is well, say --dangerous-unproven-server",
            ));
        }
        if self.password.password_stdin && self.message.is_empty() && self.listen.is_none() {
            return Err(usage("standard input is for the server", "use --password-file, or give --message"));
        }
        Ok(())
    }

    pub(super) fn mechanism(&self) -> Mechanism {
        let default = if self.framing == Framing::Nns { Mechanism::Negotiate } else { Mechanism::Kerberos };
        self.mechanism.unwrap_or(default)
    }

    /// With an account, NTLM may be used; Kerberos proves the server still, wherever it comes about.
    pub(super) fn policy(&self, settings: &Settings) -> Policy {
        let mut policy = settings.policy().with_iakerb_dialect(self.iakerb_dialect.into());
        if self.user.is_some() {
            policy = policy.offer_iakerb();
        }
        if self.integrity_only {
            policy = policy.integrity_only();
        }
        if self.delegate {
            policy = policy.delegate_if_ok_as_delegate();
        }
        if self.dangerous_delegate {
            policy = policy.dangerous_delegate();
        }
        if self.dangerous_unproven_server {
            policy = match self.account {
                Some(_) => policy.dangerous_ntlm_unproven_server(),
                None => policy.dangerous_unproven_acceptor(),
            };
        }
        policy
    }

    /// How messages are protected that are sent one by one.
    pub(super) fn protection(&self) -> Protection {
        if self.integrity_only || self.sign { Protection::Integrity } else { Protection::Confidentiality }
    }

    pub(super) fn stream_options(&self) -> StreamOptions {
        let options = StreamOptions::default().handshake_time(self.timeout).least_protection(self.protection());
        let options = options.expiry(self.expiry.of_streams()).read_ahead();
        if self.dangerous_unannounced_end { options.dangerous_unannounced_end() } else { options }
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { idle: self.idle_time, write: self.write_time }
    }
}
