//! A mechanism of any number of tokens: what has to be where, whoever sends the last one.

use crate::pair::{Pair, edit_init, edit_resp, now};
use handfast::crypto::Secret;
use handfast::krb5::exchange::KdcRequest;
use handfast::mech::negotiate::message::{NegState, NegTokenInit, NegTokenResp, NegotiationToken};
use handfast::mech::{
    AcceptInput, AcceptRequest, AcceptStep, Accepting, Established, Halves, InitiateInput, InitiateRequest,
    InitiateStep, Initiating, Mechanism, MechanismId, Progress, Seal, Unseal, Why,
};
use handfast::*;

pub(crate) const ID: MechanismId = MechanismId::from_der_contents(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2b]);

/// The realm whose KDC `Pair` answers for.
pub(crate) const REALM: &str = "LADDER";

/// Each token is its number. It proves nothing; its signatures say who made them.
#[derive(Clone, Copy)]
pub(crate) struct Ladder {
    /// How many tokens there are; the first is the initiator's.
    rungs: u8,
    signs: bool,
    /// The initiator asks a KDC and a person for each of its tokens but the first.
    asks: bool,
}

const fn ladder(rungs: u8) -> Ladder {
    Ladder { rungs, signs: true, asks: false }
}

impl Mechanism for Ladder {
    fn id(&self) -> MechanismId {
        ID
    }

    fn initiate(&self, _: &InitiateRequest<'_>) -> Box<dyn Initiating> {
        Box::new(Climber { ladder: *self, next: 1, asked: 0 })
    }

    fn accept(&self, _: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(Climber { ladder: *self, next: 1, asked: 0 })
    }
}

/// Either end: `next` is the number of the next token.
struct Climber {
    ladder: Ladder,
    next: u8,
    asked: u8,
}

impl Climber {
    fn take(&mut self, token: &[u8]) -> Result<(), Error> {
        if token != [self.next] {
            return Err(Error::Mechanism(format!("{token:?} where {} belongs", self.next)));
        }
        self.next += 1;
        Ok(())
    }

    fn send(&mut self, out: &mut Vec<u8>) {
        if self.next <= self.ladder.rungs {
            out.push(self.next);
            self.next += 1;
        }
    }

    fn is_done(&self) -> bool {
        self.next > self.ladder.rungs
    }

    fn established(&self, role: u8) -> Box<Established> {
        Box::new(Established {
            mechanism: ID,
            why: Why::Raw,
            peer: Identity::Name("peer".to_string()),
            local: Identity::Name("me".to_string()),
            flags: if self.ladder.signs { Flags::INTEGRITY } else { Flags::NONE },
            expires: None,
            session_key: Secret::new(vec![1]),
            enctype: None,
            acquired: Vec::new(),
            delegated: Vec::new(),
            evidence: None,
            authorization: None,
            halves: Halves { seal: Box::new(Signer(role)), unseal: Box::new(Signer(1 - role)), splittable: true },
        })
    }
}

const INITIATOR: u8 = 0;
const ACCEPTOR: u8 = 1;

impl Initiating for Climber {
    fn step(mut self: Box<Self>, input: InitiateInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        match input {
            InitiateInput::Begin => {}
            InitiateInput::Token(token) => {
                self.take(token)?;
                if self.ladder.asks && !self.is_done() {
                    let request = KdcRequest { realm: REALM.into(), bytes: vec![], tcp_required: false };
                    return Ok(InitiateStep::NeedsKdc(self, request));
                }
            }
            InitiateInput::KdcReply(_) => {
                return Ok(InitiateStep::NeedsAnswer(self, Question::Custom { name: "word", payload: vec![] }));
            }
            InitiateInput::Answer(_) => self.asked += 1,
            other => return Err(Error::Mechanism(format!("{other:?}"))),
        }
        self.send(out);
        let done = self.is_done();
        Ok(if done { InitiateStep::Complete(self.established(INITIATOR)) } else { InitiateStep::NeedsToken(self) })
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: ID, flags: Flags::INTEGRITY }
    }
}

