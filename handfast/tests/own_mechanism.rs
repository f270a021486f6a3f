//! A security package of an application's own, which needs every arm: tokens both ways, a KDC, an account, an answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use handfast::crypto::Secret;
use handfast::krb5::Keytab;
use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::mech::{
    AcceptInput, AcceptRequest, AcceptStep, Accepting, Established, Halves, InitiateInput, InitiateRequest,
    InitiateStep, Initiating, Mechanism, MechanismId, Progress, Seal, Unseal, Why,
};
use handfast::wire::Reader;
use handfast::*;

const ID: MechanismId = MechanismId::from_der_contents(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a]);

/// Shouts a word to a KDC, to an account store and to a person before it believes it. It proves nothing.
struct Shout;

impl Mechanism for Shout {
    fn id(&self) -> MechanismId {
        ID
    }

    fn initiate(&self, request: &InitiateRequest<'_>) -> Box<dyn Initiating> {
        Box::new(Shouter { stage: 0, target: request.target.to_string() })
    }

    fn accept(&self, _: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(Listener { stage: 0 })
    }

    fn import(&self, exported: &mut Reader<'_>) -> Result<Halves, Error> {
        exported.take(2)?;
        Ok(halves(true))
    }
}

fn halves(splittable: bool) -> Halves {
    Halves { seal: Box::new(Plain), unseal: Box::new(Plain), splittable }
}

fn progress() -> Progress {
    Progress { mechanism: ID, flags: Flags::IDENTIFY }
}

fn established(peer: &str, splittable: bool) -> Box<Established> {
    Box::new(Established {
        mechanism: ID,
        why: Why::Raw,
        peer: Identity::Name(peer.to_string()),
        local: Identity::Name("me".to_string()),
        flags: Flags::CONFIDENTIALITY | Flags::INTEGRITY,
        expires: None,
        session_key: Secret::new(vec![1, 2, 3]),
        enctype: None,
        acquired: Vec::new(),
        halves: halves(splittable),
    })
}

struct Shouter {
    stage: u8,
    target: String,
}

impl Initiating for Shouter {
    fn step(mut self: Box<Self>, input: InitiateInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        self.stage += 1;
        match (self.stage, input) {
            (1, InitiateInput::Begin) => {
                let request = KdcRequest { realm: "R".into(), bytes: vec![9], tcp_required: false };
                Ok(InitiateStep::NeedsKdc(self, request))
            }
            (2, InitiateInput::KdcReply(_)) => {
                Ok(InitiateStep::NeedsAnswer(self, Question::Custom { name: "word", payload: vec![] }))
            }
            (2, InitiateInput::KdcUnreachable(tried)) => Err(tried.into()),
            (3, InitiateInput::Answer(Answer::Custom(word))) => {
                out.extend_from_slice(word.expose());
                Ok(InitiateStep::NeedsToken(self))
            }
            (3, InitiateInput::Declined) => Err(Error::Declined("word")),
            (4, InitiateInput::Token(_)) => Ok(InitiateStep::Complete(established(&self.target, true))),
            _ => Err(Error::ApiMisuse("out of order")),
        }
    }

    fn progress(&self) -> Progress {
        progress()
    }
}

struct Listener {
    stage: u8,
}

