use super::attributes::read_requestor;
use super::ndr::size;
use super::{AttributesInfo, Claims, ClientInfo, DelegationInfo, DeviceInfo, LogonInfo, PacSignature, Sid, UpnDnsInfo};
use crate::wire::{DecodeError, DecodeReason, Reader};
use alloc::vec::Vec;
use core::fmt;

/// The longest PAC that is looked at, in bytes.
pub const PAC_LIMIT: usize = 64 * 1024;

/// The most buffers that one is read with; MS-PAC 2.4 knows 14 types.
pub const PAC_BUFFER_LIMIT: usize = 64;

/// Buffers begin at multiples of this many bytes (MS-PAC 2.3).
pub(super) const ALIGNMENT: usize = 8;
/// PACTYPE without its buffers, and one PAC_INFO_BUFFER, in bytes.
pub(super) const HEADER_SIZE: usize = 8;
pub(super) const ENTRY_SIZE: usize = 16;

/// A PAC (MS-PAC 2.3), its buffers found and not yet read.
///
/// ```text
/// cBuffers (4 bytes), Version (4 bytes, 0)                              PACTYPE (MS-PAC 2.3)
/// ulType (4 bytes), cbBufferSize (4 bytes), Offset (8 bytes)            PAC_INFO_BUFFER (MS-PAC 2.4), cBuffers times
/// the buffers, each at a multiple of 8 bytes from the start
/// ```
/// All integers have their least significant byte first. There is one buffer of each known type at most: MS-PAC 2.4
/// says to ignore further ones, MIT krb5 refuses them when they are looked for, and so it is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pac<'a> {
    bytes: &'a [u8],
    buffers: Vec<PacBuffer<'a>>,
}

/// One buffer of a [`Pac`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PacBuffer<'a> {
    /// What is in it.
    pub buffer_type: PacBufferType,
    /// Where it begins, in bytes from the start of the PAC.
    pub offset: usize,
    /// What it holds.
    pub data: &'a [u8],
}

impl fmt::Debug for PacBuffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PacBuffer({:?}, {} bytes at {})", self.buffer_type, self.data.len(), self.offset)
    }
}

/// What a buffer holds (MS-PAC 2.4). Unknown numbers are representable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacBufferType(pub u32);

macro_rules! buffer_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl PacBufferType {
            $($(#[$doc])* pub const $name: PacBufferType = PacBufferType($number);)*

            /// A few words for it, if it is known.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

buffer_types! {
    /// [`LogonInfo`]
    LOGON_INFO = 1, "logon info";
    /// Keys for NTLM, encrypted for the client (MS-PAC 2.6); kept as bytes.
    CREDENTIALS = 2, "credentials";
    /// [`PacSignature`] with the service's key.
    SERVER_SIGNATURE = 6, "server signature";
    /// [`PacSignature`] of the server signature, with the KDC's key.
    KDC_SIGNATURE = 7, "KDC signature";
    /// [`ClientInfo`]
    CLIENT_INFO = 10, "client info";
    /// [`DelegationInfo`]
    DELEGATION_INFO = 11, "delegation info";
    /// [`UpnDnsInfo`]
    UPN_DNS_INFO = 12, "UPN and DNS info";
    /// [`Claims`] about the client
    CLIENT_CLAIMS = 13, "client claims";
    /// [`DeviceInfo`]
    DEVICE_INFO = 14, "device info";
    /// [`Claims`] about its device
    DEVICE_CLAIMS = 15, "device claims";
    /// [`PacSignature`] of the ticket around the PAC, with the KDC's key.
    TICKET_SIGNATURE = 16, "ticket signature";
    /// [`AttributesInfo`]
    ATTRIBUTES = 17, "attributes";
    /// The SID of who asked for the ticket.
    REQUESTOR = 18, "requestor";
    /// [`PacSignature`] of the whole PAC, with the KDC's key.
    FULL_SIGNATURE = 19, "full signature";
}

impl fmt::Display for PacBufferType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "buffer type {}", self.0),
        }
    }
}

