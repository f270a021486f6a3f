//! Keytabs against files that MIT krb5 wrote, and against damage.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

mod support;

use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::keytab::KeyNotFound;
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::wire::DecodeReason;
use handfast::{NameType, Principal, Time};
use support::{cases, hex, to_hex};

const VECTORS: &str = include_str!("vectors/keytab.txt");

fn file(name: &str) -> Vec<u8> {
    cases(VECTORS).into_iter().find(|case| case.name == name).unwrap().file
}

fn listed(entry: &KeytabEntry) -> String {
    let (time, key) = (entry.timestamp.unix_seconds(), to_hex(entry.key.bytes()));
    format!("{} {} {} {time} {key}", entry.kvno, entry.principal, entry.key.enctype().0)
}

fn entry(principal: &str, kvno: u32, enctype: i32, key: &[u8]) -> KeytabEntry {
    KeytabEntry {
        principal: principal.parse().unwrap(),
        timestamp: Time::from_unix_seconds(1_700_000_000),
        kvno,
        key: EncryptionKey::unchecked(Enctype(enctype), key),
    }
}

#[test]
fn files_by_mit_read_as_mit_reads_them() {
    for case in cases(VECTORS) {
        let keytab = Keytab::decode(&case.file).unwrap();
        assert!(keytab.unreadable().is_empty());
        assert_eq!(keytab.entries().iter().map(listed).collect::<Vec<_>>(), case.expect, "{}", case.name);
    }
}

#[test]
fn files_without_holes_are_written_as_mit_writes_them() {
    for name in ["32-bit kvno", "every enctype"] {
        let file = file(name);
        assert_eq!(to_hex(Keytab::decode(&file).unwrap().encode().unwrap().expose()), to_hex(&file), "{name}");
    }
}

#[test]
fn name_types_are_kept() {
    let keytab = Keytab::decode(&file("32-bit kvno")).unwrap();
    assert_eq!(keytab.entries()[0].principal.name_type(), NameType::PRINCIPAL);
    let host: Keytab = [KeytabEntry {
        principal: Principal::new(NameType::SRV_HST, ["host", "h"], "R"),
        ..entry("x@R", 1, 17, &[0; 16])
    }]
    .into_iter()
    .collect();
    let again = Keytab::decode(host.encode().unwrap().expose()).unwrap();
    assert_eq!(again.entries()[0].principal.name_type(), NameType::SRV_HST);
}

#[test]
fn a_file_cut_anywhere_but_between_records_is_an_error() {
    for case in cases(VECTORS) {
        let whole = Keytab::decode(&case.file).unwrap();
        let mut good = 0;
        for cut in 0..case.file.len() {
            match Keytab::decode(&case.file[..cut]) {
                Ok(part) => {
                    good += 1;
                    assert!(whole.entries().starts_with(part.entries()) && part.unreadable().is_empty());
                }
                Err(error) => assert!(matches!(error.reason, DecodeReason::Truncated { .. }), "{error}"),
            }
        }
        // After the version and after every record but the last.
        let holes = usize::from(case.name == "hole");
        assert_eq!(good, whole.entries().len() + holes, "{}", case.name);
    }
}

#[test]
fn flipped_bits_do_not_panic_and_whatever_is_read_can_be_written() {
    for case in cases(VECTORS) {
        for position in 0..case.file.len() {
            let mut bytes = case.file.clone();
            bytes[position] ^= 1 << (position % 8);
            if let Ok(keytab) = Keytab::decode(&bytes) {
                let again = Keytab::decode(keytab.encode().unwrap().expose()).unwrap();
                assert_eq!(again.entries(), keytab.entries());
            }
        }
    }
}

#[test]
fn unknown_versions_are_refused() {
    for start in [&[5, 3][..], &[5, 0], &[4, 2], &[0x1f, 0x8b, 0, 0]] {
        let error = Keytab::decode(start).unwrap_err();
        assert_eq!((error.offset, error.reason), (0, DecodeReason::Invalid("a keytab starts with 05 01 or 05 02")));
    }
}

/// Version 1: least significant byte first, the realm counted as a component, no name type.
#[test]
fn version_1_is_read() {
    let file = hex("0501 25000000 0200 0100 52 0500 616c696365 00f15365 03 1100 1000 000102030405060708090a0b0c0d0e0f"
        .replace(' ', "")
        .as_str());
    let keytab = Keytab::decode(&file).unwrap();
    assert_eq!(
        keytab.entries().iter().map(listed).collect::<Vec<_>>(),
        ["3 alice@R 17 1700000000 000102030405060708090a0b0c0d0e0f"]
    );
}

