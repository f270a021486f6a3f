//! krb5.conf(5) of Debian's krb5-doc and the table of its relations: none is in one only.

use handfast::krb5::conf::{Place, Relation};
use handfast_interop::{peer_file, peer_program, run};
use std::process::Command;
use std::time::Duration;

/// The page's source, in roff.
fn page() -> String {
    let path = peer_file("/usr/share/man/man5/krb5.conf.5.gz", "krb5-doc");
    let unpacked = run(Command::new(peer_program("zcat")).arg(path), "", Duration::from_secs(10));
    unpacked.expect_success();
    unpacked.stdout
}

/// Which relations stand below a heading; the page describes values (such as the modules of a plug-in interface) in the same form.
fn place_below(heading: &str) -> Option<Place> {
    match heading {
        "[libdefaults]" => Some(Place::LibDefaults),
        "[realms]" => Some(Place::Realms),
        "[plugins]" => Some(Place::Plugins),
        "PKINIT krb5.conf options" => Some(Place::Pkinit),
        _ => None,
    }
}

/// The sections whose names are for anyone to choose.
fn any_name_below(heading: &str) -> Option<Place> {
    match heading {
        "[domain_realm]" => Some(Place::DomainRealm),
        "[capaths]" => Some(Place::Capaths),
        "[appdefaults]" => Some(Place::AppDefaults),
        _ => None,
    }
}

/// The relations that the page describes, in its order: paragraphs with a bold name as their tag, one level deep below a heading.
fn described(page: &str) -> Vec<(Place, String)> {
    let (mut found, mut place, mut depth, mut is_tag, mut heading) = (Vec::new(), None, 0, false, "");
    for line in page.lines() {
        if let Some(title) = line.strip_prefix(".SS ").or_else(|| line.strip_prefix(".SH ")) {
            (heading, place, depth) = (title, place_below(title), 0);
            found.extend(any_name_below(title).map(|place| (place, "*".to_owned())));
            assert!(!title.starts_with('[') || place.is_some() || any_name_below(title).is_some(), "new: {title}");
        }
        match line.split(' ').next() {
            Some(".INDENT") => depth += 1,
            Some(".UNINDENT") => depth -= 1,
            Some("include" | "includedir" | "module") if heading == "STRUCTURE" && depth == 2 => {
                found.push((Place::Directive, line.split(' ').next().unwrap().to_owned()));
            }
            _ => {}
        }
        if let (true, Some(place), 1) = (is_tag, place, depth) {
            let name = line.strip_prefix("\\fB").and_then(|line| line.strip_suffix("\\fP"));
            found.push((place, name.unwrap_or_else(|| panic!("no name: {line}")).to_owned()));
        }
        is_tag = line == ".TP";
    }
    found
}

#[test]
fn the_table_has_every_relation_of_the_page_and_no_other() {
    let described = described(&page());
    let table: Vec<_> = Relation::of_page().iter().map(|relation| (relation.place, relation.name.to_owned())).collect();
    assert!(described.len() > 60, "the page is not read as it is written: {described:?}");
    assert_eq!(table, described);
}
