//! Every token of a handshake by NTLM or Negotiate, cut at every byte and with every bit flipped.
//!
//! The acceptor refuses it, or both ends come to the contexts of the handshake that nobody touched. Which bits are of the
//! second kind is in `mutation/harmless.txt`, with the section that makes them so.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "mutation/harmless.rs"]
mod harmless;
#[path = "mutation/pair.rs"]
mod pair;
#[path = "mutation/place.rs"]
mod place;

use handfast::ChannelBindings;
use handfast_testkit::{End, Ends, Fault, Handshake, Kind, Leg, Message, Testkit, handfast};
use harmless::Bits;
use pair::{Pair, facts};
use place::places;

const HTTP: &str = "HTTP/www.example.com";

/// A handshake that can be run again and again, with the same bytes up to the first fault.
struct Rehearsal {
    kit: Testkit,
    by: fn(Handshake) -> Handshake,
}

impl Rehearsal {
    fn new(by: fn(Handshake) -> Handshake) -> Self {
        let kit = Testkit::new("EXAMPLE.COM");
        kit.user_of("alice", "correct horse", &[]);
        kit.service(HTTP);
        Rehearsal { kit, by }
    }

    fn run(&self, fault: Option<(usize, Fault)>) -> Ends {
        self.kit.reseed(1);
        self.kit.wire().repair();
        if let Some((number, fault)) = fault {
            self.kit.wire().fault(number, fault);
        }
        let bindings = || ChannelBindings::raw(b"this channel");
        (self.by)(self.kit.handshake("alice", HTTP)).initiator_bindings(bindings()).acceptor_bindings(bindings()).run()
    }
}

/// Whether the handshake came to the contexts of the untouched one. If it did not, no end that can tell was misled.
fn unharmed(ends: Ends, untouched: &Pair, message: &Message) -> bool {
    match (&ends.initiator, &ends.acceptor) {
        (End::Established(_), End::Established(_)) => {
            assert_eq!(Pair::of(ends).as_ref(), Some(untouched));
            true
        }
        // It had proven the client before the last token was changed.
        (_, End::Established(context)) => {
            assert_eq!(message.leg, Leg::ToInitiator);
            assert_eq!(facts(context), untouched.acceptor);
            false
        }
        // It has sent its last message, and no message of NTLM would tell it more.
        (End::Established(context), _) => {
            assert_eq!(facts(context), untouched.initiator);
            false
        }
        _ => false,
    }
}

/// Changes one message in all ways.
fn mutate(name: &str, by: fn(Handshake) -> Handshake, number: usize, kind: Kind) {
    let rehearsal = Rehearsal::new(by);
    let untouched = Pair::of(rehearsal.run(None)).unwrap();
    let message = rehearsal.kit.wire().messages()[number].clone();
    assert_eq!(message.kind, kind);
    let passes = |fault| unharmed(rehearsal.run(Some((number, fault))), &untouched, &message);
    for length in 0..message.sent.len() {
        assert!(!passes(Fault::Cut(length)), "{name} cut at {length}");
    }
    assert!(!passes(Fault::Append(vec![0])), "{name} with an octet behind it");
    let mut harmless = Bits::default();
    for (offset, place) in places(&message.sent).iter().enumerate() {
        for bit in 0..8 {
            if passes(Fault::Flip { offset, mask: 1 << bit }) {
                harmless.add(place, bit);
            }
        }
    }
    let listed = Bits::listed(name);
    assert!(harmless == listed, "{name}: harmless are{harmless}\nand harmless.txt says{listed}");
}

#[test]
fn ntlm_negotiate() {
    mutate("NTLM NEGOTIATE", Handshake::ntlm, 0, Kind::NtlmNegotiate);
}

#[test]
fn ntlm_challenge() {
    mutate("NTLM CHALLENGE", Handshake::ntlm, 1, Kind::NtlmChallenge);
}

#[test]
fn ntlm_authenticate() {
    mutate("NTLM AUTHENTICATE", Handshake::ntlm, 2, Kind::NtlmAuthenticate);
}
