//! IAKERB with both of MIT krb5's dialects: 1.20 of Debian, and 1.22, whose libraries come inside of a Python wheel. The client
//! knows no KDC; all that it gets comes through the acceptor.
//!
//! In SPNEGO there is no peer for it: MIT's leaves out what is no default mechanism, on either end, whatever is asked for with
//! gss_set_neg_mechs.

use crate::ours::{OurServer, Served, connect_by, kdc, no_kdc};
use handfast::{Credential, Error, IakerbDialect, Policy};
use handfast_interop::{Library, MitClient, MitConfig, MitRealm, Run, SamplePeer, silent_address};
use handfast_net::driver::HandshakeError;
use handfast_net::stream::{SampleMessage, StreamOptions};
use std::net::SocketAddr;

const SERVICE: &str = "sample@localhost";
const SEALED: SampleMessage =
    SampleMessage { protection: Some(handfast::Protection::Confidentiality), answer_signed: true };

/// One of the two, and how we speak with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mit {
    Old,
    New,
}

use Mit::{New, Old};

impl Mit {
    fn dialect(self) -> IakerbDialect {
        match self {
            Old => IakerbDialect::Mit121,
            New => IakerbDialect::Draft,
        }
    }

    fn peer(self) -> SamplePeer {
        let peer = SamplePeer::new(Library::Mechglue).mechanism("iakerb").service(SERVICE);
        match self {
            Old => peer,
            New => peer.newer_krb5(),
        }
    }

    /// An acceptor, which asks the realm's KDC for its clients.
    fn acceptor(self, realm: &MitRealm) -> SamplePeer {
        self.peer().keytab(realm.config(), realm.service_keytab())
    }

    /// What a client of MIT's says that sends us a message, and knows no KDC: the one that its configuration names is silent.
    ///
    /// The old one is gss-client: python3-gssapi begins with an empty token, which the old library takes for the acceptor's.
    fn client_says(self, user: &str, password: &str, port: u16) -> Run {
        let (_, nobody) = silent_address();
        let config = MitConfig::new(MitRealm::NAME, nobody);
        match self {
            Old => {
                let options = ["-iakerb", "-user", user, "-pass", password];
                MitClient::new(&config).gss_client(port, SERVICE, "hello through us", &options)
            }
            New => self.peer().password(&config, user, password).connect(port, &["sealed=hello through us"]),
        }
    }

    /// What the client says when our signature of its message has passed.
    fn content(self) -> &'static str {
        if self == Old { "Signature verified." } else { "verified 16 bytes" }
    }
}

/// Our acceptor, which asks the realm's KDC for clients of both dialects.
fn relaying(realm: &MitRealm, dialect: IakerbDialect) -> OurServer {
    let (policy, mits) = (Policy::default().relay_iakerb().with_iakerb_dialect(dialect), kdc(realm.kdc()));
    OurServer::new(realm.service_keytab()).policy(policy).options(move |options| options.relay(mits))
}

fn password(user: &str, password: &str) -> Credential {
    Credential::password(user.parse().unwrap(), password)
}

/// A message through MIT's acceptor; how many tickets came with it.
fn reach(mit: Mit, credential: &Credential, server: SocketAddr) -> Result<usize, HandshakeError> {
    let policy = Policy::default().with_iakerb_dialect(mit.dialect());
    let mut stream =
        connect_by(|target| target.iakerb(), server, SERVICE, credential, policy, &no_kdc, &StreamOptions::default())?;
    let acquired = stream.context().acquired().len();
    stream.send(b"hello through you", SEALED).unwrap();
    stream.end().unwrap();
    Ok(acquired)
}

#[test]
fn we_log_in_through_mits_acceptors() {
    let realm = MitRealm::shared();
    for mit in [Old, New] {
        let server = mit.acceptor(&realm).serve();
        let alice = password("alice@MIT.TEST", &realm.password("alice"));
        assert_eq!(reach(mit, &alice, server.address()).unwrap(), 2, "a login and a ticket");
        server.expect("peer: alice@MIT.TEST\nmechanism: iakerb\n");
        server.expect("message: encrypted 17 bytes: 'hello through you'");
        // What was obtained serves again, without a login; MIT krb5 1.20 wants something to carry nonetheless.
        assert_eq!(reach(mit, &alice, server.address()).unwrap(), usize::from(mit == Old));
        server.expect_times("message: encrypted 17 bytes", 2);
    }
    realm.expect_kdc_log("alice@MIT.TEST for sample/localhost@MIT.TEST");
}

