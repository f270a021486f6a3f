use super::{Asn1, Optional, tag};
use crate::wire::make_room;
use alloc::vec::Vec;

/// Appends DER elements to the caller's buffer. Where the buffer has to grow, the old one is wiped: some messages
/// hold keys.
pub(crate) struct DerWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> DerWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        DerWriter { out }
    }

    /// Bytes that are DER already.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        make_room(self.out, bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// An element tagged `tag` around what `write` appends.
    pub(crate) fn nested(&mut self, tag: u8, write: impl FnOnce(&mut DerWriter<'_>)) {
        self.raw(&[tag, 0]);
        let start = self.out.len();
        write(self);
        self.close(start);
    }

    /// Sets the length of the contents that began at `start`, whose one length octet stands before it.
    fn close(&mut self, start: usize) {
        let length = self.out.len().saturating_sub(start);
        let (first, long) = length_octets(length);
        if let Some(octet) = start.checked_sub(1).and_then(|at| self.out.get_mut(at)) {
            *octet = first;
        }
        let long = significant(&long);
        if !long.is_empty() {
            self.raw(long);
            if let Some(contents) = self.out.get_mut(start..) {
                contents.rotate_right(long.len());
            }
        }
    }

    pub(crate) fn primitive(&mut self, tag: u8, contents: &[u8]) {
        let (first, long) = length_octets(contents.len());
        self.raw(&[tag, first]);
        self.raw(significant(&long));
        self.raw(contents);
    }

    /// INTEGER in its shortest form.
    pub(crate) fn integer(&mut self, value: i64) {
        let octets = value.to_be_bytes();
        let redundant = |pair: &[u8]| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]);
        let skip = octets.windows(2).take_while(|pair| redundant(pair)).count();
        self.primitive(tag::INTEGER, octets.get(skip..).unwrap_or_default());
    }

    /// BIT STRING of 32 bits, bit 0 the most significant.
    pub(crate) fn bits32(&mut self, bits: u32) {
        let [a, b, c, d] = bits.to_be_bytes();
        self.primitive(tag::BIT_STRING, &[0, a, b, c, d]);
    }

    /// The field `[number]`.
    pub(crate) fn field<'v, T: Asn1<'v>>(&mut self, number: u8, value: &T) {
        self.nested(tag::context(number), |inner| value.write(inner));
    }

    /// The field `[number]`, unless it is absent.
    pub(crate) fn optional<'v, T: Optional<'v>>(&mut self, number: u8, value: &T) {
        if !value.is_absent() {
            self.nested(tag::context(number), |inner| value.write_present(inner));
        }
    }

    /// The field `[number] IMPLICIT`.
    pub(crate) fn implicit<'v, T: Asn1<'v>>(&mut self, number: u8, value: &T) {
        self.retag(number, |writer| value.write(writer));
    }

    /// The field `[number] IMPLICIT`, unless it is absent.
    pub(crate) fn optional_implicit<'v, T: Optional<'v>>(&mut self, number: u8, value: &T) {
        if !value.is_absent() {
            self.retag(number, |writer| value.write_present(writer));
        }
    }

    /// The element that `write` appends, under another tag (X.690 8.14.3).
    fn retag(&mut self, number: u8, write: impl FnOnce(&mut DerWriter<'_>)) {
        let start = self.out.len();
        write(self);
        if let Some(identifier) = self.out.get_mut(start) {
            *identifier = tag::implicit(number, *identifier);
        }
    }
}

/// The first length octet, and the length in octets if it does not fit there (X.690 8.1.3).
fn length_octets(length: usize) -> (u8, [u8; size_of::<usize>()]) {
    match u8::try_from(length) {
        Ok(short @ ..0x80) => (short, [0; size_of::<usize>()]),
        _ => {
            let long = length.to_be_bytes();
            (0x80 | u8::try_from(significant(&long).len()).unwrap_or(0), long)
        }
    }
}

/// Without leading zeros.
fn significant(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}
