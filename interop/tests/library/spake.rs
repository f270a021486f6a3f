//! SPAKE (RFC 9588): our login at MIT's KDC, and kinit at our realm. Whether it was SPAKE the other side says: krb5kdc gives tickets for
//! `spaked/localhost` to clients alone whose ticket has SPAKE's indicator; kinit notes the method and traces the group.

use crate::our_realm::OurRealm;
use crate::ours::{log_in, now};
use handfast::krb5::exchange::{ExchangeError, TicketOptions};
use handfast::krb5::message::{ErrorCode, PaDataType, SpakeGroup};
use handfast::krb5::{Ccache, HeldTicket};
use handfast_interop::{MitClient, MitConfig, MitRealm, Run, run};
use handfast_kdc::Settings;
use std::time::Duration;

const GROUPS: [SpakeGroup; 4] = [SpakeGroup::EDWARDS25519, SpakeGroup::P256, SpakeGroup::P384, SpakeGroup::P521];
const ALL: &str = "spake_preauth_groups = edwards25519 P-256 P-384 P-521";

/// SPAKE in one group, and nothing else.
fn options(group: SpakeGroup) -> TicketOptions {
    TicketOptions { preauth: vec![PaDataType::SPAKE], spake_groups: vec![group], ..TicketOptions::default() }
}

/// MIT's programs with our ticket.
fn holding(realm: &MitRealm, ticket: HeldTicket) -> MitClient {
    let client = realm.client();
    let mut ccache = Ccache::new(ticket.client.clone());
    ccache.replace(ticket);
    std::fs::write(client.ccache(), ccache.encode().unwrap().expose()).unwrap();
    client
}

fn log_in_at(realm: &MitRealm, options: TicketOptions) -> Result<HeldTicket, ExchangeError> {
    log_in("alice@MIT.TEST", "alice-password", options, realm.kdc(), now())
}

fn requests(realm: &MitRealm) -> usize {
    realm.kdc_log().lines().filter(|line| line.contains("AS_REQ") && line.contains("alice@MIT.TEST")).count()
}

#[test]
fn krb5kdc_takes_our_spake_in_each_group() {
    let realm = MitRealm::start_with(&[ALL]);
    for group in GROUPS {
        let before = requests(&realm);
        let client = holding(&realm, log_in_at(&realm, options(group)).unwrap());
        assert_eq!(requests(&realm) - before, 3, "{group}: {}", realm.kdc_log());
        client.kvno("spaked/localhost").expect_success();
    }
    let timestamp = TicketOptions { preauth: vec![PaDataType::ENC_TIMESTAMP], ..TicketOptions::default() };
    holding(&realm, log_in_at(&realm, timestamp).unwrap()).kvno("spaked/localhost").expect_failure();
    // By default it is what we prefer.
    holding(&realm, log_in_at(&realm, TicketOptions::default()).unwrap()).kvno("spaked/localhost").expect_success();
}

/// A realm whose KDC sends a challenge with its offer.
fn optimistic(group: SpakeGroup) -> MitRealm {
    let group = group.name().unwrap();
    let challenge = format!("[libdefaults]\n {ALL}\n[kdcdefaults]\n spake_preauth_kdc_challenge = {group}\n");
    MitRealm::start_as("MIT.TEST", &challenge)
}

#[test]
fn an_optimistic_challenge_of_krb5kdc_is_answered_at_once_or_declined() {
    for group in [SpakeGroup::EDWARDS25519, SpakeGroup::P384] {
        let realm = optimistic(group);
        holding(&realm, log_in_at(&realm, options(group)).unwrap()).kvno("spaked/localhost").expect_success();
        assert_eq!(requests(&realm), 2, "{}", realm.kdc_log());
        holding(&realm, log_in_at(&realm, options(SpakeGroup::P521)).unwrap())
            .kvno("spaked/localhost")
            .expect_success();
        assert_eq!(requests(&realm), 2 + 3, "{}", realm.kdc_log());
    }
}

