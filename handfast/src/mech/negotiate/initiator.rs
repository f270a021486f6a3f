use super::message::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken, mech_type_list};
use super::{filled, mic, names, unexpected};
use crate::error::{CredentialError, Error, Refusal};
use crate::flags::Flags;
use crate::krb5::exchange::ExchangeError;
use crate::krb5::message::ErrorCode;
use crate::mech::{Established, InitiateInput, InitiateStep, Initiating, MechanismId, Progress, Why};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;

/// A mechanism that can be offered, with a handshake that has not begun.
pub(crate) struct Candidate {
    pub(crate) id: MechanismId,
    pub(crate) handshake: Box<dyn Initiating>,
}

/// A negotiation that offers `candidates`, best first.
pub(crate) fn initiate(candidates: Vec<Candidate>) -> Box<dyn Initiating> {
    Box::new(Begun { candidates: candidates.into() })
}

/// Has made nothing yet.
struct Begun {
    candidates: VecDeque<Candidate>,
}

impl Initiating for Begun {
    fn step(
        mut self: Box<Self>,
        input: InitiateInput<'_>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        match input {
            InitiateInput::Begin => {}
            InitiateInput::Token(hint) => self.heed(hint)?,
            _ => return Err(Error::ApiMisuse("a negotiation begins with its beginning")),
        }
        let Some(first) = self.candidates.pop_front() else {
            return Err(Error::ApiMisuse("there is nothing to negotiate: no credential and no mechanism"));
        };
        let offer = Offer { current: first.id, others: self.candidates, why: Why::FirstChoice };
        let mut token = Vec::new();
        let step = first.handshake.step(InitiateInput::Begin, now, &mut token);
        offer.first_token(step, token, now, out)
    }

    fn progress(&self) -> Progress {
        let flags = self.candidates.front().map_or(Flags::NONE, |first| first.handshake.progress().flags);
        Progress { mechanism: MechanismId::SPNEGO, flags }
    }
}

impl Begun {
    /// Nothing protects what an acceptor says first (MS-SPNG 3.2.5.2), so nothing is left out of our offer for it: it only
    /// spares a handshake that can't succeed.
    fn heed(&self, hint: &[u8]) -> Result<(), Error> {
        let NegotiationToken::Init(hint) = NegotiationToken::decode(hint)? else {
            return unexpected("a reply before there was an offer");
        };
        let common = |ours: &Candidate| hint.mech_types.iter().any(|theirs| names(*theirs, ours.id));
        if hint.mech_types.is_empty() || self.candidates.iter().any(common) {
            return Ok(());
        }
        Err(Error::refused(Refusal::NoCommonMechanism {
            theirs: hint.mech_types.iter().map(ToString::to_string).collect(),
            ours: self.candidates.iter().map(|ours| ours.id).collect(),
        }))
    }
}

/// What will be offered, once the first token has been made.
struct Offer {
    current: MechanismId,
    others: VecDeque<Candidate>,
    why: Why,
}

impl Offer {
    /// Goes on where the mechanism that is tried first has made a step: to the offer, or to the next mechanism if this one
    /// can't begin.
    fn first_token(
        mut self,
        mut step: Result<InitiateStep, Error>,
        mut token: Vec<u8>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        loop {
            let inner = match step {
                Ok(InitiateStep::NeedsKdc(handshake, request)) => {
                    return Ok(InitiateStep::NeedsKdc(Box::new(Starting { offer: self, handshake, token }), request));
                }
                Ok(InitiateStep::NeedsAnswer(handshake, question)) => {
                    return Ok(InitiateStep::NeedsAnswer(
                        Box::new(Starting { offer: self, handshake, token }),
                        question,
                    ));
                }
                Ok(InitiateStep::NeedsToken(handshake)) => Inner::Running(handshake),
                Ok(InitiateStep::Complete(established)) => Inner::Done(established),
                Err(error) => {
                    let handshake = self.fall_back(error)?;
                    token.clear();
                    step = handshake.step(InitiateInput::Begin, now, &mut token);
                    continue;
                }
            };
            return Ok(InitiateStep::NeedsToken(self.send(inner, &token, out)));
        }
    }

