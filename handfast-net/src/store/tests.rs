use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Arc;
use std::time::Duration;

use handfast::Time;
use handfast::krb5::ccache::CcacheEntry;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::{Ccache, HeldTicket, Keytab, KeytabEntry};

use super::*;
use crate::environment::Store;
use crate::lock::{FileLock, LockMode};
use crate::scratch::Scratch;

mod collections;
mod kcm;
#[cfg(all(target_os = "linux", feature = "keyring"))]
mod keyring;

fn key(fill: u8) -> EncryptionKey {
    EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, vec![fill; 16]).unwrap()
}

fn ticket(server: &str) -> HeldTicket {
    HeldTicket {
        client: "alice@R".parse().unwrap(),
        server: server.parse().unwrap(),
        key: key(1),
        auth_time: Time::from_unix_seconds(1_700_000_000),
        start_time: None,
        end_time: Time::from_unix_seconds(1_700_036_000),
        renew_till: None,
        is_skey: false,
        flags: Default::default(),
        addresses: Vec::new(),
        authorization_data: Vec::new(),
        ticket: b"ticket".to_vec(),
        second_ticket: Vec::new(),
    }
}

fn ccache(servers: &[&str]) -> Ccache {
    let mut ccache = Ccache::new("alice@R".parse().unwrap());
    servers.iter().for_each(|server| ccache.append(CcacheEntry::Ticket(ticket(server))));
    ccache
}

fn keytab(kvnos: impl IntoIterator<Item = u32>) -> Keytab {
    let entry = |kvno| KeytabEntry {
        principal: "HTTP/www@R".parse().unwrap(),
        timestamp: Time::from_unix_seconds(1_700_000_000),
        kvno,
        key: key(u8::try_from(kvno % 200).unwrap()),
    };
    kvnos.into_iter().map(entry).collect()
}

#[test]
fn a_cache_is_created_read_added_to_and_destroyed() {
    let scratch = Scratch::new("ccache");
    let file = CcacheFile::new(scratch.path("cc"));
    file.replace(&ccache(&["krbtgt/R@R"])).unwrap();
    assert_eq!(*file.load().unwrap(), ccache(&["krbtgt/R@R"]));
    file.add(&[ticket("HTTP/one@R"), ticket("HTTP/two@R")]).unwrap();
    file.add(&[]).unwrap();
    assert_eq!(*file.load().unwrap(), ccache(&["krbtgt/R@R", "HTTP/one@R", "HTTP/two@R"]));
    file.replace(&ccache(&[])).unwrap();
    assert_eq!(*file.load().unwrap(), ccache(&[]));
    fs::hard_link(file.path(), scratch.path("second name")).unwrap();
    file.destroy().unwrap();
    assert!(!file.path().exists());
    let wiped = fs::read(scratch.path("second name")).unwrap();
    assert!(!wiped.is_empty() && wiped.iter().all(|byte| *byte == 0));
    assert!(matches!(file.destroy(), Err(StoreError::Missing { .. })));
}

#[test]
fn only_a_cache_is_destroyed_and_not_through_a_link() {
    let scratch = Scratch::new("destroy");
    let thesis = CcacheFile::new(scratch.file("thesis", "years of work"));
    assert!(matches!(thesis.destroy(), Err(StoreError::Malformed { .. })));
    assert_eq!(fs::read(thesis.path()).unwrap(), b"years of work");
    let another = CcacheFile::new(scratch.path("another"));
    another.replace(&ccache(&["krbtgt/R@R"])).unwrap();
    symlink(another.path(), scratch.path("link")).unwrap();
    assert!(matches!(CcacheFile::new(scratch.path("link")).destroy(), Err(StoreError::NotAFile { .. })));
    assert_eq!(*another.load().unwrap(), ccache(&["krbtgt/R@R"]));
    let damaged = CcacheFile::new(scratch.file("damaged", b"\x05\x04\0\0garbage"));
    damaged.destroy().unwrap();
    assert!(!damaged.path().exists());
}

#[test]
fn files_are_for_their_owner_only_and_nothing_else_is_left() {
    let scratch = Scratch::new("mode");
    let (cc, kt) = (CcacheFile::new(scratch.path("cc")), KeytabFile::new(scratch.path("kt")));
    scratch.file("cc", "old");
    fs::set_permissions(scratch.path("cc"), fs::Permissions::from_mode(0o644)).unwrap();
    cc.replace(&ccache(&["krbtgt/R@R"])).unwrap();
    kt.merge(keytab([1])).unwrap();
    for name in ["cc", "kt"] {
        assert_eq!(fs::metadata(scratch.path(name)).unwrap().mode() & 0o7777, 0o600, "{name}");
    }
    fs::set_permissions(scratch.path("kt"), fs::Permissions::from_mode(0o640)).unwrap();
    kt.merge(keytab([2])).unwrap();
    assert_eq!(fs::metadata(scratch.path("kt")).unwrap().mode() & 0o7777, 0o640, "a file that is there keeps its mode");
    fs::create_dir(scratch.path("in the way")).unwrap();
    assert!(CcacheFile::new(scratch.path("in the way")).replace(&ccache(&[])).is_err());
    assert_eq!(fs::read_dir(scratch.path("")).unwrap().count(), 3);
}

