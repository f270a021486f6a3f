use crate::time::Time;

const SECONDS_TO_1970: i64 = 11_644_473_600;

/// 100 nanoseconds since 1601 (MS-DTYP 2.3.3, FILETIME).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mech::ntlm) struct FileTime(pub(in crate::mech::ntlm) u64);

impl FileTime {
    pub(in crate::mech::ntlm) fn of(time: Time) -> Self {
        let micros = time.unix_micros().saturating_add(SECONDS_TO_1970 * 1_000_000);
        FileTime(u64::try_from(micros).unwrap_or(0).saturating_mul(10))
    }

    /// Whole seconds from `now` to this time.
    pub(in crate::mech::ntlm) fn seconds_from(self, now: Time) -> i64 {
        let seconds = i64::try_from(self.0 / 10_000_000).unwrap_or(i64::MAX);
        seconds.saturating_sub(SECONDS_TO_1970).saturating_sub(now.unix_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_size_are_taken() {
        let now = Time::from_unix_seconds(1_700_000_000);
        assert_eq!(FileTime::of(now), FileTime(133_444_736_000_000_000));
        assert_eq!(FileTime::of(now).seconds_from(now), 0);
        assert_eq!(FileTime::of(now).seconds_from(Time::from_unix_seconds(1_700_000_090)), -90);
        assert_eq!(FileTime(0).seconds_from(Time::EPOCH), -SECONDS_TO_1970);
        assert_eq!(FileTime::of(Time::from_unix_micros(i64::MIN)), FileTime(0));
        assert!(FileTime(u64::MAX).seconds_from(Time::from_unix_micros(i64::MIN)) > 1_000_000_000_000);
        assert!(FileTime(0).seconds_from(Time::from_unix_micros(i64::MAX)) < -1_000_000_000_000);
    }
}
