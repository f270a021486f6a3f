//! Whoever sits in between, and clients that want too much.

use super::*;
use handfast_testkit::{Fault, Say, ScriptedPeer};

const DIALECTS: [IakerbDialect; 2] = [IakerbDialect::Draft, IakerbDialect::Mit121];

/// The numbers of the tokens that were exchanged.
fn tokens(kit: &Testkit) -> Vec<usize> {
    let tokens = kit.wire().messages().into_iter();
    let of_ends = |leg| matches!(leg, Leg::ToAcceptor | Leg::ToInitiator);
    tokens.filter(|message| of_ends(message.leg)).map(|message| message.number).collect()
}

/// A client whose key takes no time to make.
const DESK: &str = "host/desk.example.com";

/// What `fault` makes of message `number`, of the same handshake each time.
fn with_fault(kit: &Testkit, dialect: IakerbDialect, number: usize, fault: Fault) -> Ends {
    kit.reseed(7);
    kit.wire().fault(number, fault);
    let ends = run_as(kit, DESK, dialect);
    kit.wire().repair();
    ends
}

/// The tokens of the same handshake without a fault, with their numbers, and how many messages there are.
fn unharmed(kit: &Testkit, dialect: IakerbDialect) -> (Vec<(usize, Vec<u8>)>, usize) {
    kit.service(DESK);
    kit.reseed(7);
    run_as(kit, DESK, dialect).contexts().unwrap();
    let messages = kit.wire().messages();
    (tokens(kit).into_iter().map(|number| (number, messages[number].sent.clone())).collect(), messages.len())
}

#[test]
fn every_token_cut_at_every_octet_makes_no_two_contexts() {
    for dialect in DIALECTS {
        let kit = kit();
        for (number, token) in unharmed(&kit, dialect).0 {
            for cut in 0..token.len() {
                let ends = with_fault(&kit, dialect, number, Fault::Cut(cut));
                assert!(ends.contexts().is_err(), "{dialect:?}: message {number} cut at {cut}");
            }
        }
    }
}

/// Whatever bit of a carried message is changed on its way: either the exchange fails, or the client's proof does.
#[test]
fn every_octet_of_the_conversation_is_proven() {
    for dialect in DIALECTS {
        let kit = kit();
        let (tokens, messages) = unharmed(&kit, dialect);
        for (number, token) in tokens {
            // In the old dialect, all bits of the headers, which differ, and one of each octet behind.
            let bits =
                |offset| if dialect == IakerbDialect::Draft || offset < 40 { 0..8 } else { offset % 8..offset % 8 + 1 };
            for (offset, bit) in (0..token.len()).flat_map(|offset| bits(offset).map(move |bit| (offset, bit))) {
                let ends = with_fault(&kit, dialect, number, Fault::Flip { offset, mask: 1 << bit });
                let Ok((client, server)) = ends.contexts() else { continue };
                // AP-REQ and AP-REP are Kerberos' own: which of their bits may change is in harmless.txt.
                assert!(number + 2 >= messages, "{dialect:?}: message {number}, octet {offset}, bit {bit}");
                assert_eq!(client.session_key(), server.session_key());
                assert_eq!(
                    (server.peer().to_string().as_str(), client.peer()),
                    ("host/desk.example.com@EXAMPLE.COM", server.local())
                );
                assert_eq!((client.flags(), server.flags()), (Policy::default().flags(), Policy::default().flags()));
            }
        }
    }
}

