//! `handfast doctor` in MIT's realm: what it finds is what kvno and klist say.

use crate::handfast::{Handfast, failed};
use handfast_interop::MitRealm;

/// The service, in a realm of its own: its keys are changed here.
const SERVICE: &str = "host/localhost@MIT.TEST";

#[test]
fn a_right_keytab_opens_the_ticket_and_one_from_before_a_change_does_not() {
    let realm = MitRealm::start();
    let program = Handfast::new(realm.config());
    let mit = program.mit();
    mit.kinit("alice", &realm.password("alice")).expect_success();
    realm.kadmin(&format!("ktadd -k {} {SERVICE}\n", program.path("old").display())).expect_success();
    let kvno = mit.kvno_keytab(SERVICE, &program.path("old"));
    kvno.expect_success().expect_text("kvno = 2, keytab entry valid");
    let doctor = program.run("doctor host/localhost --keytab old");
    doctor.expect_success().expect_text("opens the ticket, with version 2 of").expect_text("Nothing is wrong");
    realm.kadmin(&format!("ktadd -k {} {SERVICE}\n", program.path("new").display())).expect_success();
    // Another cache: the old ticket is in alice's.
    mit.kinit("alice", &realm.password("alice")).expect_success();
    mit.kvno_keytab(SERVICE, &program.path("new")).expect_success().expect_text("kvno = 3, keytab entry valid");
    let doctor = program.run("doctor host/localhost --keytab old");
    failed(&doctor, 8, "one thing is wrong");
    doctor.expect_text("but the KDC uses version 3 of").expect_text("the keys have been changed since");
    program.run("doctor host/localhost --keytab new").expect_success();
}

#[test]
fn what_kvno_does_not_get_the_doctor_explains() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let mit = program.mit();
    mit.kinit("alice", &realm.password("alice")).expect_success();
    let kvno = mit.kvno("HTTP/nowhere.invalid");
    assert!(kvno.stderr.contains("not found in Kerberos database"), "{kvno:?}");
    let doctor = program.run("doctor HTTP/nowhere.invalid");
    failed(&doctor, 5, "one thing is wrong");
    doctor.expect_text("does not know the service HTTP/nowhere.invalid@MIT.TEST").expect_text("getprinc in MIT krb5");
    mit.run("kdestroy", &[]).expect_success();
    failed(&program.run("doctor"), 3, "one thing is wrong");
}
