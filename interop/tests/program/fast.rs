//! `handfast login --armor` at MIT's KDC, and `kinit -T` at our realm.

use crate::handfast::{Handfast, failed};
use handfast_interop::{MitClient, MitRealm};

/// A credential cache with bob's ticket, from kinit.
fn armor(realm: &MitRealm) -> (MitClient, String) {
    let bob = realm.client_of("bob");
    let name = format!("FILE:{}", bob.ccache().display());
    (bob, name)
}

#[test]
fn krb5kdc_takes_our_encrypted_challenge_inside_of_fast() {
    let realm = MitRealm::shared();
    let (_bob, armor) = armor(&realm);
    // The KDC gives tickets for this service to clients alone whose ticket says that they were challenged.
    let plain = Handfast::new(realm.config());
    plain.login("alice", &realm.password("alice")).expect_success();
    plain.mit().kvno("armored/localhost").expect_failure();
    for more in ["", "--fast required", "--fast if-possible", "--hide-name"] {
        let program = Handfast::new(realm.config());
        program.login(&format!("alice --armor {armor} {more}"), &realm.password("alice")).expect_success();
        assert_eq!(program.mit().klist().principal, "alice@MIT.TEST");
        program.mit().kvno("armored/localhost").expect_success();
    }
}

#[test]
fn krb5kdc_refuses_a_wrong_password_inside_of_fast() {
    let realm = MitRealm::shared();
    let (_bob, armor) = armor(&realm);
    let program = Handfast::new(realm.config());
    let refused = program.login(&format!("alice --armor {armor}"), "wrong");
    failed(&refused, 5, "most likely the password is wrong");
    realm.expect_kdc_log("preauth (encrypted_challenge) verify failure: Incorrect password in encrypted challenge");
}

#[test]
fn an_armor_that_krb5kdc_cant_open_is_no_way_in() {
    let (realm, other) = (MitRealm::shared(), MitRealm::start());
    let (_bob, armor) = armor(&other);
    let program = Handfast::new(realm.config());
    let refused = program.login(&format!("alice --armor {armor}"), &realm.password("alice"));
    failed(&refused, 5, "answered outside of FAST, which is not believed");
    let (expired, name) = (MitClient::new(realm.config()), "no-such-cache");
    let missing = program.login(&format!("alice --armor FILE:{}-{name}", expired.ccache().display()), "x");
    assert_eq!(missing.status.code(), Some(3), "{missing}");
}
