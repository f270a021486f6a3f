//! The acts: each mechanism by itself, and how it is cheated on.

use super::cheats::{self, Cheat};
use super::client::Spoken;

/// What is played: what the two ends may speak, and who cheats.
pub(super) struct Act {
    /// Its name in JSON.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What it is about, in a sentence or two.
    pub(super) note: &'static str,
    pub(super) spoken: Spoken,
    /// Whether both ends allow NTLM.
    pub(super) ntlm: bool,
    /// What the client has when it begins.
    pub(super) begin: Begin,
    /// The names of its parts in JSON, their titles, and the messages that they begin with.
    pub(super) phases: &'static [(&'static str, &'static str, &'static str)],
    pub(super) messages: &'static [&'static str],
    pub(super) cheats: &'static [Cheat],
}

/// What the client has when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Its password.
    Password,
    /// A ticket for the server, from a visit before.
    Ticket,
    /// Its password, and a KDC that does not answer.
    SilentKdc,
}

/// What the client says to the server, and the server says back.
pub(super) const MESSAGES: [&str; 2] = ["Hello, is it you?", "Then let us begin."];

const SEALED: (&str, &str, &str) = ("messages", "Messages: sealed and in order", "sealed");

pub(super) static KERBEROS: Act = Act {
    name: "kerberos",
    title: "Kerberos",
    note: "Each proves itself to the other by what only the two of them and the KDC can open.",
    spoken: Spoken::Kerberos,
    ntlm: false,
    begin: Begin::Password,
    phases: &[
        ("login", "Login: alice proves who she is", "AS-REQ"),
        ("ticket", "Ticket: one for the echo server", "TGS-REQ"),
        ("handshake", "Handshake: both prove themselves", "AP-REQ"),
        SEALED,
    ],
    messages: &MESSAGES,
    cheats: &cheats::KERBEROS,
};

pub(super) static NTLM: Act = Act {
    name: "ntlm",
    title: "NTLM",
    note: "NTLM proves alice to the server. It does not prove the server to alice: whoever answers may be anybody. Both ends had to allow it by name.",
    spoken: Spoken::Ntlm,
    ntlm: true,
    begin: Begin::Password,
    phases: &[("handshake", "Handshake: alice proves herself", "NEGOTIATE"), SEALED],
    messages: MESSAGES.as_slice().split_at(1).0,
    cheats: &cheats::NTLM,
};

pub(super) static NEGOTIATE_KERBEROS: Act = Act {
    name: "negotiate-kerberos",
    title: "Negotiate chooses Kerberos",
    note: "Alice has her ticket for the echo server. Both ends could do NTLM too, and Kerberos is better.",
    spoken: Spoken::Negotiate,
    ntlm: true,
    begin: Begin::Ticket,
    phases: &[("handshake", "Handshake: an offer, and its answer", "NegTokenInit"), SEALED],
    messages: MESSAGES.as_slice().split_at(1).0,
    cheats: &cheats::NEGOTIATE_KERBEROS,
};

pub(super) static NEGOTIATE_NTLM: Act = Act {
    name: "negotiate-ntlm",
    title: "Negotiate falls back to NTLM",
    note: "No KDC answers alice, and she has no ticket: what is left to offer is NTLM, and again nothing proves the server to her.",
    spoken: Spoken::Negotiate,
    ntlm: true,
    begin: Begin::SilentKdc,
    phases: &[
        ("login", "Login: no KDC answers", "AS-REQ"),
        ("handshake", "Handshake: NTLM, and the offer", "NegTokenInit"),
        SEALED,
    ],
    messages: MESSAGES.as_slice().split_at(1).0,
    cheats: &cheats::NEGOTIATE_NTLM,
};
