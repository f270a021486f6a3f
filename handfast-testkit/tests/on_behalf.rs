//! Tickets in another's name and user-to-user, from the client's first request to the acceptor's context.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use handfast::krb5::enctype::{CipherKey, Enctype, KeyUsage};
use handfast::krb5::exchange::{ExchangeError, ExchangeStep, Mismatch, TicketOptions, TicketRequest};
use handfast::krb5::message::{
    AuthorizationData, EncTicketPart, EncryptedData, ErrorCode, KdcRep, Ticket, TicketFlags,
};
use handfast::krb5::pac::Rid;
use handfast::krb5::{HeldTicket, HostAddress};
use handfast::{Context, Credential, CredentialError, Error, Policy, Principal, ServiceName};
use handfast_testkit::{HandshakeError, Party, SeededRandom, Testkit, handfast};
use std::sync::Arc;
use std::time::Duration;

const WEB: &str = "HTTP/www.example.com";
const FILES: &str = "nfs/files.example.com";

fn kit() -> Testkit {
    let kit = Testkit::new("EXAMPLE.COM");
    for user in ["alice", "bob"] {
        kit.user_of(user, "correct horse", &[Enctype::AES256_CTS_HMAC_SHA1_96]);
    }
    kit.service(WEB);
    kit.service(FILES);
    kit
}

fn principal(name: &str) -> Principal {
    Principal::parse_with_realm(name, "EXAMPLE.COM").unwrap()
}

fn forwardable() -> TicketOptions {
    TicketOptions { forwardable: true, ..TicketOptions::default() }
}

fn in_users_name(kit: &Testkit, user: &str) -> Result<HeldTicket, Error> {
    let own = kit.login(WEB, forwardable())?;
    let request = TicketRequest::for_user(&own, principal(user), TicketOptions::default(), kit.random());
    Ok(kit.request(request)?.ticket)
}

fn onward(kit: &Testkit, evidence: &HeldTicket) -> Result<HeldTicket, Error> {
    let own = kit.login(WEB, forwardable())?;
    let request = TicketRequest::delegated(&own, evidence, principal(FILES), forwardable(), kit.random());
    Ok(kit.request(request)?.ticket)
}

/// Who an acceptor says that comes with this ticket.
fn seen_as(kit: &Testkit, ticket: HeldTicket, service: &str) -> String {
    let client = ticket.client.to_string();
    let credential = Credential::tickets(&kit.ccache(&client, [ticket]));
    let (_, server) = kit.handshake("bob", service).credential(&credential).run().contexts().unwrap();
    server.peer().to_string()
}

#[test]
fn a_service_acts_for_users_by_its_list() {
    let kit = kit();
    kit.change(WEB, |web| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal(FILES)]);
    });
    let evidence = in_users_name(&kit, "alice").unwrap();
    assert_eq!((evidence.client.to_string().as_str(), &evidence.server), ("alice@EXAMPLE.COM", &principal(WEB)));
    assert!(evidence.flags.contains(TicketFlags::FORWARDABLE));
    let ticket = onward(&kit, &evidence).unwrap();
    assert_eq!(ticket.server, principal(FILES));
    assert!(ticket.second_ticket.is_empty() && !ticket.is_skey);
    assert_eq!(seen_as(&kit, ticket, FILES), "alice@EXAMPLE.COM");
    // A client that has come by Kerberos, with a forwardable ticket.
    let tgt = kit.login("bob", forwardable()).unwrap();
    let evidence = kit.ticket(&tgt, WEB, forwardable()).unwrap();
    assert_eq!(seen_as(&kit, onward(&kit, &evidence).unwrap(), FILES), "bob@EXAMPLE.COM");
}

