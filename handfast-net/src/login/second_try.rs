//! A login that a replica has refused, once more at the primary KDC of its realm.

use handfast::krb5::exchange::{ExchangeError, ExchangeStep, KdcUnreachable, LoggedIn, Login};
use handfast::krb5::message::ErrorCode;
use handfast::{Answer, Question, Time};

use super::{Step, TicketError};
use crate::driver::HeardKdc;

/// Whom a login has heard, and how to begin it again.
pub(crate) struct SecondTry {
    /// The KDCs that have answered the first try.
    pub(crate) heard: Vec<HeardKdc>,
    again: Option<Login>,
    /// Where the first try stood, while the second is under way.
    first: Option<Step<Login, LoggedIn>>,
    /// Whether the primary KDC is asked, to the end of the login.
    under_way: bool,
}

impl SecondTry {
    /// Begins the first try.
    pub(crate) fn begin(login: Login, now: Time) -> (Self, Step<Login, LoggedIn>) {
        let again = Some(login.again());
        (SecondTry { heard: Vec::new(), again, first: None, under_way: false }, login.begin(now))
    }

    /// Whether the first try has come to where a primary KDC may know better: before a password is changed, too.
    pub(crate) fn would_help(&self, step: &Step<Login, LoggedIn>) -> bool {
        self.again.is_some()
            && match step {
                Err(error) => may_be_stale(error),
                Ok(ExchangeStep::NeedsAnswer(_, question)) => matches!(question, Question::NewPassword { .. }),
                Ok(_) => false,
            }
    }

    /// Begins the second try, of which there is one.
    pub(crate) fn start(&mut self, first: Step<Login, LoggedIn>, now: Time) -> Step<Login, LoggedIn> {
        let Some(again) = self.again.take() else { return first };
        self.first = Some(first);
        self.under_way = true;
        again.begin(now)
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// A question was answered: the login does not go back to the first try; nor, with a new password, to its beginning.
    pub(crate) fn answered(&mut self, answer: &Answer) {
        self.first = None;
        if matches!(answer, Answer::NewPassword(_)) {
            self.again = None;
        }
    }

    /// No primary KDC answers: the login goes on where the first try stood.
    pub(crate) fn give_up(&mut self, unreachable: KdcUnreachable) -> Result<Step<Login, LoggedIn>, TicketError> {
        self.under_way = false;
        self.first.take().ok_or(TicketError::Unreachable(unreachable))
    }
}

/// Whether a KDC may say so only because it does not know yet what the primary one knows: of a new principal, a new password, new keys,
/// or that the account is open again.
fn may_be_stale(error: &ExchangeError) -> bool {
    match error {
        ExchangeError::Refused(refusal) => matches!(
            refusal.code,
            ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN
                | ErrorCode::KDC_ERR_NULL_KEY
                | ErrorCode::KDC_ERR_NAME_EXP
                | ErrorCode::KDC_ERR_CLIENT_REVOKED
                | ErrorCode::KDC_ERR_CLIENT_NOTYET
                | ErrorCode::KDC_ERR_KEY_EXPIRED
                | ErrorCode::KDC_ERR_PREAUTH_FAILED
                | ErrorCode::KDC_ERR_ETYPE_NOSUPP
                | ErrorCode::KRB_AP_ERR_BAD_INTEGRITY
        ),
        ExchangeError::WrongSecret { .. }
        | ExchangeError::NoCommonEnctype { .. }
        | ExchangeError::NoCommonPreauth { .. } => true,
        _ => false,
    }
}
