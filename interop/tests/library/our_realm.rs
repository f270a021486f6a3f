//! Our realm, served on loopback for MIT's programs.

use crate::ours::{now, our};
use handfast::crypto::OsRandom;
use handfast::krb5::Keytab;
use handfast::{Principal, Time};
use handfast_interop::{Enctype, MitClient, MitConfig, TempDir};
use handfast_kdc::{
    MemoryDirectory, PrincipalEntry, Realm, RealmPkinit, Request, SESSION_ENCTYPES, Settings, Transport,
};
use handfast_net::Stopper;
use handfast_net::kdc_server::{Content, Incoming, KdcServer, Limits};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The realm `OURS.TEST` with `alice`, a user and a service of each enctype, and `sample/localhost` with keys of all
/// enctypes, as alice has.
pub struct OurRealm {
    name: String,
    directory: Arc<RwLock<MemoryDirectory>>,
    address: SocketAddr,
    stopper: Stopper,
    server: Option<JoinHandle<()>>,
    log: Arc<Mutex<String>>,
    dir: TempDir,
}

impl OurRealm {
    pub const NAME: &'static str = "OURS.TEST";

    pub fn start() -> Self {
        Self::start_with(Settings::default(), Duration::ZERO)
    }

    /// With other settings, and a clock that is ahead of everybody else's.
    pub fn start_with(settings: Settings, ahead: Duration) -> Self {
        Self::start_of(Self::NAME, principals(), settings, ahead)
    }

    /// With a certificate.
    pub fn start_pkinit(pkinit: RealmPkinit, settings: Settings) -> Self {
        Self::start_changed(Self::NAME, principals(), settings, Duration::ZERO, |realm| realm.with_pkinit(pkinit))
    }

    /// A realm of another name, with other principals.
    pub fn start_of(name: &str, principals: MemoryDirectory, settings: Settings, ahead: Duration) -> Self {
        Self::start_changed(name, principals, settings, ahead, |realm| realm)
    }

    fn start_changed(
        name: &str,
        principals: MemoryDirectory,
        settings: Settings,
        ahead: Duration,
        change: impl FnOnce(Realm) -> Realm,
    ) -> Self {
        handfast_interop::require_peers();
        let directory = Arc::new(RwLock::new(principals));
        let realm = change(Realm::new(name, directory.clone(), settings, Arc::new(OsRandom)));
        let server = KdcServer::bind((Ipv4Addr::LOCALHOST, 0).into(), Limits::default()).unwrap();
        let (address, stopper) = (server.local_addr(), server.stopper());
        let log = Arc::new(Mutex::new(String::new()));
        let written = log.clone();
        let answer = move |incoming: &Incoming<'_>| answer(&realm, incoming, now().saturating_add(ahead), &written);
        let server = Some(thread::spawn(move || server.serve(answer)));
        let name = name.to_owned();
        OurRealm { name, directory, address, stopper, server, log, dir: TempDir::new("our-realm") }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the KDC listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The clients' configuration.
    pub fn config(&self) -> MitConfig {
        MitConfig::new(&self.name, self.address)
    }

    /// MIT's client programs with an empty cache.
    pub fn client(&self) -> MitClient {
        MitClient::new(&self.config())
    }

    /// MIT's client programs with `user`'s tickets, from the password.
    pub fn client_of(&self, user: &str) -> MitClient {
        let client = self.client();
        client.kinit(user, &Self::password(user)).expect_success();
        client
    }

    pub fn password(user: &str) -> String {
        format!("{user}-password")
    }

    /// Adds or replaces a principal while the realm is served.
    pub fn insert(&self, entry: PrincipalEntry) {
        self.directory.write().unwrap().insert(entry);
    }

    /// Changes a principal while the realm is served.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut PrincipalEntry)) {
        assert!(self.directory.write().unwrap().change(&principal(name), change), "{name}");
    }

    /// A keytab with the keys of these principals.
    pub fn keytab(&self, names: &[&str]) -> PathBuf {
        let mut keytab = Keytab::new();
        names.iter().for_each(|name| keytab.merge(self.directory.read().unwrap().keytab(&self.principal(name))));
        self.dir.write(&format!("{}.keytab", names.join("+").replace('/', "-")), keytab.encode().unwrap().expose())
    }

    fn principal(&self, name: &str) -> Principal {
        Principal::parse_with_realm(name, &self.name).unwrap()
    }

    /// What became of each request.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for OurRealm {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// A principal of the realm.
pub fn principal(name: &str) -> Principal {
    format!("{name}@{}", OurRealm::NAME).parse().unwrap()
}

/// A user whose password is [`OurRealm::password`].
pub fn user(name: &str) -> PrincipalEntry {
    PrincipalEntry::user_of(principal(name), OurRealm::password(name).as_bytes(), &SESSION_ENCTYPES, now()).unwrap()
}

/// Made once: keys of passwords take their time.
fn principals() -> MemoryDirectory {
    static MADE: OnceLock<MemoryDirectory> = OnceLock::new();
    MADE.get_or_init(make_principals).clone()
}

fn make_principals() -> MemoryDirectory {
    let mut directory = MemoryDirectory::new(OurRealm::NAME, &OsRandom, now()).unwrap();
    directory.insert(user("alice"));
    directory.insert(
        PrincipalEntry::service_of(principal("sample/localhost"), &SESSION_ENCTYPES, &OsRandom, now()).unwrap(),
    );
    for enctype in Enctype::ALL {
        let mut user = user(&enctype.user());
        let password = OurRealm::password(&enctype.user());
        user.keys.clear();
        user.set_password(password.as_bytes(), &[our(enctype)], None, now()).unwrap();
        directory.insert(user);
        let service = principal(&enctype.service_principal());
        directory.insert(PrincipalEntry::service_of(service, &[our(enctype)], &OsRandom, now()).unwrap());
    }
    directory
}

fn answer(realm: &Realm, incoming: &Incoming<'_>, now: Time, log: &Mutex<String>) -> Option<Vec<u8>> {
    let Content::Message(bytes) = incoming.content else { return None };
    let transport = match incoming.transport {
        handfast_net::kdc::Transport::Udp => Transport::Udp,
        handfast_net::kdc::Transport::Tcp => Transport::Tcp,
    };
    let answer = realm.handle(&Request { bytes, transport, peer: Some(incoming.peer.ip()) }, now);
    let mut log = log.lock().unwrap();
    *log = format!("{log}{}\n", answer.event);
    answer.reply
}
