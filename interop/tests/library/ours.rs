//! Our side, by the libraries alone: KDC requests, logins, contexts in MIT's sample framing.

use handfast::crypto::OsRandom;
use handfast::krb5::exchange::{
    ClientSecret, ExchangeError, ExchangeStep, KdcRequest, KdcUnreachable, Login, TicketOptions,
};
use handfast::krb5::{Ccache, HeldTicket, Keytab, enctype};
use handfast::mech::Why;
use handfast::{Acceptor, Credential, Initiator, Policy, Principal, ReplayGuard, ServiceName, Target, Time};
use handfast_interop::Enctype;
use handfast_net::Clock;
use handfast_net::driver::{HandshakeError, KdcExchange};
use handfast_net::kdc::{KdcAddress, KdcClient};
use handfast_net::stream::{GssSampleStream, SampleReceived, StreamOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

/// The time of the system.
pub fn now() -> Time {
    SystemTime::now().into()
}

/// The same enctype in our words.
pub fn our(enctype: Enctype) -> enctype::Enctype {
    enctype::Enctype(enctype.number())
}

/// Asks the KDC at one address.
pub fn kdc(address: SocketAddr) -> impl KdcExchange {
    move |request: &KdcRequest| {
        let kdcs = [address.to_string().parse::<KdcAddress>().unwrap()];
        let answer = KdcClient::default().exchange(&request.realm, &kdcs, &request.bytes, request.tcp_required);
        answer.map(|reply| reply.bytes).map_err(|error| panic!("{}: {:?}", error.realm, error.tried))
    }
}

/// Nobody to ask: the ticket is in the cache already.
pub fn no_kdc(request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
    Err(KdcUnreachable { realm: request.realm.clone(), tried: Vec::new() })
}

/// Logs in at the KDC at `address`, by a clock that shows `now`.
pub fn log_in(
    client: &str,
    password: &str,
    options: TicketOptions,
    address: SocketAddr,
    now: Time,
) -> Result<HeldTicket, ExchangeError> {
    log_in_as(client.parse().unwrap(), password, options, address, now)
}

/// The same, with any kind of name.
pub fn log_in_as(
    client: Principal,
    password: &str,
    options: TicketOptions,
    address: SocketAddr,
    now: Time,
) -> Result<HeldTicket, ExchangeError> {
    let secret = ClientSecret::Password(handfast::crypto::Secret::new(password.as_bytes().to_vec()));
    let mut step = Login::new(client, secret, options, Arc::new(OsRandom)).begin(now)?;
    loop {
        step = match step {
            ExchangeStep::Complete(got) => return Ok(got.ticket),
            ExchangeStep::NeedsAnswer(next, _) => next.decline(now)?,
            ExchangeStep::NeedsKdc(next, request) => next.reply(&kdc(address).exchange(&request).unwrap(), now)?,
        };
    }
}

/// The tickets in a credential cache that MIT's programs wrote.
pub fn tickets_of(path: &Path) -> Credential {
    Credential::tickets(&Ccache::decode(&std::fs::read(path).unwrap()).unwrap())
}

/// Connects to a gss-server; the context is complete when this returns.
pub fn connect(
    address: SocketAddr,
    service: &str,
    credential: &Credential,
    policy: Policy,
    kdc: &impl KdcExchange,
    options: &StreamOptions,
) -> Result<GssSampleStream, HandshakeError> {
    connect_by(|target| target, address, service, credential, policy, kdc, options)
}

/// The same in SPNEGO.
pub fn negotiate(
    address: SocketAddr,
    service: &str,
    credential: &Credential,
    policy: Policy,
    kdc: &impl KdcExchange,
    options: &StreamOptions,
) -> Result<GssSampleStream, HandshakeError> {
    connect_by(|target| target.negotiate(), address, service, credential, policy, kdc, options)
}

pub fn connect_by(
    how: impl FnOnce(Target<'_>) -> Target<'_>,
    address: SocketAddr,
    service: &str,
    credential: &Credential,
    policy: Policy,
    kdc: &impl KdcExchange,
    options: &StreamOptions,
) -> Result<GssSampleStream, HandshakeError> {
    let target: ServiceName = service.parse().unwrap();
    let initiator = Initiator::new(policy);
    let tcp = TcpStream::connect(address).unwrap();
    GssSampleStream::connect(tcp, how(initiator.to(&target).credential(credential)), kdc, options)
}

/// Our acceptor for one connection after the other, each in a thread: what it said of each.
pub struct OurServer {
    address: SocketAddr,
    connections: Vec<JoinHandle<Result<Served, HandshakeError>>>,
    listener: TcpListener,
    acceptor: Acceptor,
    options: StreamOptions,
}

/// What a connection was, from its context to its last message.
#[derive(Debug)]
pub struct Served {
    pub peer: String,
    pub local: String,
    pub enctype: Option<enctype::Enctype>,
    pub flags: handfast::Flags,
    pub why: Why,
    pub delegated: Option<Credential>,
    pub received: Vec<SampleReceived>,
}

impl OurServer {
    pub fn new(keytab: &Path) -> Self {
        let keytab = Keytab::decode(&std::fs::read(keytab).unwrap()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        OurServer {
            address: listener.local_addr().unwrap(),
            connections: Vec::new(),
            listener,
            acceptor: Acceptor::new(&keytab, ReplayGuard::in_memory()),
            options: StreamOptions::default().handshake_time(Duration::from_secs(10)),
        }
    }

    pub fn policy(mut self, policy: Policy) -> Self {
        self.acceptor = self.acceptor.policy(policy);
        self
    }

    pub fn options(mut self, change: impl FnOnce(StreamOptions) -> StreamOptions) -> Self {
        self.options = change(self.options);
        self
    }

    pub fn clock_ahead(self, ahead: Duration) -> Self {
        self.options(|options| options.clock(Clock::from_fn(move || now().saturating_add(ahead))))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Takes the next connection, in a thread.
    pub fn accept_one(&mut self) {
        let listener = self.listener.try_clone().unwrap();
        let (acceptor, options) = (self.acceptor.clone(), self.options.clone());
        self.connections.push(thread::spawn(move || serve(listener.accept().unwrap().0, &acceptor, &options)));
    }

    /// How the connections ended that were taken so far, in the order in which [`OurServer::accept_one`] was called.
    pub fn results(&mut self) -> Vec<Result<Served, HandshakeError>> {
        self.connections.drain(..).map(|connection| connection.join().unwrap()).collect()
    }

    /// How the only connection ended.
    pub fn result(&mut self) -> Result<Served, HandshakeError> {
        let mut results = self.results();
        assert_eq!(results.len(), 1);
        results.remove(0)
    }
}

fn serve(tcp: TcpStream, acceptor: &Acceptor, options: &StreamOptions) -> Result<Served, HandshakeError> {
    let mut stream = GssSampleStream::accept(tcp, acceptor.session(), options)?;
    let context = stream.context();
    let mut served = Served {
        peer: context.peer().to_string(),
        local: context.local().to_string(),
        enctype: context.enctype(),
        flags: context.flags(),
        why: context.why().clone(),
        delegated: context.delegated(),
        received: Vec::new(),
    };
    while let Some(received) = stream.receive()? {
        served.received.push(received);
    }
    Ok(served)
}
