//! kinit's options of `handfast login` at MIT's KDC, as klist and the KDC see them; MIT's kinit with the same in our realm.

use crate::handfast::{Handfast, Server};
use handfast_interop::{MitClient, MitConfig, MitRealm, SambaDomain};

const KRBTGT: &str = "krbtgt/MIT.TEST@MIT.TEST";

#[test]
fn klist_shows_the_flags_that_were_asked_for_and_no_others() {
    let realm = MitRealm::shared();
    let config = realm.config().clone().setting("forwardable = true").setting("proxiable = true");
    let flags = |options: &str| {
        let program = Handfast::new(&config);
        program.login(&format!("alice {options}"), &realm.password("alice")).expect_success();
        program.mit().klist().ticket(KRBTGT).flags.clone()
    };
    assert_eq!(flags(""), "FPIA");
    assert_eq!(flags("-F"), "PIA");
    assert_eq!(flags("-P"), "FIA");
    assert_eq!(flags("-F -P -r 1d"), "RIA");
}

#[test]
fn krb5kdc_binds_our_login_to_the_addresses_of_this_host() {
    let realm = MitRealm::shared();
    let login = |settings: &[&str], options: &str| {
        let config = settings.iter().fold(realm.config().clone(), |config, line| config.setting(line));
        let program = Handfast::new(&config);
        program.login(&format!("alice {options}"), &realm.password("alice")).expect_success();
        program
    };
    let bound = ["noaddresses = false", "extra_addresses = 127.0.0.1"];
    let addresses = |program: &Handfast| program.mit().run("klist", &["-a", "-n"]).expect_success().stdout.clone();
    let here = login(&bound, "");
    let listed = addresses(&here);
    let line = listed.lines().find(|line| line.contains("Addresses: ")).unwrap_or_default();
    assert!(line.contains("127.0.0.1"), "{listed}");
    here.mit().kvno("sample/localhost").expect_success();
    assert!(addresses(&login(&bound, "-A")).contains("Addresses: (none)"));
    assert!(addresses(&login(&[], "")).contains("Addresses: (none)"));
    let elsewhere = login(&["extra_addresses = 192.0.2.7"], "-a");
    assert!(addresses(&elsewhere).contains("192.0.2.7"));
    elsewhere.mit().kvno("sample/localhost").expect_failure().expect_text("Incorrect net address");
}

#[test]
fn samba_leaves_the_pac_out_where_none_is_asked_for() {
    let domain = SambaDomain::shared();
    let program = Handfast::new(&domain.config());
    let size = |options: &str| {
        program.login(&format!("alice {options}"), SambaDomain::password("alice")).expect_success();
        program.mit().kvno(SambaDomain::SERVICE).expect_success();
        let cache = std::fs::read(program.mit().ccache()).unwrap();
        let cache = handfast::krb5::Ccache::decode(&cache).unwrap();
        let ticket = cache.tickets().find(|ticket| !ticket.server.is_krbtgt()).unwrap();
        ticket.ticket.len()
    };
    let (with, without) = (size("--request-pac"), size("--no-request-pac"));
    assert!(without + 300 < with, "{without} {with}");
}

/// Our realm with a domain, in which alice has a number.
fn ours() -> (Handfast, Server) {
    let program = Handfast::new(&MitConfig::new("OURS.TEST", ([127, 0, 0, 1], 9).into()));
    program.run("realm init OURS.TEST").expect_success();
    program.run_with("realm add-user alice --password-stdin", "alice-password\n").expect_success();
    program.run("realm add-service sample/localhost").expect_success();
    program.run("realm settings --domain OURS").expect_success();
    program.run("realm modify alice --rid 1103 --groups 513").expect_success();
    let kdc = program.start("realm serve", "OURS.TEST is served on ");
    (program, kdc)
}

#[test]
fn mits_kinit_gets_from_our_realm_what_its_options_say() {
    let (_program, kdc) = ours();
    let config = MitConfig::new("OURS.TEST", kdc.address()).setting("extra_addresses = 127.0.0.1");
    let kinit = |config: &MitConfig, options: &[&str]| {
        let client = MitClient::new(config);
        client.kinit_with(&[options, &["alice"]].concat(), "alice-password").expect_success();
        client
    };
    let flags = |options: &[&str]| kinit(&config, options).klist().ticket("krbtgt/OURS.TEST@OURS.TEST").flags.clone();
    assert_eq!((flags(&["-f", "-p"]), flags(&["-F", "-P"])), ("FPIA".into(), "IA".into()));
    let bound = kinit(&config, &["-a"]);
    assert!(bound.run("klist", &["-a", "-n"]).stdout.contains("127.0.0.1"));
    bound.kvno("sample/localhost").expect_success();
    let elsewhere = kinit(&config.clone().setting("extra_addresses = 192.0.2.7"), &["-a"]);
    elsewhere.kvno("sample/localhost").expect_failure().expect_text("Incorrect net address");
    // The service's ticket has one or has none; the realm itself wants to know whose login it is.
    let size = |option: &str| {
        let client = kinit(&config, &[option]);
        client.kvno("sample/localhost").expect_success();
        std::fs::metadata(client.ccache()).unwrap().len()
    };
    assert!(size("--no-request-pac") + 200 < size("--request-pac"));
}