/// CVE-2020-17049: a service has the key to make a ticket to itself forwardable, or to make one for anybody.
#[test]
fn a_service_that_may_not_name_users_shows_tickets_that_the_realm_has_signed() {
    let kit = kit();
    kit.groups("alice", Rid(1100), &[Rid::DOMAIN_USERS]);
    kit.change(WEB, |web| web.may_delegate_to = vec![principal(FILES)]);
    let came = |user: &str| {
        let tgt = kit.login(user, forwardable()).unwrap();
        kit.ticket(&tgt, WEB, forwardable()).unwrap()
    };
    let code = |evidence: &HeldTicket| match onward(&kit, evidence) {
        Err(Error::Exchange(error)) => match *error {
            ExchangeError::Refused(refusal) => refusal.code,
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(seen_as(&kit, onward(&kit, &came("alice")).unwrap(), FILES), "alice@EXAMPLE.COM");
    assert_eq!(code(&came("bob")), ErrorCode::KDC_ERR_BADOPTION, "no PAC tells that the realm has made it");
    let named = in_users_name(&kit, "alice").unwrap();
    assert_eq!(code(&named), ErrorCode::KDC_ERR_BADOPTION, "not forwardable");
    assert_eq!(code(&made_forwardable(&kit, &named, true)), ErrorCode::KRB_AP_ERR_MODIFIED);
    assert_eq!(code(&made_forwardable(&kit, &named, false)), ErrorCode::KDC_ERR_BADOPTION, "the PAC left out");
}

/// CVE-2021-42287: whose account it was that logged in is looked at whatever is asked for, above all where it is a ticket in
/// another's name.
#[test]
fn cve_2021_42287_who_took_a_services_name_acts_for_nobody() {
    let kit = kit();
    kit.groups(WEB, Rid(1200), &[Rid::DOMAIN_USERS]);
    kit.groups("bob", Rid(1201), &[Rid::DOMAIN_USERS]);
    kit.change(FILES, |files| files.allowed_to_act = vec![principal(WEB)]);
    let (own, bob) = (kit.login(WEB, forwardable()).unwrap(), kit.login("bob", forwardable()).unwrap());
    let evidence = kit.ticket(&kit.login("alice", forwardable()).unwrap(), WEB, forwardable()).unwrap();
    let codes = || {
        let options = TicketOptions::default;
        let requests = [
            TicketRequest::for_user(&own, principal("alice"), options(), kit.random()),
            TicketRequest::delegated(&own, &evidence, principal(FILES), options(), kit.random()),
            TicketRequest::user_to_user(&own, principal("bob"), bob.ticket.clone(), options(), kit.random()),
        ];
        requests.map(|request| match kit.request(request) {
            Ok(_) => None,
            Err(Error::Exchange(error)) => match *error {
                ExchangeError::Refused(refusal) => Some(refusal.code),
                other => panic!("{other}"),
            },
            Err(other) => panic!("{other}"),
        })
    };
    assert_eq!(codes(), [None; 3]);
    kit.groups(WEB, Rid(1300), &[Rid::DOMAIN_USERS]);
    assert_eq!(codes(), [Some(ErrorCode::KDC_ERR_TGT_REVOKED); 3]);
}

/// What a service can make of a ticket to itself.
fn made_forwardable(kit: &Testkit, held: &HeldTicket, with_pac: bool) -> HeldTicket {
    let sealed = Ticket::decode(&held.ticket).unwrap();
    let keytab = kit.keytab(WEB);
    let key = keytab.entries().iter().find(|entry| entry.key.enctype() == sealed.enc_part.etype).unwrap();
    let cipher = CipherKey::new(&key.key, KeyUsage::TICKET).unwrap();
    let opened = cipher.decrypt(sealed.enc_part.cipher).unwrap();
    let mut part = EncTicketPart::decode(opened.expose()).unwrap();
    part.flags |= TicketFlags::FORWARDABLE;
    if !with_pac {
        part.authorization_data = AuthorizationData::default();
    }
    let mut bytes = Vec::new();
    cipher.encrypt(&[5; 16], &part.to_der(), &mut bytes);
    let enc_part = EncryptedData { cipher: &bytes, ..sealed.enc_part };
    HeldTicket { ticket: Ticket { enc_part, ..sealed }.to_der(), flags: part.flags, ..held.clone() }
}

/// WEB may act for its clients, with FILES alone.
fn delegating() -> Testkit {
    let kit = kit();
    kit.service("imap/mail.example.com");
    kit.change(WEB, |web| {
        (web.protocol_transition, web.may_delegate_to) = (true, vec![principal(FILES)]);
    });
    kit
}

/// Who FILES sees when `credential` comes to it, and that it is what the initiator believes.
fn who_comes(kit: &Testkit, credential: &Credential, service: &str) -> Result<String, HandshakeError> {
    let (client, server) = kit.handshake("bob", service).credential(credential).run().contexts()?;
    assert_eq!(client.local(), server.peer());
    Ok(server.peer().to_string())
}

#[test]
fn contexts_in_a_users_name_who_has_shown_a_ticket_or_none() {
    let kit = delegating();
    let keeps = kit.acceptor(WEB).policy(Policy::default().keep_evidence());
    let forwardable = kit.initiator_with(Policy::default().dangerous_delegate());
    let (_, server) = kit.handshake("alice", WEB).initiator(forwardable).acceptor(&keeps).run().contexts().unwrap();
    let evidence = server.evidence().unwrap().clone();
    assert_eq!(
        (evidence.client.to_string(), evidence.server.to_string()),
        ("alice@EXAMPLE.COM".into(), format!("{WEB}@EXAMPLE.COM"))
    );
    let web = kit.credential(WEB);
    // One login of its own, then a request for each.
    let requests = kit.events().len();
    let in_alices_name = web.on_behalf(evidence);
    assert_eq!(in_alices_name.client().to_string(), "alice@EXAMPLE.COM");
    assert_eq!(who_comes(&kit, &in_alices_name, FILES).unwrap(), "alice@EXAMPLE.COM");
    assert_eq!(kit.events().len() - requests, 3, "two for the login, and one");
    assert_eq!(who_comes(&kit, &in_alices_name, FILES).unwrap(), "alice@EXAMPLE.COM");
    assert_eq!(kit.events().len() - requests, 3, "the ticket is kept");
    let in_bobs_name = web.for_user("bob".parse().unwrap());
    assert_eq!(who_comes(&kit, &in_bobs_name, FILES).unwrap(), "bob@EXAMPLE.COM");
    assert_eq!(kit.events().len() - requests, 5, "S4U2self and S4U2proxy with the login that is there");
    assert_eq!(who_comes(&kit, &in_bobs_name, WEB).unwrap(), "bob@EXAMPLE.COM");
    assert_eq!(kit.events().len() - requests, 5, "to itself the evidence will do");
    assert_eq!(who_comes(&kit, &web, FILES).unwrap(), format!("{WEB}@EXAMPLE.COM"), "and it is still itself");
    // The realm says with whom.
    for credential in [&in_alices_name, &in_bobs_name] {
        let refused = who_comes(&kit, credential, "imap/mail.example.com").unwrap_err();
        assert!(refused.to_string().contains("KDC_ERR_BADOPTION"), "{refused}");
    }
}

#[test]
fn evidence_is_kept_by_a_policy_alone_and_is_good_for_as_long_as_the_ticket() {
    let kit = delegating();
    let (_, server) = kit.authenticate("alice", WEB).unwrap();
    assert!(server.evidence().is_none());
    let keeps = kit.acceptor(WEB).policy(Policy::default().keep_evidence());
    let forwardable = || kit.initiator_with(Policy::default().dangerous_delegate());
    let meet = || kit.handshake("alice", WEB).initiator(forwardable()).acceptor(&keeps).run().contexts().unwrap();
    let (client, server) = meet();
    assert!(client.evidence().is_none());
    let in_alices_name = kit.credential(WEB).on_behalf(server.evidence().unwrap().clone());
    let imported = Context::import(server.export().expose()).unwrap();
    assert!(imported.evidence().is_none());
    kit.clock().advance(Duration::from_secs(2 * 86_400));
    let refused = who_comes(&kit, &in_alices_name, FILES).unwrap_err();
    assert!(
        matches!(refused.initiator(), Some(Error::Credential(CredentialError::TicketExpired { client, .. })) if client.to_string() == "alice@EXAMPLE.COM"),
        "{refused}"
    );
    // In a name alone it is asked for anew.
    let in_bobs_name = kit.credential(WEB).for_user(principal("bob"));
    for _ in 0..2 {
        assert_eq!(who_comes(&kit, &in_bobs_name, FILES).unwrap(), "bob@EXAMPLE.COM");
        kit.clock().advance(Duration::from_secs(2 * 86_400));
    }
}

/// A cache as MIT krb5 makes it: the service's login, the user's ticket to it, and who acts.
#[test]
fn a_cache_says_for_whom_a_service_acts() {
    let kit = delegating();
    let own = kit.login(WEB, forwardable()).unwrap();
    let evidence = in_users_name(&kit, "alice").unwrap();
    let mut cache = kit.ccache("alice@EXAMPLE.COM", [own, evidence]);
    assert!(who_comes(&kit, &Credential::tickets(&cache), FILES).is_err(), "alice has no login there");
    cache.set_impersonator(&principal(WEB));
    assert_eq!(who_comes(&kit, &Credential::tickets(&cache), FILES).unwrap(), "alice@EXAMPLE.COM");
    assert_eq!(who_comes(&kit, &Credential::tickets(&cache), WEB).unwrap(), "alice@EXAMPLE.COM");
    for nonsense in [&b"no name @@"[..], b"\xff", b"bob@EXAMPLE.COM"] {
        cache.set_config("proxy_impersonator", None, nonsense);
        assert!(who_comes(&kit, &Credential::tickets(&cache), FILES).is_err());
    }
}

#[test]
fn nobody_acts_for_another_user_to_user() {
    let kit = delegating();
    let in_bobs_name = kit.credential(WEB).for_user(principal("bob"));
    let target = ServiceName::principal(principal("alice"));
    let initiator = kit.initiator();
    let begun = initiator.to(&target).credential(&in_bobs_name).user_to_user();
    let refused = begun.begin(kit.now(Party::Initiator), &mut Vec::new()).unwrap_err();
    assert!(matches!(refused, Error::ApiMisuse(_)), "{refused}");
}

#[test]
fn a_service_acts_for_users_by_the_others_list() {
    let kit = kit();
    let evidence = in_users_name(&kit, "alice").unwrap();
    assert!(!evidence.flags.contains(TicketFlags::FORWARDABLE));
    onward(&kit, &evidence).unwrap_err();
    kit.change(FILES, |files| files.allowed_to_act = vec![principal(WEB)]);
    assert_eq!(seen_as(&kit, onward(&kit, &evidence).unwrap(), FILES), "alice@EXAMPLE.COM");
}

#[test]
fn a_ticket_that_is_anothers_is_no_evidence() {
    let kit = kit();
    let tgt = kit.login("alice", forwardable()).unwrap();
    let to_files = kit.ticket(&tgt, FILES, forwardable()).unwrap();
    let error = onward(&kit, &to_files).unwrap_err().to_string();
    assert!(error.contains("KDC_ERR_BADOPTION"), "{error}");
    // The KDC of another realm need not be asked.
    let elsewhere = HeldTicket { server: "HTTP/www.example.com@ELSEWHERE.TEST".parse().unwrap(), ..to_files };
    let error = onward(&kit, &elsewhere).unwrap_err();
    assert!(matches!(&error, Error::Exchange(error) if matches!(**error, ExchangeError::NotOnesOwn { .. })), "{error}");
}

/// The client's name in a reply is protected by nothing: the KDC repeats it where it is.
#[test]
fn a_reply_for_another_user_is_refused() {
    let kit = kit();
    let own = kit.login(WEB, TicketOptions::default()).unwrap();
    let now = kit.now(Party::Initiator);
    // The same randomness, so that nonce and keys of both requests are the same: all but the name.
    let asked = |user: &str| {
        let random = Arc::new(SeededRandom::new(7));
        match TicketRequest::for_user(&own, principal(user), TicketOptions::default(), random).begin(now).unwrap() {
            ExchangeStep::NeedsKdc(waits, request) => (waits, request),
            _ => panic!(),
        }
    };
    let (genuine, others) = (kit.exchange(&asked("alice").1).unwrap(), kit.exchange(&asked("bob").1).unwrap());
    let judged = |reply: &[u8], change: fn(&mut KdcRep<'_>)| {
        let mut changed = KdcRep::decode(reply).unwrap();
        change(&mut changed);
        asked("alice").0.reply(&changed.to_der(), now)
    };
    let mismatch = |reply: &[u8], change| match judged(reply, change) {
        Err(ExchangeError::Mismatch(mismatch)) => *mismatch,
        other => panic!("{other:?}"),
    };
    judged(&genuine, |_| ()).unwrap();
    let other = Mismatch::Client { asked: principal("alice"), got: principal("bob") };
    assert_eq!(mismatch(&others, |_| ()), other.clone());
    assert_eq!(mismatch(&others, |reply| reply.cname.name_string = vec!["alice"]), other.clone());
    assert_eq!(mismatch(&genuine, |reply| reply.padata.clear()), Mismatch::UserNotProven);
    // With the service's key, the ticket itself tells.
    let told = |reply: &[u8], of: &str| {
        let mut bare = KdcRep::decode(reply).unwrap();
        bare.padata.clear();
        bare.cname.name_string = vec!["alice"];
        let keys = kit.keytab(of).entries().iter().map(|entry| entry.key.clone()).collect::<Vec<_>>();
        match asked("alice").0.with_own_keys(keys).reply(&bare.to_der(), now) {
            Ok(ExchangeStep::Complete(acquired)) => Ok(acquired.ticket.client),
            Err(ExchangeError::Mismatch(mismatch)) => Err(*mismatch),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(&genuine, WEB), Ok(principal("alice")));
    assert_eq!(told(&others, WEB), Err(other));
    assert_eq!(told(&genuine, FILES), Err(Mismatch::UserNotProven));
    // Every bit of what repeats the name counts.
    let proof = KdcRep::decode(&genuine).unwrap().padata[0].padata_value.to_vec();
    for bit in 0..proof.len() * 8 {
        let mut changed = proof.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let mut reply = KdcRep::decode(&genuine).unwrap();
        reply.padata[0].padata_value = &changed;
        asked("alice").0.reply(&reply.to_der(), now).unwrap_err();
    }
}

#[test]
fn a_user_is_reached_by_its_own_ticket() {
    let kit = kit();
    let (alice, bob) = (kit.login("alice", forwardable()).unwrap(), kit.login("bob", forwardable()).unwrap());
    let options = TicketOptions::default;
    let request =
        |peer: &str| TicketRequest::user_to_user(&alice, principal(peer), bob.ticket.clone(), options(), kit.random());
    let ticket = kit.request(request("bob")).unwrap().ticket;
    assert!(ticket.is_skey);
    assert_eq!((&ticket.second_ticket, &ticket.server), (&bob.ticket, &principal("bob")));
    assert_eq!(Ticket::decode(&ticket.ticket).unwrap().enc_part.kvno, None);
    kit.request(request("alice")).unwrap_err();
    let mut broken = bob.ticket.clone();
    broken.pop();
    let broken = TicketRequest::user_to_user(&alice, principal("bob"), broken, options(), kit.random());
    assert!(matches!(kit.request(broken), Err(Error::Exchange(error)) if matches!(*error, ExchangeError::Decode(_))));
}

#[test]
fn tickets_are_forwarded_and_given_to_proxies_with_their_addresses() {
    let kit = kit();
    let options = || TicketOptions { proxiable: true, ..forwardable() };
    let tgt = kit.login("alice", options()).unwrap();
    let there = || vec![HostAddress { addr_type: 2, address: vec![10, 0, 0, 1] }];
    let bound = TicketRequest::forward_to(&tgt, there(), options(), kit.random());
    let bound = kit.request(bound).unwrap().ticket;
    assert_eq!(bound.addresses, there());
    assert!(bound.flags.contains(TicketFlags::FORWARDED | TicketFlags::FORWARDABLE));
    let anywhere = kit.request(TicketRequest::forward(&tgt, options(), kit.random())).unwrap().ticket;
    assert!(anywhere.addresses.is_empty() && anywhere.flags.contains(TicketFlags::FORWARDED));
    let proxy = TicketRequest::proxy(&tgt, principal(WEB), there(), TicketOptions::default(), kit.random());
    let proxy = kit.request(proxy).unwrap().ticket;
    assert_eq!((proxy.addresses.clone(), proxy.flags.contains(TicketFlags::PROXY)), (there(), true));

    let plain = kit.login("alice", TicketOptions::default()).unwrap();
    let error = |request| match kit.request(request) {
        Err(Error::Exchange(error)) => *error,
        other => panic!("{other:?}"),
    };
    let forwarded = error(TicketRequest::forward(&plain, options(), kit.random()));
    assert!(matches!(forwarded, ExchangeError::NotForwardable { .. }), "{forwarded}");
    let proxy = error(TicketRequest::proxy(&plain, principal(WEB), there(), options(), kit.random()));
    assert!(matches!(proxy, ExchangeError::NotProxiable { .. }), "{proxy}");
    let validated = error(TicketRequest::validate(&plain, options(), kit.random()));
    assert!(matches!(validated, ExchangeError::NotPostdated { .. }), "{validated}");
}
