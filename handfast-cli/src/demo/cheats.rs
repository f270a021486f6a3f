use super::Trouble;
use super::client::{Client, Mishap, Visit, present_recorded};
use super::play::Theatre;
use super::server::{Attended, Server};
use super::stage::random_password;
use super::verdict::{End, Expected, Reason, Verdict};
use super::wire::Party;
use handfast::crypto::OsRandom;
use handfast::krb5::enctype::EncryptionKey;
use handfast::{Acceptor, Credential, ReplayGuard};
use std::time::Duration;

/// How far the wrong clock is ahead; 5 minutes are allowed (RFC 4120 3.1.3).
/// The half second keeps what is said of it at 600, whatever the way takes.
const AHEAD: Duration = Duration::from_millis(600_500);

/// A way to cheat, and who has to see through it.
pub(super) struct Cheat {
    /// Its name in JSON.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What is done, in a sentence.
    pub(super) what: &'static str,
    pub(super) expected: Expected,
    /// How many sealed messages pass before the cheat.
    honest_messages: usize,
    try_it: fn(&Theatre<'_>) -> Result<Tried, Trouble>,
}

/// What both ends say of a try.
struct Tried {
    client: Visit,
    server: Attended,
}

/// A cheat that was tried, and what each side says of it.
pub(super) struct Attempt {
    pub(super) cheat: &'static Cheat,
    /// Who was convinced by the cheat, if anybody.
    pub(super) convinced: Option<Party>,
    /// How each side that did not come to its end says why.
    pub(super) ends: Vec<(Party, End)>,
    /// How many bytes went over sockets for it.
    pub(super) bytes: usize,
}

/// All of them, in the order of a connection.
pub(super) static CHEATS: [Cheat; 10] = [
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
        what: "Alice logs in with the right password; her clock is 10 minutes fast.",
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
];

impl Cheat {
    /// Tries it, on connections of its own.
    pub(super) fn attempt(&'static self, theatre: &Theatre<'_>) -> Result<Attempt, Trouble> {
        theatre.kdc.take_log();
        let Tried { client, server } = (self.try_it)(theatre)?;
        let log = theatre.kdc.take_log();
        let in_session = self.expected.reason.is_of_messages();
        let convinced = [
            (Party::Server, if in_session { server.echoed > self.honest_messages } else { server.proven.is_some() }),
            (Party::Client, !in_session && (client.proven.is_some() || client.end.is_none())),
        ];
        let kdc_end = log.iter().find_map(|event| End::of_kdc(&event.outcome));
        let ends = [(Party::Kdc, kdc_end), (Party::Server, server.end), (Party::Client, client.end)];
        Ok(Attempt {
            cheat: self,
            convinced: convinced.into_iter().find_map(|(party, convinced)| convinced.then_some(party)),
            ends: ends.into_iter().filter_map(|(party, end)| Some((party, end?))).collect(),
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
            Some(end) if end.reason == reason => Verdict::Refused,
            Some(end) => Verdict::RefusedOtherwise(format!("the {by} gave another reason: {}", end.text)),
            None => Verdict::RefusedOtherwise(format!("it was not the {by} who refused")),
        }
    }
}

impl Theatre<'_> {
    /// What alice's client does when nothing is wrong, with the tickets that she has.
    fn alice(&self) -> Client {
        self.client_with(self.credential.clone())
    }

    /// The visit of `client` at the stage's own server.
    fn try_visit(&self, client: Client) -> Result<Tried, Trouble> {
        Ok(Tried { client: client.visit()?, server: self.server.report()? })
    }
}

fn wrong_password(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    let guess = random_password()?;
    let credential = Credential::password(theatre.stage.client.clone(), guess.expose().clone());
    theatre.try_visit(theatre.client_with(credential))
}

fn skewed_login(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    theatre.try_visit(Client { ahead: AHEAD, ..theatre.client_with(theatre.stage.credential()) })
}

fn skewed_clock(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    theatre.try_visit(Client { ahead: AHEAD, ..theatre.alice() })
}

fn wrong_service(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    theatre.try_visit(Client { target: theatre.stage.other_service.clone(), ..theatre.alice() })
}

fn replayed_token(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    let Tried { client: honest, server } = theatre.try_visit(theatre.alice())?;
    if honest.proven.is_none() || server.proven.is_none() {
        return Err(Trouble::new("the honest visit before the replay failed"));
    }
    let client = present_recorded(theatre.server.address, honest.first_token()?)?;
    Ok(Tried { client, server: theatre.server.report()? })
}

fn flipped_token(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    theatre.try_visit(Client { mishap: Mishap::FlippedBit(0), ..theatre.alice() })
}

fn flipped_message(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    theatre.try_visit(Client { mishap: Mishap::FlippedBit(1), ..theatre.alice() })
}

fn repeated_message(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    theatre.try_visit(Client { mishap: Mishap::RepeatedMessage, ..theatre.alice() })
}

fn wrong_keytab(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    let keytab = theatre.stage.keytab_with(EncryptionKey::generate(theatre.stage.enctype, &OsRandom)?);
    visit_other(theatre, &Server::start(Acceptor::new(&keytab, ReplayGuard::in_memory()))?)
}

fn impostor(theatre: &Theatre<'_>) -> Result<Tried, Trouble> {
    visit_other(theatre, &Server::impostor()?)
}

/// Alice visits another server than the stage's own.
fn visit_other(theatre: &Theatre<'_>, server: &Server) -> Result<Tried, Trouble> {
    let client = Client { server: server.address, ..theatre.alice() }.visit()?;
    Ok(Tried { client, server: server.report()? })
}

impl Reason {
    /// Whether it is of messages, so that the handshake before was honest.
    fn is_of_messages(self) -> bool {
        matches!(self, Reason::ChangedMessage | Reason::RepeatedMessage)
    }
}
