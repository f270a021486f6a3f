//! A security package of an application's own, which needs every arm: tokens both ways, a KDC, an account, an answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use handfast::crypto::Secret;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::krb5::message::{EncryptedData, PrincipalName, Ticket};
use handfast::krb5::{Ccache, HeldTicket, Keytab, KeytabEntry};
use handfast::mech::negotiate::message::{NegState, NegTokenResp, NegotiationToken};
use handfast::mech::{
    AcceptInput, AcceptRequest, AcceptStep, Accepting, Established, Halves, InitiateInput, InitiateRequest,
    InitiateStep, Initiating, Mechanism, MechanismId, Progress, Seal, Unseal, Why,
};
use handfast::wire::Reader;
use handfast::*;

const ID: MechanismId = MechanismId::from_der_contents(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a]);

/// Shouts a word to a KDC, to an account store and to a person before it believes it. It proves nothing, and its contexts have
/// these flags.
struct Shout(Flags);

const SHOUT: Shout = Shout(Flags::INTEGRITY);
const MUTE: Shout = Shout(Flags::NONE);

impl Mechanism for Shout {
    fn id(&self) -> MechanismId {
        ID
    }

    fn initiate(&self, request: &InitiateRequest<'_>) -> Box<dyn Initiating> {
        Box::new(Shouter { stage: 0, target: request.target.to_string(), flags: self.0 })
    }

    fn accept(&self, _: &AcceptRequest<'_>) -> Box<dyn Accepting> {
        Box::new(Listener { stage: 0, flags: self.0 })
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

fn established(peer: &str, splittable: bool, flags: Flags) -> Box<Established> {
    Box::new(Established {
        mechanism: ID,
        why: Why::Raw,
        peer: Identity::Name(peer.to_string()),
        local: Identity::Name("me".to_string()),
        flags: flags | Flags::CONFIDENTIALITY,
        expires: None,
        session_key: Secret::new(vec![1, 2, 3]),
        enctype: None,
        acquired: Vec::new(),
        delegated: Vec::new(),
        evidence: None,
        authorization: None,
        halves: halves(splittable),
    })
}

struct Shouter {
    stage: u8,
    target: String,
    flags: Flags,
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
            (4, InitiateInput::Token(_)) => Ok(InitiateStep::Complete(established(&self.target, true, self.flags))),
            _ => Err(Error::ApiMisuse("out of order")),
        }
    }

    fn progress(&self) -> Progress {
        progress()
    }
}

struct Listener {
    stage: u8,
    flags: Flags,
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
                Ok(AcceptStep::Complete(established("shouter", false, self.flags)))
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

    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        out.extend_from_slice(message);
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

    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        if message == signature { Ok(Order::NotChecked) } else { Err(MessageError::NotAuthentic) }
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
    match initiator().to(&target()).mechanism(&SHOUT).begin(NOW, &mut Vec::new()).unwrap() {
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
    match acceptor().session().mechanism(&SHOUT).begin().step(b"word", NOW, &mut Vec::new()).unwrap() {
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
    let step = acceptor().session().mechanism(&SHOUT).speak_first(NOW, &mut out).unwrap();
    assert!(matches!(step, Accept::NeedsToken(_)));
    assert_eq!(out, b"?");
    let error = acceptor().session().speak_first(NOW, &mut out).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(_)), "Kerberos' acceptor never speaks first: {error}");
}

#[test]
fn a_handshake_of_too_many_legs_ends() {
    let acceptor = acceptor().policy(Policy::default().with_leg_limit(1));
    let Accept::NeedsAccount(next) =
        acceptor.session().mechanism(&SHOUT).begin().step(b"word", NOW, &mut Vec::new()).unwrap()
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
    let context = Context::import_with(&SHOUT, exported.expose()).unwrap();
    assert_eq!((context.peer().to_string().as_str(), context.why()), ("shouter", &Why::Imported));
}

/// Answers whatever the acceptor's end asks for.
fn answered(mut step: Accept, out: &mut Vec<u8>) -> Result<Accept, Error> {
    loop {
        step = match step {
            Accept::NeedsAccount(next) => next.answer(Account::NtHash(Secret::new([0; 16])), NOW, out)?,
            Accept::NeedsKdc(next) => next.reply(b"", NOW, out)?,
            Accept::NeedsAnswer(next) => next.answer(Answer::Custom(Secret::new(vec![])), NOW, out)?,
            step => return Ok(step),
        }
    }
}

/// Answers whatever the initiator's end asks for.
fn answered_client(mut step: Initiate, out: &mut Vec<u8>) -> Result<Initiate, Error> {
    loop {
        step = match step {
            Initiate::NeedsKdc(next) => next.reply(b"reply", NOW, out)?,
            Initiate::NeedsAnswer(next) => next.answer(Answer::Custom(Secret::new(b"word".to_vec())), NOW, out)?,
            step => return Ok(step),
        }
    }
}

/// Both ends of a negotiation by tokens alone.
fn negotiated(target: Target<'_>, session: Session<'_>) -> Result<(Context, Context), Error> {
    negotiated_through(target, session, |_, _| {})
}

