//! KDCs that are none: they answer every request with the same bytes, over UDP and TCP.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(50);

/// Answers with its bytes until it is dropped.
pub struct ScriptedKdc {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl ScriptedKdc {
    /// `datagram` answers over UDP; `stream` is what a TCP client gets, with or without a length, before the connection ends.
    pub fn new(datagram: &'static [u8], stream: &'static [u8]) -> Self {
        let (udp, tcp, address) = sockets();
        let stop = Arc::new(AtomicBool::new(false));
        let (told, told_too) = (stop.clone(), stop.clone());
        let threads = vec![
            thread::spawn(move || answer_datagrams(&udp, datagram, &told)),
            thread::spawn(move || answer_streams(&tcp, stream, &told_too)),
        ];
        ScriptedKdc { address, stop, threads }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ScriptedKdc {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Both on one port.
fn sockets() -> (UdpSocket, TcpListener, SocketAddr) {
    for _ in 0..20 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = tcp.local_addr().unwrap();
        if let Ok(udp) = UdpSocket::bind(address) {
            return (udp, tcp, address);
        }
    }
    panic!("no port is free for TCP and UDP");
}

fn answer_datagrams(udp: &UdpSocket, answer: &[u8], stop: &AtomicBool) {
    udp.set_read_timeout(Some(TICK)).unwrap();
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::SeqCst) {
        if let Ok((_, peer)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(answer, peer);
        }
    }
}

fn answer_streams(tcp: &TcpListener, answer: &[u8], stop: &AtomicBool) {
    tcp.set_nonblocking(true).unwrap();
    while !stop.load(Ordering::SeqCst) {
        let Ok((mut client, _)) = tcp.accept() else {
            thread::sleep(TICK);
            continue;
        };
        client.set_nonblocking(false).unwrap();
        client.set_read_timeout(Some(TICK)).unwrap();
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(answer);
    }
}
