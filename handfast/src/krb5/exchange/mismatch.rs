use crate::krb5::enctype::Enctype;
use crate::krb5::message::TicketFlags;
use crate::name::Principal;
use crate::time::Time;
use crate::words::{Listing, words};
use alloc::vec::Vec;

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
    /// The KDC's clock is another than the error before has told, further from it than clocks may be apart: somebody on the way has
    /// told a wrong time, or two KDCs of the realm disagree.
    OtherTimeTold,
    /// Outside of FAST it names another client than inside.
    OutsideClient {
        /// The client named inside.
        inside: Principal,
        /// The client named outside.
        outside: Principal,
    },
}

words! { Mismatch {
    Self::Exchange => "it belongs to the other kind of exchange";
    Self::Client { asked, got } => "asked for {asked}, it is for {got}";
    Self::RenamedUnproven { asked, got } =>
        "asked for {asked}, it is for {got}, and the KDC does not prove that this is what it was asked: log in under the right \
         name";
    Self::Service { asked, got } => "asked for a ticket for {asked}, it is for {got}";
    Self::TicketService { asked, got } => "the reply is for {asked}, the ticket in it claims to be for {got}";
    Self::Nonce => "it answers another request";
    Self::ReplyEnctype { got, offered } => "it is encrypted with {got}; offered: {}", Listing(offered);
    Self::SessionKeyEnctype { got, offered } => "its session key is of {got}; offered: {}", Listing(offered);
    Self::InvalidFlag => "the ticket is flagged invalid, to be validated by a KDC first";
    Self::Ended { start, end, now } => "the ticket is good from {start} to {end}, our clock says {now}";
    Self::EndsTooLate { asked, end } => "the ticket ends at {end}, later than {asked} as asked for";
    Self::RenewableTooLong { asked, renew_till } =>
        "the ticket is renewable until {renew_till}, longer than {asked} as asked for";
    Self::Addresses => "the ticket is bound to other addresses than were asked for";
    Self::FlagsMissing { missing } => "the ticket lacks flags that were asked for: {missing:?}";
    Self::UserNotProven =>
        "it does not prove in whose name the ticket is: with the service's own key, the ticket could be asked itself";
    Self::RequestChanged => "the request was changed on its way to the KDC";
    Self::NotFinished => "FAST has no end in it";
    Self::NotStrengthened => "FAST has no key in it that strengthens the reply's";
    Self::TicketChanged => "the ticket is not the one that the KDC issued";
    Self::NoErrorInside => "it is a refusal without a reason";
    Self::ChallengeUnanswered => "the KDC has not proven that it knows the client's key";
    Self::FastStripped => "the KDC knows FAST, and somebody on the way has hidden that";
    Self::OtherTimeTold =>
        "the KDC's clock is another than its error before said: somebody on the way has changed that, or the realm's KDCs \
         disagree; set their clocks";
    Self::OutsideClient { inside, outside } =>
        "it is for {inside}, and claims outside of FAST to be for {outside}";
} }
