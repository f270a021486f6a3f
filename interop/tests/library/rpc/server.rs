//! A small server of Samba's `rpcecho` over connection-oriented RPC whose security contexts are our acceptor's.

use super::pdu::{
    ALTER_CONTEXT, ALTER_CONTEXT_RESP, AUTH3, BIND, BIND_ACK, BIND_NAK, CONNECT_LEVEL, FAULT, FIRST, HEADER,
    HEADER_SIGN, INTEGRITY, LAST, NDR, PRIVACY, Pdu, REQUEST, RESPONSE, TRAILER, common,
};
use crate::by_hand::{Gone, connection};
use crate::ours::now;
use handfast::mech::Why;
use handfast::{Accept, AcceptToken, Acceptor, Context, Error, Flags, Identity, MessageError, Part, Protection};
use handfast_interop::Run;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// rpcecho 1.0: 60a15ec5-4de8-11d7-a637-005056a20182.
const ECHO: [u8; 20] =
    [0xc5, 0x5e, 0xa1, 0x60, 0xe8, 0x4d, 0xd7, 0x11, 0xa6, 0x37, 0, 0x50, 0x56, 0xa2, 0x01, 0x82, 1, 0, 0, 0];
/// What the transfer syntax of a bind time feature negotiation begins with (MS-RPCE 2.2.2.14).
const FEATURES: [u8; 8] = [0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45];

/// Fault codes (MS-RPCE 2.2.2.11, C706 E).
const ACCESS_DENIED: u32 = 5;
const SEC_PKG_ERROR: u32 = 0x721;
/// Reason of a bind_nak (MS-RPCE 2.2.2.9): what Windows sends where a token is refused.
const INVALID_CHECKSUM: u16 = 9;

/// The longest body of a response.
const FRAGMENT: usize = 4096;

/// Where one bit of a PDU of some kind is changed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a request's or response's header, behind the common fields: what no PDU can be read without stays as it is.
    Header,
    Body,
    /// In the security trailer, its reserved octet.
    Trailer,
    /// In the last octet of the token.
    Token,
}

/// What happens to PDUs on their way: to those of this kind, this.
pub type Change = Option<(u8, Place)>;

fn change(change: Change, pdu: &mut Pdu) {
    let Some((kind, place)) = change else { return };
    if pdu.kind() != kind {
        return;
    }
    let (end, token) = (pdu.0.len(), pdu.token_at().unwrap());
    let at = match place {
        Place::Header => HEADER - 1,
        Place::Body => HEADER,
        Place::Trailer => token - 5,
        Place::Token => end - 1,
    };
    pdu.0[at] ^= 1;
}

/// Why the server has ended a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Our acceptor has refused the client.
    Handshake(Error),
    /// A request that is not what the client has protected.
    Message(MessageError),
    /// A request without any protection, where the client has bound with some.
    Unprotected,
    /// The client has gone without a context.
    Client,
}

/// A context of ours, and what was called under it.
#[derive(Debug)]
pub struct Served {
    pub peer: Identity,
    pub why: Why,
    pub flags: Flags,
    /// The PDUs of the handshake that came.
    pub legs: Vec<u8>,
    /// The level of authentication, and whether headers are signed.
    pub level: u8,
    pub signs_headers: bool,
    /// The operations, and how many fragments each request had.
    pub calls: Vec<(u16, usize)>,
}

/// Our acceptor behind a port, for one client.
pub struct Server {
    pub acceptor: Acceptor,
    /// Whether the server agrees to sign headers (MS-RPCE 2.2.2.3).
    pub signs_headers: bool,
    pub change: Change,
}

