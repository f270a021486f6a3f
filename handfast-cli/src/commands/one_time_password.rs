//! One-time passwords (RFC 6560), and where they come from.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secret::PasswordSource;
use handfast::krb5::message::OtpFlags;
use handfast::{OtpToken, OtpValue, Principal};
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// Where a one-time password comes from.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct OtpSource {
    /// Log in with a one-time password alone, asked for on the terminal; it takes --armor or --armor-anonymous
    #[arg(long, conflicts_with_all = ["keytab", "certificate", "anonymous", "renew", "validate", "password_stdin", "password_file"])]
    otp: bool,
    /// The same, with the password in FILE (its first line); where a PIN is part of it, with the PIN in front
    #[arg(long, value_name = "FILE", conflicts_with_all = ["otp", "keytab", "certificate", "anonymous", "renew", "validate", "password_stdin", "password_file"])]
    otp_file: Option<PathBuf>,
}

impl OtpSource {
    /// Whether nothing but a one-time password is used.
    pub(crate) fn is_alone(&self) -> bool {
        self.otp || self.otp_file.is_some()
    }

    /// Whether there is somebody, or something, to take one from.
    pub(crate) fn is_there(&self, output: &Output) -> bool {
        self.otp_file.is_some() || (!output.json && io::stdin().is_terminal())
    }

    /// A password of the first of `tokens`, and its PIN if the KDC wants it.
    pub(crate) fn read(
        &self,
        client: &Principal,
        service: Option<&str>,
        tokens: &[OtpToken],
    ) -> Result<OtpValue, Failure> {
        let source = PasswordSource { password_file: self.otp_file.clone(), password_stdin: false };
        let missing = || Failure::new(Exit::Other, "the KDC names no token for a one-time password");
        let token = tokens.first().ok_or_else(missing)?;
        let value = source.read(&prompt(client, service, token))?;
        let wants_pin = token.flags.contains(OtpFlags::COLLECT_PIN) && self.otp_file.is_none();
        let pin = wants_pin.then(|| PasswordSource::default().read("The token's PIN: ")).transpose()?;
        Ok(OtpValue { token: 0, value, pin })
    }
}

/// `One-time password for alice@R (service, vendor), challenge 123: `, without what could steer a terminal.
fn prompt(client: &Principal, service: Option<&str>, token: &OtpToken) -> String {
    let which = if token.flags.contains(OtpFlags::NEXT_OTP) { "The next one-time" } else { "One-time" };
    let about: Vec<_> = service.into_iter().chain(token.vendor.as_deref()).map(str::escape_debug).collect();
    let mut text = format!("{which} password for {client}");
    let mut separator = " (";
    for about in &about {
        let _ = write!(text, "{separator}{about}");
        separator = ", ";
    }
    if !about.is_empty() {
        text.push(')');
    }
    if let Some(challenge) = &token.challenge {
        let _ = write!(text, ", challenge {}", challenge.escape_ascii());
    }
    text + ": "
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::krb5::message::OtpFormat;

    #[test]
    fn the_prompt_says_what_the_kdc_says() {
        let token = OtpToken {
            flags: OtpFlags::NEXT_OTP,
            vendor: Some("Maker\x1b".into()),
            challenge: Some(b"12\x07".to_vec()),
            length: Some(6),
            format: Some(OtpFormat::DECIMAL),
            id: None,
            algorithm: None,
        };
        let alice = "alice@R".parse().unwrap();
        let full = "The next one-time password for alice@R (door, Maker\\u{1b}), challenge 12\\x07: ";
        assert_eq!(prompt(&alice, Some("door"), &token), full);
        let plain = OtpToken { flags: OtpFlags::NONE, vendor: None, challenge: None, ..token };
        assert_eq!(prompt(&alice, None, &plain), "One-time password for alice@R: ");
    }
}
