//! The `handfast` program with gss-ntlmssp, pyspnego and MIT's SPNEGO: by NTLM, by Negotiate, both ends.

use crate::handfast::{Handfast, Server, failed};
use handfast_interop::{GssServer, Library, MitRealm, Run, SamplePeer, SampleServer};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const PASSWORD: &str = "alice-password";

fn peer(library: Library, mechanism: &str) -> SamplePeer {
    SamplePeer::new(library).mechanism(mechanism).account("LAB", "alice", PASSWORD)
}

/// A file that only its owner may read.
fn write_private(path: &Path, text: &str) {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// `handfast serve` with the keys of the realm's services and an account of NTLM.
fn serve(realm: &MitRealm, arguments: &str) -> Server {
    let program = Handfast::new(realm.config()).keytab(realm.service_keytab());
    let accounts = program.path("accounts");
    write_private(&accounts, &format!("LAB:alice:{PASSWORD}\n"));
    program.serve(&format!("--dangerous-ntlm --accounts {} {arguments}", accounts.display()))
}

#[test]
fn serve_takes_clients_by_ntlm_and_by_negotiate() {
    let realm = MitRealm::shared();
    let server = serve(&realm, "");
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            let said = peer(library, mechanism).connect(server.port(), &["sealed=hello", "sealed=again"]);
            said.expect_success().expect_text("mechanism: ntlm");
            assert_eq!(said.stdout.matches("verified 5 bytes").count(), 2, "{said}");
        }
    }
    server.expect_log("LAB\\alice is proven");
    server.expect_log("sealed message of 5 bytes: \"again\"");
}

#[test]
fn serve_takes_clients_by_kerberos_in_negotiate() {
    let realm = MitRealm::shared();
    let (server, alice) = (serve(&realm, ""), realm.client_of("alice"));
    for library in Library::ALL {
        let client = SamplePeer::new(library).mechanism("negotiate").service("sample@localhost");
        let said = client.tickets(realm.config(), alice.ccache()).connect(server.port(), &["sealed=hello"]);
        said.expect_success().expect_text("mechanism: kerberos").expect_text("verified 5 bytes");
    }
    let client = alice.gss_client(server.port(), "sample@localhost", "hello", &["-spnego", "-mcount", "2"]);
    assert_eq!(client.expect_success().text().matches("Signature verified.").count(), 2, "{client}");
    server.expect_log("alice@MIT.TEST is proven, to sample/localhost@MIT.TEST");
}

#[test]
fn serve_refuses_wrong_passwords_and_those_who_are_not_allowed() {
    let realm = MitRealm::shared();
    let (server, closed) = (serve(&realm, ""), serve(&realm, "--allow-account LAB\\bob"));
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            let wrong = peer(library, mechanism).only_account("LAB", "alice", "not hers");
            wrong.connect(server.port(), &["sealed=hello"]).expect_failure();
            peer(library, mechanism).connect(closed.port(), &["sealed=hello"]).expect_failure();
        }
    }
    assert!(!server.log().contains("is proven"), "{}", server.log());
    assert!(!closed.log().contains("sealed message"), "{}", closed.log());
}

#[test]
fn serve_takes_no_ntlm_unless_it_is_named() {
    let realm = MitRealm::shared();
    let server = Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("");
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            peer(library, mechanism).connect(server.port(), &["sealed=hello"]).expect_failure();
        }
    }
    assert!(!server.log().contains("is proven"), "{}", server.log());
}

/// `handfast connect` as LAB\alice.
fn connect(server: &SampleServer, mechanism: &str, password: &str) -> Run {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let file = program.path("password");
    write_private(&file, password);
    program.run(&format!(
        "connect localhost:{} --framing gss-sample --verbose --mechanism {mechanism} --message hello --message again \
         --account LAB\\alice --dangerous-unproven-server --password-file {}",
        server.port(),
        file.display()
    ))
}

#[test]
fn connect_reaches_servers_by_ntlm_and_by_negotiate() {
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            let server = peer(library, mechanism).serve();
            let run = connect(&server, mechanism, PASSWORD);
            run.expect_success().expect_text("the server's signature of them is right");
            server.expect("\nend");
            server.expect("peer: LAB\\alice\nmechanism: ntlm\n");
            server.expect("message: encrypted 5 bytes: 'hello'");
            server.expect("message: encrypted 5 bytes: 'again'");
        }
    }
}

#[test]
fn connect_with_a_wrong_password_reaches_nobody() {
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            let server = peer(library, mechanism).serve();
            let run = connect(&server, mechanism, "not hers");
            run.expect_failure();
            if mechanism == "ntlm" {
                run.expect_text("a server that refuses a name or password by NTLM looks like this");
            }
            server.expect("failed: ");
            assert!(!server.output().contains("peer: "), "{}", server.output());
        }
    }
}

#[test]
fn connect_reaches_servers_by_kerberos_in_negotiate() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    program.login("alice", &realm.password("alice")).expect_success();
    let connect = |port: u16| {
        program.run(&format!(
            "connect localhost:{port} --framing gss-sample --verbose --mechanism negotiate --message hello \
             --service sample/localhost"
        ))
    };
    for library in Library::ALL {
        let server = SamplePeer::new(library).mechanism("negotiate").service("sample@localhost");
        let server = server.keytab(realm.config(), realm.service_keytab()).serve();
        connect(server.port()).expect_success().expect_text("the server's signature of them is right");
        server.expect("\nend");
        server.expect("peer: alice@MIT.TEST\nmechanism: kerberos\n");
        server.expect("message: encrypted 5 bytes: 'hello'");
    }
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    connect(server.port()).expect_success().expect_text("the server's signature of them is right");
    server.expect_log("AP-REQ ticket: alice@MIT.TEST -> sample/localhost@MIT.TEST, session key");
    server.expect_log("Received message: \"hello\"");
}

#[test]
fn connect_names_a_server_that_wants_another_mechanism() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    program.login("alice", &realm.password("alice")).expect_success();
    let server = peer(Library::Mechglue, "negotiate").service("sample@localhost").serve();
    let run = program.run(&format!(
        "connect localhost:{} --framing gss-sample --mechanism negotiate --message hello --service sample/localhost",
        server.port()
    ));
    failed(&run, 6, "the server accepts none of what we offer");
    assert!(!server.output().contains("peer: "), "{}", server.output());
}
