//! The initiators of gss-ntlmssp and pyspnego with our acceptor, by NTLM alone.

use crate::by_hand::{Heard, How, OurEnd, Stopped, Way};
use crate::ntlm::{acceptor, accounts, peer, with_wrong_password};
use handfast::mech::{MechanismId, Why};
use handfast::{Account, Error, Flags, Logon, NtlmRefusal, NtlmServer, Policy, Protection, Refusal};
use handfast_interop::Library;
use std::sync::Mutex;

/// What is sent, and how each message must come.
pub const MESSAGES: [&str; 5] = ["sealed=hello", "signed=again", "echo=and back", "sealed=@65536", "echo=@65536"];

pub fn expect_messages(heard: &[Heard]) {
    let sealed = How::Wrapped(Protection::Confidentiality);
    let seen: Vec<_> = heard.iter().map(|heard| (heard.how, heard.message.len())).collect();
    let signed = [(How::Plain, 5), (How::Signed, 5)];
    assert_eq!(seen, [&[(sealed, 5)], &signed[..], &[(sealed, 8), (sealed, 65536), (sealed, 65536)]].concat());
    assert_eq!((heard[0].message.as_slice(), heard[3].message.as_slice()), (&b"hello"[..], &b"and back"[..]));
}

#[test]
fn both_are_met_and_their_messages_taken() {
    for library in Library::ALL {
        let logons = Mutex::new(Vec::new());
        let accounts = |logon: &Logon| {
            logons.lock().unwrap().push(logon.clone());
            accounts(logon)
        };
        let (said, met) = OurEnd::new(acceptor()).meet(&peer(library, "ntlm"), &MESSAGES, &accounts);
        said.expect_success().expect_text("mechanism: ntlm").expect_text("verified 5 bytes");
        said.expect_text("verified 65536 bytes").expect_text("message: encrypted 65536 bytes");
        let met = met.unwrap();
        assert_eq!(met.peer.to_string(), "LAB\\alice");
        assert_eq!((met.mechanism, met.why), (MechanismId::NTLM, Why::Raw));
        assert!(met.tokens.iter().all(|(_, token)| token.starts_with(b"NTLMSSP\0")));
        assert!(!met.flags.contains(Flags::MUTUAL));
        assert!(met.flags.contains(Flags::CONFIDENTIALITY | Flags::INTEGRITY | Flags::REPLAY | Flags::SEQUENCE));
        expect_messages(&met.heard);
        let logons = logons.into_inner().unwrap();
        let names: Vec<_> = logons.iter().map(|logon| (logon.user.as_str(), logon.workstation.as_str())).collect();
        assert_eq!(names, [("alice", "LABHOST")]);
        assert!(logons[0].lm_response.iter().all(|octet| *octet == 0));
        // MsvAvTargetName
        assert_eq!(met.local.to_string(), "host/localhost");
    }
}

#[test]
fn pyspnego_sends_empty_messages_and_reads_in_our_challenge_what_must_be_there() {
    let messages = ["sealed=", "signed=", "echo="];
    let (said, met) = OurEnd::new(acceptor()).meet(&peer(Library::Pyspnego, "ntlm"), &messages, &accounts);
    said.expect_success().expect_text("message: encrypted 0 bytes");
    assert_eq!(said.stdout.matches("verified 0 bytes").count(), 2, "{said}");
    said.expect_text(
        "token: CHALLENGE nb_domain_name=LAB, nb_computer_name=OURS, dns_domain_name=lab.test, \
         dns_computer_name=ours.lab.test, timestamp",
    );
    assert_eq!(met.unwrap().heard.len(), 4);
}

#[test]
fn a_wrong_password_is_refused_whosever_it_is() {
    for library in Library::ALL {
        let wrong = with_wrong_password(peer(library, "ntlm"));
        let (said, met) = OurEnd::new(acceptor()).meet(&wrong, &["sealed=hello"], &accounts);
        said.expect_failure().expect_text("the other side has closed the connection");
        assert!(
            matches!(met.unwrap_err().refusal(), Refusal::Ntlm(NtlmRefusal::NotProven { account }) if account == "LAB\\alice")
        );
    }
}

#[test]
fn an_account_that_is_not_known_is_refused() {
    for library in Library::ALL {
        let mallory = peer(library, "ntlm").only_account("LAB", "mallory", "x");
        let (said, met) = OurEnd::new(acceptor()).meet(&mallory, &["sealed=hello"], &accounts);
        said.expect_failure();
        assert!(matches!(met, Err(Stopped::Ours(Error::AccountRefused))), "{met:?}");
        let nobody = |_: &Logon| Account::Unavailable;
        let (_, met) = OurEnd::new(acceptor()).meet(&peer(library, "ntlm"), &["sealed=hello"], &nobody);
        assert!(matches!(met, Err(Stopped::Ours(Error::AccountUnavailable))), "{met:?}");
    }
}

