//! A service of MIT's realm whose only key is of des3-cbc-sha1 (RFC 3961 6.3), with our acceptor.

use crate::ours::OurServer;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::{PacPolicy, Policy};
use handfast_interop::{MitRealm, TempDir};
use handfast_net::driver::HandshakeError;
use std::path::{Path, PathBuf};

const AES: &str = "aes256-cts-hmac-sha1-96";

/// The realm, with users whose names make tickets of several lengths, and the service's keytab.
fn realm() -> (MitRealm, PathBuf) {
    let realm = MitRealm::start_with(&["allow_des3 = true", "allow_weak_crypto = true"]);
    let keytab = realm.service_keytab().with_file_name("des3.keytab");
    let to = keytab.display();
    let mut lines = format!(
        "addprinc -randkey -e des3-cbc-sha1:normal old/localhost\n\
         setstr old/localhost session_enctypes {AES}\n\
         ktadd -q -norandkey -k {to} old/localhost\n"
    );
    for name in names() {
        lines.push_str(&format!("addprinc -pw {name}-password {name}\n"));
    }
    realm.kadmin(&lines).expect_success();
    (realm, keytab)
}

fn names() -> impl Iterator<Item = String> {
    (1..=8).map(|length| "u".repeat(length))
}

/// gss-client with our acceptor: what it prints, and how the connection ended here.
fn meet(
    realm: &MitRealm,
    user: &str,
    keytab: &Path,
    policy: Policy,
) -> (String, Result<crate::ours::Served, HandshakeError>) {
    let client = realm.client_of(user);
    let mut server = OurServer::new(keytab).policy(policy);
    server.accept_one();
    let run = client.gss_client(server.port(), "old@localhost", "hello", &[]);
    (run.text(), server.result())
}

#[test]
fn tickets_under_triple_des_are_taken_where_a_policy_names_them() {
    let (realm, keytab) = realm();
    let (output, served) = meet(&realm, "u", &keytab, Policy::default());
    assert!(!output.contains("Signature verified."), "{output}");
    let error = served.unwrap_err().to_string();
    assert!(error.contains("des3-cbc-sha1-kd"), "{error}");
    // With a PAC, which is signed with hmac-sha1-des3-kd; and with every length of padding.
    let named = || Policy::default().weak_des3_tickets().with_pac(PacPolicy::Require);
    for name in names() {
        let (output, served) = meet(&realm, &name, &keytab, named());
        assert!(output.contains("Signature verified."), "{output}");
        let served = served.unwrap();
        assert_eq!(served.peer, format!("{name}@MIT.TEST"));
        assert_eq!(served.enctype, Some(Enctype::AES256_CTS_HMAC_SHA1_96));
    }
    realm.expect_kdc_log("tkt=DEPRECATED:des3-cbc-sha1(16), ses=aes256-cts-hmac-sha1-96(18)");
}

#[test]
fn another_key_of_triple_des_opens_nothing() {
    let (realm, keytab) = realm();
    let mut keys = Keytab::new();
    for entry in Keytab::decode(&std::fs::read(keytab).unwrap()).unwrap().entries() {
        let key = handfast::krb5::enctype::EncryptionKey::random_to_key(entry.key.enctype(), &[7; 21]).unwrap();
        keys.add(KeytabEntry { key, ..entry.clone() });
    }
    let folder = TempDir::new("des3");
    let wrong = folder.join("wrong.keytab");
    std::fs::write(&wrong, keys.encode().unwrap().expose()).unwrap();
    let (output, served) = meet(&realm, "u", &wrong, Policy::default().weak_des3_tickets());
    assert!(!output.contains("Signature verified."), "{output}");
    let error = served.unwrap_err().to_string();
    assert!(error.contains("was not made with the keytab's key"), "{error}");
}
