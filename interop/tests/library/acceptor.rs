//! MIT's gss-client with our acceptor.

use crate::ours::{OurServer, Served, our};
use handfast::mech::Why;
use handfast::{Flags, Protection};
use handfast_interop::{Enctype, MitRealm};

/// What gss-client prints, and what our side received.
fn meet(service: &str, enctypes: &[Enctype], options: &[&str]) -> (String, Served) {
    let realm = MitRealm::shared();
    let alice = realm.client_of_with("alice", &realm.config().clone().enctypes(enctypes));
    let mut server = OurServer::new(realm.service_keytab()).options(|o| o.dangerous_unprotected_messages());
    server.accept_one();
    let client = alice.gss_client(server.port(), service, "hello", options);
    client.expect_success();
    let served = server.result().unwrap();
    (client.text() + &alice.trace(), served)
}

fn protections(served: &Served) -> Vec<Option<Protection>> {
    served.received.iter().map(|received| received.how.protection).collect()
}

#[test]
fn gss_client_verifies_us_with_each_enctype() {
    for enctype in Enctype::ALL {
        let (output, served) = meet(&enctype.service(), &[enctype], &["-mcount", "2"]);
        assert_eq!(output.matches("Signature verified.").count(), 2, "{output}");
        assert!(output.contains("context flag: GSS_C_MUTUAL_FLAG"), "{output}");
        let subkey = format!("subkey {}/", enctype.trace_name());
        assert!(output.lines().any(|line| line.contains("Read AP-REP") && line.contains(&subkey)), "{output}");
        let service = format!("{}@MIT.TEST", enctype.service_principal());
        assert!(output.contains(&format!("\"alice@MIT.TEST\" to \"{service}\"")), "{output}");
        assert_eq!((&served.peer, &served.local), (&"alice@MIT.TEST".to_owned(), &service));
        assert_eq!(served.enctype, Some(our(enctype)));
        assert_eq!(protections(&served), [Some(Protection::Confidentiality); 2]);
        assert!(served.received.iter().all(|received| received.message == b"hello"));
    }
}

#[test]
fn options_of_gss_client_do_what_they_say() {
    let run = |options: &[&str]| meet("sample@localhost", &Enctype::ALL, options);
    let (output, served) = run(&["-nx"]);
    assert!(output.contains("Signature verified."), "{output}");
    assert_eq!(protections(&served), [Some(Protection::Integrity)]);
    let (output, served) = run(&["-nw"]);
    assert!(output.contains("Signature verified."), "{output}");
    assert_eq!(protections(&served), [None]);
    let (output, served) = run(&["-nm"]);
    assert!(output.contains("Response received."), "{output}");
    assert!(!served.received[0].how.answer_signed);
}

#[test]
fn flags_of_gss_client_are_seen_and_its_own_agree() {
    for (option, flag, present) in [("-nomutual", "MUTUAL", false), ("-seq", "SEQUENCE", true)] {
        let (output, served) = meet("sample@localhost", &Enctype::ALL, &[option]);
        assert!(output.contains("Signature verified."), "{output}");
        assert_eq!(output.contains(&format!("context flag: GSS_C_{flag}_FLAG")), present, "{output}");
        let ours = match flag {
            "MUTUAL" => Flags::MUTUAL,
            _ => Flags::SEQUENCE,
        };
        assert_eq!(served.flags.contains(ours), present, "{option}");
        let (output, served) = meet("sample@localhost", &Enctype::ALL, &[]);
        assert_ne!(output.contains(&format!("context flag: GSS_C_{flag}_FLAG")), present, "{output}");
        assert_ne!(served.flags.contains(ours), present, "without {option}");
    }
}

#[test]
fn one_acceptor_serves_every_service_of_its_keytab() {
    for service in MitRealm::SERVICES {
        let (output, served) = meet(service, &Enctype::ALL, &[]);
        assert!(output.contains("Signature verified."), "{output}");
        assert_eq!(served.local, format!("{}@MIT.TEST", service.replace('@', "/")));
    }
}

#[test]
fn replays_are_detected_even_if_gss_client_does_not_ask_for_it() {
    let (output, served) = meet("sample@localhost", &Enctype::ALL, &["-noreplay"]);
    assert!(output.contains("Signature verified."), "{output}");
    assert!(!output.contains("context flag: GSS_C_REPLAY_FLAG"), "{output}");
    assert!(served.flags.contains(Flags::REPLAY));
}

/// MIT's own SPNEGO: Kerberos is the first choice of both, so no MIC is asked for.
#[test]
fn gss_client_negotiates_kerberos_with_us() {
    for (options, protection, mutual) in [
        (&["-spnego", "-mcount", "3"][..], Protection::Confidentiality, true),
        (&["-spnego", "-nx"], Protection::Integrity, true),
        (&["-spnego", "-nomutual"], Protection::Confidentiality, false),
    ] {
        let (output, served) = meet("sample@localhost", &Enctype::ALL, options);
        assert_eq!(output.matches("Signature verified.").count(), served.received.len(), "{output}");
        assert_eq!(output.contains("context flag: GSS_C_MUTUAL_FLAG"), mutual, "{output}");
        assert!(output.contains("\"alice@MIT.TEST\" to \"sample/localhost@MIT.TEST\""), "{output}");
        assert_eq!((served.peer.as_str(), served.why.clone()), ("alice@MIT.TEST", Why::FirstChoice));
        assert_eq!(served.flags.contains(Flags::MUTUAL), mutual);
        assert!(protections(&served).iter().all(|seen| *seen == Some(protection)));
    }
    assert_eq!(meet("sample@localhost", &Enctype::ALL, &[]).1.why, Why::Raw);
}

#[test]
fn gss_client_makes_no_context_in_spnego_where_we_lack_the_key() {
    let realm = MitRealm::shared();
    let mut server = OurServer::new(realm.user_keytab());
    server.accept_one();
    let client = realm.client_of("alice").gss_client(server.port(), "sample@localhost", "hello", &["-spnego"]);
    assert!(!client.text().contains("Signature verified"), "{client}");
    // It answers our refusal before it tells of it, and may find nobody there any more.
    client.expect_failure();
    assert!(server.result().unwrap_err().to_string().contains("sample/localhost"));
}
