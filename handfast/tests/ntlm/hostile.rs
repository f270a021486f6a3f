//! Messages as no honest peer makes them.

use crate::pair::*;
use handfast::crypto::{Random, RandomError};
use handfast::krb5::Keytab;
use handfast::wire::{DecodeError, DecodeReason};
use handfast::*;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn stripped_flags_are_refused_by_each_end() {
    let run = |number: u8, bit: u32| {
        Pair::new().refusal(at(number, |message| set_flags(number, message, |flags| flags & !bit)))
    };
    let missing = |bit| Refusal::Ntlm(NtlmRefusal::FlagsMissing(bit));
    // Unicode, extended session security, 128-bit keys, key exchange.
    for bit in [1, 0x0008_0000, 0x2000_0000, 0x4000_0000] {
        for number in 1..=3 {
            assert_eq!(run(number, bit), missing(bit), "message {number}");
        }
    }
    let (sign, seal, target_info) = (0x10, 0x20, 0x0080_0000);
    for number in [1, 3] {
        assert_eq!(run(number, sign | seal), Refusal::FlagsMissing(Flags::INTEGRITY));
    }
    // The client notices by itself, and sends no answer.
    for bit in [seal, sign, target_info, 1, 0x0008_0000, 0x2000_0000, 0x4000_0000] {
        let refusal = Pair::new().refusal(|number, message| match number {
            2 => set_flags(2, message, |flags| flags & !bit),
            number => assert_eq!(number, 1, "an answer without {bit:#x}"),
        });
        assert_eq!(refusal, missing(bit));
    }
    assert_eq!(run(1, seal), missing(seal), "the client sees that its wish did not arrive");
    assert_eq!(run(3, seal), Refusal::Ntlm(NtlmRefusal::MicMismatch));
}

#[test]
fn peers_that_answer_in_code_pages_or_want_datagrams_are_refused() {
    let in_oem = |number| at(number, move |message| set_flags(number, message, |flags| flags & !1 | 2));
    for number in 2..=3 {
        assert_eq!(Pair::new().ntlm_refusal(in_oem(number)), NtlmRefusal::FlagsMissing(1), "message {number}");
    }
    // One that only offers them is answered in Unicode; that it was changed on its way is seen at the end.
    assert_eq!(Pair::new().ntlm_refusal(in_oem(1)), NtlmRefusal::MicMismatch);
    for number in 1..=3 {
        let refusal = Pair::new().ntlm_refusal(at(number, |message| set_flags(number, message, |flags| flags | 0x40)));
        assert_eq!(refusal, NtlmRefusal::Datagram, "message {number}");
    }
}

#[test]
fn drop_the_mic() {
    // The MIC is taken off, and AvFlags say so or not.
    let zeroed = Pair::new().ntlm_refusal(at(3, |message| message[72..88].fill(0)));
    assert_eq!(zeroed, NtlmRefusal::MicMismatch);
    let flag_off = Pair::new().ntlm_refusal(at(3, |message| {
        let at = pair_at(message, 6, 4);
        message[at] = 0;
        message[72..88].fill(0);
    }));
    assert_eq!(flag_off, NtlmRefusal::MicAbsent);
    let other_flags = Pair::new().ntlm_refusal(at(3, |message| {
        let at = pair_at(message, 6, 4);
        message[at] = 5;
    }));
    assert_eq!(other_flags, NtlmRefusal::MicAbsent);
    let removed = Pair::new().ntlm_refusal(at(3, |message| {
        message.drain(72..88);
        for field in (12..60).step_by(8) {
            message[field + 4] = message[field + 4].wrapping_sub(16);
            if message[field + 4] > 239 {
                message[field + 5] -= 1;
            }
        }
    }));
    assert_eq!(removed, NtlmRefusal::MicAbsent);
}

#[test]
fn a_challenge_without_a_timestamp_is_refused_by_the_client() {
    let refusal = Pair::new().ntlm_refusal(at(2, |message| {
        let at = pair_at(message, 7, 8) - 4;
        message[at] = 0x77;
    }));
    assert_eq!(refusal, NtlmRefusal::NoTimestamp);
}

#[test]
fn the_version_1_response_and_anonymous_clients_are_refused() {
    // Cut the response in place: what is behind it is no field's.
    let response_of = |len| Pair::new().ntlm_refusal(at(3, |message| message[20..22].copy_from_slice(&[len, 0])));
    for len in [1, 16, 24] {
        assert_eq!(response_of(len), NtlmRefusal::NotVersion2);
    }
    assert_eq!(response_of(0), NtlmRefusal::Anonymous);
    let nobody = Pair::new().ntlm_refusal(at(3, |message| message[36..38].copy_from_slice(&[0, 0])));
    assert_eq!(nobody, NtlmRefusal::Anonymous);
}

