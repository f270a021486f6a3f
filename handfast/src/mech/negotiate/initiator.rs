use super::message::{NegState, NegTokenResp, NegotiationToken};
use super::{filled, mic, names, unexpected};
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::mech::{Established, InitiateInput, InitiateStep, Initiating, MechanismId, Progress, Why};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

mod offer;

use offer::{Begun, Offer};

/// A mechanism that can be offered, with a handshake that has not begun.
pub(crate) struct Candidate {
    pub(crate) id: MechanismId,
    pub(crate) handshake: Box<dyn Initiating>,
}

/// A negotiation that offers `candidates`, best first.
pub(crate) fn initiate(candidates: Vec<Candidate>) -> Box<dyn Initiating> {
    Box::new(Begun { candidates: candidates.into() })
}

/// How far the mechanism is.
enum Inner {
    Running(Box<dyn Initiating>),
    Done(Box<Established>),
}

/// What stays from reply to reply.
struct Talk {
    offer: Offer,
    list: Vec<u8>,
    replied: bool,
    mic_required: bool,
    mic_sent: bool,
}

/// What an acceptor's token says beside the mechanism's token.
struct Reply {
    state: Option<NegState>,
    mic: Option<Vec<u8>>,
}

/// Waits for the acceptor's token.
struct Waiting {
    talk: Talk,
    inner: Inner,
}

impl Initiating for Waiting {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let InitiateInput::Token(token) = input else {
            return Err(Error::ApiMisuse("the negotiation waits for the acceptor's token"));
        };
        let resp = match NegotiationToken::decode(token) {
            Ok(NegotiationToken::Resp(resp)) => resp,
            Ok(NegotiationToken::Init(_)) => return unexpected("an offer where a reply belongs").or_else(reject(out)),
            Err(error) => return Err(self.bare_refusal(token, now).unwrap_or(error.into())).or_else(reject(out)),
        };
        if resp.neg_state == Some(NegState::Reject) {
            return Err(self.rejected(&resp, now));
        }
        self.reply(&resp, now, out).or_else(reject(out))
    }

    fn progress(&self) -> Progress {
        match &self.inner {
            Inner::Running(handshake) => self.talk.progress(handshake.progress().flags),
            Inner::Done(established) => self.talk.progress(established.flags),
        }
    }
}

/// Tells the acceptor that it is over, and passes on why.
fn reject(out: &mut Vec<u8>) -> impl FnOnce(Error) -> Result<InitiateStep, Error> {
    |error| {
        let resp = NegTokenResp { neg_state: Some(NegState::Reject), ..NegTokenResp::default() };
        NegotiationToken::Resp(resp).encode(out);
        Err(error)
    }
}

impl Waiting {
    /// What the mechanism itself says of a refusal: nothing protects it, and no context comes of it.
    fn rejected(self, resp: &NegTokenResp<'_>, now: Time) -> Error {
        let offered = self.talk.offered();
        let words = filled(resp.response_token).and_then(|token| self.bare_refusal(token, now));
        words.unwrap_or(Error::RejectedByPeer { offered })
    }

    /// The mechanism's error, if `token` is one.
    fn bare_refusal(self, token: &[u8], now: Time) -> Option<Error> {
        let Inner::Running(handshake) = self.inner else { return None };
        let error = handshake.step(InitiateInput::Token(token), now, &mut Vec::new()).err()?;
        matches!(error, Error::RefusedByPeer(_) | Error::KdcUnreachable(_)).then_some(error)
    }

