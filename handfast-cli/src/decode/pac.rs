//! The privilege attribute certificate (MS-PAC 2.3, 2.4): which buffers are in it, and where.

use super::pac_buffers;
use super::span::{Broken, Span};
use super::tree::{Node, Value};
use handfast::krb5::enctype::ChecksumType;

/// More buffers than this are not read.
const BUFFER_LIMIT: u32 = 64;

/// What `ulType` says (MS-PAC 2.4).
fn buffer_name(kind: u32) -> &'static str {
    match kind {
        1 => "logon_information",
        2 => "credentials_information",
        6 => "server_checksum",
        7 => "kdc_checksum",
        10 => "client_name_and_ticket_information",
        11 => "constrained_delegation_information",
        12 => "upn_and_dns_information",
        13 => "client_claims_information",
        14 => "device_information",
        15 => "device_claims_information",
        16 => "ticket_checksum",
        17 => "pac_attributes",
        18 => "pac_requestor",
        19 => "full_kdc_checksum",
        _ => "buffer",
    }
}

/// `PACTYPE`: a count, a version, and for each buffer its type, size and offset.
pub(super) fn read(node: &mut Node, whole: Span<'_>) -> Result<(), Broken> {
    let mut span = whole;
    let at = span;
    let count = span.u32_le("cBuffers")?;
    if count > BUFFER_LIMIT {
        return Err(at.broken(format!("{count} buffers, over the limit of {BUFFER_LIMIT}")));
    }
    let version = span.offset;
    let number = span.u32_le("Version")?;
    node.fields.push(Node::with("version", Value::Number(number.into())).at(version..span.offset));
    for _ in 0..count {
        let at = span;
        let kind = span.u32_le("ulType")?;
        let size = usize::try_from(span.u32_le("cbBufferSize")?).unwrap_or(usize::MAX);
        let offset = usize::try_from(u64::from_le_bytes(span.array("Offset")?)).unwrap_or(usize::MAX);
        let Some(data) = whole.rest.get(offset..offset.saturating_add(size)) else {
            let length = whole.rest.len();
            return Err(at.broken(format!("buffer {kind}: {size} bytes from {offset} on, in a PAC of {length}")));
        };
        let start = whole.offset + offset;
        let node_of =
            |value| Node::with(buffer_name(kind), value).at(start..start + size).meaning(format!("type {kind}"));
        let bytes = || node_of(Value::Bytes(data.to_vec()));
        node.fields.push(match kind {
            6 | 7 | 16 | 19 => signature(bytes(), data),
            _ => match pac_buffers::fields(kind, data) {
                Ok(fields) if fields.is_empty() => bytes(),
                Ok(fields) => Node { fields, ..node_of(Value::None) },
                Err(error) => Node { problem: Some(Broken::library(&error, start).to_string()), ..bytes() },
            },
        });
    }
    Ok(())
}

/// PAC_SIGNATURE_DATA (MS-PAC 2.8): the type of the checksum stands before it.
fn signature(node: Node, data: &[u8]) -> Node {
    let Some((checksum_type, _)) = data.split_first_chunk() else {
        return Node { problem: Some("no room for the type of the checksum".to_owned()), ..node };
    };
    let name = ChecksumType(i32::from_le_bytes(*checksum_type));
    let means = format!("{}, {name}", node.means);
    node.meaning(means)
}
