use std::future::Future;
use std::io;

use handfast::krb5::exchange::{KdcAttempt, KdcRequest, KdcUnreachable};
use handfast::{Accept, Account, Answer, Context, Error, Initiate, Logon, Protection, Session, Target};

use super::Carrier;
use crate::driver::{self, HandshakeError, HeardKdc, KdcAnswer, NoAccounts, NoKdc, Reason};
use crate::framing::FrameError;
use crate::{Clock, Deadline};

/// Carries a request to a KDC of a realm and brings the answer: the twin of [`crate::driver::KdcExchange`].
///
/// [`Kdcs`](crate::Kdcs) is one. So is a function that takes what it needs of the request and returns a future:
///
/// ```
/// use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
/// use handfast_net::tokio::KdcExchange;
/// fn is_one(_: &impl KdcExchange) {}
/// is_one(&|request: &KdcRequest| {
///     let realm = request.realm.clone();
///     async move { Err(KdcUnreachable { realm, tried: Vec::new() }) }
/// });
/// ```
pub trait KdcExchange: Sync {
    /// The answer of a KDC of `request.realm`; or, if none answers, each one's reason.
    fn exchange(&self, request: &KdcRequest) -> impl Future<Output = Result<Vec<u8>, KdcUnreachable>> + Send;

    /// The same, and which KDC it was; who doesn't know that leaves it out.
    fn exchange_noted(&self, request: &KdcRequest) -> impl Future<Output = Result<KdcAnswer, KdcUnreachable>> + Send {
        async { Ok(KdcAnswer { bytes: self.exchange(request).await?, from: None }) }
    }

    /// Whether one of these is a replica: the twin of [`crate::driver::KdcExchange::any_replica`].
    fn any_replica(&self, heard: &[HeardKdc]) -> impl Future<Output = bool> + Send {
        let _ = heard;
        std::future::ready(false)
    }

    /// The answer of a primary KDC of `request.realm`; asked for only if there [is one](Self::any_replica).
    fn exchange_with_primary(
        &self,
        request: &KdcRequest,
    ) -> impl Future<Output = Result<Vec<u8>, KdcUnreachable>> + Send {
        self.exchange(request)
    }
}

impl<F, Answer> KdcExchange for F
where
    F: Fn(&KdcRequest) -> Answer + Sync,
    Answer: Future<Output = Result<Vec<u8>, KdcUnreachable>> + Send,
{
    fn exchange(&self, request: &KdcRequest) -> impl Future<Output = Result<Vec<u8>, KdcUnreachable>> + Send {
        self(request)
    }
}

impl KdcExchange for NoKdc {
    async fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        driver::KdcExchange::exchange(self, request)
    }
}

/// Knows the accounts that may log on with a password's hash (NTLM): the twin of [`crate::driver::Accounts`].
///
/// So does a function that takes what it needs of the logon and returns a future; for a table in memory,
/// `|logon: &Logon| std::future::ready(table.find(logon))`.
pub trait Accounts: Sync {
    /// What is known of the account that `logon` names.
    fn find(&self, logon: &Logon) -> impl Future<Output = Account> + Send;
}

impl<F, Answer> Accounts for F
where
    F: Fn(&Logon) -> Answer + Sync,
    Answer: Future<Output = Account> + Send,
{
    fn find(&self, logon: &Logon) -> impl Future<Output = Account> + Send {
        self(logon)
    }
}

impl Accounts for NoAccounts {
    async fn find(&self, logon: &Logon) -> Account {
        driver::Accounts::find(self, logon)
    }
}

/// Drives handshakes over whatever [`Carrier`] it is given: the twin of [`crate::driver::Driver`].
///
/// Its futures are `Send`. A handshake whose future is dropped is over: its stream is in the middle of something.
#[derive(Clone, Debug)]
pub struct Driver {
    inner: driver::Driver,
    deadline: Deadline,
}

