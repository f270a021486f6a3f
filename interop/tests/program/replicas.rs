//! A replica of MIT's KDC that has the database of yesterday, and the primary KDC, which has today's.

use crate::handfast::{Handfast, failed};
use handfast_interop::{MitConfig, MitRealm, silent_address};
use std::net::SocketAddr;

/// A configuration in which `kdc` is asked first.
fn config(kdc: SocketAddr, relation: &str, primary: SocketAddr) -> MitConfig {
    let sections = format!("[realms]\n {name} = {{\n  {relation} = {primary}\n }}\n", name = MitRealm::NAME);
    MitConfig::new(MitRealm::NAME, kdc).and(&sections)
}

/// How often a KDC has refused alice's proof.
fn failures(realm: &MitRealm) -> usize {
    realm.kdc_log().matches("PREAUTH_FAILED: alice@MIT.TEST").count()
}

#[test]
fn a_login_that_a_replica_refuses_is_tried_at_the_primary_as_kinit_does() {
    let primary = MitRealm::start();
    let replica = primary.replica();
    primary.kadmin("cpw -pw changed alice\naddprinc +requires_preauth -pw new newcomer\n");
    // Without a primary there is no second try.
    let alone = Handfast::new(&MitConfig::new(MitRealm::NAME, replica.kdc()));
    failed(&alone.login("alice", "changed"), 5, "password");
    replica.expect_kdc_log("PREAUTH_FAILED: alice@MIT.TEST");
    for relation in ["primary_kdc", "master_kdc"] {
        for (user, password) in [("alice", "changed"), ("newcomer", "new")] {
            let ours = Handfast::new(&config(replica.kdc(), relation, primary.kdc()));
            ours.mit().kinit(user, password).expect_success();
            ours.login(user, password).expect_success().expect_text(&format!("{user}@MIT.TEST"));
        }
    }
    primary.expect_kdc_log("newcomer@MIT.TEST for krbtgt/MIT.TEST@MIT.TEST");
    assert_eq!(failures(&primary), 0);
    assert_eq!(failures(&replica), 5, "ours three times, kinit's twice: {}", replica.kdc_log());
    let (_socket, silent) = silent_address();
    // What the replica knows better nobody asks the primary for.
    let ours = Handfast::new(&config(replica.kdc(), "primary_kdc", silent));
    ours.login("bob", &replica.password("bob")).expect_success();
}

#[test]
fn a_wrong_password_counts_once_at_the_primary() {
    let primary = MitRealm::start();
    let replica = primary.replica();
    let ours = Handfast::new(&config(replica.kdc(), "primary_kdc", primary.kdc()));
    failed(&ours.login("alice", "wrong"), 5, "password");
    primary.expect_kdc_log("PREAUTH_FAILED: alice@MIT.TEST");
    assert_eq!((failures(&replica), failures(&primary)), (1, 1));
    // The primary was asked in the first place.
    let ours = Handfast::new(&config(primary.kdc(), "primary_kdc", primary.kdc()));
    failed(&ours.login("alice", "wrong"), 5, "password");
    assert_eq!((failures(&replica), failures(&primary)), (1, 2));
    let (_socket, silent) = silent_address();
    // A primary that does not answer leaves the replica's word.
    let ours = Handfast::new(&config(replica.kdc(), "primary_kdc", silent).setting("request_timeout = 2s"));
    failed(&ours.login("alice", "wrong"), 5, "password");
    assert_eq!((failures(&replica), failures(&primary)), (2, 2));
}

#[test]
fn a_password_that_has_expired_at_the_replica_alone_is_not_changed() {
    let primary = MitRealm::start();
    let replica = primary.replica();
    primary.kadmin("modprinc -pwexpire never expired\n");
    let ours = Handfast::new(&config(replica.kdc(), "primary_kdc", primary.kdc()));
    ours.mit().kinit("expired", "expired-password").expect_success();
    ours.login("expired", "expired-password").expect_success();
    replica.expect_kdc_log("expired@MIT.TEST for krbtgt/MIT.TEST@MIT.TEST, Password has expired");
}
