//! Drives a handshake over a byte stream until there is a context: sends tokens, receives them, asks the KDC, reads the clock.
//!
//! ```no_run
//! use handfast::{Credential, Initiator, Policy, ServiceName};
//! use handfast_net::driver::{Driver, NnsCarrier, NoKdc};
//! use handfast_net::{Clock, Deadline, Timed};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let credential = Credential::password("alice@EXAMPLE.COM".parse()?, "correct horse");
//! let initiator = Initiator::new(Policy::default());
//! let target: ServiceName = "HTTP/www.example.com".parse()?;
//! let tcp = std::net::TcpStream::connect("www.example.com:8080")?;
//! let mut timed = Timed::new(&tcp, Deadline::after(std::time::Duration::from_secs(30)))?;
//! let driver = Driver::new(Clock::system());
//! let context =
//!     driver.initiate(initiator.to(&target).credential(&credential), &NoKdc, &mut NnsCarrier::initiator(&mut timed))?;
//! println!("{} is proven", context.peer());
//! # Ok(())
//! # }
//! ```
//!
//! # When one side refuses
//! What the mechanism has to say to the peer (Kerberos: a KRB-ERROR token) is sent where the framing has a place for it.
//! [gss-sample](crate::framing::gss_sample) has. \[MS-NNS\] has not: a side whose mechanism fails sends HandshakeError with an error
//! code and nothing else (3.1.5.1, 3.2.5.2); so there the mechanism's token is dropped, and every refusal
//! carries the same code, [`ErrorCode::LOGON_DENIED`](crate::framing::nns::ErrorCode::LOGON_DENIED).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::{
    Accept, Account, Answer, Context, Error, Flags, Initiate, Logon, Protection, Question, Session, Target, Time,
};

use crate::Clock;
use crate::kdc::KdcAddress;

mod carrier;
mod error;
pub(crate) mod gss_sample;
pub(crate) mod nns;

pub use carrier::{Carrier, Reason};
pub use error::HandshakeError;
pub use gss_sample::GssSampleCarrier;
pub use nns::NnsCarrier;

/// Carries a request to a KDC of a realm and brings the answer; may wait.
///
/// [`Kdcs`](crate::Kdcs) asks the KDCs that krb5.conf names; a closure can be one, too.
pub trait KdcExchange {
    /// The answer of a KDC of `request.realm`.
    ///
    /// # Errors
    /// If none answers, with each one's reason.
    fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable>;

    /// The same, and which KDC it was; who doesn't know that leaves it out.
    ///
    /// # Errors
    /// As for [`exchange`](Self::exchange).
    fn exchange_noted(&self, request: &KdcRequest) -> Result<KdcAnswer, KdcUnreachable> {
        self.exchange(request).map(|bytes| KdcAnswer { bytes, from: None })
    }

    /// Whether one of these is a replica, which may learn of a new password later than the primary KDC of its realm. Not, unless it
    /// is known who is that. May wait.
    fn any_replica(&self, heard: &[HeardKdc]) -> bool {
        let _ = heard;
        false
    }

    /// The answer of a primary KDC of `request.realm`; asked for only if there [is one](Self::any_replica).
    ///
    /// # Errors
    /// If none answers, with each one's reason.
    fn exchange_with_primary(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        self.exchange(request)
    }
}

/// The answer of a KDC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcAnswer {
    /// An encoded AS-REP, TGS-REP or KRB-ERROR.
    pub bytes: Vec<u8>,
    /// Who gave it, if that is known: not behind a KDC proxy.
    pub from: Option<HeardKdc>,
}

/// A KDC that has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardKdc {
    /// Of which realm.
    pub realm: String,
    /// As it is configured, or as the DNS has it.
    pub kdc: KdcAddress,
    /// From where it answered.
    pub address: SocketAddr,
}

impl<F: Fn(&KdcRequest) -> Result<Vec<u8>, KdcUnreachable>> KdcExchange for F {
    fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        self(request)
    }
}

/// Whom an acceptor asks for its clients (IAKERB).
#[derive(Clone)]
pub(crate) struct Relay(Arc<dyn KdcExchange + Send + Sync>);