impl Accepting for Listener {
    fn step(mut self: Box<Self>, input: AcceptInput<'_>, _: Time, out: &mut Vec<u8>) -> Result<AcceptStep, Error> {
        self.stage += 1;
        match (self.stage, input) {
            (1, AcceptInput::SpeakFirst) => {
                out.push(b'?');
                self.stage = 0;
                Ok(AcceptStep::NeedsToken(self))
            }
            (1, AcceptInput::Token(word)) => {
                let logon = Logon {
                    user: String::from_utf8_lossy(word).into_owned(),
                    domain: String::new(),
                    workstation: String::new(),
                    server_challenge: [0; 8],
                    nt_response: Vec::new(),
                    lm_response: Vec::new(),
                    negotiate_flags: 0,
                };
                Ok(AcceptStep::NeedsAccount(self, logon))
            }
            (2, AcceptInput::Account(Account::NtHash(_))) => {
                let request = KdcRequest { realm: "R".into(), bytes: vec![9], tcp_required: true };
                Ok(AcceptStep::NeedsKdc(self, request))
            }
            (2, AcceptInput::Account(Account::Unavailable)) => Err(Error::AccountUnavailable),
            (2, AcceptInput::Account(_)) => Err(Error::AccountRefused),
            (3, AcceptInput::KdcReply(_)) => {
                Ok(AcceptStep::NeedsAnswer(self, Question::Custom { name: "sure?", payload: vec![] }))
            }
            (3, AcceptInput::KdcUnreachable(tried)) => Err(tried.into()),
            (4, AcceptInput::Answer(_)) => {
                out.push(b'!');
                Ok(AcceptStep::Complete(established("shouter", false)))
            }
            (4, AcceptInput::Declined) => Err(Error::Declined("sure?")),
            _ => Err(Error::ApiMisuse("out of order")),
        }
    }

    fn progress(&self) -> Progress {
        progress()
    }
}

struct Plain;

impl Seal for Plain {
    fn protect(&mut self, _: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        out.extend_from_slice(message);
        Ok(())
    }

