//! Durations as they are typed and read.

use handfast::Time;
use handfast::krb5::conf::parse_duration;
use std::time::{Duration, SystemTime};

/// The time now.
pub(crate) fn now() -> Time {
    SystemTime::now().into()
}

/// A duration of the command line, at least a second: `90`, `10h`, `1d12h`, `8:30:00`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a time span such as 10h, 7d, 1d12h, 90s or 8:30:00".to_owned())
}

/// In words of at most two units: `9 h 59 min`.
pub(crate) fn words(duration: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let seconds = duration.as_secs();
    let first = UNITS.iter().position(|(_, unit)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let mut words = Vec::new();
    for (name, unit) in UNITS.iter().skip(first).take(2) {
        if rest / unit > 0 || words.is_empty() {
            words.push(format!("{} {name}", rest / unit));
        }
        rest %= unit;
    }
    words.join(" ")
}

/// As tables show it: `2025-11-22 16:10:03` (UTC).
pub(crate) fn moment(time: Time) -> String {
    time.to_string().replace('T', " ").trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3599, "59 min 59 s"),
            (36_000, "10 h"),
            (36_059, "10 h"),
            (86_400 * 3 + 7200 + 60, "3 d 2 h"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), told, "{seconds}");
        }
    }

    #[test]
    fn spans_of_no_length_and_other_words_are_refused() {
        assert_eq!(parse("1d12h"), Ok(Duration::from_secs(129_600)));
        for text in ["", "0", "soon", "-5"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_have_no_letters() {
        assert_eq!(moment(Time::from_unix_seconds(1_700_000_000)), "2023-11-14 22:13:20");
    }
}
