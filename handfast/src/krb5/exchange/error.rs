use super::KdcRefusal;
use crate::crypto::RandomError;
use crate::krb5::enctype::{CryptoError, Enctype};
use crate::krb5::message::{PaDataType, TicketFlags};
use crate::krb5::spake::SpakeError;
use crate::name::Principal;
use crate::question::Question;
use crate::time::Time;
use crate::wire::DecodeError;
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
    Otp(super::OtpError),
    /// Bytes of the KDC, or of the ticket at hand, do not decode.
    Decode(DecodeError),
    /// A key or a ciphertext can't be used.
    Crypto(CryptoError),
    /// The source of randomness failed.
    Random(RandomError),
    /// The calls came in an order that the exchange can't follow; the text says what was wrong.
    ApiMisuse(&'static str),
}

/// What in a KDC's reply is not as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The reply belongs to the other exchange: TGS-REP to a login, AS-REP to a request for a ticket.
    Exchange,
    /// It is for another client (RFC 4120 3.1.5).
    Client {
        /// Who asked.
        asked: Principal,
        /// Who is answered.
        got: Principal,
    },
    /// It is for another client, as was allowed, but the KDC proves in no way what it was asked (RFC 6806 6, 11).
    RenamedUnproven {
        /// Who asked.
        asked: Principal,
        /// Who is answered.
        got: Principal,
    },
    /// It is for another service (RFC 4120 3.1.5).
    Service {
        /// Who was asked for.
        asked: Principal,
        /// Who is answered for.
        got: Principal,
    },
    /// The ticket says, where nothing protects it, that it is for another service than the protected part says.
    TicketService {
        /// The service asked for, and of the protected part.
        asked: Principal,
        /// The ticket's.
        got: Principal,
    },
    /// It answers another request (RFC 4120 3.1.5).
    Nonce,
    /// It is encrypted with an enctype that was not offered.
    ReplyEnctype {
        /// The reply's.
        got: Enctype,
        /// Those offered.
        offered: Vec<Enctype>,
    },
    /// The session key is of an enctype that was not offered.
    SessionKeyEnctype {
        /// The key's.
        got: Enctype,
        /// Those offered.
        offered: Vec<Enctype>,
    },
    /// The ticket is not valid before a KDC has validated it, which was not asked for.
    InvalidFlag,
    /// The ticket has ended, or never was good.
    Ended {
        /// From when on it is good.
        start: Time,
        /// When it ends.
        end: Time,
        /// What our clock says.
        now: Time,
    },
    /// The ticket ends later than asked for.
    EndsTooLate {
        /// The latest end asked for.
        asked: Time,
        /// When it ends.
        end: Time,
    },
    /// The ticket is renewable for longer than asked for.
    RenewableTooLong {
        /// The latest time asked for.
        asked: Time,
        /// Until when it is.
        renew_till: Time,
    },
    /// The ticket is bound to addresses that were not asked for, or not bound to those that were.
    Addresses,
    /// The ticket lacks flags that make it what was asked for.
    FlagsMissing {
        /// What was asked for.
        missing: TicketFlags,
    },
    /// The KDC does not prove whose name the ticket is in that a service asked for in a user's name (MS-SFU 3.1.5.1.1.3).
    UserNotProven,
    /// The KDC saw another request than the one sent, or does not say (RFC 6806 11).
    RequestChanged,
    /// Inside of FAST, it lacks what ends a conversation with a ticket (RFC 6113 5.4.3).
    NotFinished,
    /// Inside of FAST, it lacks the key that strengthens the reply's, without which FAST could be taken off (RFC 6113 5.4.3).
    NotStrengthened,
    /// The ticket is not the one that the KDC vouches for inside of FAST (RFC 6113 5.4.3).
    TicketChanged,
    /// It refuses, and does not say why inside of FAST (RFC 6113 5.4.4).
    NoErrorInside,
    /// It does not answer the encrypted challenge, by which the KDC proves to know the client's key (RFC 6113 5.4.6).
    ChallengeUnanswered,
    /// The KDC says, where nobody can change it, that it knows FAST; but what was sent inside of FAST came to nothing, and
    /// it went on without: somebody on the way has seen to it.
    FastStripped,
    /// Outside of FAST it names another client than inside.
    OutsideClient {
        /// The client named inside.
        inside: Principal,
        /// The client named outside.
        outside: Principal,
    },
}

