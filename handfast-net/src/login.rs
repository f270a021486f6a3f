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
//! let got = handfast_net::login::log_in(login, settings.kdcs(), &Clock::system())?;
//! println!("good until {}", got.ticket.end_time);
//! # Ok(())
//! # }
//! ```
//!
//! A refusal that may only mean that a KDC does not know the newest password yet is not the end of a login where the realm's primary
//! KDC is known (`primary_kdc`, or by the DNS) and it was another one that refused: it is tried once more at the primary. If that does
//! not answer, the first refusal stands.

pub(crate) mod lasting;
pub(crate) mod second_try;

pub use lasting::{LastingLogin, LoginError};

use std::fmt;

use handfast::crypto::Secret;
use handfast::krb5::exchange::{
    Acquired, ExchangeError, ExchangeStep, KdcUnreachable, LoggedIn, Login, PasswordError, PasswordRefusal,
    TicketRequest,
};
use handfast::krb5::message::ErrorCode;
use handfast::krb5::message::PasswordResultCode;
use handfast::{Answer, OtpToken, OtpValue, Principal, Question, Time};

use crate::driver::KdcExchange;
use crate::password::{ChangeError, change_password};
use crate::{Clock, PasswordServers};

use second_try::SecondTry;

/// Logs in: a first ticket, usually a ticket-granting ticket, and what was learned of the KDC.
/// [`Ccache::of_login`](handfast::krb5::Ccache::of_login) makes a cache of both.
///
/// # Errors
/// [`TicketError`].
pub fn log_in(login: Login, kdc: &(impl KdcExchange + ?Sized), clock: &Clock) -> Result<LoggedIn, TicketError> {
    log_in_answering(login, &Answers::default(), kdc, clock)
}

/// What to do where a password has expired.
#[derive(Clone, Copy)]
pub struct NewPasswords<'a> {
    /// Where it is changed.
    pub servers: &'a PasswordServers,
    /// Gives a new password, in UTF-8, of the principal whose old one has expired; after a refusal another one. Without one the login
    /// fails as it does without this.
    pub ask: &'a NewPassword<'a>,
}

/// A question for a new password, with the refusal of the one before.
pub type NewPassword<'a> = dyn Fn(&Principal, Option<&PasswordRefusal>) -> Option<Secret<Vec<u8>>> + Send + Sync + 'a;

impl fmt::Debug for NewPasswords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPasswords").finish_non_exhaustive()
    }
}

/// A question for a one-time password: of whom, what for in the KDC's words, and of which tokens (at least one).
pub type OneTimePassword<'a> = dyn Fn(&Principal, Option<&str>, &[OtpToken]) -> Option<OtpValue> + Send + Sync + 'a;

/// Who answers what a login may ask. What is absent is declined.
#[derive(Clone, Copy, Default)]
pub struct Answers<'a> {
    /// A new password for one that has expired.
    pub new_password: Option<NewPasswords<'a>>,
    /// A one-time password (RFC 6560), of a login inside of FAST; without one there is no ticket.
    pub one_time_password: Option<&'a OneTimePassword<'a>>,
}

impl fmt::Debug for Answers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Answers");
        fields.field("new_password", &self.new_password.is_some());
        fields.field("one_time_password", &self.one_time_password.is_some()).finish()
    }
}

impl Answers<'_> {
    /// The login, which asks for a new password if there is one to be had.
    pub(crate) fn asked_by(&self, login: Login) -> Login {
        if self.new_password.is_some() { login.asking_for_new_password() } else { login }
    }

    /// The answer to a question that takes no KDC.
    pub(crate) fn at_once(&self, question: &Question) -> Option<Answer> {
        match question {
            Question::Otp { client, service, tokens } => {
                self.one_time_password?(client, service.as_deref(), tokens).map(Answer::Otp)
            }
            _ => None,
        }
    }
}

/// How many new passwords are tried, if they are refused.
pub const NEW_PASSWORD_LIMIT: u32 = 3;

