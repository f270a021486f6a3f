//! What is carried, and for whom.

use super::*;
use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::message::{ErrorCode, KerberosTime, KrbError, Microseconds, PrincipalName};
use handfast::mech::Why;
use handfast::{Context, Credential, Principal};
use handfast_testkit::{Fault, Kind, Say};

#[test]
fn a_client_without_a_kdc_logs_in_through_the_acceptor() {
    for dialect in [IakerbDialect::Draft, IakerbDialect::Mit121] {
        let kit = kit();
        talk(run(&kit, dialect));
        let relayed = [Leg::ToAcceptor, Leg::ToKdc, Leg::FromKdc, Leg::ToInitiator];
        let expected = [&relayed[..], &relayed, &relayed, &[Leg::ToAcceptor, Leg::ToInitiator]].concat();
        assert_eq!(legs(&kit), expected, "two AS exchanges, one TGS exchange, and the proof");
        for message in kit.wire().messages().iter().filter(|message| message.leg == Leg::ToKdc) {
            assert!(matches!(message.kind, Kind::AsReq | Kind::TgsReq));
        }
        // Of the old dialect only the first token, and what is not proxied, is framed.
        let framed: Vec<_> = kit.wire().messages().iter().map(|message| message.sent[0] == 0x60).collect();
        assert_eq!([framed[0], framed[4], framed[12], framed[13]], [true, dialect == IakerbDialect::Draft, true, true]);
    }
}

#[test]
fn what_was_obtained_is_given_out_and_kept() {
    let kit = kit();
    let credential = kit.credential("alice");
    let run = || kit.handshake("alice", WEB).iakerb().credential(&credential).run();
    let (client, _) = run().contexts().unwrap();
    let servers: Vec<_> = client.acquired().iter().map(|ticket| ticket.server.to_string()).collect();
    assert_eq!(servers, ["krbtgt/EXAMPLE.COM@EXAMPLE.COM", "HTTP/www.example.com@EXAMPLE.COM"]);
    kit.wire().forget();
    talk(run());
    assert_eq!(legs(&kit), [Leg::ToAcceptor, Leg::ToInitiator], "a ticket is at hand: nothing is to be carried");
    // Acceptors of MIT krb5 1.20 must have carried something.
    kit.wire().forget();
    let initiator = kit.initiator_with(Policy::default().with_iakerb_dialect(IakerbDialect::Mit121));
    let handshake = kit.handshake("alice", WEB).iakerb().credential(&credential).initiator(initiator);
    talk(handshake.acceptor(&relaying(&kit, IakerbDialect::Mit121)).run());
    assert_eq!(legs(&kit).iter().filter(|leg| **leg == Leg::ToKdc).count(), 1, "with the login at hand, a ticket");
}

#[test]
fn a_ticket_granting_ticket_is_enough() {
    for dialect in [IakerbDialect::Draft, IakerbDialect::Mit121] {
        let kit = kit();
        let tgt = kit.login("alice", TicketOptions::default()).unwrap();
        kit.wire().forget();
        let credential = Credential::tickets(&kit.ccache("alice", [tgt]));
        let initiator = kit.initiator_with(Policy::default().with_iakerb_dialect(dialect));
        let handshake = kit.handshake("alice", WEB).iakerb().credential(&credential).initiator(initiator);
        talk(handshake.acceptor(&relaying(&kit, dialect)).run());
        assert_eq!(legs(&kit).iter().filter(|leg| **leg == Leg::ToKdc).count(), 1);
    }
}

#[test]
fn a_keytab_logs_in_as_well_as_a_password() {
    let kit = kit();
    kit.service("host/desk.example.com");
    let ends = kit.handshake("host/desk.example.com", WEB).iakerb().run();
    let (_, server) = ends.contexts().unwrap();
    assert_eq!(server.peer().to_string(), "host/desk.example.com@EXAMPLE.COM");
}

