//! A folder with a realm in it, and programs started in it.

use handfast::krb5::Ccache;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Nothing here takes as long; what does, hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The password of alice.
pub(crate) const PASSWORD: &str = "correct horse";

/// A folder, removed when this is dropped, whose files are all that the programs know of the world.
pub(crate) struct World {
    folder: PathBuf,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The JSON object on a line of standard output.
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(self.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It failed with this code, and says this.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        let told = self.stderr.lines().any(|line| line.starts_with("error: "));
        assert!(told && self.stderr.contains(says), "{self:?} does not say {says:?}");
        self
    }
}

impl World {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("handfast-cli-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        // Nobody listens there: no test asks a nameserver that is not its own.
        fs::write(folder.join("resolv.conf"), "nameserver [127.0.0.1]:1\n").unwrap();
        World { folder }
    }

    /// With the realm A.TEST, the user alice and the service host/localhost.
    pub(crate) fn with_realm() -> Self {
        let world = World::new();
        world.run("realm init A.TEST").ok();
        world.run_with("realm add-user alice --password-stdin", PASSWORD).ok();
        world.run("realm add-service host/localhost --keytab keytab").ok();
        world
    }

    /// With that realm, its KDC, and alice logged in.
    pub(crate) fn with_alice() -> (Self, Server) {
        let world = World::with_realm();
        let kdc = world.start_kdc();
        world.run_with("login alice --password-stdin", PASSWORD).ok();
        (world, kdc)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
        command.args(arguments.split_whitespace()).current_dir(&self.folder).env_clear();
        command.env("HOME", &self.folder).env("KRB5_CONFIG", self.path("krb5.conf"));
        command.env("HANDFAST_RESOLV_CONF", self.path("resolv.conf"));
        command.env("KRB5CCNAME", format!("FILE:{}", self.path("cc").display()));
        command.env("KRB5_KTNAME", format!("FILE:{}", self.path("keytab").display()));
        command
    }

    /// Runs the program with arguments that have no spaces in them.
    pub(crate) fn run(&self, arguments: &str) -> Ended {
        self.run_with(arguments, "")
    }

    /// The same, with a text on standard input.
    pub(crate) fn run_with(&self, arguments: &str, input: &str) -> Ended {
        self.finish(self.command(arguments), input)
    }

    /// The same, for a terminal of so many columns.
    pub(crate) fn run_wide(&self, columns: usize, arguments: &str) -> Ended {
        let mut command = self.command(arguments);
        command.env("COLUMNS", columns.to_string());
        self.finish(command, "")
    }

    /// The same with `KRB5CCNAME` set to `cache`.
    pub(crate) fn run_in(&self, cache: &str, arguments: &str, input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.env("KRB5CCNAME", cache);
        self.finish(command, input)
    }

    fn finish(&self, mut command: Command, input: &str) -> Ended {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = piped.unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
        // A program that does not read its input ends without: that is no failure.
        thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let watch = Watch::over(&child);
        let output = child.wait_with_output().unwrap();
        drop(watch);
        Ended::from(output)
    }

    /// Runs the program again until it goes well: a KDC looks at the realm's file four times a second.
    #[track_caller]
    pub(crate) fn run_until_ok(&self, arguments: &str, input: &str) -> Ended {
        let mut tried = (0..100).map(|_| self.run_with(arguments, input));
        tried.find(|ended| ended.code == 0).unwrap_or_else(|| panic!("{arguments} does not go well"))
    }

    /// Runs the program again until it fails: the KDC may not have looked at the realm's file yet. How it fails, is to be checked.
    #[track_caller]
    pub(crate) fn run_until_failed(&self, arguments: &str, input: &str) -> Ended {
        let mut tried = (0..200).map(|_| self.run_with(arguments, input));
        tried.find(|ended| ended.code != 0).unwrap_or_else(|| panic!("{arguments} goes well for ever"))
    }

