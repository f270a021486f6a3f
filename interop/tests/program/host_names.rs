//! Which service of a host `handfast get` asks for: the one that MIT's kvno asks for, with the same krb5.conf and hosts.

use crate::handfast::Handfast;
use handfast_interop::{MitRealm, run};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// The host has three names, of which its address has the first.
const HOSTS: &str = "127.0.0.7 front.mit.test\n127.0.0.7 real.mit.test plain.mit.test only.mit.test\n";

/// What krb5.conf says, the host that is asked for, and the one whose service is found.
const CASES: [(&str, &str, &str); 6] = [
    ("dns_canonicalize_hostname = false", "plain.mit.test", "plain.mit.test"),
    ("dns_canonicalize_hostname = true\n rdns = false", "plain.mit.test", "real.mit.test"),
    ("dns_canonicalize_hostname = true\n rdns = true", "plain.mit.test", "front.mit.test"),
    ("dns_canonicalize_hostname = fallback\n rdns = false", "Plain.MIT.test", "plain.mit.test"),
    ("dns_canonicalize_hostname = fallback\n rdns = false", "only.mit.test", "real.mit.test"),
    ("dns_canonicalize_hostname = false\n qualify_shortname = mit.test", "short", "short.mit.test"),
];

#[test]
fn handfast_and_kvno_ask_for_the_same_service() {
    let realm = MitRealm::start();
    for host in ["front.mit.test", "real.mit.test", "plain.mit.test", "short.mit.test"] {
        realm.kadmin(&format!("addprinc -randkey HTTP/{host}\n")).expect_success();
    }
    for (says, host, found) in CASES {
        let (ours, theirs) = (Handfast::new(realm.config()), Handfast::new(realm.config()));
        let with_files = |command: &mut Command| {
            fs::write(ours.path("hosts"), HOSTS).unwrap();
            // What is said first counts.
            let text = format!("[libdefaults]\n {says}\n{}", realm.config().text());
            fs::write(ours.path("krb5.conf"), text).unwrap();
            command.env("KRB5_CONFIG", ours.path("krb5.conf")).env("HANDFAST_HOSTS", ours.path("hosts"));
            command.env("LD_PRELOAD", "libnss_wrapper.so").env("NSS_WRAPPER_HOSTS", ours.path("hosts"));
            run(command, "", Duration::from_secs(60))
        };
        let found = format!("HTTP/{found}@MIT.TEST");
        theirs.mit().kinit("alice", &realm.password("alice")).expect_success();
        with_files(theirs.mit().command("kvno").args(["-S", "HTTP", host])).expect_success();
        let klist = theirs.mit().run("klist", &[]);
        assert!(klist.expect_success().stdout.contains(&found), "{says}, {host}: {klist:?}");
        ours.login("alice", &realm.password("alice")).expect_success();
        let got = with_files(&mut ours.command(&["get", &format!("HTTP/{host}")]));
        got.expect_success().expect_text(&format!("has a ticket for {found}"));
        let doctor = with_files(&mut ours.command(&["doctor", &format!("HTTP/{host}")]));
        doctor.expect_success().expect_text(&format!("for {found} under a key of"));
    }
}
