#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::scratch::Scratch;
use std::os::unix::fs::PermissionsExt;

/// MS-NLMP 4.2.2.1.2: NTOWFv1 of the password `Password`.
const HASH: &str = "a4f49c406510bdcab6824ee7c30fd852";

fn logon(domain: &str, user: &str) -> Logon {
    Logon {
        user: user.into(),
        domain: domain.into(),
        workstation: String::new(),
        server_challenge: [0; 8],
        nt_response: Vec::new(),
        lm_response: Vec::new(),
        negotiate_flags: 0,
    }
}

fn found(list: &AccountList, domain: &str, user: &str) -> bool {
    match list.find(&logon(domain, user)) {
        Account::NtHash(hash) => {
            assert_eq!(hash, hex(HASH).unwrap(), "{domain} {user}");
            true
        }
        Account::Refused => false,
        other => panic!("{other:?}"),
    }
}

fn mistake(text: impl AsRef<[u8]>) -> (usize, Mistake) {
    let error = AccountList::parse(text.as_ref()).unwrap_err();
    (error.line, error.mistake)
}

#[test]
fn every_form_of_a_line_gives_the_same_hash() {
    let lm = "E52CAC67419A9A224A3B108F3FA6CB6D";
    for line in [
        "Domain:User:Password".to_owned(),
        format!("Domain\\User:$NT${HASH}"),
        format!("Domain\\User:1000:{lm}:{}:[U          ]:LCT-00000000:", HASH.to_uppercase()),
        format!("Domain\\User:1000:{lm}:{HASH}"),
        format!("# comment\r\n\r\nDomain\\User:$NT${HASH}\r\n"),
    ] {
        let list = AccountList::parse(line.as_bytes()).unwrap();
        assert!(found(&list, "Domain", "User") && found(&list, "DOMAIN", "uSER"), "{line}");
        assert!(!found(&list, "", "User") && !found(&list, "Other", "User") && !found(&list, "Domain", "Users"));
    }
}

/// The client is called by the domain that it names: it shall not choose one that its account has not.
#[test]
fn an_account_without_a_domain_is_this_computers() {
    let list = AccountList::parse(b":User:Password\n").unwrap();
    assert!(found(&list, "", "user") && !found(&list, "ELSEWHERE", "user"));
    let list = list.local_domains(["Www"]);
    assert!(found(&list, "WWW", "user") && found(&list, "", "user") && !found(&list, "ELSEWHERE", "user"));
}

/// Who is told of a client is told one name, however the client writes it.
#[test]
fn an_account_has_one_name() {
    let list = AccountList::parse(b"Corp:alice:p\n:bob:p\n").unwrap();
    for spelling in ["Corp\\alice", "CORP\\ALICE", "corp\\al\u{131}ce"] {
        assert_eq!(list.own_name(spelling).as_deref(), Some("Corp\\alice"), "{spelling}");
    }
    assert_eq!(list.own_name("BOB").as_deref(), Some("bob"));
    assert!(list.own_name("Www\\bob").is_none() && list.own_name("alice").is_none());
    let list = list.local_domains(["WWW", "OTHER"]);
    for spelling in ["bob", "\\Bob", "www\\bob", "other\\BOB"] {
        assert_eq!(list.own_name(spelling).as_deref(), Some("WWW\\bob"), "{spelling}");
    }
}

#[test]
fn an_account_of_this_computer_is_there_once() {
    let list = AccountList::parse(b"Www:User:a\nElsewhere:user:b\n\n:user:c\n").unwrap();
    assert_eq!(list.check_local(), Ok(()));
    let error = list.local_domains(["WWW"]).check_local().unwrap_err();
    assert_eq!(error, AccountListError { line: 4, mistake: Mistake::Twice { first: 1 } });
}

