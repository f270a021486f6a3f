use super::PacError;
use crate::krb5::message::{AD_DEPTH_LIMIT, AdElement, AdType, AuthorizationData, EncTicketPart};
use crate::wire::{DecodeError, DecodeReason};
use alloc::vec;
use alloc::vec::Vec;

/// What stands for the PAC where the ticket around it is signed (MS-PAC 2.8.3).
const IN_PLACE_OF_PAC: [u8; 1] = [0];

/// The PAC in a ticket's authorization data: inside AD-IF-RELEVANT, however deep (MS-KILE 2.2).
///
/// # Errors
/// [`PacError::Two`] if there are two, [`PacError::Decode`] if a container does not decode.
pub fn find_pac<'a>(data: &AuthorizationData<'a>) -> Result<Option<&'a [u8]>, PacError> {
    let mut found = Vec::new();
    collect(data, AD_DEPTH_LIMIT, &mut found)?;
    match *found {
        [] => Ok(None),
        [pac] => Ok(Some(pac)),
        _ => Err(PacError::Two),
    }
}

fn too_deep() -> DecodeError {
    DecodeError { what: "AD-IF-RELEVANT", offset: 0, reason: DecodeReason::TooLarge { limit: AD_DEPTH_LIMIT } }
}

fn collect<'a>(data: &AuthorizationData<'a>, depth: usize, found: &mut Vec<&'a [u8]>) -> Result<(), DecodeError> {
    for element in &data.0 {
        match element.ad_type {
            AdType::WIN2K_PAC => found.push(element.ad_data),
            AdType::IF_RELEVANT => {
                let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
                collect(&AuthorizationData::decode(element.ad_data)?, depth, found)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a ticket signature is over (MS-PAC 2.8.3): the EncTicketPart with one zero byte for the PAC.
///
/// # Errors
/// [`PacError::Decode`] if an AD-IF-RELEVANT does not decode.
pub fn ticket_to_sign(ticket: &EncTicketPart<'_>) -> Result<Vec<u8>, PacError> {
    let replaced = replace(&ticket.authorization_data, AD_DEPTH_LIMIT)?;
    let authorization_data = AuthorizationData::decode(&replaced)?;
    Ok(EncTicketPart { authorization_data, ..ticket.clone() }.to_der())
}

/// The DER of `data` with one zero byte for the PAC.
fn replace(data: &AuthorizationData<'_>, depth: usize) -> Result<Vec<u8>, DecodeError> {
    let mut inner: Vec<Option<Vec<u8>>> = Vec::with_capacity(data.0.len());
    for element in &data.0 {
        inner.push(match element.ad_type {
            AdType::WIN2K_PAC => Some(IN_PLACE_OF_PAC.to_vec()),
            AdType::IF_RELEVANT => {
                let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
                Some(replace(&AuthorizationData::decode(element.ad_data)?, depth)?)
            }
            _ => None,
        });
    }
    let elements = data.0.iter().zip(&inner).map(|(element, inner)| AdElement {
        ad_type: element.ad_type,
        ad_data: inner.as_deref().unwrap_or(element.ad_data),
    });
    Ok(AuthorizationData(elements.collect()).to_der())
}

/// The contents of the AD-IF-RELEVANT that holds `pac`, to be put first into a ticket's authorization data.
pub fn with_pac(pac: &[u8]) -> Vec<u8> {
    AuthorizationData(vec![AdElement { ad_type: AdType::WIN2K_PAC, ad_data: pac }]).to_der()
}
