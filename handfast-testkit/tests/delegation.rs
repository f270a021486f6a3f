//! A client's ticket-granting ticket on its way to an acceptor (RFC 4121 4.1.1), and in the acceptor's hands.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::message::{KdcOptions, KdcReq, TicketFlags};
use handfast::{Context, Credential, CredentialError, Error, Flags, Policy};
use handfast_testkit::{Handshake, Party, Testkit};

const FRONT: &str = "HTTP/front.example.com";
const BACK: &str = "postgres/back.example.com";

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    kit.user("alice", "correct horse");
    kit.service(FRONT);
    kit.service(BACK);
    kit
}

/// A handshake with an acceptor that takes what it is given.
fn handshake(kit: &Testkit, policy: Policy) -> Handshake {
    let takes = kit.acceptor(FRONT).policy(Policy::default().take_delegated());
    kit.handshake("alice", FRONT).initiator(kit.initiator_with(policy)).acceptor(&takes)
}

fn delegated(kit: &Testkit, policy: Policy) -> (Context, Context) {
    handshake(kit, policy).run().contexts().unwrap()
}

fn nothing_delegated((client, server): &(Context, Context)) -> bool {
    assert_eq!(client.flags().contains(Flags::DELEGATION), server.flags().contains(Flags::DELEGATION));
    assert_eq!(server.flags().contains(Flags::DELEGATION), server.delegated().is_some());
    assert_eq!(server.delegated().is_some(), !server.delegated_tickets().is_empty());
    assert!(client.delegated().is_none());
    server.delegated().is_none()
}

#[test]
fn nothing_is_delegated_unless_a_policy_says_so() {
    let kit = kit();
    assert!(nothing_delegated(&delegated(&kit, Policy::default())));
    // A flag alone is no word for it.
    assert!(nothing_delegated(&delegated(&kit, Policy::default().with_flags(Flags::DELEGATION))));
}

#[test]
fn an_acceptor_uses_what_it_was_given_as_the_client() {
    let kit = kit();
    let (client, server) = delegated(&kit, Policy::default().dangerous_delegate());
    assert!(client.flags().contains(Flags::DELEGATION) && server.flags().contains(Flags::DELEGATION));
    let [tgt] = server.delegated_tickets() else { panic!() };
    assert_eq!(tgt.server.to_string(), "krbtgt/EXAMPLE.COM@EXAMPLE.COM");
    assert!(tgt.flags.contains(TicketFlags::FORWARDED) && tgt.flags.contains(TicketFlags::FORWARDABLE));
    let of_the_client = client.acquired().iter().find(|ticket| ticket.server.is_krbtgt()).unwrap();
    assert_ne!(
        (&tgt.ticket, tgt.key.bytes()),
        (&of_the_client.ticket, of_the_client.key.bytes()),
        "a ticket of its own"
    );
    assert!(client.acquired().iter().all(|ticket| !ticket.flags.contains(TicketFlags::FORWARDED)));

    let credential = server.delegated().unwrap();
    assert_eq!(credential.client().to_string(), "alice@EXAMPLE.COM");
    let (onward, back) = kit.handshake("alice", BACK).credential(&credential).run().contexts().unwrap();
    assert_eq!(
        (back.peer().to_string(), onward.peer().to_string()),
        ("alice@EXAMPLE.COM".into(), format!("{BACK}@EXAMPLE.COM"))
    );
    // And once more from there, as it is forwardable.
    let takes = kit.acceptor(BACK).policy(Policy::default().take_delegated());
    let onward = kit.initiator_with(Policy::default().dangerous_delegate());
    let chained = kit.handshake("alice", BACK).credential(&credential).initiator(onward).acceptor(&takes).run();
    assert!(chained.contexts().unwrap().1.delegated().is_some());
}

#[test]
fn without_mutual_authentication_and_in_negotiate_and_dce_style_it_is_the_same() {
    let kit = kit();
    let policy = Policy::default().dangerous_delegate();
    assert!(!nothing_delegated(&delegated(&kit, policy.clone().dangerous_unproven_acceptor())));
    assert!(!nothing_delegated(&delegated(&kit, policy.clone().dce_style())));
    assert!(!nothing_delegated(&handshake(&kit, policy).negotiate().run().contexts().unwrap()));
}

#[test]
fn an_acceptor_that_does_not_ask_for_it_gets_nothing() {
    let kit = kit();
    let initiator = kit.initiator_with(Policy::default().dangerous_delegate());
    let (client, server) = kit.handshake("alice", FRONT).initiator(initiator).run().contexts().unwrap();
    // The client has sent it: its flags say so.
    assert!(client.flags().contains(Flags::DELEGATION) && !server.flags().contains(Flags::DELEGATION));
    assert!(server.delegated().is_none() && server.delegated_tickets().is_empty());
}

#[test]
fn a_realm_says_which_services_may_be_delegated_to() {
    let kit = kit();
    let policy = Policy::default().delegate_if_ok_as_delegate();
    assert!(nothing_delegated(&delegated(&kit, policy.clone())));
    kit.change(FRONT, |entry| entry.ok_as_delegate = true);
    assert!(!nothing_delegated(&delegated(&kit, policy.clone())));
    assert!(nothing_delegated(&delegated(&kit, Policy::default())));
    // A login that can't be forwarded, and a KDC that forwards nothing any more, take it away again.
    kit.change("alice", |entry| entry.allow_forwardable = false);
    assert!(nothing_delegated(&delegated(&kit, policy)));
}