#[test]
fn the_realm_is_the_acceptors_where_the_client_knows_none() {
    let kit = kit();
    let credential = Credential::password("alice".parse().unwrap(), "correct horse");
    talk(kit.handshake("alice", WEB).iakerb().credential(&credential).run());
    let messages = kit.wire().messages();
    assert_eq!(messages[0].sent, proxied("", b""));
    assert_eq!(messages[1].sent, proxied("EXAMPLE.COM", b""));
    // MIT krb5's old dialect has no such question.
    let initiator = kit.initiator_with(Policy::default().with_iakerb_dialect(IakerbDialect::Mit121));
    let end = kit.handshake("alice", WEB).iakerb().credential(&credential).initiator(initiator).run().initiator;
    assert!(matches!(end.error(), Some(Error::Credential(_))), "{end}");
}

/// Whoever names another realm as its own gets a request that only that realm's KDC could answer, with the client's own key.
#[test]
fn an_acceptor_that_names_another_realm_learns_no_more_than_a_request() {
    let kit = kit();
    let credential = Credential::password("alice".parse().unwrap(), "correct horse");
    let says = |realm: &str| {
        let end = kit.handshake("alice", WEB).iakerb().credential(&credential);
        end.against(handfast_testkit::ScriptedPeer::new([Say::Bytes(proxied(realm, b"")), Say::Reflect]))
    };
    assert_eq!(refusal(&says("EVIL.EXAMPLE")), IakerbRefusal::OutOfOrder("a request, where a KDC's reply must be"));
    assert_eq!(refusal(&says("")), IakerbRefusal::OutOfOrder("the acceptor names no realm"));
}

#[test]
fn a_wrong_password_makes_no_context() {
    for dialect in [IakerbDialect::Draft, IakerbDialect::Mit121] {
        let kit = kit();
        let credential = Credential::password("alice@EXAMPLE.COM".parse().unwrap(), "wrong");
        let initiator = kit.initiator_with(Policy::default().with_iakerb_dialect(dialect));
        let handshake = kit.handshake("alice", WEB).iakerb().credential(&credential).initiator(initiator);
        let ends = handshake.acceptor(&relaying(&kit, dialect)).run();
        assert!(ends.initiator.to_string().contains("most likely the password is wrong"), "{}", ends.initiator);
        assert!(matches!(ends.acceptor, End::Waiting), "the acceptor is told nothing more");
    }
}

#[test]
fn a_kdc_that_is_silent_is_told_with_its_code() {
    let kit = kit();
    kit.wire().fault(Leg::ToKdc, Fault::Drop);
    let ends = kit.handshake("alice", WEB).iakerb().run();
    let told = ends.initiator.to_string();
    assert!(matches!(ends.initiator.error(), Some(Error::KdcUnreachable(_))), "{told}");
    assert!(told.contains("KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE (86)"), "{told}");
    assert!(matches!(ends.acceptor.error(), Some(Error::KdcUnreachable(_))), "{}", ends.acceptor);
    // The same inside of Negotiate.
    let ends = kit.handshake("alice", WEB).negotiate_iakerb().run();
    assert!(ends.initiator.to_string().contains("(86)"), "{}", ends.initiator);
}

