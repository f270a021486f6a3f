//! A source of bytes that are all different and no secret at all: enough to prove that the seam is the only one.

use core::sync::atomic::{AtomicU64, Ordering};
use handfast::crypto::{Random, RandomError};

pub(crate) struct Counting(AtomicU64);

impl Counting {
    pub(crate) const fn new() -> Self {
        Counting(AtomicU64::new(1))
    }
}

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            chunk.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}
