//! `handfast serve` on SIGHUP and on its way to its end.

use crate::support::{PASSWORD, Server, World};
use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn reload(server: &Server) -> Vec<(String, bool)> {
    server.tell(Signal::SIGHUP);
    let mut told = Vec::new();
    loop {
        let event = server.event("reload");
        let what = event["what"].as_str().unwrap().to_owned();
        told.push((what.clone(), event["done"].as_bool().unwrap()));
        if what == "log" {
            return told;
        }
    }
}

#[test]
fn a_list_of_clients_that_was_changed_holds_for_the_next_client() {
    let (world, _kdc) = World::with_alice();
    fs::write(world.path("clients"), "# nobody\n").unwrap();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --allow-file clients");
    let connect = format!("connect localhost:{} --message x", server.port());
    world.run(&connect).failed(7, "");
    fs::write(world.path("clients"), "alice\n").unwrap();
    world.run(&connect).failed(7, "");
    reload(&server);
    assert_eq!(world.run(&connect).ok().stdout, "x");
    // Broken: what was there stays.
    fs::write(world.path("clients"), "bob\na@b@c\n").unwrap();
    assert!(reload(&server).contains(&("clients".into(), false)));
    assert_eq!(world.run(&connect).ok().stdout, "x");
    fs::write(world.path("clients"), "@OTHER.TEST\n").unwrap();
    assert!(reload(&server).contains(&("clients".into(), true)));
    world.run(&connect).failed(7, "");
}

#[test]
fn a_keytab_that_was_changed_holds_for_the_next_client() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    world.run("realm add-service HTTP/localhost --keytab keytab").ok();
    world.run_until_ok("login alice --password-stdin --service HTTP/localhost --cache other", PASSWORD);
    let connect = format!("connect localhost:{} --message x --service HTTP/localhost", server.port());
    world.run(&connect).failed(6, "");
    reload(&server);
    assert_eq!(world.run(&connect).ok().stdout, "x");
    fs::write(world.path("keytab"), "no keytab").unwrap();
    let told = reload(&server);
    assert!(told.contains(&("keys".into(), false)) && told.contains(&("clients".into(), true)), "{told:?}");
    assert_eq!(world.run(&connect).ok().stdout, "x");
}

#[test]
fn a_connection_that_is_open_goes_on_at_both_ends() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    let door = world.start(&format!("connect localhost:{} --listen 127.0.0.1:0", server.port()));
    let mut program = TcpStream::connect(&door.address).unwrap();
    let mut exchange = || {
        program.write_all(b"x").unwrap();
        program.read_exact(&mut [0]).unwrap();
    };
    exchange();
    reload(&server);
    reload(&door);
    exchange();
}

#[test]
fn a_log_that_was_moved_away_is_opened_anew() {
    let world = World::with_realm();
    let mut server = world.start_client("serve --listen 127.0.0.1:0 --echo --log json --log-file log");
    let has = |file: &str, text: &str| {
        let found = || fs::read_to_string(world.path(file)).is_ok_and(|log| log.contains(text));
        (0..600).any(|_| {
            found() || {
                std::thread::sleep(Duration::from_millis(50));
                false
            }
        })
    };
    assert!(has("log", "\"listening\""));
    fs::rename(world.path("log"), world.path("log.1")).unwrap();
    let pid = nix::unistd::Pid::from_raw(server.id().try_into().unwrap());
    nix::sys::signal::kill(pid, Signal::SIGHUP).unwrap();
    assert!(has("log", "\"reload\""));
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert!(has("log", "\"stopped\"") && !has_now(&world, "log.1", "\"stopped\""));
}

fn has_now(world: &World, file: &str, text: &str) -> bool {
    fs::read_to_string(world.path(file)).unwrap().contains(text)
}

#[test]
fn a_server_that_stops_takes_nobody_more_and_leaves_the_others_some_time() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --grace 2s");
    let door = world.start(&format!("connect localhost:{} --listen 127.0.0.1:0", server.port()));
    let mut program = TcpStream::connect(&door.address).unwrap();
    program.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut exchange = |text: &[u8]| {
        program.write_all(text).unwrap();
        program.read(&mut [0]).unwrap_or(0)
    };
    assert_eq!(exchange(b"x"), 1);
    server.tell(Signal::SIGTERM);
    assert_eq!(server.event("stop")["open"], 1);
    assert!(TcpStream::connect(&server.address).is_err());
    assert_eq!(exchange(b"y"), 1);
    let end = server.event("closed");
    assert_eq!((&end["outcome"], &end["reason"]), (&"connection".into(), &"the server has stopped".into()));
    assert_eq!(server.wait(), 0);
    assert_eq!(exchange(b"z"), 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --grace 1h --handshake-time 1h");
    let _idle = TcpStream::connect(&server.address).unwrap();
    server.event("accepted");
    server.tell(Signal::SIGTERM);
    server.event("stop");
    // Ended by the signal itself: there is no exit code.
    assert_eq!(server.stop(Signal::SIGTERM).0, -1);
}

#[test]
fn a_realms_directory_is_the_keytab_and_its_kdc_is_there_too() {
    let world = World::with_realm();
    let directory = ".local/share/handfast/realm.db";
    let serve = format!("serve --listen 127.0.0.1:0 --echo --realm-directory {directory} --kdc 127.0.0.1:0");
    let server = world.start(&serve);
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    let connect = format!("connect localhost:{} --message x", server.port());
    assert_eq!(world.run(&connect).ok().stdout, "x");
    world.run("realm add-service HTTP/localhost").ok();
    world.run_until_ok("login alice --password-stdin --service HTTP/localhost --cache other", PASSWORD);
    let http = format!("{connect} --service HTTP/localhost");
    world.run(&http).failed(6, "");
    reload(&server);
    assert_eq!(world.run(&http).ok().stdout, "x");
    assert_eq!(server.stop(Signal::SIGTERM).0, 0);
}
