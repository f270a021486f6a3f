use super::{Established, MechanismId};
use crate::bindings::ChannelBindings;
use crate::error::Error;
use crate::flags::Flags;
use crate::krb5::exchange::{KdcRequest, KdcUnreachable};
use crate::name::ServiceName;
use crate::policy::Policy;
use crate::question::{Account, Answer, Logon, Question};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// What an initiator asks of its mechanism.
#[derive(Clone, Copy, Debug)]
pub struct InitiateRequest<'a> {
    /// Whom to reach.
    pub target: &'a ServiceName,
    /// What to ask for.
    pub policy: &'a Arc<Policy>,
    /// The channel that the tokens travel in, if it has bindings.
    pub bindings: Option<&'a ChannelBindings>,
}

/// What an acceptor asks of its mechanism.
#[derive(Clone, Copy, Debug)]
pub struct AcceptRequest<'a> {
    /// What to insist on.
    pub policy: &'a Arc<Policy>,
    /// The channel that the tokens travel in, if it has bindings.
    pub bindings: Option<&'a ChannelBindings>,
}

/// What an initiator's handshake is told.
#[derive(Debug)]
pub enum InitiateInput<'a> {
    /// Make the first token.
    Begin,
    /// The acceptor's token.
    Token(&'a [u8]),
    /// The KDC's reply to the request that was asked for.
    KdcReply(&'a [u8]),
    /// No KDC could be reached.
    KdcUnreachable(KdcUnreachable),
    /// The answer to the question that was asked.
    Answer(Answer),
    /// The question is declined.
    Declined,
}

/// What an initiator's handshake wants next.
#[derive(Debug)]
pub enum InitiateStep {
    /// The acceptor's next token.
    NeedsToken(Box<dyn Initiating>),
    /// A KDC's answer.
    NeedsKdc(Box<dyn Initiating>, KdcRequest),
    /// An answer from outside.
    NeedsAnswer(Box<dyn Initiating>, Question),
    /// Nothing: the acceptor is proven, as far as the mechanism can.
    Complete(Box<Established>),
}

/// An initiator's handshake under way. Bytes appended to `out` are sent, even when the step fails.
pub trait Initiating: Send {
    /// One step. An input that was not asked for is [`Error::ApiMisuse`].
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error>;

    /// What is known so far.
    fn progress(&self) -> Progress;
}

/// What an acceptor's handshake is told.
#[derive(Debug)]
pub enum AcceptInput<'a> {
    /// Make the first token, before the initiator has sent one.
    SpeakFirst,
    /// The initiator's token.
    Token(&'a [u8]),
    /// The KDC's reply to the request that was asked for.
    KdcReply(&'a [u8]),
    /// No KDC could be reached.
    KdcUnreachable(KdcUnreachable),
    /// What the account store says of the logon.
    Account(Account),
    /// The answer to the question that was asked.
    Answer(Answer),
    /// The question is declined.
    Declined,
}

/// What an acceptor's handshake wants next.
#[derive(Debug)]
pub enum AcceptStep {
    /// The initiator's next token.
    NeedsToken(Box<dyn Accepting>),
    /// A KDC's answer.
    NeedsKdc(Box<dyn Accepting>, KdcRequest),
    /// An account's secret or a verdict.
    NeedsAccount(Box<dyn Accepting>, Logon),
    /// An answer from outside.
    NeedsAnswer(Box<dyn Accepting>, Question),
    /// Nothing: the initiator is proven.
    Complete(Box<Established>),
}

/// An acceptor's handshake under way. Bytes appended to `out` are sent, even when the step fails.
pub trait Accepting: Send {
    /// One step. An input that was not asked for is [`Error::ApiMisuse`].
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error>;

    /// Ends the handshake without a look at the next token: appends what every refusal appends, if there is such a token.
    fn refuse(self: Box<Self>, _now: Time, _out: &mut Vec<u8>) {}

    /// What is known so far.
    fn progress(&self) -> Progress;
}

/// What a handshake under way shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The mechanism, as far as it is chosen.
    pub mechanism: MechanismId,
    /// The flags asked for or granted so far.
    pub flags: Flags,
}

impl fmt::Debug for dyn Initiating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress().fmt(f)
    }
}

impl fmt::Debug for dyn Accepting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress().fmt(f)
    }
}
