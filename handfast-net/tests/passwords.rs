//! Changes of a password over sockets: a realm's password service, and servers that are silent, confused or somebody else.
#![cfg(feature = "tokio")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::{
    ClientSecret, KdcRequest, Login, PasswordChange, PasswordError, PasswordRefusal, TicketOptions,
};
use handfast::krb5::message::{ErrorCode, KrbError, PasswordResult, PasswordResultCode};
use handfast::{Principal, Time};
use handfast_net::kdc_server::{Content, KdcServer, Limits};
use handfast_net::login::{NewPasswords, TicketError, log_in, log_in_or_change};
use handfast_net::password::{ChangeError, Patience, change_password};
use handfast_net::{Clock, PasswordServers, Stopper};
use handfast_testkit::handfast_kdc::{Directory, MemoryDirectory, PrincipalEntry, Realm, Request, Settings, Transport};

const OLD: &[u8] = b"correct horse";
const NEW: &[u8] = b"battery staple";

fn now() -> Time {
    Clock::system().now()
}

fn alice() -> Principal {
    "alice@R.TEST".parse().unwrap()
}

/// A realm whose password service is on sockets until this is dropped.
struct World {
    realm: Arc<Realm>,
    directory: Arc<RwLock<MemoryDirectory>>,
    address: SocketAddr,
    stopper: Stopper,
}

impl World {
    fn new() -> World {
        let mut members = MemoryDirectory::new("R.TEST", &OsRandom, now()).unwrap();
        members.insert(PrincipalEntry::user_of(alice(), OLD, &[Enctype::AES128_CTS_HMAC_SHA1_96], now()).unwrap());
        members.insert(PrincipalEntry::password_service("R.TEST", &OsRandom, now()).unwrap());
        let directory = Arc::new(RwLock::new(members));
        let realm = Arc::new(Realm::new("R.TEST", directory.clone(), Settings::default(), Arc::new(OsRandom)));
        let server = KdcServer::bind(([127, 0, 0, 1], 0).into(), Limits::default()).unwrap();
        let (address, stopper, served) = (server.local_addr(), server.stopper(), realm.clone());
        thread::spawn(move || {
            server.serve(|incoming| match incoming.content {
                Content::Message(bytes) => answer(&served, bytes),
                Content::TooLong(_) => None,
            });
        });
        World { realm, directory, address, stopper }
    }

    fn kdc(&self) -> impl Fn(&KdcRequest) -> Result<Vec<u8>, handfast::krb5::exchange::KdcUnreachable> + use<> {
        let realm = self.realm.clone();
        move |request| {
            let request = Request { bytes: &request.bytes, transport: Transport::Tcp, peer: None };
            Ok(realm.handle(&request, now()).reply.unwrap())
        }
    }

    fn login(&self, password: &[u8], service: Option<Principal>) -> Login {
        let secret = ClientSecret::Password(Secret::new(password.to_vec()));
        Login::new(alice(), secret, TicketOptions { service, ..TicketOptions::default() }, Arc::new(OsRandom))
    }

    fn ticket(&self) -> HeldTicket {
        let login = self.login(OLD, Some(PasswordChange::service("R.TEST")));
        log_in(login, &self.kdc(), &Clock::system()).unwrap().ticket
    }

    fn change(&self) -> PasswordChange {
        PasswordChange::new(&self.ticket(), Secret::new(NEW.to_vec()), Arc::new(OsRandom))
    }

    fn kvno(&self) -> Option<u32> {
        self.directory.find(&alice()).unwrap().unwrap().kvno()
    }

