//! The whole: each act's honest visit, and then every cheat on it.

use super::Trouble;
use super::acts::{Act, Begin};
use super::cheats::Attempt;
use super::client::{Client, Mishap, Proven, Visit};
use super::explain::{self, Step};
use super::kdc::Kdc;
use super::ladder::Detail;
use super::server::{Attended, Server};
use super::stage::{REALM, Stage};
use super::wire::Party;
use crate::span;
use handfast::krb5::HeldTicket;
use handfast::{Credential, Policy, Time};
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Those at work in an act: the KDC and the server listen, and the client's credential holds what tickets it got.
pub(super) struct Theatre<'a> {
    pub(super) stage: &'a Stage,
    pub(super) act: &'static Act,
    pub(super) kdc: &'a Kdc,
    pub(super) server: Server,
    pub(super) credential: Credential,
    /// Where the client looks for a KDC, if there is none.
    nobody: Option<Nobody>,
    tickets: RefCell<Vec<HeldTicket>>,
}

/// What came of it all.
pub(super) struct Play {
    pub(super) realm: &'static str,
    pub(super) kdc: SocketAddr,
    pub(super) service: String,
    pub(super) client: String,
    pub(super) acts: Vec<Played>,
    /// When it was.
    pub(super) today: Time,
    pub(super) took: Duration,
}

/// What came of an act.
pub(super) struct Played {
    pub(super) act: &'static Act,
    pub(super) server: SocketAddr,
    /// What passed in the honest visit, in plain words.
    pub(super) steps: Vec<Step>,
    pub(super) session: Session,
    pub(super) attempts: Vec<Attempt>,
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

impl Play {
    /// The gist where every mechanism is shown.
    pub(super) fn detail(&self) -> Detail {
        let first = self.acts.first().map(|played| played.act.spoken);
        let one = self.acts.iter().all(|played| Some(played.act.spoken) == first);
        if one { Detail::All } else { Detail::Gist }
    }

    /// Every cheat of every act.
    pub(super) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.acts.iter().flat_map(|played| &played.attempts)
    }
}

impl<'a> Theatre<'a> {
    /// Starts the act's server, and gives the client what it begins with.
    pub(super) fn open(stage: &'a Stage, act: &'static Act, kdc: &'a Kdc) -> Result<Self, Trouble> {
        let theatre = Theatre {
            stage,
            act,
            kdc,
            server: Server::start(stage.acceptor(act.ntlm), stage.accounts.clone())?,
            credential: stage.credential()?,
            nobody: (act.begin == Begin::SilentKdc).then(Nobody::new).transpose()?,
            tickets: RefCell::default(),
        };
        if act.begin == Begin::Ticket {
            theatre.honest_visit()?;
        }
        Ok(theatre)
    }

    /// The client's first visit, from its login to its last message.
    pub(super) fn honest_visit(&self) -> Result<(Visit, Attended), Trouble> {
        let client = Client { messages: self.act.messages.into(), ..self.client_with(self.credential.clone()) };
        let visit = client.visit()?;
        self.tickets.borrow_mut().extend(visit.acquired.iter().cloned());
        Ok((visit, self.server.report()?))
    }

    /// What the client and a server that matches it allow.
    pub(super) fn policy(&self) -> Policy {
        let policy = self.stage.policy.clone();
        if self.act.ntlm { policy.dangerous_ntlm_unproven_server() } else { policy }
    }

    /// A client of that credential that visits the act's server.
    pub(super) fn client_with(&self, credential: Credential) -> Client {
        Client {
            credential,
            spoken: self.act.spoken,
            policy: self.policy(),
            target: self.stage.service.clone(),
            kdc: self.nobody.as_ref().map_or(self.kdc.address, |nobody| nobody.address),
            server: self.server.address,
            ahead: Duration::ZERO,
            messages: self.act.messages.iter().take(1).copied().collect(),
            mishap: Mishap::None,
        }
    }

