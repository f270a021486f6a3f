//! krb5.conf: what its text means, and what becomes of text that was made to hurt.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

use handfast::krb5::Conf;
use handfast::krb5::conf::{
    CanonicalizeHostname, ConfErrorReason, ConfWarningReason, EnctypeList, Include, Section, Source, parse_boolean,
    parse_duration,
};
use std::collections::HashMap;
use std::time::Duration;

const REALISTIC: &str = r#"
# a comment
; another one
[libdefaults]
	default_realm = EXAMPLE.COM
    clockskew = 10m
    ticket_lifetime = 10:00
    renew_lifetime = 7d
    forwardable = TRUE
    rdns = off
    dns_canonicalize_hostname = fallback
    dns_lookup_kdc = no
    udp_preference_limit = 1
    default_ccache_name = KEYRING:persistent:%{uid}
    permitted_enctypes = aes256-cts-hmac-sha384-192, aes -aes128-sha1 bogus
    qualify_shortname = ""
    OTHER.ORG = {
        forwardable = false
    }

[realms]
EXAMPLE.COM = {
    kdc = kdc1.example.com
    kdc = [2001:db8::1]:750
    master_kdc = kdc1.example.com
    admin_server = kdc1.example.com:749
    kpasswd_server = kdc1.example.com
    auth_to_local = RULE:[2:$1](^.*$)s/x/y/
    auth_to_local = DEFAULT
    auth_to_local_names = {
        alice = al
        alice = alicia
    }
    pkinit_anchors = FILE:/etc/ca.pem
}
OTHER.ORG =
{
    kdc = kdc.other.org
    primary_kdc = new.other.org
    master_kdc = old.other.org
}

[domain_realm]
    crash.mit.edu = TEST.ATHENA.MIT.EDU
    .dev.mit.edu = TEST.ATHENA.MIT.EDU
    mit.edu = ATHENA.MIT.EDU

[capaths]
    ANL.GOV = {
        TEST.ANL.GOV = .
        PNL.GOV = ES.NET
        PNL.GOV = X.NET
    }
"#;

fn parse(text: &str) -> Conf {
    Conf::parse("krb5.conf", text).unwrap_or_else(|error| panic!("{error}"))
}

fn fails(text: &str) -> (usize, ConfErrorReason) {
    let error = Conf::parse("krb5.conf", text).unwrap_err();
    assert_eq!(error.file, "krb5.conf");
    (error.line, error.reason)
}

fn values<'c>(conf: &'c Conf, path: &[&str], name: &str) -> &'c [String] {
    conf.root().section_at(path).map_or(&[], |section: &Section| section.values(name))
}

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), text: text.as_bytes().to_vec() }
}

/// Reads `start` with `files` to be included; a directory is the files whose names start with its name.
fn with_files(start: &str, files: &[(&str, &str)]) -> Result<Conf, handfast::krb5::conf::ConfError> {
    let files: HashMap<_, _> = files.iter().copied().collect();
    let mut resolve = |include: Include<'_>| match include {
        Include::File(name) => {
            let text = files.get(name).ok_or_else(|| "no such file".to_string())?;
            Ok(vec![source(name, text)])
        }
        Include::Directory(name) => {
            let inside = files.iter().filter(|(file, _)| file.starts_with(name));
            Ok(inside.map(|(name, text)| source(name, text)).collect())
        }
    };
    let mut conf = Conf::new();
    conf.add(&source("krb5.conf", start), &mut resolve).map(|()| conf)
}

#[test]
fn libdefaults() {
    let conf = parse(REALISTIC);
    let defaults = conf.libdefaults(None).unwrap();
    assert_eq!(defaults.default_realm.as_deref(), Some("EXAMPLE.COM"));
    assert_eq!(defaults.clockskew, Duration::from_secs(600));
    assert_eq!(defaults.ticket_lifetime, Duration::from_secs(36_000));
    assert_eq!(defaults.renew_lifetime, Some(Duration::from_secs(604_800)));
    assert!(defaults.forwardable && !defaults.rdns && !defaults.dns_lookup_kdc);
    assert_eq!(defaults.dns_canonicalize_hostname, CanonicalizeHostname::Fallback);
    assert_eq!(defaults.udp_preference_limit, 1);
    assert_eq!(defaults.default_ccache_name.as_deref(), Some("KEYRING:persistent:%{uid}"));
    assert_eq!(defaults.qualify_shortname.as_deref(), Some(""));
    let enctypes = defaults.permitted_enctypes.unwrap();
    assert_eq!(enctypes.enctypes.iter().map(|enctype| enctype.0).collect::<Vec<_>>(), [20, 18, 19]);
    assert_eq!(enctypes.unknown, ["bogus"]);
    let of_realm = conf.libdefaults(Some("OTHER.ORG")).unwrap();
    assert!(!of_realm.forwardable && of_realm.default_realm == defaults.default_realm);
}

