//! `handfast logout`: the end of the tickets of a credential cache.

use crate::failure::Failure;
use crate::output::Output;
use handfast_net::Settings;
use serde_json::json;

/// Destroy the tickets in the credential cache
///
/// The cache is overwritten and removed. Tickets that others have copied stay good until they end.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast logout
  handfast logout --cache FILE:/tmp/other"
)]
pub(crate) struct Args {
    /// Credential cache, such as FILE:/tmp/cc [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let file = Settings::from_process()?.ccache(args.cache.as_deref())?;
    file.destroy()?;
    output.result(format!("{file} destroyed"), &json!({ "destroyed": file.to_string() }))
}
