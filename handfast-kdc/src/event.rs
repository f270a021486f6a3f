use crate::realm::Transport;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{ErrorCode, KdcExchange, TicketFlags};
use handfast::wire::DecodeError;
use handfast::{Principal, Time};

/// What became of a request. `Display` is one line for a log: names come escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// AS or TGS; none if it was no request.
    pub exchange: Option<KdcExchange>,
    /// How it came.
    pub transport: Transport,
    /// Who sent it, if that was told.
    pub peer: Option<IpAddr>,
    /// The client that the request names, or the ticket in it; not proven unless the outcome is `Issued`.
    pub client: Option<Principal>,
    /// The service that a ticket was asked for.
    pub service: Option<Principal>,
    /// The enctypes that the client takes, in its order.
    pub enctypes: Vec<Enctype>,
    /// The end of it.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// With a ticket.
    Issued {
        /// The enctype of the key that the reply is under.
        reply: Enctype,
        /// The enctype of the service's key.
        ticket: Enctype,
        /// The enctype of the session key.
        session: Enctype,
        /// The ticket's flags.
        flags: TicketFlags,
        /// When the client first authenticated.
        authtime: Time,
        /// When the ticket ends.
        endtime: Time,
    },
    /// With an error that the client was told.
    Refused {
        /// What the client was told.
        code: ErrorCode,
        /// Why, for the log alone.
        reason: Cow<'static, str>,
    },
    /// Without a reply: the bytes are no request.
    Ignored {
        /// Where they stop being one.
        error: DecodeError,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.exchange {
            Some(KdcExchange::As) => "AS-REQ",
            Some(KdcExchange::Tgs) => "TGS-REQ",
            None => "no request",
        })?;
        match self.peer {
            Some(peer) => write!(f, " from {peer}")?,
            None => f.write_str(" from an unknown peer")?,
        }
        write!(f, " by {}: ", self.transport)?;
        write!(f, "{}", self.outcome)?;
        let Some(_) = self.exchange else { return Ok(()) };
        f.write_str("; ")?;
        write_name(f, &self.client)?;
        f.write_str(" for ")?;
        write_name(f, &self.service)?;
        f.write_str(", enctypes")?;
        self.enctypes.iter().try_for_each(|enctype| write!(f, " {}", enctype.0))
    }
}

pub(crate) fn write_name(f: &mut fmt::Formatter<'_>, name: &Option<Principal>) -> fmt::Result {
    match name {
        Some(name) => write!(f, "{name}"),
        None => f.write_str("nobody"),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Issued { reply, ticket, session, flags, authtime, endtime } => write!(
                f,
                "issued, reply {}, ticket {}, session {}, flags {:#010x}, authenticated {authtime}, ends {endtime}",
                reply.0, ticket.0, session.0, flags.0
            ),
            Outcome::Refused { code, reason } => {
                write!(f, "refused with {} ({}): {reason}", code.name().unwrap_or("error"), code.0)
            }
            Outcome::Ignored { error } => write!(f, "ignored: {error}"),
        }
    }
}
