//! Passwords: asked for on the terminal without echo, or read from a file or from standard input. Never an argument, which
//! every user of the system could see.

use crate::failure::{Exit, Failure};
use clap::Args;
use handfast::crypto::Secret;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

/// The longest password, in bytes.
const LIMIT: usize = 4096;

/// Where a password comes from.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct PasswordSource {
    /// Read the password from standard input (its first line) instead of asking for it
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) password_stdin: bool,
    /// Read the password from FILE (its first line) instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// The password of somebody who exists already.
    pub(crate) fn read(&self, prompt: &str) -> Result<Secret, Failure> {
        self.given().unwrap_or_else(|| ask(prompt))
    }

    /// A password that is being set: asked for twice.
    pub(crate) fn read_new(&self, prompt: &str) -> Result<Secret, Failure> {
        if let Some(password) = self.given() {
            return password;
        }
        let password = ask(prompt)?;
        if ask("The same again: ")? == password {
            Ok(password)
        } else {
            Err(Failure::new(Exit::Usage, "the two passwords differ").next("run the command again"))
        }
    }

    fn given(&self) -> Option<Result<Secret, Failure>> {
        match &self.password_file {
            Some(file) => Some(File::open(file).map_err(|error| Failure::file(file, &error)).and_then(first_line)),
            None => self.password_stdin.then(|| first_line(io::stdin().lock())),
        }
    }
}

const NO_TERMINAL: &str = "there is no terminal to ask for the password on";

/// Whether it is that there was nobody to ask.
pub(crate) fn is_missing(failure: &Failure) -> bool {
    failure.cause == NO_TERMINAL
}

fn ask(prompt: &str) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return Err(
            Failure::new(Exit::Usage, NO_TERMINAL).next("give it with --password-stdin or --password-file FILE")
        );
    }
    let password = rpassword::prompt_password(prompt)
        .map_err(|error| Failure::new(Exit::Other, format!("the password can't be read from the terminal: {error}")))?;
    not_empty(Secret::new(password.into_bytes()))
}

/// Up to the first line break, or the end. The memory is laid out once, so that no copy stays behind.
#[allow(clippy::unbuffered_bytes)] // A buffer of ours would be another copy, and passwords are short.
fn first_line(reader: impl Read) -> Result<Secret, Failure> {
    let mut line = Secret::new(Vec::with_capacity(LIMIT + 1));
    for byte in reader.bytes() {
        match byte.map_err(|error| Failure::new(Exit::Files, format!("the password can't be read: {error}")))? {
            b'\n' => break,
            _ if line.expose().len() == LIMIT => {
                return Err(Failure::new(Exit::Usage, format!("the password is longer than {LIMIT} bytes")));
            }
            byte => line.expose_mut().push(byte),
        }
    }
    if line.expose().last() == Some(&b'\r') {
        line.expose_mut().pop();
    }
    not_empty(line)
}

fn not_empty(password: Secret) -> Result<Secret, Failure> {
    match password.expose().is_empty() {
        true => Err(Failure::new(Exit::Usage, "the password is empty")),
        false => Ok(password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        for (text, password) in [("a b\nc", "a b"), ("x", "x"), ("x\r\n", "x"), (" x \n", " x ")] {
            assert_eq!(first_line(text.as_bytes()).unwrap().expose(), password.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn empty_and_endless_passwords_are_refused() {
        for text in [String::new(), "\nx".to_owned(), "x".repeat(LIMIT + 1)] {
            assert_eq!(first_line(text.as_bytes()).unwrap_err().exit, Exit::Usage);
        }
        assert!(first_line("x".repeat(LIMIT).as_bytes()).is_ok());
    }
}
