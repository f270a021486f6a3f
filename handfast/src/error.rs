use crate::crypto::RandomError;
use crate::flags::Flags;
use crate::krb5::TransitedError;
use crate::krb5::enctype::{CryptoError, Enctype};
use crate::krb5::exchange::{ExchangeError, KdcUnreachable};
use crate::krb5::message::ErrorCode;
use crate::krb5::pac::PacError;
use crate::mechanism_id::MechanismId;
use crate::name::{ParseNameError, Principal};
use crate::time::Time;
use crate::window::OrderError;
use crate::wire::DecodeError;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

mod delegation;
mod iakerb;
mod ntlm;

pub use delegation::DelegationRefusal;
pub use iakerb::IakerbRefusal;
pub use ntlm::NtlmRefusal;

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

/// Why we refuse a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The keytab has no key for the service that the ticket names.
    UnknownService {
        /// The service in the ticket.
        service: Principal,
        /// The services in the keytab.
        held: Vec<Principal>,
    },
    /// The keytab has the service, but not the ticket's key version or encryption type.
    NoKey {
        /// The service in the ticket.
        service: Principal,
        /// The key version of the ticket, if it says one.
        kvno: Option<u32>,
        /// The ticket's encryption type.
        enctype: Enctype,
        /// The key versions and encryption types in the keytab.
        held: Vec<(u32, Enctype)>,
    },
    /// The ticket was not made with our key: the keytab is not the one that the KDC knows, or the ticket is forged.
    TicketNotDecryptable {
        /// The service in the ticket.
        service: Principal,
        /// The ticket's encryption type.
        enctype: Enctype,
    },
    /// The client does not hold the key in its ticket.
    AuthenticatorNotDecryptable,
    /// The acceptor's proof was not made with the key of the ticket.
    AcceptorNotProven,
    /// The acceptor's proof answers another request.
    AcceptorAnsweredAnother,
    /// The initiator's third leg (DCE style) was not made with the key of its ticket.
    InitiatorNotProven,
    /// The initiator's third leg (DCE style) does not answer our proof: it is a replay, or our own answer sent back.
    InitiatorAnsweredAnother,
    /// The client's ticket is for a key, not for the login that was offered to it (user-to-user).
    NotUserToUser,
    /// The login that this acceptor offers to clients has ended (user-to-user).
    LoginEnded {
        /// Whose it is.
        user: Principal,
        /// When it ended.
        end: Time,
    },
    /// The client wants the login of somebody else than this acceptor has (user-to-user).
    OtherUser {
        /// Whom it wants.
        wanted: Principal,
        /// Who is here.
        user: Principal,
    },
    /// The client asks for DCE style and frames its token, or sends a bare message and does not ask for it (MS-KILE 3.4.5.1).
    WrongFraming {
        /// Whether its token is a bare message.
        bare: bool,
    },
    /// The policy does not permit the encryption type.
    EnctypeNotPermitted(Enctype),
    /// The ticket has ended.
    TicketExpired {
        /// When it ended.
        end: Time,
        /// What our clock says.
        now: Time,
    },
    /// The ticket is not valid yet (or flagged invalid).
    TicketNotYetValid {
        /// When it starts.
        start: Time,
        /// What our clock says.
        now: Time,
    },
    /// The clocks are too far apart.
    ClockSkew {
        /// The client's clock less ours, in seconds.
        seconds: i64,
        /// How far they may be apart.
        limit: Duration,
    },
    /// The authenticator names another client than the ticket.
    ClientMismatch {
        /// The client in the ticket, which the KDC vouches for.
        ticket: Principal,
        /// The client in the authenticator.
        authenticator: Principal,
    },
    /// The authenticator has no checksum of the GSS-API's type (RFC 4121 4.1.1), so no flag is proven.
    NoGssChecksum,
    /// The authenticator has no sequence number, which the GSS-API needs (RFC 4121 4.1.1).
    NoSequenceNumber,
    /// Ticket or authenticator are restricted in a way that is not understood here (RFC 4120 5.2.6).
    CriticalAuthorizationData(
        /// The type of the restriction.
        i32,
    ),
    /// The PAC in the ticket is not proven.
    Pac(PacError),
    /// The ticket has no PAC, and the policy requires one.
    PacMissing,
    /// The client comes from another realm by way of others, no KDC has checked the way, and what the ticket says of
    /// it can't be read (RFC 4120 2.7, 3.3.3.2).
    TransitedNotReadable {
        /// The client's realm.
        client_realm: String,
        /// What is wrong with it.
        error: TransitedError,
    },
    /// The client comes from another realm by way of one that is not on the way, as this end sees it, and no KDC has
    /// checked it (RFC 4120 2.7).
    ForeignRealm {
        /// The client's realm.
        client_realm: String,
        /// The realm that is not on the way.
        realm: String,
    },
    /// The peer sent no channel bindings.
    ChannelBindingsAbsent,
    /// The peer sees another channel than we do: somebody sits in between.
    ChannelBindingsMismatch,
    /// This proof was used before.
    Replay,
    /// The replay guard is full, so a replay could not be told from a first use.
    ReplayGuardFull,
    /// Nobody can tell whether this proof was used before; why.
    ReplayUnknown(String),
    /// The peer does not offer what the policy asks for.
    FlagsMissing(Flags),
    /// The client delegates tickets that are not to be taken.
    Delegation(DelegationRefusal),
    /// The peer speaks IAKERB, and not as it must.
    Iakerb(IakerbRefusal),
    /// The peer speaks NTLM, and not as it must.
    Ntlm(NtlmRefusal),
    /// The peer and we have no mechanism in common.
    NoCommonMechanism {
        /// The object identifiers of the peer's mechanisms.
        theirs: Vec<String>,
        /// Our mechanisms.
        ours: Vec<MechanismId>,
    },
    /// The acceptor chose a mechanism that was not offered.
    MechanismNotOffered {
        /// The object identifier of the mechanism.
        chosen: String,
    },
    /// The peer does not prove which mechanisms were offered, though it must (RFC 4178 5): somebody may have changed the list.
    MechListMicAbsent,
    /// The peer saw or sent another list of mechanisms than we did (RFC 4178 5): somebody has changed it, to get a weaker one.
    MechListMicMismatch,
    /// The mechanism can't prove which mechanisms were offered, and is not the first choice of both.
    NegotiationUnprotected {
        /// The mechanism.
        mechanism: MechanismId,
    },
    /// The peer's negotiation token is not one whose turn it is; the text says what was wrong.
    NegotiationOutOfOrder(&'static str),
    /// The peer did not do what was asked for: it sent a request for something that this mechanism does not do here.
    Unsupported(&'static str),
}

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

/// Why a credential can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// The ticket cache has neither a ticket for the service nor a ticket-granting ticket that could get one.
    NoTicket {
        /// The client whose cache it is.
        client: Principal,
        /// The service wanted.
        service: Principal,
    },
    /// The ticket-granting ticket has ended.
    TicketExpired {
        /// The client.
        client: Principal,
        /// When it ended.
        end: Time,
    },
    /// The login can't be handed on: its ticket-granting ticket is not forwardable.
    NotForwardable {
        /// The client.
        client: Principal,
    },
    /// The key given has the wrong encryption type for what the KDC or the policy wants.
    NoUsableKey {
        /// The client.
        client: Principal,
    },
    /// The policy does not allow NTLM, which can't prove who the server is.
    NtlmServerUnproven {
        /// The service wanted.
        target: String,
    },
    /// NTLM was asked for by name, and the credential has no secret for it.
    NoNtlmSecret {
        /// The client.
        client: Principal,
    },
    /// The realm of the client, or of the service, is not known.
    UnknownRealm {
        /// The name without a realm.
        name: String,
    },
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Decode(error) => write!(f, "the peer's token does not decode: {error}"),
            Error::TokenTooLarge { size, limit } => {
                write!(f, "the peer's token has {size} bytes; the limit is {limit}")
            }
            Error::TooManyLegs { limit } => write!(f, "no result after {limit} steps, which is the limit"),
            Error::UnknownMechanism => f.write_str("the peer's token is of a mechanism that is not on offer"),
            Error::Refused(refusal) => refusal.fmt(f),
            Error::RefusedByPeer(refusal) => refusal.fmt(f),
            Error::RejectedByPeer { offered } if offered.is_empty() => f.write_str("the client ended the negotiation"),
            Error::RejectedByPeer { offered } => {
                write!(f, "the server accepts none of what we offer or prove, and does not say why (offered: ")?;
                write_list(f, offered)?;
                f.write_str("): its log may")
            }
            Error::Exchange(error) => error.fmt(f),
            Error::KdcUnreachable(error) => error.fmt(f),
            Error::Credential(error) => error.fmt(f),
            Error::Name(error) => error.fmt(f),
            Error::Crypto(error) => error.fmt(f),
            Error::Random(error) => error.fmt(f),
            Error::Declined(question) => write!(f, "declined: {question}"),
            Error::AccountRefused => f.write_str("the account store refused the peer"),
            Error::AccountUnavailable => f.write_str("the account store could not be asked, so the peer is refused"),
            Error::ApiMisuse(what) => write!(f, "called out of order: {what}"),
            Error::Mechanism(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownService { service, held } => {
                write!(f, "the client's ticket is for {service}, which the keytab does not hold (it holds ")?;
                write_list(f, held)?;
                f.write_str("): ask for the right service, or add its key to the keytab")
            }
            Refusal::NoKey { service, kvno, enctype, held } => write_no_key(f, service, *kvno, *enctype, held),
            Refusal::TicketNotDecryptable { service, enctype } => write!(
                f,
                "the ticket for {service} ({enctype}) was not made with the keytab's key: \
                 export the keytab anew, or the ticket is forged"
            ),
            Refusal::AuthenticatorNotDecryptable => f.write_str("the client does not hold the key of its ticket"),
            Refusal::AcceptorNotProven => {
                f.write_str("the server did not prove that it holds the service's key: it may be an impostor")
            }
            Refusal::AcceptorAnsweredAnother => f.write_str("the server's proof answers another request than ours"),
            Refusal::InitiatorNotProven => {
                f.write_str("the client's third leg was not made with the key of its ticket")
            }
            Refusal::InitiatorAnsweredAnother => {
                f.write_str("the client's third leg does not answer our proof: it is replayed, or sent back to us")
            }
            Refusal::NotUserToUser => {
                f.write_str("the client presents an ordinary ticket, where one for the login that it was offered must be")
            }
            Refusal::LoginEnded { user, end } => {
                write!(f, "the login of {user}, which is offered to clients, ended at {end}: log in again")
            }
            Refusal::OtherUser { wanted, user } => write!(f, "the client wants to talk to {wanted}, and this is {user}"),
            Refusal::WrongFraming { bare: true } => {
                f.write_str("the client's token is bare, as in DCE style, but it does not ask for DCE style")
            }
            Refusal::WrongFraming { bare: false } => {
                f.write_str("the client asks for DCE style, but its token is not bare")
            }
            Refusal::EnctypeNotPermitted(enctype) => write!(f, "the policy does not permit {enctype}"),
            Refusal::TicketExpired { end, now } => {
                write!(f, "the ticket ended at {end}; it is now {now}: get a new one")
            }
            Refusal::TicketNotYetValid { start, now } => {
                write!(f, "the ticket is not valid before {start}; it is now {now}: check the clocks")
            }
            Refusal::ClockSkew { seconds, limit } => write!(
                f,
                "the client's clock is {seconds:+} seconds from ours; the limit is {}: set the clocks",
                limit.as_secs()
            ),
            Refusal::ClientMismatch { ticket, authenticator } => {
                write!(f, "the ticket is {ticket}'s, but {authenticator} presents it")
            }
            Refusal::NoGssChecksum => f.write_str("the client's authenticator has no GSS-API checksum"),
            Refusal::NoSequenceNumber => f.write_str("the client's authenticator has no sequence number"),
            Refusal::CriticalAuthorizationData(ad_type) => {
                write!(f, "the ticket is restricted in a way that is not understood: authorization data {ad_type}")
            }
            Refusal::Pac(error) => write!(f, "{error}; PacPolicy::Ignore takes the client's name without it"),
            Refusal::PacMissing => f.write_str("the ticket has no PAC, and the policy requires one"),
            Refusal::TransitedNotReadable { client_realm, error } => {
                let client_realm = client_realm.escape_debug(); // another realm's KDC wrote it
                write!(f, "the client is of the realm {client_realm}, and its way here can't be read: {error}")
            }
            Refusal::ForeignRealm { client_realm, realm } => {
                let (client_realm, realm) = (client_realm.escape_debug(), realm.escape_debug());
                write!(
                    f,
                    "the client is of the realm {client_realm} and came through {realm}, which is not on the way: if it \
                     should be, name it in [capaths] of krb5.conf"
                )
            }
            Refusal::ChannelBindingsAbsent => {
                f.write_str("the client sent no channel bindings, and they are required here")
            }
            Refusal::ChannelBindingsMismatch => {
                f.write_str("the client's channel bindings are not ours: it speaks over another channel")
            }
            Refusal::Replay => f.write_str("replayed: this proof was presented before"),
            Refusal::ReplayGuardFull => f.write_str("the replay guard is full: too many new contexts at once"),
            Refusal::ReplayUnknown(why) => write!(f, "whether this proof was presented before can't be told: {why}"),
            Refusal::FlagsMissing(flags) => write!(f, "the peer does not offer what is required: {flags}"),
            Refusal::Delegation(refusal) => refusal.fmt(f),
            Refusal::Iakerb(refusal) => refusal.fmt(f),
            Refusal::Ntlm(refusal) => refusal.fmt(f),
            Refusal::NoCommonMechanism { theirs, ours } => {
                f.write_str("no mechanism in common: the peer offers ")?;
                write_list(f, theirs)?;
                f.write_str("; here are ")?;
                write_list(f, ours)
            }
            Refusal::MechanismNotOffered { chosen } => {
                write!(f, "the server chose the mechanism {chosen}, which we did not offer")
            }
            Refusal::MechListMicAbsent => f.write_str(
                "the peer does not prove which mechanisms were offered: somebody may have changed the list on its way",
            ),
            Refusal::MechListMicMismatch => f.write_str(
                "the list of mechanisms was changed on its way, or the peer is not who it says: no weaker mechanism is used",
            ),
            Refusal::NegotiationUnprotected { mechanism } => write!(
                f,
                "{mechanism} is not the first choice of both, and can't prove that nobody has changed the offer"
            ),
            Refusal::NegotiationOutOfOrder(what) => write!(f, "the peer's negotiation token is out of order: {what}"),
            Refusal::Unsupported(what) => write!(f, "not supported: {what}"),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, names: &[impl fmt::Display]) -> fmt::Result {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return f.write_str("none");
    }
    for (index, name) in names.iter().take(SHOWN).enumerate() {
        write!(f, "{}{name}", if index > 0 { ", " } else { "" })?;
    }
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => write!(f, " and {more} more"),
        _ => Ok(()),
    }
}