/// The same; `change` sees every token on its way, the client's with odd numbers.
fn negotiated_through(
    target: Target<'_>,
    session: Session<'_>,
    mut change: impl FnMut(u8, &mut NegTokenResp<'_>),
) -> Result<(Context, Context), Error> {
    let mut number = 0;
    let mut sent = move |token: &mut Vec<u8>| {
        number += 1;
        let sent = std::mem::take(token);
        let Ok(NegotiationToken::Resp(mut resp)) = NegotiationToken::decode(&sent) else { return sent };
        let mut changed = Vec::new();
        change(number, &mut resp);
        NegotiationToken::Resp(resp).encode(&mut changed);
        changed
    };
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let mut client = answered_client(target.begin(NOW, &mut to_server)?, &mut to_server)?;
    let mut server = Accept::NeedsToken(session.begin());
    loop {
        if !to_server.is_empty() {
            let Accept::NeedsToken(next) = server else { panic!("{server:?}") };
            let token = sent(&mut to_server);
            server = answered(next.step(&token, NOW, &mut to_client)?, &mut to_client)?;
        }
        if !to_client.is_empty() {
            let Initiate::NeedsToken(next) = client else { panic!("{client:?}") };
            let token = sent(&mut to_client);
            client = answered_client(next.step(&token, NOW, &mut to_server)?, &mut to_server)?;
        }
        (client, server) = match (client, server) {
            (Initiate::Complete(client), Accept::Complete(server)) => return Ok((client, server)),
            waiting if to_server.is_empty() => panic!("both ends wait: {waiting:?}"),
            waiting => waiting,
        };
    }
}

#[test]
fn it_is_negotiated_like_ours() {
    let (initiator, acceptor, target) = (initiator(), acceptor(), target());
    let (client, server) = negotiated(initiator.to(&target).offer(&SHOUT), acceptor.session().offer(&SHOUT)).unwrap();
    for context in [client, server] {
        assert_eq!((context.mechanism(), context.why()), (ID, &Why::FirstChoice));
    }
}

#[test]
fn it_is_chosen_where_the_acceptor_has_no_key_for_kerberos() {
    let (initiator, acceptor, target) = (initiator(), acceptor(), target());
    // Kerberos makes its first token without a KDC: it holds a ticket.
    let mut cache = Ccache::new("alice@R".parse().unwrap());
    let far = Time::from_unix_seconds(4_000_000_000);
    let key = EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, [1; 16]).unwrap();
    let service: Principal = "echo/host@R".parse().unwrap();
    let ticket = Ticket {
        realm: "R",
        sname: PrincipalName::from(&service),
        enc_part: EncryptedData { etype: key.enctype(), kvno: None, cipher: b"sealed" },
    };
    cache.replace(HeldTicket {
        client: "alice@R".parse().unwrap(),
        server: service.clone(),
        ticket: ticket.to_der(),
        key,
        auth_time: NOW,
        start_time: None,
        end_time: far,
        renew_till: None,
        is_skey: false,
        flags: Default::default(),
        addresses: Vec::new(),
        authorization_data: Vec::new(),
        second_ticket: Vec::new(),
    });
    let credential = Credential::tickets(&cache);
    let to = || initiator.to(&target).credential(&credential).offer(&SHOUT);
    let (client, server) = negotiated(to(), acceptor.session().offer(&SHOUT)).unwrap();
    let why = Why::ChosenByAcceptor { first_choice: MechanismId::KERBEROS.to_string().into() };
    assert_eq!((client.mechanism(), client.why()), (ID, &why));
    assert_eq!((server.mechanism(), server.why()), (ID, &why));
    let error = negotiated(to(), acceptor.session()).unwrap_err();
    assert!(matches!(error, Error::Refused(refusal) if matches!(*refusal, Refusal::NoCommonMechanism { .. })));
}

/// An acceptor with a key: it would have preferred Kerberos to anything of an application's own.
fn acceptor_with_key() -> Acceptor {
    let key = EncryptionKey::new(Enctype::AES128_CTS_HMAC_SHA1_96, [1; 16]).unwrap();
    let mut keytab = Keytab::new();
    keytab.add(KeytabEntry { principal: "echo/host@R".parse().unwrap(), timestamp: NOW, kvno: 1, key });
    Acceptor::new(&keytab, ReplayGuard::in_memory())
}

