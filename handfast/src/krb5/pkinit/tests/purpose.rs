//! Whose certificate it is (RFC 4556 3.2.2, 3.2.4).

use super::forge::*;
use crate::krb5::pkinit::{Certificate, CertificateError, ClientRules, KdcRules};
use crate::name::Principal;
use alloc::vec::Vec;

fn kdc() -> Draft {
    Draft::kdc("root", 1)
}

fn is_kdc(draft: &Draft, realm: &str) -> bool {
    KdcRules::default().check(&draft.sign(), realm).is_ok()
}

#[test]
fn a_kdc_is_named_as_the_realms_ticket_granting_service() {
    assert!(is_kdc(&kdc(), "TEST.REALM"));
    assert!(!is_kdc(&kdc(), "OTHER.REALM") && !is_kdc(&kdc(), "test.realm"));
    for other in [
        principal("TEST.REALM", &["krbtgt", "OTHER.REALM"]),
        principal("OTHER.REALM", &["krbtgt", "TEST.REALM"]),
        principal("TEST.REALM", &["krbtgt", "TEST.REALM", "x"]),
        principal("TEST.REALM", &["alice"]),
        host(b"kdc.test.realm"),
        upn("krbtgt/TEST.REALM@TEST.REALM"),
    ] {
        let draft = kdc().with(NAMES, false, names(&[other]));
        let outcome = KdcRules::default().check(&draft.sign(), "TEST.REALM");
        assert!(matches!(outcome, Err(CertificateError::NotTheKdc { .. })), "{outcome:?}");
    }
    assert!(!is_kdc(&kdc().without(NAMES), "TEST.REALM"));
}

/// A user's or a web server's certificate of the same authority must not make a KDC.
#[test]
fn a_kdcs_certificate_is_for_kdcs() {
    for other in ["1.3.6.1.5.2.3.4", "1.3.6.1.5.5.7.3.1", "2.5.29.37.0"] {
        let draft = kdc().with(PURPOSE, false, purposes(&[other]));
        let outcome = KdcRules::default().check(&draft.sign(), "TEST.REALM");
        assert!(matches!(outcome, Err(CertificateError::Purpose { .. })), "{outcome:?}");
        let any = KdcRules { dangerous_any_purpose: true, ..KdcRules::default() };
        any.check(&draft.sign(), "TEST.REALM").unwrap();
        let servers = KdcRules { weak_server_auth: true, ..KdcRules::default() };
        assert_eq!(servers.check(&draft.sign(), "TEST.REALM").is_ok(), other == "1.3.6.1.5.5.7.3.1");
    }
    assert!(!is_kdc(&kdc().without(PURPOSE), "TEST.REALM"));
}

/// Wildcards, and names cut at a NUL, let one host pass as another in many programs (2009).
#[test]
fn hosts_are_kdcs_where_the_rules_name_them() {
    let rules = KdcRules { weak_host_names: Vec::from(["kdc.test.realm".into()]), ..KdcRules::default() };
    let named = |name: &[u8]| kdc().with(NAMES, false, names(&[host(name)]));
    rules.check(&named(b"KDC.test.realm").sign(), "TEST.REALM").unwrap();
    for other in [b"*.test.realm".as_slice(), b"kdc.test.realm.example", b"test.realm", b"xkdc.test.realm"] {
        assert!(rules.check(&named(other).sign(), "TEST.REALM").is_err(), "{other:?}");
    }
    for wrong in [b"kdc.test.realm\0.example".as_slice(), b"", b"\xff"] {
        assert!(Certificate::decode(&named(wrong).der()).is_err(), "{wrong:?}");
    }
    for wrong in
        [principal("TEST\0REALM", &["krbtgt", "x"]), principal("R", &["a\0b"]), principal("R", &[]), upn("a\0")]
    {
        assert!(Certificate::decode(&kdc().with(NAMES, false, names(&[wrong])).der()).is_err());
    }
}

#[test]
fn a_client_is_named_by_its_certificate() {
    let alice: Principal = "alice@TEST.REALM".parse().unwrap();
    let user =
        |name| kdc().with(PURPOSE, false, purposes(&["1.3.6.1.5.2.3.4"])).with(NAMES, false, names(&[name])).sign();
    let strict = ClientRules::default();
    let own = user(principal("TEST.REALM", &["alice"]));
    strict.check(&own, &alice).unwrap();
    for other in [
        user(principal("TEST.REALM", &["bob"])),
        user(principal("OTHER.REALM", &["alice"])),
        user(principal("TEST.REALM", &["alice", "admin"])),
        user(upn("alice@test.realm")),
        user(host(b"alice")),
    ] {
        let outcome = strict.check(&other, &alice);
        assert!(matches!(outcome, Err(CertificateError::NotTheClient { .. })), "{outcome:?}");
    }
    let by_upn = ClientRules { user_principal_names: true, ..ClientRules::default() };
    by_upn.check(&user(upn("alice@test.realm")), &alice).unwrap();
    for other in ["alice@other.realm", "bob@test.realm", "alice", "x@alice@test.realm"] {
        assert!(by_upn.check(&user(upn(other)), &alice).is_err(), "{other}");
    }
}

#[test]
fn a_clients_certificate_is_for_clients() {
    let alice: Principal = "alice@TEST.REALM".parse().unwrap();
    let user = |purpose| {
        kdc().with(PURPOSE, false, purposes(&[purpose])).with(
            NAMES,
            false,
            names(&[principal("TEST.REALM", &["alice"])]),
        )
    };
    let (smartcard, kdcs) = ("1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.2.3.5");
    let by_card = ClientRules { smartcard_logon: true, ..ClientRules::default() };
    by_card.check(&user(smartcard).sign(), &alice).unwrap();
    for (rules, purpose) in [(&ClientRules::default(), smartcard), (&by_card, kdcs), (&ClientRules::default(), kdcs)] {
        let outcome = rules.check(&user(purpose).sign(), &alice);
        assert!(matches!(outcome, Err(CertificateError::Purpose { .. })), "{outcome:?}");
    }
    assert!(ClientRules::default().check(&user(kdcs).without(PURPOSE).sign(), &alice).is_err());
}
