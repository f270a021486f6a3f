//! What a ticket is asked for with a ticket: the options of a TGS request (RFC 4120 2, 3.3.1).

use super::asked::TgsTerms;
use super::{ExchangeError, TicketOptions};
use crate::krb5::message::{KdcOptions, PaDataType, PaPacOptions, PacOptions, TicketFlags};
use crate::krb5::{HeldTicket, HostAddress};
use crate::name::Principal;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What a request to the ticket-granting service is about.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A ticket for a service.
    Ticket,
    /// The presented ticket again, with a new end (RFC 4120 2.3).
    Renewal,
    /// The presented ticket, postdated, now valid (RFC 4120 2.4).
    Validation,
    /// A ticket-granting ticket for another host, or for any (RFC 4120 2.6).
    Forwarding(Vec<HostAddress>),
    /// A ticket for a service, to be used from these addresses (RFC 4120 2.5).
    Proxy(Vec<HostAddress>),
    /// A ticket under the session key of this ticket-granting ticket (RFC 4120 3.7).
    UserToUser(Vec<u8>),
    /// A ticket to oneself in this user's name (S4U2self, MS-SFU 3.1.5.1.1).
    ForUser(Principal),
    /// A ticket in the name of the client of this one, which is to oneself (S4U2proxy, MS-SFU 3.1.5.2.1).
    Delegated(Box<HeldTicket>),
}

impl Purpose {
    /// Whether the ticket presented is the one that comes back changed.
    pub(super) fn is_same_ticket(&self) -> bool {
        matches!(self, Purpose::Renewal | Purpose::Validation)
    }

    /// Whether other realms can be asked.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self, Purpose::Ticket | Purpose::UserToUser(_))
    }

    /// Whether the ticket at hand allows it; a KDC would refuse it otherwise.
    pub(super) fn check(&self, held: &HeldTicket, now: Time) -> Result<(), ExchangeError> {
        let service = || held.server.clone();
        let may = |flag| held.flags.contains(flag);
        match self {
            Purpose::Renewal => match held.renew_till {
                Some(till) if may(TicketFlags::RENEWABLE) && till > now => Ok(()),
                renew_till => Err(ExchangeError::NotRenewable { service: service(), renew_till }),
            },
            Purpose::Validation if !may(TicketFlags::INVALID) => {
                Err(ExchangeError::NotPostdated { service: service() })
            }
            Purpose::Forwarding(_) if !may(TicketFlags::FORWARDABLE) => {
                Err(ExchangeError::NotForwardable { service: service() })
            }
            // It may be to the account under another name, as services of Active Directory's accounts are.
            Purpose::Delegated(evidence) if evidence.server.realm() != held.client.realm() => {
                Err(ExchangeError::NotOnesOwn { service: evidence.server.clone(), client: held.client.clone() })
            }
            Purpose::Proxy(_) if !may(TicketFlags::PROXIABLE) => {
                Err(ExchangeError::NotProxiable { service: service() })
            }
            _ => Ok(()),
        }
    }

    /// Whose ticket it will be.
    pub(super) fn client<'p>(&'p self, held: &'p HeldTicket) -> &'p Principal {
        match self {
            Purpose::ForUser(user) => user,
            Purpose::Delegated(evidence) => &evidence.client,
            _ => &held.client,
        }
    }

    /// The options to ask with. Those that the ticket presented lacks would be refused (RFC 4120 5.4.1).
    pub(super) fn options(&self, held: &HeldTicket, options: &TicketOptions) -> KdcOptions {
        let keeps = matches!(self, Purpose::Renewal);
        let wish = |wanted, flag, option| {
            if (wanted || keeps) && held.flags.contains(flag) { option } else { KdcOptions::NONE }
        };
        let wishes = wish(options.forwardable, TicketFlags::FORWARDABLE, KdcOptions::FORWARDABLE)
            .with(wish(options.proxiable, TicketFlags::PROXIABLE, KdcOptions::PROXIABLE))
            .with(wish(options.renewable_for.is_some(), TicketFlags::RENEWABLE, KdcOptions::RENEWABLE));
        let refer = if options.referrals && self.goes_on() { KdcOptions::CANONICALIZE } else { KdcOptions::NONE };
        refer.with(match self {
            Purpose::Ticket => wishes,
            Purpose::Renewal => wishes.with(KdcOptions::RENEW),
            Purpose::Validation => KdcOptions::VALIDATE,
            Purpose::Forwarding(_) => wishes.with(KdcOptions::FORWARDED),
            Purpose::Proxy(_) => wishes.with(KdcOptions::PROXY),
            Purpose::UserToUser(_) => wishes.with(KdcOptions::ENC_TKT_IN_SKEY),
            // A ticket in a user's name is to be shown to the KDC again: forwardable, if the realm allows it.
            Purpose::ForUser(_) => wish(true, TicketFlags::FORWARDABLE, KdcOptions::FORWARDABLE),
            Purpose::Delegated(_) => wishes.with(KdcOptions::CNAME_IN_ADDL_TKT),
        })
    }

    /// What else the request says, and what the reply must say.
    pub(super) fn terms(&self, held: &HeldTicket) -> TgsTerms {
        let terms = TgsTerms { expected_addresses: held.addresses.clone(), ..TgsTerms::default() };
        let bound = |addresses: &Vec<HostAddress>, required_flags| TgsTerms {
            addresses: addresses.clone(),
            expected_addresses: addresses.clone(),
            exact_addresses: true,
            required_flags,
            ..TgsTerms::default()
        };
        match self {
            Purpose::Ticket | Purpose::Renewal | Purpose::Validation => terms,
            Purpose::Forwarding(addresses) => bound(addresses, TicketFlags::FORWARDED),
            Purpose::Proxy(addresses) => bound(addresses, TicketFlags::PROXY),
            Purpose::UserToUser(ticket) => TgsTerms { additional_ticket: Some(ticket.clone()), ..terms },
            Purpose::ForUser(user) => TgsTerms { for_user: Some(user.clone()), ..terms },
            Purpose::Delegated(evidence) => TgsTerms {
                additional_ticket: Some(evidence.ticket.clone()),
                padata: Vec::from([(PaDataType::PAC_OPTIONS, pac_options())]),
                expected_addresses: Vec::new(),
                ..terms
            },
        }
    }
}

/// Says that delegation which the resource allows will do (MS-SFU 2.2.5).
fn pac_options() -> Vec<u8> {
    PaPacOptions { flags: PacOptions::RESOURCE_BASED_CONSTRAINED_DELEGATION }.to_der()
}

/// A ticket-granting ticket for the next realm: like the one presented in all that it allows.
pub(super) fn options_of_hop(held: &HeldTicket, options: &TicketOptions) -> KdcOptions {
    let all = TicketOptions { forwardable: true, proxiable: true, ..options.clone() };
    Purpose::Ticket.options(held, &all)
}
