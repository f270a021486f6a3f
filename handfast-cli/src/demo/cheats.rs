//! The cheats on each mechanism, and who has to see through them.

use super::Trouble;
use super::client::Visit;
use super::play::Theatre;
use super::server::Attended;
use super::tries::*;
use super::verdict::{End, Expected, Reason, Verdict};
use super::wire::Party;

/// A way to cheat, and who has to see through it.
pub(super) struct Cheat {
    /// Its name in JSON.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What is done, in a sentence.
    pub(super) what: &'static str,
    pub(super) expected: Expected,
    /// How many sealed messages pass before the cheat.
    pub(super) honest_messages: usize,
    pub(super) try_it: fn(&Theatre<'_>) -> Result<Tried, Trouble>,
}

/// What both ends say of a try.
pub(super) struct Tried {
    pub(super) client: Visit,
    pub(super) server: Attended,
    /// With how many sets of flags it was tried and refused, if with more than one.
    pub(super) flag_sets: Option<Count>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) refused: usize,
    pub(super) tried: usize,
}

/// A cheat that was tried, and what each side says of it.
pub(super) struct Attempt {
    pub(super) cheat: &'static Cheat,
    /// Who was convinced by the cheat, if anybody.
    pub(super) convinced: Option<Party>,
    /// How each side that did not come to its end says why.
    pub(super) ends: Vec<(Party, End)>,
    /// With how many sets of flags it was tried and refused, if with more than one.
    pub(super) flag_sets: Option<Count>,
    /// How many bytes went over sockets for it.
    pub(super) bytes: usize,
}

/// On Kerberos, in the order of a connection.
pub(super) static KERBEROS: [Cheat; 12] = [
    Cheat {
        name: "wrong-password",
        title: "a wrong password",
        what: "Somebody logs in as alice and guesses her password.",
        expected: Expected { by: Party::Kdc, reason: Reason::WrongPassword },
        honest_messages: 0,
        try_it: wrong_password,
    },
    Cheat {
        name: "skewed-clock-login",
        title: "a wrong clock, at login",
        what: "Alice logs in with the right password; her clock is 10 minutes fast, and she trusts it.",
        expected: Expected { by: Party::Kdc, reason: Reason::ClockSkew },
        honest_messages: 0,
        try_it: skewed_login,
    },
    Cheat {
        name: "skewed-clock",
        title: "a wrong clock, at the server",
        what: "Alice has her ticket, and then her clock goes 10 minutes fast.",
        expected: Expected { by: Party::Server, reason: Reason::ClockSkew },
        honest_messages: 0,
        try_it: skewed_clock,
    },
    Cheat {
        name: "wrong-service",
        title: "a ticket for another service",
        what: "Alice shows the echo server a good ticket of hers for the vault.",
        expected: Expected { by: Party::Server, reason: Reason::UnknownService },
        honest_messages: 0,
        try_it: wrong_service,
    },
    Cheat {
        name: "wrong-secret",
        title: "a wrong secret, whatever flags",
        what: "Somebody has alice's ticket and not its key, and asks for every set of flags there is.",
        expected: Expected { by: Party::Server, reason: Reason::NotTheTicketsKey },
        honest_messages: 0,
        try_it: wrong_ticket_keys,
    },
    Cheat {
        name: "replayed-token",
        title: "a replayed token",
        what: "A thief sends, on a new connection, the AP-REQ that alice sent a moment ago.",
        expected: Expected { by: Party::Server, reason: Reason::Replay },
        honest_messages: 0,
        try_it: replayed_token,
    },
    Cheat {
        name: "flipped-bit-token",
        title: "a flipped bit in a token",
        what: "On its way, one bit of alice's AP-REQ is turned over.",
        expected: Expected { by: Party::Server, reason: Reason::NotTheTicketsKey },
        honest_messages: 0,
        try_it: flipped_token,
    },
    Cheat {
        name: "flipped-bit-message",
        title: "a flipped bit in a message",
        what: "The handshake is honest; one bit of a sealed message is turned over.",
        expected: Expected { by: Party::Server, reason: Reason::ChangedMessage },
        honest_messages: 0,
        try_it: flipped_message,
    },
    Cheat {
        name: "repeated-message",
        title: "a repeated message",
        what: "The handshake is honest; a sealed message arrives a second time.",
        expected: Expected { by: Party::Server, reason: Reason::RepeatedMessage },
        honest_messages: 1,
        try_it: repeated_message,
    },
    Cheat {
        name: "wrong-keytab",
        title: "a wrong keytab",
        what: "A server whose keytab is not the KDC's: the right name, another key.",
        expected: Expected { by: Party::Server, reason: Reason::WrongKey },
        honest_messages: 0,
        try_it: wrong_keytab,
    },
    Cheat {
        name: "impostor",
        title: "an impostor for a server",
        what: "A server without any key takes alice's ticket and makes up a proof.",
        expected: Expected { by: Party::Client, reason: Reason::AcceptorNotProven },
        honest_messages: 0,
        try_it: impostor,
    },
    Cheat {
        name: "reflected-token",
        title: "a reflected token",
        what: "A server sends alice's own token back to her.",
        expected: Expected { by: Party::Client, reason: Reason::AcceptorNotProven },
        honest_messages: 0,
        try_it: reflected_token,
    },
];