#[test]
fn gss_ntlmssp_is_refused_when_it_makes_no_mic() {
    let silent = peer(Library::Mechglue, "ntlm").switch("--no-mic");
    let (said, met) = OurEnd::new(acceptor()).meet(&silent, &["sealed=hello"], &accounts);
    said.expect_failure();
    assert_eq!(met.unwrap_err().refusal(), Refusal::Ntlm(NtlmRefusal::MicAbsent));
}

#[test]
fn a_change_on_the_way_is_noticed_by_the_mic() {
    // The client's version, in its first message and in its last: nobody asks for it.
    let first = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(0) {
            token[33] ^= 1;
        }
    };
    let challenge = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(0) {
            token[49] ^= 1;
        }
    };
    let last = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(1) {
            token[65] ^= 1;
        }
    };
    for library in Library::ALL {
        for change in [first, challenge, last] {
            let (said, met) = OurEnd::new(acceptor()).change(change).meet(&peer(library, "ntlm"), &[], &accounts);
            said.expect_text("mechanism: ntlm"); // which knows no answer to its last token
            assert_eq!(met.unwrap_err().refusal(), Refusal::Ntlm(NtlmRefusal::MicMismatch));
        }
    }
}

#[test]
fn channel_bindings_must_match_and_be_there() {
    for library in Library::ALL {
        let meet = |theirs: Option<&str>, policy: Policy| {
            let peer = peer(library, "ntlm");
            let peer = theirs.map_or(peer.clone(), |theirs| peer.bindings(theirs));
            OurEnd::new(acceptor().policy(policy)).bindings("channel one").meet(&peer, &["sealed=hello"], &accounts)
        };
        let strict = Policy::default();
        let lenient = strict.clone().dangerous_accept_absent_channel_bindings();
        let (said, met) = meet(Some("channel one"), strict.clone());
        said.expect_success().expect_text("verified 5 bytes");
        assert_eq!(met.unwrap().heard.len(), 1);
        for policy in [&strict, &lenient] {
            let (said, met) = meet(Some("channel two"), policy.clone());
            said.expect_failure();
            assert_eq!(met.unwrap_err().refusal(), Refusal::ChannelBindingsMismatch);
        }
        let (said, met) = meet(None, strict.clone());
        said.expect_failure();
        assert_eq!(met.unwrap_err().refusal(), Refusal::ChannelBindingsAbsent);
        let (said, met) = meet(None, lenient);
        said.expect_success();
        assert!(met.is_ok(), "{met:?}");
    }
}

#[test]
fn a_context_that_only_signs_is_made_where_the_client_wants_no_more() {
    for library in Library::ALL {
        let signing = peer(library, "ntlm").flags(&["integrity", "replay", "sequence"]);
        let (said, met) = OurEnd::new(acceptor()).meet(&signing, &["signed=hello", "plain=again"], &accounts);
        said.expect_success();
        let flags = said.stdout.lines().find(|line| line.starts_with("flags: ")).unwrap();
        assert!(flags.contains("integrity") && !flags.contains("confidentiality"), "{flags}");
        let met = met.unwrap();
        assert!(met.flags.contains(Flags::INTEGRITY) && !met.flags.contains(Flags::CONFIDENTIALITY), "{met:?}");
        assert_eq!(met.heard[1].how, How::Signed);
    }
}

/// gss-ntlmssp always asks for integrity.
#[test]
fn a_context_that_protects_nothing_is_made_only_by_a_policy_that_says_so() {
    let bare = peer(Library::Pyspnego, "ntlm").flags(&[]);
    let (_, met) = OurEnd::new(acceptor()).meet(&bare, &["signed=hello"], &accounts);
    assert_eq!(met.unwrap_err().refusal(), Refusal::FlagsMissing(Flags::INTEGRITY));
    let policy = Policy::default().authentication_only();
    let (said, met) = OurEnd::new(acceptor().policy(policy)).meet(&bare, &[], &accounts);
    said.expect_success().expect_text("\nflags: \n");
    let met = met.unwrap();
    assert_eq!((met.peer.to_string().as_str(), met.flags), ("LAB\\alice", Flags::NONE));
}

#[test]
fn a_client_that_wants_another_service_is_refused() {
    let server = NtlmServer::new("OURS", "LAB").only_targets(["HTTP@localhost".parse().unwrap()]);
    let picky = acceptor().dangerous_with_ntlm(server);
    let host = peer(Library::Pyspnego, "ntlm");
    let (_, met) = OurEnd::new(picky.clone()).meet(&host, &["sealed=hello"], &accounts);
    assert_eq!(met.unwrap_err().refusal(), Refusal::Ntlm(NtlmRefusal::Target { target: "host/localhost".into() }));
    let (said, met) = OurEnd::new(picky).meet(&host.service("HTTP@localhost"), &["sealed=hello"], &accounts);
    said.expect_success();
    assert_eq!(met.unwrap().local.to_string(), "HTTP/localhost");
}
