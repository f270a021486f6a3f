//! Every message cut at every byte and with every bit flipped: who refuses it, and for what.
//!
//! The MIC covers all three messages and is made with the session key (MS-NLMP 3.1.5.1.2), so the list of bits that do no
//! harm is empty, whatever is negotiated and whoever has checked the proof. What was changed in the first two messages, and
//! is noticed by nothing else, the acceptor's check of the MIC refuses (3.2.5.1.2).

use crate::pair::*;
use handfast::*;
use std::ops::Range;

fn messages(pair: &Pair) -> [Vec<u8>; 3] {
    let mut messages = [const { Vec::new() }; 3];
    pair.run(|number, message| messages[usize::from(number) - 1] = message.clone()).unwrap();
    messages
}

/// Which message was refused, and how: 1 and 3 by the acceptor, 2 by the initiator.
fn refused(pair: &Pair, number: u8, change: &dyn Fn(&mut Vec<u8>)) -> (u8, Error) {
    let mut last = 0;
    let result = pair.run(|passing, message| {
        last = passing;
        if passing == number {
            change(message)
        }
    });
    (last, result.err().unwrap_or_else(|| panic!("message {number}: nobody noticed")))
}

fn field(authenticate: &[u8], at: usize) -> Range<usize> {
    let number = |at: usize| usize::from(u16::from_le_bytes([authenticate[at], authenticate[at + 1]]));
    number(at + 4)..number(at + 4) + number(at)
}

/// Whether nothing but the MIC is over this octet of the last message (MS-NLMP 2.2.1.3): it is in the MIC itself, in the
/// LmChallengeResponse, the session key, the version, or the maximum length of a field, which a receiver ignores.
fn only_the_mic_covers(authenticate: &[u8], octet: usize) -> bool {
    let maximum_length = (12..60).contains(&octet) && matches!((octet - 12) % 8, 2 | 3);
    let ranges = [64..88, field(authenticate, 12), field(authenticate, 52)];
    maximum_length || ranges.iter().any(|range| range.contains(&octet))
}

/// Whether this octet is part of NTProofStr (MS-NLMP 2.2.2.8).
fn is_proof(authenticate: &[u8], octet: usize) -> bool {
    let start = field(authenticate, 20).start;
    (start..start + 16).contains(&octet)
}

/// A message that can't be read, or whose flags are not enough.
fn is_seen_at_once(error: &Error) -> bool {
    let refused = |refusal: &Refusal| {
        let ours = [NtlmRefusal::Datagram, NtlmRefusal::NoTimestamp].map(Refusal::Ntlm);
        ours.contains(refusal)
            || matches!(refusal, Refusal::FlagsMissing(_) | Refusal::Ntlm(NtlmRefusal::FlagsMissing(_)))
    };
    matches!(error, Error::Decode(_)) || matches!(error, Error::Refused(refusal) if refused(refusal))
}

fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if matches!(**refusal, Refusal::Ntlm(NtlmRefusal::Stale { .. })))
}

/// Where a flipped bit of a message ends.
fn check_flip(pair: &Pair, number: u8, octet: usize, (last, error): (u8, Error), authenticate: &[u8]) {
    let by_mic = error == NtlmRefusal::MicMismatch.into();
    let not_proven = NtlmRefusal::NotProven { account: "EXAMPLE\\alice".into() };
    // Who believes any proof leaves it to the MIC, which is made with the key that comes of the proof.
    let by_proof = if pair.checker.is_some() { by_mic } else { error == not_proven.into() };
    let right = match (number, last) {
        // What does not begin as a message of NTLM is met by Kerberos, which takes no unknown token.
        (1, 1) if octet < 8 => error == Error::UnknownMechanism || matches!(error, Error::Decode(_)),
        (1, 1 | 2) | (2, 2) => is_seen_at_once(&error),
        // ServerChallenge (MS-NLMP 2.2.1.2), which the proof is over (3.3.2).
        (2, 3) if (24..32).contains(&octet) => by_proof || by_mic,
        // The client repeats the timestamp of the challenge.
        (2, 3) => by_mic || is_stale(&error),
        (1, 3) => by_mic,
        (3, 3) if only_the_mic_covers(authenticate, octet) => by_mic,
        (3, 3) if is_proof(authenticate, octet) => by_proof,
        (3, 3) => true,
        _ => false,
    };
    assert!(right, "message {number}, octet {octet}: message {last} refused, {error:?}");
}

fn nothing_passes(pair: &Pair) {
    let sent = messages(pair);
    for (number, message) in (1..).zip(&sent) {
        for cut in 0..message.len() {
            let (last, error) = refused(pair, number, &|message| message.truncate(cut));
            // The version may be left out of message 1 (MS-NLMP 2.2.1.1).
            let by_mic = number == 1 && cut >= 32;
            assert_eq!(last, if by_mic { 3 } else { number }, "message {number} cut at {cut}: {error:?}");
            assert!(!by_mic || error == NtlmRefusal::MicMismatch.into(), "message 1 cut at {cut}: {error:?}");
        }
        let (last, error) = refused(pair, number, &|message| message.push(0));
        assert!(last == number && matches!(error, Error::Decode(_)), "a byte more: {last} {error:?}");
        for bit in 0..message.len() * 8 {
            let refused = refused(pair, number, &|message| message[bit / 8] ^= 1 << (bit % 8));
            check_flip(pair, number, bit / 8, refused, &sent[2]);
        }
    }
}

#[test]
fn no_cut_and_no_bit_passes_whatever_is_negotiated() {
    for client in policies() {
        nothing_passes(&Pair { client, server: Policy::default().authentication_only(), ..Pair::new() });
    }
}

#[test]
fn no_cut_and_no_bit_passes_who_believes_any_proof() {
    for client in [policies().remove(0), policies().remove(2)] {
        let server = Policy::default().authentication_only();
        nothing_passes(&Pair { client, server, checker: Some(believes_any_proof), ..Pair::new() });
    }
}

#[test]
fn no_cut_and_no_bit_passes_where_channel_and_target_are_insisted_on() {
    let bindings = || Some(ChannelBindings::raw(*b"channel"));
    nothing_passes(&Pair {
        client_bindings: bindings(),
        server_bindings: bindings(),
        names: NtlmServer::new("WWW", "EXAMPLE").only_targets(["HTTP/www.example.com".parse().unwrap()]),
        ..Pair::new()
    });
}
