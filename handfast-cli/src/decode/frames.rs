//! What carries tokens over a stream: frame by frame, to the end of the input.

use super::span::{Broken, Span};
use super::tree::{Node, Value};
use super::{Decoder, Kind, kerberos, ntlm, wrap};
use handfast_net::framing::FrameError;
use handfast_net::framing::{gss_sample, nns};

/// A reader of one frame: it appends a node, and takes the frame from the front.
type Frame = fn(&mut Decoder, &mut Node, &mut Span<'_>) -> Result<(), Broken>;

fn frames(decoder: &mut Decoder, node: &mut Node, span: Span<'_>, frame: Frame) -> Result<(), Broken> {
    let mut rest = span;
    loop {
        decoder.count(&rest)?;
        frame(decoder, node, &mut rest)?;
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// The next frame's payload, of `length` bytes behind a header of `header`, as far as it is there.
fn payload(
    decoder: &mut Decoder,
    frame: &mut Node,
    span: &mut Span<'_>,
    header: usize,
    length: usize,
) -> Result<(), Broken> {
    let start = span.offset;
    span.take(header, "the frame's header")?;
    let body = span.take_some(length);
    frame.at = Some(start..body.range().end);
    // In every one of these headers the length stands last: two bytes of MS-NNS' five, else four.
    let end = start + header;
    let size = if frame.name == "handshake" { 2 } else { 4 };
    frame.fields.push(Node::with("payload_size", number(length)).at(end - size..end));
    if length > 0 {
        let mut token = Node::with("payload", Value::Bytes(body.rest.to_vec())).at(body.range());
        decoder.inner(&mut token);
        frame.fields.push(token);
    }
    match length - body.rest.len() {
        0 => Ok(()),
        missing => Err(span.broken(format!("the frame is cut off: {missing} more bytes needed, none left"))),
    }
}

fn number(length: usize) -> Value {
    Value::Number(i64::try_from(length).unwrap_or(i64::MAX))
}

// ---- MS-NNS 2.2

/// A handshake message's header, and a payload that is none, an error, or begins as a token does; or data frames of
/// sealed messages, one behind the other.
pub(super) fn begins_nns(bytes: &[u8]) -> bool {
    is_handshake(bytes) || is_data(bytes)
}

fn is_handshake(bytes: &[u8]) -> bool {
    match bytes {
        [0x14..=0x16, 1, 0, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let body = rest.get(..length).unwrap_or(rest);
            length == 0 || length == 8 && bytes.first() == Some(&0x15) || Kind::detect_unframed(body).is_some()
        }
        _ => false,
    }
}

/// A little-endian length, and a per-message token of it.
fn is_data(bytes: &[u8]) -> bool {
    match bytes.split_first_chunk::<4>() {
        Some((length, rest)) => {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            length >= 16 && length <= rest.len() && (wrap::begins(rest) || ntlm::is_signature(rest))
        }
        None => false,
    }
}

pub(super) fn read_nns(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    let mut node = Node::new("nns").meaning("MS-NNS stream").at(span.range());
    let read = frames(decoder, &mut node, span, nns_frame);
    (node, read)
}

fn nns_frame(decoder: &mut Decoder, node: &mut Node, span: &mut Span<'_>) -> Result<(), Broken> {
    let looks_like_data = !is_handshake(span.rest) && is_data(span.rest);
    let (mut frame, read) = match span.rest {
        [0x14..=0x16, 1, 0, ..] if !looks_like_data => nns_handshake(decoder, span),
        [0x14..=0x16, ..=1] | [0x14..=0x16] => (Node::new("frame"), Err(span.broken("5 bytes of header needed"))),
        _ => nns_data(decoder, span),
    };
    frame.at = frame.at.clone().or(Some(span.range()));
    node.fields.push(frame);
    read
}

fn nns_handshake(decoder: &mut Decoder, span: &mut Span<'_>) -> (Node, Result<(), Broken>) {
    let at = *span;
    let Some(([id, major, minor, high, low], rest)) = span.rest.split_first_chunk::<5>() else {
        return (
            Node::new("handshake"),
            Err(span.broken(format!("5 bytes of header needed, {} left", span.rest.len()))),
        );
    };
    let name = match id {
        0x14 => "HandshakeDone",
        0x15 => "HandshakeError",
        _ => "HandshakeInProgress",
    };
    let mut frame = Node::new("handshake").meaning(name);
    let start = at.offset;
    frame.fields.push(Node::with("message_id", Value::Number((*id).into())).meaning(name).at(start..start + 1));
    frame.fields.push(Node::with("version", Value::Text(format!("{major}.{minor}"))).at(start + 1..start + 3));
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if *id == 0x15 && length == 8 {
        let code = nns::Handshake::decode(at.rest);
        let read = payload(decoder, &mut frame, span, 5, length);
        if let (Ok(Some((nns::Handshake::Error(code), _))), Some(token)) = (code, frame.field_mut("payload")) {
            token.means = code.to_string();
        }
        return (frame, read);
    }
    let whole = length <= rest.len();
    let read = payload(decoder, &mut frame, span, 5, length);
    // The library knows which messages must have a token.
    let verdict = || nns::Handshake::decode(at.rest).map(drop).map_err(|error| refused(at, &error));
    (frame, if whole { read.and_then(|()| verdict()) } else { read })
}

fn nns_data(decoder: &mut Decoder, span: &mut Span<'_>) -> (Node, Result<(), Broken>) {
    let at = *span;
    let mut frame = Node::new("data").meaning("data frame");
    let Some((length, _)) = span.rest.split_first_chunk::<4>() else {
        return (frame, Err(span.broken(format!("4 bytes of length needed, {} left", span.rest.len()))));
    };
    let length = u32::from_le_bytes(*length);
    if let Err(error) = nns::decode_data(at.rest) {
        return (frame, Err(refused(at, &error)));
    }
    let read = payload(decoder, &mut frame, span, 4, usize::try_from(length).unwrap_or(usize::MAX));
    (frame, read)
}

fn refused(at: Span<'_>, error: &FrameError) -> Broken {
    at.broken(error.to_string())
}

// ---- MIT's sample programs

/// Flags, a big-endian length, and tokens to the end of the input.
pub(super) fn begins_gss_sample(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(([flags, length @ ..], body)) = rest.split_first_chunk::<5>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        match body.get(length..) {
            Some(after) if *flags != 0 => rest = after,
            // The last one may be cut off, if it begins as a token does.
            _ => return *flags != 0 && length <= gss_sample::TOKEN_LIMIT && Kind::detect_unframed(body).is_some(),
        }
    }
    rest.is_empty() && !bytes.is_empty()
}

pub(super) fn read_gss_sample(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    let mut node = Node::new("gss_sample").meaning("stream of MIT's gss-client and gss-server").at(span.range());
    let read = frames(decoder, &mut node, span, gss_sample_frame);
    (node, read)
}

fn gss_sample_frame(decoder: &mut Decoder, node: &mut Node, span: &mut Span<'_>) -> Result<(), Broken> {
    let Some(([flags, length @ ..], _)) = span.rest.split_first_chunk::<5>() else {
        return Err(span.broken(format!("5 bytes of header needed, {} left", span.rest.len())));
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    // The library's limits, and its refusal of the old protocol.
    gss_sample::Token::decode(span.rest.get(..5).unwrap_or_default()).map_err(|error| refused(*span, &error))?;
    let mut frame = Node::new("token");
    let names = gss_sample_flags(*flags);
    frame.fields.push(Node::with("flags", Value::Flags((*flags).into(), names)).at(span.offset..span.offset + 1));
    let read = payload(decoder, &mut frame, span, 5, length);
    node.fields.push(frame);
    read
}

fn gss_sample_flags(flags: u8) -> Vec<String> {
    use gss_sample::Flags;
    let names = [
        (1, Flags::NOOP),
        (2, Flags::CONTEXT),
        (4, Flags::DATA),
        (8, Flags::MIC),
        (16, Flags::CONTEXT_NEXT),
        (32, Flags::WRAPPED),
        (64, Flags::ENCRYPTED),
        (128, Flags::SEND_MIC),
    ];
    let set = names.iter().filter(|(bit, _)| flags & bit != 0);
    set.map(|(_, name)| format!("{name:?}").to_lowercase().replace('_', "-")).collect()
}

// ---- Kerberos over TCP (RFC 4120 7.2.2)

/// A big-endian length, and a Kerberos message of it.
pub(super) fn begins_tcp(bytes: &[u8]) -> bool {
    match bytes.split_first_chunk::<4>() {
        Some((length, rest)) => u32::from_be_bytes(*length) < 1 << 24 && !rest.is_empty() && kerberos::begins(rest),
        None => false,
    }
}

pub(super) fn read_tcp(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    let mut node = Node::new("kerberos_tcp").meaning("Kerberos over TCP").at(span.range());
    let read = frames(decoder, &mut node, span, tcp_frame);
    (node, read)
}

fn tcp_frame(decoder: &mut Decoder, node: &mut Node, span: &mut Span<'_>) -> Result<(), Broken> {
    let Some((length, _)) = span.rest.split_first_chunk::<4>() else {
        return Err(span.broken(format!("4 bytes of length needed, {} left", span.rest.len())));
    };
    let length = u32::from_be_bytes(*length);
    if length & 0x8000_0000 != 0 {
        return Err(span.broken("the length's high bit is set, which is reserved (RFC 4120 7.2.2)"));
    }
    let mut frame = Node::new("message");
    let read = payload(decoder, &mut frame, span, 4, usize::try_from(length).unwrap_or(usize::MAX));
    node.fields.push(frame);
    read
}
