//! MIT's programs in our realm.

use crate::our_realm::{OurRealm, principal, user};
use crate::ours::now;
use handfast::crypto::OsRandom;
use handfast_interop::{Enctype, GssServer, MitClient};
use handfast_kdc::{PrincipalEntry, SESSION_ENCTYPES, Settings};
use std::time::Duration;

const KRBTGT: &str = "krbtgt/OURS.TEST@OURS.TEST";

#[test]
fn kinit_gets_a_ticket_that_klist_shows() {
    let realm = OurRealm::start();
    let alice = realm.client_of("alice");
    let list = alice.klist();
    assert_eq!(list.principal, "alice@OURS.TEST");
    let ticket = list.ticket(KRBTGT);
    assert_eq!(ticket.flags, "IA", "initial, pre-authenticated");
    assert_eq!(ticket.session_enctype, "aes256-cts-hmac-sha1-96", "MIT's first choice");
    assert!(alice.trace().contains("Additional pre-authentication required"), "{}", alice.trace());
    assert!(alice.trace().contains("Decrypted AS reply"), "{}", alice.trace());
}

#[test]
fn kinit_logs_in_with_a_key_of_each_enctype() {
    let realm = OurRealm::start();
    for enctype in Enctype::ALL {
        let user = realm.client_of(&enctype.user());
        let key = format!("AS key determined by preauth: {}/", enctype.trace_name());
        assert!(user.trace().contains(&key), "{}", user.trace());
    }
}

#[test]
fn session_keys_are_of_the_enctype_that_the_client_prefers() {
    let realm = OurRealm::start();
    for enctype in Enctype::ALL {
        let client = MitClient::new(&realm.config().enctypes(&[enctype]));
        client.kinit("alice", "alice-password").expect_success();
        assert_eq!(client.klist().ticket(KRBTGT).session_enctype, enctype.name());
    }
}

#[test]
fn kinit_logs_in_with_a_keytab_of_ours() {
    let realm = OurRealm::start();
    let client = realm.client();
    client.kinit_keytab("alice", &realm.keytab(&["alice"])).expect_success();
    assert_eq!(client.klist().principal, "alice@OURS.TEST");
}

#[test]
fn kvno_opens_service_tickets_of_each_enctype_with_our_keytab() {
    let realm = OurRealm::start();
    let alice = realm.client_of("alice");
    for enctype in Enctype::ALL {
        let service = enctype.service_principal();
        let keytab = realm.keytab(&[&service]);
        alice.kvno_keytab(&service, &keytab).expect_success().expect_text("kvno = 1, keytab entry valid");
        let list = alice.klist();
        let ticket = list.ticket(&format!("{service}@OURS.TEST"));
        assert_eq!((ticket.session_enctype.as_str(), ticket.ticket_enctype.as_str()), (enctype.name(), enctype.name()));
        assert_eq!(ticket.flags, "AT", "pre-authenticated; the realms on the way are checked");
    }
}

#[test]
fn klist_shows_every_key_of_our_keytab() {
    let realm = OurRealm::start();
    realm.change("sample/localhost", |entry| entry.rekey(&SESSION_ENCTYPES, &OsRandom, now()).unwrap());
    let listed = realm.client().klist_keytab(&realm.keytab(&["sample/localhost"]));
    for enctype in Enctype::ALL {
        let key = format!("sample/localhost@OURS.TEST ({})", enctype.name());
        for kvno in [1, 2] {
            listed.expect_success().expect_text(&format!("   {kvno} {key}"));
        }
    }
}

#[test]
fn tickets_are_forwardable_and_renewable_and_kinit_renews_them() {
    let realm = OurRealm::start();
    let alice = realm.client();
    alice.kinit_with(&["-f", "-p", "-r", "2d", "-l", "1h", "alice"], "alice-password").expect_success();
    assert_eq!(alice.klist().ticket(KRBTGT).flags, "FPRIA");
    let before = std::fs::read(alice.ccache()).unwrap();
    alice.kinit_with(&["-R"], "").expect_success();
    assert_ne!(std::fs::read(alice.ccache()).unwrap(), before);
    assert_eq!(alice.klist().ticket(KRBTGT).flags, "FPRA", "renewed: no longer an initial one");
    alice.kvno("sample/localhost").expect_success();
    assert_eq!(alice.klist().ticket("sample/localhost@OURS.TEST").flags, "FPRAT");
}

#[test]
fn kinit_can_not_renew_what_is_not_renewable() {
    let realm = OurRealm::start();
    realm.client_of("alice").kinit_with(&["-R"], "").expect_failure().expect_text("KDC can't fulfill requested option");
}

#[test]
fn gss_client_and_gss_server_meet_on_our_tickets_of_each_enctype() {
    let realm = OurRealm::start();
    for enctype in Enctype::ALL {
        let config = realm.config().enctypes(&[enctype]);
        let alice = MitClient::new(&config);
        alice.kinit("alice", "alice-password").expect_success();
        let service = enctype.service();
        let server = GssServer::start(&config, &realm.keytab(&[&enctype.service_principal()]), &service);
        let client = alice.gss_client(server.port(), &service, "hello", &[]);
        client.expect_success().expect_text("Signature verified.");
        server.expect_accepted("alice@OURS.TEST", &format!("{}@OURS.TEST", enctype.service_principal()));
        server.expect_subkey(enctype);
        server.expect_log("Received message: \"hello\"");
    }
}

