//! How tokens and messages are laid out on a connection.

use clap::ValueEnum;

/// A framing, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framing {
    /// A sealed byte stream, as .NET's NegotiateStream has it (MS-NNS)
    Nns,
    /// Messages with signed answers, as MIT's gss-client and gss-server have them
    GssSample,
}