#[test]
fn a_session_key_of_another_length_is_none() {
    for len in [0, 8, 15] {
        let refusal = Pair::new().ntlm_refusal(at(3, |message| {
            let cut = message.len() + len - 16;
            message.truncate(cut);
            message[52] = u8::try_from(len).unwrap();
        }));
        assert_eq!(refusal, NtlmRefusal::FlagsMissing(0x4000_0000), "{len} octets");
    }
}

#[test]
fn an_answer_keeps_for_36_hours_and_no_longer() {
    let lifetime = Duration::from_secs(36 * 60 * 60);
    let second = Duration::from_secs(1);
    let at = |answered: Time| Pair { answered, ..Pair::new() };
    at(now().saturating_add(lifetime)).established();
    at(now().saturating_sub(lifetime)).established();
    let late = at(now().saturating_add(lifetime + second)).ntlm_refusal(|_, _| {});
    assert_eq!(late, NtlmRefusal::Stale { seconds: -129_601 });
    let early = at(now().saturating_sub(lifetime + second)).ntlm_refusal(|_, _| {});
    assert_eq!(early, NtlmRefusal::Stale { seconds: 129_601 });
}

#[test]
fn a_handshake_that_is_handed_on_is_refused_where_targets_or_channels_are_insisted_on() {
    // The client talks to somebody else, who hands its messages on: from another machine, or back to the client's own.
    let names = NtlmServer::new("WWW", "EXAMPLE").only_targets(["HTTP/www.example.com".parse().unwrap()]);
    let handed_on = Pair { target: "HTTP/evil.example.com", ..Pair::new() };
    let refusal = Pair { names, ..handed_on }.ntlm_refusal(|_, _| {});
    assert_eq!(refusal, NtlmRefusal::Target { target: "HTTP/evil.example.com".into() });
    let pair = Pair {
        client_bindings: Some(ChannelBindings::raw(*b"theirs")),
        server_bindings: Some(ChannelBindings::raw(*b"ours")),
        ..Pair::new()
    };
    assert_eq!(pair.refusal(|_, _| {}), Refusal::ChannelBindingsMismatch);
}

#[test]
fn a_target_that_the_client_does_not_trust_itself_is_none() {
    let untrusted = || {
        at(3, |message| {
            let at = pair_at(message, 6, 4);
            message[at] |= 4;
        })
    };
    let names = NtlmServer::new("WWW", "EXAMPLE").only_targets(["HTTP/www.example.com".parse().unwrap()]);
    let refusal = Pair { names, ..Pair::new() }.ntlm_refusal(untrusted());
    assert_eq!(refusal, NtlmRefusal::Target { target: String::new() });
    let refusal = Pair::new().ntlm_refusal(untrusted());
    assert!(
        matches!(refusal, NtlmRefusal::NotProven { .. }),
        "where nobody asks, the proof covers the flag: {refusal}"
    );
}

#[test]
fn messages_that_come_back_and_answers_to_other_challenges_are_refused() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let credential = Credential::ntlm_password("EXAMPLE", "alice", "Password");
    let mut negotiate = Vec::new();
    let step = initiator.to(&target).credential(&credential).begin(now(), &mut negotiate).unwrap();
    let Initiate::NeedsToken(client) = step else { panic!() };
    assert!(matches!(client.step(&negotiate, now(), &mut Vec::new()).unwrap_err(), Error::Decode(_)));
    // The acceptor's own challenge is no answer to it.
    let mut challenge = Vec::new();
    let error = Pair::new()
        .run(|number, message| match number {
            2 => challenge = message.clone(),
            3 => *message = challenge.clone(),
            _ => {}
        })
        .unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "{error:?}");
    // An answer to one challenge is no answer to another.
    let mut first = Vec::new();
    Pair::new()
        .run(|number, message| {
            if number == 3 {
                first = message.clone()
            }
        })
        .unwrap();
    let acceptor =
        Acceptor::new(&Keytab::new(), ReplayGuard::in_memory()).dangerous_with_ntlm(NtlmServer::new("W", ""));
    let step = acceptor.session().begin().step(&negotiate, now(), &mut Vec::new()).unwrap();
    let Accept::NeedsToken(server) = step else { panic!() };
    let Accept::NeedsAccount(server) = server.step(&first, now(), &mut Vec::new()).unwrap() else { panic!() };
    let error = server.answer(hash(), now(), &mut Vec::new()).unwrap_err();
    assert_eq!(error, NtlmRefusal::NotProven { account: "EXAMPLE\\alice".into() }.into());
}

/// Has nothing to draw from.
struct Broken;

impl Random for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

