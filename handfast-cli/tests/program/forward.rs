//! `handfast serve --forward` and `handfast connect --listen`: a service behind a door, and both ends of it.

use crate::support::{PASSWORD, Server, World, free_port};
use nix::sys::signal::Signal;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A service that does with each connection what `each` says.
fn service(each: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let each = each.clone();
            let tcp = patient(tcp.unwrap());
            thread::spawn(move || each(tcp));
        }
    });
    address
}

fn patient(tcp: TcpStream) -> TcpStream {
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp
}

fn echo(mut tcp: TcpStream) {
    let mut writer = tcp.try_clone().unwrap();
    let _ = std::io::copy(&mut tcp, &mut writer);
    let _ = writer.shutdown(Shutdown::Write);
}

fn forward(world: &World, service: SocketAddr, more: &str) -> Server {
    world.start(&format!("serve --listen 127.0.0.1:0 --forward {service} {more}"))
}

fn door(world: &World, server: &Server, more: &str) -> Server {
    world.start(&format!("connect localhost:{} --listen 127.0.0.1:0 {more}", server.port()))
}

fn enter(door: &Server) -> TcpStream {
    patient(TcpStream::connect(&door.address).unwrap())
}

fn rest(tcp: &mut TcpStream) -> String {
    let mut text = String::new();
    tcp.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_a_local_program_says_reaches_the_service_and_comes_back() {
    let (world, _kdc) = World::with_alice();
    let server = forward(&world, service(echo), "");
    let door = door(&world, &server, "");
    for text in ["one", "two"] {
        let mut program = enter(&door);
        program.write_all(text.as_bytes()).unwrap();
        program.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(&mut program), text);
        let proven = server.event("proven");
        assert_eq!((&proven["peer"], &proven["mechanism"]), (&"alice@A.TEST".into(), &"kerberos".into()));
        assert!(proven["why"].as_str().unwrap().starts_with("negotiated"), "{proven}");
        assert!(server.event("forwarded")["service"].as_str().unwrap().starts_with("127.0.0.1:"));
        let end = server.event("closed");
        assert_eq!((&end["outcome"], &end["received"], &end["sent"]), (&"ended".into(), &3.into(), &3.into()));
        assert_eq!(door.event("proven")["server_proven"], true);
        assert_eq!(door.event("closed")["outcome"], "ended");
    }
}

#[test]
fn large_inputs_go_both_ways_at_once() {
    let (world, _kdc) = World::with_alice();
    let server = forward(&world, service(echo), "");
    let door = door(&world, &server, "");
    let mut program = enter(&door);
    let text: String = (0..600_000).map(|number| format!("{number}\n")).collect();
    let (mut writer, sent) = (program.try_clone().unwrap(), text.clone());
    let writing = thread::spawn(move || {
        writer.write_all(sent.as_bytes()).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    assert!(rest(&mut program) == text);
    writing.join().unwrap();
}

/// The local program says that it is done; the service has heard all before it answers.
#[test]
fn an_end_of_the_client_reaches_the_service_while_the_answer_still_flows() {
    let (world, _kdc) = World::with_alice();
    let counting = |mut tcp: TcpStream| {
        let heard = rest(&mut tcp);
        thread::sleep(Duration::from_millis(200));
        tcp.write_all(format!("{} bytes", heard.len()).as_bytes()).unwrap();
    };
    let server = forward(&world, service(counting), "");
    let door = door(&world, &server, "");
    let mut program = enter(&door);
    program.write_all(b"hello").unwrap();
    program.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut program), "5 bytes");
    // The same from a pipe.
    let connect = format!("connect localhost:{} --message hello", server.port());
    assert_eq!(world.run(&connect).ok().stdout, "5 bytes");
}

#[test]
fn an_end_of_the_service_reaches_the_client_while_it_still_speaks() {
    let (world, _kdc) = World::with_alice();
    let (heard, hears) = std::sync::mpsc::channel();
    let closing = move |mut tcp: TcpStream| {
        tcp.write_all(b"goodbye").unwrap();
        tcp.shutdown(Shutdown::Write).unwrap();
        heard.send(rest(&mut tcp)).unwrap();
    };
    let server = forward(&world, service(closing), "");
    let door = door(&world, &server, "");
    let mut program = enter(&door);
    assert_eq!(rest(&mut program), "goodbye");
    program.write_all(b"still here").unwrap();
    program.shutdown(Shutdown::Write).unwrap();
    assert_eq!(hears.recv_timeout(PATIENCE).unwrap(), "still here");
    assert_eq!(server.event("closed")["outcome"], "ended");
}

