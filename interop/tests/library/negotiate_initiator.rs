//! Our initiator in SPNEGO with the acceptors of MIT (Kerberos and gss-ntlmssp) and of pyspnego.

use crate::by_hand::{Line, Stopped, Way, kerberos_renamed, without_kerberos};
use crate::ntlm::{PASSWORD, Reach, peer};
use crate::ntlm_initiator::{expect_refused, expect_talk, talk};
use crate::ours::{kdc, no_kdc};
use handfast::mech::{MechanismId, Why};
use handfast::{Context, Credential, Error, Flags, Refusal};
use handfast_interop::{Library, MitRealm, SamplePeer, SampleServer};

const KERBEROS: &str = "1.2.840.113554.1.2.2";
const SERVICE: &str = "sample@localhost";

/// A peer with the keys of the realm's services, and with alice's NTLM account.
fn with_both(library: Library, realm: &MitRealm) -> SamplePeer {
    peer(library, "negotiate").service(SERVICE).keytab(realm.config(), realm.service_keytab())
}

/// alice, who has a password in the realm and one for NTLM.
fn alice(realm: &MitRealm) -> Credential {
    let password = realm.password("alice");
    Credential::password("alice@MIT.TEST".parse().unwrap(), password).and_ntlm_password("LAB", "alice", PASSWORD)
}

/// By Kerberos or NTLM.
fn reach(reach: Reach, server: &SampleServer, realm: &MitRealm) -> Result<(Context, Line), Stopped> {
    reach.credential(alice(realm), SERVICE).reach_with(server, &kdc(realm.kdc()))
}

/// The last token that came and has a mechListMIC in it, which is its last field.
fn ends_with_mic(line: &Line, mic_length: usize) -> bool {
    let came = |(way, _): &&(Way, Vec<u8>)| matches!(way, Way::FromPeer(_));
    let (_, token) = line.tokens.iter().rfind(came).unwrap();
    // mechListMIC [3] OCTET STRING (RFC 4178 4.2.2)
    let head = [0xa3, mic_length + 2, 0x04, mic_length].map(|octet| u8::try_from(octet).unwrap());
    token.len() > mic_length + 4 && token[token.len() - mic_length - 4..].starts_with(&head)
}

#[test]
fn both_choose_ntlm_where_we_have_nothing_else_and_prove_the_list() {
    for library in Library::ALL {
        let server = peer(library, "negotiate").serve();
        let (mut context, mut line) = Reach::negotiating().reach(&server).unwrap();
        assert_eq!((context.mechanism(), context.why()), (MechanismId::NTLM, &Why::FirstChoice));
        assert!(!context.flags().contains(Flags::MUTUAL));
        assert!(ends_with_mic(&line, 16), "{:02x?}", line.tokens);
        talk(&mut context, &mut line, library);
        line.end();
        expect_talk(&server, library);
        server.expect("peer: LAB\\alice\nmechanism: ntlm\n");
    }
}

#[test]
fn both_choose_kerberos_which_is_our_first_choice() {
    let realm = MitRealm::shared();
    for library in Library::ALL {
        let server = with_both(library, &realm).serve();
        let (mut context, mut line) = reach(Reach::negotiating(), &server, &realm).unwrap();
        assert_eq!((context.mechanism(), context.why()), (MechanismId::KERBEROS, &Why::FirstChoice));
        assert!(context.flags().contains(Flags::MUTUAL));
        assert_eq!(context.peer().to_string(), "sample/localhost@MIT.TEST");
        talk(&mut context, &mut line, Library::Pyspnego);
        line.end();
        expect_talk(&server, Library::Pyspnego);
        server.expect(
            "peer: alice@MIT.TEST\nmechanism: kerberos\nflags: mutual replay sequence confidentiality integrity\n",
        );
    }
}

/// Kerberos' token goes nowhere; the choice costs a leg, and both prove the list. Of gss-ntlmssp alone: pyspnego 0.12 gives
/// the first choice's token to the mechanism that it has chosen instead, and ends there.
#[test]
fn ntlm_is_chosen_by_an_acceptor_that_has_no_key_for_kerberos() {
    let realm = MitRealm::shared();
    let server = peer(Library::Mechglue, "negotiate").service(SERVICE).serve();
    let (mut context, mut line) = reach(Reach::negotiating(), &server, &realm).unwrap();
    let why = Why::ChosenByAcceptor { first_choice: KERBEROS.into() };
    assert_eq!((context.mechanism(), context.why()), (MechanismId::NTLM, &why));
    assert!(ends_with_mic(&line, 16), "{:02x?}", line.tokens);
    talk(&mut context, &mut line, Library::Mechglue);
    line.end();
    expect_talk(&server, Library::Mechglue);
    server.expect("peer: LAB\\alice\nmechanism: ntlm\n");
}

