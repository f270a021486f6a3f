//! `handfast serve`: a server whose clients have proven who they are, as it has to them; or an authenticated door before any
//! TCP service.
//!
//! | file | what it does |
//! |---|---|
//! | `options` | the command line |
//! | `keys`, `allow`, `ntlm` | whose keys, who is served, accounts: what is read again on SIGHUP |
//! | `reload` | puts these together, and swaps what has changed |
//! | `session` | one connection: proof, permission, and what the server is for |
//! | `forward`, `proxy` | the service behind, and what it is told |
//! | `samples` | the framing of MIT's samples, on threads |

use crate::failure::Failure;
use crate::framing::Framing;
use crate::journal::{Event, Journal, Level};
use crate::listen::{self, Limits};
use crate::output::Output;
use crate::{runtime, signal};
use handfast_net::Settings;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

mod allow;
mod delegated;
#[cfg(fuzzing)]
pub(crate) use allow::fuzz_list;
mod forward;
mod keys;
mod ntlm;
mod options;
mod proxy;
mod reload;
mod samples;
mod session;

use super::realm::cannot_listen;
pub(crate) use options::Args;
use session::Server;

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    args.check()?;
    let settings = Settings::from_process()?;
    if args.framing == Framing::GssSample {
        return samples::run(args, &settings, output);
    }
    // Before any thread is there.
    let signals = signal::asked(!args.is_pipe())?;
    let journal = Journal::open(&args.log, output)?;
    let kdc = args.keys.serve_kdc(&journal)?;
    let server = Arc::new(Server::new(args.clone(), settings, journal)?);
    let result = runtime::run(async {
        let listener = listen::bind(args.listen).map_err(|error| cannot_listen(args.listen, &error))?;
        announce(&server, listener.local_addr()?);
        let result = listen::run(&server, listener, signals, limits(&server)).await;
        stopped(listen::Serve::journal(&*server));
        result
    });
    drop(kdc);
    result
}

fn limits(server: &Server) -> Limits {
    let args = &server.args;
    let wanted = args.max_connections.unwrap_or(options::CONNECTIONS);
    let connections = listen::within_open_files(wanted, if args.forward.is_some() { 2 } else { 1 });
    if connections < wanted {
        let text = format!(
            "the system's limit of open files allows {connections} connections, not {wanted}: raise it with `ulimit -Hn`"
        );
        server.warn(text, json!({ "connections": connections, "wanted": wanted }));
    }
    // Who stops a pipe has seen enough.
    let grace = if args.is_pipe() { Duration::ZERO } else { args.grace };
    Limits { connections, grace, once: args.is_once() }
}

fn announce(server: &Server, address: SocketAddr) {
    let serving = server.serving();
    let (services, allowed) = (serving.services(), serving.allowed.summary());
    let forward = server.args.forward.as_ref().map(ToString::to_string);
    let to = forward.as_ref().map(|to| format!(", for {to}")).unwrap_or_default();
    let we = if services.is_empty() { "nobody in Kerberos".to_owned() } else { services.join(", ") };
    let ntlm = if server.args.ntlm.is_on() { "; NTLM is taken, by which this server is not proven" } else { "" };
    let iakerb = if server.args.iakerb { "; its KDC is asked for clients that reach none (IAKERB)" } else { "" };
    let text = format!("listening on {address} as {we}{to}; served: {allowed}{ntlm}{iakerb}");
    listen::Serve::journal(server).log(Event::new(Level::Info, "listening", text).with(json!({
        "address": address.to_string(),
        "services": services,
        "forward": forward,
        "served": allowed,
        "ntlm": server.args.ntlm.is_on(),
        "iakerb": server.args.iakerb,
        "accounts": serving.accounts.as_ref().map(|accounts| accounts.len()),
    })));
}

fn stopped(journal: &Journal) {
    journal.log(Event::new(Level::Info, "stopped", "stopped"));
}