#[test]
fn krb5kdc_refuses_a_wrong_password_and_a_group_that_it_has_not() {
    for realm in [MitRealm::start_with(&["spake_preauth_groups = P-256"]), optimistic(SpakeGroup::P256)] {
        let refused = log_in("alice@MIT.TEST", "wrong", options(SpakeGroup::P256), realm.kdc(), now());
        let Err(ExchangeError::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
        assert!(refusal.to_string().contains("most likely the password is wrong"), "{refusal}");
        realm.expect_kdc_log("preauth (spake) verify failure: Preauthentication failed");
    }
    let realm = MitRealm::start_with(&["spake_preauth_groups = P-256"]);
    assert!(log_in_at(&realm, options(SpakeGroup::P384)).is_err());
    // The timestamp is behind it.
    let both = TicketOptions { spake_groups: vec![SpakeGroup::P384], ..TicketOptions::default() };
    holding(&realm, log_in_at(&realm, both).unwrap()).kvno("sample/localhost").expect_success();
}

/// A realm with SPAKE in front.
fn ours(groups: &[SpakeGroup], challenge: Option<SpakeGroup>) -> OurRealm {
    let preauth = vec![PaDataType::SPAKE, PaDataType::ENCRYPTED_CHALLENGE, PaDataType::ENC_TIMESTAMP];
    let (spake_groups, spake_challenge) = (groups.to_vec(), challenge);
    OurRealm::start_with(Settings { preauth, spake_groups, spake_challenge, ..Settings::default() }, Duration::ZERO)
}

/// kinit's configuration: one group, and never a timestamp.
fn spake_alone(realm: &OurRealm, group: SpakeGroup) -> MitConfig {
    let groups = format!("spake_preauth_groups = {}", group.name().unwrap());
    let never = "[realms]\n OURS.TEST = {\n  disable_encrypted_timestamp = true\n }\n";
    realm.config().setting(&groups).and(never)
}

fn configuration(client: &MitClient) -> String {
    run(client.command("klist").arg("-C"), "", Duration::from_secs(10)).expect_success().stdout.clone()
}

fn received(group: SpakeGroup) -> String {
    format!("SPAKE challenge received with group {}", group.0)
}

const METHOD: &str = "config: pa_type(krbtgt/OURS.TEST@OURS.TEST) = 151";

#[test]
fn kinit_logs_in_by_spake_in_each_group_with_and_without_an_optimistic_challenge() {
    for group in GROUPS {
        for challenge in [None, Some(group)] {
            let realm = ours(&GROUPS, challenge);
            let alice = MitClient::new(&spake_alone(&realm, group));
            alice.kinit("alice", "alice-password").expect_success();
            let trace = alice.trace();
            assert!(trace.contains(&received(group)) && trace.contains("Sending SPAKE response"), "{trace}");
            assert_eq!(trace.contains("Sending SPAKE support message"), challenge.is_none(), "{trace}");
            assert!(configuration(&alice).contains(METHOD), "{}", configuration(&alice));
            alice.kvno("sample/localhost").expect_success();
            let mallory = MitClient::new(&spake_alone(&realm, group));
            mallory.kinit("alice", "wrong").expect_failure().expect_text("Password incorrect");
            assert!(mallory.trace().contains(&received(group)), "{}", mallory.trace());
        }
    }
}

#[test]
fn kinit_declines_an_optimistic_challenge_and_falls_back_without_a_group_in_common() {
    let realm = ours(&[SpakeGroup::P256, SpakeGroup::P521], Some(SpakeGroup::P256));
    let alice = MitClient::new(&spake_alone(&realm, SpakeGroup::P521));
    alice.kinit("alice", "alice-password").expect_success();
    let trace = alice.trace();
    assert!(trace.contains("Sending SPAKE support message") && trace.contains(&received(SpakeGroup::P521)), "{trace}");
    assert!(configuration(&alice).contains(METHOD));
    let none = MitClient::new(&spake_alone(&realm, SpakeGroup::P384));
    none.kinit("alice", "alice-password").expect_failure();
    let alice = MitClient::new(&realm.config().setting("spake_preauth_groups = P-384"));
    alice.kinit("alice", "alice-password").expect_success();
    assert!(!configuration(&alice).contains(METHOD));
}

/// `kinit -T` with the tickets of another.
fn kinit_inside(realm: &OurRealm, armor: &MitClient, password: &str) -> (MitClient, Run) {
    let client = MitClient::new(&spake_alone(realm, SpakeGroup::EDWARDS25519));
    let armor = format!("FILE:{}", armor.ccache().display());
    let run = client.kinit_with(&["-T", &armor, "alice"], password);
    (client, run)
}

#[test]
fn kinit_speaks_spake_inside_of_fast_with_our_realm() {
    for challenge in [None, Some(SpakeGroup::EDWARDS25519)] {
        let realm = ours(&[SpakeGroup::EDWARDS25519], challenge);
        let host = realm.client_of("user-aes256-cts-hmac-sha1-96");
        let (alice, run) = kinit_inside(&realm, &host, "alice-password");
        run.expect_success();
        let trace = alice.trace();
        assert!(trace.contains(&received(SpakeGroup::EDWARDS25519)) && trace.contains("FAST reply key: "), "{trace}");
        assert!(configuration(&alice).contains(METHOD), "{}", configuration(&alice));
        alice.kvno("sample/localhost").expect_success();
        let (_, run) = kinit_inside(&realm, &host, "wrong");
        run.expect_failure().expect_text("Password incorrect");
    }
}
