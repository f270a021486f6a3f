use super::Trouble;
use super::server::PATIENCE;
use super::verdict::End;
use super::wire::{Party, Passed, Tap};
use crate::span;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::{Context, Credential, Flags, Identity, Initiator, MessageError, Policy, ServiceName, Time};
use handfast_net::driver::{Driver, NnsCarrier};
use handfast_net::framing::nns;
use handfast_net::kdc::{KdcAddress, KdcClient};
use handfast_net::{Clock, Deadline, Timed};
use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A client: who it is, what it holds, whom it visits, and where.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) credential: Credential,
    pub(super) policy: Policy,
    pub(super) target: ServiceName,
    pub(super) kdc: SocketAddr,
    pub(super) server: SocketAddr,
    /// How far its clock is ahead.
    pub(super) ahead: Duration,
    /// What it says, each in a sealed message.
    pub(super) messages: Vec<&'static str>,
    /// What goes wrong on the way.
    pub(super) mishap: Mishap,
}

/// What somebody on the way does to the client's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    None,
    /// Flips a bit of what is sent as the nth: 0 is the token, 1 the first sealed message.
    FlippedBit(usize),
    /// Sends the last sealed message a second time.
    RepeatedMessage,
}

/// What one side knows once it is convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    pub(super) local: Identity,
    pub(super) peer: Identity,
    pub(super) flags: Flags,
    pub(super) enctype: Option<Enctype>,
    pub(super) expires: Option<Time>,
}

impl Proven {
    pub(super) fn by(context: &Context) -> Self {
        Proven {
            local: context.local().clone(),
            peer: context.peer().clone(),
            flags: context.flags(),
            enctype: context.enctype(),
            expires: context.expires(),
        }
    }
}

/// What the client says of its visit.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) began: Instant,
    /// What passed, in its order.
    pub(super) passed: Vec<Passed>,
    /// What it knows of the server, if it was convinced.
    pub(super) proven: Option<Proven>,
    /// What came back, opened.
    pub(super) echoes: Vec<String>,
    /// Why it did not come to its end.
    pub(super) end: Option<End>,
    pub(super) finished: Instant,
}

impl Client {
    /// Visits the server, in a thread of its own that ends with the visit.
    pub(super) fn visit(self) -> Result<Visit, Trouble> {
        thread::spawn(move || self.connect()).join().map_err(|_| Trouble::new("the client panicked"))?
    }

    fn connect(&self) -> Result<Visit, Trouble> {
        let began = Instant::now();
        let tcp = TcpStream::connect(self.server)?;
        tcp.set_nodelay(true)?;
        let flip = if let Mishap::FlippedBit(nth) = self.mishap { Some(nth) } else { None };
        let mut tap = Tap::new(Timed::new(&tcp, Deadline::after(PATIENCE))?, flip);
        let asked = RefCell::new(Vec::new());
        let mut visit =
            Visit { began, passed: Vec::new(), proven: None, echoes: Vec::new(), end: None, finished: began };
        visit.end = self.converse(&mut tap, &asked, &mut visit).err();
        visit.passed = asked.into_inner();
        visit.passed.append(&mut tap.passed);
        visit.finished = Instant::now();
        Ok(visit)
    }

    fn converse(&self, tap: &mut Tap<'_>, asked: &RefCell<Vec<Passed>>, visit: &mut Visit) -> Result<(), End> {
        let (initiator, ahead) = (Initiator::new(self.policy.clone()), self.ahead);
        let driver = Driver::new(Clock::from_fn(move || span::now().saturating_add(ahead)));
        let target = initiator.to(&self.target).credential(&self.credential);
        let ask = |request: &KdcRequest| self.ask(request, asked);
        let mut context = driver.initiate(target, &ask, &mut NnsCarrier::initiator(tap))?;
        visit.proven = Some(Proven::by(&context));
        let mut token = Vec::new();
        for message in &self.messages {
            token.clear();
            context.seal(message.as_bytes(), &mut token)?;
            visit.echoes.push(exchange(tap, &mut context, &token)?);
        }
        if self.mishap == Mishap::RepeatedMessage {
            visit.echoes.push(exchange(tap, &mut context, &token)?);
        }
        // An empty message: that was all.
        token.clear();
        context.seal(&[], &mut token)?;
        Ok(nns::write_data(tap, &token)?)
    }

    fn ask(&self, request: &KdcRequest, asked: &RefCell<Vec<Passed>>) -> Result<Vec<u8>, KdcUnreachable> {
        let kdc = KdcAddress { host: self.kdc.ip().to_string(), port: self.kdc.port(), transport: None };
        let sent = Instant::now();
        let reply = KdcClient::default()
            .exchange(&request.realm, &[kdc], &request.bytes, request.tcp_required)
            .map_err(KdcUnreachable::from)?;
        let via = reply.transport;
        let passed = |from, to, at, bytes: &[u8]| Passed { from, to, via, at, bytes: bytes.to_vec() };
        asked.borrow_mut().extend([
            passed(Party::Client, Party::Kdc, sent, &request.bytes),
            passed(Party::Kdc, Party::Client, Instant::now(), &reply.bytes),
        ]);
        Ok(reply.bytes)
    }
}

/// Sends a sealed message and opens the one that comes back.
fn exchange(tap: &mut Tap<'_>, context: &mut Context, token: &[u8]) -> Result<String, End> {
    nns::write_data(tap, token)?;
    let mut reply = Vec::new();
    nns::read_data(tap, &mut reply)?;
    let message = context.unseal(&mut reply)?;
    String::from_utf8(message.to_vec()).map_err(|_| End::from(MessageError::NotAuthentic))
}

/// Presents a token that somebody else made, as a thief would who has recorded it.
pub(super) fn present_recorded(server: SocketAddr, recorded: Vec<u8>) -> Result<Visit, Trouble> {
    let thief = move || -> Result<Visit, Trouble> {
        let began = Instant::now();
        let tcp = TcpStream::connect(server)?;
        let mut tap = Tap::new(Timed::new(&tcp, Deadline::after(PATIENCE))?, None);
        let end = hear_answer(&mut tap, recorded).err();
        Ok(Visit { began, passed: tap.passed, proven: None, echoes: Vec::new(), end, finished: Instant::now() })
    };
    thread::spawn(thief).join().map_err(|_| Trouble::new("the thief panicked"))?
}

fn hear_answer(tap: &mut Tap<'_>, recorded: Vec<u8>) -> Result<(), End> {
    nns::Handshake::InProgress(recorded).write(tap)?;
    match nns::Handshake::read(tap)? {
        nns::Handshake::Error(code) => Err(End::told(code)),
        _ => Ok(()),
    }
}

impl Visit {
    /// The first token that the client sent to the server.
    pub(super) fn first_token(&self) -> Result<Vec<u8>, Trouble> {
        let sent = self.passed.iter().find(|passed| passed.to == Party::Server);
        match sent.map(|passed| nns::Handshake::decode(&passed.bytes)) {
            Some(Ok(Some((nns::Handshake::InProgress(token) | nns::Handshake::Done(token), _)))) => Ok(token),
            Some(Err(error)) => Err(error.into()),
            _ => Err(Trouble::new("the client sent no token")),
        }
    }
}