/// Replies that pass the client's own checks, as an error with other words does, are caught by the proof alone.
#[test]
fn a_reply_that_was_changed_without_harm_fails_the_proof() {
    for dialect in DIALECTS {
        let kit = kit();
        kit.wire().script(move |message| {
            let mut token = message.sent.clone();
            // The KRB-ERROR that asks for a proof: a microsecond of its time.
            let asks = message.leg == Leg::ToInitiator && carried_error(&token);
            if asks {
                let at = token.windows(4).position(|octets| octets == [0xa5, 0x05, 0x02, 0x03]).map(|at| at + 6);
                let at =
                    at.or_else(|| token.windows(3).position(|octets| octets == [0xa5, 0x03, 0x02]).map(|at| at + 4));
                token[at.unwrap()] ^= 1;
            }
            Some(token)
        });
        let ends = run(&kit, dialect);
        assert_eq!(refusal(&ends.acceptor), IakerbRefusal::FinishedMismatch, "{dialect:?}");
        assert!(matches!(ends.initiator.error(), Some(Error::RefusedByPeer(_))), "{}", ends.initiator);
    }
}

fn carried_error(token: &[u8]) -> bool {
    let inner = match token {
        [5, 1, rest @ ..] => rest,
        _ => match framing::read(token) {
            Ok((_, mut inner)) if inner.left() > 2 => &inner.all()[2..],
            _ => return false,
        },
    };
    IakerbHeader::decode_front(inner).is_ok_and(|(_, message)| message.first() == Some(&0x7e))
}

/// The header is no part of any Kerberos message: nothing but the proof protects it.
#[test]
fn a_cookie_that_somebody_else_adds_fails_the_proof() {
    let kit = kit();
    kit.wire().script(|message| {
        if message.leg != Leg::ToAcceptor || message.number != 0 {
            return Some(message.sent.clone());
        }
        let target_realm = handfast::krb5::message::TargetRealm { name: "EXAMPLE.COM", is_octet_string: false };
        let header = IakerbHeader { target_realm, cookie: Some(b"not yours") }.to_der();
        let body = [&[5, 1][..], &header, &carried(&message.sent)].concat();
        let mut token = Vec::new();
        framing::write_header(MechanismId::IAKERB, body.len(), &mut token);
        Some([token, body].concat())
    });
    let ends = run(&kit, IakerbDialect::Draft);
    assert_eq!(refusal(&ends.acceptor), IakerbRefusal::FinishedMismatch);
}

/// Somebody in between speaks the draft with the client, and MIT krb5's old dialect with the acceptor.
#[test]
fn nobody_can_talk_the_ends_into_another_dialect() {
    let kit = kit();
    kit.wire().script(|message| {
        let first = message.number == 0;
        let old = |token: &[u8], framed: bool| {
            let target_realm = handfast::krb5::message::TargetRealm { name: "EXAMPLE.COM", is_octet_string: true };
            let header = IakerbHeader { target_realm, cookie: None }.to_der();
            let body = [&[5, 1][..], &header, &carried(token)].concat();
            let mut out = Vec::new();
            if framed {
                framing::write_header(MechanismId::IAKERB, body.len(), &mut out);
            }
            [out, body].concat()
        };
        Some(match (message.leg, &message.sent[..]) {
            (Leg::ToAcceptor, token) if message.kind == handfast_testkit::Kind::Other => old(token, first),
            (Leg::ToInitiator, token @ [5, 1, ..]) => proxied("EXAMPLE.COM", &carried(token)),
            (_, token) => token.to_vec(),
        })
    });
    let initiator = kit.initiator();
    let acceptor = relaying(&kit, IakerbDialect::Mit121);
    let ends = kit.handshake("alice", WEB).iakerb().initiator(initiator).acceptor(&acceptor).run();
    assert_eq!(refusal(&ends.acceptor), IakerbRefusal::FinishedAbsent, "its number is of the draft");
}

#[test]
fn an_acceptor_carries_nothing_but_requests_for_tickets() {
    let kit = kit();
    let accept = |token: &[u8]| kit.accept(&relaying(&kit, IakerbDialect::Draft), token).0;
    for message in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x6b, 0], &[0x7e, 0], &[0x6a, 0, 0], &[0x6a, 2, 0], &[0x74, 0]] {
        assert_eq!(refusal(&accept(&proxied("EXAMPLE.COM", message))), IakerbRefusal::NotForAKdc);
    }
    let out_of_order = IakerbRefusal::OutOfOrder("a message without a realm, or a realm alone");
    assert_eq!(refusal(&accept(&proxied("", &[0x6a, 0]))), out_of_order);
    assert_eq!(refusal(&accept(&proxied("EXAMPLE.COM", b""))), out_of_order);
    assert!(legs(&kit).is_empty());
}

