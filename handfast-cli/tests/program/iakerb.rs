//! IAKERB between `handfast serve` and `handfast connect`: a client that knows no KDC logs in through the server.

use crate::support::{Ended, PASSWORD, Server, World};

/// A realm with its KDC, and a server that asks it for clients.
fn serve(more: &str) -> (World, Server, Server) {
    let world = World::with_realm();
    let kdc = world.start_kdc();
    let server = world.start(&format!("serve --listen 127.0.0.1:0 --echo {more}"));
    (world, kdc, server)
}

/// A client in a folder of its own: no krb5.conf, no cache.
fn connect(server: &Server, user: &str, password: &str, more: &str) -> Ended {
    let line =
        format!("connect localhost:{} --user {user} --password-stdin --message x --verbose {more}", server.port());
    World::new().run_with(&line, password)
}

#[test]
fn a_client_without_a_kdc_logs_in_through_the_server() {
    let (_world, _kdc, server) = serve("--iakerb");
    for (user, more, why) in [
        ("alice@A.TEST", "--mechanism iakerb", "not negotiated"),
        ("alice", "--mechanism iakerb", "not negotiated"),
        ("alice@A.TEST", "--mechanism negotiate", "negotiated without 1.2.840.113554.1.2.2"),
    ] {
        let ended = connect(&server, user, PASSWORD, more).ok();
        assert_eq!(ended.stdout, "x");
        assert!(ended.stderr.contains("host/localhost@A.TEST is proven, to alice@A.TEST: "), "{ended:?}");
        assert!(ended.stderr.contains("(IAKERB)"), "{ended:?}");
        let proven = server.event("proven");
        assert_eq!((&proven["peer"], &proven["mechanism"]), (&"alice@A.TEST".into(), &"iakerb".into()));
        assert!(why == "not negotiated" || ended.stderr.contains(why), "{ended:?}");
    }
}

#[test]
fn a_wrong_password_is_the_kdcs_refusal() {
    let (_world, _kdc, server) = serve("--iakerb");
    connect(&server, "alice@A.TEST", "wrong", "--mechanism iakerb").failed(5, "most likely the password is wrong");
}

#[test]
fn nobody_is_relayed_for_without_the_word_and_only_to_realms_that_are_named() {
    let (_world, _kdc, plain) = serve("");
    connect(&plain, "alice@A.TEST", PASSWORD, "--mechanism iakerb").failed(6, "");
    plain.refused("peer-refused");
    let (_world, _kdc, elsewhere) = serve("--iakerb --iakerb-realm B.TEST");
    connect(&elsewhere, "alice@A.TEST", PASSWORD, "--mechanism iakerb").failed(6, "");
    elsewhere.refused("peer-refused");
    World::with_realm()
        .run("serve --listen 127.0.0.1:0 --echo --mechanism iakerb")
        .failed(2, "log in through this server");
}

#[test]
fn a_server_of_the_old_dialect_takes_both() {
    let (_world, _kdc, server) = serve("--iakerb --iakerb-dialect mit-1.21 --mechanism iakerb");
    for dialect in ["draft", "mit-1.21"] {
        let more = format!("--mechanism iakerb --iakerb-dialect {dialect}");
        assert_eq!(connect(&server, "alice@A.TEST", PASSWORD, &more).ok().stdout, "x");
    }
    // And nobody who comes otherwise: only iakerb is listed.
    connect(&server, "alice@A.TEST", PASSWORD, "--mechanism kerberos").failed(2, "--user is for --mechanism iakerb");
}

#[test]
fn a_silent_kdc_is_said_to_be_silent() {
    let (_world, kdc, server) = serve("--iakerb");
    drop(kdc);
    let ended = connect(&server, "alice@A.TEST", PASSWORD, "--mechanism iakerb");
    assert!(matches!(ended.code, 4 | 6), "{ended:?}");
    server.refused("kdc-unreachable");
}

#[test]
fn messages_one_by_one_and_the_tickets_of_a_login() {
    let (world, _kdc, server) = serve("--iakerb --framing gss-sample");
    world.run_with("login alice --password-stdin", PASSWORD).ok();
    let line =
        format!("connect localhost:{} --framing gss-sample --mechanism iakerb --message x --verbose", server.port());
    let ended = world.run(&line).ok();
    assert!(ended.stderr.contains("(IAKERB)"), "{ended:?}");
}
