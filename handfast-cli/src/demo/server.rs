use super::Trouble;
use super::client::Proven;
use super::stage::Accounts;
use super::verdict::End;
use handfast::{Acceptor, Context, Logon};
use handfast_net::driver::{Driver, NnsCarrier};
use handfast_net::framing::{FrameError, nns};
use handfast_net::{Clock, Deadline, Listener, Stopper, Timed};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

mod impostor;

/// How long one connection may take, and the demo waits for what a server has to say of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a loopback port, in a thread of its own. Ends when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    reports: Receiver<Attended>,
    stopper: Stopper,
}

/// What the server says of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Attended {
    /// What it knows of the client, if it was convinced.
    pub(super) proven: Option<Proven>,
    /// How many sealed messages it opened and sent back.
    pub(super) echoed: usize,
    /// Why it ended the connection, if the client did not.
    pub(super) end: Option<End>,
}

impl Server {
    /// Accepts whom `acceptor` accepts, and sends back what they say.
    pub(super) fn start(acceptor: Acceptor, accounts: Accounts) -> Result<Server, Trouble> {
        Server::attending(move |tcp| attend(tcp, &acceptor, &accounts))
    }

    /// An impostor: it has no key and knows no account, and answers every client with what it made up.
    pub(super) fn impostor() -> Result<Server, Trouble> {
        Server::pretending(impostor::pretend)
    }

    /// A mirror: it answers every client with the client's own token.
    pub(super) fn mirror() -> Result<Server, Trouble> {
        Server::pretending(impostor::reflect)
    }

    /// Whatever else goes wrong for an impostor is as good as a refusal only if the client says so itself.
    fn pretending(pretend: fn(&TcpStream) -> Result<Option<End>, Trouble>) -> Result<Server, Trouble> {
        Server::attending(move |tcp| Attended { end: pretend(tcp).ok().flatten(), ..Attended::default() })
    }

    fn attending(attend: impl Fn(&TcpStream) -> Attended + Send + 'static) -> Result<Server, Trouble> {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let (address, stopper) = (listener.local_addr(), listener.stopper());
        let (sender, reports) = mpsc::channel();
        thread::spawn(move || {
            while let Some(connection) = listener.accept() {
                // An accept that fails is told by the report that is missing.
                let told = connection.map(|(tcp, _)| sender.send(attend(&tcp)).is_ok());
                if matches!(told, Ok(false)) {
                    break;
                }
            }
        });
        Ok(Server { address, reports, stopper })
    }

    /// What it has to say of the connection that came next.
    pub(super) fn report(&self) -> Result<Attended, Trouble> {
        self.reports
            .recv_timeout(PATIENCE)
            .map_err(|_| Trouble::new("the server does not say what became of a connection"))
    }
}

/// Its threads end by themselves; nobody waits for them, so that the demo ends whatever becomes of them.
impl Drop for Server {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

fn attend(tcp: &TcpStream, acceptor: &Acceptor, accounts: &Accounts) -> Attended {
    let mut attended = Attended::default();
    attended.end = converse(tcp, acceptor, accounts, &mut attended).err();
    attended
}

fn converse(tcp: &TcpStream, acceptor: &Acceptor, accounts: &Accounts, attended: &mut Attended) -> Result<(), End> {
    let mut stream = Timed::new(tcp, Deadline::after(PATIENCE)).map_err(FrameError::from)?;
    let driver = Driver::new(Clock::system());
    let find = |logon: &Logon| accounts.find(logon);
    let context = driver.accept(acceptor.session(), &find, &mut NnsCarrier::acceptor(&mut stream))?;
    attended.proven = Some(Proven::by(&context));
    echo(&mut stream, context, &mut attended.echoed)
}

/// Sends every message back, until an empty one says that it was the last.
fn echo(stream: &mut Timed<'_>, mut context: Context, echoed: &mut usize) -> Result<(), End> {
    let (mut token, mut reply) = (Vec::new(), Vec::new());
    loop {
        nns::read_data(stream, &mut token)?;
        let message = context.unseal(&mut token)?.to_vec();
        if message.is_empty() {
            return Ok(());
        }
        *echoed += 1;
        reply.clear();
        context.seal(&message, &mut reply)?;
        nns::write_data(stream, &reply)?;
    }
}
