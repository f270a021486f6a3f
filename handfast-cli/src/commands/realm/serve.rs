//! `handfast realm serve`: the KDC.

use super::pkinit::PkinitArgs;
use super::{Book, config, kpasswd};
use crate::failure::{Exit, Failure};
use crate::output::{BAD, FAINT, GOOD, Output, STRONG};
use crate::{signal, span};
use handfast::crypto::OsRandom;
use handfast::krb5::message::{ErrorCode, KdcExchange, KrbError, PrincipalName};
use handfast::{Principal, Time};
use handfast_kdc::{Event, Outcome, Realm, Request, Transport};
use handfast_net::Stopper;
use handfast_net::kdc_server::{Content, Incoming, KdcServer, Limits};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

/// Serve the realm: answer logins and requests for tickets, over UDP and TCP
///
/// One line is printed per request: who asked for what, and what became of it. Users and services may be
/// added and removed by other commands meanwhile. Stops with SIGINT (Ctrl-C) or SIGTERM, once what was being
/// answered is answered.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm serve                            on 127.0.0.1:88, which needs rights
  handfast realm serve --listen 0.0.0.0:8888      for other hosts, on a port of your own
  handfast realm serve --listen 0.0.0.0:88 --kpasswd-listen 0.0.0.0:464       users can change their passwords
  handfast realm serve --listen 127.0.0.1:0       on any free port; it is printed
  handfast realm serve --certificate kdc.pem --certificate-key kdc.key --client-trust ca.pem
                                                  users may log in with certificates, too (PKINIT)

Certificates for that are made with openssl: the KDC's names krbtgt/REALM@REALM in a subjectAltName of the type
id-pkinit-san (1.3.6.1.5.2.2) and is for KDCs (extendedKeyUsage 1.3.6.1.5.2.3.5), a user's names the user and is
for clients (1.3.6.1.5.2.3.4); both have the keyUsage digitalSignature."
)]
pub(crate) struct Args {
    #[command(flatten)]
    directory: super::DirectoryArgs,
    /// Address and port to listen on; with port 0 a free one is chosen
    #[arg(long, short = 'l', value_name = "ADDRESS", default_value = "127.0.0.1:88")]
    listen: SocketAddr,
    /// Let users change their passwords over the network: address and port of the password service, usually 464
    #[arg(long, value_name = "ADDRESS")]
    kpasswd_listen: Option<SocketAddr>,
    #[command(flatten)]
    pkinit: PkinitArgs,
    /// How many TCP clients may be connected at once; for a further one the oldest is closed
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    max_connections: usize,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let book = Book::open(&args.directory)?;
    let name = book.realm().to_owned();
    let settings = book.directory().settings()?;
    let limits = Limits { connections: args.max_connections, ..Limits::default() };
    let passwords = args.kpasswd_listen.map(|address| kpasswd::bind(address, limits.clone(), book.directory()));
    let passwords = passwords.transpose()?;
    let pkinit = args.pkinit.terms()?;
    let realm = Realm::new(&name, Arc::new(book.into_directory()), settings, Arc::new(OsRandom));
    let realm = match pkinit {
        Some(pkinit) => realm.with_pkinit(pkinit),
        None => realm,
    };
    let server = KdcServer::bind(args.listen, limits).map_err(|error| cannot_listen(args.listen, &error))?;
    let stoppers: Vec<_> = passwords.iter().chain([&server]).map(KdcServer::stopper).collect();
    signal::on_stop(move || stoppers.iter().for_each(Stopper::stop))?;
    announce(&name, server.local_addr(), passwords.as_ref().map(KdcServer::local_addr), output)?;
    let tell = |line: String, object: Value| {
        // A log that nobody takes any more ends no realm.
        let _ = output.result(format!("{}  {line}", output.paint(FAINT, span::moment(span::now()))), &object);
    };
    thread::scope(|scope| {
        if let Some(passwords) = &passwords {
            scope.spawn(|| {
                let own = passwords.local_addr().ip();
                passwords.serve(|incoming| kpasswd::answer(&realm, own, incoming, output, tell));
            });
        }
        server.serve(|incoming| answer(&realm, incoming, output, tell));
    });
    output.result("stopped", &json!({ "event": "stopped" }))
}

/// A port that is taken or reserved.
pub(crate) fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let failure = Failure::new(Exit::Files, format!("can't listen on {address}: {error}"));
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => failure.next("ports below 1024 need rights: choose a higher one"),
        std::io::ErrorKind::AddrInUse => failure.next("another program has it: choose another port, or 0 for any"),
        _ => failure,
    }
}

