//! The initiators of MIT (Kerberos and gss-ntlmssp) and of pyspnego in SPNEGO with our acceptor.

use crate::by_hand::{OurEnd, Stopped, Way, kerberos_renamed, without_kerberos};
use crate::ntlm::{acceptor, accounts, peer, with_wrong_password};
use crate::ntlm_acceptor::{MESSAGES, expect_messages};
use handfast::krb5::Keytab;
use handfast::mech::{MechanismId, Why};
use handfast::{Acceptor, Flags, NtlmRefusal, Policy, Refusal};
use handfast_interop::{Library, MitClient, MitRealm, SamplePeer};
use std::sync::Arc;

const KERBEROS: &str = "1.2.840.113554.1.2.2";
const SERVICE: &str = "sample@localhost";

/// alice's tickets, and the realm that they are of, which all tests share while one of them holds it.
struct Tickets {
    client: MitClient,
    _realm: Arc<MitRealm>,
}

fn tickets() -> Tickets {
    let realm = MitRealm::shared();
    Tickets { client: realm.client_of("alice"), _realm: realm }
}

impl Tickets {
    fn given_to(&self, peer: SamplePeer) -> SamplePeer {
        peer.service(SERVICE).tickets(self.client.config(), self.client.ccache())
    }
}

/// A peer with alice's tickets and with her NTLM account.
fn with_both(library: Library, tickets: &Tickets) -> SamplePeer {
    tickets.given_to(peer(library, "negotiate"))
}

/// An acceptor with the keys of the realm's services, and with NTLM.
fn any() -> Acceptor {
    let keytab = std::fs::read(MitRealm::shared().service_keytab()).unwrap();
    acceptor().with_keytab(&Keytab::decode(&keytab).unwrap())
}

#[test]
fn ntlm_is_chosen_where_the_client_has_nothing_else_and_the_list_is_proven() {
    for library in Library::ALL {
        let (said, met) = OurEnd::new(any()).meet(&peer(library, "negotiate"), &MESSAGES, &accounts);
        said.expect_success().expect_text("mechanism: ntlm").expect_text("verified 65536 bytes");
        said.expect_text("message: encrypted 65536 bytes");
        let met = met.unwrap();
        assert_eq!((met.peer.to_string().as_str(), met.mechanism), ("LAB\\alice", MechanismId::NTLM));
        assert!(!met.flags.contains(Flags::MUTUAL));
        expect_messages(&met.heard);
        // mechListMIC [3] OCTET STRING (RFC 4178 4.2.2), the last field of the last token
        let (_, last) = met.tokens.last().unwrap();
        assert!(last[last.len() - 20..].starts_with(&[0xa3, 18, 0x04, 16]), "{last:02x?}");
    }
}

#[test]
fn kerberos_is_chosen_where_it_is_the_first_choice_of_both() {
    let tickets = tickets();
    for library in Library::ALL {
        let (said, met) = OurEnd::new(any()).meet(&with_both(library, &tickets), &MESSAGES, &accounts);
        said.expect_success().expect_text("mechanism: kerberos").expect_text("verified 65536 bytes");
        said.expect_text("flags: mutual replay sequence confidentiality integrity");
        let met = met.unwrap();
        assert_eq!((met.mechanism, met.why), (MechanismId::KERBEROS, Why::FirstChoice));
        assert_eq!(met.peer.to_string(), "alice@MIT.TEST");
        assert_eq!(met.local.to_string(), "sample/localhost@MIT.TEST");
        expect_messages(&met.heard);
    }
}

/// Kerberos' optimistic token is passed over, and both prove the list.
#[test]
fn ntlm_is_chosen_where_we_have_no_key_for_kerberos() {
    let tickets = tickets();
    for library in Library::ALL {
        let (said, met) = OurEnd::new(acceptor()).meet(&with_both(library, &tickets), &MESSAGES, &accounts);
        said.expect_success().expect_text("mechanism: ntlm").expect_text("verified 65536 bytes");
        let met = met.unwrap();
        assert_eq!(met.mechanism, MechanismId::NTLM);
        assert_eq!(met.why, Why::ChosenByAcceptor { first_choice: KERBEROS.into() });
        assert_eq!(met.peer.to_string(), "LAB\\alice");
        expect_messages(&met.heard);
        if library == Library::Pyspnego {
            said.expect_text("token: NegTokenResp request_mic, supportedMech 1.3.6.1.4.1.311.2.2.10");
            said.expect_text("token: NegTokenResp accept_complete, supportedMech none\ntoken: mechListMIC");
        }
    }
}

