//! From realm to realm: by referral, or along a way that is known (RFC 4120 1.2, 3.3.1; RFC 6806 8, 9).

use super::error::ExchangeError;
use crate::krb5::{Capaths, HeldTicket, TicketFlags};
use crate::name::Principal;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The most realms that a request goes on to from the first one.
pub const REFERRAL_LIMIT: usize = 10;

/// Where a request has been, and where it may go next.
pub(super) struct Route {
    client_realm: String,
    /// The realms whose KDCs were asked; the last one is where it is now.
    visited: Vec<String>,
    /// Realms to try from here, the best last.
    ahead: Vec<String>,
    /// All realms so far say that the next one is good to delegate to.
    ok_as_delegate: bool,
}

impl Route {
    /// Starts at the realm that takes `held`.
    pub(super) fn new(held: &HeldTicket, realm: String) -> Self {
        let foreign = held.server.is_krbtgt() && held.server.realm() != realm;
        Route {
            client_realm: held.client.realm().to_string(),
            visited: Vec::from([realm]),
            ahead: Vec::new(),
            ok_as_delegate: !foreign || held.flags.contains(TicketFlags::OK_AS_DELEGATE),
        }
    }

    /// Where the request is.
    pub(super) fn realm(&self) -> &str {
        self.visited.last().map_or("", String::as_str)
    }

    /// Plans the way to `goal`: straight there, else by the realm before it on the way, and so on.
    pub(super) fn plan(&mut self, goal: &str, capaths: &Capaths) {
        let here = self.realm().to_string();
        let whole = capaths.path(&self.client_realm, goal);
        let way = if whole.contains(&here) { whole } else { capaths.path(&here, goal) };
        let rest = way.into_iter().skip_while(|realm| *realm != here).skip(1);
        self.ahead = rest.filter(|realm| !self.visited.contains(realm)).collect();
    }

    /// The realm to ask for next; none is left if there is no way.
    pub(super) fn next(&mut self) -> Option<String> {
        self.ahead.pop()
    }

    /// Goes on with a ticket-granting ticket for the next realm.
    ///
    /// # Errors
    /// [`ExchangeError::ReferralLoop`] and [`ExchangeError::TooManyReferrals`].
    pub(super) fn go(&mut self, ticket: &HeldTicket, service: &Principal) -> Result<String, ExchangeError> {
        let next = ticket.server.components().last().cloned().unwrap_or_default();
        if self.visited.contains(&next) {
            return Err(ExchangeError::ReferralLoop { service: service.clone(), realm: next });
        }
        if self.visited.len() > REFERRAL_LIMIT {
            return Err(ExchangeError::TooManyReferrals { service: service.clone(), limit: REFERRAL_LIMIT });
        }
        self.ok_as_delegate &= ticket.flags.contains(TicketFlags::OK_AS_DELEGATE);
        self.visited.push(next.clone());
        self.ahead.clear();
        Ok(next)
    }

    /// A service of another realm may be delegated to if every realm on the way says so, of the next one.
    pub(super) fn end(&self, ticket: &mut HeldTicket) {
        if !self.ok_as_delegate {
            ticket.flags = ticket.flags.without(TicketFlags::OK_AS_DELEGATE);
        }
    }
}
