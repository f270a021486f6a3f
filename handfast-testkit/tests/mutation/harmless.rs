//! The checked-in list of bits that may change without harm.

use crate::place::{Part, Place};
use std::collections::BTreeMap;
use std::fmt;

const LIST: &str = include_str!("harmless.txt");

/// The messages that a line may be about.
const MESSAGES: [&str; 23] = [
    "first AS-REQ",
    "KRB-ERROR",
    "KRB-ERROR, password",
    "AS-REQ",
    "AS-REP",
    "AS-REP, password",
    "TGS-REQ",
    "TGS-REP",
    "AP-REQ",
    "AP-REP",
    "NTLM NEGOTIATE",
    "NTLM CHALLENGE",
    "NTLM AUTHENTICATE",
    "NegTokenInit, Kerberos",
    "NegTokenResp, Kerberos",
    "NegTokenInit, NTLM",
    "NegTokenResp, CHALLENGE",
    "NegTokenResp, AUTHENTICATE",
    "NegTokenResp, last",
    "NegTokenInit, another choice",
    "NegTokenResp, another choice",
    "NegTokenResp, NEGOTIATE",
    "NegTokenInit2",
];

/// Bits of the values of a message's fields: by path, a mask for each octet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(BTreeMap<String, Vec<u8>>);

impl Bits {
    /// The bits that the list has for a message. Every line must cite the section that makes them harmless.
    pub(crate) fn listed(message: &str) -> Bits {
        let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let mut bits = Bits::default();
        for line in lines {
            let fields: Vec<_> = line.split('|').map(str::trim).collect();
            let [of, path, masks, section] = fields[..] else { panic!("four columns: {line:?}") };
            assert!(MESSAGES.contains(&of) && MESSAGES.contains(&message), "no such message: {line:?}, {message}");
            assert!(section.starts_with("RFC ") || section.starts_with("MS-"), "no section: {line:?}");
            if of == message {
                let before = bits.0.insert(path.into(), masks.split_whitespace().flat_map(mask).collect());
                assert_eq!(before, None, "twice: {line:?}");
            }
        }
        bits
    }

    /// Adds a bit of a value, or of a tag, which is listed as a field of its own. A length that may change is not DER.
    pub(crate) fn add(&mut self, place: &Place, bit: u8) {
        let (path, octet) = match place.part {
            Part::Value(octet) => (place.path.clone(), octet),
            Part::Tag => (place.to_string(), 0),
            Part::Length => panic!("bit {bit} of {place}"),
        };
        let masks = self.0.entry(path).or_default();
        masks.resize(masks.len().max(octet + 1), 0);
        masks[octet] |= 1 << bit;
    }
}

/// `7f` is one octet, `7f*11` eleven.
fn mask(text: &str) -> Vec<u8> {
    let (mask, count) = text.split_once('*').unwrap_or((text, "1"));
    vec![u8::from_str_radix(mask, 16).unwrap(); count.parse().unwrap()]
}

/// As in the list, without its first and last column.
impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, masks) in &self.0 {
            write!(f, "\n| {path} |")?;
            for same in masks.chunk_by(|a, b| a == b) {
                let count = if same.len() > 1 { format!("*{}", same.len()) } else { String::new() };
                write!(f, " {:02x}{count}", same[0])?;
            }
            f.write_str(" |")?;
        }
        Ok(())
    }
}
