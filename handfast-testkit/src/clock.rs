use handfast::Time;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Whose clock is read or set wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The client.
    Initiator,
    /// The service.
    Acceptor,
    /// The realm.
    Kdc,
}

/// Virtual time: it stands still until a test advances it, and every party may see it wrong. Clones are one clock.
///
/// ```
/// use handfast_testkit::{Clock, Party};
/// use std::time::Duration;
/// let clock = Clock::default();
/// clock.skew(Party::Acceptor, 60);
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now(Party::Acceptor).seconds_since(clock.now(Party::Kdc)), 60);
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Time,
    /// Of initiator, acceptor and KDC, in seconds.
    skews: [i64; 3],
}

impl Clock {
    /// Where a new clock stands: 2023-11-14T22:13:20.123456Z.
    pub const START: Time = Time::from_unix_micros(1_700_000_000_123_456);

    /// What `party` believes the time to be.
    pub fn now(&self, party: Party) -> Time {
        let state = self.state();
        let [initiator, acceptor, kdc] = state.skews;
        let skew = match party {
            Party::Initiator => initiator,
            Party::Acceptor => acceptor,
            Party::Kdc => kdc,
        };
        match Duration::from_secs(skew.unsigned_abs()) {
            ahead if skew >= 0 => state.now.saturating_add(ahead),
            behind => state.now.saturating_sub(behind),
        }
    }

    /// The time, as nobody's clock is wrong.
    pub fn right(&self) -> Time {
        self.state().now
    }

    /// Lets time pass for all.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        state.now = state.now.saturating_add(duration);
    }

    /// Sets the time for all; backwards too. Skews stay.
    pub fn set(&self, now: Time) {
        self.state().now = now;
    }

    /// Sets one party's clock wrong by `seconds`: ahead of the others if positive, behind if negative, right if 0.
    pub fn skew(&self, party: Party, seconds: i64) {
        let mut state = self.state();
        let [initiator, acceptor, kdc] = &mut state.skews;
        match party {
            Party::Initiator => *initiator = seconds,
            Party::Acceptor => *acceptor = seconds,
            Party::Kdc => *kdc = seconds,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Clock {
    /// At [`Clock::START`], and right for all.
    fn default() -> Self {
        Clock(Arc::new(Mutex::new(State { now: Clock::START, skews: [0; 3] })))
    }
}
