//! Tickets of Samba's KDC: in another's name (MS-SFU), and for a service with an RC4 key alone. The verdict is Samba's: it gives
//! them, or not; its PAC says who has acted; MIT's library opens what we got.

use crate::ours::{kdc, log_in, now};
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{Acquired, ExchangeError, ExchangeStep, Mismatch, TicketOptions, TicketRequest};
use handfast::krb5::message::{ErrorCode, TicketFlags};
use handfast::krb5::{Ccache, HeldTicket, Keytab};
use handfast::{
    Accept, Acceptor, Context, Credential, Error, Initiate, Initiator, PacPolicy, Policy, Principal, Refusal,
    ReplayGuard, ServiceName,
};
use handfast_interop::{MitClient, SambaDomain, TempDir};
use handfast_net::driver::KdcExchange;
use std::sync::Arc;

const RC4_SERVICE: &str = "HTTP/rc4.ad.test";

fn options() -> TicketOptions {
    TicketOptions { forwardable: true, ..TicketOptions::default() }
}

fn tgt(user: &str) -> HeldTicket {
    let kdc = SambaDomain::shared().kdc();
    log_in(&format!("{user}@AD.TEST"), SambaDomain::password(user), options(), kdc, now()).unwrap()
}

fn ask(request: TicketRequest) -> Result<Acquired, ExchangeError> {
    let kdc = kdc(SambaDomain::shared().kdc());
    let mut step = request.begin(now())?;
    loop {
        step = match step {
            ExchangeStep::NeedsKdc(next, request) => next.reply(&kdc.exchange(&request).unwrap(), now())?,
            ExchangeStep::Complete(acquired) => return Ok(*acquired),
            ExchangeStep::NeedsAnswer(..) => panic!(),
        };
    }
}

fn in_name_of(front: &HeldTicket, user: &str) -> Result<HeldTicket, ExchangeError> {
    let user: Principal = format!("{user}@AD.TEST").parse().unwrap();
    let account = &front.client.components()[0];
    let own: Vec<_> = keys(&[account]).entries().iter().map(|entry| entry.key.clone()).collect();
    Ok(ask(TicketRequest::for_user(front, user, options(), Arc::new(OsRandom)).with_own_keys(own))?.ticket)
}

fn onward(front: &HeldTicket, evidence: &HeldTicket, service: &str) -> Result<HeldTicket, ExchangeError> {
    let service = format!("{service}@AD.TEST").parse().unwrap();
    Ok(ask(TicketRequest::delegated(front, evidence, service, options(), Arc::new(OsRandom)))?.ticket)
}