#[test]
fn errors_say_what_and_where() {
    let scratch = Scratch::new("errors");
    let path = scratch.path("cc");
    let file = CcacheFile::new(&path);
    let says = |error: StoreError| error.to_string();
    assert_eq!(says(file.load().unwrap_err()), format!("no credential cache at FILE:{}: log in first", path.display()));
    assert!(matches!(file.add(&[ticket("HTTP/www@R")]), Err(StoreError::Missing { store: Store::Ccache, .. })));
    scratch.file("cc", b"\x05\x04\0\0garbage");
    let error = file.load().unwrap_err();
    assert!(matches!(&error, StoreError::Malformed { error, .. } if error.offset >= 4), "{error}");
    assert!(says(error).contains("at byte"), "the position is told");
    assert!(matches!(CcacheFile::new(scratch.path("")).load(), Err(StoreError::NotAFile { .. })));
    let nowhere = CcacheFile::new(scratch.path("no/cc"));
    assert!(matches!(nowhere.replace(&ccache(&[])), Err(StoreError::Io { doing: "create", .. })));
    let keytab = KeytabFile::new(scratch.path("kt"));
    assert!(says(keytab.load().unwrap_err()).starts_with("no keytab at FILE:"));
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let scratch = Scratch::new("large");
    let path = scratch.file("kt", b"\x05\x02");
    fs::File::options().write(true).open(&path).unwrap().set_len(17 << 20).unwrap();
    assert!(matches!(KeytabFile::new(path).load(), Err(StoreError::TooLarge { limit, .. }) if limit == 16 << 20));
}

#[test]
fn a_file_is_read_again_only_when_it_has_changed() {
    let scratch = Scratch::new("kept");
    let file = KeytabFile::new(scratch.path("kt"));
    file.replace(&keytab([1])).unwrap();
    let first = file.load().unwrap();
    assert!(Arc::ptr_eq(&first, &file.load().unwrap()));
    let other = KeytabFile::new(scratch.path("kt"));
    other.merge(keytab([2])).unwrap();
    let second = file.load().unwrap();
    assert_eq!((first.entries().len(), second.entries().len()), (1, 2));
    other.replace(&keytab([3, 4])).unwrap();
    assert_eq!(file.load().unwrap().entries()[0].kvno, 3, "another file of the same size");
    fs::remove_file(scratch.path("kt")).unwrap();
    assert!(matches!(file.load(), Err(StoreError::Missing { .. })));
}

#[test]
fn keys_are_merged_and_replaced_in_the_same_file() {
    let scratch = Scratch::new("merge");
    let file = KeytabFile::new(scratch.path("kt"));
    file.merge(keytab([1, 2])).unwrap();
    let inode = fs::metadata(file.path()).unwrap().ino();
    file.merge(keytab([2, 3])).unwrap();
    assert_eq!(*file.load().unwrap(), keytab([1, 2, 3]));
    assert_eq!(fs::metadata(file.path()).unwrap().ino(), inode);
    assert_eq!(fs::read(file.path()).unwrap(), keytab([1, 2, 3]).encode().unwrap().expose().as_slice());
    // What MIT leaves behind when it removes an entry: a hole, and perhaps zeros up to the end.
    let mut bytes = fs::read(file.path()).unwrap();
    bytes.extend_from_slice(&[0; 400]);
    fs::write(file.path(), bytes).unwrap();
    file.merge(keytab([4])).unwrap();
    assert_eq!(*file.load().unwrap(), keytab([1, 2, 3, 4]));
}

#[test]
fn a_cache_of_an_old_version_is_written_anew_when_a_ticket_is_added() {
    let scratch = Scratch::new("old");
    let new = ccache(&["krbtgt/R@R"]).encode().unwrap();
    // Version 3 is version 4 without a header (2 + 2 bytes here), and says a key's enctype (17, before the length 16) twice.
    let (front, key) =
        new.expose().split_at(new.expose().windows(6).position(|at| at == [0, 17, 0, 0, 0, 16]).unwrap());
    let old = [&[5, 3], &front[4..], &[0, 17], key].concat();
    let file = CcacheFile::new(scratch.file("cc", old));
    file.add(&[ticket("HTTP/www@R")]).unwrap();
    assert_eq!(file.load().unwrap().file_version(), 4);
    assert_eq!(*file.load().unwrap(), ccache(&["krbtgt/R@R", "HTTP/www@R"]));
}

