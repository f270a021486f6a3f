//! Signed messages (RFC 5652 5): what is verified, and what must not be.

use super::forge::{self, Draft};
use super::*;
use crate::asn1::{DerWriter, der_of, tag};
use crate::crypto::SignatureAlgorithm;

#[test]
fn what_openssl_signed_is_verified() {
    for message in [
        data!("kdc-rsa.cms"),
        data!("kdc-ec.cms"),
        data!("kdc-secp384r1.cms"),
        data!("kdc-secp521r1.cms"),
        data!("by-key-identifier.cms"),
    ] {
        assert_eq!(verify(message, &anchors()).unwrap(), b"content");
    }
}

#[test]
fn what_we_sign_is_verified() {
    let of = |certificate, key| PkinitIdentity::from_pem(certificate, key, None).unwrap();
    for kdc in [
        kdc_rsa(),
        of(data!("kdc-ec.pem"), data!("kdc-ec.key")),
        of(data!("kdc-secp384r1.pem"), data!("kdc-secp384r1.key")),
        of(data!("kdc-secp521r1.pem"), data!("kdc-secp521r1.key")),
    ] {
        let message = signed_by(&kdc, ContentType::DhKeyData, b"content");
        assert_eq!(verify(&message, &anchors()).unwrap(), b"content");
    }
}

/// A message for one exchange must not pass in another (the content type is what tells them apart).
#[test]
fn the_content_is_of_the_type_that_is_asked_for() {
    for other in [ContentType::AuthData, ContentType::RkeyData] {
        let outcome = verify(&signed_by(&kdc_rsa(), other, b"content"), &anchors());
        assert!(matches!(outcome, Err(CertificateError::ContentType { .. })), "{outcome:?}");
    }
    let mut lie = signed_by(&kdc_rsa(), ContentType::AuthData, b"content");
    replace_first(&mut lie, &der_oid("1.3.6.1.5.2.3.1"), &der_oid("1.3.6.1.5.2.3.2"));
    let outcome = verify(&lie, &anchors());
    assert!(matches!(outcome, Err(CertificateError::ContentType { .. })), "{outcome:?}");
}

fn der_oid(dotted: &str) -> Vec<u8> {
    der_of(|writer| writer.oid(forge::oid(dotted)))
}

fn replace_first(octets: &mut [u8], from: &[u8], to: &[u8]) {
    let at = octets.windows(from.len()).position(|window| window == from).unwrap();
    octets[at..at + to.len()].copy_from_slice(to);
}

#[test]
fn another_content_has_another_digest() {
    let mut message = data!("kdc-rsa.cms").to_vec();
    replace_first(&mut message, b"content", b"contend");
    assert_eq!(verify(&message, &anchors()), Err(CertificateError::Digest));
}

#[test]
fn a_changed_signature_is_refused() {
    for message in [data!("kdc-rsa.cms"), data!("kdc-ec.cms")] {
        let mut message = message.to_vec();
        *message.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&message, &anchors()), Err(CertificateError::Signature { of: "a message" }));
    }
}

#[test]
fn the_signatures_hash_is_the_one_that_is_named_beside_it() {
    let mut message = signed_by(&kdc_rsa(), ContentType::DhKeyData, b"content");
    let (sha256, sha512) = (der_oid("2.16.840.1.101.3.4.2.1"), der_oid("2.16.840.1.101.3.4.2.3"));
    let last = message.windows(sha256.len()).rposition(|window| window == sha256).unwrap();
    replace_first(&mut message[last..], &sha256, &sha512);
    let outcome = verify(&message, &anchors());
    assert!(matches!(outcome, Err(CertificateError::Algorithm { .. })), "{outcome:?}");
}

/// Without signed attributes, a signature over some attributes can be shown as one over a content, and the other way round (CMS
/// implementations fell to that in 2023); RFC 5652 5.3 wants them here.
#[test]
fn a_signature_without_signed_attributes_is_refused() {
    assert_eq!(verify(data!("without-attributes.cms"), &anchors()), Err(CertificateError::Digest));
}

#[test]
fn there_is_one_signer() {
    assert_eq!(verify(data!("two-signers.cms"), &anchors()), Err(CertificateError::Signers { count: 2 }));
    let unsigned = SignedData::unsigned(ContentType::DhKeyData, b"content");
    assert_eq!(verify(&unsigned, &anchors()), Err(CertificateError::Unsigned));
}

/// Whoever drops the signature is anonymous, and never the signer.
#[test]
fn what_is_signed_is_not_anonymous_and_the_other_way_round() {
    let unsigned = SignedData::unsigned(ContentType::AuthData, b"content");
    let unsigned = SignedData::decode(&unsigned).unwrap();
    assert!(!unsigned.is_signed());
    assert_eq!(unsigned.unsigned_content(ContentType::AuthData), Ok(b"content".as_slice()));
    assert!(matches!(unsigned.unsigned_content(ContentType::DhKeyData), Err(CertificateError::ContentType { .. })));
    let signed = SignedData::decode(data!("kdc-rsa.cms")).unwrap();
    assert_eq!(signed.unsigned_content(ContentType::DhKeyData), Err(CertificateError::Signers { count: 1 }));
}