/// Logs in as [`log_in`] does; if the password has expired, it is changed first, with a new one of `passwords`.
///
/// # Errors
/// [`TicketError`].
pub fn log_in_or_change(
    login: Login,
    passwords: &NewPasswords<'_>,
    kdc: &(impl KdcExchange + ?Sized),
    clock: &Clock,
) -> Result<LoggedIn, TicketError> {
    log_in_answering(login, &Answers { new_password: Some(*passwords), ..Answers::default() }, kdc, clock)
}

/// Logs in as [`log_in`] does, with answers to what may be asked.
///
/// # Errors
/// [`TicketError`].
pub fn log_in_answering(
    login: Login,
    answers: &Answers<'_>,
    kdc: &(impl KdcExchange + ?Sized),
    clock: &Clock,
) -> Result<LoggedIn, TicketError> {
    let (mut second, mut step) = SecondTry::begin(answers.asked_by(login), clock.now());
    loop {
        if second.would_help(&step) && kdc.any_replica(&second.heard) {
            step = second.start(step, clock.now());
        }
        step = match step? {
            ExchangeStep::Complete(ticket) => return Ok(*ticket),
            ExchangeStep::NeedsKdc(next, request) if second.is_under_way() => {
                match kdc.exchange_with_primary(&request) {
                    Ok(bytes) => next.reply(&bytes, clock.now()),
                    Err(unreachable) => second.give_up(unreachable)?,
                }
            }
            ExchangeStep::NeedsKdc(next, request) => {
                let answer = kdc.exchange_noted(&request)?;
                second.heard.extend(answer.from);
                next.reply(&answer.bytes, clock.now())
            }
            ExchangeStep::NeedsAnswer(next, question) => {
                let answer = match (&question, &answers.new_password) {
                    (Question::NewPassword { client }, Some(passwords)) => {
                        renew(&next, client, passwords, clock)?.map(Answer::NewPassword)
                    }
                    _ => answers.at_once(&question),
                };
                match answer {
                    Some(answer) => {
                        second.answered(&answer);
                        next.answer(answer, clock.now())
                    }
                    None => next.decline(clock.now()),
                }
            }
        };
    }
}

/// Changes the password to a new one, and gives that; none if nobody gives one.
fn renew(
    login: &Login,
    client: &Principal,
    passwords: &NewPasswords<'_>,
    clock: &Clock,
) -> Result<Option<Secret<Vec<u8>>>, TicketError> {
    let mut refused = None;
    for tries in 1.. {
        let Some(new_password) = (passwords.ask)(client, refused.as_deref()) else { break };
        let Some(change) = login.change_password(new_password.clone()) else { break };
        match change_password(&change, passwords.servers, clock) {
            Ok(()) => return Ok(Some(new_password)),
            Err(error) => refused = Some(worth_another(error, tries)?),
        }
    }
    Ok(None)
}

/// The refusal of a password in whose place another one may be taken.
pub(crate) fn worth_another(error: ChangeError, tries: u32) -> Result<Box<PasswordRefusal>, TicketError> {
    if let ChangeError::Password(error) = &error
        && let PasswordError::Refused(refusal) = &**error
        && refusal.code == PasswordResultCode::SOFTERROR
        && tries < NEW_PASSWORD_LIMIT
    {
        return Ok(refusal.clone());
    }
    Err(error.into())
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
    /// The password has expired, and was not changed.
    Password(Box<ChangeError>),
}

impl TicketError {
    /// Whether the KDC says that there is no such service: it may have another of its host's names
    /// ([`Settings::services`](crate::Settings::services)).
    pub fn is_unknown_service(&self) -> bool {
        let unknown = |error: &ExchangeError| match error {
            ExchangeError::Refused(refusal) => refusal.code == ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
            _ => false,
        };
        matches!(self, TicketError::Exchange(error) if unknown(error))
    }
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

impl From<ChangeError> for TicketError {
    fn from(error: ChangeError) -> Self {
        TicketError::Password(Box::new(error))
    }
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TicketError::Exchange(error) => error.fmt(f),
            TicketError::Unreachable(error) => error.fmt(f),
            TicketError::Password(error) => write!(f, "the password has expired, and was not changed: {error}"),
        }
    }
}

impl std::error::Error for TicketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TicketError::Exchange(error) => Some(error),
            TicketError::Unreachable(error) => Some(error),
            TicketError::Password(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::NoKdc;
    use handfast::crypto::OsRandom;
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
