//! `handfast switch`: another primary cache.

use crate::failure::{Exit, Failure};
use crate::output::{Output, STRONG};
use handfast_net::Settings;
use handfast_net::store::CredentialCache;
use serde_json::json;
use std::sync::Arc;

/// Make another credential cache the primary one
///
/// Where several caches come together (types DIR, KEYRING and KCM), programs take the tickets of the
/// primary one unless they are told otherwise. `handfast list --all` shows all of them.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast switch bob                      the cache with the tickets of bob@DEFAULT-REALM
  handfast switch admin@EXAMPLE.COM
  handfast switch --cache DIR::/run/user/1000/krb5cc/tktXYZ"
)]
pub(crate) struct Args {
    /// Whose cache, as NAME or NAME@REALM
    #[arg(required_unless_present = "cache", conflicts_with = "cache")]
    principal: Option<String>,
    /// The cache, by its whole name
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    let cache = match &args.principal {
        Some(principal) => of_principal(&settings, principal)?,
        None => settings.ccache(args.cache.as_deref())?,
    };
    let principal = cache.load()?.principal.clone();
    settings.cache_types().collection_of(&cache.name())?.switch_to(&cache.name())?;
    output
        .line(format!("{cache} is the primary cache now, with the tickets of {}", output.paint(STRONG, &principal)))?;
    output.object(&json!({ "primary": cache.to_string(), "principal": principal.to_string() }))
}

/// The cache with the tickets of this principal.
pub(super) fn of_principal(settings: &Settings, name: &str) -> Result<Arc<dyn CredentialCache>, Failure> {
    let principal = settings.principal(name)?;
    settings.ccaches(None)?.cache_of(&principal)?.ok_or_else(|| {
        Failure::new(Exit::NoCredentials, format!("no cache has tickets of {principal}"))
            .next("see who is logged in with `handfast list --all`")
    })
}