    /// The client's ticket for the server.
    pub(super) fn ticket(&self) -> Result<HeldTicket, Trouble> {
        let tickets = self.tickets.borrow();
        let ticket = tickets.iter().find(|ticket| ticket.server == self.stage.service_principal());
        ticket.cloned().ok_or_else(|| Trouble::new("the client got no ticket for the server"))
    }
}

/// An address where nobody answers, for as long as this is kept: no other program gets the port.
struct Nobody {
    address: SocketAddr,
    _socket: UdpSocket,
}

impl Nobody {
    /// A socket that is connected takes nothing from others; their datagrams are refused.
    fn new() -> Result<Nobody, Trouble> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        socket.connect(address)?;
        Ok(Nobody { address, _socket: socket })
    }
}

/// Every act: the honest visit, and then its cheats.
pub(super) fn play(stage: &Stage, acts: &[&'static Act]) -> Result<Play, Trouble> {
    let (began, today) = (Instant::now(), span::now());
    let kdc = Kdc::start(stage.realm.clone())?;
    let acts = acts.iter().map(|act| Theatre::open(stage, act, &kdc)?.play()).collect::<Result<_, _>>()?;
    Ok(Play {
        realm: REALM,
        kdc: kdc.address,
        service: stage.service_principal().to_string(),
        client: stage.client.to_string(),
        acts,
        today,
        took: began.elapsed(),
    })
}

impl Theatre<'_> {
    fn play(&self) -> Result<Played, Trouble> {
        let (visit, attended) = self.honest_visit()?;
        let steps = explain::explain(&visit.passed, &self.stage.keys)?;
        let session = self.session(&visit, attended, &steps)?;
        self.nothing_in_the_clear(&visit)?;
        let attempts = self.act.cheats.iter().map(|cheat| cheat.attempt(self)).collect::<Result<_, _>>()?;
        Ok(Played { act: self.act, server: self.server.address, steps, session, attempts })
    }

    /// Both sides are convinced, of each other, and what was said came back.
    fn session(&self, visit: &Visit, attended: Attended, steps: &[Step]) -> Result<Session, Trouble> {
        if let Some(end) = visit.end.as_ref().or(attended.end.as_ref()) {
            return Err(Trouble::new(&end.text));
        }
        let (Some(client), Some(server)) = (visit.proven.clone(), attended.proven) else {
            return Err(Trouble::new("a side came to its end without being convinced"));
        };
        if (&client.peer, &client.local) != (&server.local, &server.peer) {
            return Err(Trouble::new("the two sides disagree about who they are"));
        }
        if visit.echoes != self.act.messages || attended.echoed != self.act.messages.len() {
            return Err(Trouble::new("what came back is not what was sent"));
        }
        Ok(Session { client, server, echoes: visit.echoes.clone(), phases: phases(self.act, visit, steps)? })
    }

    /// What was said can't be read on the wire.
    fn nothing_in_the_clear(&self, visit: &Visit) -> Result<(), Trouble> {
        let seen = |message: &str| {
            visit
                .passed
                .iter()
                .any(|passed| passed.bytes.windows(message.len()).any(|bytes| bytes == message.as_bytes()))
        };
        match self.act.messages.iter().find(|message| seen(message)) {
            Some(message) => Err(Trouble::new(format!("{message:?} went over the wire in the clear"))),
            None => Ok(()),
        }
    }
}

/// From the message that each part begins with to that of the next, as the client's clock shows it.
fn phases(act: &Act, visit: &Visit, steps: &[Step]) -> Result<Vec<Phase>, Trouble> {
    let at =
        |first: &str| steps.iter().find(|step| step.message == first && step.from == Party::Client).map(|step| step.at);
    let mut marks = vec![Some(visit.began)];
    marks.extend(act.phases.iter().skip(1).map(|(_, _, first)| at(first)));
    marks.push(Some(visit.finished));
    let mut phases = Vec::new();
    for ((name, title, first), mark) in act.phases.iter().zip(marks.windows(2)) {
        let [Some(from), Some(to)] = mark else { return Err(Trouble::new("less passed than must have")) };
        phases.push(Phase { name, title, first, took: to.saturating_duration_since(*from) });
    }
    Ok(phases)
}
