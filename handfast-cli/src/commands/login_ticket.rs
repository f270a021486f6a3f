//! What the ticket of a login shall be like: how long, from where, for what.

use super::list::addresses;
use crate::failure::{Exit, Failure};
use crate::output::{BAD, Output};
use crate::span;
use handfast::ServiceName;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::TicketOptions;
use handfast_net::Settings;
use std::time::Duration;

/// What the command line says of the ticket.
#[derive(clap::Args, Debug)]
#[group(id = "ticket_wishes", multiple = true)]
pub(crate) struct TicketWishes {
    /// How long the ticket shall be good, such as 8h [default: ticket_lifetime of krb5.conf, else 1d]
    #[arg(long, short = 'l', value_name = "SPAN", value_parser = span::parse)]
    lifetime: Option<Duration>,
    /// For how long it shall be renewable, such as 7d [default: renew_lifetime of krb5.conf, else not]
    #[arg(long, short = 'r', value_name = "SPAN", value_parser = span::parse)]
    renewable: Option<Duration>,
    /// From when on the ticket shall be good, from now, such as 2h; it is to be validated then
    #[arg(long, short = 's', value_name = "SPAN", value_parser = span::parse)]
    starttime: Option<Duration>,
    /// The login may be forwarded to another host [default: forwardable of krb5.conf, else not]
    #[arg(long, short = 'f')]
    forwardable: bool,
    /// The login may not be forwarded, whatever krb5.conf says
    #[arg(long, short = 'F', conflicts_with = "forwardable")]
    not_forwardable: bool,
    /// Services may get tickets for other addresses with the login [default: proxiable of krb5.conf, else not]
    #[arg(long, short = 'p')]
    proxiable: bool,
    /// Services may not, whatever krb5.conf says
    #[arg(long, short = 'P', conflicts_with = "proxiable")]
    not_proxiable: bool,
    /// The ticket shall be good from this host alone [default: noaddresses of krb5.conf, else from anywhere]
    ///
    /// It is bound to the addresses of the host's interfaces, and to extra_addresses of krb5.conf. Behind a NAT the
    /// KDC sees another address, and refuses the ticket: name that one there.
    #[arg(long, short = 'a')]
    addresses: bool,
    /// The ticket shall be good from anywhere, whatever krb5.conf says
    #[arg(long, short = 'A', conflicts_with = "addresses")]
    no_addresses: bool,
    /// Ask for a ticket with a PAC, which names groups in a domain [default: as the KDC likes]
    #[arg(long)]
    request_pac: bool,
    /// Ask for a ticket without a PAC: it is shorter, and services in a domain don't take it
    #[arg(long, conflicts_with = "request_pac")]
    no_request_pac: bool,
    /// Get a ticket for this service instead of a ticket-granting ticket
    #[arg(long, short = 'S', value_name = "SERVICE")]
    service: Option<String>,
    /// The name may stand for another, in another realm [default: canonicalize of krb5.conf, else not]
    #[arg(long, short = 'C')]
    canonicalize: bool,
}

impl TicketWishes {
    /// The options of a login to `realm`: what the command line says goes before the configuration.
    pub(crate) fn options(&self, settings: &Settings, realm: &str) -> Result<TicketOptions, Failure> {
        let mut options = settings.login_options(realm)?;
        options.lifetime = self.lifetime.unwrap_or(options.lifetime);
        options.renewable_for = self.renewable.or(options.renewable_for);
        options.start_in = self.starttime;
        options.forwardable = (options.forwardable || self.forwardable) && !self.not_forwardable;
        options.proxiable = (options.proxiable || self.proxiable) && !self.not_proxiable;
        options.canonicalize |= self.canonicalize;
        options.request_pac = (self.request_pac || self.no_request_pac).then_some(self.request_pac);
        if self.no_addresses {
            options.addresses.clear();
        } else if self.addresses && options.addresses.is_empty() {
            options.addresses = settings.addresses()?;
            if options.addresses.is_empty() {
                let failure = Failure::new(Exit::Files, "this host has no address that a ticket could be bound to");
                return Err(failure.next("name one as extra_addresses in krb5.conf, or leave out --addresses"));
            }
        }
        if let Some(service) = &self.service {
            options.service = Some(service.parse::<ServiceName>()?.to_principal(""));
        }
        Ok(options)
    }

    /// Tells where the ticket is good from, if that was asked about.
    pub(crate) fn tell(&self, ticket: &HeldTicket, output: &Output) -> Result<(), Failure> {
        match addresses(ticket) {
            found if !found.is_empty() => output.line(format!("good from {} alone", found.join(", "))),
            _ if self.addresses => output.line(output.paint(BAD, "good from anywhere: the KDC binds no tickets")),
            _ => Ok(()),
        }
    }
}
