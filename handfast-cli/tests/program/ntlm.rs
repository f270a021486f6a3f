//! NTLM between `handfast serve` and `handfast connect`: accounts of a file, and a server that is not proven.

use crate::support::{Ended, Server, World, mode};
use nix::sys::signal::Signal;
use std::fs::{self, Permissions};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

const NTLM: &str = "--dangerous-unproven-server --password-stdin --message x";

fn world(accounts: &str) -> World {
    let world = World::new();
    write(&world, accounts);
    world
}

fn write(world: &World, accounts: &str) {
    let path = world.path("accounts");
    fs::write(&path, accounts).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(mode(&path), 0o600);
}

/// Without Kerberos: there is no keytab.
fn serve(world: &World, more: &str) -> Server {
    let only = "--echo --dangerous-ntlm --accounts accounts --mechanism ntlm";
    world.start(&format!("serve --listen 127.0.0.1:0 {only} {more}"))
}

fn connect(world: &World, server: &Server, account: &str, password: &str) -> Ended {
    connect_by(world, server, account, password, "ntlm")
}

fn connect_by(world: &World, server: &Server, account: &str, password: &str, mechanism: &str) -> Ended {
    let line = format!("connect localhost:{} --account {account} --mechanism {mechanism} {NTLM}", server.port());
    world.run_with(&line, password)
}

#[test]
fn an_account_with_its_password_is_served_and_its_server_is_said_not_to_be_proven() {
    let world = world("CORP:alice:correct horse\n");
    let server = serve(&world, "");
    for mechanism in ["ntlm", "negotiate"] {
        let ended = connect_by(&world, &server, "corp\\Alice", "correct horse", mechanism).ok();
        assert_eq!(ended.stdout, "x");
        assert!(ended.stderr.starts_with("server not proven"), "{ended:?}");
        let proven = server.event("proven");
        assert_eq!((&proven["peer"], &proven["mechanism"]), (&"corp\\Alice".into(), &"ntlm".into()));
        assert!(!proven["flags"].as_array().unwrap().contains(&"mutual".into()));
    }
}

#[test]
fn wrong_passwords_unknown_accounts_and_locked_ones_are_refused_alike() {
    let locked = format!("locked:1:{0}:{0}:[UD ]:\n", "X".repeat(32));
    let world = world(&format!("CORP:alice:correct horse\n{locked}"));
    let server = serve(&world, "");
    let mut said = Vec::new();
    for (account, password) in [
        ("CORP\\alice", "wrong"),
        ("CORP\\bob", "correct horse"),
        ("OTHER\\alice", "correct horse"),
        ("alice", "correct horse"),
        ("locked", "x"),
    ] {
        said.push(connect(&world, &server, account, password).failed(6, "0x8009030C").stderr);
        server.refused("peer-refused");
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn accounts_that_are_allowed_are_served() {
    let world = world("CORP:alice:a\nCORP:bob:b\n:carol:c\n");
    let server = serve(&world, "--allow-account CORP\\ALICE --allow-account carol --ntlm-name DOOR");
    assert_eq!(connect(&world, &server, "CORP\\alice", "a").ok().stdout, "x");
    connect(&world, &server, "CORP\\bob", "b").failed(7, "");
    for carol in ["carol", "DOOR\\carol"] {
        assert_eq!(connect(&world, &server, carol, "c").ok().stdout, "x", "{carol}");
    }
}

#[test]
fn a_principal_that_is_allowed_is_no_account() {
    let world = world(":alice@A.TEST:a\n");
    let server = serve(&world, "--allow alice@A.TEST --allow-realm A.TEST");
    connect(&world, &server, "alice@A.TEST", "a").failed(7, "");
    assert!(server.refused("peer-refused").contains("not one of those allowed"));
}

#[test]
fn accounts_are_read_anew_and_a_broken_file_changes_nothing() {
    let world = world("CORP:alice:a\n");
    let server = serve(&world, "");
    connect(&world, &server, "CORP\\bob", "b").failed(6, "");
    let reload = |accounts: &str, done: bool| {
        write(&world, accounts);
        server.tell(Signal::SIGHUP);
        let event = std::iter::from_fn(|| Some(server.event("reload"))).find(|event| event["what"] == "accounts");
        assert_eq!(event.unwrap()["done"], done);
        server.event("reload");
    };
    reload("CORP:bob:b\n", true);
    assert_eq!(connect(&world, &server, "CORP\\bob", "b").ok().stdout, "x");
    connect(&world, &server, "CORP\\alice", "a").failed(6, "");
    reload("CORP:alice:a\nnonsense\n", false);
    assert_eq!(connect(&world, &server, "CORP\\bob", "b").ok().stdout, "x");
}

#[test]
fn accounts_that_everybody_can_read_are_not_used() {
    let world = world("CORP:alice:a\n");
    fs::set_permissions(world.path("accounts"), Permissions::from_mode(0o644)).unwrap();
    let line = "serve --listen 127.0.0.1:0 --echo --dangerous-ntlm --accounts accounts --mechanism ntlm";
    world.run(line).failed(8, "make it 0600");
}

#[test]
fn ntlm_is_used_by_name_alone() {
    let (world, _kdc) = World::with_alice();
    write(&world, "CORP:alice:a\n");
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    connect(&world, &server, "CORP\\alice", "a").failed(6, "");
    let both = world.start("serve --listen 127.0.0.1:0 --echo --dangerous-ntlm --accounts accounts");
    // Kerberos comes first, and proves the server.
    let ended = connect_by(&world, &both, "CORP\\alice", "a", "negotiate").ok();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("x", ""));
    assert_eq!(both.event("proven")["mechanism"], "kerberos");
    assert_eq!(connect(&world, &both, "CORP\\alice", "a").ok().stdout, "x");
    let kerberos = "serve --listen 127.0.0.1:0 --echo --dangerous-ntlm --accounts accounts --mechanism kerberos";
    let kerberos = world.start(kerberos);
    connect(&world, &kerberos, "CORP\\alice", "a").failed(6, "");
    world.run("serve --listen 127.0.0.1:0 --echo --mechanism ntlm").failed(2, "--dangerous-ntlm");
    world.run("connect localhost:1 --mechanism ntlm").failed(2, "--account");
    world.run("connect localhost:1 --account a").failed(2, "--dangerous-unproven-server");
}

#[test]
fn only_what_is_taken_is_served() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo --mechanism negotiate");
    let connect = format!("connect localhost:{} --message x --mechanism", server.port());
    assert_eq!(world.run(&format!("{connect} negotiate")).ok().stdout, "x");
    server.event("closed");
    world.run(&format!("{connect} kerberos")).failed(7, "");
    assert!(server.refused("peer-refused").contains("which is not taken"));
}

