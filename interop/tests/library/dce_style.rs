//! DCE style with MIT krb5, both ways: three bare legs, and messages between parts that are only signed. By python3-gssapi,
//! which calls gss_wrap_iov and gss_unwrap_iov; MIT's sample programs have no option for it.

use crate::by_hand::{Beside, Line, OurEnd, Stopped, Way, unchanged};
use crate::ntlm::accounts;
use crate::ours::{kdc, tickets_of};
use handfast::krb5::Keytab;
use handfast::mech::Why;
use handfast::{Acceptor, Context, Flags, Initiator, Policy, Refusal, ReplayGuard};
use handfast_interop::{Library, MitClient, MitRealm, SamplePeer, SampleServer};

const SERVICE: &str = "sample@localhost";
const FLAGS: [&str; 6] = ["mutual", "replay", "sequence", "confidentiality", "integrity", "dce-style"];
/// In the places of a PDU's header and of its security trailer (MS-RPCE 2.2.2.12).
const BESIDE: Beside = [b"a header of the PDU", b"a security trailer"];
const BESIDE_OPTION: &str = "a header of the PDU,a security trailer";

fn acceptor(realm: &MitRealm) -> Acceptor {
    let keytab = Keytab::decode(&std::fs::read(realm.service_keytab()).unwrap()).unwrap();
    Acceptor::new(&keytab, ReplayGuard::in_memory())
}

/// MIT's library with alice's tickets.
fn mit_client(alice: &MitClient, mechanism: &str) -> SamplePeer {
    let peer = SamplePeer::new(Library::Mechglue).mechanism(mechanism).service(SERVICE);
    peer.flags(&FLAGS).tickets(alice.config(), alice.ccache())
}

#[test]
fn mit_krb5_meets_our_acceptor() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    for (mechanism, why, tokens) in [("kerberos", Why::Raw, 3), ("negotiate", Why::FirstChoice, 4)] {
        for beside in [None, Some(BESIDE)] {
            let peer = mit_client(&alice, mechanism);
            let peer = if beside.is_some() { peer.option("--beside", BESIDE_OPTION) } else { peer };
            let messages = ["sealed=hello", "wrapped=hello", "signed=hello", "echo=hello", "echo=@65536"];
            let (said, met) = OurEnd::new(acceptor(&realm)).beside(beside).meet(&peer, &messages, &accounts);
            said.expect_success().expect_text("flags: mutual replay sequence confidentiality integrity dce-style");
            assert_eq!(said.stdout.matches("verified 5 bytes").count(), 3, "{said}");
            said.expect_text("message: encrypted 5 bytes: 'hello'").expect_text("message: encrypted 65536 bytes");
            let met = met.unwrap();
            assert_eq!((met.peer.to_string().as_str(), met.why), ("alice@MIT.TEST", why.clone()));
            assert!(met.flags.contains(Flags::DCE_STYLE | Flags::MUTUAL));
            assert_eq!((met.heard.len(), met.tokens.len()), (6, tokens));
        }
    }
}

/// A context with MIT's library, which serves in a program of its own.
fn reach(server: &SampleServer, realm: &MitRealm, policy: Policy, negotiate: bool) -> (Context, Line) {
    let alice = realm.client_of("alice");
    let credential = tickets_of(alice.ccache());
    let initiator = Initiator::new(policy);
    let name = SERVICE.parse().unwrap();
    let target = initiator.to(&name).credential(&credential);
    let target = if negotiate { target.negotiate() } else { target };
    let mut line = Line::to(server.address(), unchanged);
    let context = line.initiate(target, &kdc(realm.kdc()), false).unwrap();
    (context, line)
}

fn mit_server(realm: &MitRealm) -> SamplePeer {
    SamplePeer::new(Library::Mechglue).keytab(realm.config(), realm.service_keytab())
}

#[test]
fn our_initiator_meets_mit_krb5() {
    let realm = MitRealm::shared();
    for negotiate in [false, true] {
        for beside in [None, Some(BESIDE)] {
            let peer = mit_server(&realm);
            let peer = if beside.is_some() { peer.option("--beside", BESIDE_OPTION) } else { peer };
            let server = peer.serve();
            let (mut context, mut line) = reach(&server, &realm, Policy::default().dce_style(), negotiate);
            assert!(context.flags().contains(Flags::DCE_STYLE | Flags::MUTUAL));
            line.beside = beside;
            for message in [&b"hello"[..], &[b'x'; 65536]] {
                line.sealed(&mut context, message);
                line.wrapped(&mut context, message);
                line.signed(&mut context, message);
                line.echoed(&mut context, message);
            }
            line.end();
            server.expect("\nend");
            server.expect("peer: alice@MIT.TEST\nmechanism: kerberos\nflags: mutual replay sequence");
            let said = server.output();
            assert!(said.contains("integrity dce-style"), "{said}");
            let count = |text: &str| said.matches(text).count();
            assert_eq!(count("message: encrypted 5 bytes: 'hello'"), 2, "{said}");
            assert_eq!(count("message: integrity-only 5 bytes: 'hello'"), 1, "{said}");
            assert_eq!(count("message: encrypted 65536 bytes"), 2, "{said}");
        }
    }
}

/// gss_wrap_iov with a header and no trailer, as SSPI's users do it, without DCE style: all is rotated to the front.
#[test]
fn messages_in_pieces_without_dce_style() {
    let realm = MitRealm::shared();
    let server = mit_server(&realm).option("--beside", BESIDE_OPTION).serve();
    let (mut context, mut line) = reach(&server, &realm, Policy::default(), false);
    line.beside = Some(BESIDE);
    for message in [&b"hello"[..], &[b'x'; 65536]] {
        line.sealed(&mut context, message);
        line.wrapped(&mut context, message);
        line.echoed(&mut context, message);
    }
    line.end();
    server.expect("\nend");
    assert_eq!(server.output().matches("message: encrypted 5 bytes: 'hello'").count(), 2, "{}", server.output());
    assert_eq!(server.output().matches("message: integrity-only 65536 bytes").count(), 1, "{}", server.output());
}

/// The third leg is lost, sent back, or changed on its way: MIT's acceptor makes no context, and neither does ours.
#[test]
fn a_third_leg_that_was_changed_makes_no_context() {
    let realm = MitRealm::shared();
    let changed = |way, token: &mut Vec<u8>| {
        if way == Way::ToPeer(1) {
            let last = token.len() - 1;
            token[last] ^= 1;
        }
    };
    let server = mit_server(&realm).serve();
    let alice = realm.client_of("alice");
    let (credential, initiator) = (tickets_of(alice.ccache()), Initiator::new(Policy::default().dce_style()));
    let name = SERVICE.parse().unwrap();
    let mut line = Line::to(server.address(), changed);
    line.initiate(initiator.to(&name).credential(&credential), &kdc(realm.kdc()), false).unwrap();
    server.expect("failed: ");
    assert!(!server.output().contains("peer: "), "{}", server.output());

    let changed = |way, token: &mut Vec<u8>| {
        if way == Way::FromPeer(1) {
            let last = token.len() - 1;
            token[last] ^= 1;
        }
    };
    let ours = OurEnd::new(acceptor(&realm)).change(changed);
    let (said, met) = ours.meet(&mit_client(&alice, "kerberos"), &[], &accounts);
    let Err(Stopped::Ours(error)) = met else { panic!("{met:?} {said}") };
    assert_eq!(error, handfast::Error::Refused(Box::new(Refusal::InitiatorNotProven)));
}
