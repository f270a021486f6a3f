//! The rooms of the core and the arrows between them: a room uses its own floor and those below, never one above.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each floor, lowest first. `ARCHITECTURE.md` has the picture.
const FLOORS: [&[&str]; 7] = [
    &["wire", "sync", "crypto", "words"],
    &["asn1"],
    &["time", "name", "flags", "identity", "mechanism_id", "window", "bindings", "replay"],
    &["krb5", "question"],
    &["policy", "error", "legs"],
    &["mech"],
    &["credential", "context", "initiate", "accept", "manual"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The rooms that a source text uses, by its lines outside comments and tests.
fn used_rooms(text: &str) -> Vec<String> {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut rooms = Vec::new();
    for line in lines {
        for rest in line.split("crate::").skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rooms.push(rest[..end].to_string());
        }
    }
    rooms
}

#[test]
fn arrows_point_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&source, &mut files);
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in &files {
        let inside = file.strip_prefix(&source).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if room == "lib" || inside.components().any(|part| part.as_os_str().to_string_lossy().contains("test")) {
            continue;
        }
        let Some(own) = floor(room) else { panic!("the room `{room}` is on no floor: give it one here") };
        for used in used_rooms(&fs::read_to_string(file).unwrap()) {
            arrows += 1;
            match floor(&used) {
                Some(floor) if floor <= own => {}
                Some(_) => wrong.push(format!("{}: {room} -> {used} points up", inside.display())),
                None => wrong.push(format!("{}: `crate::{used}` names no room", inside.display())),
            }
        }
    }
    assert!(arrows > 100, "only {arrows} arrows found: does this test still read the sources?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_mechanism_knows_another_but_negotiate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mech");
    let mechanisms: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_string())
        .collect();
    assert!(mechanisms.contains(&"kerberos".to_string()));
    for own in mechanisms.iter().filter(|own| *own != "negotiate") {
        let mut files = Vec::new();
        source_files(&folder.join(own), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for other in mechanisms.iter().filter(|other| *other != own) {
                assert!(!text.contains(&format!("mech::{other}")), "{} knows {other}", file.display());
            }
        }
    }
}
