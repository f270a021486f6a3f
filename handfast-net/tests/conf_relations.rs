//! Each relation of krb5.conf that the table calls honoured has an effect on what `Settings` gives; the others have none.
#![cfg(all(unix, feature = "addresses", feature = "dns", feature = "kkdcp", feature = "pkinit"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use handfast::krb5::conf::{Place, Relation, Treatment};
use handfast_net::{Environment, Settings};

/// A directory of one test.
fn scratch(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conf-{test}-{}", std::process::id()));
    fs::create_dir_all(dir.join("d")).unwrap();
    dir
}

/// All that a configuration decides: not what it says, but what comes of it.
fn effects(dir: &Path, text: &str) -> String {
    fs::write(dir.join("krb5.conf"), text).unwrap();
    fs::write(dir.join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    let settings = Settings::load(Environment {
        krb5_config: Some(dir.join("krb5.conf").into()),
        resolv_conf: Some(dir.join("resolv.conf")),
        ..Environment::of_user(1000, "alice")
    })
    .unwrap();
    let mut all = format!("{:?}\n{:?}\n{:?}\n", settings.policy(), settings.login_options("R.TEST"), settings.kdcs());
    writeln!(all, "{:?} {:?}", settings.password_servers(), settings.host_names()).unwrap();
    let trust = settings.kdc_trust(&[], "R.TEST");
    let identity = settings.pkinit_identity(None, "R.TEST", None).map(|_| ());
    writeln!(all, "{trust:?} {identity:?} {:?}", settings.pkinit_options("R.TEST")).unwrap();
    writeln!(all, "{:?} {:?}", settings.ccache_name(None), settings.cache_types()).unwrap();
    writeln!(all, "{:?} {:?}", settings.keytab(None), settings.client_keytab(None)).unwrap();
    let service = settings.service("HTTP/www.sub.example.com".parse().unwrap());
    writeln!(all, "{:?} {service:?}", settings.principal("alice")).unwrap();
    let local = settings.conf().auth_to_local().unwrap();
    all + &format!("{:?}", local.local_name(&"alice@R.TEST".parse().unwrap()).ok())
}

/// Where a relation goes in a file, and a value that is not the default.
fn said(dir: &Path, relation: &Relation) -> String {
    let Relation { place, name, .. } = relation;
    let value = match (place, *name) {
        (Place::Directive, "include") => return format!("include {}\n", dir.join("d/more.conf").display()),
        (Place::Directive, "includedir") => return format!("includedir {}\n", dir.join("d").display()),
        (Place::Directive, _) => return format!("{name} nothing:at-all\n"),
        (Place::DomainRealm, _) => return "[domain_realm]\n .example.com = R.TEST\n".into(),
        (Place::Capaths, _) => return "[capaths]\n A.TEST = {\n  B.TEST = C.TEST\n }\n".into(),
        (Place::AppDefaults, _) => return "[appdefaults]\n forwardable = true\n".into(),
        (_, "auth_to_local_names") => "{\n  alice = somebody\n }",
        (_, "auth_to_local") => "RULE:[1:x$1]",
        (_, "v4_instance_convert") => "{\n  alice = somebody\n }",
        (_, "clockskew") => "61",
        (_, "default_ccache_name") => "FILE:/c",
        (_, "default_client_keytab_name" | "default_keytab_name") => "FILE:/k",
        (_, "default_realm") => "S.TEST",
        (_, "default_tkt_enctypes" | "default_tgs_enctypes" | "permitted_enctypes") => "aes128-cts",
        (_, "dns_lookup_kdc") => "false",
        (_, "kcm_socket") => "/s",
        (_, "pkinit_dh_min_bits") => "4096",
        (_, "pkinit_eku_checking") => "kpServerAuth",
        (_, "ticket_lifetime" | "renew_lifetime" | "request_timeout" | "kdc_timeout") => "7h",
        (_, "udp_preference_limit" | "realm_try_domains" | "max_retries") => "1",
        (_, "noaddresses" | "extra_addresses") => {
            // Of a host without a network that is all there is.
            return "[libdefaults]\n noaddresses = false\n extra_addresses = 192.0.2.7\n".into();
        }
        (_, "preferred_preauth_types") => "2",
        (_, "rdns" | "dns_uri_lookup" | "kdc_timesync") => "false",
        (_, "dns_canonicalize_hostname") => "fallback",
        _ => "true",
    };
    match place {
        Place::Realms => format!("[realms]\n R.TEST = {{\n  {name} = {value}\n }}\n"),
        Place::Plugins => format!("[plugins]\n ccselect = {{\n  {name} = {value}\n }}\n"),
        Place::Server => "[logging]\n kdc = STDERR\n".into(),
        _ => format!("[libdefaults]\n {name} = {value}\n"),
    }
}

#[test]
fn what_is_called_honoured_has_an_effect_and_nothing_else_has() {
    let dir = scratch("effects");
    fs::write(dir.join("d/more.conf"), "[libdefaults]\n clockskew = 59\n").unwrap();
    // What stands in the first place counts.
    let anchor = concat!("FILE:", env!("CARGO_MANIFEST_DIR"), "/../handfast/tests/pkinit/ca.pem");
    let rest =
        format!("[libdefaults]\n default_realm = R.TEST\n pkinit_anchors = {anchor}\n[realms]\n R.TEST = {{\n }}\n");
    let before = effects(&dir, &rest);
    for relation in Relation::of_page().iter().chain(Relation::elsewhere()) {
        let said = said(&dir, relation);
        let has_effect = effects(&dir, &format!("{said}{rest}")) != before;
        assert_eq!(has_effect, relation.treatment == Treatment::Honoured, "{relation:?}: {said}");
    }
    fs::remove_dir_all(dir).unwrap();
}
