//! A way in for `fuzz/`, which builds with `--cfg fuzzing`; other builds do not have it.

use super::encoding::{decode_entry, decode_settings, encode_entry, encode_settings};
use crate::{PrincipalEntry, Settings};
use handfast::wire::DecodeError;
use std::vec::Vec;

/// A principal of the directory's file, written.
///
/// # Panics
/// If it is too long to be written.
#[must_use]
#[allow(clippy::expect_used, reason = "fuzzing: a panic is a finding")]
pub fn principal(entry: &PrincipalEntry) -> Vec<u8> {
    encode_entry(entry).expect("what was read is short enough").expose().clone()
}

/// Settings, written.
///
/// # Panics
/// If they are too long to be written.
#[must_use]
#[allow(clippy::expect_used, reason = "fuzzing: a panic is a finding")]
pub fn settings(settings: &Settings) -> Vec<u8> {
    encode_settings(settings).expect("what was read is short enough").expose().clone()
}

/// A principal of the directory's file, read and written again.
///
/// # Errors
/// Where it is none.
pub fn reread_principal(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    decode_entry(bytes).map(|entry| principal(&entry))
}

/// Settings of the directory's file, read and written again.
///
/// # Errors
/// Where there are none.
pub fn reread_settings(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    decode_settings(bytes).map(|read| settings(&read))
}