#[test]
fn the_same_acceptor_meets_raw_tokens() {
    let tickets = tickets();
    for library in Library::ALL {
        let raw = tickets.given_to(SamplePeer::new(library).mechanism("kerberos"));
        let (said, met) = OurEnd::new(any()).meet(&raw, &MESSAGES, &accounts);
        said.expect_success().expect_text("mechanism: kerberos").expect_text("verified 65536 bytes");
        let met = met.unwrap();
        assert_eq!((met.peer.to_string().as_str(), met.why), ("alice@MIT.TEST", Why::Raw));
        let (said, met) = OurEnd::new(any()).meet(&peer(library, "ntlm"), &["sealed=hello"], &accounts);
        said.expect_success().expect_text("mechanism: ntlm").expect_text("verified 5 bytes");
        let met = met.unwrap();
        assert_eq!((met.peer.to_string().as_str(), met.why), ("LAB\\alice", Why::Raw));
    }
}

#[test]
fn an_acceptor_without_ntlm_takes_none() {
    let tickets = tickets();
    let keytab = std::fs::read(MitRealm::shared().service_keytab()).unwrap();
    let strict = Acceptor::new(&Keytab::decode(&keytab).unwrap(), handfast::ReplayGuard::in_memory());
    for library in Library::ALL {
        let (said, met) = OurEnd::new(strict.clone()).meet(&peer(library, "negotiate"), &["sealed=hello"], &accounts);
        said.expect_failure();
        let refusal = met.unwrap_err().refusal();
        assert!(matches!(refusal, Refusal::NoCommonMechanism { .. }), "{refusal:?}");
        let (said, met) = OurEnd::new(strict.clone()).meet(&with_both(library, &tickets), &["sealed=hello"], &accounts);
        said.expect_success().expect_text("mechanism: kerberos");
        assert_eq!(met.unwrap().mechanism, MechanismId::KERBEROS);
    }
}

#[test]
fn a_wrong_password_is_refused_and_the_client_told() {
    for library in Library::ALL {
        let wrong = with_wrong_password(peer(library, "negotiate"));
        let (said, met) = OurEnd::new(any()).meet(&wrong, &["sealed=hello"], &accounts);
        said.expect_failure();
        assert!(!said.stdout.contains("mechanism: "), "{said}");
        assert!(
            matches!(met.unwrap_err().refusal(), Refusal::Ntlm(NtlmRefusal::NotProven { account }) if account == "LAB\\alice")
        );
    }
}

#[test]
fn a_list_that_was_shortened_on_its_way_makes_no_context() {
    let shortened = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(0) {
            without_kerberos(token);
        }
    };
    let tickets = tickets();
    for library in Library::ALL {
        let ours = OurEnd::new(any()).change(shortened);
        let (said, met) = ours.meet(&with_both(library, &tickets), &["sealed=hello"], &accounts);
        said.expect_failure();
        assert!(!said.stdout.contains("mechanism: "), "{said}");
        assert!(met.is_err(), "{met:?}");
    }
}

#[test]
fn a_mic_that_was_changed_makes_no_context() {
    // The client's is the last field of its second token, ours of our second.
    let theirs = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(1) {
            *token.last_mut().unwrap() ^= 1;
        }
    };
    let ours = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(1) {
            *token.last_mut().unwrap() ^= 1;
        }
    };
    for library in Library::ALL {
        let negotiating = peer(library, "negotiate");
        let (said, met) = OurEnd::new(any()).change(theirs).meet(&negotiating, &["sealed=hello"], &accounts);
        said.expect_failure();
        assert_eq!(met.unwrap_err().refusal(), Refusal::MechListMicMismatch);
        let (said, _) = OurEnd::new(any()).change(ours).meet(&negotiating, &["sealed=hello"], &accounts);
        said.expect_failure();
        assert!(!said.stdout.contains("mechanism: "), "{said}");
    }
}

