//! Paths to trust anchors (RFC 5280 6): each check, and what fails without it.

use super::forge::*;
use super::now;
use crate::krb5::pkinit::{Certificate, CertificateError, CertificateRules, RevocationList, TrustAnchors};
use alloc::vec::Vec;

fn root() -> Draft {
    Draft::authority("root", 1, "root", 1)
}

fn between() -> Draft {
    Draft::authority("between", 2, "root", 1)
}

fn check(root: &Draft, came: &[Draft], kdc: &Draft) -> Result<(), CertificateError> {
    let came: Vec<Certificate> = came.iter().map(Draft::sign).collect();
    TrustAnchors::new([root.sign()]).check(&kdc.sign(), &came, &CertificateRules::default(), now())
}

/// Whether it is believed; if not, it must be for the reason.
macro_rules! refused {
    ($outcome:expr, $reason:pat) => {
        let outcome = $outcome;
        assert!(matches!(outcome, Err($reason)), "{outcome:?}");
    };
}

#[test]
fn a_path_leads_over_certificates_that_came_or_are_known() {
    let kdc = Draft::kdc("between", 2);
    check(&root(), &[between()], &kdc).unwrap();
    check(&root(), &[], &Draft::kdc("root", 1)).unwrap();
    let known = TrustAnchors::new([root().sign()]).with_intermediates([between().sign()]);
    known.check(&kdc.sign(), &[], &CertificateRules::default(), now()).unwrap();
    refused!(check(&root(), &[], &kdc), CertificateError::NoPath { .. });
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_not_believed() {
    refused!(
        check(&Draft::authority("root", 3, "root", 3), &[], &Draft::kdc("root", 1)),
        CertificateError::Signature { .. }
    );
}

/// The name alone decided in programs that compared issuers and did not verify signatures.
#[test]
fn a_certificate_that_its_issuer_has_not_signed_is_refused() {
    refused!(check(&root(), &[], &Draft::kdc("root", 4)), CertificateError::Signature { .. });
}

/// A certificate that signs itself proves nothing, unless it is an anchor itself.
#[test]
fn one_that_signs_itself_is_believed_as_an_anchor_alone() {
    let mut alone = Draft::kdc("kdc", 9);
    refused!(check(&root(), &[], &alone), CertificateError::NoPath { .. });
    refused!(check(&root(), core::slice::from_ref(&alone), &alone), CertificateError::NoPath { .. });
    check(&alone, &[], &alone).unwrap();
    alone.not_after = now().saturating_sub(DAY);
    refused!(check(&alone, &[], &alone), CertificateError::Expired { .. });
}

#[test]
fn every_certificate_of_the_path_must_be_valid_now() {
    let edit = |mut draft: Draft, past: bool| {
        let one = core::time::Duration::from_secs(1);
        if past {
            draft.not_after = now().saturating_sub(one)
        } else {
            draft.not_before = now().saturating_add(one)
        }
        draft
    };
    let kdc = || Draft::kdc("between", 2);
    refused!(check(&root(), &[between()], &edit(kdc(), true)), CertificateError::Expired { .. });
    refused!(check(&root(), &[between()], &edit(kdc(), false)), CertificateError::NotYetValid { .. });
    refused!(check(&root(), &[edit(between(), true)], &kdc()), CertificateError::Expired { .. });
    refused!(check(&edit(root(), true), &[between()], &kdc()), CertificateError::Expired { .. });
    let mut ends_now = kdc();
    (ends_now.not_before, ends_now.not_after) = (now(), now());
    check(&root(), &[between()], &ends_now).unwrap();
}

/// Basic constraints went unchecked in widely used programs (2002, 2011): any certificate could issue others.
#[test]
fn a_certificate_that_is_no_authoritys_issues_none() {
    let kdc = Draft::kdc("between", 2);
    refused!(
        check(&root(), &[between().with(BASIC, true, basic(false, None))], &kdc),
        CertificateError::NotAnAuthority { .. }
    );
    refused!(check(&root(), &[between().without(BASIC)], &kdc), CertificateError::NotAnAuthority { .. });
    refused!(
        check(&root().with(BASIC, true, basic(false, None)), &[], &Draft::kdc("root", 1)),
        CertificateError::NotAnAuthority { .. }
    );
    check(&root().without(BASIC), &[], &Draft::kdc("root", 1)).unwrap();
}

#[test]
fn keys_are_used_for_what_they_are_for() {
    let kdc = Draft::kdc("between", 2);
    refused!(
        check(&root(), &[between().with(USAGE, true, usage(0b1000_0000))], &kdc),
        CertificateError::KeyUsage { .. }
    );
    refused!(
        check(&root(), &[between()], &kdc.clone().with(USAGE, true, usage(0b10_0000))),
        CertificateError::KeyUsage { .. }
    );
    check(&root(), &[between().without(USAGE)], &kdc.without(USAGE)).unwrap();
}

#[test]
fn path_lengths_are_kept() {
    let short = || root().with(BASIC, true, basic(true, Some(0)));
    check(&short(), &[], &Draft::kdc("root", 1)).unwrap();
    refused!(check(&short(), &[between()], &Draft::kdc("between", 2)), CertificateError::PathTooLong { limit: 0 });
    check(&root().with(BASIC, true, basic(true, Some(1))), &[between()], &Draft::kdc("between", 2)).unwrap();
}

#[test]
fn what_binds_and_is_not_understood_is_refused() {
    let kdc = || Draft::kdc("root", 1);
    refused!(check(&root(), &[], &kdc().with("1.2.3", true, Vec::new())), CertificateError::Extension { .. });
    check(&root(), &[], &kdc().with("1.2.3", false, Vec::new())).unwrap();
    let constrained = root().with("2.5.29.30", false, Vec::from([0x30, 0]));
    refused!(check(&constrained, &[], &kdc()), CertificateError::Extension { .. });
}

/// A certificate with the same SHA-1 as another was made in practice (2020; with MD5 in 2008, for an authority of its own).
#[test]
fn sha1_is_refused_unless_it_is_named() {
    let mut kdc = Draft::kdc("root", 1);
    kdc.algorithms = [ECDSA_SHA1; 2];
    refused!(check(&root(), &[], &kdc), CertificateError::WeakAlgorithm { .. });
    let rules = CertificateRules { weak_sha1: true, ..CertificateRules::default() };
    TrustAnchors::new([root().sign()]).check(&kdc.sign(), &[], &rules, now()).unwrap();
}

#[test]
fn no_extension_comes_twice() {
    let mut kdc = Draft::kdc("root", 1);
    kdc.extensions.push((BASIC, true, basic(true, None)));
    kdc.sign();
    kdc.extensions.push((BASIC, true, basic(false, None)));
    assert!(Certificate::decode(&kdc.der()).is_err());
}

#[test]
fn the_algorithm_inside_must_be_the_one_outside() {
    let mut kdc = Draft::kdc("root", 1);
    kdc.algorithms = [ECDSA_SHA1, ECDSA_SHA256];
    assert!(Certificate::decode(&kdc.der()).is_err());
}

/// Certificates that lead to each other, and many issuers of one name: the search ends.
#[test]
fn circles_and_crowds_of_issuers_end() {
    let circle = [Draft::authority("a", 3, "b", 4), Draft::authority("b", 4, "a", 3)];
    refused!(check(&root(), &circle, &Draft::kdc("a", 3)), CertificateError::NoPath { .. });
    let crowd: Vec<Draft> = (10..80).map(|key| Draft::authority("a", key, "a", key)).collect();
    refused!(check(&root(), &crowd, &Draft::kdc("a", 79)), CertificateError::PathTooLong { .. });
    // Each has signed each other: 5 certificates make 325 ways.
    let everybody: Vec<Draft> = (20..25).map(|serial| Draft { serial, ..Draft::authority("a", 3, "a", 3) }).collect();
    refused!(check(&root(), &everybody, &Draft::kdc("a", 3)), CertificateError::PathTooLong { .. });
    let mut tower: Vec<Draft> = (10..20)
        .map(|key| Draft::authority(TOWER[usize::from(key) - 10], key, TOWER[usize::from(key) - 9], key + 1))
        .collect();
    tower[9] = Draft::authority(TOWER[9], 19, "root", 1);
    refused!(check(&root(), &tower, &Draft::kdc(TOWER[0], 10)), CertificateError::PathTooLong { .. });
    check(&root(), &tower, &Draft::kdc(TOWER[2], 12)).unwrap();
}

const TOWER: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

#[test]
fn revoked_certificates_are_refused() {
    let later = now().saturating_add(DAY);
    let check = |lists: Vec<RevocationList>, require_revocation_lists| {
        let anchors = TrustAnchors::new([root().sign()]).with_revocation_lists(lists);
        let rules = CertificateRules { require_revocation_lists, ..CertificateRules::default() };
        anchors.check(&Draft::kdc("root", 1).sign(), &[], &rules, now())
    };
    check(Vec::from([revocation_list("root", 1, &[1, 8, 10], later)]), true).unwrap();
    check(Vec::from([revocation_list("root", 1, &[], later)]), true).unwrap();
    refused!(check(Vec::from([revocation_list("root", 1, &[8, 9], later)]), false), CertificateError::Revoked { .. });
    refused!(check(Vec::new(), true), CertificateError::RevocationUnknown { .. });
    // One that has ended still says who was revoked, and no more.
    let old = || revocation_list("root", 1, &[9], now().saturating_sub(DAY));
    refused!(check(Vec::from([old()]), false), CertificateError::Revoked { .. });
    let ended = revocation_list("root", 1, &[8], now().saturating_sub(DAY));
    refused!(check(Vec::from([ended]), true), CertificateError::RevocationUnknown { .. });
    // Another's, under the same name.
    refused!(check(Vec::from([revocation_list("root", 5, &[8], later)]), false), CertificateError::Signature { .. });
    assert!(RevocationList::decode(&list("root", 1, &[8], later, true)).is_err());
}

#[test]
fn lists_are_signed_by_those_who_may() {
    let lists = [revocation_list("root", 1, &[8], now().saturating_add(DAY))];
    let anchor = root().with(USAGE, true, usage(0b100)).sign();
    let anchors = TrustAnchors::new([anchor]).with_revocation_lists(lists);
    let outcome = anchors.check(&Draft::kdc("root", 1).sign(), &[], &CertificateRules::default(), now());
    refused!(outcome, CertificateError::KeyUsage { .. });
}