impl Relay {
    pub(crate) fn new(kdc: impl KdcExchange + Send + Sync + 'static) -> Self {
        Relay(Arc::new(kdc))
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relay(..)")
    }
}

/// No KDC is asked: enough for an initiator that holds a ticket for its target, and for every acceptor that relays for nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKdc;

impl KdcExchange for NoKdc {
    fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        Err(KdcUnreachable { realm: request.realm.clone(), tried: Vec::new() })
    }
}

/// Knows the accounts that may log on with a password's hash (NTLM); may wait.
pub trait Accounts {
    /// What is known of the account that `logon` names.
    fn find(&self, logon: &Logon) -> Account;
}

impl<F: Fn(&Logon) -> Account> Accounts for F {
    fn find(&self, logon: &Logon) -> Account {
        self(logon)
    }
}

/// Remembers which proofs were presented, for acceptors that [ask for it](handfast::ReplayGuard::asks_driver); it may wait for a file
/// or another process.
pub trait Replays: fmt::Debug + Send + Sync {
    /// Whether a proof with this checksum was presented before; if not, it is remembered from `now` on, for `keep`.
    ///
    /// # Errors
    /// If that can't be told: the client is refused.
    fn check(&self, checksum: &[u8], keep: Duration, now: Time) -> io::Result<Seen>;
}

/// Whether a proof was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not yet.
    Never,
    /// It was.
    Before,
}

/// What is known of a proof, as the handshake is told it.
pub(crate) fn verdict(replays: &dyn Replays, checksum: &[u8], keep: Duration, now: Time) -> Answer {
    match replays.check(checksum, keep, now) {
        Ok(Seen::Never) => Answer::Fresh,
        Ok(Seen::Before) => Answer::Replayed,
        Err(error) => Answer::ReplayUnknown(error.to_string()),
    }
}

/// Knows no account: every logon that needs one is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAccounts;

impl Accounts for NoAccounts {
    fn find(&self, _: &Logon) -> Account {
        Account::Unavailable
    }
}

/// Drives handshakes: blocking, one at a time, over whatever [`Carrier`] it is given.
///
/// Time is bounded by the carrier's stream (see [`Timed`](crate::Timed)) and by the KDC exchange; the number of steps and the size of
/// tokens by the [`Policy`](handfast::Policy) of the initiator or acceptor. Questions of the mechanism are declined.
#[derive(Clone, Debug, Default)]
pub struct Driver {
    clock: Clock,
    least: Option<Protection>,
    replays: Option<Arc<dyn Replays>>,
    relay: Option<Relay>,
}

