//! `handfast logout`: the end of the tickets of a credential cache, or of all.

use super::switch::of_principal;
use crate::failure::Failure;
use crate::output::Output;
use handfast_net::Settings;
use handfast_net::store::StoreError;
use serde_json::json;

/// Destroy the tickets in the credential cache
///
/// The cache is removed, and a file is overwritten first. Tickets that others have copied stay good until they end.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast logout
  handfast logout --cache FILE:/tmp/other
  handfast logout --principal bob     bob's, whichever cache they are in
  handfast logout --all               every cache of the collection (DIR, KEYRING, KCM)"
)]
pub(crate) struct Args {
    /// Credential cache, such as FILE:/tmp/cc or KCM:1000 [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
    /// Destroy every cache of the collection, not only the primary one
    #[arg(long, short = 'A')]
    all: bool,
    /// Destroy the tickets of this user, in whichever cache of the collection they are
    #[arg(long, short = 'p', value_name = "NAME", conflicts_with_all = ["all", "cache"])]
    principal: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    let caches = match (&args.principal, args.all) {
        (Some(name), _) => vec![of_principal(&settings, name)?],
        (None, true) => settings.ccaches(args.cache.as_deref())?.caches()?,
        (None, false) => vec![settings.ccache(args.cache.as_deref())?],
    };
    if caches.is_empty() {
        output.line("there was no credential cache")?;
    }
    for cache in caches {
        cache.destroy().map_err(nobody)?;
        output.result(format!("{cache} destroyed"), &json!({ "destroyed": cache.to_string() }))?;
    }
    Ok(())
}

/// Who is not logged in wants no advice how to.
fn nobody(error: StoreError) -> Failure {
    match error {
        StoreError::Missing { .. } | StoreError::NoCache { .. } => {
            Failure::from(error).next("see what caches there are with `handfast list --all`")
        }
        error => error.into(),
    }
}
