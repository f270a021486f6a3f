//! The examples of RFC 9588: `tests/vectors/rfc9588.txt`; and elements that must not be taken.

use super::exchange::{KeyPair, Multiplier, Role};
use super::{SpakeError, Transcript};
use crate::crypto::{Random, RandomError, Secret};
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::message::SpakeGroup;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, Ordering};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};

/// One block of `name: value` lines.
struct Vector<'t>(BTreeMap<&'t str, &'t str>);

impl Vector<'_> {
    fn number(&self, name: &str) -> i32 {
        self.0[name].parse().unwrap()
    }

    fn octets(&self, name: &str) -> Vec<u8> {
        let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
        self.0[name].as_bytes().chunks(2).map(pair).collect()
    }

    /// A private scalar, as it is kept here: for edwards25519 without the cofactor.
    fn scalar(&self, name: &str) -> Secret<Vec<u8>> {
        let mut octets = self.octets(name);
        if self.number("group") == 1 {
            let carry: Vec<u8> = octets.iter().skip(1).map(|octet| octet << 5).chain([0]).collect();
            octets.iter_mut().zip(carry).for_each(|(octet, carry)| *octet = (*octet >> 3) | carry);
        }
        Secret::new(octets)
    }
}

fn vectors(file: &str) -> Vec<Vector<'_>> {
    let line = |line| str::split_once(line, ':').map(|(name, value): (&str, &str)| (name, value.trim())).unwrap();
    let blocks = file.split("\n\n").filter(|block| !block.starts_with('#'));
    blocks.map(|block| Vector(block.lines().map(line).collect())).collect()
}

#[test]
fn the_examples_of_rfc9588() {
    let vectors = vectors(include_str!("../../../tests/vectors/rfc9588.txt"));
    for vector in &vectors {
        let group = SpakeGroup(vector.number("group"));
        let key = EncryptionKey::new(Enctype(vector.number("enctype")), vector.octets("key")).unwrap();
        let multiplier = Multiplier::new(&key, group).unwrap();
        assert_eq!(multiplier.w(), vector.octets("expect-w"));
        let by_kdc = multiplier.shared_element(Role::Kdc, &vector.scalar("x"), &vector.octets("S")).unwrap();
        let by_client = multiplier.shared_element(Role::Client, &vector.scalar("y"), &vector.octets("T")).unwrap();
        assert_eq!(by_kdc.octets(), vector.octets("expect-K"));
        assert_eq!(by_client.octets(), vector.octets("expect-K"));
        let support = vector.0.contains_key("support").then(|| vector.octets("support"));
        let transcript = Transcript::new(group, support.as_deref(), &vector.octets("challenge")).unwrap();
        let transcript = transcript.with_response(&vector.octets("S")).unwrap();
        assert_eq!(transcript.hash(), vector.octets("expect-transcript"));
        for (n, name) in [(0, "expect-K0"), (1, "expect-K1"), (2, "expect-K2"), (3, "expect-K3")] {
            let key = multiplier.derive(&by_kdc, &transcript, &vector.octets("body"), n).unwrap();
            assert_eq!(key.bytes(), vector.octets(name));
        }
    }
    assert_eq!(vectors.len(), 8);
}

const GROUPS: [SpakeGroup; 4] = [SpakeGroup::EDWARDS25519, SpakeGroup::P256, SpakeGroup::P384, SpakeGroup::P521];

fn multiplier(group: SpakeGroup, octet: u8) -> Multiplier {
    let key = EncryptionKey::new(Enctype::AES256_CTS_HMAC_SHA1_96, vec![octet; 32]).unwrap();
    Multiplier::new(&key, group).unwrap()
}

/// Another octet each time.
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

/// The pairs of KDC and client.
fn pairs(multiplier: &Multiplier) -> (KeyPair, KeyPair) {
    let random = Counting(AtomicU8::new(1));
    let pair = |role| multiplier.generate(role, &random).unwrap();
    (pair(Role::Kdc), pair(Role::Client))
}

#[test]
fn both_sides_compute_the_same_and_nobody_with_another_key_does() {
    for group in GROUPS {
        let (ours, others) = (multiplier(group, 1), multiplier(group, 2));
        let (kdc, client) = pairs(&ours);
        let by_kdc = ours.shared_element(Role::Kdc, &kdc.private, &client.public).unwrap();
        let by_client = ours.shared_element(Role::Client, &client.private, &kdc.public).unwrap();
        assert_eq!(by_kdc.octets(), by_client.octets());
        let guessed = others.shared_element(Role::Client, &client.private, &kdc.public).unwrap();
        assert_ne!(by_kdc.octets(), guessed.octets());
        // Each role has a constant of its own: an element sent back to its maker is of no use.
        let reflected = ours.shared_element(Role::Kdc, &kdc.private, &kdc.public).unwrap();
        assert_ne!(by_kdc.octets(), reflected.octets());
    }
}

