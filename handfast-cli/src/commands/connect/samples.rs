//! The framing of MIT's samples: messages one by one, each answered with a signature.

use super::client::{Client, is_proven};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use handfast::{Context, Protection};
use handfast_net::resolve;
use handfast_net::stream::{GssSampleStream, SampleMessage};
use serde_json::json;
use std::io::{self, BufRead};
use std::net::TcpStream;

/// Connects, tells `proven` with whom, and sends each message.
pub(super) fn run(client: &Client, output: &Output, proven: impl Fn(&Context)) -> Result<(), Failure> {
    let credential = client.credential_now()?;
    let tcp = dial(client)?;
    let (target, kdcs) = (client.target(&credential), client.settings.kdcs());
    let stream = GssSampleStream::connect(tcp, target, kdcs, &client.options)?;
    proven(stream.context());
    client.credentials.keep(stream.context().acquired())?;
    send_each(client, output, stream)
}

/// The first of the host's addresses that takes the connection.
fn dial(client: &Client) -> Result<TcpStream, Failure> {
    let (server, timeout) = (&client.args.server, client.args.timeout);
    let mut tried = Vec::new();
    for address in resolve::addresses(&server.host, server.port)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    let cause = format!("no connection to {}: {}", server.host, tried.join("; "));
    Err(Failure::new(Exit::Connection, cause).next("make sure that the server runs, and that the port is right"))
}

fn send_each(client: &Client, output: &Output, mut stream: GssSampleStream) -> Result<(), Failure> {
    let protection = client.args.protection();
    let how = SampleMessage { protection: Some(protection), answer_signed: true };
    let word = if protection == Protection::Integrity { "signed" } else { "sealed" };
    for message in messages(client) {
        let message = message?;
        stream.send(&message, how).map_err(|error| refused_perhaps(&stream, error))?;
        let text = format!("{} bytes sent {word}; the server's signature of them is right", message.len());
        output.result(text, &json!({ "sent": message.len(), "protection": word, "signature_verified": true }))?;
    }
    Ok(stream.end()?)
}

/// Who refuses the last token of a handshake that proves no server, as NTLM's, has nothing to say in return: it closes
/// the connection.
fn refused_perhaps(stream: &GssSampleStream, error: io::Error) -> Failure {
    let failure = Failure::from(error);
    if failure.exit != Exit::Connection || is_proven(stream.context()) {
        return failure;
    }
    failure.next("a server that refuses a name or password by NTLM looks like this; its log says more")
}

/// The messages, or else the lines of standard input.
fn messages(client: &Client) -> Box<dyn Iterator<Item = Result<Vec<u8>, Failure>> + '_> {
    match client.args.message.as_slice() {
        [] => Box::new(io::stdin().lock().split(b'\n').map(|line| line.map_err(|error| Failure::input(&error)))),
        messages => Box::new(messages.iter().map(|message| Ok(message.clone().into_bytes()))),
    }
}