#[test]
fn the_list_is_proven_where_the_acceptor_would_have_preferred_another() {
    let (initiator, acceptor, target) = (initiator(), acceptor_with_key(), target());
    let run = |change: &dyn Fn(u8, &mut NegTokenResp<'_>)| {
        negotiated_through(initiator.to(&target).offer(&SHOUT), acceptor.session().offer(&SHOUT), change)
    };
    let tokens = std::cell::Cell::new(0);
    let (client, server) = run(&|number, resp| {
        tokens.set(number);
        assert!(resp.mech_list_mic.is_some(), "token {number}");
        assert_eq!(
            resp.neg_state,
            [None, None, Some(NegState::RequestMic), Some(NegState::AcceptCompleted)][usize::from(number)]
        );
    })
    .unwrap();
    assert_eq!((client.why(), server.why(), tokens.get()), (&Why::FirstChoice, &Why::FirstChoice, 3));
    for dropped in [2, 3] {
        let error = run(&|number, resp| {
            if number == dropped {
                resp.mech_list_mic = None;
            }
        });
        assert_eq!(error.unwrap_err(), Error::Refused(Box::new(Refusal::MechListMicAbsent)), "token {dropped}");
        let error = run(&|number, resp| {
            if number == dropped {
                resp.mech_list_mic = Some(b"another list");
            }
        });
        assert_eq!(error.unwrap_err(), Error::Refused(Box::new(Refusal::MechListMicMismatch)), "token {dropped}");
    }
    let error = run(&|number, resp| {
        if number == 3 {
            resp.response_token = Some(b"more");
        }
    });
    assert!(
        matches!(error.unwrap_err(), Error::Refused(refusal) if matches!(*refusal, Refusal::NegotiationOutOfOrder(_)))
    );
}

#[test]
fn what_can_not_sign_is_the_first_choice_of_both_or_nothing() {
    let (initiator, target) = (initiator(), target());
    let to = || initiator.to(&target).offer(&MUTE);
    negotiated(to(), acceptor().session().offer(&MUTE)).unwrap();
    let unprotected = Error::Refused(Box::new(Refusal::NegotiationUnprotected { mechanism: ID }));
    assert_eq!(negotiated(to(), acceptor_with_key().session().offer(&MUTE)).unwrap_err(), unprotected);
    // The same at the client's end, where the acceptor's is not so strict.
    let error = negotiated_through(to(), acceptor().session().offer(&MUTE), |_, resp| {
        resp.neg_state = Some(NegState::RequestMic);
    });
    assert_eq!(error.unwrap_err(), unprotected);
    let error = negotiated_through(to(), acceptor().session().offer(&MUTE), |_, resp| {
        resp.mech_list_mic = Some(b"MIC");
    });
    assert!(
        matches!(error.unwrap_err(), Error::Refused(refusal) if matches!(*refusal, Refusal::NegotiationOutOfOrder(_)))
    );
}

#[test]
fn it_follows_kerberos_where_there_is_no_ticket() {
    let (initiator, acceptor, target) = (initiator(), acceptor(), target());
    let credential = Credential::tickets(&Ccache::new("alice@R".parse().unwrap()));
    let to = initiator.to(&target).credential(&credential).offer(&SHOUT);
    let (client, _) = negotiated(to, acceptor.session().offer(&SHOUT)).unwrap();
    let Why::Fallback { first_choice, reason } = client.why() else { panic!("{:?}", client.why()) };
    assert_eq!(*first_choice, MechanismId::KERBEROS);
    assert!(matches!(**reason, Error::Credential(CredentialError::NoTicket { .. })), "{reason:?}");
}

#[test]
fn it_is_alone_in_a_negotiation_where_it_is_named() {
    let (initiator, acceptor, target) = (initiator(), acceptor(), target());
    let to = initiator.to(&target).negotiate().mechanism(&SHOUT);
    let (client, _) = negotiated(to, acceptor.session().offer(&SHOUT)).unwrap();
    assert_eq!(client.mechanism(), ID);
    let error = initiator.to(&target).negotiate().begin(NOW, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(_)), "nothing to offer: {error:?}");
}

#[test]
fn its_framed_tokens_are_met_raw() {
    let acceptor = acceptor();
    let mut token = Vec::new();
    handfast::mech::framing::write_header(ID, 4, &mut token);
    token.extend(b"word");
    let step = acceptor.session().offer(&SHOUT).begin().step(&token, NOW, &mut Vec::new()).unwrap();
    assert!(matches!(step, Accept::NeedsAccount(_)), "{step:?}");
    assert!(acceptor.session().begin().step(&token, NOW, &mut Vec::new()).is_err());
}

#[test]
fn a_mic_that_nothing_could_check_is_passed_over_where_none_is_required() {
    let (initiator, target, acceptor) = (initiator(), target(), acceptor());
    let mut offer = Vec::new();
    let step = initiator.to(&target).offer(&MUTE).begin(NOW, &mut offer).unwrap();
    answered_client(step, &mut offer).unwrap();
    let before = offer.clone();
    let NegotiationToken::Init(mut init) = NegotiationToken::decode(&before).unwrap() else { panic!() };
    init.mech_list_mic = Some(&[0; 16]);
    offer.clear();
    NegotiationToken::Init(init).encode(&mut offer);
    let mut out = Vec::new();
    let met = |own| acceptor.session().offer(own).begin().step(&offer, NOW, &mut Vec::new());
    let step = answered(met(&MUTE).unwrap(), &mut out).unwrap();
    assert!(matches!(step, Accept::Complete(_)), "{step:?}");
    let error = answered(met(&SHOUT).unwrap(), &mut out).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(Refusal::MechListMicMismatch)));
}
