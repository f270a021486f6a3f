//! A ticket-granting ticket handed on, with MIT krb5 at one end and its KDC behind both: what counts is what can be had with it.

use crate::ours::{OurServer, Served, connect, kdc};
use handfast::{Credential, Flags, Policy};
use handfast_interop::{Enctype, GssServer, Library, MitRealm, SamplePeer};
use handfast_net::stream::{SampleMessage, StreamOptions};

const SERVICE: &str = "sample@localhost";
const SIGNED: SampleMessage = SampleMessage { protection: None, answer_signed: true };

/// What gss-client prints, and what our acceptor got.
fn gss_client_meets(realm: &MitRealm, policy: Policy, options: &[&str]) -> (String, Served) {
    let alice = realm.client_of("alice");
    let mut server = OurServer::new(realm.service_keytab()).policy(policy);
    server.accept_one();
    let client = alice.gss_client(server.port(), SERVICE, "hello", options);
    client.expect_success().expect_text("Signature verified.");
    (client.text(), server.result().unwrap())
}

#[test]
fn gss_client_delegates_and_we_use_it_at_mits_kdc() {
    let realm = MitRealm::shared();
    for options in [&["-d"][..], &["-d", "-spnego"]] {
        let (output, served) = gss_client_meets(&realm, Policy::default().take_delegated(), options);
        assert!(output.contains("context flag: GSS_C_DELEG_FLAG"), "{output}");
        assert!(served.flags.contains(Flags::DELEGATION));
        let delegated = served.delegated.unwrap();
        assert_eq!(delegated.client().to_string(), "alice@MIT.TEST");
        // MIT's KDC gives a ticket for it, and MIT's acceptor takes that as alice's.
        let onward = GssServer::start(realm.config(), realm.service_keytab(), "host@localhost");
        let options = StreamOptions::default().dangerous_unprotected_messages();
        let kdc = kdc(realm.kdc());
        let policy = Policy::default();
        let mut stream = connect(onward.address(), "host@localhost", &delegated, policy, &kdc, &options).unwrap();
        stream.send(b"onward", SIGNED).unwrap();
        stream.end().unwrap();
        onward.expect_accepted("alice@MIT.TEST", "host/localhost@MIT.TEST");
        onward.expect_log("Received message: \"onward\"");
    }
}

#[test]
fn what_gss_client_delegates_is_taken_only_where_a_policy_says_so() {
    let realm = MitRealm::shared();
    let (output, served) = gss_client_meets(&realm, Policy::default(), &["-d"]);
    assert!(output.contains("context flag: GSS_C_DELEG_FLAG"), "{output}");
    assert!(served.delegated.is_none() && !served.flags.contains(Flags::DELEGATION));
    let (output, served) = gss_client_meets(&realm, Policy::default().take_delegated(), &[]);
    assert!(!output.contains("context flag: GSS_C_DELEG_FLAG"), "{output}");
    assert!(served.delegated.is_none() && !served.flags.contains(Flags::DELEGATION));
}

fn alice(realm: &MitRealm) -> Credential {
    Credential::password("alice@MIT.TEST".parse().unwrap(), realm.password("alice"))
}

/// What gss-server says of a context with us.
fn flags_at_gss_server(realm: &MitRealm, service: &str, policy: Policy) -> String {
    let server = GssServer::start(realm.config(), realm.service_keytab(), service);
    let options = StreamOptions::default().dangerous_unprotected_messages();
    let kdc = kdc(realm.kdc());
    let mut stream = connect(server.address(), service, &alice(realm), policy, &kdc, &options).unwrap();
    stream.send(b"hello", SIGNED).unwrap();
    stream.end().unwrap();
    server.expect_log("NOOP token");
    server.log()
}

#[test]
fn we_delegate_to_gss_server_as_the_policy_says() {
    let realm = MitRealm::shared();
    // MIT's KDC marks the one as OK-AS-DELEGATE, and the other not.
    let (trusted, other) = (SERVICE, &*Enctype::Aes256Sha1.service());
    for (service, policy, delegates) in [
        (trusted, Policy::default(), false),
        (trusted, Policy::default().delegate_if_ok_as_delegate(), true),
        (trusted, Policy::default().dangerous_delegate(), true),
        (other, Policy::default().delegate_if_ok_as_delegate(), false),
        (other, Policy::default().dangerous_delegate(), true),
    ] {
        let log = flags_at_gss_server(&realm, service, policy);
        assert_eq!(log.contains("context flag: GSS_C_DELEG_FLAG"), delegates, "{service}: {log}");
    }
}

#[test]
fn mits_library_uses_what_we_delegate() {
    let realm = MitRealm::shared();
    let peer = SamplePeer::new(Library::Mechglue).keytab(realm.config(), realm.service_keytab());
    let options = StreamOptions::default().dangerous_unprotected_messages();
    let kdc = kdc(realm.kdc());
    for (policy, said) in [
        (Policy::default().dangerous_delegate(), "delegated: alice@MIT.TEST with host@localhost"),
        (Policy::default(), "delegated: None"),
    ] {
        let server = peer.clone().option("--use-delegated", "host@localhost").serve();
        let mut stream = connect(server.address(), SERVICE, &alice(&realm), policy, &kdc, &options).unwrap();
        stream.end().unwrap();
        server.expect(said);
    }
    realm.expect_kdc_log("alice@MIT.TEST for host/localhost@MIT.TEST");
}
