//! A new password for one that has expired, and where new ones come from.

use super::one_time_password::OtpSource;
use crate::failure::Failure;
use crate::output::Output;
use crate::secret::{self, PasswordSource};
use handfast::crypto::Secret;
use handfast::krb5::exchange::{LoggedIn, Login, PasswordRefusal};
use handfast::{OtpToken, Principal};
use handfast_net::login::{Answers, NewPasswords, log_in_answering};
use handfast_net::{Clock, Settings};
use serde_json::json;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Where a new password comes from.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct NewPasswordSource {
    /// Read the new password from FILE (its first line) instead of asking for it
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
}

impl NewPasswordSource {
    /// A new password of `principal`; asked for twice.
    pub(crate) fn read(&self, principal: &Principal) -> Result<Secret, Failure> {
        let source = PasswordSource { password_file: self.new_password_file.clone(), password_stdin: false };
        let password = source.read_new(&format!("New password for {principal}: "));
        password.map_err(|failure| match secret::is_missing(&failure) {
            true => failure.next("give the new one with --new-password-file FILE"),
            false => failure,
        })
    }

    /// Whether there is somebody, or something, to take one from.
    fn is_there(&self, output: &Output) -> bool {
        self.new_password_file.is_some() || (!output.json && io::stdin().is_terminal())
    }

    /// Logs in, and changes a password that has expired if a new one can be had; one-time passwords come from `otp`.
    pub(crate) fn log_in(
        &self,
        login: Login,
        otp: &OtpSource,
        settings: &Settings,
        output: &Output,
    ) -> Result<LoggedIn, Failure> {
        let (kdcs, clock) = (settings.kdcs(), Clock::system());
        let failed = Mutex::new(None);
        let keep = |failure| *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        let ask = |client: &Principal, refused: Option<&PasswordRefusal>| {
            tell(client, refused, output);
            if refused.is_some() && self.new_password_file.is_some() {
                return None; // The file has no other one.
            }
            self.read(client).map_err(keep).ok()
        };
        let ask_otp = |client: &Principal, service: Option<&str>, tokens: &[OtpToken]| {
            otp.read(client, service, tokens).map_err(keep).ok()
        };
        let new_password = NewPasswords { servers: settings.password_servers(), ask: &ask };
        let answers = Answers {
            new_password: self.is_there(output).then_some(new_password),
            one_time_password: otp.is_there(output).then_some(&ask_otp),
        };
        let got = log_in_answering(login, &answers, kdcs, &clock);
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => Err(failure),
            None => Ok(got?),
        }
    }
}

fn tell(client: &Principal, refused: Option<&PasswordRefusal>, output: &Output) {
    match refused {
        None => {
            let expired = format!("the password of {client} has expired: it is changed now");
            output.remark(&expired, &json!({ "event": "password-expired", "principal": client.to_string() }));
        }
        Some(refusal) => output.remark(refusal, &json!({ "event": "refused", "reason": refusal.to_string() })),
    }
}
