//! Every token of a negotiation cut at every byte, and with every bit flipped: an error, or contexts that are the same.

use crate::pair::{Contexts, Pair};
use handfast::Policy;
use std::collections::BTreeSet;

fn tell(contexts: &Contexts) -> String {
    let one = |context: &handfast::Context| {
        let key: &[u8] = context.session_key().expose();
        format!("{context:?} {key:?} {:?}", context.why())
    };
    format!("{} {}", one(&contexts.0), one(&contexts.1))
}

/// Runs `pair` with every mutation. Returned are the octets (token, place) in which a flipped bit changes nothing.
fn harmless(pair: &Pair) -> BTreeSet<(usize, usize)> {
    let expected = tell(&pair.established());
    let mut harmless = BTreeSet::new();
    for (index, token) in pair.tokens().iter().enumerate() {
        let number = index + 1;
        let run = |change: &dyn Fn(&mut Vec<u8>)| {
            pair.run(|at, token| {
                if at == number {
                    change(token);
                }
            })
        };
        for cut in 0..token.len() {
            assert!(run(&|token| token.truncate(cut)).is_err(), "token {number} cut at {cut}");
        }
        assert!(run(&|token| token.push(0)).is_err(), "token {number} with a byte more");
        for bit in 0..token.len() * 8 {
            if let Ok(contexts) = run(&|token| token[bit / 8] ^= 1 << (bit % 8)) {
                assert_eq!(tell(&contexts), expected, "token {number}, bit {bit}");
                harmless.insert((number, bit / 8));
            }
        }
    }
    harmless
}

/// Each place with the section that makes it so.
fn assert_only(found: BTreeSet<(usize, usize)>, listed: &[(usize, std::ops::Range<usize>, &str)]) {
    let stray: Vec<_> = found
        .iter()
        .filter(|(token, at)| !listed.iter().any(|(number, places, _)| number == token && places.contains(at)))
        .collect();
    assert!(stray.is_empty(), "flips that nobody noticed, and no section allows: {stray:?}");
    for (number, places, section) in listed {
        let there = places.clone().any(|at| found.contains(&(*number, at)));
        assert!(there, "token {number}, {places:?}: nothing is harmless there any more ({section})");
    }
}

#[test]
fn kerberos() {
    assert_only(
        harmless(&Pair::kerberos()),
        &[
            (1, 29..30, "RFC 4178 C: the other name of Kerberos"),
            (1, 82..87, "RFC 4120 5.2.8, 5.5.1: AP options, of which the acceptor heeds one"),
            (1, 125..126, "RFC 4120 6.2: the type of the service's name is a hint"),
            (2, 18..19, "RFC 4178 C: the other name of Kerberos"),
        ],
    );
}

#[test]
fn kerberos_in_dce_style() {
    assert_only(
        harmless(&Pair { client: Policy::default().dce_style(), ..Pair::kerberos() }),
        &[
            (1, 29..30, "RFC 4178 C: the other name of Kerberos"),
            (1, 65..70, "RFC 4120 5.2.8, 5.5.1: AP options, of which the acceptor heeds one"),
            (1, 108..109, "RFC 4120 6.2: the type of the service's name is a hint"),
            (2, 10..11, "RFC 4178 5: who is asked to prove the list does so, and gets the proof of the other"),
            (2, 18..19, "RFC 4178 C: the other name of Kerberos"),
            (3, 8..9, "RFC 4178 4.2.2: how far an initiator is, its mechanism tells"),
            (4, 4..5, "RFC 4178 6: a field that nobody knows is ignored"),
        ],
    );
}

#[test]
fn ntlm_chosen_by_the_acceptor() {
    let end = Pair::ntlm_server().tokens()[0].len();
    assert_only(
        harmless(&Pair::ntlm_server()),
        &[
            (1, 47..48, "RFC 4178 6: a field that nobody knows is ignored"),
            (1, 55..end, "RFC 4178 3.2 c: the token of a mechanism that is not chosen is not looked at"),
            (2, 8..9, "RFC 4178 5: the list is proven where another mechanism is chosen, whoever asks for it"),
            (3, 8..9, "RFC 4178 4.2.2: how far an initiator is, its mechanism tells"),
            (5, 12..13, "RFC 4178 4.2.2"),
        ],
    );
}

#[test]
fn ntlm_as_a_fallback() {
    assert_only(
        harmless(&Pair { ticket: false, ..Pair::both() }),
        &[
            (2, 10..11, "MS-SPNG: NTLM proves the list, whoever asks for it"),
            (3, 12..13, "RFC 4178 4.2.2: how far an initiator is, its mechanism tells"),
        ],
    );
}
