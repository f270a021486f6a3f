//! The options of `kinit` and its like, under the same letters where they mean the same.

use crate::support::{PASSWORD, World, cache};
use serde_json::{Value, json};
use std::fs;

/// Adds lines to the section `[libdefaults]`.
fn configure(world: &World, lines: &str) {
    let path = world.path("krb5.conf");
    let conf = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("[libdefaults]\n{lines}\n{conf}")).unwrap();
}

/// The ticket of a login with these options.
fn login(world: &World, options: &str) -> Value {
    let line = format!("login alice --password-stdin --json {options}");
    world.run_with(&line, PASSWORD).ok().object()["ticket"].clone()
}

fn has(ticket: &Value, flag: &str) -> bool {
    ticket["flags"].as_array().unwrap().contains(&flag.into())
}

#[test]
fn flags_of_the_configuration_can_be_said_no_to() {
    let (world, _kdc) = World::with_alice();
    let plain = login(&world, "");
    assert!(!has(&plain, "forwardable") && !has(&plain, "proxiable"));
    let wished = login(&world, "-f -p");
    assert!(has(&wished, "forwardable") && has(&wished, "proxiable"));
    configure(&world, "forwardable = true\nproxiable = true");
    let configured = login(&world, "");
    assert!(has(&configured, "forwardable") && has(&configured, "proxiable"));
    for (no, kept, gone) in [("-F", "proxiable", "forwardable"), ("--not-proxiable", "forwardable", "proxiable")] {
        let refused = login(&world, no);
        assert!(has(&refused, kept) && !has(&refused, gone), "{refused}");
    }
    assert!(!has(&login(&world, "--not-forwardable -P"), "forwardable"));
    for both in ["-f -F", "-p -P", "-a -A", "--request-pac --no-request-pac"] {
        assert_eq!(world.run(&format!("login alice {both}")).code, 2, "{both}");
    }
}

#[test]
fn a_ticket_is_bound_to_the_hosts_addresses_if_that_is_wished() {
    let (world, _kdc) = World::with_alice();
    configure(&world, "extra_addresses = 127.0.0.1");
    assert_eq!(login(&world, "")["addresses"], json!([]));
    let bound = login(&world, "--addresses");
    assert!(bound["addresses"].as_array().unwrap().contains(&"127.0.0.1".into()), "{bound}");
    let text = world.run("list").ok().stdout;
    assert!(text.contains("127.0.0.1") && text.contains(" alone\n"), "{text}");
    world.run("get host/localhost").ok();
    let text = world.run_with("login alice --password-stdin -a", PASSWORD).ok().stdout;
    assert!(text.contains("good from ") && text.contains("127.0.0.1"), "{text}");
    configure(&world, "noaddresses = false");
    assert_ne!(login(&world, "")["addresses"], json!([]));
    assert_eq!(login(&world, "-A")["addresses"], json!([]));
    assert_eq!(login(&world, "--no-addresses")["addresses"], json!([]));
}

#[test]
fn a_ticket_that_is_bound_to_other_addresses_is_good_for_nothing_here() {
    let (world, _kdc) = World::with_alice();
    configure(&world, "extra_addresses = 192.0.2.7");
    login(&world, "--addresses");
    world.run("get host/localhost").failed(5, "KRB_AP_ERR_BADADDR");
}

#[test]
fn pacs_are_asked_for_or_not() {
    let world = World::with_realm();
    world.run("realm settings --domain A").ok();
    world.run("realm modify alice --rid 1103 --groups 513").ok();
    let _kdc = world.start_kdc();
    // The realm looks at the one in a ticket-granting ticket whoever asks for none; services don't get it then.
    let size = |options: &str| {
        login(&world, options);
        world.run("get host/localhost").ok();
        cache(&world).tickets().find(|ticket| !ticket.server.is_krbtgt()).unwrap().ticket.len()
    };
    let (usual, with, without) = (size(""), size("--request-pac"), size("--no-request-pac"));
    assert_eq!(usual, with);
    assert!(without + 200 < with, "{without} {with}");
}

#[test]
fn keytabs_are_named_as_kinit_names_them() {
    let world = World::with_realm();
    let _kdc = world.start_kdc();
    for line in ["-k keytab", "-k -t keytab", "-t keytab", "--keytab FILE:keytab"] {
        world.run(&format!("login host/localhost {line}")).ok();
        assert_eq!(cache(&world).principal.to_string(), "host/localhost@A.TEST");
        world.run("logout").ok();
    }
    assert_eq!(world.run("login host/localhost -i").code, 2);
    world.run("login host/localhost -k -i").failed(8, "client.keytab");
}
