//! Who sits between the two can end a handshake, and can't make it weaker.

use crate::pair::{Pair, edit_init, edit_resp, now};
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegState, NegTokenInit, NegTokenResp, NegotiationToken};
use handfast::*;

/// Takes Kerberos from the offer, and lets the answer stand.
fn strip(init: &mut NegTokenInit<'_>) {
    init.mech_types.retain(|mech| *mech == MechanismId::NTLM);
    init.mech_token = None;
}

#[test]
fn stripped_mechanism() {
    // Whether the server would have preferred what was stripped or not, the client's MIC is over another list.
    for pair in [Pair::both(), Pair::ntlm_server()] {
        let refusal = pair.refusal(|number, token| {
            if number == 1 {
                edit_init(token, strip);
            }
        });
        assert_eq!(refusal, Refusal::MechListMicMismatch);
    }
}

#[test]
fn stripped_mechanism_and_dropped_mic() {
    for pair in [Pair::both(), Pair::ntlm_server()] {
        let refusal = pair.refusal(|number, token| match number {
            1 => edit_init(token, strip),
            2 | 4 => {}
            _ => edit_resp(token, |resp| resp.mech_list_mic = None),
        });
        assert_eq!(refusal, Refusal::MechListMicAbsent);
    }
}

#[test]
fn dropped_mic() {
    let pair = Pair::ntlm_server();
    for dropped in [5, 6] {
        let refusal = pair.refusal(|number, token| {
            if number == dropped {
                edit_resp(token, |resp| resp.mech_list_mic = None);
            }
        });
        assert_eq!(refusal, Refusal::MechListMicAbsent, "token {dropped}");
    }
    // First choice or not: where NTLM protects messages it proves the list.
    let fallback = Pair { ticket: false, ..Pair::both() };
    for dropped in [3, 4] {
        let refusal = fallback.refusal(|number, token| {
            if number == dropped {
                edit_resp(token, |resp| resp.mech_list_mic = None);
            }
        });
        assert_eq!(refusal, Refusal::MechListMicAbsent, "token {dropped}");
    }
}

#[test]
fn flipped_mic() {
    for (pair, tokens) in [(Pair::ntlm_server(), [5, 6]), (Pair { ticket: false, ..Pair::both() }, [3, 4])] {
        for flipped in tokens {
            let refusal = pair.refusal(|number, token| {
                if number == flipped {
                    // The MIC is the last field, and NTLM's has 16 octets.
                    let at = token.len() - 16 + 5;
                    token[at] ^= 1;
                }
            });
            assert_eq!(refusal, Refusal::MechListMicMismatch, "token {flipped}");
        }
    }
}

#[test]
fn choice_that_was_not_offered() {
    let refusal = Pair::kerberos().refusal(|number, token| {
        if number == 2 {
            edit_resp(token, |resp| {
                resp.supported_mech = Some(MechanismId::NTLM.into());
                (resp.response_token, resp.neg_state) = (None, Some(NegState::RequestMic));
            });
        }
    });
    assert_eq!(refusal, Refusal::MechanismNotOffered { chosen: MechanismId::NTLM.to_string() });
    // Neither one that nobody knows, nor the other name of a mechanism that was not offered.
    let ntlm_alone = Pair { ticket: false, ..Pair::both() };
    let nobodys = MechanismId::from_der_contents(&[0x2a, 3, 4]);
    for (pair, chosen) in [(Pair::both(), nobodys), (ntlm_alone, MechanismId::MS_KERBEROS)] {
        let refusal = pair.refusal(|number, token| {
            if number == 2 {
                edit_resp(token, |resp| {
                    resp.supported_mech = Some(chosen.into());
                    (resp.response_token, resp.neg_state) = (None, Some(NegState::RequestMic));
                    resp.mech_list_mic = None;
                });
            }
        });
        assert_eq!(refusal, Refusal::MechanismNotOffered { chosen: chosen.to_string() });
    }
}

/// Where NTLM is all that either end can do: the first choice of both, and proven all the same.
#[test]
fn ntlm_proves_the_list_even_where_it_is_the_first_choice_of_both() {
    let pair = Pair { ticket: false, ..Pair::ntlm_server() };
    let mut mics = Vec::new();
    let mut states = Vec::new();
    pair.run(|number, token| {
        if number > 1 {
            edit_resp(token, |resp| {
                mics.push(resp.mech_list_mic.is_some());
                states.push(resp.neg_state);
            });
        }
    })
    .unwrap();
    assert_eq!(mics, [false, true, true]);
    let waits = Some(NegState::AcceptIncomplete);
    assert_eq!(states, [waits, waits, Some(NegState::AcceptCompleted)], "nobody had to ask");
    for dropped in [3, 4] {
        let mut last = 0;
        let refusal = pair.refusal(|number, token| {
            last = number;
            if number == dropped {
                edit_resp(token, |resp| resp.mech_list_mic = None);
            }
        });
        assert_eq!((refusal, last), (Refusal::MechListMicAbsent, dropped), "who misses it refuses, and not the other");
    }
}

