//! A client with a ticket made by hand, the service that the ticket is for, and the connection between them.
#![allow(dead_code)] // each test file uses its own part

pub(crate) mod nns;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::message::{
    AuthorizationData, EncTicketPart, EncryptedData, KeyRef, PrincipalName, Ticket, TicketFlags, TransitedEncoding,
};
use handfast::krb5::{Ccache, HeldTicket, Keytab, KeytabEntry};
use handfast::{Acceptor, Credential, Initiator, Policy, Principal, ReplayGuard, ServiceName, Time};
use handfast_net::Clock;

pub(crate) const ENCTYPE: Enctype = Enctype::AES128_CTS_HMAC_SHA1_96;

pub(crate) fn client() -> Principal {
    "alice@EXAMPLE.COM".parse().unwrap()
}

pub(crate) fn service() -> Principal {
    "HTTP/www.example.com@EXAMPLE.COM".parse().unwrap()
}

pub(crate) fn target() -> ServiceName {
    ServiceName::principal(service())
}

pub(crate) fn key(fill: u8) -> EncryptionKey {
    EncryptionKey::new(ENCTYPE, vec![fill; ENCTYPE.key_size().unwrap()]).unwrap()
}

pub(crate) fn now() -> Time {
    Clock::system().now()
}

pub(crate) fn held_ticket(service_key: &EncryptionKey, end: Time) -> HeldTicket {
    let (client, service, session_key) = (client(), service(), key(2));
    let start = now().saturating_sub(Duration::from_secs(60)).whole_seconds();
    let part = EncTicketPart {
        flags: TicketFlags::default(),
        key: KeyRef { keytype: ENCTYPE, keyvalue: session_key.bytes() },
        crealm: client.realm(),
        cname: PrincipalName::from(&client),
        transited: TransitedEncoding { tr_type: 1, contents: &[] },
        authtime: start.into(),
        starttime: None,
        endtime: end.into(),
        renew_till: None,
        caddr: Vec::new(),
        authorization_data: AuthorizationData(Vec::new()),
    };
    let mut cipher = Vec::new();
    CipherKey::new(service_key, KeyUsage::TICKET).unwrap().encrypt(&[9; 16], &part.to_der(), &mut cipher);
    let enc_part = EncryptedData { etype: ENCTYPE, kvno: Some(3), cipher: &cipher };
    let ticket = Ticket { realm: service.realm(), sname: PrincipalName::from(&service), enc_part }.to_der();
    HeldTicket {
        client: client.clone(),
        server: service.clone(),
        key: session_key,
        auth_time: start,
        start_time: None,
        end_time: end,
        renew_till: None,
        is_skey: false,
        flags: TicketFlags::default(),
        addresses: Vec::new(),
        authorization_data: Vec::new(),
        ticket,
        second_ticket: Vec::new(),
    }
}

/// Whole seconds, an hour from now.
pub(crate) fn in_an_hour() -> Time {
    now().saturating_add(Duration::from_secs(3600)).whole_seconds()
}

pub(crate) fn credential_until(end: Time) -> Credential {
    let mut cache = Ccache::new(client());
    cache.replace(held_ticket(&key(1), end));
    Credential::tickets(&cache)
}

pub(crate) fn credential() -> Credential {
    credential_until(in_an_hour())
}

/// A ticket under a key that the service does not have.
pub(crate) fn forged_credential() -> Credential {
    let mut cache = Ccache::new(client());
    cache.replace(held_ticket(&key(7), in_an_hour()));
    Credential::tickets(&cache)
}

pub(crate) fn keytab() -> Keytab {
    let mut keytab = Keytab::new();
    keytab.add(KeytabEntry { principal: service(), timestamp: now(), kvno: 3, key: key(1) });
    keytab
}

pub(crate) fn acceptor() -> Acceptor {
    Acceptor::new(&keytab(), ReplayGuard::in_memory())
}

pub(crate) fn initiator() -> Initiator {
    Initiator::new(Policy::default())
}

pub(crate) fn listen() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Carries bytes between a client and a server, as `change` lets them pass: it gets what was read (of the client if the flag is
/// true) and gives what is sent on, or ends the connection with `None`.
pub(crate) fn proxy(
    server: std::net::SocketAddr,
    mut change: impl FnMut(bool, Vec<u8>) -> Option<Vec<u8>> + Send + Clone + 'static,
) -> (std::net::SocketAddr, JoinHandle<()>) {
    let (listener, address) = listen();
    let handle = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        let mut back = change.clone();
        let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let second = thread::spawn(move || carry(&from, &to, |bytes| back(false, bytes)));
        carry(&client, &server, |bytes| change(true, bytes));
        second.join().unwrap();
    });
    (address, handle)
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, mut change: impl FnMut(Vec<u8>) -> Option<Vec<u8>>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        match change(buffer[..count].to_vec()) {
            Some(bytes) if to.write_all(&bytes).is_ok() => {}
            _ => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

/// Bytes that no two places have in common for long.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 251).unwrap()).collect()
}

pub(crate) fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

/// A clock that shows the system's time and what was added to it.
pub(crate) fn clock_with(ahead: &Arc<AtomicUsize>) -> Clock {
    let ahead = Arc::clone(ahead);
    Clock::from_fn(move || {
        let seconds = u64::try_from(ahead.load(Ordering::Relaxed)).unwrap();
        Clock::system().now().saturating_add(Duration::from_secs(seconds))
    })
}
