use crate::{Daemon, TempDir, peer_program};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// Where this build of it listens, below `/run`, whatever it is told.
const SOCKET: &str = ".heim_org.h5l.kcm-socket";

/// Heimdal's `kcm`, with a socket of its own: it sees a directory of ours as `/run`, in a mount namespace that ends with it.
#[derive(Debug)]
pub struct HeimdalKcm {
    daemon: Daemon,
    run: TempDir,
}

impl HeimdalKcm {
    /// Starts it; it listens when this returns.
    pub fn start() -> Self {
        let run = TempDir::new("kcm");
        let mut command = Command::new(peer_program("unshare"));
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount --bind \"$1\" /run && exec \"$2\"").arg("sh").arg(run.path()).arg(peer_program("kcm"));
        let daemon = Daemon::spawn(&command);
        let kcm = HeimdalKcm { daemon, run };
        let began = Instant::now();
        while !kcm.socket().exists() {
            assert!(kcm.daemon.is_running() && began.elapsed() < LIMIT, "kcm: {}", kcm.daemon.output());
            sleep(Duration::from_millis(20));
        }
        kcm
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.run.join(SOCKET)
    }
}
