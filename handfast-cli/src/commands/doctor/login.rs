//! The login in the credential cache.

use super::Finding;
use crate::failure::{Exit, Failure};
use crate::span;
use handfast::Time;
use handfast::krb5::ccache::KdcOffset;
use handfast::krb5::exchange::TicketRequest;
use handfast::krb5::{Ccache, HeldTicket};
use handfast_net::Settings;
use std::sync::Arc;

const LOG_IN: &str = "log in with `handfast login`";

/// A cache, and what is in it.
pub(super) struct Login {
    name: String,
    held: Result<Arc<Ccache>, Failure>,
    kdc_timesync: bool,
}

impl Login {
    pub(super) fn find(settings: &Settings, cache: Option<&str>) -> Self {
        let kdc_timesync = settings.libdefaults().kdc_timesync;
        let file = match settings.ccache(cache) {
            Ok(file) => file,
            Err(error) => return Login { name: String::new(), held: Err(Failure::from(error)), kdc_timesync },
        };
        Login { name: file.to_string(), held: file.load().map_err(Failure::from), kdc_timesync }
    }

    /// The realm of whoever is logged in.
    pub(super) fn realm(&self) -> Option<&str> {
        self.held.as_ref().ok().map(|cache| cache.principal.realm())
    }

    /// The ticket-granting ticket, if it is good now.
    pub(super) fn tgt(&self) -> Option<&HeldTicket> {
        let cache = self.held.as_ref().ok()?;
        cache.tgt(cache.start_realm(), self.now(cache))
    }

    /// By the clock that its tickets go by.
    fn now(&self, cache: &Ccache) -> Time {
        if self.kdc_timesync { cache.kdc_time(span::now()) } else { span::now() }
    }

    /// How far the clock of the KDCs of `realm` is ahead, as the login there has learned, and goes by.
    pub(super) fn kdc_offset_of(&self, realm: &str) -> Option<KdcOffset> {
        let cache = self.held.as_ref().ok()?;
        cache.kdc_offset.filter(|_| self.kdc_timesync && cache.start_realm() == realm)
    }

    /// With what the login knows of the KDCs.
    pub(super) fn knowing(&self, request: TicketRequest) -> TicketRequest {
        match &self.held {
            Ok(cache) => request.knowing(cache),
            Err(_) => request,
        }
    }

    pub(super) fn finding(&self) -> Finding {
        let cache = match &self.held {
            Ok(cache) => cache,
            Err(failure) => return Finding::wrong("login", failure.clone()),
        };
        let (whose, name) = (&cache.principal, &self.name);
        match (self.tgt(), self.ended(cache)) {
            (Some(tgt), _) => {
                let left = span::words(tgt.remaining(self.now(cache)));
                let key = tgt.key.enctype();
                Finding::good("login", format!("{whose} in {name}, good for {left}, with a key of {key}"))
            }
            (None, Some(ended)) => {
                let cause = format!("the login of {whose} in {name} ended at {} UTC", span::moment(ended.end_time));
                Finding::wrong("login", Failure::new(Exit::NoCredentials, cause).next(LOG_IN))
            }
            (None, None) => {
                let cause = format!("{name} has no ticket-granting ticket of {whose}");
                Finding::wrong("login", Failure::new(Exit::NoCredentials, cause).next(LOG_IN))
            }
        }
    }

    fn ended<'c>(&self, cache: &'c Ccache) -> Option<&'c HeldTicket> {
        let own = handfast::Principal::krbtgt(cache.principal.realm(), cache.principal.realm());
        cache.tickets().find(|ticket| ticket.server == own)
    }
}

/// Nothing says which realm to look at.
pub(super) fn no_realm() -> Failure {
    Failure::new(Exit::Files, "no realm: neither a login nor the configuration names one")
        .next("set default_realm in krb5.conf, log in as NAME@REALM, or say --realm REALM")
}
