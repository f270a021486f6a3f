use std::sync::Arc;
use std::time::Duration;

use handfast::{Context, Protection};

use super::Expiry;
use super::lifetime::Lifetime;
use crate::driver::{Driver, KdcExchange, Relay, Replays};
use crate::{Clock, Deadline};

/// How streams are made, and when they end. `default()` is the strict choice in every point.
///
/// ```
/// use handfast_net::stream::{Expiry, StreamOptions};
/// use std::time::Duration;
/// let options = StreamOptions::default().handshake_time(Duration::from_secs(10)).expiry(Expiry::Ignore);
/// ```
#[derive(Clone, Debug)]
pub struct StreamOptions {
    handshake_time: Duration,
    least: Option<Protection>,
    expiry: Expiry,
    unannounced_end: bool,
    read_ahead: bool,
    clock: Clock,
    replays: Option<Arc<dyn Replays>>,
    relay: Option<Relay>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions {
            handshake_time: Duration::from_secs(60),
            least: Some(Protection::Confidentiality),
            expiry: Expiry::End,
            unannounced_end: false,
            read_ahead: false,
            clock: Clock::system(),
            replays: None,
            relay: None,
        }
    }
}

impl StreamOptions {
    /// How long all tokens of a handshake may take together: 60 s unless set. The time of asking a KDC counts, but that is not
    /// interrupted.
    #[must_use]
    pub fn handshake_time(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    /// Takes contexts and messages that are protected at least so; unless set, messages must be sealed.
    ///
    /// What a context *offers* is asked for by the policy: for messages that are signed only, the initiator's
    /// [`Policy::integrity_only`](handfast::Policy::integrity_only) goes together with [`Protection::Integrity`] here, on both sides.
    #[must_use]
    pub fn least_protection(mut self, least: Protection) -> Self {
        self.least = Some(least);
        self
    }

    /// Takes messages that are not protected at all, where the framing has such: gss-client's `-nw`. Anybody on the way can change
    /// them.
    #[must_use]
    pub fn dangerous_unprotected_messages(mut self) -> Self {
        self.least = None;
        self
    }

    /// What happens when the context's lifetime is over: the stream ends, unless set.
    #[must_use]
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// Takes the end of the connection for the end of what the peer had to say, even if the peer has not said so in a sealed
    /// message. Anybody on the way can then cut it short unseen. .NET's NegotiateStream never says so.
    #[must_use]
    pub fn dangerous_unannounced_end(mut self) -> Self {
        self.unannounced_end = true;
        self
    }

    /// Reads from the connection what has come, not one message at a time: fewer calls where many messages are small. What the
    /// peer sends behind its announced end, in another protocol, is then lost to whoever takes the connection back.
    ///
    /// Of MS-NNS streams; up to 16 KiB more than a message are held.
    #[must_use]
    pub fn read_ahead(mut self) -> Self {
        self.read_ahead = true;
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Answers acceptors whose guard [asks](handfast::ReplayGuard::asks_driver) whether a proof is new. Without it they take nobody.
    #[must_use]
    pub fn replays(mut self, replays: impl Replays + 'static) -> Self {
        self.replays = Some(Arc::new(replays));
        self
    }

    /// Asks these KDCs for the clients of acceptors whose policy relays to them (IAKERB): see
    /// [`Driver::relay`](crate::driver::Driver::relay). The handshake's time ends a wait for them in streams over tokio.
    #[must_use]
    pub fn relay(mut self, kdc: impl KdcExchange + Send + Sync + 'static) -> Self {
        self.relay = Some(Relay::new(kdc));
        self
    }

    /// The least protection of messages; `None` if they need none.
    pub(super) fn least(&self) -> Option<Protection> {
        self.least
    }

    pub(super) fn takes_unannounced_end(&self) -> bool {
        self.unannounced_end
    }

    pub(super) fn reads_ahead(&self) -> bool {
        self.read_ahead
    }

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.handshake_time)
    }

    pub(crate) fn driver(&self) -> Driver {
        let driver = Driver::new(self.clock.clone());
        let driver = match &self.replays {
            Some(replays) => driver.replays(Arc::clone(replays)),
            None => driver,
        };
        let driver = match &self.relay {
            Some(relay) => driver.relayed_by(relay.clone()),
            None => driver,
        };
        match self.least {
            Some(least) => driver.least_protection(least),
            None => driver,
        }
    }

    pub(super) fn lifetime(&self, context: &Context) -> Lifetime {
        Lifetime::new(context.expires(), self.expiry.clone(), self.clock.clone())
    }
}