/// On NTLM.
pub(super) static NTLM: [Cheat; 10] = [
    Cheat {
        name: "wrong-password",
        title: "a wrong password",
        what: "Somebody guesses alice's password.",
        expected: Expected { by: Party::Server, reason: Reason::NotProven },
        honest_messages: 0,
        try_it: wrong_ntlm_password,
    },
    Cheat {
        name: "wrong-secret",
        title: "a wrong secret, whatever flags",
        what: "Somebody guesses, and asks for every set of flags there is.",
        expected: Expected { by: Party::Server, reason: Reason::NotProven },
        honest_messages: 0,
        try_it: wrong_ntlm_secrets,
    },
    Cheat {
        name: "wrong-service",
        title: "a proof for another service",
        what: "Alice means the vault, and somebody leads her to the echo server.",
        expected: Expected { by: Party::Server, reason: Reason::OtherTarget },
        honest_messages: 0,
        try_it: wrong_service,
    },
    Cheat {
        name: "replayed-token",
        title: "a replayed proof",
        what: "A thief sends, on a new connection, what alice sent a moment ago.",
        expected: Expected { by: Party::Server, reason: Reason::NotProven },
        honest_messages: 0,
        try_it: replayed_token,
    },
    Cheat {
        name: "dropped-mic",
        title: "a dropped MIC",
        what: "The MIC over all messages is taken out of alice's last one.",
        expected: Expected { by: Party::Server, reason: Reason::MicAbsent },
        honest_messages: 0,
        try_it: dropped_mic,
    },
    Cheat {
        name: "flipped-bit-token",
        title: "a flipped bit in a token",
        what: "On its way, one bit of alice's last message is turned over.",
        expected: Expected { by: Party::Server, reason: Reason::MicMismatch },
        honest_messages: 0,
        try_it: flipped_last_token,
    },
    Cheat {
        name: "flipped-bit-message",
        title: "a flipped bit in a message",
        what: "The handshake is honest; one bit of a sealed message is turned over.",
        expected: Expected { by: Party::Server, reason: Reason::ChangedMessage },
        honest_messages: 0,
        try_it: flipped_ntlm_message,
    },
    Cheat {
        name: "repeated-message",
        title: "a repeated message",
        what: "The handshake is honest; a sealed message arrives a second time.",
        expected: Expected { by: Party::Server, reason: Reason::RepeatedMessage },
        honest_messages: 1,
        try_it: repeated_message,
    },
    Cheat {
        name: "reflected-token",
        title: "a reflected token",
        what: "A server sends alice's own token back to her.",
        expected: Expected { by: Party::Client, reason: Reason::NoAnswer },
        honest_messages: 0,
        try_it: reflected_token,
    },
    Cheat {
        name: "impostor",
        title: "an impostor, once it speaks",
        what: "A server that knows no account makes up a challenge. Alice can't tell, and believes it: that is NTLM. But it can't open what she says, nor say anything itself.",
        expected: Expected { by: Party::Client, reason: Reason::ChangedMessage },
        honest_messages: 0,
        try_it: impostor,
    },
];

/// On a negotiation whose first choice is taken.
pub(super) static NEGOTIATE_KERBEROS: [Cheat; 6] = [
    Cheat {
        name: "stripped-mechanism",
        title: "a stripped mechanism",
        what: "Somebody takes Kerberos out of alice's offer, so that NTLM is left.",
        expected: Expected { by: Party::Server, reason: Reason::ListChanged },
        honest_messages: 0,
        try_it: stripped_mechanism,
    },
    Cheat {
        name: "wrong-secret",
        title: "a wrong secret, whatever flags",
        what: "Somebody has alice's ticket and not its key, and asks for every set of flags there is.",
        expected: Expected { by: Party::Server, reason: Reason::NotTheTicketsKey },
        honest_messages: 0,
        try_it: wrong_ticket_keys,
    },
    Cheat {
        name: "replayed-token",
        title: "a replayed offer",
        what: "A thief sends, on a new connection, the offer that alice sent a moment ago.",
        expected: Expected { by: Party::Server, reason: Reason::Replay },
        honest_messages: 0,
        try_it: replayed_token,
    },
    Cheat {
        name: "flipped-bit-token",
        title: "a flipped bit in an offer",
        what: "On its way, one bit of the AP-REQ in alice's offer is turned over.",
        expected: Expected { by: Party::Server, reason: Reason::NotTheTicketsKey },
        honest_messages: 0,
        try_it: flipped_token,
    },
    Cheat {
        name: "reflected-token",
        title: "a reflected token",
        what: "A server sends alice's own offer back to her.",
        expected: Expected { by: Party::Client, reason: Reason::NoAnswer },
        honest_messages: 0,
        try_it: reflected_token,
    },
    Cheat {
        name: "impostor",
        title: "an impostor for a server",
        what: "A server without any key takes the offer and makes up a proof.",
        expected: Expected { by: Party::Client, reason: Reason::AcceptorNotProven },
        honest_messages: 0,
        try_it: impostor,
    },
];

