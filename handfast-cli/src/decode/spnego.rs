//! SPNEGO (RFC 4178 4.2) and Microsoft's first token of an acceptor that speaks first (MS-SPNG 2.2.1).

use super::Decoder;
use super::asn1::Type::{Flags, List, Named, Octets, Oid, Sequence, Tagged, Text, Then};
use super::asn1::{Field, Type};
use super::names;
use super::span::{Broken, Span};
use super::tree::Node;
use handfast::mech::negotiate::message::NegotiationToken;

static MECH_TYPES: Type = List("mech_type", &Oid);
static TOKEN: Type = Then(&Octets, Decoder::inner);

static NEG_TOKEN_INIT: Type = Tagged(
    0xa0,
    &Sequence(&[
        Field(0, "mech_types", &MECH_TYPES),
        Field(1, "req_flags", &Flags(names::context_flags)),
        Field(2, "mech_token", &TOKEN),
        Field(3, "mech_list_mic", &TOKEN),
    ]),
);
static NEG_TOKEN_INIT2: Type = Tagged(
    0xa0,
    &Sequence(&[
        Field(0, "mech_types", &MECH_TYPES),
        Field(1, "req_flags", &Flags(names::context_flags)),
        Field(2, "mech_token", &TOKEN),
        Field(3, "neg_hints", &Sequence(&[Field(0, "hint_name", &Text), Field(1, "hint_address", &Octets)])),
        Field(4, "mech_list_mic", &TOKEN),
    ]),
);
static NEG_TOKEN_RESP: Type = Tagged(
    0xa1,
    &Sequence(&[
        Field(0, "neg_state", &Named(names::neg_state)),
        Field(1, "supported_mech", &Oid),
        Field(2, "response_token", &TOKEN),
        Field(3, "mech_list_mic", &TOKEN),
    ]),
);

/// `[0]` or `[1]`, with a SEQUENCE in it.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let inner = match bytes {
        [0xa0 | 0xa1, ..=0x7f, ..] => 2,
        [0xa0 | 0xa1, length @ 0x81..=0x84, ..] => 2 + usize::from(length & 0x7f),
        _ => return false,
    };
    bytes.get(inner).is_none_or(|tag| *tag == 0x30)
}

/// A NegotiationToken; which of the two first ones it is, its field `[3]` tells.
pub(super) fn read(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    let (name, means, ty) = match span.rest.first() {
        Some(0xa1) => ("neg_token_resp", "SPNEGO, an answer", &NEG_TOKEN_RESP),
        Some(0xa0) if has_hints(span.rest) => {
            ("neg_token_init2", "SPNEGO, the acceptor speaks first", &NEG_TOKEN_INIT2)
        }
        Some(0xa0) => ("neg_token_init", "SPNEGO, the first token", &NEG_TOKEN_INIT),
        _ => return (Node::new("negotiation_token"), Err(span.broken("neither NegTokenInit nor NegTokenResp"))),
    };
    let mut node = Node::new(name);
    let read = decoder.read_all(&mut node, ty, span);
    // The library's reader has the last word: order, limits, what must be there.
    let verdict = || NegotiationToken::decode(span.rest).map_err(|error| Broken::library(&error, span.offset));
    let read = read.and_then(|()| verdict().map(drop));
    node.means = means.to_owned();
    (node, read)
}

/// Whether a field `[3]` holds a SEQUENCE, or there is a field `[4]`.
fn has_hints(bytes: &[u8]) -> bool {
    let fields = contents(bytes).and_then(contents).unwrap_or_default();
    let mut rest = fields;
    while let Some((tag, inner, after)) = split(rest) {
        if tag == 0xa4 || tag == 0xa3 && inner.first() == Some(&0x30) {
            return true;
        }
        rest = after;
    }
    false
}

fn contents(bytes: &[u8]) -> Option<&[u8]> {
    split(bytes).map(|(_, inner, _)| inner)
}

/// An element's tag, its contents as far as they are there, and what follows.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        ..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0, |length, octet| (length << 8) | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (inner, after) = rest.split_at(length.min(rest.len()));
    Some((*tag, inner, after))
}
