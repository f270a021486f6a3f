//! `handfast connect`: a connection to a server that has proven who it is; or a local door to it.

use crate::failure::{Exit, Failure};
use crate::framing::Framing;
use crate::output::{BAD, GOOD, Output};
use crate::relay::{Watch, end_of, over};
use crate::traffic::Traffic;
use crate::{describe, pipe, runtime, signal};
use handfast::{Context, Flags, Time};
use handfast_net::Settings;
use serde_json::json;

mod client;
mod credentials;
mod door;
mod options;
mod samples;

use client::{Client, is_proven, verdict};
pub(crate) use options::Args;

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    args.check()?;
    let client = Client::new(args.clone(), Settings::from_process()?)?;
    if let Some(address) = args.listen {
        // Before any thread is there.
        let signals = signal::asked(true)?;
        return door::run(client, address, signals, output);
    }
    let proven = |context: &Context| tell(args, output, context);
    match args.framing {
        Framing::Nns => runtime::run(converse(&client, *output, proven)),
        Framing::GssSample => samples::run(&client, output, proven),
    }
}

/// Whether the server is proven is told if it is asked for, and always if it is not.
fn tell(args: &Args, output: &Output, context: &Context) {
    let proven = is_proven(context);
    if args.verbose || !proven {
        let mut object = describe::object(context);
        if let Some(object) = object.as_object_mut() {
            object.insert("event".into(), "proven".into());
            object.insert("server_proven".into(), proven.into());
        }
        output.remark(output.paint(if proven { GOOD } else { BAD }, verdict(context)), &object);
    }
    tell_of_delegation(args, output, context);
}

/// Whoever asks for it wants to know that it did not come to pass.
fn tell_of_delegation(args: &Args, output: &Output, context: &Context) {
    if args.delegate && !context.flags().contains(Flags::DELEGATION) {
        let text = format!(
            "our login is not handed on: {} is not marked OK-AS-DELEGATE by its realm, or our login is not forwardable",
            context.peer()
        );
        output
            .remark(output.paint(BAD, text), &json!({ "event": "not-delegated", "peer": context.peer().to_string() }));
    }
}

/// A byte stream both ways.
async fn converse(client: &Client, output: Output, proven: impl Fn(&Context)) -> Result<(), Failure> {
    let stream = client.connect().await?;
    proven(stream.context());
    let told = move |at: Time| {
        let object = json!({ "event": "expired", "expires": at.to_string() });
        output.remark(output.paint(BAD, format!("the connection goes on, though {}", over(at))), &object);
    };
    let watch = Watch::new(client.args.patience(), end_of(stream.context(), client.args.expiry, told));
    let traffic = Traffic::default();
    let input = match client.args.message.as_slice() {
        [] => pipe::Input::Stdin,
        messages => pipe::Input::Text(messages.concat().into_bytes()),
    };
    pipe::run(stream, input, &watch, &traffic).await.map_err(|failure| match (failure.exit, traffic.received()) {
        (Exit::Connection, 0) => failure.next("the server may not allow this client; its log says more"),
        _ => failure,
    })
}
