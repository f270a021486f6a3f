//! gss-ntlmssp, MIT's SPNEGO and pyspnego with each other: what the harness starts is what it says it is, and what they do
//! by themselves. When one of these fails, look here first, not at our own side.
#![allow(clippy::panic, clippy::expect_used, reason = "tests")]

use handfast_interop::{Library, MitRealm, SamplePeer};

const MESSAGES: [&str; 6] = ["sealed=a", "wrapped=ab", "plain=abc", "signed=abcd", "echo=abcde", "echo=@65536"];

/// Every pair of a client's and a server's library, both with an NTLM account.
fn pairs(mechanism: &str) -> impl Iterator<Item = (SamplePeer, SamplePeer)> {
    let peer = move |library| SamplePeer::new(library).mechanism(mechanism).account("LAB", "alice", "alice-password");
    Library::ALL.into_iter().flat_map(move |client| Library::ALL.map(|server| (peer(client), peer(server))))
}

#[test]
fn each_makes_a_context_with_each_by_ntlm_alone_and_in_spnego() {
    for (client, server) in pairs("ntlm").chain(pairs("negotiate")) {
        let server = server.serve();
        let client = client.connect(server.port(), &MESSAGES);
        client.expect_success().expect_text("mechanism: ntlm\n").expect_text("verified 4 bytes");
        client.expect_text("message: encrypted 65536 bytes");
        server.expect("\nend");
        server.expect("peer: LAB\\alice\nmechanism: ntlm\n");
        // Both of them encrypt what is wrapped, asked to or not.
        for text in
            ["encrypted 2 bytes: 'ab'", "plain 3 bytes: 'abc'", "signed 4 bytes: 'abcd'", "encrypted 65536 bytes"]
        {
            server.expect(&format!("message: {text}"));
        }
    }
}

#[test]
fn each_refuses_a_wrong_password() {
    for (client, server) in pairs("ntlm").chain(pairs("negotiate")) {
        let server = server.serve();
        let wrong = client.option("--patience", "5");
        // The first account is the client's own: another password than the server's.
        let wrong = wrong.only_account("LAB", "alice", "not hers");
        wrong.connect(server.port(), &["sealed=a"]).expect_failure();
        server.expect("failed: ");
        assert!(!server.output().contains("peer: "), "{}", server.output());
    }
}

#[test]
fn each_makes_a_kerberos_context_with_each_in_spnego() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    for client in Library::ALL {
        for server in Library::ALL {
            let server = SamplePeer::new(server).mechanism("negotiate").keytab(realm.config(), realm.service_keytab());
            let server = server.service("sample@localhost").serve();
            let client = SamplePeer::new(client).mechanism("negotiate").service("sample@localhost");
            let client = client.tickets(realm.config(), alice.ccache()).connect(server.port(), &MESSAGES);
            client.expect_success().expect_text("mechanism: kerberos").expect_text("verified 4 bytes");
            server.expect("\nend");
            server.expect("peer: alice@MIT.TEST");
            server.expect("message: integrity-only 2 bytes");
        }
    }
}