#[test]
fn a_service_that_breaks_off_is_no_end_to_the_client() {
    let (world, _kdc) = World::with_alice();
    let breaking = |mut tcp: TcpStream| {
        tcp.read_exact(&mut [0]).unwrap();
        // What was not read makes the system reset the connection.
    };
    let server = forward(&world, service(breaking), "");
    let connect = format!("connect localhost:{}", server.port());
    let client = world.run_with(&connect, &"x".repeat(1 << 20));
    assert_eq!(client.code, 7, "{client:?}");
    let end = server.event("closed");
    assert_eq!(end["outcome"], "connection", "{end}");
    assert!(end["reason"].as_str().unwrap().starts_with("the service at 127.0.0.1:"), "{end}");
}

#[test]
fn a_service_that_is_not_there_is_a_clean_end_and_told() {
    let (world, _kdc) = World::with_alice();
    let server = forward(&world, ([127, 0, 0, 1], free_port()).into(), "");
    let connect = format!("connect localhost:{} --message x", server.port());
    assert_eq!(world.run(&connect).ok().stdout, "");
    let end = server.event("closed");
    let reason = end["reason"].as_str().unwrap();
    assert!(reason.contains("is not there") && reason.contains("refused"), "{reason}");
    assert_eq!(end["outcome"], "connection");
}

#[test]
fn clients_that_are_not_allowed_do_not_reach_the_service() {
    let (world, _kdc) = World::with_alice();
    let (reached, reaches) = std::sync::mpsc::channel();
    let server = forward(&world, service(move |_| reached.send(()).unwrap()), "--allow bob");
    let door = door(&world, &server, "");
    let mut program = enter(&door);
    let _ = program.read(&mut [0]);
    assert!(server.refused("peer-refused").contains("alice@A.TEST is proven, but is not one of those allowed"));
    assert!(reaches.try_recv().is_err());
}

#[test]
fn the_service_is_told_who_is_there() {
    let (world, _kdc) = World::with_alice();
    let (told, tells) = std::sync::mpsc::channel();
    let telling = service(move |mut tcp: TcpStream| {
        let mut all = Vec::new();
        tcp.read_to_end(&mut all).unwrap();
        told.send(all).unwrap();
    });
    let connect = |server: &Server| {
        world.run(&format!("connect localhost:{} --message x", server.port())).ok();
        let peer = server.event("closed")["address"].as_str().unwrap().to_owned();
        let port = |address: &str| address.rsplit(':').next().unwrap().parse::<u16>().unwrap();
        (port(&peer), port(&server.address), tells.recv_timeout(PATIENCE).unwrap())
    };
    let (source, destination, header) = connect(&forward(&world, telling, "--proxy-protocol v1"));
    assert_eq!(header, format!("PROXY TCP4 127.0.0.1 127.0.0.1 {source} {destination}\r\nx").into_bytes());
    let (source, destination, header) = connect(&forward(&world, telling, "--proxy-protocol v2"));
    let tlvs = b"\x02\x00\x09localhost\xe0\x00\x0calice@A.TEST\xe1\x00\x08kerberos\xe2\x00\x15host/localhost@A.TEST";
    let length = u16::try_from(12 + tlvs.len()).unwrap();
    let expected = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11".as_slice(),
        &length.to_be_bytes(),
        &[127, 0, 0, 1, 127, 0, 0, 1],
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        tlvs,
        b"x",
    ];
    assert_eq!(header, expected.concat());
}

#[test]
fn a_silent_connection_and_one_that_takes_nothing_are_ended() {
    let (world, _kdc) = World::with_alice();
    let server = forward(&world, service(echo), "--idle-time 1s");
    let to_idle = door(&world, &server, "");
    let mut idle = enter(&to_idle);
    let _ = idle.read(&mut [0]);
    assert!(server.event("closed")["reason"].as_str().unwrap().contains("nothing moved"));
    let flooding = |mut tcp: TcpStream| while tcp.write_all(&[0; 1 << 16]).is_ok() {};
    let server = forward(&world, service(flooding), "--write-time 1s");
    let to_flood = door(&world, &server, "");
    let _deaf = enter(&to_flood);
    let end = server.event("closed");
    assert!(end["reason"].as_str().unwrap().contains("was not taken for 1 s"), "{end}");
}

#[test]
fn thousands_of_connections_are_served_at_once() {
    const CONNECTIONS: usize = 2000;
    let (world, _kdc) = World::with_alice();
    let echo = world.start("serve --listen 127.0.0.1:0 --echo");
    let door = door(&world, &echo, "");
    let mut programs: Vec<TcpStream> = Vec::new();
    for number in 0..CONNECTIONS {
        let mut program = enter(&door);
        program.write_all(&number.to_be_bytes()).unwrap();
        programs.push(program);
    }
    for (number, program) in programs.iter_mut().enumerate() {
        let mut answer = number.wrapping_add(1).to_be_bytes();
        program.read_exact(&mut answer).unwrap();
        assert_eq!(answer, number.to_be_bytes());
    }
    // All are there at once, and each still answers.
    for program in &mut programs {
        program.write_all(b"again").unwrap();
        program.shutdown(Shutdown::Write).unwrap();
    }
    assert!(programs.iter_mut().all(|program| rest(program) == "again"));
    let (code, log) = echo.stop(Signal::SIGTERM);
    let closed = log.iter().filter(|event| event["event"] == "closed" && event["outcome"] == "ended").count();
    assert_eq!((code, closed), (0, CONNECTIONS));
}

