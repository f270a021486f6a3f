//! Every KDC of a realm, by each transport: does it answer, how fast, and what time is it there?

use super::{Finding, Report};
use crate::failure::{Exit, Failure};
use crate::span;
use handfast::crypto::{OsRandom, Secret};
use handfast::krb5::ccache::KdcOffset;
use handfast::krb5::exchange::{ClientSecret, ExchangeStep, KdcRequest, Login, TicketOptions};
use handfast::krb5::message::KrbError;
use handfast::{NameType, Principal, Time};
use handfast_net::Settings;
use handfast_net::driver::KdcExchange;
use handfast_net::kdc::{KdcAddress, KdcClient, Pace, Transport};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The most KDCs of a realm that are asked.
const KDC_LIMIT: usize = 16;

/// How long each has to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// A difference of clocks that is told, though it is allowed.
const NOTABLE: Duration = Duration::from_secs(30);

/// What the KDCs said.
pub(super) struct Answers {
    any: bool,
    /// Microseconds that a KDC's clock is ahead of ours: of the one that differs most.
    ahead: Option<i64>,
}

impl Answers {
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Whether the clocks agree well enough (RFC 4120 1.6 (7)), and whether the login goes by the KDC's as it is now: it has learned
    /// how far that was ahead then.
    pub(super) fn clock(&self, settings: &Settings, learned: Option<KdcOffset>) -> Vec<Finding> {
        let Some(ahead) = self.ahead else { return Vec::new() };
        let (apart, allowed) = (Duration::from_micros(ahead.unsigned_abs()), settings.libdefaults().clockskew);
        let drifted = learned.map(|offset| Duration::from_micros(ahead.abs_diff(offset.micros())));
        let direction = if ahead > 0 { "behind" } else { "ahead of" };
        let what = format!("this machine's clock is {} {direction} the KDC's", words(apart));
        let next = "let NTP set the clock, on this machine and on the KDC";
        if let Some(drifted) = drifted.filter(|drifted| *drifted > allowed) {
            let cause =
                format!("{what}; a clock was set since the login, which goes by one that is {} off", words(drifted));
            return vec![Finding::wrong(
                "clock",
                Failure::new(Exit::KdcRefused, cause).next("log in with `handfast login`"),
            )];
        }
        vec![match apart {
            apart if apart > allowed && settings.libdefaults().kdc_timesync => {
                let so = if learned.is_some() { "the login goes by the KDC's" } else { "logins go by the KDC's" };
                let cause = format!("{what}; {so} (kdc_timesync), but services on this machine refuse their clients");
                Finding::odd("clock", cause, next)
            }
            apart if apart > allowed => {
                let cause = format!("{what}; {} is allowed", span::words(allowed));
                Finding::wrong("clock", Failure::new(Exit::KdcRefused, cause).next(next))
            }
            apart if apart > NOTABLE => Finding::odd("clock", what, next),
            _ => Finding::good("clock", what),
        }]
    }
}

fn words(time: Duration) -> String {
    if time < Duration::from_secs(1) { format!("{} ms", time.as_millis()) } else { span::words(time) }
}

/// Asks all KDCs of `realm` at once.
pub(super) fn look(settings: &Settings, realm: &str, report: &mut Report<'_>) -> Result<Answers, Failure> {
    let request = probe(realm)?;
    let kdcs = match settings.kdcs().locate(realm) {
        Ok(kdcs) => kdcs,
        Err(unreachable) => {
            report.tell(Finding::wrong("KDC", Failure::from(unreachable)))?;
            return Ok(Answers { any: false, ahead: None });
        }
    };
    let mut answers = directly(&kdcs, realm, &request.bytes, report)?;
    if !answers.any {
        through_proxies(settings, &request, kdcs.is_empty(), &mut answers, report)?;
    }
    Ok(answers)
}

/// Each KDC by itself.
fn directly(kdcs: &[KdcAddress], realm: &str, request: &[u8], report: &mut Report<'_>) -> Result<Answers, Failure> {
    let mut answers = Answers { any: false, ahead: None };
    let asked: Vec<_> = thread::scope(|scope| {
        let ask = |kdc| scope.spawn(move || Asked::all(kdc, realm, request));
        let asked: Vec<_> = kdcs.iter().take(KDC_LIMIT).map(ask).collect();
        asked.into_iter().filter_map(|one| one.join().ok()).collect()
    });
    answers.any = asked.iter().any(Asked::answers);
    answers.ahead = asked.iter().filter_map(Asked::ahead).max_by_key(|ahead| ahead.unsigned_abs());
    for one in asked {
        let finding = one.finding(realm);
        report.tell(if answers.any { finding.at_least_odd() } else { finding })?;
    }
    Ok(answers)
}

