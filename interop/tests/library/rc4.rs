//! rc4-hmac (RFC 4757) with MIT krb5, where both sides are told to take it.

use crate::by_hand::{Beside, Line, unchanged};
use crate::our_realm::{OurRealm, principal};
use crate::ours::{OurServer, Served, connect, kdc, now};
use handfast::crypto::OsRandom;
use handfast::krb5::enctype::Enctype;
use handfast::{Credential, Initiator, Policy, Protection};
use handfast_interop::{GssServer, Library, MitClient, MitRealm, SamplePeer};
use handfast_kdc::{PrincipalEntry, Settings};
use handfast_net::driver::HandshakeError;
use handfast_net::stream::{SampleMessage, StreamOptions};
use std::path::PathBuf;

const RC4: Enctype = Enctype::RC4_HMAC;
const AES: &str = "aes256-cts-hmac-sha1-96";

/// MIT's realm with a user and a service that have keys of RC4 alone: session keys for `rc4` are of RC4, those for `old`
/// of AES.
struct Rc4Realm {
    realm: MitRealm,
    keytab: PathBuf,
}

impl Rc4Realm {
    fn start() -> Self {
        let realm = MitRealm::start_with(&["allow_rc4 = true"]);
        let keytab = realm.service_keytab().with_file_name("rc4.keytab");
        let to = keytab.display();
        realm.kadmin(&format!(
            "addprinc +requires_preauth -e arcfour-hmac:normal -pw carol-password carol\n\
             addprinc -randkey -e arcfour-hmac:normal rc4/localhost\n\
             setstr rc4/localhost session_enctypes arcfour-hmac\n\
             ktadd -q -norandkey -k {to} rc4/localhost\n\
             addprinc -randkey -e arcfour-hmac:normal old/localhost\n\
             setstr old/localhost session_enctypes {AES}\n\
             ktadd -q -norandkey -k {to} old/localhost\n"
        ));
        Rc4Realm { realm, keytab }
    }

    fn carol(&self) -> Credential {
        Credential::password("carol@MIT.TEST".parse().unwrap(), self.realm.password("carol"))
    }

    /// gss-client as carol with our acceptor: what it prints and traces, and how the connection ended here.
    fn meet(&self, service: &str, policy: Policy, options: &[&str]) -> (String, Result<Served, HandshakeError>) {
        let carol = self.realm.client_of("carol");
        let mut server = OurServer::new(&self.keytab).policy(policy).options(|o| o.dangerous_unprotected_messages());
        server.accept_one();
        let run = carol.gss_client(server.port(), service, "hello", options);
        (run.text() + &carol.trace(), server.result())
    }
}

#[test]
fn gss_server_takes_messages_under_rc4_sealed_and_signed_and_signs_its_own() {
    let rc4 = Rc4Realm::start();
    let message = |protection| SampleMessage { protection: Some(protection), answer_signed: true };
    for policy in [Policy::default().weak_rc4(), Policy::default().weak_rc4().dangerous_unproven_acceptor()] {
        let server = GssServer::start(rc4.realm.config(), &rc4.keytab, "rc4@localhost");
        let (kdc, options) = (kdc(rc4.realm.kdc()), StreamOptions::default().dangerous_unprotected_messages());
        let mut stream = connect(server.address(), "rc4@localhost", &rc4.carol(), policy, &kdc, &options).unwrap();
        assert_eq!(stream.context().enctype(), Some(RC4));
        // Each is answered by a MIC of it, which is checked here.
        stream.send(b"sealed by us", message(Protection::Confidentiality)).unwrap();
        stream.send(b"signed by us", message(Protection::Integrity)).unwrap();
        stream.send(&[b'x'; 300], message(Protection::Confidentiality)).unwrap();
        stream.end().unwrap();
        server.expect_accepted("carol@MIT.TEST", "rc4/localhost@MIT.TEST");
        for text in ["sealed by us", "signed by us", &"x".repeat(300)] {
            server.expect_log(&format!("Received message: \"{text}\""));
        }
        // RFC 4757 7.3: SGN_ALG 11 00, SEAL_ALG 10 00 or ff ff, behind the frame.
        server.expect_log("02 01 11 \n00 10 00 ff ff");
        server.expect_log("02 01 11 \n00 ff ff ff ff");
        server.expect_log("NOOP token");
    }
}

#[test]
fn gss_client_talks_to_us_under_rc4() {
    let rc4 = Rc4Realm::start();
    for (options, protection) in [
        (&["-mcount", "3"][..], Protection::Confidentiality),
        (&["-nx"], Protection::Integrity),
        (&["-nomutual"], Protection::Confidentiality),
    ] {
        let (output, served) = rc4.meet("rc4@localhost", Policy::default().weak_rc4(), options);
        let served = served.unwrap();
        assert!(output.contains("Signature verified."), "{output}");
        assert_eq!((served.peer.as_str(), served.enctype), ("carol@MIT.TEST", Some(RC4)));
        assert!(served.received.iter().all(|received| received.how.protection == Some(protection)));
        assert!(served.received.iter().all(|received| received.message == b"hello"));
    }
}

