//! Negotiation tokens (RFC 4178 4.2, MS-SPNG 2.2.1): written as DER, read as peers write them.
//!
//! ```
//! use handfast::mech::MechanismId;
//! use handfast::mech::negotiate::message::{NegTokenInit, NegotiationToken};
//!
//! let offer = NegTokenInit { mech_types: vec![MechanismId::KERBEROS.into()], ..NegTokenInit::default() };
//! let mut token = Vec::new();
//! NegotiationToken::Init(offer.clone()).encode(&mut token);
//! assert_eq!(NegotiationToken::decode(&token)?, NegotiationToken::Init(offer));
//! # Ok::<(), handfast::wire::DecodeError>(())
//! ```

mod init;
mod mech_type;
mod resp;

pub use init::{ContextFlags, HINT_NAME, HintName, NegHints, NegTokenInit};
pub use mech_type::{MECH_TYPE_LIMIT, MECH_TYPES_LIMIT, MechType, mech_type_list};
pub use resp::{NegState, NegTokenResp};

use crate::asn1::{Asn1, DerReader, DerWriter, tag};
use crate::mech::{MechanismId, framing};
use crate::wire::DecodeError;
use alloc::vec::Vec;

const WHAT: &str = "NegotiationToken";
const APPLICATION_0: u8 = tag::application(0);
const INIT: u8 = tag::context(0);
const RESP: u8 = tag::context(1);

/// A token of the negotiation.
///
/// ```text
/// NegotiationToken ::= CHOICE {
///     negTokenInit    [0] NegTokenInit,
///     negTokenResp    [1] NegTokenResp
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NegotiationToken<'a> {
    /// The first token of an initiator, or of an acceptor that speaks first.
    Init(NegTokenInit<'a>),
    /// Every other token.
    Resp(NegTokenResp<'a>),
}

impl<'a> NegotiationToken<'a> {
    /// Whether `token` is meant as one of the negotiation, not of another mechanism.
    pub fn is_one(token: &[u8]) -> bool {
        match token.first() {
            Some(&(INIT | RESP)) => true,
            Some(&APPLICATION_0) => framing::read(token).is_ok_and(|(id, _)| id == MechanismId::SPNEGO.der_contents()),
            _ => false,
        }
    }

    /// Reads a whole token; bytes behind it are an error.
    ///
    /// RFC 4178 4.2 frames the first token (RFC 2743 3.1) and no other. Peers leave the first one bare or frame the others,
    /// so each is read either way.
    pub fn decode(token: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = DerReader::new(WHAT, token);
        if reader.peek() == Some(APPLICATION_0) {
            let (id, mut inner) = framing::read(token)?;
            if id != MechanismId::SPNEGO.der_contents() {
                return Err(reader.invalid("framed as a token of another mechanism"));
            }
            reader = DerReader::new(WHAT, inner.all());
        }
        let token = match reader.peek() {
            Some(RESP) => NegotiationToken::Resp(reader.nested(RESP, NegTokenResp::read)?),
            _ => NegotiationToken::Init(reader.nested(INIT, NegTokenInit::read)?),
        };
        reader.finish()?;
        Ok(token)
    }

    /// Appends the token: a [`NegTokenInit`] with the framing of RFC 2743 3.1, a [`NegTokenResp`] without.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            NegotiationToken::Init(init) => {
                let mut inner = Vec::new();
                DerWriter::new(&mut inner).nested(INIT, |inner| init.write(inner));
                framing::write_header(MechanismId::SPNEGO, inner.len(), out);
                out.extend_from_slice(&inner);
            }
            NegotiationToken::Resp(resp) => DerWriter::new(out).nested(RESP, |inner| resp.write(inner)),
        }
    }
}
