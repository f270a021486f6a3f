//! What a lasting login holds, and when it is to ask for more. No I/O, and time is an argument.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use handfast::crypto::{OsRandom, Random};
use handfast::krb5::exchange::{Acquired, LoggedIn};
use handfast::krb5::message::TicketFlags;
use handfast::krb5::{Ccache, HeldTicket};
use handfast::{Credential, Principal, Time};

/// A ticket that ends so soon is not used any more.
const MARGIN: Duration = Duration::from_secs(10);
/// The pause after the first failure; it doubles with each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Tickets, and when the next one is due.
pub(crate) struct Held {
    tickets: Arc<Ccache>,
    credential: Credential,
    /// From when on the ticket-granting ticket is to be replaced, by our clock.
    due: Time,
    pause: Duration,
    /// Services whose tickets are of another realm than was asked for: what was asked for, and what the KDCs made of it.
    referred: HashMap<Principal, Principal>,
}

/// A new ticket-granting ticket.
pub(crate) enum Got {
    Renewed(HeldTicket),
    LoggedIn(LoggedIn),
}

/// What there is.
pub(crate) enum Look {
    /// It is good, and nothing is to be done.
    Fresh(Credential),
    /// It is good, and the next one is due.
    Stale(Credential),
    /// Nothing that is good.
    Nothing,
}

impl Held {
    pub(super) fn new(client: Principal) -> Self {
        let tickets = Arc::new(Ccache::new(client));
        let credential = Credential::tickets(&tickets);
        Held { tickets, credential, due: Time::EPOCH, pause: FIRST_PAUSE, referred: HashMap::new() }
    }

    pub(super) fn tickets(&self) -> Arc<Ccache> {
        Arc::clone(&self.tickets)
    }

    pub(super) fn look(&self, now: Time) -> Look {
        match self.tgt(now) {
            None => Look::Nothing,
            Some(_) if now < self.due => Look::Fresh(self.credential.clone()),
            Some(_) => Look::Stale(self.credential.clone()),
        }
    }

    pub(super) fn tgt(&self, now: Time) -> Option<HeldTicket> {
        let kdc_time = self.tickets.kdc_time(now.saturating_add(MARGIN));
        self.tickets.tgt(self.tickets.start_realm(), kdc_time).cloned()
    }

    pub(super) fn ticket_for(&self, service: &Principal, now: Time) -> Option<HeldTicket> {
        let service = self.referred.get(service).unwrap_or(service);
        self.tickets.ticket_for(service, self.tickets.kdc_time(now.saturating_add(MARGIN))).cloned()
    }

    /// The ticket-granting ticket, if it can be renewed to last longer than it does.
    pub(super) fn renewable(&self, now: Time) -> Option<HeldTicket> {
        let lasts = |tgt: &HeldTicket| tgt.renew_till.is_some_and(|till| till > tgt.end_time);
        self.tgt(now).filter(|tgt| tgt.flags.contains(TicketFlags::RENEWABLE) && lasts(tgt))
    }

    /// Holds a new ticket-granting ticket.
    pub(super) fn begin(&mut self, got: Got, now: Time) -> Credential {
        self.pause = FIRST_PAUSE;
        self.change(now, |tickets| {
            let tgt = match got {
                Got::Renewed(tgt) => tgt,
                Got::LoggedIn(LoggedIn { ticket, learned }) => {
                    tickets.principal = ticket.client.clone();
                    tickets.remember(&ticket.server, &learned);
                    ticket
                }
            };
            let own = Principal::krbtgt(tgt.client.realm(), tgt.client.realm());
            tickets.remove(|held| held.server == own);
            tickets.replace(tgt);
        });
        let life = self.tgt(now).map_or(Duration::ZERO, |tgt| tgt.remaining(self.tickets.kdc_time(now)));
        self.due = due(life, now);
        self.credential.clone()
    }

    pub(super) fn add(&mut self, acquired: &[HeldTicket], now: Time) {
        self.change(now, |tickets| acquired.iter().cloned().for_each(|ticket| tickets.replace(ticket)));
    }

    /// Holds the ticket that was asked for, and those of the way to it.
    pub(crate) fn add_for(&mut self, service: &Principal, acquired: Acquired, now: Time) -> HeldTicket {
        let Acquired { ticket, ticket_granting } = acquired;
        if ticket.server != *service {
            self.referred.insert(service.clone(), ticket.server.clone());
        }
        self.add(&ticket_granting, now);
        self.add(std::slice::from_ref(&ticket), now);
        ticket
    }

    /// What is held stays; the next one is due after a pause.
    pub(super) fn failed(&mut self, now: Time) {
        self.due = now.saturating_add(scaled(self.pause, 75, 125));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn change(&mut self, now: Time, change: impl FnOnce(&mut Ccache)) {
        let tickets = Arc::make_mut(&mut self.tickets);
        let kdc_time = tickets.kdc_time(now);
        tickets.remove(|held| held.end_time <= kdc_time);
        change(tickets);
        self.referred.retain(|_, server| tickets.tickets().any(|ticket| ticket.server == *server));
        self.credential = Credential::tickets(tickets);
    }
}

fn due(life: Duration, now: Time) -> Time {
    now.saturating_add(scaled(life, 60, 80))
}

/// Between `least` and `most` hundredths of it, at random: those who began together don't all ask again together.
fn scaled(duration: Duration, least: u32, most: u32) -> Duration {
    let mut random = [0; 4];
    // Without randomness it is the middle: nothing is secret here.
    let share = OsRandom.fill(&mut random).map_or(u32::MAX / 2, |()| u32::from_le_bytes(random));
    let spread = (most - least) * (share >> 16) / 0xffff;
    duration / 100 * (least + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_ticket_is_due_at_a_random_time_between_60_and_80_hundredths() {
        let (now, life) = (Time::from_unix_seconds(1_000_000), Duration::from_secs(10_000));
        let after: Vec<Duration> = (0..200).map(|_| due(life, now).saturating_since(now)).collect();
        let (least, most) = (after.iter().min().unwrap(), after.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(6000) && *most <= Duration::from_secs(8000), "{least:?} {most:?}");
        assert!(*least < Duration::from_secs(6500) && *most > Duration::from_secs(7500), "{least:?} {most:?}");
    }

    #[test]
    fn pauses_after_failures_grow_to_five_minutes() {
        let mut held = Held::new("alice@R".parse().unwrap());
        let now = Time::from_unix_seconds(1_000_000);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            held.failed(now);
            pauses.push(held.due.saturating_since(now).as_secs());
        }
        assert!((22..=38).contains(&pauses[0]) && (45..=75).contains(&pauses[1]), "{pauses:?}");
        assert!(pauses[5..].iter().all(|pause| (225..=375).contains(pause)), "{pauses:?}");
    }
}