fn code<T: std::fmt::Debug>(result: Result<T, ExchangeError>) -> ErrorCode {
    match result {
        Err(ExchangeError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

fn keys(principals: &[&str]) -> Keytab {
    let mut all = Keytab::new();
    for principal in principals {
        let bytes = std::fs::read(SambaDomain::shared().keytab(principal)).unwrap();
        all.merge(Keytab::decode(&bytes).unwrap());
    }
    all
}

/// What our acceptor makes of a ticket alone.
fn accept(ticket: &HeldTicket, keytab: &Keytab, policy: Policy) -> Result<Context, Error> {
    let mut cache = Ccache::new(ticket.client.clone());
    cache.replace(ticket.clone());
    let target = ServiceName::principal(ticket.server.clone());
    let initiator = Initiator::new(Policy::default().weak_rc4());
    let mut token = Vec::new();
    let step = initiator.to(&target).credential(&Credential::tickets(&cache)).begin(now(), &mut token).unwrap();
    assert!(matches!(step, Initiate::NeedsToken(_)));
    let acceptor = Acceptor::new(keytab, ReplayGuard::in_memory()).policy(policy);
    match acceptor.session().begin().step(&token, now(), &mut Vec::new())? {
        Accept::Complete(context) => Ok(context),
        other => panic!("{other:?}"),
    }
}

fn with_pac() -> Policy {
    Policy::default().with_pac(PacPolicy::Require)
}

#[test]
fn a_service_gets_a_ticket_to_itself_in_a_users_name_from_samba() {
    let _domain = SambaDomain::shared();
    let front = tgt("svc-front");
    let ticket = in_name_of(&front, "bob").unwrap();
    assert_eq!(
        (ticket.client.to_string(), ticket.server.to_string()),
        ("bob@AD.TEST".into(), "svc-front@AD.TEST".into())
    );
    assert!(ticket.flags.contains(TicketFlags::FORWARDABLE), "the account may act for anybody");
    let context = accept(&ticket, &keys(&["svc-front", "krbtgt/AD.TEST"]), with_pac()).unwrap();
    assert_eq!(context.peer().to_string(), "bob@AD.TEST");
    let pac = context.authorization().unwrap().pac().unwrap();
    assert_eq!(pac.user_sid().unwrap().to_string(), SambaDomain::shared().sid_of("bob"));
    assert!(pac.delegation_info.is_none());
    assert_eq!(code(in_name_of(&front, "nobody")), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    // Samba's reply alone proves no name.
    let without_keys = TicketRequest::for_user(&front, "bob@AD.TEST".parse().unwrap(), options(), Arc::new(OsRandom));
    assert_eq!(ask(without_keys), Err(ExchangeError::Mismatch(Box::new(Mismatch::UserNotProven))));
    // An account that is not trusted with it gets one that goes no further.
    let web = in_name_of(&tgt("svc-web"), "bob").unwrap();
    assert!(!web.flags.contains(TicketFlags::FORWARDABLE));
}

#[test]
fn a_service_acts_for_a_user_where_samba_lets_it_and_the_pac_says_who_did() {
    let _domain = SambaDomain::shared();
    let front = tgt("svc-front");
    let evidence = in_name_of(&front, "alice").unwrap();
    let ticket = onward(&front, &evidence, SambaDomain::SERVICE).unwrap();
    assert_eq!(ticket.client.to_string(), "alice@AD.TEST");
    let context = accept(&ticket, &keys(&[SambaDomain::SERVICE, "krbtgt/AD.TEST"]), with_pac()).unwrap();
    assert_eq!(context.peer().to_string(), "alice@AD.TEST");
    let authorization = context.authorization().unwrap();
    assert!(authorization.pac_signed_by_kdc());
    let pac = authorization.pac().unwrap();
    let info = pac.delegation_info.as_ref().unwrap();
    assert_eq!(info.proxy_target, "HTTP/web.ad.test");
    assert_eq!(info.transited_services.len(), 1);
    assert!(info.transited_services[0].starts_with("svc-front@"), "{info:?}");
    // MIT's library opens it with the keytab that Samba wrote.
    let dir = TempDir::new("delegated");
    let mut cache = Ccache::new(ticket.client.clone());
    cache.replace(ticket);
    let path = dir.write("ccache", cache.encode().unwrap().expose());
    let mit = MitClient::with_ccache(&SambaDomain::shared().config(), &path);
    let keytab = SambaDomain::shared().keytab(SambaDomain::SERVICE);
    mit.kvno_keytab(SambaDomain::SERVICE, &keytab).expect_success().expect_text("keytab entry valid");
    // Nowhere else, and nobody else.
    assert_eq!(code(onward(&front, &evidence, "HTTP/front.ad.test")), ErrorCode::KDC_ERR_BADOPTION);
    let web = tgt("svc-web");
    let theirs = in_name_of(&web, "alice").unwrap();
    assert_eq!(code(onward(&web, &theirs, SambaDomain::SERVICE)), ErrorCode::KDC_ERR_BADOPTION);
}

/// Clients come to an account by one of its services' names; that ticket shows whom it acts for, too.
#[test]
fn a_clients_own_ticket_to_a_service_of_the_account_is_evidence_for_samba() {
    let _domain = SambaDomain::shared();
    let service = "HTTP/front.ad.test@AD.TEST".parse().unwrap();
    let alice = tgt("alice");
    let evidence = ask(TicketRequest::new(&alice, service, options(), Arc::new(OsRandom))).unwrap().ticket;
    let ticket = onward(&tgt("svc-front"), &evidence, SambaDomain::SERVICE).unwrap();
    assert_eq!(ticket.client.to_string(), "alice@AD.TEST");
    let context = accept(&ticket, &keys(&[SambaDomain::SERVICE]), with_pac()).unwrap();
    assert!(context.authorization().unwrap().pac().unwrap().delegation_info.is_some());
}

#[test]
fn a_service_with_an_rc4_key_alone_is_reached_and_served_where_a_policy_names_it() {
    let _domain = SambaDomain::shared();
    let service: Principal = format!("{RC4_SERVICE}@AD.TEST").parse().unwrap();
    let request = |weak_rc4| {
        let options = TicketOptions { weak_rc4, ..options() };
        ask(TicketRequest::new(&tgt("alice"), service.clone(), options, Arc::new(OsRandom)))
    };
    assert_eq!(code(request(false)), ErrorCode::KDC_ERR_ETYPE_NOSUPP, "session keys of its type alone");
    let ticket = request(true).unwrap().ticket;
    let keytab = keys(&[RC4_SERVICE, "krbtgt/AD.TEST"]);
    let weak = with_pac().weak_rc4();
    let context = accept(&ticket, &keytab, weak).unwrap();
    assert_eq!(context.peer().to_string(), "alice@AD.TEST");
    assert!(context.authorization().unwrap().pac_signed_by_kdc());
    let refused = accept(&ticket, &keytab, with_pac()).unwrap_err();
    assert!(matches!(refused, Error::Refused(refusal) if matches!(*refusal, Refusal::EnctypeNotPermitted(_))));
}

/// A domain that trusts no other knows no way to one.
#[test]
fn samba_refers_nowhere_without_a_trust() {
    let _domain = SambaDomain::shared();
    let request = TicketRequest::new(
        &tgt("alice"),
        "HTTP/www.elsewhere.test@AD.TEST".parse().unwrap(),
        options(),
        Arc::new(OsRandom),
    );
    assert_eq!(code(ask(request)), ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
    let named = TicketRequest::new(&tgt("alice"), "HTTP/x@FAR.TEST".parse().unwrap(), options(), Arc::new(OsRandom));
    assert!(matches!(ask(named), Err(ExchangeError::NoWay { .. })));
}
