//! Every option of every command is used by a test of the program, here or with a peer (interop/tests/program).

use crate::help::COMMANDS;
use crate::support::World;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Options without a test, and why.
const WITHOUT_A_TEST: [(&str, &str, &str); 0] = [];

/// The options of a command, by its help: each with its letter, if it has one.
fn options(world: &World, command: &str) -> BTreeMap<String, Option<String>> {
    let help = world.run(&format!("{command} --help")).ok().stdout;
    let mut found = BTreeMap::new();
    for line in help.lines().map(str::trim_start) {
        let letter = line.get(..4).filter(|start| start.starts_with('-') && start.ends_with(", "));
        if let Some(option) = line[letter.map_or(0, str::len)..].strip_prefix("--") {
            let name: String = option.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            found.insert(format!("--{name}"), letter.map(|letter| letter[..2].to_owned()));
        }
    }
    for everywhere in ["--json", "--help", "--version"] {
        found.remove(everywhere);
    }
    found
}

/// The texts of the tests, file by file, without those of the help.
fn tests() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("tests/program"), here.join("../interop/tests/program")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let others = files.filter(|file| !file.ends_with("options.rs") && !file.ends_with("help.rs"));
    others.chain([here.join("tests/demo.rs")]).map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// Whether a text has these words, or this option, with nothing glued to it.
fn names(text: &str, words: &str) -> bool {
    let is_start = |before: &str| !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    text.match_indices(words).any(|(at, _)| is_start(&text[..at]) && is_end(&text[at + words.len()..]))
}

#[test]
fn every_option_is_used_by_a_test_that_runs_its_command() {
    let (world, tests) = (World::new(), tests());
    let mut wrong = Vec::new();
    for command in COMMANDS.into_iter().chain(["demo"]) {
        let runs: Vec<&String> = tests.iter().filter(|text| names(text, command)).collect();
        for (option, letter) in options(&world, command) {
            let is_used =
                |text: &&String| names(text, &option) || letter.as_ref().is_some_and(|letter| names(text, letter));
            let excused = WITHOUT_A_TEST.iter().any(|(of, name, _)| (*of, *name) == (command, &*option));
            if runs.iter().copied().any(|text| is_used(&text)) == excused {
                wrong.push(format!("{command} {option}"));
            }
        }
    }
    assert!(wrong.is_empty(), "used by no test, or not without one any more: {wrong:#?}");
}
