//! Bytes that know where they stand.

use handfast::wire::DecodeError;
use std::fmt;
use std::ops::Range;

/// What can't be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// In the input, or in the plaintext that `cause` names.
    pub(crate) offset: usize,
    pub(crate) cause: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.cause)
    }
}

impl Broken {
    /// What the library says of bytes that begin at `base`.
    pub(super) fn library(error: &DecodeError, base: usize) -> Self {
        Broken { offset: base + error.offset, cause: format!("{}: {}", error.what, error.reason) }
    }
}

/// A stretch of bytes, read from its front; every read is checked against what is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(super) rest: &'a [u8],
    pub(super) offset: usize,
}

impl<'a> Span<'a> {
    pub(super) fn new(rest: &'a [u8], offset: usize) -> Self {
        Span { rest, offset }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.rest.len()
    }

    pub(super) fn broken(&self, cause: impl Into<String>) -> Broken {
        Broken { offset: self.offset, cause: cause.into() }
    }

    /// The next `count` bytes; `what` names them where they are missing.
    pub(super) fn take(&mut self, count: usize, what: &str) -> Result<Span<'a>, Broken> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            let left = self.rest.len();
            return Err(self.broken(format!("{what}: {count} bytes needed, {left} left")));
        };
        let span = Span::new(taken, self.offset);
        (self.rest, self.offset) = (rest, self.offset + count);
        Ok(span)
    }

    /// The next `count` bytes, or as many as there are.
    pub(super) fn take_some(&mut self, count: usize) -> Span<'a> {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        let span = Span::new(taken, self.offset);
        (self.rest, self.offset) = (rest, self.offset + taken.len());
        span
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Broken> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?.rest);
        Ok(array)
    }

    pub(super) fn u8(&mut self, what: &str) -> Result<u8, Broken> {
        self.array(what).map(|[byte]| byte)
    }

    pub(super) fn u16_le(&mut self, what: &str) -> Result<u16, Broken> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(super) fn u32_le(&mut self, what: &str) -> Result<u32, Broken> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Succeeds if nothing is left.
    pub(super) fn finish(&self) -> Result<(), Broken> {
        match self.rest.len() {
            0 => Ok(()),
            1 => Err(self.broken("1 byte left over at the end")),
            count => Err(self.broken(format!("{count} bytes left over at the end"))),
        }
    }
}
