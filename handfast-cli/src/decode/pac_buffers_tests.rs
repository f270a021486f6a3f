use super::fields;
use crate::decode::tree::{Node, Value};
use handfast::krb5::pac::{
    AttributesInfo, DelegationInfo, GroupAttributes, GroupMembership, LogonInfo, Rid, Sid, UpnDnsInfo,
};

fn domain() -> Sid {
    "S-1-5-21-1-2-3".parse().unwrap()
}

/// Names, values where they are texts, and meanings.
fn shown(fields: &[Node]) -> Vec<(&str, &str, &str)> {
    let text = |node: &'_ Node| match &node.value {
        Value::Text(text) => text.clone().leak(),
        _ => "",
    };
    fields.iter().map(|node| (&*node.name, text(node), &*node.means)).collect()
}

fn logon() -> LogonInfo {
    LogonInfo {
        primary_group_id: Rid(513),
        groups: vec![
            GroupMembership { rid: Rid(513), attributes: GroupAttributes(7) },
            GroupMembership { rid: Rid(1200), attributes: GroupAttributes(0x10) },
        ],
        ..LogonInfo::of_user(domain(), Rid(1103), "alice")
    }
}

#[test]
fn who_logged_on_and_in_what_groups() {
    let fields = fields(1, &logon().to_bytes().unwrap()).unwrap();
    let shown = shown(&fields);
    for field in [
        ("effective_name", "alice", ""),
        ("domain_id", "S-1-5-21-1-2-3", ""),
        ("group", "S-1-5-21-1-2-3-513", ""),
        ("group", "S-1-5-21-1-2-3-1200", "gives no access"),
    ] {
        assert!(shown.contains(&field), "{field:?} in {shown:?}");
    }
    assert!(!shown.iter().any(|(name, ..)| *name == "logon_script"), "what is empty is not shown");
}

#[test]
fn the_smaller_buffers() {
    let info = DelegationInfo { proxy_target: "cifs/files".into(), transited_services: vec!["HTTP/web@A".into()] };
    let delegation = fields(11, &info.to_bytes().unwrap()).unwrap();
    assert_eq!(shown(&delegation), [("s4u2proxy_target", "cifs/files", ""), ("transited_service", "HTTP/web@A", "")]);
    let sid = domain().with(Rid(1103));
    assert_eq!(shown(&fields(18, &sid.to_bytes()).unwrap()), [("sid", "S-1-5-21-1-2-3-1103", "")]);
    let upn = UpnDnsInfo {
        upn: "alice@a.test".into(),
        dns_domain_name: "A.TEST".into(),
        constructed: true,
        sam_name_and_sid: Some(("alice".into(), sid)),
    };
    let upn = fields(12, &upn.to_bytes().unwrap()).unwrap();
    assert_eq!(shown(&upn)[0], ("upn", "alice@a.test", "made of the account's name"));
    assert_eq!(shown(&upn)[3], ("sid", "S-1-5-21-1-2-3-1103", ""));
    let attributes = AttributesInfo { requested: true, given_implicitly: false };
    let flags = fields(17, &attributes.to_bytes()).unwrap();
    assert!(matches!(flags[0].value, Value::Boolean(true)) && matches!(flags[1].value, Value::Boolean(false)));
    assert!(fields(6, b"anything").unwrap().is_empty() && fields(99, b"").unwrap().is_empty());
}

#[test]
fn cut_anywhere_it_is_an_error_and_no_change_makes_it_panic() {
    let bytes = logon().to_bytes().unwrap();
    for length in 0..bytes.len() {
        // What stands behind the last pointer's target is padding.
        assert!(fields(1, &bytes[..length]).is_err() || length + 8 > bytes.len(), "{length} of {}", bytes.len());
    }
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        drop(fields(1, &changed));
    }
}