#[test]
fn a_signature_over_sha1_is_refused_unless_it_is_named() {
    let outcome = verify(data!("sha1.cms"), &anchors());
    assert_eq!(outcome, Err(CertificateError::WeakAlgorithm { algorithm: SignatureAlgorithm::RsaSha1 }));
    let signed = SignedData::decode(data!("sha1.cms")).unwrap();
    let rules = CertificateRules { weak_sha1: true, ..CertificateRules::default() };
    signed.verify(ContentType::DhKeyData, &anchors(), &rules, now()).unwrap();
}

#[test]
fn another_authoritys_kdc_is_refused() {
    let root = Draft::authority("root", 1, "root", 1).sign();
    let kdc = forge::identity(&Draft::kdc("root", 1), &[]);
    let message = signed_by(&kdc, ContentType::DhKeyData, b"content");
    assert_eq!(verify(&message, &TrustAnchors::new([root])).unwrap(), b"content");
    let outcome = verify(&message, &anchors());
    assert!(matches!(outcome, Err(CertificateError::NoPath { .. })), "{outcome:?}");
    assert!(verify(&message, &TrustAnchors::default()).is_err());
}

#[test]
fn certificates_on_the_way_come_with_the_message() {
    let between = Draft::authority("between", 2, "root", 1).sign();
    let kdc = forge::identity(&Draft::kdc("between", 2), &[between]);
    let root = Draft::authority("root", 1, "root", 1).sign();
    let message = signed_by(&kdc, ContentType::DhKeyData, b"content");
    assert_eq!(verify(&message, &TrustAnchors::new([root])).unwrap(), b"content");
}

/// The certificate that counts is the signer's, not the first that came.
#[test]
fn the_signers_certificate_is_the_one_that_counts() {
    let root = Draft::authority("root", 1, "root", 1).sign();
    let mut user = Draft::kdc("root", 1).with(forge::PURPOSE, false, forge::purposes(&["1.3.6.1.5.2.3.4"]));
    (user.key, user.serial) = (8, 8);
    let user = forge::identity(&user, &[Draft::kdc("root", 1).sign()]);
    let outcome = verify(&signed_by(&user, ContentType::DhKeyData, b"content"), &TrustAnchors::new([root]));
    assert!(matches!(outcome, Err(CertificateError::Purpose { .. })), "{outcome:?}");
}

#[test]
fn a_wrong_signature_is_not_sent() {
    let kdc = kdc_rsa();
    let message = ToSign::new(ContentType::AuthData, b"content", &kdc).unwrap();
    let mut signature = kdc.sign(&message, &Counting).unwrap();
    signature[9] ^= 1;
    assert!(matches!(message.finish(&signature), Err(CertificateError::Signature { .. })));
}

/// A smart card answers: the certificate is here, the key is outside.
#[test]
fn a_key_that_is_outside_signs_the_octets() {
    let held = kdc_rsa();
    let outside = PkinitIdentity::with_key_outside([held.certificate().clone()]).unwrap();
    let message = ToSign::new(ContentType::DhKeyData, b"content", &outside).unwrap();
    assert_eq!(outside.sign(&message, &Counting), Err(IdentityError::KeyOutside));
    let signature = held.sign_octets(message.algorithm(), message.octets(), &Counting).unwrap();
    assert_eq!(verify(&message.finish(&signature).unwrap(), &anchors()).unwrap(), b"content");
    assert!(held.sign_octets(SignatureAlgorithm::EcdsaSha256, b"", &Counting).is_err());
}

fn rsa_key_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = der_of(|writer| {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.primitive(tag::INTEGER, &[&[0], modulus].concat());
            fields.primitive(tag::INTEGER, exponent);
        });
    });
    key_info("1.2.840.113549.1.1.1", |algorithm| algorithm.primitive(tag::NULL, &[]), &key)
}

