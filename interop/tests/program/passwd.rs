//! `handfast passwd` with MIT's kadmind and Samba's domain controller; MIT's kpasswd and kinit with our password service.

use crate::handfast::{Handfast, Server, failed};
use handfast_interop::{MitClient, MitConfig, MitRealm, PasswordServer, Run, SambaDomain, run};
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// The configuration with a password server.
fn with_server(config: &MitConfig, server: impl Display) -> MitConfig {
    let realm = config.realm().to_owned();
    config.clone().and(&format!("[realms]\n {realm} = {{\n  kpasswd_server = {server}\n }}\n"))
}

/// A realm of MIT's with its kadmind, where root/admin may set passwords.
struct World {
    realm: MitRealm,
    server: PasswordServer,
}

impl World {
    fn new() -> World {
        let realm = MitRealm::start();
        realm.kadmin("addprinc -pw root-password root/admin\n");
        let server = realm.password_server("root/admin@MIT.TEST c\n");
        World { realm, server }
    }

    fn program(&self) -> Handfast {
        Handfast::new(&with_server(self.realm.config(), self.server.address()))
    }

    fn kinit(&self, user: &str, password: &str) -> Run {
        self.realm.client().kinit(user, password)
    }
}

/// `handfast passwd` with an old and a new password.
fn passwd(program: &Handfast, arguments: &str, old: &str, new: &str) -> Run {
    std::fs::write(program.path("new"), format!("{new}\n")).unwrap();
    let line = format!("passwd {arguments} --password-stdin --new-password-file new");
    program.run_with(&line, &format!("{old}\n"))
}

#[test]
fn kadmind_changes_a_password_and_the_old_one_is_good_for_nothing() {
    let world = World::new();
    let changed = passwd(&world.program(), "alice", "alice-password", "battery staple");
    changed.expect_success().expect_text("password of alice@MIT.TEST changed");
    world.server.expect_log("chpw request from 127.0.0.1 for alice@MIT.TEST: success");
    world.kinit("alice", "alice-password").expect_failure().expect_text("Password incorrect");
    world.kinit("alice", "battery staple").expect_success();
}

#[test]
fn kadmind_is_asked_over_udp_where_the_configuration_says_so() {
    let world = World::new();
    let config = with_server(world.realm.config(), format!("udp/{}", world.server.address()));
    passwd(&Handfast::new(&config), "alice", "alice-password", "battery staple").expect_success();
    world.server.expect_log("chpw request from 127.0.0.1 for alice@MIT.TEST: success");
    world.kinit("alice", "battery staple").expect_success();
}

#[test]
fn kadmind_sets_anothers_password_for_an_administrator_and_for_nobody_else() {
    let world = World::new();
    let program = world.program();
    let refused = passwd(&program, "alice --set bob", "alice-password", "battery staple");
    failed(&refused, 5, "who asks may not do it");
    world.kinit("bob", "bob-password").expect_success();
    let set = passwd(&program, "root/admin --set bob", "root-password", "battery staple");
    set.expect_success().expect_text("password of bob@MIT.TEST set");
    world.server.expect_log("setpw request from 127.0.0.1 by root/admin@MIT.TEST for");
    world.kinit("bob", "battery staple").expect_success();
    // MIT's realm gives no ticket for this with a login.
    program.login("root/admin", "root-password").expect_success();
    let by_login = program.run("passwd --set bob --new-password-file new");
    failed(&by_login, 5, "handfast passwd root/admin@MIT.TEST --set bob@MIT.TEST");
}

#[test]
fn kadminds_rules_are_told_in_its_words() {
    let world = World::new();
    world.realm.kadmin("addpol -minlength 12 -minclasses 3 -history 2 strict\nmodprinc -policy strict alice\n");
    let program = world.program();
    for (new, words) in [
        ("short", "New password is too short.\n".trim_end()),
        ("onlysmallletters", "New password does not have enough character classes."),
        ("alice-password", "New password does not have enough character classes."),
    ] {
        failed(&passwd(&program, "alice", "alice-password", new), 5, words);
    }
    passwd(&program, "alice", "alice-password", "Three-Classes-1").expect_success();
    failed(&passwd(&program, "alice", "Three-Classes-1", "Three-Classes-1"), 5, "New password was used previously.");
}

