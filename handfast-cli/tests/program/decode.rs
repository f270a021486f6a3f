//! `handfast decode`.

use crate::support::World;
use handfast::Time;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::{Keytab, KeytabEntry};
use serde_json::Value;
use std::fs;

/// A line of `tests/vectors/decode.txt`.
fn vector(name: &str) -> &'static str {
    let file = include_str!("../vectors/decode.txt");
    file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

const NEGOTIATE: &str = "TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA=";

#[test]
fn a_token_comes_as_argument_file_or_standard_input() {
    let world = World::new();
    fs::write(world.path("token.bin"), bytes(vector("ntlm-negotiate"))).unwrap();
    fs::write(world.path("token.txt"), NEGOTIATE).unwrap();
    let as_argument = world.run(&format!("decode {NEGOTIATE}")).ok().stdout;
    assert!(as_argument.contains("negotiate_message  NTLM NEGOTIATE"), "{as_argument}");
    for (line, input) in [
        ("decode @token.txt", ""),
        ("decode --file token.txt", ""),
        ("decode", NEGOTIATE),
        ("decode -", NEGOTIATE),
        ("decode --input base64 --as ntlm", NEGOTIATE),
    ] {
        assert_eq!(world.run_with(line, input).ok().stdout, as_argument, "{line}");
    }
    let raw = world.run("decode @token.bin").ok().stdout;
    assert_eq!(raw.lines().skip(1).collect::<Vec<_>>(), as_argument.lines().skip(1).collect::<Vec<_>>());
    let header = world.run_with("decode", &format!("> Authorization: NTLM {NEGOTIATE}\r\n")).ok().stdout;
    assert!(header.starts_with("ntlm, 32 bytes, from Authorization: NTLM\n"), "{header}");
}

#[test]
fn what_is_broken_is_shown_up_to_there_with_exit_code_8() {
    let world = World::new();
    let whole = vector("kdc-error");
    let ended = world.run(&format!("decode {} --as kerberos-tcp", &whole[..300]));
    assert!(ended.stdout.contains("KDC_ERR_PREAUTH_REQUIRED"), "{}", ended.stdout);
    ended.failed(8, "at byte ");
    let ended = world.run(&format!("decode {NEGOTIATE} {whole}00 --json"));
    assert_eq!(ended.code, 8);
    let objects: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&objects[0]["kind"], &objects[0]["problems"]), (&"ntlm".into(), &Value::Array(vec![])));
    assert!(objects[1]["problems"][0]["offset"].as_u64() >= Some(276), "{}", objects[1]["problems"]);
    let error: Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    assert_eq!((&error["class"], &error["exit"]), (&"files".into(), &8.into()));
    assert!(error["error"].as_str().unwrap().starts_with("token 2: at byte 276: "), "{error}");
}

#[test]
fn what_can_t_be_read_is_told() {
    let world = World::new();
    world.run("decode @nothing").failed(8, "nothing: ");
    world.run("decode A!C").failed(8, "neither hexadecimal");
    world.run("decode 00ff00ff").failed(8, "looks like no token").failed(8, "--as KIND");
    world.run_with("decode", "").failed(8, "standard input: the input is empty");
    world.run("decode 00 --as mystery").failed(2, "mystery");
    world.run(&format!("decode {NEGOTIATE} --keytab nowhere")).failed(8, "nowhere");
}

#[test]
fn a_keytab_opens_a_conversation_whatever_the_order() {
    let world = World::new();
    let mut keytab = Keytab::new();
    keytab.add(KeytabEntry {
        principal: "sample/localhost@LAB.TEST".parse().unwrap(),
        timestamp: Time::EPOCH,
        kvno: 2,
        key: EncryptionKey::new(Enctype(20), bytes(vector("mit-key"))).unwrap(),
    });
    fs::write(world.path("keytab"), keytab.encode().unwrap().expose()).unwrap();
    fs::write(world.path("client"), bytes(vector("mit-client"))).unwrap();
    fs::write(world.path("server"), bytes(vector("mit-server"))).unwrap();
    let closed = world.run("decode @client @server").ok().stdout;
    assert!(closed.contains("not opened: no key is held") && !closed.contains("hello mit"), "{closed}");
    for line in [
        "decode @client @server --keytab keytab",
        "decode @server @client --keytab",
        "decode @client @server -k FILE:keytab",
    ] {
        let text = world.run(line).ok().stdout;
        assert!(text.contains("\"hello mit\""), "{line}: {text}");
        let words: Vec<&str> = text.split_whitespace().collect();
        let words = words.join(" ");
        assert!(words.contains("opened with the key of sample/localhost@LAB.TEST, kvno 2"), "{words}");
        assert_eq!(text.lines().find(|line| line.chars().count() > 80), None);
    }
    let hidden = world.run("decode @client --keytab --json").ok().stdout;
    let shown = world.run("decode @client --keytab --json --show-keys").ok().stdout;
    assert!(hidden.contains("\"hidden\":32") && !shown.contains("\"hidden\":32"));
    assert_eq!(serde_json::from_str::<Value>(&hidden).unwrap()["kind"], "gss-sample");
}