/// Whom a service is told of is one who has an account, by its own name: the client can't make itself another by spelling it otherwise.
#[test]
fn a_service_is_told_the_accounts_own_name() {
    let world = world("Corp:alice:a\n:carol:c\n");
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("--forward {} --proxy-protocol v2", service.local_addr().unwrap());
    let only = "--dangerous-ntlm --accounts accounts --mechanism ntlm --ntlm-name DOOR";
    let server = world.start(&format!("serve --listen 127.0.0.1:0 {only} {forward}"));
    for (account, password, name) in [
        ("CORP\\ALICE", "a", "Corp\\alice"),
        ("corp\\al\u{131}ce", "a", "Corp\\alice"),
        ("Carol", "c", "DOOR\\carol"),
        ("door\\CAROL", "c", "DOOR\\carol"),
    ] {
        let told = thread::spawn({
            let service = service.try_clone().unwrap();
            move || {
                let mut header = Vec::new();
                service.accept().unwrap().0.read_to_end(&mut header).unwrap();
                String::from_utf8_lossy(&header).into_owned()
            }
        });
        connect(&world, &server, account, password).ok();
        let (told, told_name) =
            (told.join().unwrap(), format!("\u{0}{}{name}\u{fffd}", char::from(u8::try_from(name.len()).unwrap())));
        assert!(told.contains(&told_name), "{account}: {told:?}");
    }
}

/// Each would hold up this reload, and all that follow, or let somebody in.
#[test]
fn accounts_that_are_no_file_or_no_accounts_are_told_and_change_nothing() {
    let world = world("CORP:alice:a\n");
    let server = serve(&world, "--ntlm-name DOOR");
    let accounts = world.path("accounts");
    let reload = || {
        server.tell(Signal::SIGHUP);
        std::iter::from_fn(|| Some(server.event("reload"))).find(|event| event["what"] == "accounts").unwrap()
    };
    fs::remove_file(&accounts).unwrap();
    nix::unistd::mkfifo(&accounts, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let event = reload();
    assert!(event["done"] == false && event["reason"].as_str().unwrap().contains("no regular file"), "{event}");
    fs::remove_file(&accounts).unwrap();
    for (text, reason) in [("CORP:alice:\n", "empty"), (":bob:b\nDOOR:Bob:c\n", "the same account as in line 1")] {
        write(&world, text);
        let event = reload();
        assert!(event["done"] == false && event["reason"].as_str().unwrap().contains(reason), "{event}");
    }
    assert_eq!(connect(&world, &server, "CORP\\alice", "a").ok().stdout, "x");
}