fn announce(realm: &str, address: SocketAddr, kpasswd: Option<SocketAddr>, output: &Output) -> Result<(), Failure> {
    let snippet = config::of_addresses(realm, address, kpasswd);
    output.object(
        &json!({ "event": "listening", "realm": realm, "address": address.to_string(), "kpasswd": kpasswd.map(|kpasswd| kpasswd.to_string()), "krb5_conf": snippet }),
    )?;
    let (name, place) = (output.paint(STRONG, realm), output.paint(STRONG, address));
    if let Some(kpasswd) = kpasswd {
        output.line(format!("passwords are changed on {}", output.paint(STRONG, kpasswd)))?;
    }
    output.line(format!("{name} is served on {place} (UDP and TCP). Clients need this krb5.conf (KRB5_CONFIG):\n"))?;
    output.line(output.paint(FAINT, snippet))
}

/// Asks the realm, and tells what it did, in a line and in an object.
pub(super) fn answer(
    realm: &Realm,
    incoming: &Incoming<'_>,
    output: &Output,
    tell: impl Fn(String, Value),
) -> Option<Vec<u8>> {
    let now = span::now();
    let bytes = match incoming.content {
        Content::Message(bytes) => bytes,
        Content::TooLong(length) => return Some(too_long(realm, length, incoming.peer, now, tell)),
    };
    let transport = match incoming.transport {
        handfast_net::kdc::Transport::Udp => Transport::Udp,
        handfast_net::kdc::Transport::Tcp => Transport::Tcp,
    };
    let answer = realm.handle(&Request { bytes, transport, peer: Some(incoming.peer.ip()) }, now);
    tell(event_line(&answer.event, output), event_object(&answer.event, now));
    answer.reply
}

/// What RFC 4120 7.2.2 wants a client to be told whose length is not taken.
fn too_long(realm: &Realm, length: u32, peer: SocketAddr, now: Time, tell: impl Fn(String, Value)) -> Vec<u8> {
    let line = format!("{peer} TCP: a request of {length} bytes is not taken");
    tell(line, json!({ "event": "too-long", "peer": peer.to_string(), "bytes": length }));
    let service = Principal::krbtgt(realm.name(), realm.name());
    KrbError {
        ctime: None,
        cusec: None,
        stime: now.into(),
        susec: now.into(),
        error_code: ErrorCode::KRB_ERR_FIELD_TOOLONG,
        crealm: None,
        cname: None,
        realm: realm.name(),
        sname: PrincipalName::from(&service),
        e_text: None,
        e_data: None,
    }
    .to_der()
}

/// Who asked for what, and what became of it.
fn event_line(event: &Event, output: &Output) -> String {
    let peer = event.peer.map_or("somebody".to_owned(), |peer| peer.to_string());
    let wish = match (&event.client, &event.service) {
        (Some(client), Some(service)) => format!("{client} for {service}"),
        (None, Some(service)) => format!("nobody for {service}"),
        (Some(client), None) => format!("{client} for nothing"),
        (None, None) => "no request".to_owned(),
    };
    let outcome = match &event.outcome {
        Outcome::Issued { session, endtime, .. } => {
            let until = span::moment(*endtime);
            format!("{}, session key {session}, until {until}", output.paint(GOOD, "ticket issued"))
        }
        Outcome::Refused { code: ErrorCode::KDC_ERR_PREAUTH_REQUIRED, .. } => {
            output.paint(FAINT, "asked to prove itself first")
        }
        Outcome::Refused { code, reason } => format!("{}: {reason} ({code})", output.paint(BAD, "refused")),
        Outcome::Ignored { error } => format!("{}: {error}", output.paint(BAD, "ignored")),
        _ => event.outcome.to_string(),
    };
    let exchange = exchange(event).unwrap_or("?");
    format!("{peer} {} {exchange:<3}  {wish}: {outcome}", event.transport)
}

fn exchange(event: &Event) -> Option<&'static str> {
    event.exchange.map(|exchange| match exchange {
        KdcExchange::As => "AS",
        KdcExchange::Tgs => "TGS",
    })
}

fn event_object(event: &Event, now: Time) -> Value {
    let (outcome, detail) = match &event.outcome {
        Outcome::Issued { session, ticket, endtime, .. } => (
            "issued",
            json!({ "session_enctype": session.to_string(), "ticket_enctype": ticket.to_string(), "ends": endtime.to_string() }),
        ),
        Outcome::Refused { code, reason } => {
            ("refused", json!({ "code": code.0, "name": code.name(), "reason": reason }))
        }
        Outcome::Ignored { error } => ("ignored", json!({ "reason": error.to_string() })),
        _ => ("other", Value::Null),
    };
    json!({
        "event": "request",
        "time": now.to_string(),
        "peer": event.peer.map(|peer| peer.to_string()),
        "transport": event.transport.to_string(),
        "exchange": exchange(event),
        "client": event.client.as_ref().map(ToString::to_string),
        "service": event.service.as_ref().map(ToString::to_string),
        "outcome": outcome,
        "detail": detail,
    })
}
