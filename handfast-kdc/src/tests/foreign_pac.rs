//! What becomes here of PACs that another realm has issued: R.TEST, whose domain is S-1-5-21-1-2-3, trusts S.TEST with
//! S-1-5-21-4-5-6.

use super::*;
use crate::Domain;
use handfast::krb5::message::{AdElement, AdType};
use handfast::krb5::pac::{
    ClientInfo, DelegationInfo, GroupAttributes, GroupMembership, LogonInfo, Pac, PacBufferType, PacBuilder, Rid, Sid,
    SidAndAttributes, SignatureKey, UpnDnsInfo, find_pac, with_pac,
};

const OURS: &str = "S-1-5-21-1-2-3";
const THEIRS: &str = "S-1-5-21-4-5-6";
const ANOTHER: &str = "S-1-5-21-7-8-9";

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

fn directory_with_trust() -> MemoryDirectory {
    let mut directory = directory();
    directory.insert(PrincipalEntry::cross_realm("S.TEST", "R.TEST", b"between", &[AES256], NOW).unwrap());
    directory
}

fn realm_with(trusted: &[(&str, &str)]) -> Realm {
    let trusted_domains = trusted.iter().map(|(realm, of)| ((*realm).into(), sid(of))).collect();
    let domain = Some(Domain { sid: sid(OURS), netbios_name: "R".into() });
    let settings = Settings { domain, trusted_domains, ..Settings::default() };
    Realm::new("R.TEST", Arc::new(directory_with_trust()), settings, Arc::new(OsRandom))
}

fn between() -> EncryptionKey {
    directory_with_trust().keytab(&principal("krbtgt/R.TEST@S.TEST")).entries()[0].key.clone()
}

fn logon() -> LogonInfo {
    LogonInfo::of_user(sid(THEIRS), Rid(1200), "zoe")
}

fn granting(sid: Sid) -> SidAndAttributes {
    SidAndAttributes { sid, attributes: GroupAttributes::MEMBER }
}

/// All that a KDC of S.TEST says of zoe.
fn pac(logon: &LogonInfo) -> PacBuilder {
    let mut builder = PacBuilder::new();
    let zoe = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["zoe"] };
    builder.logon_info(logon).unwrap().client_info(&ClientInfo::of_ticket(&zoe, NOW.into())).unwrap();
    builder.requestor(&logon.user_sid().unwrap());
    builder
}

/// zoe's ticket of S.TEST for R.TEST, with this PAC.
fn held(pac: &[u8]) -> Held {
    let container = with_pac(pac);
    let session = EncryptionKey::new(AES256, [7; 32]).unwrap();
    let key = KeyRef { keytype: AES256, keyvalue: &[7; 32] };
    let part = EncTicketPart {
        crealm: "S.TEST",
        cname: PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["zoe"] },
        key,
        authorization_data: AuthorizationData(vec![AdElement {
            ad_type: AdType::IF_RELEVANT,
            ad_data: container.leak(),
        }]),
        ..tgt(&realm(), |_| ()).inside
    };
    let cipher = sealed(&between(), KeyUsage::TICKET, &part.to_der());
    let krbtgt = principal("krbtgt/R.TEST@S.TEST");
    let enc_part = EncryptedData { etype: AES256, kvno: Some(1), cipher: &cipher };
    let der = Ticket { realm: "S.TEST", sname: PrincipalName::from(&krbtgt), enc_part }.to_der().leak();
    Held { der, session, reply: tgt(&realm(), |_| ()).reply, inside: part }
}

fn ask_for(service: &[&'static str], pac: &[u8]) -> TgsAsk {
    TgsAsk::new(&held(pac), service).with(|ask| {
        ask.authenticator.crealm = "S.TEST";
        ask.authenticator.cname = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["zoe"] };
    })
}

fn signed(builder: &PacBuilder) -> Vec<u8> {
    let key = SignatureKey::new(&between()).unwrap();
    builder.sign(&key, &SignatureKey::new(&EncryptionKey::new(AES256, [9; 32]).unwrap()).unwrap()).unwrap()
}

