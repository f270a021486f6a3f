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
    world.run("realm modify alice").failed(2, "nothing is named that shall change for alice@A.TEST");
    world.run("realm modify bob --disabled yes").failed(8, "there is no bob@A.TEST");
    assert!(world.run("realm show alice").ok().stdout.contains("1104, groups 513, 1200"));
}

#[test]
fn a_disabled_or_ended_account_logs_in_no_more() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    world.run("realm modify alice --disabled yes").ok();
    world.run_until_failed("login alice --password-stdin", PASSWORD).failed(5, "alice@A.TEST");
    world.run("realm modify alice --disabled no").ok();
    world.run_until_ok("login alice --password-stdin", PASSWORD);
    world.run("realm modify alice --expires 1s").ok();
    world.run_until_failed("login alice --password-stdin", PASSWORD).failed(5, "alice@A.TEST");
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
    world.run_until_ok(get, "");
    world.run("realm modify host/localhost --delegate-to= --protocol-transition no").ok();
    assert_eq!(shown(&world, "host/localhost")["delegates_to"], json!([]));
    world.run_until_failed(get, "").failed(5, "alice@A.TEST");
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

#[test]
fn other_names_are_given_shown_used_and_taken_away() {
    let world = World::with_realm();
    world.run("realm alias al alice").ok();
    world.run("realm alias HTTP/www.a.test host/localhost").ok();
    world.run("realm alias bob bob@B.TEST").ok();
    world.run("realm alias bob robert@B.TEST").ok();
    assert_eq!(shown(&world, "alice")["aliases"], json!(["al@A.TEST"]));
    assert!(world.run("realm show alice").ok().stdout.contains("also called"), "told");
    let all =
        json!(["al@A.TEST=alice@A.TEST", "HTTP/www.a.test@A.TEST=host/localhost@A.TEST", "bob@A.TEST=robert@B.TEST"]);
    let settings = || world.run("realm settings --json").ok().object();
    assert_eq!(settings()["aliases"], all);
    world.run("realm alias alice host/localhost").failed(2, "is a principal itself");
    world.run("realm alias al nobody").failed(8, "there is no nobody@A.TEST");
    world.run("realm alias al krbtgt/A.TEST").failed(2, "ticket-granting service");
    world.run("realm alias al@B.TEST alice").failed(2, "not of the realm A.TEST");
    world.run("realm alias carol --remove").failed(8, "is nobody's other name");
    assert_eq!(world.run("realm alias al").code, 2);
    let kdc = world.start_kdc();
    world.run_with("login al --password-stdin", PASSWORD).failed(5, "al@A.TEST");
    world.run_with("login al -C --password-stdin", PASSWORD).ok();
    assert_eq!(cache(&world).principal.to_string(), "alice@A.TEST");
    world.run("get HTTP/www.a.test").ok();
    assert!(cache(&world).tickets().any(|ticket| ticket.server.to_string() == "HTTP/www.a.test@A.TEST"));
    world.run_with("login bob -C --password-stdin", PASSWORD).failed(4, "B.TEST");
    drop(kdc);
    world.run("realm alias al --remove").ok();
    assert_eq!(shown(&world, "alice")["aliases"], json!([]));
}

#[test]
fn enterprise_names_are_of_the_realm_that_their_suffix_says() {
    let world = World::with_realm();
    let set = world.run("realm settings --enterprise-suffix @Corp.test=A.TEST,far.test=B.TEST --json").ok().object();
    assert_eq!(set["enterprise_suffixes"], json!(["corp.test=A.TEST", "far.test=B.TEST"]));
    let _kdc = world.start_kdc();
    world.run_with("login -E alice@corp.test --password-stdin", PASSWORD).ok();
    assert_eq!(cache(&world).principal.to_string(), "alice@A.TEST");
    world.run_with("login -E alice@far.test --password-stdin", PASSWORD).failed(4, "B.TEST");
    world.run("realm settings --enterprise-suffix corp.test").failed(2, "SUFFIX=REALM");
    assert_eq!(world.run("realm settings --enterprise-suffix= --json").ok().object()["enterprise_suffixes"], json!([]));
}

