//! MIT's gss-client with `handfast serve`.

use crate::handfast::{Handfast, Server};
use handfast_interop::{Enctype, MitClient, MitRealm, Run};
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

fn serve(realm: &MitRealm, arguments: &str) -> Server {
    Handfast::new(realm.config()).keytab(realm.service_keytab()).serve(arguments)
}

#[test]
fn gss_client_verifies_us_with_each_enctype() {
    let realm = MitRealm::shared();
    let server = serve(&realm, "");
    for enctype in Enctype::ALL {
        let alice = realm.client_of_with("alice", &realm.config().clone().enctypes(&[enctype]));
        let client = alice.gss_client(server.port(), &enctype.service(), "hello", &["-mcount", "2"]);
        assert_eq!(client.expect_success().text().matches("Signature verified.").count(), 2, "{client}");
        client.expect_text("context flag: GSS_C_MUTUAL_FLAG");
        let service = format!("{}@MIT.TEST", enctype.service_principal());
        client.expect_text(&format!("\"alice@MIT.TEST\" to \"{service}\""));
        let subkey = format!("subkey {}/", enctype.trace_name());
        let trace = alice.trace();
        assert!(trace.lines().any(|line| line.contains("Read AP-REP") && line.contains(&subkey)), "{trace}");
        server.expect_log(&format!("alice@MIT.TEST is proven, to {service}: Kerberos V5 with {}", enctype.name()));
    }
    server.expect_log("sealed message of 5 bytes: \"hello\"");
}

/// What gss-client prints with these options, against a server with those arguments.
fn meet(server: &str, options: &[&str]) -> (Run, Server) {
    let realm = MitRealm::shared();
    let server = serve(&realm, server);
    let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", options);
    (client, server)
}

#[test]
fn flags_that_gss_client_asks_for_are_those_that_it_gets() {
    for (option, flag, present) in [
        ("-nomutual", "GSS_C_MUTUAL_FLAG", false),
        ("-noreplay", "GSS_C_REPLAY_FLAG", false),
        ("-seq", "GSS_C_SEQUENCE_FLAG", true),
    ] {
        let (client, _server) = meet("", &[option]);
        client.expect_text("Signature verified.");
        assert_eq!(client.text().contains(&format!("context flag: {flag}")), present, "{client}");
    }
}

#[test]
fn signed_messages_are_taken_if_the_server_is_told_to() {
    let (client, server) = meet("--integrity-only", &["-nx"]);
    client.expect_text("Signature verified.");
    server.expect_log("signed message of 5 bytes: \"hello\"");
    let (client, server) = meet("", &["-nx"]);
    assert!(!client.text().contains("Signature verified."), "{client}");
    server.expect_log("sealed");
    let (client, _server) = meet("--integrity-only", &["-nw"]);
    assert!(!client.text().contains("Signature verified."), "{client}");
}

#[test]
fn a_message_without_a_signed_answer_is_answered_too() {
    let (client, server) = meet("", &["-nm"]);
    client.expect_success().expect_text("Response received.");
    server.expect_log("sealed message of 5 bytes");
}

#[test]
fn many_clients_are_served_at_once() {
    let realm = MitRealm::shared();
    let server = serve(&realm, "");
    thread::scope(|scope| {
        for user in ["alice", "bob", "nopre", "alice"] {
            let (realm, server) = (&realm, &server);
            scope.spawn(move || {
                let options = ["-mcount", "3", "-ccount", "3"];
                let client = realm.client_of(user).gss_client(server.port(), "host@localhost", "hello", &options);
                assert_eq!(client.text().matches("Signature verified.").count(), 9, "{client}");
            });
        }
    });
    for user in ["alice", "bob", "nopre"] {
        server.expect_log(&format!("{user}@MIT.TEST is proven, to host/localhost@MIT.TEST"));
    }
    assert_eq!(server.log().matches(" is proven, ").count(), 12, "{}", server.log());
}

#[test]
fn only_clients_that_are_allowed_are_served() {
    let realm = MitRealm::shared();
    let server = serve(&realm, "--allow alice");
    let ask = |user: &str| realm.client_of(user).gss_client(server.port(), "sample@localhost", "hello", &[]);
    assert!(!ask("bob").text().contains("Signature verified."));
    server.expect_log("bob@MIT.TEST is proven, but is not one of those allowed");
    ask("alice").expect_text("Signature verified.");
}

#[test]
fn what_gss_client_hands_on_is_kept_if_the_server_is_told_to() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config()).keytab(realm.service_keytab());
    for (arguments, kept) in [("--take-delegated .", true), ("", false)] {
        let server = program.serve(arguments);
        let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", &["-d"]);
        client.expect_text("Signature verified.").expect_text("context flag: GSS_C_DELEG_FLAG");
        server.expect_log("sealed message of 5 bytes");
        let says = server.log().contains("alice@MIT.TEST hands on its login: FILE:./1-alice@MIT.TEST, until ");
        assert_eq!(says, kept, "{}", server.log());
    }
    let nowhere = program.run("serve --listen 127.0.0.1:0 --take-delegated nowhere");
    crate::handfast::failed(&nowhere, 8, "nowhere");
}

/// As long as the connection lasts, MIT's programs are the client with what it has handed on; then it is gone.
#[test]
fn a_login_that_is_handed_on_is_one_for_mits_programs() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config()).keytab(realm.service_keytab());
    let server = program.start("serve --echo --service sample/localhost --take-delegated .", "listening on ");
    let client = Handfast::new(realm.config());
    client.login("alice", "alice-password").expect_success();
    let line = format!("connect localhost:{} --service sample/localhost --delegate", server.port());
    let door = client.start(&line, "listening on ");
    let held = TcpStream::connect(door.address()).unwrap();
    server.expect_log("alice@MIT.TEST hands on its login: ");
    let cache: PathBuf = program.path("1-alice@MIT.TEST");
    let mit = MitClient::with_ccache(realm.config(), &cache);
    let listed = mit.klist();
    assert_eq!((listed.principal.as_str(), listed.tickets.len()), ("alice@MIT.TEST", 1));
    assert!(listed.tickets[0].flags.contains('f'), "forwarded: {:?}", listed.tickets[0]);
    mit.kvno("host/localhost").expect_success();
    drop(held);
    let asked = Instant::now();
    while cache.exists() {
        assert!(asked.elapsed() < Duration::from_secs(20), "{} is still there", cache.display());
        thread::sleep(Duration::from_millis(20));
    }
}