#[test]
fn a_private_scalar_of_zero_is_never_used() {
    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(0);
            Ok(())
        }
    }
    for group in GROUPS {
        assert!(multiplier(group, 1).generate(Role::Client, &Zeros).is_err());
    }
}

/// One of each group, and a KDC's private scalar.
fn sides() -> impl Iterator<Item = (SpakeGroup, Multiplier, Secret<Vec<u8>>, Vec<u8>)> {
    GROUPS.into_iter().map(|group| {
        let ours = multiplier(group, 1);
        let (kdc, client) = pairs(&ours);
        (group, ours, kdc.private, client.public)
    })
}

/// Whether the KDC refuses a client's element.
fn refused(ours: &Multiplier, private: &Secret<Vec<u8>>, element: &[u8]) -> bool {
    let result = ours.shared_element(Role::Kdc, private, element);
    matches!(result, Err(SpakeError::PublicElement(_)))
}

#[test]
fn the_identity_and_other_points_of_small_order_are_refused() {
    for (group, ours, private, public) in sides() {
        assert!(refused(&ours, &private, &[0]) && refused(&ours, &private, &vec![0; public.len()]), "{group}");
        if group == SpakeGroup::EDWARDS25519 {
            assert!(EIGHT_TORSION.iter().all(|point| refused(&ours, &private, &point.compress().to_bytes())));
        }
    }
}

#[test]
fn an_element_by_which_the_result_is_known_to_everybody_is_refused() {
    for (group, ours, private, _) in sides() {
        // w*N alone, as a private scalar of zero would make it: the result would be the identity.
        assert!(refused(&ours, &private, &ours.mask_alone(Role::Client)), "{group}");
    }
}

#[test]
fn a_point_of_small_order_that_is_added_has_no_effect() {
    let (_, ours, private, public) = sides().next().unwrap();
    let element = CompressedEdwardsY(public.as_slice().try_into().unwrap()).decompress().unwrap();
    let shared = |element: EdwardsPoint| {
        let octets = element.compress().to_bytes();
        ours.shared_element(Role::Kdc, &private, &octets).unwrap().octets().to_vec()
    };
    for point in EIGHT_TORSION {
        assert_eq!(shared(element + point), shared(element));
    }
}

#[test]
fn an_element_has_one_way_to_be_written() {
    for (group, ours, private, public) in sides().skip(1) {
        let with = |tag: u8| [&[tag], &public[1..]].concat();
        let taken: Vec<u8> = (0..=255).filter(|tag| !refused(&ours, &private, &with(*tag))).collect();
        assert_eq!(taken, [2, 3], "{group}");
    }
    // y = p + 3, in 255 bits: not reduced. (3 itself is the y of a point, and its order is not small.)
    let (_, ours, private, _) = sides().next().unwrap();
    let mut three = [0; 32];
    three[0] = 3;
    let mut unreduced = [0xff; 32];
    (unreduced[0], unreduced[31]) = (0xf0, 0x7f);
    assert!(!refused(&ours, &private, &three) && refused(&ours, &private, &unreduced));
}

#[test]
fn an_element_of_another_length_or_beside_the_curve_is_refused() {
    for (group, ours, private, public) in sides() {
        for length in 0..public.len() {
            assert!(refused(&ours, &private, &public[..length]), "{group} {length}");
        }
        assert!(refused(&ours, &private, &[&public[..], &[0]].concat()));
        // Half of all numbers are no coordinate of a point.
        let beside = (0..32).filter(|octet| {
            let mut changed = public.clone();
            changed[8] = *octet;
            refused(&ours, &private, &changed)
        });
        assert!((4..28).contains(&beside.count()), "{group}");
    }
}

#[test]
fn a_group_that_is_not_here_is_said_to_be_so() {
    let group = SpakeGroup(5);
    let key = EncryptionKey::new(Enctype::AES256_CTS_HMAC_SHA1_96, vec![1; 32]).unwrap();
    assert_eq!(Multiplier::new(&key, group).map(|_| ()), Err(SpakeError::UnsupportedGroup(group)));
    assert_eq!(Transcript::new(group, None, b""), Err(SpakeError::UnsupportedGroup(group)));
    assert!(matches!(Transcript::resume(SpakeGroup::P256, &[0; 31]), Err(SpakeError::Unexpected(_))));
}
