use crate::wire::{DecodeError, EncodeError, Reader};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// A message to or from the password service (RFC 3244 2). Numbers are big-endian.
///
/// ```text
/// u16 message length, this field included | u16 version | u16 length of AP-REQ or AP-REP
/// AP-REQ or AP-REP | KRB-PRIV; KRB-ERROR if there is no AP-REQ or AP-REP
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordMessage<'a> {
    /// [`PasswordMessage::CHANGE`] or [`PasswordMessage::SET`]; all replies have [`PasswordMessage::CHANGE`], as their section says.
    pub version: u16,
    /// An AP-REQ or AP-REP; empty before a KRB-ERROR.
    pub ap: &'a [u8],
    /// A KRB-PRIV, or a KRB-ERROR.
    pub message: &'a [u8],
}

impl<'a> PasswordMessage<'a> {
    /// The original protocol: the user data of a request is the new password, and nothing else.
    pub const CHANGE: u16 = 1;
    /// The protocol of RFC 3244: the user data of a request is a [`ChangePasswdData`](super::ChangePasswdData).
    pub const SET: u16 = 0xff80;

    const WHAT: &'static str = "password message";
    const HEADER: usize = 6;

    /// Reads a whole message. Its version is not judged.
    ///
    /// # Errors
    /// If a length is not that of what came.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(Self::WHAT, bytes);
        let start = reader.clone();
        if usize::from(reader.u16_be()?) != bytes.len() {
            return Err(start.invalid("the message's length is not that of what came"));
        }
        let version = reader.u16_be()?;
        let length = reader.u16_be()?;
        let ap = reader.take(length.into())?;
        Ok(PasswordMessage { version, ap, message: reader.all() })
    }

    /// Writes it.
    ///
    /// # Errors
    /// If it has more than 65 535 bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let whole = Self::HEADER.saturating_add(self.ap.len()).saturating_add(self.message.len());
        let too_long = |_| EncodeError { what: Self::WHAT, item: "its length in bytes", limit: u16::MAX.into() };
        let length = u16::try_from(whole).map_err(too_long)?;
        let ap = u16::try_from(self.ap.len()).map_err(too_long)?;
        let mut out = Vec::with_capacity(whole);
        [length, self.version, ap].iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        out.extend_from_slice(self.ap);
        out.extend_from_slice(self.message);
        Ok(out)
    }
}

/// What a password service says of a request (RFC 3244 2): the user data of its KRB-PRIV, or the e-data of its KRB-ERROR.
///
/// ```text
/// u16 result code | the rest: text in UTF-8, or a password policy
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordResult<'a> {
    /// Whether it was done, or why not.
    pub code: PasswordResultCode,
    /// Something about it for the user; may be empty, may be no text.
    pub text: &'a [u8],
}

impl<'a> PasswordResult<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// If it has no two bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("password result", bytes);
        Ok(PasswordResult { code: PasswordResultCode(reader.u16_be()?), text: reader.all() })
    }

    /// Writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.code.0.to_be_bytes(), self.text].concat()
    }
}

/// The result of a request to the password service (RFC 3244 2). Unknown numbers are representable, and mean failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordResultCode(pub u16);

macro_rules! result_codes {
    ($($name:ident = $number:literal, $explanation:literal;)+) => {
        impl PasswordResultCode {
            $(#[doc = concat!("Code ", $number, ": ", $explanation, ".")]
            pub const $name: PasswordResultCode = PasswordResultCode($number);)+

            /// The name in the RFC, for codes that are known.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(concat!("KRB5_KPASSWD_", stringify!($name))),)+
                    _ => None,
                }
            }

            /// What it means, in a few words, for codes that are known.
            pub const fn explanation(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($explanation),)+
                    _ => None,
                }
            }
        }
    };
}

result_codes! {
    SUCCESS = 0, "done";
    MALFORMED = 1, "the request is malformed";
    HARDERROR = 2, "the server can't do it";
    AUTHERROR = 3, "the request is not proven to be from who it claims";
    SOFTERROR = 4, "the new password is not taken";
    ACCESSDENIED = 5, "who asks may not do it";
    BAD_VERSION = 6, "the server does not speak this version of the protocol";
    INITIAL_FLAG_NEEDED = 7, "it takes a ticket that came from the password itself";
}

impl fmt::Display for PasswordResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.explanation()) {
            (Some(name), Some(explanation)) => write!(f, "{name} ({}): {explanation}", self.0),
            _ => write!(f, "result code {}", self.0),
        }
    }
}

impl fmt::Debug for PasswordResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordResultCode({}, {})", self.0, self.name().unwrap_or("unknown"))
    }
}

/// What Active Directory wants of a new password: it says so where others have a text. No document of Microsoft's describes the form;
/// this is the one that MIT krb5 and Heimdal read. Numbers are big-endian.
///
/// ```text
/// u16 0 | u32 least length | u32 history | u32 properties | u64 age limit | u64 least age     ages in units of 100 ns
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest characters.
    pub min_length: u32,
    /// From how many earlier passwords it must differ.
    pub history: u32,
    /// Bits; of these [`PasswordPolicy::COMPLEX`] matters here.
    pub properties: u32,
    /// How long a password is good; zero for ever.
    pub max_age: Duration,
    /// How old a password must be before it can be changed.
    pub min_age: Duration,
}

impl PasswordPolicy {
    /// Its length in bytes.
    pub const LENGTH: usize = 30;
    /// A bit of [`PasswordPolicy::properties`]: the password needs characters of several kinds, and no part of the user's name.
    pub const COMPLEX: u32 = 1;

    /// Reads it; `None` if it is none.
    pub fn decode(text: &[u8]) -> Option<Self> {
        let mut reader = Reader::new("password policy", text);
        let (0, Self::LENGTH) = (reader.u16_be().ok()?, text.len()) else { return None };
        let (min_length, history, properties) = (reader.u32_be().ok()?, reader.u32_be().ok()?, reader.u32_be().ok()?);
        let max_age = age(reader.u64_be().ok()?);
        Some(PasswordPolicy { min_length, history, properties, max_age, min_age: age(reader.u64_be().ok()?) })
    }
}

fn age(units: u64) -> Duration {
    Duration::from_micros(units / 10)
}

/// One rule after the other, in words.
impl fmt::Display for PasswordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 86_400;
        let days = |age: Duration| age.as_secs().div_ceil(DAY);
        let mut rules = Rules { f, first: true };
        rules.rule(self.min_length > 0, format_args!("at least {} characters", self.min_length))?;
        let complex = self.properties & Self::COMPLEX != 0;
        rules.rule(complex, format_args!("characters of several kinds, and no part of the name"))?;
        rules.rule(self.history > 0, format_args!("none of the last {} passwords", self.history))?;
        rules.rule(!self.min_age.is_zero(), format_args!("no change for {} days after one", days(self.min_age)))?;
        rules.rule(!self.max_age.is_zero(), format_args!("a new one after {} days", days(self.max_age)))?;
        if rules.first { f.write_str("no rules") } else { Ok(()) }
    }
}

struct Rules<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    first: bool,
}

impl Rules<'_, '_> {
    fn rule(&mut self, is_one: bool, rule: fmt::Arguments<'_>) -> fmt::Result {
        if !is_one {
            return Ok(());
        }
        if !core::mem::replace(&mut self.first, false) {
            self.f.write_str("; ")?;
        }
        self.f.write_fmt(rule)
    }
}