impl Accepting for Climber {
    fn step(mut self: Box<Self>, input: AcceptInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        let AcceptInput::Token(token) = input else { return Err(Error::ApiMisuse("a token")) };
        self.take(token)?;
        self.send(out);
        let done = self.is_done();
        Ok(if done { AcceptStep::Complete(self.established(ACCEPTOR)) } else { AcceptStep::NeedsToken(self) })
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: ID, flags: Flags::INTEGRITY }
    }
}

/// A signature is the signer's role and the message.
struct Signer(u8);

fn signature(role: u8, message: &[u8]) -> Vec<u8> {
    [&[role], message].concat()
}

impl Seal for Signer {
    fn protect(&mut self, _: Protection, _: &[u8], _: &mut Vec<u8>) -> Result<(), MessageError> {
        Err(MessageError::NotNegotiated(Flags::CONFIDENTIALITY))
    }

    fn protect_parts(
        &mut self,
        _: Protection,
        _: &mut [u8],
        _: &mut [Part<'_>],
        _: &mut [u8],
    ) -> Result<(), MessageError> {
        Err(MessageError::NotNegotiated(Flags::CONFIDENTIALITY))
    }

    fn sizes(&self, _: Protection) -> (usize, usize) {
        (0, 0)
    }

    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        out.extend(signature(self.0, message));
        Ok(())
    }

    fn export(&self, _: &mut Vec<u8>) {}
}

impl Unseal for Signer {
    fn unprotect<'t>(&mut self, _: Protection, _: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        Err(MessageError::NotAuthentic)
    }

    fn unprotect_parts(
        &mut self,
        _: Protection,
        _: &mut [u8],
        _: &mut [Part<'_>],
        _: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        Err(MessageError::NotAuthentic)
    }

    fn verify(&mut self, message: &[u8], theirs: &[u8]) -> Result<Order, MessageError> {
        if theirs == signature(self.0, message) { Ok(Order::InOrder) } else { Err(MessageError::NotAuthentic) }
    }

    fn export(&self, _: &mut Vec<u8>) {}
}

/// An acceptor that prefers nothing to the ladder, or would have preferred Kerberos: then the list must be proven.
fn pair(proven: bool) -> Pair {
    Pair { server_keys: proven, ..Pair::kerberos() }
}

fn climb(pair: &Pair, ladder: Ladder, change: impl FnMut(usize, &mut Vec<u8>)) -> Result<(Context, Context), Error> {
    let ladder: &'static Ladder = Box::leak(Box::new(ladder));
    pair.run_with(|target| target.negotiate().mechanism(ladder), |session| session.offer(ladder), change)
}

fn refusal(pair: &Pair, ladder: Ladder, change: impl FnMut(usize, &mut Vec<u8>)) -> Refusal {
    match climb(pair, ladder, change).map(drop).unwrap_err() {
        Error::Refused(refusal) => *refusal,
        other => panic!("{other:?}"),
    }
}

fn resp(token: &[u8]) -> NegTokenResp<'_> {
    let Ok(NegotiationToken::Resp(resp)) = NegotiationToken::decode(token) else { panic!() };
    resp
}

/// Which tokens have a MIC.
fn mics(proven: bool, ladder: Ladder) -> Vec<bool> {
    let mut mics = Vec::new();
    let (client, server) = climb(&pair(proven), ladder, |number, token| {
        mics.push(number > 1 && resp(token).mech_list_mic.is_some());
    })
    .unwrap();
    for context in [client, server] {
        assert_eq!((context.mechanism(), context.why()), (ID, &Why::FirstChoice));
    }
    mics
}

/// RFC 4178 5 b, c.
#[test]
fn the_last_token_of_the_mechanism_has_the_first_mic_and_the_answer_to_it_the_second() {
    let (no, mic) = (false, true);
    for asks in [false, true] {
        let ladder = |rungs| Ladder { asks, ..ladder(rungs) };
        assert_eq!(mics(true, ladder(1)), [no, mic, mic], "5 c IV");
        assert_eq!(mics(true, ladder(2)), [no, mic, mic]);
        assert_eq!(mics(true, ladder(3)), [no, no, mic, mic]);
        assert_eq!(mics(true, ladder(4)), [no, no, no, mic, mic]);
        assert_eq!(mics(true, ladder(5)), [no, no, no, no, mic, mic]);
        // None where none is required (5 c: for the sake of old peers).
        assert_eq!(mics(false, ladder(1)), [no; 2]);
        assert_eq!(mics(false, ladder(2)), [no; 2]);
        assert_eq!(mics(false, ladder(3)), [no; 4]);
        assert_eq!(mics(false, ladder(4)), [no; 4]);
    }
}

