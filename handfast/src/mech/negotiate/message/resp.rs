use super::MechType;
use crate::asn1::{Asn1, DerReader, DerWriter, sequence, tag};
use crate::wire::DecodeError;

/// Every token but the first (RFC 4178 4.2.2).
///
/// ```text
/// NegTokenResp ::= SEQUENCE {
///     negState       [0] ENUMERATED { accept-completed (0), accept-incomplete (1), reject (2), request-mic (3) } OPTIONAL,
///     supportedMech  [1] MechType OPTIONAL,
///     responseToken  [2] OCTET STRING OPTIONAL,
///     mechListMIC    [3] OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
/// Unknown fields behind are ignored (RFC 4178 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenResp<'a> {
    /// How the negotiation stands; must be in an acceptor's first reply.
    pub neg_state: Option<NegState>,
    /// The mechanism that the acceptor chose; in its first reply only.
    pub supported_mech: Option<MechType<'a>>,
    /// The mechanism's token.
    pub response_token: Option<&'a [u8]>,
    /// The MIC of the list of mechanisms.
    pub mech_list_mic: Option<&'a [u8]>,
}

sequence! {
    NegTokenResp<'a>,
    fields { optional 0 neg_state, optional 1 supported_mech, optional 2 response_token, optional 3 mech_list_mic },
    extensible
}

/// How a negotiation stands (RFC 4178 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NegState {
    /// The sender has its context and expects nothing more.
    AcceptCompleted,
    /// The sender needs another token.
    AcceptIncomplete,
    /// The sender ends the negotiation.
    Reject,
    /// The MICs of the list of mechanisms must be exchanged, if the mechanism can; in an acceptor's first reply only.
    RequestMic,
}

impl NegState {
    const ALL: [NegState; 4] =
        [NegState::AcceptCompleted, NegState::AcceptIncomplete, NegState::Reject, NegState::RequestMic];

    /// The number of the state.
    pub const fn number(self) -> u8 {
        match self {
            NegState::AcceptCompleted => 0,
            NegState::AcceptIncomplete => 1,
            NegState::Reject => 2,
            NegState::RequestMic => 3,
        }
    }

    /// The state's name in RFC 4178 4.2.2.
    pub const fn name(self) -> &'static str {
        match self {
            NegState::AcceptCompleted => "accept-completed",
            NegState::AcceptIncomplete => "accept-incomplete",
            NegState::Reject => "reject",
            NegState::RequestMic => "request-mic",
        }
    }
}

impl<'a> Asn1<'a> for NegState {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let contents = reader.primitive(tag::ENUMERATED)?;
        let known = NegState::ALL.into_iter().find(|state| contents == [state.number()]);
        known.ok_or_else(|| at.invalid("an unknown negState"))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.primitive(tag::ENUMERATED, &[self.number()]);
    }
}