fn write_no_key(
    f: &mut fmt::Formatter<'_>,
    service: &Principal,
    kvno: Option<u32>,
    enctype: Enctype,
    held: &[(u32, Enctype)],
) -> fmt::Result {
    write!(f, "the client's ticket for {service} needs the key ")?;
    if let Some(kvno) = kvno {
        write!(f, "of version {kvno}, ")?;
    }
    write!(f, "{enctype}; the keytab has ")?;
    for (index, (kvno, enctype)) in held.iter().enumerate() {
        write!(f, "{}version {kvno} {enctype}", if index > 0 { ", " } else { "" })?;
    }
    f.write_str(": export the keytab anew, or let the client get a new ticket")
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

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialError::NoTicket { client, service } => write!(
                f,
                "{client} holds no ticket for {service} and no ticket-granting ticket that could get one: log in first"
            ),
            CredentialError::TicketExpired { client, end } => {
                write!(f, "the ticket of {client} ended at {end}: log in again")
            }
            CredentialError::NotForwardable { client } => {
                write!(
                    f,
                    "the ticket of {client} is not forwardable, so it can't be delegated: log in for a forwardable one"
                )
            }
            CredentialError::NoUsableKey { client } => {
                write!(f, "no key of {client} has an encryption type that the policy permits")
            }
            CredentialError::NtlmServerUnproven { target } => write!(
                f,
                "NTLM can't prove that the server is {target}: use Kerberos, or allow it by the policy \
                 dangerous_ntlm_unproven_server"
            ),
            CredentialError::NoNtlmSecret { client } => {
                write!(f, "the credential of {client} has no password or hash for NTLM")
            }
            CredentialError::UnknownRealm { name } => {
                write!(f, "no realm is known for {name}: name one (…@REALM), or set a default")
            }
        }
    }
}

