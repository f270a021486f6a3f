use crate::wire::{DecodeError, Reader, Writer};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// The most sub-authorities that a SID has (MS-DTYP 2.4.2).
pub const SUB_AUTHORITY_LIMIT: usize = 15;

/// A security identifier (MS-DTYP 2.4.2): of a domain, a user, a group or a computer.
///
/// ```text
/// Revision (1 byte, 1), SubAuthorityCount (1 byte, at most 15)
/// IdentifierAuthority (6 bytes, most significant first), SubAuthority (4 bytes each, least significant first)
/// ```
///
/// ```
/// use handfast::krb5::pac::{Rid, Sid};
/// let domain: Sid = "S-1-5-21-1004336348-1177238915-682003330".parse()?;
/// let alice = domain.with(Rid(1103));
/// assert_eq!(alice.to_string(), "S-1-5-21-1004336348-1177238915-682003330-1103");
/// assert_eq!(alice.split(), Some((domain, Rid(1103))));
/// # Ok::<(), handfast::krb5::pac::ParseSidError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    authority: [u8; 6],
    count: usize,
    sub_authorities: [u32; SUB_AUTHORITY_LIMIT],
}

/// A relative identifier: the last sub-authority of a SID, inside its domain (MS-DTYP 2.4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rid(pub u32);

impl Rid {
    /// The group of all users of a domain (MS-DTYP 2.4.2.4).
    pub const DOMAIN_USERS: Rid = Rid(513);
}

impl Sid {
    /// The SID of these parts; none for more than [`SUB_AUTHORITY_LIMIT`] sub-authorities or an authority above 48 bits.
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Option<Sid> {
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
        let mut held = [0; SUB_AUTHORITY_LIMIT];
        held.get_mut(..sub_authorities.len())?.copy_from_slice(sub_authorities);
        Some(Sid { authority, count: sub_authorities.len(), sub_authorities: held })
    }

    /// The identifier authority, of 48 bits: 5 for Windows' own.
    pub fn authority(&self) -> u64 {
        let [a, b, c, d, e, f] = self.authority;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The sub-authorities.
    pub fn sub_authorities(&self) -> &[u32] {
        self.sub_authorities.get(..self.count).unwrap_or_default()
    }

    /// The SID of `rid` in this domain. A SID that is full already can't be a domain's, and stays as it is.
    #[must_use]
    pub fn with(mut self, rid: Rid) -> Sid {
        if let Some(free) = self.sub_authorities.get_mut(self.count) {
            *free = rid.0;
            self.count = self.count.saturating_add(1);
        }
        self
    }

    /// Whether [`Sid::with`] has room for one more sub-authority.
    pub fn can_be_domain(&self) -> bool {
        self.count < SUB_AUTHORITY_LIMIT
    }

    /// The domain, and who it is inside of it; none if there are no sub-authorities.
    pub fn split(mut self) -> Option<(Sid, Rid)> {
        let last = self.count.checked_sub(1)?;
        let rid = core::mem::take(self.sub_authorities.get_mut(last)?);
        self.count = last;
        Some((self, Rid(rid)))
    }

    /// Reads a SID from the front: its packet representation (MS-DTYP 2.4.2.2).
    pub fn read(reader: &mut Reader<'_>) -> Result<Sid, DecodeError> {
        let at = reader.clone();
        let (revision, count) = (reader.u8()?, usize::from(reader.u8()?));
        if revision != 1 {
            return Err(at.invalid("a SID of another revision than 1 (MS-DTYP 2.4.2.2)"));
        }
        let authority = reader.array()?;
        let mut sub_authorities = [0; SUB_AUTHORITY_LIMIT];
        let Some(held) = sub_authorities.get_mut(..count) else {
            return Err(at.invalid("a SID of more than 15 sub-authorities (MS-DTYP 2.4.2.2)"));
        };
        for sub_authority in held {
            *sub_authority = reader.u32_le()?;
        }
        Ok(Sid { authority, count, sub_authorities })
    }

    /// Reads a whole SID; bytes behind it are an error.
    ///
    /// # Errors
    /// [`DecodeError`] for another revision than 1, more than 15 sub-authorities, and for more or fewer bytes than those take.
    pub fn decode(bytes: &[u8]) -> Result<Sid, DecodeError> {
        let mut reader = Reader::new("SID", bytes);
        let sid = Sid::read(&mut reader)?;
        reader.finish()?;
        Ok(sid)
    }

    /// Appends its packet representation.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.u8(1).u8(u8::try_from(self.count).unwrap_or(u8::MAX)).bytes(&self.authority);
        for sub_authority in self.sub_authorities() {
            writer.u32_le(*sub_authority);
        }
    }

