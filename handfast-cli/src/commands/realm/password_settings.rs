//! What holds for the passwords of a realm, and for who guesses at them.

use super::Book;
use crate::failure::Failure;
use crate::span;
use clap::Args;
use handfast::Principal;
use handfast_kdc::Settings;
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
pub(super) fn rows(settings: &Settings) -> [(&'static str, String); 3] {
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
        ("who sets others'", if admins.is_empty() { "nobody".to_owned() } else { admins.join(", ") }),
        ("failed proofs", guesses),
    ]
}

/// The same as JSON.
pub(super) fn object(settings: &Settings) -> Value {
    json!({
        "min_length": settings.min_password_length,
        "max_age": settings.max_password_age.map(|age| age.as_secs()),
        "admins": names(&settings.password_administrators),
        "max_failures": settings.max_failures,
        "failure_interval": settings.failure_interval.as_secs(),
        "lockout": settings.lockout.as_secs(),
    })
}