#[test]
fn pyspnego_sees_what_we_offer_and_our_mic() {
    let realm = MitRealm::shared();
    let server = with_both(Library::Pyspnego, &realm).serve();
    let (_, line) = reach(Reach::negotiating(), &server, &realm).unwrap();
    line.end();
    server.expect(&format!("token: NegTokenInit mechTypes {KERBEROS} 1.3.6.1.4.1.311.2.2.10\n"));
    let server = peer(Library::Pyspnego, "negotiate").serve();
    let (_, line) = Reach::negotiating().reach(&server).unwrap();
    line.end();
    server.expect("token: NegTokenInit mechTypes 1.3.6.1.4.1.311.2.2.10\ntoken: NEGOTIATE 40 bytes");
    server.expect("token: mechListMIC\ntoken: AUTHENTICATE of alice in LAB, a MIC, no LM response");
    server.expect("target_name=host/localhost");
}

#[test]
fn ntlm_alone_is_offered_where_no_kdc_answers() {
    let realm = MitRealm::shared();
    for library in Library::ALL {
        let server = with_both(library, &realm).serve();
        let (context, line) =
            Reach::negotiating().credential(alice(&realm), SERVICE).reach_with(&server, &no_kdc).unwrap();
        let Why::Fallback { first_choice: MechanismId::KERBEROS, reason } = context.why() else {
            panic!("{:?}", context.why())
        };
        assert!(matches!(**reason, Error::KdcUnreachable(_)), "{reason:?}");
        line.end();
        server.expect("peer: LAB\\alice\nmechanism: ntlm\n");
    }
}

#[test]
fn no_fallback_to_ntlm_is_taken_without_the_policy_that_names_it() {
    let realm = MitRealm::shared();
    let server = with_both(Library::Pyspnego, &realm).serve();
    let stopped = Reach::negotiating().policy(|_| handfast::Policy::default()).credential(alice(&realm), SERVICE);
    let stopped = stopped.reach_with(&server, &no_kdc).map(|_| ()).unwrap_err();
    assert!(matches!(stopped, Stopped::Ours(Error::KdcUnreachable(_))), "{stopped:?}");
    let server = peer(Library::Mechglue, "negotiate").service(SERVICE).serve();
    let strict = Reach::negotiating().policy(|_| handfast::Policy::default());
    assert!(reach(strict, &server, &realm).is_err());
    expect_refused(&server, "failed: ");
}

#[test]
fn both_refuse_a_wrong_password_and_we_hear_it() {
    for (library, why) in [(Library::Mechglue, ": Major ("), (Library::Pyspnego, "Invalid NTLM response")] {
        let server = peer(library, "negotiate").serve();
        let stopped = Reach::negotiating().wrong_password().reach(&server).map(|_| ()).unwrap_err();
        let heard = matches!(stopped, Stopped::Peer | Stopped::Ours(Error::RejectedByPeer { .. }));
        assert!(heard, "{stopped:?}");
        expect_refused(&server, why);
    }
}

#[test]
fn a_list_that_was_shortened_on_its_way_makes_no_context() {
    let shortened = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(0) {
            without_kerberos(token);
        }
    };
    let realm = MitRealm::shared();
    for library in Library::ALL {
        let server = with_both(library, &realm).serve();
        let stopped = reach(Reach::negotiating().change(shortened), &server, &realm).map(|_| ()).unwrap_err();
        assert!(matches!(stopped, Stopped::Peer | Stopped::Ours(_)), "{stopped:?}");
        expect_refused(&server, "failed: ");
    }
}

#[test]
fn a_mic_of_the_peer_that_was_changed_or_taken_away_makes_no_context() {
    let changed = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(1) {
            *token.last_mut().unwrap() ^= 1;
        }
    };
    // What is left says accept-completed and nothing else.
    let taken = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(1) {
            *token = vec![0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x00];
        }
    };
    for library in Library::ALL {
        let server = peer(library, "negotiate").serve();
        let stopped = Reach::negotiating().change(changed).reach(&server).map(|_| ()).unwrap_err();
        assert_eq!(stopped.refusal(), Refusal::MechListMicMismatch);
        server.expect("peer: LAB\\alice");
        let server = peer(library, "negotiate").serve();
        let stopped = Reach::negotiating().change(taken).reach(&server).map(|_| ()).unwrap_err();
        assert_eq!(stopped.refusal(), Refusal::MechListMicAbsent);
    }
}

