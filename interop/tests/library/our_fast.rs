//! `kinit -T` at our realm: FAST, encrypted challenge and encrypted timestamp, in MIT's own words.

use crate::our_realm::OurRealm;
use handfast::krb5::message::PaDataType;
use handfast_interop::{MitClient, Run, run};
use handfast_kdc::Settings;
use std::time::Duration;

fn realm_with(preauth: &[PaDataType]) -> OurRealm {
    OurRealm::start_with(Settings { preauth: preauth.to_vec(), ..Settings::default() }, Duration::ZERO)
}

/// `kinit -T` with the tickets of a user.
fn kinit(armor: &MitClient, client: &MitClient, password: &str) -> Run {
    client.kinit_with(&["-T", &format!("FILE:{}", armor.ccache().display()), "alice"], password)
}

fn configuration(client: &MitClient) -> String {
    run(client.command("klist").arg("-C"), "", Duration::from_secs(10)).expect_success().stdout.clone()
}

const FAST_AVAIL: &str = "config: fast_avail(krbtgt/OURS.TEST@OURS.TEST) = yes";

fn pa_type(number: i32) -> String {
    format!("config: pa_type(krbtgt/OURS.TEST@OURS.TEST) = {number}")
}

const CHALLENGE: PaDataType = PaDataType::ENCRYPTED_CHALLENGE;
const TIMESTAMP: PaDataType = PaDataType::ENC_TIMESTAMP;

#[test]
fn kinit_notes_that_our_realm_takes_fast() {
    let realm = OurRealm::start();
    let plain = realm.client_of("alice");
    let noted = configuration(&plain);
    assert!(noted.contains(FAST_AVAIL) && noted.contains(&pa_type(2)), "{noted}");
}

#[test]
fn kinit_logs_in_inside_of_fast_by_either_method() {
    for (offered, number, module) in [
        (&[CHALLENGE, TIMESTAMP][..], 138, "encrypted_challenge"),
        (&[CHALLENGE], 138, "encrypted_challenge"),
        (&[TIMESTAMP], 2, "encrypted_timestamp"),
    ] {
        let realm = realm_with(offered);
        // A KDC that knows only encrypted challenge gives no ticket outside of FAST: the armor's client needs no proof.
        realm.change("user-aes256-cts-hmac-sha1-96", |entry| entry.requires_preauth = false);
        let host = realm.client_of("user-aes256-cts-hmac-sha1-96");
        let alice = realm.client();
        kinit(&host, &alice, "alice-password").expect_success();
        let trace = alice.trace();
        for said in ["FAST armor key: ", "Encoding request body and padata into FAST request", "Decoding FAST response"]
        {
            assert!(trace.contains(said), "{said}: {trace}");
        }
        assert!(
            trace.contains(&format!(
                "Produced preauth for next request: PA-FX-COOKIE (133), PA-{}",
                match number {
                    138 => "ENCRYPTED-CHALLENGE (138)",
                    _ => "ENC-TIMESTAMP (2)",
                }
            )),
            "{module}: {trace}"
        );
        assert!(trace.contains("FAST reply key: "), "{trace}");
        let noted = configuration(&alice);
        assert!(noted.contains(&pa_type(number)) && noted.contains(FAST_AVAIL), "{noted}");
        alice.kvno("sample/localhost").expect_success();
    }
}

#[test]
fn kinit_reads_our_refusal_inside_of_fast() {
    let realm = OurRealm::start();
    let host = realm.client_of("alice");
    let alice = realm.client();
    kinit(&host, &alice, "wrong").expect_failure().expect_text("Password incorrect");
    assert!(alice.trace().contains("Decoding FAST response"), "{}", alice.trace());
    assert!(realm.log().contains("refused with KDC_ERR_PREAUTH_FAILED"), "{}", realm.log());
}
