//! A realm's KDC inside another server.

use super::serve::{answer, cannot_listen};
use crate::failure::{Exit, Failure};
use crate::journal::{Event, Journal, Level};
use crate::output::Output;
use handfast::crypto::OsRandom;
use handfast_kdc::{FileDirectory, Realm};
use handfast_net::Stopper;
use handfast_net::kdc_server::{KdcServer, Limits};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A KDC that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Kdc {
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

/// Serves the realm in the file at `path`.
pub(crate) fn start(path: &Path, address: SocketAddr, journal: Journal) -> Result<Kdc, Failure> {
    let directory = FileDirectory::open(path)?;
    let (name, settings) = (directory.realm()?, directory.settings()?);
    let realm = Realm::new(&name, Arc::new(directory), settings, Arc::new(OsRandom));
    let server = KdcServer::bind(address, Limits::default()).map_err(|error| cannot_listen(address, &error))?;
    let (stopper, address) = (server.stopper(), server.local_addr());
    let fields = json!({ "realm": name, "address": address.to_string() });
    journal.log(Event::new(Level::Info, "kdc", format!("{name} is served on {address}")).with(fields));
    let serve = move || {
        let plain = Output::plain();
        let tell = |line, object| journal.log(Event::new(Level::Info, "request", line).with(object));
        server.serve(|incoming| answer(&realm, incoming, &plain, tell));
    };
    let thread = thread::Builder::new()
        .name("kdc".into())
        .spawn(serve)
        .map_err(|error| Failure::new(Exit::Other, format!("no thread for the KDC: {error}")))?;
    Ok(Kdc { stopper, thread: Some(thread) })
}

impl Drop for Kdc {
    fn drop(&mut self) {
        self.stopper.stop();
        // If it has panicked, that has been told.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
