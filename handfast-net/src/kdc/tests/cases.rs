use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::exchange;
use crate::kdc::*;
use handfast::krb5::message::{ErrorCode, KrbError, Microseconds, PrincipalName};

const REQUEST: &[u8] = b"\x6a\x03one";
const REPLY: &[u8] = b"\x6b\x03one";
const OTHER_REPLY: &[u8] = b"\x7e\x03two";
const LONG: Duration = Duration::from_secs(60);

/// Asks often and gives up late, so that what is tested decides what happens.
fn client() -> KdcClient {
    let short = Duration::from_millis(20);
    let pace = Pace { between: short, after_pass: short, passes: 8, connect: LONG, whole: LONG };
    KdcClient { pace, ..KdcClient::default() }
}

/// Gives up soon.
fn brief() -> KdcClient {
    KdcClient { pace: Pace { passes: 3, ..client().pace }, ..client() }
}

fn hasty(milliseconds: u64) -> KdcClient {
    let whole = Duration::from_millis(milliseconds);
    KdcClient { pace: Pace { between: LONG, whole, ..Pace::default() }, ..KdcClient::default() }
}

fn kdc(way: &str, address: SocketAddr) -> KdcAddress {
    format!("{way}{address}").parse().unwrap()
}

fn ask(client: &KdcClient, kdcs: &[KdcAddress]) -> Result<KdcReply, Unreachable> {
    exchange(client, kdcs, REQUEST, false)
}

fn reasons(result: Result<KdcReply, Unreachable>) -> Vec<Silence> {
    result.unwrap_err().tried.into_iter().map(|attempt| attempt.why).collect()
}

fn udp() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// One port for both.
fn udp_and_tcp() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let (socket, address) = udp();
        if let Ok(listener) = TcpListener::bind(address) {
            return (socket, listener, address);
        }
    }
}

/// A port that refuses datagrams and connections, and that nobody else gets while this lives.
struct Dead {
    address: SocketAddr,
    _udp: UdpSocket,
    _tcp: [TcpStream; 2],
}

fn dead() -> Dead {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let address = ours.local_addr().unwrap();
        if let Some(udp) = deaf(address) {
            return Dead { address, _udp: udp, _tcp: [ours, listener.accept().unwrap().0] };
        }
    }
}

/// A socket that occupies a UDP port and hears nobody on it: to others the port refuses.
fn deaf(address: SocketAddr) -> Option<UdpSocket> {
    let socket = UdpSocket::bind(address).ok()?;
    socket.connect("127.0.0.1:9").ok()?;
    Some(socket)
}

/// A KDC over UDP that runs `serve` with its socket, on a thread.
fn udp_kdc(serve: impl FnOnce(UdpSocket) + Send + 'static) -> SocketAddr {
    let (socket, address) = udp();
    thread::spawn(move || serve(socket));
    address
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 0x1_0000];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..length].to_vec(), from)
}

fn answer(socket: &UdpSocket, reply: &[u8]) {
    let (request, from) = receive(socket);
    assert_eq!(request, REQUEST);
    socket.send_to(reply, from).unwrap();
}

/// A KDC over TCP that reads one request and hands it and the connection to `serve`.
fn tcp_kdc(serve: impl FnOnce(Vec<u8>, TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut header = [0; 4];
        stream.read_exact(&mut header).unwrap();
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(header)).unwrap()];
        stream.read_exact(&mut request).unwrap();
        serve(request, stream);
    });
    address
}

/// A KDC over TCP that answers any request with `bytes`, and closes.
fn tcp_says(bytes: Vec<u8>) -> SocketAddr {
    tcp_kdc(move |_, mut stream| stream.write_all(&bytes).unwrap())
}

fn framed(reply: &[u8]) -> Vec<u8> {
    [&u32::try_from(reply.len()).unwrap().to_be_bytes(), reply].concat()
}

#[test]
fn a_request_goes_by_udp_and_the_reply_says_from_where() {
    let address = udp_kdc(|socket| answer(&socket, REPLY));
    let reply = ask(&client(), &[kdc("", address)]).unwrap();
    let expected = KdcReply { bytes: REPLY.to_vec(), kdc: kdc("", address), address, transport: Transport::Udp };
    assert_eq!(reply, expected);
}

