//! `handfast serve --iakerb` for clients of MIT krb5 that know no KDC, and `handfast connect --mechanism iakerb` to its servers.

use crate::handfast::Handfast;
use handfast_interop::{Library, MitClient, MitConfig, MitRealm, SamplePeer, silent_address};

const SERVICE: &str = "sample@localhost";

/// A configuration whose KDC answers nobody.
fn without_a_kdc() -> MitConfig {
    MitConfig::new(MitRealm::NAME, silent_address().1)
}

#[test]
fn mits_clients_of_both_dialects_log_in_through_serve() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config()).keytab(realm.service_keytab());
    let server = program.serve("--iakerb --iakerb-dialect mit-1.21");
    let gss_client = |password: &str| {
        let options = ["-iakerb", "-user", "alice@MIT.TEST", "-pass", password];
        MitClient::new(&without_a_kdc()).gss_client(server.port(), SERVICE, "hello", &options)
    };
    gss_client("alice-password").expect_success().expect_text("Signature verified.");
    gss_client("wrong").expect_failure();
    let newer = SamplePeer::new(Library::Mechglue).mechanism("iakerb").service(SERVICE).newer_krb5();
    let newer = newer.password(&without_a_kdc(), "alice@MIT.TEST", "alice-password");
    newer.connect(server.port(), &["sealed=hello"]).expect_success().expect_text("verified 5 bytes");
}

#[test]
fn connect_logs_in_through_mits_acceptors_of_both_dialects() {
    let realm = MitRealm::shared();
    let peer = SamplePeer::new(Library::Mechglue).mechanism("iakerb").service(SERVICE);
    let peer = peer.keytab(realm.config(), realm.service_keytab());
    for (server, dialect) in [(peer.serve(), "mit-1.21"), (peer.clone().newer_krb5().serve(), "draft")] {
        let program = Handfast::new(&without_a_kdc());
        let line = format!(
            "connect localhost:{} --framing gss-sample --service sample/localhost --verbose --message hello \
             --mechanism iakerb --iakerb-dialect {dialect} --user alice --password-stdin",
            server.port()
        );
        let run = program.run_with(&line, "alice-password\n");
        run.expect_success().expect_text("sample/localhost@MIT.TEST is proven, to alice@MIT.TEST");
        server.expect("peer: alice@MIT.TEST\nmechanism: iakerb\n");
        server.expect("message: encrypted 5 bytes: 'hello'");
        program.run_with(&line, "wrong\n").expect_failure().expect_text("most likely the password is wrong");
    }
}
