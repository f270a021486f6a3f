use crate::directory::PrincipalEntry;
use crate::refusal::Refusal;
use crate::settings::Settings;
use core::time::Duration;
use handfast::Time;
use handfast::krb5::message::{EncTicketPart, ErrorCode, KdcOptions, KdcReqBody, KerberosTime, TicketFlags};

/// A ticket's times (RFC 4120 5.3), in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) authtime: Time,
    pub(crate) starttime: Time,
    pub(crate) endtime: Time,
    pub(crate) renew_till: Option<Time>,
}

impl Times {
    /// Ends the ticket at that time at the latest, and renewal with it.
    pub(crate) fn limit(&mut self, until: Time) {
        self.endtime = self.endtime.min(until);
        self.renew_till = self.renew_till.map(|till| till.min(until));
    }
}

/// How long a ticket may live, as realm and principals have it.
struct Limits {
    life: Duration,
    renewable: Duration,
}

impl Limits {
    fn of(settings: &Settings, principals: &[&PrincipalEntry]) -> Self {
        let least = |realm: Duration, of: fn(&PrincipalEntry) -> Option<Duration>| {
            principals.iter().filter_map(|entry| of(entry)).fold(realm, Duration::min)
        };
        Limits {
            life: least(settings.max_life, |entry| entry.max_life),
            renewable: least(settings.max_renewable_life, |entry| entry.max_renewable_life),
        }
    }
}

/// A time asked for; 1970 stands for "as long as possible" (RFC 4120 5.4.1).
fn wished(time: Option<KerberosTime>) -> Time {
    let limitless = Time::from_unix_micros(i64::MAX);
    time.filter(|time| *time != KerberosTime::EPOCH).map_or(limitless, Time::from)
}

/// When a ticket begins (RFC 4120 3.1.3, 3.3.3): now, or, if it is to be postdated and that is allowed, when that was asked for.
pub(crate) fn starttime(body: &KdcReqBody<'_>, settings: &Settings, now: Time) -> Result<Time, Refusal> {
    let refused = |reason| Err(Refusal::new(ErrorCode::KDC_ERR_CANNOT_POSTDATE, reason));
    let asked = body.kdc_options.intersects(KdcOptions::POSTDATED | KdcOptions::ALLOW_POSTDATE);
    if asked && !settings.postdated {
        return refused("a postdated ticket or one to postdate from was asked for");
    }
    match body.from.map(Time::from).filter(|from| *from > now.saturating_add(settings.clock_skew)) {
        None => Ok(now.whole_seconds()),
        Some(_) if !body.kdc_options.contains(KdcOptions::POSTDATED) => refused("the start asked for is in the future"),
        Some(from) if from > now.saturating_add(settings.max_renewable_life) => refused("the start is too far away"),
        Some(from) => Ok(from),
    }
}

/// The flags of a ticket that begins later, and has to be validated then.
pub(crate) fn later(times: &Times, settings: &Settings, now: Time) -> TicketFlags {
    match times.starttime > now.saturating_add(settings.clock_skew) {
        true => TicketFlags::POSTDATED | TicketFlags::INVALID,
        false => TicketFlags::NONE,
    }
}

/// The times of a validated ticket: its own, once it has begun (RFC 4120 3.3.3).
pub(crate) fn validated(from: &EncTicketPart<'_>) -> Result<Times, Refusal> {
    let authtime = from.authtime.to_time();
    let starttime = from.starttime.map_or(authtime, Time::from);
    let renew_till = from.renew_till.map(Time::from);
    ends_after_start(Times { authtime, starttime, endtime: from.endtime.into(), renew_till })
}

/// The times of an initial ticket (RFC 4120 3.1.3).
pub(crate) fn initial(
    body: &KdcReqBody<'_>,
    settings: &Settings,
    client: &PrincipalEntry,
    service: &PrincipalEntry,
    now: Time,
) -> Result<Times, Refusal> {
    let limits = Limits::of(settings, &[client, service]);
    let starttime = starttime(body, settings, now)?;
    let endtime = wished(Some(body.till)).min(starttime.saturating_add(limits.life)).whole_seconds();
    let renew_till = renewable(body, starttime, endtime, &limits).map(Time::whole_seconds);
    ends_after_start(Times { authtime: now.whole_seconds(), starttime, endtime, renew_till })
}

/// The times of a ticket from a ticket (RFC 4120 3.3.3).
pub(crate) fn further(
    body: &KdcReqBody<'_>,
    settings: &Settings,
    from: &EncTicketPart<'_>,
    service: &PrincipalEntry,
    now: Time,
) -> Result<Times, Refusal> {
    let limits = Limits::of(settings, &[service]);
    let starttime = starttime(body, settings, now)?;
    let most = from.endtime.to_time().min(starttime.saturating_add(limits.life));
    let endtime = wished(Some(body.till)).min(most).whole_seconds();
    let bound = from.renew_till.map(Time::from);
    let renew_till = bound.and_then(|bound| renewable(body, starttime, endtime, &limits).map(|till| till.min(bound)));
    let renew_till = renew_till.map(Time::whole_seconds).filter(|till| *till > endtime);
    ends_after_start(Times { authtime: from.authtime.into(), starttime, endtime, renew_till })
}

/// The times of a renewed ticket: its old life from now on, until `renew-till` at most (RFC 4120 3.3.3).
pub(crate) fn renewed(from: &EncTicketPart<'_>, renew_till: Time, now: Time) -> Result<Times, Refusal> {
    let authtime = from.authtime.to_time();
    let starttime = now.whole_seconds();
    let life = from.endtime.to_time().saturating_since(from.starttime.map_or(authtime, Time::from));
    let endtime = starttime.saturating_add(life).min(renew_till);
    ends_after_start(Times { authtime, starttime, endtime, renew_till: Some(renew_till) })
}

/// Until when the ticket can be renewed, if that was asked for, allowed, and longer than its life.
fn renewable(body: &KdcReqBody<'_>, starttime: Time, endtime: Time, limits: &Limits) -> Option<Time> {
    let wish = if body.kdc_options.contains(KdcOptions::RENEWABLE) {
        wished(body.rtime)
    } else if body.kdc_options.contains(KdcOptions::RENEWABLE_OK) {
        wished(Some(body.till))
    } else {
        return None;
    };
    Some(wish.min(starttime.saturating_add(limits.renewable))).filter(|till| *till > endtime)
}

fn ends_after_start(times: Times) -> Result<Times, Refusal> {
    if times.endtime > times.starttime {
        return Ok(times);
    }
    Err(Refusal::new(ErrorCode::KDC_ERR_NEVER_VALID, "the ticket would end before it starts"))
}
