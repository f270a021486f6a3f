//! Tickets for later: ours from MIT's KDC, MIT's kinit -s and -v in our realm.

use crate::handfast::{Handfast, failed};
use handfast_interop::{MitClient, MitConfig, MitRealm};
use std::thread::sleep;
use std::time::Duration;

/// Longer than tickets are postdated here.
const PAUSE: Duration = Duration::from_secs(4);

#[test]
fn krb5kdc_postdates_a_login_and_makes_it_valid() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let postdated = program.login("alice --starttime 3s", "alice-password");
    postdated.expect_success().expect_text("to be validated from ");
    let flags = |program: &Handfast| program.mit().klist().ticket("krbtgt/MIT.TEST@MIT.TEST").flags.clone();
    assert!(flags(&program).contains('d') && flags(&program).contains('i'), "{}", flags(&program));
    program.mit().kvno("sample/localhost").expect_failure();
    failed(&program.run("login --validate"), 5, "KRB_AP_ERR_TKT_NYV");
    sleep(PAUSE);
    program.run("login --validate").expect_success();
    assert!(!flags(&program).contains('i'), "{}", flags(&program));
    program.mit().kvno("sample/localhost").expect_success();
    failed(&program.run("login --validate"), 3, "is not postdated");
}

#[test]
fn mits_kinit_postdates_and_validates_in_our_realm() {
    let ours = Handfast::new(&MitConfig::new("OURS.TEST", ([127, 0, 0, 1], 9).into()));
    ours.run("realm init OURS.TEST").expect_success();
    ours.run_with("realm add-user alice --password-stdin", "alice-password\n").expect_success();
    ours.run("realm add-service sample/localhost").expect_success();
    ours.run("realm settings --postdated yes --clock-skew 1s").expect_success();
    let kdc = ours.start("realm serve", "OURS.TEST is served on ");
    let client = MitClient::new(&MitConfig::new("OURS.TEST", kdc.address()));
    client.kinit_with(&["-s", "3s", "alice"], "alice-password").expect_success();
    let flags = || client.klist().ticket("krbtgt/OURS.TEST@OURS.TEST").flags.clone();
    assert!(flags().contains('d') && flags().contains('i'), "{}", flags());
    client.kinit_with(&["-v"], "").expect_failure().expect_text("Ticket not yet valid");
    sleep(PAUSE);
    client.kinit_with(&["-v"], "").expect_success();
    assert!(flags().contains('d') && !flags().contains('i'), "{}", flags());
    client.kvno("sample/localhost").expect_success();
}