#[test]
fn mits_initiators_log_in_through_us() {
    let realm = MitRealm::shared();
    for mit in [Old, New] {
        let mut server = relaying(&realm, mit.dialect());
        server.accept_one();
        let said = mit.client_says("alice@MIT.TEST", &realm.password("alice"), server.port());
        said.expect_success().expect_text("sample/localhost@MIT.TEST").expect_text(mit.content());
        let Served { peer, local, received, .. } = server.result().unwrap();
        assert_eq!((peer.as_str(), local.as_str()), ("alice@MIT.TEST", "sample/localhost@MIT.TEST"), "{mit:?}");
        assert_eq!(received[0].message, b"hello through us");
    }
}

/// An acceptor of ours with the old dialect takes the new one as well: the client's first token tells.
#[test]
fn one_acceptor_of_ours_takes_both_and_a_strict_one_the_drafts() {
    let realm = MitRealm::shared();
    for (mit, dialect, welcome) in [
        (Old, IakerbDialect::Mit121, true),
        (New, IakerbDialect::Mit121, true),
        (New, IakerbDialect::Draft, true),
        (Old, IakerbDialect::Draft, false),
    ] {
        let mut server = relaying(&realm, dialect);
        server.accept_one();
        let said = mit.client_says("alice@MIT.TEST", &realm.password("alice"), server.port());
        assert_eq!(said.text().contains(mit.content()), welcome, "{mit:?}, {dialect:?}: {}", said.text());
        assert_eq!(server.result().is_ok(), welcome);
    }
}

#[test]
fn realms_are_found_with_mit_krb5_1_22() {
    let realm = MitRealm::shared();
    // Ours asks MIT's.
    let server = New.acceptor(&realm).serve();
    let alice = password("alice", &realm.password("alice"));
    assert_eq!(reach(New, &alice, server.address()).unwrap(), 2);
    server.expect("peer: alice@MIT.TEST\nmechanism: iakerb\n");
    // MIT's asks ours, and has no realm of its own to fall back on.
    let mut server = relaying(&realm, IakerbDialect::Draft);
    server.accept_one();
    let said = New.client_says("alice", &realm.password("alice"), server.port());
    said.expect_success().expect_text(New.content());
    assert_eq!(server.result().unwrap().peer, "alice@MIT.TEST");
}

#[test]
fn a_wrong_password_is_refused_both_ways() {
    let realm = MitRealm::shared();
    for mit in [Old, New] {
        let server = mit.acceptor(&realm).serve();
        let refused = reach(mit, &password("alice@MIT.TEST", "wrong"), server.address()).unwrap_err();
        assert!(refused.to_string().contains("most likely the password is wrong"), "{refused}");
        assert!(!server.output().contains("peer:"), "{}", server.output());
        let mut server = relaying(&realm, mit.dialect());
        server.accept_one();
        let said = mit.client_says("alice@MIT.TEST", "wrong", server.port());
        said.expect_failure();
        assert!(server.result().is_err());
    }
}

#[test]
fn a_silent_kdc_is_told_both_ways() {
    let realm = MitRealm::shared();
    let (_, nobody) = silent_address();
    let alice = password("alice@MIT.TEST", &realm.password("alice"));
    for mit in [Old, New] {
        // MIT's acceptor with a KDC that is not there.
        let nowhere = MitConfig::new(MitRealm::NAME, nobody).tcp_only();
        let server = mit.peer().keytab(&nowhere, realm.service_keytab()).serve();
        let told = reach(mit, &alice, server.address()).unwrap_err().to_string();
        if mit == New {
            assert!(told.contains("KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE (86)"), "{told}");
        }
        // Ours, to MIT's initiator.
        let policy = Policy::default().relay_iakerb().with_iakerb_dialect(mit.dialect());
        let mut server = OurServer::new(realm.service_keytab()).policy(policy).options(|options| options.relay(no_kdc));
        server.accept_one();
        let said = mit.client_says("alice@MIT.TEST", &realm.password("alice"), server.port());
        said.expect_failure();
        let result = server.result();
        assert!(matches!(result, Err(HandshakeError::Mechanism(Error::KdcUnreachable(_)))), "{result:?}");
        said.expect_text("IAKERB");
    }
}
