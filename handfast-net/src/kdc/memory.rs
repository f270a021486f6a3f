use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::KdcAddress;

/// For how long a KDC that was silent is asked after the others: 5 minutes.
pub const SILENCE_REMEMBERED: Duration = Duration::from_secs(300);

/// The most KDCs that are remembered. Whose names come from the DNS may be as many as it likes.
const LIMIT: usize = 64;

/// The KDCs that did not answer while one behind them did. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Each once, with the time until which it is remembered.
    silent: Arc<Mutex<VecDeque<(KdcAddress, Instant)>>>,
}

impl Memory {
    /// Puts those that were silent behind the others; else the order stays.
    pub(crate) fn order(&self, kdcs: &mut [KdcAddress], now: Instant) {
        let silent = self.lock();
        kdcs.sort_by_cached_key(|kdc| silent.iter().any(|(known, until)| known == kdc && *until > now));
    }

    /// `answered` did; those before it in `asked` had their chance.
    pub(crate) fn learn<'k>(
        &self,
        asked: impl IntoIterator<Item = &'k KdcAddress>,
        answered: &KdcAddress,
        now: Instant,
    ) {
        let passed_over: Vec<&KdcAddress> = asked.into_iter().take_while(|kdc| *kdc != answered).collect();
        let Some(until) = now.checked_add(SILENCE_REMEMBERED) else { return };
        let mut silent = self.lock();
        silent.retain(|(known, until)| *until > now && known != answered && !passed_over.contains(&known));
        silent.extend(passed_over.into_iter().map(|kdc| (kdc.clone(), until)));
        let surplus = silent.len().saturating_sub(LIMIT);
        silent.drain(..surplus);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(KdcAddress, Instant)>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kdcs(names: &[&str]) -> Vec<KdcAddress> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    /// The hosts in the order in which they are asked.
    fn ordered(memory: &Memory, names: &[&str], now: Instant) -> Vec<String> {
        let mut kdcs = kdcs(names);
        memory.order(&mut kdcs, now);
        kdcs.into_iter().map(|kdc| kdc.host).collect()
    }

    #[test]
    fn who_was_silent_is_asked_last_until_it_is_forgotten() {
        let (memory, start) = (Memory::default(), Instant::now());
        let all = kdcs(&["a", "b", "c", "d"]);
        memory.learn(&all, &all[2], start);
        let almost = start + SILENCE_REMEMBERED - Duration::from_secs(1);
        assert_eq!(ordered(&memory, &["a", "b", "c", "d"], almost), ["c", "d", "a", "b"]);
        assert_eq!(ordered(&memory, &["a", "b", "c", "d"], start + SILENCE_REMEMBERED), ["a", "b", "c", "d"]);
        assert_eq!(ordered(&memory.clone(), &["a:750", "b"], start), ["a", "b"], "another port is another KDC");
    }

    #[test]
    fn who_answers_again_is_forgotten_at_once() {
        let (memory, start) = (Memory::default(), Instant::now());
        let all = kdcs(&["a", "b"]);
        memory.learn(&all, &all[1], start);
        memory.learn(&kdcs(&["b", "a"]), &all[0], start);
        assert_eq!(ordered(&memory, &["b", "a"], start), ["a", "b"]);
    }

    #[test]
    fn no_more_are_remembered_than_the_limit_and_the_oldest_go_first() {
        let (memory, start) = (Memory::default(), Instant::now());
        let names: Vec<String> = (0..LIMIT + 2).map(|number| format!("kdc{number}")).collect();
        let all = kdcs(&names.iter().map(String::as_str).collect::<Vec<_>>());
        memory.learn(&all, &all[LIMIT + 1], start);
        assert_eq!(memory.lock().len(), LIMIT);
        assert_eq!(ordered(&memory, &["kdc1", "kdc0"], start), ["kdc0", "kdc1"]);
        memory.learn(&all, &all[LIMIT + 1], start);
        assert_eq!(memory.lock().len(), LIMIT, "each is there once");
        memory.learn(&all[..1], &all[0], start + SILENCE_REMEMBERED);
        assert_eq!(memory.lock().len(), 0, "what is over is gone");
    }
}
