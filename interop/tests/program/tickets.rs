//! `handfast login`, `list` and `logout` at MIT's KDC, on credential caches that MIT's programs read and write too.

use crate::handfast::{Handfast, failed};
use handfast_interop::{Enctype, GssServer, MitClient, MitConfig, MitRealm, SambaDomain};
use std::thread;

const KRBTGT: &str = "krbtgt/MIT.TEST@MIT.TEST";

fn logged_in(realm: &MitRealm, user: &str, arguments: &str) -> Handfast {
    let program = Handfast::new(realm.config());
    program.login(&format!("{user} {arguments}"), &realm.password(user)).expect_success();
    program
}

#[test]
fn klist_kvno_and_gss_client_take_our_login() {
    let realm = MitRealm::shared();
    let program = logged_in(&realm, "alice", "");
    let mit = program.mit();
    let list = mit.klist();
    assert_eq!((list.principal.as_str(), list.tickets.len()), ("alice@MIT.TEST", 1));
    assert_eq!(list.ticket(KRBTGT).flags, "FIA", "forwardable, as krb5.conf has it; initial; pre-authenticated");
    mit.kvno_keytab("sample/localhost", realm.service_keytab()).expect_success().expect_text("keytab entry valid");
    assert_eq!(mit.klist().tickets.len(), 2);
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    mit.gss_client(server.port(), "sample@localhost", "hello", &[]).expect_text("Signature verified.");
    server.expect_accepted("alice@MIT.TEST", "sample/localhost@MIT.TEST");
}

#[test]
fn a_user_with_one_key_logs_in_with_each_enctype() {
    let realm = MitRealm::shared();
    for enctype in Enctype::ALL {
        let program = Handfast::new(&realm.config().clone().enctypes(&[enctype]));
        program.login(&enctype.user(), &realm.password(&enctype.user())).expect_success();
        let list = program.mit().klist();
        assert_eq!(list.ticket(KRBTGT).session_enctype, enctype.name());
        let key = format!("{}({})", enctype.name(), enctype.number());
        let client = format!("{}@MIT.TEST for {KRBTGT}", enctype.user());
        let issued = |line: &&str| line.contains("ISSUE") && line.contains(&client);
        let log = realm.kdc_log();
        let line = log.lines().find(issued).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains(&format!("rep={key}")) && line.contains(&format!("ses={key}")), "{line}");
    }
}

#[test]
fn a_keytab_logs_in() {
    let realm = MitRealm::shared();
    let program = Handfast::new(realm.config());
    program.run(&format!("login alice --keytab {}", realm.user_keytab().display())).expect_success();
    assert_eq!(program.mit().klist().principal, "alice@MIT.TEST");
    let other = program.run(&format!("login alice --keytab {}", realm.service_keytab().display()));
    failed(&other, 3, "no key of alice@MIT.TEST");
}

#[test]
fn an_enterprise_name_logs_in_at_sambas_domain() {
    let domain = SambaDomain::shared();
    let program = Handfast::new(&domain.config());
    program.login("-E carol.jones@corp.test", SambaDomain::password("carol")).expect_success();
    assert_eq!(program.mit().klist().principal, "carol@AD.TEST");
    program.mit().kvno(SambaDomain::SERVICE).expect_success();
    failed(&program.login("carol.jones@corp.test@AD.TEST", "x"), 2, "two '@'");
}

#[test]
fn get_acts_for_a_user_in_sambas_domain() {
    let domain = SambaDomain::shared();
    let program = Handfast::new(&domain.config());
    program.login("svc-front --forwardable", SambaDomain::password("svc-front")).expect_success();
    failed(&program.run("get --s4u2self alice"), 5, "with the service's own key");
    let keytab = domain.keytab("svc-front").display().to_string();
    program.run(&format!("get {} --s4u2self alice --s4u2proxy -k {keytab}", SambaDomain::SERVICE)).expect_success();
    program.mit().run("klist", &[]).expect_success().expect_text("for client alice@AD.TEST");
}

