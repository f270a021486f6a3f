//! The kernel's keyrings, in a collection that this thread or process alone has.

use std::time::SystemTime;

use handfast::krb5::ccache::keyring::{PRIMARY, PRINCIPAL};
use handfast::krb5::ccache::{ConfigEntry, KdcOffset};
use keyutils_raw as raw;

use super::*;
use crate::environment::{CacheName, KeyringAnchor, KeyringName};

fn name(anchor: KeyringAnchor, collection: &str, cache: Option<&str>) -> CacheName {
    let (collection, cache) = (collection.to_owned(), cache.map(str::to_owned));
    CacheName::Keyring(KeyringName { anchor, collection, cache })
}

/// What the kernel keeps goes when it expires, so these last.
fn lasting(server: &str) -> HeldTicket {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    HeldTicket { end_time: Time::from_unix_seconds(i64::try_from(now).unwrap() + 3600), ..ticket(server) }
}

fn sorted(ccache: &Ccache) -> Vec<String> {
    let mut servers: Vec<String> = ccache.tickets().map(|ticket| ticket.server.to_string()).collect();
    servers.sort();
    servers
}

/// Collections of the thread's keyring, which is the kernel's to take away when the test ends.
fn collection(name: &str) -> Keyrings {
    Keyrings::open(KeyringAnchor::Thread, name).unwrap()
}

#[test]
fn a_cache_in_the_keyring_is_made_added_to_and_destroyed() {
    let collection = collection("one");
    let cache = collection.primary().unwrap();
    assert_eq!(cache.to_string(), "KEYRING:thread:one:one");
    assert!(matches!(cache.load(), Err(StoreError::NoCache { .. })));
    assert!(matches!(cache.add(&[lasting("a/b@R")]), Err(StoreError::NoCache { .. })));
    let mut held = ccache(&[]);
    held.kdc_offset = Some(KdcOffset { seconds: -3, microseconds: 4 });
    let config = ConfigEntry { client: held.principal.clone(), name: "n".into(), about: None, value: b"v".to_vec() };
    held.append(CcacheEntry::Config(config));
    held.append(CcacheEntry::Ticket(lasting("krbtgt/R@R")));
    cache.replace(&held).unwrap();
    cache.add(&[lasting("HTTP/a@R"), lasting("HTTP/b@R")]).unwrap();
    cache.add(&[lasting("HTTP/b@R")]).unwrap();
    let read = cache.load().unwrap();
    assert_eq!((read.principal.clone(), read.kdc_offset), (held.principal.clone(), held.kdc_offset));
    assert_eq!(read.config("n", None), Some(&b"v"[..]));
    assert_eq!(sorted(&read), ["HTTP/a@R", "HTTP/b@R", "krbtgt/R@R"]);
    assert!(Arc::ptr_eq(&read, &cache.load().unwrap()));
    cache.replace(&ccache(&[])).unwrap();
    assert_eq!(cache.load().unwrap().entries().len(), 0);
    cache.destroy().unwrap();
    assert!(matches!(cache.destroy(), Err(StoreError::NoCache { .. })));
}

#[test]
fn tickets_leave_the_keyring_when_they_end() {
    let cache = collection("expiry").primary().unwrap();
    cache.replace(&ccache(&[])).unwrap();
    cache.add(&[lasting("HTTP/soon@R"), lasting("HTTP/later@R")]).unwrap();
    assert_eq!(cache.load().unwrap().tickets().count(), 2);
    let ring = ring_in(ring_in(raw::KEY_SPEC_THREAD_KEYRING, "_krb_expiry"), "expiry");
    let found = |kind: &str| raw::keyctl_search(ring, kind, "HTTP/soon@R", None).ok();
    let key = found("big_key").or_else(|| found("user")).unwrap();
    assert!(["59m", "1h"].contains(&kernels_limit(key).as_str()), "the kernel takes it away with the ticket's end");
    // What is gone and what has ended look the same to who reads.
    raw::keyctl_revoke(key).unwrap();
    assert_eq!(sorted(&cache.load().unwrap()), ["HTTP/later@R"]);
}