#[test]
fn what_is_not_said_is_as_in_mit_krb5() {
    let defaults = Conf::new().libdefaults(None).unwrap();
    assert_eq!(defaults.clockskew, Duration::from_secs(300));
    assert_eq!(defaults.ticket_lifetime, Duration::from_secs(86_400));
    assert_eq!((defaults.renew_lifetime, defaults.udp_preference_limit), (None, 1465));
    let yes =
        [defaults.noaddresses, defaults.dns_lookup_kdc, defaults.dns_uri_lookup, defaults.rdns, defaults.kdc_timesync];
    let no = [
        defaults.forwardable,
        defaults.proxiable,
        defaults.canonicalize,
        defaults.dns_lookup_realm,
        defaults.ignore_acceptor_hostname,
        defaults.allow_weak_crypto,
        defaults.enforce_ok_as_delegate,
        defaults.verify_ap_req_nofail,
    ];
    assert_eq!((yes, no), ([true; 5], [false; 8]));
}

#[test]
fn values_that_make_no_sense_are_named() {
    for (relation, wanted) in [
        ("clockskew = soon", "clockskew = soon: expected a duration"),
        ("forwardable = maybe", "forwardable = maybe: expected yes or no"),
        ("udp_preference_limit = -1", "udp_preference_limit = -1: expected a number"),
        ("dns_canonicalize_hostname = sometimes", "expected yes, no or fallback"),
    ] {
        let error = parse(&format!("[libdefaults]\n{relation}\n")).libdefaults(None).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn realms() {
    let conf = parse(REALISTIC);
    assert_eq!(conf.realms().collect::<Vec<_>>(), ["EXAMPLE.COM", "OTHER.ORG"]);
    let realm = conf.realm("EXAMPLE.COM").unwrap();
    assert_eq!(realm.kdc, ["kdc1.example.com", "[2001:db8::1]:750"]);
    assert_eq!(realm.primary_kdc, ["kdc1.example.com"]);
    assert_eq!(realm.admin_server, ["kdc1.example.com:749"]);
    assert_eq!(realm.kpasswd_server, ["kdc1.example.com"]);
    assert_eq!(realm.auth_to_local.len(), 2);
    assert_eq!(realm.auth_to_local_names, [("alice".to_string(), "alicia".to_string())]);
    assert_eq!(conf.realm("OTHER.ORG").unwrap().primary_kdc, ["new.other.org"]);
    assert_eq!(values(&conf, &["realms", "EXAMPLE.COM"], "pkinit_anchors"), ["FILE:/etc/ca.pem"]);
    assert!(conf.realm("NOWHERE").is_none());
    assert_eq!(conf.auth_to_local().unwrap().local_name(&"alice@EXAMPLE.COM".parse().unwrap()).unwrap(), "alicia");
    assert_eq!(conf.with_default_realm("bob".parse().unwrap()).to_string(), "bob@EXAMPLE.COM");
    assert_eq!(conf.with_default_realm("bob@X".parse().unwrap()).to_string(), "bob@X");
}

/// The example of MIT krb5's documentation of `[domain_realm]`.
#[test]
fn hosts_have_realms() {
    let conf = parse(REALISTIC);
    for (host, realm) in [
        ("crash.mit.edu", Some("TEST.ATHENA.MIT.EDU")),
        ("CRASH.mit.edu.", Some("TEST.ATHENA.MIT.EDU")),
        ("a.dev.mit.edu", Some("TEST.ATHENA.MIT.EDU")),
        ("dev.mit.edu", Some("ATHENA.MIT.EDU")),
        ("www.mit.edu", Some("ATHENA.MIT.EDU")),
        ("mit.edu", Some("ATHENA.MIT.EDU")),
        ("edu", None),
        ("admit.edu", None),
        ("18.7.22.83", None),
        ("", None),
    ] {
        assert_eq!(conf.realm_of_host(host), realm, "{host}");
    }
    let addresses = parse("[domain_realm]\n1 = R\n.0.0.1 = R\n::1 = R\n");
    assert_eq!((addresses.realm_of_host("127.0.0.1"), addresses.realm_of_host("::1")), (None, None));
    assert_eq!(addresses.realm_of_host("h.1"), Some("R"));
}

#[test]
fn paths_between_realms() {
    let conf = parse(REALISTIC);
    assert_eq!(conf.path_between("ANL.GOV", "TEST.ANL.GOV"), Some(vec![]));
    assert_eq!(conf.path_between("ANL.GOV", "PNL.GOV"), Some(vec!["ES.NET", "X.NET"]));
    assert_eq!(conf.path_between("PNL.GOV", "ANL.GOV"), None);
}

#[test]
fn quotes_and_escapes() {
    let conf = parse(
        "[s]\na = \" x \\\"y\\\" \\n\\t\\b\\q\" behind\nb = x \"y\"  \nc = \"open\nd=e=f\ng = {h\nreturn = \"x\\\\\"\r\n",
    );
    assert_eq!(values(&conf, &["s"], "a"), [" x \"y\" \n\t\u{8}q"]);
    assert_eq!(values(&conf, &["s"], "b"), ["x \"y\""]);
    assert_eq!(values(&conf, &["s"], "c"), ["open"]);
    assert_eq!(values(&conf, &["s"], "d"), ["e=f"]);
    assert_eq!(values(&conf, &["s"], "g"), ["{h"]);
    assert_eq!(values(&conf, &["s"], "return"), ["x\\"]);
}

#[test]
fn sections_of_one_name_are_one() {
    let conf = parse("[a]\nx = 1\n[b]\ny = 1\n[a]\nx = 2\nz = {\nq = 1\n}\nz = {\nq = 2\n}\n");
    assert_eq!(values(&conf, &["a"], "x"), ["1", "2"]);
    assert_eq!(values(&conf, &["a", "z"], "q"), ["1", "2"]);
}

fn two_files(first: &str, second: &str) -> Conf {
    let mut conf = Conf::new();
    for (name, text) in [("first", first), ("second", second)] {
        conf.add(&source(name, text), &mut |_| Err("none".to_string())).unwrap();
    }
    conf
}

#[test]
fn values_of_later_files_come_behind() {
    let conf = two_files("[a]\nx = 1\n", "[a]\nx = 2\ny = 2\n");
    assert_eq!(
        (values(&conf, &["a"], "x"), values(&conf, &["a"], "y")),
        (&["1".into(), "2".into()][..], &["2".into()][..])
    );
    assert_eq!(conf.root().section("a").unwrap().value("x"), Some("1"));
}

#[test]
fn what_is_final_stays_as_it_is() {
    let later = "[a]\nx = 2\ns = {\nq = 2\nt = {\nr = 2\n}\n}\ny = 2\n[b]\nz = 2\n";
    let section = two_files("[a]*\nx = 1\n", later);
    assert_eq!(values(&section, &["a"], "x"), ["1"]);
    assert!(values(&section, &["a"], "y").is_empty() && values(&section, &["a", "s"], "q").is_empty());
    assert_eq!(values(&section, &["b"], "z"), ["2"]);
    for first in ["[a]\ns* = {\nq = 1\n}\n", "[a]\ns = {\nq = 1\n}*\n"] {
        let subsection = two_files(first, later);
        assert_eq!(values(&subsection, &["a", "s"], "q"), ["1"]);
        assert!(values(&subsection, &["a", "s", "t"], "r").is_empty());
        assert_eq!(values(&subsection, &["a"], "y"), ["2"], "{first}");
    }
    let relation = two_files("[a]\nx* = 1\n", later);
    assert_eq!(
        (values(&relation, &["a"], "x"), values(&relation, &["a"], "y")),
        (&["1".into()][..], &["2".into()][..])
    );
}

#[test]
fn bad_lines_are_named() {
    for (text, line, reason) in [
        ("[a", 1, ConfErrorReason::SectionSyntax),
        ("[a] b", 1, ConfErrorReason::SectionSyntax),
        ("[a]\nx", 2, ConfErrorReason::RelationSyntax),
        ("[a]\n= x", 2, ConfErrorReason::RelationSyntax),
        ("[a]\nx y = z", 2, ConfErrorReason::RelationSyntax),
        ("[a]\n}", 2, ConfErrorReason::ExtraBrace),
        ("[a]\nx = {\n}\n}", 4, ConfErrorReason::ExtraBrace),
        ("[a]\nx =\ny = 1\n", 3, ConfErrorReason::NoBrace),
        ("[a]\nx = {\n[b]\n", 3, ConfErrorReason::SectionInBraces),
    ] {
        assert_eq!(fails(text), (line, reason), "{text:?}");
    }
    let error = Conf::parse("/etc/krb5.conf", "[a]\nx\n").unwrap_err();
    assert_eq!(error.to_string(), "/etc/krb5.conf:2: expected name = value");
}

#[test]
fn what_has_no_effect_is_told() {
    let conf = parse("module /lib/x.so:rest\nthis = that\nmore\n[a]\nx = {\n");
    let reasons: Vec<_> = conf.warnings().iter().map(|warning| (warning.line, warning.reason.clone())).collect();
    assert_eq!(
        reasons,
        [
            (1, ConfWarningReason::Module { name: "/lib/x.so:rest".into() }),
            (2, ConfWarningReason::OutsideSections),
            (6, ConfWarningReason::UnclosedBrace),
        ]
    );
    assert!(parse(REALISTIC).warnings().is_empty());
}

#[test]
fn odd_bytes() {
    let conf = Conf::parse("c", b"\xef\xbb\xbf[a]\r\n# caf\xe9\r\nx = 1\r\n").unwrap();
    assert_eq!(values(&conf, &["a"], "x"), ["1"]);
    assert!(conf.warnings().is_empty());
    assert!(Conf::parse("c", b"").unwrap().warnings().is_empty());
}

#[test]
fn included_files_are_read_in_place() {
    let conf = with_files("[a]\nx = 1\ninclude other\nx = 3\n", &[("other", "[a]\nx = 2\n[b]\ny = 1\n")]);
    let conf = conf.unwrap();
    assert_eq!(values(&conf, &["a"], "x"), ["1", "2", "3"]);
    assert_eq!(values(&conf, &["b"], "y"), ["1"]);
}

#[test]
fn included_directories_are_read_by_name() {
    let files = [
        ("d/b", "[a]\nx = b\n"),
        ("d/a_1", "[a]\nx = a\n"),
        ("d/z.conf", "[a]\nx = z\n"),
        ("d/.hidden.conf", "[a]\nx = hidden\n"),
        ("d/old.conf~", "[a]\nx = old\n"),
        ("d/c.rpmsave", "[a]\nx = c\n"),
    ];
    let conf = with_files("includedir d/\n[a]\nx = end\n", &files).unwrap();
    assert_eq!(values(&conf, &["a"], "x"), ["a", "b", "z", "end"]);
}

#[test]
fn includes_that_fail_name_the_line() {
    let error = with_files("[a]\ninclude there\n", &[("there", "[b]\n\ninclude nowhere\n")]).unwrap_err();
    assert_eq!(error.to_string(), "there:3: can't include nowhere: no such file");
    assert!(matches!(fails("include x"), (1, ConfErrorReason::Include { .. })));
}

#[test]
fn include_loops_end() {
    let error = with_files("include a\n", &[("a", "include b\n"), ("b", "include a\n")]).unwrap_err();
    assert_eq!((error.file.as_str(), error.reason), ("b", ConfErrorReason::IncludeCycle { name: "a".into() }));
    let error = with_files("include krb5.conf\n", &[("krb5.conf", "")]).unwrap_err();
    assert!(matches!(error.reason, ConfErrorReason::IncludeCycle { .. }));
    // A resolver that gives each file a new name.
    let mut count = 0;
    let mut endless = |_: Include<'_>| {
        count += 1;
        Ok(vec![source(&format!("file{count}"), "include next\n")])
    };
    let error = Conf::new().add(&source("start", "include next\n"), &mut endless).unwrap_err();
    assert_eq!(error.reason, ConfErrorReason::TooManyIncludes);
    // Each of ten files includes the next one ten times.
    let files: Vec<_> = (0..10).map(|n| (format!("f{n}"), format!("include f{}\n", n + 1).repeat(10))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let error = with_files("include f0\n", &files).unwrap_err();
    assert_eq!(error.reason, ConfErrorReason::TooManyIncludes);
}

#[test]
fn hostile_sizes_are_refused_or_borne() {
    let line = format!("[a]\nx = {}\n", "y".repeat(1 << 20));
    assert_eq!(values(&parse(&line), &["a"], "x")[0].len(), 1 << 20);
    assert!(matches!(fails(&"[".repeat(1 << 20)), (1, ConfErrorReason::SectionSyntax)));
    let deep = format!("[a]\n{}", "x = {\n".repeat(100_000));
    assert_eq!(fails(&deep), (33, ConfErrorReason::TooDeep { limit: 32 }));
    let huge = "# \n".repeat(2 << 20);
    assert!(matches!(fails(&huge).1, ConfErrorReason::TooLarge { .. }));
    let many = format!("[a]\n{}", "x = 1\n".repeat(100_000));
    assert_eq!(values(&parse(&many), &["a"], "x").len(), 100_000);
    let outside = "x\ny\n".repeat(100_000);
    assert_eq!(parse(&outside).warnings().len(), 1);
    let modules = "module x\ny\n".repeat(100_000);
    assert_eq!(parse(&modules).warnings().len(), 100);
}

#[test]
fn damaged_text_never_panics() {
    for position in 0..REALISTIC.len() {
        for byte in *b"[]{}=*\"\\\n\xff" {
            let mut text = REALISTIC.as_bytes().to_vec();
            text[position] = byte;
            if let Ok(conf) = Conf::parse("c", &text) {
                let _ = (conf.libdefaults(None), conf.auth_to_local(), conf.realm("EXAMPLE.COM"));
            }
        }
    }
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("3600", 3600),
        ("0", 0),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1d2h3m4s", 93_784),
        ("1d 2h 3m 4s", 93_784),
        ("8h30s", 28_830),
        ("7d", 604_800),
        ("90m", 5400),
        ("10:00", 36_000),
        ("36:00", 129_600),
        ("1:02:03", 3723),
        ("2-03:04:05", 183_845),
        (" 5m ", 300),
        ("2147483647", 2_147_483_647),
    ] {
        assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    for text in [
        "",
        "x",
        "h",
        "1x",
        "1m1h",
        "1h1h",
        "1h30",
        "1:60",
        "1:00:60",
        "1:2:3:4",
        ":1",
        "1:",
        "-1",
        "1-2:03",
        "1-24:00:00",
        "2147483648",
        "99999999999999999999d",
        "1.5h",
        "½h",
        "1½",
        "+5",
    ] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[test]
fn booleans() {
    for text in ["y", "YES", "true", "T", "1", "on"] {
        assert_eq!(parse_boolean(text), Some(true), "{text}");
    }
    for text in ["n", "No", "false", "f", "nil", "0", "OFF"] {
        assert_eq!(parse_boolean(text), Some(false), "{text}");
    }
    assert_eq!(parse_boolean("2"), None);
}

#[test]
fn enctype_lists() {
    let numbers = |text: &str| EnctypeList::parse(text).enctypes.iter().map(|enctype| enctype.0).collect::<Vec<_>>();
    assert_eq!(numbers("aes"), [18, 17, 20, 19]);
    assert_eq!(numbers("aes-sha2 aes-sha1"), [20, 19, 18, 17]);
    assert_eq!(numbers("DEFAULT"), [20, 19, 18, 17, 26, 25]);
    assert_eq!(numbers("camellia256-cts camellia"), [26, 25]);
    assert_eq!(numbers("DEFAULT -aes-sha1,+camellia RC4"), [20, 19, 26, 25, 23]);
    assert_eq!(numbers("aes256-cts aes256-cts-hmac-sha1-96 AES128-SHA2"), [18, 19]);
    assert_eq!(numbers("-aes"), Vec::<i32>::new());
    assert_eq!(EnctypeList::parse("aes512 -rot13").unknown, ["aes512", "rot13"]);
}

#[test]
fn weak_enctypes_are_taken_out_unless_allowed() {
    let list = |text: &str| {
        let list = parse(text).libdefaults(None).unwrap().permitted_enctypes.unwrap();
        list.enctypes.iter().map(|enctype| enctype.0).collect::<Vec<_>>()
    };
    let lines =
        "[libdefaults]\npermitted_enctypes = aes256-cts des-cbc-crc des-cbc-md4 des-cbc-md5 rc4-hmac-exp rc4 des3\n";
    assert_eq!(list(lines), [18, 23, 16]);
    assert_eq!(list(&format!("{lines}allow_weak_crypto = true\n")), [18, 1, 2, 3, 24, 23, 16]);
}
