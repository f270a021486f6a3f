//! What keytab and ccache files have in common: numbers in one of two orders, names, counted bytes.

use crate::name::{NameType, Principal};
use crate::time::Time;
use crate::wire::{DecodeError, DecodeReason, Reader};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The most components of a name that a file is read with. Real names have one to four.
pub(super) const COMPONENT_LIMIT: usize = 64;

/// The order of a number's bytes. Old file versions use that of the machine that wrote them; today
/// that is least significant first nearly everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Big,
    Little,
}

impl ByteOrder {
    pub(super) fn u16(self, reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
        match self {
            ByteOrder::Big => reader.u16_be(),
            ByteOrder::Little => reader.u16_le(),
        }
    }

    pub(super) fn u32(self, reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
        match self {
            ByteOrder::Big => reader.u32_be(),
            ByteOrder::Little => reader.u32_le(),
        }
    }

    pub(super) fn i32(self, reader: &mut Reader<'_>) -> Result<i32, DecodeError> {
        match self {
            ByteOrder::Big => reader.i32_be(),
            ByteOrder::Little => reader.i32_le(),
        }
    }

    /// A type number of 16 bits. Numbers for local use are negative (RFC 3961 8).
    pub(super) fn number(self, reader: &mut Reader<'_>) -> Result<i32, DecodeError> {
        self.u16(reader).map(|number| i32::from(i16::from_be_bytes(number.to_be_bytes())))
    }

    /// Seconds since the epoch, unsigned: good until 2106.
    pub(super) fn time(self, reader: &mut Reader<'_>) -> Result<Time, DecodeError> {
        self.u32(reader).map(|seconds| Time::from_unix_seconds(seconds.into()))
    }
}

/// Puts a name together from what `read` returns for the realm and for each of `count` components.
pub(super) fn read_name<'a>(
    reader: &mut Reader<'a>,
    count: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<&'a [u8], DecodeError>,
) -> Result<Principal, DecodeError> {
    if count > COMPONENT_LIMIT {
        return Err(reader.error(DecodeReason::TooLarge { limit: COMPONENT_LIMIT }));
    }
    let mut text = || {
        let bytes = read(reader)?;
        core::str::from_utf8(bytes)
            .map(ToString::to_string)
            .map_err(|_| reader.invalid("a name that is not UTF-8 ends here"))
    };
    let realm = text()?;
    let components = (0..count).map(|_| text()).collect::<Result<Vec<String>, _>>()?;
    Ok(Principal::new(NameType::UNKNOWN, components, realm))
}

/// A time as the files hold it; what is outside 1970 to 2106 becomes the nearer end.
pub(super) fn file_seconds(time: Time) -> u32 {
    u32::try_from(time.unix_seconds().max(0)).unwrap_or(u32::MAX)
}
