//! PACs: what can be read can be written, signed and checked, and nobody else's signature holds.

use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::EncTicketPart;
use handfast::krb5::pac::{DelegationInfo, LogonInfo, Pac, PacBuilder, PacInfo, SignatureKey, UpnDnsInfo, find_pac};
use std::sync::OnceLock;

fn keys() -> &'static (SignatureKey, SignatureKey) {
    static KEYS: OnceLock<(SignatureKey, SignatureKey)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let key = |octet| EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, [octet; 16]).expect("its size");
        let schedule = |octet| SignatureKey::new(&key(octet)).expect("an enctype of ours");
        (schedule(1), schedule(2))
    })
}

/// A PAC, or the decrypted part of a ticket that holds one.
pub fn pac(data: &[u8]) {
    if let Ok(ticket) = EncTicketPart::decode(data) {
        let _ = handfast::krb5::pac::ticket_to_sign(&ticket);
        if let Ok(Some(pac)) = find_pac(&ticket.authorization_data) {
            check(pac);
        }
    } else {
        check(data);
    }
}

fn check(bytes: &[u8]) {
    let Ok(pac) = Pac::decode(bytes) else { return };
    let (server, kdc) = keys();
    assert!(pac.verify_server_signature(server).is_err(), "nobody but we has the key");
    let (client_claims, device_claims) = (pac.client_claims(), pac.device_claims());
    if let Ok(info) = PacInfo::read(&pac) {
        rewrite(&info);
        assert_eq!((info.client_claims(), info.device_claims()), (client_claims, device_claims));
    }
    let Ok(signed) = PacBuilder::of(&pac).sign(server, kdc) else { return };
    let again = Pac::decode(&signed).expect("just written");
    assert_eq!(again.verify_server_signature(server), Ok(()));
    assert_eq!(again.verify_kdc_signature(kdc), Ok(()));
    assert_eq!(again.logon_info().ok(), pac.logon_info().ok());
}

/// What the typed buffers write, they read as the same.
fn rewrite(info: &PacInfo) {
    if let Some(Ok(written)) = info.logon_info.as_ref().map(LogonInfo::to_bytes) {
        assert_eq!(LogonInfo::decode(&written).as_ref().ok(), info.logon_info.as_ref());
    }
    if let Some(Ok(written)) = info.upn_dns_info.as_ref().map(UpnDnsInfo::to_bytes) {
        assert_eq!(UpnDnsInfo::decode(&written).as_ref().ok(), info.upn_dns_info.as_ref());
    }
    if let Some(Ok(written)) = info.delegation_info.as_ref().map(DelegationInfo::to_bytes) {
        assert_eq!(DelegationInfo::decode(&written).as_ref().ok(), info.delegation_info.as_ref());
    }
}
