//! Where in a message a byte stands: the path of ASN.1 context tags to it.

use handfast_testkit::handfast::mech::MechanismId;
use std::fmt;

/// Which part of a field a byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its tag.
    Tag,
    /// Its length.
    Length,
    /// The byte of this number in its value.
    Value(usize),
}

/// A byte's place: context tags from the outside in, `#n` for the n-th element of a list; DER in an OCTET STRING is
/// looked into. `6.1` is the field tagged `[1]` of the field tagged `[6]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) part: Part,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Tag => write!(f, "{} tag", self.path),
            Part::Length => write!(f, "{} length", self.path),
            Part::Value(octet) => write!(f, "{} octet {octet}", self.path),
        }
    }
}

/// The places of all bytes of a KDC message, of a token around one (RFC 4121 4.1), or of a token of Negotiate (RFC 4178
/// 4.2). A message of NTLM is one field: its MIC covers every bit.
pub(crate) fn places(message: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    if message.starts_with(b"NTLMSSP\0") {
        let octets = 0..message.len();
        return octets.map(|octet| Place { path: "ntlm".into(), part: Part::Value(octet) }).collect();
    }
    walk(message, "", &mut places);
    assert_eq!(places.len(), message.len());
    places
}

/// Adds the places of the first element of `bytes`, whose own place is `path`; returns its length.
fn walk(bytes: &[u8], path: &str, places: &mut Vec<Place>) -> usize {
    let (tag, header, length) = header(bytes).unwrap();
    let at = |part| Place { path: path.into(), part };
    places.push(at(Part::Tag));
    places.extend((1..header).map(|_| at(Part::Length)));
    let value = &bytes[header..header + length];
    let framing = tag == 0x60;
    if framing {
        // The mechanism's identifier, two bytes that say which token it is, and the message.
        let identifier = walk(value, "mechanism", places);
        if value.get(2..identifier) == Some(MechanismId::SPNEGO.der_contents()) {
            walk(&value[identifier..], path, places);
            return header + length;
        }
        places.extend((0..2).map(|octet| Place { path: "token-id".into(), part: Part::Value(octet) }));
        walk(&value[identifier + 2..], path, places);
    } else if tag & 0x20 != 0 {
        walk_all(value, tag, path, places);
    } else if tag == 0x04 && header_of_whole(value) {
        walk(value, &format!("{path}/"), places);
    } else {
        places.extend((0..length).map(|octet| at(Part::Value(octet))));
    }
    header + length
}

fn walk_all(mut bytes: &[u8], outer: u8, path: &str, places: &mut Vec<Place>) {
    let mut index = 0;
    while let Some(&tag) = bytes.first() {
        let dot = if path.is_empty() || path.ends_with('/') { "" } else { "." };
        let inner = match tag {
            0xa0.. => format!("{path}{dot}{}", tag & 0x1f),
            _ if outer == 0x30 => format!("{path}#{index}"),
            _ => path.to_string(),
        };
        let length = walk(bytes, &inner, places);
        bytes = &bytes[length..];
        index += 1;
    }
}

/// Tag, length of the header, length of the value.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (tag, first) = (*bytes.first()?, usize::from(*bytes.get(1)?));
    if first < 0x80 {
        return Some((tag, 2, first));
    }
    let octets = bytes.get(2..2 + (first & 0x7f))?;
    Some((tag, 2 + octets.len(), octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet))))
}

/// Whether bytes are one whole structure: a SEQUENCE or an [APPLICATION n].
fn header_of_whole(bytes: &[u8]) -> bool {
    matches!(header(bytes), Some((tag, header, length)) if (tag == 0x30 || tag & 0xe0 == 0x60) && header + length == bytes.len())
}