#[test]
fn a_host_name_is_resolved() {
    let address = udp_kdc(|socket| answer(&socket, REPLY));
    let named = KdcAddress { host: "localhost".into(), port: address.port(), transport: None };
    assert_eq!(ask(&client(), &[named]).unwrap().address, address);
}

#[test]
fn a_long_request_goes_by_tcp_first() {
    let limit = KdcClient::default().udp_preference_limit;
    let longest = vec![0x6a; limit];
    let (socket, by_tcp, address) = udp_and_tcp();
    thread::spawn(move || {
        let (request, from) = receive(&socket);
        assert_eq!(request.len(), limit);
        socket.send_to(REPLY, from).unwrap();
    });
    by_tcp.set_nonblocking(true).unwrap();
    let patient = KdcClient { pace: Pace { between: LONG, ..client().pace }, ..client() };
    let reply = exchange(&patient, &[kdc("", address)], &longest, false).unwrap();
    assert_eq!(reply.transport, Transport::Udp);
    assert!(by_tcp.accept().is_err());

    let longer = vec![0x6a; limit + 1];
    let expected = longer.clone();
    let address = tcp_kdc(move |request, mut stream| {
        assert_eq!(request, expected);
        stream.write_all(&framed(REPLY)).unwrap();
    });
    let reply = exchange(&client(), &[kdc("", address)], &longer, false).unwrap();
    assert_eq!((reply.bytes.as_slice(), reply.transport), (REPLY, Transport::Tcp));
}

#[test]
fn when_tcp_is_required_nothing_goes_by_udp() {
    let (silent, listener, address) = udp_and_tcp();
    let served = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.read_exact(&mut [0; 4 + REQUEST.len()]).unwrap();
        stream.write_all(&framed(REPLY)).unwrap();
    });
    let only_udp = kdc("udp/", address);
    let reply = exchange(&client(), &[only_udp.clone(), kdc("", address)], REQUEST, true).unwrap();
    assert_eq!(reply.transport, Transport::Tcp);
    served.join().unwrap();
    silent.set_nonblocking(true).unwrap();
    assert!(silent.recv(&mut [0; 9]).is_err());
    assert_eq!(reasons(exchange(&client(), &[only_udp], REQUEST, true)), [Silence::OnlyUdp]);
}

#[test]
fn a_kdc_without_udp_is_asked_by_tcp() {
    let (address, _udp) = loop {
        let address = tcp_says(framed(REPLY));
        if let Some(udp) = deaf(address) {
            break (address, udp);
        }
    };
    assert_eq!(ask(&client(), &[kdc("", address)]).unwrap().transport, Transport::Tcp);
}

#[test]
fn a_refusing_kdc_is_passed_over_at_once() {
    let patient = KdcClient { pace: Pace { between: LONG, ..client().pace }, ..client() };
    let address = udp_kdc(|socket| answer(&socket, REPLY));
    let (first, second) = (dead(), dead());
    assert_eq!(ask(&patient, &[kdc("", first.address), kdc("", address)]).unwrap().address, address);
    let tried = ask(&patient, &[kdc("", first.address), kdc("tcp/", second.address)]).unwrap_err().tried;
    let ways: Vec<_> = tried.iter().map(|attempt| (attempt.transport, &attempt.why)).collect();
    let refused = |transport| (Some(transport), &Silence::Refused);
    assert_eq!(ways, [refused(Transport::Udp), refused(Transport::Tcp), refused(Transport::Tcp)]);
}

#[test]
fn a_slow_kdc_is_still_heard_while_the_next_is_asked() {
    let (next_asked, wait_for_next) = mpsc::channel();
    let slow = udp_kdc(move |socket| {
        let (_, from) = receive(&socket);
        wait_for_next.recv().unwrap();
        socket.send_to(REPLY, from).unwrap();
    });
    let next = udp_kdc(move |socket| {
        receive(&socket);
        next_asked.send(()).unwrap();
        receive(&socket);
    });
    assert_eq!(ask(&client(), &[kdc("udp/", slow), kdc("udp/", next)]).unwrap().address, slow);
}

