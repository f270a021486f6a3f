//! The service: its host's address, and a ticket for it.

use super::login::Login;
use super::{Finding, Report};
use crate::failure::{Exit, Failure};
use handfast::crypto::OsRandom;
use handfast::krb5::HeldTicket;
use handfast::krb5::exchange::{Acquired, TicketRequest};
use handfast::krb5::message::Ticket;
use handfast::{Principal, ServiceName};
use handfast_net::login::{TicketError, get_ticket};
use handfast_net::{Clock, Settings, resolve};
use std::net::IpAddr;
use std::sync::Arc;

/// Whether the host's name leads anywhere, and is of the kind that services are called by.
pub(super) fn host(service: &ServiceName) -> Vec<Finding> {
    let Some(host) = service.host() else { return Vec::new() };
    let mut findings = Vec::new();
    if host.parse::<IpAddr>().is_ok() {
        let what = format!("{host} is an address, and services are known by their host's name");
        findings.push(Finding::odd("host", what, "use the name that the service is registered with"));
    } else if !host.contains('.') && host != "localhost" {
        let what = format!("{host} is a short name, and services are registered with full ones by custom");
        findings.push(Finding::odd("host", what, "use the full name, such as www.example.com"));
    }
    findings.push(match resolve::addresses(host, 0) {
        Ok(addresses) => {
            let shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
            Finding::good("host", format!("{host} is at {}", shown.join(", ")))
        }
        Err(error) => Finding::odd("host", error, "a client can't connect to it by this name from here"),
    });
    findings
}

/// A new ticket from the KDC, so that it is under the key that the service has now. Of several names the first that is known.
pub(super) fn ticket(
    settings: &Settings,
    login: &Login,
    tgt: &HeldTicket,
    services: &[Principal],
    report: &mut Report<'_>,
) -> Result<Option<HeldTicket>, Failure> {
    let mut names = services.iter().peekable();
    while let Some(service) = names.next() {
        let request = TicketRequest::new(tgt, service.clone(), settings.ticket_options(), Arc::new(OsRandom));
        match get_ticket(login.knowing(request), settings.kdcs(), &Clock::system()) {
            Ok(acquired) => {
                report.tell(Finding::good("ticket", told(&acquired)))?;
                return Ok(Some(acquired.ticket));
            }
            Err(error) if error.is_unknown_service() && names.peek().is_some() => {
                let next = "dns_canonicalize_hostname = fallback: the host's other name is tried now";
                report.tell(Finding::odd("ticket", error, next))?;
            }
            Err(error) => report.tell(Finding::wrong("ticket", refused(error, service)))?,
        }
    }
    Ok(None)
}

fn told(Acquired { ticket, ticket_granting, .. }: &Acquired) -> String {
    let under = Ticket::decode(&ticket.ticket).map_or("a key that does not show".to_owned(), |sealed| {
        let kvno = sealed.enc_part.kvno.map_or(String::new(), |kvno| format!(", version {kvno}"));
        format!("a key of {}{kvno}", sealed.enc_part.etype)
    });
    let way: Vec<_> = ticket_granting.iter().map(|on_the_way| on_the_way.server.to_string()).collect();
    let by = if way.is_empty() { String::new() } else { format!(", by {}", way.join(" and ")) };
    format!("for {} under {under}; session key of {}{by}", ticket.server, ticket.key.enctype())
}

fn refused(error: TicketError, service: &Principal) -> Failure {
    let failure = Failure::from(error);
    if failure.exit != Exit::KdcRefused || failure.next.is_some() {
        return failure;
    }
    let next = format!(
        "ask whether {service} is what the service is registered as: setspn -Q in Active Directory, getprinc in MIT krb5"
    );
    failure.next(next)
}