impl Server {
    /// Lets `client` call at the port that it is given: what it says, and what was called, or why nothing was.
    pub fn meet(&self, client: impl FnOnce(u16) -> Run) -> (Run, Result<Served, Stopped>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, gone) = (listener.local_addr().unwrap().port(), AtomicBool::new(false));
        thread::scope(|scope| {
            let ours = scope.spawn(|| match connection(&listener, &gone) {
                Some(tcp) => self.serve(tcp),
                None => Err(Stopped::Client),
            });
            let said = {
                let _gone = Gone(&gone);
                client(port)
            };
            (said, ours.join().unwrap())
        })
    }

    fn serve(&self, tcp: TcpStream) -> Result<Served, Stopped> {
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut line = Line { tcp, change: self.change, security: Security::default() };
        let (mut context, legs) = line.bind(self.acceptor.session().begin(), self.signs_headers)?;
        let mut calls = Vec::new();
        while let Some(call) = line.request(&mut context)? {
            calls.push((call.operation, call.fragments));
            line.respond(&mut context, &call, &echo(call.operation, &call.stub));
        }
        Ok(Served {
            peer: context.peer().clone(),
            why: context.why().clone(),
            flags: context.flags(),
            legs,
            level: line.security.trailer[1],
            signs_headers: line.security.signs_headers,
            calls,
        })
    }
}

/// What client and server have agreed on for all PDUs.
#[derive(Default)]
struct Security {
    /// That of the bind: provider, level, no padding, the context's number.
    trailer: [u8; TRAILER],
    signs_headers: bool,
    /// The length of the client's last token: a signature of ours has the same.
    token: usize,
}

struct Call {
    id: u32,
    operation: u16,
    stub: Vec<u8>,
    fragments: usize,
}

/// A connection with a client.
struct Line {
    tcp: TcpStream,
    change: Change,
    security: Security,
}

impl Line {
    /// Nothing if the client has gone.
    fn receive(&mut self) -> Option<Pdu> {
        let mut pdu = Pdu::read(&mut self.tcp).ok()?;
        change(self.change, &mut pdu);
        Some(pdu)
    }

    fn send(&mut self, pdu: Vec<u8>) {
        let mut pdu = Pdu(pdu);
        change(self.change, &mut pdu);
        // The client may be gone: the next read tells.
        let _ = self.tcp.write_all(&pdu.0);
    }

