//! Negotiate: what is on offer, what is chosen, and the proof of it (RFC 4178 4.2, 5).

use super::Reader;
use super::twins::same;
use super::words::list;
use crate::demo::Trouble;
use crate::demo::wire::Party;
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken};

impl Reader<'_> {
    pub(super) fn negotiation(&mut self, token: &[u8], from: Party) -> Result<(&'static str, Vec<String>), Trouble> {
        match NegotiationToken::decode(token)? {
            NegotiationToken::Init(offer) => Ok(("NegTokenInit", self.offer(&offer, token)?)),
            NegotiationToken::Resp(resp) => Ok(("NegTokenResp", self.answer(&resp, token, from)?)),
        }
    }

    fn offer(&mut self, offer: &NegTokenInit<'_>, whole: &[u8]) -> Result<Vec<String>, Trouble> {
        let offered = list(offer.mech_types.iter().map(|offered| name(*offered)));
        let best = if offer.mech_types.len() > 1 { ", best first" } else { "" };
        let inside = offer.mech_token.map(|token| self.mechanism_token(token, whole)).transpose()?;
        Ok(match inside {
            Some((message, inner)) => with_inner(format!("I offer {offered}{best}; inside, its {message}."), inner),
            None => vec![format!("I offer {offered}{best}.")],
        })
    }

    fn answer(&mut self, resp: &NegTokenResp<'_>, whole: &[u8], from: Party) -> Result<Vec<String>, Trouble> {
        let inside = resp.response_token.map(|token| self.mechanism_token(token, whole)).transpose()?;
        if let (None, Some(twins)) = (&inside, &self.ntlm.twins) {
            same(&twins.last_word, whole)?;
        }
        let (message, inner) = inside.unwrap_or_default();
        let mut says = with_inner(gist(resp, message, from), inner);
        if resp.mech_list_mic.is_some() {
            let whose = if from == Party::Client { "sent" } else { "saw" };
            says.push(format!("And a MIC of the list that I {whose}: it is the same for both of us."));
        }
        Ok(says)
    }
}

fn with_inner(gist: String, inner: Vec<String>) -> Vec<String> {
    [gist].into_iter().chain(inner).collect()
}

/// A reply in a sentence or two.
fn gist(resp: &NegTokenResp<'_>, message: &str, from: Party) -> String {
    let state = resp.neg_state.map_or("", NegState::name);
    let inside = if message.is_empty() { String::new() } else { format!("; inside, its {message}") };
    let mic = if resp.mech_list_mic.is_some() { ", and a MIC of the list" } else { "" };
    match (resp.supported_mech, resp.neg_state) {
        (Some(chosen), Some(NegState::RequestMic)) => {
            format!("We take {}{inside}. I can do more: prove what you offered ({state}).", name(chosen))
        }
        (Some(chosen), _) => format!("We take {} ({state}){inside}.", name(chosen)),
        (None, _) if from == Party::Server => format!("My side is complete ({state}){inside}{mic}."),
        (None, _) => format!("I go on{inside}{mic}."),
    }
}

/// A mechanism as people call it.
fn name(mechanism: MechType<'_>) -> String {
    match mechanism.known() {
        Some(MechanismId::KERBEROS) => "Kerberos".to_owned(),
        Some(MechanismId::MS_KERBEROS) => "Kerberos by its other number".to_owned(),
        Some(MechanismId::NTLM) => "NTLM".to_owned(),
        _ => mechanism.to_string(),
    }
}