    fn expire(&self) {
        self.directory.write().unwrap().change(&alice(), |alice| alice.password_expires = Some(Time::EPOCH));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

fn answer(realm: &Realm, bytes: &[u8]) -> Option<Vec<u8>> {
    realm.handle_password(&Request { bytes, transport: Transport::Tcp, peer: None }, None, now()).reply
}

/// Servers, given as krb5.conf has them.
fn servers(places: &[String]) -> PasswordServers {
    let places: Vec<_> = places.iter().map(|place| place.parse().unwrap()).collect();
    PasswordServers::new().with("R.TEST", places)
}

/// Those that are not waited for long.
fn impatient(places: &[String]) -> PasswordServers {
    let answer = Duration::from_millis(500);
    servers(places).patience(Patience { answer, ..Patience::default() })
}

/// By threads, or by tasks.
fn changed(change: &PasswordChange, servers: &PasswordServers, by_tasks: bool) -> Result<(), ChangeError> {
    if !by_tasks {
        return change_password(change, servers, &Clock::system());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(handfast_net::tokio::change_password(change, servers, &Clock::system()))
}

fn tried(result: Result<(), ChangeError>) -> Vec<String> {
    match result {
        Err(ChangeError::Unreachable { tried, .. }) => {
            tried.into_iter().map(|attempt| format!("{}: {}", attempt.kdc, attempt.reason)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_is_changed_over_either_way() {
    for (way, by_tasks) in [("tcp/", false), ("udp/", false), ("tcp/", true), ("udp/", true), ("", false)] {
        let world = World::new();
        changed(&world.change(), &servers(&[format!("{way}{}", world.address)]), by_tasks).unwrap();
        assert_eq!(world.kvno(), Some(2), "{way} {by_tasks}");
    }
}

#[test]
fn a_silent_server_is_passed_over_and_named_if_none_answers() {
    let world = World::new();
    let (silent, deaf) = (UdpSocket::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let places = [
        format!("udp/{}", silent.local_addr().unwrap()),
        format!("tcp/{}", deaf.local_addr().unwrap()),
        format!("tcp/{closed}"),
    ];
    for by_tasks in [false, true] {
        let tried = tried(changed(&world.change(), &impatient(&places), by_tasks));
        assert!(tried[0].starts_with(&format!("{} over TCP", deaf.local_addr().unwrap())), "{tried:?}");
        assert_eq!(tried[1], format!("{closed} over TCP: refused the connection"));
        assert!(tried[2].starts_with(&format!("{} over UDP", silent.local_addr().unwrap())), "{tried:?}");
        assert_eq!(tried.len(), 3);
    }
    let and_one = [places[2].clone(), format!("tcp/{}", world.address)];
    changed(&world.change(), &servers(&and_one), false).unwrap();
    assert_eq!(world.kvno(), Some(2));
}

#[test]
fn a_realm_without_servers_is_told_what_to_write() {
    let world = World::new();
    let error = changed(&world.change(), &PasswordServers::new(), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no password server is known for the realm R.TEST: name one in krb5.conf, under [realms], as kpasswd_server"
    );
}

#[test]
fn a_datagram_from_another_port_is_not_heard() {
    let world = World::new();
    let (socket, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (place, realm) = (format!("udp/{}", socket.local_addr().unwrap()), world.realm.clone());
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let mut buffer = [0; 4096];
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            other.send_to(&answer(&realm, &buffer[..length]).unwrap(), peer).unwrap();
        }
    });
    let change = world.change();
    for by_tasks in [false, true] {
        let tried = tried(changed(&change, &impatient(std::slice::from_ref(&place)), by_tasks));
        assert_eq!(tried.len(), 1, "{tried:?}");
    }
    server.join().unwrap();
}

#[test]
fn nonsense_before_the_reply_is_passed_over() {
    for by_tasks in [false, true] {
        let world = World::new();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (place, realm) = (format!("udp/{}", socket.local_addr().unwrap()), world.realm.clone());
        let server = thread::spawn(move || {
            let mut buffer = [0; 4096];
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(b"nonsense", peer).unwrap();
            socket.send_to(&answer(&realm, &buffer[..length]).unwrap(), peer).unwrap();
        });
        changed(&world.change(), &servers(&[place]), by_tasks).unwrap();
        server.join().unwrap();
    }
}

/// A TCP server that reads requests, and sends what `says` gives for each, framed as it stands.
fn scripted(says: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut tcp, _)) = listener.accept() {
            let mut header = [0; 4];
            tcp.read_exact(&mut header).unwrap();
            let mut request = vec![0; usize::try_from(u32::from_be_bytes(header)).unwrap()];
            tcp.read_exact(&mut request).unwrap();
            tcp.write_all(&says(&request)).unwrap();
        }
    });
    address
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

#[test]
fn what_comes_over_tcp_has_limits() {
    let world = World::new();
    for by_tasks in [false, true] {
        let at = |says: &'static [u8]| {
            let address = scripted(|_| says.to_vec());
            changed(&world.change(), &servers(&[format!("tcp/{address}")]), by_tasks)
        };
        assert!(tried(at(b"\0\0\x40\x01"))[0].contains("16385"));
        assert!(tried(at(b"\x7f\xff\xff\xff"))[0].contains("2147483647"));
        assert!(tried(at(b"\0\0\0\x08\0\x08"))[0].contains("closed the connection"));
        assert!(matches!(at(b"\0\0\0\x02\0\x02"), Err(ChangeError::Password(error))
            if matches!(*error, PasswordError::Decode(_))));
    }
}

#[test]
fn a_server_that_wants_the_other_protocol_is_asked_again() {
    for by_tasks in [false, true] {
        let world = World::new();
        let (realm, asked) = (world.realm.clone(), AtomicU32::new(0));
        let address = scripted(move |request| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => framed(&bad_version()),
            _ => framed(&answer(&realm, request).unwrap()),
        });
        changed(&world.change(), &servers(&[format!("tcp/{address}")]), by_tasks).unwrap();
        assert_eq!(world.kvno(), Some(2));
    }
}

fn bad_version() -> Vec<u8> {
    let service = PasswordChange::service("R.TEST");
    let data = PasswordResult { code: PasswordResultCode::BAD_VERSION, text: b"" }.to_bytes();
    KrbError {
        ctime: None,
        cusec: None,
        stime: now().into(),
        susec: now().into(),
        error_code: ErrorCode::KRB_ERR_GENERIC,
        crealm: None,
        cname: None,
        realm: "R.TEST",
        sname: (&service).into(),
        e_text: None,
        e_data: Some(&data),
    }
    .to_der()
}

#[test]
fn an_expired_password_is_changed_on_the_way_to_a_ticket() {
    let world = World::new();
    world.expire();
    let refused = log_in(world.login(OLD, None), &world.kdc(), &Clock::system()).unwrap_err();
    assert!(refused.to_string().contains("has expired"), "{refused}");
    let servers = servers(&[format!("tcp/{}", world.address)]);
    let ask = |client: &Principal, refused: Option<&PasswordRefusal>| {
        assert_eq!(*client, alice());
        let first = refused.is_none_or(|refusal| refusal.code != PasswordResultCode::SOFTERROR);
        Some(Secret::new(if first { b"short".to_vec() } else { NEW.to_vec() }))
    };
    let passwords = NewPasswords { servers: &servers, ask: &ask };
    let got = log_in_or_change(world.login(OLD, None), &passwords, &world.kdc(), &Clock::system()).unwrap();
    assert!(got.ticket.server.is_krbtgt() && world.kvno() == Some(2));
}

#[test]
fn a_user_without_a_new_password_or_with_bad_ones_alone_stays_outside() {
    let world = World::new();
    world.expire();
    let servers = servers(&[format!("tcp/{}", world.address)]);
    let asked = AtomicU32::new(0);
    let bad = |_: &Principal, _: Option<&PasswordRefusal>| {
        asked.fetch_add(1, Ordering::Relaxed);
        Some(Secret::new(b"short".to_vec()))
    };
    let log_in = |ask| {
        let passwords = NewPasswords { servers: &servers, ask };
        log_in_or_change(world.login(OLD, None), &passwords, &world.kdc(), &Clock::system())
    };
    let error = log_in(&bad).unwrap_err();
    assert!(matches!(&error, TicketError::Password(_)) && error.to_string().contains("too short"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    let error = log_in(&|_, _| None).unwrap_err();
    assert!(matches!(error, TicketError::Exchange(_)) && world.kvno() == Some(1));
}

#[test]
fn tasks_change_an_expired_password_too() {
    let world = World::new();
    world.expire();
    let servers = servers(&[format!("udp/{}", world.address)]);
    let ask = |_: &Principal, _: Option<&PasswordRefusal>| Some(Secret::new(NEW.to_vec()));
    let passwords = NewPasswords { servers: &servers, ask: &ask };
    let blocking = world.kdc();
    let kdc = |request: &KdcRequest| std::future::ready(blocking(request));
    let (login, clock) = (world.login(OLD, None), Clock::system());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let got = runtime.block_on(handfast_net::tokio::log_in_or_change(login, &passwords, &kdc, &clock)).unwrap();
    assert!(got.ticket.server.is_krbtgt() && world.kvno() == Some(2));
}

#[test]
fn servers_are_those_of_krb5_conf_in_mits_order() {
    let of = |text: &str| {
        let conf = handfast::krb5::Conf::parse("krb5.conf", format!("[realms]\n R = {{\n{text} }}\n")).unwrap();
        PasswordServers::from_conf(&conf).of("R").map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("kpasswd_server = a\nkpasswd_server = tcp/b:1464\nadmin_server = c\n"), ["a:464", "tcp/b:1464"]);
    assert_eq!(of("admin_server = c:749\nadmin_server = tcp/d\n"), ["c:464", "d:464"]);
    assert_eq!(of("kdc = e\n"), [""; 0]);
}
