//! Exchanges with a KDC as sans-IO machines: requests come out, replies go in.
//!
//! [`Login`] is the AS exchange (RFC 4120 3.1), [`TicketRequest`] the TGS exchange (3.3). Both take the time as an
//! argument and randomness from a [`Random`](crate::crypto::Random), and end in a ticket or an [`ExchangeError`]: a login after at most [`LOGIN_REQUEST_LIMIT`] requests, and one more over TCP for each; a ticket
//! request after a few for each realm on the way.
//!
//! [`PasswordChange`] is the request to the password service (RFC 3244), which is no KDC: another kind of step, and of error.
//!
//! What is believed stands in the part of a reply that is encrypted for us: its nonce, names, times, flags and
//! enctypes are held against what was asked for. A refusal (KRB-ERROR) is protected by nothing: it ends the
//! exchange, or makes it go on as RFC 4120 says, and is otherwise only reported.
//!
//! ```
//! use handfast::{Time, crypto::{OsRandom, Secret}};
//! use handfast::krb5::exchange::{ClientSecret, ExchangeStep, Login, TicketOptions};
//! use std::sync::Arc;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let password = ClientSecret::Password(Secret::new(b"correct horse".to_vec()));
//! let login = Login::new("alice@EXAMPLE.COM".parse()?, password, TicketOptions::default(), Arc::new(OsRandom));
//! let ExchangeStep::NeedsKdc(login, request) = login.begin(Time::from_unix_seconds(1_700_000_000))? else { panic!() };
//! assert_eq!(request.realm, "EXAMPLE.COM");
//! // Send `request.bytes` to a KDC of that realm, and give its answer to `login.reply`.
//! # drop(login);
//! # Ok(())
//! # }
//! ```

mod applicant;
mod asked;
mod error;
mod learned;
mod login;
mod mismatch;
mod options;
mod password;
mod password_error;
mod proof;
mod purpose;
mod refusal;
mod route;
mod s4u;
mod ticket_request;

#[cfg(test)]
mod tests;

pub use super::preauth::{ClientSecret, OtpError};
pub(super) use asked::draw_confounder;
pub use error::ExchangeError;
pub(crate) use learned::Known;
pub use learned::{Learned, LoggedIn};
pub use login::{LOGIN_REFERRAL_LIMIT, LOGIN_REQUEST_LIMIT, Login};
pub use mismatch::Mismatch;
pub use options::{FastUse, PREAUTH, SPAKE_GROUPS, TicketOptions};
pub use password::{PASSWORD_REPLY_LIMIT, PasswordChange, PasswordExchange, PasswordStep};
pub use password_error::{PasswordError, PasswordRefusal};
pub use refusal::{ClientProof, KdcRefusal};
pub use route::REFERRAL_LIMIT;
pub use ticket_request::{Acquired, TicketRequest};

use super::enctype::KeyUsage;
use crate::question::Question;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The key usage of the checksum with which a KDC says what request it saw (RFC 6806 11).
const REQUEST_CHECKSUM: KeyUsage = KeyUsage(56);

/// Where an exchange `M` stands, which ends in a `T`.
#[derive(Debug)]
pub enum ExchangeStep<M, T = LoggedIn> {
    /// The request shall be sent to a KDC, and its answer given to `M::reply`.
    NeedsKdc(M, KdcRequest),
    /// The question shall be answered with `M::answer`, or declined with `M::decline`. A driver that doesn't know a question
    /// declines it, and there is no ticket then. Of the machines here, only [`Login`] asks.
    NeedsAnswer(M, Question),
    /// The ticket is here.
    Complete(Box<T>),
}

/// A message for a KDC of `realm`; the driver sends it and brings the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcRequest {
    /// Whose KDC to ask.
    pub realm: String,
    /// The request, without TCP's length prefix.
    pub bytes: Vec<u8>,
    /// Whether it must go over TCP: the KDC said that its reply does not fit a datagram (RFC 4120 7.2.1).
    pub tcp_required: bool,
}

/// No KDC of a realm gave an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcUnreachable {
    /// The realm.
    pub realm: String,
    /// The KDCs that were asked, in order, and why each was silent. Empty: none is known.
    pub tried: Vec<KdcAttempt>,
}

/// One KDC that was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcAttempt {
    /// Transport and address, such as `udp 192.0.2.1:88`.
    pub kdc: String,
    /// Why it gave no answer, such as `no answer within 3 s`.
    pub reason: String,
}

impl fmt::Display for KdcUnreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tried.is_empty() {
            return write!(f, "no KDC is known for the realm {}: name one in krb5.conf, under [realms]", self.realm);
        }
        write!(f, "no KDC of the realm {} answered", self.realm)?;
        for (index, attempt) in self.tried.iter().enumerate() {
            write!(f, "{} {}: {}", if index == 0 { ":" } else { ";" }, attempt.kdc, attempt.reason)?;
        }
        Ok(())
    }
}

impl core::error::Error for KdcUnreachable {}
