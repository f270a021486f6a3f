//! Certificates with their keys, as files have them.

use super::*;
use crate::asn1::DerReader;

const PASSWORD: &str = "geheim";

fn user(certificate: &[u8]) -> Certificate {
    certificates_in_pem(certificate).unwrap()[0].clone()
}

#[test]
fn keys_in_every_form() {
    let (rsa, ec) = (data!("user-rsa.pem"), data!("user-ec.pem"));
    for (certificate, key, password) in [
        (rsa, data!("user-rsa.key"), None),
        (rsa, data!("user-rsa-pkcs1.key"), None),
        (rsa, data!("user-rsa-encrypted.key"), Some(PASSWORD.as_bytes())),
        (ec, data!("user-ec.key"), None),
        (ec, data!("user-ec-sec1.key"), None),
        (ec, data!("user-ec-encrypted.key"), Some(PASSWORD.as_bytes())),
    ] {
        let identity = PkinitIdentity::from_pem(certificate, key, password).unwrap();
        assert_eq!(identity.certificate(), &user(certificate));
    }
    let both = [data!("ca.pem"), data!("user-ec.key"), b"\nwords\n", data!("user-ec.pem")].concat();
    let identity = PkinitIdentity::from_pem(&both, &both, None).unwrap();
    assert_eq!(identity.certificate(), &user(ec));
    assert_eq!(identity.chain().len(), 2);
}

#[test]
fn keys_and_certificates_of_pkcs12() {
    for (file, certificate) in [
        (data!("user-rsa.p12"), data!("user-rsa.pem")),
        (data!("user-ec.p12"), data!("user-ec.pem")),
        (data!("sha1-mac.p12"), data!("user-rsa.pem")),
    ] {
        let identity = PkinitIdentity::from_pkcs12(file, PASSWORD).unwrap();
        assert_eq!(identity.certificate(), &user(certificate));
        assert!(identity.holds_key());
        for wrong in ["", "geheim ", "Geheim"] {
            let outcome = PkinitIdentity::from_pkcs12(file, wrong);
            assert!(matches!(outcome, Err(IdentityError::WrongPassword)), "{outcome:?}");
        }
    }
    let legacy = PkinitIdentity::from_pkcs12(data!("legacy.p12"), PASSWORD);
    assert!(matches!(legacy, Err(IdentityError::Encryption { .. })), "{legacy:?}");
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let from = |certificate, key, password| PkinitIdentity::from_pem(certificate, key, password).map(|_| ());
    let (certificate, encrypted) = (data!("user-rsa.pem"), data!("user-rsa-encrypted.key"));
    assert_eq!(from(certificate, encrypted, None), Err(IdentityError::NoPassword));
    assert_eq!(from(certificate, encrypted, Some(b"x")), Err(IdentityError::WrongPassword));
    assert_eq!(from(certificate, certificate, None), Err(IdentityError::Missing("private key")));
    assert_eq!(from(b"", certificate, None), Err(IdentityError::Missing("certificate")));
    assert_eq!(from(certificate, data!("user-ec.key"), None), Err(IdentityError::KeyOfAnother));
    assert_eq!(from(b"-----BEGIN CERTIFICATE-----\nMAA=\n", b"", None), Err(IdentityError::Pem { offset: 0 }));
    let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
    assert!(matches!(from(certificate, old, None), Err(IdentityError::Encryption { .. })));
    assert!(matches!(PkinitIdentity::with_key_outside([]), Err(IdentityError::Missing(_))));
}

/// A file must not make its reader compute for hours.
#[test]
fn iterations_are_bounded() {
    use super::super::key_text::{ITERATION_LIMIT, iterations};
    assert_eq!(iterations(i64::from(ITERATION_LIMIT)), Ok(ITERATION_LIMIT));
    for count in [0, -1, i64::from(ITERATION_LIMIT) + 1, i64::MAX] {
        assert!(matches!(iterations(count), Err(IdentityError::Iterations { .. })), "{count}");
    }
    // 2048 in the MAC of the file, at its end, as 0x7fffff.
    let mut file = data!("user-ec.p12").to_vec();
    let at = file.len() - 4;
    assert_eq!(file[at..], [2, 2, 8, 0]);
    file[at + 1] = 3;
    file.splice(at + 2.., [0x7f, 0xff, 0xff]);
    lengthen(&mut file);
    let outcome = PkinitIdentity::from_pkcs12(&file, PASSWORD);
    assert!(matches!(outcome, Err(IdentityError::Iterations { .. })), "{outcome:?}");
}

/// One octet more in the whole, and in the last element of it.
fn lengthen(file: &mut [u8]) {
    let total = u16::from_be_bytes([file[2], file[3]]) + 1;
    file[2..4].copy_from_slice(&total.to_be_bytes());
    let mut reader = DerReader::new("test", &file[4..]);
    reader.any().unwrap();
    let safe = reader.any().unwrap().len();
    file[4 + 3 + safe + 1] += 1;
}

/// The key of a MAC, as another implementation has it: RFC 7292 B.2 has no example, so OpenSSL's files are it.
#[test]
fn a_damaged_file_has_a_wrong_mac() {
    let mut file = data!("user-rsa.p12").to_vec();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    assert!(matches!(PkinitIdentity::from_pkcs12(&file, PASSWORD), Err(IdentityError::WrongPassword)));
}

#[test]
fn nothing_shows_a_key() {
    let shown = alloc::format!("{:?}", kdc_rsa());
    assert_eq!(shown.matches("PkinitIdentity").count(), 1);
    assert!(shown.contains("CN=kdc rsa,O=Test") && shown.len() < 300, "{shown}");
}
