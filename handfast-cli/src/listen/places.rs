//! Places for connections, of which there are not too many.
//!
//! Who has proven itself keeps its place. Who has not keeps it until it is needed: once all places are taken, a newcomer gets that
//! of the oldest connection that is unproven still. If all are proven, the newcomer is turned away. So those who open
//! connections and prove nothing keep nobody out: they push out each other, as long as a handshake takes less time than filling
//! all places anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// All places.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    proven: usize,
    /// By age. What is sent, or dropped, ends the connection.
    unproven: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    taken: Arc<Mutex<Taken>>,
    evicted: Option<oneshot::Receiver<()>>,
    proven: AtomicBool,
}

/// What tells an unproven connection that its place is needed.
#[derive(Debug)]
pub(crate) struct Evicted(Option<oneshot::Receiver<()>>);

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places {
    pub(crate) fn new(limit: usize) -> Self {
        Places { limit, taken: Arc::default() }
    }

    /// A place for a newcomer; perhaps the oldest unproven connection's.
    pub(crate) fn take(&self) -> Option<Place> {
        let mut taken = lock(&self.taken);
        if taken.proven + taken.unproven.len() >= self.limit {
            let (_, oldest) = taken.unproven.pop_first()?;
            // If nobody listens any more, it is about to leave by itself.
            let _ = oldest.send(());
        }
        let number = taken.next;
        taken.next += 1;
        let (sender, receiver) = oneshot::channel();
        taken.unproven.insert(number, sender);
        let taken = Arc::clone(&self.taken);
        Some(Place { number, taken, evicted: Some(receiver), proven: false.into() })
    }
}

impl Place {
    /// A place that is nobody else's.
    pub(crate) fn alone() -> Self {
        let place = Place { number: 0, taken: Arc::default(), evicted: None, proven: false.into() };
        let (keep, _) = oneshot::channel();
        lock(&place.taken).unproven.insert(0, keep);
        place
    }

    /// What tells that the place is needed, once.
    pub(crate) fn evicted(&mut self) -> Evicted {
        Evicted(self.evicted.take())
    }

    /// The place is kept from here on. One that was given away meanwhile stays given away.
    pub(crate) fn prove(&self) {
        let mut taken = lock(&self.taken);
        if let Some(keep) = taken.unproven.remove(&self.number) {
            taken.proven += 1;
            self.proven.store(true, Ordering::Relaxed);
            // Not told: being dropped would read as that.
            drop(keep);
        }
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if self.is_proven() {
            taken.proven -= 1;
        } else {
            taken.unproven.remove(&self.number);
        }
    }
}

impl Evicted {
    /// Returns once the place is needed; never if it is proven first.
    pub(crate) async fn wait(&mut self) {
        let needed = match &mut self.0 {
            Some(receiver) => receiver.await.is_ok(),
            None => false,
        };
        if !needed {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn told(place: &mut Place) -> bool {
        place.evicted.as_mut().unwrap().try_recv().is_ok()
    }

    #[test]
    fn a_newcomer_gets_the_place_of_the_oldest_unproven() {
        let places = Places::new(2);
        let (mut first, mut second) = (places.take().unwrap(), places.take().unwrap());
        let mut third = places.take().unwrap();
        assert!(told(&mut first) && !told(&mut second) && !told(&mut third));
        drop(first);
        second.prove();
        let _fourth = places.take().unwrap();
        assert!(told(&mut third) && !told(&mut second));
    }

    #[test]
    fn who_is_proven_keeps_its_place_and_a_newcomer_is_turned_away() {
        let places = Places::new(1);
        let mut first = places.take().unwrap();
        first.prove();
        assert!(places.take().is_none() && !told(&mut first));
        drop(first);
        assert!(places.take().is_some());
    }

    #[test]
    fn a_place_that_was_given_away_is_not_proven_any_more() {
        let places = Places::new(1);
        let first = places.take().unwrap();
        let second = places.take().unwrap();
        first.prove();
        assert!(!first.is_proven());
        second.prove();
        drop(first);
        assert!(places.take().is_none());
    }
}
