//! Collections in directories and in memory, and what opens them by name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::environment::CacheName;

fn of(client: &str) -> Ccache {
    Ccache::new(client.parse().unwrap())
}

fn names(collection: &dyn CacheCollection) -> Vec<String> {
    collection.caches().unwrap().iter().map(|cache| cache.to_string()).collect()
}

fn types() -> CacheTypes {
    CacheTypes::new(MemoryCaches::new(), "/nowhere/kcm")
}

fn open(path: &Path) -> CacheDirectory {
    CacheDirectory::open(path).unwrap()
}

#[test]
fn a_directory_has_a_primary_cache_from_the_start() {
    let scratch = Scratch::new("dir");
    let path = scratch.path("d");
    let directory = open(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(directory.primary().unwrap().to_string(), format!("DIR::{}/tkt", path.display()));
    assert_eq!(fs::read(path.join("primary")).unwrap(), b"tkt\n");
    assert!(names(&directory).is_empty());
}

#[test]
fn the_primary_cache_of_a_directory_is_the_first_and_can_be_changed() {
    let scratch = Scratch::new("dir");
    let (path, directory) = (scratch.path("d"), open(&scratch.path("d")));
    for (file, client) in [("tkt", "alice@R"), ("tktB", "bob@R"), ("tktC", "carol@R")] {
        CcacheFile::new(path.join(file)).replace(&of(client)).unwrap();
    }
    fs::write(path.join("other"), "no cache").unwrap();
    fs::create_dir(path.join("tktDIRECTORY")).unwrap();
    let file = |name: &str| format!("DIR::{}/{name}", path.display());
    assert_eq!(names(&directory), [file("tkt"), file("tktB"), file("tktC")]);
    directory.switch_to(&file("tktC").parse().unwrap()).unwrap();
    assert_eq!(fs::read(path.join("primary")).unwrap(), b"tktC\n");
    assert_eq!(names(&directory), [file("tktC"), file("tkt"), file("tktB")]);
    let bobs = directory.cache_of(&"bob@R".parse().unwrap()).unwrap().unwrap();
    assert_eq!(bobs.to_string(), file("tktB"));
    assert!(directory.cache_of(&"nobody@R".parse().unwrap()).unwrap().is_none());
}

#[test]
fn unused_names_in_a_directory_are_new_and_of_mits_form() {
    let scratch = Scratch::new("dir");
    let directory = open(&scratch.path("d"));
    let (one, two) = (directory.unused().unwrap(), directory.unused().unwrap());
    assert_ne!(one.name(), two.name());
    assert!(matches!(one.name().to_string().parse(), Ok(CacheName::InDirectory(_))));
    one.replace(&of("alice@R")).unwrap();
    one.add(&[ticket("HTTP/www@R")]).unwrap();
    assert_eq!(one.load().unwrap().tickets().count(), 1);
    assert_eq!(names(&directory), [one.to_string()]);
    one.destroy().unwrap();
    assert!(matches!(one.load(), Err(StoreError::Missing { .. })));
}

#[test]
fn a_primary_file_that_leads_elsewhere_is_refused() {
    let scratch = Scratch::new("dir");
    let directory = open(&scratch.path("d"));
    let long = format!("tkt{}\n", "x".repeat(60));
    for text in
        ["", "tkt", "cc\n", "tkt/../../etc/x\n", "/etc/krb5.keytab\n", "tkt\\x\n", "tkt\0\n", "tkt\u{fffd}", &long]
    {
        fs::write(scratch.path("d/primary"), text).unwrap();
        let error = directory.primary().unwrap_err();
        assert!(matches!(error, StoreError::Malformed { .. }), "{text:?}: {error}");
        assert!(directory.caches().is_err());
    }
    fs::write(scratch.path("d/primary"), [b'x'; 200]).unwrap();
    assert!(matches!(directory.primary(), Err(StoreError::TooLarge { .. })));
    fs::write(scratch.path("d/primary"), format!("tkt{}\n", "x".repeat(59))).unwrap();
    assert!(directory.primary().is_ok());
}

#[test]
fn what_is_no_cache_of_a_collection_is_not_switched_to() {
    let scratch = Scratch::new("dir");
    let directory = open(&scratch.path("d"));
    let long = format!("DIR::{}/tkt{}", scratch.path("d").display(), "x".repeat(60));
    for name in ["FILE:/tmp/cc", "DIR::/elsewhere/tkt", "KCM:1", "MEMORY:x", &long] {
        let result = directory.switch_to(&name.parse().unwrap());
        assert!(matches!(result, Err(StoreError::NoCollection { .. })), "{name}");
    }
    let alone = types().collection(&"FILE:/tmp/cc".parse().unwrap()).unwrap();
    assert!(matches!(alone.switch_to(&"FILE:/tmp/cc".parse().unwrap()), Err(StoreError::NoCollection { .. })));
    for name in ["FILE:/tmp/cc", "MEMORY:x"] {
        assert!(matches!(types().collection_of(&name.parse().unwrap()), Err(StoreError::NoCollection { .. })));
    }
}

#[test]
fn a_file_where_the_directory_should_be_is_refused() {
    let scratch = Scratch::new("dir");
    assert!(matches!(CacheDirectory::open(scratch.file("f", "")), Err(StoreError::Io { .. })));
    assert!(matches!(CacheDirectory::open(scratch.path("a/b")), Err(StoreError::Io { .. })));
}

#[test]
fn caches_in_memory_are_shared_by_name_and_by_nobody_else() {
    let (types, other) = (types(), types());
    let open = |name: &str| types.cache(&name.parse().unwrap()).unwrap();
    assert!(matches!(open("MEMORY:a").load(), Err(StoreError::NoCache { .. })));
    assert!(matches!(open("MEMORY:a").add(&[ticket("HTTP/www@R")]), Err(StoreError::NoCache { .. })));
    open("MEMORY:a").replace(&of("alice@R")).unwrap();
    open("MEMORY:a").add(&[ticket("HTTP/www@R")]).unwrap();
    let held = open("MEMORY:a").load().unwrap();
    assert!(std::sync::Arc::ptr_eq(&held, &open("MEMORY:a").load().unwrap()));
    assert_eq!((held.principal.to_string().as_str(), held.tickets().count()), ("alice@R", 1));
    assert!(other.cache(&"MEMORY:a".parse().unwrap()).unwrap().load().is_err());
    let collection = types.collection(&"MEMORY:".parse().unwrap()).unwrap();
    assert_eq!(names(&*collection), ["MEMORY:a"]);
    assert_ne!(collection.unused().unwrap().name(), collection.unused().unwrap().name());
    open("MEMORY:a").destroy().unwrap();
    assert!(matches!(open("MEMORY:a").destroy(), Err(StoreError::NoCache { .. })));
    assert!(names(&*collection).is_empty());
}

#[test]
fn names_open_what_they_say() {
    let scratch = Scratch::new("types");
    let path = scratch.path("d").display().to_string();
    for name in [format!("FILE:{path}"), format!("DIR::{path}/tktA"), "MEMORY:x".to_owned(), "KCM:7".to_owned()] {
        let opened = types().cache(&name.parse().unwrap()).unwrap();
        assert_eq!((opened.to_string(), opened.name().to_string()), (name.clone(), name));
    }
    let primary = types().cache(&format!("DIR:{path}").parse().unwrap()).unwrap();
    assert_eq!(primary.to_string(), format!("DIR::{path}/tkt"));
    let file = types().collection(&format!("FILE:{path}/cc").parse().unwrap()).unwrap();
    assert!(names(&*file).is_empty());
    file.unused().unwrap().replace(&of("alice@R")).unwrap();
    assert_eq!(names(&*file), [format!("FILE:{path}/cc")]);
    let whole = types().collection_of(&format!("DIR::{path}/tktA").parse().unwrap()).unwrap();
    assert_eq!(whole.primary().unwrap().to_string(), format!("DIR::{path}/tkt"));
}
