use crate::crypto::RandomError;
use crate::krb5::enctype::CryptoError;
use crate::krb5::exchange::{ExchangeError, KdcUnreachable};
use crate::krb5::message::ErrorCode;
use crate::mechanism_id::MechanismId;
use crate::name::ParseNameError;
use crate::wire::DecodeError;
use crate::words::{First, words};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

mod credential;
mod delegation;
mod iakerb;
mod message;
mod ntlm;
mod refusal;

pub use credential::CredentialError;
pub use delegation::DelegationRefusal;
pub use iakerb::IakerbRefusal;
pub use message::MessageError;
pub use ntlm::NtlmRefusal;
pub use refusal::Refusal;

/// Why a handshake failed: the cause, with its values.
///
/// What is told to the *peer* is in the output buffer and says less: every refusal looks the same to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Bytes from the peer do not decode.
    Decode(DecodeError),
    /// A token is longer than the policy looks at.
    TokenTooLarge {
        /// Its size in bytes.
        size: usize,
        /// [`Policy::token_limit`](crate::Policy::token_limit).
        limit: usize,
    },
    /// The handshake took more steps than the policy allows.
    TooManyLegs {
        /// [`Policy::leg_limit`](crate::Policy::leg_limit).
        limit: u32,
    },
    /// The token is of another mechanism than the ones on offer.
    UnknownMechanism,
    /// We refuse the peer.
    Refused(Box<Refusal>),
    /// The peer refused us.
    RefusedByPeer(PeerRefusal),
    /// The peer ended the negotiation, and did not say why.
    RejectedByPeer {
        /// The mechanisms that we had offered; none if the offer was the peer's.
        offered: Vec<MechanismId>,
    },
    /// The KDC refused, or its answer is not to be believed.
    Exchange(Box<ExchangeError>),
    /// No KDC answered.
    KdcUnreachable(KdcUnreachable),
    /// The credential can't be used for this.
    Credential(CredentialError),
    /// A name can't be parsed.
    Name(ParseNameError),
    /// A key or a cipher can't be used.
    Crypto(CryptoError),
    /// The source of randomness failed.
    Random(RandomError),
    /// A question of the mechanism was declined; the text names it.
    Declined(&'static str),
    /// The account store refused the peer or can't tell; a context is never made then.
    AccountRefused,
    /// The account store could not be asked.
    AccountUnavailable,
    /// The calls came in an order that the mechanism can't follow; the text says what was wrong.
    ApiMisuse(&'static str),
    /// An application's own mechanism failed.
    Mechanism(String),
}

impl Error {
    pub(crate) fn refused(refusal: Refusal) -> Error {
        Error::Refused(Box::new(refusal))
    }
}

impl From<NtlmRefusal> for Error {
    fn from(refusal: NtlmRefusal) -> Error {
        Error::refused(Refusal::Ntlm(refusal))
    }
}

impl From<IakerbRefusal> for Error {
    fn from(refusal: IakerbRefusal) -> Error {
        Error::refused(Refusal::Iakerb(refusal))
    }
}

macro_rules! from_error {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Error {
            fn from(error: $from) -> Error {
                Error::$variant(error)
            }
        }
    )*};
}

from_error! {
    DecodeError => Decode,
    KdcUnreachable => KdcUnreachable,
    CredentialError => Credential,
    ParseNameError => Name,
    CryptoError => Crypto,
    RandomError => Random,
}

impl From<ExchangeError> for Error {
    fn from(error: ExchangeError) -> Error {
        Error::Exchange(Box::new(error))
    }
}

words! { Error {
    Error::Decode(error) => "the peer's token does not decode: {error}";
    Error::TokenTooLarge { size, limit } => "the peer's token has {size} bytes; the limit is {limit}";
    Error::TooManyLegs { limit } => "no result after {limit} steps, which is the limit";
    Error::UnknownMechanism => "the peer's token is of a mechanism that is not on offer";
    Error::Refused(refusal) => "{refusal}";
    Error::RefusedByPeer(refusal) => "{refusal}";
    Error::RejectedByPeer { offered } if offered.is_empty() => "the client ended the negotiation";
    Error::RejectedByPeer { offered } =>
        "the server accepts none of what we offer or prove, and does not say why (offered: {}): its log may", First(offered);
    Error::Exchange(error) => "{error}";
    Error::KdcUnreachable(error) => "{error}";
    Error::Credential(error) => "{error}";
    Error::Name(error) => "{error}";
    Error::Crypto(error) => "{error}";
    Error::Random(error) => "{error}";
    Error::Declined(question) => "declined: {question}";
    Error::AccountRefused => "the account store refused the peer";
    Error::AccountUnavailable => "the account store could not be asked, so the peer is refused";
    Error::ApiMisuse(what) => "called out of order: {what}";
    Error::Mechanism(text) => "{text}";
} }

impl core::error::Error for Error {}

/// The peer's refusal, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRefusal {
    /// The Kerberos error code.
    pub code: ErrorCode,
    /// The peer's own words, if any.
    pub text: Option<String>,
    /// The peer's clock less ours, in seconds, as its message shows it. Large values explain many a refusal.
    pub clock_skew: i64,
}

impl fmt::Display for PeerRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused: {}", self.code)?;
        if let Some(text) = &self.text {
            write!(f, " ({text:?})")?;
        }
        if self.clock_skew.unsigned_abs() > 60 {
            write!(f, "; its clock is {:+} seconds from ours", self.clock_skew)?;
        }
        Ok(())
    }
}
