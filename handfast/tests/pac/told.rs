use super::{SAMBA, VECTORS, pac_of, signature_key, vector, vectors};
use handfast::Time;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{KerberosTime, PrincipalName};
use handfast::krb5::pac::*;

/// What a PAC says, in lines.
fn tell(pac: &Pac<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let names: Vec<String> = pac.buffers().iter().map(|buffer| buffer.buffer_type.to_string()).collect();
    lines.push(format!("buffers {}", names.join(", ")));
    if let Some(client) = pac.client_info().unwrap() {
        lines.push(format!("client {} {}", client.name, client.client_id));
    }
    if let Some(logon) = pac.logon_info().unwrap() {
        tell_logon(&logon, &mut lines);
    }
    if let Some(upn) = pac.upn_dns_info().unwrap() {
        let own = upn.sam_name_and_sid.as_ref().map_or("-".into(), |(name, sid)| format!("{name} {sid}"));
        lines.push(format!("upn {} {} constructed {} {own}", upn.upn, upn.dns_domain_name, upn.constructed));
    }
    if let Some(delegation) = pac.delegation_info().unwrap() {
        lines.push(format!("delegated to {} by {:?}", delegation.proxy_target, delegation.transited_services));
    }
    if let Some(attributes) = pac.attributes().unwrap() {
        lines.push(format!("requested {} implicit {}", attributes.requested, attributes.given_implicitly));
    }
    if let Some(requestor) = pac.requestor().unwrap() {
        lines.push(format!("requestor {requestor}"));
    }
    lines
}

fn tell_logon(logon: &LogonInfo, lines: &mut Vec<String>) {
    let user = logon.user_sid().unwrap();
    let group = |group: SidAndAttributes| format!("{}:{:x}", group.sid, group.attributes.0);
    let groups: Vec<String> = logon.group_sids().map(group).collect();
    let (domain, server) = (&logon.logon_domain_name, &logon.logon_server);
    lines.push(format!(
        "user {domain}\\{} {user} primary {} at {server}",
        logon.effective_name, logon.primary_group_id.0
    ));
    lines.push(format!("groups {}", groups.join(" ")));
    lines.push(format!("times {} {} {}", logon.logon_time, logon.logoff_time, logon.kick_off_time));
    let passwords = (logon.password_last_set, logon.password_can_change, logon.password_must_change);
    lines.push(format!("password {} {} {}", passwords.0, passwords.1, passwords.2));
    lines.push(format!("logons {} bad {}", logon.logon_count, logon.bad_password_count));
    let (control, flags): (Vec<_>, Vec<_>) =
        (logon.account_control.names().collect(), logon.user_flags.names().collect());
    lines.push(format!("account {control:?} flags {flags:?}"));
}

#[test]
fn every_pac_says_what_is_expected() {
    for case in vectors() {
        let (bytes, _) = pac_of(&case);
        let told = tell(&Pac::decode(&bytes).unwrap());
        let expected: Vec<_> = case.expect.iter().filter(|line| !line.contains("-key ")).collect();
        let told: Vec<_> = told.iter().collect();
        assert_eq!(
            told,
            expected,
            "{}\n{}",
            case.name,
            told.iter().map(|l| format!("expect: {l}\n")).collect::<String>()
        );
    }
    assert!(VECTORS.contains("expect: groups"));
}

#[test]
fn what_is_written_reads_as_the_same() {
    for case in vectors() {
        let (bytes, _) = pac_of(&case);
        let pac = Pac::decode(&bytes).unwrap();
        if let Some(info) = pac.logon_info().unwrap() {
            assert_eq!(LogonInfo::decode(&info.to_bytes().unwrap()), Ok(info), "{}", case.name);
        }
        if let Some(info) = pac.upn_dns_info().unwrap() {
            assert_eq!(UpnDnsInfo::decode(&info.to_bytes().unwrap()), Ok(info), "{}", case.name);
        }
        if let Some(info) = pac.delegation_info().unwrap() {
            assert_eq!(DelegationInfo::decode(&info.to_bytes().unwrap()), Ok(info), "{}", case.name);
        }
        for (buffer_type, written) in [
            (PacBufferType::CLIENT_INFO, pac.client_info().unwrap().map(|info| info.to_bytes().unwrap())),
            (PacBufferType::ATTRIBUTES, pac.attributes().unwrap().map(|info| info.to_bytes())),
            (PacBufferType::REQUESTOR, pac.requestor().unwrap().map(|sid| sid.to_bytes())),
        ] {
            let held = pac.find(buffer_type).map(|buffer| buffer.data.to_vec());
            assert_eq!(written, held, "{} {buffer_type}", case.name);
        }
    }
}

