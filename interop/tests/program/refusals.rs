//! What goes wrong between the program and MIT's: each has a message and an exit code of its own, nothing hangs, and a server
//! goes on serving others.

use crate::handfast::{Handfast, Server, failed};
use crate::kdcs::ScriptedKdc;
use handfast_interop::{
    Enctype, GssServer, MitClient, MitConfig, MitRealm, TempDir, free_port, record, silent_address,
};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn alice(realm: &MitRealm) -> Handfast {
    let program = Handfast::new(realm.config());
    program.login("alice", &realm.password("alice")).expect_success();
    program
}

fn connect(program: &Handfast, port: u16, more: &str) -> handfast_interop::Run {
    program.run(&format!("connect localhost:{port} --framing gss-sample --message hello -s sample/localhost {more}"))
}

#[test]
fn a_wrong_password_and_wrong_accounts_are_told_apart() {
    let realm = MitRealm::start();
    let program = Handfast::new(realm.config());
    failed(&program.login("alice", "not hers"), 5, "password");
    realm.expect_kdc_log("PREAUTH_FAILED: alice@MIT.TEST");
    failed(&program.login("nobody", "x"), 5, "does not know nobody@MIT.TEST");
    realm.expect_kdc_log("CLIENT_NOT_FOUND: nobody@MIT.TEST");
    failed(&program.login("gone", "gone-password"), 5, "expired");
    failed(&program.login("expired", "expired-password"), 5, "password");
    failed(&program.login("locked", "locked-password"), 5, "locked@MIT.TEST");
    let klist = program.mit().command("klist").output().unwrap();
    assert!(!klist.status.success(), "a failed login leaves no cache");
}

#[test]
fn an_unknown_service_is_named_by_both() {
    let realm = MitRealm::start();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let line = format!("connect localhost:{} --framing gss-sample --message x -s nothing/localhost", server.port());
    failed(&alice(&realm).run(&line), 5, "nothing/localhost@MIT.TEST");
    realm.expect_kdc_log("nothing/localhost@MIT.TEST, Server not found in Kerberos database");
}

#[test]
fn an_enctype_that_the_kdc_has_no_key_of_is_told() {
    let realm = MitRealm::shared();
    let program = Handfast::new(&realm.config().clone().enctypes(&[Enctype::Aes128Sha256]));
    let user = Enctype::Aes256Sha1.user();
    failed(&program.login(&user, &realm.password(&user)), 5, "aes128-cts-hmac-sha256-128");
}

#[test]
fn tickets_that_have_ended_are_told() {
    let realm = MitRealm::shared();
    let client = realm.client();
    client.kinit_with(&["-l", "2s", "alice"], &realm.password("alice")).expect_success();
    let program = Handfast::sharing(&client);
    thread::sleep(Duration::from_secs(3));
    client.kvno("sample/localhost").expect_failure().expect_text("expired");
    failed(
        &connect(&program, GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost").port(), ""),
        3,
        "ended",
    );
    program.run("list").expect_success().expect_text("expired");
    failed(&program.run("list --check"), 3, "ccache");
}

#[test]
fn without_a_cache_or_with_a_broken_one_that_is_told() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    failed(&connect(&program, 9, ""), 3, "ccache");
    failed(&program.run("list"), 3, "ccache");
    let broken = realm.client_of("alice");
    let bytes = std::fs::read(broken.ccache()).unwrap();
    std::fs::write(broken.ccache(), &bytes[..bytes.len() - 7]).unwrap();
    failed(&Handfast::sharing(&broken).run("list"), 8, "ccache");
}

#[test]
fn a_kdc_that_is_down_is_told_at_once() {
    let program = Handfast::new(&MitConfig::new("MIT.TEST", ([127, 0, 0, 1], free_port()).into()));
    let login = program.login("alice", "alice-password");
    failed(&login, 4, "no KDC of the realm MIT.TEST answered");
    login.expect_text("127.0.0.1");
}

#[test]
fn a_kdc_that_is_silent_is_passed_over_or_told_in_the_end() {
    let realm = MitRealm::shared();
    let (_socket, silent) = silent_address();
    let config = MitConfig::new("MIT.TEST", silent);
    Handfast::new(&config.clone().or_kdc(realm.kdc())).login("alice", &realm.password("alice")).expect_success();
    failed(&Handfast::new(&config).login("alice", "alice-password"), 4, "over UDP: did not answer in ");
}

#[test]
fn kdcs_that_talk_nonsense_are_told_or_passed_over() {
    let realm = MitRealm::shared();
    // An AS-REP of RFC 4120's tag that ends early; a length that promises more; more than any reply has.
    let scripts: [(&[u8], &[u8]); 4] = [
        (b"nonsense", b"nonsense"),
        (b"", b"\0\0\0\x04\x6b\x02"),
        (b"\0", b"\x7f\xff\xff\xff"),
        (b"GET / HTTP/1.1", b""),
    ];
    thread::scope(|scope| {
        for (datagram, stream) in scripts {
            let realm = &realm;
            scope.spawn(move || {
                let kdc = ScriptedKdc::new(datagram, stream);
                let first = MitConfig::new("MIT.TEST", kdc.address()).or_kdc(realm.kdc());
                Handfast::new(&first).login("alice", &realm.password("alice")).expect_success();
                let ended = Handfast::new(&MitConfig::new("MIT.TEST", kdc.address()).tcp_only()).login("alice", "x");
                failed(&ended, 4, "no KDC of the realm MIT.TEST answered");
                ended.expect_text("over TCP: ").expect_text("over UDP: ");
            });
        }
    });
}

