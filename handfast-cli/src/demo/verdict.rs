use super::wire::Party;
use handfast::krb5::exchange::ExchangeError;
use handfast::krb5::message::ErrorCode;
use handfast::{Error, MessageError, NtlmRefusal, OrderError, Refusal};
use handfast_kdc::Outcome;
use handfast_net::driver::HandshakeError;
use handfast_net::framing::{FrameError, nns};

/// Why a side refused, as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    WrongPassword,
    ClockSkew,
    Replay,
    WrongKey,
    UnknownService,
    NotTheTicketsKey,
    AcceptorNotProven,
    NotProven,
    OtherTarget,
    MicAbsent,
    MicMismatch,
    ListChanged,
    NoAnswer,
    ChangedMessage,
    RepeatedMessage,
    /// The other side refused; this one was only told so, or found the connection closed.
    ToldByPeer,
    /// Anything else, which no cheat here is meant to end with.
    Other,
}

impl Reason {
    /// Its name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Reason::WrongPassword => "wrong-password",
            Reason::ClockSkew => "clock-skew",
            Reason::Replay => "replay",
            Reason::WrongKey => "wrong-key",
            Reason::UnknownService => "unknown-service",
            Reason::NotTheTicketsKey => "authenticator-not-authentic",
            Reason::AcceptorNotProven => "acceptor-not-proven",
            Reason::NotProven => "not-proven",
            Reason::OtherTarget => "other-target",
            Reason::MicAbsent => "mic-absent",
            Reason::MicMismatch => "mic-mismatch",
            Reason::ListChanged => "mechanism-list-changed",
            Reason::NoAnswer => "no-answer-to-this",
            Reason::ChangedMessage => "message-not-authentic",
            Reason::RepeatedMessage => "message-replayed",
            Reason::ToldByPeer => "told-by-peer",
            Reason::Other => "other",
        }
    }

    /// A few words for the table.
    pub(super) fn words(self) -> &'static str {
        match self {
            Reason::WrongPassword => "proof not under alice's key",
            Reason::ClockSkew => "clocks too far apart",
            Reason::Replay => "proof presented before",
            Reason::WrongKey => "ticket not under its key",
            Reason::UnknownService => "ticket is for another service",
            Reason::NotTheTicketsKey => "proof not under the ticket's key",
            Reason::AcceptorNotProven => "server did not prove itself",
            Reason::NotProven => "wrong proof for this challenge",
            Reason::OtherTarget => "meant for another service",
            Reason::MicAbsent => "MIC is missing",
            Reason::MicMismatch => "MIC is of other messages",
            Reason::ListChanged => "MIC is of another list",
            Reason::NoAnswer => "no token that answers",
            Reason::ChangedMessage => "message not under this key",
            Reason::RepeatedMessage => "message accepted before",
            Reason::ToldByPeer => "told so by the other side",
            Reason::Other => "something else",
        }
    }
}

/// Why one side ended a connection, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) reason: Reason,
    pub(super) text: String,
}

impl End {
    /// Ended by what the peer said.
    pub(super) fn told(code: nns::ErrorCode) -> End {
        HandshakeError::RefusedByPeer(code).into()
    }

    /// The refusal in a KDC's log, if it is one.
    pub(super) fn of_kdc(outcome: &Outcome) -> Option<End> {
        let Outcome::Refused { code, .. } = outcome else { return None };
        let reason = match *code {
            // The first request carries no proof yet: that is how a login goes.
            ErrorCode::KDC_ERR_PREAUTH_REQUIRED => return None,
            ErrorCode::KDC_ERR_PREAUTH_FAILED => Reason::WrongPassword,
            ErrorCode::KRB_AP_ERR_SKEW => Reason::ClockSkew,
            _ => Reason::Other,
        };
        Some(End { reason, text: outcome.to_string() })
    }
}

impl From<HandshakeError> for End {
    fn from(error: HandshakeError) -> End {
        let reason = match &error {
            HandshakeError::Mechanism(Error::Refused(refusal)) => of_refusal(refusal),
            HandshakeError::Mechanism(Error::RefusedByPeer(_) | Error::RejectedByPeer { .. })
            | HandshakeError::RefusedByPeer(_) => Reason::ToldByPeer,
            HandshakeError::Mechanism(Error::Decode(_)) => Reason::NoAnswer,
            HandshakeError::Mechanism(Error::Exchange(error)) if matches!(**error, ExchangeError::Refused(_)) => {
                Reason::ToldByPeer
            }
            HandshakeError::Frame(error) => of_frame(error),
            _ => Reason::Other,
        };
        End { reason, text: error.to_string() }
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> End {
        End { reason: of_frame(&error), text: error.to_string() }
    }
}

impl From<MessageError> for End {
    fn from(error: MessageError) -> End {
        let reason = match &error {
            MessageError::NotAuthentic => Reason::ChangedMessage,
            MessageError::Order(OrderError::Replayed) => Reason::RepeatedMessage,
            _ => Reason::Other,
        };
        End { reason, text: error.to_string() }
    }
}

fn of_refusal(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::ClockSkew { .. } => Reason::ClockSkew,
        Refusal::Replay => Reason::Replay,
        Refusal::TicketNotDecryptable { .. } => Reason::WrongKey,
        Refusal::UnknownService { .. } => Reason::UnknownService,
        Refusal::AuthenticatorNotDecryptable => Reason::NotTheTicketsKey,
        Refusal::AcceptorNotProven => Reason::AcceptorNotProven,
        Refusal::Ntlm(NtlmRefusal::NotProven { .. }) => Reason::NotProven,
        Refusal::Ntlm(NtlmRefusal::Target { .. }) => Reason::OtherTarget,
        Refusal::Ntlm(NtlmRefusal::MicAbsent) | Refusal::MechListMicAbsent => Reason::MicAbsent,
        Refusal::Ntlm(NtlmRefusal::MicMismatch) => Reason::MicMismatch,
        Refusal::MechListMicMismatch => Reason::ListChanged,
        Refusal::NegotiationOutOfOrder(_) => Reason::NoAnswer,
        _ => Reason::Other,
    }
}

/// A peer that closes has its reasons.
fn of_frame(error: &FrameError) -> Reason {
    match error {
        FrameError::Ended => Reason::ToldByPeer,
        _ => Reason::Other,
    }
}

/// Who has to refuse a cheat, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) by: Party,
    pub(super) reason: Reason,
}

/// What became of a cheat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Refused by whom it had to be, for the reason it had to be.
    Refused,
    /// Refused, but not so: the words say how.
    RefusedOtherwise(String),
    /// It got through.
    Passed,
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        *self == Verdict::Refused
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Verdict::Refused => "refused",
            Verdict::RefusedOtherwise(_) => "refused-otherwise",
            Verdict::Passed => "passed",
        }
    }
}
