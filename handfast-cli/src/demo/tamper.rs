//! What somebody on the way does to a token, who knows its format and no secret.

use super::Trouble;
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegTokenInit, NegTokenResp, NegotiationToken};
use std::ops::Range;

/// Where an AUTHENTICATE_MESSAGE has its MIC (MS-NLMP 2.2.1.3).
const MIC: Range<usize> = 72..88;
/// Where the offsets of its six fields stand (MS-NLMP 2.2.1.3).
const OFFSETS: [usize; 6] = [16, 24, 32, 40, 48, 56];

/// Takes Kerberos out of the offer, and its token too: what is left is weaker.
pub(super) fn without_kerberos(token: &[u8]) -> Result<Vec<u8>, Trouble> {
    let NegotiationToken::Init(mut offer) = NegotiationToken::decode(token)? else {
        return Err(Trouble::new("no offer to strip a mechanism from"));
    };
    offer.mech_types.retain(|offered| *offered == MechanismId::NTLM);
    Ok(encoded(&NegotiationToken::Init(NegTokenInit { mech_token: None, ..offer })))
}

/// Takes the MIC of the list of mechanisms out of a token.
pub(super) fn without_list_mic(token: &[u8]) -> Result<Vec<u8>, Trouble> {
    match reply(token)? {
        NegTokenResp { mech_list_mic: None, .. } => Err(Trouble::new("no MIC to drop")),
        resp => Ok(encoded(&NegotiationToken::Resp(NegTokenResp { mech_list_mic: None, ..resp }))),
    }
}

/// Takes the MIC out of NTLM's last message, by itself or in a token of Negotiate.
pub(super) fn without_mic(token: &[u8]) -> Result<Vec<u8>, Trouble> {
    if !NegotiationToken::is_one(token) {
        return authenticate_without_mic(token);
    }
    let resp = reply(token)?;
    let shorter = authenticate_without_mic(resp.response_token.unwrap_or_default())?;
    Ok(encoded(&NegotiationToken::Resp(NegTokenResp { response_token: Some(&shorter), ..resp })))
}

/// The payload moves to where the MIC was, and the fields' offsets with it.
fn authenticate_without_mic(message: &[u8]) -> Result<Vec<u8>, Trouble> {
    let short = || Trouble::new("no AUTHENTICATE message to drop a MIC from");
    let (before, payload) = message
        .get(..MIC.start)
        .zip(message.get(MIC.end..))
        .filter(|_| message.starts_with(b"NTLMSSP\0\x03"))
        .ok_or_else(short)?;
    let mut shorter = [before, payload].concat();
    for at in OFFSETS {
        let field = shorter.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>).ok_or_else(short)?;
        *field = u32::from_le_bytes(*field).saturating_sub(16).to_le_bytes();
    }
    Ok(shorter)
}

fn reply(token: &[u8]) -> Result<NegTokenResp<'_>, Trouble> {
    match NegotiationToken::decode(token)? {
        NegotiationToken::Resp(resp) => Ok(resp),
        NegotiationToken::Init(_) => Err(Trouble::new("an offer where a reply was to be changed")),
    }
}

fn encoded(token: &NegotiationToken<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    token.encode(&mut out);
    out
}
