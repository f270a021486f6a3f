//! Credential caches against files that MIT krb5 wrote, and against damage.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

mod support;

use handfast::krb5::ccache::{CcacheEntry, ConfigEntry, KdcOffset};
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::exchange::{Learned, LoggedIn};
use handfast::krb5::message::PaDataType;
use handfast::krb5::{AuthorizationDataElement, Ccache, HeldTicket, HostAddress, TicketFlags};
use handfast::wire::DecodeReason;
use handfast::{Principal, Time};
use support::{Case, cases, hex, to_hex};

const VECTORS: &str = include_str!("vectors/ccache.txt");

fn case(name: &str) -> Case {
    cases(VECTORS).into_iter().find(|case| case.name == name).unwrap()
}

/// The letters of `klist -f` for the flags that occur in the vectors (RFC 4120 5.3), in its order.
fn letters(flags: TicketFlags) -> String {
    let letters = [(1, 'F'), (8, 'R'), (9, 'I'), (10, 'A'), (12, 'T'), (13, 'O')];
    letters.into_iter().filter(|(bit, _)| flags.0 & (0x8000_0000 >> bit) != 0).map(|(_, letter)| letter).collect()
}

fn listed(ccache: &Ccache) -> Vec<String> {
    let entry = |entry: &CcacheEntry| match entry {
        CcacheEntry::Config(config) => {
            let about = config.about.as_deref().unwrap_or("-");
            format!("config {} {about} {}", config.name, String::from_utf8_lossy(&config.value))
        }
        CcacheEntry::Ticket(ticket) => {
            let times = [ticket.starts(), ticket.end_time, ticket.renew_till.unwrap()].map(Time::unix_seconds);
            let [start, end, renew] = times;
            let (flags, enctype) = (letters(ticket.flags), ticket.key.enctype().0);
            format!("ticket {} {start} {end} {renew} {flags} {enctype}", ticket.server)
        }
    };
    let mut list = vec![format!("principal {}", ccache.principal)];
    list.extend(ccache.entries().iter().map(entry));
    list
}

fn ticket(client: &str, server: &str, end: i64) -> HeldTicket {
    HeldTicket {
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
        key: EncryptionKey::unchecked(Enctype(18), [9; 32]),
        auth_time: Time::from_unix_seconds(100),
        start_time: None,
        end_time: Time::from_unix_seconds(end),
        renew_till: None,
        is_skey: false,
        flags: TicketFlags(0x0080_0000),
        addresses: vec![HostAddress { addr_type: 2, address: vec![127, 0, 0, 1] }],
        authorization_data: vec![AuthorizationDataElement { ad_type: -1, ad_data: vec![1, 2] }],
        ticket: vec![0x61, 0],
        second_ticket: vec![0x61, 1],
    }
}

fn ccache_of(tickets: impl IntoIterator<Item = HeldTicket>) -> Ccache {
    let mut ccache = Ccache::new("alice@R".parse().unwrap());
    tickets.into_iter().for_each(|ticket| ccache.append(CcacheEntry::Ticket(ticket)));
    ccache
}

fn at(seconds: i64) -> Time {
    Time::from_unix_seconds(seconds)
}

#[test]
fn files_by_mit_read_as_mit_reads_them() {
    for case in cases(VECTORS) {
        let ccache = Ccache::decode(&case.file).unwrap();
        assert_eq!(listed(&ccache), case.expect, "{}", case.name);
        assert!(ccache.tickets().all(|ticket| ticket.ticket.starts_with(&[0x61, 0x82])));
        assert!(ccache.tickets().all(|ticket| ticket.client == ccache.principal && ticket.key.bytes().len() == 32));
    }
}

#[test]
fn versions_are_told_apart_and_written_as_version_4() {
    for (name, version) in [("version 1", 1), ("version 2", 2), ("version 3", 3), ("version 4", 4)] {
        let ccache = Ccache::decode(&case(name).file).unwrap();
        assert_eq!(ccache.file_version(), version);
        let again = Ccache::decode(ccache.encode().unwrap().expose()).unwrap();
        assert_eq!((again.entries(), again.file_version()), (ccache.entries(), 4));
    }
}

