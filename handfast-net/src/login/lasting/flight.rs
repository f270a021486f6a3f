//! One asks, the others wait for the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handfast::Principal;

use super::LoginError;

/// What only one does at a time.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// Whoever holds it is the one who asks.
    pub(super) gate: Mutex<()>,
    /// The same for tasks.
    #[cfg(feature = "tokio")]
    pub(crate) task_gate: ::tokio::sync::Mutex<()>,
    ended: Mutex<Ended>,
}

/// How the last one ended, and how many have.
#[derive(Debug, Default)]
struct Ended {
    count: u64,
    error: Option<LoginError>,
}

impl Flight {
    /// What is `held`; else what `ask` gets. Whoever comes while another one asks waits, and gets what that one got.
    pub(super) fn once<T>(
        &self,
        held: impl Fn() -> Option<T>,
        ask: impl FnOnce() -> Result<T, LoginError>,
    ) -> Result<T, LoginError> {
        if let Some(value) = held() {
            return Ok(value);
        }
        let before = self.count();
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        match held() {
            Some(value) => Ok(value),
            None => self.failed_since(before).map_or_else(|| self.end(ask()), Err),
        }
    }

    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> u64 {
        self.ended().count
    }

    /// What went wrong while one waited who had seen `before` ends.
    pub(crate) fn failed_since(&self, before: u64) -> Option<LoginError> {
        let ended = self.ended();
        ended.error.clone().filter(|_| ended.count != before)
    }

    pub(crate) fn end<T>(&self, result: Result<T, LoginError>) -> Result<T, LoginError> {
        let mut ended = self.ended();
        ended.count = ended.count.wrapping_add(1);
        ended.error = result.as_ref().err().cloned();
        result
    }
}

/// A flight for each service that is being asked for, and for no other.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Principal, Arc<Flight>>>);

impl Flights {
    fn all(&self) -> MutexGuard<'_, HashMap<Principal, Arc<Flight>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn of(&self, service: &Principal) -> Arc<Flight> {
        Arc::clone(self.all().entry(service.clone()).or_default())
    }

    /// The last one who is done with it takes it away.
    pub(crate) fn done(&self, service: &Principal, flight: &Arc<Flight>) {
        let mut all = self.all();
        // One here, and one in the map.
        if Arc::strong_count(flight) <= 2 {
            all.remove(service);
        }
    }
}