/// The PAC in the ticket for HTTP/web, its signatures checked.
fn passed_on(realm: &Realm, builder: &PacBuilder) -> Option<Pac<'static>> {
    let ticket = ask_for(&["HTTP", "web"], &signed(builder)).held(realm);
    let bytes = find_pac(&ticket.inside.authorization_data).unwrap()?;
    let pac = Pac::decode(bytes).unwrap();
    let key = |name| SignatureKey::new(&directory().keytab(&principal(name)).entries()[0].key).unwrap();
    pac.verify(&ticket.inside, &key("HTTP/web@R.TEST")).unwrap();
    pac.verify_kdc_signatures(&ticket.inside, &key("krbtgt/R.TEST@R.TEST"), true).unwrap();
    Some(pac)
}

fn refused_for(builder: &PacBuilder) -> ErrorCode {
    ask_for(&["HTTP", "web"], &signed(builder)).refused(&trusting())
}

fn trusting() -> Realm {
    realm_with(&[("S.TEST", THEIRS)])
}

#[test]
fn a_trusted_realms_pac_is_passed_on_under_our_signatures() {
    let logon = logon();
    let found = passed_on(&trusting(), &pac(&logon)).unwrap();
    assert_eq!(found.logon_info().unwrap().unwrap(), logon);
    assert_eq!(found.requestor(), Ok(None), "that is for the KDC");
}

#[test]
fn a_realm_of_which_nothing_is_said_gives_no_pac() {
    for trusted in [&[][..], &[("T.TEST", THEIRS)], &[("S.TEST", OURS)]] {
        assert_eq!(passed_on(&realm_with(trusted), &pac(&logon())), None, "{trusted:?}");
    }
    let no_domain = Realm::new("R.TEST", Arc::new(directory_with_trust()), Settings::default(), Arc::new(OsRandom));
    assert_eq!(passed_on(&no_domain, &pac(&logon())), None);
}

#[test]
fn sids_of_our_domain_and_of_others_are_left_out() {
    let mut logon = logon();
    let theirs = granting(sid(THEIRS).with(Rid(1300)));
    let well_known = granting(sid("S-1-5-32-544"));
    let group = |of: &str| granting(sid(of).with(Rid(512)));
    logon.extra_sids = vec![group(OURS), theirs, group(ANOTHER), well_known];
    let resource = GroupMembership { rid: Rid(512), attributes: GroupAttributes::MEMBER };
    logon.resource_groups = Some(handfast::krb5::pac::DomainGroups { domain: sid(OURS), groups: vec![resource] });
    let found = passed_on(&trusting(), &pac(&logon)).unwrap().logon_info().unwrap().unwrap();
    assert_eq!((found.extra_sids, found.resource_groups), (vec![theirs], None));
    // The client may be of several domains of that realm.
    let both = realm_with(&[("S.TEST", THEIRS), ("S.TEST", ANOTHER)]);
    let found = passed_on(&both, &pac(&logon)).unwrap().logon_info().unwrap().unwrap();
    assert_eq!(found.extra_sids, [theirs, group(ANOTHER)]);
}

