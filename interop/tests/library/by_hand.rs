//! Our end of a connection with a sample peer, token by token: whoever stands on the way can change them.

use crate::ours::now;
use handfast::{
    Accept, Acceptor, ChannelBindings, Context, Error, Flags, Identity, Initiate, Part, Protection, Refusal, Session,
    Target,
};
use handfast_interop::{Run, SamplePeer};
use handfast_net::driver::{Accounts, KdcExchange};
use handfast_net::framing::gss_sample::{Flags as Kind, Token};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Where a handshake's token goes, and how many went that way before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToPeer(usize),
    FromPeer(usize),
}

/// What happens to handshake tokens on their way.
pub type Change = fn(Way, &mut Vec<u8>);

/// Nothing.
pub fn unchanged(_: Way, _: &mut Vec<u8>) {}

/// Puts an OID that nobody knows in the place of Kerberos' first one.
pub fn without_kerberos(token: &mut [u8]) {
    change_kerberos(token, 10, 0x7f);
}

/// Puts Windows' OID of Kerberos in the place of Kerberos' first one, the mechanism's in the list (MS-SPNG 3.1.5.2).
pub fn kerberos_renamed(token: &mut [u8]) {
    change_kerberos(token, 5, 0x82);
}

fn change_kerberos(token: &mut [u8], octet: usize, to: u8) {
    const OID: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
    let at = token.windows(OID.len()).position(|octets| octets == OID).unwrap();
    token[at + octet] = to;
}

/// Why there is no context.
#[derive(Debug)]
pub enum Stopped {
    /// We refused, or could not go on.
    Ours(Error),
    /// The peer has ended the connection.
    Peer,
}

impl Stopped {
    /// Our refusal; fails the test if it was something else.
    pub fn refusal(self) -> Refusal {
        match self {
            Stopped::Ours(Error::Refused(refusal)) => *refusal,
            other => panic!("{other:?}"),
        }
    }
}

