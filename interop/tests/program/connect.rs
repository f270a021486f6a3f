//! `handfast connect` with MIT's gss-server.

use crate::handfast::Handfast;
use handfast_interop::{Enctype, GssServer, MitConfig, MitRealm, Run};

/// Logs in, connects and gives what `connect` printed.
fn connect(config: &MitConfig, server: &GssServer, service: &str, arguments: &str, input: &str) -> Run {
    let program = Handfast::new(config);
    program.login("alice", "alice-password").expect_success();
    let service = service.replace('@', "/");
    let port = server.port();
    let line = format!("connect localhost:{port} --framing gss-sample --verbose --service {service} {arguments}");
    let run = program.run_with(&line, input);
    run.expect_success();
    // The ticket that it got is one for MIT's programs.
    assert!(program.mit().klist().tickets.iter().any(|ticket| ticket.service == format!("{service}@MIT.TEST")));
    run
}

#[test]
fn sealed_and_mutual_with_each_enctype() {
    let realm = MitRealm::shared();
    for enctype in Enctype::ALL {
        let config = realm.config().clone().enctypes(&[enctype]);
        let server = GssServer::start(realm.config(), realm.service_keytab(), &enctype.service());
        let run = connect(&config, &server, &enctype.service(), "--message hello", "");
        let service = format!("{}@MIT.TEST", enctype.service_principal());
        run.expect_text(&format!("{service} is proven, to alice@MIT.TEST: Kerberos V5 with {}", enctype.name()));
        run.expect_text("the server's signature of them is right");
        server.expect_accepted("alice@MIT.TEST", &service);
        server.expect_subkey(enctype);
        for flag in ["MUTUAL", "REPLAY", "SEQUENCE", "CONF", "INTEG"] {
            server.expect_flag(&format!("GSS_C_{flag}_FLAG"));
        }
        server.expect_log("\n05 04 06 ff "); // RFC 4121 4.2.6.2: sealed (2), with the acceptor's subkey (4)
        server.expect_log("Received message: \"hello\"");
        server.expect_log("NOOP token");
    }
}

/// What gss-server says of `connect` with these arguments.
fn log_of(arguments: &str) -> String {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let run = connect(realm.config(), &server, "sample@localhost", &format!("--message hello {arguments}"), "");
    run.expect_text("the server's signature of them is right");
    server.expect_log("Received message: \"hello\"");
    server.expect_log("NOOP token");
    server.log()
}

#[test]
fn messages_are_signed_only_if_asked_for() {
    let log = log_of("--sign");
    assert!(log.contains("\n05 04 04 ff ") && log.contains("context flag: GSS_C_CONF_FLAG"), "{log}");
    let log = log_of("--integrity-only");
    assert!(log.contains("\n05 04 04 ff ") && !log.contains("context flag: GSS_C_CONF_FLAG"), "{log}");
}

#[test]
fn without_the_servers_proof_gss_server_gives_none() {
    let log = log_of("--dangerous-unproven-server");
    assert!(!log.contains("GSS_C_MUTUAL_FLAG") && !log.contains("Creating AP-REP"), "{log}");
    assert!(log.contains("\n05 04 02 ff "), "sealed, and without an acceptor's subkey: {log}");
}

#[test]
fn lines_of_the_input_are_messages() {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let run = connect(realm.config(), &server, "sample@localhost", "", "first\nsecond\nthird\n");
    assert_eq!(run.stdout.matches("signature of them is right").count(), 3, "{run}");
    for line in ["first", "second", "third"] {
        server.expect_log(&format!("Received message: \"{line}\""));
    }
}

#[test]
fn the_ticket_of_kvno_is_used() {
    let realm = MitRealm::start();
    let alice = realm.client_of("alice");
    alice.kvno("sample/localhost").expect_success();
    let asked = realm.kdc_log().matches("TGS_REQ").count();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let line =
        format!("connect localhost:{} --framing gss-sample --message hello --service sample/localhost", server.port());
    Handfast::sharing(&alice).run(&line).expect_success();
    server.expect_accepted("alice@MIT.TEST", "sample/localhost@MIT.TEST");
    assert_eq!(realm.kdc_log().matches("TGS_REQ").count(), asked, "the KDC was asked again");
}

#[test]
fn a_login_is_handed_on_as_the_options_say() {
    let realm = MitRealm::shared();
    let delegation = "context flag: GSS_C_DELEG_FLAG";
    assert!(!log_of("").contains(delegation));
    assert!(log_of("--delegate").contains(delegation), "the realm marks it OK-AS-DELEGATE");
    // This one it does not.
    let service = Enctype::Aes256Sha1.service();
    for (arguments, handed_on) in [("--delegate", false), ("--dangerous-delegate", true)] {
        let server = GssServer::start(realm.config(), realm.service_keytab(), &service);
        let run = connect(realm.config(), &server, &service, &format!("--message hello {arguments}"), "");
        assert_eq!(run.stderr.contains("our login is not handed on"), !handed_on, "{run}");
        server.expect_log("NOOP token");
        assert_eq!(server.log().contains(delegation), handed_on, "{}", server.log());
    }
}
