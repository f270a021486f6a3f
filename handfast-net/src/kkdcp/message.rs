//! KDC-PROXY-MESSAGE (MS-KKDCP 2.2.2), in DER:
//!
//! ```text
//! KDC-PROXY-MESSAGE ::= SEQUENCE {
//!     kerb-message   [0] OCTET STRING,          the message behind its length in four bytes, as over TCP (RFC 4120 7.2.2)
//!     target-domain  [1] KERB-REALM OPTIONAL,   a GeneralString
//!     dclocator-hint [2] INTEGER OPTIONAL
//! }
//! ```

use super::ProxyError;
use crate::kdc::framed;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const GENERAL_STRING: u8 = 0x1b;
const INTEGER: u8 = 0x02;

/// A request to a KDC of `realm`.
pub(super) fn encode(realm: &str, request: &[u8]) -> Result<Vec<u8>, ProxyError> {
    let framed = framed(request).map_err(|_| ProxyError::Message("the request is over 2 GiB"))?;
    let message = element(0xa0, &element(OCTET_STRING, &framed));
    let domain = element(0xa1, &element(GENERAL_STRING, realm.as_bytes()));
    Ok(element(SEQUENCE, &[message, domain].concat()))
}

/// A tag, the length in as few bytes as it takes (X.690 10.1), the content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = length.iter().position(|digit| *digit != 0).and_then(|first| length.get(first..)).unwrap_or(&[]);
    let mut out = vec![tag];
    match (u8::try_from(content.len()), u8::try_from(digits.len())) {
        (Ok(short @ ..=0x7f), _) => out.push(short),
        (_, Ok(count)) => {
            out.push(0x80 | count);
            out.extend_from_slice(digits);
        }
        // A usize has no 256 bytes.
        (_, Err(_)) => {}
    }
    out.extend_from_slice(content);
    out
}

/// The KDC's message in an answer; all other fields are read, and mean nothing in one.
pub(super) fn decode(answer: &[u8]) -> Result<&[u8], ProxyError> {
    let fail = ProxyError::Message;
    let fields = whole(answer, SEQUENCE).ok_or(fail("it is no SEQUENCE, or something follows it"))?;
    let (message, rest) = split(fields, 0xa0).ok_or(fail("it has no kerb-message"))?;
    let framed = whole(message, OCTET_STRING).ok_or(fail("kerb-message is no OCTET STRING"))?;
    let rest = optional(rest, 0xa1, GENERAL_STRING).ok_or(fail("target-domain is no realm"))?;
    let rest = optional(rest, 0xa2, INTEGER).ok_or(fail("dclocator-hint is no INTEGER"))?;
    if !rest.is_empty() {
        return Err(fail("something follows its last field"));
    }
    let (length, reply) = framed.split_first_chunk::<4>().ok_or(fail("kerb-message has no length before it"))?;
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(reply.len()) {
        return Err(fail("the length before kerb-message is not its own"));
    }
    Ok(reply)
}

/// What is behind an optional field.
fn optional(rest: &[u8], field: u8, tag: u8) -> Option<&[u8]> {
    if rest.first() != Some(&field) {
        return Some(rest);
    }
    let (content, behind) = split(rest, field)?;
    whole(content, tag).map(|_| behind)
}

/// The content of an element with nothing behind it.
fn whole(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    split(bytes, tag).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// The content of the element at the front, and what is behind it. Its length is in at most four bytes, and as short as it can be.
fn split(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (length, rest) = rest.split_first()?;
    if *length < 0x80 {
        return rest.split_at_checked(usize::from(*length));
    }
    let count = usize::from(*length & 0x7f);
    let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
    let length = digits.iter().fold(0_u64, |length, digit| (length << 8) | u64::from(*digit));
    let shortest = length >= 0x80 && digits.first() != Some(&0);
    rest.split_at_checked(usize::try_from(length).ok().filter(|_| shortest)?)
}
