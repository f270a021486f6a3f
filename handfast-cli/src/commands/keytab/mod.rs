//! `handfast keytab`: the keys of services, and of users who log in without a password.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use handfast::Principal;
use handfast_net::Settings;
use handfast_net::store::KeytabFile;

mod add;
mod change;
mod derive;

/// The keys in a keytab: shown, added, removed, merged, made from a password
///
/// A keytab is a file. Whoever can read it can be everybody whose keys are in it. Changes are made in
/// place, under the lock that other Kerberos programs take.
#[derive(clap::Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Command {
    List(change::List),
    Add(add::Args),
    Derive(derive::Args),
    Remove(change::Remove),
    Merge(change::Merge),
}

/// Runs the command.
pub(crate) fn run(command: &Command, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    match command {
        Command::List(args) => args.run(&settings, output),
        Command::Add(args) => args.run(&settings, output),
        Command::Derive(args) => args.run(&settings, output),
        Command::Remove(args) => args.run(&settings, output),
        Command::Merge(args) => args.run(&settings, output),
    }
}

/// Which keytab.
#[derive(clap::Args, Debug)]
struct Target {
    /// The keytab [default: KRB5_KTNAME, else the configured one]
    #[arg(long, short = 'k', value_name = "FILE")]
    keytab: Option<String>,
}

impl Target {
    fn file(&self, settings: &Settings) -> Result<KeytabFile, Failure> {
        Ok(settings.keytab(self.keytab.as_deref())?)
    }
}

/// A principal with a realm.
fn principal(settings: &Settings, name: &str) -> Result<Principal, Failure> {
    let principal = settings.principal(name)?;
    if principal.realm().is_empty() {
        let cause = format!("{name} is named without a realm, and krb5.conf has no default_realm");
        return Err(Failure::new(Exit::Files, cause).next(format!("write {name}@REALM, or set KRB5_CONFIG")));
    }
    Ok(principal)
}
