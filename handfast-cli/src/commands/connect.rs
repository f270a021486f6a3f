//! `handfast connect`: a connection to a server that has proven who it is.

use crate::failure::{Exit, Failure};
use crate::framing::Framing;
use crate::output::{GOOD, Output};
use crate::traffic::Traffic;
use crate::{describe, pipe, span};
use handfast::{Context, Credential, Initiator, Policy, Protection, ServiceName, Target};
use handfast_net::stream::{GssSampleStream, NegotiateStream, SampleMessage, StreamOptions};
use handfast_net::{Settings, resolve};
use serde_json::json;
use std::io::{self, BufRead, Cursor, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// Connect to a server, each end proving itself to the other
///
/// The tickets of `handfast login` (or kinit) prove who we are; the server proves that it is the service asked for. What
/// goes over the connection is sealed.
///
/// Standard input goes to the server, and what it says to standard output, as by `nc`; or give --message. With the
/// framing of MIT's samples each message (or line of the input) is sent by itself, and the server's signature of it is
/// checked. New service tickets are put into the credential cache.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast connect www.example.com:7777 --message hello
  tar c . | handfast connect backup.example.com:7777 --service backup/backup.example.com
  handfast connect localhost:4444 --framing gss-sample --message hello --verbose     gss-server of MIT's samples can be
                                                                                     the server"
)]
pub(crate) struct Args {
    /// Where the server is, as HOST:PORT
    #[arg(value_name = "HOST:PORT")]
    server: String,
    /// The service that the server must prove to be [default: host/HOST]
    #[arg(long, short = 's', value_name = "SERVICE/HOST")]
    service: Option<String>,
    /// Send TEXT instead of standard input; repeat it for several
    #[arg(long, short = 'm', value_name = "TEXT")]
    message: Vec<String>,
    /// How tokens and messages are laid out on the connection
    #[arg(long, value_enum, default_value_t = Framing::Nns)]
    framing: Framing,
    /// Agree on signed messages only: others can read them, but not change them
    #[arg(long)]
    integrity_only: bool,
    /// Sign messages and don't seal them, though both ends could (gss-sample)
    #[arg(long)]
    sign: bool,
    /// Don't ask the server to prove itself: whoever answers is believed
    #[arg(long)]
    dangerous_unproven_server: bool,
    /// Let the end of the connection be the end of the data, as .NET has it: anybody on the way can cut it short
    #[arg(long)]
    dangerous_unannounced_end: bool,
    /// How long connecting and proving may take, each
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span::parse)]
    timeout: Duration,
    /// Credential cache, such as FILE:/tmp/cc [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
    /// Show on standard error what the two ends agreed on
    #[arg(long, short = 'v')]
    verbose: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let (host, port) = host_and_port(&args.server)?;
    let service = match &args.service {
        Some(service) => service.parse()?,
        None => ServiceName::host_based("host", &bracketed(host))?,
    };
    if args.sign && args.framing != Framing::GssSample {
        return Err(Failure::new(Exit::Usage, "--sign is for --framing gss-sample")
            .next("--integrity-only signs in both framings"));
    }
    let settings = Settings::from_process()?;
    let service = settings.service(service);
    let file = settings.ccache(args.cache.as_deref())?;
    let credential = Credential::tickets(&*file.load()?);
    let initiator = Initiator::new(policy(args, &settings));
    let client = Client { args, output, target: initiator.to(&service).credential(&credential) };
    let tcp = dial(host, port, args.timeout)?;
    match args.framing {
        Framing::Nns => {
            let stream = NegotiateStream::connect(tcp, client.target.clone(), settings.kdcs(), &options(args))?;
            client.proven(stream.context());
            file.add(stream.context().acquired())?;
            client.converse(stream)
        }
        Framing::GssSample => {
            let stream = GssSampleStream::connect(tcp, client.target.clone(), settings.kdcs(), &options(args))?;
            client.proven(stream.context());
            file.add(stream.context().acquired())?;
            client.send_each(stream)
        }
    }
}

