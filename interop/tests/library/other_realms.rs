//! Realms that trust each other: our client through two realms of MIT's, and MIT's clients through two of ours. The
//! verdict is MIT's: what krb5kdc logs, klist shows, kvno and gss-server open.

use crate::our_realm::OurRealm;
use crate::ours::now;
use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::exchange::{Acquired, ClientSecret, Login, TicketOptions, TicketRequest};
use handfast::krb5::{Capaths, Ccache, Conf, HeldTicket};
use handfast::{Credential, Policy, ServiceName};
use handfast_interop::{Enctype, GssServer, MitClient, MitConfig, MitRealm, TempDir};
use handfast_kdc::{MemoryDirectory, PrincipalEntry, Settings};
use handfast_net::login::{get_ticket, log_in};
use handfast_net::stream::StreamOptions;
use handfast_net::{Clock, Kdcs};
use std::sync::Arc;
use std::time::Duration;

const SERVICE: &str = "host/box.b.test";

/// `MIT.TEST` and `B.TEST`, which trust each other; hosts under `b.test` are known to be of the latter.
struct TwoOfMits {
    a: MitRealm,
    b: MitRealm,
    config: MitConfig,
}

fn two_of_mits() -> TwoOfMits {
    let domains = "[domain_realm]\n .b.test = B.TEST\n";
    let (a, b) = (MitRealm::start_as(MitRealm::NAME, domains), MitRealm::start_as("B.TEST", domains));
    for realm in [&a, &b] {
        realm.kadmin("addprinc -pw a-to-b krbtgt/B.TEST@MIT.TEST\naddprinc -pw b-to-a krbtgt/MIT.TEST@B.TEST\n");
    }
    b.kadmin(&format!("addprinc -randkey {SERVICE}\n"));
    let config = a.config().clone().and(&realm_section("B.TEST", b.kdc()));
    TwoOfMits { a, b, config }
}

fn realm_section(name: &str, kdc: std::net::SocketAddr) -> String {
    format!("[realms]\n {name} = {{\n  kdc = {kdc}\n }}\n")
}

/// The KDCs that a configuration of MIT's names.
fn kdcs(config: &MitConfig) -> Kdcs {
    let conf = Conf::parse("krb5.conf", config.text()).unwrap();
    Kdcs::from_conf(&conf, &conf.libdefaults(None).unwrap())
}

fn alice(config: &MitConfig, options: TicketOptions) -> HeldTicket {
    let client = format!("alice@{}", config.realm()).parse().unwrap();
    let password = ClientSecret::Password(Secret::new(b"alice-password".to_vec()));
    log_in(Login::new(client, password, options, Arc::new(OsRandom)), &kdcs(config), &Clock::system()).unwrap().ticket
}

fn ticket(config: &MitConfig, tgt: &HeldTicket, service: &str, options: TicketOptions) -> Acquired {
    let service = service.parse::<ServiceName>().unwrap().to_principal(tgt.client.realm());
    let request = TicketRequest::new(tgt, service, options, Arc::new(OsRandom));
    get_ticket(request, &kdcs(config), &Clock::system()).unwrap()
}

/// MIT's programs with these tickets in their cache.
fn client_with(config: &MitConfig, tickets: &[&HeldTicket], dir: &TempDir) -> MitClient {
    let mut cache = Ccache::new(tickets[0].client.clone());
    tickets.iter().for_each(|ticket| cache.replace((*ticket).clone()));
    let path = dir.write("ccache", cache.encode().unwrap().expose());
    MitClient::with_ccache(config, &path)
}

#[test]
fn mits_kdcs_refer_our_client_to_another_realm() {
    let realms = two_of_mits();
    let tgt = alice(&realms.config, TicketOptions::default());
    let acquired = ticket(&realms.config, &tgt, SERVICE, TicketOptions::default());
    assert_eq!(acquired.ticket.server.to_string(), "host/box.b.test@B.TEST");
    assert_eq!(acquired.ticket_granting.len(), 1);
    realms.a.expect_kdc_log("alice@MIT.TEST for krbtgt/B.TEST@MIT.TEST");
    realms.b.expect_kdc_log("alice@MIT.TEST for host/box.b.test@B.TEST");
    let log = realms.b.kdc_log();
    assert!(log.lines().any(|line| line.contains("TGS_REQ") && line.contains("ISSUE")), "{log}");
    let dir = TempDir::new("other-realm");
    let keytab = dir.join("b.keytab");
    realms.b.kadmin(&format!("ktadd -q -norandkey -k {} {SERVICE}\n", keytab.display()));
    let client = client_with(&realms.config, &[&tgt, &acquired.ticket_granting[0], &acquired.ticket], &dir);
    let list = client.klist();
    list.ticket("krbtgt/B.TEST@MIT.TEST");
    assert!(list.ticket("host/box.b.test@B.TEST").flags.contains('T'), "the way was checked: {list:?}");
    client.kvno_keytab("host/box.b.test@B.TEST", &keytab).expect_success().expect_text("keytab entry valid");
}

#[test]
fn our_client_goes_straight_to_a_realm_of_mits_that_is_named() {
    let realms = two_of_mits();
    let options = TicketOptions { referrals: false, ..TicketOptions::default() };
    let tgt = alice(&realms.config, options.clone());
    let acquired = ticket(&realms.config, &tgt, "host/localhost@B.TEST", options);
    assert_eq!(acquired.ticket_granting[0].server.to_string(), "krbtgt/B.TEST@MIT.TEST");
    realms.b.expect_kdc_log("alice@MIT.TEST for host/localhost@B.TEST");
}