#[test]
fn a_mic_of_ours_that_was_changed_is_refused_by_both() {
    let changed = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(1) {
            *token.last_mut().unwrap() ^= 1;
        }
    };
    for library in Library::ALL {
        let server = peer(library, "negotiate").serve();
        assert!(Reach::negotiating().change(changed).reach(&server).is_err());
        expect_refused(&server, "failed: ");
    }
}

#[test]
fn both_see_our_channel_bindings() {
    let realm = MitRealm::shared();
    for library in Library::ALL {
        for ours in ["channel one", "channel two"] {
            let (ntlm, kerberos) = (peer(library, "negotiate"), with_both(library, &realm));
            let (ntlm, kerberos) = (ntlm.bindings("channel one").serve(), kerberos.bindings("channel one").serve());
            let by_ntlm = Reach::negotiating().bindings(ours).reach(&ntlm);
            let by_kerberos = reach(Reach::negotiating().bindings(ours), &kerberos, &realm);
            if ours == "channel one" {
                assert!(by_ntlm.is_ok() && by_kerberos.is_ok());
                ntlm.expect("peer: LAB\\alice");
                kerberos.expect("peer: alice@MIT.TEST");
            } else {
                assert!(by_ntlm.is_err() && by_kerberos.is_err());
                expect_refused(&ntlm, "failed: ");
                expect_refused(&kerberos, "failed: ");
            }
        }
    }
}

#[test]
fn both_make_a_context_that_only_signs() {
    let realm = MitRealm::shared();
    for library in Library::ALL {
        let (ntlm, kerberos) = (peer(library, "negotiate").serve(), with_both(library, &realm).serve());
        let signing = || Reach::negotiating().policy(|policy| policy.integrity_only());
        for (reached, server) in [(signing().reach(&ntlm), &ntlm), (reach(signing(), &kerberos, &realm), &kerberos)] {
            let (mut context, mut line) = reached.unwrap();
            assert!(!context.flags().contains(Flags::CONFIDENTIALITY));
            line.signed(&mut context, b"hello");
            line.signed(&mut context, b"again");
            line.end();
            server.expect("\nend");
            server.expect("message: signed 5 bytes: 'again'");
        }
    }
}

/// Integrity is asked for all the same: it protects the choice (RFC 4178 3).
#[test]
fn both_make_a_context_by_a_policy_that_wants_no_protection() {
    for library in Library::ALL {
        let server = peer(library, "negotiate").serve();
        let bare = Reach::negotiating().policy(|policy| policy.authentication_only());
        let (_, line) = bare.reach(&server).unwrap();
        line.end();
        server.expect("peer: LAB\\alice");
    }
}

/// By a NegTokenInit2 (MS-SPNG 2.2.1), which only says what there is.
#[test]
fn both_may_speak_first() {
    let realm = MitRealm::shared();
    for library in Library::ALL {
        let ntlm = peer(library, "negotiate").switch("--speak-first").serve();
        let (mut context, mut line) = Reach::negotiating().hinted().reach(&ntlm).unwrap();
        assert_eq!(context.mechanism(), MechanismId::NTLM);
        line.sealed(&mut context, b"hello");
        line.end();
        ntlm.expect("\nend");
        ntlm.expect("peer: LAB\\alice");
        let kerberos = with_both(library, &realm).switch("--speak-first").serve();
        let (mut context, mut line) = reach(Reach::negotiating().hinted(), &kerberos, &realm).unwrap();
        assert_eq!(context.mechanism(), MechanismId::KERBEROS);
        line.sealed(&mut context, b"hello");
        line.end();
        kerberos.expect("\nend");
        kerberos.expect("peer: alice@MIT.TEST");
    }
}

/// Kerberos by the name that Windows gives it, in the list and in the answer (MS-SPNG 3.1.5.2).
#[test]
fn both_know_kerberos_by_its_other_name() {
    let realm = MitRealm::shared();
    let renamed = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(0) {
            kerberos_renamed(token);
        }
    };
    for library in Library::ALL {
        let server = with_both(library, &realm).serve();
        let (mut context, mut line) = reach(Reach::negotiating().change(renamed), &server, &realm).unwrap();
        assert_eq!(context.mechanism(), MechanismId::KERBEROS);
        line.sealed(&mut context, b"hello");
        line.end();
        server.expect("\nend");
        server.expect("peer: alice@MIT.TEST");
    }
}