#[test]
fn a_mic_that_is_dropped_flipped_or_sent_back_ends_it() {
    for rungs in 1..=5 {
        let last = mics(true, ladder(rungs)).len();
        for number in [last - 1, last] {
            let changed = |change: &dyn Fn(&mut Vec<u8>)| {
                refusal(&pair(true), ladder(rungs), |at, token| {
                    if at == number {
                        change(token);
                    }
                })
            };
            let dropped = changed(&|token| edit_resp(token, |resp| resp.mech_list_mic = None));
            assert_eq!(dropped, Refusal::MechListMicAbsent, "{rungs}: {number}");
            let empty = changed(&|token| edit_resp(token, |resp| resp.mech_list_mic = Some(&[])));
            assert_eq!(empty, Refusal::MechListMicAbsent, "{rungs}: {number}");
            let flipped = changed(&|token| *token.last_mut().unwrap() ^= 1);
            assert_eq!(flipped, Refusal::MechListMicMismatch, "{rungs}: {number}");
        }
        let mut theirs: &'static [u8] = &[];
        let sent_back = refusal(&pair(true), ladder(rungs), |at, token| {
            if at == last - 1 {
                theirs = resp(token).mech_list_mic.unwrap().to_vec().leak();
            } else if at == last {
                edit_resp(token, |resp| resp.mech_list_mic = Some(theirs));
            }
        });
        assert_eq!(sent_back, Refusal::MechListMicMismatch, "{rungs}");
    }
}

/// The handshake goes on, and somebody says that it has ended.
#[test]
fn what_belongs_to_the_end_is_refused_before_it() {
    let list = mech_list();
    let early_mic = Refusal::NegotiationOutOfOrder("a MIC before the mechanism has finished");
    let early_end = Refusal::NegotiationOutOfOrder("accept-completed before the mechanism has finished");
    for early in [2, 4] {
        let change = |edit: &dyn Fn(&mut NegTokenResp<'_>)| {
            let mut last = 0;
            let refusal = refusal(&pair(false), ladder(5), |number, token| {
                last = number;
                if number == early {
                    edit_resp(token, edit);
                }
            });
            assert_eq!(last, early, "refused where it stands: {refusal}");
            refusal
        };
        let right = signature(ACCEPTOR, &list);
        assert_eq!(change(&|resp| resp.mech_list_mic = Some(right.clone().leak())), early_mic);
        assert_eq!(change(&|resp| resp.neg_state = Some(NegState::AcceptCompleted)), early_end);
    }
}

/// Right or wrong: who has no integrity to offer proves nothing with it.
#[test]
fn a_mic_of_an_acceptor_whose_mechanism_makes_none_is_refused() {
    let right = signature(ACCEPTOR, &mech_list());
    let refusal = refusal(&pair(false), Ladder { signs: false, ..ladder(2) }, |number, token| {
        if number == 2 {
            edit_resp(token, |resp| resp.mech_list_mic = Some(right.clone().leak()));
        }
    });
    assert_eq!(refusal, Refusal::NegotiationOutOfOrder("a MIC of a mechanism that makes none"));
}

#[test]
fn a_token_beside_the_last_proof_is_refused() {
    for rungs in [2, 4] {
        let last = mics(true, ladder(rungs)).len();
        let refusal = refusal(&pair(true), ladder(rungs), |number, token| {
            if number == last {
                edit_resp(token, |resp| resp.response_token = Some(b"more"));
            }
        });
        let finished = "a token of the mechanism, which has finished";
        assert_eq!(refusal, Refusal::NegotiationOutOfOrder(finished), "{rungs}");
    }
}

fn mech_list() -> Vec<u8> {
    handfast::mech::negotiate::message::mech_type_list(&[ID.into()])
}

