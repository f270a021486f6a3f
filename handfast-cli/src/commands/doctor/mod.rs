//! `handfast doctor`: what is between a user and a service, looked at one thing after the other.
//!
//! ```text
//! configuration ─► KDCs of the client's realm ─► clock ─► login ─► host ─► KDCs of the service's realm ─► ticket ─► keytab
//! ```
//! Each room gives [`Finding`]s, which are shown as they come; what can't be looked at without an earlier thing is left out.

mod configuration;
mod finding;
mod kdcs;
mod keytab;
mod login;
mod service;

use crate::failure::Failure;
use crate::output::Output;
use finding::{Finding, Report};
use handfast::ServiceName;
use handfast_net::Settings;

/// Find out what keeps a login or a connection from working
///
/// Walks the way that a client goes: configuration, KDCs, clock, login, the service's name, its ticket; and where the
/// service's keytab can be read, whether it opens that ticket. What is wrong is said in plain words, with how to mend it.
/// Nothing is changed and nothing stored. Without a service, it ends with the login.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast doctor                                         can I log in?
  handfast doctor HTTP/www.example.com                    can I reach this service?
  handfast doctor HTTP/www.example.com --keytab http.keytab       as the service, on its host: is the keytab right?

It exits with 0 if nothing is wrong, and else with the code of the first thing that is."
)]
pub(crate) struct Args {
    /// The service, as SERVICE/HOST, SERVICE@HOST or SERVICE/HOST@REALM
    service: Option<String>,
    /// Look at this realm, where it is neither the login's nor the default one
    #[arg(long, value_name = "REALM")]
    realm: Option<String>,
    /// The service's keytab [default: KRB5_KTNAME, else the configured one, if it is there]
    #[arg(long, short = 'k', value_name = "FILE", requires = "service")]
    keytab: Option<String>,
    /// Credential cache, such as FILE:/tmp/cc [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME")]
    cache: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let service = args.service.as_deref().map(str::parse::<ServiceName>).transpose()?;
    let mut report = Report::new(output);
    match Settings::from_process() {
        Ok(settings) => walk(args, &settings, service.as_ref(), &mut report)?,
        Err(error) => report.tell(Finding::wrong("configuration", Failure::from(error)))?,
    }
    report.end()
}

fn walk(
    args: &Args,
    settings: &Settings,
    service: Option<&ServiceName>,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    report.tell_all(configuration::look(settings))?;
    let login = login::Login::find(settings, args.cache.as_deref());
    let home = args.realm.as_deref().or(login.realm()).or(settings.default_realm());
    let Some(home) = home else {
        return report.tell(Finding::wrong("realm", login::no_realm()));
    };
    let answers = kdcs::look(settings, home, report)?;
    report.tell_all(answers.clock(settings, login.kdc_offset_of(home)))?;
    report.tell(login.finding())?;
    let Some(service) = service else { return Ok(()) };
    report.tell_all(service::host(service))?;
    let names: Vec<_> = settings.services(service).iter().map(|name| name.to_principal(home)).collect();
    let Some(name) = names.first().cloned() else { return Ok(()) };
    if name.realm() != home {
        kdcs::look(settings, name.realm(), report)?;
    }
    let ticket = match login.tgt() {
        Some(tgt) if answers.any() => service::ticket(settings, &login, tgt, &names, report)?,
        _ => None,
    };
    let name = ticket.as_ref().map_or(&name, |ticket| &ticket.server);
    report.tell_all(keytab::look(settings, args.keytab.as_deref(), name, ticket.as_ref()))
}
