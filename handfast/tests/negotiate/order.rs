//! Tokens whose turn it is not, and replies that say what does not fit.

use crate::pair::{Pair, edit_init, edit_resp, now};
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::*;
use handfast::*;

fn out_of_order(pair: &Pair, change: impl FnMut(usize, &mut Vec<u8>)) -> &'static str {
    match pair.refusal(change) {
        Refusal::NegotiationOutOfOrder(what) => what,
        other => panic!("{other:?}"),
    }
}

fn resp(edit: impl FnOnce(&mut NegTokenResp<'_>)) -> Vec<u8> {
    let mut resp = NegTokenResp::default();
    edit(&mut resp);
    let mut token = Vec::new();
    NegotiationToken::Resp(resp).encode(&mut token);
    token
}

fn no_offer() -> Vec<u8> {
    let mut token = Vec::new();
    NegotiationToken::Init(NegTokenInit::default()).encode(&mut token);
    token
}

/// How the server refuses a first token, and what it tells the client.
fn first_refusal(token: &[u8]) -> (Error, Vec<u8>) {
    let mut told = Vec::new();
    let error = Pair::both().acceptor().session().begin().step(token, now(), &mut told).unwrap_err();
    (error, told)
}

#[test]
fn offers_that_nobody_can_take() {
    let rejected = resp(|resp| resp.neg_state = Some(NegState::Reject));
    let (error, told) = first_refusal(&no_offer());
    let ours = vec![MechanismId::KERBEROS, MechanismId::NTLM];
    assert_eq!(error, Error::Refused(Box::new(Refusal::NoCommonMechanism { theirs: vec![], ours })));
    assert_eq!(told, rejected);
    for unknown in [MechanismId::SPNEGO, MechanismId::from_der_contents(&[0x2a, 3, 4])] {
        let mut token = Vec::new();
        let init =
            NegTokenInit { mech_types: vec![unknown.into()], mech_token: Some(&token.clone()), ..Default::default() };
        NegotiationToken::Init(init).encode(&mut token);
        let (error, told) = first_refusal(&token);
        assert!(matches!(error, Error::Refused(refusal) if matches!(*refusal, Refusal::NoCommonMechanism { .. })));
        assert_eq!(told, rejected);
    }
    let (error, told) = first_refusal(&rejected);
    let out_of_order = Refusal::NegotiationOutOfOrder("a reply before there was an offer");
    assert_eq!(error, Error::Refused(Box::new(out_of_order)));
    assert_eq!(told, rejected);
}

#[test]
fn negotiation_inside_a_negotiation() {
    let mut inner = no_offer();
    let refused = Pair::kerberos().run(|number, token| {
        if number == 1 {
            let outer = token.clone();
            token.clear();
            let NegotiationToken::Init(mut init) = NegotiationToken::decode(&outer).unwrap() else { panic!() };
            init.mech_token = Some(&inner);
            NegotiationToken::Init(init).encode(token);
        }
    });
    assert_eq!(refused.unwrap_err(), Error::UnknownMechanism);
    inner.clear();
}

#[test]
fn first_replies_that_do_not_fit() {
    let reply = |pair: &Pair, edit: fn(&mut NegTokenResp<'_>)| {
        out_of_order(pair, |number, token| {
            if number == 2 {
                edit_resp(token, edit);
            }
        })
    };
    let (kerberos, ntlm) = (Pair::kerberos(), Pair::ntlm_server());
    assert!(reply(&kerberos, |resp| resp.response_token = None).starts_with("no token of the mechanism"));
    assert!(reply(&kerberos, |resp| resp.neg_state = Some(NegState::AcceptIncomplete)).starts_with("another token"));
    let none_awaited = "another mechanism is chosen, and no token of it awaited";
    assert_eq!(reply(&ntlm, |resp| resp.neg_state = Some(NegState::AcceptCompleted)), none_awaited);
    assert_eq!(reply(&ntlm, |resp| resp.neg_state = None), none_awaited);
    let not_begun = "a token of a mechanism that has not begun";
    assert_eq!(reply(&ntlm, |resp| resp.response_token = Some(b"early")), not_begun);
    assert_eq!(reply(&ntlm, |resp| resp.mech_list_mic = Some(b"early")), not_begun);
    let offer = out_of_order(&kerberos, |number, token| {
        if number == 2 {
            *token = no_offer();
        }
    });
    assert_eq!(offer, "an offer where a reply belongs");
    let one_way = Pair { client: Policy::default().dangerous_unproven_acceptor(), ..Pair::kerberos() };
    let spurious = reply(&one_way, |resp| resp.response_token = Some(b"spurious"));
    assert_eq!(spurious, "a token of the mechanism, which has finished");
}

#[test]
fn later_replies_that_do_not_fit() {
    let reply = |number_changed: usize, edit: fn(&mut NegTokenResp<'_>)| {
        out_of_order(&Pair::ntlm_server(), |number, token| {
            if number == number_changed {
                edit_resp(token, edit);
            }
        })
    };
    // 4 is the server's challenge, 6 its MIC.
    assert_eq!(reply(4, |resp| resp.neg_state = Some(NegState::RequestMic)), "request-mic behind the first reply");
    let other = "another mechanism behind the first reply";
    assert_eq!(reply(4, |resp| resp.supported_mech = Some(MechanismId::KERBEROS.into())), other);
    assert_eq!(reply(4, |resp| resp.mech_list_mic = Some(b"early")), "a MIC before the mechanism has finished");
    assert_eq!(reply(6, |resp| resp.response_token = Some(b"more")), "a token of the mechanism, which has finished");
    let awaited = "another token is awaited, and there is none to send";
    assert_eq!(reply(6, |resp| resp.neg_state = Some(NegState::AcceptIncomplete)), awaited);
    // 3 and 5 are the client's.
    assert_eq!(reply(3, |resp| resp.neg_state = Some(NegState::RequestMic)), "request-mic from an initiator");
    let chosen = "a mechanism chosen by the initiator";
    assert_eq!(reply(3, |resp| resp.supported_mech = Some(MechanismId::NTLM.into())), chosen);
    assert_eq!(reply(3, |resp| resp.mech_list_mic = Some(b"early")), "a MIC before the mechanism has finished");
    let none = "no token of the mechanism, which waits for one";
    assert_eq!(reply(5, |resp| resp.response_token = None), none);
    assert_eq!(reply(5, |resp| resp.response_token = Some(b"")), none);
    let second = out_of_order(&Pair::ntlm_server(), |number, token| {
        if number == 3 {
            *token = no_offer();
        }
    });
    assert_eq!(second, "a second offer");
}

#[test]
fn completed_before_the_mechanism_is() {
    let fallback = Pair { ticket: false, ..Pair::both() };
    let what = out_of_order(&fallback, |number, token| {
        if number == 2 {
            edit_resp(token, |resp| resp.neg_state = Some(NegState::AcceptCompleted));
        }
    });
    assert_eq!(what, "accept-completed before the mechanism has finished");
}

#[test]
fn mic_in_an_offer_whose_mechanism_has_not_finished() {
    let fallback = Pair { ticket: false, ..Pair::both() };
    let what = out_of_order(&fallback, |number, token| {
        if number == 1 {
            edit_init(token, |init| init.mech_list_mic = Some(b"early"));
        }
    });
    assert_eq!(what, "a MIC before the mechanism has finished");
}

#[test]
fn rejections_end_it() {
    for number_rejected in [2, 3, 4, 5, 6] {
        let result = Pair::ntlm_server().run(|number, token| {
            if number == number_rejected {
                *token = resp(|resp| resp.neg_state = Some(NegState::Reject));
            }
        });
        assert!(matches!(result.unwrap_err(), Error::RejectedByPeer { .. }), "token {number_rejected}");
    }
    // The mechanism's own word is passed on, where there is one.
    let mut kerberos = Vec::new();
    let (error, _) = first_refusal(&[0x60, 0]);
    assert!(matches!(error, Error::Decode(_)));
    Pair::both().acceptor().session().begin().step(&[0x60, 0], now(), &mut kerberos).unwrap_err();
    let result = Pair::kerberos().run(|number, token| {
        if number == 2 {
            let mut reject = Vec::new();
            NegotiationToken::Resp(NegTokenResp {
                neg_state: Some(NegState::Reject),
                response_token: Some(&kerberos),
                ..NegTokenResp::default()
            })
            .encode(&mut reject);
            *token = reject;
        }
    });
    assert!(matches!(result.unwrap_err(), Error::RefusedByPeer(refusal) if refusal.code.0 == 60));
    // What is there instead and is no such word says nothing.
    let result = Pair::kerberos().run(|number, token| {
        if number == 2 {
            *token =
                resp(|resp| (resp.neg_state, resp.response_token) = (Some(NegState::Reject), Some(&b"no token"[..])));
        }
    });
    assert!(matches!(result.unwrap_err(), Error::RejectedByPeer { .. }));
    // Some acceptors know no negotiation, and say so in Kerberos' words.
    let result = Pair::kerberos().run(|number, token| {
        if number == 2 {
            *token = kerberos.clone();
        }
    });
    assert!(matches!(result.unwrap_err(), Error::RefusedByPeer(refusal) if refusal.code.0 == 60));
}

#[test]
fn a_rejection_with_a_valid_proof_is_a_rejection() {
    let result = Pair::kerberos().run(|number, token| {
        if number == 2 {
            edit_resp(token, |resp| resp.neg_state = Some(NegState::Reject));
        }
    });
    assert!(matches!(result.unwrap_err(), Error::RejectedByPeer { .. }));
}

#[test]
fn a_token_that_is_too_long_is_told_like_every_refusal() {
    let acceptor = Pair::both().acceptor().policy(Policy::default().with_token_limit(1000));
    let rejected = resp(|resp| resp.neg_state = Some(NegState::Reject));
    let mut ntlm = Vec::new();
    let client = Pair { ticket: false, ..Pair::both() }.tokens();
    let Accept::NeedsToken(server) = acceptor.session().begin().step(&client[0], now(), &mut ntlm).unwrap() else {
        panic!()
    };
    let mut told = Vec::new();
    let error = server.step(&[0; 1001], now(), &mut told).unwrap_err();
    assert_eq!((error, told), (Error::TokenTooLarge { size: 1001, limit: 1000 }, rejected));
    let mut told = Vec::new();
    acceptor.session().begin().step(&[0; 1001], now(), &mut told).unwrap_err();
    assert_eq!(told[0], 0x60, "nobody knows yet what the client speaks: a KRB-ERROR");
}

/// Whatever goes wrong, and where: a reject and no word more, but what Kerberos itself says.
#[test]
fn every_refusal_of_a_negotiation_looks_the_same() {
    let tokens = Pair::ntlm_server().tokens();
    let rejected = resp(|resp| resp.neg_state = Some(NegState::Reject));
    for account in [Account::Refused, Account::Unavailable, Account::NtHash(handfast::crypto::Secret::new([7; 16]))] {
        let mut out = Vec::new();
        let acceptor = Pair::ntlm_server().acceptor();
        let Accept::NeedsToken(server) = acceptor.session().begin().step(&tokens[0], now(), &mut out).unwrap() else {
            panic!()
        };
        let Accept::NeedsToken(server) = server.step(&tokens[2], now(), &mut out).unwrap() else { panic!() };
        let Accept::NeedsAccount(server) = server.step(&tokens[4], now(), &mut out).unwrap() else { panic!() };
        let mut told = Vec::new();
        server.answer(account, now(), &mut told).unwrap_err();
        assert_eq!(told, rejected);
    }
}

/// Wherever the handshake is when it has taken too long, the client is told the same.
#[test]
fn too_many_legs_and_tokens_that_are_too_long_are_told_like_every_refusal_wherever_they_come() {
    let pair = Pair::ntlm_server();
    let tokens = pair.tokens();
    let rejected = resp(|resp| resp.neg_state = Some(NegState::Reject));
    let refused = |limit: u32, oversize: Option<usize>| -> (Error, Vec<u8>) {
        let acceptor = pair.acceptor().policy(Policy::default().with_leg_limit(limit));
        let mut step = Accept::NeedsToken(acceptor.session().begin());
        for (at, token) in tokens.iter().step_by(2).chain([&tokens[5]]).enumerate() {
            let Accept::NeedsToken(next) = step else { panic!("{step:?}") };
            let token = if oversize == Some(at) { vec![0; 65_537] } else { token.clone() };
            let mut told = Vec::new();
            step = match next.step(&token, now(), &mut told) {
                Ok(Accept::NeedsAccount(next)) => match next.answer(pair.account.clone(), now(), &mut told) {
                    Ok(step) => step,
                    Err(error) => return (error, told),
                },
                Ok(step) => step,
                Err(error) => return (error, told),
            };
        }
        panic!("nobody refused");
    };
    for limit in 1..=3 {
        assert_eq!(refused(limit, None), (Error::TooManyLegs { limit }, rejected.clone()));
    }
    for at in 1..=2 {
        let (error, told) = refused(16, Some(at));
        assert_eq!((error, told), (Error::TokenTooLarge { size: 65_537, limit: 65_536 }, rejected.clone()), "{at}");
    }
}