#[test]
fn list_shows_what_kinit_and_kvno_wrote() {
    let realm = MitRealm::shared();
    let alice = realm.client();
    alice.kinit_with(&["-f", "-r", "2d", "alice"], &realm.password("alice")).expect_success();
    let service = Enctype::Aes128Sha256.service_principal();
    alice.kvno(&service).expect_success();
    let program = Handfast::sharing(&alice);
    let list = program.run("list");
    list.expect_success().expect_text("Principal   alice@MIT.TEST").expect_text(KRBTGT);
    list.expect_text("forwardable, renewable, initial, pre-authenticated");
    list.expect_text(&format!("{service}@MIT.TEST")).expect_text("session key aes128-cts-hmac-sha256-128");
    program.run("list --check").expect_success();
}

#[test]
fn caches_of_every_version_of_kinit_are_read_and_added_to() {
    let realm = MitRealm::shared();
    let server = program_server(&realm);
    for version in 1..=4_u8 {
        let config = realm.config().clone().setting(&format!("ccache_type = {version}"));
        let alice = realm.client_of_with("alice", &config);
        assert_eq!(std::fs::read(alice.ccache()).unwrap()[..2], [5, version]);
        let program = Handfast::sharing(&alice);
        program.run("list").expect_success().expect_text("Principal   alice@MIT.TEST").expect_text(KRBTGT);
        let line = format!("connect localhost:{} --framing gss-sample --message x -s sample/localhost", server.port());
        program.run(&line).expect_success();
        assert_eq!(alice.klist().tickets.len(), 2, "version {version}");
        alice.kvno("host/localhost").expect_success();
        assert_eq!(alice.klist().tickets.len(), 3, "version {version}");
    }
}