#[test]
fn rounds_end() {
    let kit = kit();
    let patient = kit.acceptor(WEB).policy(Policy::default().relay_iakerb().with_leg_limit(1000));
    let mut peer = handfast_testkit::AcceptorPeer::new(&kit, patient.session());
    let question = proxied("", b"");
    let mut answered = 0;
    while handfast_testkit::Peer::answer(&mut peer, &question).is_some_and(|token| token == proxied("EXAMPLE.COM", b""))
    {
        answered += 1;
    }
    assert_eq!(answered, 12);
    assert_eq!(refusal(&peer.end()), IakerbRefusal::TooManyRounds { limit: 12 });
    // By the policy's own limit, where that is lower.
    let hasty = kit.acceptor(WEB).policy(Policy::default().relay_iakerb().with_leg_limit(3));
    let mut peer = handfast_testkit::AcceptorPeer::new(&kit, hasty.session());
    for _ in 0..4 {
        handfast_testkit::Peer::answer(&mut peer, &question);
    }
    assert!(matches!(peer.end().error(), Some(Error::TooManyLegs { limit: 3 })));
}

/// A KDC that sends much is the acceptor's own, and its replies count as well.
#[test]
fn bytes_end() {
    let kit = kit();
    let reply = [&[0x6b, 0x83, 0x01, 0x86, 0xa0][..], &[0; 100_000]].concat();
    kit.kdc_says(std::iter::repeat_n(Say::Bytes(reply), 3));
    let acceptor = relaying(&kit, IakerbDialect::Draft);
    let mut peer = handfast_testkit::AcceptorPeer::new(&kit, acceptor.session());
    for _ in 0..3 {
        handfast_testkit::Peer::answer(&mut peer, &proxied("EXAMPLE.COM", &[0x6a, 0]));
    }
    assert_eq!(refusal(&peer.end()), IakerbRefusal::TooManyBytes { limit: 256 * 1024 });
}

#[test]
fn a_kdc_that_answers_nonsense_did_not_answer() {
    for nonsense in [&b"nonsense"[..], &[0x6a, 0], &[]] {
        let kit = kit();
        kit.kdc_says([Say::Bytes(nonsense.to_vec())]);
        let ends = run(&kit, IakerbDialect::Draft);
        assert!(ends.initiator.to_string().contains("KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE"), "{}", ends.initiator);
        assert!(ends.acceptor.error().is_some());
    }
}

/// An initiator's patience ends too, whatever the acceptor says.
#[test]
fn an_acceptor_that_never_ends_is_left() {
    let kit = kit();
    for says in [Say::Reflect, Say::Garbage(100), Say::Bytes(proxied("EXAMPLE.COM", b"")), Say::Bytes(Vec::new())] {
        let end = kit.handshake("alice", WEB).iakerb().against(ScriptedPeer::new(vec![says; 40]));
        assert!(matches!(end, End::Failed(_)), "{end}");
    }
}

/// Refusals look the same: nothing tells a stranger whether it was the proof, the order, or what it wanted carried.
#[test]
fn every_refusal_of_the_acceptor_looks_the_same() {
    let kit = kit();
    let told = |token: &[u8]| kit.accept(&relaying(&kit, IakerbDialect::Draft), token).1.unwrap();
    let one = told(&proxied("EXAMPLE.COM", b"nonsense"));
    assert_eq!(one, told(&proxied("", &[0x6a, 0])));
    let mut old = proxied("EXAMPLE.COM", &[0x6a, 0]);
    let at = old.windows(2).position(|octets| octets == [0x0c, 0x0b]).unwrap();
    old[at] = 0x04;
    assert_eq!(one, told(&old));
}
