//! `handfast login --for-user`: a service's login to act for a user (constrained delegation).

use super::login::keys;
use crate::failure::{Exit, Failure};
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{ClientSecret, TicketOptions, TicketRequest};
use handfast::krb5::{Ccache, HeldTicket};
use handfast_net::login::get_ticket;
use handfast_net::{Clock, Settings};
use std::sync::Arc;

/// For whom.
#[derive(clap::Args, Debug)]
pub(super) struct ForUser {
    /// Log in as a service, to act for this user with other services (S4U2self, S4U2proxy)
    ///
    /// The realm must let the service do so. Programs with that cache then act for the user, those of MIT krb5, too.
    #[arg(long, value_name = "USER", requires = "cache", conflicts_with_all = ["renew", "validate", "starttime", "anonymous", "service"])]
    for_user: Option<String>,
}

impl ForUser {
    pub(super) fn is_there(&self) -> bool {
        self.for_user.is_some()
    }

    /// What goes into the cache, of that of the `login`, and the ticket to tell of: the login alone, or with it the user's ticket to the
    /// service, whose keys `keytab` may have: where a KDC (Samba's, say) leaves it to the ticket to prove the name.
    pub(super) fn cache(
        &self,
        login: Ccache,
        keytab: Option<Option<&str>>,
        settings: &Settings,
    ) -> Result<(Ccache, HeldTicket), Failure> {
        let tgt = login.tickets().next().cloned();
        let tgt = tgt.ok_or_else(|| Failure::new(Exit::Other, "a login without a ticket"))?;
        let Some(user) = &self.for_user else { return Ok((login, tgt)) };
        let user = settings.principal(user)?;
        let options = TicketOptions { forwardable: true, ..settings.ticket_options() };
        let own = keytab.map(|name| keys(name, settings, &tgt.client)).transpose()?;
        let own = match own {
            Some(ClientSecret::Keys(keys)) => keys,
            _ => Vec::new(),
        };
        let request =
            TicketRequest::for_user(&tgt, user, options, Arc::new(OsRandom)).with_own_keys(own).knowing(&login);
        let evidence = get_ticket(request, settings.kdcs(), &Clock::system())?.ticket;
        let mut cache = Ccache::new(evidence.client.clone());
        cache.keep_memory_of(&login);
        cache.set_impersonator(&tgt.client);
        cache.replace(tgt);
        cache.replace(evidence.clone());
        Ok((cache, evidence))
    }
}
