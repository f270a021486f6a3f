//! What holds for the passwords of a realm, and for who guesses at them.

use super::Book;
use crate::failure::{Exit, Failure};
use crate::span;
use clap::{Args, value_parser};
use handfast::Principal;
use handfast_kdc::{PASSWORD_HISTORY_LIMIT, Settings};
use serde_json::{Value, json};
use std::time::Duration;

/// Options of `realm settings`.
#[derive(Args, Debug)]
pub(super) struct PasswordSettings {
    /// The fewest characters of a password that is set over the network (see --kpasswd-listen of `realm serve`)
    #[arg(long, value_name = "COUNT")]
    min_password_length: Option<usize>,
    /// After how long a password has to be changed, such as 90d; or never
    #[arg(long, value_name = "SPAN|never", value_parser = Age::parse)]
    max_password_age: Option<Age>,
    /// How long a password stays at least before its user may change it again, such as 1d; or none
    #[arg(long, value_name = "SPAN|none", value_parser = AtLeast::parse)]
    min_password_age: Option<AtLeast>,
    /// How many passwords a new one must differ from, the current one counted: 1 to 64
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=i64::from(PASSWORD_HISTORY_LIMIT)))]
    password_history: Option<u32>,
    /// Who may set others' passwords over the network; '' for nobody
    #[arg(long, value_name = "PRINCIPALS", value_delimiter = ',')]
    password_admins: Option<Vec<String>>,
    /// After how many failed proofs a client is locked out; 0 for never. Whoever knows a name can then lock it out
    #[arg(long, value_name = "COUNT")]
    max_failures: Option<u32>,
    /// Failed proofs count together if no longer time is between one and the next; or ever
    #[arg(long, value_name = "SPAN|ever", value_parser = Span::parse)]
    failure_interval: Option<Span>,
    /// For how long a client is locked out; or ever, which is until `realm modify --unlock`
    #[arg(long, value_name = "SPAN|ever", value_parser = Span::parse)]
    lockout: Option<Span>,
}

impl PasswordSettings {
    /// The settings with what is named here.
    pub(super) fn change(&self, settings: &mut Settings, book: &Book) -> Result<(), Failure> {
        settings.min_password_length = self.min_password_length.unwrap_or(settings.min_password_length);
        settings.max_password_age = self.max_password_age.map_or(settings.max_password_age, |age| age.0);
        settings.min_password_age = self.min_password_age.map_or(settings.min_password_age, |age| age.0);
        settings.password_history = self.password_history.unwrap_or(settings.password_history);
        if settings.max_password_age.is_some_and(|most| most <= settings.min_password_age) {
            let cause = "passwords would end before their users may change them";
            return Err(
                Failure::new(Exit::Usage, cause).next("make --min-password-age shorter than --max-password-age")
            );
        }
        settings.max_failures = self.max_failures.unwrap_or(settings.max_failures);
        settings.failure_interval = self.failure_interval.map_or(settings.failure_interval, |span| span.0);
        settings.lockout = self.lockout.map_or(settings.lockout, |span| span.0);
        if let Some(names) = &self.password_admins {
            let names = names.iter().filter(|name| !name.is_empty()).map(|name| book.user(name));
            settings.password_administrators = names.collect::<Result<_, _>>()?;
        }
        Ok(())
    }
}

/// A time, or none.
#[derive(Clone, Copy, Debug)]
struct Age(Option<Duration>);

impl Age {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "never" { Ok(Age(None)) } else { span::parse(text).map(|span| Age(Some(span))) }
    }
}

/// A time, or none, which is zero.
#[derive(Clone, Copy, Debug)]
struct AtLeast(Duration);

impl AtLeast {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "none" { Ok(AtLeast(Duration::ZERO)) } else { span::parse(text).map(AtLeast) }
    }
}

/// A time, or for ever, which is zero.
#[derive(Clone, Copy, Debug)]
struct Span(Duration);

impl Span {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "ever" { Ok(Span(Duration::ZERO)) } else { span::parse(text).map(Span) }
    }
}

fn names(principals: &[Principal]) -> Vec<String> {
    principals.iter().map(ToString::to_string).collect()
}

/// What is shown of them.
pub(super) fn rows(settings: &Settings) -> [(&'static str, String); 4] {
    let admins = names(&settings.password_administrators);
    let span = |span: Duration| if span.is_zero() { "ever".to_owned() } else { span::words(span) };
    let age = settings.max_password_age.map_or("for ever".to_owned(), |age| format!("for {}", span::words(age)));
    let guesses = match settings.max_failures {
        0 => "nobody is locked out".to_owned(),
        count => format!(
            "locked out after {count}, at most {} apart, for {}",
            span(settings.failure_interval),
            span(settings.lockout)
        ),
    };
    [
        ("passwords", format!("{} characters at least, good {age}", settings.min_password_length)),
        ("new ones", new_ones(settings)),
        ("who sets others'", if admins.is_empty() { "nobody".to_owned() } else { admins.join(", ") }),
        ("failed proofs", guesses),
    ]
}

/// What a new password must be.
fn new_ones(settings: &Settings) -> String {
    let other = match settings.password_history {
        0 | 1 => "differ from the old one".to_owned(),
        count => format!("differ from the last {count}"),
    };
    match settings.min_password_age {
        Duration::ZERO => other,
        age => format!("{other}, {} after the change before at the earliest", span::words(age)),
    }
}

/// The same as JSON.
pub(super) fn object(settings: &Settings) -> Value {
    json!({
        "min_length": settings.min_password_length,
        "max_age": settings.max_password_age.map(|age| age.as_secs()),
        "min_age": settings.min_password_age.as_secs(),
        "history": settings.password_history,
        "admins": names(&settings.password_administrators),
        "max_failures": settings.max_failures,
        "failure_interval": settings.failure_interval.as_secs(),
        "lockout": settings.lockout.as_secs(),
    })
}
