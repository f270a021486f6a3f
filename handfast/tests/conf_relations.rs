//! The table of krb5.conf's relations: what it says of a file, and that the manual says the same.
#![allow(clippy::unwrap_used, reason = "tests")]

use handfast::krb5::Conf;
use handfast::krb5::conf::{Place, Relation, Treatment};

/// The chapter's table, as the data has it.
fn table(relations: &[Relation]) -> String {
    let mut text = String::from("| where | relation | | |\n|---|---|---|---|\n");
    for Relation { place, name, treatment, word, .. } in relations {
        text += &format!("| `{place}` | `{name}` | {treatment} | {word} |\n");
    }
    text
}

#[test]
fn the_manual_has_the_table() {
    let chapter = include_str!("../src/manual/krb5_conf.md");
    for relations in [Relation::of_page(), Relation::elsewhere()] {
        assert!(chapter.contains(&table(relations)), "src/manual/krb5_conf.md should have:\n{}", table(relations));
    }
}

#[test]
fn every_relation_stands_in_the_table_once_and_has_a_word() {
    let all: Vec<&Relation> = Relation::of_page().iter().chain(Relation::elsewhere()).collect();
    for (index, relation) in all.iter().enumerate() {
        assert!(!relation.word.is_empty());
        assert!(!all[..index].iter().any(|other| (other.place, other.name) == (relation.place, relation.name)));
        assert_eq!(Relation::find(relation.place, relation.name), Some(*relation));
    }
}

#[test]
fn what_has_no_effect_is_told_with_its_place() {
    let text = "[libdefaults]\n clockskew = 60\n err_fmt = no\n rnds = no\n R = {\n  err_fmt = no\n }\n\
                [realms]\n R = {\n  kdc = k\n  primary_kdc = k\n  auth_to_local_names = {\n   a = b\n  }\n\
                \n  v4_instance_convert = {\n   host = h\n  }\n  pkinit_cert_match = x\n }\n\
                [domain_realm]\n h = R\n [capaths]\n R = {\n  S = .\n }\n[appdefaults]\n a = {\n  b = c\n }\n\
                [plugins]\n ccselect = {\n  disable = x\n }\n[logging]\n kdc = STDERR\n[nonsense]\n x = y\n";
    let found = Conf::parse("krb5.conf", text).unwrap().without_effect();
    let told: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.relation.map(|r| r.treatment))).collect();
    let (ignored, unsupported) = (Some(Treatment::Ignored), Some(Treatment::Unsupported));
    assert_eq!(
        told,
        [
            ("appdefaults.a.b", ignored),
            ("libdefaults.err_fmt", ignored),
            ("libdefaults.rnds", None),
            ("libdefaults.R.err_fmt", ignored),
            ("logging.kdc", ignored),
            ("nonsense.x", None),
            ("plugins.ccselect.disable", ignored),
            ("realms.R.pkinit_cert_match", unsupported),
            ("realms.R.v4_instance_convert.host", ignored),
        ]
    );
    assert_eq!(
        found[7].to_string(),
        format!("realms.R.pkinit_cert_match is unsupported: {}", found[7].relation.unwrap().word)
    );
    assert_eq!(Relation::find(Place::Plugins, "clockskew"), None);
}
