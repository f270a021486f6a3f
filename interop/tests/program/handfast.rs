//! The program itself: built once, then run with a configuration, a cache and a keytab.

use handfast_interop::{Daemon, MitClient, MitConfig, Run, TempDir, by_clock, run};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

const BUILD: Duration = Duration::from_secs(900);
const LIMIT: Duration = Duration::from_secs(60);

/// Where the program is. It is built first: the tests of one package don't build the programs of another.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        handfast_interop::require_peers();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "-p", "handfast-cli", "--bin", "handfast", "--message-format", "json-render-diagnostics"]);
        let built = run(build.current_dir(env!("CARGO_MANIFEST_DIR")), "", BUILD);
        let mut paths = built.expect_success().stdout.lines().filter_map(|line| line.split_once("\"executable\":\""));
        let path = paths.next().and_then(|(_, rest)| rest.split('"').next());
        PathBuf::from(path.unwrap_or_else(|| panic!("cargo names no program: {built}")))
    })
}

/// The program with an environment: the configuration and the credential cache of MIT's programs.
#[derive(Debug)]
pub struct Handfast {
    config: MitConfig,
    ccache: PathBuf,
    keytab: Option<PathBuf>,
    /// How many seconds its clock is ahead.
    ahead: i64,
    dir: TempDir,
}

impl Handfast {
    /// With an empty cache of its own.
    pub fn new(config: &MitConfig) -> Self {
        let dir = TempDir::new("program");
        Handfast { config: config.clone(), ccache: dir.join("ccache"), keytab: None, ahead: 0, dir }
    }

    /// With the cache of `client`.
    pub fn sharing(client: &MitClient) -> Self {
        Handfast { ccache: client.ccache().to_owned(), ..Handfast::new(client.config()) }
    }

    /// With `KRB5_KTNAME`.
    pub fn keytab(mut self, keytab: &Path) -> Self {
        self.keytab = Some(keytab.to_owned());
        self
    }

    /// By a clock that is so many seconds ahead of the system's.
    pub fn by_clock(mut self, seconds_ahead: i64) -> Self {
        self.ahead = seconds_ahead;
        self
    }

    /// MIT's programs with this cache, by the same clock.
    pub fn mit(&self) -> MitClient {
        MitClient::with_ccache(&self.config, &self.ccache).by_clock(self.ahead)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        command.env("KRB5_CONFIG", self.config.path());
        command.env("KRB5CCNAME", format!("FILE:{}", self.ccache.display()));
        if let Some(keytab) = &self.keytab {
            command.env("KRB5_KTNAME", format!("FILE:{}", keytab.display()));
        }
        if self.ahead != 0 {
            by_clock(&mut command, self.ahead);
        }
        command
    }

    /// Runs it with arguments that have no spaces in them.
    pub fn run(&self, arguments: &str) -> Run {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &str, input: &str) -> Run {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        run(&mut self.command(&arguments), input, LIMIT)
    }

    /// `handfast login`, by password.
    pub fn login(&self, arguments: &str, password: &str) -> Run {
        self.run_with(&format!("login --password-stdin {arguments}"), &format!("{password}\n"))
    }

    /// Starts one of the servers on a port of 127.0.0.1.
    pub fn start(&self, arguments: &str, says: &str) -> Server {
        let arguments: Vec<&str> = arguments.split_whitespace().chain(["--listen", "127.0.0.1:0"]).collect();
        let daemon = Daemon::spawn(&self.command(&arguments));
        daemon.wait_for(says, LIMIT);
        let output = daemon.output();
        let address = output.split_once(says).and_then(|(_, rest)| rest.split_whitespace().next());
        let address = address.and_then(|address| address.parse().ok());
        Server { address: address.unwrap_or_else(|| panic!("no address in {output}")), daemon }
    }

    /// `handfast serve --framing gss-sample`.
    pub fn serve(&self, arguments: &str) -> Server {
        self.start(&format!("serve --framing gss-sample {arguments}"), "listening on ")
    }
}

/// Our server, until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    daemon: Daemon,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn log(&self) -> String {
        self.daemon.output()
    }

    /// Waits until it has said `text`.
    pub fn expect_log(&self, text: &str) {
        self.daemon.wait_for(text, LIMIT);
    }
}

/// Fails the test unless the program ended with this exit code and says this on standard error.
#[track_caller]
pub fn failed(run: &Run, code: i32, says: &str) {
    assert_eq!(run.status.code(), Some(code), "{run}");
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains(says), "{says:?} is missing in {run}");
}