#[test]
fn a_silent_kdc_does_not_keep_us_from_the_next() {
    let (_silent, address) = udp();
    let next = udp_kdc(|socket| answer(&socket, REPLY));
    assert_eq!(ask(&client(), &[kdc("", address), kdc("", next)]).unwrap().address, next);
}

#[test]
fn a_lost_datagram_is_sent_again() {
    let address = udp_kdc(|socket| {
        receive(&socket);
        receive(&socket);
        answer(&socket, REPLY);
    });
    assert_eq!(ask(&client(), &[kdc("udp/", address)]).unwrap().bytes, REPLY);
}

#[test]
fn after_the_last_pass_a_silent_kdc_has_timed_out() {
    let (socket, address) = udp();
    let tried = ask(&brief(), &[kdc("udp/", address)]).unwrap_err().tried;
    let [Attempt { address: Some(asked), transport: Some(Transport::Udp), why: Silence::TimedOut { .. }, .. }] =
        tried.as_slice()
    else {
        panic!("{tried:?}");
    };
    assert_eq!(*asked, address);
    for _ in 0..brief().pace.passes {
        assert_eq!(receive(&socket).0, REQUEST);
    }
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 9]).is_err());
}

#[test]
fn nonsense_is_ignored_until_a_reply_comes() {
    let address = udp_kdc(|socket| {
        let (_, from) = receive(&socket);
        for junk in [&b""[..], b"hello", b"\x6b\x03on", b"\x6b\x03one more"] {
            socket.send_to(junk, from).unwrap();
        }
        socket.send_to(REPLY, from).unwrap();
    });
    assert_eq!(ask(&client(), &[kdc("udp/", address)]).unwrap().bytes, REPLY);
}

#[test]
fn nothing_but_nonsense_is_reported_as_such() {
    let address = udp_kdc(|socket| {
        let (_, from) = receive(&socket);
        socket.send_to(b"hello", from).unwrap();
        socket.send_to(b"again", from).unwrap();
        thread::sleep(LONG);
    });
    let client = KdcClient { pace: Pace { passes: 6, ..client().pace }, ..client() };
    let result = ask(&client, &[kdc("udp/", address)]);
    assert_eq!(reasons(result), [Silence::Nonsense { count: 2 }]);
}

#[test]
fn a_flood_of_nonsense_ends() {
    let (_until, ended) = mpsc::channel::<()>();
    let address = udp_kdc(move |socket| {
        let (_, from) = receive(&socket);
        while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {
            socket.send_to(b"junk", from).unwrap();
        }
    });
    let patient = KdcClient { pace: Pace { between: LONG, ..client().pace }, ..client() };
    assert_eq!(reasons(ask(&patient, &[kdc("udp/", address)])), [Silence::Nonsense { count: NONSENSE_LIMIT }]);
}

#[test]
fn only_the_address_that_was_asked_is_heard() {
    let address = udp_kdc(|socket| {
        let (_, from) = receive(&socket);
        udp().0.send_to(OTHER_REPLY, from).unwrap();
        socket.send_to(REPLY, from).unwrap();
    });
    assert_eq!(ask(&client(), &[kdc("udp/", address)]).unwrap().bytes, REPLY);
}