fn key_info(kind: &str, parameters: impl FnOnce(&mut DerWriter<'_>), key: &[u8]) -> Vec<u8> {
    der_of(|writer| {
        writer.nested(tag::SEQUENCE, |info| {
            info.nested(tag::SEQUENCE, |algorithm| {
                algorithm.oid(forge::oid(kind));
                parameters(algorithm);
            });
            info.primitive(tag::BIT_STRING, &[&[0], key].concat());
        });
    })
}

/// Signatures made without the key, for exponent 3 (2006): a cube whose first octets are right padding and digest, with anything
/// behind them. Readers that took the padding apart did not look to the end.
#[test]
fn short_padding_with_anything_behind_it_is_no_signature() {
    use super::super::public_key::{PublicKey, pkcs1};
    use rsa::BigUint;
    let modulus = [&[0xc1][..], &[0x55; 254], &[0x01]].concat();
    let key = PublicKey::decode(&rsa_key_info(&modulus, &[3])).unwrap();
    let digest = super::super::algorithm::DigestAlgorithm::Sha256;
    let scheme = pkcs1(digest);
    let hash = digest.digest(b"forged");
    let start = [&[0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], &scheme.prefix[..], &hash].concat();
    let wanted = [start.as_slice(), &alloc::vec![0xff; 256 - start.len()]].concat();
    let root = cube_root(&BigUint::from_bytes_be(&wanted));
    let cube = (&root * &root * &root).to_bytes_be();
    assert_eq!(cube[..start.len() - 1], start[1..], "the forgery is a good one");
    let signature = [alloc::vec![0; 256 - root.to_bytes_be().len()], root.to_bytes_be()].concat();
    assert!(!key.verifies(SignatureAlgorithm::RsaSha256, b"forged", &signature));
}

fn cube_root(number: &rsa::BigUint) -> rsa::BigUint {
    use rsa::BigUint;
    let mut root = BigUint::from(0_u8);
    for bit in (0..700_usize).rev() {
        let tried = &root + (BigUint::from(1_u8) << bit);
        if &tried * &tried * &tried <= *number {
            root = tried;
        }
    }
    root
}

/// r = s = 0 verified under every key in one library (2022).
#[test]
fn zeros_are_no_ecdsa_signature() {
    let key = Draft::kdc("root", 1).sign().public_key().unwrap();
    let zeros = [0x30, 6, 2, 1, 0, 2, 1, 0];
    assert!(!key.verifies(SignatureAlgorithm::EcdsaSha256, b"", &zeros));
    assert!(!key.verifies(SignatureAlgorithm::EcdsaSha256, b"", &[]));
}

/// A curve of the signer's own choice, with its parameters written out, made any key match (2020): curves are named.
#[test]
fn curves_with_parameters_of_their_own_are_refused() {
    let explicit = |algorithm: &mut DerWriter<'_>| algorithm.nested(tag::SEQUENCE, |fields| fields.integer(1));
    let mut kdc = Draft::kdc("root", 1);
    kdc.key_info = Some(key_info("1.2.840.10045.2.1", explicit, &[4; 65]));
    assert!(matches!(kdc.sign().public_key(), Err(CertificateError::Decode(_))));
    let p256 = |algorithm: &mut DerWriter<'_>| algorithm.oid(forge::oid("1.2.840.10045.3.1.7"));
    kdc.key_info = Some(key_info("1.2.840.10045.2.1", p256, &[4; 65]));
    assert!(matches!(kdc.sign().public_key(), Err(CertificateError::PublicKey { .. })));
    kdc.key_info = Some(key_info("1.2.840.10045.2.1", p256, &[0]));
    assert!(matches!(kdc.sign().public_key(), Err(CertificateError::PublicKey { .. })));
}

#[test]
fn short_and_odd_rsa_keys_are_refused() {
    let mut kdc = Draft::kdc("root", 1);
    let short = [&[0xc1][..], &[0x55; 126], &[0x01]].concat();
    let long = [&[0xc1][..], &[0x55; 1024], &[0x01]].concat();
    let even = [&[0xc1][..], &[0x55; 254], &[0x02]].concat();
    let right = [&[0xc1][..], &[0x55; 254], &[0x01]].concat();
    for (modulus, exponent) in [(short, 3_u8), (long, 3), (even, 3), (right.clone(), 1), (right, 2)] {
        kdc.key_info = Some(rsa_key_info(&modulus, &[exponent]));
        assert!(matches!(kdc.sign().public_key(), Err(CertificateError::PublicKey { .. })));
    }
}

/// An algorithm goes with its own kind of key alone.
#[test]
fn algorithms_of_other_keys_are_refused() {
    let (rsa, ec) = (kdc_rsa(), forge::identity(&Draft::kdc("root", 1), &[]));
    let signature = |identity: &PkinitIdentity, algorithm| identity.sign_octets(algorithm, b"x", &Counting).unwrap();
    let by_rsa = signature(&rsa, SignatureAlgorithm::RsaSha256);
    let by_ec = signature(&ec, SignatureAlgorithm::EcdsaSha256);
    let keys = [rsa.certificate().public_key().unwrap(), ec.certificate().public_key().unwrap()];
    for algorithm in [
        SignatureAlgorithm::RsaSha256,
        SignatureAlgorithm::RsaSha384,
        SignatureAlgorithm::RsaSha512,
        SignatureAlgorithm::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384,
        SignatureAlgorithm::EcdsaSha512,
    ] {
        for (place, key) in keys.iter().enumerate() {
            let right = [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::EcdsaSha256][place] == algorithm;
            assert_eq!(key.verifies(algorithm, b"x", &by_rsa), right && place == 0, "{algorithm}");
            assert_eq!(key.verifies(algorithm, b"x", &by_ec), right && place == 1, "{algorithm}");
        }
    }
}
