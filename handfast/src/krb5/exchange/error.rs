use super::{KdcRefusal, Mismatch, OtpError};
use crate::crypto::RandomError;
use crate::krb5::enctype::{CryptoError, Enctype};
use crate::krb5::message::PaDataType;
use crate::krb5::spake::SpakeError;
use crate::name::Principal;
use crate::question::Question;
use crate::time::Time;
use crate::wire::DecodeError;
use crate::words::{Given, Listing, words};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Why an exchange with a KDC gave no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The KDC refused.
    Refused(Box<KdcRefusal>),
    /// The reply to a login does not decrypt with the client's secret: a wrong password or key, or a reply that was
    /// changed on the way.
    WrongSecret {
        /// The client.
        client: Principal,
        /// The reply's enctype.
        enctype: Enctype,
        /// The version of the key that the KDC used, if it says.
        kvno: Option<u32>,
    },
    /// The reply to a request for a ticket is not under the key that the KDC was given: changed on the way, or not
    /// the KDC's.
    ReplyNotProven {
        /// The realm of the KDC.
        realm: String,
    },
    /// The reply is not to be believed.
    Mismatch(Box<Mismatch>),
    /// The clocks are too far apart.
    ClockSkew {
        /// The KDC's clock less ours, in seconds.
        seconds: i64,
        /// How far they may be apart.
        limit: Duration,
    },
    /// No enctype that is permitted has a key on both sides.
    NoCommonEnctype {
        /// The client.
        client: Principal,
        /// The enctypes that are permitted, and of which we have or can make a key.
        ours: Vec<Enctype>,
        /// The enctypes of the KDC's keys of the client; none if it doesn't say.
        kdc: Vec<Enctype>,
    },
    /// No enctype of the options can be used: none is supported, or none has a key.
    NoUsableEnctype {
        /// The enctypes of the options.
        permitted: Vec<Enctype>,
    },
    /// The session key of the ticket to be presented is of an enctype that is not permitted.
    EnctypeNotPermitted {
        /// The ticket's service.
        service: Principal,
        /// The enctype.
        enctype: Enctype,
    },
    /// The KDC wants pre-authentication, but by no method of the options that is here. It may have no key that fits
    /// (MIT's KDC says so in this way).
    NoCommonPreauth {
        /// The client.
        client: Principal,
        /// The enctypes offered.
        enctypes: Vec<Enctype>,
        /// The methods that were tried before.
        tried: Vec<PaDataType>,
        /// What the KDC takes, and other padata that it sent.
        offered: Vec<PaDataType>,
    },
    /// The KDC (or who pretends to be it) asks for a key that makes guessing the password cheap.
    TooFewIterations {
        /// Iterations asked for.
        requested: u64,
        /// The enctype's default, which is the least.
        minimum: u32,
    },
    /// The KDC refers to another realm.
    Referral {
        /// Who was asked for: the service, or the client in a login.
        name: Principal,
        /// The realm that is said to know it.
        realm: String,
    },
    /// The KDC refers to a realm that was asked already.
    ReferralLoop {
        /// The service; the client, in a login.
        service: Principal,
        /// The realm.
        realm: String,
    },
    /// The realms refer on and on.
    TooManyReferrals {
        /// The service; the client, in a login.
        service: Principal,
        /// How many are followed.
        limit: usize,
    },
    /// The KDC of a realm knows no way to the service's realm.
    NoWay {
        /// The service.
        service: Principal,
        /// The realm.
        realm: String,
    },
    /// The ticket at hand asks no KDC of the service's realm.
    OtherRealm {
        /// The service.
        service: Principal,
        /// The service of the ticket at hand.
        ticket: Principal,
    },
    /// The ticket can't be renewed.
    NotRenewable {
        /// The ticket's service.
        service: Principal,
        /// Until when it could be.
        renew_till: Option<Time>,
    },
    /// FAST is required, and there is no armor for it.
    NoArmor {
        /// The realm of the KDC.
        realm: String,
        /// The ticket that was given as armor; none if none was.
        ticket: Option<Principal>,
        /// When that ticket ends.
        end: Option<Time>,
    },
    /// The KDC answered outside of FAST. It may not know FAST, or not take the armor; or somebody else has answered.
    NotArmored {
        /// The realm of the KDC.
        realm: String,
        /// The refusal, for people: anyone may have made it. None if it was no refusal.
        refusal: Option<Box<KdcRefusal>>,
    },
    /// The login with a certificate, or without a name, failed.
    #[cfg(feature = "pkinit")]
    Pkinit(Box<crate::krb5::pkinit::PkinitError>),
    /// A question was declined that had to be answered.
    Declined(Box<Question>),
    /// The ticket is valid already.
    NotPostdated {
        /// The ticket's service.
        service: Principal,
    },
    /// The ticket can't be forwarded.
    NotForwardable {
        /// The ticket's service.
        service: Principal,
    },
    /// The ticket that shows whom a service acts for is not one to that service.
    NotOnesOwn {
        /// The ticket's service.
        service: Principal,
        /// The service that would act.
        client: Principal,
    },
    /// No proxy ticket can be got with the ticket.
    NotProxiable {
        /// The ticket's service.
        service: Principal,
    },
    /// SPAKE pre-authentication (RFC 9588) can't go on.
    Spake(Box<SpakeError>),
    /// A one-time password (RFC 6560) can't be sent.
    Otp(OtpError),
    /// Bytes of the KDC, or of the ticket at hand, do not decode.
    Decode(DecodeError),
    /// A key or a ciphertext can't be used.
    Crypto(CryptoError),
    /// The source of randomness failed.
    Random(RandomError),
    /// The calls came in an order that the exchange can't follow; the text says what was wrong.
    ApiMisuse(&'static str),
}

