use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Deadline;

/// How long a thread sleeps in one call of the system before it looks whether the exchange is over.
const TICK: Duration = Duration::from_millis(100);

/// Tells the threads of an exchange when to stop.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    deadline: Deadline,
    over: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn new(deadline: Deadline) -> Self {
        Watch { deadline, over: Arc::default() }
    }

    /// Ends the exchange for all its threads.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.deadline.passed()
    }

    /// How long to wait in one call; `None` if the exchange is over.
    pub(super) fn tick(&self) -> Option<Duration> {
        self.at_most(TICK)
    }

    /// `time`, or what is left of the exchange's time; `None` if it is over.
    pub(super) fn at_most(&self, time: Duration) -> Option<Duration> {
        self.deadline.at_most(time).filter(|_| !self.over.load(Ordering::Relaxed))
    }
}
