use super::{Sid, utf16};
use crate::wire::{DecodeError, DecodeReason, EncodeError, Reader, Writer};
use alloc::string::String;
use alloc::vec::Vec;

/// The client's user principal name and the DNS name of its domain: UPN_DNS_INFO (MS-PAC 2.10).
///
/// ```text
/// UpnLength, UpnOffset, DnsDomainNameLength, DnsDomainNameOffset (2 bytes each), Flags (4 bytes)
/// SamNameLength, SamNameOffset, SidLength, SidOffset (2 bytes each)      with flag S (0x2) alone
/// the strings in UTF-16 and the SID, at their offsets from the start
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpnDnsInfo {
    /// The user principal name, `alice@example.com`.
    pub upn: String,
    /// The domain's DNS name.
    pub dns_domain_name: String,
    /// The account has no user principal name of its own: this one was made of its name and domain (flag U).
    pub constructed: bool,
    /// The account's name and SID, which newer DCs add (flag S).
    pub sam_name_and_sid: Option<(String, Sid)>,
}

const CONSTRUCTED: u32 = 0x1;
const HAS_SAM_NAME_AND_SID: u32 = 0x2;
/// Where strings begin, in bytes: as a multiple of this.
const ALIGNMENT: usize = 8;

impl UpnDnsInfo {
    /// Reads a whole buffer. Flags that are not known are ignored, as are bytes that no offset leads to.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        UpnDnsInfo::read(Reader::new("PAC UPN and DNS info", bytes))
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let whole = reader.clone();
        let (upn, dns_domain_name) = (Place::read(&mut reader)?, Place::read(&mut reader)?);
        let flags = reader.u32_le()?;
        let mut extended = None;
        if flags & HAS_SAM_NAME_AND_SID != 0 {
            extended = Some((Place::read(&mut reader)?, Place::read(&mut reader)?));
        }
        let header = whole.left().saturating_sub(reader.left());
        let sam_name_and_sid = extended.map(|(name, sid)| Ok((name.text(&whole, header)?, sid.sid(&whole, header)?)));
        Ok(UpnDnsInfo {
            upn: upn.text(&whole, header)?,
            dns_domain_name: dns_domain_name.text(&whole, header)?,
            constructed: flags & CONSTRUCTED != 0,
            sam_name_and_sid: sam_name_and_sid.transpose()?,
        })
    }

    /// The bytes of the buffer.
    ///
    /// # Errors
    /// [`EncodeError`] if it would be longer than its 16-bit offsets reach.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let mut parts = Vec::from([utf16::bytes(&self.upn), utf16::bytes(&self.dns_domain_name)]);
        let mut flags = if self.constructed { CONSTRUCTED } else { 0 };
        if let Some((name, sid)) = &self.sam_name_and_sid {
            flags |= HAS_SAM_NAME_AND_SID;
            parts.extend([utf16::bytes(name), sid.to_bytes()]);
        }
        let mut end = parts.len().saturating_mul(4).saturating_add(4);
        let mut header = Vec::new();
        let mut body = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let offset = end.next_multiple_of(ALIGNMENT);
            body.resize(body.len().saturating_add(offset.saturating_sub(end)), 0);
            body.extend_from_slice(part);
            end = offset.saturating_add(part.len());
            Writer::new(&mut header).u16_le(fitting(part.len())?).u16_le(fitting(offset)?);
            if index == 1 {
                Writer::new(&mut header).u32_le(flags);
            }
        }
        header.extend_from_slice(&body);
        Ok(header)
    }
}

fn fitting(size: usize) -> Result<u16, EncodeError> {
    let limit = usize::from(u16::MAX);
    u16::try_from(size).map_err(|_| EncodeError { what: "PAC UPN and DNS info", item: "a name", limit })
}

/// Where a part is: bytes, from the start of the buffer.
struct Place {
    length: usize,
    offset: usize,
}

impl Place {
    fn read(reader: &mut Reader<'_>) -> Result<Place, DecodeError> {
        Ok(Place { length: usize::from(reader.u16_le()?), offset: usize::from(reader.u16_le()?) })
    }

    /// The part's bytes, which must lie behind the `header` bytes of the structure. An empty one is nowhere.
    fn part<'a>(&self, whole: &Reader<'a>, header: usize) -> Result<Reader<'a>, DecodeError> {
        let mut reader = whole.clone();
        if self.length == 0 {
            return reader.sub(0);
        }
        if self.offset < header {
            return Err(whole.invalid("a part overlaps the structure"));
        }
        reader.take(self.offset)?;
        reader.sub(self.length)
    }

    fn text(&self, whole: &Reader<'_>, header: usize) -> Result<String, DecodeError> {
        let mut part = self.part(whole, header)?;
        let at = part.clone();
        utf16::text(part.all()).ok_or_else(|| at.invalid("a name is not UTF-16"))
    }

    fn sid(&self, whole: &Reader<'_>, header: usize) -> Result<Sid, DecodeError> {
        let mut part = self.part(whole, header)?;
        let sid = Sid::read(&mut part)?;
        match part.left() {
            0 => Ok(sid),
            count => Err(part.error(DecodeReason::Trailing { count })),
        }
    }
}