impl core::error::Error for CredentialError {}

/// Why a message of an established context can't be made or is refused. The context stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// The token does not decode.
    Decode(DecodeError),
    /// The message was not made by the peer with this context's key, or was changed on its way.
    NotAuthentic,
    /// The peer's message came back to its sender, or was made for the other direction.
    WrongDirection,
    /// The token was made under another key than the one that this context agreed on.
    WrongKey,
    /// Only signed, where a sealed message is required.
    NotSealed,
    /// The sequence number is refused.
    Order(OrderError),
    /// The context was not made with this flag.
    NotNegotiated(Flags),
    /// The message is longer than a token can hold.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A buffer given for the in-place form has the wrong size.
    BufferSize {
        /// What it must have, in bytes.
        needed: usize,
    },
    /// The in-place form takes no more parts than this.
    TooManyParts {
        /// The limit.
        limit: usize,
    },
    /// All sequence numbers are used up.
    SequenceExhausted,
    /// The halves of this context can't be used apart.
    NotSplittable,
    /// The context's mechanism has no pseudo-random function (RFC 4401): NTLM's is one.
    NoPrf,
    /// Messages of this context can't be protected in place: RC4's have a frame that is as long as their length takes (RFC 4757 7.3),
    /// unless the context is in DCE style.
    NotInPlace,
    /// A key or a cipher can't be used.
    Crypto(CryptoError),
}