#[test]
fn an_expired_password_is_changed_at_the_login() {
    let world = World::new();
    let program = world.program();
    let refused = program.login("expired", "expired-password");
    failed(&refused, 5, "the password of expired@MIT.TEST has expired");
    refused.expect_text("handfast passwd expired@MIT.TEST");
    std::fs::write(program.path("new"), "battery staple\n").unwrap();
    program.login("expired --new-password-file new", "expired-password").expect_success();
    world.server.expect_log("chpw request from 127.0.0.1 for expired@MIT.TEST: success");
    assert_eq!(program.mit().klist().principal, "expired@MIT.TEST");
    world.kinit("expired", "battery staple").expect_success();
}

#[test]
fn a_terminal_is_asked_for_a_new_password_in_place_of_an_expired_one() {
    let world = World::new();
    let program = world.program();
    let inner = program.command(&[]).get_program().to_string_lossy().into_owned() + " login expired";
    let mut script = program.command(&[]);
    let environment: Vec<_> =
        script.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap().to_owned())).collect();
    script = std::process::Command::new(handfast_interop::peer_program("script"));
    script.current_dir(program.path(".")).env_clear().envs(environment).env("SHELL", "/bin/sh");
    script.args(["-qec", &inner, "/dev/null"]);
    let answers = "expired-password\nbattery staple\nbattery staple\n";
    let asked = run(&mut script, answers, LIMIT);
    asked.expect_success().expect_text("Password for expired@MIT.TEST: ");
    asked.expect_text("New password for expired@MIT.TEST: ").expect_text(" has a ticket for krbtgt/MIT.TEST@MIT.TEST");
    world.kinit("expired", "battery staple").expect_success();
}

#[test]
fn samba_changes_and_sets_passwords_and_tells_its_rules() {
    let domain = SambaDomain::start();
    let program = Handfast::new(&with_server(&MitConfig::new(SambaDomain::REALM, domain.kdc()), domain.kpasswd()));
    failed(&passwd(&program, "alice", "Alice-pw-1", "abc"), 5, "password must be at least 7 characters long");
    passwd(&program, "alice", "Alice-pw-1", "Battery-staple-2").expect_success();
    program.mit().kinit("alice", "Alice-pw-1").expect_failure();
    program.mit().kinit("alice", "Battery-staple-2").expect_success();
    failed(&passwd(&program, "alice --set bob", "Battery-staple-2", "Battery-staple-3"), 5, "who asks may not do it");
    passwd(&program, "Administrator --set bob", "Admin-pw-1", "Battery-staple-3").expect_success();
    program.login("Administrator", "Admin-pw-1").expect_success();
    std::fs::write(program.path("new"), "Battery-staple-4\n").unwrap();
    program.run("passwd --set bob --new-password-file new").expect_success();
    program.mit().kinit("bob", "Battery-staple-4").expect_success();
}

/// Our realm with its password service, and MIT's programs.
struct Ours {
    program: Handfast,
    kdc: Server,
    client: MitClient,
}

impl Ours {
    fn new(settings: &str) -> Ours {
        let program = Handfast::new(&MitConfig::new("OURS.TEST", ([127, 0, 0, 1], 9).into()));
        program.run("realm init OURS.TEST").expect_success();
        program.run_with("realm add-user alice --password-stdin", "alice-password\n").expect_success();
        if !settings.is_empty() {
            program.run(&format!("realm settings {settings}")).expect_success();
        }
        let kdc = program.start("realm serve --kpasswd-listen 127.0.0.1:0", "OURS.TEST is served on ");
        let log = kdc.log();
        let passwords = log.split_once("passwords are changed on ").unwrap().1.split_whitespace().next().unwrap();
        let passwords: SocketAddr = passwords.parse().unwrap();
        let client = MitClient::new(&with_server(&MitConfig::new("OURS.TEST", kdc.address()), passwords));
        Ours { program, kdc, client }
    }

