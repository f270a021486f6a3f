use crate::process::{kill, poll, read_text, wait, wait_for_text};
use crate::{Enctype, MitConfig, TempDir};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const CONNECTION: Duration = Duration::from_secs(30);
const LOG: Duration = Duration::from_secs(10);

/// MIT's `gss-server` on a port of 127.0.0.1.
///
/// By itself it would bind every address, so a listener here accepts and hands each connection to a `gss-server -inetd`
/// of its own. Its log is the peer's verdict: what gss-server says (flags, messages) and what MIT's library traces.
///
/// Run this way it closes its standard output, where it would name the client, so the name comes from the trace.
#[derive(Debug)]
pub struct GssServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    listener: Option<JoinHandle<()>>,
    dir: Arc<TempDir>,
}

impl GssServer {
    /// Serves `service` (`name@host`) with the keys of `keytab`.
    pub fn start(config: &MitConfig, keytab: &Path, service: &str) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_or_else(|error| panic!("can't listen: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no local address: {error}"));
        let dir = Arc::new(TempDir::new("gss-server"));
        let spawner =
            Spawner { config: config.clone(), keytab: keytab.into(), service: service.into(), dir: dir.clone() };
        spawner.command(0); // fails here and now if the program is missing
        let (stop, connections) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (told, count) = (stop.clone(), connections.clone());
        let listener = Some(thread::spawn(move || spawner.serve(&listener, &told, &count)));
        GssServer { address, stop, connections, listener, dir }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`GssServer::address`].
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its replay cache, of MIT's form "file2", which all of its connections share.
    pub fn replay_cache(&self) -> PathBuf {
        self.dir.join("replay-cache")
    }

    /// What the server said of all connections so far, in the order they came.
    pub fn log(&self) -> String {
        let count = self.connections.load(Ordering::SeqCst);
        let text = |number| read_text(&log_file(&self.dir, number)) + &read_text(&trace_file(&self.dir, number));
        (0..count).map(text).collect()
    }

    /// Waits until the server has said `text`; fails the test if it doesn't.
    pub fn expect_log(&self, text: &str) {
        wait_for_text("gss-server", text, LOG, || self.log(), || true);
    }

    /// Waits until the server has accepted a context of `client` for `service`, both principals with their realms.
    pub fn expect_accepted(&self, client: &str, service: &str) {
        self.expect_log(&format!("AP-REQ ticket: {client} -> {service}, session key"));
        self.expect_log("Accepted connection using mechanism OID { 1 2 840 113554 1 2 2 }");
    }

    /// Waits until the server has sent a subkey of `enctype`: the key that protects messages.
    pub fn expect_subkey(&self, enctype: Enctype) {
        let subkey = format!("subkey {}/", enctype.trace_name());
        let sends = |line: &str| line.contains("Creating AP-REP") && line.contains(&subkey);
        let sent = poll(LOG, || self.log().lines().any(sends).then_some(()));
        assert!(sent.is_some(), "gss-server has sent no {subkey}:\n{}", self.log());
    }

    /// Waits until the server has reported the context flag `name`, such as `"GSS_C_MUTUAL_FLAG"`.
    pub fn expect_flag(&self, name: &str) {
        self.expect_log(&format!("context flag: {name}"));
    }
}

impl Drop for GssServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener; if it can't be reached any more it has ended by itself.
        let _ = TcpStream::connect_timeout(&self.address, LOG);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

struct Spawner {
    config: MitConfig,
    keytab: PathBuf,
    service: String,
    dir: Arc<TempDir>,
}

impl Spawner {
    fn serve(&self, listener: &TcpListener, stop: &Arc<AtomicBool>, connections: &AtomicUsize) {
        let mut waiting = Vec::new();
        for stream in listener.incoming() {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let number = connections.fetch_add(1, Ordering::SeqCst);
            let handed = stream.and_then(|stream| self.hand_over(stream, number, stop));
            waiting.push(handed.unwrap_or_else(|error| panic!("gss-server got no connection: {error}")));
        }
        for connection in waiting {
            let _ = connection.join();
        }
    }

    fn hand_over(&self, stream: TcpStream, number: usize, stop: &Arc<AtomicBool>) -> io::Result<JoinHandle<()>> {
        let mut command = self.command(number);
        let mut child = command.stdin(Stdio::from(OwnedFd::from(stream))).spawn()?;
        drop(command); // and with it our copy of the socket: the peer's end of it is the end
        let stop = stop.clone();
        Ok(thread::spawn(move || {
            let limit = Duration::from_millis(100);
            let mut left = CONNECTION;
            while wait(&mut child, limit).is_none() {
                left = left.saturating_sub(limit);
                if left.is_zero() || stop.load(Ordering::SeqCst) {
                    return kill(&mut child);
                }
            }
        }))
    }

    fn command(&self, number: usize) -> Command {
        let mut command = self.config.command("gss-server", self.dir.path());
        command.env("KRB5_KTNAME", format!("FILE:{}", self.keytab.display()));
        command.env("KRB5_TRACE", trace_file(&self.dir, number));
        command.args(["-inetd", "-verbose", "-logfile"]).arg(log_file(&self.dir, number)).arg(&self.service);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

fn log_file(dir: &TempDir, number: usize) -> PathBuf {
    dir.join(&format!("connection-{number}.log"))
}

fn trace_file(dir: &TempDir, number: usize) -> PathBuf {
    dir.join(&format!("connection-{number}.trace"))
}
