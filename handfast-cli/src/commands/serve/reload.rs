//! What connections are judged by, and what of it SIGHUP reads anew. Each file stands for itself: one that can't be read leaves
//! what was there, and hinders no other.

use super::allow::Allowed;
use super::options::Args;
use crate::failure::Failure;
use crate::journal::{Event, Journal, Level, tell_reload};
use crate::mechanism::Mechanism;
use crate::output::BAD;
use handfast::krb5::Keytab;
use handfast::mech::MechanismId;
use handfast::{Acceptor, Context, Principal, ReplayGuard};
use handfast_net::Settings;
use handfast_net::accounts::AccountList;
use serde_json::json;
use std::sync::Arc;

/// The keys, the clients and the accounts at one time. Connections that have begun keep theirs.
pub(super) struct Serving {
    keytab: Arc<Keytab>,
    pub(super) acceptor: Acceptor,
    pub(super) allowed: Arc<Allowed>,
    pub(super) accounts: Option<Arc<AccountList>>,
}

impl Serving {
    /// All of it, or the first thing that is wrong.
    pub(super) fn load(args: &Args, settings: &Settings, journal: &Journal) -> Result<Self, Failure> {
        let keytab = keytab(args, settings)?;
        let guard = match args.replay_cache {
            Some(_) => ReplayGuard::asks_driver(),
            None => ReplayGuard::in_memory(),
        };
        let acceptor = Acceptor::new(&keytab, guard).policy(args.policy(settings));
        let acceptor = with_ntlm(acceptor, args, &keytab)?;
        let allowed = allowed(args, settings, &keytab)?;
        let accounts = accounts(args, &keytab, journal)?;
        Ok(Serving { keytab: Arc::new(keytab), acceptor, allowed: Arc::new(allowed), accounts })
    }

    /// What is in the files now; what can't be read is as before. The replay guard stays the same.
    pub(super) fn reloaded(&self, args: &Args, settings: &Settings, journal: &Journal) -> Self {
        let told = |what, result: Result<String, Failure>| tell_reload(journal, what, result);
        let keytab = keytab(args, settings);
        told("keys", keytab.as_ref().map(|keytab| names(keytab).join(", ")).map_err(Failure::clone));
        let keytab = keytab.map_or_else(|_| Arc::clone(&self.keytab), Arc::new);
        let acceptor = with_ntlm(self.acceptor.clone().with_keytab(&keytab), args, &keytab);
        let allowed = allowed(args, settings, &keytab);
        told("clients", allowed.as_ref().map(Allowed::summary).map_err(Failure::clone));
        let accounts = accounts(args, &keytab, journal);
        if args.ntlm.is_on() {
            let count =
                |list: &Option<Arc<AccountList>>| format!("{} accounts", list.as_ref().map_or(0, |list| list.len()));
            told("accounts", accounts.as_ref().map(count).map_err(Failure::clone));
        }
        Serving {
            acceptor: acceptor.unwrap_or_else(|_| self.acceptor.clone()),
            allowed: allowed.map_or_else(|_| Arc::clone(&self.allowed), Arc::new),
            accounts: accounts.unwrap_or_else(|_| self.accounts.clone()),
            keytab,
        }
    }

    /// What this client is called to others: an account by its own name, however the client spells it.
    pub(super) fn name(&self, context: &Context) -> String {
        let peer = context.peer().to_string();
        let accounts = self.accounts.as_ref().filter(|_| context.mechanism() == MechanismId::NTLM);
        accounts.and_then(|accounts| accounts.own_name(&peer)).unwrap_or(peer)
    }

    /// Who we are.
    pub(super) fn services(&self) -> Vec<String> {
        names(&self.keytab)
    }
}

/// No keys where Kerberos is not taken: its clients are then refused.
fn keytab(args: &Args, settings: &Settings) -> Result<Keytab, Failure> {
    if args.ntlm.may_take(Mechanism::Kerberos) || args.ntlm.lists(Mechanism::Iakerb) {
        args.keys.load(settings)
    } else {
        Ok(Keytab::default())
    }
}

fn names(keytab: &Keytab) -> Vec<String> {
    keytab.principals().map(ToString::to_string).collect()
}

fn with_ntlm(acceptor: Acceptor, args: &Args, keytab: &Keytab) -> Result<Acceptor, Failure> {
    if !args.ntlm.is_on() {
        return Ok(acceptor);
    }
    let name = args.ntlm.name(keytab);
    Ok(acceptor.dangerous_with_ntlm(args.ntlm.server(&name, args.keys.wanted()?, keytab)))
}

/// Principals without a realm are of the default realm or, if there is none, of the keytab's.
fn allowed(args: &Args, settings: &Settings, keytab: &Keytab) -> Result<Allowed, Failure> {
    let own = keytab.principals().next().map(Principal::realm);
    let realm = settings.default_realm().or(own).unwrap_or_default();
    Allowed::new(&args.allow, realm, &args.ntlm.name(keytab))
}

fn accounts(args: &Args, keytab: &Keytab, journal: &Journal) -> Result<Option<Arc<AccountList>>, Failure> {
    let Some((list, group_reads)) = args.ntlm.load(&args.ntlm.name(keytab))? else { return Ok(None) };
    if group_reads {
        let text = "the group of the accounts' file can read it, and what is in it is as good as the passwords";
        journal.log(Event::new(Level::Warn, "warning", text).styled(BAD).with(json!({ "reason": text })));
    }
    Ok(Some(Arc::new(list)))
}