#[test]
fn lists_of_every_kind_survive() {
    let domain: Sid = "S-1-5-21-1-2-3".parse().unwrap();
    let groups = vec![GroupMembership { rid: Rid(513), attributes: GroupAttributes::MEMBER }];
    let extra_sids =
        vec![SidAndAttributes { sid: "S-1-18-1".parse().unwrap(), attributes: GroupAttributes::MEMBER }; 3];
    let mut info = LogonInfo { groups, extra_sids, ..LogonInfo::of_user(domain, Rid(1103), "alice") };
    for resource_groups in [
        None,
        Some(DomainGroups { domain, groups: vec![] }),
        Some(DomainGroups {
            domain,
            groups: vec![GroupMembership { rid: Rid(9), attributes: GroupAttributes::RESOURCE }],
        }),
    ] {
        info.resource_groups = resource_groups;
        assert_eq!(LogonInfo::decode(&info.to_bytes().unwrap()).as_ref(), Ok(&info));
    }
    assert_eq!(info.group_sids().count(), 5);
}

#[test]
fn a_group_for_denial_only_and_one_that_is_off_give_no_access() {
    let domain: Sid = "S-1-5-21-1-2-3".parse().unwrap();
    let mut info = LogonInfo::of_user(domain, Rid(1103), "alice");
    for (attributes, grants) in [(0x7, true), (0x4, true), (0x3, false), (0x17, false), (0x0, false)] {
        info.groups = vec![GroupMembership { rid: Rid(7), attributes: GroupAttributes(attributes) }];
        assert_eq!(info.grants(domain.with(Rid(7))), grants, "{attributes:x}");
        assert!(info.grants(domain.with(Rid(1103))) && !info.grants(domain.with(Rid(8))));
    }
}

/// MS-PAC 2.5: with a UserId of 0 the user's SID is the first extra one.
#[test]
fn a_user_of_no_domain_is_the_first_extra_sid() {
    let own: Sid = "S-1-5-21-9-9-9-1000".parse().unwrap();
    let mut info = LogonInfo::of_user("S-1-5-21-1-2-3".parse().unwrap(), Rid(0), "alice");
    assert_eq!(info.user_sid(), None);
    info.extra_sids = vec![SidAndAttributes { sid: own, attributes: GroupAttributes::MEMBER }];
    assert_eq!((info.user_sid(), info.group_sids().count()), (Some(own), 0));
    info.logon_domain_id = None;
    info.user_id = Rid(5);
    assert_eq!(info.user_sid(), None);
}

#[test]
fn unknown_buffers_and_credentials_are_kept() {
    let (server, kdc) = (signature_key(Enctype(18), 1), signature_key(Enctype(17), 2));
    let mut builder = PacBuilder::of(&Pac::decode(&pac_of(&vector(SAMBA)).0).unwrap());
    builder.buffer(PacBufferType(99), b"what comes".to_vec()).buffer(PacBufferType::CREDENTIALS, b"opaque".to_vec());
    let bytes = builder.sign(&server, &kdc).unwrap();
    let pac = Pac::decode(&bytes).unwrap();
    assert_eq!(pac.find(PacBufferType(99)).unwrap().data, b"what comes");
    assert_eq!(pac.find(PacBufferType::CREDENTIALS).unwrap().data, b"opaque");
    assert_eq!(PacInfo::read(&pac).unwrap().bytes(), bytes);
    assert_eq!((pac.verify_server_signature(&server), pac.verify_kdc_signature(&kdc)), (Ok(()), Ok(())));
    assert_eq!(PacBufferType(99).to_string(), "buffer type 99");
}

#[test]
fn client_info_is_held_against_name_and_second() {
    let at = |seconds| KerberosTime::from(Time::from_unix_seconds(seconds));
    let name = |parts: &[&'static str]| PrincipalName {
        name_type: handfast::NameType::PRINCIPAL,
        name_string: parts.to_vec(),
    };
    let info = ClientInfo::of_ticket(&name(&["alice"]), at(1_700_000_000));
    assert!(info.is_of(&name(&["alice"]), at(1_700_000_000)));
    assert!(!info.is_of(&name(&["alice"]), at(1_700_000_001)));
    assert!(!info.is_of(&name(&["Alice"]), at(1_700_000_000)));
    assert!(!info.is_of(&name(&["alice", "admin"]), at(1_700_000_000)));
    assert!(!info.is_of(&name(&[]), at(1_700_000_000)));
    let two = ClientInfo::of_ticket(&name(&["alice", "admin"]), at(5));
    assert_eq!(two.name, "alice/admin");
}