    /// The next mechanism, if the one before can't begin for a reason that lets it be left out of the offer.
    fn fall_back(&mut self, error: Error) -> Result<Box<dyn Initiating>, Error> {
        let (first_choice, reason) = match core::mem::replace(&mut self.why, Why::FirstChoice) {
            Why::Fallback { first_choice, reason } => (first_choice, reason),
            _ => (self.current, Box::new(error.clone())),
        };
        match self.others.pop_front() {
            Some(next) if cannot_begin(&error) => {
                self.current = next.id;
                self.why = Why::Fallback { first_choice, reason };
                Ok(next.handshake)
            }
            _ => Err(*reason),
        }
    }

    fn send(self, inner: Inner, token: &[u8], out: &mut Vec<u8>) -> Box<dyn Initiating> {
        let ids = [self.current].into_iter().chain(self.others.iter().map(|other| other.id));
        let mech_types: Vec<MechType<'_>> = ids.map(MechType::from).collect();
        let list = mech_type_list(&mech_types);
        let init = NegTokenInit { mech_types, mech_token: filled(Some(token)), ..NegTokenInit::default() };
        NegotiationToken::Init(init).encode(out);
        let talk = Talk { offer: self, list, replied: false, mic_required: false, mic_sent: false };
        Box::new(Waiting { talk, inner })
    }
}

