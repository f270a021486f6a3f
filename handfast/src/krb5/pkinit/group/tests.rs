use super::*;
use crate::crypto::OsRandom;
use alloc::format;
use alloc::vec;
use der::asn1::ObjectIdentifier;

fn integer(octets: &[u8]) -> Vec<u8> {
    let octets =
        if octets.first().is_some_and(|first| *first >= 0x80) { [&[0], octets].concat() } else { octets.to_vec() };
    der_of(|writer| writer.primitive(tag::INTEGER, &octets))
}

fn prime(group: DhGroup) -> Vec<u8> {
    let text = match group {
        DhGroup::Modp1024 => prime::GROUP_2,
        DhGroup::Modp2048 => prime::GROUP_14,
        _ => prime::GROUP_16,
    };
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const MODP: [DhGroup; 3] = [DhGroup::Modp1024, DhGroup::Modp2048, DhGroup::Modp4096];

#[test]
fn both_sides_agree_in_every_group_and_with_nobody_else() {
    for group in DhGroup::ALL {
        let [one, two, three] = [(); 3].map(|()| DhKeyPair::generate(group, &OsRandom).unwrap());
        let shared = one.agree(two.public_value()).unwrap();
        assert_eq!(shared, two.agree(one.public_value()).unwrap(), "{group}");
        assert_ne!(shared, two.agree(three.public_value()).unwrap(), "{group}");
        let size = match group {
            DhGroup::Modp1024 => 128,
            DhGroup::Modp2048 => 256,
            DhGroup::Modp4096 => 512,
            DhGroup::P256 => 32,
            DhGroup::P384 => 48,
            DhGroup::P521 => 66,
        };
        assert_eq!(shared.expose().len(), size, "{group}");
        let info = one.public_key_info();
        let (parameters, public) = public_key_info(&info).unwrap();
        assert_eq!((DhGroup::of_parameters(parameters), public), (Some(group), one.public_value()));
        assert_eq!(parameters, group.parameters());
    }
}

/// 4 to the power of 00 01 .. 3f, computed in Python; the SHA-256 of it.
#[test]
fn powers_are_those_that_another_program_computes() {
    let expect = [
        (DhGroup::Modp1024, "992bb70b7c80be02115bdc787eec9e084648eb2438a312780c558722a5fbf0b1"),
        (DhGroup::Modp2048, "ba55b3a4dc0b10e2ef60ce56e1baf3bb25aa407cc713aa449392e16c85d6deea"),
        (DhGroup::Modp4096, "fc3984d5b5f8eeb3dad3e0631121f655eba4c4710c92a10fde521fa4fcf4ae65"),
    ];
    for (group, expect) in expect {
        let private = Secret::new((0..64).collect());
        let pair = DhKeyPair { group, private, public: vec![] };
        let shared = pair.agree(&integer(&[4])).unwrap();
        let hash = super::super::algorithm::DigestAlgorithm::Sha256.digest(shared.expose());
        assert_eq!(
            hash.iter().map(|octet| format!("{octet:02x}")).collect::<alloc::string::String>(),
            expect,
            "{group}"
        );
    }
}

/// 0, 1, p - 1, p, p + 1 and a number that is no square: with any of them a secret, or a bit of the private key, would be known.
#[test]
fn public_values_outside_of_the_subgroup_are_refused() {
    for group in MODP {
        let pair = DhKeyPair::generate(group, &OsRandom).unwrap();
        let p = prime(group);
        let with_last = |last: u8| [&p[..p.len() - 1], &[last]].concat();
        // p is 7 modulo 8: -1 is no square, so neither is p - 4, while 4 and 2 are.
        assert_eq!(p[p.len() - 1], 0xff);
        let longer = [&[1], p.as_slice()].concat();
        let bad = [vec![0], vec![1], with_last(0xfe), p.clone(), with_last(0xfb), longer];
        for value in bad {
            assert_eq!(pair.agree(&integer(&value)).unwrap_err(), PublicValueError, "{group} {value:x?}");
        }
        assert!(pair.agree(&integer(&[2])).is_ok() && pair.agree(&integer(&[4])).is_ok());
        for broken in [&[][..], &[2, 0], &[2, 2, 0, 4], &[2, 1, 0x80], &[2, 1, 4, 0], &[4, 1, 4]] {
            assert_eq!(pair.agree(broken).unwrap_err(), PublicValueError, "{broken:x?}");
        }
    }
}

/// An invalid-curve attack: points that are on another curve, at infinity, or of no form that is known.
#[test]
fn points_that_are_not_on_the_curve_are_refused() {
    for group in [DhGroup::P256, DhGroup::P384, DhGroup::P521] {
        let pair = DhKeyPair::generate(group, &OsRandom).unwrap();
        let point = DhKeyPair::generate(group, &OsRandom).unwrap().public_value().to_vec();
        for at in 1..point.len() {
            let mut off = point.clone();
            off[at] ^= 1;
            assert_eq!(pair.agree(&off).unwrap_err(), PublicValueError, "{group} {at}");
        }
        for cut in 0..point.len() {
            assert_eq!(pair.agree(&point[..cut]).unwrap_err(), PublicValueError, "{group} {cut}");
        }
        assert_eq!(pair.agree(&[0]).unwrap_err(), PublicValueError);
        assert_eq!(pair.agree(&[&[4], vec![0; point.len() - 1].as_slice()].concat()).unwrap_err(), PublicValueError);
        assert!(pair.agree(&point).is_ok());
    }
}

/// Parameters are compared with those known, never computed with: another prime, generator or factor names no group.
#[test]
fn unknown_domain_parameters_name_no_group() {
    let spell = |p: &[u8], g: &[u8], rest: &[u8]| {
        der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                fields.oid(DH_PUBLIC_NUMBER);
                fields.nested(tag::SEQUENCE, |numbers| {
                    numbers.raw(&integer(p));
                    numbers.raw(&integer(g));
                    numbers.raw(rest);
                });
            });
        })
    };
    for group in MODP {
        let p = prime(group);
        let other = [&p[..p.len() - 1], &[0xfd]].concat();
        assert_eq!(DhGroup::of_parameters(&spell(&p, &[2], &[])), Some(group));
        assert_eq!(DhGroup::of_parameters(&spell(&p, &[2], &integer(&[0]))), Some(group));
        assert_eq!(DhGroup::of_parameters(&spell(&p, &[2], &integer(&[5]))), None);
        assert_eq!(DhGroup::of_parameters(&spell(&p, &[1], &[])), None);
        assert_eq!(DhGroup::of_parameters(&spell(&p, &[3], &[])), None);
        assert_eq!(DhGroup::of_parameters(&spell(&other, &[2], &[])), None);
        assert_eq!(DhGroup::of_parameters(&[&spell(&p, &[2], &[])[..], &[0]].concat()), None);
    }
    let curve = |oid: &str| {
        der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                fields.oid(EC_PUBLIC_KEY);
                fields.oid(ObjectIdentifier::new_unwrap(oid));
            });
        })
    };
    assert_eq!(DhGroup::of_parameters(&curve("1.2.840.10045.3.1.7")), Some(DhGroup::P256));
    assert_eq!(DhGroup::of_parameters(&curve("1.3.132.0.33")), None);
}