/// A MIC with the offer, where the only token is the last one (RFC 4178 5 c), is checked, and answered at once.
#[test]
fn a_mic_in_the_offer_is_checked_where_it_is_the_mechanisms_only_token() {
    let offered = |mic: &[u8]| {
        let mut states = Vec::new();
        let result = climb(&pair(true), ladder(1), |number, token| match number {
            1 => edit_init(token, |init| init.mech_list_mic = Some(mic.to_vec().leak())),
            _ => states.push((resp(token).neg_state, resp(token).mech_list_mic.is_some())),
        });
        (result.map(drop), states)
    };
    let (result, states) = offered(&signature(INITIATOR, &mech_list()));
    assert_eq!((result, states), (Ok(()), vec![(Some(NegState::AcceptCompleted), true)]));
    let mismatch = Err(Error::Refused(Box::new(Refusal::MechListMicMismatch)));
    assert_eq!(offered(&signature(ACCEPTOR, &mech_list())).0, mismatch, "of the wrong direction");
}

/// An acceptor that has asked for the proof of the list gets it, whatever it says beside its own (RFC 4178 5).
#[test]
fn who_has_asked_for_the_proof_gets_it() {
    let mut last = 0;
    climb(&pair(true), ladder(4), |number, token| {
        last = number;
        if number == 4 {
            edit_resp(token, |resp| resp.neg_state = Some(NegState::AcceptCompleted));
        }
    })
    .unwrap();
    assert_eq!(last, 5);
}

/// What the client makes of a reply with the second and last token, and of the acceptor's MIC.
fn replied(neg_state: Option<NegState>, mic: &[u8]) -> (Result<Initiate, Error>, Vec<u8>) {
    let (mut offer, mut reply, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let initiator = pair(false).initiator();
    let (name, ladder) = ("a/b".parse().unwrap(), ladder(2));
    let step = initiator.to(&name).negotiate().mechanism(&ladder).begin(now(), &mut offer).unwrap();
    let Initiate::NeedsToken(client) = step else { panic!() };
    let resp = NegTokenResp {
        neg_state,
        supported_mech: Some(ID.into()),
        response_token: Some(&[2]),
        mech_list_mic: Some(mic),
    };
    NegotiationToken::Resp(resp).encode(&mut reply);
    (client.step(&reply, now(), &mut out), out)
}

/// RFC 4178 5 b I: acceptors may prove the list where they need not.
#[test]
fn a_mic_that_nobody_asked_for_is_checked_and_answered_while_the_acceptor_waits() {
    let mic = signature(ACCEPTOR, &mech_list());
    let ours = signature(INITIATOR, &mech_list());
    for waiting in [Some(NegState::AcceptIncomplete), None] {
        let (step, out) = replied(waiting, &mic);
        assert!(matches!(step, Ok(Initiate::Complete(_))));
        let answer = resp(&out);
        assert_eq!((answer.neg_state, answer.mech_list_mic), (Some(NegState::AcceptCompleted), Some(&ours[..])));
    }
    let completed = Some(NegState::AcceptCompleted);
    let (step, out) = replied(completed, &mic);
    assert!(matches!(step, Ok(Initiate::Complete(_))));
    assert_eq!(out, [], "nobody waits for an answer");
    let mut reject = Vec::new();
    NegotiationToken::Resp(NegTokenResp { neg_state: Some(NegState::Reject), ..NegTokenResp::default() })
        .encode(&mut reject);
    let (step, out) = replied(completed, &ours);
    assert_eq!(step.map(drop), Err(Error::Refused(Box::new(Refusal::MechListMicMismatch))));
    assert_eq!(out, reject, "the acceptor is told");
}

/// Where another mechanism is chosen the client insists on the proof, whatever state it is shown.
#[test]
fn whoever_takes_back_the_request_for_a_mic_gains_nothing() {
    const LADDER: Ladder = ladder(2);
    let pair = Pair { server_keys: false, ..Pair::kerberos() };
    let run = |change: &dyn Fn(usize, &mut NegTokenResp<'_>)| {
        pair.run_with(
            |target| target.offer(&LADDER),
            |session| session.offer(&LADDER),
            |number, token| {
                if number > 1 {
                    edit_resp(token, |resp| change(number, resp));
                }
            },
        )
    };
    let (client, server) = run(&|_, _| {}).unwrap();
    let why = Why::ChosenByAcceptor { first_choice: MechanismId::KERBEROS.to_string().into() };
    assert_eq!((client.why(), server.why()), (&why, &why));
    let taken_back = run(&|number, resp| match number {
        2 => resp.neg_state = Some(NegState::AcceptIncomplete),
        4 => (resp.neg_state, resp.mech_list_mic) = (Some(NegState::AcceptCompleted), None),
        _ => {}
    });
    assert_eq!(taken_back.map(drop), Err(Error::Refused(Box::new(Refusal::MechListMicAbsent))));
}

#[test]
fn what_can_not_sign_is_refused_by_each_end_where_the_list_must_be_proven() {
    let mute = Ladder { signs: false, ..ladder(2) };
    let unprotected = Err(Error::Refused(Box::new(Refusal::NegotiationUnprotected { mechanism: ID })));
    climb(&pair(false), mute, |_, _| {}).unwrap();
    // The acceptor alone: no token of it says that it has finished.
    let mut offer = Vec::new();
    climb(&pair(false), mute, |number, token| {
        if number == 1 {
            offer = token.clone();
        }
    })
    .unwrap();
    let acceptor = pair(true).acceptor();
    let step = acceptor.session().offer(&mute).begin().step(&offer, now(), &mut Vec::new());
    assert_eq!(step.map(drop), unprotected);
    let asked = climb(&pair(false), mute, |number, token| {
        if number == 2 {
            edit_resp(token, |resp| resp.neg_state = Some(NegState::RequestMic));
        }
    });
    assert_eq!(asked.map(drop), unprotected);
}

/// Has begun to write when it finds that it can't.
struct Stutter;

impl Mechanism for Stutter {
    fn id(&self) -> MechanismId {
        MechanismId::from_der_contents(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2c])
    }

    fn initiate(&self, _: &InitiateRequest<'_>) -> Box<dyn Initiating> {
        Box::new(Stutter)
    }

    fn accept(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        ladder(1).accept(request)
    }
}