impl ExchangeError {
    pub(in crate::krb5) fn mismatch(mismatch: Mismatch) -> Self {
        ExchangeError::Mismatch(Box::new(mismatch))
    }
}

/// Shows values with commas between, or `none`.
pub(super) struct Listing<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Listing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::WrongSecret { client, enctype, kvno } => {
                write!(f, "the KDC's reply does not decrypt with the secret of {client} ({enctype}")?;
                kvno.map_or(Ok(()), |kvno| write!(f, ", key version {kvno}"))?;
                f.write_str("): most likely the password or key is wrong")
            }
            Self::ReplyNotProven { realm } => write!(
                f,
                "the reply is not proven to be from the KDC of {realm}: it was changed on the way, or the session key \
                 of the ticket at hand is not the KDC's; log in again"
            ),
            Self::Mismatch(mismatch) => write!(f, "the KDC's reply is not believed: {mismatch}"),
            Self::ClockSkew { seconds, limit } => {
                write_skew(f, *seconds)?;
                write!(f, ", {} s are permitted: set the clocks", limit.as_secs())
            }
            Self::NoCommonEnctype { client, ours, kdc } => write!(
                f,
                "no enctype in common for {client}: permitted and with a key here: {}; with a key at the KDC: {}",
                Listing(ours),
                Listing(kdc)
            ),
            Self::NoUsableEnctype { permitted } => {
                write!(f, "none of the permitted enctypes is supported and has a key: {}", Listing(permitted))
            }
            Self::EnctypeNotPermitted { service, enctype } => {
                write!(f, "the session key of the ticket for {service} is of {enctype}, which is not permitted")
            }
            Self::NoCommonPreauth { client, enctypes, tried, offered } => {
                write!(
                    f,
                    "the KDC wants a proof from {client} that can't be given here: it may have no key of an enctype \
                     offered ({}), or want another proof (it names: {}",
                    Listing(enctypes),
                    Listing(offered)
                )?;
                if !tried.is_empty() {
                    write!(f, "; tried: {}", Listing(tried))?;
                }
                f.write_str(")")
            }
            Self::TooFewIterations { requested, minimum } => write!(
                f,
                "the KDC asks for a key made with {requested} iterations, fewer than {minimum}: this makes guessing \
                 the password cheap for whoever pretends to be the KDC"
            ),
            Self::Referral { name, realm } => {
                let realm = realm.escape_debug(); // whoever answered wrote it
                write!(
                    f,
                    "the KDC refers to the realm {realm} for {name}, which is not followed: name that realm, or ask for \
                     canonicalization"
                )
            }
            Self::ReferralLoop { service, realm } => {
                let realm = realm.escape_debug();
                write!(f, "on the way to {service}, a KDC refers back to the realm {realm}, which was asked already")
            }
            Self::TooManyReferrals { service, limit } => {
                write!(f, "on the way to {service}, more than {limit} KDCs refer to yet another realm")
            }
            Self::NoWay { service, realm } => {
                let realm = realm.escape_debug();
                write!(
                    f,
                    "the KDC of {realm} knows no way to {}, the realm of {service}: if there is one, name it in [capaths] \
                     of krb5.conf",
                    service.realm().escape_debug()
                )
            }
            Self::OtherRealm { service, ticket } => {
                write!(f, "the ticket for {ticket} can't be used to ask for {service}")
            }
            Self::NotRenewable { service, renew_till: Some(till) } => {
                write!(f, "the ticket for {service} could be renewed until {till} only: log in again")
            }
            Self::NotRenewable { service, renew_till: None } => write!(f, "the ticket for {service} is not renewable"),
            Self::NoArmor { realm, ticket: Some(ticket), end: Some(end) } => write!(
                f,
                "FAST is required, and the ticket for {ticket}, good until {end}, can't be its armor: that takes a \
                 ticket-granting ticket for {realm} that is good now"
            ),
            Self::NoArmor { realm, .. } => {
                write!(f, "FAST is required, and there is no armor for it: a ticket-granting ticket for {realm}")
            }
            Self::NotArmored { realm, refusal } => {
                write!(f, "the KDC of {realm} answered outside of FAST, which is not believed")?;
                match refusal {
                    Some(refusal) => write!(f, "; what was said: {refusal}"),
                    None => Ok(()),
                }
            }
            #[cfg(feature = "pkinit")]
            Self::Pkinit(error) => error.fmt(f),
            Self::Declined(question) => write!(f, "there is no ticket without an answer: {question}"),
            Self::NotPostdated { service } => {
                write!(f, "the ticket for {service} is not postdated: there is nothing to validate")
            }
            Self::NotForwardable { service } => write!(
                f,
                "the ticket for {service} is not forwardable: log in with a forwardable one, if the realm gives it"
            ),
            Self::NotOnesOwn { service, client } => {
                write!(f, "{client} can't act for the client of a ticket to {service}: it needs one to itself")
            }
            Self::NotProxiable { service } => {
                write!(
                    f,
                    "the ticket for {service} is not proxiable: log in with a proxiable one, if the realm gives it"
                )
            }
            Self::Spake(error) => error.fmt(f),
            Self::Otp(error) => error.fmt(f),
            Self::Decode(error) => write!(f, "undecodable: {error}"),
            Self::Crypto(error) => error.fmt(f),
            Self::Random(error) => error.fmt(f),
            Self::ApiMisuse(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange => f.write_str("it belongs to the other kind of exchange"),
            Self::Client { asked, got } => write!(f, "asked for {asked}, it is for {got}"),
            Self::RenamedUnproven { asked, got } => write!(
                f,
                "asked for {asked}, it is for {got}, and the KDC does not prove that this is what it was asked: log in \
                 under the right name"
            ),
            Self::Service { asked, got } => write!(f, "asked for a ticket for {asked}, it is for {got}"),
            Self::TicketService { asked, got } => {
                write!(f, "the reply is for {asked}, the ticket in it claims to be for {got}")
            }
            Self::Nonce => f.write_str("it answers another request"),
            Self::ReplyEnctype { got, offered } => {
                write!(f, "it is encrypted with {got}; offered: {}", Listing(offered))
            }
            Self::SessionKeyEnctype { got, offered } => {
                write!(f, "its session key is of {got}; offered: {}", Listing(offered))
            }
            Self::InvalidFlag => f.write_str("the ticket is flagged invalid, to be validated by a KDC first"),
            Self::Ended { start, end, now } => {
                write!(f, "the ticket is good from {start} to {end}, our clock says {now}")
            }
            Self::EndsTooLate { asked, end } => write!(f, "the ticket ends at {end}, later than {asked} as asked for"),
            Self::RenewableTooLong { asked, renew_till } => {
                write!(f, "the ticket is renewable until {renew_till}, longer than {asked} as asked for")
            }
            Self::Addresses => f.write_str("the ticket is bound to other addresses than were asked for"),
            Self::FlagsMissing { missing } => write!(f, "the ticket lacks flags that were asked for: {missing:?}"),
            Self::UserNotProven => f.write_str(
                "it does not prove in whose name the ticket is: with the service's own key, the ticket could be asked itself",
            ),
            Self::RequestChanged => f.write_str("the request was changed on its way to the KDC"),
            Self::NotFinished => f.write_str("FAST has no end in it"),
            Self::NotStrengthened => f.write_str("FAST has no key in it that strengthens the reply's"),
            Self::TicketChanged => f.write_str("the ticket is not the one that the KDC issued"),
            Self::NoErrorInside => f.write_str("it is a refusal without a reason"),
            Self::ChallengeUnanswered => f.write_str("the KDC has not proven that it knows the client's key"),
            Self::FastStripped => f.write_str("the KDC knows FAST, and somebody on the way has hidden that"),
            Self::OutsideClient { inside, outside } => {
                write!(f, "it is for {inside}, and claims outside of FAST to be for {outside}")
            }
        }
    }
}

/// Says who is ahead by how much.
pub(super) fn write_skew(f: &mut fmt::Formatter<'_>, seconds: i64) -> fmt::Result {
    let direction = if seconds < 0 { "behind" } else { "ahead of" };
    write!(f, "the KDC's clock is {} s {direction} ours", seconds.unsigned_abs())
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

impl From<super::OtpError> for ExchangeError {
    fn from(error: super::OtpError) -> Self {
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
