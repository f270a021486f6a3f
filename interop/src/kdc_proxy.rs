use crate::{Daemon, TempDir, peer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The KDC proxy kdcproxy (MS-KKDCP), by HTTPS on loopback, in front of the KDC of one realm. It says which requests came.
#[derive(Debug)]
pub struct KdcProxy {
    daemon: Daemon,
    _dir: TempDir,
}

impl KdcProxy {
    /// Starts it with a certificate and its key, in PEM.
    pub fn start(realm: &str, kdc: SocketAddr, (certificate, key): &(PathBuf, PathBuf)) -> Self {
        let dir = TempDir::new("kdc-proxy");
        let config = dir.write("kdcproxy.conf", format!("[{realm}]\nkerberos = kerberos+tcp://{kdc}\n"));
        let mut command = Command::new(peer::python_peers());
        command.env_clear().env("PATH", peer::search_path()).env("LC_ALL", "C").env("KDCPROXY_CONFIG", config);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/kdc_proxy.py")).args([certificate, key]);
        let daemon = Daemon::spawn(command.current_dir(dir.path()));
        daemon.wait_for("port ", Duration::from_secs(40));
        KdcProxy { daemon, _dir: dir }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        let output = self.daemon.output();
        let port = output.lines().find_map(|line| line.strip_prefix("port ")?.parse().ok());
        port.unwrap_or_else(|| panic!("no port in {output}"))
    }

    /// How many requests it has answered with status 200.
    pub fn answered(&self) -> usize {
        self.daemon.output().lines().filter(|line| line.contains("\"POST /KdcProxy HTTP/1.1\" 200")).count()
    }
}