#[test]
fn a_reply_that_is_no_reply_is_not_believed() {
    // The shell of an AS-REP: decodes as far as its tag.
    let kdc = ScriptedKdc::new(b"\x6b\x02\x30\x00", b"\0\0\0\x04\x6b\x02\x30\x00");
    let ended = Handfast::new(&MitConfig::new("MIT.TEST", kdc.address())).login("alice", "x");
    failed(&ended, 5, "");
}

#[test]
fn gss_server_with_an_old_keytab_refuses_us_and_we_say_so() {
    let realm = MitRealm::start();
    let old = std::fs::read(realm.service_keytab()).unwrap();
    realm.kadmin("change_password -randkey sample/localhost");
    std::fs::write(realm.service_keytab(), old).unwrap();
    let theirs = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    failed(&connect(&alice(&realm), theirs.port(), ""), 6, "refused");
    theirs.expect_log("GSS-API error accepting context");
    let ours = Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("");
    let client = realm.client_of("alice");
    let refused = client.gss_client(ours.port(), "sample@localhost", "hello", &[]);
    refused.expect_text("GSS-API error initializing context");
    ours.expect_log("needs the key of version 2");
    client.gss_client(ours.port(), "host@localhost", "hello", &[]).expect_text("Signature verified.");
}

#[test]
fn a_server_that_is_none_is_told() {
    let realm = MitRealm::shared();
    let program = alice(&realm);
    failed(&connect(&program, free_port(), ""), 7, "no connection");
    // It takes the connection, and: goes; says nothing; talks nonsense; sends an empty token.
    let answers: [(Option<&'static [u8]>, i32); 5] = [
        (Some(b""), 7),
        (None, 7),
        (Some(b"SSH-2.0-x\r\n"), 7),
        (Some(b"\x02\0\0\0\0"), 6),
        (Some(b"\x02\0\0\0\x02ab"), 6),
    ];
    for (answer, code) in answers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let mut tcp = listener.accept().unwrap().0;
            if let Some(answer) = answer {
                let _ = tcp.read(&mut [0; 8192]);
                let _ = tcp.write_all(answer);
                let _ = tcp.shutdown(Shutdown::Write);
            }
            let _ = tcp.read_to_end(&mut Vec::new());
        });
        failed(&connect(&program, port, "--timeout 2s"), code, "");
        server.join().unwrap();
    }
}

/// What a raw client gets for `bytes`, until the server ends the connection.
fn answer_to(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(server).unwrap();
    tcp.set_read_timeout(Some(LIMIT)).unwrap();
    let _ = tcp.write_all(bytes);
    let _ = tcp.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    answer
}

fn serves_still(server: &Server, client: &MitClient) {
    client.gss_client(server.port(), "sample@localhost", "hello", &[]).expect_text("Signature verified.");
}

const OPEN: &[u8] = b"\x11\0\0\0\0";

