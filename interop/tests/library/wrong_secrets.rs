//! A wrong secret never authenticates, whatever flags are negotiated: not to a peer, and no peer to us.

use crate::by_hand::OurEnd;
use crate::ntlm::{Reach, acceptor, accounts, peer, with_wrong_password};
use handfast::{Flags, NtlmRefusal, Policy, Refusal};
use handfast_interop::Library;

#[test]
fn no_peer_takes_ours() {
    let policies: [fn(Policy) -> Policy; 5] = [
        |policy| policy,
        |policy| policy.integrity_only(),
        |policy| policy.authentication_only(),
        |policy| policy.any_message_order().dangerous_no_replay_detection(),
        |policy| policy.with_flags(Flags::IDENTIFY),
    ];
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            let reach = || if mechanism == "ntlm" { Reach::raw() } else { Reach::negotiating() };
            let server = peer(library, mechanism).serve();
            for (tried, policy) in (1..).zip(policies) {
                drop(reach().policy(policy).wrong_password().reach(&server));
                server.expect_times("failed: ", tried);
            }
            assert!(!server.output().contains("peer: "), "{}", server.output());
            // The same with the right one: it was not for something else.
            drop(reach().reach(&server).unwrap());
            server.expect("peer: LAB\\alice");
        }
    }
}

#[test]
fn none_of_a_peers_is_taken_by_us() {
    let flags: [&[&str]; 5] = [
        &[],
        &["integrity"],
        &["integrity", "confidentiality"],
        &["integrity", "replay", "sequence"],
        &["mutual", "integrity", "confidentiality", "replay", "sequence"],
    ];
    let lenient = Policy::default().authentication_only().dangerous_no_replay_detection();
    let ours = OurEnd::new(acceptor().policy(lenient));
    for library in Library::ALL {
        for mechanism in ["ntlm", "negotiate"] {
            for flags in flags {
                let peer = peer(library, mechanism).flags(flags);
                let (said, met) = ours.meet(&with_wrong_password(peer.clone()), &["signed=hello"], &accounts);
                said.expect_failure();
                let refusal = met.unwrap_err().refusal();
                assert!(matches!(refusal, Refusal::Ntlm(NtlmRefusal::NotProven { .. })), "{refusal:?}");
                // The same with the right one: it was not for something else.
                let (said, met) = ours.meet(&peer, &[], &accounts);
                said.expect_success();
                assert_eq!(met.unwrap().peer.to_string(), "LAB\\alice");
            }
        }
    }
}
