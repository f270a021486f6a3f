//! MIT's kvno in our realm, for tickets in another's name, user-to-user and forwarded ones; and our client in MIT's
//! realm for user-to-user, validation and renewal. The verdict is MIT's.

use crate::our_realm::{OurRealm, principal, user};
use crate::ours::{kdc, log_in, now};
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{Acquired, TicketOptions, TicketRequest};
use handfast::krb5::{Ccache, HeldTicket, TicketFlags};
use handfast_interop::{MitClient, MitRealm, TempDir};
use handfast_kdc::{PrincipalEntry, SESSION_ENCTYPES};
use handfast_net::Clock;
use handfast_net::login::get_ticket;
use std::net::SocketAddr;
use std::sync::Arc;

const WEB: &str = "HTTP/localhost";
const FILES: &str = "nfs/localhost";

/// Our realm with two services, of which the first is changed.
fn realm(change: impl FnOnce(&mut PrincipalEntry), change_files: impl FnOnce(&mut PrincipalEntry)) -> OurRealm {
    let realm = OurRealm::start();
    for name in [WEB, FILES] {
        realm.insert(PrincipalEntry::service_of(principal(name), &SESSION_ENCTYPES, &OsRandom, now()).unwrap());
    }
    realm.insert(user("bob"));
    realm.change(WEB, change);
    realm.change(FILES, change_files);
    realm
}

/// MIT's programs as the service HTTP/localhost.
fn web(realm: &OurRealm) -> MitClient {
    let client = MitClient::new(&realm.config().setting("forwardable = true"));
    client.kinit_keytab(WEB, &realm.keytab(&[WEB])).expect_success();
    client
}

#[test]
fn kvno_gets_a_ticket_to_itself_in_a_users_name() {
    let realm = realm(|_| (), |_| ());
    let web = web(&realm);
    let keytab = realm.keytab(&[WEB]).display().to_string();
    web.run("kvno", &["-k", &keytab, "-U", "alice", WEB]).expect_success().expect_text("keytab entry valid");
    let text = web.run("klist", &["-f"]).text();
    assert!(text.contains("for client alice@OURS.TEST"), "{text}");
    web.run("kvno", &["-U", "nobody", WEB]).expect_failure().expect_text("not found in Kerberos database");
    web.run("kvno", &["-U", "alice", FILES]).expect_failure();
}

#[test]
fn kvno_delegates_where_the_service_may() {
    let listed = realm(|web| (web.protocol_transition, web.may_delegate_to) = (true, vec![principal(FILES)]), |_| ());
    let client = web(&listed);
    let keytab = listed.keytab(&[WEB, FILES]).display().to_string();
    let kvno = |client: &MitClient| client.run("kvno", &["-k", &keytab, "-U", "alice", "-P", FILES]);
    kvno(&client).expect_success().expect_text("keytab entry valid");
    let text = client.run("klist", &[]).text();
    assert!(text.contains("nfs/localhost@OURS.TEST") && text.contains("for client alice@OURS.TEST"), "{text}");
    // Neither listed nor allowed.
    kvno(&web(&realm(|web| web.protocol_transition = true, |_| ()))).expect_failure();
}

#[test]
fn kvno_delegates_where_the_resource_allows_it() {
    let allowed = realm(|web| web.protocol_transition = true, |files| files.allowed_to_act = vec![principal(WEB)]);
    let keytab = allowed.keytab(&[WEB, FILES]).display().to_string();
    let run = web(&allowed).run("kvno", &["-k", &keytab, "-U", "alice", "-P", FILES]);
    run.expect_success().expect_text("keytab entry valid");
    assert!(allowed.log().contains("alice@OURS.TEST for nfs/localhost@OURS.TEST"), "{}", allowed.log());
}

#[test]
fn kvno_gets_a_user_to_user_ticket_of_ours() {
    let realm = realm(|_| (), |_| ());
    let (alice, bob) = (realm.client_of("alice"), realm.client_of("bob"));
    let peer = format!("FILE:{}", bob.ccache().display());
    alice.run("kvno", &["--u2u", &peer, "bob"]).expect_success().expect_text("bob@OURS.TEST: kvno = 0");
    alice.run("kvno", &["--u2u", &peer, "alice"]).expect_failure();
    alice.run("kvno", &["bob"]).expect_failure();
}

fn ask(request: TicketRequest, address: SocketAddr) -> Acquired {
    get_ticket(request, &kdc(address), &Clock::system()).unwrap()
}

fn options() -> TicketOptions {
    TicketOptions { forwardable: true, proxiable: true, ..TicketOptions::default() }
}

/// What klist shows of these tickets.
fn klist(realm: &MitRealm, ticket: &HeldTicket) -> handfast_interop::Klist {
    let dir = TempDir::new("klist");
    let mut cache = Ccache::new(ticket.client.clone());
    cache.replace(ticket.clone());
    let path = dir.write("ccache", cache.encode().unwrap().expose());
    MitClient::with_ccache(realm.config(), &path).klist()
}

#[test]
fn mits_kdc_gives_us_a_user_to_user_ticket() {
    let realm = MitRealm::shared();
    let login =
        |name: &str| log_in(&format!("{name}@MIT.TEST"), &realm.password(name), options(), realm.kdc(), now()).unwrap();
    let (alice, bob) = (login("alice"), login("bob"));
    let peer = bob.client.clone();
    let request = TicketRequest::user_to_user(&alice, peer, bob.ticket, TicketOptions::default(), Arc::new(OsRandom));
    let ticket = ask(request, realm.kdc()).ticket;
    assert!(ticket.is_skey);
    realm.expect_kdc_log("alice@MIT.TEST for bob@MIT.TEST");
}

#[test]
fn mits_kdc_forwards_for_us() {
    let realm = MitRealm::shared();
    let tgt = log_in("alice@MIT.TEST", &realm.password("alice"), options(), realm.kdc(), now()).unwrap();
    let there = || vec![handfast::krb5::HostAddress { addr_type: 2, address: vec![10, 9, 8, 7] }];
    let forwarded = TicketRequest::forward_to(&tgt, there(), options(), Arc::new(OsRandom));
    let forwarded = ask(forwarded, realm.kdc()).ticket;
    assert_eq!(forwarded.addresses, there());
    assert!(klist(&realm, &forwarded).ticket("krbtgt/MIT.TEST@MIT.TEST").flags.contains('f'));
}

#[test]
fn mits_kdc_validates_what_kinit_has_postdated() {
    let realm = MitRealm::shared();
    let client = MitClient::new(realm.config());
    client.kinit_with(&["-s", "2s", "alice"], &realm.password("alice")).expect_success();
    let cache = Ccache::decode(&std::fs::read(client.ccache()).unwrap()).unwrap();
    let postdated = cache.tickets().next().unwrap().clone();
    assert!(postdated.flags.contains(TicketFlags::INVALID), "{:?}", postdated.flags);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let valid = TicketRequest::validate(&postdated, TicketOptions::default(), Arc::new(OsRandom));
    let valid = ask(valid, realm.kdc()).ticket;
    assert!(!valid.flags.contains(TicketFlags::INVALID));
    let service = "host/localhost@MIT.TEST".parse().unwrap();
    ask(TicketRequest::new(&valid, service, TicketOptions::default(), Arc::new(OsRandom)), realm.kdc());
    assert!(!klist(&realm, &valid).ticket("krbtgt/MIT.TEST@MIT.TEST").flags.contains('i'));
}