    fn mit(&self, program: &str, input: &str) -> Run {
        run(self.client.command(program).arg("alice"), input, LIMIT)
    }
}

#[test]
fn mits_kpasswd_changes_a_password_in_our_realm() {
    let ours = Ours::new("");
    let short = ours.mit("kpasswd", "alice-password\nshort\nshort\n");
    short.expect_failure().expect_text("The new password is too short: it needs at least 8 characters.");
    let same = ours.mit("kpasswd", "alice-password\nalice-password\nalice-password\n");
    same.expect_failure().expect_text("Password change rejected: The new password is the old one.");
    let changed = ours.mit("kpasswd", "alice-password\nbattery staple\nbattery staple\n");
    changed.expect_success().expect_text("Password changed.");
    ours.kdc.expect_log("alice@OURS.TEST for alice@OURS.TEST: password changed, key version 2");
    ours.client.kinit("alice", "alice-password").expect_failure().expect_text("Password incorrect");
    ours.client.kinit("alice", "battery staple").expect_success();
}

#[test]
fn mits_kpasswd_is_told_of_passwords_that_were_used_before_and_of_too_early_changes() {
    let ours = Ours::new("--password-history 3");
    let kpasswd = |old: &str, new: &str| ours.mit("kpasswd", &format!("{old}\n{new}\n{new}\n"));
    let before = "Password change rejected: The new password was used before: it must differ from the last 3.";
    kpasswd("alice-password", "battery staple").expect_success();
    kpasswd("battery staple", "alice-password").expect_failure().expect_text(before);
    kpasswd("battery staple", "third password").expect_success();
    kpasswd("third password", "alice-password").expect_failure().expect_text(before);
    kpasswd("third password", "fourth password").expect_success();
    kpasswd("fourth password", "alice-password").expect_success();
    ours.kdc.expect_log("refused: The new password was used before");
    let strict = Ours::new("--min-password-age 1d");
    let early = strict.mit("kpasswd", "alice-password\nbattery staple\nbattery staple\n");
    early.expect_failure().expect_text("The password was changed lately. It can be changed again from");
    strict.client.kinit("alice", "alice-password").expect_success();
}

#[test]
fn mits_kinit_changes_an_expired_password_in_our_realm() {
    let ours = Ours::new("--max-password-age 90d");
    ours.program.run("realm modify alice --password-expires now").expect_success();
    std::thread::sleep(Duration::from_millis(500)); // the served realm looks at its file four times a second
    let asked = ours.mit("kinit", "alice-password\nbattery staple\nbattery staple\n");
    asked.expect_success().expect_text("Password expired.  You must change it now.");
    asked.expect_text("Your password will expire in ");
    assert_eq!(ours.client.klist().principal, "alice@OURS.TEST");
    ours.kdc.expect_log("password changed, key version 2");
}

#[test]
fn mits_kinit_is_told_that_who_guesses_is_locked_out_of_our_realm() {
    let ours = Ours::new("--max-failures 2 --lockout ever");
    for _ in 0..2 {
        ours.client.kinit("alice", "a guess").expect_failure().expect_text("Password incorrect");
    }
    let revoked = "Client's credentials have been revoked";
    ours.client.kinit("alice", "alice-password").expect_failure().expect_text(revoked);
    ours.program.run("realm show alice").expect_success().expect_text("2, the last");
    ours.program.run("realm modify alice --unlock").expect_success();
    std::thread::sleep(Duration::from_millis(500));
    ours.client.kinit("alice", "alice-password").expect_success();
}