impl Driver {
    /// A driver that takes the time from `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Driver { clock, least: None, replays: None, relay: None }
    }

    /// Refuses a context that can't protect messages at least so; the peer is told before its own context is complete, where
    /// the framing can say it.
    #[must_use]
    pub fn least_protection(mut self, least: Protection) -> Self {
        self.least = Some(least);
        self
    }

    /// Answers acceptors that ask whether a proof is new.
    #[must_use]
    pub fn replays(mut self, replays: Arc<dyn Replays>) -> Self {
        self.replays = Some(replays);
        self
    }

    /// Asks KDCs for the clients of acceptors whose policy relays to them
    /// ([`Policy::relay_iakerb`](handfast::Policy::relay_iakerb)). Without it no KDC is known, and such clients are told so.
    #[must_use]
    pub fn relay(self, kdc: impl KdcExchange + Send + Sync + 'static) -> Self {
        self.relayed_by(Relay::new(kdc))
    }

    pub(crate) fn relayed_by(mut self, relay: Relay) -> Self {
        self.relay = Some(relay);
        self
    }

    /// What a KDC answers to a request of a client of ours.
    pub(crate) fn relayed(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        match &self.relay {
            Some(Relay(kdc)) => kdc.exchange(request),
            None => NoKdc.exchange(request),
        }
    }

    pub(crate) fn asks_replays(&self, question: &Question) -> Option<(Arc<dyn Replays>, Vec<u8>, Duration)> {
        match question {
            Question::Replay { checksum, keep } => {
                self.replays.as_ref().map(|replays| (Arc::clone(replays), checksum.clone(), *keep))
            }
            _ => None,
        }
    }

    /// The initiator's side of a handshake.
    ///
    /// # Errors
    /// [`HandshakeError`]: the peer has been told that it failed, if there was a way to tell it.
    pub fn initiate(
        &self,
        target: Target<'_>,
        kdc: &(impl KdcExchange + ?Sized),
        carrier: &mut (impl Carrier + ?Sized),
    ) -> Result<Context, HandshakeError> {
        let mut out = Vec::new();
        let mut step = target.begin(self.now(), &mut out);
        loop {
            step = match told(step, &out, carrier)? {
                Initiate::Complete(context) => return self.complete(context, &out, carrier),
                Initiate::NeedsToken(next) => {
                    let token = exchange_tokens(&mut out, carrier)?;
                    next.step(&token, self.now(), &mut out)
                }
                Initiate::NeedsKdc(next) => match kdc.exchange(next.request()) {
                    Ok(reply) => next.reply(&reply, self.now(), &mut out),
                    Err(tried) => next.unreachable(tried, self.now(), &mut out),
                },
                Initiate::NeedsAnswer(next) => next.decline(self.now(), &mut out),
            };
        }
    }

    /// The acceptor's side of a handshake.
    ///
    /// # Errors
    /// As for [`initiate`](Self::initiate).
    pub fn accept(
        &self,
        session: Session<'_>,
        accounts: &(impl Accounts + ?Sized),
        carrier: &mut (impl Carrier + ?Sized),
    ) -> Result<Context, HandshakeError> {
        let mut out = Vec::new();
        let token = carrier.receive()?;
        let mut step = session.begin().step(&token, self.now(), &mut out);
        loop {
            step = match told(step, &out, carrier)? {
                Accept::Complete(context) => return self.complete(context, &out, carrier),
                Accept::NeedsToken(next) => {
                    let token = exchange_tokens(&mut out, carrier)?;
                    next.step(&token, self.now(), &mut out)
                }
                Accept::NeedsKdc(next) => match self.relayed(next.request()) {
                    Ok(reply) => next.reply(&reply, self.now(), &mut out),
                    Err(tried) => next.unreachable(tried, self.now(), &mut out),
                },
                Accept::NeedsAccount(next) => {
                    let account = accounts.find(next.logon());
                    next.answer(account, self.now(), &mut out)
                }
                Accept::NeedsAnswer(next) => match self.asks_replays(next.question()) {
                    Some((replays, checksum, keep)) => {
                        next.answer(verdict(&*replays, &checksum, keep, self.now()), self.now(), &mut out)
                    }
                    None => next.decline(self.now(), &mut out),
                },
            };
        }
    }

    fn complete(
        &self,
        context: Context,
        out: &[u8],
        carrier: &mut (impl Carrier + ?Sized),
    ) -> Result<Context, HandshakeError> {
        self.check_protection(&context).inspect_err(|_| carrier.refuse(Reason::NotProtected, &[]))?;
        carrier.send(out, true)?;
        carrier.finish()?;
        Ok(context)
    }

    /// Fails if `context` can't protect messages as is required.
    pub(crate) fn check_protection(&self, context: &Context) -> Result<(), HandshakeError> {
        match self.least.filter(|least| !context.flags().contains(flag_of(*least))) {
            Some(least) => Err(HandshakeError::NotProtected { least, flags: context.flags() }),
            None => Ok(()),
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }
}

/// The flag of a context whose messages can be protected so.
pub(crate) fn flag_of(protection: Protection) -> Flags {
    match protection {
        Protection::Integrity => Flags::INTEGRITY,
        Protection::Confidentiality => Flags::CONFIDENTIALITY,
    }
}

/// If the mechanism fails, the peer is told what the mechanism has to say to it.
fn told<T>(step: Result<T, Error>, out: &[u8], carrier: &mut (impl Carrier + ?Sized)) -> Result<T, HandshakeError> {
    step.map_err(|error| {
        carrier.refuse(Reason::Denied, out);
        HandshakeError::Mechanism(error)
    })
}

/// Sends our token and receives the peer's.
fn exchange_tokens(out: &mut Vec<u8>, carrier: &mut (impl Carrier + ?Sized)) -> Result<Vec<u8>, HandshakeError> {
    carrier.send(out, false)?;
    out.clear();
    carrier.receive()
}