/// As a login asks where no KDC answers: KDC proxies, if there are any.
fn through_proxies(
    settings: &Settings,
    request: &KdcRequest,
    none_known: bool,
    answers: &mut Answers,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let (realm, asked, begun) = (&request.realm, span::now(), Instant::now());
    match settings.kdcs().exchange(request) {
        Ok(reply) => {
            (answers.any, answers.ahead) = (true, ahead(&reply, asked));
            let what = format!("a KDC of {realm} answers through a KDC proxy in {} ms", begun.elapsed().as_millis());
            report.tell(Finding::good("KDC", what))
        }
        Err(unreachable) if none_known && unreachable.tried.is_empty() => {
            let cause = format!("no KDC of {realm} is known");
            let next = "name one in krb5.conf under [realms], or publish SRV records _kerberos._udp and _kerberos._tcp";
            report.tell(Finding::wrong("KDC", Failure::new(Exit::KdcUnreachable, cause).next(next)))
        }
        Err(mut unreachable) => {
            // Each KDC has been told of, but no proxy.
            unreachable.tried.retain(|attempt| attempt.kdc.starts_with("https://"));
            let silent = !unreachable.tried.is_empty();
            if silent { report.tell(Finding::wrong("KDC proxy", Failure::from(unreachable))) } else { Ok(()) }
        }
    }
}

/// A request that every KDC answers with an error, which says what time it is there: nobody is called so.
fn probe(realm: &str) -> Result<KdcRequest, Failure> {
    let nobody = Principal::new(NameType::PRINCIPAL, ["handfast-doctor"], realm);
    let secret = ClientSecret::Password(Secret::new(b"nobody's".to_vec()));
    let login = Login::new(nobody, secret, TicketOptions::default(), Arc::new(OsRandom));
    match login.begin(span::now()).map_err(handfast_net::login::TicketError::from)? {
        ExchangeStep::NeedsKdc(_, request) => Ok(request),
        _ => Err(Failure::new(Exit::Other, "a login began without a request")),
    }
}

/// A KDC, and what came of asking it by each transport.
struct Asked {
    kdc: KdcAddress,
    heard: Vec<(Transport, Heard)>,
}

enum Heard {
    Answer { after: Duration, ahead: Option<i64> },
    Nothing(String),
}

impl Asked {
    fn all(kdc: &KdcAddress, realm: &str, request: &[u8]) -> Self {
        let fits = |transport: &Transport| kdc.transport.is_none_or(|only| only == *transport);
        let transports = [Transport::Udp, Transport::Tcp].into_iter().filter(fits);
        let heard = transports.map(|transport| (transport, Heard::by(transport, kdc, realm, request))).collect();
        Asked { kdc: kdc.clone(), heard }
    }

    fn answers(&self) -> bool {
        self.heard.iter().any(|(_, heard)| matches!(heard, Heard::Answer { .. }))
    }

    fn ahead(&self) -> Option<i64> {
        self.heard.iter().find_map(|(_, heard)| match heard {
            Heard::Answer { ahead, .. } => *ahead,
            Heard::Nothing(_) => None,
        })
    }

    fn finding(&self, realm: &str) -> Finding {
        let told: Vec<_> = self.heard.iter().map(|(transport, heard)| heard.told(*transport)).collect();
        let what = format!("{} of {realm} {}", self.kdc, told.join(", "));
        let silent = self.heard.iter().any(|(_, heard)| matches!(heard, Heard::Nothing(_)));
        match (self.answers(), silent) {
            (true, false) => Finding::good("KDC", what),
            (true, true) => {
                let next =
                    "a firewall may be in the way: large answers need TCP, and without UDP each login begins late";
                Finding::odd("KDC", what, next)
            }
            (false, _) => {
                let next = "make sure that it runs, and that port 88 (or the one that is configured) is let through";
                Finding::wrong("KDC", Failure::new(Exit::KdcUnreachable, what).next(next))
            }
        }
    }
}

impl Heard {
    fn by(transport: Transport, kdc: &KdcAddress, realm: &str, request: &[u8]) -> Self {
        let pace = Pace { whole: PATIENCE, connect: PATIENCE, passes: 2, ..Pace::default() };
        let client = KdcClient { udp_preference_limit: usize::MAX, pace };
        let only = KdcAddress { transport: Some(transport), ..kdc.clone() };
        let (asked, begun) = (span::now(), Instant::now());
        match client.exchange(realm, &[only], request, transport == Transport::Tcp) {
            Ok(reply) => Heard::Answer { after: begun.elapsed(), ahead: ahead(&reply.bytes, asked) },
            Err(unreachable) => {
                let why = unreachable.tried.first().map(|attempt| attempt.why.to_string());
                Heard::Nothing(why.unwrap_or_else(|| "was not asked".to_owned()))
            }
        }
    }

    fn told(&self, transport: Transport) -> String {
        match self {
            Heard::Answer { after, .. } => format!("answers by {transport} in {} ms", after.as_millis()),
            Heard::Nothing(why) => format!("by {transport} {why}"),
        }
    }
}

/// How far the clock there is ahead of ours, as the error says it.
fn ahead(reply: &[u8], asked: Time) -> Option<i64> {
    let error = KrbError::decode(reply).ok()?;
    Some(error.stime.with_micros(error.susec).unix_micros() - asked.unix_micros())
}
