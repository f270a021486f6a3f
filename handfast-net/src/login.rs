//! Logs in and gets tickets: the exchanges of [`handfast::krb5::exchange`], with a KDC and a clock. Blocking. A [`LastingLogin`] does so
//! whenever it is needed, for a whole program.
//!
//! ```no_run
//! use handfast::crypto::{OsRandom, Secret};
//! use handfast::krb5::exchange::{ClientSecret, Login, TicketOptions};
//! use handfast_net::{Clock, Settings};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::from_process()?;
//! let alice = settings.principal("alice")?;
//! let password = ClientSecret::Password(Secret::new(b"correct horse".to_vec()));
//! let login = Login::new(alice, password, settings.ticket_options(), std::sync::Arc::new(OsRandom));
//! let ticket = handfast_net::login::log_in(login, settings.kdcs(), &Clock::system())?;
//! println!("good until {}", ticket.end_time);
//! # Ok(())
//! # }
//! ```

pub(crate) mod lasting;

pub use lasting::{LastingLogin, LoginError};

use std::fmt;

use handfast::Time;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{Acquired, ExchangeError, ExchangeStep, KdcUnreachable, Login, TicketRequest};

use crate::Clock;
use crate::driver::KdcExchange;

/// Logs in: a first ticket, usually a ticket-granting ticket.
///
/// # Errors
/// [`TicketError`].
pub fn log_in(login: Login, kdc: &(impl KdcExchange + ?Sized), clock: &Clock) -> Result<HeldTicket, TicketError> {
    drive(login.begin(clock.now()), Login::reply, Login::decline, kdc, clock)
}

/// Gets a ticket for a service, with those for the realms on the way; or renews a ticket, or validates it, ….
///
/// # Errors
/// [`TicketError`].
pub fn get_ticket(
    request: TicketRequest,
    kdc: &(impl KdcExchange + ?Sized),
    clock: &Clock,
) -> Result<Acquired, TicketError> {
    drive(request.begin(clock.now()), TicketRequest::reply, TicketRequest::decline, kdc, clock)
}

pub(crate) type Step<M, T> = Result<ExchangeStep<M, T>, ExchangeError>;

fn drive<M, T>(
    mut step: Step<M, T>,
    reply: fn(M, &[u8], Time) -> Step<M, T>,
    decline: fn(M, Time) -> Step<M, T>,
    kdc: &(impl KdcExchange + ?Sized),
    clock: &Clock,
) -> Result<T, TicketError> {
    loop {
        step = match step? {
            ExchangeStep::Complete(ticket) => return Ok(*ticket),
            ExchangeStep::NeedsAnswer(next, _) => decline(next, clock.now()),
            ExchangeStep::NeedsKdc(next, request) => reply(next, &kdc.exchange(&request)?, clock.now()),
        };
    }
}

/// Why there is no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// The KDC refused, or its answer is not to be believed.
    Exchange(Box<ExchangeError>),
    /// No KDC answered.
    Unreachable(KdcUnreachable),
}

impl From<ExchangeError> for TicketError {
    fn from(error: ExchangeError) -> Self {
        TicketError::Exchange(Box::new(error))
    }
}

impl From<KdcUnreachable> for TicketError {
    fn from(error: KdcUnreachable) -> Self {
        TicketError::Unreachable(error)
    }
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TicketError::Exchange(error) => error.fmt(f),
            TicketError::Unreachable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TicketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TicketError::Exchange(error) => Some(error),
            TicketError::Unreachable(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::NoKdc;
    use handfast::crypto::{OsRandom, Secret};
    use handfast::krb5::exchange::{ClientSecret, KdcRequest, TicketOptions};
    use std::cell::RefCell;
    use std::sync::Arc;

    fn login() -> Login {
        let password = ClientSecret::Password(Secret::new(b"pencil".to_vec()));
        Login::new("alice@R".parse().unwrap(), password, TicketOptions::default(), Arc::new(OsRandom))
    }

    #[test]
    fn without_a_kdc_there_is_no_ticket() {
        let error = log_in(login(), &NoKdc, &Clock::system()).unwrap_err();
        assert!(matches!(&error, TicketError::Unreachable(unreachable) if unreachable.realm == "R"), "{error}");
    }

    #[test]
    fn the_request_goes_to_the_clients_realm_and_what_comes_back_is_judged() {
        let asked = RefCell::new(Vec::new());
        let kdc = |request: &KdcRequest| {
            asked.borrow_mut().push(request.clone());
            Ok(b"no Kerberos message".to_vec())
        };
        let error = log_in(login(), &kdc, &Clock::system()).unwrap_err();
        assert!(
            matches!(&error, TicketError::Exchange(exchange) if matches!(**exchange, ExchangeError::Decode(_))),
            "{error}"
        );
        let asked = asked.into_inner();
        assert_eq!((asked.len(), asked[0].realm.as_str(), asked[0].bytes[0]), (1, "R", 0x6a));
    }
}
