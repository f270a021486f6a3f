//! Names and proofs that `handfast realm` allows, with MIT's kinit; proofs that krb5.conf allows our login, at MIT's KDC.

use crate::handfast::{Handfast, Server, failed};
use handfast_interop::{MitClient, MitConfig, MitRealm};

/// Our realm after these commands: alice, and sample/localhost.
fn ours(commands: &[&str]) -> (Handfast, Server) {
    let program = Handfast::new(&MitConfig::new("OURS.TEST", ([127, 0, 0, 1], 9).into()));
    program.run("realm init OURS.TEST").expect_success();
    program.run_with("realm add-user alice --password-stdin", "alice-password\n").expect_success();
    program.run("realm add-service sample/localhost").expect_success();
    for command in commands {
        program.run(&format!("realm {command}")).expect_success();
    }
    let kdc = program.start("realm serve", "OURS.TEST is served on ");
    (program, kdc)
}

/// No timestamps, whatever is offered.
const NEVER: &str = "[realms]\n OURS.TEST = {\n  disable_encrypted_timestamp = true\n }\n\
                     [realms]\n MIT.TEST = {\n  disable_encrypted_timestamp = true\n }\n";

#[test]
fn mits_kinit_logs_in_by_spake_where_the_settings_put_it_first() {
    let groups = "settings --spake-groups edwards25519,P-384";
    for (challenge, asked) in [("none", true), ("P-384", false)] {
        let offer = format!("settings --preauth spake,encrypted-timestamp --spake-challenge {challenge}");
        let (_program, kdc) = ours(&[groups, &offer]);
        let config = MitConfig::new("OURS.TEST", kdc.address()).setting("spake_preauth_groups = P-384").and(NEVER);
        let alice = MitClient::new(&config);
        alice.kinit("alice", "alice-password").expect_success();
        let trace = alice.trace();
        assert!(trace.contains("SPAKE challenge received with group 3"), "{trace}");
        assert_eq!(trace.contains("Sending SPAKE support message"), asked, "{trace}");
        let configuration = alice.run("klist", &["-C"]).expect_success().stdout.clone();
        assert!(configuration.contains("pa_type(krbtgt/OURS.TEST@OURS.TEST) = 151"), "{configuration}");
        MitClient::new(&config).kinit("alice", "wrong").expect_failure().expect_text("Password incorrect");
    }
    let (_program, kdc) = ours(&[]);
    let config = MitConfig::new("OURS.TEST", kdc.address()).and(NEVER);
    MitClient::new(&config).kinit("alice", "alice-password").expect_failure();
}

#[test]
fn mits_kinit_logs_in_under_other_names_of_our_realm() {
    let (_program, kdc) = ours(&[
        "alias al alice",
        "alias other/localhost sample/localhost",
        "settings --enterprise-suffix corp.test=OURS.TEST",
    ]);
    let client = MitClient::new(&MitConfig::new("OURS.TEST", kdc.address()));
    for (arguments, works) in [(&["-C", "al"][..], true), (&["-E", "alice@corp.test"], true), (&["al"], false)] {
        let run = client.kinit_with(arguments, "alice-password");
        match works {
            true => assert_eq!((run.expect_success(), client.klist().principal).1, "alice@OURS.TEST"),
            false => drop(run.expect_failure().expect_text("not found in Kerberos database")),
        }
    }
    client.kvno("other/localhost").expect_success().expect_text("other/localhost@OURS.TEST: kvno = 1");
    client.kinit_with(&["-E", "alice@else.test"], "alice-password").expect_failure();
}

#[test]
fn our_login_proves_itself_at_krb5kdc_as_krb5_conf_says() {
    let realm = MitRealm::start_with(&["spake_preauth_groups = edwards25519"]);
    let by_spake = |config: MitConfig| {
        let program = Handfast::new(&config);
        program.login("alice", &realm.password("alice")).expect_success();
        program.mit().kvno("spaked/localhost").status.success()
    };
    assert!(by_spake(realm.config().clone()));
    assert!(!by_spake(realm.config().clone().setting("preferred_preauth_types = 2")));
    assert!(by_spake(realm.config().clone().setting("preferred_preauth_types = 2").and(NEVER)));
    let timestamps = MitRealm::start_with(&[]);
    let program = Handfast::new(&timestamps.config().clone().and(NEVER));
    failed(&program.login("alice", &timestamps.password("alice")), 5, "encrypted");
}
