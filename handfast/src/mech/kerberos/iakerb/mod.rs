//! IAKERB (draft-ietf-kitten-iakerb-03): a client that can't reach a KDC logs in through the acceptor.
//!
//! ```text
//!  initiator                                             acceptor                        KDC
//!     │── IAKERB_PROXY: no realm, no message ───────────────▶│  only where the client's realm is not known
//!     │◀─ IAKERB_PROXY: the acceptor's realm ────────────────│
//!     │── IAKERB_PROXY: realm, AS-REQ ──────────────────────▶│── AS-REQ ────────────────▶│
//!     │◀─ IAKERB_PROXY: realm, AS-REP or KRB-ERROR ──────────│◀─ AS-REP or KRB-ERROR ────│
//!     │── IAKERB_PROXY: realm, TGS-REQ ─────────────────────▶│── … as often as the client's machines ask
//!     │── AP-REQ: and a checksum over all of the above ─────▶│  from here on nothing is carried any more
//!     │◀─ AP-REP ────────────────────────────────────────────│
//! ```
//! All tokens name the mechanism 1.3.6.1.5.2.5. The machines that log in and get tickets are those of Kerberos itself; what differs
//! is who carries their requests, and what the authenticator proves.
//!
//! A client that holds a ticket for the acceptor begins with the AP-REQ, and there is no conversation to prove.

mod acceptor;
mod conversation;
mod initiator;
mod message;

pub(super) use acceptor::Relaying;
pub(super) use conversation::{Conversation, refuse_finished};
