//! A new password for one that has expired, and where new ones come from.

use crate::failure::Failure;
use crate::output::Output;
use crate::secret::{self, PasswordSource};
use handfast::Principal;
use handfast::crypto::Secret;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{Login, PasswordRefusal};
use handfast_net::login::{NewPasswords, log_in, log_in_or_change};
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

    /// Logs in, and changes a password that has expired if a new one can be had.
    pub(crate) fn log_in(&self, login: Login, settings: &Settings, output: &Output) -> Result<HeldTicket, Failure> {
        let (kdcs, clock) = (settings.kdcs(), Clock::system());
        if !self.is_there(output) {
            return Ok(log_in(login, kdcs, &clock)?);
        }
        let failed = Mutex::new(None);
        let ask = |client: &Principal, refused: Option<&PasswordRefusal>| {
            tell(client, refused, output);
            if refused.is_some() && self.new_password_file.is_some() {
                return None; // The file has no other one.
            }
            let keep = |failure| *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            self.read(client).map_err(keep).ok()
        };
        let passwords = NewPasswords { servers: settings.password_servers(), ask: &ask };
        let ticket = log_in_or_change(login, &passwords, kdcs, &clock);
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => Err(failure),
            None => Ok(ticket?),
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
