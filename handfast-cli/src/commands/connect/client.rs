//! One connection to the server, proven.

use super::credentials::Credentials;
use super::options::Args;
use crate::describe;
use crate::failure::{Exit, Failure};
use crate::mechanism::Mechanism;
use crate::place::Place;
use crate::span;
use handfast::crypto::OsRandom;
use handfast::krb5::exchange::TicketRequest;
use handfast::{Context, Credential, Flags, Initiator, ServiceName, Target};
use handfast_net::login::{TicketError, get_ticket};
use handfast_net::store::CredentialCache;
use handfast_net::stream::StreamOptions;
use handfast_net::tokio::NegotiateStream;
use handfast_net::{Clock, Settings, resolve};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// What all connections to the server share.
pub(super) struct Client {
    pub(super) args: Args,
    pub(super) settings: Settings,
    pub(super) options: StreamOptions,
    pub(super) credentials: Arc<Credentials>,
    service: ServiceName,
    initiator: Initiator,
    /// Who gets a first ticket for the service; others wait for it.
    first: Mutex<()>,
}

impl Client {
    pub(super) fn new(args: Args, settings: Settings) -> Result<Self, Failure> {
        let service = match &args.service {
            Some(service) => service.parse()?,
            None => ServiceName::host_based("host", &args.server.bracketed())?,
        };
        let service: ServiceName = service;
        let called = settings.services(&service).into_iter().next().unwrap_or_else(|| service.clone());
        let credentials = Arc::new(Credentials::new(&args, &settings, &called)?);
        let (options, initiator) = (args.stream_options(), Initiator::new(args.policy(&settings)));
        Ok(Client {
            service: settled(&settings, &service, credentials.cache()),
            args,
            options,
            credentials,
            initiator,
            settings,
            first: Mutex::default(),
        })
    }

    /// The handshake, about to begin.
    pub(super) fn target<'a>(&'a self, credential: &'a Credential) -> Target<'a> {
        let target = self.initiator.to(&self.service).credential(credential);
        match self.args.mechanism() {
            Mechanism::Kerberos => target,
            Mechanism::Iakerb => target.iakerb(),
            Mechanism::Ntlm => target.ntlm(),
            Mechanism::Negotiate => target.negotiate(),
        }
    }

    /// The credential as it is now.
    async fn credential(&self) -> Result<Credential, Failure> {
        if let Some(login) = self.credentials.login() {
            return self.credentials.with_account(login.credential_async(self.settings.kdcs()).await?);
        }
        let credentials = Arc::clone(&self.credentials);
        elsewhere(move || credentials.current()).await
    }

    /// The same where nothing else is to be done meanwhile.
    pub(super) fn credential_now(&self) -> Result<Credential, Failure> {
        match self.credentials.login() {
            Some(login) => self.credentials.with_account(login.credential(self.settings.kdcs())?),
            None => self.credentials.current(),
        }
    }

    /// The credential and, if it has no ticket for the service, the right to get one: of many who connect at once the first one
    /// asks the KDC. Who has waited for that in vain asks, too.
    async fn credential_or_first(&self) -> Result<(Credential, Option<MutexGuard<'_, ()>>), Failure> {
        let credential = self.credential().await?;
        let has_ticket = || self.credentials.has_ticket(&self.service, span::now());
        if has_ticket() || !self.credentials.takes_tickets() {
            return Ok((credential, None));
        }
        let first = timeout(self.args.timeout, self.first.lock()).await.ok();
        let credential = self.credential().await?;
        Ok((credential, first.filter(|_| !has_ticket())))
    }

    /// A stream to the server. New tickets are in the cache then.
    pub(super) async fn connect(&self) -> Result<NegotiateStream, Failure> {
        let (credential, first) = Box::pin(self.credential_or_first()).await?;
        let tcp = dial(&self.args.server, self.args.timeout).await?;
        let (target, kdcs) = (self.target(&credential), self.settings.kdcs());
        let stream = Box::pin(NegotiateStream::connect(tcp, target, kdcs, &self.options)).await?;
        let (credentials, acquired) = (Arc::clone(&self.credentials), stream.context().acquired().to_vec());
        elsewhere(move || credentials.keep(&acquired)).await?;
        drop(first);
        Ok(stream)
    }
}

/// The name that the service has: of several, the first that the KDC knows, or the last. Only a login can ask.
fn settled(settings: &Settings, service: &ServiceName, cache: &dyn CredentialCache) -> ServiceName {
    let is_unknown = |name: &ServiceName| {
        let held = cache.load().ok()?;
        let (realm, now) = (held.start_realm(), settings.kdc_time(&held, span::now()));
        if held.ticket_for_service(name, now).is_some() {
            return None;
        }
        let (name, options) = (name.to_principal(realm), settings.ticket_options());
        let request = TicketRequest::new(held.tgt(realm, now)?, name, options, Arc::new(OsRandom));
        get_ticket(request.knowing(&held), settings.kdcs(), &Clock::system())
            .err()
            .filter(TicketError::is_unknown_service)
    };
    let mut names = settings.services(service);
    let Some(last) = names.pop() else { return service.clone() };
    names.into_iter().find(|name| is_unknown(name).is_none()).unwrap_or(last)
}

/// Who the server is, and whether that is proven.
pub(super) fn verdict(context: &Context) -> String {
    let (peer, local, line) = (context.peer(), context.local(), describe::line(context));
    match is_proven(context) {
        true => format!("{peer} is proven, to {local}: {line}"),
        false => format!("server not proven: whoever answered as {peer} is believed by {local}: {line}"),
    }
}

/// Whether the server has proven itself.
pub(super) fn is_proven(context: &Context) -> bool {
    context.flags().contains(Flags::MUTUAL)
}

/// Does what may wait for files where that holds up no connection.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let broken = |_| Err(Failure::new(Exit::Other, "a thread of ours broke"));
    spawn_blocking(work).await.unwrap_or_else(broken)
}

/// The first of the host's addresses that takes the connection.
async fn dial(server: &Place, patience: Duration) -> Result<TcpStream, Failure> {
    let (host, port) = (server.host.clone(), server.port);
    let addresses = elsewhere(move || Ok(resolve::addresses(&host, port)?)).await?;
    let mut tried = Vec::new();
    for address in addresses {
        match reach(address, patience).await {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    let cause = format!("no connection to {}: {}", server.host, tried.join("; "));
    Err(Failure::new(Exit::Connection, cause).next("make sure that the server runs, and that the port is right"))
}

async fn reach(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out"));
    timeout(patience, TcpStream::connect(address)).await.unwrap_or_else(|_| late())
}
