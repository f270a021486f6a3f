//! Local names by the rules of krb5.conf.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

use handfast::krb5::AuthToLocal;

fn map(rules: &[&str]) -> AuthToLocal {
    AuthToLocal::parse(rules, Some("R")).unwrap_or_else(|error| panic!("{error}"))
}

fn local(map: &AuthToLocal, principal: &str) -> Option<String> {
    map.local_name(&principal.parse().unwrap()).ok()
}

#[test]
fn the_default_rule() {
    let map = map(&[]);
    assert_eq!(local(&map, "alice@R").as_deref(), Some("alice"));
    assert_eq!(local(&map, "alice/R@R").as_deref(), Some("alice"));
    assert_eq!(local(&map, "alice/admin@R"), None);
    assert_eq!(local(&map, "alice@S"), None);
    let nowhere = AuthToLocal::parse(&["DEFAULT"], None).unwrap();
    assert_eq!((local(&nowhere, "alice@R"), local(&nowhere, "alice")), (None, None));
}

/// The example of MIT krb5's documentation of `auth_to_local`.
#[test]
fn rules_are_tried_in_order() {
    let map = map(&[
        "RULE:[2:$1](johndoe)s/^.*$/guest/",
        "RULE:[2:$1;$2](^.*;admin$)s/;admin$//",
        "RULE:[2:$2](^.*;root)s/^.*$/root/",
        "DEFAULT",
    ]);
    for (principal, name) in [
        ("johndoe/anything@R", Some("guest")),
        ("johndoe@R", Some("johndoe")),
        ("jane/admin@R", Some("jane")),
        ("jane/other@R", None),
        ("jane@R", Some("jane")),
    ] {
        assert_eq!(local(&map, principal).as_deref(), name, "{principal}");
    }
}

#[test]
fn the_condition_is_for_the_whole_text() {
    let map = map(&["RULE:[1:$1@$0](a|alice@R)"]);
    assert_eq!(local(&map, "alice@R").as_deref(), Some("alice@R"));
    assert_eq!((local(&map, "alice@RR"), local(&map, "malice@R")), (None, None));
}

#[test]
fn selections() {
    for (rule, principal, name) in [
        ("RULE:[2:$2$1foo]", "johndoe/admin@R", "adminjohndoefoo"),
        ("RULE:[1:$1-$0]", "a@EXAMPLE.COM", "a-EXAMPLE.COM"),
        ("RULE:", "a@X", "a"),
        ("RULE:[0:x]", "a@X", ""),
        ("RULE:[1:fixed]", "a@X", "fixed"),
        ("RULE:[11:$11$1]", "a/b/c/d/e/f/g/h/i/j/k@X", "ka"),
    ] {
        let name = (!name.is_empty()).then_some(name);
        assert_eq!(local(&map(&[rule]), principal).as_deref(), name, "{rule}");
    }
}

#[test]
fn substitutions() {
    for (rule, name) in [
        ("RULE:[1:$1]s/a/x/", "xbab"),
        ("RULE:[1:$1]s/a/x/g", "xbxb"),
        ("RULE:[1:$1]s/a/x/s/b/y/g", "xyay"),
        ("RULE:[1:$1] s/a/x/ s/b/y/", "xyab"),
        ("RULE:[1:$1]s/^abab$//", ""),
        ("RULE:[1:$1]s/[[:alpha:]]+/w/", "w"),
        ("RULE:[1:$1]s/\\w/$0/g", "$0$0$0$0"),
        ("RULE:[1:$1]s/x*/-/g", "-a-b-a-b-"),
    ] {
        let name = (!name.is_empty()).then_some(name);
        assert_eq!(local(&map(&[rule]), "abab@X").as_deref(), name, "{rule}");
    }
}

#[test]
fn listed_names_go_first_and_are_for_the_default_realm() {
    let map = map(&[]).with_names([("alice".into(), "al".into()), ("bob/admin".into(), "root".into())]);
    assert_eq!(local(&map, "alice@R").as_deref(), Some("al"));
    assert_eq!(local(&map, "bob/admin@R").as_deref(), Some("root"));
    assert_eq!(local(&map, "alice@S"), None);
}

#[test]
fn bad_rules_are_named() {
    for rule in [
        "",
        "default",
        "DB:/etc/x",
        "RULE:[1:$1",
        "RULE:[:$1]",
        "RULE:[x:$1]",
        "RULE:[1:$2]",
        "RULE:[1:$]",
        "RULE:[1:$1](x",
        "RULE:[1:$1]([)",
        "RULE:[1:$1]x",
        "RULE:[1:$1]s/x/",
        "RULE:[1:$1]s/*/y/",
        "RULE:[99999999999999999999:x]",
    ] {
        let error = AuthToLocal::parse(&[rule], Some("R")).unwrap_err();
        assert_eq!(error.rule, rule);
    }
}

#[test]
fn hostile_rules_and_names_stay_small() {
    let reason = |rule: String| AuthToLocal::parse(&[rule], None).unwrap_err().reason;
    assert_eq!(reason(format!("RULE:[1:{}]", "x".repeat(4096))), "the rule is too long");
    assert_eq!(reason(format!("RULE:{}", "s/a/b/".repeat(257))), "there are too many substitutions");
    assert!(AuthToLocal::parse(&["RULE:[1:$1](((a{100}){100}){100})"], None).is_err());
    assert!(AuthToLocal::parse(&["RULE:[1:$1]s/((a{100}){100}){100}/x/"], None).is_err());
    assert!(AuthToLocal::parse(&vec!["DEFAULT"; 257], None).is_err());
    let doubling = format!("RULE:[1:$1]{}", "s/a/aa/g".repeat(30));
    assert_eq!(local(&map(&[&doubling]), "a@R"), None);
    let growing = format!("RULE:[1:$1]s/a/{}/gs/.*/x/", "b".repeat(50));
    assert_eq!(local(&map(&[&growing]), &format!("{}@R", "a".repeat(100))), None, "also where it would shrink again");
    let long = format!("{}@R", "a".repeat(4000));
    assert_eq!(local(&map(&["RULE:[1:$1$1]"]), &long), None);
    assert_eq!(local(&map(&["RULE:[1:$1](a*)s/a/b/"]), &long).map(|name| name.len()), Some(4000));
    assert_eq!(local(&map(&["RULE:[1:$1]s/./x/"]), "\u{fc}@R").as_deref(), None);
}
