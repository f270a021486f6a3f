use super::Trouble;
use super::cheats::{Attempt, CHEATS};
use super::client::{Client, Mishap, Proven, Visit};
use super::explain::{self, Step};
use super::kdc::Kdc;
use super::server::{Attended, Server};
use super::stage::{REALM, Stage};
use super::wire::Party;
use crate::span;
use handfast::{Credential, Time};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What the client says to the server, and the server says back.
const MESSAGES: [&str; 2] = ["Hello, is it you?", "Then let us begin."];

/// The three at work: the KDC and the server listen, and the client's credential holds what tickets it got.
pub(super) struct Theatre<'a> {
    pub(super) stage: &'a Stage,
    pub(super) kdc: Kdc,
    pub(super) server: Server,
    pub(super) credential: Credential,
}

/// What came of it all.
pub(super) struct Play {
    pub(super) realm: &'static str,
    pub(super) kdc: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) service: String,
    pub(super) client: String,
    /// What passed in the honest visit, in plain words.
    pub(super) steps: Vec<Step>,
    pub(super) session: Session,
    pub(super) attempts: Vec<Attempt>,
    /// When it was.
    pub(super) today: Time,
    pub(super) took: Duration,
}

/// The honest session, as each side saw it.
pub(super) struct Session {
    pub(super) client: Proven,
    pub(super) server: Proven,
    /// Sent and returned, equal.
    pub(super) echoes: Vec<String>,
    pub(super) phases: Vec<Phase>,
}

/// A part of the honest visit, and how long it took.
pub(super) struct Phase {
    /// Its name in JSON.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The message that it begins with.
    pub(super) first: &'static str,
    pub(super) took: Duration,
}

impl<'a> Theatre<'a> {
    /// Starts the KDC and the server.
    pub(super) fn open(stage: &'a Stage) -> Result<Self, Trouble> {
        Ok(Theatre {
            stage,
            kdc: Kdc::start(stage.realm.clone())?,
            server: Server::start(stage.acceptor.clone())?,
            credential: stage.credential(),
        })
    }

    /// The client's first visit, from its login to its last message.
    pub(super) fn honest_visit(&self) -> Result<(Visit, Attended), Trouble> {
        let client = Client { messages: MESSAGES.into(), ..self.client_with(self.credential.clone()) };
        Ok((client.visit()?, self.server.report()?))
    }

    /// A client of that credential that visits the stage's server.
    pub(super) fn client_with(&self, credential: Credential) -> Client {
        Client {
            credential,
            policy: self.stage.policy.clone(),
            target: self.stage.service.clone(),
            kdc: self.kdc.address,
            server: self.server.address,
            ahead: Duration::ZERO,
            messages: MESSAGES.into_iter().take(1).collect(),
            mishap: Mishap::None,
        }
    }
}

/// The honest visit, and then every cheat.
pub(super) fn play(stage: &Stage) -> Result<Play, Trouble> {
    let (began, today) = (Instant::now(), span::now());
    let theatre = Theatre::open(stage)?;
    let (visit, attended) = theatre.honest_visit()?;
    let steps = explain::explain(&visit.passed, &stage.keys)?;
    let session = session(&visit, attended)?;
    nothing_in_the_clear(&visit)?;
    let attempts = CHEATS.iter().map(|cheat| cheat.attempt(&theatre)).collect::<Result<_, _>>()?;
    Ok(Play {
        realm: REALM,
        kdc: theatre.kdc.address,
        server: theatre.server.address,
        service: stage.service_principal().to_string(),
        client: stage.client.to_string(),
        steps,
        session,
        attempts,
        today,
        took: began.elapsed(),
    })
}

/// Both sides are convinced, of each other, and what was said came back.
fn session(visit: &Visit, attended: Attended) -> Result<Session, Trouble> {
    if let Some(end) = visit.end.as_ref().or(attended.end.as_ref()) {
        return Err(Trouble::new(&end.text));
    }
    let (Some(client), Some(server)) = (visit.proven.clone(), attended.proven) else {
        return Err(Trouble::new("a side came to its end without being convinced"));
    };
    if (&client.peer, &client.local) != (&server.local, &server.peer) {
        return Err(Trouble::new("the two sides disagree about who they are"));
    }
    if visit.echoes != MESSAGES || attended.echoed != MESSAGES.len() {
        return Err(Trouble::new("what came back is not what was sent"));
    }
    Ok(Session { client, server, echoes: visit.echoes.clone(), phases: phases(visit)? })
}

/// From one milestone to the next, as the client's clock shows it.
fn phases(visit: &Visit) -> Result<Vec<Phase>, Trouble> {
    let at = |index: usize| visit.passed.get(index).map(|passed| passed.at);
    let first = |to: Party| visit.passed.iter().position(|passed| passed.to == to);
    let server = first(Party::Server).ok_or_else(|| Trouble::new("nothing went to the server"))?;
    // The TGS-REQ is the last request to the KDC; the AP-REQ and its answer are the first pair with the server.
    let marks = [Some(visit.began), at(server.saturating_sub(2)), at(server), at(server + 2), Some(visit.finished)];
    let names = [
        ("login", "Login: alice proves who she is", "AS-REQ"),
        ("ticket", "Ticket: one for the echo server", "TGS-REQ"),
        ("handshake", "Handshake: both prove themselves", "AP-REQ"),
        ("messages", "Messages: sealed and in order", "sealed"),
    ];
    let mut phases = Vec::new();
    for ((name, title, first), mark) in names.into_iter().zip(marks.windows(2)) {
        let [Some(from), Some(to)] = mark else { return Err(Trouble::new("less passed than must have")) };
        phases.push(Phase { name, title, first, took: to.saturating_duration_since(*from) });
    }
    Ok(phases)
}

/// What was said can't be read on the wire.
fn nothing_in_the_clear(visit: &Visit) -> Result<(), Trouble> {
    let seen = |message: &str| {
        visit.passed.iter().any(|passed| passed.bytes.windows(message.len()).any(|bytes| bytes == message.as_bytes()))
    };
    match MESSAGES.into_iter().find(|message| seen(message)) {
        Some(message) => Err(Trouble::new(format!("{message:?} went over the wire in the clear"))),
        None => Ok(()),
    }
}
