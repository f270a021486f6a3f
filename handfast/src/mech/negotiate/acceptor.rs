use super::message::{
    HINT_NAME, HintName, MechType, NegHints, NegState, NegTokenInit, NegTokenResp, NegotiationToken, mech_type_list,
};
use super::{filled, mic, names, unexpected};
use crate::error::{Error, Refusal};
use crate::flags::Flags;
use crate::mech::ntlm::is_ntlm;
use crate::mech::{AcceptInput, AcceptStep, Accepting, Established, MechanismId, Progress, Why, framing};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

/// A mechanism that an acceptor can do, with a handshake that has seen nothing.
pub(crate) struct Acceptable {
    pub(crate) id: MechanismId,
    pub(crate) handshake: Box<dyn Accepting>,
    /// Whether there is a credential for it. Without one its raw tokens are still its own to refuse.
    pub(crate) ready: bool,
}

/// A handshake by whatever the initiator speaks: one of `mechanisms`, best first, raw or negotiated. The first of them gets
/// the tokens that nobody knows.
pub(crate) fn accept(mechanisms: Vec<Acceptable>) -> Box<dyn Accepting> {
    Box::new(Listening { mechanisms })
}

/// Has not seen the first token.
struct Listening {
    mechanisms: Vec<Acceptable>,
}

impl Accepting for Listening {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        match input {
            AcceptInput::SpeakFirst => self.speak_first(out),
            AcceptInput::Token(token) if NegotiationToken::is_one(token) => self.negotiate(token, now, out),
            AcceptInput::Token(token) => self.raw(token)?.step(input, now, out),
            _ => Err(Error::ApiMisuse("an acceptor waits for the client's token")),
        }
    }

    fn refuse(self: Box<Self>, now: Time, out: &mut Vec<u8>) {
        if let Ok(handshake) = self.raw(&[]) {
            handshake.refuse(now, out);
        }
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: MechanismId::SPNEGO, flags: Flags::NONE }
    }
}

impl Listening {
    /// What there is to choose from, to those who want to know before they begin (MS-SPNG 3.2.5.2).
    fn speak_first(self: Box<Self>, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let mech_types: Vec<MechType<'_>> = self.ready().map(MechType::from).collect();
        if mech_types.is_empty() {
            return Err(Error::ApiMisuse("there is nothing to offer: no key, no NTLM, no mechanism"));
        }
        let neg_hints = Some(NegHints { hint_name: Some(HintName(HINT_NAME)), hint_address: None });
        NegotiationToken::Init(NegTokenInit { mech_types, neg_hints, ..NegTokenInit::default() }).encode(out);
        Ok(AcceptStep::NeedsToken(self))
    }

    fn ready(&self) -> impl Iterator<Item = MechanismId> {
        self.mechanisms.iter().filter(|ours| ours.ready).map(|ours| ours.id)
    }

    /// The mechanism whose token this is, outside of a negotiation.
    fn raw(self, token: &[u8]) -> Result<Box<dyn Accepting>, Error> {
        let id = framing::read(token).map_or(&[][..], |(id, _)| id);
        let speaks = |ours: &Acceptable| match ours.id {
            MechanismId::NTLM => is_ntlm(token),
            ours => ours.der_contents() == id,
        };
        let at = self.mechanisms.iter().position(speaks).unwrap_or(0);
        self.mechanisms.into_iter().nth(at).map(|ours| ours.handshake).ok_or(Error::UnknownMechanism)
    }

    fn negotiate(self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        finish(self.offered(token, now, out), out)
    }