/// On a negotiation that fell back.
pub(super) static NEGOTIATE_NTLM: [Cheat; 6] = [
    Cheat {
        name: "dropped-list-mic",
        title: "a dropped MIC of the list",
        what: "The MIC of the list of mechanisms is taken out of alice's last token.",
        expected: Expected { by: Party::Server, reason: Reason::MicAbsent },
        honest_messages: 0,
        try_it: dropped_list_mic,
    },
    Cheat {
        name: "dropped-mic",
        title: "a dropped MIC of NTLM",
        what: "The MIC over NTLM's messages is taken out of the last of them.",
        expected: Expected { by: Party::Server, reason: Reason::MicAbsent },
        honest_messages: 0,
        try_it: dropped_mic,
    },
    Cheat {
        name: "wrong-secret",
        title: "a wrong secret, whatever flags",
        what: "Somebody guesses, and asks for every set of flags there is.",
        expected: Expected { by: Party::Server, reason: Reason::NotProven },
        honest_messages: 0,
        try_it: wrong_ntlm_secrets,
    },
    Cheat {
        name: "replayed-token",
        title: "a replayed proof",
        what: "A thief sends, on a new connection, what alice sent a moment ago.",
        expected: Expected { by: Party::Server, reason: Reason::NotProven },
        honest_messages: 0,
        try_it: replayed_token,
    },
    Cheat {
        name: "flipped-bit-token",
        title: "a flipped bit in a token",
        what: "On its way, one bit of the list's MIC in alice's last token is turned over.",
        expected: Expected { by: Party::Server, reason: Reason::ListChanged },
        honest_messages: 0,
        try_it: flipped_last_token,
    },
    Cheat {
        name: "reflected-token",
        title: "a reflected token",
        what: "A server sends alice's own offer back to her.",
        expected: Expected { by: Party::Client, reason: Reason::NoAnswer },
        honest_messages: 0,
        try_it: reflected_token,
    },
];

impl Cheat {
    /// Tries it, on connections of its own.
    pub(super) fn attempt(&'static self, theatre: &Theatre<'_>) -> Result<Attempt, Trouble> {
        theatre.kdc.take_log();
        let Tried { client, server, flag_sets } = (self.try_it)(theatre)?;
        let log = theatre.kdc.take_log();
        let in_session = self.expected.reason.is_of_messages();
        let convinced = [
            (Party::Server, if in_session { server.echoed > self.honest_messages } else { server.proven.is_some() }),
            (
                Party::Client,
                if in_session {
                    !client.echoes.is_empty() && self.expected.by == Party::Client
                } else {
                    client.proven.is_some() || client.end.is_none()
                },
            ),
        ];
        let kdc_end = log.iter().find_map(|event| End::of_kdc(&event.outcome));
        let ends = [(Party::Kdc, kdc_end), (Party::Server, server.end), (Party::Client, client.end)];
        Ok(Attempt {
            cheat: self,
            convinced: convinced.into_iter().find_map(|(party, convinced)| convinced.then_some(party)),
            ends: ends.into_iter().filter_map(|(party, end)| Some((party, end?))).collect(),
            flag_sets,
            bytes: client.passed.iter().map(|passed| passed.bytes.len()).sum(),
        })
    }
}

impl Attempt {
    /// Why that side ended it.
    pub(super) fn end_of(&self, party: Party) -> Option<&End> {
        self.ends.iter().find(|(ender, _)| *ender == party).map(|(_, end)| end)
    }

    /// Whether it ended as it must.
    pub(super) fn verdict(&self) -> Verdict {
        let Expected { by, reason } = self.cheat.expected;
        if self.convinced.is_some() {
            return Verdict::Passed;
        }
        match self.end_of(by) {
            Some(end) if end.reason == reason && self.flag_sets.is_none_or(|count| count.refused == count.tried) => {
                Verdict::Refused
            }
            Some(end) => Verdict::RefusedOtherwise(format!("the {by} gave another reason: {}", end.text)),
            None => Verdict::RefusedOtherwise(format!("it was not the {by} who refused")),
        }
    }
}

impl Reason {
    /// Whether it is of messages, so that the handshake before was honest.
    fn is_of_messages(self) -> bool {
        matches!(self, Reason::ChangedMessage | Reason::RepeatedMessage)
    }
}