#[test]
fn what_must_be_delegated_and_cant_be_makes_no_context() {
    let kit = kit();
    let failed = |credential: Option<&Credential>| {
        let handshake = handshake(&kit, Policy::default().dangerous_delegate());
        let ends = match credential {
            Some(credential) => handshake.credential(credential).run(),
            None => handshake.run(),
        };
        match ends.initiator.error() {
            Some(Error::Credential(error)) => error.clone(),
            _ => panic!("{ends:?}"),
        }
    };
    let client = kit.credential("alice").client().clone();
    // A cache with a ticket for the service alone, or with a login that is not forwardable.
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let web = kit.ticket(&tgt, FRONT, TicketOptions::default()).unwrap();
    let alone = Credential::tickets(&kit.ccache("alice", [web.clone()]));
    let service = tgt.server.clone();
    assert_eq!(failed(Some(&alone)), CredentialError::NoTicket { client: client.clone(), service });
    let both = Credential::tickets(&kit.ccache("alice", [web, tgt]));
    assert_eq!(failed(Some(&both)), CredentialError::NotForwardable { client: client.clone() });
    kit.change("alice", |entry| entry.allow_forwardable = false);
    assert_eq!(failed(None), CredentialError::NotForwardable { client });
}

#[test]
fn nor_is_another_mechanism_taken_for_it() {
    let kit = kit();
    kit.change("alice", |entry| entry.allow_forwardable = false);
    let policy = Policy::default().dangerous_delegate().dangerous_ntlm_unproven_server();
    let ends = kit.handshake("alice", FRONT).negotiate_with_ntlm().initiator(kit.initiator_with(policy)).run();
    let error = ends.initiator.error().unwrap();
    assert!(matches!(error, Error::Credential(CredentialError::NotForwardable { .. })), "{error}");
}

/// A credential that has a ticket for the service but no login any more logs in again, to have what it hands on.
#[test]
fn a_credential_logs_in_for_what_it_hands_on() {
    let kit = kit();
    let credential = kit.credential("alice");
    let run = |policy: Policy| {
        kit.wire().forget();
        let contexts = handshake(&kit, policy).credential(&credential).run().contexts().unwrap();
        (nothing_delegated(&contexts), kit.wire().messages().len())
    };
    assert_eq!(run(Policy::default().dangerous_delegate()), (false, 10));
    assert_eq!(
        run(Policy::default().dangerous_delegate()),
        (false, 4),
        "one exchange with the KDC, and the two tokens"
    );
    assert_eq!(run(Policy::default()), (true, 2));
}

#[test]
fn the_kdc_is_asked_for_a_forwarded_ticket_once_and_its_refusal_ends_what_must_be() {
    let kit = kit();
    kit.change(FRONT, |entry| entry.ok_as_delegate = true);
    let credential = kit.credential("alice");
    handshake(&kit, Policy::default().dangerous_delegate()).credential(&credential).run().contexts().unwrap();
    let asks = |policy: Policy| {
        let initiator = kit.initiator_with(policy);
        let target = FRONT.parse().unwrap();
        let step = initiator.to(&target).credential(&credential).begin(kit.now(Party::Initiator), &mut Vec::new());
        let Ok(handfast::Initiate::NeedsKdc(next)) = step else { panic!("{step:?}") };
        next
    };
    let next = asks(Policy::default().dangerous_delegate());
    let body = KdcReq::decode(&next.request().bytes).unwrap().req_body.into_value();
    assert!(body.kdc_options.contains(KdcOptions::FORWARDED) && body.addresses.is_empty());
    assert_eq!(body.sname.unwrap().to_principal(body.realm).to_string(), "krbtgt/EXAMPLE.COM@EXAMPLE.COM");
    let now = kit.now(Party::Initiator);
    let refusal = refusal(&kit);
    assert!(matches!(next.reply(&refusal, now, &mut Vec::new()), Err(Error::Exchange(_))));
    // A wish that the KDC does not grant is no reason to have no context; an answer that is forged is one.
    let mut out = Vec::new();
    let wish = || asks(Policy::default().delegate_if_ok_as_delegate());
    let step = wish().reply(&refusal, now, &mut out).unwrap();
    assert!(
        matches!(&step, handfast::Initiate::NeedsToken(next) if !next.flags().contains(Flags::DELEGATION)),
        "{step:?}"
    );
    assert!(wish().reply(b"\x6d\x03\x02\x01\x00", now, &mut Vec::new()).is_err());
}

/// What the KDC says to a request that it can't grant: KDC_ERR_BADOPTION.
fn refusal(kit: &Testkit) -> Vec<u8> {
    use handfast::krb5::message::{ErrorCode, KrbError, PrincipalName};
    let now = kit.now(Party::Kdc);
    let krbtgt: handfast::Principal = "krbtgt/EXAMPLE.COM@EXAMPLE.COM".parse().unwrap();
    let error = KrbError {
        ctime: None,
        cusec: None,
        stime: now.into(),
        susec: now.into(),
        error_code: ErrorCode(13),
        crealm: None,
        cname: None,
        realm: "EXAMPLE.COM",
        sname: PrincipalName::from(&krbtgt),
        e_text: None,
        e_data: None,
    };
    error.to_der()
}