    fn reply(mut self, resp: &NegTokenResp<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        if self.talk.heard(resp)? == Chosen::Another {
            return self.talk.choose(resp, now, out);
        }
        let reply = Reply { state: resp.neg_state, mic: mic::received(resp).map(<[u8]>::to_vec) };
        let mut answer = Vec::new();
        match (self.inner, filled(resp.response_token)) {
            (Inner::Running(handshake), Some(token)) => {
                let step = handshake.step(InitiateInput::Token(token), now, &mut answer)?;
                self.talk.go_on(step, reply, answer, out)
            }
            (Inner::Done(established), None) => self.talk.settle(established, &reply, &[], out),
            (Inner::Running(_), None) => unexpected("no token of the mechanism, which waits for one"),
            (Inner::Done(_), Some(_)) => unexpected("a token of the mechanism, which has finished"),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Chosen {
    Ours,
    Another,
}

impl Talk {
    fn progress(&self, flags: Flags) -> Progress {
        let mechanism = if self.replied { self.offer.current } else { MechanismId::SPNEGO };
        Progress { mechanism, flags }
    }

    fn offered(&self) -> Vec<MechanismId> {
        [self.offer.current].into_iter().chain(self.offer.others.iter().map(|other| other.id)).collect()
    }

    /// Checks what belongs into a first reply and what into a later one (RFC 4178 4.2.2).
    ///
    /// Some acceptors name no mechanism in their first reply: they mean ours. Some name Kerberos by its other name.
    fn heard(&mut self, resp: &NegTokenResp<'_>) -> Result<Chosen, Error> {
        let ours = resp.supported_mech.is_none_or(|chosen| names(chosen, self.offer.current));
        let first = !core::mem::replace(&mut self.replied, true);
        let request_mic = resp.neg_state == Some(NegState::RequestMic);
        if !first && request_mic {
            return unexpected("request-mic behind the first reply");
        }
        self.mic_required |= request_mic;
        match (ours, first) {
            (true, _) => Ok(Chosen::Ours),
            (false, true) => Ok(Chosen::Another),
            (false, false) => unexpected("another mechanism behind the first reply"),
        }
    }

    /// Begins anew with the mechanism that the acceptor has chosen; from here on the list must be proven by both.
    fn choose(mut self, resp: &NegTokenResp<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let chosen = resp.supported_mech.and_then(|chosen| {
            self.offer
                .others
                .iter()
                .position(|other| names(chosen, other.id))
                .and_then(|at| self.offer.others.remove(at))
        });
        let Some(Candidate { id, handshake }) = chosen else {
            let chosen = resp.supported_mech.map(|chosen| chosen.to_string()).unwrap_or_default();
            return Err(Error::refused(Refusal::MechanismNotOffered { chosen }));
        };
        if !matches!(resp.neg_state, Some(NegState::RequestMic | NegState::AcceptIncomplete)) {
            return unexpected("another mechanism is chosen, and no token of it awaited");
        }
        if filled(resp.response_token).is_some() || filled(resp.mech_list_mic).is_some() {
            return unexpected("a token of a mechanism that has not begun");
        }
        self.mic_required = true;
        self.offer.why = Why::ChosenByAcceptor { first_choice: self.offer.current.to_string().into() };
        self.offer.current = id;
        let mut answer = Vec::new();
        let step = handshake.step(InitiateInput::Begin, now, &mut answer)?;
        self.go_on(step, Reply { state: Some(NegState::AcceptIncomplete), mic: None }, answer, out)
    }

    /// Sends on what the mechanism's step has made.
    fn go_on(self, step: InitiateStep, reply: Reply, token: Vec<u8>, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        match step {
            InitiateStep::NeedsKdc(handshake, request) => {
                Ok(InitiateStep::NeedsKdc(Box::new(Asking { talk: self, handshake, reply, token }), request))
            }
            InitiateStep::NeedsAnswer(handshake, question) => {
                Ok(InitiateStep::NeedsAnswer(Box::new(Asking { talk: self, handshake, reply, token }), question))
            }
            InitiateStep::Complete(established) => self.settle(established, &reply, &token, out),
            InitiateStep::NeedsToken(_) if reply.mic.is_some() => unexpected("a MIC before the mechanism has finished"),
            InitiateStep::NeedsToken(_) if reply.state == Some(NegState::AcceptCompleted) => {
                unexpected("accept-completed before the mechanism has finished")
            }
            InitiateStep::NeedsToken(handshake) => {
                send(NegState::AcceptIncomplete, &token, None, out);
                Ok(InitiateStep::NeedsToken(Box::new(Waiting { talk: self, inner: Inner::Running(handshake) })))
            }
        }
    }

    /// The mechanism has finished; `token` is its last, if it is ours. What is left is to prove the list (RFC 4178 5).
    fn settle(
        self,
        established: Box<Established>,
        reply: &Reply,
        token: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        if self.mic_required && !mic::protects(&established) {
            return Err(mic::unprotected(established.mechanism));
        }
        match (&reply.mic, token) {
            (Some(theirs), []) => self.prove(established, reply.state, theirs, out),
            (Some(_), _) => unexpected("a MIC before the mechanism has finished"),
            (None, []) if self.mic_required || self.mic_sent => Err(Error::refused(Refusal::MechListMicAbsent)),
            (None, []) => match reply.state {
                Some(NegState::AcceptCompleted) | None => Ok(self.complete(established)),
                _ => unexpected("another token is awaited, and there is none to send"),
            },
            (None, _) if reply.state == Some(NegState::AcceptCompleted) => {
                unexpected("accept-completed before the mechanism has finished")
            }
            (None, token) => self.send_last(established, token, out),
        }
    }

    /// The acceptor has proven which list it saw; we do so too, unless that is done or not asked for.
    fn prove(
        self,
        mut established: Box<Established>,
        state: Option<NegState>,
        theirs: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        mic::verify(&mut established, &self.list, theirs)?;
        if self.mic_sent && !matches!(state, Some(NegState::AcceptCompleted) | None) {
            return unexpected("another token is awaited, and there is none to send");
        }
        if !self.mic_sent && (self.mic_required || state != Some(NegState::AcceptCompleted)) {
            let ours = mic::sign(&mut established, &self.list)?;
            send(NegState::AcceptCompleted, &[], Some(&ours), out);
        }
        Ok(self.complete(established))
    }

    /// The mechanism's last token is ours, and waits for the acceptor's word. Windows wants a MIC with it wherever NTLM's own
    /// messages have one, as ours do; and here NTLM protects messages always.
    fn send_last(
        mut self,
        mut established: Box<Established>,
        token: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        self.mic_sent = self.mic_required || established.mechanism == MechanismId::NTLM;
        let ours = self.mic_sent.then(|| mic::sign(&mut established, &self.list)).transpose()?;
        send(NegState::AcceptIncomplete, token, ours.as_deref(), out);
        Ok(InitiateStep::NeedsToken(Box::new(Waiting { talk: self, inner: Inner::Done(established) })))
    }

    fn complete(self, mut established: Box<Established>) -> InitiateStep {
        established.why = self.offer.why;
        InitiateStep::Complete(established)
    }
}

fn send(state: NegState, token: &[u8], mic: Option<&[u8]>, out: &mut Vec<u8>) {
    let resp = NegTokenResp {
        neg_state: Some(state),
        supported_mech: None,
        response_token: filled(Some(token)),
        mech_list_mic: mic,
    };
    NegotiationToken::Resp(resp).encode(out);
}

/// The mechanism waits for a KDC or an answer.
struct Asking {
    talk: Talk,
    handshake: Box<dyn Initiating>,
    reply: Reply,
    token: Vec<u8>,
}

impl Initiating for Asking {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let Asking { talk, handshake, reply, mut token } = *self;
        let step = handshake.step(input, now, &mut token);
        step.and_then(|step| talk.go_on(step, reply, token, out)).or_else(reject(out))
    }

    fn progress(&self) -> Progress {
        self.talk.progress(self.handshake.progress().flags)
    }
}
