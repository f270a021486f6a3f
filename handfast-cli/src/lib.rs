//! The `handfast` program: mutually authenticated sockets, tickets and a realm from one binary.
//!
//! | room | what it does |
//! |---|---|
//! | `cli` | the command line: what can be asked for, and the help that teaches it |
//! | `commands` | one file per command: its arguments, and how it is run |
//! | `decode` | tokens as trees: what every field says, and what the keys at hand open |
//! | `demo` | `handfast demo`: everything at once on loopback sockets, drawn and explained, and every cheat refused |
//! | `failure` | typed errors to exit codes, causes and advice: the one place that decides |
//! | `output` | text or JSON, with colours on a terminal only |
//! | `listen`, `relay`, `pipe` | connections of `serve` and `connect`: many at once, both ways, standard input and output |
//! | `journal` | the log of what goes on: events as text or JSON |
//! | `describe`, `expiry`, `framing`, `mechanism`, `place`, `traffic`, `runtime` | what `serve` and `connect` share besides |
//! | `secret`, `signal`, `span` | passwords, signals, durations and times in words |
//!
//! This is the only crate that prints or exits. It is a program: no other crate depends on it. It is built as a library with a
//! `main` of one line so that `fuzz/` reaches its parsers, in `fuzzing`, which other builds do not have.
#![forbid(unsafe_code)]

use std::process::ExitCode;

mod cli;
mod commands;
mod decode;
mod demo;
mod describe;
mod expiry;
mod failure;
mod framing;
#[cfg(fuzzing)]
pub mod fuzzing;
mod help;
mod journal;
mod listen;
mod mechanism;
mod output;
mod pipe;
mod place;
mod relay;
mod runtime;
mod secret;
mod signal;
mod span;
mod traffic;

/// The program: reads the command line, does what it says, and tells how that ended.
#[must_use]
pub fn run() -> ExitCode {
    let (output, result) = cli::run();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
