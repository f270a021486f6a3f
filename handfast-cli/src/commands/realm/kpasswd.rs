//! The realm's password service, beside its KDC.

use super::serve::cannot_listen;
use crate::failure::Failure;
use crate::output::{BAD, GOOD, Output};
use crate::span;
use handfast::crypto::OsRandom;
use handfast::{Principal, Time};
use handfast_kdc::{
    Directory, FileDirectory, PasswordEvent, PasswordOutcome, PrincipalEntry, Realm, Request, Transport,
};
use handfast_net::kdc_server::{Content, Incoming, KdcServer, Limits};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};

/// Listens. A realm that was made before there was a password service gets its principal now.
pub(super) fn bind(address: SocketAddr, limits: Limits, directory: &FileDirectory) -> Result<KdcServer, Failure> {
    let entry = PrincipalEntry::password_service(&directory.realm()?, &OsRandom, span::now())?;
    if directory.find(&entry.principal)?.is_none() {
        directory.add(&entry)?;
    }
    KdcServer::bind(address, limits).map_err(|error| cannot_listen(address, &error))
}

/// Asks the realm, and tells what it did, in a line and in an object.
pub(super) fn answer(
    realm: &Realm,
    own: IpAddr,
    incoming: &Incoming<'_>,
    output: &Output,
    tell: impl Fn(String, Value),
) -> Option<Vec<u8>> {
    // Nobody sends a request of more than 64 KiB, which its own length could not tell.
    let Content::Message(bytes) = incoming.content else { return None };
    let transport = match incoming.transport {
        handfast_net::kdc::Transport::Udp => Transport::Udp,
        handfast_net::kdc::Transport::Tcp => Transport::Tcp,
    };
    let now = span::now();
    let from = Some(own).filter(|own| !own.is_unspecified());
    let answer = realm.handle_password(&Request { bytes, transport, peer: Some(incoming.peer.ip()) }, from, now);
    tell(line(&answer.event, output), object(&answer.event, now));
    answer.reply
}

fn line(event: &PasswordEvent, output: &Output) -> String {
    let name = |name: &Option<Principal>| name.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    let wish = format!("{} for {}", name(&event.client), name(&event.target));
    let outcome = match &event.outcome {
        PasswordOutcome::Changed { kvno } => format!("{}, key version {kvno}", output.paint(GOOD, "password changed")),
        PasswordOutcome::Refused { code, reason } => format!("{}: {reason} ({code})", output.paint(BAD, "refused")),
        PasswordOutcome::Ignored { error } => format!("{}: {error}", output.paint(BAD, "ignored")),
        outcome => outcome.to_string(),
    };
    let peer = event.peer.map_or("somebody".to_owned(), |peer| peer.to_string());
    format!("{peer} {} PWD  {wish}: {outcome}", event.transport)
}

fn object(event: &PasswordEvent, now: Time) -> Value {
    let (outcome, detail) = match &event.outcome {
        PasswordOutcome::Changed { kvno } => ("changed", json!({ "kvno": kvno })),
        PasswordOutcome::Refused { code, reason } => {
            ("refused", json!({ "code": code.0, "name": code.name(), "reason": reason }))
        }
        PasswordOutcome::Ignored { error } => ("ignored", json!({ "reason": error.to_string() })),
        _ => ("other", Value::Null),
    };
    json!({
        "event": "password",
        "time": now.to_string(),
        "peer": event.peer.map(|peer| peer.to_string()),
        "transport": event.transport.to_string(),
        "client": event.client.as_ref().map(ToString::to_string),
        "target": event.target.as_ref().map(ToString::to_string),
        "outcome": outcome,
        "detail": detail,
    })
}