/// MIT puts 8 where the format has 0 or 1, in the mark of a user-to-user ticket.
#[test]
fn files_of_version_4_are_written_as_mit_writes_them() {
    for (name, eights) in [("version 4", 1), ("version 4 with addresses", 0)] {
        let file = case(name).file;
        let ccache = Ccache::decode(&file).unwrap();
        assert_eq!(ccache.kdc_offset, Some(KdcOffset { seconds: 0, microseconds: 0 }));
        let written = ccache.encode().unwrap();
        let differing: Vec<_> = file.iter().zip(written.expose()).filter(|(theirs, ours)| theirs != ours).collect();
        assert_eq!((written.expose().len(), differing), (file.len(), vec![(&8, &1); eights]), "{name}");
    }
}

#[test]
fn user_to_user_tickets_and_addresses_are_read() {
    let ccache = Ccache::decode(&case("version 4").file).unwrap();
    let u2u = ccache.tickets().find(|ticket| ticket.is_skey).unwrap();
    assert_eq!(u2u.server.to_string(), "alice@LAB.TEST");
    assert!(u2u.second_ticket.starts_with(&[0x61, 0x82]));
    let ccache = Ccache::decode(&case("version 4 with addresses").file).unwrap();
    let addresses = &ccache.tickets().next().unwrap().addresses;
    assert_eq!(addresses[0], HostAddress { addr_type: 2, address: vec![192, 0, 2, 2] });
    assert_eq!((addresses[1].addr_type, addresses[1].address.len()), (24, 16));
}

#[test]
fn a_file_cut_anywhere_but_between_entries_is_an_error() {
    for case in cases(VECTORS) {
        let whole = Ccache::decode(&case.file).unwrap();
        let good = (0..case.file.len()).filter(|cut| match Ccache::decode(&case.file[..*cut]) {
            Ok(part) => whole.entries().starts_with(part.entries()),
            Err(error) => {
                assert!(matches!(error.reason, DecodeReason::Truncated { .. }), "{error}");
                false
            }
        });
        // After the client's name and after every entry but the last.
        assert_eq!(good.count(), whole.entries().len(), "{}", case.name);
    }
}

#[test]
fn flipped_bits_do_not_panic_and_whatever_is_read_can_be_written() {
    for case in cases(VECTORS) {
        for position in 0..case.file.len() {
            let mut bytes = case.file.clone();
            bytes[position] ^= 1 << (position % 8);
            if let Ok(ccache) = Ccache::decode(&bytes) {
                let again = Ccache::decode(ccache.encode().unwrap().expose()).unwrap();
                assert_eq!(again.entries(), ccache.entries());
            }
        }
    }
}

#[test]
fn other_files_are_refused() {
    for start in [&[5, 5][..], &[5, 0], &[4, 4], b"SQLite"] {
        let error = Ccache::decode(start).unwrap_err();
        assert!(matches!(error.reason, DecodeReason::Invalid(_)) && error.offset == 0, "{error}");
    }
    let mut huge = vec![0; Ccache::SIZE_LIMIT + 1];
    huge[..2].copy_from_slice(&[5, 4]);
    assert_eq!(Ccache::decode(&huge).unwrap_err().reason, DecodeReason::TooLarge { limit: Ccache::SIZE_LIMIT });
}

#[test]
fn header_fields_are_kept() {
    let mut file = hex("05040012000100080000000000000000006300020102");
    file[8..16].copy_from_slice(&hex("fffffffe0007a120"));
    let bare = Ccache::new("alice@R".parse().unwrap()).encode().unwrap();
    file.extend(&bare.expose()[4..]);
    let ccache = Ccache::decode(&file).unwrap();
    assert_eq!(ccache.kdc_offset, Some(KdcOffset { seconds: -2, microseconds: 500_000 }));
    assert_eq!(ccache.kdc_time(at(100)), Time::from_unix_micros(98_500_000));
    assert_eq!(to_hex(ccache.encode().unwrap().expose()), to_hex(&file));
    file[7] = 9;
    assert!(Ccache::decode(&file).is_err());
}

