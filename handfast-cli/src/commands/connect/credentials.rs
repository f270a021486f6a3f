//! What proves us: the tickets in the cache as it is now, and for NTLM a name and a password.

use super::options::Args;
use crate::failure::{Exit, Failure};
use crate::mechanism::Mechanism;
use handfast::Credential;
use handfast::crypto::Secret;
use handfast::krb5::{Ccache, HeldTicket};
use handfast_net::Settings;
use handfast_net::store::{CredentialCache, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// Credentials that follow the cache.
pub(super) struct Credentials {
    mechanism: Mechanism,
    file: Arc<dyn CredentialCache>,
    account: Option<Account>,
    /// Of the cache as it was last: what is obtained with a credential is kept in it.
    kept: Mutex<Option<(Arc<Ccache>, Credential)>>,
}

struct Account {
    domain: String,
    user: String,
    password: Secret,
}

impl Credentials {
    pub(super) fn new(args: &Args, settings: &Settings) -> Result<Self, Failure> {
        let file = settings.ccache(args.cache.as_deref())?;
        let account = args.account.as_ref().map(|name| account(name, args)).transpose()?;
        Ok(Credentials { mechanism: args.mechanism(), file, account, kept: Mutex::default() })
    }

    /// The credential of the cache as it is now. May wait for somebody else's lock on it.
    pub(super) fn current(&self) -> Result<Credential, Failure> {
        match (self.mechanism, &self.account) {
            (Mechanism::Ntlm, Some(account)) => account.alone(),
            (Mechanism::Negotiate, Some(account)) => match self.tickets() {
                Err(StoreError::Missing { .. } | StoreError::NoCache { .. }) => account.alone(),
                credential => account.beside(credential?),
            },
            _ => Ok(self.tickets()?),
        }
    }

    fn tickets(&self) -> Result<Credential, StoreError> {
        let cache = self.file.load()?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((of, credential)) if Arc::ptr_eq(of, &cache) => Ok(credential.clone()),
            _ => {
                let credential = Credential::tickets(&cache);
                *kept = Some((cache, credential.clone()));
                Ok(credential)
            }
        }
    }

    /// Keeps new tickets for others.
    pub(super) fn keep(&self, acquired: &[HeldTicket]) -> Result<(), Failure> {
        if acquired.is_empty() { Ok(()) } else { Ok(self.file.add(acquired)?) }
    }
}

fn account(name: &str, args: &Args) -> Result<Account, Failure> {
    let (domain, user) = name.split_once('\\').unwrap_or(("", name));
    let password = args.password.read(&format!("Password for {name}: "))?;
    Ok(Account { domain: domain.into(), user: user.into(), password })
}

impl Account {
    fn password(&self) -> Result<&str, Failure> {
        std::str::from_utf8(self.password.expose()).map_err(|_| Failure::new(Exit::Usage, "the password is not UTF-8"))
    }

    fn alone(&self) -> Result<Credential, Failure> {
        Ok(Credential::ntlm_password(&self.domain, &self.user, self.password()?))
    }

    fn beside(&self, credential: Credential) -> Result<Credential, Failure> {
        Ok(credential.and_ntlm_password(&self.domain, &self.user, self.password()?))
    }
}
