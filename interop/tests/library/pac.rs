//! PACs of Samba's and MIT's KDCs at our acceptor. What they must say is what Samba's own tools print of the accounts.

use crate::our_realm::OurRealm;
use crate::ours::{kdc, now, tickets_of};
use handfast::crypto::OsRandom;
use handfast::krb5::pac::{DelegationInfo, LogonInfo, PacError, PacInfo, Rid, Sid};
use handfast::krb5::{Keytab, KeytabEntry};
use handfast::{Accept, Acceptor, Context, Credential, Error, Initiate, Initiator, PacPolicy, Policy, Refusal};
use handfast::{ReplayGuard, ServiceName};
use handfast_interop::{Enctype, MitClient, MitRealm, SambaDomain, TempDir};
use handfast_kdc::{Domain, DomainAccount, PrincipalEntry, Settings};
use handfast_net::driver::KdcExchange;
use std::net::SocketAddr;
use std::path::Path;

fn keytab(path: &Path) -> Keytab {
    Keytab::decode(&std::fs::read(path).unwrap()).unwrap()
}

/// The acceptor's context with a client that gets its tickets from the KDC at `address`.
fn meet(address: SocketAddr, credential: &Credential, service: &str, acceptor: &Acceptor) -> Result<Context, Error> {
    let target = ServiceName::principal(service.parse().unwrap());
    let initiator = Initiator::new(Policy::default());
    let mut token = Vec::new();
    let mut step = initiator.to(&target).credential(credential).begin(now(), &mut token).unwrap();
    while let Initiate::NeedsKdc(next) = step {
        let reply = kdc(address).exchange(next.request()).unwrap();
        step = next.reply(&reply, now(), &mut token).unwrap();
    }
    match acceptor.session().begin().step(&token, now(), &mut Vec::new())? {
        Accept::Complete(context) => Ok(context),
        other => panic!("{other:?}"),
    }
}

fn acceptor(keytab: &Keytab) -> Acceptor {
    Acceptor::new(keytab, ReplayGuard::in_memory()).policy(Policy::default().with_pac(PacPolicy::Require))
}

fn samba(user: &str, password: &str, acceptor: &Acceptor) -> Result<Context, Error> {
    let domain = SambaDomain::shared();
    let credential = Credential::password(format!("{user}@AD.TEST").parse().unwrap(), password.as_bytes());
    meet(domain.kdc(), &credential, "HTTP/web.ad.test@AD.TEST", acceptor)
}

fn pac_of(context: &Context) -> PacInfo {
    context.authorization().unwrap().pac().unwrap()
}

#[test]
fn a_pac_of_samba_says_of_a_user_what_sambas_directory_says() {
    let domain = SambaDomain::shared();
    let acceptor = acceptor(&keytab(&domain.keytab(SambaDomain::SERVICE)));
    for (user, password) in [("alice", "Alice-pw-1"), ("bob", "Bob-pw-1")] {
        let context = samba(user, password, &acceptor).unwrap();
        assert_eq!(context.peer().to_string(), format!("{user}@AD.TEST"));
        let pac = pac_of(&context);
        let logon = pac.logon_info.as_ref().unwrap();
        assert_eq!(pac.user_sid().unwrap().to_string(), domain.sid_of(user));
        assert_eq!((logon.effective_name.as_str(), logon.logon_domain_name.as_str()), (user, "ADTEST"));
        assert_eq!(logon.logon_server, "DC1");
        let upn = pac.upn_dns_info.as_ref().unwrap();
        assert_eq!((upn.upn.as_str(), upn.dns_domain_name.as_str()), (&*format!("{user}@ad.test"), "AD.TEST"));
        // `getgroups` lists what a user is in directly; the PAC has those that are in between, too.
        let direct = domain.groups_of(user);
        assert!(direct.contains(&"Domain Users".to_owned()), "{direct:?}");
        for group in ["Domain Users", "engineers", "everybody", "Domain Admins"] {
            let sid = domain.sid_of(group).parse().unwrap();
            let through = group == "everybody" && direct.contains(&"engineers".to_owned());
            assert_eq!(pac.grants(sid), direct.contains(&group.to_owned()) || through, "{user} in {group}");
        }
        assert_eq!(pac.grants(domain.sid_of("engineers").parse().unwrap()), user == "alice");
        assert!(!context.authorization().unwrap().pac_signed_by_kdc(), "the service has no key for that");
    }
}

#[test]
fn all_signatures_of_samba_hold_with_the_keys_of_krbtgt() {
    let domain = SambaDomain::shared();
    let mut keys = keytab(&domain.keytab(SambaDomain::SERVICE));
    keytab(&domain.keytab("krbtgt/AD.TEST")).entries().iter().cloned().for_each(|entry| keys.add(entry));
    let context = samba("alice", "Alice-pw-1", &acceptor(&keys)).unwrap();
    assert!(context.authorization().unwrap().pac_signed_by_kdc());
}

/// The keys are the service's under the name of `krbtgt`: the KDC's signatures are of another key.
#[test]
fn with_another_key_for_krbtgt_sambas_pac_is_refused() {
    let domain = SambaDomain::shared();
    let mut keys = keytab(&domain.keytab(SambaDomain::SERVICE));
    let krbtgt = "krbtgt/AD.TEST@AD.TEST".parse().unwrap();
    let wrong = KeytabEntry { principal: krbtgt, ..keys.entries()[0].clone() };
    keys.add(wrong);
    let refused = samba("alice", "Alice-pw-1", &acceptor(&keys)).unwrap_err();
    assert!(
        matches!(refused, Error::Refused(refusal) if matches!(*refusal, Refusal::Pac(PacError::WrongSignature(_))))
    );
}

