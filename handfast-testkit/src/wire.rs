use crate::{Clock, Kind, Leg, Message, tamper};
use handfast::mech::MechanismId;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What happens to a message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is lost.
    Drop,
    /// These bytes arrive in its place.
    Replace(Vec<u8>),
    /// Only this many of its bytes arrive.
    Cut(usize),
    /// These bytes arrive behind it.
    Append(Vec<u8>),
    /// The bits of `mask` are flipped in the byte at `offset`; nothing happens if it is shorter.
    Flip {
        /// Which byte.
        offset: usize,
        /// Which bits.
        mask: u8,
    },
    /// The message of this number arrives in its place, as it was sent.
    Replay(usize),
    /// It arrives later by this much: the clock is advanced for all.
    Delay(Duration),
    /// The MIC is taken out of an NTLM AUTHENTICATE message (MS-NLMP 2.2.1.3), by itself or in a token of Negotiate, as if
    /// its client were too old to make one. Nothing happens to other messages.
    DropMic,
    /// The `mechListMIC` is taken out of a token of Negotiate (RFC 4178 4.2). Nothing happens to other messages.
    DropMechListMic,
    /// A mechanism is taken out of a client's offer, a token of Negotiate (RFC 4178 4.2.1), and the optimistic token too if
    /// it was the first. Nothing happens to other messages.
    StripMechanism(MechanismId),
}

/// Which messages a fault befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one of this number, counted from 0.
    Number(usize),
    /// The next of this kind.
    Next(Kind),
    /// All on this way.
    Every(Leg),
}

impl From<usize> for Which {
    fn from(number: usize) -> Self {
        Which::Number(number)
    }
}

impl From<Kind> for Which {
    fn from(kind: Kind) -> Self {
        Which::Next(kind)
    }
}

impl From<Leg> for Which {
    fn from(leg: Leg) -> Self {
        Which::Every(leg)
    }
}

impl Which {
    fn is(self, message: &Message) -> bool {
        match self {
            Which::Number(number) => message.number == number,
            Which::Next(kind) => message.kind == kind,
            Which::Every(leg) => message.leg == leg,
        }
    }
}

type Script = Box<dyn FnMut(&Message) -> Option<Vec<u8>> + Send>;

/// What carries the messages between the parties: it records them, and does to them what a test asks for. Clones are
/// one wire.
///
/// ```
/// use handfast_testkit::{Fault, Kind, Testkit};
/// let kit = Testkit::new("EXAMPLE.COM");
/// kit.user("alice", "correct horse");
/// kit.service("HTTP/www.example.com");
/// kit.wire().fault(Kind::ApRep, Fault::Flip { offset: 30, mask: 1 });
/// kit.authenticate("alice", "HTTP/www.example.com").unwrap_err();
///
/// let kinds: Vec<_> = kit.wire().messages().iter().map(|message| message.kind.to_string()).collect();
/// let expected = ["AS-REQ", "KRB-ERROR", "AS-REQ", "AS-REP", "TGS-REQ", "TGS-REP", "AP-REQ", "AP-REP"];
/// assert_eq!(kinds, expected);
/// ```
#[derive(Clone)]
pub struct Wire {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    faults: Vec<(Which, Fault)>,
    script: Option<Script>,
}

impl Wire {
    /// A wire without faults.
    pub fn new(clock: Clock) -> Self {
        Wire { clock, state: Arc::default() }
    }

    /// A fault to come. Those of one message happen in the order in which they were asked for. [`Which::Next`] and
    /// [`Which::Number`] happen once.
    pub fn fault(&self, which: impl Into<Which>, fault: Fault) {
        self.state().faults.push((which.into(), fault));
    }

    /// Hands every message to `script`, which says what arrives; `None` if nothing does. Faults come after it.
    ///
    /// The script must not use this wire.
    pub fn script(&self, script: impl FnMut(&Message) -> Option<Vec<u8>> + Send + 'static) {
        self.state().script = Some(Box::new(script));
    }

    /// Takes faults to come and the script away.
    pub fn repair(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.script = None;
    }

    /// All messages until now.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// The last message of a kind.
    pub fn last(&self, kind: Kind) -> Option<Message> {
        self.state().messages.iter().rev().find(|message| message.kind == kind).cloned()
    }

    /// Forgets the messages; the next has the number 0.
    pub fn forget(&self) {
        self.state().messages.clear();
    }

    /// Sends a message; returns what arrives.
    pub fn carry(&self, leg: Leg, sent: Vec<u8>) -> Option<Vec<u8>> {
        let at = self.clock.right();
        let mut state = self.state();
        let number = state.messages.len();
        let mut message = Message { number, leg, kind: Kind::of(&sent), at, sent, arrived: None };
        message.arrived = match &mut state.script {
            Some(script) => script(&message),
            None => Some(message.sent.clone()),
        };
        for fault in state.due(&message) {
            message.arrived = self.apply(fault, message.arrived, &state.messages);
        }
        let arrived = message.arrived.clone();
        state.messages.push(message);
        arrived
    }

    fn apply(&self, fault: Fault, arrived: Option<Vec<u8>>, before: &[Message]) -> Option<Vec<u8>> {
        match fault {
            Fault::Drop => return None,
            Fault::Replace(bytes) => return Some(bytes),
            Fault::Replay(number) => return before.get(number).map(|message| message.sent.clone()),
            Fault::Delay(duration) => self.clock.advance(duration),
            _ => {}
        }
        let mut bytes = arrived?;
        match fault {
            Fault::Cut(length) => bytes.truncate(length),
            Fault::Append(more) => bytes.extend(more),
            Fault::Flip { offset, mask } => bytes.iter_mut().skip(offset).take(1).for_each(|byte| *byte ^= mask),
            Fault::DropMic => bytes = tamper::without_mic(bytes),
            Fault::DropMechListMic => bytes = tamper::without_mech_list_mic(bytes),
            Fault::StripMechanism(mechanism) => bytes = tamper::without_mechanism(bytes, mechanism),
            _ => {}
        }
        Some(bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The faults of this message; those that happen once are gone then.
    fn due(&mut self, message: &Message) -> Vec<Fault> {
        let due = self.faults.iter().filter(|(which, _)| which.is(message)).map(|(_, fault)| fault.clone()).collect();
        self.faults.retain(|(which, _)| matches!(which, Which::Every(_)) || !which.is(message));
        due
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Wire")
            .field("messages", &state.messages.len())
            .field("faults", &state.faults)
            .finish_non_exhaustive()
    }
}