/// `HOST:PORT`, with an IPv6 address in brackets.
fn host_and_port(text: &str) -> Result<(&str, u16), Failure> {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parsed {
        Some((host, port)) if !host.is_empty() && port != 0 => match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']').map(|address| (address, port)),
            None => (!host.contains(':')).then_some((host, port)),
        },
        _ => None,
    }
    .ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{text:?} is not HOST:PORT"))
            .next("write it as www.example.com:7777 or [::1]:7777")
    })
}

/// A host as service names have it.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn policy(args: &Args, settings: &Settings) -> Policy {
    let mut policy = settings.policy();
    if args.integrity_only {
        policy = policy.integrity_only();
    }
    if args.dangerous_unproven_server {
        policy = policy.dangerous_unproven_acceptor();
    }
    policy
}

fn options(args: &Args) -> StreamOptions {
    let least = if args.integrity_only || args.sign { Protection::Integrity } else { Protection::Confidentiality };
    let options = StreamOptions::default().handshake_time(args.timeout).least_protection(least);
    if args.dangerous_unannounced_end { options.dangerous_unannounced_end() } else { options }
}

/// The first of the host's addresses that takes the connection.
fn dial(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, Failure> {
    let mut tried = Vec::new();
    for address in resolve::addresses(host, port)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    let cause = format!("no connection to {host}: {}", tried.join("; "));
    Err(Failure::new(Exit::Connection, cause).next("make sure that the server runs, and that the port is right"))
}

struct Client<'a> {
    args: &'a Args,
    output: &'a Output,
    target: Target<'a>,
}

impl Client<'_> {
    fn proven(&self, context: &Context) {
        if self.args.verbose {
            let mut object = describe::object(context);
            if let Some(object) = object.as_object_mut() {
                object.insert("event".into(), "proven".into());
            }
            let peer = self.output.paint(GOOD, context.peer());
            self.output
                .remark(format!("{peer} is proven, to {}: {}", context.local(), describe::line(context)), &object);
        }
    }

    /// A byte stream both ways.
    fn converse(&self, stream: NegotiateStream) -> Result<(), Failure> {
        let traffic = Arc::new(Traffic::default());
        pipe::run(stream, self.input(), &traffic).map_err(|failure| match (failure.exit, traffic.received()) {
            (Exit::Connection, 0) => failure.next("the server may not allow this client; its log says more"),
            _ => failure,
        })
    }

    /// One message at a time.
    fn send_each(&self, mut stream: GssSampleStream) -> Result<(), Failure> {
        let signed = self.args.sign || self.args.integrity_only;
        let protection = if signed { Protection::Integrity } else { Protection::Confidentiality };
        let how = SampleMessage { protection: Some(protection), answer_signed: true };
        let word = if signed { "signed" } else { "sealed" };
        for message in self.messages() {
            let message = message?;
            stream.send(&message, how)?;
            let text = format!("{} bytes sent {word}; the server's signature of them is right", message.len());
            self.output
                .result(text, &json!({ "sent": message.len(), "protection": word, "signature_verified": true }))?;
        }
        Ok(stream.end()?)
    }

    fn input(&self) -> Box<dyn Read + Send> {
        match self.args.message.as_slice() {
            [] => Box::new(io::stdin()),
            messages => Box::new(Cursor::new(messages.concat().into_bytes())),
        }
    }

    /// The messages, or else the lines of standard input.
    fn messages(&self) -> Box<dyn Iterator<Item = Result<Vec<u8>, Failure>> + '_> {
        match self.args.message.as_slice() {
            [] => Box::new(io::stdin().lock().split(b'\n').map(|line| line.map_err(|error| Failure::input(&error)))),
            messages => Box::new(messages.iter().map(|message| Ok(message.clone().into_bytes()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_host_and_port() {
        assert_eq!(host_and_port("a.example:7"), Ok(("a.example", 7)));
        assert_eq!(host_and_port("[::1]:7"), Ok(("::1", 7)));
        for text in ["", "a", ":7", "a:", "a:0", "a:65536", "::1:7", "[::1:7", "a:x"] {
            assert_eq!(host_and_port(text).unwrap_err().exit, Exit::Usage, "{text}");
        }
    }
}
