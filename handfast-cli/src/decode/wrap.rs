//! Per-message tokens: Wrap and MIC of RFC 4121 4.2.6; those of RFC 1964 1.2 by name.

use super::Decoder;
use super::span::{Broken, Span};
use super::tree::{Node, Value};
use handfast::krb5::enctype::KeyUsage;

const WRAP: [u8; 2] = [5, 4];
/// Flags (RFC 4121 4.2.2).
const FLAGS: [(u8, &str); 3] = [(1, "sent-by-acceptor"), (2, "sealed"), (4, "acceptor-subkey")];
const SEALED: u8 = 2;
const HEADER: usize = 16;

/// TOK_ID, and the filler that follows the flags.
pub(super) fn begins(bytes: &[u8]) -> bool {
    match bytes {
        [5, 4, _, filler, ..] | [4, 4, _, filler, ..] => *filler == 0xff,
        _ => false,
    }
}

pub(super) fn read(decoder: &mut Decoder, span: Span<'_>) -> (Node, Result<(), Broken>) {
    match span.rest {
        [5, 4, ..] => {
            let mut node = Node::new("wrap").meaning("Wrap token (RFC 4121 4.2.6.2)");
            let read = wrap(decoder, &mut node, span);
            (node, read)
        }
        [4, 4, ..] => {
            let mut node = Node::new("mic").meaning("MIC token (RFC 4121 4.2.6.1)");
            let read = mic(&mut node, span);
            (node, read)
        }
        _ => (Node::new("per_message"), Err(span.broken("neither a Wrap token (05 04) nor a MIC token (04 04)"))),
    }
}

fn start(node: &mut Node, span: &mut Span<'_>) -> Result<u8, Broken> {
    let at = *span;
    let id: [u8; 2] = span.array("TOK_ID")?;
    let name = if id == WRAP { "KG_WRAP" } else { "KG_GET_MIC" };
    node.fields.push(Node::with("tok_id", Value::Bytes(id.to_vec())).meaning(name).at(at.offset..span.offset));
    let at = span.offset;
    let flags = span.u8("Flags")?;
    let mut names: Vec<String> =
        FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    if flags & !7 != 0 {
        names.push(format!("0x{:02x}", flags & !7));
    }
    node.fields.push(Node::with("flags", Value::Flags(flags.into(), names)).at(at..span.offset));
    Ok(flags)
}

fn filler(span: &mut Span<'_>, count: usize) -> Result<(), Broken> {
    let filler = span.take(count, "Filler")?;
    match filler.rest.iter().all(|byte| *byte == 0xff) {
        true => Ok(()),
        false => Err(filler.broken("the filler is not ff")),
    }
}

/// SND_SEQ, eight octets, most significant first.
fn sequence_number(node: &mut Node, span: &mut Span<'_>) -> Result<(), Broken> {
    let at = span.offset;
    let number = u64::from_be_bytes(span.array("SND_SEQ")?);
    // Beyond 63 bits, where nobody gets by counting, it is no number of JSON.
    let value = i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Number);
    node.fields.push(Node::with("snd_seq", value).at(at..span.offset));
    Ok(())
}

fn mic(node: &mut Node, mut span: Span<'_>) -> Result<(), Broken> {
    let at = span;
    let flags = start(node, &mut span)?;
    filler(&mut span, 5)?;
    sequence_number(node, &mut span)?;
    node.fields.push(Node::with("sgn_cksum", Value::Bytes(span.rest.to_vec())).at(span.range()));
    match (span.is_empty(), flags & SEALED) {
        (true, _) => Err(span.broken("SGN_CKSUM: nothing left")),
        (_, 0) => Ok(()),
        _ => Err(at.broken("the Sealed flag is set, which a MIC token must not have")),
    }
}

fn wrap(decoder: &mut Decoder, node: &mut Node, whole: Span<'_>) -> Result<(), Broken> {
    let mut span = whole;
    let flags = start(node, &mut span)?;
    filler(&mut span, 1)?;
    let at = span.offset;
    let extra = u16::from_be_bytes(span.array("EC")?);
    let means = if flags & SEALED == 0 { "octets of checksum" } else { "octets of filler" };
    node.fields.push(Node::with("ec", Value::Number(extra.into())).meaning(means).at(at..span.offset));
    let at = span.offset;
    let rotation = u16::from_be_bytes(span.array("RRC")?);
    let means = "right rotation count";
    node.fields.push(Node::with("rrc", Value::Number(rotation.into())).meaning(means).at(at..span.offset));
    sequence_number(node, &mut span)?;
    let (data, range) = (span.rest, span.range());
    let mut body = unrotated(data, rotation);
    if flags & SEALED != 0 {
        let mut cipher = Node::with("data", Value::Bytes(data.to_vec())).meaning("encrypted").at(range);
        unseal(decoder, &mut cipher, &body, whole, extra.into());
        node.fields.push(cipher);
        return Ok(());
    }
    let Some(length) = body.len().checked_sub(extra.into()) else {
        return Err(span.broken(format!("EC says {extra} octets of checksum, {} are there", body.len())));
    };
    let checksum = body.split_off(length);
    node.fields.push(unsealed(&body, rotation, range.start));
    let mut sum = Node::with("sgn_cksum", Value::Bytes(checksum));
    verify(decoder, &mut sum, &body, whole);
    node.fields.push(sum);
    Ok(())
}