#[test]
fn a_tcp_reply_may_come_in_pieces() {
    let address = tcp_kdc(|_, mut stream| {
        for byte in framed(OTHER_REPLY) {
            stream.write_all(&[byte]).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(ask(&client(), &[kdc("tcp/", address)]).unwrap().bytes, OTHER_REPLY);
}

#[test]
fn bad_tcp_replies_each_have_their_reason() {
    let too_long = TCP_REPLY_LIMIT + 1;
    for (bytes, why) in [
        (vec![], Silence::Closed { got: 0 }),
        (vec![0, 0], Silence::Closed { got: 2 }),
        (framed(REPLY)[..7].to_vec(), Silence::Closed { got: 7 }),
        (vec![0x80, 0, 0, 5], Silence::Nonsense { count: 1 }),
        (framed(b"hello"), Silence::Nonsense { count: 1 }),
        (framed(b""), Silence::Nonsense { count: 1 }),
        (too_long.to_be_bytes().to_vec(), Silence::TooLong { length: too_long, limit: TCP_REPLY_LIMIT }),
    ] {
        assert_eq!(reasons(ask(&client(), &[kdc("tcp/", tcp_says(bytes))])), [why]);
    }
}

#[test]
fn the_longest_tcp_reply_is_taken() {
    let content = usize::try_from(TCP_REPLY_LIMIT).unwrap() - 5;
    let mut reply = vec![0x6b, 0x83];
    reply.extend_from_slice(&u32::try_from(content).unwrap().to_be_bytes()[1..]);
    reply.resize(content + 5, 7);
    let address = tcp_says(framed(&reply));
    assert_eq!(ask(&client(), &[kdc("tcp/", address)]).unwrap().bytes, reply);
}

#[test]
fn a_dripping_kdc_does_not_extend_the_deadline() {
    let address = tcp_kdc(|_, mut stream| {
        stream.write_all(&[0, 0, 0x80, 0]).unwrap();
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let why = reasons(ask(&hasty(150), &[kdc("tcp/", address)]));
    assert!(matches!(why.as_slice(), [Silence::TimedOut { waited }] if *waited < LONG), "{why:?}");
}

#[test]
fn the_whole_ends_in_time_and_names_who_was_not_asked() {
    let (_silent, address) = udp();
    let other = dead();
    let why = reasons(ask(&hasty(50), &[kdc("", address), kdc("udp/", other.address)]));
    assert!(matches!(why.as_slice(), [Silence::TimedOut { .. }, Silence::NotAsked, Silence::NotAsked]), "{why:?}");
}

#[test]
fn a_host_that_nobody_knows_is_named_and_the_next_is_asked() {
    let nowhere: KdcAddress = "nobody.invalid".parse().unwrap();
    let address = udp_kdc(|socket| answer(&socket, REPLY));
    assert_eq!(ask(&client(), &[nowhere.clone(), kdc("", address)]).unwrap().address, address);
    let tried = ask(&client(), std::slice::from_ref(&nowhere)).unwrap_err().tried;
    assert!(
        matches!(tried.as_slice(), [Attempt { kdc, why: Silence::Unresolvable { .. }, .. }] if *kdc == nowhere),
        "{tried:?}"
    );
}

#[test]
fn without_kdcs_there_is_nobody_to_ask() {
    assert_eq!(ask(&client(), &[]).unwrap_err(), Unreachable { realm: "R".into(), tried: Vec::new() });
}

/// A KRB-ERROR with this code.
fn error(code: ErrorCode) -> Vec<u8> {
    let (stime, name) = (handfast::Time::EPOCH, "krbtgt/R@R".parse().unwrap());
    KrbError {
        ctime: None,
        cusec: None,
        stime: stime.into(),
        susec: Microseconds::default(),
        error_code: code,
        crealm: None,
        cname: None,
        realm: "R",
        sname: PrincipalName::from(&name),
        e_text: None,
        e_data: None,
    }
    .to_der()
}

#[test]
fn a_kdc_that_cannot_serve_is_passed_over_at_once() {
    let patient = KdcClient { pace: Pace { between: LONG, ..client().pace }, ..client() };
    let unavailable = error(ErrorCode::KDC_ERR_SVC_UNAVAILABLE);
    let by_udp = || {
        let answer_with = unavailable.clone();
        kdc("udp/", udp_kdc(move |socket| answer(&socket, &answer_with)))
    };
    let by_tcp = || kdc("tcp/", tcp_says(framed(&unavailable)));
    let next = udp_kdc(|socket| answer(&socket, REPLY));
    let kdcs = [by_udp(), by_tcp(), kdc("", next)];
    assert_eq!(ask(&patient, &kdcs).unwrap().address, next);
    assert_eq!(reasons(ask(&patient, &[by_udp(), by_tcp()])), [Silence::Unavailable, Silence::Unavailable]);
    // Any other error is the realm's answer.
    let refusal = error(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    let answer_with = refusal.clone();
    let address = udp_kdc(move |socket| answer(&socket, &answer_with));
    assert_eq!(ask(&patient, &[kdc("", address), by_tcp()]).unwrap().bytes, refusal);
}
