//! A KCM daemon that answers what the test says, well or badly.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use handfast::krb5::ccache::kcm::{REPLY_LIMIT, Status};
use handfast::krb5::ccache::{ConfigEntry, KdcOffset, encode_principal};

use super::*;
use crate::environment::CacheName;

/// Answers each request with the next reply, whoever asks, and keeps what was asked. Ends with the test.
struct Daemon {
    kcm: Kcm,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
    _scratch: Scratch,
}

impl Daemon {
    fn with(replies: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let scratch = Scratch::new("kcm");
        let socket: PathBuf = scratch.path("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let (asked, replies) = (Arc::default(), Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || listener.incoming().for_each(|stream| serve(&mut stream.unwrap(), &log, &replies)));
        Daemon { kcm: Kcm::new(socket), asked, _scratch: scratch }
    }

    fn asked(&self) -> Vec<Vec<u8>> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &mut UnixStream, asked: &Mutex<Vec<Vec<u8>>>, replies: &Mutex<VecDeque<Vec<u8>>>) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut request).unwrap();
        asked.lock().unwrap().push(request);
        let Some(reply) = replies.lock().unwrap().pop_front() else { return };
        // Who has read enough may be gone.
        if stream.write_all(&reply).is_err() || reply.len() < 8 || reply.len() != 8 + said_length(&reply) {
            return;
        }
    }
}

fn said_length(reply: &[u8]) -> usize {
    usize::try_from(u32::from_be_bytes(reply[..4].try_into().unwrap())).unwrap()
}

fn reply(status: Status, results: &[u8]) -> Vec<u8> {
    let length = u32::try_from(results.len() + 4).unwrap().to_be_bytes();
    [&length[..], &[0; 4], &status.0.to_be_bytes(), results].concat()
}

fn done(results: &[u8]) -> Vec<u8> {
    reply(Status::DONE, results)
}

fn principal() -> Vec<u8> {
    done(&encode_principal(&"alice@R".parse().unwrap()).unwrap())
}

fn encoded(server: &str) -> Vec<u8> {
    CcacheEntry::Ticket(ticket(server)).encode().unwrap().expose().to_vec()
}

fn list(servers: &[&str]) -> Vec<u8> {
    let mut list = u32::try_from(servers.len()).unwrap().to_be_bytes().to_vec();
    for server in servers {
        let entry = encoded(server);
        list.extend(u32::try_from(entry.len()).unwrap().to_be_bytes());
        list.extend(entry);
    }
    done(&list)
}

fn load(replies: impl IntoIterator<Item = Vec<u8>>) -> Result<Arc<Ccache>, StoreError> {
    Daemon::with(replies).kcm.cache("c").load()
}

fn ahead(seconds: i32, servers: &[&str]) -> Ccache {
    let mut cache = ccache(servers);
    cache.kdc_offset = Some(KdcOffset { seconds, microseconds: 0 });
    cache
}

fn offset() -> Vec<u8> {
    done(&(-7_i32).to_be_bytes())
}

#[test]
fn a_cache_is_read_with_one_list_or_one_by_one() {
    let expected = ahead(-7, &["a/b@R", "c/d@R"]);
    assert_eq!(*load([principal(), offset(), list(&["a/b@R", "c/d@R"])]).unwrap(), expected);
    for unknown in [Status::INTERNAL, Status::IO, Status::NOT_SUPPORTED] {
        let one_by_one = [reply(unknown, &[]), done(&[7; 48]), done(&encoded("a/b@R")), reply(Status::END, &[])];
        let replies = [principal(), offset()].into_iter().chain(one_by_one).chain([done(&encoded("c/d@R"))]);
        assert_eq!(*load(replies).unwrap(), expected);
    }
    let without_offset = load([principal(), reply(Status::INTERNAL, &[]), list(&[])]).unwrap();
    assert_eq!(*without_offset, ccache(&[]));
}

