//! Changes passwords: the exchange of [`handfast::krb5::exchange::PasswordChange`], with the password servers of a realm (RFC 3244).
//!
//! ```no_run
//! use handfast::crypto::{OsRandom, Secret};
//! use handfast::krb5::exchange::{ClientSecret, Login, PasswordChange, TicketOptions};
//! use handfast_net::{Clock, Settings};
//! use std::sync::Arc;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (settings, clock) = (Settings::from_process()?, Clock::system());
//! let alice = settings.principal("alice")?;
//! let old = ClientSecret::Password(Secret::new(b"correct horse".to_vec()));
//! let service = Some(PasswordChange::service(alice.realm()));
//! let login = Login::new(alice, old, TicketOptions { service, ..settings.ticket_options() }, Arc::new(OsRandom));
//! let got = handfast_net::login::log_in(login, settings.kdcs(), &clock)?;
//! let change = PasswordChange::new(&got.ticket, Secret::new(b"battery staple".to_vec()), Arc::new(OsRandom));
//! handfast_net::password::change_password(&change, settings.password_servers(), &clock)?;
//! # Ok(())
//! # }
//! ```
//!
//! The servers are asked one after the other, over TCP first: a request that is sent twice may be done twice, or be refused as a replay
//! though it was done, so that none is repeated over UDP either. An answer of any of them is the end of it. Each is given
//! [`Patience::answer`], and all together [`Patience::whole`].

use std::fmt;
use std::time::Duration;

use handfast::krb5::exchange::{KdcAttempt, PasswordError};

pub(crate) mod ask;
mod servers;

pub use ask::change_password;
pub use servers::PasswordServers;

/// The port of password servers (RFC 3244 2).
pub(crate) const PORT: u16 = 464;

/// The most datagrams of one server that are no reply.
pub(crate) const NONSENSE_LIMIT: u32 = 100;

/// How long a change of password waits for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a TCP connection to come about: 5 s.
    pub connect: Duration,
    /// For one server's answer: 10 s.
    pub answer: Duration,
    /// For everything together: 60 s.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Patience { connect: seconds(5), answer: seconds(10), whole: seconds(60) }
    }
}

/// Why a password was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeError {
    /// The server refused, or its answer is not to be believed.
    Password(Box<PasswordError>),
    /// No password server answered. One that was asked may have heard the request nevertheless.
    Unreachable {
        /// The realm.
        realm: String,
        /// The servers that were asked, in order, and why each was silent. Empty: none is known.
        tried: Vec<KdcAttempt>,
    },
}

impl From<PasswordError> for ChangeError {
    fn from(error: PasswordError) -> Self {
        ChangeError::Password(Box::new(error))
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeError::Password(error) => error.fmt(f),
            ChangeError::Unreachable { realm, tried } if tried.is_empty() => write!(
                f,
                "no password server is known for the realm {realm}: name one in krb5.conf, under [realms], as kpasswd_server"
            ),
            ChangeError::Unreachable { realm, tried } => {
                write!(f, "no password server of the realm {realm} answered")?;
                for (index, attempt) in tried.iter().enumerate() {
                    write!(f, "{} {}: {}", if index == 0 { ":" } else { ";" }, attempt.kdc, attempt.reason)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ChangeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ChangeError::Password(error) => Some(error),
            ChangeError::Unreachable { .. } => None,
        }
    }
}
