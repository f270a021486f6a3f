use crate::process::{Daemon, Run, poll, run};
use crate::{MitConfig, TempDir, newer_krb5, peer, silent_address};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(40);

/// The library that a [`SamplePeer`] stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// MIT's mechglue, by python3-gssapi: MIT's Kerberos and SPNEGO, gss-ntlmssp's NTLM.
    Mechglue,
    /// pyspnego: NTLM and SPNEGO in Python, Kerberos by MIT's library.
    Pyspnego,
}

impl Library {
    /// Both, for what has to be so with each.
    pub const ALL: [Library; 2] = [Library::Mechglue, Library::Pyspnego];

    fn name(self) -> &'static str {
        match self {
            Library::Mechglue => "gssapi",
            Library::Pyspnego => "spnego",
        }
    }

    fn interpreter(self) -> PathBuf {
        match self {
            Library::Mechglue => peer::peer_program("python3"),
            Library::Pyspnego => peer::python_peers(),
        }
    }
}

/// A program around a peer's library, either end of a connection in the framing of gss-client and gss-server: a context,
/// then messages. It says what the library says: the peer's name, the mechanism, flags, tokens, messages.
///
/// As long as nothing else is said it has no Kerberos, no account, and all flags.
///
/// ```no_run
/// use handfast_interop::{Library, SamplePeer};
/// let peer = SamplePeer::new(Library::Pyspnego).mechanism("ntlm").account("LAB", "alice", "alice-password");
/// let server = peer.serve();
/// let client = SamplePeer::new(Library::Mechglue).mechanism("ntlm").account("LAB", "alice", "alice-password");
/// client.connect(server.port(), &["sealed=hello"]).expect_success().expect_text("verified 5 bytes");
/// server.expect("peer: LAB\\alice");
/// ```
#[derive(Clone, Debug)]
pub struct SamplePeer {
    library: Library,
    options: Vec<String>,
    accounts: String,
    config: MitConfig,
    ccache: Option<PathBuf>,
    keytab: Option<PathBuf>,
    dir: Arc<TempDir>,
    /// Folders where it finds other libraries than Debian's.
    libraries: Vec<PathBuf>,
}

impl SamplePeer {
    /// A peer by this library.
    pub fn new(library: Library) -> Self {
        peer::require_peers();
        let (_, nobody) = silent_address();
        let config = MitConfig::new("NONE.TEST", nobody);
        let dir = Arc::new(TempDir::new("sample-peer"));
        SamplePeer {
            library,
            options: Vec::new(),
            accounts: String::new(),
            config,
            ccache: None,
            keytab: None,
            dir,
            libraries: Vec::new(),
        }
    }

    /// By this mechanism: `"kerberos"`, `"ms-kerberos"` (the mechglue's initiator), `"ntlm"`, or `"negotiate"`.
    #[must_use]
    pub fn mechanism(self, mechanism: &str) -> Self {
        self.option("--mechanism", mechanism)
    }

    /// The service, as `name@host`: `host@localhost` unless set.
    #[must_use]
    pub fn service(self, service: &str) -> Self {
        self.option("--service", service)
    }

    /// With these application data as channel bindings.
    #[must_use]
    pub fn bindings(self, application_data: &str) -> Self {
        self.option("--bindings", application_data)
    }

    /// With these flags and no others: of `"mutual"`, `"replay"`, `"sequence"`, `"confidentiality"`, `"integrity"`.
    #[must_use]
    pub fn flags(self, flags: &[&str]) -> Self {
        self.option("--flags", &flags.join(","))
    }

    /// A further option, as sample_peer.py has it, and its value.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// A further option without a value, such as `--no-mic`, `--speak-first` or `--hinted`.
    #[must_use]
    pub fn switch(mut self, name: &str) -> Self {
        self.options.push(name.to_owned());
        self
    }

    /// One more NTLM account: the client's first one is its own, a server knows them all.
    #[must_use]
    pub fn account(mut self, domain: &str, user: &str, password: &str) -> Self {
        let _ = writeln!(self.accounts, "{domain}:{user}:{password}");
        self
    }