#[test]
fn a_cache_that_is_not_there_is_missing() {
    for status in [Status::NO_FILE, Status::NOT_FOUND, Status::END] {
        assert!(matches!(load([reply(status, &[])]), Err(StoreError::NoCache { .. })));
    }
    assert!(matches!(load([done(&[])]), Err(StoreError::NoCache { .. })), "as Heimdal says it");
    let gone = || Daemon::with([reply(Status::NO_FILE, &[])]);
    assert!(matches!(gone().kcm.cache("c").destroy(), Err(StoreError::NoCache { .. })));
    assert!(matches!(gone().kcm.cache("c").add(&[ticket("a/b@R")]), Err(StoreError::NoCache { .. })));
}

#[test]
fn requests_are_as_mit_writes_them() {
    let daemon = Daemon::with([(); 5].map(|()| done(&[])));
    let mut cache = ahead(-2, &["a/b@R"]);
    let config = ConfigEntry { client: cache.principal.clone(), name: "n".into(), about: None, value: b"v".to_vec() };
    cache.append(CcacheEntry::Config(config));
    daemon.kcm.cache("c").replace(&cache).unwrap();
    daemon.kcm.switch_to(&"KCM:d".parse().unwrap()).unwrap();
    let name = |operation: u8, name: &str| [&[2, 0, 0, operation], name.as_bytes(), &[0]].concat();
    let principal = encode_principal(&cache.principal).unwrap();
    let store = |entry: &CcacheEntry| [&name(6, "c")[..], entry.encode().unwrap().expose()].concat();
    let expected = [
        [name(4, "c"), principal].concat(),
        [&name(23, "c")[..], &(-2_i32).to_be_bytes()].concat(),
        store(&cache.entries()[0]),
        store(&cache.entries()[1]),
        name(21, "d"),
    ];
    assert_eq!(daemon.asked(), expected);
}

#[test]
fn the_collection_is_listed_with_the_primary_cache_first() {
    let replies = [
        done(b"two\0"),
        done(&[7; 64]),
        done(b"one\0"),
        reply(Status::END, &[]),
        done(b"two\0"),
        done(b"gone\0"),
        principal(),
        principal(),
        reply(Status::NO_FILE, &[]),
    ];
    let daemon = Daemon::with(replies);
    let names: Vec<String> = daemon.kcm.caches().unwrap().iter().map(|cache| cache.to_string()).collect();
    assert_eq!(names, ["KCM:two", "KCM:one"]);
    let daemon = Daemon::with([done(b"0\0"), reply(Status::NO_FILE, &[]), reply(Status::NO_FILE, &[])]);
    assert!(daemon.kcm.caches().unwrap().is_empty());
    assert_eq!(Daemon::with([done(b"new\0")]).kcm.unused().unwrap().to_string(), "KCM:new");
    for name in ["FILE:/x", "KCM:"] {
        let name: CacheName = name.parse().unwrap();
        assert!(matches!(daemon.kcm.switch_to(&name), Err(StoreError::NoCollection { .. })));
    }
}

#[test]
fn a_status_is_told_whoever_gives_it() {
    let denied = Status(13);
    let by_transport = [&[0; 4][..], &denied.0.to_be_bytes()].concat();
    for bad in [reply(denied, &[]), by_transport] {
        let error = load([bad]).unwrap_err();
        let StoreError::Kcm { error: KcmError::Status { status, .. }, .. } = error else { panic!("{error}") };
        assert_eq!(status, denied);
    }
}

#[test]
fn a_reply_that_is_cut_at_any_byte_is_refused() {
    let whole = [principal(), offset(), list(&["a/b@R", "c/d@R"])];
    for (index, reply) in whole.iter().enumerate() {
        for length in 0..reply.len() {
            let mut replies = whole.clone();
            replies[index].truncate(length);
            let error = load(replies.clone()).unwrap_err();
            assert!(matches!(error, StoreError::Kcm { error: KcmError::Io(_), .. }), "{index} {length}: {error}");
            // The same with a length that says so; a name without its last components is none of a reply.
            if length >= 12 {
                replies[index][..4].copy_from_slice(&u32::try_from(length - 8).unwrap().to_be_bytes());
                let result = load(replies);
                let empty = index == 0 && length == 12;
                let refused = matches!(&result, Err(StoreError::Kcm { error: KcmError::Malformed(_), .. }));
                assert!(refused || (empty && matches!(result, Err(StoreError::NoCache { .. }))), "{index} {length}");
            }
        }
    }
}

