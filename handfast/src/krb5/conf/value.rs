//! Booleans, numbers and durations as krb5.conf writes them.

use super::Section;
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

/// A value that isn't what its relation wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfValueError {
    /// The relation's name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What it should be.
    pub wanted: &'static str,
}

impl fmt::Display for ConfValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "krb5.conf: {} = {}: expected {}", self.name, self.value, self.wanted)
    }
}

impl core::error::Error for ConfValueError {}

/// `y yes true t 1 on` or `n no false nil 0 off`, in any case.
pub fn parse_boolean(text: &str) -> Option<bool> {
    let is = |word: &&str| text.trim().eq_ignore_ascii_case(word);
    if ["y", "yes", "true", "t", "1", "on"].iter().any(is) {
        Some(true)
    } else if ["n", "no", "false", "f", "nil", "0", "off"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// A duration: seconds (`3600`), units (`1d2h3m4s`, `8h 30s`), or `h:m`, `h:m:s` or `d-h:m:s`.
///
/// As MIT krb5 does, units come in this order, each once; it is at most 2^31 - 1 seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = if text.contains(':') { clock(text)? } else { units(text)? };
    u64::try_from(i32::try_from(seconds).ok()?).ok().map(Duration::from_secs)
}

/// `[d-]h:m[:s]`, with two digits at most in minutes and seconds.
fn clock(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (number(days)?, clock),
        None => (0, text),
    };
    let has_days = clock.len() != text.len();
    let mut parts = clock.split(':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = match parts.next() {
        Some(seconds) => number(seconds)?,
        None if has_days => return None,
        None => 0,
    };
    let in_range = parts.next().is_none() && minutes < 60 && seconds < 60 && !(has_days && hours > 23);
    in_range.then(|| sum([days, hours, minutes, seconds]))?
}

/// `[Nd][Nh][Nm][N[s]]`, the last unit being left out for plain seconds only.
fn units(text: &str) -> Option<u64> {
    let mut amounts = [0; 4];
    let mut next_unit = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (amount, behind) = rest.split_at_checked(digits)?;
        let Some(letter) = behind.chars().next() else {
            return if next_unit == 0 { number(amount) } else { None };
        };
        let unit = "dhms".find(letter).filter(|unit| *unit >= next_unit)?;
        *amounts.get_mut(unit)? = number(amount)?;
        next_unit = unit + 1;
        rest = behind.get(letter.len_utf8()..)?.trim_start();
    }
    if next_unit == 0 { None } else { sum(amounts) }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn sum(days_hours_minutes_seconds: [u64; 4]) -> Option<u64> {
    let weighted = days_hours_minutes_seconds.into_iter().zip([86_400, 3600, 60, 1]);
    weighted.map(|(amount, weight)| amount.checked_mul(weight)).try_fold(0_u64, |sum, part| sum.checked_add(part?))
}

/// Looks values up in the first of some sections that has them.
pub(super) struct Lookup<'c> {
    pub(super) sections: [Option<&'c Section>; 2],
}

impl<'c> Lookup<'c> {
    pub(super) fn text(&self, name: &str) -> Option<&'c str> {
        self.sections.iter().flatten().find_map(|section| section.value(name))
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(ToString::to_string)
    }

    pub(super) fn boolean(&self, name: &str, default: bool) -> Result<bool, ConfValueError> {
        Ok(self.parsed(name, "yes or no", parse_boolean)?.unwrap_or(default))
    }

    pub(super) fn duration(&self, name: &str) -> Result<Option<Duration>, ConfValueError> {
        self.parsed(name, "a duration, such as 3600, 10h, 1d12h or 10:00", parse_duration)
    }

    pub(super) fn number<T: core::str::FromStr>(&self, name: &str) -> Result<Option<T>, ConfValueError> {
        self.parsed(name, "a number", |text| text.parse().ok())
    }

    /// The value of `name`, read by `parse`; an error if it can't be.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        wanted: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfValueError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let error = || ConfValueError { name: name.to_string(), value: text.to_string(), wanted };
        parse(text).map(Some).ok_or_else(error)
    }
}