impl From<DecodeError> for MessageError {
    fn from(error: DecodeError) -> MessageError {
        MessageError::Decode(error)
    }
}

impl From<CryptoError> for MessageError {
    fn from(error: CryptoError) -> MessageError {
        MessageError::Crypto(error)
    }
}

impl From<OrderError> for MessageError {
    fn from(error: OrderError) -> MessageError {
        MessageError::Order(error)
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageError::Decode(error) => write!(f, "the message does not decode: {error}"),
            MessageError::NotAuthentic => f.write_str("the message is not authentic: it was changed on its way"),
            MessageError::WrongDirection => f.write_str("the message was sent in the other direction"),
            MessageError::WrongKey => f.write_str("the message was made under another key than this context's"),
            MessageError::NotSealed => f.write_str("the message is signed only, and must be sealed"),
            MessageError::Order(error) => write!(f, "the message is {error}"),
            MessageError::NotNegotiated(flags) => write!(f, "this context was made without: {flags}"),
            MessageError::TooLarge { limit } => write!(f, "the message is longer than {limit} bytes"),
            MessageError::BufferSize { needed } => write!(f, "a buffer of {needed} bytes is needed"),
            MessageError::TooManyParts { limit } => write!(f, "a message has at most {limit} parts"),
            MessageError::SequenceExhausted => f.write_str("all sequence numbers of this context are used up"),
            MessageError::NoPrf => f.write_str("the context's mechanism has no pseudo-random function"),
            MessageError::NotInPlace => {
                f.write_str("messages of rc4-hmac can be protected in place in DCE style alone")
            }
            MessageError::NotSplittable => f.write_str("the two directions of this context share their state"),
            MessageError::Crypto(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MessageError {}
