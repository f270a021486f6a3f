//! Who sits between the two can end a handshake, and can't make it weaker.

use crate::pair::{Pair, edit_init, edit_resp};
use handfast::mech::MechanismId;
use handfast::mech::negotiate::message::{NegState, NegTokenInit};
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
        let refusal = pair.refusal(|number, token| {
            if number == dropped {
                edit_resp(token, |resp| resp.mech_list_mic = None);
            }
        });
        assert_eq!(refusal, Refusal::MechListMicAbsent, "token {dropped}");
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
