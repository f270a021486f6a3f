use super::Trouble;
use crate::span;
use handfast_kdc::{Event, Realm, Request, Transport};
use handfast_net::Stopper;
use handfast_net::kdc::Transport as By;
use handfast_net::kdc_server::{Content, Incoming, KdcServer, Limits};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The KDC, on UDP and TCP of one loopback port, in threads of its own. Ends when dropped.
pub(super) struct Kdc {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Vec<Event>>>,
    stopper: Stopper,
}

impl Kdc {
    /// Serves `realm`.
    pub(super) fn start(realm: Arc<Realm>) -> Result<Kdc, Trouble> {
        let server = KdcServer::bind((Ipv4Addr::LOCALHOST, 0).into(), Limits::default())?;
        let (address, stopper, log) = (server.local_addr(), server.stopper(), Arc::default());
        let noted = Arc::clone(&log);
        thread::spawn(move || server.serve(|incoming| answer(&realm, incoming, &noted)));
        Ok(Kdc { address, log, stopper })
    }

    /// What its log says since this was asked last.
    pub(super) fn take_log(&self) -> Vec<Event> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn answer(realm: &Realm, incoming: &Incoming<'_>, log: &Mutex<Vec<Event>>) -> Option<Vec<u8>> {
    let Content::Message(bytes) = incoming.content else { return None };
    let transport = match incoming.transport {
        By::Udp => Transport::Udp,
        By::Tcp => Transport::Tcp,
    };
    let answer = realm.handle(&Request { bytes, transport, peer: Some(incoming.peer.ip()) }, span::now());
    log.lock().unwrap_or_else(PoisonError::into_inner).push(answer.event);
    answer.reply
}

/// Its threads end by themselves; nobody waits for them, so that the demo ends whatever becomes of them.
impl Drop for Kdc {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}