#[test]
fn mit_asks_over_udp_and_if_told_so_over_tcp() {
    let realm = OurRealm::start();
    let udp = realm.client_of("alice");
    assert!(udp.trace().contains("to dgram") && !udp.trace().contains("to stream"), "{}", udp.trace());
    let tcp = MitClient::new(&realm.config().tcp_only());
    tcp.kinit("alice", "alice-password").expect_success();
    tcp.kvno("sample/localhost").expect_success();
    assert!(tcp.trace().contains("to stream") && !tcp.trace().contains("to dgram"), "{}", tcp.trace());
}

#[test]
fn a_reply_too_big_for_udp_sends_mit_to_tcp() {
    let realm = OurRealm::start_with(Settings { udp_reply_limit: 300, ..Settings::default() }, Duration::ZERO);
    let alice = realm.client_of("alice");
    alice.kvno("sample/localhost").expect_success();
    assert!(alice.trace().contains("too big for UDP"), "{}", alice.trace());
    assert!(alice.trace().contains("to stream"), "{}", alice.trace());
    assert!(realm.log().contains("KRB_ERR_RESPONSE_TOO_BIG"), "{}", realm.log());
}

#[test]
fn a_realm_is_edited_while_it_is_served() {
    let realm = OurRealm::start();
    let carol = realm.client();
    carol.kinit("carol", "carol-password").expect_failure().expect_text("not found in Kerberos database");
    realm.insert(user("carol"));
    carol.kinit("carol", "carol-password").expect_success();
    carol.kvno("new/localhost").expect_failure().expect_text("not found in Kerberos database");
    realm.insert(PrincipalEntry::service(principal("new/localhost"), &OsRandom, now()).unwrap());
    carol.kvno("new/localhost").expect_success().expect_text("kvno = 1");
    realm.change("carol", |entry| entry.set_password(b"another", &SESSION_ENCTYPES, None, now()).unwrap());
    carol.kinit("carol", "carol-password").expect_failure().expect_text("Password incorrect");
    carol.kinit("carol", "another").expect_success();
    realm.change("carol", |entry| entry.disabled = true);
    carol.kinit("carol", "another").expect_failure().expect_text("credentials have been revoked");
}

#[test]
fn our_refusals_are_understood() {
    let realm = OurRealm::start();
    let refused = |user: &str, password: &str, text: &str| {
        realm.client().kinit(user, password).expect_failure().expect_text(text);
    };
    refused("alice", "not hers", "Password incorrect");
    refused("nobody", "x", "not found in Kerberos database");
    realm.insert(user("old"));
    realm.change("old", |entry| entry.password_expires = Some(now().saturating_sub(Duration::from_secs(60))));
    refused("old", "old-password", "Password has expired");
    realm.insert(user("gone"));
    realm.change("gone", |entry| entry.expires = Some(now().saturating_sub(Duration::from_secs(60))));
    refused("gone", "gone-password", "expired");
    let alice = realm.client_of("alice");
    alice.kvno("nothing/localhost").expect_failure().expect_text("not found in Kerberos database");
    alice.kvno("gone").expect_failure();
}

#[test]
fn without_a_common_enctype_kinit_is_told_so() {
    let realm = OurRealm::start();
    let client = MitClient::new(&realm.config().enctypes(&[Enctype::Aes128Sha256]));
    let user = Enctype::Aes256Sha1.user();
    client.kinit(&user, &OurRealm::password(&user)).expect_failure().expect_text("no support for encryption type");
}

#[test]
fn a_clock_that_is_apart_is_told_and_mit_can_live_with_it() {
    let realm = OurRealm::start_with(Settings::default(), Duration::from_secs(3600));
    let strict = MitClient::new(&realm.config().setting("kdc_timesync = 0"));
    strict.kinit("alice", "alice-password").expect_failure().expect_text("Clock skew too great");
    let lenient = realm.client_of("alice");
    lenient.kvno("sample/localhost").expect_success();
}

#[test]
fn tickets_that_have_ended_are_refused() {
    let realm = OurRealm::start();
    let alice = realm.client();
    alice.kinit_with(&["-l", "2s", "alice"], "alice-password").expect_success();
    std::thread::sleep(Duration::from_secs(3));
    alice.kvno("sample/localhost").expect_failure().expect_text("expired");
}

#[test]
fn a_wrong_keytab_is_found_out_by_kvno() {
    let realm = OurRealm::start();
    let keytab = realm.keytab(&["sample/localhost"]);
    realm.change("sample/localhost", |entry| entry.rekey(&SESSION_ENCTYPES, &OsRandom, now()).unwrap());
    let alice = realm.client_of("alice");
    alice.kvno_keytab("sample/localhost", &keytab).expect_failure().expect_text("kvno = 2, keytab entry invalid");
}
