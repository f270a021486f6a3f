//! Logins that end as another client than was asked for, and those that must not (RFC 6806 5, 6, 7, 11).

use super::scripted_kdc::refusal;
use super::*;
use crate::krb5::exchange::{LOGIN_REFERRAL_LIMIT, Mismatch};
use crate::krb5::message::{ErrorCode, KdcOptions, KrbError, TicketFlags};
use crate::name::NameType;
use alloc::format;
use alloc::string::{String, ToString};

fn canonical() -> TicketOptions {
    TicketOptions { canonicalize: true, ..TicketOptions::default() }
}

fn renamed(reply: &mut Reply) {
    reply.client = principal("bob");
}

/// Without the proof of RFC 6806 11.
fn unproven(reply: &mut Reply) {
    reply.flags = TicketFlags::INITIAL;
    reply.encrypted_padata.clear();
}

fn mismatch(result: Result<HeldTicket, ExchangeError>) -> Mismatch {
    match result {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    }
}

fn enterprise() -> Principal {
    Principal::enterprise("al@example.com", REALM)
}

fn enterprise_login() -> Login {
    Login::new(enterprise(), ClientSecret::Keys(vec![client_key()]), TicketOptions::default(), random())
}

#[test]
fn canonicalization_is_asked_for_where_it_is_wished_and_for_enterprise_names() {
    let asks = |login: Login| match login.begin(NOW).unwrap() {
        ExchangeStep::NeedsKdc(_, request) => {
            let body = decode(&request).req_body;
            (body.kdc_options.contains(KdcOptions::CANONICALIZE), body.cname.clone().unwrap().name_type)
        }
        _ => panic!(),
    };
    assert_eq!(asks(key_login(TicketOptions::default())), (false, NameType::PRINCIPAL));
    assert_eq!(asks(key_login(canonical())), (true, NameType::PRINCIPAL));
    assert_eq!(asks(enterprise_login()), (true, NameType::ENTERPRISE));
}

#[test]
fn another_client_is_taken_where_asked_for_and_the_kdc_proves_what_it_saw() {
    let ticket = answered(canonical(), renamed).unwrap();
    assert_eq!((ticket.client, ticket.server), (principal("bob"), principal("krbtgt/EXAMPLE.COM")));
    let (asked, got) = (alice(), principal("bob"));
    let other = Mismatch::Client { asked: asked.clone(), got: got.clone() };
    assert_eq!(mismatch(answered(TicketOptions::default(), renamed)), other);
    let both = |reply: &mut Reply| {
        renamed(reply);
        unproven(reply);
    };
    assert_eq!(mismatch(answered(canonical(), both)), Mismatch::RenamedUnproven { asked, got });
    assert!(answered(canonical(), unproven).is_ok(), "nothing is renamed");
    let wrong_proof = |reply: &mut Reply| {
        renamed(reply);
        *reply.encrypted_padata[0].1.last_mut().unwrap() ^= 1;
    };
    assert_eq!(mismatch(answered(canonical(), wrong_proof)), Mismatch::RequestChanged);
}

/// The client's realm stands in the encrypted part, as the service's.
#[test]
fn a_client_of_another_realm_is_not_taken() {
    let got: Principal = "alice@OTHER.ORG".parse().unwrap();
    let swapped = got.clone();
    let result = answered(canonical(), |reply| reply.client = swapped);
    assert_eq!(mismatch(result), Mismatch::Client { asked: alice(), got });
}

#[test]
fn the_realm_may_have_another_name_in_client_and_service_alike() {
    let other = |reply: &mut Reply| {
        reply.client = "alice@Example.Com".parse().unwrap();
        reply.service = Principal::krbtgt("Example.Com", "Example.Com");
        reply.ticket_service = reply.service.clone();
    };
    let ticket = answered(canonical(), other).unwrap();
    assert_eq!(
        (ticket.client.realm(), ticket.server.to_string().as_str()),
        ("Example.Com", "krbtgt/Example.Com@Example.Com")
    );
    assert!(matches!(mismatch(answered(TicketOptions::default(), other)), Mismatch::Client { .. }));
    let both = |reply: &mut Reply| {
        other(reply);
        unproven(reply);
    };
    assert!(matches!(mismatch(answered(canonical(), both)), Mismatch::RenamedUnproven { .. }));
    // The service alone, of which an old KDC might not say that it saw the request.
    let realm_alone = |reply: &mut Reply| {
        reply.service = Principal::krbtgt("Example.Com", "Example.Com");
        reply.ticket_service = reply.service.clone();
        unproven(reply);
    };
    assert!(matches!(mismatch(answered(canonical(), realm_alone)), Mismatch::Service { .. }));
    let service = |service: Principal, client: &'static str| {
        mismatch(answered(canonical(), |reply| {
            reply.client = client.parse().unwrap();
            reply.ticket_service = service.clone();
            reply.service = service;
        }))
    };
    // Not a ticket for yet another realm, nor one for another service.
    let wrong = service(Principal::krbtgt("B", "EXAMPLE.COM"), "alice@EXAMPLE.COM");
    assert!(matches!(wrong, Mismatch::Service { .. }));
    assert!(matches!(service(principal("kadmin/changepw"), "alice@EXAMPLE.COM"), Mismatch::Service { .. }));
    let inside_alone = answered(canonical(), |reply| reply.service = Principal::krbtgt("X", "X"));
    assert!(matches!(mismatch(inside_alone), Mismatch::TicketService { .. }));
    let named = TicketOptions { service: Some(principal("kadmin/changepw")), ..canonical() };
    let other_service = answered(named, |reply| {
        reply.service = principal("krbtgt/EXAMPLE.COM");
        reply.ticket_service = reply.service.clone();
    });
    assert!(matches!(mismatch(other_service), Mismatch::Service { .. }));
}

