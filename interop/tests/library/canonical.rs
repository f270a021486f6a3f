//! Names that stand for others (RFC 6806): our login in a domain of Samba's, and MIT's kinit in our realm. The verdict is what
//! MIT's klist shows of the cache, and whether the KDC then gives tickets to who is named there.

use crate::our_realm::{OurRealm, principal, user};
use crate::ours::log_in_as;
use crate::ours::{kdc, now};
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{ExchangeError, TicketOptions, TicketRequest};
use handfast::krb5::message::ErrorCode;
use handfast::krb5::{Ccache, HeldTicket};
use handfast::{Accept, Acceptor, Credential, Initiate, Initiator, Policy, Principal, ReplayGuard, ServiceName};
use handfast_interop::{MitClient, SambaDomain, TempDir};
use handfast_kdc::{MemoryDirectory, PrincipalEntry, SESSION_ENCTYPES, Settings};
use handfast_net::driver::KdcExchange;
use handfast_net::login::get_ticket;
use std::time::Duration;

fn at_samba(client: Principal, canonicalize: bool, user: &str) -> Result<HeldTicket, ExchangeError> {
    let options = TicketOptions { canonicalize, ..TicketOptions::default() };
    log_in_as(client, SambaDomain::password(user), options, SambaDomain::shared().kdc(), now())
}

/// MIT's programs with this ticket.
fn mit(domain: &SambaDomain, ticket: &HeldTicket) -> (MitClient, TempDir) {
    let dir = TempDir::new("canonical");
    let mut cache = Ccache::new(ticket.client.clone());
    cache.replace(ticket.clone());
    let path = dir.write("ccache", cache.encode().unwrap().expose());
    (MitClient::with_ccache(&domain.config(), &path), dir)
}

#[test]
fn samba_tells_who_an_enterprise_name_is() {
    let domain = SambaDomain::shared();
    for (name, user) in [("carol.jones@corp.test", "carol"), ("carol@ad.test", "carol"), ("alice@ad.test", "alice")] {
        let ticket = at_samba(Principal::enterprise(name, SambaDomain::REALM), false, user).unwrap();
        assert_eq!(ticket.client.to_string(), format!("{user}@AD.TEST"), "{name}");
        let (mit, _dir) = mit(&domain, &ticket);
        assert_eq!(mit.klist().principal, format!("{user}@AD.TEST"));
        mit.kvno(SambaDomain::SERVICE).expect_success();
    }
    let nobody = at_samba(Principal::enterprise("nobody@corp.test", SambaDomain::REALM), false, "alice");
    assert!(
        matches!(nobody, Err(ExchangeError::Refused(refusal)) if refusal.code == ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN)
    );
}

/// Samba knows `ALICE`, and the domain by its NetBIOS name and in lower case.
#[test]
fn samba_sets_names_right_where_that_is_asked_for() {
    let domain = SambaDomain::shared();
    for name in ["ALICE@AD.TEST", "alice@ad.test", "alice@ADTEST"] {
        let ticket = at_samba(name.parse().unwrap(), true, "alice").unwrap();
        let names = (ticket.client.to_string(), ticket.server.to_string());
        assert_eq!(names, ("alice@AD.TEST".into(), "krbtgt/AD.TEST@AD.TEST".into()), "{name}");
        let (mit, _dir) = mit(&domain, &ticket);
        mit.kvno(SambaDomain::SERVICE).expect_success();
    }
}

