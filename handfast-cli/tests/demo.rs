//! `handfast demo`, as a user runs it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that fails may panic

use serde_json::{Value, json};
use std::process::{Command, Output};

/// The demo with those arguments, in that locale, and with nothing else in its environment.
fn demo(arguments: &[&str], locale: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_handfast"))
        .arg("demo")
        .args(arguments)
        .env_clear()
        .env("LC_ALL", locale)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&demo(arguments, "C"))).unwrap()
}

/// Cheat, who refuses it, why.
type Refusal = (&'static str, &'static str, &'static str);

const KERBEROS: [Refusal; 12] = [
    ("wrong-password", "kdc", "wrong-password"),
    ("skewed-clock-login", "kdc", "clock-skew"),
    ("skewed-clock", "server", "clock-skew"),
    ("wrong-service", "server", "unknown-service"),
    ("wrong-secret", "server", "authenticator-not-authentic"),
    ("replayed-token", "server", "replay"),
    ("flipped-bit-token", "server", "authenticator-not-authentic"),
    ("flipped-bit-message", "server", "message-not-authentic"),
    ("repeated-message", "server", "message-replayed"),
    ("wrong-keytab", "server", "wrong-key"),
    ("impostor", "client", "acceptor-not-proven"),
    ("reflected-token", "client", "acceptor-not-proven"),
];

const NTLM: [Refusal; 10] = [
    ("wrong-password", "server", "not-proven"),
    ("wrong-secret", "server", "not-proven"),
    ("wrong-service", "server", "other-target"),
    ("replayed-token", "server", "not-proven"),
    ("dropped-mic", "server", "mic-absent"),
    ("flipped-bit-token", "server", "mic-mismatch"),
    ("flipped-bit-message", "server", "message-not-authentic"),
    ("repeated-message", "server", "message-replayed"),
    ("reflected-token", "client", "no-answer-to-this"),
    ("impostor", "client", "message-not-authentic"),
];

const NEGOTIATE_KERBEROS: [Refusal; 6] = [
    ("stripped-mechanism", "server", "mechanism-list-changed"),
    ("wrong-secret", "server", "authenticator-not-authentic"),
    ("replayed-token", "server", "replay"),
    ("flipped-bit-token", "server", "authenticator-not-authentic"),
    ("reflected-token", "client", "no-answer-to-this"),
    ("impostor", "client", "acceptor-not-proven"),
];

const NEGOTIATE_NTLM: [Refusal; 6] = [
    ("dropped-list-mic", "server", "mic-absent"),
    ("dropped-mic", "server", "mic-absent"),
    ("wrong-secret", "server", "not-proven"),
    ("replayed-token", "server", "not-proven"),
    ("flipped-bit-token", "server", "mechanism-list-changed"),
    ("reflected-token", "client", "no-answer-to-this"),
];

const ACTS: [(&str, &[Refusal]); 4] = [
    ("kerberos", &KERBEROS),
    ("ntlm", &NTLM),
    ("negotiate-kerberos", &NEGOTIATE_KERBEROS),
    ("negotiate-ntlm", &NEGOTIATE_NTLM),
];

#[test]
fn every_cheat_is_refused_by_the_right_side_for_the_right_reason() {
    let document = document(&["--json"]);
    let acts = document["acts"].as_array().unwrap();
    assert_eq!(acts.len(), ACTS.len());
    for (act, (name, refusals)) in acts.iter().zip(ACTS) {
        assert_eq!(act["act"], name);
        assert_eq!(act["cheats"].as_array().unwrap().len(), refusals.len());
        act["cheats"].as_array().unwrap().iter().zip(refusals).for_each(|(cheat, refusal)| refused(cheat, refusal));
    }
    assert_eq!(document["refused"], true);
    assert_eq!((&document["cheats_tried"], &document["cheats_refused"]), (&json!(34), &json!(34)));
}

fn refused(cheat: &Value, (name, by, reason): &Refusal) {
    assert_eq!(cheat["cheat"], *name);
    assert_eq!(cheat["verdict"], "refused", "{cheat}");
    assert_eq!(cheat["refused_by"], *by, "{cheat}");
    assert_eq!(cheat["reason"], *reason, "{cheat}");
    assert_eq!(cheat["convinced"], Value::Null, "{cheat}");
    let flag_sets = if *name == "wrong-secret" { json!({ "refused": 36, "tried": 36 }) } else { Value::Null };
    assert_eq!(cheat["flag_sets"], flag_sets, "{cheat}");
    // The others were told so, or found the connection closed; they did not find out by themselves.
    let sides = cheat["sides"].as_array().unwrap();
    let others: Vec<_> = sides.iter().filter(|side| side["side"] != *by).collect();
    assert!(!others.is_empty(), "{cheat}");
    assert!(others.iter().all(|side| side["reason"] == "told-by-peer"), "{cheat}");
}

#[test]
fn each_enctype_is_spoken_by_all_three() {
    for (alias, name) in [
        ("aes256-sha2", "aes256-cts-hmac-sha384-192"),
        ("aes128-sha2", "aes128-cts-hmac-sha256-128"),
        ("aes256-sha1", "aes256-cts-hmac-sha1-96"),
        ("aes128-sha1", "aes128-cts-hmac-sha1-96"),
        ("camellia256-cts", "camellia256-cts-cmac"),
        ("camellia128-cts", "camellia128-cts-cmac"),
    ] {
        let document = document(&["--json", "--mechanism", "kerberos", "--enctype", alias]);
        let act = &document["acts"][0];
        assert_eq!(act["client"]["enctype"], name);
        assert_eq!(act["service"]["enctype"], name);
        assert!(act["steps"].to_string().contains(name));
    }
}

#[test]
fn each_side_knows_who_the_other_is_as_far_as_that_is_proven() {
    let document = document(&["--json"]);
    let mutual = json!(["mutual", "replay", "sequence", "confidentiality", "integrity"]);
    let one_sided = json!(["replay", "sequence", "confidentiality", "integrity"]);
    let (kerberos, ntlm) = ("1.2.840.113554.1.2.2", "1.3.6.1.4.1.311.2.2.10");
    let of_realm = ("alice@DEMO.TEST", "echo/demo.test@DEMO.TEST");
    let of_domain = ("DEMO\\alice", "echo/demo.test");
    let expected = [
        (of_realm, kerberos, &mutual),
        (of_domain, ntlm, &one_sided),
        (of_realm, kerberos, &mutual),
        (of_domain, ntlm, &one_sided),
    ];
    for (act, ((alice, echo), mechanism, flags)) in document["acts"].as_array().unwrap().iter().zip(expected) {
        let (client, service) = (&act["client"], &act["service"]);
        assert_eq!((&client["local"], &client["peer"]), (&json!(alice), &json!(echo)));
        assert_eq!((&client["local"], &client["peer"]), (&service["peer"], &service["local"]));
        assert_eq!(act["server_is_proven"], flags == &mutual);
        for side in [client, service] {
            assert_eq!((&side["flags"], &side["mechanism"]), (flags, &json!(mechanism)));
        }
        assert_eq!(act["echoes"][0], "Hello, is it you?");
    }
    let why = document["acts"][3]["client"]["why"].as_str().unwrap();
    assert!(why.contains("could not begin: no KDC of the realm DEMO.TEST answered"), "{why}");
}

#[test]
fn the_steps_are_those_of_each_mechanism() {
    let document = document(&["--json"]);
    let words =
        |step: &Value| ["from", "message", "to"].map(|field| step[field].as_str().unwrap().to_owned()).join(" ");
    let messages = ["client sealed server", "server sealed client"];
    let end = ["client end server"];
    let kerberos = [
        "client AS-REQ kdc",
        "kdc KRB-ERROR client",
        "client AS-REQ kdc",
        "kdc AS-REP client",
        "client TGS-REQ kdc",
        "kdc TGS-REP client",
        "client AP-REQ server",
        "server AP-REP client",
    ];
    let ntlm =
        ["client NEGOTIATE server", "server CHALLENGE client", "client AUTHENTICATE server", "server done client"];
    let offer = ["client NegTokenInit server", "server NegTokenResp client"];
    let mac = ["client NegTokenResp server", "server NegTokenResp client"];
    let expected = [
        [&kerberos[..], &messages, &messages, &end].concat(),
        [&ntlm[..], &messages, &end].concat(),
        [&offer[..], &messages, &end].concat(),
        [&["client AS-REQ kdc"][..], &offer, &mac, &messages, &end].concat(),
    ];
    for (act, expected) in document["acts"].as_array().unwrap().iter().zip(expected) {
        let steps = act["steps"].as_array().unwrap();
        assert_eq!(steps.iter().map(words).collect::<Vec<_>>(), expected);
        assert!(steps.iter().all(|step| step["bytes"].as_u64().unwrap() > 0));
    }
}

#[test]
fn the_picture_has_its_arrows() {
    let drawn = text(&demo(&["--width", "80"], "C.UTF-8"));
    for arrow in [
        "│── AS-REQ ───▶│",
        "│◀─ KRB-ERROR ─│",
        "│◀── AS-REP ───│",
        "│── TGS-REQ ──▶│",
        "│◀── TGS-REP ──│",
        "│────────── AP-REQ ──────────▶│",
        "│◀────────── AP-REP ──────────│",
        "│────────── sealed ──────────▶│",
        "│◀────────── sealed ──────────│",
        "│──────── NEGOTIATE ─────────▶│",
        "│◀──────── CHALLENGE ─────────│",
        "│─────── AUTHENTICATE ───────▶│",
        "│─────── NegTokenInit ───────▶│",
        "│◀─────── NegTokenResp ───────│",
    ] {
        assert!(drawn.contains(arrow), "{arrow} is missing in\n{drawn}");
    }
    assert!(drawn.contains("34 of 34 cheats were refused"));
    assert!(drawn.contains("NTLM does not prove the server"));
}

#[test]
fn no_colours_go_to_a_file_and_no_foreign_letters_to_an_ascii_locale() {
    for (arguments, locale) in [(&[][..], "C"), (&["--ascii"], "C.UTF-8")] {
        let drawn = text(&demo(arguments, locale));
        assert!(drawn.is_ascii() && !drawn.contains('\x1b'), "{drawn}");
        assert!(drawn.contains("|-- AS-REQ --->|"), "{drawn}");
    }
}

#[test]
fn quiet_is_the_tables_and_the_last_lines() {
    let drawn = text(&demo(&["--quiet"], "C.UTF-8"));
    assert_eq!(drawn.lines().filter(|line| line.contains('✓')).count(), 34);
    assert!(!drawn.contains('│'));
    let one = text(&demo(&["--quiet", "--mechanism", "ntlm"], "C.UTF-8"));
    assert_eq!(one.lines().filter(|line| line.contains('✓')).count(), NTLM.len());
}

#[test]
fn a_mechanism_alone_is_told_in_full() {
    for (mechanism, says) in [
        ("kerberos", "clock is"),
        ("ntlm", "Alice can't tell, and"),
        ("negotiate", "Somebody takes Kerberos out of alice's offer"),
    ] {
        let drawn = text(&demo(&["--mechanism", mechanism], "C.UTF-8"));
        assert!(drawn.contains("Now somebody cheats") && drawn.contains("NNS HandshakeInProgress"), "{drawn}");
        assert!(drawn.contains(says), "{drawn}");
    }
}

#[test]
fn other_enctypes_and_mechanisms_are_an_error_of_usage() {
    assert_eq!(demo(&["--enctype", "des"], "C").status.code(), Some(2));
    assert_eq!(demo(&["--mechanism", "digest"], "C").status.code(), Some(2));
}
