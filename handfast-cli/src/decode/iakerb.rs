//! IAKERB (draft-ietf-kitten-iakerb-03): Kerberos messages that an acceptor carries to a KDC and back, and the client's proof of them.

use super::asn1::Type::{Integer, Octets, Sequence, TextOrOctets};
use super::asn1::{Field, Type};
use super::span::{Broken, Span};
use super::tree::{Node, Value};
use super::{Decoder, Kind};
use handfast::krb5::message::IakerbHeader;

static HEADER: Type = Sequence(&[Field(1, "target_realm", &TextOrOctets), Field(2, "cookie", &Octets)]);
static CHECKSUM: Type = Sequence(&[Field(0, "cksumtype", &Integer), Field(1, "checksum", &Octets)]);
static FINISHED: Type = Sequence(&[Field(1, "gss_mic", &CHECKSUM)]);

/// TOK_ID and a SEQUENCE: tokens behind the first are not framed by MIT krb5 up to 1.21.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[5, 1, 0x30])
}

/// TOK_ID, the header, and a message or none.
pub(super) fn read(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    let mut node = Node::new("iakerb_proxy").meaning("IAKERB: carried to a KDC or from one").at(span.range());
    let read = fields(decoder, &mut node, span);
    (node, read)
}

fn fields(decoder: &mut Decoder, node: &mut Node, mut span: Span<'_>) -> Result<(), Broken> {
    let at = span;
    let id: [u8; 2] = span.array("TOK_ID")?;
    node.fields
        .push(Node::with("tok_id", Value::Bytes(id.to_vec())).meaning("IAKERB_PROXY").at(at.offset..span.offset));
    if id != [5, 1] {
        return Err(at.broken("TOK_ID is not 05 01, IAKERB_PROXY"));
    }
    let (mut header, front) = (Node::new("header"), span);
    let read = decoder.read(&mut header, &HEADER, &mut span);
    let asks =
        header.field("target_realm").is_some_and(|realm| matches!(&realm.value, Value::Text(name) if name.is_empty()));
    header.means = if asks && span.is_empty() { "asks for the acceptor's realm" } else { "IAKERB-HEADER" }.to_owned();
    node.fields.push(header);
    read?;
    // The library's reader has the last word.
    IakerbHeader::decode_front(front.rest).map_err(|error| Broken::library(&error, front.offset))?;
    if span.is_empty() {
        return Ok(());
    }
    let (child, read) = decoder.token(span, Kind::Kerberos);
    node.fields.push(child);
    read
}

/// The extensions behind the checksum field (RFC 6542 3.1): number, length, contents.
pub(super) fn extensions(decoder: &mut Decoder, node: &mut Node, mut span: Span<'_>) {
    while !span.is_empty() {
        let at = span;
        let Ok((number, contents)) = extension(&mut span) else {
            node.fields
                .push(Node::with("rest", Value::Bytes(at.rest.to_vec())).meaning("no whole extension").at(at.range()));
            return;
        };
        let mut child = Node::new("extension").at(at.offset..span.offset);
        child.fields.push(Node::with("number", Value::Number(number.into())));
        match number {
            1 | 2 => {
                child.means =
                    if number == 2 { "KRB-FINISHED" } else { "KRB-FINISHED, as MIT krb5 to 1.21 has it" }.to_owned();
                let mut finished = Node::new("finished");
                let read = decoder.read_all(&mut finished, &FINISHED, contents);
                decoder.note(&mut finished, read);
                child.fields.push(finished);
            }
            _ => child.fields.push(Node::with("contents", Value::Bytes(contents.rest.to_vec())).at(contents.range())),
        }
        node.fields.push(child);
    }
}

fn extension<'a>(span: &mut Span<'a>) -> Result<(u32, Span<'a>), Broken> {
    let number = u32::from_be_bytes(span.array("the extension's number")?);
    let length = u32::from_be_bytes(span.array("the extension's length")?);
    Ok((number, span.take(usize::try_from(length).unwrap_or(usize::MAX), "the extension")?))
}