#[test]
fn accounts_of_smbpasswd_that_may_not_log_on_are_refused() {
    let lm = "X".repeat(32);
    for (nt, flags) in [
        ("X".repeat(32), "[U ]"),
        (format!("NO PASSWORD{}", "X".repeat(21)), "[U ]"),
        (HASH.into(), "[UD ]"),
        (HASH.into(), "[NU ]"),
        (HASH.into(), "[UL ]"),
        (HASH.into(), "[W ]"),
    ] {
        let line = format!("user:1000:{lm}:{nt}:{flags}:LCT-00000000:");
        assert!(!found(&AccountList::parse(line.as_bytes()).unwrap(), "", "user"), "{line}");
    }
}

#[test]
fn lines_with_a_mistake_are_named_and_nothing_of_them_is_told() {
    assert_eq!(mistake("secret"), (1, Mistake::NoColon));
    assert_eq!(mistake("\n\nD:u:pass:word"), (3, Mistake::ColonInPassword));
    assert_eq!(mistake("D:u:pass:word:"), (1, Mistake::ColonInPassword));
    assert_eq!(mistake("D::p"), (1, Mistake::NoUser));
    assert_eq!(mistake("D:u:"), (1, Mistake::NoPassword));
    assert_eq!(mistake(":u:\r\n"), (1, Mistake::NoPassword));
    assert_eq!(mistake("D\\:$NT$"), (1, Mistake::NotAHash));
    assert_eq!(mistake("a\\b\\c:$NT$a4f49c406510bdcab6824ee7c30fd852"), (1, Mistake::BadName));
    assert_eq!(mistake("D:a\u{1}:p"), (1, Mistake::BadName));
    assert_eq!(mistake("D:a:p\nd:A:q"), (2, Mistake::Twice { first: 1 }));
    assert_eq!(mistake([b'a', b':', 0xff, b':']), (1, Mistake::NotText));
    for hash in ["", "$NT$", "a4f49c406510bdcab6824ee7c30fd852", "$NT$+4f49c406510bdcab6824ee7c30fd852", "$NT$zz"] {
        assert_eq!(mistake(format!("u:{hash}")), (1, Mistake::NotAHash), "{hash}");
    }
    let told = AccountList::parse(b"D:u:hush:hush").unwrap_err().to_string();
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn long_lines_and_passwords_have_a_limit() {
    let line = |length: usize| format!("D:u:{}", "p".repeat(length - 4));
    assert_eq!(AccountList::parse(line(LINE_LIMIT).as_bytes()).unwrap().len(), 1);
    assert_eq!(mistake(line(LINE_LIMIT + 1)), (1, Mistake::LongLine));
    assert_eq!(mistake(vec![b'\n'; AccountList::SIZE_LIMIT + 1]), (1, Mistake::TooLarge));
}

#[test]
fn no_text_makes_it_panic() {
    let line = format!("Domain\\Üser:1000:{}:{HASH}:[U ]:LCT-00000000:\nD:u:p\n", "X".repeat(32));
    for at in 0..line.len() {
        let _ = AccountList::parse(&line.as_bytes()[..at]);
        for bit in 0..8 {
            let mut flipped = line.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            let _ = AccountList::parse(&flipped);
        }
    }
}

#[test]
fn a_file_that_others_can_read_is_not_used() {
    let scratch = Scratch::new("accounts");
    let file = AccountFile::new(scratch.file("accounts", "D:u:p\n"));
    let mode = |mode| std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    for (bits, group) in [(0o600, false), (0o400, false), (0o640, true)] {
        mode(bits);
        let (list, group_reads) = file.load().unwrap();
        assert_eq!((list.len(), group_reads), (1, group), "{bits:o}");
    }
    for bits in [0o644, 0o604, 0o602, 0o660, 0o620] {
        mode(bits);
        assert!(matches!(file.load(), Err(AccountFileError::TooOpen { mode, .. }) if mode == bits), "{bits:o}");
    }
    assert!(matches!(AccountFile::new(scratch.path("none")).load(), Err(AccountFileError::Io { .. })));
    assert!(matches!(AccountFile::new(scratch.path("")).load(), Err(AccountFileError::NotAFile { .. })));
}

#[test]
fn no_secret_is_in_its_debug() {
    let list = AccountList::parse(b"D:u:hush\n").unwrap();
    assert!(!format!("{list:?}").contains("hush"));
}