/// NTLM's MIC of one end is none of the other.
#[test]
fn a_mic_that_comes_back() {
    for (pair, ours, theirs) in [(Pair::ntlm_server(), 5, 6), (Pair { ticket: false, ..Pair::both() }, 3, 4)] {
        let tokens = pair.tokens();
        let refusal = pair.refusal(|number, token| {
            if number == theirs {
                let (at, from) = (token.len() - 16, &tokens[ours - 1]);
                token[at..].copy_from_slice(&from[from.len() - 16..]);
            }
        });
        assert_eq!(refusal, Refusal::MechListMicMismatch);
    }
}

/// A proof of the list with the offer is one of the mechanism that is hoped for, and of no other.
#[test]
fn a_mic_beside_a_mechanism_that_is_not_chosen_is_not_looked_at() {
    let mut contexts = Pair::ntlm_server()
        .run(|number, token| {
            if number == 1 {
                edit_init(token, |init| init.mech_list_mic = Some(b"of Kerberos"));
            }
        })
        .unwrap();
    crate::pair::assert_they_talk(&mut contexts);
}

#[test]
fn mechanisms_added_or_exchanged() {
    // Kerberos is chosen as the first still, and its proof says nothing of the list; it is what both prefer.
    Pair::kerberos()
        .run(|number, token| {
            if number == 1 {
                edit_init(token, |init| init.mech_types.push(MechanismId::NTLM.into()));
            }
        })
        .unwrap();
    let result = Pair::ntlm_server().run(|number, token| {
        if number == 1 {
            edit_init(token, |init| init.mech_types.reverse());
        }
    });
    assert!(matches!(result.unwrap_err(), Error::Decode(_)), "Kerberos' token is none of NTLM's");
    let refusal = Pair::ntlm_server().refusal(|number, token| {
        if number == 1 {
            edit_init(token, |init| {
                init.mech_types.reverse();
                init.mech_token = None;
            });
        }
    });
    assert_eq!(refusal, Refusal::MechListMicMismatch);
}

/// Where NTLM protects no messages there is no proof of the list: peers send none, or zeros that nothing could check.
#[test]
fn ntlm_that_protects_nothing_proves_nothing() {
    let client = Policy::default().dangerous_ntlm_unproven_server().authentication_only();
    let pair = Pair { client, server: Policy::default().authentication_only(), ..Pair::ntlm_server() };
    let (initiator, acceptor, credential) = (pair.initiator(), pair.acceptor(), pair.credential());
    let name = "HTTP/www.example.com".parse().unwrap();
    for mech_list_mic in [None, Some(&[0; 16][..])] {
        // Our own Negotiate asks NTLM for protection always, so these are NTLM's own tokens in a wrapping of theirs.
        let (mut negotiate, mut challenge, mut authenticate, mut token) = <(Vec<u8>, _, _, Vec<u8>)>::default();
        let step = initiator.to(&name).credential(&credential).ntlm().begin(now(), &mut negotiate).unwrap();
        let Initiate::NeedsToken(client) = step else { panic!() };
        let mech_types = vec![MechanismId::NTLM.into()];
        let init = NegTokenInit { mech_types, mech_token: Some(&negotiate), ..NegTokenInit::default() };
        NegotiationToken::Init(init).encode(&mut token);
        let step = acceptor.session().begin().step(&token, now(), &mut challenge).unwrap();
        let Accept::NeedsToken(server) = step else { panic!() };
        let NegotiationToken::Resp(resp) = NegotiationToken::decode(&challenge).unwrap() else { panic!() };
        client.step(resp.response_token.unwrap(), now(), &mut authenticate).unwrap();
        let resp = NegTokenResp { response_token: Some(&authenticate), mech_list_mic, ..NegTokenResp::default() };
        token.clear();
        NegotiationToken::Resp(resp).encode(&mut token);
        let step = server.step(&token, now(), &mut Vec::new()).unwrap();
        let Accept::NeedsAccount(server) = step else { panic!() };
        let Accept::Complete(context) = server.answer(pair.account.clone(), now(), &mut Vec::new()).unwrap() else {
            panic!()
        };
        assert_eq!((context.mechanism(), context.flags()), (MechanismId::NTLM, Flags::NONE));
    }
}
