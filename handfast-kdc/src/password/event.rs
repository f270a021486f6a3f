use crate::event::write_name;
use crate::realm::Transport;
use alloc::borrow::Cow;
use core::fmt;
use core::net::IpAddr;
use handfast::Principal;
use handfast::krb5::message::PasswordResultCode;
use handfast::wire::DecodeError;

/// What became of a request to the password service. `Display` is one line for a log: names come escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordEvent {
    /// How it came.
    pub transport: Transport,
    /// Who sent it, if that was told.
    pub peer: Option<IpAddr>,
    /// Who asked, once that is proven.
    pub client: Option<Principal>,
    /// Whose password it is, once that is known.
    pub target: Option<Principal>,
    /// The end of it.
    pub outcome: PasswordOutcome,
}

/// How a request to the password service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordOutcome {
    /// There is another password.
    Changed {
        /// The version of the new keys.
        kvno: u32,
    },
    /// Nothing was changed, and the client was told.
    Refused {
        /// What the client was told.
        code: PasswordResultCode,
        /// Why, for the log alone.
        reason: Cow<'static, str>,
    },
    /// Without a reply: the bytes are no request.
    Ignored {
        /// Where they stop being one.
        error: DecodeError,
    },
}

impl fmt::Display for PasswordEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("password")?;
        match self.peer {
            Some(peer) => write!(f, " from {peer}")?,
            None => f.write_str(" from an unknown peer")?,
        }
        write!(f, " by {}: {}", self.transport, self.outcome)?;
        if matches!(self.outcome, PasswordOutcome::Ignored { .. }) {
            return Ok(());
        }
        f.write_str("; ")?;
        write_name(f, &self.client)?;
        f.write_str(" for ")?;
        write_name(f, &self.target)
    }
}

impl fmt::Display for PasswordOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordOutcome::Changed { kvno } => write!(f, "changed, key version {kvno}"),
            PasswordOutcome::Refused { code, reason } => {
                write!(f, "refused with {} ({})", code.name().unwrap_or("an unknown code"), code.0)?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            PasswordOutcome::Ignored { error } => write!(f, "ignored: {error}"),
        }
    }
}
