//! What an implementation must do to be measured.

use handfast_interop::Enctype;

/// A result whose error is only shown.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Where the initiator's service ticket is when a handshake begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tickets {
    /// In the process.
    Memory,
    /// In a `FILE` credential cache, read for each context.
    File,
}

/// One way to set up contexts: mutual authentication, confidentiality, integrity and replay detection are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handshakes {
    /// The encryption type of ticket, session key and subkeys.
    pub enctype: Enctype,
    /// Where the ticket is.
    pub tickets: Tickets,
    /// Whether the acceptor keeps what it has seen. One that always does does it in either case.
    pub replay_cache: bool,
}

impl Handshakes {
    /// The ticket in memory, no replay cache.
    pub fn plain(enctype: Enctype) -> Self {
        Handshakes { enctype, tickets: Tickets::Memory, replay_cache: false }
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

/// An implementation of both sides, in this process and on this thread.
pub trait Contender {
    /// The head of its column.
    fn name(&self) -> &'static str;

    /// Sets up `count` contexts, both sides, one after the other, each dropped when both sides are complete.
    fn handshakes(&mut self, how: Handshakes, count: usize) -> Result<()>;

    /// Sets up one context and keeps both sides.
    fn pair(&mut self, enctype: Enctype) -> Result<Box<dyn Pair>>;
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
