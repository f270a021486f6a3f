//! Certificates and keys in text (RFC 7468).

use super::{Certificate, IdentityError};
use crate::crypto::Secret;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How many blocks are read of one text.
const BLOCK_LIMIT: usize = 4096;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// One block: what it says it is, and what is in it.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) contents: Secret<Vec<u8>>,
}

/// All blocks of a text; what stands between them is passed over (RFC 7468 2, 5.2).
pub(super) fn blocks(text: &[u8]) -> Result<Vec<Block>, IdentityError> {
    let mut blocks = Vec::new();
    let mut start = 0;
    while let Some(begin) = line_with(text, BEGIN, start) {
        let wrong = || IdentityError::Pem { offset: begin };
        if blocks.len() == BLOCK_LIMIT {
            return Err(wrong());
        }
        let end = line_with(text, END, begin).ok_or_else(wrong)?;
        let after = text.get(end..).and_then(|rest| rest.iter().position(|octet| *octet == b'\n'));
        start = after.map_or(text.len(), |length| end + length + 1);
        blocks.push(block(text.get(begin..start).unwrap_or_default(), begin)?);
    }
    Ok(blocks)
}

/// Where the first line at or behind `start` begins that begins with `prefix`.
fn line_with(text: &[u8], prefix: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        if rest.starts_with(prefix) {
            return Some(at);
        }
        at += rest.iter().position(|octet| *octet == b'\n')? + 1;
    }
}

fn block(text: &[u8], offset: usize) -> Result<Block, IdentityError> {
    // The encryption that PEM had before RFC 7468 is MD5 and no more.
    if text.windows(10).any(|window| window == b"Proc-Type:") {
        return Err(IdentityError::Encryption { oid: "PEM's own (Proc-Type)".to_string() });
    }
    let (label, contents) = pem_rfc7468::decode_vec(text).map_err(|_| IdentityError::Pem { offset })?;
    Ok(Block { label: label.to_string(), contents: Secret::new(contents) })
}

/// All certificates of a PEM text, in its order.
///
/// # Errors
/// [`IdentityError::Pem`], [`IdentityError::Decode`], [`IdentityError::Missing`] if there is none.
pub fn certificates_in_pem(text: &[u8]) -> Result<Vec<Certificate>, IdentityError> {
    let mut certificates = Vec::new();
    for block in blocks(text)? {
        if matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE") {
            certificates.push(Certificate::decode(block.contents.expose())?);
        }
    }
    if certificates.is_empty() { Err(IdentityError::Missing("certificate")) } else { Ok(certificates) }
}
