use super::error::Skew;
use crate::crypto::RandomError;
use crate::krb5::enctype::CryptoError;
use crate::krb5::message::{ErrorCode, KrbError, PasswordPolicy, PasswordResult, PasswordResultCode};
use crate::name::Principal;
use crate::time::Time;
use crate::wire::{DecodeError, EncodeError};
use crate::words::{Given, words};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

/// The most characters of a server's text that are kept.
const TEXT_LIMIT: usize = 512;

/// Why a password was not changed. After all but [`PasswordError::Refused`] it may have been nevertheless, if a request was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordError {
    /// The server refused.
    Refused(Box<PasswordRefusal>),
    /// The server answered with a KRB-ERROR that says nothing of passwords. Nothing protects it.
    ServerError {
        /// Whose password service was asked.
        realm: String,
        /// Why.
        code: ErrorCode,
        /// The server's own words; cut after 512 characters.
        text: Option<String>,
        /// The server's clock less ours, in seconds, as it says.
        clock_difference: i64,
    },
    /// The reply is not under the keys that the server got: changed on the way, or not from it.
    NotProven {
        /// Whose password service was asked.
        realm: String,
    },
    /// The reply answers another request.
    AnswersAnother,
    /// The message in the reply does not have the number that the server said it would have.
    OutOfOrder,
    /// The message in the reply is one that a client sends.
    WrongDirection,
    /// The reply is of a version of the protocol that is not known.
    Version(u16),
    /// The ticket is for another service.
    WrongService {
        /// The service that it must be for.
        needed: Principal,
        /// The one that it is for.
        got: Principal,
    },
    /// The ticket has ended.
    TicketEnded {
        /// When.
        end: Time,
    },
    /// The request would be longer than the protocol allows.
    TooLong(EncodeError),
    /// A message does not decode.
    Decode(DecodeError),
    /// A key can't be used.
    Crypto(CryptoError),
    /// There is no randomness.
    Random(RandomError),
}

/// A password service's refusal (RFC 3244 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRefusal {
    /// Why.
    pub code: PasswordResultCode,
    /// Who asked.
    pub client: Principal,
    /// Whose password it is.
    pub target: Principal,
    /// The server's own words; cut after 512 characters. None if it had none, or no text.
    pub text: Option<String>,
    /// What the server wants of passwords, where it says so in Active Directory's way.
    pub policy: Option<PasswordPolicy>,
    /// Whether it is proven that the server said so. Anyone on the way may have made a refusal that is not.
    pub proven: bool,
}

impl PasswordRefusal {
    pub(super) fn new(result: &PasswordResult<'_>, client: Principal, target: Principal, proven: bool) -> Self {
        let policy = PasswordPolicy::decode(result.text);
        let text = core::str::from_utf8(result.text).ok().filter(|_| policy.is_none());
        PasswordRefusal { code: result.code, client, target, text: kept(text), policy, proven }
    }

    fn advice(&self) -> &'static str {
        match self.code {
            PasswordResultCode::SOFTERROR => "choose another one",
            PasswordResultCode::AUTHERROR => "get a new ticket, and make sure that the clocks agree",
            PasswordResultCode::ACCESSDENIED => "ask the realm's administrator",
            PasswordResultCode::BAD_VERSION => "the server may do it for nobody but oneself",
            PasswordResultCode::INITIAL_FLAG_NEEDED => "get it with the old password, not with a login",
            _ => "the server's log may say more",
        }
    }
}

fn kept(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| text.chars().take(TEXT_LIMIT).collect())
}

/// A server's text as one line that no terminal obeys; its quotes and umlauts stay.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        self.0
            .trim_matches(|c: char| c.is_control() || c.is_whitespace())
            .chars()
            .map(plain)
            .try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

impl PasswordError {
    pub(super) fn server_error(realm: &str, error: &KrbError<'_>, now: Time) -> Self {
        PasswordError::ServerError {
            realm: realm.to_string(),
            code: error.error_code,
            text: kept(error.e_text),
            clock_difference: error.stime.with_micros(error.susec).seconds_since(now),
        }
    }
}

impl fmt::Display for PasswordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, target, code, .. } = self;
        write!(f, "the password service of {} refuses {client} ", target.realm())?;
        if client == target {
            f.write_str("a new password: ")?;
        } else {
            write!(f, "a new password of {target}: ")?;
        }
        match code.explanation() {
            Some(explanation) => f.write_str(explanation)?,
            None => code.fmt(f)?,
        }
        write!(f, "; {}", self.advice())?;
        if let Some(policy) = &self.policy {
            write!(f, " (the server wants: {policy})")?;
        }
        if let Some(text) = &self.text {
            write!(f, " (the server's words: {})", Shown(text))?;
        }
        if self.proven { Ok(()) } else { f.write_str("; nothing proves that the server said so") }
    }
}

words! { PasswordError {
    Self::Refused(refusal) => "{refusal}";
    Self::ServerError { realm, code: ErrorCode::KRB_AP_ERR_SKEW, clock_difference, .. } =>
        "the password service of {realm} refuses the ticket: {}: set the clocks", Skew(*clock_difference);
    Self::ServerError { realm, code, text, .. } =>
        "the password service of {realm} answers with an error: {code}{}",
        Given(" (the server's words: ", text.as_deref().map(Shown), ")");
    Self::NotProven { realm } =>
        "the reply is not proven to be from the password service of {realm}: it was changed on the way, or is from somebody \
         else; try which password is good before you try again";
    Self::AnswersAnother => "the password service's reply answers another request";
    Self::OutOfOrder => "the password service's reply does not have the number that it must have";
    Self::WrongDirection => "the password service's reply is a message that a client sends";
    Self::Version(version) => "the password service's reply is of a version that is not known: {version}";
    Self::WrongService { needed, got } =>
        "a password is changed with a ticket for {needed}, the one at hand is for {got}";
    Self::TicketEnded { end } => "the ticket for the password service ended at {end}: get a new one";
    Self::TooLong(error) => "the new password, or the ticket, is too long: {error}";
    Self::Decode(error) => "the password service's reply is undecodable: {error}";
    Self::Crypto(error) => "{error}";
    Self::Random(error) => "{error}";
} }

impl core::error::Error for PasswordError {}

impl From<DecodeError> for PasswordError {
    fn from(error: DecodeError) -> Self {
        PasswordError::Decode(error)
    }
}

impl From<CryptoError> for PasswordError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::Random(error) => PasswordError::Random(error),
            error => PasswordError::Crypto(error),
        }
    }
}

impl From<RandomError> for PasswordError {
    fn from(error: RandomError) -> Self {
        PasswordError::Random(error)
    }
}
