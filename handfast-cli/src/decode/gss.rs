//! The framing of initial context tokens (RFC 2743 3.1), and what the Kerberos mechanism puts behind it (RFC 4121 4.1).

use super::span::{Broken, Span};
use super::tree::{Node, Value};
use super::{Decoder, Kind, asn1, iakerb, names, spnego, wrap};
use handfast::Flags;
use handfast::mech::MechanismId;
use handfast::mech::framing;

/// 1.2.840.113554.1.2.2.3 (draft-swift-win2k-krb-user2user 3).
const USER_TO_USER: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03];

/// `[APPLICATION 0]`, with an object identifier in it.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let mut span = Span::new(bytes, 0);
    match span.u8("") {
        Ok(0x60) => length(&mut span).is_err() || span.rest.first().is_none_or(|tag| *tag == 0x06),
        _ => false,
    }
}

/// A DER length of at most four octets.
fn length(span: &mut Span<'_>) -> Result<usize, Broken> {
    let at = *span;
    match span.u8("the length")? {
        short @ 0..=0x7f => Ok(short.into()),
        long @ 0x81..=0x84 => {
            let octets = span.take(usize::from(long & 0x7f), "the length")?.rest;
            Ok(octets.iter().fold(0, |length, octet| (length << 8) | usize::from(*octet)))
        }
        _ => Err(at.broken("not a length in DER")),
    }
}

pub(super) fn read(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    let mut node = Node::new("initial_context_token").meaning("GSS-API token").at(span.range());
    let read = frame(decoder, &mut node, span);
    // The library's reader of the framing has the last word: lengths in their shortest form, nothing behind.
    let read =
        read.and_then(|()| framing::read(span.rest).map(drop).map_err(|error| Broken::library(&error, span.offset)));
    (node, read)
}

fn frame(decoder: &mut Decoder, node: &mut Node, whole: Span<'_>) -> Result<(), Broken> {
    let mut span = whole;
    if span.u8("the tag")? != 0x60 {
        return Err(whole.broken("does not begin with the tag [APPLICATION 0]"));
    }
    let needed = length(&mut span)?;
    let missing = needed.saturating_sub(span.rest.len());
    let mut inner = span.take_some(needed);
    if inner.u8("the mechanism's tag")? != 0x06 {
        return Err(inner.broken("no mechanism identifier"));
    }
    let count = length(&mut inner)?;
    let mechanism = inner.take(count, "the mechanism's identifier")?;
    let dotted = asn1::dotted(mechanism.rest).ok_or_else(|| mechanism.broken("not an object identifier"))?;
    let name = names::oid_name(mechanism.rest).unwrap_or("a mechanism that is not known here");
    node.fields.push(Node::with("this_mech", Value::Text(dotted)).meaning(name).at(mechanism.range()));
    let read = inner_token(decoder, node, mechanism.rest, inner);
    if missing > 0 {
        read?;
        return Err(Broken {
            offset: whole.range().end,
            cause: format!("the token is cut off: {missing} more bytes needed, none left"),
        });
    }
    read?;
    span.finish()
}

/// What stands behind the framing: the mechanism's own business.
fn inner_token(decoder: &mut Decoder, node: &mut Node, mechanism: &[u8], inner: Span<'_>) -> Result<(), Broken> {
    const KERBEROS: [&[u8]; 3] =
        [MechanismId::KERBEROS.der_contents(), MechanismId::MS_KERBEROS.der_contents(), USER_TO_USER];
    if KERBEROS.contains(&mechanism) {
        return kerberos_token(decoder, node, inner);
    }
    let relayed = mechanism == MechanismId::IAKERB.der_contents();
    if relayed && !iakerb::begins(inner.rest) {
        return kerberos_token(decoder, node, inner);
    }
    let (child, read) = if relayed {
        decoder.token(inner, Kind::Iakerb)
    } else if mechanism == MechanismId::SPNEGO.der_contents() {
        spnego::read(decoder, inner)
    } else if mechanism == MechanismId::NTLM.der_contents() {
        decoder.token(inner, Kind::Ntlm)
    } else {
        (Node::with("inner_token", Value::Bytes(inner.rest.to_vec())).at(inner.range()), Ok(()))
    };
    node.fields.push(child);
    read
}