#[test]
fn a_32_bit_kvno_of_zero_or_a_short_tail_leaves_the_8_bit_one() {
    for tail in ["", "0000", "00000000"] {
        let body = hex(&format!("00010001520001610000000165 53f100 2c 0011 0001 ff{tail}").replace(' ', ""));
        let mut file = hex("0502");
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        file.extend(body);
        let keytab = Keytab::decode(&file).unwrap();
        assert_eq!(keytab.entries()[0].kvno, 0x2c, "{tail:?}");
    }
}

#[test]
fn a_length_of_zero_ends_the_file() {
    let mut file = file("32-bit kvno");
    let whole = Keytab::decode(&file).unwrap();
    file.extend([0, 0, 0, 0, 0xff, 0xff]);
    assert_eq!(Keytab::decode(&file).unwrap(), whole);
}

#[test]
fn unknown_enctypes_and_odd_key_lengths_keep_the_file_readable() {
    let odd: Keytab =
        [entry("a@R", 1, 9999, b"odd"), entry("a@R", 1, 18, b""), entry("a@R", 1, -5, &[1; 99])].into_iter().collect();
    let again = Keytab::decode(odd.encode().unwrap().expose()).unwrap();
    assert_eq!(again, odd);
}

#[test]
fn a_record_that_makes_no_sense_is_set_aside_and_kept() {
    let mut file = file("32-bit kvno");
    // The second record's first component is not UTF-8 now.
    let at = file.windows(4).position(|four| four == b"HTTP").unwrap();
    file[at] = 0xff;
    let keytab = Keytab::decode(&file).unwrap();
    assert_eq!((keytab.entries().len(), keytab.unreadable().len()), (2, 1));
    let error = &keytab.unreadable()[0].error;
    assert_eq!((error.offset, error.to_string().contains("not UTF-8")), (at + 4, true));
    assert_eq!(Keytab::decode(keytab.encode().unwrap().expose()).unwrap().unreadable().len(), 1);
}

#[test]
fn many_components_are_refused_without_reading_them() {
    let mut record = 0xffff_u16.to_be_bytes().to_vec();
    record.resize(200_000, 0);
    let mut file = hex("0502");
    file.extend(200_000_u32.to_be_bytes());
    file.extend(record);
    let keytab = Keytab::decode(&file).unwrap();
    assert_eq!(keytab.unreadable()[0].error.reason, DecodeReason::TooLarge { limit: 64 });
}

#[test]
fn huge_files_are_refused() {
    let mut file = vec![0; Keytab::SIZE_LIMIT + 1];
    file[..2].copy_from_slice(&[5, 2]);
    assert_eq!(Keytab::decode(&file).unwrap_err().reason, DecodeReason::TooLarge { limit: Keytab::SIZE_LIMIT });
}

#[test]
fn what_does_not_fit_is_an_error() {
    let long = "x".repeat(0x1_0000);
    let principal = Principal::new(NameType::PRINCIPAL, [long], "R");
    let keytab: Keytab = [KeytabEntry { principal, ..entry("a@R", 1, 17, &[0; 16]) }].into_iter().collect();
    assert_eq!(keytab.encode().unwrap_err().to_string(), "keytab: a component of a name is over the limit of 65535");
    let keytab: Keytab = [entry("a@R", 1, 0x8000, &[0; 16])].into_iter().collect();
    assert!(keytab.encode().is_err());
}