#[test]
fn trusted_domains_are_named_by_realm_and_sid() {
    let world = World::with_realm();
    let set = world.run("realm settings --trusted-domain B.TEST=S-1-5-21-4-5-6 --json").ok().object();
    assert_eq!(set["trusted_domains"], json!(["B.TEST=S-1-5-21-4-5-6"]));
    assert!(world.run("realm settings").ok().stdout.contains("trusted domains"), "told");
    world.run("realm settings --trusted-domain B.TEST=nobody").failed(2, "REALM=SID");
    world.run("realm settings --trusted-domain B.TEST").failed(2, "REALM=SID");
    assert_eq!(world.run("realm settings --trusted-domain= --json").ok().object()["trusted_domains"], json!([]));
}

#[test]
fn proofs_are_those_of_the_settings_in_their_order() {
    let world = World::with_realm();
    let settings = |arguments: &str| world.run(&format!("realm settings {arguments} --json")).ok().object();
    assert_eq!(settings("")["preauth"], json!(["encrypted-challenge", "encrypted-timestamp"]));
    let set = settings("--preauth spake,encrypted-challenge,spake --spake-groups P-256,edwards25519");
    assert_eq!(set["preauth"], json!(["spake", "encrypted-challenge"]));
    assert_eq!((&set["spake_groups"], &set["spake_challenge"]), (&json!(["P-256", "edwards25519"]), &Value::Null));
    assert_eq!(settings("--spake-challenge P-256")["spake_challenge"], "P-256");
    let text = world.run("realm settings").ok().stdout;
    assert!(text.contains("spake, encrypted-challenge\n") && text.contains("a challenge in P-256 with"), "{text}");
    world.run("realm settings --spake-groups edwards25519").failed(2, "not among the groups of SPAKE");
    assert_eq!(world.run("realm settings --preauth morse").code, 2);
    assert_eq!(world.run("realm settings --spake-challenge P-1").code, 2);
    assert_eq!(settings("--spake-challenge none --spake-groups edwards25519")["spake_challenge"], Value::Null);
    let _kdc = world.start_kdc();
    let conf = fs::read_to_string(world.path("krb5.conf")).unwrap();
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    fs::write(world.path("krb5.conf"), format!("[libdefaults]\n spake_preauth_groups = P-521\n{conf}")).unwrap();
    world.run_with("login alice --password-stdin", PASSWORD).failed(5, "A.TEST");
}

#[test]
fn passwords_differ_from_those_before_and_stay_for_a_while() {
    let world = World::with_realm();
    let set = |arguments: &str| world.run(&format!("realm settings {arguments}"));
    let object = world.run("realm settings --password-history 3 --json").ok().object();
    assert_eq!((&object["passwords"]["history"], &object["passwords"]["min_age"]), (&json!(3), &json!(0)));
    assert!(set("").ok().stdout.contains("differ from the last 3\n"), "told");
    for (wrong, says) in [
        ("--password-history 0", "1..=64"),
        ("--password-history 65", "1..=64"),
        ("--min-password-age soon", "time span"),
        ("--min-password-age 1d --max-password-age 1d", "--min-password-age shorter"),
    ] {
        let ended = set(wrong);
        assert!(ended.code == 2 && ended.stderr.contains(says), "{wrong}: {ended:?}");
    }
    world.run_with("realm set-password alice --password-stdin", "battery staple").ok();
    assert_eq!(shown(&world, "alice")["passwords_remembered"], json!(1));
    assert!(shown(&world, "alice")["password_changed"].is_string());
    let kdc = world.start("realm serve --listen 127.0.0.1:0 --kpasswd-listen 127.0.0.1:0");
    let passwd = |old: &str, new: &str| {
        fs::write(world.path("new"), new).unwrap();
        world.run_with("passwd alice --password-stdin --new-password-file new", old)
    };
    passwd("battery staple", PASSWORD).failed(5, "must differ from the last 3");
    passwd("battery staple", "third password").ok();
    drop(kdc);
    let told = set("--min-password-age 1h").ok().stdout;
    assert!(told.contains("1 h after the change before"), "{told}");
    let _kdc = world.start("realm serve --listen 127.0.0.1:0 --kpasswd-listen 127.0.0.1:0");
    passwd("third password", "fourth password").failed(5, "changed lately");
    set("--min-password-age none").ok();
}
