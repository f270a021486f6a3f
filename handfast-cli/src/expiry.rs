//! What happens when a proof is over.

use clap::ValueEnum;
use handfast_net::stream;

/// What a connection does once its context's lifetime is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expiry {
    /// It ends, also while nothing is said
    End,
    /// It goes on, and the log says so
    Warn,
    /// It goes on
    Ignore,
}

impl Expiry {
    pub(crate) fn of_streams(self) -> stream::Expiry {
        match self {
            Expiry::End => stream::Expiry::End,
            // What is told is told when the time has come, not with the next message: see relay::Watch.
            Expiry::Warn | Expiry::Ignore => stream::Expiry::Ignore,
        }
    }
}