#[test]
fn every_challenge_is_drawn_anew() {
    let mut negotiate = Vec::new();
    Pair::new().run(at(1, |message| negotiate = message.clone())).unwrap();
    let acceptor = Acceptor::new(&Keytab::new(), ReplayGuard::in_memory());
    let acceptor = acceptor.dangerous_with_ntlm(NtlmServer::new("W", ""));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let mut challenge = Vec::new();
        acceptor.session().begin().step(&negotiate, now(), &mut challenge).unwrap();
        assert!(seen.insert(challenge[24..32].to_vec()), "drawn before");
    }
    let broken = Acceptor::with_random(&Keytab::new(), None, Arc::new(Broken));
    let broken = broken.dangerous_with_ntlm(NtlmServer::new("W", ""));
    let mut out = Vec::new();
    let error = broken.session().begin().step(&negotiate, now(), &mut out).unwrap_err();
    assert!(matches!(error, Error::Random(_)) && out.is_empty());
}

/// An octet string of a client's message that is to be no other's.
#[test]
fn every_answer_and_every_session_key_is_drawn_anew() {
    let initiator = Initiator::new(Policy::default().dangerous_ntlm_unproven_server());
    let target: ServiceName = "HTTP/www.example.com".parse().unwrap();
    let credential = Credential::ntlm_password("EXAMPLE", "alice", "Password");
    let mut challenge = Vec::new();
    Pair::new().run(at(2, |message| challenge = message.clone())).unwrap();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let (mut negotiate, mut answer) = (Vec::new(), Vec::new());
        let step = initiator.to(&target).credential(&credential).begin(now(), &mut negotiate).unwrap();
        let Initiate::NeedsToken(client) = step else { panic!() };
        let Initiate::Complete(context) = client.step(&challenge, now(), &mut answer).unwrap() else { panic!() };
        // ChallengeFromClient is 32 octets into the response (MS-NLMP 2.2.2.7, 2.2.2.8).
        let response = usize::from(u16::from_le_bytes([answer[24], answer[25]]));
        assert!(seen.insert(answer[response + 32..response + 40].to_vec()), "a challenge drawn before");
        assert!(seen.insert(context.session_key().expose().to_vec()), "a key drawn before");
    }
}

#[test]
fn tokens_over_the_limit_are_not_looked_at() {
    let too_large = Error::TokenTooLarge { size: 65_537, limit: 65_536 };
    for number in 1..=3 {
        assert_eq!(Pair::new().run(at(number, |message| message.resize(65_537, 0))).unwrap_err(), too_large);
        let error = Pair::new().run(at(number, |message| message.resize(65_536, 0))).unwrap_err();
        let Error::Decode(DecodeError { reason: DecodeReason::Trailing { count }, .. }) = error else {
            panic!("{error}")
        };
        assert!(count > 60_000);
    }
}

/// A field of message 3 (its place in the fixed part), with another length and offset.
fn point(message: &mut [u8], field: usize, len: u16, offset: u32) {
    message[field..field + 2].copy_from_slice(&len.to_le_bytes());
    message[field + 4..field + 8].copy_from_slice(&offset.to_le_bytes());
}

