//! What the buffers of a PAC say (MS-PAC 2.5 to 2.15), read by the library.

use super::tree::{Node, Value};
use handfast::krb5::pac::{
    AttributesInfo, ClaimValues, Claims, ClientInfo, DelegationInfo, DeviceInfo, DomainGroups, FileTime,
    GroupAttributes, GroupMembership, LogonInfo, Rid, Sid, SidAndAttributes, UpnDnsInfo,
};
use handfast::wire::DecodeError;

/// The fields of a buffer; none of a type that is shown as it came.
///
/// # Errors
/// If it does not decode.
pub(super) fn fields(kind: u32, bytes: &[u8]) -> Result<Vec<Node>, DecodeError> {
    Ok(match kind {
        1 => logon(&LogonInfo::decode(bytes)?),
        10 => client(ClientInfo::decode(bytes)?),
        11 => delegation(DelegationInfo::decode(bytes)?),
        12 => upn(UpnDnsInfo::decode(bytes)?),
        13 | 15 => Claims::decode(bytes)?.map(claims).unwrap_or_default(),
        14 => device(&DeviceInfo::decode(bytes)?),
        17 => attributes(AttributesInfo::decode(bytes)?),
        18 => vec![text("sid", Sid::decode(bytes)?)],
        _ => Vec::new(),
    })
}

fn text(name: &'static str, value: impl ToString) -> Node {
    Node::with(name, Value::Text(value.to_string()))
}

fn number(name: &'static str, value: impl Into<i64>) -> Node {
    Node::with(name, Value::Number(value.into()))
}

fn logon(info: &LogonInfo) -> Vec<Node> {
    let times: [(_, FileTime); 6] = [
        ("logon_time", info.logon_time),
        ("logoff_time", info.logoff_time),
        ("kick_off_time", info.kick_off_time),
        ("password_last_set", info.password_last_set),
        ("password_can_change", info.password_can_change),
        ("password_must_change", info.password_must_change),
    ];
    let names = [
        ("effective_name", &info.effective_name),
        ("full_name", &info.full_name),
        ("logon_script", &info.logon_script),
        ("profile_path", &info.profile_path),
        ("home_directory", &info.home_directory),
        ("home_directory_drive", &info.home_directory_drive),
        ("logon_server", &info.logon_server),
        ("logon_domain_name", &info.logon_domain_name),
    ];
    let mut fields: Vec<_> = times.into_iter().map(|(name, time)| text(name, time)).collect();
    fields.extend(names.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| text(name, value)));
    fields.push(number("logon_count", info.logon_count));
    fields.push(number("bad_password_count", info.bad_password_count));
    let bits = |name, bits: u32, names: Vec<&str>| {
        Node::with(name, Value::Flags(bits.into(), names.into_iter().map(String::from).collect()))
    };
    fields.push(bits("user_flags", info.user_flags.0, info.user_flags.names().collect()));
    fields.push(bits("user_account_control", info.account_control.0, info.account_control.names().collect()));
    account(&mut fields, info.logon_domain_id, info.user_id, info.primary_group_id, &info.groups);
    fields.extend(info.extra_sids.iter().map(|sid| member("extra_sid", sid.sid, sid.attributes)));
    fields.extend(info.resource_groups.iter().flat_map(DomainGroups::sids).map(resource_group));
    fields
}

/// The account in its domain, and its groups there.
fn account(fields: &mut Vec<Node>, domain: Option<Sid>, user: Rid, primary: Rid, groups: &[GroupMembership]) {
    fields.push(number("user_id", user.0));
    fields.push(number("primary_group_id", primary.0));
    fields.extend(domain.map(|domain| text("domain_id", domain)));
    let group = |group: &GroupMembership| match domain {
        Some(domain) => member("group", domain.with(group.rid), group.attributes),
        None => attributed(number("group", group.rid.0), group.attributes),
    };
    fields.extend(groups.iter().map(group));
}

fn member(name: &'static str, sid: Sid, attributes: GroupAttributes) -> Node {
    attributed(text(name, sid), attributes)
}

fn resource_group(group: SidAndAttributes) -> Node {
    member("resource_group", group.sid, group.attributes)
}

/// Groups that give no access say so.
fn attributed(node: Node, attributes: GroupAttributes) -> Node {
    if attributes.grants() { node } else { node.meaning("gives no access") }
}

fn client(info: ClientInfo) -> Vec<Node> {
    vec![text("client_id", info.client_id), text("name", info.name)]
}

fn delegation(info: DelegationInfo) -> Vec<Node> {
    let services = info.transited_services.into_iter().map(|service| text("transited_service", service));
    [text("s4u2proxy_target", info.proxy_target)].into_iter().chain(services).collect()
}

fn upn(info: UpnDnsInfo) -> Vec<Node> {
    let made = if info.constructed { "made of the account's name" } else { "" };
    let mut fields = vec![text("upn", info.upn).meaning(made), text("dns_domain_name", info.dns_domain_name)];
    if let Some((name, sid)) = info.sam_name_and_sid {
        fields.extend([text("sam_name", name), text("sid", sid)]);
    }
    fields
}

fn claims(claims: Claims) -> Vec<Node> {
    let arrays = match claims {
        Claims::Plain(arrays) => arrays,
        Claims::Compressed { format, uncompressed_size, bytes } => {
            return vec![
                number("compression_format", format),
                number("uncompressed_size", uncompressed_size),
                Node::with("claims_set", Value::Bytes(bytes)),
            ];
        }
    };
    arrays.into_iter().flat_map(|array| array.entries).map(|claim| values(claim.id, claim.values)).collect()
}

fn values(id: String, values: ClaimValues) -> Node {
    fn shown<T: ToString>(values: Vec<T>) -> Vec<Node> {
        values.into_iter().map(|value| text("value", value)).collect()
    }
    let fields = match values {
        ClaimValues::Int64(values) => shown(values),
        ClaimValues::Uint64(values) => shown(values),
        ClaimValues::String(values) => shown(values),
        ClaimValues::Boolean(values) => shown(values),
    };
    Node { fields, ..text("claim", id) }
}

fn device(info: &DeviceInfo) -> Vec<Node> {
    let mut fields = Vec::new();
    account(&mut fields, info.account_domain_id, info.user_id, info.primary_group_id, &info.groups);
    fields.extend(info.extra_sids.iter().map(|sid| member("extra_sid", sid.sid, sid.attributes)));
    fields.extend(info.domain_groups.iter().flat_map(DomainGroups::sids).map(resource_group));
    fields
}

fn attributes(info: AttributesInfo) -> Vec<Node> {
    let flag = |name, value| Node::with(name, Value::Boolean(value));
    vec![flag("pac_was_requested", info.requested), flag("pac_was_given_implicitly", info.given_implicitly)]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#[path = "pac_buffers_tests.rs"]
mod tests;
