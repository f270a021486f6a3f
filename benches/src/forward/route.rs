//! Ways from a client to the service.

use super::backend::Backend;
use super::copy::CopyProxy;
use super::program::{Program, Socat};
use crate::contender::Result;
use crate::realm::{Files, Realm};
use handfast::krb5::Ccache;
use handfast::{Credential, Initiator, Policy, ServiceName};
use handfast_interop::{Enctype, MitRealm};
use handfast_net::driver::NoKdc;
use handfast_net::stream::{NegotiateStream, StreamOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const ENCTYPE: Enctype = Enctype::Aes256Sha1;

/// A connection, proven and sealed or plain.
pub trait Line: Read + Write + Send {}

impl<S: Read + Write + Send> Line for S {}

/// What is between client and service.
pub struct Route {
    name: &'static str,
    entry: SocketAddr,
    client: Option<Client>,
    server: Option<Server>,
    _rest: Between,
}

/// `serve --forward`, and how it was started.
struct Server {
    program: Program,
    files: Files,
    backend: Backend,
}

impl Server {
    fn start(files: Files, backend: Backend) -> Result<Self> {
        let program = Program::serve(&files, MitRealm::NAME, backend.address())?;
        Ok(Server { program, files, backend })
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("name", &self.name).field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// What ends with the route.
enum Between {
    Nothing,
    Socat { _all: Vec<Socat> },
    Connect { _program: Program },
}

/// A client with a ticket.
struct Client {
    initiator: Initiator,
    credential: Credential,
    target: ServiceName,
}

impl Route {
    /// So many plain copies, one behind the other.
    pub fn copy(backend: Backend, hops: usize) -> Result<Self> {
        let mut entry = backend.address();
        for _ in 0..hops {
            entry = CopyProxy::start(entry)?.address();
        }
        Ok(Route { name: "copy", entry, client: None, server: None, _rest: Between::Nothing })
    }

    /// So many of `socat`.
    pub fn socat(backend: Backend, hops: usize) -> Result<Self> {
        let (mut entry, mut all) = (backend.address(), Vec::new());
        for _ in 0..hops {
            let socat = Socat::start(entry)?;
            entry = socat.address();
            all.push(socat);
        }
        Ok(Route { name: "socat", entry, client: None, server: None, _rest: Between::Socat { _all: all } })
    }

    /// Clients with tickets, and `serve --forward`.
    pub fn serve(backend: Backend, realm: &Realm) -> Result<Self> {
        Self::to_server(Server::start(realm.files(ENCTYPE)?, backend)?)
    }

    fn to_server(server: Server) -> Result<Self> {
        let credential = Credential::tickets(&Ccache::decode(&std::fs::read(&server.files.ccache)?)?);
        let target = ENCTYPE.service().parse()?;
        let client = Client { initiator: Initiator::new(Policy::default()), credential, target };
        let (entry, server, client) = (server.program.address(), Some(server), Some(client));
        Ok(Route { name: "handfast", entry, client, server, _rest: Between::Nothing })
    }

    /// `connect --listen`, and `serve --forward` behind it.
    pub fn chain(backend: Backend, realm: &Realm) -> Result<Self> {
        let server = Server::start(realm.files(ENCTYPE)?, backend)?;
        let connect = Program::connect(&server.files, &ENCTYPE.service_principal(), server.program.address())?;
        let (entry, server) = (connect.address(), Some(server));
        Ok(Route { name: "handfast", entry, client: None, server, _rest: Between::Connect { _program: connect } })
    }

    /// The same with a server that has served nobody yet; `None` where there is no server, or another program before it.
    pub fn with_new_server(&self) -> Result<Option<Self>> {
        let Some((_, server)) = self.client.as_ref().zip(self.server.as_ref()) else { return Ok(None) };
        Self::to_server(Server::start(server.files.clone(), server.backend)?).map(Some)
    }

    /// The head of its column.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The server, if there is one.
    pub fn server(&self) -> Option<&Program> {
        self.server.as_ref().map(|server| &server.program)
    }

    /// A connection that has proven itself to nobody.
    pub fn connect(&self) -> Result<TcpStream> {
        let tcp = TcpStream::connect(self.entry)?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    /// A connection to the service; proven, if this route proves anything.
    pub fn line(&self) -> Result<Box<dyn Line>> {
        let tcp = self.connect()?;
        let Some(client) = &self.client else { return Ok(Box::new(tcp)) };
        let target = client.initiator.to(&client.target).credential(&client.credential);
        Ok(Box::new(NegotiateStream::connect(tcp, target, &NoKdc, &StreamOptions::default())?))
    }
}
