//! What an implementation must do to be measured.

use handfast_interop::Enctype;
use std::time::Duration;

/// A result whose error is only shown.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Where the initiator's service ticket is when a handshake begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tickets {
    /// In the process.
    Memory,
    /// In a `FILE` credential cache, which other processes may change between two contexts.
    File,
}

/// The security package of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Package {
    /// Kerberos V5 with mutual authentication; ticket, session key and subkeys are of this encryption type.
    Kerberos(Enctype),
    /// NTLM, version 2 of the response, which the acceptor checks with the account's secret. The server proves nothing.
    Ntlm,
    /// Kerberos as Negotiate's only offer, its token in the first message (RFC 4178).
    NegotiateKerberos(Enctype),
    /// NTLM as Negotiate's only offer.
    NegotiateNtlm,
}

impl From<Enctype> for Package {
    fn from(enctype: Enctype) -> Self {
        Package::Kerberos(enctype)
    }
}

/// One way to set up contexts: confidentiality, integrity and replay detection are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handshakes {
    /// What makes the contexts.
    pub package: Package,
    /// Where the ticket is.
    pub tickets: Tickets,
    /// Whether the acceptor keeps what it has seen.
    pub replay_cache: bool,
}

impl Handshakes {
    /// The ticket in memory, no replay cache.
    pub fn plain(package: impl Into<Package>) -> Self {
        Handshakes { package: package.into(), tickets: Tickets::Memory, replay_cache: false }
    }
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The initiator encrypts and protects it.
    Seal,
    /// The acceptor checks and decrypts it.
    Unseal,
    /// The initiator makes a token that proves it.
    Sign,
    /// The acceptor checks that token.
    Verify,
}

/// What both sides of a context have done since it was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// Nothing.
    Fresh,
    /// Each has sealed and signed a message for the other.
    Used,
}

/// What a KDC is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// A ticket-granting ticket, with an encrypted timestamp as proof (RFC 4120 3.1).
    As,
    /// A ticket for a service (RFC 4120 3.3).
    Tgs,
}

/// How a KDC is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a function of this process.
    Call,
    /// In datagrams over loopback, several on their way at a time.
    Udp,
}

/// The error of a contender that has no such way, or not here.
#[derive(Debug)]
pub struct NotThisWay;

impl std::fmt::Display for NotThisWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this contender can't do that")
    }
}

impl std::error::Error for NotThisWay {}

/// An implementation of both sides, in this process. Each call may end with [`NotThisWay`].
pub trait Contender {
    /// The head of its column.
    fn name(&self) -> &'static str;

    /// Sets up `count` contexts on each of `threads` threads at a time, both sides on the same thread, one after the
    /// other, each dropped when both sides are complete. They share what a program would share.
    fn handshakes(&mut self, how: Handshakes, threads: usize, count: usize) -> Result<()>;

    /// Sets up one context and keeps both sides.
    fn pair(&mut self, package: Package) -> Result<Box<dyn Pair>>;

    /// How many bytes of heap `count` contexts take, both sides.
    fn heap_of_pairs(&mut self, package: Package, past: Past, count: usize) -> Result<usize>;

    /// How long a new process takes for its first context, both sides: from the start of its `main`, with credential
    /// cache and keytab in files, to both being complete.
    fn first_context(&mut self, enctype: Enctype) -> Result<Duration>;

    /// Makes a key from a password, with the default iteration count, `count` times.
    fn string_to_key(&mut self, enctype: Enctype, count: usize) -> Result<()>;

    /// How long its KDC takes to grant `count` requests, all keys of aes256-cts-hmac-sha1-96.
    fn kdc(&mut self, exchange: Exchange, way: Way, count: usize) -> Result<Duration>;
}

/// Both sides of one context.
pub trait Pair {
    /// Makes ready for `count` calls of `operation` on `message`, not measured: for [`Operation::Unseal`] and
    /// [`Operation::Verify`] the initiator's tokens, checked to be good.
    fn prepare(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()>;

    /// Does what was prepared: `count` times `operation`, each output released before the next is made. An error if
    /// one fails.
    fn run(&mut self, operation: Operation, message: &[u8], count: usize) -> Result<()>;
}

/// Runs `work` on each of `threads` threads at a time. One thread is this one.
pub fn on_threads(threads: usize, work: impl Fn() -> std::result::Result<(), String> + Sync) -> Result<()> {
    let others = threads.saturating_sub(1);
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(&work)).collect();
        let mut results = vec![work()];
        results
            .extend(others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err("a thread panicked".into()))));
        Ok(results.into_iter().collect::<std::result::Result<(), String>>()?)
    })
}
