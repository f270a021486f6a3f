//! Channel bindings against hashes that OpenSSL computed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

mod support;

use handfast::{ChannelAddress, ChannelBindings, ServerEndPointError};
use support::{cases, hex, to_hex};

const VECTORS: &str = include_str!("vectors/server-end-point.txt");

fn certificate(name: &str) -> Vec<u8> {
    cases(VECTORS).into_iter().find(|case| case.name == name).unwrap().file
}

#[test]
fn a_certificates_hash_goes_by_its_signature_algorithm() {
    for case in cases(VECTORS) {
        let lines = match ChannelBindings::tls_server_end_point(&case.file) {
            Ok(bindings) => {
                let hash = bindings.application_data().strip_prefix(b"tls-server-end-point:").unwrap();
                vec![format!("hash {}", to_hex(hash)), format!("md5 {}", to_hex(&bindings.gss_hash()))]
            }
            Err(ServerEndPointError::Undefined { algorithm }) => vec![format!("undefined {algorithm}")],
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(lines, case.expect, "{}", case.name);
    }
}

#[test]
fn undefined_bindings_say_what_to_do() {
    let error = ChannelBindings::tls_server_end_point(&certificate("ed25519")).unwrap_err().to_string();
    assert!(error.contains("1.3.101.112") && error.contains("tls-exporter"), "{error}");
}

#[test]
fn damaged_certificates_are_refused_or_hashed_but_never_panic() {
    for name in ["ecdsa-sha384", "pss-sha384", "ed25519"] {
        let whole = certificate(name);
        for cut in 0..whole.len() {
            let error = ChannelBindings::tls_server_end_point(&whole[..cut]).unwrap_err();
            assert_eq!(error, ServerEndPointError::Malformed);
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 1 << (position % 8);
            let _ = ChannelBindings::tls_server_end_point(&damaged);
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(ChannelBindings::tls_server_end_point(&longer).unwrap_err(), ServerEndPointError::Malformed);
    }
}

/// The hashes are `openssl dgst -md5` over the bytes that RFC 4121 4.1.1.2 describes.
#[test]
fn the_hash_covers_every_part() {
    let end = |last| ChannelAddress { addr_type: 2, address: vec![127, 0, 0, last] };
    let whole = ChannelBindings::from_parts(end(1), end(2), b"hello".to_vec());
    assert_eq!(to_hex(&whole.gss_hash()), "a8d8d0baab1dd74b60319f280dc0426a");
    assert_eq!(to_hex(&ChannelBindings::tls_exporter(&[0x2a; 32]).gss_hash()), "78ff8eb4658c30c6393d965d692fbbf6");
    let finished: Vec<u8> = (0..12).collect();
    assert_eq!(to_hex(&ChannelBindings::tls_unique(&finished).gss_hash()), "7e5349b5695138957cdd92d99e2e11ea");
}

#[test]
fn only_the_own_hash_matches() {
    let bindings = ChannelBindings::raw(b"hello".to_vec());
    assert!(bindings.matches(&bindings.gss_hash()));
    let mut other = bindings.gss_hash();
    other[15] ^= 1;
    assert!(!bindings.matches(&other));
    assert!(!bindings.matches(&bindings.gss_hash()[..15]));
    assert!(!bindings.matches(&ChannelBindings::NO_BINDINGS_HASH));
    assert!(!bindings.matches(&[]));
    assert_eq!(to_hex(&bindings.gss_hash()), to_hex(&ChannelBindings::raw(hex("68656c6c6f")).gss_hash()));
}

#[test]
fn bindings_differ_in_every_part() {
    let end = |last| ChannelAddress { addr_type: 2, address: vec![127, 0, 0, last] };
    let bindings = ChannelBindings::from_parts(end(1), end(2), b"x".to_vec());
    assert_eq!(bindings, bindings.clone());
    assert_ne!(bindings, ChannelBindings::from_parts(end(3), end(2), b"x".to_vec()));
    assert_ne!(bindings, ChannelBindings::from_parts(end(1), end(3), b"x".to_vec()));
    assert_ne!(bindings, ChannelBindings::from_parts(end(1), end(2), b"y".to_vec()));
}

#[test]
fn debug_shows_the_type_only() {
    let text = format!("{:?}", ChannelBindings::tls_exporter(&[0x2a; 32]));
    assert_eq!(text, "ChannelBindings(tls-exporter, 45 bytes)");
}
