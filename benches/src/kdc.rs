//! Requests for KDCs: made beforehand, then sent with several on their way at a time.

use crate::contender::{Exchange, Result};
use handfast::crypto::OsRandom;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::exchange::{ClientSecret, ExchangeStep, Login, TicketOptions, TicketRequest};
use handfast::krb5::{HeldTicket, Keytab};
use handfast::{Principal, Time};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// All keys of tickets and replies are of this type.
const ENCTYPE: Enctype = Enctype::AES256_CTS_HMAC_SHA1_96;

/// How many requests are on their way at a time.
const WINDOW: usize = 16;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first octet of an AS-REP and of a TGS-REP (RFC 4120 5.4.2).
const AS_REP: u8 = 0x6b;
const TGS_REP: u8 = 0x6d;

/// A user who asks a KDC for tickets.
#[derive(Debug)]
pub struct Client {
    user: Principal,
    keys: Vec<EncryptionKey>,
    service: Principal,
}

/// What takes a request to a KDC and brings the reply.
pub type Ask<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>>;

impl Client {
    /// `user` with the key in `keytab`, who wants tickets for `service`.
    pub fn new(user: Principal, keytab: &Keytab, service: Principal) -> Self {
        let keys = keytab.keys_of(&user).iter().map(|entry| entry.key.clone()).collect();
        Client { user, keys, service }
    }

    /// Requests of which none is like another, since a KDC may know a repeated one again.
    pub fn requests(&self, exchange: Exchange, count: usize, ask: Ask<'_>) -> Result<Vec<Vec<u8>>> {
        match exchange {
            Exchange::As => {
                let (_, refusal) = self.first_request(ask)?;
                (0..count).map(|_| self.proven_request(&refusal)).collect()
            }
            Exchange::Tgs => {
                let tgt = self.log_in(ask)?;
                (0..count).map(|_| self.ticket_request(&tgt)).collect()
            }
        }
    }

    fn options() -> TicketOptions {
        TicketOptions { enctypes: vec![ENCTYPE], ..TicketOptions::default() }
    }

    /// A login that has asked without proof, and the KDC's refusal, which is the same each time.
    fn first_request(&self, ask: Ask<'_>) -> Result<(Login, Vec<u8>)> {
        let (login, request) = self.begin()?;
        let refusal = ask(&request)?;
        Ok((login, refusal))
    }

    fn begin(&self) -> Result<(Login, Vec<u8>)> {
        let secret = ClientSecret::Keys(self.keys.clone());
        let login = Login::new(self.user.clone(), secret, Self::options(), Arc::new(OsRandom));
        needs_kdc(login.begin(now())?)
    }

    fn proven_request(&self, refusal: &[u8]) -> Result<Vec<u8>> {
        let (login, _) = self.begin()?;
        Ok(needs_kdc(login.reply(refusal, now())?)?.1)
    }

    fn log_in(&self, ask: Ask<'_>) -> Result<HeldTicket> {
        let (login, refusal) = self.first_request(ask)?;
        let (login, request) = needs_kdc(login.reply(&refusal, now())?)?;
        match login.reply(&ask(&request)?, now())? {
            ExchangeStep::Complete(got) => Ok(got.ticket),
            ExchangeStep::NeedsKdc(..) | ExchangeStep::NeedsAnswer(..) => Err("the KDC wants more than a proof".into()),
        }
    }

    fn ticket_request(&self, tgt: &HeldTicket) -> Result<Vec<u8>> {
        let request = TicketRequest::new(tgt, self.service.clone(), Self::options(), Arc::new(OsRandom));
        Ok(needs_kdc(request.begin(now())?)?.1)
    }
}

fn needs_kdc<M, T>(step: ExchangeStep<M, T>) -> Result<(M, Vec<u8>)> {
    match step {
        ExchangeStep::NeedsKdc(machine, request) => Ok((machine, request.bytes)),
        ExchangeStep::Complete(_) | ExchangeStep::NeedsAnswer(..) => Err("an exchange without a request".into()),
    }
}

fn now() -> Time {
    SystemTime::now().into()
}

/// A socket for a KDC.
pub fn connect(kdc: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(kdc)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends one request and waits for the reply.
pub fn ask(socket: &UdpSocket, request: &[u8]) -> Result<Vec<u8>> {
    let mut reply = vec![0; 0xffff];
    socket.send(request)?;
    let length = socket.recv(&mut reply)?;
    reply.truncate(length);
    Ok(reply)
}

/// How long a KDC takes to grant all `requests`; an error if it refuses one or loses one.
pub fn storm(socket: &UdpSocket, exchange: Exchange, requests: &[Vec<u8>]) -> Result<Duration> {
    let mut reply = [0; 0xffff];
    let mut waiting = requests.iter();
    let start = Instant::now();
    for request in waiting.by_ref().take(WINDOW) {
        socket.send(request)?;
    }
    for _ in requests {
        let length = socket.recv(&mut reply)?;
        granted(exchange, reply.get(..length).unwrap_or_default())?;
        if let Some(request) = waiting.next() {
            socket.send(request)?;
        }
    }
    Ok(start.elapsed())
}

/// An error if the reply is no ticket.
pub fn granted(exchange: Exchange, reply: &[u8]) -> Result<()> {
    match (exchange, reply.first()) {
        (Exchange::As, Some(&AS_REP)) | (Exchange::Tgs, Some(&TGS_REP)) => Ok(()),
        _ => Err(format!("the KDC refuses an {exchange:?} request").into()),
    }
}
