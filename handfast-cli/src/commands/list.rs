//! `handfast list`: the tickets of a credential cache, or the keys of a keytab.

use crate::failure::{Exit, Failure};
use crate::output::{BAD, FAINT, GOOD, Output, STRONG};
use crate::span;
use handfast::krb5::ccache::{ConfigEntry, KdcOffset};
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{Ticket, TicketFlags};
use handfast::krb5::{Ccache, HeldTicket, KeytabEntry};
use handfast::{Principal, Time};
use handfast_net::Settings;
use handfast_net::store::CredentialCache;
use serde_json::{Value, json};
use std::time::Duration;

/// Show the tickets in the credential cache, or the keys in a keytab
///
/// For each ticket: the service that it opens, from when until when (UTC), what it may be used for, and the
/// enctypes of its session key and of the ticket itself. Expired tickets are marked.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast list                       tickets of the default cache
  handfast list --all                 caches and tickets of everybody that you are (DIR, KEYRING, KCM)
  handfast list --check || handfast login        for scripts: exits 0 if there is a ticket to get others with, else 3
  handfast list --config              and what the login has learned of the KDC: its method, FAST, its clock
  handfast list --keytab              keys of the default keytab
  handfast list --keytab host.keytab --json"
)]
pub(crate) struct Args {
    /// Credential cache, such as FILE:/tmp/cc or KCM:1000 [default: KRB5CCNAME, else the configured one]
    #[arg(long, short = 'c', value_name = "NAME", conflicts_with = "keytab")]
    cache: Option<String>,
    /// Show every cache of the collection: first a table of them, then the tickets of each
    #[arg(long, short = 'A', conflicts_with_all = ["keytab", "check"])]
    all: bool,
    /// Show what the cache remembers beside tickets, too: of the KDC, its clock, and how the login went
    #[arg(long, short = 'C', conflicts_with_all = ["keytab", "check"])]
    config: bool,
    /// Show a keytab instead [default: KRB5_KTNAME, else the configured one]
    #[arg(long, short = 'k', value_name = "FILE", num_args = 0..=1, require_equals = false)]
    keytab: Option<Option<String>>,
    /// Show nothing; exit with 0 if there is a ticket-granting ticket that has not expired, else with 3 and say why
    #[arg(long, short = 's', conflicts_with = "keytab")]
    check: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = Settings::from_process()?;
    if let Some(name) = &args.keytab {
        return list_keytab(&settings, name.as_deref(), output);
    }
    let showing = Showing { settings: &settings, config: args.config };
    if args.all {
        return showing.all(args.cache.as_deref(), output);
    }
    let file = settings.ccache(args.cache.as_deref())?;
    let cache = file.load()?;
    if args.check {
        return check(&cache, &*file, settings.kdc_time(&cache, span::now()));
    }
    output.object(&showing.object(&cache, &*file))?;
    showing.text(&cache, &*file, output)
}

/// How caches are shown.
struct Showing<'a> {
    settings: &'a Settings,
    /// With what they remember beside tickets.
    config: bool,
}

impl Showing<'_> {
    fn now(&self, cache: &Ccache) -> Time {
        self.settings.kdc_time(cache, span::now())
    }

    fn text(&self, cache: &Ccache, file: &dyn CredentialCache, output: &Output) -> Result<(), Failure> {
        output.line(format!("{}   {file}", output.paint(FAINT, "Cache    ")))?;
        output.line(format!("{}   {}", output.paint(FAINT, "Principal"), output.paint(STRONG, &cache.principal)))?;
        if let Some(service) = cache.impersonator() {
            output.line(format!("{}   {service}, for {}", output.paint(FAINT, "Acts     "), cache.principal))?;
        }
        if self.config {
            remembered(cache).iter().try_for_each(|line| output.line(line))?;
        }
        if cache.tickets().next().is_none() {
            return output.line("no tickets: log in with `handfast login`");
        }
        let now = self.now(cache);
        cache.tickets().try_for_each(|ticket| output.line(ticket_text(ticket, &cache.principal, now, output)))
    }

    fn object(&self, cache: &Ccache, file: &dyn CredentialCache) -> Value {
        let now = self.now(cache);
        let tickets: Vec<Value> = cache.tickets().map(|ticket| ticket_object(ticket, now)).collect();
        let mut object = json!({
            "cache": file.to_string(),
            "principal": cache.principal.to_string(),
            "impersonator": cache.impersonator().map(|service| service.to_string()),
            "tickets": tickets,
        });
        if self.config
            && let Value::Object(fields) = &mut object
        {
            fields.insert("kdc_offset_seconds".to_owned(), cache.kdc_offset.map(|offset| offset.seconds).into());
            fields.insert("config".to_owned(), cache.configs().map(config_object).collect());
        }
        object
    }

    /// A cache that can't be read does not hide the others.
    fn all(&self, name: Option<&str>, output: &Output) -> Result<(), Failure> {
        let collection = self.settings.ccaches(name)?;
        let primary = collection.primary()?.name();
        let caches: Vec<_> = collection.caches()?.into_iter().map(|file| (file.load(), file)).collect();
        if caches.is_empty() {
            let failure = Failure::new(Exit::NoCredentials, format!("there is no credential cache at {primary}"));
            return Err(failure.next("log in with `handfast login`"));
        }
        let width = caches.iter().flat_map(|(held, _)| held).map(|held| held.principal.to_string().chars().count());
        let width = width.max().unwrap_or(0).max(9);
        output.line(output.paint(FAINT, format!("  {:<width$}  {:<11}  cache", "principal", "login")))?;
        for (held, file) in &caches {
            let mark = if file.name() == primary { "*" } else { " " };
            let (principal, state) = match held {
                Ok(held) => (held.principal.to_string(), login_state(held, self.now(held))),
                Err(_) => ("?".to_owned(), "unreadable".to_owned()),
            };
            output.line(format!("{mark} {principal:<width$}  {state:<11}  {file}"))?;
        }
        for (held, file) in &caches {
            output.line("")?;
            match held {
                Ok(held) => {
                    let mut object = self.object(held, &**file);
                    if let Value::Object(fields) = &mut object {
                        fields.insert("primary".to_owned(), (file.name() == primary).into());
                    }
                    output.object(&object)?;
                    self.text(held, &**file, output)?;
                }
                Err(error) => {
                    output.object(&json!({ "cache": file.to_string(), "error": error.to_string() }))?;
                    output.line(output.paint(BAD, error))?;
                }
            }
        }
        Ok(())
    }
}

