//! What a login learns, and who uses it: a client whose clock is wrong at MIT's KDC and gss-server, its cache with MIT's klist, kvno
//! and gss-client, and theirs with ours; and what either notes of the KDC in a cache.

use crate::handfast::{Handfast, failed};
use handfast_interop::{GssServer, MitClient, MitConfig, MitRealm, run};
use std::time::Duration;

/// Clocks that no KDC takes.
const WRONG: [i64; 3] = [-7200, 7200, 40 * 86_400];

/// The same configuration, with this host's clock taken as right.
fn strict(config: &MitConfig) -> MitConfig {
    config.clone().setting("kdc_timesync = 0")
}

fn password(realm: &MitRealm) -> String {
    realm.password("alice")
}

/// A client of ours with a login.
fn logged_in(config: &MitConfig, ahead: i64) -> Handfast {
    let program = Handfast::new(config).by_clock(ahead);
    program.login("alice", "alice-password").expect_success().expect_text("good for");
    program
}

/// What `klist -C` says of a cache.
fn configuration(client: &MitClient) -> String {
    run(client.command("klist").arg("-C"), "", Duration::from_secs(10)).expect_success().stdout.clone()
}

#[test]
fn a_client_whose_clock_is_wrong_logs_in_at_krb5kdc_and_is_taken_by_gss_server() {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    for ahead in WRONG {
        let program = logged_in(realm.config(), ahead);
        program.run("list --check").expect_success();
        program.run("get host/localhost").expect_success().expect_text("good for");
        let connect = "--framing gss-sample --verbose --service sample/localhost --message hello";
        let told = program.run(&format!("connect localhost:{} {connect}", server.port()));
        told.expect_success().expect_text("sample/localhost@MIT.TEST is proven");
        let direction = if ahead > 0 { "behind" } else { "ahead of" };
        let listed = program.run("list --config");
        listed.expect_success().expect_text(&format!("{direction} this machine's")).expect_text("left");
    }
    server.expect_accepted("alice@MIT.TEST", "sample/localhost@MIT.TEST");
    assert_eq!(server.log().matches("Received message: \"hello\"").count(), WRONG.len());
}

#[test]
fn without_kdc_timesync_a_wrong_clock_is_told_in_plain_words() {
    let realm = MitRealm::shared();
    for ahead in [-7200, 7200] {
        let program = Handfast::new(&strict(realm.config())).by_clock(ahead);
        let direction = if ahead > 0 { "behind" } else { "ahead of" };
        let refused = program.login("alice", &password(&realm));
        failed(&refused, 5, direction);
        refused.expect_text("the KDC's clock is ");
    }
    // Nor is an offset believed that somebody else has learned.
    let learned = logged_in(realm.config(), 7200);
    let program = Handfast::sharing(&MitClient::with_ccache(&strict(realm.config()), learned.mit().ccache()));
    failed(&program.by_clock(7200).run("get host/localhost"), 5, "clock");
}

#[test]
fn mits_programs_go_by_the_clock_that_our_login_has_learned() {
    let realm = MitRealm::shared();
    for ahead in WRONG {
        let program = logged_in(realm.config(), ahead);
        if ahead < 86_400 {
            program.mit().run("klist", &["-s"]).expect_success(); // which looks at no offset
        }
        program.mit().kvno("sample/localhost").expect_success();
        // It is the offset in the cache that does it.
        let strict = MitClient::with_ccache(&strict(realm.config()), program.mit().ccache()).by_clock(ahead);
        strict.kvno("host/localhost").expect_failure();
    }
}

#[test]
fn we_go_by_the_clock_that_kinit_has_learned() {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    for ahead in WRONG {
        let kinit = MitClient::new(realm.config()).by_clock(ahead);
        kinit.kinit("alice", &password(&realm)).expect_success();
        let program = Handfast::sharing(&kinit).by_clock(ahead);
        program.run("list --check").expect_success();
        program.run("get host/localhost").expect_success();
        program
            .run(&format!(
                "connect localhost:{} --framing gss-sample --service sample/localhost --message x",
                server.port()
            ))
            .expect_success();
        let strict = MitClient::with_ccache(&strict(realm.config()), kinit.ccache());
        // By our own clock the ticket is not good yet, has ended, or is presented at a wrong time.
        let code = if ahead == 7200 { 5 } else { 3 };
        failed(&Handfast::sharing(&strict).by_clock(ahead).run("get HTTP/localhost"), code, "");
    }
    server.expect_accepted("alice@MIT.TEST", "sample/localhost@MIT.TEST");
}

#[test]
fn the_doctor_knows_that_the_login_goes_by_the_kdcs_clock() {
    let realm = MitRealm::shared();
    let program = logged_in(realm.config(), 7200);
    let told = program.run("doctor host/localhost");
    told.expect_success().expect_text("clock").expect_text("the login goes by the KDC's (kdc_timesync)");
    // Then somebody sets the clock right.
    let right = Handfast::sharing(&program.mit());
    right.run("doctor").expect_failure().expect_text("a clock was set since the login");
}

#[test]
fn klist_reads_what_our_login_notes_and_we_what_kinit_notes() {
    let realm = MitRealm::start_with(&["spake_preauth_groups = edwards25519"]);
    let about = "(krbtgt/MIT.TEST@MIT.TEST)";
    let ours = logged_in(realm.config(), 0);
    let noted = configuration(&ours.mit());
    let theirs = realm.client_of("alice");
    let expected = configuration(&theirs);
    for said in [format!("config: fast_avail{about} = yes"), format!("config: pa_type{about} = 151")] {
        assert!(noted.contains(&said), "{said}: {noted}");
        assert!(expected.contains(&said), "{said}: {expected}");
    }
    let listed = Handfast::sharing(&theirs).run("list --config");
    listed.expect_text(&format!("fast_avail{about} = yes")).expect_text(&format!("pa_type{about} = 151"));
    // A renewed ticket teaches nothing, and nothing is forgotten.
    let renewable = Handfast::new(realm.config());
    renewable.login("alice --renewable 7d", &password(&realm)).expect_success();
    renewable.run("login --renew").expect_success();
    assert!(configuration(&renewable.mit()).contains("fast_avail"), "after a renewal");
}

#[test]
fn the_method_of_an_input_cache_comes_first_as_with_kinit() {
    let realm = MitRealm::start_with(&["spake_preauth_groups = edwards25519"]);
    // Encrypted timestamp: MIT's client without any group of SPAKE.
    let earlier = MitClient::new(&realm.config().clone().setting("spake_preauth_groups = none"));
    earlier.kinit("alice", &password(&realm)).expect_success();
    assert!(configuration(&earlier).contains(" = 2"), "{}", configuration(&earlier));
    let input = format!("FILE:{}", earlier.ccache().display());
    let ours = Handfast::new(realm.config());
    ours.login(&format!("alice -I {input}"), &password(&realm)).expect_success();
    let kinit = MitClient::new(realm.config());
    kinit.kinit_with(&["-I", &input, "alice"], &password(&realm)).expect_success();
    for client in [ours.mit(), kinit] {
        let noted = configuration(&client);
        assert!(noted.contains("pa_type(krbtgt/MIT.TEST@MIT.TEST) = 2"), "{noted}");
    }
    let refused = ours.login(&format!("alice -I {input}"), "wrong");
    failed(&refused, 5, "most likely the password is wrong");
    realm.expect_kdc_log("preauth (encrypted_timestamp) verify failure");
}