    /// This NTLM account, and none of those named before.
    #[must_use]
    pub fn only_account(mut self, domain: &str, user: &str, password: &str) -> Self {
        self.accounts.clear();
        self.dir = Arc::new(TempDir::new("sample-peer"));
        self.account(domain, user, password)
    }

    /// With this Kerberos configuration and the tickets of a credential cache.
    #[must_use]
    pub fn tickets(mut self, config: &MitConfig, ccache: &Path) -> Self {
        (self.config, self.ccache) = (config.clone(), Some(ccache.to_owned()));
        self
    }

    /// With this Kerberos configuration and a service's keytab.
    #[must_use]
    pub fn keytab(mut self, config: &MitConfig, keytab: &Path) -> Self {
        (self.config, self.keytab) = (config.clone(), Some(keytab.to_owned()));
        self
    }

    /// With this Kerberos configuration, as a client with a password and no ticket.
    #[must_use]
    pub fn password(mut self, config: &MitConfig, user: &str, password: &str) -> Self {
        self.config = config.clone();
        self.option("--user", user).option("--password", password)
    }

    /// By the libraries of MIT krb5 1.22 or later, which come with psycopg-binary, in place of Debian's.
    #[must_use]
    pub fn newer_krb5(mut self) -> Self {
        self.libraries = newer_krb5::libraries(&self.dir.join("newer-krb5"));
        self
    }

    /// Starts a server, which takes one connection after the other for as long as the value lives.
    pub fn serve(&self) -> SampleServer {
        let mut command = self.command("serve");
        let daemon = Daemon::spawn(command.args(&self.options));
        daemon.wait_for("\n", LIMIT);
        let port = daemon.output().lines().find_map(|line| line.strip_prefix("port: ")?.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the peer names no port:\n{}", daemon.output()));
        SampleServer { daemon, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), _peer: self.clone() }
    }

    /// Connects to a server on 127.0.0.1, makes a context and sends `messages`: `"sealed=text"`, `"echo=@65536"` and so on, as
    /// sample_peer.py has them.
    pub fn connect(&self, port: u16, messages: &[&str]) -> Run {
        let mut command = self.command("connect");
        command.arg(port.to_string()).args(&self.options);
        for message in messages {
            command.args(["--send", message]);
        }
        run(&mut command, "", LIMIT)
    }

    fn command(&self, end: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join("sample_peer.py");
        let none = self.dir.join("none");
        let mut command = self.config.command_at(&self.library.interpreter(), self.dir.path());
        let file = |path: &Option<PathBuf>| format!("FILE:{}", path.as_ref().unwrap_or(&none).display());
        command.env("KRB5CCNAME", file(&self.ccache)).env("KRB5_KTNAME", file(&self.keytab));
        command.env("NTLM_USER_FILE", self.dir.write("accounts", &self.accounts));
        command.env("NETBIOS_COMPUTER_NAME", "LABHOST").env("NETBIOS_DOMAIN_NAME", "LAB");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        if !self.libraries.is_empty() {
            let folders = std::env::join_paths(&self.libraries);
            command.env("LD_LIBRARY_PATH", folders.unwrap_or_else(|error| panic!("{error}")));
        }
        command.arg(script).args([self.library.name(), end]);
        command
    }
}

/// A [`SamplePeer`] that waits for connections.
#[derive(Debug)]
pub struct SampleServer {
    daemon: Daemon,
    address: SocketAddr,
    /// Its files.
    _peer: SamplePeer,
}

impl SampleServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`SampleServer::address`].
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it has said so far.
    pub fn output(&self) -> String {
        self.daemon.output()
    }

    /// Waits until it has said `text`; fails the test if it doesn't.
    pub fn expect(&self, text: &str) {
        self.daemon.wait_for(text, LIMIT);
    }

    /// Waits until it has said `text` so many times; fails the test if it doesn't.
    pub fn expect_times(&self, text: &str, times: usize) {
        let said = poll(LIMIT, || (self.output().matches(text).count() >= times).then_some(()));
        assert!(said.is_some(), "{text:?} was not said {times} times, but:\n{}", self.output());
    }
}