/// MIT's KDC knows no SIDs: its PACs (since 1.20) have the client and the signatures.
#[test]
fn the_signatures_of_mits_pacs_hold_with_each_enctype() {
    let realm = MitRealm::shared();
    let folder = TempDir::new("krbtgt");
    let path = folder.join("krbtgt.keytab");
    realm.kadmin(&format!("ktadd -norandkey -k {} krbtgt/MIT.TEST", path.display())).expect_success();
    let mut keys = keytab(realm.service_keytab());
    keytab(&path).entries().iter().cloned().for_each(|entry| keys.add(entry));
    let acceptor = acceptor(&keys);
    for enctype in Enctype::ALL {
        let client = realm.client_of_with("alice", &realm.config().clone().enctypes(&[enctype]));
        let service = format!("{}@MIT.TEST", enctype.service_principal());
        client.kvno(&service).expect_success();
        let context = meet(realm.kdc(), &tickets_of(client.ccache()), &service, &acceptor).unwrap();
        assert_eq!(pac_of(&context).client_info.name, "alice");
        assert!(pac_of(&context).logon_info.is_none());
        assert!(context.authorization().unwrap().pac_signed_by_kdc(), "{service}");
    }
}

/// MIT's acceptor shows a PAC's buffers only after its krb5_pac_verify has held.
#[test]
fn mit_verifies_a_pac_of_our_realm() {
    let sid: Sid = "S-1-5-21-1-2-3".parse().unwrap();
    let domain = Domain { sid, netbios_name: "OURS".into() };
    let settings = Settings { domain: Some(domain), ..Settings::default() };
    let realm = OurRealm::start_with(settings, std::time::Duration::ZERO);
    realm.change("alice", |entry| entry.account = Some(DomainAccount { rid: Rid(1103), groups: vec![Rid(513)] }));
    let alice = realm.client_of("alice");
    alice.kvno("sample/localhost").expect_success();
    let said = attributes(&alice, alice.ccache(), &realm);
    said.expect_success().expect_text("client alice@OURS.TEST");
    for attribute in ["client-info", "logon-info", "upn-dns-info", "server-checksum", "privsvr-checksum", "16", "19"] {
        said.expect_text(&format!("urn:mspac:{attribute} authenticated"));
    }
    let bytes = said.stdout.lines().find_map(|line| line.strip_prefix("urn:mspac:logon-info authenticated "));
    let bytes: Vec<u8> = bytes.unwrap().as_bytes().chunks(2).map(octet).collect();
    assert_eq!(LogonInfo::decode(&bytes).unwrap().user_sid(), Some(sid.with(Rid(1103))));
}

/// kvno acts for alice as HTTP/localhost; MIT's acceptor shows the buffer of a PAC that it has verified.
#[test]
fn mit_verifies_the_pac_of_a_delegated_ticket_of_ours() {
    let domain = Domain { sid: "S-1-5-21-1-2-3".parse().unwrap(), netbios_name: "OURS".into() };
    let settings = Settings { domain: Some(domain), ..Settings::default() };
    let realm = OurRealm::start_with(settings, std::time::Duration::ZERO);
    realm.change("alice", |entry| entry.account = Some(DomainAccount { rid: Rid(1103), groups: vec![Rid(513)] }));
    let (web, sample) = ("HTTP/localhost", crate::our_realm::principal("sample/localhost"));
    let mut entry = PrincipalEntry::service(crate::our_realm::principal(web), &OsRandom, now()).unwrap();
    (entry.protocol_transition, entry.may_delegate_to) = (true, vec![sample]);
    realm.insert(entry);
    let client = MitClient::new(&realm.config().setting("forwardable = true"));
    client.kinit_keytab(web, &realm.keytab(&[web])).expect_success();
    let folder = TempDir::new("delegated");
    let out = folder.join("ccache");
    let arguments = ["--out-cache", &out.display().to_string(), "-U", "alice", "-P", "sample/localhost"];
    client.run("kvno", &arguments).expect_success();
    let said = attributes(&client, &out, &realm);
    said.expect_success().expect_text("client alice@OURS.TEST");
    let shown = said.stdout.lines().find_map(|line| line.strip_prefix("urn:mspac:delegation-info authenticated "));
    let bytes: Vec<u8> = shown.unwrap().as_bytes().chunks(2).map(octet).collect();
    let info = DelegationInfo::decode(&bytes).unwrap();
    assert_eq!(info.proxy_target, "sample/localhost");
    assert_eq!(info.transited_services, [format!("{web}@OURS.TEST")]);
}

/// What MIT's acceptor says of a client of sample/localhost that has the tickets in `ccache`.
fn attributes(client: &MitClient, ccache: &Path, realm: &OurRealm) -> handfast_interop::Run {
    let target = ServiceName::principal("sample/localhost@OURS.TEST".parse().unwrap());
    let mut token = Vec::new();
    let credential = tickets_of(ccache);
    let _ = Initiator::new(Policy::default()).to(&target).credential(&credential).begin(now(), &mut token).unwrap();
    let mut python = client.command("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/pac_attributes.py"));
    python.env("KRB5_KTNAME", realm.keytab(&["sample/localhost"]));
    let hex: String = token.iter().map(|octet| format!("{octet:02x}")).collect();
    handfast_interop::run(&mut python, &hex, std::time::Duration::from_secs(30))
}

fn octet(pair: &[u8]) -> u8 {
    u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()
}
