//! `handfast keytab add`: a key that is known by its bytes.

use super::{Target, principal};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secret::PasswordSource;
use crate::span;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::{Keytab, KeytabEntry};
use handfast_net::Settings;
use serde_json::json;

/// Put a key that is known into a keytab
///
/// The key is asked for, in hexadecimal digits, as `klist -K` shows it. For the keys of a password there is
/// `handfast keytab derive`.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  handfast keytab add host/www.example.com --kvno 4 --enctype aes256-sha1 -k host.keytab --password-file key.hex"
)]
pub(crate) struct Args {
    /// Whose key
    principal: String,
    /// Its version at the KDC
    #[arg(long, value_name = "NUMBER")]
    kvno: u32,
    /// Its enctype
    #[arg(long, short = 'e', value_name = "ENCTYPE")]
    enctype: Enctype,
    #[command(flatten)]
    digits: PasswordSource,
    #[command(flatten)]
    target: Target,
}

impl Args {
    pub(super) fn run(&self, settings: &Settings, output: &Output) -> Result<(), Failure> {
        let (whose, file) = (principal(settings, &self.principal)?, self.target.file(settings)?);
        let bytes = of_hex(&self.digits.read(&format!("Key of {whose}, in hexadecimal digits: "))?)?;
        let key = EncryptionKey::new(self.enctype, bytes.expose()).map_err(|error| Failure::new(Exit::Usage, error))?;
        let entry = KeytabEntry { principal: whose.clone(), timestamp: span::now(), kvno: self.kvno, key };
        file.merge(Keytab::from_iter([entry]))?;
        let text = format!("1 key of {whose}, version {}, added to {file}", self.kvno);
        let object = json!({
            "keytab": file.to_string(),
            "principal": whose.to_string(),
            "kvno": self.kvno,
            "enctypes": [self.enctype.to_string()],
        });
        output.result(text, &object)
    }
}

/// What is not two digits for each byte is told without showing any of it.
fn of_hex(digits: &Secret) -> Result<Secret, Failure> {
    let bad = || Failure::new(Exit::Usage, "the key is not written in pairs of hexadecimal digits");
    let digits = digits.expose().strip_prefix(b"0x").unwrap_or(digits.expose()).trim_ascii();
    let (pairs, rest) = digits.as_chunks::<2>();
    let mut bytes = Secret::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.expose_mut().push(digit(high).ok_or_else(bad)? << 4 | digit(low).ok_or_else(bad)?);
    }
    if rest.is_empty() { Ok(bytes) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(digits: &str) -> Option<Vec<u8>> {
        of_hex(&Secret::new(digits.as_bytes().to_vec())).ok().map(|bytes| bytes.expose().clone())
    }

    #[test]
    fn keys_are_pairs_of_hexadecimal_digits() {
        for (digits, bytes) in [("00ff10Ab", &[0, 0xff, 0x10, 0xab][..]), ("0x0a", &[10]), ("", &[])] {
            assert_eq!(read(digits).as_deref(), Some(bytes));
        }
        for digits in ["0", "0g", "00 0", "+1"] {
            assert_eq!(read(digits), None, "{digits}");
        }
    }
}
