//! `handfast login` by SPAKE at MIT's KDC, which gives tickets for `spaked/localhost` to clients alone that came by it.

use crate::handfast::{Handfast, failed};
use handfast_interop::MitRealm;

#[test]
fn the_program_prefers_spake_and_takes_the_groups_of_krb5_conf() {
    const ED: &[&str] = &["spake_preauth_groups = edwards25519"];
    const P521: &[&str] = &["spake_preauth_groups = P-521"];
    for (settings, other) in [(ED, "P-256"), (P521, "edwards25519")] {
        let realm = MitRealm::start_with(settings);
        let program = Handfast::new(realm.config());
        program.login("alice", &realm.password("alice")).expect_success();
        assert_eq!(program.mit().klist().principal, "alice@MIT.TEST");
        program.mit().kvno("spaked/localhost").expect_success();
        // In a group that the KDC has not, a timestamp is left.
        let config = realm.config().clone().setting(&format!("spake_preauth_groups = {other}"));
        let fallen_back = Handfast::new(&config);
        fallen_back.login("alice", &realm.password("alice")).expect_success();
        fallen_back.mit().kvno("spaked/localhost").expect_failure();
    }
}

#[test]
fn the_program_speaks_spake_inside_of_fast_and_is_refused_with_a_wrong_password() {
    let realm = MitRealm::start_with(&["spake_preauth_groups = edwards25519"]);
    let bob = realm.client_of("bob");
    let armor = format!("--armor FILE:{} --fast required", bob.ccache().display());
    for more in ["", &armor] {
        let program = Handfast::new(realm.config());
        program.login(&format!("alice {more}"), &realm.password("alice")).expect_success();
        program.mit().kvno("spaked/localhost").expect_success();
        let refused = Handfast::new(realm.config()).login(&format!("alice {more}"), "wrong");
        failed(&refused, 5, "most likely the password is wrong");
    }
    let failures = realm.kdc_log().matches("preauth (spake) verify failure: Preauthentication failed").count();
    assert_eq!(failures, 2, "{}", realm.kdc_log());
}
