use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use handfast::Time;

/// Where the time comes from: the system's clock, unless another one is given (for tests, or to live with a clock that is wrong).
///
/// ```
/// use handfast::Time;
/// use handfast_net::Clock;
/// assert!(Clock::system().now() > Time::EPOCH);
/// assert_eq!(Clock::from_fn(|| Time::EPOCH).now(), Time::EPOCH);
/// ```
#[derive(Clone, Default)]
pub struct Clock {
    other: Option<Arc<dyn Fn() -> Time + Send + Sync>>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Clock::default()
    }

    /// A clock that shows what `now` returns.
    pub fn from_fn(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Clock { other: Some(Arc::new(now)) }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.other.as_ref().map_or_else(|| SystemTime::now().into(), |now| now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.other.is_some() { "Clock(other)" } else { "Clock(system)" })
    }
}
