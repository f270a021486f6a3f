//! Ways in for `fuzz/`, which builds with `--cfg fuzzing`; other builds do not have them.

use crate::commands::{decode, serve};
use crate::decode::input::{Encoding, tokens};
use crate::decode::render::Canvas;
use crate::decode::{Decoder, Kind};
use crate::output::Output;
use clap::ValueEnum;
use handfast::krb5::Keytab;
use handfast::{Principal, Time};
use std::time::Duration;

/// A token as `handfast decode` prints it.
#[derive(Debug)]
pub struct Decoded {
    /// How many bytes the token has.
    pub bytes: usize,
    /// With `--json`.
    pub json: String,
    /// Without, line by line: a terminal of 80 columns, without colours.
    pub text: Vec<String>,
}

/// The tokens of an input. `encoding` and `kind` are places in the lists of `--input` and `--as`; beyond them they are found out.
///
/// # Errors
/// If the input is no token, in words.
pub fn decode(input: &[u8], encoding: u8, kind: u8, keytab: &Keytab) -> Result<Vec<Decoded>, String> {
    let encoding = Encoding::value_variants().get(usize::from(encoding)).copied();
    let kind = Kind::value_variants().get(usize::from(kind)).copied();
    let mut decoder = Decoder::default();
    decoder.keys.add_keytab(keytab);
    let tokens = tokens(input, encoding)?;
    for token in &tokens {
        decoder.decode(&token.bytes, kind);
    }
    let now = Time::from_unix_seconds(1_700_000_000);
    let output = Output::plain();
    let canvas = Canvas { output: &output, width: 80, now, show_keys: true, full: true };
    let decoded = tokens.iter().map(|token| {
        let report = decoder.decode(&token.bytes, kind);
        let json = decode::object(token, &report, true).to_string();
        Decoded { bytes: token.bytes.len(), json, text: canvas.draw(&report.tree) }
    });
    Ok(decoded.collect())
}

/// Whether a file of those who are allowed, read in `realm`, has `principal` on it.
///
/// # Errors
/// The mistake in it, in words.
pub fn allow_list(text: &str, realm: &str, principal: &Principal) -> Result<bool, String> {
    serve::fuzz_list(text, realm, principal)
}

/// `HOST:PORT`, printed again.
///
/// # Errors
/// If it is none, in words.
pub fn place(text: &str) -> Result<String, String> {
    text.parse::<crate::place::Place>().map(|place| place.to_string())
}

/// A time span of the command line.
///
/// # Errors
/// If it is none, in words.
pub fn span(text: &str) -> Result<Duration, String> {
    crate::span::parse(text)
}