fn decode_error(number: u8, change: impl FnMut(&mut Vec<u8>)) -> DecodeReason {
    match Pair::new().run(at(number, change)).unwrap_err() {
        Error::Decode(error) => error.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fields_that_overlap_wrap_or_point_elsewhere_are_refused() {
    let (lm, nt, domain, user) = (12, 20, 28, 36);
    let point = |field, len, offset| decode_error(3, move |message| point(message, field, len, offset));
    let invalid = DecodeReason::Invalid;
    for field in [lm, nt, domain, user, 44, 52] {
        assert_eq!(point(field, 4, 0), invalid("a field points into the fixed part of the message"));
        assert_eq!(point(field, 4, u32::MAX), invalid("a field points outside of the message"));
        assert_eq!(point(field, u16::MAX, 88), invalid("a field points outside of the message"));
    }
    let twice = decode_error(3, |message| message.copy_within(36..44, 28));
    assert_eq!(twice, invalid("two fields overlap"));
    for (number, field) in [(1, 16), (1, 24), (2, 12), (2, 40)] {
        let reason = decode_error(number, |message| self::point(message, field, 2, u32::MAX - 1));
        assert_eq!(reason, invalid("a field points outside of the message"), "message {number}");
        let reason = decode_error(number, |message| self::point(message, field, 4, 0));
        assert_eq!(reason, invalid("a field points into the fixed part of the message"), "message {number}");
    }
    let overlap = decode_error(1, |message| {
        message.extend([b'A'; 6]);
        self::point(message, 16, 4, 40);
        self::point(message, 24, 4, 42);
    });
    assert_eq!(overlap, invalid("two fields overlap"), "message 1");
    let overlap = decode_error(2, |message| message.copy_within(40..48, 12));
    assert_eq!(overlap, invalid("two fields overlap"), "message 2");
}

#[test]
fn names_that_are_no_text_are_refused() {
    let user = |change: fn(&mut [u8])| {
        decode_error(3, move |message| {
            let at = message.windows(10).position(|bytes| bytes == b"a\0l\0i\0c\0e\0").unwrap();
            change(&mut message[at..at + 10]);
        })
    };
    assert_eq!(
        user(|name| name[0..2].copy_from_slice(&[0, 0xdc])),
        DecodeReason::Invalid("UTF-16 with half a surrogate pair")
    );
    assert_eq!(
        user(|name| name[8..].copy_from_slice(&[0, 0xd8])),
        DecodeReason::Invalid("UTF-16 with half a surrogate pair")
    );
    assert_eq!(user(|name| name[0] = 0), DecodeReason::Invalid("a control character in a name"));
    let odd = decode_error(3, |message| message[36] = 9);
    assert_eq!(odd, DecodeReason::Invalid("UTF-16 of an odd number of bytes"));
    let long = decode_error(3, |message| {
        let end = u32::try_from(message.len()).unwrap();
        message.resize(message.len() + 2050, b'a');
        self::point(message, 28, 2050, end);
    });
    assert_eq!(long, DecodeReason::TooLarge { limit: 2048 });
    for name in [b"a\0l\0i\0", b"E\0X\0A\0"] {
        let backslash = Pair::new().refusal(at(3, |message| {
            // Names come behind the response, which has the domain too.
            let at = message.windows(6).rposition(|bytes| bytes == name).unwrap();
            message[at] = b'\\';
        }));
        assert_eq!(backslash, Refusal::Unsupported("a backslash in the name of a user or a domain"));
    }
}

#[test]
fn an_empty_domain_is_one_and_an_empty_workstation_too() {
    let pair = Pair { credential: Credential::ntlm_password("", "alice@example.com", "Password"), ..Pair::new() };
    assert_eq!(pair.established().1.peer().to_string(), "alice@example.com");
}

#[test]
fn pairs_twice_without_end_or_of_another_length_are_refused_by_each_end() {
    for number in [2, 3] {
        let twice = decode_error(number, |message| {
            let at = pair_at(message, 2, 14) - 4;
            message[at] = 1;
        });
        assert_eq!(twice, DecodeReason::Invalid("an AV_PAIR that was there before"), "message {number}");
        let short = decode_error(number, |message| {
            let at = pair_at(message, 7, 8) - 2;
            message[at] = 7;
        });
        assert_eq!(short, DecodeReason::Invalid("an AV_PAIR of the wrong length"), "message {number}");
    }
    // The list's end is cut off: what was the end is no field's any more.
    let endless = decode_error(2, |message| {
        message[40] -= 4;
        let cut = message.len() - 4;
        message.truncate(cut);
    });
    assert!(matches!(endless, DecodeReason::Truncated { .. }), "{endless:?}");
    let endless = decode_error(3, |message| {
        let len = u16::from_le_bytes([message[20], message[21]]) - 8;
        message[20..22].copy_from_slice(&len.to_le_bytes());
    });
    assert!(matches!(endless, DecodeReason::Truncated { .. }), "{endless:?}");
}

/// Appends to a challenge's target info, which stands at its end.
fn append_pairs(message: &mut Vec<u8>, pairs: &[u8]) {
    let end = message.len() - 4;
    message.splice(end..end, pairs.iter().copied());
    let len = u16::from_le_bytes([message[40], message[41]]) + u16::try_from(pairs.len()).unwrap();
    message[40..42].copy_from_slice(&len.to_le_bytes());
}

#[test]
fn pairs_that_nobody_knows_are_passed_over_and_large_lists_refused() {
    // The client takes the challenge and repeats the pair; then the server sees that it was not its own.
    let unknown = |count: u16| -> Vec<u8> {
        (0..count).flat_map(|index| [&(0x100 + index).to_le_bytes()[..], &[2, 0, 7, 7]].concat()).collect()
    };
    let run = |pairs: Vec<u8>| Pair::new().run(at(2, move |message| append_pairs(message, &pairs))).unwrap_err();
    assert_eq!(run(unknown(20)), NtlmRefusal::MicMismatch.into());
    let Error::Decode(many) = run(unknown(28)) else { panic!() };
    assert_eq!(many.reason, DecodeReason::TooLarge { limit: 32 });
    let large = [&[0x00, 0x01, 0x00, 0x40][..], &[7; 0x4000]].concat();
    let Error::Decode(large) = run(large) else { panic!() };
    assert_eq!(large.reason, DecodeReason::TooLarge { limit: 16 * 1024 });
    // The acceptor looks at no pair that it does not know either: the proof covers it.
    let refusal = Pair::new().ntlm_refusal(at(3, |message| {
        let at = pair_at(message, 4, 22) - 4;
        message[at] = 0x77;
    }));
    assert!(matches!(refusal, NtlmRefusal::NotProven { .. }), "{refusal}");
}