#[test]
fn channel_bindings_must_match_and_be_there() {
    let tickets = tickets();
    for library in Library::ALL {
        for client in [peer(library, "negotiate"), with_both(library, &tickets)] {
            let meet = |client: &SamplePeer, policy: Policy| {
                let acceptor = any().policy(policy);
                OurEnd::new(acceptor).bindings("channel one").meet(client, &["sealed=hello"], &accounts)
            };
            let strict = Policy::default();
            let (said, met) = meet(&client.clone().bindings("channel one"), strict.clone());
            said.expect_success().expect_text("verified 5 bytes");
            assert_eq!(met.unwrap().heard.len(), 1);
            let (said, met) = meet(&client.clone().bindings("channel two"), strict.clone());
            said.expect_failure();
            assert_eq!(met.unwrap_err().refusal(), Refusal::ChannelBindingsMismatch);
            let (said, met) = meet(&client, strict.clone());
            said.expect_failure();
            assert_eq!(met.unwrap_err().refusal(), Refusal::ChannelBindingsAbsent);
            let (said, met) = meet(&client, strict.dangerous_accept_absent_channel_bindings());
            said.expect_success();
            assert!(met.is_ok(), "{met:?}");
        }
    }
}

/// By NTLM: MIT's Kerberos asks for confidentiality whatever is wanted.
#[test]
fn a_context_that_only_signs_is_made_where_the_client_wants_no_more() {
    for library in Library::ALL {
        let signing = peer(library, "negotiate").flags(&["integrity", "replay", "sequence"]);
        let (said, met) = OurEnd::new(any()).meet(&signing, &["signed=hello", "plain=again"], &accounts);
        said.expect_success().expect_text("verified 5 bytes");
        let flags = met.unwrap().flags;
        assert!(flags.contains(Flags::INTEGRITY) && !flags.contains(Flags::CONFIDENTIALITY), "{flags}");
    }
}

/// pyspnego can have Kerberos ask for no integrity, as for HTTP.
#[test]
fn a_kerberos_context_that_protects_nothing_is_made_only_by_a_policy_that_says_so() {
    let tickets = tickets();
    for mechanism in ["kerberos", "negotiate"] {
        let bare = tickets.given_to(SamplePeer::new(Library::Pyspnego).mechanism(mechanism));
        let bare = bare.flags(&["mutual", "no-integrity"]);
        let (said, met) = OurEnd::new(any()).meet(&bare, &["signed=hello"], &accounts);
        said.expect_failure();
        assert_eq!(met.unwrap_err().refusal(), Refusal::FlagsMissing(Flags::INTEGRITY));
        let policy = Policy::default().authentication_only();
        let (said, met) = OurEnd::new(any().policy(policy)).meet(&bare, &[], &accounts);
        said.expect_success().expect_text("mechanism: kerberos");
        let met = met.unwrap();
        assert_eq!(met.peer.to_string(), "alice@MIT.TEST");
        assert_eq!(met.flags & (Flags::MUTUAL | Flags::INTEGRITY | Flags::CONFIDENTIALITY), Flags::MUTUAL);
    }
}

#[test]
fn pyspnego_takes_our_hint() {
    let tickets = tickets();
    for (client, mechanism) in [
        (peer(Library::Pyspnego, "negotiate"), MechanismId::NTLM),
        (with_both(Library::Pyspnego, &tickets), MechanismId::KERBEROS),
    ] {
        let (said, met) =
            OurEnd::new(any()).speak_first().meet(&client.switch("--hinted"), &["sealed=hello"], &accounts);
        said.expect_success();
        said.expect_text(&format!("token: NegTokenInit mechTypes {KERBEROS} 1.3.6.1.4.1.311.2.2.10\n"));
        assert_eq!(met.unwrap().mechanism, mechanism);
    }
}

/// Kerberos by the name that Windows gives it: our answer uses the same name, and both understand it.
#[test]
fn kerberos_is_known_by_its_other_name() {
    let renamed = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(0) {
            kerberos_renamed(token);
        }
    };
    let tickets = tickets();
    for library in Library::ALL {
        let client = with_both(library, &tickets);
        let (said, met) = OurEnd::new(any()).change(renamed).meet(&client, &["sealed=hello"], &accounts);
        said.expect_success().expect_text("mechanism: kerberos");
        if library == Library::Pyspnego {
            said.expect_text("supportedMech 1.2.840.48018.1.2.2");
        }
        assert_eq!(met.unwrap().mechanism, MechanismId::KERBEROS);
    }
}

#[test]
fn a_ticket_for_a_key_that_we_lack_makes_no_context() {
    let tickets = tickets();
    let keytab = std::fs::read(MitRealm::shared().user_keytab()).unwrap();
    let other = acceptor().with_keytab(&Keytab::decode(&keytab).unwrap());
    for library in Library::ALL {
        let (said, met) = OurEnd::new(other.clone()).meet(&with_both(library, &tickets), &["sealed=hello"], &accounts);
        said.expect_failure();
        assert!(matches!(met, Err(Stopped::Ours(_))), "{met:?}");
    }
}