/// What the cache remembers beside tickets, one on a line.
fn remembered(cache: &Ccache) -> Vec<String> {
    let clock = cache.kdc_offset.map(|offset| format!("clock       {}", clock_words(offset)));
    let config = |entry: &ConfigEntry| {
        let about = entry.about.as_ref().map(|about| format!("({})", about.escape_debug())).unwrap_or_default();
        format!("remembered  {}{about} = {}", entry.name.escape_debug(), value_text(&entry.value))
    };
    clock.into_iter().chain(cache.configs().map(config)).collect()
}

fn clock_words(offset: KdcOffset) -> String {
    let direction = if offset.micros() < 0 { "behind" } else { "ahead of" };
    match Duration::from_micros(offset.micros().unsigned_abs()) {
        apart if apart < Duration::from_secs(1) => "the KDC's is the same as this machine's".to_owned(),
        apart => format!("the KDC's is {} {direction} this machine's", span::words(apart)),
    }
}

/// Text as it is, other bytes escaped.
fn value_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => value.escape_ascii().to_string(),
    }
}

fn config_object(entry: &ConfigEntry) -> Value {
    json!({ "name": entry.name, "about": entry.about, "value": value_text(&entry.value) })
}

/// What other tickets are got with: the client's login, or that of the service which acts for it.
fn login(cache: &Ccache, now: Time) -> Option<&HeldTicket> {
    let Some(service) = cache.impersonator() else { return cache.tgt(cache.start_realm(), now) };
    let krbtgt = Principal::krbtgt(service.realm(), service.realm());
    cache.tickets().find(|held| held.client == service && held.server == krbtgt && held.is_valid_at(now))
}

/// How long other tickets can still be got.
fn login_state(cache: &Ccache, now: Time) -> String {
    match login(cache, now) {
        Some(ticket) => span::words(ticket.remaining(now)),
        None if cache.tickets().any(|ticket| ticket.is_valid_at(now)) => "no login".to_owned(),
        None => "expired".to_owned(),
    }
}

fn check(cache: &Ccache, file: &dyn CredentialCache, now: Time) -> Result<(), Failure> {
    match login(cache, now) {
        Some(_) => Ok(()),
        None => {
            let cause = format!("{file} has no ticket-granting ticket of {} that is good now", cache.principal);
            Err(Failure::new(Exit::NoCredentials, cause).next("log in with `handfast login`"))
        }
    }
}

fn ticket_text(ticket: &HeldTicket, client: &Principal, now: Time, output: &Output) -> String {
    let mut text = format!("\n{}", output.paint(STRONG, &ticket.server));
    let mut line = |name: &str, value: String| {
        text.push_str(&format!("\n  {}   {value}", output.paint(FAINT, format!("{name:<9}"))));
    };
    if ticket.client != *client {
        line("client", ticket.client.to_string());
    }
    let left = if !ticket.is_valid_at(now) && ticket.starts() > now {
        output.paint(BAD, "not valid yet")
    } else if ticket.is_valid_at(now) {
        output.paint(GOOD, format!("{} left", span::words(ticket.remaining(now))))
    } else {
        output.paint(BAD, "expired")
    };
    line("valid", format!("{} – {} UTC   {left}", span::moment(ticket.starts()), span::moment(ticket.end_time)));
    if let Some(till) = ticket.renew_till.filter(|_| ticket.flags.contains(TicketFlags::RENEWABLE)) {
        line("renewable", format!("until {} UTC", span::moment(till)));
    }
    if !flag_words(ticket.flags).is_empty() {
        line("flags", flag_words(ticket.flags).join(", "));
    }
    let key = match sealed(ticket) {
        None => "unknown".to_owned(),
        Some((enctype, None)) => enctype.to_string(),
        Some((enctype, Some(kvno))) => format!("{enctype} (key version {kvno})"),
    };
    line("enctypes", format!("session key {}, ticket {key}", ticket.key.enctype()));
    if !ticket.addresses.is_empty() {
        line("from", format!("{} alone", addresses(ticket).join(", ")));
    }
    text
}

