//! A KDC of handfast, in this process.

use crate::contender::{Exchange, Result, Way};
use crate::kdc::{Client, ask, connect, granted, storm};
use handfast::Principal;
use handfast::crypto::OsRandom;
use handfast_interop::TempDir;
use handfast_kdc::{MemoryDirectory, PrincipalEntry, Realm, Request, Settings, Transport};
use handfast_net::kdc_server::{Content, Incoming, KdcServer, Limits};
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const REALM: &str = "HANDFAST.TEST";

/// A realm with a user and a service, and its log.
pub(super) struct OurKdc {
    realm: Realm,
    client: Client,
    log: File,
    _dir: TempDir,
}

impl OurKdc {
    pub(super) fn start() -> Result<Self> {
        let name = |text| Principal::parse_with_realm(text, REALM);
        let (user, service) = (name("alice")?, name("HTTP/localhost")?);
        let now = SystemTime::now().into();
        let mut directory = MemoryDirectory::new(REALM, &OsRandom, now)?;
        directory.insert(PrincipalEntry::user(user.clone(), b"alice-password", now)?);
        directory.insert(PrincipalEntry::service(service.clone(), &OsRandom, now)?);
        let client = Client::new(user.clone(), &directory.keytab(&user), service);
        let realm = Realm::new(REALM, Arc::new(directory), Settings::default(), Arc::new(OsRandom));
        let dir = TempDir::new("bench-kdc");
        let log = File::create(dir.join("kdc.log"))?;
        Ok(OurKdc { realm, client, log, _dir: dir })
    }

    /// How long `count` requests take.
    pub(super) fn requests(&self, exchange: Exchange, way: Way, count: usize) -> Result<Duration> {
        match way {
            Way::Call => self.calls(exchange, count),
            Way::Udp => self.datagrams(exchange, count),
        }
    }

    fn calls(&self, exchange: Exchange, count: usize) -> Result<Duration> {
        let from = IpAddr::from(Ipv4Addr::LOCALHOST);
        let answer = |request: &[u8]| self.answer(request, from).ok_or("the KDC is silent");
        let requests = self.client.requests(exchange, count, &mut |request| Ok(answer(request)?))?;
        let start = Instant::now();
        for request in &requests {
            granted(exchange, &answer(request)?)?;
        }
        Ok(start.elapsed())
    }

    fn datagrams(&self, exchange: Exchange, count: usize) -> Result<Duration> {
        let server = KdcServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Limits::default())?;
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| {
                server.serve(|incoming: &Incoming<'_>| match incoming.content {
                    Content::Message(request) => self.answer(request, incoming.peer.ip()),
                    Content::TooLong(_) => None,
                });
            });
            let socket = connect(server.local_addr())?;
            let requests = self.client.requests(exchange, count, &mut |request| ask(&socket, request));
            let time = requests.and_then(|requests| storm(&socket, exchange, &requests));
            server.stopper().stop();
            serving.join().map_err(|_| "the KDC panicked")?;
            time
        })
    }

    /// The reply to a request; writes a line to the log, as MIT's KDC does.
    fn answer(&self, bytes: &[u8], peer: IpAddr) -> Option<Vec<u8>> {
        let request = Request { bytes, transport: Transport::Udp, peer: Some(peer) };
        let answer = self.realm.handle(&request, SystemTime::now().into());
        (&self.log).write_all(format!("{}\n", answer.event).as_bytes()).ok()?;
        answer.reply
    }
}
