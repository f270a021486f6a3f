//! Samba's RPC client with a server of ours in DCE style. The verdict is Samba's: it prints what it was answered, its own session
//! key, and why it takes an answer for false.

use super::pdu::{
    ALTER_CONTEXT, ALTER_CONTEXT_RESP, AUTH3, BIND, BIND_ACK, CONNECT_LEVEL, INTEGRITY, PRIVACY, REQUEST, RESPONSE,
};
use super::server::{Place, Served, Server, Stopped};
use handfast::krb5::Keytab;
use handfast::mech::Why;
use handfast::{Acceptor, Error, Flags, MessageError, Policy, Refusal, ReplayGuard};
use handfast_interop::{MitClient, Run, SambaDomain, run};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const RC4_SERVICE: &str = "HTTP/rc4.ad.test";

/// The smallest call, none that answers anything, and those that take more than one fragment each way.
const CALLS: [&str; 6] = ["add=41", "echo=5", "sink=3", "source=0", "source=20000", "echo=20000"];
const ANSWERS: &str = "AddOne 42\nEchoData 5 True\nSinkData 3 None\nSourceData 0 True\nSourceData 20000 True\n\
                       EchoData 20000 True\n";

fn server(keytab: &Path, policy: Policy) -> Server {
    let keytab = Keytab::decode(&std::fs::read(keytab).unwrap()).unwrap();
    let acceptor = Acceptor::new(&keytab, ReplayGuard::in_memory()).policy(policy);
    Server { acceptor, signs_headers: true, change: None }
}

fn samba_server(domain: &SambaDomain) -> Server {
    server(&domain.keytab(SambaDomain::SERVICE), Policy::default())
}

/// Alice's tickets, of Samba's KDC by MIT's programs: Samba's client finds no KDC but by the DNS.
fn alice(domain: &SambaDomain) -> MitClient {
    let alice = MitClient::new(&domain.config());
    alice.kinit("alice", SambaDomain::password("alice")).expect_success();
    alice.kvno(SambaDomain::SERVICE).expect_success();
    alice
}

/// What Samba's client says that has these tickets, bound with these options.
fn client(tickets: &MitClient, port: u16, options: &str, service: &str, calls: &[&str]) -> Run {
    let mut python = tickets.command("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/rpc_client.py"));
    python.arg(format!("ncacn_ip_tcp:127.0.0.1[{port},{options},target_principal={service}]"));
    run(python.arg(tickets.config().realm()).args(calls), "", LIMIT)
}

/// What alice's client says of the domain's service, and what came of its calls.
fn meet(server: &Server, alice: &MitClient, options: &str, calls: &[&str]) -> (Run, Result<Served, Stopped>) {
    server.meet(|port| client(alice, port, options, SambaDomain::SERVICE, calls))
}

fn expect_answers(said: &Run) {
    said.expect_success().expect_text("bound ('60a15ec5-4de8-11d7-a637-005056a20182', 1)").expect_text(ANSWERS);
}

/// Kerberos ends with an auth3, Negotiate with one token more each way. Where the server does not agree to it, headers and trailers
/// aren't signed.
#[test]
fn sambas_client_calls_our_server() {
    let domain = SambaDomain::shared();
    let (mut server, alice) = (samba_server(&domain), alice(&domain));
    for (provider, why, legs) in
        [("krb5", Why::Raw, [BIND, AUTH3]), ("spnego", Why::FirstChoice, [BIND, ALTER_CONTEXT])]
    {
        for (option, level, protects) in
            [("sign", INTEGRITY, Flags::INTEGRITY), ("seal", PRIVACY, Flags::INTEGRITY | Flags::CONFIDENTIALITY)]
        {
            for signs_headers in [true, false] {
                server.signs_headers = signs_headers;
                let (said, served) = meet(&server, &alice, &format!("{provider},{option}"), &CALLS);
                expect_answers(&said);
                let served = served.unwrap();
                assert_eq!((served.peer.to_string().as_str(), &served.why), ("alice@AD.TEST", &why));
                let flags = Flags::DCE_STYLE | Flags::MUTUAL | Flags::REPLAY | Flags::SEQUENCE | protects;
                assert_eq!((served.flags, served.level, served.signs_headers), (flags, level, signs_headers));
                assert_eq!(served.legs, legs);
                let operations: Vec<u16> = served.calls.iter().map(|(operation, _)| *operation).collect();
                assert_eq!(operations, [0, 1, 2, 3, 3, 1]);
                assert!(served.calls[5].1 > 3, "20,000 octets come in fragments: {:?}", served.calls);
            }
        }
    }
}

