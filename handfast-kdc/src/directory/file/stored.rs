//! How single values stand in the file's records.

use super::record::{Input, Output};
use crate::directory::LongTermKey;
use crate::pac::{Domain, DomainAccount};
use handfast::krb5::Capaths;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::{PaDataType, SpakeGroup};
use handfast::krb5::pac::{Rid, Sid};
use handfast::wire::{DecodeError, EncodeError};
use handfast::{NameType, Principal, Time};
use std::string::String;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

/// A value that a field can hold. It takes at least one octet.
pub(super) trait Stored: Sized {
    /// Appends it.
    fn write(&self, out: &mut Output) -> Result<(), EncodeError>;

    /// Reads it from the front.
    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError>;
}

/// Types that are written as one number: the type, writer and reader of the number, and how one becomes the other.
macro_rules! stored_as_number {
    ($($of:ty, $write:ident, $read:ident, |$value:ident| $to:expr, |$number:ident| $from:expr;)*) => {$(
        impl Stored for $of {
            fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
                let $value = self;
                out.writer().$write($to);
                Ok(())
            }

            fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
                input.0.$read().map(|$number| $from)
            }
        }
    )*};
}

stored_as_number! {
    u32, u32_be, u32_be, |value| *value, |number| number;
    usize, u64_be, u64_be, |value| u64::try_from(*value).unwrap_or(u64::MAX), |number| usize::try_from(number).unwrap_or(usize::MAX);
    Duration, u64_be, u64_be, |value| value.as_secs(), |number| Duration::from_secs(number);
    Enctype, i32_be, i32_be, |value| value.0, |number| Enctype(number);
    PaDataType, i32_be, i32_be, |value| value.0, |number| PaDataType(number);
    NameType, i32_be, i32_be, |value| value.0, |number| NameType(number);
    SpakeGroup, i32_be, i32_be, |value| value.0, |number| SpakeGroup(number);
    Rid, u32_be, u32_be, |value| value.0, |number| Rid(number);
}

impl Stored for bool {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        out.writer().u8(u8::from(*self));
        Ok(())
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.0.clone();
        match input.0.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(at.invalid("yes is 1 and no is 0")),
        }
    }
}

impl Stored for String {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        out.octets(self.as_bytes())
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.0.clone();
        let text = std::str::from_utf8(input.octets()?).map_err(|_| at.invalid("a string that is not UTF-8"))?;
        Ok(text.into())
    }
}

/// In microseconds since 1970.
impl Stored for Time {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        out.writer().bytes(&self.unix_micros().to_be_bytes());
        Ok(())
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.0.array().map(|octets| Time::from_unix_micros(i64::from_be_bytes(octets)))
    }
}

impl<T: Stored> Stored for Option<T> {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        self.is_some().write(out)?;
        self.as_ref().map_or(Ok(()), |value| value.write(out))
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        bool::read(input)?.then(|| T::read(input)).transpose()
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        out.list(self)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.list()
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        self.0.write(out)?;
        self.1.write(out)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok((A::read(input)?, B::read(input)?))
    }
}

impl Stored for Principal {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        self.name_type().write(out)?;
        out.octets(self.realm().as_bytes())?;
        out.count("a name", self.components().len())?;
        self.components().iter().try_for_each(|component| out.octets(component.as_bytes()))
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let (name_type, realm) = (NameType::read(input)?, String::read(input)?);
        Ok(Principal::new(name_type, input.list::<String>()?, realm))
    }
}

/// In clear, and where it came from.
impl Stored for Arc<LongTermKey> {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        self.kvno().write(out)?;
        self.enctype().write(out)?;
        out.octets(self.key().bytes())?;
        self.salt().map(String::from).write(out)?;
        self.iterations().write(out)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.0.clone();
        let (kvno, enctype) = (u32::read(input)?, Enctype::read(input)?);
        let key = EncryptionKey::unchecked(enctype, input.octets()?);
        let key = LongTermKey::new(kvno, key).map_err(|_| at.invalid("a key that can't be computed with"))?;
        let (salt, iterations) = (Option::<String>::read(input)?, Option::read(input)?);
        Ok(Arc::new(match salt {
            Some(salt) => key.derived_with(salt, iterations),
            None => key,
        }))
    }
}

impl Stored for DomainAccount {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        self.rid.write(out)?;
        self.groups.write(out)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(DomainAccount { rid: Rid::read(input)?, groups: Vec::read(input)? })
    }
}

impl Stored for Domain {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        self.sid.write(out)?;
        self.netbios_name.write(out)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(Domain { sid: Stored::read(input)?, netbios_name: String::read(input)? })
    }
}

impl Stored for Sid {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        out.octets(&self.to_bytes())
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.0.clone();
        Sid::decode(input.octets()?).map_err(|_| at.invalid("the domain has no SID"))
    }
}

/// Each way: from, to, through.
impl Stored for Capaths {
    fn write(&self, out: &mut Output) -> Result<(), EncodeError> {
        let ways = self.iter().map(|(client, server, through)| {
            ((String::from(client), String::from(server)), through.iter().map(|realm| String::from(&**realm)).collect())
        });
        ways.collect::<Vec<((String, String), Vec<String>)>>().write(out)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let ways = Vec::<((String, String), Vec<String>)>::read(input)?;
        let add = |all: Capaths, ((client, server), through)| all.with::<String>(client, server, through);
        Ok(ways.into_iter().fold(Capaths::default(), add))
    }
}
