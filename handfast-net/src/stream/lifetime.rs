use std::fmt;
use std::sync::Arc;

use handfast::Time;

use super::StreamError;
use crate::Clock;

/// What a stream does once its context's lifetime is over ([`Context::expires`](handfast::Context::expires); for Kerberos, when the
/// ticket ends). It is looked at with each message that is sent or comes; nobody who waits is woken.
#[derive(Clone, Default)]
pub enum Expiry {
    /// Fails with [`StreamError::Expired`].
    #[default]
    End,
    /// Calls this once in each direction, with the time at which the lifetime ended, and goes on.
    Warn(Arc<dyn Fn(Time) + Send + Sync>),
    /// Goes on.
    Ignore,
}

impl Expiry {
    /// [`Expiry::Warn`] with `warn`.
    pub fn warn(warn: impl Fn(Time) + Send + Sync + 'static) -> Self {
        Expiry::Warn(Arc::new(warn))
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expiry::End => "End",
            Expiry::Warn(_) => "Warn",
            Expiry::Ignore => "Ignore",
        })
    }
}

/// Watches the end of a context's lifetime.
#[derive(Clone, Debug)]
pub(super) struct Lifetime {
    expires: Option<Time>,
    expiry: Expiry,
    clock: Clock,
}

impl Lifetime {
    pub(super) fn new(expires: Option<Time>, expiry: Expiry, clock: Clock) -> Self {
        Lifetime { expires, expiry, clock }
    }

    /// Fails if the lifetime is over and that is to end the stream.
    pub(super) fn check(&mut self) -> Result<(), StreamError> {
        let Some(expires) = self.expires else { return Ok(()) };
        let now = self.clock.now();
        if now < expires {
            return Ok(());
        }
        match &self.expiry {
            Expiry::End => return Err(StreamError::Expired { at: expires, now }),
            Expiry::Warn(warn) => warn(expires),
            Expiry::Ignore => {}
        }
        self.expires = None;
        Ok(())
    }
}
