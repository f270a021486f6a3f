//! A realm behind real sockets, in memory: `cargo run --example serve -- 127.0.0.1:8888`
//!
//! Everything is forgotten at the end. The user is `alice`, her password `correct horse`; the services are
//! `host/localhost` and `HTTP/localhost`. One request at a time: a real server has limits and deadlines.

use handfast::crypto::OsRandom;
use handfast::{Principal, Time};
use handfast_kdc::{MemoryDirectory, PrincipalEntry, Realm, Request, Settings, Transport};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::SystemTime;

const REALM: &str = "EXAMPLE.COM";

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8888".to_owned());
    let realm = Arc::new(realm(Time::from(SystemTime::now()))?);
    let (udp, tcp) = (UdpSocket::bind(&address)?, TcpListener::bind(&address)?);
    println!("realm {REALM} at {address}");
    let shared = realm.clone();
    std::thread::spawn(move || serve_udp(&shared, &udp));
    for stream in tcp.incoming() {
        if let Err(error) = stream.and_then(|stream| serve_tcp(&realm, stream)) {
            println!("{error}");
        }
    }
    Ok(())
}

fn realm(now: Time) -> Result<Realm, Box<dyn Error>> {
    let name = |text| Principal::parse_with_realm(text, REALM);
    let mut directory = MemoryDirectory::new(REALM, &OsRandom, now)?;
    directory.insert(PrincipalEntry::user(name("alice")?, b"correct horse", now)?);
    for service in ["host/localhost", "HTTP/localhost"] {
        directory.insert(PrincipalEntry::service(name(service)?, &OsRandom, now)?);
    }
    Ok(Realm::new(REALM, Arc::new(directory), Settings::default(), Arc::new(OsRandom)))
}

fn answer(realm: &Realm, bytes: &[u8], transport: Transport, peer: SocketAddr) -> Option<Vec<u8>> {
    let request = Request { bytes, transport, peer: Some(peer.ip()) };
    let answer = realm.handle(&request, SystemTime::now().into());
    println!("{}", answer.event);
    answer.reply
}

fn serve_udp(realm: &Realm, socket: &UdpSocket) {
    let mut buffer = [0; 65_536];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
        let request = buffer.get(..length).unwrap_or_default();
        if let Some(reply) = answer(realm, request, Transport::Udp, peer) {
            let _ = socket.send_to(&reply, peer);
        }
    }
}

/// The length of four octets, most significant first, then the message (RFC 4120 7.2.2).
fn serve_tcp(realm: &Realm, mut stream: TcpStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut request = Vec::new();
    (&stream).take(u32::from_be_bytes(length).into()).read_to_end(&mut request)?;
    if let Some(reply) = answer(realm, &request, Transport::Tcp, stream.peer_addr()?) {
        let length = u32::try_from(reply.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), reply.as_slice()].concat())?;
    }
    Ok(())
}
