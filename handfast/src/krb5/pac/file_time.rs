use crate::time::Time;
use core::fmt;

/// Seconds from 1601-01-01 to 1970-01-01.
const EPOCH_DISTANCE: i64 = 11_644_473_600;
const TICKS_PER_SECOND: i64 = 10_000_000;

/// A FILETIME (MS-DTYP 2.3.3): 100-nanosecond intervals since 1601-01-01T00:00:00Z.
///
/// ```
/// use handfast::{Time, krb5::pac::FileTime};
/// let logon = FileTime(127_649_142_090_000_000);
/// assert_eq!(logon.to_time().unwrap().to_string(), "2005-07-04T01:30:09Z");
/// assert_eq!(FileTime::NEVER.to_time(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// What "never" is sent as (MS-PAC 2.5).
    pub const NEVER: FileTime = FileTime(0x7fff_ffff_ffff_ffff);
    /// What "not set" is sent as (MS-PAC 2.5).
    pub const UNSET: FileTime = FileTime(0);

    /// The point in time; none for [`FileTime::NEVER`], [`FileTime::UNSET`] and what no clock shows.
    pub fn to_time(self) -> Option<Time> {
        let ticks = i64::try_from(self.0).ok().filter(|ticks| *ticks != 0 && *ticks != i64::MAX)?;
        let micros = (ticks / 10).checked_sub(EPOCH_DISTANCE.checked_mul(1_000_000)?)?;
        Some(Time::from_unix_micros(micros))
    }

    /// Whole seconds since 1970, as Kerberos counts; rounded down.
    pub(super) fn unix_seconds(self) -> Option<i64> {
        i64::try_from(self.0).ok().map(|ticks| ticks.div_euclid(TICKS_PER_SECOND).saturating_sub(EPOCH_DISTANCE))
    }
}

/// Times before 1601 become [`FileTime::UNSET`].
impl From<Time> for FileTime {
    fn from(time: Time) -> Self {
        let ticks = time.unix_micros().saturating_add(EPOCH_DISTANCE * 1_000_000).saturating_mul(10);
        FileTime(u64::try_from(ticks).unwrap_or(0))
    }
}

impl fmt::Display for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_time() {
            Some(time) => time.fmt(f),
            None if *self == FileTime::UNSET => f.write_str("not set"),
            None => f.write_str("never"),
        }
    }
}

impl fmt::Debug for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileTime({}: {self})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let time = Time::from_unix_micros(1_120_440_609_123_456);
        assert_eq!(FileTime::from(time).to_time(), Some(time));
        assert_eq!(FileTime::from(time).unix_seconds(), Some(1_120_440_609));
        assert_eq!(FileTime::from(Time::from_unix_seconds(-20_000_000_000)), FileTime::UNSET);
        assert_eq!(FileTime(u64::MAX).to_time(), None);
    }
}
