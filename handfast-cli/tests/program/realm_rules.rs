//! `handfast realm modify`, `show`, `settings` and `trust`: what they say holds at the KDC.

use crate::support::{PASSWORD, World, cache};
use serde_json::{Value, json};
use std::fs;

fn shown(world: &World, name: &str) -> Value {
    world.run(&format!("realm show {name} --json")).ok().object()
}

#[test]
fn what_is_named_changes_and_nothing_else() {
    let world = World::with_realm();
    let before = shown(&world, "alice");
    world.run("realm modify alice --rid 1103 --groups 513,1200 --max-life 1h --forwardable no").ok();
    let after = shown(&world, "alice");
    assert_eq!(after["account"], json!({ "rid": 1103, "groups": [513, 1200] }));
    assert_eq!((&after["max_life"], &after["forwardable"]), (&json!(3600), &json!(false)));
    for same in ["keys", "disabled", "preauth", "expires", "password_expires", "max_renewable_life", "created"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    world.run("realm modify alice --rid 1104 --max-life realm --expires 1h").ok();
    let after = shown(&world, "alice");
    assert_eq!((&after["account"]["groups"], &after["max_life"]), (&json!([513, 1200]), &Value::Null));
    assert!(after["expires"].is_string());
    world.run("realm modify host/localhost --groups 513").failed(2, "--rid");
    world.run("realm modify alice --disabled maybe").failed(2, "yes or no");
    world.run("realm modify bob --disabled yes").failed(8, "there is no bob@A.TEST");
    assert!(world.run("realm show alice").ok().stdout.contains("1104, groups 513, 1200"));
}

#[test]
fn a_disabled_or_ended_account_logs_in_no_more() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    world.run("realm modify alice --disabled yes").ok();
    std::thread::sleep(std::time::Duration::from_millis(300));
    world.run_with("login alice --password-stdin", PASSWORD).failed(5, "alice@A.TEST");
    world.run("realm modify alice --disabled no").ok();
    world.run_until_ok("login alice --password-stdin", PASSWORD);
    world.run("realm modify alice --expires 1s").ok();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    world.run_with("login alice --password-stdin", PASSWORD).failed(5, "alice@A.TEST");
    world.run("realm modify alice --expires never").ok();
    world.run_until_ok("login alice --password-stdin", PASSWORD);
}

#[test]
fn a_service_delegates_to_whom_its_list_names() {
    let world = World::with_realm();
    world.run("realm add-service nfs/localhost").ok();
    let _kdc = world.start_kdc();
    world.run("login host/localhost --keytab keytab --forwardable").ok();
    let get = "get nfs/localhost --s4u2self alice --s4u2proxy --out-cache FILE:for-alice";
    world.run(get).failed(5, "alice@A.TEST");
    world.run("realm modify host/localhost --delegate-to nfs/localhost --protocol-transition yes").ok();
    std::thread::sleep(std::time::Duration::from_millis(400));
    world.run(get).ok();
    world.run("realm modify host/localhost --delegate-to= --protocol-transition no").ok();
    assert_eq!(shown(&world, "host/localhost")["delegates_to"], json!([]));
    std::thread::sleep(std::time::Duration::from_millis(300));
    world.run(get).failed(5, "alice@A.TEST");
    world.run("realm settings --domain A").ok();
    world.run("realm modify nfs/localhost --allow-to-act host/localhost").ok();
    assert_eq!(shown(&world, "nfs/localhost")["allowed_to_act"], json!(["host/localhost@A.TEST"]));
}

#[test]
fn settings_are_shown_and_changed() {
    let world = World::with_realm();
    let settings = |arguments: &str| world.run(&format!("realm settings {arguments} --json")).ok().object();
    let before = settings("");
    assert_eq!((&before["max_life"], &before["domain"]), (&json!(86_400), &Value::Null));
    let after = settings("--max-life 10h --weak-rc4 yes --domain A --capath B.TEST:A.TEST:C.TEST,D.TEST:A.TEST");
    assert_eq!((&after["max_life"], &after["weak_rc4"]), (&json!(36_000), &json!(true)));
    assert_eq!(after["capaths"], json!(["B.TEST:A.TEST:C.TEST", "D.TEST:A.TEST"]));
    let sid = after["domain"]["sid"].as_str().unwrap();
    assert!(sid.starts_with("S-1-5-21-"), "{sid}");
    assert_eq!(settings("--clock-skew 1m")["domain"]["sid"], sid, "it stays");
    assert_eq!(settings("--domain-sid S-1-5-21-1-2-3")["domain"], json!({ "name": "A", "sid": "S-1-5-21-1-2-3" }));
    assert_eq!(settings("--capath=")["capaths"], json!([]));
    assert_eq!(settings("")["clock_skew"], json!(60));
    world.run("realm settings --host-realm b.test").failed(2, "HOST=REALM");
    world.run("realm settings --capath B.TEST").failed(2, "CLIENT:SERVER");
    World::with_realm().run("realm settings --domain-sid S-1-5-21-1-2-3").failed(2, "--domain NAME");
}

/// Two realms of ours: alice of one gets a ticket in the other, on the way that its settings name.
#[test]
fn users_of_a_trusted_realm_come_to_services_here() {
    let (here, there) = (World::with_realm(), World::new());
    there.run("realm init B.TEST").ok();
    there.run("realm add-service HTTP/www.b.test").ok();
    there.run_with("realm trust A.TEST --incoming --password-stdin", "long and random").ok();
    here.run_with("realm trust B.TEST --outgoing --password-stdin", "long and random").ok();
    here.run("realm trust A.TEST --incoming").failed(2, "A.TEST is this realm");
    here.run("realm settings --host-realm .b.test=B.TEST").ok();
    let (kdc, other) = (here.start_kdc(), there.start_kdc());
    let realms = format!("A.TEST = {{ kdc = {} }}\n B.TEST = {{ kdc = {} }}", kdc.address, other.address);
    let conf = format!("[libdefaults]\n default_realm = A.TEST\n dns_lookup_kdc = false\n[realms]\n {realms}\n");
    fs::write(here.path("krb5.conf"), conf.replace("{ kdc", "{\n kdc").replace(" }", "\n }")).unwrap();
    here.run_with("login alice --password-stdin", PASSWORD).ok();
    here.run("get HTTP/www.b.test").ok();
    let servers: Vec<_> = cache(&here).tickets().map(|ticket| ticket.server.to_string()).collect();
    assert!(servers.contains(&"HTTP/www.b.test@B.TEST".to_owned()), "{servers:?}");
    there.run("realm remove krbtgt/B.TEST@A.TEST").ok();
    there.run("realm remove krbtgt/B.TEST").failed(2, "can't be removed");
}