    /// Takes the first mechanism on offer that we can do (RFC 4178 3.2 c).
    ///
    /// Where it is not the first choice of both, the list must be proven: had a better one been taken from it on the way,
    /// that would be the only sign.
    fn offered(mut self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Failure> {
        let NegotiationToken::Init(init) = NegotiationToken::decode(token)? else {
            return Ok(unexpected("a reply before there was an offer")?);
        };
        let ours = |theirs: &MechType<'_>| self.ready().position(|ours| names(*theirs, ours));
        let chosen = init.mech_types.iter().enumerate().find_map(|(at, theirs)| Some((at, *theirs, ours(theirs)?)));
        let Some((at, theirs, rank)) = chosen else {
            return Err(self.nothing_in_common(&init.mech_types).into());
        };
        self.mechanisms.retain(|ours| ours.ready);
        let Acceptable { id, handshake, .. } = self.mechanisms.swap_remove(rank);
        let first_choice = init.mech_types.first().filter(|_| at > 0).map(ToString::to_string);
        let talk = Talk {
            mechanism: id,
            list: mech_type_list(&init.mech_types),
            why: first_choice.map_or(Why::FirstChoice, |first| Why::ChosenByAcceptor { first_choice: first.into() }),
            mic_required: at > 0 || rank > 0,
            first_reply: Some(theirs.der_contents().to_vec()),
            mic: filled(init.mech_list_mic).filter(|_| at == 0).map(<[u8]>::to_vec),
        };
        match filled(init.mech_token).filter(|_| at == 0) {
            Some(token) => talk.step(handshake, AcceptInput::Token(token), Vec::new(), now, out),
            None => Ok(talk.wait(handshake, &[], out)?),
        }
    }

    fn nothing_in_common(&self, offered: &[MechType<'_>]) -> Error {
        let theirs = offered.iter().map(ToString::to_string).collect();
        Error::refused(Refusal::NoCommonMechanism { theirs, ours: self.ready().collect() })
    }
}

/// Why a handshake ends, and what the mechanism tells the initiator of it.
struct Failure {
    error: Error,
    token: Vec<u8>,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: error.into(), token: Vec::new() }
    }
}

/// Ends a step that has failed: the same for every reason.
fn finish(result: Result<AcceptStep, Failure>, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
    result.map_err(|Failure { error, token }| {
        write_reject(&token, out);
        error
    })
}

fn write_reject(token: &[u8], out: &mut Vec<u8>) {
    let resp = NegTokenResp {
        neg_state: Some(NegState::Reject),
        response_token: filled(Some(token)),
        ..NegTokenResp::default()
    };
    NegotiationToken::Resp(resp).encode(out);
}

/// What stays from token to token.
struct Talk {
    mechanism: MechanismId,
    list: Vec<u8>,
    why: Why,
    mic_required: bool,
    /// The mechanism by the initiator's name, until it has been told.
    first_reply: Option<Vec<u8>>,
    /// The MIC that came with the mechanism's last token.
    mic: Option<Vec<u8>>,
}

impl Talk {
    /// One step of the mechanism; `answer` is what it has made before.
    fn step(
        self,
        handshake: Box<dyn Accepting>,
        input: AcceptInput<'_>,
        mut answer: Vec<u8>,
        now: Time,
        out: &mut Vec<u8>,
    ) -> Result<AcceptStep, Failure> {
        let step = match handshake.step(input, now, &mut answer) {
            Ok(step) => step,
            Err(error) => return Err(Failure { error, token: answer }),
        };
        Ok(match step {
            AcceptStep::NeedsToken(handshake) => self.wait(handshake, &answer, out)?,
            AcceptStep::NeedsKdc(handshake, request) => {
                AcceptStep::NeedsKdc(Box::new(Asking { talk: self, handshake, answer }), request)
            }
            AcceptStep::NeedsAccount(handshake, logon) => {
                AcceptStep::NeedsAccount(Box::new(Asking { talk: self, handshake, answer }), logon)
            }
            AcceptStep::NeedsAnswer(handshake, question) => {
                AcceptStep::NeedsAnswer(Box::new(Asking { talk: self, handshake, answer }), question)
            }
            AcceptStep::Complete(established) => self.settle(established, &answer, out)?,
        })
    }

    fn wait(mut self, handshake: Box<dyn Accepting>, answer: &[u8], out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        if self.mic.is_some() {
            return unexpected("a MIC before the mechanism has finished");
        }
        self.send(NegState::AcceptIncomplete, answer, None, out);
        Ok(AcceptStep::NeedsToken(Box::new(Waiting { talk: self, handshake })))
    }