/// When a key goes, as the kernel lists it.
fn kernels_limit(key: raw::KeyringSerial) -> String {
    let keys = std::fs::read_to_string("/proc/keys").unwrap();
    let serial = format!("{:08x}", key.get());
    let line = keys.lines().find(|line| line.starts_with(&serial)).unwrap();
    line.split_whitespace().nth(3).unwrap().to_owned()
}

#[test]
fn a_cache_goes_with_the_last_of_its_tickets_or_at_once_if_all_have_ended() {
    for (ticket, limit) in [(lasting("HTTP/a@R"), ["59m", "1h"]), (ticket("HTTP/ended@R"), ["0s", "1s"])] {
        let collection = collection("limit");
        let cache = collection.primary().unwrap();
        cache.replace(&ccache(&[])).unwrap();
        let ring = ring_in(ring_in(raw::KEY_SPEC_THREAD_KEYRING, "_krb_limit"), "limit");
        assert_eq!(kernels_limit(ring), "perm", "there is no ticket that it could go with");
        cache.add(&[ticket]).unwrap();
        let set = kernels_limit(ring);
        assert!(limit.contains(&set.as_str()) || set == "expd", "{set}");
        cache.destroy().unwrap_or_default();
    }
}

#[test]
fn a_collection_of_keyrings_has_a_primary_cache_that_can_be_changed() {
    let collection = collection("");
    assert_eq!(collection.primary().unwrap().to_string(), "KEYRING:thread::tkt");
    let (one, two) = (collection.primary().unwrap(), collection.unused().unwrap());
    one.replace(&ccache(&[])).unwrap();
    two.replace(&Ccache::new("bob@R".parse().unwrap())).unwrap();
    let names = || -> Vec<CacheName> { collection.caches().unwrap().iter().map(|cache| cache.name()).collect() };
    assert_eq!(names(), [one.name(), two.name()]);
    collection.switch_to(&two.name()).unwrap();
    assert_eq!(names(), [two.name(), one.name()]);
    let bobs = collection.cache_of(&"bob@R".parse().unwrap()).unwrap().unwrap();
    assert_eq!(bobs.name(), two.name());
    for other in [
        name(KeyringAnchor::Process, "", Some("tkt")),
        name(KeyringAnchor::Thread, "other", Some("tkt")),
        name(KeyringAnchor::Thread, "", None),
    ] {
        assert!(matches!(collection.switch_to(&other), Err(StoreError::NoCollection { .. })), "{other}");
    }
}

fn ring_in(parent: raw::KeyringSerial, name: &str) -> raw::KeyringSerial {
    raw::keyctl_search(parent, "keyring", name, None).unwrap()
}

#[test]
fn damaged_keys_are_refused() {
    let collection = collection("bad");
    let cache = collection.primary().unwrap();
    cache.replace(&ccache(&[])).unwrap();
    let ring = ring_in(ring_in(raw::KEY_SPEC_THREAD_KEYRING, "_krb_bad"), "bad");
    let malformed = |name: &str, good: &[u8]| {
        for length in 1..good.len() {
            let key = raw::add_key("user", name, &good[..length], ring).unwrap();
            let error = cache.load().unwrap_err();
            assert!(matches!(error, StoreError::MalformedCache { .. }), "{name} {length}: {error}");
            raw::keyctl_unlink(key, ring).unwrap();
        }
        raw::add_key("user", name, good, ring).unwrap();
        cache.load().unwrap();
    };
    let entry = CcacheEntry::Ticket(lasting("HTTP/a@R")).encode().unwrap();
    malformed("HTTP/a@R", entry.expose());
    malformed("__krb5_time_offsets__", &[0; 8]);
    let principal = handfast::krb5::ccache::encode_principal(&"alice@R".parse().unwrap()).unwrap();
    malformed(PRINCIPAL, &principal);
    let ring = ring_in(raw::KEY_SPEC_THREAD_KEYRING, "_krb_bad");
    for payload in [&[0, 0, 0, 1, 0, 0, 0, 9, b'x'][..], &[0, 0, 0, 2, 0, 0, 0, 1, b'x'], &[0, 0, 0, 1]] {
        raw::add_key("user", PRIMARY, payload, ring).unwrap();
        assert!(matches!(collection.primary(), Err(StoreError::MalformedCache { .. })));
        assert!(collection.caches().is_err());
    }
}

