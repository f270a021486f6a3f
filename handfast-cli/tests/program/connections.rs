//! `handfast serve` and `handfast connect` with the framing of NegotiateStream.

use crate::support::{PASSWORD, Server, World, cache, free_port};
use nix::sys::signal::Signal;
use std::io::Write;
use std::net::TcpStream;

fn connect(world: &World, server: &Server, more: &str) -> crate::support::Ended {
    world.run(&format!("connect localhost:{} {more}", server.port()))
}

#[test]
fn what_is_sent_comes_back_and_both_ends_know_each_other() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    let ended = connect(&world, &server, "--message hello --verbose").ok();
    assert_eq!(ended.stdout, "hello");
    assert!(ended.stderr.starts_with("host/localhost@A.TEST is proven, to alice@A.TEST: Kerberos V5 with aes256"));
    let proven = server.event("proven");
    assert_eq!((&proven["peer"], &proven["local"]), (&"alice@A.TEST".into(), &"host/localhost@A.TEST".into()));
    let flags = ["mutual", "replay", "sequence", "confidentiality", "integrity"];
    assert_eq!(proven["flags"], serde_json::json!(flags));
    let end = server.event("closed");
    assert_eq!((&end["outcome"], &end["received"], &end["sent"]), (&"ended".into(), &5.into(), &5.into()));
    let held: Vec<String> = cache(&world).tickets().map(|ticket| ticket.server.to_string()).collect();
    assert_eq!(held, ["krbtgt/A.TEST@A.TEST", "host/localhost@A.TEST"], "the service's ticket is kept");
}

#[test]
fn large_inputs_go_both_ways_at_once() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    let text: String = (0..200_000).map(|number| format!("{number}\n")).collect();
    let ended = world.run_with(&format!("connect localhost:{}", server.port()), &text).ok();
    assert!(ended.stdout == text, "{} of {} bytes came back", ended.stdout.len(), text.len());
}

#[test]
fn without_echo_standard_input_and_output_are_the_first_clients() {
    let (world, _kdc) = World::with_alice();
    let port = free_port();
    let ended = std::thread::scope(|scope| {
        let serving = scope.spawn(|| world.run_with(&format!("serve --listen 127.0.0.1:{port}"), "from the server"));
        let client = loop {
            let client = world.run(&format!("connect localhost:{port} --message x"));
            // Nobody listens yet.
            if client.code != 7 {
                break client;
            }
        };
        assert_eq!(client.ok().stdout, "from the server");
        serving.join().unwrap()
    });
    assert_eq!(ended.ok().stdout, "x");
}

#[test]
fn only_clients_that_are_allowed_are_served() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --allow bob --allow alice/admin");
    connect(&world, &server, "--message x").failed(7, "the server may not allow this client");
    let end = server.event("refused");
    assert_eq!(end["class"], "peer-refused");
    assert_eq!(end["reason"], "alice@A.TEST is proven, but is not one of those allowed");
    for allowed in ["--allow alice", "--allow bob --allow-realm A.TEST"] {
        let server = world.start(&format!("serve --listen 127.0.0.1:0 --echo {allowed}"));
        assert_eq!(connect(&world, &server, "--message x").ok().stdout, "x");
    }
}

/// By the PAC that the KDC put into the ticket.
#[test]
fn members_of_an_allowed_group_are_served() {
    let world = World::with_realm();
    world.run("realm settings --domain A --domain-sid S-1-5-21-1-2-3").ok();
    world.run("realm modify alice --rid 1103 --groups 513,1200").ok();
    let _kdc = world.start_kdc();
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    for (sid, serves) in [("513", true), ("1200", true), ("1103", true), ("512", false)] {
        let server = world.start(&format!("serve --listen 127.0.0.1:0 --echo --allow-sid S-1-5-21-1-2-3-{sid}"));
        let client = connect(&world, &server, "--message x");
        match serves {
            true => assert_eq!(client.ok().stdout, "x"),
            false => assert_eq!(client.failed(7, "may not allow").code, 7),
        }
    }
    world.run("serve --listen 127.0.0.1:0 --echo --allow-sid S-1-x").failed(2, "S-1-x");
}

#[test]
fn one_who_is_not_the_service_proves_nothing() {
    let (world, _kdc) = World::with_alice();
    world.run("realm add-service HTTP/localhost --keytab http.keytab").ok();
    world.run_until_ok("login alice --password-stdin --service HTTP/localhost --cache other", PASSWORD);
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    connect(&world, &server, "--service HTTP/localhost --message x").failed(6, "0x8009030C");
    let end = server.event("refused");
    assert_eq!(end["class"], "peer-refused");
    assert!(end["reason"].as_str().unwrap().contains("HTTP/localhost@A.TEST, which the keytab does not hold"), "{end}");
    connect(&world, &server, "--service HTTP/nowhere --message x").failed(5, "HTTP/nowhere@A.TEST");
    assert_eq!(connect(&world, &server, "--message x").ok().stdout, "x");
}

#[test]
fn a_keytab_can_be_cut_down_to_one_service() {
    let (world, _kdc) = World::with_alice();
    world.run("realm add-service HTTP/localhost --keytab keytab").ok();
    world.run_until_ok("login alice --password-stdin --service HTTP/localhost --cache other", PASSWORD);
    let server = world.start("serve --listen 127.0.0.1:0 --echo --service HTTP/localhost");
    connect(&world, &server, "--message x").failed(6, "0x8009030C");
    assert_eq!(connect(&world, &server, "--service HTTP/localhost --message x").ok().stdout, "x");
    world.run("serve --listen 127.0.0.1:0 --service ldap/localhost").failed(8, "no key of ldap/localhost");
    world.run("serve --listen 127.0.0.1:0 --keytab nothing").failed(8, "nothing");
}

