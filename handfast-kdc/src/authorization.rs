use crate::refusal::Refusal;
use alloc::vec::Vec;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{AD_LIMIT, AdElement, AdType, AuthorizationData, EncryptedData, ErrorCode};

/// What only a KDC may say, and what a KDC would have to understand (RFC 4120 5.2.6.4).
const REFUSED: [AdType; 7] = [
    AdType::KDC_ISSUED,
    AdType::MANDATORY_FOR_KDC,
    AdType::AND_OR,
    AdType::AUTHENTICATION_STRENGTH,
    AdType::CAMMAC,
    AdType::AUTHENTICATION_INDICATOR,
    AdType::WIN2K_PAC,
];

/// The authorization data of a ticket that a service may have written itself: without what it can't say.
pub(crate) fn of_a_service<'a>(data: &AuthorizationData<'a>) -> AuthorizationData<'a> {
    let may_say = |element: &AdElement<'_>| {
        let inner = AuthorizationData(Vec::from([*element]));
        REFUSED.iter().all(|ad_type| matches!(inner.find(*ad_type), Ok(None)))
    };
    AuthorizationData(data.0.iter().filter(|element| may_say(element)).copied().collect())
}

/// Decrypts a request's enc-authorization-data, under the subkey if there is one (RFC 4120 5.4.1).
pub(crate) fn open(
    sealed: &EncryptedData<'_>,
    session: &EncryptionKey,
    subkey: Option<&EncryptionKey>,
) -> Result<Secret, Refusal> {
    let (key, usage) = match subkey {
        Some(subkey) => (subkey, KeyUsage::TGS_REQ_AUTHORIZATION_DATA_SUBKEY),
        None => (session, KeyUsage::TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY),
    };
    let wrong = |reason| Refusal::new(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, reason);
    if sealed.etype != key.enctype() {
        return Err(wrong("enc-authorization-data is under another enctype than the key for it"));
    }
    let opened = CipherKey::new(key, usage)?.decrypt(sealed.cipher);
    opened.map_err(|_| wrong("enc-authorization-data can't be decrypted"))
}

/// The ticket's authorization data, then what the client adds: restrictions, never claims (RFC 4120 3.3.3, 5.2.6).
pub(crate) fn combined<'a>(
    ticket: &AuthorizationData<'a>,
    added: Option<&'a [u8]>,
) -> Result<AuthorizationData<'a>, Refusal> {
    let policy = |reason| Refusal::new(ErrorCode::KDC_ERR_POLICY, reason);
    let malformed = |_| policy("enc-authorization-data does not decode");
    let added = added.map(AuthorizationData::decode).transpose().map_err(malformed)?.unwrap_or_default();
    for ad_type in REFUSED {
        if added.find(ad_type).map_err(malformed)?.is_some() {
            return Err(policy("the client adds authorization data that only a KDC may issue, or must understand"));
        }
    }
    let elements: Vec<AdElement<'a>> = ticket.0.iter().chain(&added.0).copied().collect();
    if elements.len() > AD_LIMIT {
        return Err(policy("more authorization data than a ticket is read with"));
    }
    Ok(AuthorizationData(elements))
}