    /// One token in each PDU, until there is a context. An auth3 is not answered (MS-RPCE 2.2.2.5).
    fn bind(&mut self, mut next: AcceptToken, signs_headers: bool) -> Result<(Context, Vec<u8>), Stopped> {
        let mut legs = Vec::new();
        loop {
            let pdu = self.receive().ok_or(Stopped::Client)?;
            legs.push(pdu.kind());
            if pdu.kind() == BIND {
                self.security.trailer = pdu.trailer().unwrap();
                self.security.signs_headers = signs_headers && pdu.flags() & HEADER_SIGN != 0;
            }
            let mut token = Vec::new();
            let step = next.step(pdu.token(), now(), &mut token);
            let step = step.map_err(|error| self.refuse(&pdu, error))?;
            if pdu.kind() != AUTH3 {
                self.acknowledge(&pdu, &token);
            }
            next = match step {
                Accept::NeedsToken(next) => next,
                Accept::Complete(context) => return Ok((context, legs)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// bind_ack and alter_context_resp (C706 12.6.4.4).
    fn acknowledge(&mut self, asked: &Pdu, token: &[u8]) {
        let is_bind = asked.kind() == BIND;
        let kind = if is_bind { BIND_ACK } else { ALTER_CONTEXT_RESP };
        let mut body = vec![0xd0, 0x16, 0xd0, 0x16, 1, 0, 0, 0];
        let port = if is_bind { format!("{}\0", self.tcp.local_addr().unwrap().port()) } else { String::new() };
        body.extend(u16::try_from(port.len()).unwrap().to_le_bytes());
        body.extend(port.as_bytes());
        body.resize(body.len().next_multiple_of(4), 0);
        let results = results(asked);
        body.extend([u8::try_from(results.len()).unwrap(), 0, 0, 0]);
        results.iter().for_each(|result| body.extend(result));
        let header_sign = if is_bind && self.security.signs_headers { HEADER_SIGN } else { 0 };
        let mut pdu = common(kind, FIRST | LAST | header_sign, asked.call(), body.len(), token.len());
        pdu.extend(body);
        if !token.is_empty() {
            pdu.extend(self.security.trailer);
            pdu.extend(token);
        }
        self.send(pdu);
    }

    /// After an auth3 the client hears of it when it calls.
    fn refuse(&mut self, pdu: &Pdu, error: Error) -> Stopped {
        match pdu.kind() {
            BIND => {
                let mut nak = common(BIND_NAK, FIRST | LAST, pdu.call(), 8, 0);
                nak.extend(INVALID_CHECKSUM.to_le_bytes());
                nak.extend([1, 5, 0, 0, 0, 0]); // one version, 5.0
                self.send(nak);
            }
            ALTER_CONTEXT => self.fault(pdu.call(), ACCESS_DENIED),
            _ => {
                let call = self.receive().map_or(0, |pdu| pdu.call());
                self.fault(call, ACCESS_DENIED);
            }
        }
        Stopped::Handshake(error)
    }

    fn fault(&mut self, call: u32, status: u32) {
        let mut pdu = common(FAULT, FIRST | LAST, call, 16, 0);
        pdu.extend([0; 8]);
        pdu.extend(status.to_le_bytes());
        pdu.extend([0; 4]);
        self.send(pdu);
    }

    /// All fragments of the next request; nothing if the client has gone.
    fn request(&mut self, context: &mut Context) -> Result<Option<Call>, Stopped> {
        let (mut stub, mut fragments) = (Vec::new(), 0);
        loop {
            let Some(mut pdu) = self.receive() else { return Ok(None) };
            assert_eq!((pdu.kind(), fragments == 0), (REQUEST, pdu.flags() & FIRST != 0));
            let (id, operation) = (pdu.call(), pdu.u16(22));
            let opened = self.open(context, &mut pdu);
            stub.extend(opened.inspect_err(|_| self.fault(id, SEC_PKG_ERROR))?);
            fragments += 1;
            if pdu.flags() & LAST != 0 {
                return Ok(Some(Call { id, operation, stub, fragments }));
            }
        }
    }

    fn open(&mut self, context: &mut Context, pdu: &mut Pdu) -> Result<Vec<u8>, Stopped> {
        let Some(at) = pdu.token_at() else {
            let allowed = self.security.trailer[1] == CONNECT_LEVEL;
            return if allowed { Ok(pdu.0[HEADER..].to_vec()) } else { Err(Stopped::Unprotected) };
        };
        let (front, token) = pdu.0.split_at_mut(at);
        let (header, rest) = front.split_at_mut(HEADER);
        let (body, trailer) = rest.split_at_mut(rest.len() - TRAILER);
        let padding = usize::from(trailer[2]);
        assert_eq!((&trailer[..2], &trailer[4..]), (&self.security.trailer[..2], &self.security.trailer[4..]));
        self.security.token = token.len();
        self.unprotect(context, [header, body, trailer], token).map_err(Stopped::Message)?;
        Ok(body[..body.len() - padding].to_vec())
    }

    fn unprotect(
        &self,
        context: &mut Context,
        [header, body, trailer]: [&mut [u8]; 3],
        token: &mut [u8],
    ) -> Result<(), MessageError> {
        match (self.security.trailer[1], self.security.signs_headers) {
            (PRIVACY, true) => {
                let parts = &mut [Part::Signed(header), Part::Sealed(body), Part::Signed(trailer)];
                context.unprotect_parts(Protection::Confidentiality, token, parts, &mut []).map(drop)
            }
            (PRIVACY, false) => context
                .unprotect_parts(Protection::Confidentiality, token, &mut [Part::Sealed(body)], &mut [])
                .map(drop),
            (_, true) => context.verify_slices(&[header, body, trailer], token).map(drop),
            (_, false) => context.verify(body, token).map(drop),
        }
    }

    /// A response in as many fragments as it takes.
    fn respond(&mut self, context: &mut Context, call: &Call, stub: &[u8]) {
        let mut fragments: Vec<&[u8]> = stub.chunks(FRAGMENT).collect();
        if fragments.is_empty() {
            fragments.push(&[]);
        }
        for (index, stub) in fragments.iter().enumerate() {
            let first = if index == 0 { FIRST } else { 0 };
            let last = if index + 1 == fragments.len() { LAST } else { 0 };
            let pdu = self.response(context, first | last, call.id, stub);
            self.send(pdu);
        }
    }

    fn response(&self, context: &mut Context, flags: u8, id: u32, stub: &[u8]) -> Vec<u8> {
        let mut trailer = self.security.trailer;
        let length = match trailer[1] {
            PRIVACY => context.sizes(Protection::Confidentiality).0,
            INTEGRITY => self.security.token,
            _ => 0,
        };
        let padding = if length == 0 { 0 } else { stub.len().next_multiple_of(16) - stub.len() };
        trailer[2] = padding.try_into().unwrap();
        let mut body = [stub, &vec![0; padding]].concat();
        let mut header = common(RESPONSE, flags, id, 8 + body.len(), length);
        header.extend(u32::try_from(stub.len()).unwrap().to_le_bytes());
        header.extend([0; 4]);
        if length == 0 {
            return [header, body].concat();
        }
        let mut token = vec![0; length];
        self.protect(context, [&mut header, &mut body, &mut trailer], &mut token);
        [&header, &body, &trailer[..], &token].concat()
    }

    fn protect(&self, context: &mut Context, [header, body, trailer]: [&mut [u8]; 3], token: &mut Vec<u8>) {
        let length = token.len();
        match (self.security.trailer[1], self.security.signs_headers) {
            (PRIVACY, true) => {
                let parts = &mut [Part::Signed(header), Part::Sealed(body), Part::Signed(trailer)];
                context.protect_parts(Protection::Confidentiality, token, parts, &mut []).unwrap();
            }
            (PRIVACY, false) => {
                let parts = &mut [Part::Sealed(body)];
                context.protect_parts(Protection::Confidentiality, token, parts, &mut []).unwrap();
            }
            (_, signs_headers) => {
                token.clear();
                let all: &[&[u8]] = if signs_headers { &[header, body, trailer] } else { &[body] };
                context.sign_slices(all, token).unwrap();
            }
        }
        assert_eq!(token.len(), length);
    }
}

/// The results of the presentation contexts that a bind or alter_context offers (C706 12.6.3.1): rpcecho in NDR is what we
/// know, and that we negotiate no features at bind time (MS-RPCE 3.3.1.5.3).
fn results(asked: &Pdu) -> Vec<[u8; 24]> {
    let mut at = 28;
    let mut results = Vec::new();
    for _ in 0..asked.0[24] {
        let syntaxes = usize::from(asked.0[at + 2]);
        let offered: Vec<&[u8]> = asked.0[at + 4..at + 4 + 20 * (1 + syntaxes)].chunks(20).collect();
        let (result, reason, syntax) = match offered[1] {
            transfer if offered[0] == ECHO && transfer == NDR => (0, 0, NDR),
            transfer if transfer.starts_with(&FEATURES) => (3, 0, [0; 20]),
            _ => (2, 2, [0; 20]),
        };
        let mut octets = [0; 24];
        (octets[0], octets[2]) = (result, reason);
        octets[4..].copy_from_slice(&syntax);
        results.push(octets);
        at += 4 + 20 * (1 + syntaxes);
    }
    results
}

/// AddOne, EchoData, SinkData and SourceData (Samba's echo.idl), stub in, stub out.
fn echo(operation: u16, stub: &[u8]) -> Vec<u8> {
    let number = u32::from_le_bytes(stub[..4].try_into().unwrap());
    match operation {
        0 => (number + 1).to_le_bytes().to_vec(),
        1 => stub[4..].to_vec(),
        2 => Vec::new(),
        3 => {
            let octets = (0..=255).cycle().take(number.try_into().unwrap());
            number.to_le_bytes().into_iter().chain(octets).collect()
        }
        other => panic!("operation {other}"),
    }
}
