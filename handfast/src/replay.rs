use crate::sync::Lock;
use crate::time::Time;
use alloc::collections::BTreeSet;
use core::fmt;
use core::time::Duration;

/// A proof's fingerprint: the checksum bytes of the encrypted authenticator, cut or zero-filled to 16.
pub(crate) type ReplayTag = [u8; 16];

/// What the guard says of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayVerdict {
    Fresh,
    Replayed,
    Full,
    /// The driver is to be asked.
    Asked,
}

/// Remembers the proofs that an acceptor has seen, so that none passes twice (RFC 4120 3.2.3, 10).
///
/// Keyed on the checksum bytes of the encrypted authenticator alone: they can't be changed without the client's key,
/// and two proofs share them only if they are the same proof. A proof is remembered for at least as long as its
/// time could pass as current, and memory is bounded: when the guard is full, new proofs are refused.
///
/// Guards are shared: give clones of one [`Acceptor`](crate::Acceptor) to all threads that serve the same key.
pub struct ReplayGuard(Option<Memory>);

struct Memory {
    shards: [Lock<Shard>; SHARDS],
    limit_per_shard: usize,
}

const SHARDS: usize = 16;

/// Two generations: a lookup asks both, and the older one is dropped as a whole when its time is over.
struct Shard {
    current: BTreeSet<ReplayTag>,
    previous: BTreeSet<ReplayTag>,
    rotated: Option<Time>,
    /// The longest that anybody who shares the guard wants proofs kept.
    keep: Duration,
}

impl ReplayGuard {
    /// A guard in this process's memory, for up to 4 million proofs at a time.
    pub fn in_memory() -> Self {
        ReplayGuard::in_memory_with_limit(4_000_000)
    }

    /// A guard in memory, for up to `limit` proofs at a time, of about 30 bytes each.
    pub fn in_memory_with_limit(limit: usize) -> Self {
        let shard = |_| {
            Lock::new(Shard {
                current: BTreeSet::new(),
                previous: BTreeSet::new(),
                rotated: None,
                keep: Duration::ZERO,
            })
        };
        ReplayGuard(Some(Memory { shards: core::array::from_fn(shard), limit_per_shard: limit.div_ceil(SHARDS) }))
    }

    /// A guard that remembers nothing itself: the handshake asks its driver, by [`Question::Replay`](crate::Question::Replay), for a
    /// store that several processes share. A driver that declines takes no client.
    pub fn asks_driver() -> Self {
        ReplayGuard(None)
    }

    /// Whether a proof is new here, for protocols that check proofs themselves; it is remembered for `keep`, as long as it can pass as
    /// current. `mark` is a part of the encrypted authenticator that nobody can change without the client's key, such as its end.
    ///
    /// A proof is refused while the guard is full. One that [asks the driver](Self::asks_driver) admits none.
    pub fn admits(&self, mark: [u8; 16], keep: Duration, now: Time) -> bool {
        self.check(mark, keep, now) == ReplayVerdict::Fresh
    }

    /// Judges a proof and remembers it. `keep` is how long a proof can pass as current: twice the clock skew.
    pub(crate) fn check(&self, tag: ReplayTag, keep: Duration, now: Time) -> ReplayVerdict {
        let Some(Memory { shards, limit_per_shard }) = &self.0 else { return ReplayVerdict::Asked };
        let [first, ..] = tag;
        let Some(shard) = shards.get(usize::from(first) % SHARDS) else { return ReplayVerdict::Full };
        shard.with(|shard| shard.check(tag, keep, now, *limit_per_shard))
    }
}

impl Shard {
    fn check(&mut self, tag: ReplayTag, keep: Duration, now: Time, limit: usize) -> ReplayVerdict {
        self.keep = self.keep.max(keep);
        self.rotate(now);
        if self.current.contains(&tag) || self.previous.contains(&tag) {
            return ReplayVerdict::Replayed;
        }
        if self.current.len() + self.previous.len() >= limit {
            return ReplayVerdict::Full;
        }
        self.current.insert(tag);
        ReplayVerdict::Fresh
    }

    /// Starts a new generation once the current one is old enough. What was put in just before is kept that long again.
    fn rotate(&mut self, now: Time) {
        let keep = self.keep;
        let age = now.saturating_since(*self.rotated.get_or_insert(now));
        if age < keep {
            return;
        }
        self.previous = core::mem::take(&mut self.current);
        if age >= keep.saturating_mul(2) {
            self.previous.clear();
        }
        self.rotated = Some(now);
    }
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.0.as_ref().map(|memory| memory.limit_per_shard * SHARDS);
        f.debug_struct("ReplayGuard").field("limit", &limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(600);

    fn at(seconds: i64) -> Time {
        Time::from_unix_seconds(seconds)
    }

    #[test]
    fn a_proof_passes_once_for_as_long_as_it_is_current() {
        let guard = ReplayGuard::in_memory();
        guard.check([9; 16], KEEP, at(0));
        assert_eq!(guard.check([1; 16], KEEP, at(599)), ReplayVerdict::Fresh);
        for seconds in [599, 600, 700, 1198] {
            assert_eq!(guard.check([1; 16], KEEP, at(seconds)), ReplayVerdict::Replayed, "{seconds}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing() {
        let guard = ReplayGuard::in_memory();
        assert_eq!(guard.check([1; 16], KEEP, at(10_000)), ReplayVerdict::Fresh);
        assert_eq!(guard.check([1; 16], KEEP, at(0)), ReplayVerdict::Replayed);
    }

    #[test]
    fn who_keeps_proofs_for_a_shorter_time_forgets_none_of_the_others() {
        let guard = ReplayGuard::in_memory();
        assert_eq!(guard.check([1; 16], KEEP, at(0)), ReplayVerdict::Fresh);
        for seconds in [120, 240, 360] {
            let other = [1, u8::try_from(seconds / 2).unwrap(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            assert_eq!(guard.check(other, KEEP / 5, at(seconds)), ReplayVerdict::Fresh);
        }
        assert_eq!(guard.check([1; 16], KEEP, at(599)), ReplayVerdict::Replayed);
    }

    #[test]
    fn old_generations_are_dropped() {
        let guard = ReplayGuard::in_memory_with_limit(16);
        assert_eq!(guard.check([1; 16], KEEP, at(0)), ReplayVerdict::Fresh);
        assert_eq!(guard.check([1; 16], KEEP, at(5000)), ReplayVerdict::Fresh);
    }

    #[test]
    fn a_full_guard_refuses() {
        let guard = ReplayGuard::in_memory_with_limit(16);
        assert_eq!(guard.check([16; 16], KEEP, at(0)), ReplayVerdict::Fresh);
        assert_eq!(guard.check([32; 16], KEEP, at(0)), ReplayVerdict::Full);
        assert_eq!(guard.check([16; 16], KEEP, at(0)), ReplayVerdict::Replayed);
    }
}
