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

use handfast::krb5::Keytab;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::TicketOptions;
use handfast::mech::MechanismId;
use handfast::{Acceptor, ChannelBindings, Credential};
use handfast_testkit::{End, Ends, Fault, Handshake, Kind, Leg, Message, Testkit, handfast};
use harmless::Bits;
use pair::{Pair, facts};
use place::{Part, Place, places};

const HTTP: &str = "HTTP/www.example.com";

/// A handshake that can be run again and again, with the same bytes up to the first fault.
struct Rehearsal {
    kit: Testkit,
    credential: Credential,
    by: By,
}

/// How the handshake goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// By NTLM alone.
    Ntlm,
    /// By Negotiate, which chooses Kerberos; the ticket is there.
    Kerberos,
    /// By Negotiate, which has nothing but NTLM, since there is no ticket and no KDC.
    Fallback,
    /// By Negotiate, whose acceptor has no key and chooses NTLM.
    Choice,
    /// By Negotiate, whose acceptor speaks first.
    Hinted,
}

impl Rehearsal {
    fn new(by: By) -> Self {
        let kit = Testkit::new("EXAMPLE.COM");
        kit.user_of("alice", "correct horse", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
        kit.service(HTTP);
        let tgt = kit.login("alice", TicketOptions::default()).unwrap();
        let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
        let tickets = match by {
            By::Kerberos | By::Choice | By::Hinted => vec![ticket],
            By::Ntlm | By::Fallback => Vec::new(),
        };
        let credential = Credential::tickets(&kit.ccache("alice", tickets));
        let credential = credential.and_ntlm_password("EXAMPLE.COM", "alice", "correct horse");
        Rehearsal { kit, credential, by }
    }

    fn handshake(&self) -> Handshake {
        let handshake = self.kit.handshake("alice", HTTP).credential(&self.credential);
        match self.by {
            By::Ntlm => handshake.ntlm(),
            By::Kerberos | By::Fallback => handshake.negotiate_with_ntlm(),
            By::Hinted => handshake.negotiate_with_ntlm().acceptor_first(),
            By::Choice => {
                let keyless = Acceptor::with_random(&Keytab::new(), None, self.kit.random());
                let keyless = keyless.dangerous_with_ntlm(self.kit.ntlm_server(HTTP));
                handshake.negotiate_with_ntlm().acceptor(&keyless)
            }
        }
    }

    fn run(&self, fault: Option<(usize, Fault)>) -> Ends {
        self.kit.reseed(1);
        self.kit.wire().repair();
        if let Some((number, fault)) = fault {
            self.kit.wire().fault(number, fault);
        }
        let bindings = || ChannelBindings::raw(b"this channel");
        self.handshake().initiator_bindings(bindings()).acceptor_bindings(bindings()).run()
    }
}

/// Whether the handshake came to the contexts of the untouched one. If it did not, no end that can tell was misled.
fn unharmed(by: By, ends: Ends, untouched: &Pair, message: &Message) -> bool {
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
        // It has sent its last token, or has proven the acceptor; nobody would tell it more.
        (End::Established(context), _) => {
            assert!(
                context.mechanism() == MechanismId::NTLM && message.leg == Leg::ToAcceptor || by == By::Ntlm,
                "{by:?}"
            );
            assert_eq!(facts(context), untouched.initiator);
            false
        }
        _ => false,
    }
}

/// The places in a message. The token of a first choice that is not taken is not looked at: its octets,
/// which are the offer's last, have no places in it.
fn fields(message: &[u8], by: By) -> Vec<Place> {
    let mut places = places(message);
    let inside = places.iter().position(|place| by == By::Choice && place.path.starts_with("2/"));
    for place in places.iter_mut().skip(inside.unwrap_or(usize::MAX)) {
        *place = Place { path: "2/".into(), part: Part::Value(0) };
    }
    places
}

/// Changes one message in all ways.
fn mutate(name: &str, by: By, number: usize, kind: Kind) {
    let rehearsal = Rehearsal::new(by);
    let untouched = Pair::of(rehearsal.run(None)).unwrap();
    let message = rehearsal.kit.wire().messages()[number].clone();
    assert_eq!(message.kind, kind);
    let passes = |fault| unharmed(by, rehearsal.run(Some((number, fault))), &untouched, &message);
    for length in 0..message.sent.len() {
        assert!(!passes(Fault::Cut(length)), "{name} cut at {length}");
    }
    assert!(!passes(Fault::Append(vec![0])), "{name} with an octet behind it");
    let mut harmless = Bits::default();
    for (offset, place) in fields(&message.sent, by).iter().enumerate() {
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
    mutate("NTLM NEGOTIATE", By::Ntlm, 0, Kind::NtlmNegotiate);
}

#[test]
fn ntlm_challenge() {
    mutate("NTLM CHALLENGE", By::Ntlm, 1, Kind::NtlmChallenge);
}

#[test]
fn ntlm_authenticate() {
    mutate("NTLM AUTHENTICATE", By::Ntlm, 2, Kind::NtlmAuthenticate);
}

#[test]
fn an_offer_with_kerberos() {
    mutate("NegTokenInit, Kerberos", By::Kerberos, 0, Kind::NegTokenInit);
}

#[test]
fn the_answer_with_kerberos() {
    mutate("NegTokenResp, Kerberos", By::Kerberos, 1, Kind::NegTokenResp);
}

#[test]
fn an_offer_with_ntlm() {
    mutate("NegTokenInit, NTLM", By::Fallback, 0, Kind::NegTokenInit);
}

#[test]
fn the_challenge_of_ntlm() {
    mutate("NegTokenResp, CHALLENGE", By::Fallback, 1, Kind::NegTokenResp);
}

#[test]
fn the_proof_of_ntlm() {
    mutate("NegTokenResp, AUTHENTICATE", By::Fallback, 2, Kind::NegTokenResp);
}

#[test]
fn the_last_token_of_ntlm() {
    mutate("NegTokenResp, last", By::Fallback, 3, Kind::NegTokenResp);
}

#[test]
fn an_offer_whose_first_choice_is_not_taken() {
    mutate("NegTokenInit, another choice", By::Choice, 0, Kind::NegTokenInit);
}

#[test]
fn a_choice_of_ntlm() {
    mutate("NegTokenResp, another choice", By::Choice, 1, Kind::NegTokenResp);
}

#[test]
fn a_beginning_of_ntlm_after_the_choice() {
    mutate("NegTokenResp, NEGOTIATE", By::Choice, 2, Kind::NegTokenResp);
}

#[test]
fn what_an_acceptor_says_first() {
    mutate("NegTokenInit2", By::Hinted, 0, Kind::NegTokenInit);
}
