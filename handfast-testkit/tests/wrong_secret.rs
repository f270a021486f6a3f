//! A wrong secret never authenticates: whatever the flags and the enctype, for every secret that there is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/policies.rs"]
mod policies;

use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use handfast::krb5::exchange::{ExchangeError, TicketOptions};
use handfast::krb5::keytab::{Keytab, KeytabEntry};
use handfast::krb5::message::{ApRep, EncApRepPart, EncryptedData};
use handfast::mech::MechanismId;
use handfast::mech::framing::write_header;
use handfast::{Acceptor, Credential, Error, Flags, Policy, Refusal, ReplayGuard};
use handfast_testkit::{End, Ends, Kind, Party, Say, ScriptedPeer, Testkit, handfast};
use policies::policies;
use std::time::Duration;

const HTTP: &str = "HTTP/www.example.com";

const ENCTYPES: [Enctype; 6] = [
    Enctype::AES128_CTS_HMAC_SHA1_96,
    Enctype::AES256_CTS_HMAC_SHA1_96,
    Enctype::AES128_CTS_HMAC_SHA256_128,
    Enctype::AES256_CTS_HMAC_SHA384_192,
    Enctype::CAMELLIA128_CTS_CMAC,
    Enctype::CAMELLIA256_CTS_CMAC,
];

/// A realm whose service and session keys are of one enctype.
fn kit(enctype: Enctype) -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    kit.user("alice", "correct horse");
    kit.service_of(HTTP, &[enctype]);
    kit.settings(|settings| settings.session_enctypes = vec![enctype]);
    kit
}

/// An acceptor that takes what `policy` asks for.
fn acceptor(kit: &Testkit, keytab: &Keytab, policy: &Policy) -> Acceptor {
    Acceptor::with_random(keytab, Some(ReplayGuard::in_memory()), kit.random()).policy(policy.clone())
}

fn another_key(enctype: Enctype) -> EncryptionKey {
    EncryptionKey::new(enctype, vec![0x5a; enctype.key_size().unwrap()]).unwrap()
}

/// Runs `wrong` for every enctype and every set of flags, after the same with the right secrets has passed.
fn for_all(wrong: impl Fn(&Testkit, &HeldTicket, &Policy)) {
    for enctype in ENCTYPES {
        let kit = kit(enctype);
        let tgt = kit.login("alice", TicketOptions::default()).unwrap();
        let ticket = kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap();
        assert_eq!(ticket.key.enctype(), enctype);
        for policy in policies() {
            let (initiator, _) = run(&kit, &ticket, &kit.keytab(HTTP), &policy).contexts().unwrap();
            assert_eq!(initiator.enctype(), Some(enctype));
            assert_eq!(initiator.flags().missing(policy.flags()), Flags::NONE);
            wrong(&kit, &ticket, &policy);
        }
    }
}

fn run(kit: &Testkit, ticket: &HeldTicket, keytab: &Keytab, policy: &Policy) -> Ends {
    kit.handshake("alice", HTTP)
        .credential(&Credential::tickets(&kit.ccache("alice", [ticket.clone()])))
        .initiator(kit.initiator_with(policy.clone()))
        .acceptor(&acceptor(kit, keytab, policy))
        .run()
}

/// The acceptor refused; the initiator has no context either, unless it wanted no proof.
fn refused(ends: &Ends, policy: &Policy) -> Refusal {
    let Some(Error::Refused(refusal)) = ends.acceptor.error() else { panic!("{ends:?}") };
    match &ends.initiator {
        End::Failed(Error::RefusedByPeer(_)) => assert!(policy.flags().contains(Flags::MUTUAL)),
        End::Established(context) => {
            assert!(!policy.flags().contains(Flags::MUTUAL) && !context.flags().contains(Flags::MUTUAL));
        }
        other => panic!("{other}"),
    }
    (**refusal).clone()
}

#[test]
fn all_sets_of_flags_are_tried() {
    // Sealed, signed or neither; in order, in any order, replays too; proven or not; with and without two more.
    assert_eq!(policies().len(), 3 * 3 * 2 * 2);
}

#[test]
fn a_wrong_session_key() {
    for_all(|kit, ticket, policy| {
        let wrong = HeldTicket { key: another_key(ticket.key.enctype()), ..ticket.clone() };
        let ends = run(kit, &wrong, &kit.keytab(HTTP), policy);
        assert_eq!(refused(&ends, policy), Refusal::AuthenticatorNotDecryptable);
    });
}