#[test]
fn realms_are_relayed_to_by_policy() {
    let kit = kit();
    let stranger = Credential::password("alice@ELSEWHERE.EXAMPLE".parse().unwrap(), "correct horse");
    let ends = kit.handshake("alice", WEB).iakerb().credential(&stranger).run();
    let (realm, own) = ("ELSEWHERE.EXAMPLE".to_string(), vec!["EXAMPLE.COM".to_string()]);
    assert_eq!(refusal(&ends.acceptor), IakerbRefusal::RealmNotRelayed { realm: realm.clone(), relayed: own.clone() });
    assert!(ends.initiator.to_string().contains("KRB_AP_ERR_IAKERB_KDC_NOT_FOUND (85)"), "{}", ends.initiator);
    assert_eq!(kit.wire().messages().iter().filter(|message| message.leg == Leg::ToKdc).count(), 0);
    // A realm that is named may be asked; that it has no KDC here is another matter.
    let named = kit.acceptor(WEB).policy(Policy::default().relay_iakerb_to([realm.clone()]));
    let ends = kit.handshake("alice", WEB).iakerb().credential(&stranger).acceptor(&named).run();
    assert!(matches!(ends.acceptor.error(), Some(Error::KdcUnreachable(tried)) if tried.realm == realm));
    assert!(ends.initiator.to_string().contains("(85)"), "no KDC is known: {}", ends.initiator);
    let ends = kit.handshake("alice", WEB).iakerb().acceptor(&named).run();
    assert_eq!(refusal(&ends.acceptor), IakerbRefusal::RealmNotRelayed { realm: own[0].clone(), relayed: vec![realm] });
}

#[test]
fn nobody_is_relayed_for_unless_the_policy_says_so() {
    let kit = kit();
    let ends = kit.handshake("alice", WEB).iakerb().acceptor(&kit.acceptor(WEB)).run();
    assert_eq!(ends.acceptor.error(), Some(&Error::UnknownMechanism));
    assert!(!ends.initiator.is_established());
    let ends = kit.handshake("alice", WEB).negotiate_iakerb().acceptor(&kit.acceptor(WEB)).run();
    let Some(Error::Refused(refusal)) = ends.acceptor.error() else { panic!("{}", ends.acceptor) };
    assert!(matches!(**refusal, Refusal::NoCommonMechanism { .. }), "{refusal}");
    assert!(!ends.initiator.is_established());
    assert!(!legs(&kit).contains(&Leg::ToKdc));
}

#[test]
fn an_acceptor_of_the_old_dialect_takes_both_and_one_of_the_draft_the_drafts() {
    let kit = kit();
    let by = |dialect| {
        let initiator = kit.initiator_with(Policy::default().with_iakerb_dialect(dialect));
        kit.handshake("alice", WEB).iakerb().initiator(initiator)
    };
    for dialect in [IakerbDialect::Draft, IakerbDialect::Mit121] {
        talk(by(dialect).acceptor(&relaying(&kit, IakerbDialect::Mit121)).run());
    }
    let ends = by(IakerbDialect::Mit121).acceptor(&relaying(&kit, IakerbDialect::Draft)).run();
    assert_eq!(refusal(&ends.acceptor), IakerbRefusal::OtherDialect);
    assert!(matches!(ends.initiator.error(), Some(Error::RefusedByPeer(_))), "{}", ends.initiator);
}

#[test]
fn a_client_of_one_dialect_refuses_the_other() {
    let kit = kit();
    let mut reply = Vec::from([5, 1, 0x30, 0x04, 0xa1, 0x02, 0x04, 0x00]);
    reply.extend_from_slice(&[0x7e, 0]);
    let end = kit.handshake("alice", WEB).iakerb().against(|_: &[u8]| Some(reply.clone()));
    assert_eq!(refusal(&end), IakerbRefusal::OtherDialect);
}

#[test]
fn iakerb_is_negotiated_alone_or_behind_kerberos() {
    let kit = kit();
    let (client, server) = kit.handshake("alice", WEB).negotiate_iakerb().run().contexts().unwrap();
    assert_eq!((client.mechanism(), client.why()), (MechanismId::IAKERB, &Why::FirstChoice));
    assert_eq!(server.mechanism(), MechanismId::IAKERB);
    // Behind Kerberos, where the client reaches no KDC: the first request is lost, those of the acceptor are not.
    let offering = || kit.initiator_with(Policy::default().offer_iakerb());
    let both = |kit: &Testkit| {
        let acceptor = relaying(kit, IakerbDialect::Draft);
        kit.handshake("alice", WEB).negotiate().initiator(offering()).acceptor(&acceptor).run().contexts().unwrap().0
    };
    kit.wire().forget();
    kit.wire().fault(0, Fault::Drop);
    let client = both(&kit);
    assert_eq!(client.mechanism(), MechanismId::IAKERB);
    assert!(matches!(client.why(), Why::Fallback { first_choice: MechanismId::KERBEROS, .. }), "{}", client.why());
    assert_eq!(both(&kit).mechanism(), MechanismId::KERBEROS, "where a KDC answers");
}

