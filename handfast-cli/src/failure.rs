//! Failures: what is said, what to do next, and the exit code. Every typed error of the libraries is given its class here.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

mod classes;

/// The exit codes, one for each class of failure. `cli` documents them for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// None of the others.
    Other,
    /// The command line.
    Usage,
    /// No credential cache, no ticket in it, or only expired ones.
    NoCredentials,
    /// No KDC answered.
    KdcUnreachable,
    /// The KDC refused.
    KdcRefused,
    /// One peer refused the other.
    PeerRefused,
    /// The connection could not be made, broke, or took too long.
    Connection,
    /// Configuration, keytab, realm or another file.
    Files,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub(crate) const ALL: [Exit; 8] = [
        Exit::Other,
        Exit::Usage,
        Exit::NoCredentials,
        Exit::KdcUnreachable,
        Exit::KdcRefused,
        Exit::PeerRefused,
        Exit::Connection,
        Exit::Files,
    ];

    /// The number that the program exits with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Other => 1,
            Exit::Usage => 2,
            Exit::NoCredentials => 3,
            Exit::KdcUnreachable => 4,
            Exit::KdcRefused => 5,
            Exit::PeerRefused => 6,
            Exit::Connection => 7,
            Exit::Files => 8,
        }
    }

    /// Its name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Exit::Other => "other",
            Exit::Usage => "usage",
            Exit::NoCredentials => "no-credentials",
            Exit::KdcUnreachable => "kdc-unreachable",
            Exit::KdcRefused => "kdc-refused",
            Exit::PeerRefused => "peer-refused",
            Exit::Connection => "connection",
            Exit::Files => "files",
        }
    }

    /// What it means, for the help.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Exit::Other => "something else, such as an output that can't be written",
            Exit::Usage => "the command line is wrong, or a password is missing",
            Exit::NoCredentials => "no credential cache, no ticket that serves, or only expired ones",
            Exit::KdcUnreachable => "no KDC is known, or none answered",
            Exit::KdcRefused => "the KDC refused: wrong password, unknown name, clocks apart …",
            Exit::PeerRefused => "the peer refused us, or did not prove itself to us",
            Exit::Connection => "the connection was not made, broke off, or took too long",
            Exit::Files => "configuration, keytab, realm, token or another file can't be used",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Its class.
    pub(crate) exit: Exit,
    /// The cause, with its values.
    pub(crate) cause: String,
    /// What to do next, where the cause doesn't say it.
    pub(crate) next: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, cause: impl Display) -> Self {
        Failure { exit, cause: cause.to_string(), next: None }
    }

    /// The same, with what to do next.
    pub(crate) fn next(self, next: impl Display) -> Self {
        Failure { next: Some(next.to_string()), ..self }
    }

    /// A file that can't be used.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Failure::new(Exit::Files, format!("{}: {error}", path.display()))
    }

    /// Standard input can't be read.
    pub(crate) fn input(error: &io::Error) -> Self {
        Failure::new(Exit::Other, format!("standard input can't be read: {error}"))
    }

    /// Standard output can't be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        Failure::new(Exit::Other, format!("the output can't be written: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_code_and_a_name_of_its_own() {
        for (index, exit) in Exit::ALL.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), index + 1);
            let namesakes = Exit::ALL.iter().filter(|other| other.name() == exit.name());
            assert_eq!(namesakes.count(), 1);
        }
    }
}