impl Driver {
    /// A driver that takes the time from `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Driver::from(driver::Driver::new(clock))
    }

    /// Refuses a context that can't protect messages at least so: see
    /// [`least_protection`](crate::driver::Driver::least_protection).
    #[must_use]
    pub fn least_protection(mut self, least: Protection) -> Self {
        self.inner = self.inner.least_protection(least);
        self
    }

    /// Asks KDCs for clients: see [`relay`](crate::driver::Driver::relay). Each request takes a thread of those that may block.
    #[must_use]
    pub fn relay(mut self, kdc: impl driver::KdcExchange + Send + Sync + 'static) -> Self {
        self.inner = self.inner.relay(kdc);
        self
    }

    /// Ends every wait of a handshake (for the peer, a KDC, an account store) when `deadline` passes, with
    /// [`io::ErrorKind::TimedOut`]. There is none unless set.
    #[must_use]
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }

    /// The initiator's side of a handshake.
    ///
    /// # Errors
    /// [`HandshakeError`]: the peer has been told that it failed, if there was a way to tell it.
    pub async fn initiate<K: KdcExchange, C: Carrier>(
        &self,
        target: Target<'_>,
        kdc: &K,
        carrier: &mut C,
    ) -> Result<Context, HandshakeError> {
        let mut out = Vec::new();
        let mut step = target.begin(self.inner.now(), &mut out);
        loop {
            step = match self.told(step, &out, carrier).await? {
                Initiate::Complete(context) => return self.complete(context, &out, carrier).await,
                Initiate::NeedsToken(next) => {
                    let token = self.exchange_tokens(&mut out, carrier).await?;
                    next.step(&token, self.inner.now(), &mut out)
                }
                Initiate::NeedsKdc(next) => match self.ask(kdc, next.request().clone()).await? {
                    Ok(reply) => next.reply(&reply, self.inner.now(), &mut out),
                    Err(tried) => next.unreachable(tried, self.inner.now(), &mut out),
                },
                Initiate::NeedsAnswer(next) => next.decline(self.inner.now(), &mut out),
            };
        }
    }

    /// The acceptor's side of a handshake.
    ///
    /// # Errors
    /// As for [`initiate`](Self::initiate).
    pub async fn accept<A: Accounts, C: Carrier>(
        &self,
        session: Session<'_>,
        accounts: &A,
        carrier: &mut C,
    ) -> Result<Context, HandshakeError> {
        let mut out = Vec::new();
        let token = self.within(PEER, carrier.receive()).await??;
        let mut step = session.begin().step(&token, self.inner.now(), &mut out);
        loop {
            step = match self.told(step, &out, carrier).await? {
                Accept::Complete(context) => return self.complete(context, &out, carrier).await,
                Accept::NeedsToken(next) => {
                    let token = self.exchange_tokens(&mut out, carrier).await?;
                    next.step(&token, self.inner.now(), &mut out)
                }
                Accept::NeedsKdc(next) => match self.ask_for_client(next.request().clone()).await? {
                    Ok(reply) => next.reply(&reply, self.inner.now(), &mut out),
                    Err(tried) => next.unreachable(tried, self.inner.now(), &mut out),
                },
                Accept::NeedsAccount(next) => {
                    let logon = next.logon().clone();
                    let account = self.within("the account store", accounts.find(&logon)).await?;
                    next.answer(account, self.inner.now(), &mut out)
                }
                Accept::NeedsAnswer(next) => match self.inner.asks_replays(next.question()) {
                    Some((replays, checksum, keep)) => {
                        let now = self.inner.now();
                        let ask = move || driver::verdict(&*replays, &checksum, keep, now);
                        let broken = |_| Answer::ReplayUnknown("a thread of ours broke".into());
                        let asked = async { ::tokio::task::spawn_blocking(ask).await.unwrap_or_else(broken) };
                        let answer = self.within("the replay cache", asked).await?;
                        next.answer(answer, self.inner.now(), &mut out)
                    }
                    None => next.decline(self.inner.now(), &mut out),
                },
            };
        }
    }

    async fn complete<C: Carrier>(
        &self,
        context: Context,
        out: &[u8],
        carrier: &mut C,
    ) -> Result<Context, HandshakeError> {
        if let Err(error) = self.inner.check_protection(&context) {
            self.refuse(Reason::NotProtected, &[], carrier).await;
            return Err(error);
        }
        self.within(PEER, carrier.send(out, true)).await??;
        self.within(PEER, carrier.finish()).await??;
        Ok(context)
    }

    /// If the mechanism fails, the peer is told what the mechanism has to say to it.
    async fn told<T, C: Carrier>(
        &self,
        step: Result<T, Error>,
        out: &[u8],
        carrier: &mut C,
    ) -> Result<T, HandshakeError> {
        match step {
            Ok(step) => Ok(step),
            Err(error) => {
                self.refuse(Reason::Denied, out, carrier).await;
                Err(HandshakeError::Mechanism(error))
            }
        }
    }

    async fn refuse<C: Carrier>(&self, reason: Reason, token: &[u8], carrier: &mut C) {
        // The peer may not listen, and the handshake has failed already.
        let _ = self.within(PEER, carrier.refuse(reason, token)).await;
    }

    /// Sends our token and receives the peer's.
    async fn exchange_tokens<C: Carrier>(&self, out: &mut Vec<u8>, carrier: &mut C) -> Result<Vec<u8>, HandshakeError> {
        self.within(PEER, carrier.send(out, false)).await??;
        out.clear();
        self.within(PEER, carrier.receive()).await?
    }

    async fn ask<K: KdcExchange>(
        &self,
        kdc: &K,
        request: KdcRequest,
    ) -> Result<Result<Vec<u8>, KdcUnreachable>, HandshakeError> {
        let who = format!("the KDCs of the realm {}", request.realm);
        self.within(&who, kdc.exchange(&request)).await
    }

    /// Asks a KDC for a client, on a thread: who does so for thousands at once is asked for too much.
    async fn ask_for_client(&self, request: KdcRequest) -> Result<Result<Vec<u8>, KdcUnreachable>, HandshakeError> {
        let who = format!("the KDCs of the realm {}", request.realm);
        let (driver, realm) = (self.inner.clone(), request.realm.clone());
        let broken = move |_| {
            let attempt = KdcAttempt { kdc: "no KDC".into(), reason: "a thread of ours broke".into() };
            Err(KdcUnreachable { realm, tried: vec![attempt] })
        };
        let ask = move || driver.relayed(&request);
        let asked = async { ::tokio::task::spawn_blocking(ask).await.unwrap_or_else(broken) };
        self.within(&who, asked).await
    }

    /// Waits for `done`, but not longer than the deadline lets it.
    async fn within<T>(&self, who: &str, done: impl Future<Output = T> + Send) -> Result<T, HandshakeError> {
        let Some(left) = self.deadline.left() else { return Ok(done.await) };
        ::tokio::time::timeout(left, done).await.map_err(|_| {
            let late = format!("its time was over: {who} took too long");
            HandshakeError::Frame(FrameError::Io(io::Error::new(io::ErrorKind::TimedOut, late)))
        })
    }
}

const PEER: &str = "the peer";

impl From<driver::Driver> for Driver {
    fn from(inner: driver::Driver) -> Self {
        Driver { inner, deadline: Deadline::never() }
    }
}
