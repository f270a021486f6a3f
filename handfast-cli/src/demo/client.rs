use super::Trouble;
use super::server::PATIENCE;
use super::verdict::End;
use super::wire::{Party, Passed, Tamper, Tap};
use crate::span;
use handfast::krb5::HeldTicket;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::{KdcRequest, KdcUnreachable};
use handfast::mech::{MechanismId, Why};
use handfast::{Context, Credential, Flags, Identity, Initiator, MessageError, Policy, ServiceName, Time};
use handfast_net::driver::{Driver, NnsCarrier};
use handfast_net::framing::nns;
use handfast_net::kdc::{KdcAddress, KdcClient, Transport};
use handfast_net::{Clock, Deadline, Timed};
use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A client: who it is, what it holds, whom it visits, and where.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) credential: Credential,
    pub(super) spoken: Spoken,
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

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Kerberos,
    Ntlm,
    Negotiate,
}

/// What somebody on the way does to the client's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mishap {
    None,
    /// Does something to what is sent as the nth.
    Tampered(Tamper),
    /// Sends the last sealed message a second time.
    RepeatedMessage,
}

/// What one side knows once it is convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    pub(super) local: Identity,
    pub(super) peer: Identity,
    pub(super) flags: Flags,
    pub(super) mechanism: MechanismId,
    pub(super) why: Why,
    pub(super) enctype: Option<Enctype>,
    pub(super) expires: Option<Time>,
}

impl Proven {
    pub(super) fn by(context: &Context) -> Self {
        Proven {
            local: context.local().clone(),
            peer: context.peer().clone(),
            flags: context.flags(),
            mechanism: context.mechanism(),
            why: context.why().clone(),
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
    /// Tickets that it got on the way.
    pub(super) acquired: Vec<HeldTicket>,
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
        let tamper = if let Mishap::Tampered(tamper) = self.mishap { tamper } else { Tamper::Nothing };
        let mut tap = Tap::new(Timed::new(&tcp, Deadline::after(PATIENCE))?, tamper);
        let asked = RefCell::new(Vec::new());
        let mut visit = Visit::beginning(began);
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
        let target = match self.spoken {
            Spoken::Kerberos => target,
            Spoken::Ntlm => target.ntlm(),
            Spoken::Negotiate => target.negotiate(),
        };
        let ask = |request: &KdcRequest| self.ask(request, asked);
        let mut context = driver.initiate(target, &ask, &mut NnsCarrier::initiator(tap))?;
        visit.proven = Some(Proven::by(&context));
        visit.acquired = context.acquired().to_vec();
        let mut token = Vec::new();
        for message in &self.messages {
            token.clear();
            context.seal(message.as_bytes(), &mut token)?;
            visit.echoes.push(exchange(tap, &mut context, &token)?);
        }
        if matches!(self.mishap, Mishap::RepeatedMessage) {
            visit.echoes.push(exchange(tap, &mut context, &token)?);
        }
        // An empty message: that was all.
        token.clear();
        context.seal(&[], &mut token)?;
        Ok(nns::write_data(tap, &token)?)
    }

    fn ask(&self, request: &KdcRequest, asked: &RefCell<Vec<Passed>>) -> Result<Vec<u8>, KdcUnreachable> {
        let kdc = KdcAddress { host: self.kdc.ip().to_string(), port: self.kdc.port(), transport: None };
        let passed = |from, to, via, at, bytes: &[u8]| Passed { from, to, via, at, bytes: bytes.to_vec() };
        asked.borrow_mut().push(passed(Party::Client, Party::Kdc, Transport::Udp, Instant::now(), &request.bytes));
        let reply = KdcClient::default()
            .exchange(&request.realm, &[kdc], &request.bytes, request.tcp_required)
            .map_err(KdcUnreachable::from)?;
        let via = reply.transport;
        let mut asked = asked.borrow_mut();
        asked.iter_mut().last().into_iter().for_each(|request| request.via = via);
        asked.push(passed(Party::Kdc, Party::Client, via, Instant::now(), &reply.bytes));
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

/// Presents the frames of somebody else's handshake, as a thief would who has recorded them.
pub(super) fn present_recorded(server: SocketAddr, recorded: Vec<nns::Handshake>) -> Result<Visit, Trouble> {
    let thief = move || -> Result<Visit, Trouble> {
        let began = Instant::now();
        let tcp = TcpStream::connect(server)?;
        let mut tap = Tap::new(Timed::new(&tcp, Deadline::after(PATIENCE))?, Tamper::Nothing);
        let end = hear_answer(&mut tap, recorded).err();
        Ok(Visit { passed: tap.passed, end, finished: Instant::now(), ..Visit::beginning(began) })
    };
    thread::spawn(thief).join().map_err(|_| Trouble::new("the thief panicked"))?
}

fn hear_answer(tap: &mut Tap<'_>, recorded: Vec<nns::Handshake>) -> Result<(), End> {
    for frame in recorded {
        frame.write(tap)?;
        if let nns::Handshake::Error(code) = nns::Handshake::read(tap)? {
            return Err(End::told(code));
        }
    }
    Ok(())
}

impl Visit {
    fn beginning(began: Instant) -> Visit {
        let (passed, acquired, echoes) = (Vec::new(), Vec::new(), Vec::new());
        Visit { began, passed, proven: None, acquired, echoes, end: None, finished: began }
    }

    /// The frames of the handshake that the client sent to the server.
    pub(super) fn frames(&self) -> Result<Vec<nns::Handshake>, Trouble> {
        let mut frames = Vec::new();
        for sent in self.passed.iter().filter(|passed| passed.to == Party::Server) {
            match nns::Handshake::decode(&sent.bytes) {
                Ok(Some((frame, _))) => frames.push(frame),
                // What follows are messages.
                _ => break,
            }
        }
        if frames.is_empty() { Err(Trouble::new("the client sent no token")) } else { Ok(frames) }
    }
}
