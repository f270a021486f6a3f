//! Every message of a whole exchange, cut at every byte and with every bit flipped.
//!
//! It ends in typed errors, or in contexts equal to those of the exchange that nobody touched: peer, mechanism, flags,
//! length and enctype of the key, lifetime, and messages that pass. Which bits are of the second kind is in
//! `mutation/harmless.txt`, with the section that makes them so: the list and what happens must be the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "mutation/harmless.rs"]
mod harmless;
#[path = "mutation/pair.rs"]
mod pair;
#[path = "mutation/place.rs"]
mod place;

use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::TicketOptions;
use handfast::{ChannelBindings, Credential};
use handfast_testkit::{End, Ends, Fault, Kind, Message, Testkit, handfast};
use harmless::Bits;
use pair::{Pair, facts};
use place::places;

const HTTP: &str = "HTTP/www.example.com";

/// What the client has when it begins: the less, the more messages.
#[derive(Clone, Copy, Debug)]
enum Begin {
    /// A password, and a key of one enctype that the KDC makes of it.
    Password,
    /// Keys of all enctypes.
    Keys,
    /// A ticket-granting ticket.
    Tgt,
    /// A ticket for the service.
    Ticket,
}

/// An exchange that can be run again and again, with the same bytes up to the first fault.
struct Rehearsal {
    kit: Testkit,
    begin: Begin,
    tgt: HeldTicket,
    ticket: HeldTicket,
}

impl Rehearsal {
    fn new(begin: Begin) -> Self {
        let kit = Testkit::new("EXAMPLE.COM");
        kit.user("alice", "correct horse");
        if matches!(begin, Begin::Password) {
            let (enctype, now) = (Enctype::AES128_CTS_HMAC_SHA1_96, kit.clock().right());
            kit.change("alice", |alice| alice.set_password(b"correct horse", &[enctype], None, now).unwrap());
        }
        kit.service(HTTP);
        let tgt = kit.login("alice", TicketOptions::default()).unwrap();
        let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
        Rehearsal { kit, begin, tgt, ticket }
    }

    fn credential(&self) -> Credential {
        let held = |ticket: &HeldTicket| Credential::tickets(&self.kit.ccache("alice", [ticket.clone()]));
        match self.begin {
            Begin::Password => self.kit.credential("alice"),
            Begin::Keys => Credential::keytab(self.tgt.client.clone(), &self.kit.keytab("alice")).unwrap(),
            Begin::Tgt => held(&self.tgt),
            Begin::Ticket => held(&self.ticket),
        }
    }

    fn run(&self, fault: Option<(usize, Fault)>) -> Ends {
        self.kit.reseed(1);
        self.kit.wire().repair();
        if let Some((number, fault)) = fault {
            self.kit.wire().fault(number, fault);
        }
        let bindings = || ChannelBindings::raw(b"this channel");
        self.kit
            .handshake("alice", HTTP)
            .credential(&self.credential())
            .initiator_bindings(bindings())
            .acceptor_bindings(bindings())
            .run()
    }

    /// The exchange as nobody touched it, and its message of that number.
    fn untouched(&self, number: usize) -> (Pair, Message) {
        let pair = Pair::of(self.run(None)).unwrap();
        (pair, self.kit.wire().messages()[number].clone())
    }
}

/// Whether the exchange came to the contexts of the untouched one. If it did not, no end was misled, and none waits
/// for what can't come.
fn unharmed(ends: Ends, untouched: &Pair, message: &Message) -> bool {
    if ends.initiator.is_established() {
        assert_eq!(Pair::of(ends).as_ref(), Some(untouched));
        return true;
    }
    assert!(matches!(ends.initiator, End::Failed(_)), "{ends:?}");
    match ends.acceptor {
        // It has proven the client before its own proof was changed.
        End::Established(context) => {
            assert_eq!(message.kind, Kind::ApRep);
            assert_eq!(facts(&context), untouched.acceptor);
        }
        // No token has come to it.
        End::Waiting => assert!(!matches!(message.kind, Kind::ApReq | Kind::ApRep)),
        // The ticket in a TGS-REP is opaque to the client.
        End::Failed(_) => assert!(matches!(message.kind, Kind::TgsRep | Kind::ApReq)),
    }
    false
}

/// Changes one message in all ways.
fn mutate(name: &str, begin: Begin, number: usize, kind: Kind) {
    let rehearsal = Rehearsal::new(begin);
    let (untouched, message) = rehearsal.untouched(number);
    assert_eq!(message.kind, kind);
    let passes = |fault| unharmed(rehearsal.run(Some((number, fault))), &untouched, &message);
    for length in 0..message.sent.len() {
        assert!(!passes(Fault::Cut(length)), "{name} cut at {length}");
    }
    assert!(!passes(Fault::Append(vec![0])), "{name} with an octet behind it");
    flip(name, &rehearsal, number, "");
}

/// Flips every bit of the fields whose paths begin with `below`, and compares what does no harm with the list.
fn flip(name: &str, rehearsal: &Rehearsal, number: usize, below: &str) {
    let (untouched, message) = rehearsal.untouched(number);
    let passes = |fault| unharmed(rehearsal.run(Some((number, fault))), &untouched, &message);
    let mut harmless = Bits::default();
    let all = places(&message.sent);
    let below: Vec<_> = all.iter().enumerate().filter(|(_, place)| place.path.starts_with(below)).collect();
    assert!(!below.is_empty());
    for (offset, place) in below {
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
fn first_as_req() {
    mutate("first AS-REQ", Begin::Keys, 0, Kind::AsReq);
}

#[test]
fn preauth_required() {
    mutate("KRB-ERROR", Begin::Keys, 1, Kind::KrbError);
}

#[test]
fn preauth_required_for_a_password() {
    // What else is in the messages is not of another kind than with keys. This takes a string-to-key each time.
    flip("KRB-ERROR, password", &Rehearsal::new(Begin::Password), 1, "12");
}

#[test]
fn as_req() {
    mutate("AS-REQ", Begin::Keys, 2, Kind::AsReq);
}

#[test]
fn as_rep() {
    mutate("AS-REP", Begin::Keys, 3, Kind::AsRep);
}

#[test]
fn as_rep_to_a_password() {
    flip("AS-REP, password", &Rehearsal::new(Begin::Password), 3, "2");
}

#[test]
fn tgs_req() {
    mutate("TGS-REQ", Begin::Tgt, 0, Kind::TgsReq);
}

#[test]
fn tgs_rep() {
    mutate("TGS-REP", Begin::Tgt, 1, Kind::TgsRep);
}

#[test]
fn ap_req() {
    mutate("AP-REQ", Begin::Ticket, 0, Kind::ApReq);
}

#[test]
fn ap_rep() {
    mutate("AP-REP", Begin::Ticket, 1, Kind::ApRep);
}