#[test]
fn what_kinit_noted_in_its_cache_stays() {
    let realm = MitRealm::shared();
    let alice = realm.client_of("alice");
    let noted = || {
        let limit = std::time::Duration::from_secs(10);
        let list = handfast_interop::run(alice.command("klist").arg("-C"), "", limit);
        list.stdout.lines().filter(|line| line.starts_with("config: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = noted();
    assert!(!before.is_empty());
    let server = program_server(&realm);
    let line = format!("connect localhost:{} --framing gss-sample --message x -s sample/localhost", server.port());
    Handfast::sharing(&alice).run(&line).expect_success();
    assert_eq!((noted(), alice.klist().tickets.len()), (before, 2));
}

#[test]
fn list_shows_the_keys_that_ktadd_wrote() {
    let realm = MitRealm::shared();
    let list = Handfast::new(realm.config()).run(&format!("list --keytab {}", realm.service_keytab().display()));
    for enctype in Enctype::ALL {
        list.expect_success().expect_text(&format!("{}@MIT.TEST", enctype.service_principal()));
        list.expect_text(enctype.name());
    }
}

#[test]
fn logout_and_kdestroy_end_each_others_tickets() {
    let realm = MitRealm::shared();
    let program = logged_in(&realm, "alice", "");
    let mit = program.mit();
    let kdestroy = || handfast_interop::run(&mut mit.command("kdestroy"), "", std::time::Duration::from_secs(10));
    let klist = || handfast_interop::run(&mut mit.command("klist"), "", std::time::Duration::from_secs(10));
    program.run("logout").expect_success();
    klist().expect_failure().expect_text("No credentials cache found");
    kdestroy().expect_text("No credentials cache found");
    mit.kinit("alice", &realm.password("alice")).expect_success();
    program.run("list --check").expect_success();
    kdestroy().expect_success();
    failed(&program.run("list"), 3, "ccache");
    mit.kinit("alice", &realm.password("alice")).expect_success();
    program.run("logout").expect_success();
    klist().expect_failure().expect_text("No credentials cache found");
}

#[test]
fn logins_are_forwardable_and_renewable_and_either_side_renews_the_others() {
    let realm = MitRealm::shared();
    let program = logged_in(&realm, "alice", "--forwardable --renewable 2d --lifetime 1h");
    let mit = program.mit();
    assert_eq!(mit.klist().ticket(KRBTGT).flags, "FRIA");
    mit.kinit_with(&["-R"], "").expect_success();
    assert_eq!(mit.klist().ticket(KRBTGT).flags, "FRIAT", "renewed by kinit; MIT's KDC keeps the 'initial'");
    program.run("login --renew").expect_success();
    assert_eq!(mit.klist().ticket(KRBTGT).flags, "FRIAT", "and again by us");
    mit.kvno("sample/localhost").expect_success();
    mit.kinit_with(&["-r", "2d", "bob"], &realm.password("bob")).expect_success();
    program.run("login --renew").expect_success();
    let list = mit.klist();
    assert_eq!((list.principal.as_str(), list.ticket(KRBTGT).flags.as_str()), ("bob@MIT.TEST", "FRIAT"));
    mit.kvno("sample/localhost").expect_success();
}

#[test]
fn what_is_not_renewable_is_renewed_by_nobody() {
    let realm = MitRealm::shared();
    let program = logged_in(&realm, "alice", "");
    failed(&program.run("login --renew"), 3, "not renewable");
    program.mit().kinit_with(&["-R"], "").expect_failure();
}

#[test]
fn a_ticket_for_a_service_alone_is_one_that_klist_shows() {
    let realm = MitRealm::shared();
    let program = logged_in(&realm, "alice", "--service sample/localhost");
    let mit = program.mit();
    let list = mit.klist();
    assert_eq!(list.tickets.len(), 1);
    list.ticket("sample/localhost@MIT.TEST");
    let server = GssServer::start(realm.config(), realm.service_keytab(), "sample@localhost");
    mit.gss_client(server.port(), "sample@localhost", "hello", &[]).expect_text("Signature verified.");
}

#[test]
fn both_find_the_cache_that_krb5_conf_names() {
    let realm = MitRealm::shared();
    let place = handfast_interop::TempDir::new("named-cache");
    let name = place.join("cc-%{uid}");
    let config = realm.config().clone().setting(&format!("default_ccache_name = FILE:{}", name.display()));
    let program = Handfast::new(&config);
    let mut login = program.command(&["login", "alice", "--password-stdin"]);
    login.env_remove("KRB5CCNAME");
    let limit = std::time::Duration::from_secs(30);
    handfast_interop::run(&mut login, &realm.password("alice"), limit).expect_success();
    let client = MitClient::new(&config);
    let mut klist = client.command("klist");
    klist.env_remove("KRB5CCNAME");
    let list = handfast_interop::run(&mut klist, "", limit);
    list.expect_success().expect_text("Default principal: alice@MIT.TEST").expect_text("/cc-");
}

#[test]
fn the_kdc_is_asked_over_tcp_if_krb5_conf_says_so() {
    let realm = MitRealm::start();
    let config = MitConfig::new(MitRealm::NAME, realm.kdc()).tcp_only();
    let program = Handfast::new(&config);
    program.login("alice", &realm.password("alice")).expect_success();
    assert_eq!(program.mit().klist().principal, "alice@MIT.TEST");
    realm.expect_kdc_log("closing down fd"); // of a TCP connection
}

#[test]
fn kvno_and_we_write_one_cache_at_once_and_nothing_is_lost() {
    let realm = MitRealm::start();
    let services: Vec<String> = (0..24).map(|number| format!("svc{number}/localhost")).collect();
    realm.kadmin(&services.iter().map(|service| format!("addprinc -randkey {service}\n")).collect::<String>());
    let keytab = services
        .iter()
        .map(|service| format!("ktadd -q -norandkey -k {} {service}\n", realm.service_keytab().display()));
    realm.kadmin(&keytab.collect::<String>());
    let program = logged_in(&realm, "alice", "");
    let mit = program.mit();
    let server = program_server(&realm);
    let (theirs, ours) = services.split_at(12);
    thread::scope(|scope| {
        for half in theirs.chunks(6) {
            let mit = &mit;
            scope.spawn(move || half.iter().for_each(|service| _ = mit.kvno(service).expect_success()));
        }
        for half in ours.chunks(6) {
            let (program, port) = (&program, server.port());
            scope.spawn(move || {
                for service in half {
                    let line = format!("connect localhost:{port} --framing gss-sample --message x --service {service}");
                    program.run(&line).expect_success();
                }
            });
        }
    });
    let list = mit.klist();
    for service in &services {
        list.ticket(&format!("{service}@MIT.TEST"));
        mit.kvno_keytab(service, realm.service_keytab()).expect_text("keytab entry valid");
    }
    assert_eq!(list.tickets.len(), services.len() + 1, "{list:#?}");
    assert_eq!(Handfast::sharing(&mit).run("list").expect_success().stdout.matches("svc").count(), services.len());
}

fn program_server(realm: &MitRealm) -> crate::handfast::Server {
    Handfast::new(realm.config()).keytab(realm.service_keytab()).serve("")
}
