//! Options that stand aside of the usual way.

use crate::support::{PASSWORD, World, cache, free_port};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn object(world: &World, line: &str) -> Value {
    world.run(&format!("{line} --json")).ok().object()
}

#[test]
fn a_realm_may_be_in_any_file() {
    let world = World::new();
    world.run("realm init A.TEST --directory here.db --max-renewable-life 3d").ok();
    fs::write(world.path("password"), PASSWORD).unwrap();
    world.run("realm add-user alice --directory here.db --password-file password").ok();
    world.run("realm alias al alice -d here.db").ok();
    assert_eq!(object(&world, "realm show alice --directory here.db")["aliases"], json!(["al@A.TEST"]));
    assert_eq!(object(&world, "realm settings --directory here.db")["max_renewable_life"], json!(259_200));
    world.run("realm modify alice --directory here.db --max-renewable-life 1d").ok();
    assert_eq!(object(&world, "realm show alice -d here.db")["max_renewable_life"], json!(86_400));
    fs::write(world.path("another"), "battery staple").unwrap();
    world.run("realm set-password alice -d here.db --password-file another").ok();
    let trust = "realm trust B.TEST --incoming --directory here.db --password-file password --enctype aes256-sha2";
    world.run(trust).ok();
    let keys = object(&world, "realm show krbtgt/A.TEST@B.TEST -d here.db")["keys"].clone();
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["enctype"]), (1, &json!("aes256-cts-hmac-sha384-192")));
    world.run("realm show alice").failed(8, "--directory");
}

#[test]
fn what_a_realm_says_of_sessions_passwords_and_guesses_is_kept() {
    let world = World::with_realm();
    world.run("realm modify host/localhost --ok-as-delegate yes --session-enctypes aes128-sha1").ok();
    let entry = object(&world, "realm show host/localhost");
    assert_eq!(entry["session_enctypes"], json!(["aes128-cts-hmac-sha1-96"]));
    let changed =
        "realm settings --session-enctypes aes256-sha1,aes128-sha1 --max-renewable-life 2d --failure-interval 1h";
    let settings = object(&world, changed);
    assert_eq!(settings["session_enctypes"], json!(["aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96"]));
    assert_eq!(
        (&settings["max_renewable_life"], &settings["passwords"]["failure_interval"]),
        (&json!(172_800), &json!(3600))
    );
    let settings = object(&world, "realm settings --min-password-length 12 --password-admins root/admin");
    assert_eq!(settings["passwords"]["admins"], json!(["root/admin@A.TEST"]));
    let _kdc = world.start("realm serve --listen 127.0.0.1:0 --kpasswd-listen 127.0.0.1:0 --max-connections 10");
    world.run_with("login alice --password-stdin --renewable 9d", PASSWORD).ok();
    world.run("get host/localhost").ok();
    let held = cache(&world);
    let renewable = held.tickets().find(|ticket| ticket.server.is_krbtgt()).unwrap();
    let days = renewable.renew_till.unwrap().seconds_since(renewable.auth_time) / 86_400;
    assert_eq!((days, renewable.key.enctype().to_string().as_str()), (2, "aes256-cts-hmac-sha1-96"));
    let ticket = &object(&world, "list")["tickets"][1];
    assert_eq!(ticket["session_enctype"], "aes128-cts-hmac-sha1-96");
    assert!(ticket["flags"].as_array().unwrap().contains(&"ok-as-delegate".into()), "{ticket}");
    fs::write(world.path("new"), "elevenchars").unwrap();
    world
        .run_with("passwd alice --password-stdin --new-password-file new", PASSWORD)
        .failed(5, "at least 12 characters");
    world.run("logout").ok();
    world.run_with("login alice --password-stdin -c FILE:other", PASSWORD).ok();
    let said = world.run("doctor --realm A.TEST --cache FILE:other").ok().stdout;
    assert!(said.contains("alice@A.TEST in FILE:other"), "{said}");
    world.run("login alice --otp").failed(2, "--armor CACHE or --armor-anonymous");
}

#[test]
fn a_keytab_takes_passwords_and_keys_from_files() {
    let world = World::with_realm();
    fs::write(world.path("password"), PASSWORD).unwrap();
    fs::write(world.path("key"), "00112233445566778899aabbccddeeff\n").unwrap();
    world
        .run("keytab derive alice@A.TEST --kvno 1 --enctype aes256-sha2 --password-file password -k alice.keytab")
        .ok();
    world.run("keytab add alice@A.TEST --kvno 7 --enctype aes128-sha1 --password-file key -k alice.keytab").ok();
    let entries = object(&world, "keytab list -k alice.keytab")["entries"].clone();
    assert_eq!((&entries[0]["kvno"], &entries[1]["kvno"]), (&json!(1), &json!(7)));
    let _kdc = world.start_kdc();
    world.run("login alice --keytab alice.keytab").ok();
}

