//! Programs that stand between the client and the service.

use crate::contender::Result;
use crate::realm::{Files, file};
use handfast_interop::{Daemon, free_port};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that listens on loopback until this value is dropped.
#[derive(Debug)]
struct Listening {
    daemon: Daemon,
    address: SocketAddr,
}

impl Listening {
    fn start(command: impl FnOnce(SocketAddr) -> Command) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let daemon = Daemon::spawn(&command(address));
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if !daemon.is_running() || Instant::now() > end {
                return Err(format!("{address}: nobody listens\n{}", daemon.output()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Listening { daemon, address })
    }
}

/// `handfast`.
#[derive(Debug)]
pub struct Program(Listening);

impl Program {
    /// Starts `serve --forward` in front of `to`, for everybody of the realm whose keytab it is.
    pub fn serve(files: &Files, realm: &str, to: SocketAddr) -> Result<Self> {
        let program = Self::path()?;
        Ok(Program(Listening::start(|listen| {
            let mut command = Command::new(&program);
            command.args(["serve", "--listen", &listen.to_string(), "--forward", &to.to_string()]);
            command.args(["--keytab".as_ref(), files.keytab.as_os_str()]).args(["--allow-realm", realm]);
            command.args(["--max-connections", "10000", "--handshake-time", "10m"]);
            command.env("KRB5_CONFIG", &files.config);
            command
        })?))
    }

    /// Starts `handfast connect --listen`, each of whose connections is one to the server at `to`, by the tickets in
    /// `files`.
    pub fn connect(files: &Files, service: &str, to: SocketAddr) -> Result<Self> {
        let program = Self::path()?;
        Ok(Program(Listening::start(|listen| {
            let mut command = Command::new(&program);
            command.args(["connect", "--listen", &listen.to_string(), &to.to_string(), "--service", service]);
            command.env("KRB5_CONFIG", &files.config).env("KRB5CCNAME", file(&files.ccache));
            command
        })?))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Its memory, as `VmRSS` of proc(5) has it, in bytes.
    pub fn resident(&self) -> Result<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.daemon.pid()))?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(kilobytes.ok_or("no VmRSS")?.parse::<usize>()? * 1024)
    }

    /// Beside this program: both are built into the same directory.
    fn path() -> Result<PathBuf> {
        let ours = std::env::current_exe()?;
        let path = ours.parent().unwrap_or(Path::new(".")).join("handfast");
        if path.is_file() { Ok(path) } else { Err(format!("{} is missing: build handfast-cli", path.display()).into()) }
    }
}

/// `socat`, with its own defaults, a process for each connection.
#[derive(Debug)]
pub struct Socat(Listening);

impl Socat {
    /// Whether it is installed.
    pub fn is_installed() -> bool {
        Command::new("socat").arg("-V").output().is_ok_and(|output| output.status.success())
    }

    /// Starts it in front of `to`.
    pub fn start(to: SocketAddr) -> Result<Self> {
        Ok(Socat(Listening::start(|listen| {
            let mut command = Command::new("socat");
            command.arg(format!("TCP-LISTEN:{},bind={},reuseaddr,fork,nodelay", listen.port(), listen.ip()));
            command.arg(format!("TCP:{to},nodelay"));
            command
        })?))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }
}