#[test]
fn a_wrong_key_in_the_keytab() {
    for_all(|kit, ticket, policy| {
        let replaced = |entry: &KeytabEntry| KeytabEntry { key: another_key(entry.key.enctype()), ..entry.clone() };
        let keytab: Keytab = kit.keytab(HTTP).entries().iter().map(replaced).collect();
        let ends = run(kit, ticket, &keytab, policy);
        assert!(matches!(refused(&ends, policy), Refusal::TicketNotDecryptable { .. }));
    });
}

#[test]
fn an_acceptor_without_a_key_proves_nothing() {
    for_all(|kit, ticket, policy| {
        // What the real acceptor said to the same client a moment ago is all that an impostor could have.
        kit.clock().advance(Duration::from_micros(1));
        let recorded = kit.wire().last(Kind::ApRep).map(|message| message.sent);
        let says = [Some(Say::Reflect), Some(Say::Garbage(200)), recorded.map(Say::Bytes)];
        for say in says.into_iter().flatten() {
            let end = kit
                .handshake("alice", HTTP)
                .credential(&Credential::tickets(&kit.ccache("alice", [ticket.clone()])))
                .initiator(kit.initiator_with(policy.clone()))
                .against(ScriptedPeer::new([say]));
            assert_eq!(end.is_established(), !policy.flags().contains(Flags::MUTUAL), "{end}");
        }
    });
}

/// An acceptor's answer to a token that was made now, under a key of one's own choice (RFC 4120 5.5.2, RFC 4121 4.1).
fn forged_answer(kit: &Testkit, key: &EncryptionKey) -> Vec<u8> {
    let now = kit.now(Party::Initiator);
    let part = EncApRepPart { ctime: now.into(), cusec: now.into(), subkey: None, seq_number: Some(1) };
    let mut cipher = Vec::new();
    CipherKey::new(key, KeyUsage::AP_REP_ENC_PART).unwrap().encrypt(&[7; 16], &part.to_der(), &mut cipher);
    let enc_part = EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher };
    let inner = [&[2, 0][..], &ApRep { enc_part }.to_der()].concat();
    let mut token = Vec::new();
    write_header(MechanismId::KERBEROS, inner.len(), &mut token);
    token.extend(inner);
    token
}

#[test]
fn an_acceptor_with_another_session_key_is_no_acceptor() {
    for_all(|kit, ticket, policy| {
        let mutual = policy.flags().contains(Flags::MUTUAL);
        for (key, passes) in [(ticket.key.clone(), true), (another_key(ticket.key.enctype()), !mutual)] {
            let answer = forged_answer(kit, &key);
            let end = kit
                .handshake("alice", HTTP)
                .credential(&Credential::tickets(&kit.ccache("alice", [ticket.clone()])))
                .initiator(kit.initiator_with(policy.clone()))
                .against(|_: &[u8]| Some(answer.clone()));
            assert_eq!(end.is_established(), passes, "{end}");
        }
    });
}

/// A login with a wrong password or key, for a realm that wants proof first, and for one that does not.
#[test]
fn a_wrong_password_or_key() {
    for enctype in ENCTYPES {
        let kit = kit(enctype);
        let now = kit.clock().right();
        kit.change("alice", |alice| alice.set_password(b"correct horse", &[enctype], None, now).unwrap());
        let client = kit.credential("alice").client().clone();
        let wrong = [
            Credential::password(client.clone(), "battery staple"),
            Credential::password(client.clone(), ""),
            Credential::keys(client, [another_key(enctype)]),
        ];
        for preauth in [true, false] {
            kit.change("alice", |alice| alice.requires_preauth = preauth);
            kit.authenticate("alice", HTTP).unwrap();
            for credential in &wrong {
                let ends = kit.handshake("alice", HTTP).credential(credential).run();
                assert!(matches!(ends.acceptor, End::Waiting));
                let Some(Error::Exchange(error)) = ends.initiator.error() else { panic!("{ends:?}") };
                match &**error {
                    ExchangeError::Refused(refusal) => assert!(preauth && refusal.proof.is_some(), "{error}"),
                    ExchangeError::WrongSecret { .. } => assert!(!preauth, "{error}"),
                    _ => panic!("{error}"),
                }
            }
        }
    }
}
