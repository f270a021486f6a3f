//! The `handfast` program at MIT's KDC by way of a KDC proxy (MS-KKDCP), kdcproxy.

use crate::handfast::{Handfast, failed};
use handfast_interop::{KdcProxy, KeyKind, MitClient, MitConfig, MitRealm, Pki, free_port};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// A KDC that nobody is at, and this proxy.
fn config(host: &str, proxy: &KdcProxy, authority: &Path) -> MitConfig {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    MitConfig::new(MitRealm::NAME, nobody).and(&format!(
        "[realms]\n {} = {{\n  kdc = https://{host}:{}/KdcProxy\n  http_anchors = FILE:{}\n }}\n",
        MitRealm::NAME,
        proxy.port(),
        authority.display()
    ))
}

#[test]
fn logins_and_tickets_come_through_kdcproxy() {
    let realm = MitRealm::start();
    for kind in [KeyKind::Rsa, KeyKind::P256] {
        let pki = Pki::new(kind);
        let proxy = KdcProxy::start(MitRealm::NAME, realm.kdc(), &pki.server("localhost"));
        let program = Handfast::new(&config("localhost", &proxy, &pki.authority()));
        program.login("alice", &realm.password("alice")).expect_success();
        realm.expect_kdc_log("AS_REQ");
        program.run("get sample/localhost").expect_success();
        realm.expect_kdc_log("TGS_REQ");
        // Twice for the login: the KDC wants it pre-authenticated.
        assert!(proxy.answered() >= 3, "{proxy:?}");
        let mit = MitClient::with_ccache(realm.config(), program.mit().ccache());
        assert_eq!(mit.klist().principal, "alice@MIT.TEST");
        mit.klist().ticket("sample/localhost@MIT.TEST");
        mit.kvno_keytab("sample/localhost", realm.service_keytab()).expect_success().expect_text("keytab entry valid");
        let doctor = program.run("doctor sample/localhost");
        doctor.expect_text("a KDC of MIT.TEST answers through a KDC proxy");
    }
}

#[test]
fn a_proxy_of_another_authority_or_another_name_is_refused() {
    let realm = MitRealm::start();
    let [pki, other] = [Pki::new(KeyKind::P256), Pki::new(KeyKind::P256)];
    let proxy = KdcProxy::start(MitRealm::NAME, realm.kdc(), &pki.server("localhost"));
    for (host, authority, why) in [
        ("localhost", other.authority(), "its certificate is refused"),
        ("127.0.0.1", pki.authority(), "not valid for name"),
    ] {
        let program = Handfast::new(&config(host, &proxy, &authority));
        let run = program.login("alice", &realm.password("alice"));
        run.expect_failure().expect_text(why).expect_text(&format!("https://{host}:{}/KdcProxy", proxy.port()));
        failed(&run, 4, "its certificate is refused");
        program.run("doctor sample/localhost").expect_failure().expect_text(why);
    }
    assert_eq!(proxy.answered(), 0);
    assert!(!realm.kdc_log().contains("AS_REQ"), "{}", realm.kdc_log());
}
