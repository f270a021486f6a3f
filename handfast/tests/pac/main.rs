//! The PAC (MS-PAC): those of Samba, MIT krb5 and Windows, damage to them, and forged ones.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code, its functions that aren't tests too"
)]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test crate uses its part")]
mod support;

mod damage;
mod forged;
mod past_vulnerabilities;
mod told;

use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::EncTicketPart;
use handfast::krb5::pac::{Pac, SignatureKey, find_pac};
use support::{Case, cases, hex};

const VECTORS: &str = include_str!("../vectors/pac.txt");

fn vectors() -> Vec<Case> {
    cases(VECTORS)
}

/// The case whose name begins so.
fn vector(name: &str) -> Case {
    vectors().into_iter().find(|case| case.name.starts_with(name)).unwrap()
}

const SAMBA: &str = "ticket of Samba 4.17.12 for alice to HTTP/web.ad.test";

/// The PAC of a case, and the ticket that it came in.
fn pac_of(case: &Case) -> (Vec<u8>, Option<EncTicketPart<'_>>) {
    if case.name.starts_with("PAC ") {
        return (case.file.clone(), None);
    }
    let part = EncTicketPart::decode(&case.file).unwrap();
    (find_pac(&part.authorization_data).unwrap().unwrap().to_vec(), Some(part))
}

/// The key of an `expect:` line of that first word, if the case has one.
fn key_of(case: &Case, which: &str) -> Option<SignatureKey> {
    let line = case.expect.iter().find_map(|line| line.strip_prefix(which)?.strip_prefix(' '))?;
    let (enctype, octets) = line.split_once(' ').unwrap();
    Some(SignatureKey::new(&EncryptionKey::new(enctype.parse::<Enctype>().unwrap(), hex(octets)).unwrap()).unwrap())
}

fn signature_key(enctype: Enctype, octet: u8) -> SignatureKey {
    let octets = vec![octet; enctype.key_size().unwrap()];
    SignatureKey::new(&EncryptionKey::new(enctype, octets).unwrap()).unwrap()
}

#[test]
fn every_signature_of_every_ticket_holds() {
    let mut checked = 0;
    for case in vectors() {
        let (bytes, Some(ticket)) = pac_of(&case) else { continue };
        let pac = Pac::decode(&bytes).unwrap();
        let (server, kdc) = (key_of(&case, "server-key").unwrap(), key_of(&case, "kdc-key").unwrap());
        assert_eq!(pac.verify(&ticket, &server), Ok(()), "{}", case.name);
        assert_eq!(pac.verify_kdc_signature(&kdc), Ok(()), "{}", case.name);
        let for_a_service = !case.name.contains("krbtgt");
        // MIT krb5 makes no full signature before 1.21.
        let full = case.name.contains("Samba");
        assert_eq!(pac.verify_kdc_signatures(&ticket, &kdc, full).is_ok(), for_a_service, "{}", case.name);
        checked += 1;
    }
    assert_eq!(checked, 4);
}
