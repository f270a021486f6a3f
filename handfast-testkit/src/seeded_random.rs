use handfast::crypto::{Random, RandomError};
use std::sync::atomic::{AtomicU64, Ordering};

/// The step of a Weyl sequence: 2^64 divided by the golden ratio, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Randomness for tests: the same seed gives the same bytes. Not for secrets: who knows one output knows them all.
///
/// ```
/// use handfast::crypto::Random;
/// use handfast_testkit::SeededRandom;
/// let (mut a, mut b) = ([0; 20], [0; 20]);
/// SeededRandom::new(7).fill(&mut a)?;
/// SeededRandom::new(7).fill(&mut b)?;
/// assert_eq!(a, b);
/// # Ok::<(), handfast::crypto::RandomError>(())
/// ```
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        SeededRandom(AtomicU64::new(mix(seed)))
    }

    /// Another sequence, which goes on by itself: one for each user whose order of drawing is not fixed.
    #[must_use]
    pub fn fork(&self) -> Self {
        SeededRandom::new(self.draw())
    }

    fn draw(&self) -> u64 {
        mix(self.0.fetch_add(STEP, Ordering::Relaxed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(8) {
            chunk.iter_mut().zip(self.draw().to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

/// Spreads every bit of the input over all bits of the output, one to one.
fn mix(mut bits: u64) -> u64 {
    for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb)] {
        bits = (bits ^ (bits >> shift)).wrapping_mul(factor);
    }
    bits ^ (bits >> 31)
}
