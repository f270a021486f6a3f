//! Files and words that users give to the program and its libraries, and what `handfast decode` is given of any kind.

use crate::seeds::stage;
use handfast::krb5::conf::{parse_boolean, parse_duration};
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::{Principal, Time};
use handfast_cli::fuzzing as cli;
use handfast_kdc::{PrincipalEntry, Settings, fuzzing as directory_file};
use handfast_net::environment::{Environment, Store, Username};
use handfast_net::kdc::KdcAddress;
use std::sync::OnceLock;

/// The samples of `handfast decode`'s own tests, by name.
pub fn samples() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let file = include_str!("../../handfast-cli/tests/vectors/decode.txt");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
    let lines = file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    lines.map(move |(name, digits)| (name, digits.as_bytes().chunks(2).map(byte).collect()))
}

/// The services' keys, which open the samples.
fn keytab() -> &'static Keytab {
    static KEYTAB: OnceLock<Keytab> = OnceLock::new();
    KEYTAB.get_or_init(|| {
        let keys = samples().filter(|(name, _)| name.ends_with("-key"));
        let entry = |(name, bytes): (&str, Vec<u8>)| {
            let (enctype, kvno) = if name == "mit-key" { (20, 2) } else { (18, 1) };
            let key = EncryptionKey::new(Enctype(enctype), bytes).expect("a key");
            KeytabEntry {
                principal: "host/localhost@A.TEST".parse().expect("a name"),
                timestamp: Time::EPOCH,
                kvno,
                key,
            }
        };
        let mut keytab = Keytab::new();
        keys.for_each(|key| keytab.add(entry(key)));
        keytab
    })
}

/// Output has a bound: so many bytes for any token …
const LEAST: usize = 64 << 10;
/// … and so many for each byte of the input.
const FOR_EACH: usize = 1 << 10;

/// An input of `handfast decode`: a byte for `--input`, one for `--as`, and what is given, with a keytab that opens the samples.
/// Every token comes out as JSON that reads as itself, and as text; neither is longer than the input justifies.
pub fn decode(data: &[u8]) {
    let [encoding, kind, input @ ..] = data else { return };
    let Ok(decoded) = cli::decode(input, encoding % 4, kind % 9, keytab()) else { return };
    let bound = LEAST * decoded.len() + FOR_EACH * input.len();
    let (mut json, mut text) = (0, 0);
    for token in &decoded {
        assert!(token.bytes <= input.len(), "a token of {} bytes", token.bytes);
        let value: serde_json::Value = serde_json::from_str(&token.json).expect("JSON");
        assert_eq!(value.to_string(), token.json);
        json += token.json.len();
        for line in &token.text {
            assert!(!line.contains(char::is_control), "{line:?}");
            text += line.len() + 1;
        }
    }
    assert!(json <= bound, "{json} bytes of JSON for {}", input.len());
    assert!(text <= bound, "{text} bytes of text for {}", input.len());
}

/// A file of `serve --allow-file`, behind a line with a client. Nobody is on it who isn't named by themselves or by their realm.
pub fn allow_list(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (client, list) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(client) = client.parse::<Principal>() else { return };
    let Ok(true) = cli::allow_list(list, "HOME", &client) else { return };
    let names = |line: &str| match line.strip_prefix('@') {
        Some(realm) => realm == client.realm(),
        None => Principal::parse_with_realm(line, "HOME").is_ok_and(|named| named == client),
    };
    assert!(list.lines().any(|line| names(line.trim())), "{client} is let in, and not named");
}

/// A word, behind a byte that says of which kind. What is printed of it reads as itself.
pub fn words(data: &[u8]) {
    let Some((selector, Ok(text))) = data.split_first().map(|(selector, rest)| (selector, core::str::from_utf8(rest)))
    else {
        return;
    };
    match selector % 6 {
        0 => {
            if let Ok(printed) = cli::place(text) {
                assert_eq!(cli::place(&printed).as_ref(), Ok(&printed));
            }
        }
        1 => {
            let (span, found) = (cli::span(text), parse_duration(text));
            assert_eq!(span.ok(), found.filter(|duration| !duration.is_zero()));
        }
        2 => {
            if let Ok(kdc) = text.parse::<KdcAddress>() {
                assert_eq!(kdc.to_string().parse(), Ok(kdc));
            }
        }
        3 => {
            if let Ok(enctype) = text.parse::<Enctype>() {
                assert_eq!(enctype.to_string().parse(), Ok(enctype));
            }
        }
        4 => {
            if let Ok(expanded) = environment().expand(text) {
                assert!(expanded.len() <= 10 * text.len(), "{expanded}");
                assert_eq!(expanded == text, !text.contains("%{"));
            }
            let _ = std::hint::black_box(environment().ccache(Some(text)));
            let _ = std::hint::black_box(Store::Keytab.file(text));
        }
        _ => {
            let _ = std::hint::black_box(parse_boolean(text));
        }
    }
}

fn environment() -> Environment {
    Environment {
        uid: Some(1000),
        euid: Some(1000),
        username: Username::Is("alice".to_owned()),
        ..Environment::default()
    }
}

/// A principal (0) or settings (1) in the directory's file. What is written reads as itself.
pub fn directory(data: &[u8]) {
    let Some((selector, bytes)) = data.split_first() else { return };
    let reread = if selector % 2 == 0 { directory_file::reread_principal } else { directory_file::reread_settings };
    let Ok(written) = reread(bytes) else { return };
    assert_eq!(reread(&written).as_ref(), Ok(&written));
}

/// A user, a service, and settings.
pub fn directory_seeds() -> Vec<Vec<u8>> {
    let name = |text: &str| text.parse::<Principal>().expect("a name");
    let (now, random) = (Time::from_unix_seconds(1_700_000_000), stage().kit.random());
    let user = PrincipalEntry::user(name("alice@EXAMPLE.COM"), b"correct horse", now).expect("a user");
    let service = PrincipalEntry::service(name("HTTP/www.example.com@EXAMPLE.COM"), &*random, now).expect("a service");
    let principals = [user, service].map(|entry| [&[0], &directory_file::principal(&entry)[..]].concat());
    let settings = [&[1], &directory_file::settings(&Settings::default())[..]].concat();
    [&principals[..], &[settings]].concat()
}