#[test]
fn a_hostile_offset_moves_a_clock_to_its_end_at_most() {
    let mut file = hex("0504000c00010008ffffffffffffffff");
    file.extend(&Ccache::new("alice@R".parse().unwrap()).encode().unwrap().expose()[4..]);
    for bytes in ["80000000 80000000", "7fffffff 7fffffff", "00000000 80000000", "ffffffff 7fffffff"] {
        file[8..16].copy_from_slice(&hex(&bytes.replace(' ', "")));
        let offset = Ccache::decode(&file).unwrap().kdc_offset.unwrap();
        for time in [Time::EPOCH, Time::from_unix_micros(i64::MAX), Time::from_unix_micros(i64::MIN)] {
            let (kdc, client) = (offset.kdc_time(time), offset.client_time(time));
            let moved = if offset.micros() < 0 { kdc <= time && client >= time } else { kdc >= time && client <= time };
            assert!(moved, "{offset:?} {time}");
        }
    }
    // A second tag of the same kind, one cut short, and one that is too long.
    file.splice(2..4, hex("0018"));
    file.splice(16..16, hex("000100080000000100000000"));
    assert_eq!(Ccache::decode(&file).unwrap().kdc_offset.unwrap().seconds, -1, "the first counts");
    for wrong in
        ["0504000c000100070000000000000000", "0504000b000100080000000000000000", "0504000c000100090000000000000000"]
    {
        let mut file = hex(wrong);
        file.extend(&Ccache::new("alice@R".parse().unwrap()).encode().unwrap().expose()[4..]);
        assert!(Ccache::decode(&file).is_err(), "{wrong}");
    }
}

#[test]
fn what_a_login_learned_is_kept_and_read_again() {
    let learned = Learned {
        preauth: Some(PaDataType::SPAKE),
        fast_available: true,
        kdc_offset: Some(KdcOffset { seconds: -7, microseconds: 0 }),
    };
    let login = |client: &str| LoggedIn { ticket: ticket(client, "krbtgt/R@R", 9_000_000), learned };
    let cache = Ccache::of_login(&login("alice@R"));
    let read = Ccache::decode(cache.encode().unwrap().expose()).unwrap();
    assert_eq!(read, cache);
    assert_eq!((read.kdc_offset, read.preauth_method("R")), (learned.kdc_offset, learned.preauth));
    assert!(read.knows_fast("R") && !read.knows_fast("S"));
    assert_eq!((read.fast_realms(), read.start_realm()), (vec!["R".to_owned()], "R"));
    assert_eq!(read.configs().count(), 2);
    let elsewhere = Ccache::of_login(&login("WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS"));
    assert_eq!(elsewhere.start_realm(), "R");
    assert_eq!(elsewhere.config("start_realm", None), Some(&b"R"[..]));
    // A later login that learned less leaves nothing of the one before.
    let mut again = cache.clone();
    again.remember(&"krbtgt/R@R".parse().unwrap(), &Learned::default());
    assert_eq!((again.kdc_offset, again.configs().count()), (None, 0));
    let mut renewed = Ccache::new("alice@R".parse().unwrap());
    renewed.keep_memory_of(&cache);
    assert_eq!(
        (renewed.kdc_offset, renewed.fast_realms(), renewed.tickets().count()),
        (cache.kdc_offset, cache.fast_realms(), 0)
    );
}

#[test]
fn what_is_remembered_in_a_strange_way_counts_for_nothing() {
    let mut cache = Ccache::new("alice@R".parse().unwrap());
    let about = |name: &str| {
        CcacheEntry::Config(ConfigEntry {
            client: "alice@R".parse().unwrap(),
            name: "fast_avail".into(),
            about: Some(name.into()),
            value: b"yes".to_vec(),
        })
    };
    for name in ["krbtgt/R@S", "krbtgt/S@R", "R", "", "@", "krbtgt/R/R@R", "host/R@R", "\\"] {
        cache.append(about(name));
    }
    assert_eq!(cache.fast_realms(), [""; 0]);
    cache.set_config("start_realm", None, b"\xff");
    assert_eq!(cache.start_realm(), "R");
}

