//! What a server tells of its connections: a line, or an object, for what happens to each.

use crate::describe;
use crate::failure::Failure;
use crate::output::{BAD, FAINT, GOOD, Output, STRONG};
use crate::span;
use crate::traffic::Traffic;
use handfast::Context;
use handfast::krb5::Keytab;
use serde_json::{Value, json};
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

/// A connection's number, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) peer: SocketAddr,
}

/// Where the lines go: to standard output, unless that is the client's.
pub(super) struct Log<'a> {
    output: &'a Output,
    aside: bool,
}

impl<'a> Log<'a> {
    pub(super) fn new(output: &'a Output, aside: bool) -> Self {
        Log { output, aside }
    }

    pub(super) fn listening(&self, address: SocketAddr, keytab: &Keytab) {
        let services: Vec<String> = keytab.principals().map(ToString::to_string).collect();
        let text = format!("listening on {} as {}", self.output.paint(STRONG, address), services.join(", "));
        self.say(text, &json!({ "event": "listening", "address": address.to_string(), "services": services }));
    }

    pub(super) fn proven(&self, connection: Connection, context: &Context) {
        let peer = self.output.paint(GOOD, context.peer());
        let text = format!("{peer} is proven, to {}: {}", context.local(), describe::line(context));
        let mut object = describe::object(context);
        self.add(&mut object, "proven", connection);
        self.tell(connection, text, &object);
    }

    pub(super) fn message(&self, connection: Connection, text: &str, bytes: usize, how: &str) {
        let mut object = json!({ "message": text, "bytes": bytes, "protection": how });
        self.add(&mut object, "message", connection);
        self.tell(connection, format!("{how} message of {bytes} bytes: {text:?}"), &object);
    }

    pub(super) fn ended(&self, connection: Connection, traffic: &Traffic, result: &Result<(), Failure>) {
        let (received, sent) = (traffic.received(), traffic.sent());
        let amount = format!("{received} bytes received, {sent} sent");
        let outcome = match result {
            Ok(()) => format!("ended, {amount}"),
            Err(failure) => format!("{}, {amount}: {}", self.output.paint(BAD, failure.exit.name()), failure.cause),
        };
        let failed = result.as_ref().err();
        let mut object = json!({
            "outcome": failed.map_or("ended", |failure| failure.exit.name()),
            "reason": failed.map(|failure| &failure.cause),
            "received": received,
            "sent": sent,
        });
        self.add(&mut object, "ended", connection);
        self.tell(connection, outcome, &object);
    }

    pub(super) fn sent_away(&self, connection: Connection, limit: usize) {
        let text = format!("sent away: the limit of {limit} clients is reached");
        let mut object = json!({ "limit": limit });
        self.add(&mut object, "sent-away", connection);
        self.tell(connection, self.output.paint(BAD, text), &object);
    }

    pub(super) fn trouble(&self, error: &io::Error) {
        self.say(
            format!("a connection can't be taken: {error}"),
            &json!({ "event": "trouble", "reason": error.to_string() }),
        );
    }

    pub(super) fn stopped(&self) {
        self.say("stopped", &json!({ "event": "stopped" }));
    }

    fn add(&self, object: &mut Value, event: &str, connection: Connection) {
        if let Some(object) = object.as_object_mut() {
            object.insert("event".into(), event.into());
            object.insert("time".into(), span::now().to_string().into());
            object.insert("connection".into(), connection.number.into());
            object.insert("address".into(), connection.peer.to_string().into());
        }
    }

    fn tell(&self, Connection { number, peer }: Connection, text: impl Display, object: &Value) {
        let head = self.output.paint(FAINT, format!("{} #{number} {peer}", span::moment(span::now())));
        self.say(format!("{head}  {text}"), object);
    }

    /// A log that nobody takes any more ends no server.
    fn say(&self, text: impl Display, object: &Value) {
        if self.aside {
            self.output.remark(text, object);
        } else {
            let _ = self.output.result(text, object);
        }
    }
}