#[test]
fn mits_acceptor_in_another_realm_takes_our_client() {
    let realms = two_of_mits();
    let server = GssServer::start(realms.b.config(), realms.b.service_keytab(), "sample@localhost");
    let credential = Credential::password("alice@MIT.TEST".parse().unwrap(), "alice-password");
    let options = StreamOptions::default().dangerous_unprotected_messages();
    let kdcs = kdcs(&realms.config);
    let stream = crate::ours::connect(
        server.address(),
        "sample/localhost@B.TEST",
        &credential,
        Policy::default(),
        &kdcs,
        &options,
    );
    let mut stream = stream.unwrap();
    assert_eq!(stream.context().peer().to_string(), "sample/localhost@B.TEST");
    let acquired: Vec<_> = stream.context().acquired().iter().map(|ticket| ticket.server.to_string()).collect();
    assert_eq!(acquired, ["krbtgt/MIT.TEST@MIT.TEST", "krbtgt/B.TEST@MIT.TEST", "sample/localhost@B.TEST"]);
    stream.end().unwrap();
    server.expect_accepted("alice@MIT.TEST", "sample/localhost@B.TEST");
}

/// Realms of ours, each of which trusts the next; hosts under `last.test` are of the last one.
fn row_of_ours(names: &[&'static str]) -> (Vec<OurRealm>, MitConfig) {
    let last = *names.last().unwrap();
    let mut capaths = Capaths::default();
    capaths = capaths.with(names[0], last, names[1..names.len() - 1].iter().copied());
    let realms: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let mut directory = MemoryDirectory::new(name, &OsRandom, now()).unwrap();
            let neighbours = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|at| names.get(at));
            for neighbour in neighbours {
                for (from, to) in [(*name, *neighbour), (*neighbour, *name)] {
                    let enctypes = [crate::ours::our(Enctype::Aes256Sha1)];
                    let password = format!("{from}{to}");
                    let entry = PrincipalEntry::cross_realm(from, to, password.as_bytes(), &enctypes, now()).unwrap();
                    directory.insert(entry);
                }
            }
            for service in ["host/box.last.test", "sample/localhost"] {
                let service = format!("{service}@{name}").parse().unwrap();
                if *name == last {
                    directory.insert(PrincipalEntry::service(service, &OsRandom, now()).unwrap());
                }
            }
            let alice = format!("alice@{name}").parse().unwrap();
            directory.insert(PrincipalEntry::user(alice, b"alice-password", now()).unwrap());
            let domain_realm = vec![(".last.test".into(), last.to_string())];
            let settings = Settings { capaths: capaths.clone(), domain_realm, ..Settings::default() };
            OurRealm::start_of(name, directory, settings, Duration::ZERO)
        })
        .collect();
    let config = realms[1..]
        .iter()
        .fold(realms[0].config(), |config, realm| config.and(&realm_section(realm.name(), realm.address())));
    (realms, config)
}

#[test]
fn mits_client_follows_our_referrals() {
    let (realms, config) = row_of_ours(&["ONE.TEST", "LAST.TEST"]);
    let client = MitClient::new(&config);
    client.kinit("alice", "alice-password").expect_success();
    // The realm of the host is not known to the client: the KDC says it.
    let kvno = client.run("kvno", &["-k", &path(&realms[1], "host/box.last.test"), "-S", "host", "box.last.test"]);
    kvno.expect_success().expect_text("keytab entry valid");
    assert!(client.trace().contains("Following referral TGT krbtgt/LAST.TEST@ONE.TEST"), "{}", client.trace());
    assert!(realms[1].log().contains("issued"), "{}", realms[1].log());
}

#[test]
fn mits_client_and_acceptor_meet_over_three_realms_of_ours() {
    let (realms, config) = row_of_ours(&["ONE.TEST", "TWO.TEST", "LAST.TEST"]);
    let client = MitClient::new(&config.clone().and("[capaths]\n ONE.TEST = {\n  LAST.TEST = TWO.TEST\n }\n"));
    client.kinit("alice", "alice-password").expect_success();
    client.kvno("host/box.last.test@LAST.TEST").expect_success();
    let list = client.klist();
    for (realm, service) in realms.iter().zip(["krbtgt/TWO.TEST@ONE.TEST", "krbtgt/LAST.TEST@TWO.TEST"]) {
        assert!(
            realm.log().contains(&format!("alice@ONE.TEST for krbtgt/LAST.TEST@{}", realm.name())),
            "{service}: {}",
            realm.log()
        );
    }
    assert!(list.ticket("host/box.last.test@LAST.TEST").flags.contains('T'), "{list:?}");
    // MIT's acceptor: without [capaths] of its own it takes the KDC's word for the way.
    let keytab = realms[2].keytab(&["sample/localhost"]);
    let server = GssServer::start(&realms[2].config(), &keytab, "sample@localhost");
    let credential = Credential::password("alice@ONE.TEST".parse().unwrap(), "alice-password");
    let options = StreamOptions::default().dangerous_unprotected_messages();
    let policy = Policy::default().with_capaths(Capaths::default().with("ONE.TEST", "LAST.TEST", ["TWO.TEST"]));
    let (service, kdcs) = ("sample/localhost@LAST.TEST", kdcs(&config));
    let mut stream = crate::ours::connect(server.address(), service, &credential, policy, &kdcs, &options).unwrap();
    stream.end().unwrap();
    server.expect_accepted("alice@ONE.TEST", "sample/localhost@LAST.TEST");
}

fn path(realm: &OurRealm, service: &str) -> String {
    realm.keytab(&[service]).display().to_string()
}