#[test]
fn a_client_of_another_domain_than_the_realms_is_refused() {
    for of in [OURS, ANOTHER] {
        let liar = LogonInfo::of_user(sid(of), Rid(500), "zoe");
        assert_eq!(refused_for(&pac(&liar)), ErrorCode::KDC_ERR_POLICY, "{of}");
        // The user's SID may stand among the others (MS-PAC 2.5).
        let mut hidden = LogonInfo { user_id: Rid(0), ..logon() };
        hidden.extra_sids = vec![granting(sid(of).with(Rid(500)))];
        assert_eq!(refused_for(&pac(&hidden)), ErrorCode::KDC_ERR_POLICY, "{of}");
        // Nor does it become another's where it is left out, or the domain that is named beside it ours.
        hidden.extra_sids.push(granting(sid(THEIRS).with(Rid(1200))));
        let beside = LogonInfo {
            logon_domain_id: Some(sid(of)),
            extra_sids: vec![granting(sid(THEIRS).with(Rid(1200)))],
            ..hidden.clone()
        };
        for logon in [hidden, beside] {
            let mut builder = pac(&logon);
            builder.without(PacBufferType::REQUESTOR);
            assert_eq!(refused_for(&builder), ErrorCode::KDC_ERR_POLICY, "{of}");
        }
    }
    let nobody = LogonInfo { logon_domain_id: None, ..logon() };
    let mut builder = pac(&logon());
    builder.logon_info(&nobody).unwrap();
    assert_eq!(refused_for(&builder), ErrorCode::KDC_ERR_POLICY);
    let mut builder = pac(&logon());
    builder.requestor(&sid(THEIRS).with(Rid(500)));
    assert_eq!(refused_for(&builder), ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn what_is_not_known_to_be_theirs_is_left_out() {
    let mut builder = pac(&logon());
    let upn = |of: &str| UpnDnsInfo {
        upn: "zoe@s.test".into(),
        dns_domain_name: "S.TEST".into(),
        constructed: true,
        sam_name_and_sid: Some(("zoe".into(), sid(of).with(Rid(1200)))),
    };
    let delegation = DelegationInfo { proxy_target: "a/b".into(), transited_services: vec!["c@S.TEST".into()] };
    builder.upn_dns_info(&upn(THEIRS)).unwrap().delegation_info(&delegation).unwrap();
    for kind in
        [PacBufferType::CREDENTIALS, PacBufferType::CLIENT_CLAIMS, PacBufferType::DEVICE_INFO, PacBufferType(99)]
    {
        builder.buffer(kind, vec![1; 16]);
    }
    let found = passed_on(&trusting(), &builder).unwrap();
    let mut kinds: Vec<_> = found.buffers().iter().map(|buffer| buffer.buffer_type.0).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [1, 6, 7, 10, 11, 12, 16, 19]);
    builder.upn_dns_info(&upn(OURS)).unwrap();
    assert!(passed_on(&trusting(), &builder).unwrap().find(PacBufferType::UPN_DNS_INFO).is_none());
}

#[test]
fn a_forged_or_broken_pac_of_another_realm_is_refused() {
    let whole = signed(&pac(&logon()));
    let code = |pac: &[u8]| ask_for(&["HTTP", "web"], pac).refused(&trusting());
    let wrong = [ErrorCode::KRB_AP_ERR_MODIFIED, ErrorCode::KDC_ERR_POLICY];
    for end in (0..whole.len()).step_by(7) {
        assert!(wrong.contains(&code(&whole[..end])), "cut at {end}");
    }
    for at in (0..whole.len()).step_by(5) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        // The KDC's signature is by a key that this realm does not have.
        let by_their_kdc = Pac::decode(&whole).unwrap().find(PacBufferType::KDC_SIGNATURE).unwrap();
        let unknown = by_their_kdc.offset + 4..by_their_kdc.offset + by_their_kdc.data.len();
        if !unknown.contains(&at) {
            assert!(wrong.contains(&code(&changed)), "changed at {at}");
        }
    }
    let other = SignatureKey::new(&EncryptionKey::new(AES256, [1; 32]).unwrap()).unwrap();
    assert_eq!(code(&pac(&logon()).sign(&other, &other).unwrap()), ErrorCode::KRB_AP_ERR_MODIFIED);
}

/// A further ticket-granting ticket of ours is one of a client that this directory does not have.
#[test]
fn a_foreign_client_gets_further_tickets_by_ours() {
    let realm = trusting();
    let local = ask_for(&["krbtgt", "R.TEST"], &signed(&pac(&logon()))).held(&realm);
    let found = Pac::decode(find_pac(&local.inside.authorization_data).unwrap().unwrap()).unwrap();
    assert_eq!(found.requestor(), Ok(Some(sid(THEIRS).with(Rid(1200)))));
    let ask = TgsAsk::new(&local, &["HTTP", "web"]).with(|ask| {
        ask.authenticator.crealm = "S.TEST";
        ask.authenticator.cname = PrincipalName { name_type: NameType::PRINCIPAL, name_string: vec!["zoe"] };
    });
    assert!(find_pac(&ask.held(&realm).inside.authorization_data).unwrap().is_some());
}
