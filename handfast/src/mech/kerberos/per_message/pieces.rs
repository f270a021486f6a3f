//! Buffers of the in-place forms: cut to size, gathered in order.

use super::HEADER;
use crate::error::MessageError;
use crate::mech::Part;

/// The most parts that the in-place form takes.
const PARTS: usize = 8;
/// The most pieces that a checksum covers: a token's own, in front of the parts and behind them.
const PIECES: usize = PARTS + 2;

pub(super) fn exactly(buffer: &mut [u8], needed: usize) -> Result<&mut [u8], MessageError> {
    if buffer.len() == needed { Ok(buffer) } else { Err(MessageError::BufferSize { needed }) }
}

pub(super) fn split_front(buffer: &mut [u8], count: usize) -> Result<(&mut [u8], &mut [u8]), MessageError> {
    buffer.split_at_mut_checked(count).ok_or(MessageError::BufferSize { needed: count })
}

pub(super) fn split_back(buffer: &mut [u8], count: usize) -> Result<(&mut [u8], &mut [u8]), MessageError> {
    let front = buffer.len().checked_sub(count).ok_or(MessageError::BufferSize { needed: count })?;
    split_front(buffer, front)
}

/// Where the pieces of a token lie whose message stays in its own buffers (RFC 4121 4.2.4, MS-KILE 3.4.5.4.1).
///
/// ```text
/// header: outer | front                 trailer: tail        RRC = 0
/// header: outer | tail | front          trailer: empty       rotated, so that nothing is behind the message
/// ```
/// `front` is the confounder of a sealed message, `tail` what follows it: filler, inner header and MAC, or a checksum.
pub(super) struct Layout<'b> {
    pub(super) outer: &'b mut [u8],
    pub(super) front: &'b mut [u8],
    pub(super) tail: &'b mut [u8],
    pub(super) rotated: bool,
}

impl<'b> Layout<'b> {
    /// Of the buffers given, with a confounder of `front` bytes.
    pub(super) fn of(header: &'b mut [u8], trailer: &'b mut [u8], front: usize) -> Result<Self, MessageError> {
        let rotated = trailer.is_empty();
        let (outer, rest) = split_front(header, HEADER)?;
        if rotated {
            let (tail, front) = split_back(rest, front)?;
            return Ok(Layout { outer, front, tail, rotated });
        }
        Ok(Layout { outer, front: exactly(rest, front)?, tail: trailer, rotated })
    }
}

/// The pieces of what a checksum covers, in order.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'a> {
    pieces: [&'a [u8]; PIECES],
    count: usize,
}

impl<'a> Pieces<'a> {
    const NONE: Pieces<'static> = Pieces { pieces: [&[]; PIECES], count: 0 };

    pub(super) fn of(message: &'a [u8]) -> Pieces<'a> {
        let mut pieces: [&[u8]; PIECES] = [&[]; PIECES];
        let [first, ..] = &mut pieces;
        *first = message;
        Pieces { pieces, count: 1 }
    }

    pub(super) fn of_slices(pieces: &[&'a [u8]]) -> Result<Pieces<'a>, MessageError> {
        Pieces::NONE.with_all(pieces.len(), pieces.iter().copied())
    }

    /// `first`, and behind it a message in pieces.
    pub(super) fn behind(first: &'a [u8], pieces: &[&'a [u8]]) -> Result<Pieces<'a>, MessageError> {
        Pieces::of(first).with_all(pieces.len(), pieces.iter().copied())
    }

    /// `first`, the parts, and `last`.
    pub(super) fn around(first: &'a [u8], parts: &'a [Part<'_>], last: &'a [u8]) -> Result<Pieces<'a>, MessageError> {
        Pieces::of(first).with_all(parts.len(), parts.iter().map(octets))?.with(last)
    }

    pub(super) fn of_parts(parts: &'a [Part<'_>]) -> Result<Pieces<'a>, MessageError> {
        Pieces::NONE.with_all(parts.len(), parts.iter().map(octets))
    }

    fn with_all(self, count: usize, mut pieces: impl Iterator<Item = &'a [u8]>) -> Result<Pieces<'a>, MessageError> {
        if count > PARTS {
            return Err(MessageError::TooManyParts { limit: PARTS });
        }
        pieces.try_fold(self, Pieces::with)
    }

    pub(super) fn with(mut self, piece: &'a [u8]) -> Result<Pieces<'a>, MessageError> {
        let place = self.pieces.get_mut(self.count).ok_or(MessageError::TooManyParts { limit: PARTS })?;
        *place = piece;
        self.count += 1;
        Ok(self)
    }

    pub(super) fn all(&self) -> &[&'a [u8]] {
        self.pieces.get(..self.count).unwrap_or(&[])
    }
}

fn octets<'a>(part: &'a Part<'_>) -> &'a [u8] {
    match part {
        Part::Sealed(octets) => octets,
        Part::Signed(octets) => octets,
    }
}

/// Works on `parts` and, behind them, the inner header as one more sealed part.
pub(super) fn with_inner(
    parts: &mut [Part<'_>],
    inner: &mut [u8],
    work: impl FnOnce(&mut [Part<'_>]) -> Result<(), MessageError>,
) -> Result<(), MessageError> {
    let mut all: [Part<'_>; PARTS + 1] = core::array::from_fn(|_| Part::Signed(&[]));
    let count = parts.len();
    let (used, _) = all.split_at_mut_checked(count + 1).ok_or(MessageError::TooManyParts { limit: PARTS })?;
    let parts = parts.iter_mut().map(|part| match part {
        Part::Sealed(octets) => Part::Sealed(octets),
        Part::Signed(octets) => Part::Signed(octets),
    });
    for (to, from) in used.iter_mut().zip(parts.chain([Part::Sealed(inner)])) {
        *to = from;
    }
    work(used)
}