#[test]
fn links_are_followed_to_read_and_add_and_replaced_to_create() {
    let scratch = Scratch::new("links");
    let real = CcacheFile::new(scratch.path("real"));
    real.replace(&ccache(&["krbtgt/R@R"])).unwrap();
    symlink(scratch.path("real"), scratch.path("cc")).unwrap();
    let file = CcacheFile::new(scratch.path("cc"));
    file.add(&[ticket("HTTP/www@R")]).unwrap();
    assert_eq!(real.load().unwrap().tickets().count(), 2);
    file.replace(&ccache(&[])).unwrap();
    assert!(!fs::symlink_metadata(scratch.path("cc")).unwrap().is_symlink());
    assert_eq!((real.load().unwrap().tickets().count(), file.load().unwrap().tickets().count()), (2, 0));
}

#[test]
fn whoever_holds_the_lock_goes_first() {
    let scratch = Scratch::new("lock");
    let file = CcacheFile::new(scratch.path("cc"));
    file.replace(&ccache(&["krbtgt/R@R"])).unwrap();
    let held = fs::File::options().read(true).write(true).open(file.path()).unwrap();
    let lock = FileLock::acquire(&held, LockMode::Shared, Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let adding = scope.spawn(|| file.add(&[ticket("HTTP/www@R")]));
        let reader = CcacheFile::new(scratch.path("cc"));
        assert_eq!(reader.load().unwrap().tickets().count(), 1, "readers share");
        assert!(!adding.is_finished());
        drop(lock);
        adding.join().unwrap().unwrap();
        assert_eq!(reader.load().unwrap().tickets().count(), 2);
    });
}

#[test]
fn a_ticket_for_a_file_that_is_replaced_meanwhile_goes_to_the_new_one() {
    let scratch = Scratch::new("replaced");
    let file = CcacheFile::new(scratch.path("cc"));
    file.replace(&ccache(&["krbtgt/R@R"])).unwrap();
    let old = fs::File::options().read(true).write(true).open(file.path()).unwrap();
    let lock = FileLock::acquire(&old, LockMode::Exclusive, Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let adding = scope.spawn(|| file.add(&[ticket("HTTP/www@R")]));
        std::thread::sleep(Duration::from_millis(50)); // it waits for the old file's lock, or finds the new one
        CcacheFile::new(scratch.path("cc")).replace(&ccache(&["krbtgt/NEW@R"])).unwrap();
        drop(lock);
        adding.join().unwrap().unwrap();
    });
    assert_eq!(*file.load().unwrap(), ccache(&["krbtgt/NEW@R", "HTTP/www@R"]));
}

#[test]
fn many_writers_lose_nothing() {
    let scratch = Scratch::new("many");
    let (cc, kt) = (scratch.path("cc"), scratch.path("kt"));
    CcacheFile::new(&cc).replace(&ccache(&[])).unwrap();
    KeytabFile::new(&kt).replace(&keytab([])).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8_u32 {
            let (cc, kt) = (&cc, &kt);
            scope.spawn(move || {
                for number in 0..8 {
                    CcacheFile::new(cc).add(&[ticket(&format!("HTTP/{writer}-{number}@R"))]).unwrap();
                    KeytabFile::new(kt).merge(keytab([writer * 8 + number + 1])).unwrap();
                    CcacheFile::new(cc).load().unwrap();
                }
            });
        }
    });
    assert_eq!(CcacheFile::new(&cc).load().unwrap().tickets().count(), 64);
    assert_eq!(KeytabFile::new(&kt).load().unwrap().entries().len(), 64);
}

#[test]
fn keys_are_removed_and_nothing_of_them_stays() {
    let scratch = Scratch::new("removed");
    let file = KeytabFile::new(scratch.path("kt"));
    assert!(matches!(file.remove(|_| true), Err(StoreError::Missing { .. })));
    file.replace(&keytab([1, 2, 3])).unwrap();
    let inode = fs::metadata(file.path()).unwrap().ino();
    assert_eq!(file.remove(|entry| entry.kvno == 2).unwrap(), 1);
    assert_eq!(*file.load().unwrap(), keytab([1, 3]));
    assert_eq!(file.remove(|entry| entry.kvno == 7).unwrap(), 0);
    assert_eq!(file.remove(|_| true).unwrap(), 2);
    assert_eq!(fs::read(file.path()).unwrap(), [5, 2]);
    assert_eq!(fs::metadata(file.path()).unwrap().ino(), inode, "others may wait for its lock");
}