#[test]
fn a_client_that_dribbles_its_proof_has_no_more_time_than_others() {
    let (world, _kdc) = World::with_alice();
    let server = forward(&world, service(echo), "--handshake-time 2s");
    let mut slow = TcpStream::connect(&server.address).unwrap();
    let began = Instant::now();
    // The head of a HandshakeInProgress of 256 bytes, and then one byte at a time.
    slow.write_all(&[0x16, 1, 0, 1, 0]).unwrap();
    while began.elapsed() < PATIENCE && slow.write_all(&[0x60]).is_ok() {
        thread::sleep(Duration::from_millis(100));
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
    server.refused("connection");
}

#[test]
fn who_is_not_proven_makes_room_and_who_is_keeps_it() {
    let (world, _kdc) = World::with_alice();
    let server = forward(&world, service(echo), "--max-connections 2 --handshake-time 1h");
    let connect = format!("connect localhost:{} --message x", server.port());
    let mut silent: Vec<TcpStream> = (0..2).map(|_| patient(TcpStream::connect(&server.address).unwrap())).collect();
    assert_eq!(world.run(&connect).ok().stdout, "x");
    assert!(server.refused("connection").contains("closed for a newcomer"));
    // The oldest, not the newest.
    assert_eq!(silent[0].read(&mut [0]).unwrap(), 0);
    silent[1].set_nonblocking(true).unwrap();
    assert_eq!(silent[1].read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(silent);
    let door = door(&world, &server, "");
    let mut proven: Vec<TcpStream> = (0..2).map(|_| enter(&door)).collect();
    for program in &mut proven {
        program.write_all(b"x").unwrap();
        program.read_exact(&mut [0]).unwrap();
    }
    let began = Instant::now();
    world.run(&connect).failed(7, "");
    assert!(began.elapsed() < Duration::from_secs(10));
    loop {
        let event = server.event("refused");
        if event["class"] == "full" {
            assert_eq!(event["limit"], 2);
            break;
        }
    }
    proven[0].write_all(b"y").unwrap();
    proven[0].read_exact(&mut [0]).unwrap();
}

#[test]
fn a_door_for_others_must_be_named_so() {
    let (world, _kdc) = World::with_alice();
    world.run("connect localhost:1 --listen 0.0.0.0:0").failed(2, "--dangerous-listen-for-others");
}

/// Nobody says anything when the ticket ends: only a clock can see it.
#[test]
fn the_end_of_the_proof_ends_a_silent_connection_or_is_told_or_ignored() {
    let (world, _kdc) = World::with_alice();
    world.run("logout").ok();
    world.run_with("login alice --password-stdin --lifetime 6s", PASSWORD).ok();
    let servers = ["end", "warn", "ignore"].map(|what| forward(&world, service(echo), &format!("--expiry {what}")));
    let doors = servers.each_ref().map(|server| door(&world, server, "--expiry warn"));
    let mut programs = doors.each_ref().map(enter);
    let end = servers[0].event("closed");
    assert_eq!(end["outcome"], "no-credentials", "{end}");
    assert!(end["reason"].as_str().unwrap().contains("and that is over"), "{end}");
    let (proven, told) = (servers[1].event("proven"), servers[1].event("expired"));
    assert_eq!(
        (&told["level"], &told["expires"], &told["connection"]),
        (&"warn".into(), &proven["expires"], &1.into())
    );
    assert_eq!(doors[1].event("expired")["expires"], proven["expires"]);
    for (program, server) in programs.iter_mut().zip(&servers).skip(1) {
        program.write_all(b"still").unwrap();
        program.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(program), "still");
        assert_eq!(server.event_of(&["expired", "closed"])["outcome"], "ended");
    }
}

#[test]
fn a_service_of_ipv6_is_told_addresses_of_ipv6() {
    let (world, _kdc) = World::with_alice();
    let behind = TcpListener::bind("[::1]:0").unwrap();
    let options = format!("--forward {} --proxy-protocol v1", behind.local_addr().unwrap());
    let server = world.start(&format!("serve --listen [::1]:0 {options}"));
    let telling = thread::spawn(move || rest(&mut behind.accept().unwrap().0));
    world.run(&format!("connect [::1]:{} --service host/localhost --message x", server.port())).ok();
    let source = server.event("closed")["address"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(telling.join().unwrap(), format!("PROXY TCP6 ::1 ::1 {source} {}\r\nx", server.port()));
}