/// The daemon keeps the tickets, so it may give others; it can't do more harm than that.
#[test]
fn a_reply_with_any_bit_flipped_is_refused_or_gives_what_can_be_kept() {
    let whole = [principal(), offset(), list(&["a/b@R"])];
    let (mut refused, mut read) = (0, 0);
    for (index, reply) in whole.iter().enumerate() {
        for bit in 0..reply.len() * 8 {
            let mut replies = whole.clone();
            replies[index][bit / 8] ^= 1 << (bit % 8);
            match load(replies) {
                Ok(ccache) => {
                    read += 1;
                    ccache.encode().unwrap();
                    // What frames the reply, and the daemon's status, are no part of what is read; a reply without an offset is as good.
                    assert!(bit / 8 >= 12 || index == 1, "bit {} of byte {} of reply {index}", bit % 8, bit / 8);
                }
                Err(StoreError::Kcm { .. } | StoreError::NoCache { .. }) => refused += 1,
                Err(other) => panic!("bit {bit} of reply {index}: {other}"),
            }
        }
    }
    assert!(refused > 300 && read > 300, "{refused} {read}");
}

#[test]
fn what_stands_behind_a_reply_or_is_too_much_is_refused() {
    let behind = |reply: Vec<u8>, bytes: &[u8]| done(&[&reply[12..], bytes].concat());
    let refused = |replies: [Vec<u8>; 3]| {
        let error = load(replies).unwrap_err();
        assert!(matches!(error, StoreError::Kcm { error: KcmError::Malformed(_), .. }), "{error}");
    };
    assert!(load([behind(principal(), &[0]), offset(), list(&[])]).is_ok(), "as MIT's test daemon ends it");
    refused([behind(principal(), &[1]), offset(), list(&[])]);
    refused([behind(principal(), &[0, 0]), offset(), list(&[])]);
    refused([principal(), behind(offset(), &[0]), list(&[])]);
    refused([principal(), offset(), behind(list(&["a/b@R"]), &[0])]);
    refused([principal(), offset(), done(&u32::MAX.to_be_bytes())]);
    refused([principal(), offset(), done(&4097_u32.to_be_bytes())]);
    refused([principal(), offset(), list(&["a/b@R"; 4097])]);
    load([principal(), offset(), list(&["a/b@R"; 4096])]).unwrap();
    for name in [&b"two"[..], b"two\0x\0", b"", b"\xff\0"] {
        assert!(Daemon::with([done(name)]).kcm.primary().is_err());
    }
    for uuids in [vec![7; 15], vec![7; 4097 * 16]] {
        let mut replies = vec![done(b"c\0"), done(&uuids)];
        replies.extend((0..4097).map(|_| reply(Status::END, &[])));
        let error = Daemon::with(replies).kcm.caches().unwrap_err();
        assert!(matches!(error, StoreError::Kcm { error: KcmError::Malformed(_), .. }), "{error}");
    }
}

#[test]
fn a_reply_longer_than_the_limit_is_refused_before_it_is_read() {
    let long = [&u32::try_from(REPLY_LIMIT + 1).unwrap().to_be_bytes()[..], &[0; 4]].concat();
    let error = load([long]).unwrap_err();
    assert!(matches!(error, StoreError::Kcm { error: KcmError::TooLarge { .. }, .. }), "{error}");
}

#[test]
fn the_same_cache_is_the_same_value_until_it_changes() {
    let read = || [principal(), offset(), list(&["a/b@R"])];
    let replies = [read(), read(), [principal(), offset(), list(&[])]].concat();
    let daemon = Daemon::with(replies);
    let cache = daemon.kcm.cache("c");
    let (one, two, three) = (cache.load().unwrap(), cache.load().unwrap(), cache.load().unwrap());
    assert!(Arc::ptr_eq(&one, &two) && !Arc::ptr_eq(&two, &three));
}
