use crate::pair::{Pair, assert_they_talk};
use handfast::mech::{MechanismId, Why};
use handfast::*;

#[test]
fn kerberos_in_two_tokens() {
    let pair = Pair::kerberos();
    let mut contexts = pair.established();
    assert_eq!(contexts.0.peer().to_string(), "HTTP/www.example.com@EXAMPLE.COM");
    assert_eq!(contexts.1.peer().to_string(), "alice@EXAMPLE.COM");
    for context in [&contexts.0, &contexts.1] {
        assert_eq!((context.mechanism(), context.why()), (MechanismId::KERBEROS, &Why::FirstChoice));
    }
    assert_they_talk(&mut contexts);
    assert_eq!(pair.tokens().len(), 2);
    assert_eq!(Pair::both().tokens().len(), 2);
}

#[test]
fn kerberos_without_mutual_authentication() {
    let client = Policy::default().dangerous_unproven_acceptor();
    let pair = Pair { client, ..Pair::kerberos() };
    assert_they_talk(&mut pair.established());
    assert_eq!(pair.tokens().len(), 2);
}

#[test]
fn integrity_protects_the_choice_even_where_nobody_asks_for_it() {
    let client = Policy::default().authentication_only();
    let server = Policy::default();
    let (client, _) = Pair { client, server, ..Pair::kerberos() }.established();
    assert!(client.flags().contains(Flags::INTEGRITY) && !client.flags().contains(Flags::CONFIDENTIALITY));
}

#[test]
fn ntlm_where_the_server_can_do_nothing_else() {
    let pair = Pair::ntlm_server();
    let mut contexts = pair.established();
    let first_choice = MechanismId::KERBEROS.to_string();
    for context in [&contexts.0, &contexts.1] {
        assert_eq!(context.mechanism(), MechanismId::NTLM);
        assert_eq!(context.why(), &Why::ChosenByAcceptor { first_choice: first_choice.clone() });
    }
    assert_eq!(contexts.1.peer().to_string(), "EXAMPLE\\alice");
    assert_they_talk(&mut contexts);
    assert_eq!(pair.tokens().len(), 6, "offer, choice, three of NTLM, the MIC");
}

#[test]
fn ntlm_where_no_kdc_answers() {
    let pair = Pair { ticket: false, ..Pair::both() };
    let mut contexts = pair.established();
    let Why::Fallback { first_choice, reason } = contexts.0.why() else { panic!("{:?}", contexts.0.why()) };
    assert_eq!(*first_choice, MechanismId::KERBEROS);
    assert!(matches!(**reason, Error::KdcUnreachable(_)), "{reason:?}");
    assert_eq!(contexts.1.why(), &Why::FirstChoice);
    assert_they_talk(&mut contexts);
    assert_eq!(pair.tokens().len(), 4);
}

#[test]
fn no_ntlm_without_the_policy_that_allows_it() {
    let client = Policy::default();
    let pair = Pair { client: client.clone(), ticket: false, ..Pair::both() };
    assert!(matches!(pair.run(|_, _| {}).unwrap_err(), Error::KdcUnreachable(_)));
    let pair = Pair { client, ..Pair::ntlm_server() };
    assert!(matches!(pair.refusal(|_, _| {}), Refusal::NoCommonMechanism { .. }));
}