/// The credential has the enterprise name; the service is in the realm that the KDC says.
#[test]
fn a_context_begins_with_an_enterprise_name() {
    let domain = SambaDomain::shared();
    let client = Principal::enterprise("carol.jones@corp.test", SambaDomain::REALM);
    let credential = Credential::password(client, SambaDomain::password("carol").as_bytes());
    let target: ServiceName = SambaDomain::SERVICE.parse().unwrap();
    let initiator = Initiator::new(Policy::default());
    let keytab = std::fs::read(domain.keytab(SambaDomain::SERVICE)).unwrap();
    let acceptor = Acceptor::new(&handfast::krb5::Keytab::decode(&keytab).unwrap(), ReplayGuard::in_memory());
    let mut requests = Vec::new();
    for _ in 0..2 {
        let (mut token, mut asked) = (Vec::new(), 0);
        let mut step = initiator.to(&target).credential(&credential).begin(now(), &mut token).unwrap();
        while let Initiate::NeedsKdc(next) = step {
            asked += 1;
            let reply = kdc(domain.kdc()).exchange(next.request()).unwrap();
            step = next.reply(&reply, now(), &mut token).unwrap();
        }
        requests.push(asked);
        match acceptor.session().begin().step(&token, now(), &mut Vec::new()).unwrap() {
            Accept::Complete(context) => assert_eq!(context.peer().to_string(), "carol@AD.TEST"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(requests[1], 0, "the second context has the tickets of the first");
}

/// kvno asks in no realm by name where krb5.conf says of none, and keeps the ticket so.
#[test]
fn a_ticket_that_kvno_asked_for_in_no_realm_is_used() {
    let domain = SambaDomain::shared();
    let client = MitClient::new(&domain.config());
    client.kinit("alice", SambaDomain::password("alice")).expect_success();
    client.run("kvno", &["-S", "HTTP", "web.ad.test"]).expect_success();
    let listed = client.klist();
    assert!(listed.tickets.iter().any(|ticket| ticket.service == "HTTP/web.ad.test@"), "{listed:?}");
    // Nothing else in the cache would do.
    let cache = Ccache::decode(&std::fs::read(client.ccache()).unwrap()).unwrap();
    let mut alone = Ccache::new(cache.principal.clone());
    cache.tickets().filter(|ticket| ticket.server.realm().is_empty()).cloned().for_each(|ticket| alone.replace(ticket));
    let credential = Credential::tickets(&alone);
    let initiator = Initiator::new(Policy::default());
    let begin = |target: &str, token: &mut Vec<u8>| {
        let target: ServiceName = target.parse().unwrap();
        initiator.to(&target).credential(&credential).begin(now(), token)
    };
    let mut token = Vec::new();
    assert!(matches!(begin(SambaDomain::SERVICE, &mut token), Ok(Initiate::NeedsToken(_))));
    let keytab = std::fs::read(domain.keytab(SambaDomain::SERVICE)).unwrap();
    let acceptor = Acceptor::new(&handfast::krb5::Keytab::decode(&keytab).unwrap(), ReplayGuard::in_memory());
    match acceptor.session().begin().step(&token, now(), &mut Vec::new()).unwrap() {
        Accept::Complete(context) => assert_eq!(context.local().to_string(), "HTTP/web.ad.test@AD.TEST"),
        other => panic!("{other:?}"),
    }
    let name = |name: &str| name.parse::<ServiceName>().unwrap();
    assert!(alone.ticket_for_service(&name("HTTP/web.ad.test"), now()).is_some());
    assert!(alone.ticket_for_service(&name(SambaDomain::SERVICE), now()).is_some());
    assert!(alone.ticket_for_service(&name("HTTP/web.ad.test@AD.TEST"), now()).is_none());
    // Who names the realm means that one.
    assert!(begin("HTTP/web.ad.test@AD.TEST", &mut Vec::new()).is_err());
}

/// Samba, which knows `HTTP/web.ad.test`, keeps the spelling that it was asked for.
#[test]
fn a_service_is_called_what_kvno_calls_it() {
    let domain = SambaDomain::shared();
    let client = MitClient::new(&domain.config());
    client.kinit("alice", SambaDomain::password("alice")).expect_success();
    let (spelling, tgt) = ("http/WEB.ad.test@AD.TEST", at_samba("alice@AD.TEST".parse().unwrap(), false, "alice"));
    client.run("kvno", &["-C", spelling]).expect_success();
    let theirs = &client.klist().tickets[1].service;
    for renamed_service in [false, true] {
        let options = TicketOptions { renamed_service, ..TicketOptions::default() };
        let random = std::sync::Arc::new(OsRandom);
        let request = TicketRequest::new(tgt.as_ref().unwrap(), spelling.parse().unwrap(), options, random);
        let got = get_ticket(request, &kdc(domain.kdc()), &handfast_net::Clock::system()).unwrap();
        assert_eq!(got.ticket.server.to_string(), *theirs);
    }
}

fn settings() -> Settings {
    let alias = |alias: &str, right: &str| (principal(alias), principal(right));
    Settings {
        aliases: vec![alias("al", "alice"), alias("sample/alias", "sample/localhost")],
        enterprise_suffixes: vec![("corp.test".into(), OurRealm::NAME.into()), ("far.test".into(), "FAR.TEST".into())],
        ..Settings::default()
    }
}

#[test]
fn kinit_takes_the_right_name_from_our_realm() {
    let realm = OurRealm::start_with(settings(), Duration::ZERO);
    let password = OurRealm::password("alice");
    for arguments in [&["-C", "al"][..], &["-E", "alice@corp.test"], &["-E", "-C", "alice@ours.test"], &["-C", "alice"]]
    {
        let client = realm.client();
        client.kinit_with(arguments, &password).expect_success();
        assert_eq!(client.klist().principal, "alice@OURS.TEST", "{arguments:?}");
        client.kvno("sample/localhost").expect_success();
    }
    realm.client().kinit("al", &password).expect_failure().expect_text("not found in Kerberos database");
    realm.client().kinit_with(&["-E", "alice@other.test"], &password).expect_failure();
}

#[test]
fn kvno_takes_a_ticket_by_another_name_of_the_service() {
    let realm = OurRealm::start_with(settings(), Duration::ZERO);
    let client = realm.client_of("alice");
    client.kvno("sample/alias").expect_success();
    assert_eq!(client.klist().tickets[1].service, "sample/alias@OURS.TEST");
}

#[test]
fn kinit_goes_to_the_realm_that_ours_refers_it_to() {
    let near = OurRealm::start_with(settings(), Duration::ZERO);
    let far_principal = |name: &str| format!("{name}@FAR.TEST").parse::<Principal>().unwrap();
    let mut directory = MemoryDirectory::new("FAR.TEST", &OsRandom, now()).unwrap();
    let dora = PrincipalEntry::user_of(far_principal("dora"), b"dora-password", &SESSION_ENCTYPES, now()).unwrap();
    directory.insert(dora);
    let suffixes = vec![("far.test".into(), "FAR.TEST".into())];
    let there = Settings { enterprise_suffixes: suffixes, ..Settings::default() };
    let far = OurRealm::start_of("FAR.TEST", directory, there, Duration::ZERO);
    let config = near.config().and(&format!("[realms]\n FAR.TEST = {{\n  kdc = {}\n }}\n", far.address()));
    let client = MitClient::new(&config);
    client.kinit_with(&["-E", "dora@far.test"], "dora-password").expect_success();
    assert_eq!(client.klist().principal, "dora@FAR.TEST");
    assert!(client.trace().contains("Following referral to realm FAR.TEST"), "{}", client.trace());
    assert!(near.log().contains("the realm FAR.TEST knows this client"), "{}", near.log());
    // Who does not ask for it is not sent there.
    near.insert(user("dora"));
    client.kinit("dora", &OurRealm::password("dora")).expect_success();
}
