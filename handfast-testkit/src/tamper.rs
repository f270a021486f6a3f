//! What somebody on the way does to tokens of NTLM and Negotiate, who knows their formats and no secret.

use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegTokenResp, NegotiationToken};

/// Where an AUTHENTICATE_MESSAGE has its MIC (MS-NLMP 2.2.1.3).
const MIC: std::ops::Range<usize> = 72..88;
/// Where the offsets of its six fields stand: behind two lengths each, from octet 12 on (MS-NLMP 2.2.1.3, 2.2.1).
const OFFSETS: [usize; 6] = [16, 24, 32, 40, 48, 56];

pub(crate) fn without_mic(token: Vec<u8>) -> Vec<u8> {
    if token.starts_with(b"NTLMSSP\0\x03") {
        return authenticate_without_mic(&token).unwrap_or(token);
    }
    changed(token, |negotiation| {
        let NegotiationToken::Resp(resp) = negotiation else { return None };
        let shorter = authenticate_without_mic(resp.response_token?)?;
        Some(encoded(&NegotiationToken::Resp(NegTokenResp { response_token: Some(&shorter), ..resp.clone() })))
    })
}

/// The payload moves to where the MIC was, and the fields' offsets with it.
fn authenticate_without_mic(message: &[u8]) -> Option<Vec<u8>> {
    let (before, payload) = (message.get(..MIC.start)?, message.get(MIC.end..)?);
    let mut shorter = [before, payload].concat();
    for at in OFFSETS {
        let offset: &mut [u8; 4] = shorter.get_mut(at..at + 4)?.try_into().ok()?;
        *offset = u32::from_le_bytes(*offset).saturating_sub(16).to_le_bytes();
    }
    Some(shorter)
}

pub(crate) fn without_mech_list_mic(token: Vec<u8>) -> Vec<u8> {
    changed(token, |negotiation| {
        match negotiation {
            NegotiationToken::Init(init) => init.mech_list_mic = None,
            NegotiationToken::Resp(resp) => resp.mech_list_mic = None,
        }
        Some(encoded(negotiation))
    })
}

pub(crate) fn without_mechanism(token: Vec<u8>, mechanism: MechanismId) -> Vec<u8> {
    changed(token, |negotiation| {
        let NegotiationToken::Init(init) = negotiation else { return None };
        if init.mech_types.first().is_some_and(|first| *first == mechanism) {
            init.mech_token = None;
        }
        init.mech_types.retain(|offered| *offered != mechanism);
        Some(encoded(negotiation))
    })
}

fn encoded(negotiation: &NegotiationToken<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    negotiation.encode(&mut out);
    out
}

/// A token of Negotiate, changed; anything else as it was.
fn changed(token: Vec<u8>, change: impl FnOnce(&mut NegotiationToken<'_>) -> Option<Vec<u8>>) -> Vec<u8> {
    let changed = NegotiationToken::decode(&token).ok().and_then(|mut negotiation| change(&mut negotiation));
    changed.unwrap_or(token)
}
