use crate::asn1::{Asn1, DerReader, DerWriter, der_methods, tag};
use crate::time::Time;
use crate::wire::DecodeError;
use core::fmt;

/// A time in whole seconds, 1970 to 9999 (RFC 4120 5.2.3).
///
/// ```text
/// KerberosTime  ::= GeneralizedTime -- YYYYMMDDHHMMSSZ, no fractional seconds
/// ```
///
/// ```
/// use handfast::{Time, krb5::message::KerberosTime};
/// let time = KerberosTime::from(Time::from_unix_seconds(500_159_187));
/// assert_eq!(time.to_der(), b"\x18\x0f19851106210627Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KerberosTime {
    seconds: u64,
}

/// 9999-12-31T23:59:59Z, the last time that GeneralizedTime can tell.
const LAST_SECOND: u64 = 253_402_300_799;

impl KerberosTime {
    /// 19700101000000Z, which stands for "no limit" or "unknown" in some fields.
    pub const EPOCH: KerberosTime = KerberosTime { seconds: 0 };

    /// The time as the rest of the library uses it.
    pub fn to_time(self) -> Time {
        Time::from_unix_seconds(i64::try_from(self.seconds).unwrap_or(i64::MAX))
    }

    /// The time of two fields that belong together, as `ctime` and `cusec`.
    pub fn with_micros(self, micros: Microseconds) -> Time {
        Time::from_unix_micros(self.to_time().unix_micros().saturating_add(i64::from(micros.0)))
    }
}

/// Microseconds are dropped; what lies before 1970 or after 9999 becomes the nearest time that can be told.
impl From<Time> for KerberosTime {
    fn from(time: Time) -> Self {
        KerberosTime { seconds: u64::try_from(time.unix_seconds()).unwrap_or(0).min(LAST_SECOND) }
    }
}

impl From<KerberosTime> for Time {
    fn from(time: KerberosTime) -> Self {
        time.to_time()
    }
}

impl fmt::Debug for KerberosTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_time(), f)
    }
}

impl fmt::Display for KerberosTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_time(), f)
    }
}

impl<'a> Asn1<'a> for KerberosTime {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.generalized_time().map(|seconds| KerberosTime { seconds })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        let (year, month, day, hour, minute, second) = self.to_time().civil();
        let [thousands_hundreds, tens_ones] = [year / 100, year % 100].map(|part| u8::try_from(part).unwrap_or(0));
        let mut text = [b'Z'; 15];
        let parts = [thousands_hundreds, tens_ones, month, day, hour, minute, second];
        for (digits, part) in text.chunks_exact_mut(2).zip(parts) {
            digits.copy_from_slice(&[b'0' + part / 10 % 10, b'0' + part % 10]);
        }
        writer.primitive(tag::GENERALIZED_TIME, &text);
    }
}
der_methods!(KerberosTime, "KerberosTime");

/// The microseconds beside a [`KerberosTime`] (RFC 4120 5.2.4).
///
/// ```text
/// Microseconds  ::= INTEGER (0..999999)
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Microseconds(u32);

impl Microseconds {
    /// The largest value.
    pub const MAX: Microseconds = Microseconds(999_999);

    /// `micros`, if it is at most 999,999.
    pub const fn new(micros: u32) -> Option<Self> {
        if micros <= Self::MAX.0 { Some(Microseconds(micros)) } else { None }
    }

    /// 0 to 999,999.
    pub const fn value(self) -> u32 {
        self.0
    }
}

/// The part of `time` below a second.
impl From<Time> for Microseconds {
    fn from(time: Time) -> Self {
        Microseconds(time.subsec_micros())
    }
}

impl<'a> Asn1<'a> for Microseconds {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = reader.clone();
        let micros = u32::try_from(reader.integer()?).ok().and_then(Microseconds::new);
        micros.ok_or_else(|| at.invalid("microseconds outside 0..999999"))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        self.0.write(writer);
    }
}
