//! Pre-authentication (RFC 4120 5.2.7, RFC 6113): how a client proves itself to the KDC before it gets a ticket.
//!
//! A [`Method`] is one kind of proof, a small type with one place in [`METHODS`]. Where it stands in the order, and
//! whether it may be used at all, [`TicketOptions::preauth`](super::exchange::TicketOptions::preauth) says. A login begins a
//! [`Mechanism`] of it for one conversation:
//!
//! ```text
//!            KDC_ERR_PREAUTH_REQUIRED: what the KDC takes          KDC_ERR_MORE_PREAUTH_DATA_REQUIRED: a challenge
//!                             │                                                     │
//!  Method::begin ───► Mechanism::step ──► Move::Send(padata) ──► AS-REQ ──► ... ────┘
//!                             │                                                AS-REP ──► Mechanism::reply_keys
//!                             └─────────► Move::Ask(question) ──► Mechanism::answered ──► Move::...
//! ```
//!
//! [`Conversation`] runs it: it chooses by our order among what the KDC offers, echoes the KDC's cookie, and goes on to the
//! next method while none has used the client's secret. After that a refusal is final: another proof of the same secret
//! would tell an eavesdropper more, and count as another wrong try at the KDC.
//!
//! A new method is a type here, a line in [`METHODS`], and a place in `TicketOptions::default().preauth`, if it is one for
//! everybody. All that it needs comes as an argument: [`Round`] (the request that is being made, its body in DER, the
//! armor key, time, randomness), [`Said`] (the padata of the KDC's error) and [`Replied`].

mod armor;
mod client_secret;
mod conversation;
mod encrypted_challenge;
mod encrypted_timestamp;
mod key_hints;
mod long_term_keys;
mod mechanism;
mod otp;
#[cfg(feature = "pkinit")]
mod pkinit;
#[cfg(test)]
mod rehearsed;
#[cfg(feature = "spake")]
mod spake;

pub(super) use armor::{Armor, ArmoredReply};
pub use client_secret::ClientSecret;
pub(super) use conversation::{Conversation, any_data, method_data};
pub(super) use key_hints::{KeyHint, KeyHints};
pub(super) use long_term_keys::LongTermKeys;
pub(super) use mechanism::{Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};

pub use otp::OtpError;

#[cfg(test)]
pub(super) use rehearsed::REHEARSED;

use encrypted_challenge::EncryptedChallenge;
use encrypted_timestamp::EncryptedTimestamp;
use otp::Otp;
#[cfg(feature = "spake")]
use spake::Spake;

/// Every method that this build has.
static METHODS: &[&dyn Method] = &[
    #[cfg(feature = "pkinit")]
    &pkinit::Pkinit,
    &EncryptedChallenge,
    &EncryptedTimestamp,
    &Otp,
    #[cfg(feature = "spake")]
    &Spake,
    #[cfg(test)]
    &rehearsed::Rehearsed,
];
