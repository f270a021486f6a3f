//! `handfast doctor`: each thing that is wrong is named, with what to do, and what is right is not.

use crate::support::World;
use handfast::Principal;
use handfast::krb5::Ccache;
use handfast::krb5::ccache::KdcOffset;
use handfast::krb5::message::{ErrorCode, KrbError, PrincipalName};
use serde_json::Value;
use std::fs;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, SystemTime};

/// What it found: about what, in which state, in what words.
fn findings(world: &World, arguments: &str) -> (i32, Vec<(String, String, String)>) {
    let ended = world.run(&format!("doctor --json {arguments}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = found.map(|one| (text(&one["about"]), text(&one["state"]), text(&one["what"])));
    (ended.code, found.collect())
}

#[track_caller]
fn expect(world: &World, arguments: &str, code: i32, expected: &[(&str, &str, &str)]) {
    let (ended, found) = findings(world, arguments);
    for (about, state, what) in expected {
        let there = found.iter().any(|(a, s, w)| (a.as_str(), s.as_str()) == (about, state) && w.contains(what));
        assert!(there, "{about} {state}: {what:?} in {found:#?}");
    }
    let wrong = found.iter().filter(|(_, state, _)| state == "wrong").count();
    let named = expected.iter().filter(|(_, state, _)| *state == "wrong").count();
    assert_eq!((ended, wrong), (code, named), "{found:#?}");
}

#[test]
fn where_all_is_well_it_says_so() {
    let (world, _kdc) = World::with_alice();
    expect(
        &world,
        "host/localhost",
        0,
        &[
            ("configuration", "good", "krb5.conf"),
            ("realm", "good", "A.TEST is the default realm"),
            ("KDC", "good", "answers by TCP in"),
            ("clock", "good", "this machine's clock is"),
            ("login", "good", "alice@A.TEST in FILE:"),
            ("host", "good", "localhost is at 127.0.0.1"),
            ("ticket", "good", "for host/localhost@A.TEST under a key of aes256-cts-hmac-sha1-96, version 1"),
            ("keytab", "good", "opens the ticket, with version 1 of aes256-cts-hmac-sha1-96"),
        ],
    );
    let text = world.run("doctor").ok().stdout;
    assert!(text.contains(" ✓ login ") && text.ends_with("Nothing is wrong.\n"), "{text}");
}

#[test]
fn without_configuration_realm_or_login_it_says_what_to_do() {
    let world = World::new();
    let ended = world.run("doctor").failed(8, "one thing is wrong");
    assert!(ended.stdout.contains("set default_realm in krb5.conf, log in as NAME@REALM"), "{}", ended.stdout);
    let (world, _kdc) = World::with_alice();
    world.run("logout").ok();
    expect(&world, "", 3, &[("login", "wrong", "there is no credential cache")]);
    fs::write(world.path("krb5.conf"), "[libdefaults\n").unwrap();
    expect(&world, "", 8, &[("configuration", "wrong", "krb5.conf:1")]);
}

#[test]
fn lines_without_effect_are_shown() {
    let (world, _kdc) = World::with_alice();
    let conf = fs::read_to_string(world.path("krb5.conf")).unwrap();
    fs::write(world.path("krb5.conf"), format!("{conf}[libdefaults]\n clokskew = 5\n")).unwrap();
    expect(&world, "", 0, &[("configuration", "odd", "libdefaults.clokskew is not known")]);
}

#[test]
fn a_kdc_that_is_down_is_named_and_matters_only_if_no_other_answers() {
    let (world, kdc) = World::with_alice();
    let conf = fs::read_to_string(world.path("krb5.conf")).unwrap();
    let both = conf.replace(" kdc = ", " kdc = 127.0.0.1:1\n kdc = ");
    fs::write(world.path("krb5.conf"), both).unwrap();
    expect(&world, "", 0, &[("KDC", "odd", "127.0.0.1:1 of A.TEST"), ("KDC", "good", "answers by UDP")]);
    drop(kdc);
    let (code, found) = findings(&world, "host/localhost");
    let wrong: Vec<_> =
        found.iter().filter(|(_, state, _)| state == "wrong").map(|(about, ..)| about.as_str()).collect();
    assert_eq!((code, wrong), (4, vec!["KDC", "KDC"]), "{found:?}");
    assert!(!found.iter().any(|(about, ..)| about == "ticket" || about == "clock"), "nobody could be asked");
    fs::write(world.path("krb5.conf"), "[libdefaults]\n default_realm = A.TEST\n dns_lookup_kdc = false\n").unwrap();
    expect(&world, "", 4, &[("KDC", "wrong", "no KDC of A.TEST is known")]);
}

/// Answers every datagram with an error that says what time it is there.
fn kdc_at(ahead: i64) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let krbtgt = Principal::krbtgt("A.TEST", "A.TEST");
        while let Ok((_, from)) = socket.recv_from(&mut [0; 4096]) {
            let now = handfast::Time::from(SystemTime::now()).unix_seconds() + ahead;
            let error = KrbError {
                ctime: None,
                cusec: None,
                stime: handfast::Time::from_unix_seconds(now).into(),
                susec: handfast::Time::EPOCH.into(),
                error_code: ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
                crealm: None,
                cname: None,
                realm: "A.TEST",
                sname: PrincipalName::from(&krbtgt),
                e_text: None,
                e_data: None,
            };
            socket.send_to(&error.to_der(), from).unwrap();
        }
    });
    address
}

