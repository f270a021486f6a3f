//! `handfast login`, `list` and `logout`.

use crate::support::{PASSWORD, World, cache, free_port, mode, set_cache};
use handfast::Time;
use handfast::krb5::ccache::CcacheEntry;
use serde_json::Value;
use std::fs;

#[test]
fn a_login_is_listed_checked_renewed_and_ended() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    world.run("list --check").failed(3, "cc");
    let text = world.run_with("login alice --password-stdin --renewable 7d --forwardable", PASSWORD).ok().stdout;
    assert!(text.starts_with("alice@A.TEST has a ticket for krbtgt/A.TEST@A.TEST, good for 2"), "{text}");
    assert_eq!(mode(&world.path("cc")), 0o600);
    assert_eq!(world.run("list --check").ok().stdout, "");
    let list = world.run("list --json").ok().object();
    assert_eq!(list["principal"], "alice@A.TEST");
    let ticket = &list["tickets"][0];
    assert_eq!((&ticket["service"], &ticket["expired"]), (&"krbtgt/A.TEST@A.TEST".into(), &false.into()));
    for flag in ["forwardable", "renewable", "initial", "pre-authenticated"] {
        assert!(ticket["flags"].as_array().unwrap().contains(&flag.into()), "{ticket}");
    }
    let text = world.run("list").ok().stdout;
    for part in
        ["Principal   alice@A.TEST", "renewable   until", "forwardable, renewable, initial", "aes256", " left\n"]
    {
        assert!(text.contains(part), "{text}");
    }
    world.run("login --renew").ok();
    assert_ne!(world.run("list --json").ok().object()["tickets"][0], serde_json::Value::Null);
    world.run("logout").ok();
    assert!(!world.path("cc").exists());
    for command in ["list", "logout", "list --check", "login --renew", "connect localhost:1"] {
        world.run(command).failed(3, "cc");
    }
}

#[test]
fn who_logs_in_again_need_not_be_named() {
    let (world, _kdc) = World::with_alice();
    let again = world.run_with("login --password-stdin --lifetime 1h --json", PASSWORD).ok().object();
    assert_eq!(again["principal"], "alice@A.TEST");
    assert!(again["ticket"]["seconds_left"].as_u64().unwrap() <= 3600, "{again}");
}

#[test]
fn the_kdcs_refusals_are_told_apart() {
    let (world, _kdc) = World::with_alice();
    let before = fs::read(world.path("cc")).unwrap();
    let login = |line: &str, password: &str| world.run_with(&format!("login --password-stdin {line}"), password);
    login("alice", "wrong").failed(5, "most likely the password is wrong");
    login("nobody", "x").failed(5, "does not know nobody@A.TEST");
    login("alice --service HTTP/nowhere", PASSWORD).failed(5, "does not know the service HTTP/nowhere@A.TEST");
    login("alice@B.TEST", PASSWORD).failed(4, "no KDC is known for the realm B.TEST");
    world.run("login --renew").failed(3, "not renewable");
    assert_eq!(fs::read(world.path("cc")).unwrap(), before, "a login that fails changes nothing");
}

#[test]
fn a_kdc_that_is_down_is_named() {
    let world = World::with_realm();
    let port = free_port();
    world.run(&format!("realm config --kdc 127.0.0.1:{port} --output krb5.conf")).ok();
    let ended = world.run_with("login alice --password-stdin", PASSWORD);
    ended.failed(4, "no KDC of the realm A.TEST answered").failed(4, &format!("127.0.0.1:{port}"));
}

#[test]
fn without_a_configuration_a_name_needs_its_realm() {
    let world = World::new();
    world.run_with("login alice --password-stdin", "x").failed(8, "alice").failed(8, "default_realm");
    let nobody = "nameserver 127.0.0.1:1 over UDP: SRV _kerberos._udp.A.TEST: it refused the connection";
    world
        .run_with("login alice@A.TEST --password-stdin", "x")
        .failed(4, nobody)
        .failed(4, "next: make sure that krb5.conf");
    fs::write(world.path("krb5.conf"), "[libdefaults]\n dns_lookup_kdc = false\n").unwrap();
    world.run_with("login alice@A.TEST --password-stdin", "x").failed(4, "no KDC is known for the realm A.TEST");
    fs::write(world.path("krb5.conf"), "[libdefaults\n").unwrap();
    world.run("list").failed(8, "krb5.conf:1: ");
}

