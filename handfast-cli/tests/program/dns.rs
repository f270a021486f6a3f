//! KDCs that only the DNS names.

use crate::support::{PASSWORD, World};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

const TRUNCATED: u8 = 2;
const TXT: u8 = 16;

/// A nameserver that tells, over UDP and TCP, for every name the SRV record of `localhost:PORT`.
struct Nameserver {
    address: SocketAddr,
    /// What was asked for, and how.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Nameserver {
    /// With `truncates`, what comes over UDP says no more than that there is more over TCP.
    fn start(port: u16, truncates: bool) -> Self {
        let (tcp, udp) = sockets();
        let (address, asked) = (udp.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (by_udp, by_tcp) = (Arc::clone(&asked), Arc::clone(&asked));
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                by_udp.lock().unwrap().push(format!("UDP {}", name_in(&buffer[..length])));
                udp.send_to(&response(&buffer[..length], port, truncates), from).unwrap();
            }
        });
        thread::spawn(move || {
            for stream in tcp.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut query = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut query).unwrap();
                by_tcp.lock().unwrap().push(format!("TCP {}", name_in(&query)));
                let answer = response(&query, port, false);
                stream.write_all(&[&u16::try_from(answer.len()).unwrap().to_be_bytes(), &answer[..]].concat()).unwrap();
            }
        });
        Nameserver { address, asked }
    }

    /// The world's only nameserver is this, and its krb5.conf names no KDC.
    fn only_source_of(&self, world: &World) {
        let SocketAddr::V4(address) = self.address else { panic!("{}", self.address) };
        let text = format!("nameserver [{}]:{}\n", address.ip(), address.port());
        fs::write(world.path("resolv.conf"), text).unwrap();
        fs::write(world.path("krb5.conf"), "[libdefaults]\n default_realm = A.TEST\n").unwrap();
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn sockets() -> (TcpListener, UdpSocket) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (tcp, udp);
        }
    }
}

/// The name in the question (RFC 1035 4.1.2).
fn name_in(query: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = &query[12..];
    while let Some((length, behind)) = rest.split_first().filter(|(length, _)| **length != 0) {
        let (label, behind) = behind.split_at(usize::from(*length));
        labels.push(String::from_utf8(label.to_vec()).unwrap());
        rest = behind;
    }
    labels.join(".")
}

/// The question again, with one SRV record of its name (RFC 2782), or one TXT record that says `B.TEST`, or none.
fn response(query: &[u8], port: u16, truncated: bool) -> Vec<u8> {
    let flags = if truncated { 0x81 | TRUNCATED } else { 0x81 };
    let header = [query[0], query[1], flags, 0x80, 0, 1, 0, u8::from(!truncated), 0, 0, 0, 0];
    let mut bytes = [&header[..], &query[12..]].concat();
    if !truncated && query[query.len() - 3] == TXT {
        bytes.extend(b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x07\x06B.TEST");
    } else if !truncated {
        let target = b"\x09localhost\0";
        bytes.extend([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 6 + 11, 0, 0, 0, 0]);
        bytes.extend([&port.to_be_bytes()[..], target].concat());
    }
    bytes
}

fn port(address: &str) -> u16 {
    address.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn the_dns_leads_to_the_kdc_that_is_embedded_in_a_server() {
    let world = World::with_realm();
    let directory = "--realm-directory .local/share/handfast/realm.db";
    let server = world.start(&format!("serve --listen 127.0.0.1:0 --echo {directory} --kdc 127.0.0.1:0"));
    let named = fs::read_to_string(world.path("krb5.conf")).unwrap();
    let kdc = named.lines().find_map(|line| line.trim().strip_prefix("kdc = ")).unwrap();
    for truncates in [false, true] {
        let nameserver = Nameserver::start(port(kdc), truncates);
        nameserver.only_source_of(&world);
        world.run_with("login alice --password-stdin", PASSWORD).ok();
        let asked = nameserver.asked();
        let ways: &[&str] = if truncates { &["UDP", "TCP"] } else { &["UDP"] };
        // First for URI records, which that nameserver has not.
        let names = ["_kerberos.A.TEST", "_kerberos._udp.A.TEST", "_kerberos._tcp.A.TEST"];
        let once: Vec<_> = names.iter().flat_map(|name| ways.iter().map(move |way| format!("{way} {name}"))).collect();
        assert_eq!(asked[..once.len()], once);
        let connect = format!("connect localhost:{} --service host/localhost --message hello", server.port());
        assert_eq!(world.run(&connect).ok().stdout, "hello");
        assert!(nameserver.asked().starts_with(&once), "the service's ticket comes from that KDC, too");
    }
}

#[test]
fn a_service_that_the_kdc_does_not_know_is_looked_for_in_the_realm_that_the_dns_says() {
    let (world, _kdc) = World::with_alice();
    let nameserver = Nameserver::start(1, false);
    let named = fs::read_to_string(world.path("krb5.conf")).unwrap();
    nameserver.only_source_of(&world);
    let conf = |says: &str| {
        fs::write(world.path("krb5.conf"), named.replacen("[libdefaults]", &format!("[libdefaults]\n {says}"), 1))
            .unwrap();
    };
    conf("dns_lookup_realm = false");
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    world.run("get HTTP/web.far.test").failed(5, "HTTP/web.far.test@A.TEST");
    assert_eq!(nameserver.asked(), [""; 0]);
    conf("dns_lookup_realm = true");
    // There is no way to that realm; but that it is named shows who was asked.
    world.run("get HTTP/web.far.test").failed(5, "HTTP/web.far.test@B.TEST");
    assert_eq!(nameserver.asked(), ["UDP _kerberos.web.far.test"]);
    world.run("get host/localhost").ok();
}

#[test]
fn a_configuration_that_says_so_asks_no_nameserver() {
    let (world, _kdc) = World::with_alice();
    let nameserver = Nameserver::start(1, false);
    let named = fs::read(world.path("krb5.conf")).unwrap();
    nameserver.only_source_of(&world);
    let without = "[libdefaults]\n default_realm = A.TEST\n dns_lookup_kdc = false\n";
    for (conf, code) in [(without.as_bytes(), 4), (&named, 0)] {
        fs::write(world.path("krb5.conf"), conf).unwrap();
        assert_eq!(world.run_with("login alice --password-stdin", PASSWORD).code, code);
    }
    assert_eq!(nameserver.asked(), [""; 0]);
}

#[test]
fn who_was_asked_for_what_is_told() {
    let world = World::with_realm();
    let nameserver = Nameserver::start(1, false);
    nameserver.only_source_of(&world);
    let login = |says: &str| {
        world.run_with("login alice --password-stdin", PASSWORD).failed(4, says).failed(4, "next: make sure that krb5");
    };
    login("localhost:1 (127.0.0.1:1) over TCP: refused the connection");
    fs::write(world.path("resolv.conf"), "nameserver [127.0.0.1]:1\n").unwrap();
    login("nameserver 127.0.0.1:1 over UDP: SRV _kerberos._udp.A.TEST: it refused the connection");
    fs::remove_file(world.path("resolv.conf")).unwrap();
    fs::create_dir(world.path("resolv.conf")).unwrap();
    login("resolv.conf can't be read");
}