#[test]
fn our_acceptor_refuses_gss_clients_tickets_and_keys_of_rc4_unless_its_policy_names_them() {
    let rc4 = Rc4Realm::start();
    let (tickets, default) = (|| Policy::default().weak_rc4_tickets(), Policy::default);
    for (service, policy) in [("rc4@localhost", default()), ("rc4@localhost", tickets()), ("old@localhost", default())]
    {
        let (output, served) = rc4.meet(service, policy, &[]);
        assert!(!output.contains("Signature verified."), "{output}");
        let error = served.unwrap_err().to_string();
        assert!(error.contains("rc4-hmac"), "{error}");
    }
    let (output, served) = rc4.meet("old@localhost", tickets(), &[]);
    assert!(output.contains("Signature verified."), "{output}");
    assert_eq!(served.unwrap().enctype, Some(Enctype::AES256_CTS_HMAC_SHA1_96));
}

#[test]
fn our_login_has_no_key_of_rc4_unless_its_policy_names_it() {
    let rc4 = Rc4Realm::start();
    let server = GssServer::start(rc4.realm.config(), &rc4.keytab, "rc4@localhost");
    let (kdc, options) = (kdc(rc4.realm.kdc()), StreamOptions::default());
    let refused = connect(server.address(), "rc4@localhost", &rc4.carol(), Policy::default(), &kdc, &options);
    assert!(refused.is_err());
    // MIT's KDC asks for a proof all the same; it is not told of RC4, and gets none.
    rc4.realm.expect_kdc_log("AS_REQ (6 etypes {");
    let log = rc4.realm.kdc_log();
    assert!(log.contains("NEEDED_PREAUTH: carol@MIT.TEST"), "{log}");
    assert!(!log.contains("(23)") && !log.contains("ISSUE"), "{log}");
}

#[test]
fn mits_programs_get_tickets_of_rc4_from_our_realm_if_its_settings_name_it() {
    let old = |realm: &OurRealm| {
        let names = [principal("carol"), principal("rc4/localhost")];
        let [carol, service] = names;
        realm.insert(PrincipalEntry::user_of(carol, b"carol-password", &[RC4], now()).unwrap());
        realm.insert(PrincipalEntry::service_of(service, &[RC4], &OsRandom, now()).unwrap());
    };
    let session_enctypes = vec![Enctype::AES256_CTS_HMAC_SHA1_96, RC4];
    let realm = OurRealm::start_with(
        Settings { weak_rc4: true, session_enctypes, ..Settings::default() },
        std::time::Duration::ZERO,
    );
    old(&realm);
    let client = MitClient::new(&realm.config().setting("allow_rc4 = true"));
    client.kinit("carol", "carol-password").expect_success();
    assert!(client.trace().contains("AS key determined by preauth: rc4-hmac/"), "{}", client.trace());
    let keytab = realm.keytab(&["rc4/localhost"]);
    client.kvno_keytab("rc4/localhost", &keytab).expect_success().expect_text("kvno = 1, keytab entry valid");
    let list = client.klist();
    let ticket = list.ticket("rc4/localhost@OURS.TEST");
    assert!(ticket.session_enctype.contains("arcfour-hmac"), "{ticket:?}");

    let realm = OurRealm::start();
    old(&realm);
    let client = MitClient::new(&realm.config().setting("allow_rc4 = true"));
    let refused = client.kinit("carol", "carol-password");
    assert!(!refused.status.success() && refused.text().contains("no support for encryption type"), "{refused}");
}

/// In DCE style (RFC 4757 7.3) nothing stands behind a message, and the acceptor has a subkey: with gss_wrap_iov.
#[test]
fn mits_library_talks_dce_style_under_rc4_with_us() {
    let rc4 = Rc4Realm::start();
    let peer = SamplePeer::new(Library::Mechglue).keytab(rc4.realm.config(), &rc4.keytab);
    let beside: Beside = [b"front", b"back"];
    for beside in [None, Some(beside)] {
        let peer = if beside.is_some() { peer.clone().option("--beside", "front,back") } else { peer.clone() };
        let server = peer.serve();
        let initiator = Initiator::new(Policy::default().weak_rc4().dce_style());
        let (carol, name) = (rc4.carol(), "rc4@localhost".parse().unwrap());
        let mut line = Line::to(server.address(), unchanged);
        line.beside = beside;
        let target = initiator.to(&name).credential(&carol);
        let mut context = line.initiate(target, &kdc(rc4.realm.kdc()), false).unwrap();
        assert_eq!(context.enctype(), Some(RC4));
        for message in [&b"hello"[..], &[b'x'; 65536]] {
            line.sealed(&mut context, message);
            line.wrapped(&mut context, message);
            line.signed(&mut context, message);
            line.echoed(&mut context, message);
        }
        line.end();
        server.expect("\nend");
        let said = server.output();
        assert!(said.contains("integrity dce-style"), "{said}");
        assert_eq!(said.matches("message: encrypted 5 bytes: 'hello'").count(), 2, "{said}");
        assert_eq!(said.matches("message: integrity-only 5 bytes: 'hello'").count(), 1, "{said}");
    }
}
