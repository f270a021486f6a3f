//! The keys that the server proves itself with: of a keytab, or of a realm's own directory, whose KDC it can be as well.

use super::super::realm::embedded::{self, Kdc};
use crate::failure::{Exit, Failure};
use crate::journal::Journal;
use handfast::krb5::Keytab;
use handfast::{Principal, ServiceName};
use handfast_kdc::FileDirectory;
use handfast_net::Settings;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where the keys are, and which of them are ours.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub(super) struct Args {
    /// Keytab with the keys of the service [default: KRB5_KTNAME, else the configured one]
    #[arg(long, short = 'k', value_name = "FILE", help_heading = "Who we are")]
    keytab: Option<String>,
    /// Be this service only, even if there are keys of others; repeat it for several
    #[arg(long, short = 's', value_name = "SERVICE/HOST", help_heading = "Who we are")]
    service: Vec<String>,
    /// Take the keys from this realm's file (see `handfast realm`) instead of from a keytab
    #[arg(long, value_name = "FILE", conflicts_with = "keytab", help_heading = "Who we are")]
    realm_directory: Option<PathBuf>,
    /// Be the KDC of that realm, too, at this address and port, over UDP and TCP
    #[arg(long, value_name = "ADDRESS", requires = "realm_directory", help_heading = "Who we are")]
    kdc: Option<SocketAddr>,
}

impl Args {
    /// The keys of the services that are wanted, as they are now.
    pub(super) fn load(&self, settings: &Settings) -> Result<Keytab, Failure> {
        let (mut keytab, place) = match &self.realm_directory {
            Some(path) => (of_realm(path)?, path.display().to_string()),
            None => {
                let file = settings.keytab(self.keytab.as_deref())?;
                (Keytab::clone(&*file.load()?), file.to_string())
            }
        };
        let wanted = self.wanted()?;
        if !wanted.is_empty() {
            keytab.remove(|entry| !wanted.iter().any(|name| is(name, &entry.principal)));
        }
        if keytab.entries().is_empty() {
            let whose =
                if wanted.is_empty() { "no key".to_owned() } else { format!("no key of {}", self.service.join(", ")) };
            let failure = Failure::new(Exit::Files, format!("{place} has {whose}"));
            return Err(match self.realm_directory {
                Some(_) => failure.next("add the service with `handfast realm add-service SERVICE/HOST`"),
                None => failure.next("look at it with `handfast list --keytab FILE`"),
            });
        }
        Ok(keytab)
    }

    /// The services that were named.
    pub(super) fn wanted(&self) -> Result<Vec<ServiceName>, Failure> {
        Ok(self.service.iter().map(|name| name.parse()).collect::<Result<_, _>>()?)
    }

    /// The KDC, if we are to be one, until what is returned is dropped.
    pub(super) fn serve_kdc(&self, journal: &Journal) -> Result<Option<Kdc>, Failure> {
        match (&self.realm_directory, self.kdc) {
            (Some(path), Some(address)) => embedded::start(path, address, journal.clone()).map(Some),
            _ => Ok(None),
        }
    }
}

fn is(name: &ServiceName, principal: &Principal) -> bool {
    name.to_principal(principal.realm()) == *principal
}

/// The keys of all services of a realm but its own.
fn of_realm(path: &Path) -> Result<Keytab, Failure> {
    if !path.exists() {
        let cause = format!("there is no realm in {}", path.display());
        return Err(Failure::new(Exit::Files, cause).next("make one with `handfast realm init REALM --directory FILE`"));
    }
    let mut keytab = Keytab::default();
    for entry in FileDirectory::open(path)?.entries()? {
        if entry.is_service && !entry.principal.is_krbtgt() {
            keytab.merge(entry.keytab());
        }
    }
    Ok(keytab)
}
