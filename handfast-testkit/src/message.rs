use handfast::Time;
use handfast::mech::{MechanismId, framing};
use handfast::wire::Reader;
use std::fmt;

/// On which way a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// From the initiator to the KDC.
    ToKdc,
    /// From the KDC to the initiator.
    FromKdc,
    /// A token from the initiator to the acceptor.
    ToAcceptor,
    /// A token from the acceptor to the initiator.
    ToInitiator,
}

/// What a message is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// RFC 4120 5.4.1, in a login.
    AsReq,
    /// RFC 4120 5.4.2, in a login.
    AsRep,
    /// RFC 4120 5.4.1, for a service's ticket.
    TgsReq,
    /// RFC 4120 5.4.2, for a service's ticket.
    TgsRep,
    /// RFC 4120 5.9.1, from a KDC or in an acceptor's token.
    KrbError,
    /// RFC 4120 5.5.1, in a token (RFC 4121 4.1).
    ApReq,
    /// RFC 4120 5.5.2, in a token (RFC 4121 4.1).
    ApRep,
    /// The first token of Negotiate (RFC 4178 4.2.1), or the hint of an acceptor that speaks first (MS-SPNG 2.2.1).
    NegTokenInit,
    /// Every other token of Negotiate (RFC 4178 4.2.2).
    NegTokenResp,
    /// MS-NLMP 2.2.1.1, by itself; in Negotiate it is in a [`Kind::NegTokenInit`].
    NtlmNegotiate,
    /// MS-NLMP 2.2.1.2, by itself.
    NtlmChallenge,
    /// MS-NLMP 2.2.1.3, by itself.
    NtlmAuthenticate,
    /// Anything else.
    Other,
}

impl Kind {
    /// What `bytes` look like. Nothing but a tag and a token identifier is looked at.
    pub fn of(bytes: &[u8]) -> Kind {
        // [APPLICATION n] of RFC 4120 5.10; a token has its identifier behind the mechanism's (RFC 4121 4.1).
        match bytes.first() {
            Some(0x6a) => Kind::AsReq,
            Some(0x6b) => Kind::AsRep,
            Some(0x6c) => Kind::TgsReq,
            Some(0x6d) => Kind::TgsRep,
            Some(0x7e) => Kind::KrbError,
            Some(0x60) => framing::read(bytes).map_or(Kind::Other, |(id, inner)| Kind::framed(id, inner)),
            Some(0xa0) => Kind::NegTokenInit,
            Some(0xa1) => Kind::NegTokenResp,
            _ => Kind::of_ntlm(bytes),
        }
    }

    fn framed(mechanism: &[u8], mut inner: Reader<'_>) -> Kind {
        match inner.array() {
            _ if mechanism == MechanismId::SPNEGO.der_contents() => Kind::NegTokenInit,
            Ok([1, 0]) => Kind::ApReq,
            Ok([2, 0]) => Kind::ApRep,
            Ok([3, 0]) => Kind::KrbError,
            _ => Kind::Other,
        }
    }

    fn of_ntlm(bytes: &[u8]) -> Kind {
        match bytes.strip_prefix(b"NTLMSSP\0").and_then(<[u8]>::first) {
            Some(1) => Kind::NtlmNegotiate,
            Some(2) => Kind::NtlmChallenge,
            Some(3) => Kind::NtlmAuthenticate,
            _ => Kind::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::AsReq => "AS-REQ",
            Kind::AsRep => "AS-REP",
            Kind::TgsReq => "TGS-REQ",
            Kind::TgsRep => "TGS-REP",
            Kind::KrbError => "KRB-ERROR",
            Kind::ApReq => "AP-REQ",
            Kind::ApRep => "AP-REP",
            Kind::NegTokenInit => "negTokenInit",
            Kind::NegTokenResp => "negTokenResp",
            Kind::NtlmNegotiate => "NTLM NEGOTIATE",
            Kind::NtlmChallenge => "NTLM CHALLENGE",
            Kind::NtlmAuthenticate => "NTLM AUTHENTICATE",
            Kind::Other => "other",
        })
    }
}

/// A message that was exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, counted from 0.
    pub number: usize,
    /// On which way it was.
    pub leg: Leg,
    /// What it was when it was sent.
    pub kind: Kind,
    /// When it was sent, by a clock that is right.
    pub at: Time,
    /// What was sent.
    pub sent: Vec<u8>,
    /// What arrived; nothing if it was lost.
    pub arrived: Option<Vec<u8>>,
}