    fn protect_parts(
        &mut self,
        _: Protection,
        _: &mut [u8],
        _: &mut [Part<'_>],
        _: &mut [u8],
    ) -> Result<(), MessageError> {
        Ok(())
    }

    fn sizes(&self, _: Protection) -> (usize, usize) {
        (0, 0)
    }

    fn sign(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<(), MessageError> {
        Ok(())
    }

    fn export(&self, out: &mut Vec<u8>) {
        out.push(1);
    }
}

impl Unseal for Plain {
    fn unprotect<'t>(&mut self, _: Protection, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        Ok(Unprotected { message: token, protection: Protection::Confidentiality, order: Order::NotChecked })
    }

    fn unprotect_parts(
        &mut self,
        least: Protection,
        _: &mut [u8],
        _: &mut [Part<'_>],
        _: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        Ok((least, Order::NotChecked))
    }

    fn verify(&mut self, _: &[u8], _: &[u8]) -> Result<Order, MessageError> {
        Ok(Order::NotChecked)
    }

    fn export(&self, out: &mut Vec<u8>) {
        out.push(2);
    }
}

const NOW: Time = Time::EPOCH;

fn unreachable() -> KdcUnreachable {
    KdcUnreachable { realm: "R".into(), tried: Vec::new() }
}

fn initiator() -> Initiator {
    Initiator::new(Policy::default())
}

fn target() -> ServiceName {
    "echo/host".parse().unwrap()
}

fn ask_kdc() -> InitiateKdc {
    match initiator().to(&target()).mechanism(&Shout).begin(NOW, &mut Vec::new()).unwrap() {
        Initiate::NeedsKdc(next) => next,
        other => panic!("{other:?}"),
    }
}

fn ask_person() -> InitiateAnswer {
    match ask_kdc().reply(b"reply", NOW, &mut Vec::new()).unwrap() {
        Initiate::NeedsAnswer(next) => next,
        other => panic!("{other:?}"),
    }
}

fn acceptor() -> Acceptor {
    Acceptor::new(&Keytab::new(), ReplayGuard::in_memory())
}

fn ask_account() -> AcceptAccount {
    match acceptor().session().mechanism(&Shout).begin().step(b"word", NOW, &mut Vec::new()).unwrap() {
        Accept::NeedsAccount(next) => next,
        other => panic!("{other:?}"),
    }
}

fn ask_kdc_for_acceptor() -> AcceptKdc {
    match ask_account().answer(Account::NtHash(Secret::new([0; 16])), NOW, &mut Vec::new()).unwrap() {
        Accept::NeedsKdc(next) => next,
        other => panic!("{other:?}"),
    }
}

fn ask_acceptors_person() -> AcceptAnswer {
    match ask_kdc_for_acceptor().reply(b"", NOW, &mut Vec::new()).unwrap() {
        Accept::NeedsAnswer(next) => next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_initiator_goes_through_every_arm() {
    let next = ask_kdc();
    assert_eq!((next.request().realm.as_str(), next.mechanism(), next.flags()), ("R", ID, Flags::IDENTIFY));
    let next = ask_person();
    assert_eq!(next.question(), &Question::Custom { name: "word", payload: vec![] });
    let mut out = Vec::new();
    let answer = Answer::Custom(Secret::new(b"word".to_vec()));
    let Initiate::NeedsToken(next) = next.answer(answer, NOW, &mut out).unwrap() else { panic!() };
    assert_eq!(out, b"word");
    let Initiate::Complete(context) = next.step(b"!", NOW, &mut out).unwrap() else { panic!() };
    assert_eq!(context.peer().to_string(), "echo/host");
    assert!(context.split().is_ok());
}

#[test]
fn an_initiator_without_an_answer_or_a_kdc_fails_closed() {
    assert_eq!(ask_person().decline(NOW, &mut Vec::new()).unwrap_err(), Error::Declined("word"));
    let error = ask_kdc().unreachable(unreachable(), NOW, &mut Vec::new()).unwrap_err();
    assert_eq!(error, Error::KdcUnreachable(unreachable()));
}

#[test]
fn an_acceptor_goes_through_every_arm() {
    assert_eq!(ask_account().logon().user, "word");
    assert!(ask_kdc_for_acceptor().request().tcp_required);
    let next = ask_acceptors_person();
    assert_eq!(next.question(), &Question::Custom { name: "sure?", payload: vec![] });
    let mut out = Vec::new();
    let Accept::Complete(context) = next.answer(Answer::Custom(Secret::new(vec![])), NOW, &mut out).unwrap() else {
        panic!()
    };
    assert_eq!(out, b"!");
    let (context, error) = context.split().unwrap_err();
    assert_eq!((context.peer().to_string().as_str(), error), ("shouter", MessageError::NotSplittable));
}

#[test]
fn an_acceptor_without_an_account_an_answer_or_a_kdc_fails_closed() {
    let account = |account| ask_account().answer(account, NOW, &mut Vec::new()).unwrap_err();
    assert_eq!(account(Account::Refused), Error::AccountRefused);
    assert_eq!(account(Account::Unavailable), Error::AccountUnavailable);
    assert_eq!(ask_acceptors_person().decline(NOW, &mut Vec::new()).unwrap_err(), Error::Declined("sure?"));
    let error = ask_kdc_for_acceptor().unreachable(unreachable(), NOW, &mut Vec::new()).unwrap_err();
    assert_eq!(error, Error::KdcUnreachable(unreachable()));
}

#[test]
fn an_acceptor_can_speak_first() {
    let mut out = Vec::new();
    let step = acceptor().session().mechanism(&Shout).speak_first(NOW, &mut out).unwrap();
    assert!(matches!(step, Accept::NeedsToken(_)));
    assert_eq!(out, b"?");
    let error = acceptor().session().speak_first(NOW, &mut out).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(_)), "Kerberos' acceptor never speaks first: {error}");
}

#[test]
fn a_handshake_of_too_many_legs_ends() {
    let acceptor = acceptor().policy(Policy::default().with_leg_limit(1));
    let Accept::NeedsAccount(next) =
        acceptor.session().mechanism(&Shout).begin().step(b"word", NOW, &mut Vec::new()).unwrap()
    else {
        panic!()
    };
    let error = next.answer(Account::Refused, NOW, &mut Vec::new()).unwrap_err();
    assert_eq!(error, Error::TooManyLegs { limit: 1 });
}

#[test]
fn an_exported_context_of_ones_own_is_imported_by_its_mechanism() {
    let next = ask_acceptors_person();
    let step = next.answer(Answer::Custom(Secret::new(vec![])), NOW, &mut Vec::new()).unwrap();
    let Accept::Complete(context) = step else { panic!() };
    let exported = context.export();
    assert_eq!(Context::import(exported.expose()).unwrap_err(), Error::UnknownMechanism);
    let context = Context::import_with(&Shout, exported.expose()).unwrap();
    assert_eq!((context.peer().to_string().as_str(), context.why()), ("shouter", &Why::Imported));
}