#[test]
fn find_says_what_there_is_instead() {
    let keytab: Keytab = [
        entry("HTTP/h@R", 2, 18, &[1; 32]),
        entry("HTTP/h@R", 3, 18, &[2; 32]),
        entry("HTTP/h@R", 3, 17, &[3; 16]),
        entry("host/h@R", 1, 17, &[4; 16]),
    ]
    .into_iter()
    .collect();
    let http: Principal = "HTTP/h@R".parse().unwrap();
    let key = |kvno, enctype| keytab.find(&http, kvno, Enctype(enctype)).map(|entry| entry.key.bytes()[0]);
    assert_eq!((key(Some(2), 18), key(Some(3), 18), key(None, 17)), (Ok(1), Ok(2), Ok(3)));
    assert_eq!(key(Some(7), 18), Err(KeyNotFound::Kvno { principal: http.clone(), kvno: 7, held: vec![3, 2] }));
    assert_eq!(
        key(Some(2), 17),
        Err(KeyNotFound::Enctype { principal: http.clone(), enctype: Enctype(17), held: vec![Enctype(18)] })
    );
    let other = "ftp/h@R".parse().unwrap();
    let error = keytab.find(&other, None, Enctype(17)).unwrap_err();
    assert_eq!(error.to_string(), "the keytab has no key of ftp/h@R; it has keys of HTTP/h@R, host/h@R");
}

#[test]
fn an_8_bit_kvno_stands_in_for_a_large_one_only_if_no_other_is_equal() {
    let mut keytab: Keytab = [entry("a@R", 44, 17, &[1; 16])].into_iter().collect();
    let alice = "a@R".parse().unwrap();
    let key = |keytab: &Keytab, kvno| keytab.find(&alice, Some(kvno), Enctype(17)).map(|entry| entry.key.bytes()[0]);
    assert_eq!(key(&keytab, 300), Ok(1));
    keytab.add(entry("a@R", 300, 17, &[2; 16]));
    assert_eq!((key(&keytab, 300), key(&keytab, 44)), (Ok(2), Ok(1)));
    assert!(key(&keytab, 45).is_err());
}

#[test]
fn adding_replaces_and_removing_counts() {
    let mut keytab: Keytab = [entry("a@R", 1, 17, &[1; 16]), entry("a@R", 1, 17, &[2; 16])].into_iter().collect();
    assert_eq!(keytab.entries().len(), 1);
    assert_eq!(keytab.entries()[0].key.bytes(), [2; 16]);
    keytab.merge([entry("b@R", 1, 17, &[3; 16]), entry("a@R", 2, 17, &[4; 16])].into_iter().collect());
    assert_eq!(keytab.principals().map(ToString::to_string).collect::<Vec<_>>(), ["a@R", "b@R"]);
    assert_eq!(keytab.remove(|entry| entry.kvno == 1), 2);
    assert_eq!(keytab.entries().len(), 1);
}

#[test]
fn a_key_of_the_wrong_length_is_passed_over() {
    let keytab = Keytab::decode(
        &[entry("a@R", 2, 18, &[1; 31]), entry("a@R", 1, 18, &[2; 32]), entry("b@R", 1, 99, &[3; 5])]
            .into_iter()
            .collect::<Keytab>()
            .encode()
            .unwrap()
            .expose()[..],
    )
    .unwrap();
    assert!(keytab.find(&"a@R".parse().unwrap(), Some(2), Enctype(18)).is_err());
    assert!(keytab.find(&"a@R".parse().unwrap(), Some(1), Enctype(18)).is_ok());
    assert!(keytab.find(&"b@R".parse().unwrap(), None, Enctype(99)).is_ok(), "how long those are, nobody knows here");
}

#[test]
fn large_keytabs_are_quick_and_errors_stay_short() {
    let keys = |kvno| (0..20_000).map(move |n| entry(&format!("host/h{n}@R"), kvno, 17, &[1; 16]));
    let mut keytab: Keytab = keys(1).collect();
    keytab.merge(keys(1).chain(keys(2)).collect());
    assert_eq!((keytab.entries().len(), keytab.principals().count()), (40_000, 20_000));
    let error = keytab.find(&"HTTP/h@R".parse().unwrap(), None, Enctype(17)).unwrap_err().to_string();
    assert!(error.ends_with("host/h6@R, host/h7@R and more"), "{error}");
}

#[test]
fn an_unreadable_record_of_version_1_does_not_become_an_entry_of_version_2() {
    let mut file = vec![5, 1];
    let mut record = vec![0; 0x24];
    record[8..12].copy_from_slice(&[0, 0xac, 0, 0]);
    file.extend_from_slice(&u32::try_from(record.len()).unwrap().to_le_bytes());
    file.extend_from_slice(&record);
    let keytab = Keytab::decode(&file).unwrap();
    assert_eq!((keytab.entries().len(), keytab.unreadable().len()), (0, 1));
    assert_eq!(Keytab::decode(keytab.encode().unwrap().expose()).unwrap(), Keytab::new());
}
