//! PKINIT's parsers: certificates, lists, signed messages, files with private keys.

use handfast::Time;
use handfast::krb5::pkinit::{
    Certificate, CertificateRules, ContentType, KdcRules, PkinitIdentity, RevocationList, SignedData, TrustAnchors,
    certificates_in_pem,
};

/// The certificates and messages that the core's own tests read.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../handfast/tests/pkinit");
const AUTHORITY: &[u8] = include_bytes!("../../handfast/tests/pkinit/ca.pem");

fn now() -> Time {
    Time::from_unix_seconds(1_800_000_000)
}

fn anchors() -> TrustAnchors {
    TrustAnchors::from_pem(AUTHORITY).expect("the tests' own")
}

/// A certificate, or a list of revoked ones: none leads to the authority but what it has issued.
pub fn x509(data: &[u8]) {
    let Some((selector, der)) = data.split_first() else { return };
    if selector % 2 == 1 {
        let Ok(list) = RevocationList::decode(der) else { return };
        let anchors = anchors().with_revocation_lists([list]);
        let own = anchors.anchors()[0].clone();
        return drop(std::hint::black_box(anchors.check(&own, &[], &CertificateRules::default(), now())));
    }
    let Ok(certificate) = Certificate::decode(der) else { return };
    assert_eq!(certificate.der(), der);
    std::hint::black_box((certificate.names(), certificate.subject().to_string()));
    std::hint::black_box(KdcRules::default().check(&certificate, "TEST.REALM").is_ok());
    if anchors().check(&certificate, &[], &CertificateRules::default(), now()).is_ok() {
        assert!(issued().iter().any(|genuine| genuine == der), "nobody has issued it");
    }
}

/// The DER of all certificates that the authority has issued.
fn issued() -> Vec<Vec<u8>> {
    files("pem")
        .iter()
        .flat_map(|text| certificates_in_pem(text).expect("ours"))
        .map(|one| one.der().to_vec())
        .collect()
}

/// A signed message: no content but the one that the KDC's keys have signed.
pub fn signed_data(data: &[u8]) {
    let Ok(signed) = SignedData::decode(data) else { return };
    let _ = signed.unsigned_content(ContentType::AuthData);
    let rules = CertificateRules { weak_sha1: true, ..CertificateRules::default() };
    if let Ok(signer) = signed.verify(ContentType::DhKeyData, &anchors(), &rules, now()) {
        let content = signer.content_of_kdc("TEST.REALM", &KdcRules::default());
        assert!(content.is_err() || content == Ok(b"content"), "nobody has signed it");
    }
}

/// A file of PKCS #12, or of PEM: whoever reads it signs with the key of its certificate.
pub fn identity(data: &[u8]) {
    let Some((selector, file)) = data.split_first() else { return };
    // Many iterations are slow, not wrong.
    let read = if selector % 2 == 0 {
        if file.windows(5).any(|window| matches!(window, [2, 2, 0x20..=0xff, ..] | [2, 3..=8, ..])) {
            return;
        }
        PkinitIdentity::from_pkcs12(file, "geheim")
    } else {
        PkinitIdentity::from_pem(file, file, Some(b"geheim"))
    };
    let Ok(identity) = read else { return };
    assert!(identity.holds_key() && !identity.chain().is_empty());
}

fn files(extension: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(FILES).expect("the tests' folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file of the tests")).collect()
}

fn behind(selector: u8, files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    files.into_iter().map(|file| [&[selector], &file[..]].concat()).collect()
}

/// For `x509`.
pub fn x509_seeds() -> Vec<Vec<u8>> {
    behind(0, issued())
}

/// For `signed_data`.
pub fn signed_data_seeds() -> Vec<Vec<u8>> {
    files("cms")
}

/// For `identity`: files of PKCS #12, and each key behind each certificate.
pub fn identity_seeds() -> Vec<Vec<u8>> {
    let (certificates, keys) = (files("pem"), files("key"));
    let texts = keys.iter().flat_map(|key| certificates.iter().map(|one| [one.as_slice(), key].concat())).collect();
    [behind(0, files("p12")), behind(1, texts)].concat()
}
