//! Pairs of MS-NNS streams, and a server that echoes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use handfast::{Acceptor, Initiator, Policy};
use handfast_net::driver::{HandshakeError, NoKdc};
use handfast_net::stream::{NegotiateStream, StreamOptions};

use super::*;

pub(crate) fn options() -> StreamOptions {
    StreamOptions::default().handshake_time(Duration::from_secs(20))
}

pub(crate) fn connect_with(address: SocketAddr, options: &StreamOptions) -> Result<NegotiateStream, HandshakeError> {
    let (initiator, target, credential) = (initiator(), target(), credential());
    let tcp = TcpStream::connect(address).unwrap();
    NegotiateStream::connect(tcp, initiator.to(&target).credential(&credential), &NoKdc, options)
}

pub(crate) fn connect(address: SocketAddr) -> NegotiateStream {
    connect_with(address, &options()).unwrap()
}

/// A pair of streams, the server's made on another thread.
pub(crate) fn pair_with(
    client: &StreamOptions,
    server: &StreamOptions,
    policy: Policy,
) -> (NegotiateStream, NegotiateStream) {
    let (listener, address) = listen();
    let (initiator, target, credential) = (Initiator::new(policy), target(), credential());
    thread::scope(|scope| {
        let accepting =
            scope.spawn(|| NegotiateStream::accept(listener.accept().unwrap().0, acceptor().session(), server));
        let tcp = TcpStream::connect(address).unwrap();
        let to = initiator.to(&target).credential(&credential);
        let client = NegotiateStream::connect(tcp, to, &NoKdc, client).unwrap();
        (client, accepting.join().unwrap().unwrap())
    })
}

pub(crate) fn pair() -> (NegotiateStream, NegotiateStream) {
    pair_with(&options(), &options(), Policy::default())
}

/// Echoes everything until the end, then says that this is the end.
pub(crate) fn echo(mut stream: NegotiateStream) -> io::Result<()> {
    let mut buffer = vec![0; 10_000];
    loop {
        match stream.read(&mut buffer)? {
            0 => return stream.shut_down(),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}

/// Answers every connection on its own thread, for as long as the test runs.
pub(crate) fn serve(acceptor: Acceptor, options: StreamOptions) -> SocketAddr {
    let (listener, address) = listen();
    let acceptor = Arc::new(acceptor);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let (tcp, acceptor, options) = (tcp.unwrap(), Arc::clone(&acceptor), options.clone());
            thread::spawn(move || NegotiateStream::accept(tcp, acceptor.session(), &options).map(echo));
        }
    });
    address
}

pub(crate) fn echoes(address: SocketAddr, data: &[u8]) {
    let (mut reading, mut writing) = connect(address).split().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            writing.write_all(data).unwrap();
            writing.shut_down().unwrap();
        });
        let mut got = Vec::new();
        reading.read_to_end(&mut got).unwrap();
        assert!(got == data, "{} bytes, {} sent", got.len(), data.len());
    });
}