/// Parts of a message that are signed and not sent in its token.
pub type Beside = [&'static [u8]; 2];

/// A Wrap token for `message`, in place if something stands beside it.
fn wrap(context: &mut Context, message: &[u8], protection: Protection, beside: Option<Beside>) -> Vec<u8> {
    let Some([front, back]) = beside else {
        let mut token = Vec::new();
        context.protect(protection, message, &mut token).unwrap();
        return token;
    };
    let (header, trailer) = context.sizes(protection);
    let (mut header, mut body) = (vec![0; header + trailer], message.to_vec());
    let parts = &mut [Part::Signed(front), Part::Sealed(&mut body), Part::Signed(back)];
    context.protect_parts(protection, &mut header, parts, &mut []).unwrap();
    [header, body].concat()
}

/// What is in a Wrap token of the peer.
fn unwrap(context: &mut Context, token: &mut [u8], beside: Option<Beside>) -> (Protection, Vec<u8>) {
    let Some([front, back]) = beside else {
        let opened = context.unprotect(token).unwrap();
        return (opened.protection, opened.message.to_vec());
    };
    let sealed = token[2] & 2 != 0;
    let (header, trailer) = context.sizes(if sealed { Protection::Confidentiality } else { Protection::Integrity });
    let (header, body) = token.split_at_mut(header + trailer);
    let parts = &mut [Part::Signed(front), Part::Sealed(body), Part::Signed(back)];
    let (protection, _) = context.unprotect_parts(Protection::Integrity, header, parts, &mut []).unwrap();
    (protection, body.to_vec())
}

/// A connection in the framing of MIT's sample programs.
pub struct Line {
    tcp: TcpStream,
    change: Change,
    /// What stands before and behind each wrapped message, only signed.
    pub beside: Option<Beside>,
    /// Every token of the handshake, as we made it or got it.
    pub tokens: Vec<(Way, Vec<u8>)>,
}

impl Line {
    fn new(tcp: TcpStream, change: Change) -> Self {
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        Line { tcp, change, beside: None, tokens: Vec::new() }
    }

    pub fn to(address: SocketAddr, change: Change) -> Self {
        let line = Line::new(TcpStream::connect(address).unwrap(), change);
        line.write(Kind::NOOP | Kind::CONTEXT_NEXT, Vec::new());
        line
    }

    fn write(&self, kind: Kind, body: Vec<u8>) {
        // The peer may be gone: the next read tells.
        let _ = Token::new(kind, body).write(&mut &self.tcp);
    }

    fn read(&self) -> Result<Token, Stopped> {
        Token::read(&mut &self.tcp).map_err(|_| Stopped::Peer)
    }

    fn send(&mut self, out: &mut Vec<u8>) {
        if out.is_empty() {
            return;
        }
        let way = Way::ToPeer(self.tokens.iter().filter(|(way, _)| matches!(way, Way::ToPeer(_))).count());
        self.tokens.push((way, out.clone()));
        (self.change)(way, out);
        self.write(Kind::CONTEXT, std::mem::take(out));
    }

    fn receive(&mut self) -> Result<Vec<u8>, Stopped> {
        let mut token = self.read()?.body;
        let way = Way::FromPeer(self.tokens.iter().filter(|(way, _)| matches!(way, Way::FromPeer(_))).count());
        (self.change)(way, &mut token);
        self.tokens.push((way, token.clone()));
        Ok(token)
    }

    /// Our step's result; what is in `out` goes to the peer in any case.
    fn step<T>(&mut self, step: Result<T, Error>, out: &mut Vec<u8>) -> Result<T, Stopped> {
        self.send(out);
        step.map_err(Stopped::Ours)
    }

    /// Our side of a handshake that we begin, or the peer with a hint.
    pub fn initiate(&mut self, target: Target<'_>, kdc: &impl KdcExchange, hinted: bool) -> Result<Context, Stopped> {
        let mut out = Vec::new();
        let mut step = match hinted {
            true => target.begin_with(&self.receive()?, now(), &mut out),
            false => target.begin(now(), &mut out),
        };
        loop {
            step = match self.step(step, &mut out)? {
                Initiate::Complete(context) => return Ok(context),
                Initiate::NeedsToken(next) => next.step(&self.receive()?, now(), &mut out),
                Initiate::NeedsKdc(next) => match kdc.exchange(next.request()) {
                    Ok(reply) => next.reply(&reply, now(), &mut out),
                    Err(tried) => next.unreachable(tried, now(), &mut out),
                },
                Initiate::NeedsAnswer(next) => next.decline(now(), &mut out),
            };
        }
    }

    /// Our side of a handshake that the peer begins, or we with a hint.
    pub fn accept(
        &mut self,
        session: Session<'_>,
        accounts: &impl Accounts,
        speak_first: bool,
    ) -> Result<Context, Stopped> {
        let opening = self.read()?.flags;
        assert!(opening.contains(Kind::NOOP | Kind::CONTEXT_NEXT));
        let mut out = Vec::new();
        let mut step = match speak_first {
            true => session.speak_first(now(), &mut out),
            false => Ok(Accept::NeedsToken(session.begin())),
        };
        loop {
            step = match self.step(step, &mut out)? {
                Accept::Complete(context) => return Ok(context),
                Accept::NeedsToken(next) => next.step(&self.receive()?, now(), &mut out),
                Accept::NeedsAccount(next) => {
                    let account = accounts.find(next.logon());
                    next.answer(account, now(), &mut out)
                }
                Accept::NeedsAnswer(next) => next.decline(now(), &mut out),
                Accept::NeedsKdc(_) => panic!("no acceptor here asks a KDC"),
            };
        }
    }

    /// Sends a sealed message and gets the peer's signature of it, which is verified.
    pub fn sealed(&mut self, context: &mut Context, message: &[u8]) {
        let token = wrap(context, message, Protection::Confidentiality, self.beside);
        self.write(Kind::DATA | Kind::WRAPPED | Kind::ENCRYPTED | Kind::SEND_MIC, token);
        self.verify_answer(context, message);
    }

    /// Sends a message that is wrapped and not sealed, and gets the peer's signature of it, which is verified.
    pub fn wrapped(&mut self, context: &mut Context, message: &[u8]) {
        let token = wrap(context, message, Protection::Integrity, self.beside);
        self.write(Kind::DATA | Kind::WRAPPED | Kind::SEND_MIC, token);
        self.verify_answer(context, message);
    }

    /// Sends a message with our signature and gets the peer's, which is verified.
    pub fn signed(&mut self, context: &mut Context, message: &[u8]) {
        self.write(Kind::DATA, message.to_vec());
        self.read().unwrap();
        let mut signature = Vec::new();
        context.sign(message, &mut signature).unwrap();
        self.write(Kind::MIC | Kind::SEND_MIC, signature);
        self.verify_answer(context, message);
    }

    fn verify_answer(&mut self, context: &mut Context, message: &[u8]) {
        let Token { flags, body } = self.read().unwrap();
        assert!(flags.contains(Kind::MIC));
        context.verify(message, &body).unwrap();
    }

    /// Sends a sealed message and gets it back, sealed by the peer.
    pub fn echoed(&mut self, context: &mut Context, message: &[u8]) {
        let token = wrap(context, message, Protection::Confidentiality, self.beside);
        self.write(Kind::DATA | Kind::WRAPPED | Kind::ENCRYPTED, token);
        let mut answer = self.read().unwrap().body;
        let (protection, answer) = unwrap(context, &mut answer, self.beside);
        assert_eq!((protection, answer.as_slice()), (Protection::Confidentiality, message));
    }

    /// Says that no message will come.
    pub fn end(self) {
        self.write(Kind::NOOP, Vec::new());
    }

    /// Takes messages and answers them, until the peer says that there will be none, or is gone.
    fn serve(&mut self, context: &mut Context) -> Vec<Heard> {
        let (mut heard, mut plain) = (Vec::new(), Vec::new());
        while let Ok(Token { flags, mut body }) = self.read() {
            if flags.contains(Kind::NOOP) {
                break;
            }
            let (how, message) = if flags.contains(Kind::WRAPPED) {
                let (protection, message) = unwrap(context, &mut body, self.beside);
                (How::Wrapped(protection), message)
            } else if flags.contains(Kind::MIC) {
                context.verify(&plain, &body).unwrap();
                (How::Signed, plain.clone())
            } else {
                plain.clone_from(&body);
                (How::Plain, body)
            };
            self.answer(context, flags, &message);
            heard.push(Heard { how, message });
        }
        heard
    }

    fn answer(&self, context: &mut Context, asked: Kind, message: &[u8]) {
        let mut answer = Vec::new();
        let kind = if asked.contains(Kind::SEND_MIC) {
            context.sign(message, &mut answer).unwrap();
            Kind::MIC
        } else if asked.contains(Kind::WRAPPED) {
            answer = wrap(context, message, Protection::Confidentiality, self.beside);
            Kind::DATA | Kind::WRAPPED | Kind::ENCRYPTED
        } else {
            Kind::NOOP
        };
        self.write(kind, answer);
    }
}

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Wrapped(Protection),
    Signed,
    Plain,
}