/// TOK_ID and a Kerberos message (RFC 4121 4.1), or a per-message token of RFC 1964.
fn kerberos_token(decoder: &mut Decoder, node: &mut Node, mut inner: Span<'_>) -> Result<(), Broken> {
    let at = inner;
    let id = inner.array("TOK_ID")?;
    let token_id = Node::with("tok_id", Value::Bytes(id.to_vec())).at(at.offset..inner.offset);
    let name = match id {
        [1, 0] => "KRB_AP_REQ",
        [2, 0] => "KRB_AP_REP",
        [3, 0] => "KRB_ERROR",
        [4, 0] => "KERB_TGT_REQUEST (user-to-user)",
        [4, 1] => "KERB_TGT_REPLY (user-to-user)",
        _ => return wrap::read_rfc1964(node, at),
    };
    node.fields.push(token_id.meaning(name));
    if !matches!(id, [1..=3, 0]) {
        node.fields.push(Node::with("inner_token", Value::Bytes(inner.rest.to_vec())).at(inner.range()));
        return Ok(());
    }
    let (child, read) = decoder.token(inner, Kind::Kerberos);
    let tag = child.means.clone();
    node.fields.push(child);
    read?;
    match (id, tag.as_str()) {
        ([1, 0], "AP-REQ") | ([2, 0], "AP-REP") | ([3, 0], "KRB-ERROR") => Ok(()),
        _ => Err(at.broken(format!("TOK_ID says {name}, but a {tag} follows"))),
    }
}

/// The checksum field of a GSS-API client's authenticator: bindings, flags, delegation (RFC 4121 4.1.1).
pub(super) fn checksum_field(decoder: &mut Decoder, node: &mut Node, mut span: Span<'_>) -> Result<(), Broken> {
    let at = span.offset;
    let length = span.u32_le("Lgth")?;
    node.fields.push(Node::with("lgth", Value::Number(length.into())).at(at..span.offset));
    let bindings = span.take(usize::try_from(length).unwrap_or(usize::MAX), "Bnd")?;
    let means = if bindings.rest.iter().all(|byte| *byte == 0) { "no channel bindings" } else { "channel bindings" };
    node.fields.push(Node::with("bnd", Value::Bytes(bindings.rest.to_vec())).meaning(means).at(bindings.range()));
    let at = span.offset;
    let bits = span.u32_le("Flags")?;
    let flags = Flags::from_bits(bits);
    let mut names: Vec<String> = flags.names().map(str::to_owned).collect();
    if bits & !flags.bits() != 0 {
        names.push(format!("0x{:08x}", bits & !flags.bits()));
    }
    node.fields.push(Node::with("flags", Value::Flags(bits.into(), names)).at(at..span.offset));
    if flags.contains(Flags::DELEGATION) {
        delegation(decoder, node, &mut span)?;
    }
    if !span.is_empty() {
        let mut extensions = Node::new("exts").meaning("extensions").at(span.range());
        iakerb::extensions(decoder, &mut extensions, span);
        node.fields.push(extensions);
    }
    Ok(())
}

fn delegation(decoder: &mut Decoder, node: &mut Node, span: &mut Span<'_>) -> Result<(), Broken> {
    let at = span.offset;
    let option = span.u16_le("DlgOpt")?;
    node.fields.push(Node::with("dlg_opt", Value::Number(option.into())).at(at..span.offset));
    let at = span.offset;
    let length = span.u16_le("Dlgth")?;
    node.fields.push(Node::with("dlgth", Value::Number(length.into())).at(at..span.offset));
    let credential = span.take(length.into(), "Deleg")?;
    let mut child = Node::new("deleg");
    let read = decoder.delegated(&mut child, credential);
    child.means = "KRB-CRED".to_owned();
    node.fields.push(child);
    read
}
