use super::*;
use std::net::Ipv4Addr;

fn bind(limits: Limits) -> KdcServer {
    KdcServer::bind((Ipv4Addr::LOCALHOST, 0).into(), limits).unwrap()
}

/// Answers backwards what it is asked; nothing to "silence"; the length to what is too long.
fn backwards(incoming: &Incoming<'_>) -> Option<Vec<u8>> {
    match incoming.content {
        Content::Message(b"silence") => None,
        Content::Message(bytes) => Some(bytes.iter().rev().copied().collect()),
        Content::TooLong(length) => Some(format!("{length} is too long").into_bytes()),
    }
}

/// Runs `client` against a server, which is stopped after that.
fn with_server(limits: Limits, client: impl FnOnce(SocketAddr)) {
    let server = bind(limits);
    let (stopper, address) = (server.stopper(), server.local_addr());
    thread::scope(|scope| {
        scope.spawn(|| server.serve(backwards));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client(address)));
        stopper.stop();
        result.unwrap();
    });
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn receive(mut stream: &TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut reply = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut reply).unwrap();
    reply
}

fn is_closed(mut stream: &TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn both_transports_answer_on_one_port() {
    with_server(Limits::default(), |address| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for (ask, answer) in [(&b"silence"[..], &b""[..]), (b"abc", b"cba")] {
            udp.send_to(ask, address).unwrap();
            if !answer.is_empty() {
                let mut buffer = [0; 10];
                let (length, from) = udp.recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..length], from), (answer, address));
            }
        }
        let mut tcp = connect(address);
        for (ask, answer) in [(&b"abc"[..], b"cba"), (b"xyz", b"zyx")] {
            tcp.write_all(&frame(ask)).unwrap();
            assert_eq!(receive(&tcp), answer);
        }
    });
}

#[test]
fn a_request_without_an_answer_ends_its_connection() {
    with_server(Limits::default(), |address| {
        let mut tcp = connect(address);
        tcp.write_all(&frame(b"silence")).unwrap();
        assert!(is_closed(&tcp));
    });
}

#[test]
fn lengths_over_the_limit_are_answered_and_the_connection_is_closed() {
    for length in [11_u32, 0x8000_0001] {
        with_server(Limits { request: 10, ..Limits::default() }, |address| {
            let mut tcp = connect(address);
            tcp.write_all(&length.to_be_bytes()).unwrap();
            assert_eq!(receive(&tcp), format!("{length} is too long").into_bytes());
            assert!(is_closed(&tcp));
        });
    }
}

#[test]
fn a_client_that_takes_its_time_is_closed() {
    with_server(Limits { patience: Duration::from_millis(50), ..Limits::default() }, |address| {
        let mut tcp = connect(address);
        tcp.write_all(&[0, 0, 0, 5, b'a']).unwrap();
        assert!(is_closed(&tcp));
    });
}

#[test]
fn a_client_that_does_not_take_its_reply_keeps_nobody() {
    let server = bind(Limits { patience: Duration::from_millis(200), ..Limits::default() });
    let (stopper, address) = (server.stopper(), server.local_addr());
    // More than the system takes for a peer that does not read.
    let serving = thread::spawn(move || server.serve(|_| Some(vec![0; 32 << 20])));
    let mut tcp = connect(address);
    tcp.write_all(&frame(b"much")).unwrap();
    tcp.read_exact(&mut [0; 4]).unwrap();
    stopper.stop();
    serving.join().unwrap();
    drop(tcp);
}

#[test]
fn one_connection_too_many_closes_the_oldest() {
    with_server(Limits { connections: 2, ..Limits::default() }, |address| {
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut tcp = connect(address);
            tcp.write_all(&frame(b"abc")).unwrap();
            assert_eq!(receive(&tcp), b"cba");
            open.push(tcp);
        }
        assert!(is_closed(&open[0]));
        for tcp in &mut open[1..] {
            tcp.write_all(&frame(b"xyz")).unwrap();
            assert_eq!(receive(tcp), b"zyx");
        }
    });
}

#[test]
fn stopping_closes_idle_connections_and_waits_for_no_one() {
    let server = bind(Limits { patience: Duration::from_secs(3600), ..Limits::default() });
    let (stopper, address) = (server.stopper(), server.local_addr());
    let serving = thread::spawn(move || server.serve(backwards));
    let mut idle = connect(address);
    idle.write_all(&frame(b"abc")).unwrap();
    assert_eq!(receive(&idle), b"cba");
    stopper.stop();
    serving.join().unwrap();
    assert!(is_closed(&idle));
}

#[test]
fn a_port_that_is_taken_by_either_transport_is_refused() {
    let server = bind(Limits::default());
    let error = KdcServer::bind(server.local_addr(), Limits::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = KdcServer::bind(udp.local_addr().unwrap(), Limits::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