/// The client proves itself when it binds, and no call has any protection: a policy must say so, or the client is refused.
#[test]
fn sambas_client_binds_at_the_level_of_the_connection_where_the_policy_lets_it() {
    let domain = SambaDomain::shared();
    let alice = alice(&domain);
    let server = server(&domain.keytab(SambaDomain::SERVICE), Policy::default().authentication_only());
    for (options, why) in [("krb5,connect", Why::Raw), ("spnego,connect", Why::FirstChoice)] {
        let (said, served) = meet(&server, &alice, options, &CALLS);
        expect_answers(&said);
        let served = served.unwrap();
        assert_eq!((served.peer.to_string().as_str(), served.why), ("alice@AD.TEST", why));
        assert_eq!(served.level, CONNECT_LEVEL);
        assert!(served.flags.contains(Flags::DCE_STYLE | Flags::MUTUAL) && !served.flags.contains(Flags::INTEGRITY));
        let (said, served) = meet(&samba_server(&domain), &alice, options, &CALLS);
        said.expect_failure();
        let missing = Refusal::FlagsMissing(Flags::INTEGRITY);
        assert_eq!(served.unwrap_err(), Stopped::Handshake(Error::Refused(Box::new(missing))));
    }
}

/// RC4's signatures and seals, where the policy lets it.
#[test]
fn sambas_client_calls_our_server_with_rc4() {
    let domain = SambaDomain::shared();
    let server = server(&domain.keytab(RC4_SERVICE), Policy::default().weak_rc4());
    let alice = alice(&domain);
    alice.kvno(RC4_SERVICE).expect_success();
    for options in ["krb5,sign", "krb5,seal", "spnego,sign", "spnego,seal"] {
        let (said, served) = server.meet(|port| client(&alice, port, options, RC4_SERVICE, &CALLS));
        expect_answers(&said);
        assert_eq!(served.unwrap().calls.len(), CALLS.len(), "{options}");
    }
}

/// One bit of a request or response, in each part of it.
const PLACES: [Place; 4] = [Place::Header, Place::Body, Place::Trailer, Place::Token];

#[test]
fn sambas_client_refuses_our_answer_if_it_was_changed() {
    let domain = SambaDomain::shared();
    let (mut server, alice) = (samba_server(&domain), alice(&domain));
    for (options, check) in [("krb5,sign", "gssapi_check_packet"), ("spnego,seal", "gssapi_unseal_packet")] {
        for place in PLACES {
            server.change = Some((RESPONSE, place));
            let (said, served) = meet(&server, &alice, options, &["add=41"]);
            said.expect_failure()
                .expect_text("bound")
                .expect_text("failed: 0xc0020057 A security package-specific error");
            said.expect_text(&format!("{check}(hdr_signing=1,")).expect_text("failed: NT_STATUS_ACCESS_DENIED");
            assert!(!said.text().contains("AddOne"), "{said}");
            assert_eq!(served.unwrap().calls, [(0, 1)], "{options} {place:?}");
        }
    }
}

#[test]
fn a_call_of_sambas_client_is_refused_if_it_was_changed() {
    let domain = SambaDomain::shared();
    let (mut server, alice) = (samba_server(&domain), alice(&domain));
    for options in ["krb5,seal", "spnego,sign"] {
        for place in PLACES {
            server.change = Some((REQUEST, place));
            let (said, served) = meet(&server, &alice, options, &["add=41"]);
            assert_eq!(served.unwrap_err(), Stopped::Message(MessageError::NotAuthentic), "{options} {place:?}");
            said.expect_failure()
                .expect_text("bound")
                .expect_text("failed: 0xc0020057 A security package-specific error");
        }
    }
}

/// One bit of a token of the handshake: the end that it goes to refuses, and the other hears of it.
#[test]
fn a_leg_that_was_changed_makes_no_context_with_sambas_client() {
    let domain = SambaDomain::shared();
    let (mut server, alice) = (samba_server(&domain), alice(&domain));
    let refused = |refusal| Some(Stopped::Handshake(Error::Refused(Box::new(refusal))));
    for (options, leg, ours, theirs) in [
        ("krb5,seal", BIND, refused(Refusal::AuthenticatorNotDecryptable), "0xc0000001"),
        ("krb5,seal", BIND_ACK, Some(Stopped::Client), "0xc000006d"),
        ("krb5,seal", AUTH3, refused(Refusal::InitiatorNotProven), "0xc0000022"),
        ("spnego,seal", BIND, refused(Refusal::AuthenticatorNotDecryptable), "0xc0000001"),
        ("spnego,seal", BIND_ACK, Some(Stopped::Client), "0xc000006d"),
        ("spnego,seal", ALTER_CONTEXT, refused(Refusal::MechListMicMismatch), "0xc000006d"),
        // Ours is complete by then, and nothing comes under it.
        ("spnego,seal", ALTER_CONTEXT_RESP, None, "0xc0000022"),
    ] {
        server.change = Some((leg, Place::Token));
        let (said, served) = meet(&server, &alice, options, &["add=41"]);
        said.expect_failure().expect_text(&format!("failed: {theirs}"));
        match served {
            Ok(served) => assert_eq!((ours, served.calls), (None, Vec::new()), "{options} {leg}"),
            Err(stopped) => assert_eq!(Some(stopped), ours, "{options} {leg}"),
        }
    }
}