impl<'a> Pac<'a> {
    /// Finds the buffers. What is in them is looked at later.
    ///
    /// # Errors
    /// [`DecodeError`] for another version than 0, no buffers or more than [`PAC_BUFFER_LIMIT`], more than [`PAC_LIMIT`]
    /// bytes, buffers beyond the end, over each other or not at a multiple of 8 bytes, two of a known type, and
    /// more than padding between or behind them.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("PAC", bytes);
        if bytes.len() > PAC_LIMIT {
            return Err(reader.error(DecodeReason::TooLarge { limit: PAC_LIMIT }));
        }
        let count = size(reader.u32_le()?);
        if count == 0 || count > PAC_BUFFER_LIMIT {
            let none = DecodeReason::Invalid("no buffers");
            return Err(reader.error(if count == 0 {
                none
            } else {
                DecodeReason::TooLarge { limit: PAC_BUFFER_LIMIT }
            }));
        }
        if reader.u32_le()? != 0 {
            return Err(Reader::new("PAC", bytes).invalid("Version is not 0 (MS-PAC 2.3)"));
        }
        let mut entries = reader.sub(count.saturating_mul(ENTRY_SIZE))?;
        let buffers = (0..count).map(|_| PacBuffer::find(&mut entries, bytes)).collect::<Result<Vec<_>, _>>()?;
        check_places(&buffers, entries.offset(), &Reader::new("PAC", bytes))?;
        check_single(&buffers)?;
        Ok(Pac { bytes, buffers })
    }

    /// The whole PAC.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The buffers, in the order of their entries.
    pub fn buffers(&self) -> &[PacBuffer<'a>] {
        &self.buffers
    }

    /// The buffer of that type, if there is one.
    pub fn find(&self, buffer_type: PacBufferType) -> Option<PacBuffer<'a>> {
        self.buffers.iter().find(|buffer| buffer.buffer_type == buffer_type).copied()
    }

    /// Reads the buffer of that type, with positions counted from the start of the PAC.
    fn read<T>(
        &self,
        buffer_type: PacBufferType,
        read: impl FnOnce(Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(buffer) = self.find(buffer_type) else { return Ok(None) };
        let what = buffer_type.name().unwrap_or("PAC buffer");
        let mut reader = Reader::new(what, self.bytes);
        reader.take(buffer.offset)?;
        read(reader.sub(buffer.data.len())?).map(Some)
    }

    /// Who logged on.
    pub fn logon_info(&self) -> Result<Option<LogonInfo>, DecodeError> {
        self.read(PacBufferType::LOGON_INFO, LogonInfo::read)
    }

    /// Whose ticket it is.
    pub fn client_info(&self) -> Result<Option<ClientInfo>, DecodeError> {
        self.read(PacBufferType::CLIENT_INFO, ClientInfo::read)
    }

    /// The client's user principal name.
    pub fn upn_dns_info(&self) -> Result<Option<UpnDnsInfo>, DecodeError> {
        self.read(PacBufferType::UPN_DNS_INFO, UpnDnsInfo::read)
    }

    /// The services that delegated.
    pub fn delegation_info(&self) -> Result<Option<DelegationInfo>, DecodeError> {
        self.read(PacBufferType::DELEGATION_INFO, DelegationInfo::read)
    }

    /// The device that the client logged in from.
    pub fn device_info(&self) -> Result<Option<DeviceInfo>, DecodeError> {
        self.read(PacBufferType::DEVICE_INFO, DeviceInfo::read)
    }

    /// Claims about the client; none where the buffer is empty.
    pub fn client_claims(&self) -> Result<Option<Claims>, DecodeError> {
        self.read(PacBufferType::CLIENT_CLAIMS, Claims::read).map(Option::flatten)
    }

    /// Claims about the device; none where the buffer is empty.
    pub fn device_claims(&self) -> Result<Option<Claims>, DecodeError> {
        self.read(PacBufferType::DEVICE_CLAIMS, Claims::read).map(Option::flatten)
    }

    /// How the PAC came to be.
    pub fn attributes(&self) -> Result<Option<AttributesInfo>, DecodeError> {
        self.read(PacBufferType::ATTRIBUTES, AttributesInfo::read)
    }

    /// The SID of who asked for the ticket.
    pub fn requestor(&self) -> Result<Option<Sid>, DecodeError> {
        self.read(PacBufferType::REQUESTOR, read_requestor)
    }

    /// A signature: of the types 6, 7, 16 and 19.
    pub fn signature(&self, buffer_type: PacBufferType) -> Result<Option<PacSignature<'a>>, DecodeError> {
        self.read(buffer_type, PacSignature::read)
    }
}

impl<'a> PacBuffer<'a> {
    fn find(entries: &mut Reader<'_>, whole: &'a [u8]) -> Result<PacBuffer<'a>, DecodeError> {
        let at = entries.clone();
        let (buffer_type, length, offset) = (entries.u32_le()?, entries.u32_le()?, entries.u64_le()?);
        let outside = || at.invalid("a buffer ends beyond the PAC");
        let offset = usize::try_from(offset).map_err(|_| outside())?;
        if offset % ALIGNMENT != 0 {
            return Err(at.invalid("a buffer begins at no multiple of 8 bytes (MS-PAC 2.3)"));
        }
        let data = whole.get(offset..).and_then(|rest| rest.get(..size(length))).ok_or_else(outside)?;
        Ok(PacBuffer { buffer_type: PacBufferType(buffer_type), offset, data })
    }

    fn end(&self) -> usize {
        self.offset.saturating_add(self.data.len())
    }
}

/// Buffers lie behind the header, do not overlap, and nothing but padding is between them or behind the last.
fn check_places(buffers: &[PacBuffer<'_>], header: usize, whole: &Reader<'_>) -> Result<(), DecodeError> {
    let mut placed: Vec<_> = buffers.iter().collect();
    placed.sort_by_key(|buffer| (buffer.offset, buffer.end()));
    let mut end = header;
    let at = |offset| DecodeError { offset, ..whole.invalid("") };
    for buffer in placed {
        if buffer.offset < end {
            let reason = DecodeReason::Invalid("a buffer overlaps another one, or the header");
            return Err(DecodeError { reason, ..at(buffer.offset) });
        }
        if buffer.offset - end >= ALIGNMENT {
            return Err(DecodeError { reason: DecodeReason::Trailing { count: buffer.offset - end }, ..at(end) });
        }
        end = buffer.end();
    }
    match whole.left().saturating_sub(end) {
        padding if padding < ALIGNMENT => Ok(()),
        count => Err(DecodeError { reason: DecodeReason::Trailing { count }, ..at(end) }),
    }
}

/// Of each known type there is one at most.
fn check_single(buffers: &[PacBuffer<'_>]) -> Result<(), DecodeError> {
    let mut known: Vec<_> = buffers.iter().filter(|buffer| buffer.buffer_type.name().is_some()).collect();
    known.sort_by_key(|buffer| buffer.buffer_type);
    let twice = known.windows(2).find(|pair| matches!(pair, [one, two] if one.buffer_type == two.buffer_type));
    match twice {
        Some([_, second]) => Err(DecodeError {
            what: "PAC",
            offset: second.offset,
            reason: DecodeReason::Invalid("two buffers of one type"),
        }),
        _ => Ok(()),
    }
}
