//! `handfast realm` with MIT's programs.

use crate::handfast::{Handfast, Server};
use handfast_interop::{Enctype, GssServer, MitClient, MitConfig, Run};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Every one, with the default's first at the front.
const ENCTYPES: &str = "aes256-sha1,aes128-sha1,aes256-sha2,aes128-sha2,camellia256-cts,camellia128-cts-cmac";
const KRBTGT: &str = "krbtgt/OURS.TEST@OURS.TEST";

/// The realm `OURS.TEST`, served: alice, and sample/localhost with a keytab.
struct World {
    program: Handfast,
    kdc: Server,
    config: MitConfig,
}

impl World {
    fn new() -> Self {
        let nowhere = MitConfig::new("OURS.TEST", ([127, 0, 0, 1], 9).into());
        let program = Handfast::new(&nowhere);
        let run = |line: &str| {
            program.run(line).expect_success();
        };
        run("realm init OURS.TEST --max-life 10h");
        let alice = format!("realm add-user alice --password-stdin --enctype {ENCTYPES}");
        program.run_with(&alice, "alice-password\n").expect_success();
        run(&format!("realm add-service sample/localhost --keytab sample.keytab --enctype {ENCTYPES}"));
        let kdc = program.start("realm serve", "OURS.TEST is served on ");
        let config = MitConfig::new("OURS.TEST", kdc.address());
        World { program, kdc, config }
    }

    fn keytab(&self, name: &str) -> PathBuf {
        self.program.path(name)
    }

    fn client_of(&self, config: &MitConfig, user: &str) -> MitClient {
        let client = MitClient::new(config);
        client.kinit(user, &format!("{user}-password")).expect_success();
        client
    }

    fn edit(&self, line: &str, input: &str) {
        self.program.run_with(line, input).expect_success();
    }
}

/// Runs it again until it succeeds (or fails) and prints `text`: a realm that is served looks at its file four times a second.
fn soon(text: &str, success: bool, ask: impl Fn() -> Run) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let run = ask();
        if run.status.success() == success && run.text().contains(text) {
            return;
        }
        assert!(Instant::now() < end, "{text:?} is missing in {run}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn kinit_klist_and_kvno_take_our_tickets() {
    let world = World::new();
    let alice = MitClient::new(&world.config);
    alice.kinit_with(&["-f", "-r", "2d", "alice"], "alice-password").expect_success();
    let list = alice.klist();
    assert_eq!((list.principal.as_str(), list.ticket(KRBTGT).flags.as_str()), ("alice@OURS.TEST", "FRIA"));
    alice.kinit_with(&["-R"], "").expect_success();
    assert_eq!(alice.klist().ticket(KRBTGT).flags, "FRA");
    let checked = alice.kvno_keytab("sample/localhost", &world.keytab("sample.keytab"));
    checked.expect_success().expect_text("kvno = 1, keytab entry valid");
    world.kdc.expect_log("alice@OURS.TEST for sample/localhost@OURS.TEST: ticket issued");
}

#[test]
fn klist_shows_every_key_that_we_exported() {
    let world = World::new();
    world.edit("realm export-keytab alice --keytab alice.keytab", "");
    let client = MitClient::new(&world.config);
    for (keytab, principal) in [("sample.keytab", "sample/localhost"), ("alice.keytab", "alice")] {
        let listed = client.klist_keytab(&world.keytab(keytab));
        for enctype in Enctype::ALL {
            listed.expect_success().expect_text(&format!("   1 {principal}@OURS.TEST ({})", enctype.name()));
        }
    }
    client.kinit_keytab("alice", &world.keytab("alice.keytab")).expect_success();
}

#[test]
fn gss_client_and_gss_server_meet_with_each_enctype() {
    let world = World::new();
    for enctype in Enctype::ALL {
        let config = world.config.clone().enctypes(&[enctype]);
        let alice = world.client_of(&config, "alice");
        let server = GssServer::start(&world.config, &world.keytab("sample.keytab"), "sample@localhost");
        let client = alice.gss_client(server.port(), "sample@localhost", "hello", &[]);
        client.expect_text("Signature verified.");
        assert_eq!(alice.klist().ticket(KRBTGT).session_enctype, enctype.name());
        server.expect_accepted("alice@OURS.TEST", "sample/localhost@OURS.TEST");
        server.expect_subkey(enctype);
        server.expect_log("Received message: \"hello\"");
    }
}

#[test]
fn mit_asks_us_over_udp_and_over_tcp() {
    let world = World::new();
    let tcp = world.client_of(&world.config.clone().tcp_only(), "alice");
    tcp.kvno("sample/localhost").expect_success();
    assert!(tcp.trace().contains("to stream") && !tcp.trace().contains("to dgram"), "{}", tcp.trace());
    let udp = world.client_of(&world.config, "alice");
    assert!(udp.trace().contains("to dgram") && !udp.trace().contains("to stream"), "{}", udp.trace());
}

#[test]
fn the_realm_is_edited_while_it_is_served() {
    let world = World::new();
    let carol = MitClient::new(&world.config);
    let (unknown, wrong) = ("not found in Kerberos database", "Password incorrect");
    let kinit = |password: &str| carol.kinit("carol", password);
    kinit("carol-password").expect_failure().expect_text(unknown);
    world.edit("realm add-user carol --password-stdin", "carol-password\n");
    soon("", true, || kinit("carol-password"));
    carol.kvno("new/localhost").expect_failure().expect_text(unknown);
    world.edit("realm add-service new/localhost --keytab new.keytab", "");
    soon("keytab entry valid", true, || carol.kvno_keytab("new/localhost", &world.keytab("new.keytab")));
    world.edit("realm set-password carol --password-stdin", "another\n");
    soon(wrong, false, || kinit("carol-password"));
    kinit("another").expect_success();
    world.edit("realm remove carol", "");
    soon(unknown, false, || kinit("another"));
    world.client_of(&world.config, "alice").kvno("sample/localhost").expect_success();
}

#[test]
fn our_own_programs_meet_mits_in_our_realm() {
    let world = World::new();
    let program = Handfast::new(&world.config).keytab(&world.keytab("sample.keytab"));
    program.login("alice", "alice-password").expect_success();
    let theirs = GssServer::start(&world.config, &world.keytab("sample.keytab"), "sample@localhost");
    let line = format!("connect localhost:{} --framing gss-sample --message hello -s sample/localhost", theirs.port());
    program.run(&line).expect_success();
    theirs.expect_accepted("alice@OURS.TEST", "sample/localhost@OURS.TEST");
    let ours = program.serve("");
    let client = program.mit().gss_client(ours.port(), "sample@localhost", "hello", &[]);
    client.expect_text("Signature verified.");
}

#[test]
fn mit_is_told_why_it_gets_nothing() {
    let world = World::new();
    let client = MitClient::new(&world.config);
    client.kinit("alice", "not hers").expect_failure().expect_text("Password incorrect");
    client.kinit("nobody", "x").expect_failure().expect_text("not found in Kerberos database");
    let alice = world.client_of(&world.config, "alice");
    alice.kvno("nothing/localhost").expect_failure().expect_text("not found in Kerberos database");
    alice.kvno("alice").expect_failure();
    world.kdc.expect_log("refused");
}