#[test]
fn a_context_is_exported_and_goes_on_as_iakerb() {
    let (client, mut server) = run(&kit(), IakerbDialect::Draft).contexts().unwrap();
    let mut client = Context::import(client.export().expose()).unwrap();
    assert_eq!(client.mechanism(), MechanismId::IAKERB);
    let mut token = Vec::new();
    client.seal(b"still here", &mut token).unwrap();
    assert_eq!(server.unseal(&mut token).unwrap(), b"still here");
}

/// A reply that fits no datagram is the acceptor's to fetch: the client is behind a stream.
#[test]
fn the_acceptor_asks_again_by_tcp() {
    let kit = kit();
    kit.settings(|settings| settings.udp_reply_limit = 100);
    talk(run(&kit, IakerbDialect::Draft));
    let client_saw = kit.wire().messages().into_iter().filter(|message| message.leg == Leg::ToInitiator);
    let too_big = |message: &[u8]| {
        KrbError::decode(message).is_ok_and(|error| error.error_code == ErrorCode::KRB_ERR_RESPONSE_TOO_BIG)
    };
    assert!(client_saw.filter(|message| message.sent[0] == 0x60).all(|message| !too_big(&message.sent[20..])));
    let from_kdc = kit.wire().messages().into_iter().filter(|message| message.leg == Leg::FromKdc);
    assert!(from_kdc.filter(|message| too_big(&message.sent)).count() > 0, "it did happen");
}

/// What an acceptor wants to see again, it sees (3): the draft's acceptors may keep no state.
#[test]
fn a_cookie_is_sent_back_verbatim_and_once() {
    let kit = kit();
    let mut tokens = Vec::new();
    let krbtgt = Principal::krbtgt("EXAMPLE.COM", "EXAMPLE.COM");
    let error = KrbError {
        ctime: None,
        cusec: None,
        stime: KerberosTime::from(kit.now(handfast_testkit::Party::Kdc)),
        susec: Microseconds::from(kit.now(handfast_testkit::Party::Kdc)),
        error_code: ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
        crealm: None,
        cname: None,
        realm: "EXAMPLE.COM",
        sname: PrincipalName::from(&krbtgt),
        e_text: None,
        e_data: None,
    };
    let target_realm = handfast::krb5::message::TargetRealm { name: "EXAMPLE.COM", is_octet_string: false };
    let with_cookie = |message: &[u8]| {
        let header = IakerbHeader { target_realm, cookie: Some(b"biscuit") }.to_der();
        let mut token = Vec::new();
        framing::write_header(MechanismId::IAKERB, 2 + header.len() + message.len(), &mut token);
        [&token[..], &[5, 1], &header, message].concat()
    };
    let realm_less = Credential::password("alice".parse().unwrap(), "correct horse");
    let end = kit.handshake("alice", WEB).iakerb().credential(&realm_less).against(|token: &[u8]| {
        tokens.push(token.to_vec());
        Some(if tokens.len() == 1 { with_cookie(b"") } else { with_cookie(&error.to_der()) })
    });
    assert!(end.error().is_some());
    let header = |token: &[u8]| {
        let inner = framing::read(token).unwrap().1.all()[2..].to_vec();
        IakerbHeader::decode_front(&inner).unwrap().0.cookie.map(<[u8]>::to_vec)
    };
    assert_eq!((header(&tokens[0]), header(&tokens[1])), (None, Some(b"biscuit".to_vec())));
}
