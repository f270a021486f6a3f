//! PACs of the kit's realm: who logs in with groups is seen with them, and what is not the KDC's own is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use handfast_testkit::handfast::krb5::HeldTicket;
use handfast_testkit::handfast::krb5::enctype::{CipherKey, KeyUsage};
use handfast_testkit::handfast::krb5::exchange::{TicketOptions, TicketRequest};
use handfast_testkit::handfast::krb5::message::{
    AdElement, AdType, AuthorizationData, EncTicketPart, EncryptedData, Ticket,
};
use handfast_testkit::handfast::krb5::pac::{
    LogonInfo, Pac, PacBufferType, PacBuilder, Rid, Sid, SignatureKey, with_pac,
};
use handfast_testkit::handfast::{
    Accept, Acceptor, Context, Credential, PacPolicy, Policy, Principal, ReplayGuard, ServiceName,
};
use handfast_testkit::*;

const HTTP: &str = "HTTP/www.example.com";
const KRBTGT: &str = "krbtgt/EXAMPLE.COM";

fn kit() -> Testkit {
    let kit = Testkit::with_seed("EXAMPLE.COM", 7);
    kit.user("alice", "correct horse");
    kit.service(HTTP);
    kit.groups("alice", Rid(1103), &[Rid(513), Rid(2000)]);
    kit
}

fn domain() -> Sid {
    "S-1-5-21-1-2-3".parse().unwrap()
}