/// A message that came.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    pub how: How,
    pub message: Vec<u8>,
}

/// A context of ours and what came under it.
#[derive(Debug)]
pub struct Met {
    pub peer: Identity,
    pub local: Identity,
    pub mechanism: handfast::mech::MechanismId,
    pub why: handfast::mech::Why,
    pub flags: Flags,
    pub heard: Vec<Heard>,
    pub tokens: Vec<(Way, Vec<u8>)>,
}

/// Says that the peer has ended, also when the test has failed over it.
pub struct Gone<'a>(pub &'a AtomicBool);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The next connection; none if the peer has ended without one.
pub fn connection(listener: &TcpListener, gone: &AtomicBool) -> Option<TcpStream> {
    listener.set_nonblocking(true).unwrap();
    loop {
        let ended = gone.load(Ordering::SeqCst);
        match listener.accept() {
            Ok((tcp, _)) => {
                tcp.set_nonblocking(false).unwrap();
                return Some(tcp);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && !ended => thread::sleep(Duration::from_millis(5)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("no connection: {error}"),
        }
    }
}

/// Our acceptor, for one connection of a peer.
pub struct OurEnd {
    pub acceptor: Acceptor,
    pub bindings: Option<ChannelBindings>,
    pub change: Change,
    pub speak_first: bool,
    pub beside: Option<Beside>,
}

impl OurEnd {
    pub fn new(acceptor: Acceptor) -> Self {
        OurEnd { acceptor, bindings: None, change: unchanged, speak_first: false, beside: None }
    }

    pub fn bindings(mut self, application_data: &str) -> Self {
        self.bindings = Some(ChannelBindings::raw(application_data));
        self
    }

    pub fn change(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    pub fn beside(mut self, beside: Option<Beside>) -> Self {
        self.beside = beside;
        self
    }

    pub fn speak_first(mut self) -> Self {
        self.speak_first = true;
        self
    }

    /// Lets the peer connect and send messages: what it says, and what we have met.
    pub fn meet(
        &self,
        peer: &SamplePeer,
        messages: &[&str],
        accounts: &(impl Accounts + Sync),
    ) -> (Run, Result<Met, Stopped>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, gone) = (listener.local_addr().unwrap().port(), AtomicBool::new(false));
        thread::scope(|scope| {
            let ours = scope.spawn(|| match connection(&listener, &gone) {
                Some(tcp) => self.serve(Line::new(tcp, self.change), accounts),
                None => Err(Stopped::Peer),
            });
            let said = {
                let _gone = Gone(&gone);
                peer.connect(port, messages)
            };
            (said, ours.join().unwrap())
        })
    }

    fn serve(&self, mut line: Line, accounts: &impl Accounts) -> Result<Met, Stopped> {
        let session = self.acceptor.session();
        let session = match &self.bindings {
            Some(bindings) => session.channel_bindings(bindings),
            None => session,
        };
        line.beside = self.beside;
        let mut context = line.accept(session, accounts, self.speak_first)?;
        Ok(Met {
            peer: context.peer().clone(),
            local: context.local().clone(),
            mechanism: context.mechanism(),
            why: context.why().clone(),
            flags: context.flags(),
            heard: line.serve(&mut context),
            tokens: std::mem::take(&mut line.tokens),
        })
    }
}