#[test]
fn our_server_outlives_every_kind_of_token() {
    let realm = MitRealm::shared();
    let server = Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("--handshake-time 2s");
    let client = realm.client_of("alice");
    let whole = record(server.address(), |port| {
        client.gss_client(port, "sample@localhost", "hello", &[]).expect_text("Signature verified.");
    });
    let token = |body: &[u8]| [OPEN, b"\x02", &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat();
    let huge = [OPEN, b"\x02\x7f\xff\xff\xff", &[0x60; 64]].concat();
    for bytes in [
        Vec::new(),                         // gone at once
        b"\x11".to_vec(),                   // gone inside the first header
        OPEN.to_vec(),                      // gone before its token
        whole[..200].to_vec(),              // gone inside it
        token(b""),                         // an empty one
        token(b"garbage"),                  // no GSS token
        token(b"\x60\x84\xff\xff\xff\xff"), // a length that is not there
        token(&[0x60; 70_000]),             // over the limit
        huge,                               // and far over it
        b"\0\0\0\0\x04abcd".to_vec(),       // the old protocol
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        whole.iter().map(|byte| byte ^ 1).collect(),
    ] {
        let proven = server.log().matches(" is proven, ").count();
        answer_to(server.address(), &bytes);
        assert_eq!(server.log().matches(" is proven, ").count(), proven, "{bytes:02x?} made a context");
        serves_still(&server, &client);
    }
}

#[test]
fn a_silent_client_is_let_go_while_others_are_served() {
    let realm = MitRealm::shared();
    let server = Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("--handshake-time 2s");
    let mut silent = TcpStream::connect(server.address()).unwrap();
    silent.set_read_timeout(Some(LIMIT)).unwrap();
    serves_still(&server, &realm.client_of("alice"));
    assert_eq!(silent.read(&mut [0; 16]).unwrap_or(0), 0, "the server ends it");
    server.expect_log("refused, connection: ");
}

#[test]
fn a_recorded_ap_req_is_refused_by_our_server() {
    let realm = MitRealm::shared();
    let server = Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("");
    let client = realm.client_of("alice");
    let whole = record(server.address(), |port| {
        client.gss_client(port, "sample@localhost", "hello", &[]).expect_text("Signature verified.");
    });
    let answer = answer_to(server.address(), &whole);
    // RFC 4121 4.1: behind flags, length and the mechanism's OID, a KRB-ERROR is 03 00.
    assert_eq!(answer[18..20], [3, 0], "{answer:02x?}");
    server.expect_log("replayed: this proof was presented before");
    assert_eq!(server.log().matches(" is proven, ").count(), 1);
    serves_still(&server, &client);
}

#[test]
fn a_recorded_ap_req_of_ours_is_refused_by_gss_server() {
    let realm = MitRealm::shared();
    let program = alice(&realm);
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let whole = record(server.address(), |port| drop(connect(&program, port, "").expect_success().clone()));
    answer_to(server.address(), &whole);
    server.expect_log("Request is a replay");
}

/// Waits until a server has said it so often.
#[track_caller]
fn said_times(count: usize, text: &str, log: impl Fn() -> String) {
    let began = std::time::Instant::now();
    while log().matches(text).count() < count && began.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(log().matches(text).count(), count, "{text:?} in {}", log());
}

#[test]
fn a_proof_passes_once_at_gss_server_and_at_ours_together() {
    let realm = MitRealm::shared();
    let (keytab, service) = (realm.service_keytab(), "sample@localhost");
    let theirs = GssServer::start(realm.config(), keytab, service);
    let shared = format!("--replay-cache file2:{}", theirs.replay_cache().display());
    let ours = Handfast::new(realm.config()).keytab(keytab).serve(&shared);
    let client = realm.client_of("alice");
    let hello = |port: u16| {
        client.gss_client(port, service, "hello", &[]).expect_text("Signature verified.");
    };
    for round in 1..=5 {
        let to_ours = record(ours.address(), hello);
        answer_to(theirs.address(), &to_ours);
        said_times(round, "Request is a replay", || theirs.log());
        let to_theirs = record(theirs.address(), hello);
        answer_to(ours.address(), &to_theirs);
        said_times(round, "replayed: this proof was presented before", || ours.log());
        // With another cache nobody knows of it.
        let apart = GssServer::start(realm.config(), keytab, service);
        answer_to(apart.address(), &to_ours);
        apart.expect_accepted("alice@MIT.TEST", "sample/localhost@MIT.TEST");
    }
    assert_eq!(ours.log().matches(" is proven, ").count(), 5);
}

#[test]
fn a_negotiated_proof_is_looked_up_in_the_shared_cache_too() {
    let realm = MitRealm::shared();
    let cache = TempDir::new("rcache");
    let line = format!("--service sample/localhost --echo --replay-cache {}", cache.join("r").display());
    let server = Handfast::new(realm.config()).keytab(realm.service_keytab());
    let server = server.start(&format!("serve {line}"), "listening on ");
    let program = alice(&realm);
    let line = |port: u16| format!("connect localhost:{port} --message hello -s sample/localhost");
    let whole = record(server.address(), |port| drop(program.run(&line(port)).expect_success().clone()));
    answer_to(server.address(), &whole);
    server.expect_log("replayed: this proof was presented before");
    std::fs::remove_file(cache.join("r")).unwrap();
    std::fs::create_dir(cache.join("r")).unwrap();
    failed(&program.run(&line(server.port())), 6, "");
    server.expect_log("whether this proof was presented before can't be told: ");
}

#[test]
fn bits_that_are_flipped_on_the_way_are_found_by_both() {
    let realm = MitRealm::shared();
    let server = Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("");
    let theirs = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let client = realm.client_of("alice");
    let program = Handfast::sharing(&client);
    client.kvno("sample/localhost").expect_success();
    let to_ours = record(server.address(), |port| drop(client.gss_client(port, "sample@localhost", "hello", &[])));
    let to_theirs = record(theirs.address(), |port| drop(connect(&program, port, "")));
    for (sent, address) in [(to_ours, server.address()), (to_theirs, theirs.address())] {
        let length = usize::try_from(u32::from_be_bytes(sent[6..10].try_into().unwrap())).unwrap();
        for at in [10, 12, 25, 60, 200, length / 2, length, length + 9] {
            let mut changed = sent.clone();
            changed[at] ^= 0x10;
            answer_to(address, &changed);
        }
    }
    assert_eq!(server.log().matches(" is proven, ").count(), 1, "{}", server.log());
    serves_still(&server, &client);
    let accepted = theirs.log().matches("Accepted connection").count();
    assert_eq!(accepted, 1, "{}", theirs.log());
}