#[test]
fn an_offset_is_the_distance_of_two_clocks() {
    for micros in [-1_500_000, -1, 0, 1, 2_000_001] {
        let (client, kdc) = (at(1000), Time::from_unix_micros(1_000_000_000 + micros));
        let offset = KdcOffset::between(client, kdc);
        assert_eq!(offset.kdc_time(client), kdc, "{offset:?}");
    }
    assert_eq!(KdcOffset::between(at(0), at(i64::from(u32::MAX))).seconds, i32::MAX);
}

#[test]
fn entries_can_be_appended_to_a_file() {
    let mut file = case("version 4").file;
    let mut ccache = Ccache::decode(&file).unwrap();
    let entry = CcacheEntry::Ticket(ticket("alice@LAB.TEST", "HTTP/new@LAB.TEST", 9_000_000));
    file.extend(entry.encode().unwrap().expose());
    ccache.append(entry);
    assert_eq!(Ccache::decode(&file).unwrap(), ccache);
}

#[test]
fn entries_that_mit_marked_as_removed_are_left_out() {
    let mut removed = ticket("alice@R", "HTTP/h@R", 0);
    removed.auth_time = at(u32::MAX.into());
    let mut config = ticket("alice@R", "krb5_ccache_conf_data/fast_avail@X-RMED-CONF:", 0);
    config.auth_time = at(u32::MAX.into());
    let file = ccache_of([removed, config, ticket("alice@R", "HTTP/h@R", 5)]).encode().unwrap();
    let ccache = Ccache::decode(file.expose()).unwrap();
    assert_eq!(ccache.entries().len(), 1);
}

#[test]
fn the_ticket_that_is_good_for_longest_is_found() {
    let http: Principal = "HTTP/h@R".parse().unwrap();
    let mut postdated = ticket("alice@R", "HTTP/h@R", 900);
    postdated.start_time = Some(at(400));
    let mut u2u = ticket("alice@R", "HTTP/h@R", 1000);
    u2u.is_skey = true;
    let other_client = ticket("bob@R", "HTTP/h@R", 1000);
    let mut unknown_enctype = ticket("alice@R", "HTTP/h@R", 1000);
    unknown_enctype.key = EncryptionKey::unchecked(Enctype(99), [1; 32]);
    let mut short_key = ticket("alice@R", "HTTP/h@R", 1000);
    short_key.key = EncryptionKey::unchecked(Enctype(18), [1; 16]);
    let ccache = ccache_of([
        ticket("alice@R", "HTTP/h@R", 200),
        ticket("alice@R", "HTTP/h@R", 300),
        postdated,
        u2u,
        other_client,
        unknown_enctype,
        short_key,
    ]);
    let end = |now| ccache.ticket_for(&http, at(now)).map(|ticket| ticket.end_time.unix_seconds());
    assert_eq!(
        [end(99), end(100), end(299), end(300), end(400), end(900)],
        [None, Some(300), Some(300), None, Some(900), None]
    );
}

#[test]
fn the_realms_own_tgt_goes_first() {
    let ccache = ccache_of([ticket("alice@R", "krbtgt/S@R", 900), ticket("alice@R", "krbtgt/R@R", 500)]);
    let tgt = |realm| ccache.tgt(realm, at(200)).map(|ticket| ticket.server.to_string());
    assert_eq!((tgt("R"), tgt("S"), tgt("T")), (Some("krbtgt/R@R".into()), Some("krbtgt/S@R".into()), None));
    let both = ccache_of([ticket("alice@R", "krbtgt/S@R", 900), ticket("alice@R", "krbtgt/S@S", 500)]);
    assert_eq!(both.tgt("S", at(200)).unwrap().server.to_string(), "krbtgt/S@S");
}

