use super::{DelegationRefusal, IakerbRefusal, NtlmRefusal};
use crate::flags::Flags;
use crate::krb5::TransitedError;
use crate::krb5::enctype::Enctype;
use crate::krb5::pac::PacError;
use crate::mechanism_id::MechanismId;
use crate::name::Principal;
use crate::time::Time;
use crate::words::{First, Given, words};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

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

words! { Refusal {
    Refusal::UnknownService { service, held } =>
        "the client's ticket is for {service}, which the keytab does not hold (it holds {}): ask for the right service, or add \
         its key to the keytab", First(held);
    Refusal::NoKey { service, kvno, enctype, held } =>
        "the client's ticket for {service} needs the key {}{enctype}; the keytab has {}: export the keytab anew, or let the \
         client get a new ticket", Given("of version ", *kvno, ", "), Keys(held);
    Refusal::TicketNotDecryptable { service, enctype } =>
        "the ticket for {service} ({enctype}) was not made with the keytab's key: export the keytab anew, or the ticket is forged";
    Refusal::AuthenticatorNotDecryptable => "the client does not hold the key of its ticket";
    Refusal::AcceptorNotProven => "the server did not prove that it holds the service's key: it may be an impostor";
    Refusal::AcceptorAnsweredAnother => "the server's proof answers another request than ours";
    Refusal::InitiatorNotProven => "the client's third leg was not made with the key of its ticket";
    Refusal::InitiatorAnsweredAnother =>
        "the client's third leg does not answer our proof: it is replayed, or sent back to us";
    Refusal::NotUserToUser =>
        "the client presents an ordinary ticket, where one for the login that it was offered must be";
    Refusal::LoginEnded { user, end } =>
        "the login of {user}, which is offered to clients, ended at {end}: log in again";
    Refusal::OtherUser { wanted, user } => "the client wants to talk to {wanted}, and this is {user}";
    Refusal::WrongFraming { bare: true } =>
        "the client's token is bare, as in DCE style, but it does not ask for DCE style";
    Refusal::WrongFraming { bare: false } => "the client asks for DCE style, but its token is not bare";
    Refusal::EnctypeNotPermitted(enctype) => "the policy does not permit {enctype}";
    Refusal::TicketExpired { end, now } => "the ticket ended at {end}; it is now {now}: get a new one";
    Refusal::TicketNotYetValid { start, now } =>
        "the ticket is not valid before {start}; it is now {now}: check the clocks";
    Refusal::ClockSkew { seconds, limit } =>
        "the client's clock is {seconds:+} seconds from ours; the limit is {}: set the clocks", limit.as_secs();
    Refusal::ClientMismatch { ticket, authenticator } => "the ticket is {ticket}'s, but {authenticator} presents it";
    Refusal::NoGssChecksum => "the client's authenticator has no GSS-API checksum";
    Refusal::NoSequenceNumber => "the client's authenticator has no sequence number";
    Refusal::CriticalAuthorizationData(ad_type) =>
        "the ticket is restricted in a way that is not understood: authorization data {ad_type}";
    Refusal::Pac(error) => "{error}; PacPolicy::Ignore takes the client's name without it";
    Refusal::PacMissing => "the ticket has no PAC, and the policy requires one";
    // Names of realms are what another realm's KDC wrote.
    Refusal::TransitedNotReadable { client_realm, error } =>
        "the client is of the realm {}, and its way here can't be read: {error}", client_realm.escape_debug();
    Refusal::ForeignRealm { client_realm, realm } =>
        "the client is of the realm {} and came through {}, which is not on the way: if it should be, name it in [capaths] of \
         krb5.conf", client_realm.escape_debug(), realm.escape_debug();
    Refusal::ChannelBindingsAbsent => "the client sent no channel bindings, and they are required here";
    Refusal::ChannelBindingsMismatch =>
        "the client's channel bindings are not ours: it speaks over another channel";
    Refusal::Replay => "replayed: this proof was presented before";
    Refusal::ReplayGuardFull => "the replay guard is full: too many new contexts at once";
    Refusal::ReplayUnknown(why) => "whether this proof was presented before can't be told: {why}";
    Refusal::FlagsMissing(flags) => "the peer does not offer what is required: {flags}";
    Refusal::Delegation(refusal) => "{refusal}";
    Refusal::Iakerb(refusal) => "{refusal}";
    Refusal::Ntlm(refusal) => "{refusal}";
    Refusal::NoCommonMechanism { theirs, ours } =>
        "no mechanism in common: the peer offers {}; here are {}", First(theirs), First(ours);
    Refusal::MechanismNotOffered { chosen } => "the server chose the mechanism {chosen}, which we did not offer";
    Refusal::MechListMicAbsent =>
        "the peer does not prove which mechanisms were offered: somebody may have changed the list on its way";
    Refusal::MechListMicMismatch =>
        "the list of mechanisms was changed on its way, or the peer is not who it says: no weaker mechanism is used";
    Refusal::NegotiationUnprotected { mechanism } =>
        "{mechanism} is not the first choice of both, and can't prove that nobody has changed the offer";
    Refusal::NegotiationOutOfOrder(what) => "the peer's negotiation token is out of order: {what}";
    Refusal::Unsupported(what) => "not supported: {what}";
} }

/// The keys of a service in a keytab.
struct Keys<'a>(&'a [(u32, Enctype)]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kvno, enctype)) in self.0.iter().enumerate() {
            write!(f, "{}version {kvno} {enctype}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