impl ExchangeError {
    pub(in crate::krb5) fn mismatch(mismatch: Mismatch) -> Self {
        ExchangeError::Mismatch(Box::new(mismatch))
    }
}

words! { ExchangeError {
    Self::Refused(refusal) => "{refusal}";
    Self::WrongSecret { client, enctype, kvno } =>
        "the KDC's reply does not decrypt with the secret of {client} ({enctype}{}): most likely the password or key is wrong",
        Given(", key version ", *kvno, "");
    Self::ReplyNotProven { realm } =>
        "the reply is not proven to be from the KDC of {realm}: it was changed on the way, or the session key of the ticket at \
         hand is not the KDC's; log in again";
    Self::Mismatch(mismatch) => "the KDC's reply is not believed: {mismatch}";
    Self::ClockSkew { seconds, limit } => "{}, {} s are permitted: set the clocks", Skew(*seconds), limit.as_secs();
    Self::NoCommonEnctype { client, ours, kdc } =>
        "no enctype in common for {client}: permitted and with a key here: {}; with a key at the KDC: {}",
        Listing(ours), Listing(kdc);
    Self::NoUsableEnctype { permitted } =>
        "none of the permitted enctypes is supported and has a key: {}", Listing(permitted);
    Self::EnctypeNotPermitted { service, enctype } =>
        "the session key of the ticket for {service} is of {enctype}, which is not permitted";
    Self::NoCommonPreauth { client, enctypes, tried, offered } =>
        "the KDC wants a proof from {client} that can't be given here: it may have no key of an enctype offered ({}), or want \
         another proof (it names: {}{})", Listing(enctypes), Listing(offered),
        Given("; tried: ", Some(Listing(tried)).filter(|_| !tried.is_empty()), "");
    Self::TooFewIterations { requested, minimum } =>
        "the KDC asks for a key made with {requested} iterations, fewer than {minimum}: this makes guessing the password cheap \
         for whoever pretends to be the KDC";
    // Whoever answered wrote the name of the realm.
    Self::Referral { name, realm } =>
        "the KDC refers to the realm {} for {name}, which is not followed: name that realm, or ask for canonicalization",
        realm.escape_debug();
    Self::ReferralLoop { service, realm } =>
        "on the way to {service}, a KDC refers back to the realm {}, which was asked already", realm.escape_debug();
    Self::TooManyReferrals { service, limit } =>
        "on the way to {service}, more than {limit} KDCs refer to yet another realm";
    Self::NoWay { service, realm } =>
        "the KDC of {} knows no way to {}, the realm of {service}: if there is one, name it in [capaths] of krb5.conf",
        realm.escape_debug(), service.realm().escape_debug();
    Self::OtherRealm { service, ticket } => "the ticket for {ticket} can't be used to ask for {service}";
    Self::NotRenewable { service, renew_till: Some(till) } =>
        "the ticket for {service} could be renewed until {till} only: log in again";
    Self::NotRenewable { service, renew_till: None } => "the ticket for {service} is not renewable";
    Self::NoArmor { realm, ticket: Some(ticket), end: Some(end) } =>
        "FAST is required, and the ticket for {ticket}, good until {end}, can't be its armor: that takes a ticket-granting \
         ticket for {realm} that is good now";
    Self::NoArmor { realm, .. } =>
        "FAST is required, and there is no armor for it: a ticket-granting ticket for {realm}";
    Self::NotArmored { realm, refusal } =>
        "the KDC of {realm} answered outside of FAST, which is not believed{}", Given("; what was said: ", refusal.as_ref(), "");
    #[cfg(feature = "pkinit")]
    Self::Pkinit(error) => "{error}";
    Self::Declined(question) => "there is no ticket without an answer: {question}";
    Self::NotPostdated { service } => "the ticket for {service} is not postdated: there is nothing to validate";
    Self::NotForwardable { service } =>
        "the ticket for {service} is not forwardable: log in with a forwardable one, if the realm gives it";
    Self::NotOnesOwn { service, client } =>
        "{client} can't act for the client of a ticket to {service}: it needs one to itself";
    Self::NotProxiable { service } =>
        "the ticket for {service} is not proxiable: log in with a proxiable one, if the realm gives it";
    Self::Spake(error) => "{error}";
    Self::Otp(error) => "{error}";
    Self::Decode(error) => "undecodable: {error}";
    Self::Crypto(error) => "{error}";
    Self::Random(error) => "{error}";
    Self::ApiMisuse(what) => "{what}";
} }

/// Who is ahead by how much: the KDC's clock less ours, in seconds.
pub(super) struct Skew(pub(super) i64);

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.0 < 0 { "behind" } else { "ahead of" };
        write!(f, "the KDC's clock is {} s {direction} ours", self.0.unsigned_abs())
    }
}

impl core::error::Error for ExchangeError {}

impl From<DecodeError> for ExchangeError {
    fn from(error: DecodeError) -> Self {
        ExchangeError::Decode(error)
    }
}

impl From<SpakeError> for ExchangeError {
    fn from(error: SpakeError) -> Self {
        match error {
            SpakeError::Key(error) => error.into(),
            error => ExchangeError::Spake(Box::new(error)),
        }
    }
}

impl From<OtpError> for ExchangeError {
    fn from(error: OtpError) -> Self {
        ExchangeError::Otp(error)
    }
}

impl From<CryptoError> for ExchangeError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::Random(error) => ExchangeError::Random(error),
            error => ExchangeError::Crypto(error),
        }
    }
}

impl From<RandomError> for ExchangeError {
    fn from(error: RandomError) -> Self {
        ExchangeError::Random(error)
    }
}