/// The service's view of alice, where the keytab has the keys of `krbtgt` too.
fn seen(kit: &Testkit, ticket: &HeldTicket) -> Context {
    let mut keytab = kit.keytab(HTTP);
    kit.keytab(KRBTGT).entries().iter().cloned().for_each(|entry| keytab.add(entry));
    let acceptor = Acceptor::with_random(&keytab, Some(ReplayGuard::in_memory()), kit.random())
        .policy(Policy::default().with_pac(PacPolicy::Require));
    let initiator = kit.initiator();
    let credential = Credential::tickets(&kit.ccache("alice", [ticket.clone()]));
    let target = ServiceName::principal(format!("{HTTP}@EXAMPLE.COM").parse().unwrap());
    let mut token = Vec::new();
    let now = kit.now(Party::Initiator);
    initiator.to(&target).credential(&credential).begin(now, &mut token).unwrap();
    match acceptor.session().begin().step(&token, now, &mut Vec::new()).unwrap() {
        Accept::Complete(context) => context,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_with_groups_is_seen_with_them_and_every_signature_holds() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let context = seen(&kit, &kit.ticket(&tgt, HTTP, TicketOptions::default()).unwrap());
    let authorization = context.authorization().unwrap();
    assert!(authorization.pac_signed_by_kdc());
    assert_eq!(authorization.user_sid(), Some(domain().with(Rid(1103))));
    let pac = authorization.pac().unwrap();
    assert!(pac.grants(domain().with(Rid(2000))) && !pac.grants(domain().with(Rid(512))));
    assert_eq!((pac.requestor, pac.attributes), (None, None), "those are for the KDC itself");
    let upn = pac.upn_dns_info.as_ref().unwrap();
    assert_eq!((upn.upn.as_str(), upn.constructed), ("alice@example.com", true));
    assert_eq!(Pac::decode(pac.bytes()).unwrap().find(PacBufferType::FULL_SIGNATURE).unwrap().data.len(), 16);
}

#[test]
fn who_has_no_account_in_the_domain_has_no_pac() {
    let kit = kit();
    kit.user("bob", "pw");
    let (_, server) = kit.authenticate("bob", HTTP).unwrap();
    assert!(server.authorization().unwrap().pac().is_none());
    let (_, server) = kit.authenticate("alice", HTTP).unwrap();
    assert!(server.authorization().unwrap().pac().is_some());
}

/// The ticket-granting ticket with another PAC, sealed again with the KDC's own key: what somebody with that key, or a KDC
/// gone wrong, could do.
fn with_other_pac(
    kit: &Testkit,
    tgt: &HeldTicket,
    change: impl FnOnce(&Pac<'_>, &SignatureKey) -> Vec<u8>,
) -> HeldTicket {
    let sealed = Ticket::decode(&tgt.ticket).unwrap();
    let keytab = kit.keytab(KRBTGT);
    let key = keytab.entries().iter().find(|entry| entry.key.enctype() == sealed.enc_part.etype).unwrap();
    let cipher = CipherKey::new(&key.key, KeyUsage::TICKET).unwrap();
    let opened = cipher.decrypt(sealed.enc_part.cipher).unwrap();
    let part = EncTicketPart::decode(opened.expose()).unwrap();
    let found = part.authorization_data.find(AdType::WIN2K_PAC).unwrap().unwrap();
    let pac = with_pac(&change(&Pac::decode(found).unwrap(), &SignatureKey::new(&key.key).unwrap()));
    let authorization_data = AuthorizationData(vec![AdElement { ad_type: AdType::IF_RELEVANT, ad_data: &pac }]);
    let mut bytes = Vec::new();
    cipher.encrypt(&[5; 16], &EncTicketPart { authorization_data, ..part }.to_der(), &mut bytes);
    let enc_part = EncryptedData { cipher: &bytes, ..sealed.enc_part };
    HeldTicket { ticket: Ticket { enc_part, ..sealed }.to_der(), ..tgt.clone() }
}

const FILES: &str = "nfs/files.example.com";

fn forwardable() -> TicketOptions {
    TicketOptions { forwardable: true, ..TicketOptions::default() }
}

/// Who acts for the client, by the PAC that the acceptor of FILES sees (MS-PAC 2.9).
fn acting(kit: &Testkit, ticket: &HeldTicket) -> (String, Vec<String>) {
    let mut keytab = kit.keytab(FILES);
    kit.keytab(KRBTGT).entries().iter().cloned().for_each(|entry| keytab.add(entry));
    let acceptor = Acceptor::with_random(&keytab, Some(ReplayGuard::in_memory()), kit.random())
        .policy(Policy::default().with_pac(PacPolicy::Require));
    let credential = Credential::tickets(&kit.ccache("alice", [ticket.clone()]));
    let target = ServiceName::principal(format!("{FILES}@EXAMPLE.COM").parse().unwrap());
    let (mut token, now) = (Vec::new(), kit.now(Party::Initiator));
    kit.initiator().to(&target).credential(&credential).begin(now, &mut token).unwrap();
    let Accept::Complete(context) = acceptor.session().begin().step(&token, now, &mut Vec::new()).unwrap() else {
        panic!()
    };
    let authorization = context.authorization().unwrap();
    assert!(authorization.pac_signed_by_kdc());
    assert_eq!(authorization.user_sid(), Some(domain().with(Rid(1103))));
    let pac = authorization.pac().unwrap();
    let info = pac.delegation_info.as_ref().unwrap();
    (info.proxy_target.clone(), info.transited_services.clone())
}

#[test]
fn a_delegated_ticket_has_the_clients_pac_and_says_who_acts() {
    let kit = kit();
    kit.service(FILES);
    let files: Principal = format!("{FILES}@EXAMPLE.COM").parse().unwrap();
    kit.change(HTTP, |http| http.may_delegate_to = vec![files.clone()]);
    let tgt = kit.login("alice", forwardable()).unwrap();
    let evidence = kit.ticket(&tgt, HTTP, forwardable()).unwrap();
    let own = kit.login(HTTP, forwardable()).unwrap();
    let onward = |evidence: &HeldTicket, service: &Principal, own: &HeldTicket| {
        let request = TicketRequest::delegated(own, evidence, service.clone(), forwardable(), kit.random());
        kit.request(request).map(|acquired| acquired.ticket)
    };
    let ticket = onward(&evidence, &files, &own).unwrap();
    assert_eq!(acting(&kit, &ticket), (FILES.to_owned(), vec![format!("{HTTP}@EXAMPLE.COM")]));
    // One that goes on from there is added, in order.
    kit.change(FILES, |service| service.may_delegate_to = vec![files.clone()]);
    let second = onward(&ticket, &files, &kit.login(FILES, forwardable()).unwrap()).unwrap();
    let both = vec![format!("{HTTP}@EXAMPLE.COM"), format!("{FILES}@EXAMPLE.COM")];
    assert_eq!(acting(&kit, &second), (FILES.to_owned(), both));
}

/// The server's signature is by the key that the peer has: the session key of its login.
#[test]
fn a_user_to_user_ticket_has_a_pac_that_the_peer_can_check() {
    let kit = kit();
    kit.user("bob", "pw");
    let (alice, bob) = (kit.login("alice", forwardable()).unwrap(), kit.login("bob", forwardable()).unwrap());
    let peer = bob.client.clone();
    let request = TicketRequest::user_to_user(&alice, peer, bob.ticket.clone(), forwardable(), kit.random());
    let ticket = kit.request(request).unwrap().ticket;
    let sealed = Ticket::decode(&ticket.ticket).unwrap();
    let opened = CipherKey::new(&bob.key, KeyUsage::TICKET).unwrap().decrypt(sealed.enc_part.cipher).unwrap();
    let part = EncTicketPart::decode(opened.expose()).unwrap();
    let pac = Pac::decode(part.authorization_data.find(AdType::WIN2K_PAC).unwrap().unwrap()).unwrap();
    pac.verify(&part, &SignatureKey::new(&bob.key).unwrap()).unwrap();
    let krbtgt = kit.keytab(KRBTGT);
    let key = krbtgt.entries().first().unwrap();
    pac.verify_kdc_signatures(&part, &SignatureKey::new(&key.key).unwrap(), true).unwrap();
    assert_eq!(pac.logon_info().unwrap().unwrap().user_sid(), Some(domain().with(Rid(1103))));
}

fn code(kit: &Testkit, tgt: &HeldTicket) -> Option<i32> {
    match kit.ticket(tgt, HTTP, TicketOptions::default()) {
        Ok(_) => None,
        Err(_) => kit.events().iter().rev().find_map(|event| match &event.outcome {
            handfast_testkit::handfast_kdc::Outcome::Refused { code, .. } => Some(code.0),
            _ => None,
        }),
    }
}

#[test]
fn a_forged_pac_in_a_ticket_granting_ticket_gets_no_further_ticket() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    let as_it_is = with_other_pac(&kit, &tgt, |pac, _| pac.bytes().to_vec());
    assert_eq!(code(&kit, &as_it_is), None);
    let admin = |pac: &Pac<'_>| {
        let mut builder = PacBuilder::of(pac);
        builder.logon_info(&LogonInfo::of_user(domain(), Rid(500), "alice")).unwrap();
        builder
    };
    let unsigned = with_other_pac(&kit, &tgt, |pac, _| admin(pac).encode_unsigned().unwrap());
    assert_eq!(code(&kit, &unsigned), Some(41), "KRB_AP_ERR_MODIFIED");
    let other = SignatureKey::new(&kit.keytab(HTTP).entries().first().unwrap().key).unwrap();
    let by_server = with_other_pac(&kit, &tgt, |pac, key| admin(pac).sign(key, &other).unwrap());
    assert_eq!(code(&kit, &by_server), Some(41), "the KDC's signature by another key");
    let by_kdc = with_other_pac(&kit, &tgt, |pac, key| admin(pac).sign(&other, key).unwrap());
    assert_eq!(code(&kit, &by_kdc), Some(41), "the server's signature by another key");
    let nonsense = with_other_pac(&kit, &tgt, |_, _| b"no PAC".to_vec());
    assert_eq!(code(&kit, &nonsense), Some(41));
}

/// An account took another's name between the two requests (CVE-2021-42287); the PAC says whose it was.
#[test]
fn cve_2021_42287_a_name_that_is_another_account_now_gets_no_further_ticket() {
    let kit = kit();
    let tgt = kit.login("alice", TicketOptions::default()).unwrap();
    kit.groups("alice", Rid(500), &[Rid(512)]);
    assert_eq!(code(&kit, &tgt), Some(20), "KDC_ERR_TGT_REVOKED");
    kit.groups("alice", Rid(1103), &[Rid(512)]);
    assert_eq!(code(&kit, &tgt), None);
    // A PAC that does not say whose it is.
    let silent = with_other_pac(&kit, &tgt, |pac, key| {
        PacBuilder::of(pac).without(PacBufferType::REQUESTOR).sign(key, key).unwrap()
    });
    assert_eq!(code(&kit, &silent), Some(20));
}
