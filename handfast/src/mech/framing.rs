//! The framing of initial context tokens (RFC 2743 3.1), and telling mechanisms apart by it.

use super::MechanismId;
use crate::wire::{DecodeError, Reader};
use alloc::vec::Vec;

const APPLICATION_0: u8 = 0x60;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// Two tags and two lengths.
const LONGEST_HEADER: usize = 20;
const WHAT: &str = "GSS-API token";

/// Appends the framing of a token of `mechanism` with an inner token of `inner_len` bytes, which is to follow.
pub fn write_header(mechanism: MechanismId, inner_len: usize, out: &mut Vec<u8>) {
    let id = mechanism.der_contents();
    out.reserve(LONGEST_HEADER + id.len() + inner_len);
    out.push(APPLICATION_0);
    write_length(1 + length_len(id.len()) + id.len() + inner_len, out);
    out.push(OBJECT_IDENTIFIER);
    write_length(id.len(), out);
    out.extend_from_slice(id);
}

fn length_len(length: usize) -> usize {
    if length < 0x80 { 1 } else { 1 + significant(&length.to_be_bytes()).len() }
}

fn significant(length: &[u8]) -> &[u8] {
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    length.get(zeros..).unwrap_or_default()
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let bytes = significant(&bytes);
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0));
            out.extend_from_slice(bytes);
        }
    }
}

/// The mechanism's identifier bytes and the inner token of a framed token.
///
/// Lengths must be minimal, as DER asks, and fill the input exactly.
pub fn read(token: &[u8]) -> Result<(&[u8], Reader<'_>), DecodeError> {
    let mut reader = Reader::new(WHAT, token);
    if reader.u8()? != APPLICATION_0 {
        return Err(Reader::new(WHAT, token).invalid("does not start with the tag [APPLICATION 0]"));
    }
    let length = read_length(&mut reader)?;
    let mut inner = reader.sub(length)?;
    reader.finish()?;
    if inner.clone().u8()? != OBJECT_IDENTIFIER {
        return Err(inner.invalid("no mechanism identifier"));
    }
    inner.u8()?;
    let length = read_length(&mut inner)?;
    let mechanism = inner.take(length)?;
    Ok((mechanism, inner))
}

/// Succeeds if `element`, with a tag of one octet, is as long as it says, in the shortest form.
pub(crate) fn check_length(element: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new("a Kerberos message", element);
    reader.u8()?;
    let length = read_length(&mut reader)?;
    reader.take(length)?;
    reader.finish()
}

fn read_length(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let at = reader.clone();
    let first = reader.u8()?;
    let Some(count @ 1..=4) = first.checked_sub(0x80) else {
        return if first < 0x80 { Ok(usize::from(first)) } else { Err(at.invalid("a length of more than 4 bytes")) };
    };
    let bytes = reader.take(usize::from(count))?;
    let length = bytes.iter().fold(0_u64, |length, byte| (length << 8) | u64::from(*byte));
    let minimal = length >= 0x80 && bytes.first() != Some(&0);
    match usize::try_from(length) {
        Ok(length) if minimal => Ok(length),
        _ => Err(at.invalid("a length that is not in its shortest form")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(inner: &[u8]) -> Vec<u8> {
        let mut token = Vec::new();
        write_header(MechanismId::KERBEROS, inner.len(), &mut token);
        token.extend_from_slice(inner);
        token
    }

    #[test]
    fn every_length_survives() {
        for length in [0, 1, 100, 116, 117, 127, 128, 244, 245, 255, 256, 65_523, 65_524, 65_536, 70_000] {
            let inner = alloc::vec![7; length];
            let token = framed(&inner);
            let (mechanism, mut rest) = read(&token).unwrap();
            assert_eq!(mechanism, MechanismId::KERBEROS.der_contents());
            assert_eq!(rest.all(), inner);
        }
    }

    #[test]
    fn cut_and_padded_tokens_are_refused() {
        let token = framed(&[1, 0, 5]);
        for cut in 0..token.len() {
            assert!(read(&token[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [&token[..], &[0]].concat();
        assert!(read(&longer).is_err());
    }

    #[test]
    fn lengths_must_be_minimal() {
        let inner = [&[0x06, 9][..], MechanismId::KERBEROS.der_contents()].concat();
        for prefix in [&[0x60, 0x81, 11][..], &[0x60, 0x82, 0, 11], &[0x60, 0x80], &[0x60, 0x85, 0, 0, 0, 0, 11]] {
            assert!(read(&[prefix, &inner].concat()).is_err(), "{prefix:x?}");
        }
    }
}