fn wrong_realm(realm: &str) -> Vec<u8> {
    let bytes = refusal(ErrorCode::KDC_ERR_WRONG_REALM, None, None);
    let error = KrbError::decode(&bytes).unwrap();
    let mallory = principal("mallory");
    KrbError { crealm: Some(realm), cname: Some((&mallory).into()), ..error }.to_der()
}

/// Goes where the KDCs refer to; whom was asked for what client, and the end.
fn referred(login: Login, realms: &[&str]) -> (Vec<String>, Result<HeldTicket, ExchangeError>) {
    let (mut asked, mut realms) = (Vec::new(), realms.iter());
    let end = login.run(|request| {
        let body = decode(request).req_body;
        asked.push(format!("{} {}", request.realm, body.cname.clone().unwrap().to_principal(body.realm)));
        assert_eq!(
            body.sname.clone().unwrap().to_principal(body.realm),
            Principal::krbtgt(&request.realm, &request.realm)
        );
        match realms.next() {
            Some(realm) => wrong_realm(realm),
            None => Reply::to_login(&request.bytes, &client_key()).to_bytes(),
        }
    });
    (asked, end)
}

#[test]
fn a_login_goes_to_the_realm_that_knows_the_client() {
    let (asked, end) = referred(enterprise_login(), &["B", "C"]);
    let name = "al\\@example.com";
    assert_eq!(asked, [format!("EXAMPLE.COM {name}@EXAMPLE.COM"), format!("B {name}@B"), format!("C {name}@C")]);
    assert_eq!(end.unwrap().server, Principal::krbtgt("C", "C"));
    assert_eq!(referred(key_login(canonical()), &["B"]).0, ["EXAMPLE.COM alice@EXAMPLE.COM", "B alice@B"]);
}

#[test]
fn a_login_is_not_referred_that_does_not_ask_for_it_or_is_for_a_service_of_one_realm() {
    let not_followed = |options| match referred(key_login(options), &["B"]) {
        (asked, Err(ExchangeError::Referral { name, realm })) => (asked.len(), name, realm),
        other => panic!("{other:?}"),
    };
    assert_eq!(not_followed(TicketOptions::default()), (1, alice(), "B".to_string()));
    let fixed = TicketOptions { service: Some(principal("krbtgt/EXAMPLE.COM")), ..canonical() };
    assert_eq!(not_followed(fixed), (1, alice(), "B".to_string()));
    let nowhere = referred(key_login(canonical()), &[""]).1;
    assert!(matches!(nowhere, Err(ExchangeError::Referral { realm, .. }) if realm.is_empty()));
}

#[test]
fn no_realm_is_asked_twice_nor_too_many() {
    for (realms, count) in [(&["EXAMPLE.COM"][..], 1), (&["B", "EXAMPLE.COM"], 2), (&["B", "B"], 2)] {
        let (asked, end) = referred(enterprise_login(), realms);
        let at = asked.last().unwrap().split_once(' ').unwrap().0;
        let service = Principal::enterprise("al@example.com", at);
        let realm = realms.last().unwrap().to_string();
        assert_eq!((asked.len(), end), (count, Err(ExchangeError::ReferralLoop { service, realm })));
    }
    let far = ["1", "2", "3", "4", "5", "6"];
    assert!(referred(enterprise_login(), &far[..LOGIN_REFERRAL_LIMIT]).1.is_ok());
    let (asked, end) = referred(enterprise_login(), &far);
    assert_eq!(asked.len(), 1 + LOGIN_REFERRAL_LIMIT);
    assert!(matches!(end, Err(ExchangeError::TooManyReferrals { limit: LOGIN_REFERRAL_LIMIT, .. })));
}