    /// Its packet representation.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// The string format (MS-DTYP 2.4.2.1); authorities of 2^32 and above in hexadecimal.
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority() {
            authority if authority > u64::from(u32::MAX) => write!(f, "S-1-0x{authority:012x}")?,
            authority => write!(f, "S-1-{authority}")?,
        }
        self.sub_authorities().iter().try_for_each(|sub_authority| write!(f, "-{sub_authority}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({self})")
    }
}

/// The text is no SID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseSidError;

impl fmt::Display for ParseSidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a SID: write S-1-, the authority, and up to 15 numbers, as S-1-5-21-1-2-3-1103")
    }
}

impl core::error::Error for ParseSidError {}

impl FromStr for Sid {
    type Err = ParseSidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-")).ok_or(ParseSidError)?;
        let mut parts = rest.split('-');
        let authority = parts.next().and_then(authority).ok_or(ParseSidError)?;
        let sub_authorities: Option<Vec<u32>> = parts.map(decimal).collect();
        Sid::new(authority, &sub_authorities.ok_or(ParseSidError)?).ok_or(ParseSidError)
    }
}

fn decimal<T: FromStr>(text: &str) -> Option<T> {
    // `parse` would take a sign.
    if text.bytes().all(|octet| octet.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn authority(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|octet| octet.is_ascii_hexdigit()) => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => decimal(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_and_bytes_say_the_same() {
        // Builtin\Administrators, MS-DTYP 2.4.2.4.
        let administrators: Sid = "S-1-5-32-544".parse().unwrap();
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        assert_eq!(administrators.to_bytes(), bytes);
        assert_eq!(Sid::decode(&bytes), Ok(administrators));
        assert_eq!("S-1-0xffffffffffff-7".parse::<Sid>().unwrap().to_string(), "S-1-0xffffffffffff-7");
    }

    #[test]
    fn what_is_no_sid_is_refused() {
        let sixteen = alloc::format!("S-1-5{}", "-1".repeat(16));
        for text in ["", "S-1", "S-1-", "S-2-5-1", "S-1-5--1", "S-1-5-+1", "S-1-5-4294967296", "S-1-0xg", &sixteen] {
            assert_eq!(text.parse::<Sid>(), Err(ParseSidError), "{text}");
        }
        assert!(Sid::decode(&[2, 0, 0, 0, 0, 0, 0, 5]).is_err());
        assert!(Sid::decode(&[[1, 16].as_slice(), &[0; 6], &[0; 64]].concat()).is_err());
        assert!(Sid::decode(&[1, 0, 0, 0, 0, 0, 0, 5, 0]).is_err());
        assert!(Sid::decode(&[1, 1, 0, 0, 0, 0, 0, 5, 0]).is_err());
    }

    #[test]
    fn a_full_sid_has_no_room_for_a_rid() {
        let full = Sid::new(5, &[1; 15]).unwrap();
        assert_eq!((full.can_be_domain(), full.with(Rid(2))), (false, full));
        assert_eq!(Sid::new(5, &[]).unwrap().split(), None);
    }
}
