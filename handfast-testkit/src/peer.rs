use crate::SeededRandom;
use handfast::crypto::Random;
use std::collections::VecDeque;

/// An end that takes tokens (or requests) and may answer them. A closure is one, and so is a [`ScriptedPeer`].
pub trait Peer {
    /// The answer to `message`; `None` for silence.
    fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>>;
}

impl<F: FnMut(&[u8]) -> Option<Vec<u8>>> Peer for F {
    fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        self(message)
    }
}

/// One answer of a [`ScriptedPeer`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Say {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// This many bytes that mean nothing.
    Garbage(usize),
    /// What it was sent.
    Reflect,
}

/// A peer that has no secret: it gives the answers of a list, one after the other, and is silent then.
///
/// ```
/// use handfast_testkit::{End, Say, ScriptedPeer, Testkit};
/// let kit = Testkit::new("EXAMPLE.COM");
/// kit.user("alice", "correct horse");
/// kit.service("HTTP/www.example.com");
/// let impostor = ScriptedPeer::new([Say::Reflect]);
/// let end = kit.handshake("alice", "HTTP/www.example.com").against(impostor);
/// assert!(matches!(end, End::Failed(_)));
/// ```
#[derive(Debug)]
pub struct ScriptedPeer {
    says: VecDeque<Say>,
    random: SeededRandom,
}

impl ScriptedPeer {
    /// A peer that gives these answers.
    pub fn new(says: impl IntoIterator<Item = Say>) -> Self {
        ScriptedPeer { says: says.into_iter().collect(), random: SeededRandom::new(0) }
    }

    /// Whether it has an answer left.
    pub fn has_more(&self) -> bool {
        !self.says.is_empty()
    }
}

impl Extend<Say> for ScriptedPeer {
    fn extend<T: IntoIterator<Item = Say>>(&mut self, says: T) {
        self.says.extend(says);
    }
}

impl Peer for ScriptedPeer {
    fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        match self.says.pop_front()? {
            Say::Nothing => None,
            Say::Bytes(bytes) => Some(bytes),
            Say::Garbage(length) => {
                let mut bytes = vec![0; length];
                self.random.fill(&mut bytes).ok()?;
                Some(bytes)
            }
            Say::Reflect => Some(message.to_vec()),
        }
    }
}