#[test]
fn other_kinds_of_caches_are_named() {
    World::new().run("list --cache API:").failed(8, "type API");
    World::new()
        .run("list --cache KEYRING:nowhere:x")
        .failed(8, "persistent, session, user, process, thread or legacy");
}

#[test]
fn a_collection_has_a_cache_for_each_and_a_primary_one() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    let name = format!("DIR:{}", world.path("caches").display());
    let run = |line: &str, input: &str| world.run_in(&name, line, input);
    run("list --all", "").failed(3, "there is no credential cache at");
    run("login alice --password-stdin", PASSWORD).ok();
    run("login host/localhost --keytab keytab", "").ok();
    let text = run("list --all", "").ok().stdout;
    assert!(text.contains("* host/localhost@A.TEST") && text.contains("  alice@A.TEST"), "{text}");
    let wide = text.lines().filter(|line| line.chars().count() > 100).count();
    assert_eq!(wide, 0, "{text}");
    run("switch alice", "").ok();
    assert_eq!(run("list --json", "").ok().object()["principal"], "alice@A.TEST");
    run("switch nobody", "").failed(3, "no cache has tickets of nobody@A.TEST");
    run("switch --cache FILE:cc", "").failed(3, "there is no credential cache");
    fs::write(world.path("caches/tktBAD"), "no cache").unwrap();
    let all = run("list --all --json", "").ok().stdout;
    let objects: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let flags: Vec<Option<bool>> = objects.iter().map(|object| object["primary"].as_bool()).collect();
    assert_eq!(flags.iter().filter(|flag| **flag == Some(true)).count(), 1, "{all}");
    assert_eq!(objects.iter().filter(|object| object["error"].is_string()).count(), 1, "{all}");
    fs::remove_file(world.path("caches/tktBAD")).unwrap();
    assert_eq!(run("logout --all", "").ok().stdout.matches("destroyed").count(), 2);
    run("switch alice", "").failed(3, "no cache has tickets");
}

#[test]
fn a_keytab_is_a_login_too() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    world.run("login host/localhost --keytab keytab").ok();
    assert_eq!(cache(&world).principal.to_string(), "host/localhost@A.TEST");
    world.run("login alice --keytab keytab").failed(3, "no key of alice@A.TEST");
    world.run("login alice --keytab nothing").failed(8, "nothing");
}

#[test]
fn the_keys_of_a_keytab_are_listed() {
    let world = World::with_realm();
    for line in ["list --keytab", "list --keytab FILE:keytab", "list -k keytab"] {
        let text = world.run(line).ok().stdout;
        assert_eq!(text.matches("host/localhost@A.TEST").count(), 4, "{text}");
        assert!(text.contains("aes256-cts-hmac-sha384-192"), "{text}");
    }
    let list = world.run("list --keytab --json").ok().object();
    assert_eq!((list["entries"].as_array().unwrap().len(), &list["entries"][0]["kvno"]), (4, &1.into()));
    fs::write(world.path("bad"), b"\x05\x02\0").unwrap();
    world.run("list --keytab bad").failed(8, "bad");
    world.run("list --keytab nothing").failed(8, "nothing");
}

#[test]
fn expired_tickets_are_marked_and_open_nothing() {
    let (world, _kdc) = World::with_alice();
    let mut held = cache(&world);
    let mut ticket = held.tickets().next().unwrap().clone();
    ticket.end_time = Time::from_unix_seconds(ticket.auth_time.unix_seconds() - 3600);
    ticket.auth_time = Time::from_unix_seconds(ticket.end_time.unix_seconds() - 3600);
    ticket.start_time = None;
    held.remove(|_| true);
    held.append(CcacheEntry::Ticket(ticket));
    set_cache(&world, &held);
    assert!(world.run("list").ok().stdout.contains("   expired\n"));
    assert_eq!(world.run("list --json").ok().object()["tickets"][0]["expired"], true);
    world.run("list --check").failed(3, "no ticket-granting ticket of alice@A.TEST that is good now");
    let server = world.start("serve --listen 127.0.0.1:0 --echo");
    let connect = format!("connect localhost:{} --message x", server.port());
    world.run(&connect).failed(3, "handfast login");
}