/// Whoever can write the keys can write other tickets; it can't do more harm than that.
#[test]
fn keys_with_any_bit_flipped_are_refused_or_hold_what_can_be_kept() {
    let collection = collection("flipped");
    let cache = collection.primary().unwrap();
    cache.replace(&ccache(&[])).unwrap();
    let rings = ring_in(raw::KEY_SPEC_THREAD_KEYRING, "_krb_flipped");
    let ring = ring_in(rings, "flipped");
    let flip = |name: &str, good: &[u8], ring: raw::KeyringSerial| {
        let (mut refused, mut read) = (0, 0);
        for bit in 0..good.len() * 8 {
            let mut flipped = good.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            raw::add_key("user", name, &flipped, ring).unwrap();
            let loaded = collection.primary().and_then(|_| cache.load());
            match loaded {
                Ok(ccache) => {
                    read += 1;
                    ccache.encode().unwrap();
                }
                Err(StoreError::MalformedCache { .. }) => refused += 1,
                Err(other) => panic!("bit {bit} of {name}: {other}"),
            }
        }
        raw::add_key("user", name, good, ring).unwrap();
        cache.load().unwrap();
        (refused, read)
    };
    let entry = CcacheEntry::Ticket(lasting("HTTP/a@R")).encode().unwrap();
    let (refused, read) = flip("HTTP/a@R", entry.expose(), ring);
    assert!(refused > 100 && read > 100, "{refused} {read}");
    let principal = handfast::krb5::ccache::encode_principal(&"alice@R".parse().unwrap()).unwrap();
    let (refused, read) = flip(PRINCIPAL, &principal, ring);
    assert!(refused > 50 && read > 50, "{refused} {read}");
    assert_eq!(flip("__krb5_time_offsets__", &[0, 0, 0, 7, 0, 0, 0, 9], ring), (0, 64), "all are offsets");
    // Every bit of version and length counts; of the name, those that leave UTF-8.
    let (refused, _) = flip(PRIMARY, &[0, 0, 0, 1, 0, 0, 0, 1, b'x'], rings);
    assert_eq!(refused, 64 + 1);
}

#[test]
fn names_that_no_key_can_have_are_refused() {
    assert!(matches!(collection("odd").cache("a\0b").load(), Err(StoreError::Keyring { .. })));
    assert!(matches!(collection("odd").cache("").load(), Err(StoreError::Keyring { .. })));
    assert!(matches!(Keyrings::open(KeyringAnchor::Persistent, "root"), Err(StoreError::Keyring { .. })));
}

#[test]
fn names_with_semicolons_are_listed_like_others() {
    let collection = collection("semicolon");
    collection.cache("a;b;zz;c").replace(&ccache(&[])).unwrap();
    assert_eq!(collection.caches().unwrap()[0].name(), name(KeyringAnchor::Thread, "semicolon", Some("a;b;zz;c")));
}

#[test]
fn the_processs_keyring_holds_collections_too() {
    let collection = Keyrings::open(KeyringAnchor::Process, "handfast").unwrap();
    collection.primary().unwrap().replace(&ccache(&[])).unwrap();
    let again = Keyrings::open(KeyringAnchor::Process, "handfast").unwrap();
    assert_eq!(again.primary().unwrap().load().unwrap().principal.to_string(), "alice@R");
}
