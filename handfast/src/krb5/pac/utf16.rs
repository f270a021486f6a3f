//! Text as MS-DTYP has it: UTF-16, least significant byte first.

use crate::wire::Writer;
use alloc::string::String;
use alloc::vec::Vec;

/// The text in `bytes`; none if a byte is left over or a surrogate stands alone.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let pairs = bytes.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let units = pairs.map(|pair| pair.iter().rev().fold(0_u16, |unit, octet| unit << 8 | u16::from(*octet)));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| whole)
}

/// Appends `text`.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    text.encode_utf16().for_each(|unit| {
        writer.u16_le(unit);
    });
}

/// The bytes of `text`.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_the_same_and_half_of_it_does_not() {
        for sample in ["", "alice", "Ünï🂡"] {
            assert_eq!(text(&bytes(sample)).as_deref(), Some(sample));
        }
        assert_eq!(text(&[0x61]), None);
        assert_eq!(text(&[0x00, 0xd8]), None);
    }
}
