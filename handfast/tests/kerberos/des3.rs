//! des3-cbc-sha1-kd (RFC 3961 6.3): for tickets alone, and where a policy names it.

use crate::forged::{ASKED, ap_req, field, refusal_of};
use crate::pair::*;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::KeyRef;
use handfast::*;

const DES3: Enctype = Enctype::DES3_CBC_SHA1_KD;
const AES: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

fn des3_key() -> EncryptionKey {
    EncryptionKey::random_to_key(DES3, &[6; 21]).unwrap()
}

/// What an acceptor says to this ticket and authenticator, with or without a subkey.
fn said(
    server_policy: Policy,
    ticket: Enctype,
    session: &EncryptionKey,
    subkey: Option<EncryptionKey>,
) -> Option<Refusal> {
    let subkey: Option<&'static EncryptionKey> = subkey.map(|key| &*Box::leak(Box::new(key)));
    let pair = Pair { session_key: session.clone(), server_policy, ..Pair::new(ticket) };
    let asked = field(ASKED | Flags::INTEGRITY);
    refusal_of(pair, |pair| ap_req(pair, &asked, session.enctype(), |said| said.subkey = subkey.map(KeyRef::from)))
}

#[test]
fn an_acceptor_takes_tickets_where_its_policy_names_them_and_no_session_keys() {
    let refused = Some(Refusal::EnctypeNotPermitted(DES3));
    let (default, named) = (Policy::default, || Policy::default().weak_des3_tickets());
    let aes = Pair::new(AES).session_key;
    assert_eq!(said(default(), DES3, &aes, None), refused);
    assert_eq!(said(default().weak_rc4().weak_rc4_tickets(), DES3, &aes, None), refused);
    assert_eq!(said(named(), DES3, &aes, None), None);
    assert_eq!(said(named(), DES3, &des3_key(), None), refused);
    assert_eq!(said(named(), DES3, &aes, Some(des3_key())), refused);
    assert_eq!(said(named(), AES, &des3_key(), None), refused);
    let rc4 = Some(Refusal::EnctypeNotPermitted(Enctype::RC4_HMAC));
    assert_eq!(said(named(), Enctype::RC4_HMAC, &aes, None), rc4);
}

#[test]
fn an_initiator_presents_no_ticket_with_such_a_session_key() {
    let pair = Pair { client_policy: Policy::default().weak_des3_tickets(), session_key: des3_key(), ..Pair::new(AES) };
    let target = ServiceName::principal(pair.service.clone());
    let (initiator, credential) = (pair.initiator(), pair.credential());
    let error = initiator.to(&target).credential(&credential).begin(now(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::Credential(CredentialError::NoTicket { .. })), "{error}");
}

#[test]
fn contexts_are_made_of_tickets_of_every_length_of_padding() {
    for length in 1..=16 {
        let client: Principal = format!("{}@EXAMPLE.COM", "a".repeat(length)).parse().unwrap();
        let (ticket_client, server_policy) = (client.clone(), Policy::default().weak_des3_tickets());
        let session_key = Pair::new(AES).session_key;
        let mut pair = Pair { client: client.clone(), ticket_client, server_policy, session_key, ..Pair::new(DES3) };
        let (_, server) = pair.contexts();
        assert_eq!(server.peer().to_string(), client.to_string());
    }
}
