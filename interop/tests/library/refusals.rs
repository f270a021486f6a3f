//! What has to fail, between our libraries and MIT's programs: the peer says why, and so do we.

use crate::ours::{OurServer, connect, log_in, no_kdc, now, tickets_of};
use handfast::krb5::exchange::{ExchangeError, TicketOptions};
use handfast::{Error, Policy, Refusal, Time};
use handfast_interop::{Enctype, GssServer, MitRealm, record};
use handfast_net::Clock;
use handfast_net::driver::HandshakeError;
use handfast_net::framing::gss_sample::{Flags as TokenFlags, Token};
use handfast_net::stream::StreamOptions;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const LIMIT: Duration = Duration::from_secs(10);

fn later() -> Time {
    now().saturating_add(HOUR)
}

fn refusal(result: Result<crate::ours::Served, HandshakeError>) -> Refusal {
    match result {
        Err(HandshakeError::Mechanism(Error::Refused(refusal))) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_password_is_told_by_the_kdc_and_by_us() {
    let realm = MitRealm::start();
    let error = log_in("alice@MIT.TEST", "not hers", TicketOptions::default(), realm.kdc(), now()).unwrap_err();
    assert!(error.to_string().contains("password"), "{error}");
    realm.expect_kdc_log("PREAUTH_FAILED: alice@MIT.TEST for krbtgt/MIT.TEST@MIT.TEST");
}

#[test]
fn accounts_that_mit_refuses_are_told_apart() {
    let realm = MitRealm::shared();
    for (user, text) in
        [("nobody", "nobody@MIT.TEST"), ("expired", "password"), ("gone", "expired"), ("locked", "locked@MIT.TEST")]
    {
        let client = format!("{user}@MIT.TEST");
        let error = log_in(&client, &realm.password(user), TicketOptions::default(), realm.kdc(), now()).unwrap_err();
        assert!(matches!(error, ExchangeError::Refused(_)), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_login_by_a_clock_that_is_apart_is_told() {
    let realm = MitRealm::start();
    let options = TicketOptions { kdc_timesync: false, ..TicketOptions::default() };
    let error = log_in("alice@MIT.TEST", "alice-password", options, realm.kdc(), later()).unwrap_err();
    assert!(error.to_string().contains(" s behind ours"), "{error}");
    realm.expect_kdc_log("Clock skew too great");
}

#[test]
fn gss_server_refuses_our_token_of_another_hour() {
    let realm = MitRealm::shared();
    let client = realm.client_of("alice");
    client.kvno("sample/localhost").expect_success();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let options = StreamOptions::default().clock(Clock::from_fn(later));
    let credential = tickets_of(client.ccache());
    let error =
        connect(server.address(), "sample@localhost", &credential, Policy::default(), &no_kdc, &options).unwrap_err();
    server.expect_log("Clock skew too great");
    assert!(error.to_string().contains("refused") && error.to_string().contains("-3600 seconds"), "{error}");
}

#[test]
fn gss_client_of_another_hour_is_refused_and_told() {
    let realm = MitRealm::shared();
    let mut server = OurServer::new(realm.service_keytab()).clock_ahead(HOUR);
    server.accept_one();
    let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", &[]);
    assert!(!client.text().contains("Signature verified"), "{client}");
    assert!(matches!(refusal(server.result()), Refusal::ClockSkew { seconds: -3605..=-3595, .. }));
    client.expect_text("GSS-API error initializing context");
}

#[test]
fn a_service_whose_key_we_lack_is_named() {
    let realm = MitRealm::shared();
    let mut server = OurServer::new(realm.user_keytab());
    server.accept_one();
    let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", &[]);
    client.expect_text("GSS-API error initializing context");
    let refusal = refusal(server.result());
    assert!(matches!(refusal, Refusal::UnknownService { .. }) && refusal.to_string().contains("sample/localhost"));
}

#[test]
fn a_key_that_has_changed_is_told_with_its_version() {
    let realm = MitRealm::start();
    let old = std::fs::read(realm.service_keytab()).unwrap();
    realm.kadmin("change_password -randkey sample/localhost");
    std::fs::write(realm.service_keytab(), old).unwrap();
    let mut server = OurServer::new(realm.service_keytab());
    server.accept_one();
    let alice = realm.client_of("alice");
    alice.kvno("sample/localhost").expect_text("kvno = 2");
    let client = alice.gss_client(server.port(), "sample@localhost", "hello", &[]);
    client.expect_text("GSS-API error initializing context");
    let refusal = refusal(server.result());
    assert!(matches!(refusal, Refusal::NoKey { kvno: Some(2), .. }), "{refusal}");
    assert!(refusal.to_string().contains("version 2") && refusal.to_string().contains("version 1"), "{refusal}");
}

#[test]
fn an_enctype_that_we_do_not_permit_is_refused() {
    let realm = MitRealm::shared();
    let policy = Policy::default().with_enctypes([crate::ours::our(Enctype::Aes256Sha384)]);
    let mut server = OurServer::new(realm.service_keytab()).policy(policy);
    server.accept_one();
    let client = realm.client_of("alice").gss_client(server.port(), &Enctype::Aes128Sha1.service(), "hello", &[]);
    client.expect_text("GSS-API error initializing context");
    assert!(matches!(refusal(server.result()), Refusal::EnctypeNotPermitted(_) | Refusal::NoKey { .. }));
}

/// The first two tokens: that a context is wanted, and the AP-REQ.
fn opening(bytes: &[u8]) -> Vec<u8> {
    let (_, first) = Token::decode(bytes).unwrap().unwrap();
    let (token, second) = Token::decode(&bytes[first..]).unwrap().unwrap();
    assert!(token.flags.contains(TokenFlags::CONTEXT));
    bytes[..first + second].to_vec()
}

/// Sends bytes and reads until the server closes.
fn sent(server: std::net::SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(server).unwrap();
    tcp.set_read_timeout(Some(LIMIT)).unwrap();
    tcp.write_all(bytes).unwrap();
    tcp.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    answer
}

#[test]
fn an_ap_req_of_gss_client_replayed_is_refused_by_us() {
    let realm = MitRealm::shared();
    let mut server = OurServer::new(realm.service_keytab());
    server.accept_one();
    server.accept_one();
    let alice = realm.client_of("alice");
    let stolen = record(server.address(), |port| {
        let client = alice.gss_client(port, "sample@localhost", "hello", &[]);
        client.expect_text("Signature verified.");
    });
    let answer = sent(server.address(), &opening(&stolen));
    // Behind the flags, the length and the header with the mechanism's OID: 03 00 is a KRB-ERROR (RFC 4121 4.1), an AP-REP 02 00.
    assert_eq!(answer[18..20], [3, 0], "{answer:02x?}");
    let results = server.results();
    assert!(results.iter().any(Result::is_ok));
    let refused = results.into_iter().find(Result::is_err).unwrap();
    assert_eq!(refusal(refused), Refusal::Replay);
}

#[test]
fn an_ap_req_of_ours_replayed_is_refused_by_gss_server() {
    let realm = MitRealm::shared();
    let client = realm.client_of("alice");
    client.kvno("sample/localhost").expect_success();
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    let stolen = record(server.address(), |port| {
        let options = StreamOptions::default();
        let credential = tickets_of(client.ccache());
        let address = ([127, 0, 0, 1], port).into();
        let mut stream =
            connect(address, "sample@localhost", &credential, Policy::default(), &no_kdc, &options).unwrap();
        stream.end().unwrap();
    });
    sent(server.address(), &opening(&stolen));
    server.expect_log("Request is a replay");
}

#[test]
fn unsealed_messages_are_refused_where_sealed_ones_are_wanted() {
    let realm = MitRealm::shared();
    for option in ["-nx", "-nw"] {
        let mut server = OurServer::new(realm.service_keytab());
        server.accept_one();
        let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", &[option]);
        assert!(!client.text().contains("Signature verified"), "{client}");
        let error = server.result().unwrap_err();
        assert!(error.to_string().contains("sealed"), "{error}");
    }
}