#[test]
fn a_configuration_names_the_password_server_too() {
    let world = World::with_realm();
    let text = world.run("realm config --kdc kdc.a.test --kpasswd kdc.a.test:464").ok().stdout;
    assert!(text.contains("kdc = kdc.a.test\n") && text.contains("kpasswd_server = kdc.a.test:464\n"), "{text}");
    world.run("realm config --output krb5.conf").ok();
    world.run("realm config --output krb5.conf").failed(8, "there is a file krb5.conf already");
}

#[test]
fn opaque_bytes_are_printed_to_their_end_if_that_is_wished() {
    let (world, _kdc) = World::with_alice();
    let ticket = cache(&world).tickets().next().unwrap().ticket.clone();
    fs::write(world.path("ticket"), &ticket).unwrap();
    let digits: String = ticket.iter().rev().take(8).rev().map(|octet| format!("{octet:02x}")).collect();
    let shown = |options: &str| {
        world.run(&format!("decode @ticket --input raw {options}")).ok().stdout.replace([' ', '\n'], "")
    };
    assert!(!shown("").contains(&digits) && shown("--full").contains(&digits), "{}", shown("--full"));
}

#[test]
fn a_door_logs_no_more_than_its_level_says() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    for (level, tells) in [("warn", false), ("info", true)] {
        let port = free_port();
        let line = format!("connect {} --service host/localhost --listen 127.0.0.1:{port}", server.address);
        let mut door = world.start_client(&format!("{line} --log json --log-file {level}.log --log-level {level}"));
        let mut tries = (0..200).filter_map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let mut client = tries.next().expect("it listens");
        client.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        door.kill().unwrap();
        door.wait().unwrap();
        let log = fs::read_to_string(world.path(&format!("{level}.log"))).unwrap_or_default();
        assert_eq!(log.contains("listening"), tells, "{level}: {log}");
    }
}

/// The server's end is cut short by who is on the way, after the first message.
#[test]
fn a_connection_that_just_ends_is_a_failure_unless_that_is_named() {
    let (world, _kdc) = World::with_alice();
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    for (options, code) in [("", 7), ("--dangerous-unannounced-end", 0)] {
        let way = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = way.local_addr().unwrap().port();
        let to = server.address.clone();
        let cut = std::thread::spawn(move || {
            let (mut client, _) = way.accept().unwrap();
            let mut server = TcpStream::connect(to).unwrap();
            let (mut from, mut back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut server));
            let mut octets = [0; 4096];
            // The proof, and what follows at once; then silence.
            back.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            while let Ok(count @ 1..) = back.read(&mut octets) {
                client.write_all(&octets[..count]).unwrap();
            }
            client.shutdown(std::net::Shutdown::Both).unwrap();
        });
        let line = format!("connect localhost:{port} --service host/localhost {options}");
        let mut client = world.start_client(&line);
        client.stdin.as_mut().unwrap().write_all(b"hello").unwrap();
        cut.join().unwrap();
        assert_eq!(client.wait().unwrap().code(), Some(code), "{line}");
    }
}

#[test]
fn a_login_proves_itself_as_the_one_before_if_that_is_wished() {
    let world = World::with_realm();
    world.run("realm settings --preauth spake,encrypted-timestamp").ok();
    let _kdc = world.start_kdc();
    let conf = fs::read_to_string(world.path("krb5.conf")).unwrap();
    let first = format!("[libdefaults]\n preferred_preauth_types = 2\n{conf}");
    fs::write(world.path("krb5.conf"), first).unwrap();
    world.run_with("login alice --password-stdin --cache FILE:first", PASSWORD).ok();
    fs::write(world.path("krb5.conf"), conf).unwrap();
    let proven_by = |cache: &str| {
        let listed = world.run(&format!("list --config --cache {cache}")).ok().stdout;
        listed.lines().find(|line| line.contains("pa_type")).unwrap_or_else(|| panic!("{listed}")).to_owned()
    };
    world.run_with("login alice --password-stdin --cache FILE:usual", PASSWORD).ok();
    world.run_with("login alice --password-stdin --cache FILE:again --input-cache FILE:first", PASSWORD).ok();
    assert_eq!(proven_by("FILE:again"), proven_by("FILE:first"));
    assert_ne!(proven_by("FILE:usual"), proven_by("FILE:first"));
}

#[test]
fn who_logs_out_may_be_named() {
    let world = World::with_realm();
    world.run_with("realm add-user bob --password-stdin", PASSWORD).ok();
    let _kdc = world.start_kdc();
    let collection = format!("DIR:{}", world.path("caches").display());
    let run = |line: &str| world.run_in(&collection, line, PASSWORD);
    run("login alice --password-stdin").ok();
    run("login bob --password-stdin").ok();
    run("logout -p alice").ok();
    run("logout --principal alice").failed(3, "no cache has tickets of alice@A.TEST");
    assert!(run("list --all").ok().stdout.contains("bob@A.TEST"));
    assert_eq!(run("logout -p bob --all").code, 2);
}
