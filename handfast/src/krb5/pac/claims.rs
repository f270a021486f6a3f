use super::ndr::{NdrReader, Pointer};
use crate::wire::{DecodeError, Reader};
use alloc::string::String;
use alloc::vec::Vec;

/// The largest set of claims that is looked at, in bytes: as large as a token.
const SET_LIMIT: usize = 64 * 1024;

/// Statements about the client or its device: CLAIMS_SET_METADATA (MS-ADTS 2.2.18.8), in NDR.
///
/// ```text
/// ULONG ulClaimsSetSize, [size_is(ulClaimsSetSize)] BYTE* ClaimsSet
/// CLAIMS_COMPRESSION_FORMAT usCompressionFormat (16 bits), ULONG ulUncompressedClaimsSetSize
/// USHORT usReservedType, ULONG ulReservedFieldSize, [size_is(ulReservedFieldSize)] BYTE* ReservedField
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// They can be read.
    Plain(Vec<ClaimsArray>),
    /// They are compressed, which is not undone here.
    Compressed {
        /// How: 2 is LZNT1, 3 LZ77, 4 LZ77 with Huffman codes (MS-ADTS 2.2.18.4).
        format: u16,
        /// The size of what comes out, in bytes.
        uncompressed_size: u32,
        /// The compressed bytes.
        bytes: Vec<u8>,
    },
}

/// Claims of one source: CLAIMS_ARRAY (MS-ADTS 2.2.18.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsArray {
    /// Where they are from: 1 is Active Directory, 2 a certificate (MS-ADTS 2.2.18.3).
    pub source: u16,
    /// The claims.
    pub entries: Vec<Claim>,
}

/// One claim: CLAIM_ENTRY (MS-ADTS 2.2.18.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its identifier, such as `ad://ext/department`.
    pub id: String,
    /// What it says.
    pub values: ClaimValues,
}

/// The values of a claim, by type (MS-ADTS 2.2.18.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValues {
    /// CLAIM_TYPE_INT64 (1).
    Int64(Vec<i64>),
    /// CLAIM_TYPE_UINT64 (2).
    Uint64(Vec<u64>),
    /// CLAIM_TYPE_STRING (3).
    String(Vec<String>),
    /// CLAIM_TYPE_BOOLEAN (6).
    Boolean(Vec<bool>),
}

impl Claims {
    /// Reads a whole buffer; none if it is empty, as DCs send where there are no claims.
    ///
    /// # Errors
    /// [`DecodeError`] with the position in the buffer.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        Claims::read(Reader::new("PAC claims", bytes))
    }

    pub(super) fn read(reader: Reader<'_>) -> Result<Option<Self>, DecodeError> {
        if reader.is_empty() {
            return Ok(None);
        }
        let mut ndr = NdrReader::open(reader)?;
        let (size, set, format) = (ndr.u32()?, ndr.pointer()?, ndr.u16()?);
        let uncompressed_size = ndr.u32()?;
        ndr.u16()?; // usReservedType
        let (reserved_size, reserved) = (ndr.u32()?, ndr.pointer()?);
        let set = ndr.bytes(set, size, SET_LIMIT)?;
        ndr.bytes(reserved, reserved_size, SET_LIMIT)?;
        ndr.finish()?;
        if format == 0 {
            return ClaimsArray::read_set(set).map(|arrays| Some(Claims::Plain(arrays)));
        }
        Ok(Some(Claims::Compressed { format, uncompressed_size, bytes: set.to_vec() }))
    }
}

/// What an array's structure says of it: source, how many entries, whether they follow.
type ArrayHeader = (u16, u32, Pointer);
/// What an entry's structure says of it: the identifier, the type, how many values, whether they follow.
type EntryHeader = (Pointer, u16, u32, Pointer);

impl ClaimsArray {
    /// CLAIMS_SET (MS-ADTS 2.2.18.7), an object of its own.
    fn read_set(bytes: &[u8]) -> Result<Vec<ClaimsArray>, DecodeError> {
        let mut ndr = NdrReader::open(Reader::new("CLAIMS_SET", bytes))?;
        let (count, arrays) = (ndr.u32()?, ndr.pointer()?);
        ndr.u16()?; // usReservedType
        let (reserved_size, reserved) = (ndr.u32()?, ndr.pointer()?);
        let headers = ndr.items(arrays, count, 12, |ndr| Ok((ndr.u16()?, ndr.u32()?, ndr.pointer()?)))?;
        let arrays = headers.into_iter().map(|header| ClaimsArray::read(&mut ndr, header));
        let arrays = arrays.collect::<Result<_, _>>()?;
        ndr.bytes(reserved, reserved_size, SET_LIMIT)?;
        ndr.finish()?;
        Ok(arrays)
    }

    fn read(ndr: &mut NdrReader<'_>, (source, count, entries): ArrayHeader) -> Result<Self, DecodeError> {
        let headers = ndr.items(entries, count, 16, read_entry_header)?;
        let entries = headers.into_iter().map(|header| Claim::read(ndr, header)).collect::<Result<_, _>>()?;
        Ok(ClaimsArray { source, entries })
    }
}

fn read_entry_header(ndr: &mut NdrReader<'_>) -> Result<EntryHeader, DecodeError> {
    let id = ndr.pointer()?;
    let not_the_type = ndr.invalid("a claim's values are not of its type");
    // The type stands before the union, and in the union once more (C706 14.3.8).
    let (claim_type, in_union) = (ndr.u16()?, ndr.u16()?);
    if claim_type != in_union {
        return Err(not_the_type);
    }
    Ok((id, claim_type, ndr.u32()?, ndr.pointer()?))
}

impl Claim {
    fn read(ndr: &mut NdrReader<'_>, (id, claim_type, count, values): EntryHeader) -> Result<Self, DecodeError> {
        let id = ndr.referent(id, NdrReader::terminated_string)?.unwrap_or_default();
        let unknown = ndr.invalid("a claim of an unknown type (MS-ADTS 2.2.18.2)");
        let values = match claim_type {
            1 => ClaimValues::Int64(
                ndr.items(values, count, 8, |ndr| ndr.u64().map(|value| i64::from_le_bytes(value.to_le_bytes())))?,
            ),
            2 => ClaimValues::Uint64(ndr.items(values, count, 8, NdrReader::u64)?),
            3 => {
                let strings = ndr.items(values, count, 4, NdrReader::pointer)?;
                let text = strings.into_iter().map(|string| ndr.referent(string, NdrReader::terminated_string));
                ClaimValues::String(text.map(|text| text.map(Option::unwrap_or_default)).collect::<Result<_, _>>()?)
            }
            6 => ClaimValues::Boolean(ndr.items(values, count, 8, |ndr| ndr.u64().map(|value| value != 0))?),
            _ => return Err(unknown),
        };
        Ok(Claim { id, values })
    }
}
