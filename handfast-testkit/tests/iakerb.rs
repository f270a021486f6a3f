//! IAKERB (draft-ietf-kitten-iakerb-03): a client whose KDC is asked by the acceptor.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "iakerb/hostile.rs"]
mod hostile;
#[path = "iakerb/past_vulnerabilities.rs"]
mod past_vulnerabilities;
#[path = "iakerb/relayed.rs"]
mod relayed;

use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::IakerbHeader;
use handfast::mech::{MechanismId, framing};
use handfast::{Acceptor, Error, Flags, IakerbDialect, IakerbRefusal, Policy, Refusal};
use handfast_testkit::{End, Ends, Leg, Testkit, handfast};

const WEB: &str = "HTTP/www.example.com";

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    kit.user_of("alice", "correct horse", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
    kit.service(WEB);
    kit
}

/// An acceptor that takes clients of this dialect.
fn relaying(kit: &Testkit, dialect: IakerbDialect) -> Acceptor {
    kit.acceptor(WEB).policy(Policy::default().relay_iakerb().with_iakerb_dialect(dialect))
}

fn run(kit: &Testkit, dialect: IakerbDialect) -> Ends {
    run_as(kit, "alice", dialect)
}

fn run_as(kit: &Testkit, client: &str, dialect: IakerbDialect) -> Ends {
    let initiator = kit.initiator_with(Policy::default().with_iakerb_dialect(dialect));
    kit.handshake(client, WEB).iakerb().initiator(initiator).acceptor(&relaying(kit, dialect)).run()
}

fn refusal(end: &End) -> IakerbRefusal {
    match end.error() {
        Some(Error::Refused(refusal)) => match &**refusal {
            Refusal::Iakerb(refusal) => refusal.clone(),
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
}

/// The token that carries `message`, framed, to or from a KDC of `realm`.
fn proxied(realm: &str, message: &[u8]) -> Vec<u8> {
    let target_realm = handfast::krb5::message::TargetRealm { name: realm, is_octet_string: false };
    let header = IakerbHeader { target_realm, cookie: None }.to_der();
    let mut token = Vec::new();
    framing::write_header(MechanismId::IAKERB, 2 + header.len() + message.len(), &mut token);
    token.extend_from_slice(&[5, 1]);
    token.extend_from_slice(&header);
    token.extend_from_slice(message);
    token
}

/// The Kerberos message in a token, framed or not.
fn carried(token: &[u8]) -> Vec<u8> {
    let inner = match token {
        [5, 1, rest @ ..] => rest,
        _ => &framing::read(token).unwrap().1.all()[2..],
    };
    IakerbHeader::decode_front(inner).unwrap().1.to_vec()
}

fn legs(kit: &Testkit) -> Vec<Leg> {
    kit.wire().messages().iter().map(|message| message.leg).collect()
}

fn talk(ends: Ends) {
    let (mut client, mut server) = ends.contexts().unwrap();
    assert_eq!((client.mechanism(), server.mechanism()), (MechanismId::IAKERB, MechanismId::IAKERB));
    assert_eq!(server.peer().to_string(), "alice@EXAMPLE.COM");
    assert_eq!(client.peer(), server.local());
    assert_eq!(client.session_key(), server.session_key());
    assert!(client.flags().contains(Flags::MUTUAL | Flags::CONFIDENTIALITY));
    let mut token = Vec::new();
    client.seal(b"attack at dawn", &mut token).unwrap();
    assert_eq!(server.unseal(&mut token).unwrap(), b"attack at dawn");
}
