use crate::peer::peer_program;
use crate::{Daemon, TempDir};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SECRET: &str = "between the KDC and its RADIUS server";

/// A RADIUS server (RFC 2865), by `interop/python/radius.py`: it takes each of some one-time passwords once.
#[derive(Debug)]
pub struct Radius {
    server: Daemon,
    port: u16,
    dir: TempDir,
}

impl Radius {
    /// Starts it for one user.
    pub fn start(user: &str, passwords: &[&str]) -> Self {
        let dir = TempDir::new("radius");
        dir.write("secret", SECRET);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join("radius.py");
        let mut command = Command::new(peer_program("python3"));
        command.arg(script).arg(dir.join("secret")).arg(user).args(passwords);
        let server = Daemon::spawn(&command);
        server.wait_for(".", Duration::from_secs(20));
        let said = server.output();
        let port = said.split_once("port ").and_then(|(_, rest)| rest.split('.').next()?.parse().ok());
        Radius { server, port: port.unwrap_or_else(|| panic!("radius.py says: {said}")), dir }
    }

    /// The section of `kdc.conf` or `krb5.conf` that sends one-time passwords here, and marks tickets with `indicator`.
    pub fn section(&self, indicator: &str) -> String {
        let (port, secret) = (self.port, self.dir.join("secret"));
        format!(
            "[otp]\n DEFAULT = {{\n  server = 127.0.0.1:{port}\n  secret = {}\n  strip_realm = true\n  \
             indicator = {indicator}\n }}\n",
            secret.display()
        )
    }

    /// Waits until it has said `text`; fails the test if it doesn't.
    pub fn expect(&self, text: &str) {
        self.server.wait_for(text, Duration::from_secs(10));
    }
}