    /// Starts a server, and waits until it listens. A realm's log is its output; others log on standard error.
    pub(crate) fn start(&self, arguments: &str) -> Server {
        let mut command = self.command(arguments);
        command.arg("--json").stdin(Stdio::null()).stdout(Stdio::piped());
        if !arguments.starts_with("realm") {
            command.stdout(Stdio::null()).stderr(Stdio::piped()).args(["--log-level", "debug"]);
        }
        let mut child = command.spawn().unwrap();
        let (line, lines) = channel();
        let log: Box<dyn Read + Send> = match child.stderr.take() {
            Some(stderr) => Box::new(stderr),
            None => Box::new(child.stdout.take().unwrap()),
        };
        let log = BufReader::new(log);
        thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        let mut server = Server { child, lines, address: String::new() };
        if arguments.contains("--kdc") {
            let address = server.event("kdc")["address"].as_str().unwrap().to_owned();
            self.run(&format!("realm config --kdc {address} --output krb5.conf")).ok();
        }
        let listening = server.event("listening");
        server.address = listening["address"].as_str().unwrap().to_owned();
        if let Some(conf) = listening["krb5_conf"].as_str() {
            fs::write(self.path("krb5.conf"), conf).unwrap();
        }
        server
    }

    /// Starts a program whose standard input stays open.
    pub(crate) fn start_client(&self, arguments: &str) -> Child {
        self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The KDC of the realm, with a krb5.conf that says where it is.
    pub(crate) fn start_kdc(&self) -> Server {
        self.start("realm serve --listen 127.0.0.1:0")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A server that runs; killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// Where it listens.
    pub(crate) address: String,
}

impl Server {
    /// The port that it listens on.
    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// The next event of this name in its log.
    #[track_caller]
    pub(crate) fn event(&self, name: &str) -> Value {
        self.event_of(&[name])
    }

    /// The next event of one of these names.
    #[track_caller]
    pub(crate) fn event_of(&self, names: &[&str]) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no event {names:?}"));
            let event: Value = serde_json::from_str(&line).unwrap();
            if names.iter().any(|name| event["event"] == *name) {
                return event;
            }
        }
    }

    /// The last event of the next connection to end, which is of this class.
    #[track_caller]
    pub(crate) fn refused(&self, class: &str) -> String {
        let event = self.event_of(&["refused", "closed"]);
        assert_eq!((&event["event"], &event["class"]), (&"refused".into(), &class.into()), "{event}");
        event["reason"].as_str().unwrap().to_owned()
    }

    /// Sends it a signal.
    pub(crate) fn tell(&self, signal: Signal) {
        kill(pid(&self.child), signal).unwrap();
    }

    /// Asks it to stop, waits until it has, and tells its exit code and the rest of its log.
    pub(crate) fn stop(mut self, signal: Signal) -> (i32, Vec<Value>) {
        self.tell(signal);
        let watch = Watch::over(&self.child);
        let status = self.child.wait().unwrap();
        drop(watch);
        // What it says in the end need not be of its log: an error is no event.
        let log = self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
        (status.code().unwrap_or(-1), log)
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> i32 {
        let watch = Watch::over(&self.child);
        let status = self.child.wait().unwrap();
        drop(watch);
        status.code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a program that hangs, unless this is dropped before.
struct Watch {
    _over: Sender<()>,
}

impl Watch {
    fn over(child: &Child) -> Self {
        let (_over, dropped) = channel();
        let pid = pid(child);
        thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        Watch { _over }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

/// A port of this host on which nobody listens.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The credential cache in the folder.
pub(crate) fn cache(world: &World) -> Ccache {
    Ccache::decode(&fs::read(world.path("cc")).unwrap()).unwrap()
}

/// Replaces the credential cache.
pub(crate) fn set_cache(world: &World, cache: &Ccache) {
    fs::write(world.path("cc"), cache.encode().unwrap().expose()).unwrap();
}

/// The mode of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
