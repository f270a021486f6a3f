//! What went wrong elsewhere, in IAKERB.

use super::*;
use handfast::Credential;
use handfast::krb5::exchange::TicketOptions;
use handfast_testkit::{AcceptorPeer, Kind, Peer};

/// An acceptor that was asked about a context which was not complete yet read memory of another kind. Here a context is
/// another type than a handshake: who waits has none to ask.
#[test]
fn cve_2015_2696_a_handshake_under_way_is_no_context() {
    let kit = kit();
    let acceptor = relaying(&kit, IakerbDialect::Draft);
    let mut peer = AcceptorPeer::new(&kit, acceptor.session());
    assert_eq!(peer.answer(&proxied("", b"")), Some(proxied("EXAMPLE.COM", b"")));
    assert!(matches!(peer.end(), End::Waiting));
}

/// Exporting an established context corrupted memory. Here it is consumed, and what was exported goes on.
#[test]
fn cve_2015_2698_a_context_is_exported_once_and_whole() {
    let (client, server) = run(&kit(), IakerbDialect::Draft).contexts().unwrap();
    for (context, peer) in [(client, "HTTP/www.example.com@EXAMPLE.COM"), (server, "alice@EXAMPLE.COM")] {
        let exported = context.export();
        let exported = exported.expose();
        for cut in 0..exported.len() {
            assert!(handfast::Context::import(&exported[..cut]).is_err(), "cut at {cut}");
        }
        let imported = handfast::Context::import(exported).unwrap();
        assert_eq!((imported.mechanism(), imported.peer().to_string().as_str()), (MechanismId::IAKERB, peer));
    }
}

/// A realm of a request was taken for a string that ends, and read beyond its octets. Names have their length here, with
/// zeros and whatever else in them.
#[test]
fn cve_2015_2697_realms_are_as_long_as_they_say() {
    let kit = kit();
    let acceptor = relaying(&kit, IakerbDialect::Draft);
    for realm in ["EXAMPLE.COM\0", "EXAMPLE.COM\0.EVIL", "\0", "example.com"] {
        let (end, told) = kit.accept(&acceptor, &proxied(realm, &[0x6a, 0]));
        assert!(matches!(refusal(&end), IakerbRefusal::RealmNotRelayed { .. }), "{realm:?}");
        assert!(told.is_some());
    }
}

/// An AP-REQ of a relayed conversation is worth nothing without it: not as plain Kerberos, not as the first token, not in
/// another conversation. So a proof over one exchange can't be moved to another.
#[test]
fn a_proof_is_not_moved_to_another_conversation() {
    let kit = kit();
    talk(run(&kit, IakerbDialect::Draft));
    let ap_req = kit.wire().last(Kind::ApReq).unwrap().sent;
    let acceptor = relaying(&kit, IakerbDialect::Draft);
    assert_eq!(refusal(&kit.accept(&acceptor, &ap_req).0), IakerbRefusal::FinishedElsewhere);
    let message = framing::read(&ap_req).unwrap().1.all().to_vec();
    let mut plain = Vec::new();
    framing::write_header(MechanismId::KERBEROS, message.len(), &mut plain);
    plain.extend_from_slice(&message);
    assert_eq!(refusal(&kit.accept(&acceptor, &plain).0), IakerbRefusal::FinishedElsewhere);
    assert_eq!(refusal(&kit.accept(&kit.acceptor(WEB), &plain).0), IakerbRefusal::FinishedElsewhere);
    let mut other = AcceptorPeer::new(&kit, acceptor.session());
    other.answer(&proxied("", b""));
    other.answer(&ap_req);
    assert_eq!(refusal(&other.end()), IakerbRefusal::FinishedMismatch);
}

/// And one without a proof is refused where there was a conversation: an attacker's own questions before a client's AP-REQ.
#[test]
fn a_conversation_without_a_proof_is_refused() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let ticket = kit.ticket(&tgt, WEB, TicketOptions::default()).unwrap();
    let credential = Credential::tickets(&kit.ccache("alice", [ticket]));
    let acceptor = relaying(&kit, IakerbDialect::Draft);
    let mut peer = AcceptorPeer::new(&kit, acceptor.session());
    peer.answer(&proxied("", b""));
    let end = kit.handshake("alice", WEB).iakerb().credential(&credential).against(|token: &[u8]| peer.answer(token));
    assert!(!end.is_established());
    assert_eq!(refusal(&peer.end()), IakerbRefusal::FinishedAbsent);
}

/// Nothing is carried for a client behind its AP-REQ, whatever became of that.
#[test]
fn an_established_or_failed_handshake_relays_no_more() {
    let kit = kit();
    let acceptor = relaying(&kit, IakerbDialect::Draft);
    let mut peer = AcceptorPeer::new(&kit, acceptor.session());
    let end = kit.handshake("alice", WEB).iakerb().against(|token: &[u8]| peer.answer(token));
    assert!(end.is_established());
    let asked = legs(&kit).iter().filter(|leg| **leg == Leg::ToKdc).count();
    assert_eq!(peer.answer(&proxied("", b"")), None);
    assert_eq!(legs(&kit).iter().filter(|leg| **leg == Leg::ToKdc).count(), asked);
}
