//! MIT on both ends: what the harness starts is what it says it is. When one of these fails, look here first, not at
//! our own side.

use handfast_interop::{Enctype, GssServer, MitClient, MitConfig, MitRealm, Run, silent_address};

const KRBTGT: &str = "krbtgt/MIT.TEST@MIT.TEST";

#[test]
fn a_password_gets_a_ticket_that_klist_shows() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    let list = alice.klist();
    assert_eq!(list.principal, "alice@MIT.TEST");
    let ticket = list.ticket(KRBTGT);
    assert!(ticket.flags.contains('I') && ticket.flags.contains('A'), "initial, pre-authenticated: {ticket:?}");
    realm.expect_kdc_log("alice@MIT.TEST for krbtgt/MIT.TEST@MIT.TEST");
}

#[test]
fn preauthentication_is_required_but_of_nopre() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    assert!(
        alice.trace().contains("Preauth required") || alice.trace().contains("Additional pre-authentication required")
    );
    let nopre = realm.client_of("nopre");
    assert!(!nopre.klist().ticket(KRBTGT).flags.contains('A'));
}

fn refused(user: &str, password: &str) -> Run {
    let refused = MitRealm::shared().client().kinit(user, password);
    refused.expect_failure();
    refused
}

#[test]
fn a_wrong_password_is_refused() {
    refused("alice", "not her password").expect_text("Password incorrect");
}

#[test]
fn an_unknown_user_is_refused() {
    refused("nobody", "x").expect_text("not found in Kerberos database");
}

#[test]
fn an_expired_password_is_refused() {
    refused("expired", "expired-password").expect_text("Password expired");
}

#[test]
fn an_expired_account_is_refused() {
    refused("gone", "gone-password").expect_text("expired");
}

#[test]
fn a_locked_account_is_refused() {
    refused("locked", "locked-password").expect_text("credentials have been revoked");
}

#[test]
fn a_keytab_gets_a_ticket() {
    let realm = MitRealm::shared();
    let alice = realm.client();
    alice.kinit_keytab("alice", realm.user_keytab()).expect_success();
    assert_eq!(alice.klist().principal, "alice@MIT.TEST");
}

#[test]
fn a_user_with_one_key_logs_in_with_each_enctype() {
    let realm = MitRealm::shared();
    for enctype in Enctype::ALL {
        let user = realm.client_of(&enctype.user());
        let key = format!("AS key determined by preauth: {}/", enctype.trace_name());
        assert!(user.trace().contains(&key), "{}", user.trace());
    }
}

#[test]
fn service_tickets_have_the_enctype_of_the_service() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    for enctype in Enctype::ALL {
        let service = enctype.service_principal();
        alice.kvno_keytab(&service, realm.service_keytab()).expect_success().expect_text("keytab entry valid");
        let list = alice.klist();
        let ticket = list.ticket(&format!("{service}@MIT.TEST"));
        assert_eq!(ticket.session_enctype, enctype.name());
        assert_eq!(ticket.ticket_enctype, enctype.name());
    }
}

#[test]
fn an_unknown_service_is_refused() {
    let alice = MitRealm::shared().client_of("alice");
    alice.kvno("nothing/localhost").expect_failure().expect_text("not found in Kerberos database");
}

#[test]
fn keytabs_hold_a_key_per_enctype() {
    let realm = MitRealm::shared();
    let listed = realm.client().klist_keytab(realm.service_keytab());
    for enctype in Enctype::ALL {
        listed.expect_success().expect_text(&format!("{}@MIT.TEST ({}", enctype.service_principal(), enctype.name()));
        listed.expect_text(&format!("sample/localhost@MIT.TEST ({}", enctype.name()));
    }
}

#[test]
fn gss_client_and_gss_server_agree_with_each_enctype() {
    let realm = MitRealm::shared();
    for enctype in Enctype::ALL {
        let alice = realm.client_of_with("alice", &realm.config().clone().enctypes(&[enctype]));
        let service = enctype.service();
        let server = GssServer::start(realm.config(), realm.service_keytab(), &service);
        let client = alice.gss_client(server.port(), &service, "hello", &[]);
        client.expect_success().expect_text("Signature verified.");
        server.expect_accepted("alice@MIT.TEST", &format!("{}@MIT.TEST", enctype.service_principal()));
        server.expect_subkey(enctype);
        server.expect_log("Received message: \"hello\"");
    }
}

/// What gss-server says of a gss-client with these options.
fn server_log(options: &[&str]) -> String {
    let realm = MitRealm::shared();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", options);
    client.expect_success().expect_text("Signature verified.");
    server.expect_log("NOOP token");
    server.log()
}

#[test]
fn gss_server_reports_the_flags_asked_for() {
    for (option, flag, present) in [
        ("-seq", "GSS_C_SEQUENCE_FLAG", true),
        ("-nomutual", "GSS_C_MUTUAL_FLAG", false),
        ("-noreplay", "GSS_C_REPLAY_FLAG", false),
    ] {
        let flag = format!("context flag: {flag}");
        assert_eq!(server_log(&[option]).contains(&flag), present, "{option}");
        assert_eq!(server_log(&[]).contains(&flag), !present, "without {option}");
    }
}

/// RFC 4121 4.2.2 and 4.2.6.2: TOK_ID 05 04, then the flags: 02 is "sealed", 04 "acceptor's subkey".
#[test]
fn gss_server_prints_wrap_tokens_that_tell_sealed_from_signed() {
    assert!(server_log(&[]).contains("\n05 04 06 ff "));
    assert!(server_log(&["-nx"]).contains("\n05 04 04 ff "));
}

#[test]
fn gss_client_repeats_messages_and_connections() {
    let count = |log: String| log.matches("Received message: \"hello\"").count();
    assert_eq!(count(server_log(&["-mcount", "3"])), 3);
    assert_eq!(count(server_log(&[])), 1);
}

#[test]
fn a_server_without_the_key_says_so() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    let server = GssServer::start(realm.config(), realm.user_keytab(), "sample@localhost");
    let client = alice.gss_client(server.port(), "sample@localhost", "hello", &[]);
    assert!(!client.text().contains("Signature verified"), "{client}");
    server.expect_log("GSS-API error");
}

#[test]
fn a_kdc_is_asked_over_tcp_alone_if_told_so() {
    let realm = MitRealm::shared();
    let client = MitClient::new(&MitConfig::new(MitRealm::NAME, realm.kdc()).tcp_only());
    client.kinit("alice", &realm.password("alice")).expect_success();
    assert!(client.trace().contains("to stream"), "{}", client.trace());
    assert!(!client.trace().contains("to dgram"), "{}", client.trace());
}

#[test]
fn a_silent_kdc_is_passed_over() {
    let realm = MitRealm::shared();
    let (_socket, silent) = silent_address();
    let client = MitClient::new(&MitConfig::new(MitRealm::NAME, silent).or_kdc(realm.kdc()));
    client.kinit("alice", &realm.password("alice")).expect_success();
}

#[test]
fn a_realm_of_its_own_can_be_changed() {
    let realm = MitRealm::start();
    let alice = realm.client_of("alice");
    alice.kvno("sample/localhost").expect_text("kvno = 1");
    realm.kadmin("change_password -randkey sample/localhost");
    let bob = realm.client_of("bob");
    bob.kvno("sample/localhost").expect_text("kvno = 2");
}