/// Whether a mechanism that failed so, before its first token, may be left out: it can't reach this acceptor from here, or
/// has nothing to prove itself with. What speaks of a wrong secret, a locked account, clocks or forged replies may not, nor a
/// login that can't be delegated where it must be.
fn cannot_begin(error: &Error) -> bool {
    match error {
        Error::Credential(CredentialError::NotForwardable { .. }) => false,
        Error::KdcUnreachable(_) | Error::Mechanism(_) | Error::Credential(_) => true,
        Error::Exchange(error) => match &**error {
            ExchangeError::Refused(refusal) => matches!(
                refusal.code,
                ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN
                    | ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN
                    | ErrorCode::KDC_ERR_ETYPE_NOSUPP
                    | ErrorCode::KDC_ERR_SVC_UNAVAILABLE
                    | ErrorCode::KDC_ERR_WRONG_REALM
            ),
            ExchangeError::Referral { .. }
            | ExchangeError::OtherRealm { .. }
            | ExchangeError::NoWay { .. }
            | ExchangeError::ReferralLoop { .. }
            | ExchangeError::TooManyReferrals { .. }
            | ExchangeError::NoCommonEnctype { .. }
            | ExchangeError::NoCommonPreauth { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

/// Makes the first token, and waits for a KDC or an answer meanwhile.
struct Starting {
    offer: Offer,
    handshake: Box<dyn Initiating>,
    token: Vec<u8>,
}

impl Initiating for Starting {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let Starting { offer, handshake, mut token } = *self;
        let step = handshake.step(input, now, &mut token);
        offer.first_token(step, token, now, out)
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::SPNEGO, flags: self.handshake.progress().flags }
    }
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
            (Inner::Done(established), None) => self.talk.settle(established, reply, &[], out),
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
        self.offer.why = Why::ChosenByAcceptor { first_choice: self.offer.current.to_string() };
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
            InitiateStep::Complete(established) => self.settle(established, reply, &token, out),
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
        mut self,
        mut established: Box<Established>,
        reply: Reply,
        token: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<InitiateStep, Error> {
        let protects = mic::protects(&established);
        if self.mic_required && !protects {
            return Err(mic::unprotected(established.mechanism));
        }
        if let Some(theirs) = &reply.mic {
            if !token.is_empty() {
                return unexpected("a MIC before the mechanism has finished");
            }
            mic::verify(&mut established, &self.list, theirs)?;
            if self.mic_sent && !matches!(reply.state, Some(NegState::AcceptCompleted) | None) {
                return unexpected("another token is awaited, and there is none to send");
            }
            if !self.mic_sent && (self.mic_required || reply.state != Some(NegState::AcceptCompleted)) {
                let ours = mic::sign(&mut established, &self.list)?;
                send(NegState::AcceptCompleted, token, Some(&ours), out);
            }
            return Ok(self.complete(established));
        }
        if !token.is_empty() {
            if reply.state == Some(NegState::AcceptCompleted) {
                return unexpected("accept-completed before the mechanism has finished");
            }
            // Windows wants a MIC wherever NTLM's own messages have one, as ours do; and here NTLM protects messages always.
            let ours = if self.mic_required || established.mechanism == MechanismId::NTLM {
                self.mic_sent = true;
                Some(mic::sign(&mut established, &self.list)?)
            } else {
                None
            };
            send(NegState::AcceptIncomplete, token, ours.as_deref(), out);
            return Ok(InitiateStep::NeedsToken(Box::new(Waiting { talk: self, inner: Inner::Done(established) })));
        }
        if self.mic_required || self.mic_sent {
            return Err(Error::refused(Refusal::MechListMicAbsent));
        }
        match reply.state {
            Some(NegState::AcceptCompleted) | None => Ok(self.complete(established)),
            _ => unexpected("another token is awaited, and there is none to send"),
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::krb5::exchange::{KdcRefusal, KdcUnreachable};
    use crate::krb5::message::ErrorCode as Code;
    use crate::name::Principal;
    use alloc::string::String;

    fn alice() -> Principal {
        "alice@R".parse().unwrap()
    }

    fn refused(code: Code) -> ExchangeError {
        ExchangeError::Refused(Box::new(KdcRefusal {
            code,
            realm: "R".into(),
            client: alice(),
            service: alice(),
            offered: Vec::new(),
            proof: None,
            tried: Vec::new(),
            takes: Vec::new(),
            text: None,
            clock_difference: 0,
        }))
    }

    #[test]
    fn who_can_not_be_reached_or_has_no_key_for_us_is_left_out() {
        let (client, realm) = (alice(), String::from("R"));
        let no_enctype = ExchangeError::NoCommonEnctype { client: client.clone(), ours: Vec::new(), kdc: Vec::new() };
        let (enctypes, tried, offered) = (Vec::new(), Vec::new(), Vec::new());
        let errors = [
            ExchangeError::Referral { name: alice(), realm: realm.clone() },
            ExchangeError::OtherRealm { service: alice(), ticket: alice() },
            ExchangeError::NoWay { service: alice(), realm: realm.clone() },
            ExchangeError::ReferralLoop { service: alice(), realm: realm.clone() },
            ExchangeError::TooManyReferrals { service: alice(), limit: 5 },
            ExchangeError::NoCommonPreauth { client, enctypes, tried, offered },
            no_enctype,
            refused(Code::KDC_ERR_S_PRINCIPAL_UNKNOWN),
            refused(Code::KDC_ERR_C_PRINCIPAL_UNKNOWN),
            refused(Code::KDC_ERR_ETYPE_NOSUPP),
            refused(Code::KDC_ERR_SVC_UNAVAILABLE),
            refused(Code::KDC_ERR_WRONG_REALM),
        ];
        let unreachable = Error::KdcUnreachable(KdcUnreachable { realm, tried: Vec::new() });
        for error in errors.into_iter().map(Error::from).chain([unreachable, Error::Mechanism("no".into())]) {
            assert!(cannot_begin(&error), "{error:?}");
        }
    }

    #[test]
    fn a_wrong_secret_or_one_that_may_not_be_handed_on_is_no_reason_to_try_another_mechanism() {
        let errors = [
            refused(Code::KDC_ERR_PREAUTH_FAILED),
            refused(Code::KDC_ERR_CLIENT_REVOKED),
            refused(Code::KDC_ERR_KEY_EXPIRED),
            refused(Code::KRB_AP_ERR_SKEW),
            ExchangeError::ReplyNotProven { realm: "R".into() },
            ExchangeError::TooFewIterations { requested: 1, minimum: 4096 },
        ];
        for error in errors.into_iter().map(Error::from).chain([
            Error::from(CredentialError::NotForwardable { client: alice() }),
            Error::UnknownMechanism,
            Error::AccountRefused,
        ]) {
            assert!(!cannot_begin(&error), "{error:?}");
        }
    }
}