    /// The mechanism has finished. What is left is to prove the list (RFC 4178 5).
    ///
    /// Where NTLM protects messages, a MIC is required always, as Windows requires it: every client that NTLM is taken from
    /// here makes one. Where the mechanism protects none, peers send a MIC of zeros, which nothing could check.
    fn settle(
        mut self,
        mut established: Box<Established>,
        answer: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<AcceptStep, Error> {
        let protects = mic::protects(&established);
        if self.mic_required && !protects {
            return Err(mic::unprotected(self.mechanism));
        }
        if let Some(theirs) = self.mic.take().filter(|_| protects) {
            mic::verify(&mut established, &self.list, &theirs)?;
            let ours = mic::sign(&mut established, &self.list)?;
            self.send(NegState::AcceptCompleted, answer, Some(&ours), out);
            return Ok(self.complete(established));
        }
        let required = self.mic_required || (protects && self.mechanism == MechanismId::NTLM);
        if !required {
            self.send(NegState::AcceptCompleted, answer, None, out);
            return Ok(self.complete(established));
        }
        if answer.is_empty() && self.first_reply.is_none() {
            return Err(Error::refused(Refusal::MechListMicAbsent));
        }
        let ours = mic::sign(&mut established, &self.list)?;
        self.send(NegState::AcceptIncomplete, answer, Some(&ours), out);
        Ok(AcceptStep::NeedsToken(Box::new(Settling { talk: self, established })))
    }

    /// Appends a reply. The first says which mechanism it is, and whether the list must be proven.
    fn send(&mut self, state: NegState, answer: &[u8], mic: Option<&[u8]>, out: &mut Vec<u8>) {
        let first = self.first_reply.take();
        let request_mic = first.is_some() && self.mic_required && state == NegState::AcceptIncomplete;
        let resp = NegTokenResp {
            neg_state: Some(if request_mic { NegState::RequestMic } else { state }),
            supported_mech: first.as_deref().map(MechType::of_contents),
            response_token: filled(Some(answer)),
            mech_list_mic: mic,
        };
        NegotiationToken::Resp(resp).encode(out);
    }

    fn complete(self, mut established: Box<Established>) -> AcceptStep {
        established.why = self.why;
        AcceptStep::Complete(established)
    }
}

/// Reads what can only be a reply (RFC 4178 4.2.2).
fn read_reply(token: &[u8]) -> Result<NegTokenResp<'_>, Error> {
    let NegotiationToken::Resp(resp) = NegotiationToken::decode(token)? else {
        return unexpected("a second offer");
    };
    match resp.neg_state {
        Some(NegState::Reject) => Err(Error::RejectedByPeer { offered: Vec::new() }),
        Some(NegState::RequestMic) => unexpected("request-mic from an initiator"),
        _ if resp.supported_mech.is_some() => unexpected("a mechanism chosen by the initiator"),
        _ => Ok(resp),
    }
}

/// Waits for the mechanism's next token.
struct Waiting {
    talk: Talk,
    handshake: Box<dyn Accepting>,
}

impl Waiting {
    fn reply(mut self, token: &[u8], now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Failure> {
        let resp = read_reply(token)?;
        self.talk.mic = mic::received(&resp).map(<[u8]>::to_vec);
        let Some(token) = filled(resp.response_token) else {
            return Ok(unexpected("no token of the mechanism, which waits for one")?);
        };
        self.talk.step(self.handshake, AcceptInput::Token(token), Vec::new(), now, out)
    }
}

impl Accepting for Waiting {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("the negotiation waits for the initiator's token"));
        };
        finish(self.reply(token, now, out), out)
    }

    fn refuse(self: Box<Self>, _: Time, out: &mut Vec<u8>) {
        write_reject(&[], out);
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

/// The mechanism waits for a KDC, an account or an answer.
struct Asking {
    talk: Talk,
    handshake: Box<dyn Accepting>,
    answer: Vec<u8>,
}

impl Accepting for Asking {
    fn step(self: Box<Self>, input: AcceptInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let Asking { talk, handshake, answer } = *self;
        finish(talk.step(handshake, input, answer, now, out), out)
    }

    fn refuse(self: Box<Self>, _: Time, out: &mut Vec<u8>) {
        write_reject(&[], out);
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

/// Waits for the initiator's MIC; nobody is believed before it is there.
struct Settling {
    talk: Talk,
    established: Box<Established>,
}

impl Settling {
    fn reply(mut self, token: &[u8]) -> Result<AcceptStep, Error> {
        let resp = read_reply(token)?;
        if filled(resp.response_token).is_some() {
            return unexpected("a token of the mechanism, which has finished");
        }
        let Some(theirs) = filled(resp.mech_list_mic) else {
            return Err(Error::refused(Refusal::MechListMicAbsent));
        };
        mic::verify(&mut self.established, &self.talk.list, theirs)?;
        Ok(self.talk.complete(self.established))
    }
}

impl Accepting for Settling {
    fn step(self: Box<Self>, input: AcceptInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else {
            return Err(Error::ApiMisuse("the negotiation waits for the initiator's MIC"));
        };
        finish(self.reply(token).map_err(Failure::from), out)
    }

    fn refuse(self: Box<Self>, _: Time, out: &mut Vec<u8>) {
        write_reject(&[], out);
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: self.talk.mechanism, flags: self.established.flags }
    }
}
