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
const REFUSALS: [(&str, &str, &str); 10] = [
    ("wrong-password", "kdc", "wrong-password"),
    ("skewed-clock-login", "kdc", "clock-skew"),
    ("skewed-clock", "server", "clock-skew"),
    ("wrong-service", "server", "unknown-service"),
    ("replayed-token", "server", "replay"),
    ("flipped-bit-token", "server", "authenticator-not-authentic"),
    ("flipped-bit-message", "server", "message-not-authentic"),
    ("repeated-message", "server", "message-replayed"),
    ("wrong-keytab", "server", "wrong-key"),
    ("impostor", "client", "acceptor-not-proven"),
];

#[test]
fn every_cheat_is_refused_by_the_right_side_for_the_right_reason() {
    let document = document(&["--json"]);
    let cheats = document["cheats"].as_array().unwrap();
    assert_eq!(cheats.len(), REFUSALS.len());
    for (cheat, (name, by, reason)) in cheats.iter().zip(REFUSALS) {
        assert_eq!(cheat["cheat"], name);
        assert_eq!(cheat["verdict"], "refused", "{cheat}");
        assert_eq!(cheat["refused_by"], by, "{cheat}");
        assert_eq!(cheat["reason"], reason, "{cheat}");
        assert_eq!(cheat["convinced"], Value::Null, "{cheat}");
        // The others were told so, or found the connection closed; they did not find out by themselves.
        let sides = cheat["sides"].as_array().unwrap();
        let others: Vec<_> = sides.iter().filter(|side| side["side"] != by).collect();
        assert!(!others.is_empty(), "{cheat}");
        assert!(others.iter().all(|side| side["reason"] == "told-by-peer"), "{cheat}");
    }
    assert_eq!(document["refused"], true);
}

#[test]
fn each_enctype_is_spoken_by_all_three() {
    for (alias, name) in [
        ("aes256-sha2", "aes256-cts-hmac-sha384-192"),
        ("aes128-sha2", "aes128-cts-hmac-sha256-128"),
        ("aes256-sha1", "aes256-cts-hmac-sha1-96"),
        ("aes128-sha1", "aes128-cts-hmac-sha1-96"),
    ] {
        let document = document(&["--json", "--enctype", alias]);
        assert_eq!(document["client"]["enctype"], name);
        assert_eq!(document["service"]["enctype"], name);
        assert!(document["steps"].to_string().contains(name));
    }
}

#[test]
fn each_side_knows_who_the_other_is() {
    let document = document(&["--json"]);
    let (client, service) = (&document["client"], &document["service"]);
    assert_eq!(client["local"], "alice@DEMO.TEST");
    assert_eq!(client["peer"], "echo/demo.test@DEMO.TEST");
    assert_eq!((&client["local"], &client["peer"]), (&service["peer"], &service["local"]));
    for side in [client, service] {
        assert_eq!(side["flags"], json!(["mutual", "replay", "sequence", "confidentiality", "integrity"]));
    }
    assert_eq!(document["echoes"], json!(["Hello, is it you?", "Then let us begin."]));
}

#[test]
fn the_steps_are_those_of_kerberos() {
    let document = document(&["--json"]);
    let steps = document["steps"].as_array().unwrap();
    let words =
        |step: &Value| ["from", "message", "to"].map(|field| step[field].as_str().unwrap().to_owned()).join(" ");
    let expected = [
        "client AS-REQ kdc",
        "kdc KRB-ERROR client",
        "client AS-REQ kdc",
        "kdc AS-REP client",
        "client TGS-REQ kdc",
        "kdc TGS-REP client",
        "client AP-REQ server",
        "server AP-REP client",
        "client sealed server",
        "server sealed client",
        "client sealed server",
        "server sealed client",
        "client end server",
    ];
    assert_eq!(steps.iter().map(words).collect::<Vec<_>>(), expected);
    assert!(steps.iter().all(|step| step["bytes"].as_u64().unwrap() > 0));
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
    ] {
        assert!(drawn.contains(arrow), "{arrow} is missing in\n{drawn}");
    }
    assert!(drawn.contains("10 of 10 cheats were refused"));
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
fn quiet_is_the_table_and_the_last_line() {
    let drawn = text(&demo(&["--quiet"], "C.UTF-8"));
    assert_eq!(drawn.lines().filter(|line| line.contains('✓')).count(), REFUSALS.len());
    assert_eq!(drawn.lines().count(), REFUSALS.len() + 3);
}

#[test]
fn other_enctypes_are_an_error_of_usage() {
    assert_eq!(demo(&["--enctype", "des"], "C").status.code(), Some(2));
}
