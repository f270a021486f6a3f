//! Negotiate, SPNEGO (RFC 4178, MS-SPNG): the two ends agree on a mechanism, and prove to each other what was offered.
//!
//! ```text
//!  initiator                                             acceptor
//!     │── NegTokenInit: mechanisms, token of the first ─────▶│  the first that it can do
//!     │◀─ NegTokenResp: state, mechanism, token ─────────────│  request-mic if it is not the first choice of both
//!     │── NegTokenResp: token, MIC ─────────────────────────▶│  as many as the mechanism takes
//!     │◀─ NegTokenResp: accept-completed, MIC ───────────────│
//! ```
//! Whenever the mechanism is not the first choice of both, each end must prove with the mechanism's own key which list of
//! mechanisms it sent or saw (RFC 4178 5): a list that was shortened on its way ends the handshake.
//!
//! Legacy peers that choose another mechanism than the first and prove nothing are refused.

mod acceptor;
mod initiator;
pub mod message;
mod mic;

pub(crate) use acceptor::{Acceptable, accept};
pub(crate) use initiator::{Candidate, initiate};

use super::MechanismId;
use crate::error::{Error, Refusal};
use message::MechType;

/// Whether `named` names `ours`: Kerberos has two names (RFC 4178 C).
fn names(named: MechType<'_>, ours: MechanismId) -> bool {
    named == ours || (ours == MechanismId::KERBEROS && named == MechanismId::MS_KERBEROS)
}

fn unexpected<T>(what: &'static str) -> Result<T, Error> {
    Err(Error::refused(Refusal::NegotiationOutOfOrder(what)))
}

/// A field that is there and not empty: some peers send empty fields where none belongs.
fn filled(field: Option<&[u8]>) -> Option<&[u8]> {
    field.filter(|octets| !octets.is_empty())
}