#[test]
fn clocks_that_are_apart_are_told_with_the_way_to_go() {
    let (world, _kdc) = World::with_alice();
    let conf = fs::read_to_string(world.path("krb5.conf")).unwrap();
    let before = |line: &str| line.trim_start().starts_with("kdc = ");
    let cache = world.path("cc");
    let learned = fs::read(&cache).unwrap();
    let with_offset = |seconds: i32| {
        let mut held = Ccache::decode(&learned).unwrap();
        held.kdc_offset = Some(KdcOffset { seconds, microseconds: 0 });
        fs::write(&cache, held.encode().unwrap().expose()).unwrap();
    };
    for (ahead, offset, settings, code, state, says) in [
        (-3600, 0, "kdc_timesync = 0", 5, "wrong", "clock is 1 h ahead of the KDC's; 5 min is allowed"),
        (3600, 3600, "kdc_timesync = 0", 5, "wrong", "behind the KDC's; 5 min is allowed"),
        (3600, 3600, "", 0, "odd", "the login goes by the KDC's (kdc_timesync), but services on this machine"),
        (3600, 0, "", 5, "wrong", "a clock was set since the login, which goes by one that is"),
        (0, 3600, "", 5, "wrong", "a clock was set since the login, which goes by one that is"),
        (100, 0, "", 0, "odd", "behind the KDC's"),
        (3, 0, "", 0, "good", "behind the KDC's"),
    ] {
        with_offset(offset);
        let kdc = format!("  kdc = udp/{}", kdc_at(ahead));
        let lines: Vec<_> = conf.lines().map(|line| if before(line) { kdc.as_str() } else { line }).collect();
        let text = lines.join("\n").replacen("[libdefaults]", &format!("[libdefaults]\n  {settings}"), 1);
        fs::write(world.path("krb5.conf"), text).unwrap();
        expect(&world, "", code, &[("clock", state, says)]);
    }
}

#[test]
fn a_service_that_the_kdc_does_not_know_and_a_host_without_address() {
    let (world, _kdc) = World::with_alice();
    expect(
        &world,
        "HTTP/nowhere.invalid",
        5,
        &[
            ("host", "odd", "no address for host nowhere.invalid"),
            ("ticket", "wrong", "does not know the service HTTP/nowhere.invalid@A.TEST"),
            ("keytab", "odd", "has no key of HTTP/nowhere.invalid@A.TEST; it has host/localhost@A.TEST"),
        ],
    );
    let text = world.run("doctor HTTP/www").failed(5, "").stdout;
    assert!(text.contains("www is a short name") && text.contains("setspn -Q"), "{text}");
    expect(&world, "host/127.0.0.1", 5, &[("host", "odd", "is an address"), ("ticket", "wrong", "")]);
}

#[test]
fn a_keytab_is_right_if_it_opens_the_ticket_and_else_it_says_why_not() {
    let (world, _kdc) = World::with_alice();
    let keytab = world.path("keytab");
    let wrong = |what| expect(&world, "host/localhost --keytab keytab", 8, &[("keytab", "wrong", what)]);
    // Keys of another realm that has the same name.
    world.run("realm remove host/localhost").ok();
    world.run("realm add-service host/localhost --keytab new").ok();
    thread::sleep(Duration::from_millis(400));
    wrong("has a key of that version and type");
    // Only another type.
    fs::remove_file(&keytab).unwrap();
    world.run_with("keytab derive host/localhost@A.TEST --kvno 1 --enctype aes128-sha2 --password-stdin", "x").ok();
    wrong("version 1 of aes128-cts-hmac-sha256-128, but the KDC uses version 1 of aes256-cts-hmac-sha1-96");
    // Only another version.
    fs::remove_file(&keytab).unwrap();
    world.run_with("keytab derive host/localhost@A.TEST --kvno 7 --enctype aes256-sha1 --password-stdin", "x").ok();
    wrong("the keys have been changed since");
    fs::remove_file(&keytab).unwrap();
    world.run_with("keytab derive other@A.TEST --kvno 1 --enctype aes256-sha1 --password-stdin", "x").ok();
    wrong("has no key of host/localhost@A.TEST; it has other@A.TEST");
    expect(&world, "host/localhost --keytab new", 0, &[("keytab", "good", "opens the ticket")]);
    fs::set_permissions(world.path("new"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    expect(&world, "host/localhost --keytab new", 0, &[("keytab", "odd", "can be read by everybody (mode 0644)")]);
    expect(&world, "host/localhost --keytab none", 8, &[("keytab", "wrong", "none")]);
}