#[test]
fn a_keytab_of_another_realm_is_not_believed() {
    let (world, _kdc) = World::with_alice();
    let other = World::with_realm();
    let keytab = other.path("keytab");
    let server = world.start(&format!("serve --listen 127.0.0.1:0 --echo --keytab {}", keytab.display()));
    connect(&world, &server, "--message x").failed(6, "0x8009030C");
    assert!(server.event("refused")["reason"].as_str().unwrap().contains("was not made with the keytab's key"));
}

#[test]
fn messages_that_are_signed_only_are_taken_where_both_ends_say_so() {
    let (world, _kdc) = World::with_alice();
    let signed = world.start("serve --listen 127.0.0.1:0 --echo --integrity-only");
    assert_eq!(connect(&world, &signed, "--message x --integrity-only").ok().stdout, "x");
    assert_eq!(connect(&world, &signed, "--message x").ok().stdout, "x");
    let sealed = world.start("serve --listen 127.0.0.1:0 --echo");
    connect(&world, &sealed, "--message x --integrity-only").failed(6, "0x000006FE");
}

#[test]
fn a_server_that_need_not_prove_itself_does_not() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    assert_eq!(connect(&world, &server, "--message x --dangerous-unproven-server").ok().stdout, "x");
    assert!(!server.event("proven")["flags"].as_array().unwrap().contains(&"mutual".into()));
}

#[test]
fn clients_that_fail_disturb_no_other() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --handshake-time 1s");
    let _silent = TcpStream::connect(&server.address).unwrap();
    let mut babbling = TcpStream::connect(&server.address).unwrap();
    babbling.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(connect(&world, &server, "--message x").ok().stdout, "x");
    let (code, log) = server.stop(Signal::SIGTERM);
    let refused = log.iter().filter(|event| event["event"] == "refused" && event["class"] == "connection").count();
    let closed = log.iter().filter(|event| event["event"] == "closed" && event["outcome"] == "ended").count();
    assert_eq!((code, refused, closed), (0, 2, 1), "{log:?}");
}

#[test]
fn a_proven_client_that_falls_silent_is_ended() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --once --idle-time 1s");
    let patient = world.start_client(&format!("connect localhost:{}", server.port()));
    assert_eq!(server.wait(), 7);
    assert_eq!(patient.wait_with_output().unwrap().status.code(), Some(7));
}

#[test]
fn a_signal_stops_the_server_after_some_grace() {
    let (world, _kdc) = World::with_alice();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = world.start("serve --listen 127.0.0.1:0 --echo --grace 1s --handshake-time 1h");
        connect(&world, &server, "--message x").ok();
        let _idle = TcpStream::connect(&server.address).unwrap();
        let (code, log) = server.stop(signal);
        assert_eq!((code, &log.last().unwrap()["event"]), (0, &"stopped".into()));
    }
}

#[test]
fn once_is_one_connection_and_its_result_the_servers() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --once");
    connect(&world, &server, "--message x").ok();
    assert_eq!(server.wait(), 0);
    let server = world.start("serve --listen 127.0.0.1:0 --echo --once --allow bob");
    connect(&world, &server, "--message x").failed(7, "the server may not allow this client");
    assert_eq!(server.wait(), 6);
}

#[test]
fn a_signal_ends_the_one_connection_too() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --once --grace 1s");
    let client = world.start_client(&format!("connect localhost:{}", server.port()));
    server.event("proven");
    assert_eq!(server.stop(Signal::SIGINT).0, 7);
    assert_eq!(client.wait_with_output().unwrap().status.code(), Some(7));
}

#[test]
fn nobody_listening_is_a_failed_connection() {
    let (world, _kdc) = World::with_alice();
    world.run(&format!("connect localhost:{} --message x", free_port())).failed(7, "refused");
    world.run("connect nowhere.invalid:1 --message x --service host/localhost").failed(7, "nowhere.invalid");
}

#[test]
fn a_kdc_that_is_down_matters_only_without_a_ticket() {
    let (world, kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    connect(&world, &server, "--message x").ok();
    drop(kdc);
    assert_eq!(connect(&world, &server, "--message x").ok().stdout, "x");
    connect(&world, &server, "--message x --service HTTP/localhost").failed(4, "no KDC of the realm A.TEST answered");
}

#[test]
fn no_secret_is_printed() {
    let (world, kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    let mut said = String::new();
    for line in ["list", "list --json", "list --keytab", "list --keytab --json", "realm list --json"] {
        let ended = world.run(line).ok();
        said += &(ended.stdout + &ended.stderr);
    }
    let ended = connect(&world, &server, "--message x --verbose --json").ok();
    said += &ended.stderr;
    let failed = world.run_with("login alice --password-stdin", "not-the-password").failed(5, "password");
    said += &failed.stderr;
    for log in [kdc.stop(Signal::SIGTERM).1, server.stop(Signal::SIGTERM).1] {
        said += &serde_json::to_string(&log).unwrap();
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let keys = cache(&world).tickets().map(|ticket| hex(ticket.key.bytes())).collect::<Vec<_>>();
    for secret in keys.iter().map(String::as_str).chain([PASSWORD, "not-the-password"]) {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
}