/// The data of a Wrap token that is signed only; it stands where it says if it was not rotated.
fn unsealed(body: &[u8], rotation: u16, start: usize) -> Node {
    let mut node = Node::with("data", Value::Bytes(body.to_vec())).meaning("in the clear");
    if rotation == 0 {
        node.at = Some(start..start + body.len());
    }
    node
}

/// Takes the rotation to the right back (RFC 4121 4.2.5).
fn unrotated(data: &[u8], rotation: u16) -> Vec<u8> {
    let mut body = data.to_vec();
    if !body.is_empty() {
        let by = usize::from(rotation) % body.len();
        body.rotate_left(by);
    }
    body
}

const SEAL_USAGES: [KeyUsage; 2] = [KeyUsage::INITIATOR_SEAL, KeyUsage::ACCEPTOR_SEAL];

/// What is sealed: the data, filler, and the header again (RFC 4121 4.2.4).
fn unseal(decoder: &mut Decoder, node: &mut Node, cipher: &[u8], whole: Span<'_>, extra: usize) {
    let Some(opened) = decoder.keys.open(None, None, &SEAL_USAGES, cipher) else {
        node.means = format!("not opened: {}", why(decoder));
        return;
    };
    let plain = opened.plaintext.expose();
    let mut child = Node::new("plaintext").meaning(format!("opened with {}", opened.label));
    child.plaintext = true;
    match plain.len().checked_sub(HEADER + extra).and_then(|length| plain.split_at_checked(length)) {
        Some((data, rest)) => {
            child.value = Value::Bytes(data.to_vec());
            child.at = Some(0..data.len());
            let inner = rest.get(extra..).unwrap_or_default();
            // All but RRC, which is written last (RFC 4121 4.2.4).
            if inner.get(..6) != whole.rest.get(..6) || inner.get(8..) != whole.rest.get(8..HEADER) {
                let broken = Span::new(plain, data.len() + extra).broken("the header inside is another one");
                decoder.layers.push("data");
                decoder.note(&mut child, Err(broken));
                decoder.layers.pop();
            }
        }
        None => {
            decoder.layers.push("data");
            let broken = Span::new(plain, 0).broken("shorter than filler and header");
            decoder.note(&mut child, Err(broken));
            decoder.layers.pop();
        }
    }
    node.fields.push(child);
}

/// The checksum is over the data and the header, with EC and RRC as zero (RFC 4121 4.2.4).
fn verify(decoder: &Decoder, node: &mut Node, data: &[u8], whole: Span<'_>) {
    let mut header = whole.rest.get(..HEADER).unwrap_or_default().to_vec();
    header.iter_mut().skip(4).take(4).for_each(|octet| *octet = 0);
    let Value::Bytes(sum) = &node.value else { return };
    node.means = match decoder.keys.verify(&SEAL_USAGES, &[data, &header], sum) {
        Some((label, _)) => format!("verified with {label}"),
        None => format!("not verified: {}", why(decoder)),
    };
}

fn why(decoder: &Decoder) -> &'static str {
    match decoder.keys.is_empty() {
        true => "no key is held",
        false => "no key that is held fits; give the tokens of its handshake, too",
    }
}

/// The tokens of RFC 1964 1.2, which stand behind the framing of initial tokens: named, and their fixed fields shown.
pub(super) fn read_rfc1964(node: &mut Node, mut span: Span<'_>) -> Result<(), Broken> {
    let at = span;
    let id: [u8; 2] = span.array("TOK_ID")?;
    let name = match id {
        [1, 1] => "MIC token of RFC 1964 1.2.1",
        [2, 1] => "Wrap token of RFC 1964 1.2.2",
        [1, 2] => "context deletion token of RFC 1964 1.2.3",
        _ => return Err(at.broken(format!("an unknown token identifier (TOK_ID {:02x} {:02x})", id[0], id[1]))),
    };
    node.fields.push(Node::with("tok_id", Value::Bytes(id.to_vec())).meaning(name).at(at.offset..span.offset));
    let at = span.offset;
    let algorithm = span.u16_le("SGN_ALG")?;
    let means = match algorithm {
        0 => "DES MAC MD5",
        1 => "MD2.5",
        2 => "DES MAC",
        0x11 => "HMAC MD5 (RFC 4757)",
        _ => "",
    };
    node.fields.push(Node::with("sgn_alg", Value::Number(algorithm.into())).meaning(means).at(at..span.offset));
    if id == [2, 1] {
        let at = span.offset;
        let algorithm = span.u16_le("SEAL_ALG")?;
        let means = match algorithm {
            0 => "DES",
            0x10 => "RC4 (RFC 4757)",
            0xffff => "none",
            _ => "",
        };
        node.fields.push(Node::with("seal_alg", Value::Number(algorithm.into())).meaning(means).at(at..span.offset));
        filler(&mut span, 2)?;
    } else {
        filler(&mut span, 4)?;
    }
    let number = span.take(8, "SND_SEQ")?;
    let means = "encrypted";
    node.fields.push(Node::with("snd_seq", Value::Bytes(number.rest.to_vec())).meaning(means).at(number.range()));
    let sum = span.take(8, "SGN_CKSUM")?;
    node.fields.push(Node::with("sgn_cksum", Value::Bytes(sum.rest.to_vec())).at(sum.range()));
    if !span.is_empty() {
        node.fields.push(Node::with("data", Value::Bytes(span.rest.to_vec())).at(span.range()));
    }
    Ok(())
}
