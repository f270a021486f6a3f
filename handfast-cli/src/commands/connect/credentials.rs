//! What proves us: the tickets in the cache as it is now, and for NTLM a name and a password.

use super::options::Args;
use crate::failure::{Exit, Failure};
use crate::mechanism::Mechanism;
use handfast::crypto::Secret;
use handfast::krb5::{Ccache, HeldTicket};
use handfast::{Credential, ServiceName, Time};
use handfast_net::Settings;
use handfast_net::login::LastingLogin;
use handfast_net::store::{CredentialCache, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// Credentials that follow the cache, or log in by themselves.
pub(super) struct Credentials {
    mechanism: Mechanism,
    login: Option<LastingLogin>,
    file: Arc<dyn CredentialCache>,
    account: Option<Account>,
    /// Whether a cache's tickets go by the KDC's clock.
    kdc_timesync: bool,
    /// What logs in through the server. It keeps what it gets there itself.
    through_server: Option<Credential>,
    /// Of the cache as it was last: what is obtained with a credential is kept in it.
    kept: Mutex<Option<(Arc<Ccache>, Credential)>>,
}

struct Account {
    domain: String,
    user: String,
    password: Secret,
}

impl Credentials {
    /// For `service`: which of the caches, where none is named, says `.k5identity`, or its realm.
    pub(super) fn new(args: &Args, settings: &Settings, service: &ServiceName) -> Result<Self, Failure> {
        let account = args.account.as_ref().map(|name| account(name, args)).transpose()?;
        let through_server = through_server(args, settings)?;
        let from_cache =
            through_server.is_none() && args.client_keytab.is_none() && args.mechanism() != Mechanism::Ntlm;
        let file = match &args.cache {
            None if from_cache => settings.ccache_for(service)?,
            name => settings.ccache(name.as_deref())?,
        };
        let keytab = args.client_keytab.as_ref().filter(|_| through_server.is_none());
        let login = keytab.map(|name| login(name.as_deref(), settings)).transpose()?;
        let (mechanism, kdc_timesync) = (args.mechanism(), settings.libdefaults().kdc_timesync);
        let kept = Mutex::default();
        Ok(Credentials { mechanism, login, file, account, kdc_timesync, through_server, kept })
    }

    /// What logs in by itself, if that was asked for and the mechanism has logins.
    pub(super) fn login(&self) -> Option<&LastingLogin> {
        self.login.as_ref().filter(|_| self.mechanism != Mechanism::Ntlm)
    }

    /// With the account for NTLM, if there is one.
    pub(super) fn with_account(&self, credential: Credential) -> Result<Credential, Failure> {
        match &self.account {
            Some(account) if self.mechanism == Mechanism::Negotiate => account.beside(credential),
            _ => Ok(credential),
        }
    }

    /// The cache that tickets come from.
    pub(super) fn cache(&self) -> &dyn CredentialCache {
        &*self.file
    }

    /// Whether there is a ticket for `service`, of whatever realm: then nobody has to be asked for one.
    pub(super) fn has_ticket(&self, service: &ServiceName, now: Time) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let tickets = match self.login() {
            Some(login) => Some(login.tickets()),
            None => kept.as_ref().map(|(cache, _)| Arc::clone(cache)),
        };
        let is_for = |ticket: &HeldTicket, cache: &Ccache| {
            ticket.server.components() == service.to_principal(cache.principal.realm()).components()
        };
        tickets.is_some_and(|cache| {
            let kdc_time = if self.kdc_timesync { cache.kdc_time(now) } else { now };
            cache.tickets().any(|ticket| ticket.is_valid_at(kdc_time) && is_for(ticket, &cache))
        })
    }

    /// Whether the mechanism takes tickets at all.
    pub(super) fn takes_tickets(&self) -> bool {
        self.mechanism != Mechanism::Ntlm && self.through_server.is_none()
    }

    /// The credential of the cache as it is now. May wait for somebody else's lock on it.
    pub(super) fn current(&self) -> Result<Credential, Failure> {
        if let Some(credential) = &self.through_server {
            return Ok(credential.clone());
        }
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
        if let Some(login) = self.login() {
            login.keep(acquired);
            return Ok(());
        }
        if acquired.is_empty() || self.through_server.is_some() { Ok(()) } else { Ok(self.file.add(acquired)?) }
    }
}

fn login(name: Option<&str>, settings: &Settings) -> Result<LastingLogin, Failure> {
    let options = settings.login_options(settings.default_realm().unwrap_or_default())?;
    Ok(LastingLogin::with_keytab(settings.client_keytab(name)?, None, options)?)
}

/// A password or a keytab that logs in through the server. A name without a realm, where there is no default, is of the server's.
fn through_server(args: &Args, settings: &Settings) -> Result<Option<Credential>, Failure> {
    if let Some(name) = &args.user {
        let user = settings.principal(name)?;
        let password = args.password.read(&format!("Password for {name}: "))?;
        return Ok(Some(Credential::password(user, password.expose().clone())));
    }
    let Some(name) = args.client_keytab.as_ref().filter(|_| args.mechanism() == Mechanism::Iakerb) else {
        return Ok(None);
    };
    let keytab = settings.client_keytab(name.as_deref())?.load()?;
    let first = keytab.principals().next().cloned();
    let first = first.ok_or_else(|| Failure::new(Exit::NoCredentials, "the client keytab is empty"))?;
    Ok(Some(Credential::keytab(first, &keytab).map_err(handfast::Error::from)?))
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
