//! `handfast keytab` on keytabs that MIT's kadmin, ktutil, klist and kinit read and write.

use crate::handfast::{Handfast, failed};
use handfast_interop::{Enctype, MitClient, MitRealm, Run, run};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn ktutil(mit: &MitClient, script: &str) -> Run {
    run(&mut mit.command("ktutil"), script, LIMIT)
}

/// The lines of `klist -ekK` that are keys of `principal`: version, principal, enctype, key; sorted.
fn keys(mit: &MitClient, keytab: &Path, principal: &str) -> Vec<String> {
    let listed = mit.klist_keytab(keytab);
    let lines = listed.expect_success().stdout.lines().map(str::trim).filter(|line| line.contains(principal));
    let mut keys: Vec<String> = lines.map(str::to_owned).collect();
    keys.sort();
    keys
}

#[test]
fn kinit_takes_keys_that_were_derived_from_a_password() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    for enctype in Enctype::ALL {
        let (user, name) = (enctype.user(), enctype.name());
        let line = format!("keytab derive {user} --kvno 1 --enctype {name} -k {name}.keytab --password-stdin");
        program.run_with(&line, &realm.password(&user)).expect_success().expect_text("1 key of");
        program.mit().kinit_keytab(&user, &program.path(&format!("{name}.keytab"))).expect_success();
        program.run(&format!("login {user} --keytab {name}.keytab")).expect_success();
    }
}

#[test]
fn keys_of_another_salt_are_the_kdcs_only_with_that_salt() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let derive = |salt: &str, file: &str| {
        let line = format!("keytab derive renamed@MIT.TEST --enctype aes256-sha1 -k {file} --password-stdin {salt}");
        program.run_with(&line, &realm.password("alice")).expect_success();
        let found = keys(&program.mit(), &program.path(file), "renamed@MIT.TEST");
        found[0].rsplit_once("(0x").expect("a key").1.to_owned()
    };
    let file = realm.user_keytab();
    let of_alice = keys(&program.mit(), file, "alice@MIT.TEST");
    assert!(of_alice.iter().any(|key| key.contains("aes256-cts-hmac-sha1-96")), "{of_alice:?}");
    let (own, alices) = (derive("", "own"), derive("--salt MIT.TESTalice", "alices"));
    assert!(of_alice.iter().any(|key| key.ends_with(&alices)), "{alices} in {of_alice:?}");
    assert!(!of_alice.iter().any(|key| key.ends_with(&own)));
    let slower = derive("--iterations 32768", "slower");
    assert_ne!(own, slower);
}

#[test]
fn a_key_goes_over_by_its_digits() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let service = "sample/localhost@MIT.TEST";
    let from = keys(&program.mit(), realm.service_keytab(), service);
    for key in &from {
        let (rest, digits) = key.split_once("(0x").expect("a key");
        let enctype = rest.split_once('(').expect("an enctype").1.trim_end().trim_end_matches(')');
        let line = format!("keytab add {service} --kvno 1 --enctype {enctype} -k copy --password-stdin");
        program.run_with(&line, digits.trim_end_matches(')')).expect_success();
    }
    let copied = keys(&program.mit(), &program.path("copy"), service);
    let without_kvno = |keys: &[String]| -> Vec<String> {
        let mut keys: Vec<String> =
            keys.iter().map(|key| key.split_once(' ').expect("a version").1.to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(without_kvno(&copied), without_kvno(&from));
    failed(&program.run_with(&format!("keytab add {service} --kvno 1 -e aes256-sha1 --password-stdin"), "00ff"), 2, "");
}

#[test]
fn what_is_merged_and_removed_ktutil_and_klist_see() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let mit = program.mit();
    for kvno in [1, 2, 3] {
        let line = format!("keytab derive x/y@MIT.TEST --kvno {kvno} -k many.keytab --password-stdin");
        program.run_with(&line, "pencil").expect_success().expect_text("4 keys of x/y@MIT.TEST");
    }
    let path = program.path("many.keytab");
    assert_eq!(keys(&mit, &path, "x/y@MIT.TEST").len(), 12);
    program.run("keytab remove x/y --kvno 2 --enctype aes256-sha1 -k many.keytab").expect_success();
    assert_eq!(keys(&mit, &path, "x/y@MIT.TEST").len(), 11);
    program.run("keytab remove x/y --old -k many.keytab").expect_success().expect_text("7 keys");
    assert!(keys(&mit, &path, "x/y@MIT.TEST").iter().all(|key| key.starts_with("3 ")));
    failed(&program.run("keytab remove x/y --kvno 9 -k many.keytab"), 3, "has no such key");
    program.run(&format!("keytab merge {} -k many.keytab", realm.service_keytab().display())).expect_success();
    let listed = ktutil(&mit, &format!("rkt {}\nlist\nquit\n", path.display()));
    listed.expect_success().expect_text("x/y@MIT.TEST").expect_text("sample/localhost@MIT.TEST");
    program.run("keytab remove x/y --all -k many.keytab").expect_success();
    assert!(keys(&mit, &path, "x/y@MIT.TEST").is_empty());
}

#[test]
fn what_ktutil_writes_is_listed_and_the_same_key_derived() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    let (mit, theirs) = (program.mit(), program.path("theirs"));
    let script = format!(
        "addent -password -p x/y@MIT.TEST -k 5 -e aes256-cts-hmac-sha384-192\npencil\nwkt {}\nquit\n",
        theirs.display()
    );
    ktutil(&mit, &script).expect_success();
    let list = program.run("keytab list -k theirs");
    list.expect_success().expect_text("x/y@MIT.TEST").expect_text("aes256-cts-hmac-sha384-192");
    let line = "keytab derive x/y --kvno 5 --enctype aes256-sha2 -k ours --password-stdin";
    program.run_with(line, "pencil").expect_success();
    assert_eq!(keys(&mit, &theirs, "x/y"), keys(&mit, &program.path("ours"), "x/y"));
}