impl Initiating for Stutter {
    fn step(self: Box<Self>, _: InitiateInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        out.extend(b"half a token");
        Err(Error::Mechanism("can't".into()))
    }

    fn progress(&self) -> Progress {
        Progress { mechanism: ID, flags: Flags::NONE }
    }
}

#[test]
fn what_a_mechanism_wrote_before_it_failed_is_in_nobodys_token() {
    let (initiator, name, ladder) = (pair(false).initiator(), "a/b".parse().unwrap(), ladder(2));
    let mut offer = Vec::new();
    initiator.to(&name).offer(&Stutter).offer(&ladder).begin(now(), &mut offer).unwrap();
    let NegotiationToken::Init(NegTokenInit { mech_types, mech_token, .. }) = NegotiationToken::decode(&offer).unwrap()
    else {
        panic!()
    };
    assert_eq!((mech_types, mech_token), (vec![ID.into()], Some(&[1][..])));
}

#[test]
fn ones_own_stands_between_kerberos_and_ntlm() {
    let pair = Pair::both();
    let (initiator, credential, ladder) = (pair.initiator(), pair.credential(), ladder(2));
    let (name, mut offer) = ("a/b@EXAMPLE.COM".parse().unwrap(), Vec::new());
    let step = initiator.to(&name).credential(&credential).offer(&ladder).begin(now(), &mut offer).unwrap();
    if let Initiate::NeedsKdc(next) = step {
        let tried = handfast::krb5::exchange::KdcUnreachable { realm: next.request().realm.clone(), tried: vec![] };
        next.unreachable(tried, now(), &mut offer).unwrap();
    }
    let NegotiationToken::Init(init) = NegotiationToken::decode(&offer).unwrap() else { panic!() };
    assert!(init.mech_types.ends_with(&[ID.into(), MechanismId::NTLM.into()]), "{:?}", init.mech_types);
}

#[test]
fn a_clients_handshake_of_too_many_legs_ends() {
    let many = Pair { client: Policy::default().with_leg_limit(3), ..pair(false) };
    climb(&many, ladder(4), |_, _| {}).unwrap();
    assert_eq!(climb(&many, ladder(6), |_, _| {}).map(drop), Err(Error::TooManyLegs { limit: 3 }));
}
