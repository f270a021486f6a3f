use super::Trouble;
use super::client::Proven;
use super::verdict::End;
use crate::span;
use handfast::crypto::{OsRandom, Random};
use handfast::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{ApRep, ApReq, EncApRepPart, EncryptedData};
use handfast::mech::{MechanismId, framing};
use handfast::{Acceptor, Context};
use handfast_net::driver::{Driver, NnsCarrier, NoAccounts};
use handfast_net::framing::{FrameError, nns};
use handfast_net::{Clock, Deadline, Listener, Stopper, Timed};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

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
    pub(super) fn start(acceptor: Acceptor) -> Result<Server, Trouble> {
        Server::attending(move |tcp| attend(tcp, &acceptor))
    }

    /// An impostor: it has no key, and answers every client with a proof that it made up.
    pub(super) fn impostor() -> Result<Server, Trouble> {
        Server::attending(|tcp| {
            // Whatever else goes wrong for the impostor is as good as a refusal only if the client says so itself.
            Attended { end: pretend(tcp).ok().flatten(), ..Attended::default() }
        })
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

fn attend(tcp: &TcpStream, acceptor: &Acceptor) -> Attended {
    let mut attended = Attended::default();
    attended.end = converse(tcp, acceptor, &mut attended).err();
    attended
}

fn converse(tcp: &TcpStream, acceptor: &Acceptor, attended: &mut Attended) -> Result<(), End> {
    let mut stream = Timed::new(tcp, Deadline::after(PATIENCE)).map_err(FrameError::from)?;
    let driver = Driver::new(Clock::system());
    let context = driver.accept(acceptor.session(), &NoAccounts, &mut NnsCarrier::acceptor(&mut stream))?;
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

/// Reads the client's proof, which it can't open, and answers with one under a key of its own.
fn pretend(tcp: &TcpStream) -> Result<Option<End>, Trouble> {
    let mut stream = Timed::new(tcp, Deadline::after(PATIENCE))?;
    let proof = match nns::Handshake::read(&mut stream)? {
        nns::Handshake::InProgress(token) => made_up_proof(&token)?,
        // This client asks for none.
        _ => Vec::new(),
    };
    nns::Handshake::Done(proof).write(&mut stream)?;
    match nns::Handshake::read(&mut stream)? {
        nns::Handshake::Error(code) => Ok(Some(End::told(code))),
        _ => Ok(None),
    }
}

fn made_up_proof(token: &[u8]) -> Result<Vec<u8>, Trouble> {
    let (_, mut inner) = framing::read(token)?;
    inner.take(2)?;
    let enctype = ApReq::decode(inner.all())?.authenticator.etype;
    let now = span::now();
    let part = EncApRepPart { ctime: now.into(), cusec: now.into(), subkey: None, seq_number: Some(0) };
    let mut confounder = [0; 16];
    OsRandom.fill(&mut confounder)?;
    let key = CipherKey::new(&EncryptionKey::generate(enctype, &OsRandom)?, KeyUsage::AP_REP_ENC_PART)?;
    let mut cipher = Vec::new();
    key.encrypt(&confounder, &part.to_der(), &mut cipher);
    let message = ApRep { enc_part: EncryptedData { etype: enctype, kvno: None, cipher: &cipher } }.to_der();
    let mut proof = Vec::new();
    framing::write_header(MechanismId::KERBEROS, 2 + message.len(), &mut proof);
    proof.extend_from_slice(&[2, 0]); // TOK_ID of a KRB_AP_REP (RFC 4121 4.1)
    proof.extend_from_slice(&message);
    Ok(proof)
}