/// What programs are told of a ticket; the session key is not of it.
pub(crate) fn ticket_object(ticket: &HeldTicket, now: Time) -> Value {
    json!({
        "client": ticket.client.to_string(),
        "service": ticket.server.to_string(),
        "authenticated": ticket.auth_time.to_string(),
        "starts": ticket.starts().to_string(),
        "ends": ticket.end_time.to_string(),
        "renew_till": ticket.renew_till.map(|till| till.to_string()),
        "seconds_left": ticket.remaining(now).as_secs(),
        "expired": ticket.end_time <= now,
        "flags": flag_words(ticket.flags),
        "session_enctype": ticket.key.enctype().to_string(),
        "ticket_enctype": sealed(ticket).map(|(enctype, _)| enctype.to_string()),
        "kvno": kvno(ticket),
        "addresses": addresses(ticket),
    })
}

/// The enctype and the version of the key that the service's part is encrypted with.
fn sealed(ticket: &HeldTicket) -> Option<(Enctype, Option<u32>)> {
    Ticket::decode(&ticket.ticket).ok().map(|ticket| (ticket.enc_part.etype, ticket.enc_part.kvno))
}

/// The version of the key that the service opens the ticket with.
pub(super) fn kvno(ticket: &HeldTicket) -> Option<u32> {
    sealed(ticket)?.1
}

/// The addresses that a ticket may be used from; none for any.
pub(super) fn addresses(ticket: &HeldTicket) -> Vec<String> {
    ticket.addresses.iter().map(ToString::to_string).collect()
}

/// A ticket's flags, spelled out.
pub(crate) fn flag_words(flags: TicketFlags) -> Vec<&'static str> {
    const WORDS: [(TicketFlags, &str); 15] = [
        (TicketFlags::FORWARDABLE, "forwardable"),
        (TicketFlags::FORWARDED, "forwarded"),
        (TicketFlags::PROXIABLE, "proxiable"),
        (TicketFlags::PROXY, "proxy"),
        (TicketFlags::MAY_POSTDATE, "may-postdate"),
        (TicketFlags::POSTDATED, "postdated"),
        (TicketFlags::INVALID, "invalid"),
        (TicketFlags::RENEWABLE, "renewable"),
        (TicketFlags::INITIAL, "initial"),
        (TicketFlags::PRE_AUTHENT, "pre-authenticated"),
        (TicketFlags::HW_AUTHENT, "hardware-authenticated"),
        (TicketFlags::TRANSITED_POLICY_CHECKED, "transited-policy-checked"),
        (TicketFlags::OK_AS_DELEGATE, "ok-as-delegate"),
        (TicketFlags::ENC_PA_REP, "enc-pa-rep"),
        (TicketFlags::ANONYMOUS, "anonymous"),
    ];
    WORDS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| *word).collect()
}

/// The keys of a keytab; never their bytes.
pub(crate) fn list_keytab(settings: &Settings, name: Option<&str>, output: &Output) -> Result<(), Failure> {
    let file = settings.keytab(name)?;
    let keytab = file.load()?;
    let entries: Vec<Value> = keytab.entries().iter().map(key_object).collect();
    output.object(&json!({
        "keytab": file.to_string(),
        "entries": entries,
        "unreadable": keytab.unreadable().len(),
    }))?;
    output.line(format!("{}   {file}\n", output.paint(FAINT, "Keytab")))?;
    let width =
        keytab.entries().iter().map(|entry| entry.principal.to_string().chars().count()).max().unwrap_or(0).max(9);
    output
        .line(output.paint(FAINT, format!("{:<width$}  {:>5}  {:<26}  added (UTC)", "principal", "kvno", "enctype")))?;
    for KeytabEntry { principal, kvno, key, timestamp } in keytab.entries() {
        let (principal, enctype) = (principal.to_string(), key.enctype().to_string());
        output.line(format!("{principal:<width$}  {kvno:>5}  {enctype:<26}  {}", span::moment(*timestamp)))?;
    }
    match keytab.unreadable().len() {
        0 => Ok(()),
        count => output.line(output.paint(BAD, format!("{count} entries can't be read"))),
    }
}

/// What programs are told of a key; the key itself is not of it.
fn key_object(entry: &KeytabEntry) -> Value {
    json!({
        "principal": entry.principal.to_string(),
        "kvno": entry.kvno,
        "enctype": entry.key.enctype().to_string(),
        "added": entry.timestamp.to_string(),
    })
}
