use core::fmt;
use core::time::Duration;

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
///
/// The core never asks for the time: every call that needs it takes a `Time`. Kerberos carries
/// whole seconds (`KerberosTime`) and a `Microseconds` field beside them (RFC 4120 5.2.3, 5.2.4).
///
/// ```
/// use handfast::Time;
/// let now = Time::from_unix_seconds(1_700_000_000);
/// assert_eq!(now.to_string(), "2023-11-14T22:13:20Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time {
    micros: i64,
}

impl Time {
    /// The epoch, which Kerberos uses for "no time" in some fields.
    pub const EPOCH: Time = Time { micros: 0 };

    /// Whole seconds since the epoch; saturates about 292,000 years away from it.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Time { micros: seconds.saturating_mul(1_000_000) }
    }

    /// Microseconds since the epoch.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Time { micros }
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.micros.div_euclid(1_000_000)
    }

    /// Microseconds since the epoch.
    pub const fn unix_micros(self) -> i64 {
        self.micros
    }

    /// The `Microseconds` part beside [`Time::unix_seconds`]: 0 to 999,999.
    pub const fn subsec_micros(self) -> u32 {
        // In range by construction: the remainder of a division by 1,000,000 is not negative.
        #[allow(clippy::as_conversions)]
        {
            self.micros.rem_euclid(1_000_000) as u32
        }
    }

    /// This time without its microseconds, as a `KerberosTime` would carry it.
    pub const fn whole_seconds(self) -> Self {
        Time::from_unix_seconds(self.unix_seconds())
    }

    /// The distance to `other`, whichever is later.
    pub const fn abs_diff(self, other: Time) -> Duration {
        Duration::from_micros(self.micros.abs_diff(other.micros))
    }

    /// How long from `earlier` to `self`; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Time) -> Duration {
        if self.micros > earlier.micros { self.abs_diff(earlier) } else { Duration::ZERO }
    }

    /// Seconds from `earlier` to `self`, negative if `earlier` is later.
    pub const fn seconds_since(self, earlier: Time) -> i64 {
        self.micros.saturating_sub(earlier.micros) / 1_000_000
    }

    /// `duration` later; saturates.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Time { micros: self.micros.saturating_add(micros) }
    }

    /// `duration` earlier; saturates.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Time { micros: self.micros.saturating_sub(micros) }
    }

    /// Year, month (1–12), day (1–31), hour, minute and second in UTC.
    pub fn civil(self) -> (i64, u8, u8, u8, u8, u8) {
        let seconds = self.unix_seconds();
        let (days, in_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let small = |n: i64| u8::try_from(n).unwrap_or(0);
        (year, small(month), small(day), small(in_day / 3600), small(in_day / 60 % 60), small(in_day % 60))
    }
}

/// Days since the epoch to a Gregorian date, by eras of 400 years that start on 1 March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}+{:06}us", self.subsec_micros())
    }
}

#[cfg(feature = "std")]
impl From<std::time::SystemTime> for Time {
    fn from(time: std::time::SystemTime) -> Self {
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Time::EPOCH.saturating_add(after),
            Err(before) => Time::EPOCH.saturating_sub(before.duration()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn civil_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Time::from_unix_seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn microseconds_stay_positive_before_the_epoch() {
        let time = Time::from_unix_micros(-1);
        assert_eq!((time.unix_seconds(), time.subsec_micros()), (-1, 999_999));
    }
}