#[test]
fn a_cache_that_is_no_cache_is_said_to_be_none() {
    let world = World::new();
    fs::write(world.path("cc"), b"\x05\x04\0").unwrap();
    world.run("list").failed(8, "cc");
}

#[test]
fn a_login_takes_its_armor_from_another_cache() {
    let (world, _kdc) = World::with_alice();
    let armor = format!("FILE:{}", world.path("cc").display());
    let login =
        |more: &str| world.run_with(&format!("login alice --password-stdin --cache FILE:other {more}"), PASSWORD);
    login(&format!("--armor {armor}")).ok();
    login(&format!("-T {armor} --fast if-possible")).ok();
    login(&format!("-T {armor} --hide-name")).ok();
    login(&format!("-T {armor} --hide-name --fast if-possible")).failed(2, "does not know FAST");
    login("-T FILE:nowhere").failed(3, "nowhere");
    login("--fast required").failed(2, "--armor");
    world.run(&format!("login --renew --armor {armor}")).failed(2, "--armor");
}

#[test]
fn tickets_for_services_are_got_once_and_kept() {
    let (world, _kdc) = World::with_alice();
    let cache = format!("FILE:{}", world.path("cc").display());
    for _ in 0..2 {
        let text = world.run("get host/localhost").ok().stdout;
        assert!(text.starts_with("alice@A.TEST has a ticket for host/localhost@A.TEST, good for "), "{text}");
        let list = world.run("list --json").ok().object();
        assert_eq!(list["tickets"].as_array().unwrap().len(), 2, "the second time it is there: {list}");
    }
    let only = world.run("get host/localhost --enctype aes128-cts --out-cache FILE:other --json").ok().object();
    assert!(only["ticket"]["session_enctype"].to_string().contains("aes128"), "{only}");
    assert_eq!(world.run("list --cache FILE:other --json").ok().object()["tickets"].as_array().unwrap().len(), 1);
    let text = world.run(&format!("get alice --u2u {cache}")).ok().stdout;
    assert!(text.contains("has a ticket for alice@A.TEST"), "{text}");
    world.run("get HTTP/nowhere").failed(5, "does not know the service HTTP/nowhere@A.TEST");
    world.run("get alice").failed(2, "no host");
    world.run("get host/localhost --s4u2self bob").failed(2, "--s4u2proxy");
    world.run("get --s4u2self bob --s4u2proxy").failed(2, "SERVICE");
    let keytab = world.path("keytab");
    world.run(&format!("login host/localhost --keytab {}", keytab.display())).ok();
    let text = world.run("get --s4u2self alice").ok().stdout;
    assert!(text.starts_with("alice@A.TEST has a ticket for host/localhost@A.TEST"), "{text}");
    // The realm's directory lets no service act for others.
    world.run("get host/localhost --s4u2self alice --s4u2proxy").failed(5, "alice@A.TEST");
    world.run("logout").ok();
    world.run("get host/localhost").failed(3, "cc");
}

#[test]
fn a_service_acts_for_a_user_with_a_cache() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    let login = "login host/localhost --keytab keytab --for-user";
    world.run(&format!("{login} alice")).failed(2, "--cache");
    world.run(&format!("{login} nobody --cache FILE:acting")).failed(5, "nobody@A.TEST");
    assert!(!world.path("acting").exists());
    let text = world.run(&format!("{login} alice --cache FILE:acting")).ok().stdout;
    assert!(text.contains("alice@A.TEST has a ticket for host/localhost@A.TEST"), "{text}");
    let list = world.run("list --cache FILE:acting").ok().stdout;
    assert!(list.contains("Principal   alice@A.TEST") && list.contains("krbtgt/A.TEST@A.TEST"), "{list}");
    assert!(list.contains("Acts        host/localhost@A.TEST, for alice@A.TEST"), "{list}");
    assert!(list.contains("client      host/localhost@A.TEST"), "the login is the service's own: {list}");
    world.run("list --check --cache FILE:acting").ok();
}