#[test]
fn replacing_and_removing_tickets() {
    let mut ccache = ccache_of([ticket("alice@R", "HTTP/h@R", 200), ticket("alice@R", "HTTP/i@R", 200)]);
    ccache.replace(ticket("alice@R", "HTTP/h@R", 300));
    let ends: Vec<_> = ccache.tickets().map(|ticket| ticket.end_time.unix_seconds()).collect();
    assert_eq!(ends, [200, 300]);
    ccache.set_config("fast_avail", None, b"yes");
    assert_eq!(ccache.remove(|ticket| ticket.end_time == at(200)), 1);
    assert_eq!(ccache.entries().len(), 2);
}

#[test]
fn configuration_is_read_and_replaced() {
    let mut ccache = Ccache::decode(&case("version 4").file).unwrap();
    let tgs = Principal::krbtgt("LAB.TEST", "LAB.TEST");
    assert_eq!(ccache.config("pa_type", Some(&tgs)), Some(&b"151"[..]));
    assert_eq!(ccache.config("pa_type", None), None);
    ccache.set_config("pa_type", Some(&tgs), b"2");
    assert_eq!(ccache.config("pa_type", Some(&tgs)), Some(&b"2"[..]));
    assert_eq!(ccache.configs().count(), 2);
    assert!(ccache.remove_config("pa_type", Some(&tgs)) && !ccache.remove_config("pa_type", Some(&tgs)));
    let again = Ccache::decode(ccache.encode().unwrap().expose()).unwrap();
    assert_eq!(again.configs().count(), 1);
}

#[test]
fn long_lists_are_refused_both_ways() {
    let address = HostAddress { addr_type: 2, address: vec![] };
    let mut many = ticket("alice@R", "HTTP/h@R", 200);
    many.addresses = vec![address; Ccache::LIST_LIMIT];
    let entry = CcacheEntry::Ticket(many.clone());
    let mut bytes = entry.encode().unwrap().expose().clone();
    many.addresses.push(HostAddress { addr_type: 2, address: vec![] });
    assert!(CcacheEntry::Ticket(many).encode().is_err());
    let count = bytes.windows(4).rposition(|four| four == [0, 0, 4, 0]).unwrap();
    bytes[count + 3] = 1;
    let mut file = ccache_of([]).encode().unwrap().expose().clone();
    file.extend(bytes);
    assert_eq!(Ccache::decode(&file).unwrap_err().reason, DecodeReason::TooLarge { limit: Ccache::LIST_LIMIT });
}

#[test]
fn session_keys_are_not_shown() {
    let mut held = ticket("alice@R", "HTTP/h@R", 200);
    held.key = EncryptionKey::unchecked(Enctype(18), b"SESSIONKEY");
    assert!(!format!("{held:?}").contains("83, 69, 83, 83"));
}

/// What keys of the kernel hold, beside entries.
#[test]
fn names_and_offsets_of_keyrings_are_as_long_as_they_may_be_and_no_longer() {
    use handfast::krb5::ccache::keyring::{
        NAME_LIMIT, decode_primary, decode_time_offsets, encode_primary, encode_time_offsets,
    };
    let longest = "x".repeat(NAME_LIMIT);
    let written = encode_primary(&longest).unwrap();
    assert_eq!(decode_primary(&written).as_deref(), Ok(longest.as_str()));
    assert!(encode_primary(&(longest + "x")).is_err());
    let length = u32::try_from(NAME_LIMIT + 1).unwrap().to_be_bytes();
    let longer = [&written[..4], &length, &written[8..], b"x"].concat();
    assert_eq!(decode_primary(&longer).unwrap_err().reason, DecodeReason::TooLarge { limit: NAME_LIMIT });
    let offsets = encode_time_offsets(KdcOffset { seconds: -1, microseconds: 2 });
    assert_eq!(decode_time_offsets(&offsets), Ok(KdcOffset { seconds: -1, microseconds: 2 }));
    let behind = [&offsets[..], &[0]].concat();
    assert_eq!(decode_time_offsets(&behind).unwrap_err().reason, DecodeReason::Trailing { count: 1 });
}
