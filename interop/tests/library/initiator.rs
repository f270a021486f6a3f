//! Our initiator with MIT's gss-server.

use crate::ours::{connect, kdc, negotiate, our, tickets_of};
use handfast::mech::{MechanismId, Why};
use handfast::{Credential, Flags, Policy, Protection};
use handfast_interop::{Enctype, GssServer, MitRealm};
use handfast_net::stream::{SampleMessage, StreamOptions};

const SEALED: SampleMessage = SampleMessage { protection: Some(Protection::Confidentiality), answer_signed: true };
const SIGNED: SampleMessage = SampleMessage { protection: Some(Protection::Integrity), answer_signed: true };

fn lenient() -> StreamOptions {
    StreamOptions::default().dangerous_unprotected_messages()
}

fn alice(realm: &MitRealm) -> Credential {
    Credential::password("alice@MIT.TEST".parse().unwrap(), realm.password("alice"))
}

#[test]
fn mutual_sealed_and_signed_with_each_enctype() {
    let realm = MitRealm::shared();
    for enctype in Enctype::ALL {
        let server = GssServer::start(realm.config(), realm.service_keytab(), &enctype.service());
        let policy = Policy::default().with_enctypes([our(enctype)]);
        let mut stream =
            connect(server.address(), &enctype.service(), &alice(&realm), policy, &kdc(realm.kdc()), &lenient())
                .unwrap();
        assert_eq!(stream.context().peer().to_string(), format!("{}@MIT.TEST", enctype.service_principal()));
        assert_eq!(stream.context().enctype(), Some(our(enctype)));
        stream.send(b"sealed by us", SEALED).unwrap();
        stream.send(b"signed by us", SIGNED).unwrap();
        stream.send(b"with no protection", SampleMessage { protection: None, answer_signed: true }).unwrap();
        stream.end().unwrap();
        server.expect_accepted("alice@MIT.TEST", &format!("{}@MIT.TEST", enctype.service_principal()));
        server.expect_subkey(enctype);
        for text in ["sealed by us", "signed by us", "with no protection"] {
            server.expect_log(&format!("Received message: \"{text}\""));
        }
        // RFC 4121 4.2.6.2: a Wrap token, its flags: acceptor's subkey (4), sealed (2).
        server.expect_log("\n05 04 06 ff ");
        server.expect_log("\n05 04 04 ff ");
        for flag in ["MUTUAL", "REPLAY", "SEQUENCE", "CONF", "INTEG"] {
            server.expect_flag(&format!("GSS_C_{flag}_FLAG"));
        }
        server.expect_log("NOOP token");
    }
}

/// What gss-server says of a context that was made by `policy`, after a message.
fn flags_of(policy: Policy) -> String {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let kdc = kdc(realm.kdc());
    let mut stream = connect(server.address(), "sample@localhost", &alice(&realm), policy, &kdc, &lenient()).unwrap();
    let sealed = stream.context().flags().contains(Flags::CONFIDENTIALITY);
    stream.send(b"hello", if sealed { SEALED } else { SIGNED }).unwrap();
    stream.end().unwrap();
    server.expect_log("Received message: \"hello\"");
    server.expect_log("NOOP token");
    server.log()
}

#[test]
fn gss_server_sees_the_flags_that_the_policy_names() {
    let default = flags_of(Policy::default());
    for (policy, flag) in [
        (Policy::default().dangerous_unproven_acceptor(), "MUTUAL"),
        (Policy::default().integrity_only(), "CONF"),
        (Policy::default().any_message_order(), "SEQUENCE"),
        (Policy::default().dangerous_no_replay_detection(), "REPLAY"),
    ] {
        let flag = format!("context flag: GSS_C_{flag}_FLAG");
        assert!(default.contains(&flag), "{default}");
        let log = flags_of(policy);
        assert!(!log.contains(&flag), "{flag} in {log}");
    }
}

#[test]
fn without_mutual_authentication_gss_server_sends_no_proof() {
    let log = flags_of(Policy::default().dangerous_unproven_acceptor());
    assert!(!log.contains("Creating AP-REP"), "{log}");
    // RFC 4121 4.2.2: sealed (2), and no acceptor's subkey (4).
    assert!(log.contains("\n05 04 02 ff "), "{log}");
    assert!(flags_of(Policy::default()).contains("Creating AP-REP"));
}

#[test]
fn tickets_of_kinit_and_gss_client_are_used() {
    let realm = MitRealm::shared();
    let client = realm.client_of("alice");
    client.kvno("sample/localhost").expect_success();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let credential = tickets_of(client.ccache());
    let no_kdc = crate::ours::no_kdc;
    let policy = Policy::default();
    let mut stream = connect(server.address(), "sample@localhost", &credential, policy, &no_kdc, &lenient()).unwrap();
    assert!(stream.context().acquired().is_empty());
    stream.send(b"hello", SEALED).unwrap();
    stream.end().unwrap();
    server.expect_accepted("alice@MIT.TEST", "sample/localhost@MIT.TEST");
    server.expect_log("Received message: \"hello\"");
}

#[test]
fn large_messages_arrive() {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let kdc = kdc(realm.kdc());
    let mut stream =
        connect(server.address(), "sample@localhost", &alice(&realm), Policy::default(), &kdc, &lenient()).unwrap();
    for size in [1, 15, 16, 17, 4096, 65_536] {
        stream.send("x".repeat(size).as_bytes(), SEALED).unwrap();
        stream.send("y".repeat(size).as_bytes(), SIGNED).unwrap();
    }
    stream.end().unwrap();
    server.expect_log(&format!("Received message: \"{}\"", "x".repeat(4096)));
    server.expect_log("NOOP token");
}

/// MIT's own SPNEGO: Kerberos is the first choice of both, so no MIC is asked for.
#[test]
fn gss_server_negotiates_kerberos_with_us() {
    let realm = MitRealm::shared();
    for (policy, mutual) in [(Policy::default(), true), (Policy::default().dangerous_unproven_acceptor(), false)] {
        let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
        let kdc = kdc(realm.kdc());
        let mut stream =
            negotiate(server.address(), "sample@localhost", &alice(&realm), policy, &kdc, &lenient()).unwrap();
        assert_eq!(stream.context().mechanism(), MechanismId::KERBEROS);
        assert_eq!(stream.context().why(), &Why::FirstChoice);
        assert_eq!(stream.context().flags().contains(Flags::MUTUAL), mutual);
        stream.send(b"sealed by us", SEALED).unwrap();
        stream.send(b"signed by us", SIGNED).unwrap();
        stream.end().unwrap();
        for text in ["sealed by us", "signed by us"] {
            server.expect_log(&format!("Received message: \"{text}\""));
        }
        server.expect_log("AP-REQ ticket: alice@MIT.TEST -> sample/localhost@MIT.TEST, session key");
        server.expect_log("NOOP token");
        assert_eq!(server.log().contains("context flag: GSS_C_MUTUAL_FLAG"), mutual, "{}", server.log());
    }
}

#[test]
fn gss_server_without_the_key_tells_us_in_spnego() {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.user_keytab(), "sample@localhost");
    let kdc = kdc(realm.kdc());
    let refused = negotiate(server.address(), "sample@localhost", &alice(&realm), Policy::default(), &kdc, &lenient());
    assert!(refused.is_err());
    server.expect_log("GSS-API error");
    assert!(!server.log().contains("Received message"), "{}", server.log());
}
