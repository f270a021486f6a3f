use crate::TempDir;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(10);
const STOP: Duration = Duration::from_secs(5);

/// What a program printed and how it ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// The command line, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Run {
    /// Standard output, then standard error.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails the test unless the program ended with status 0.
    pub fn expect_success(&self) -> &Self {
        assert!(self.status.success(), "{self}");
        self
    }

    /// Fails the test if the program ended with status 0.
    pub fn expect_failure(&self) -> &Self {
        assert!(!self.status.success(), "unexpected success: {self}");
        self
    }

    /// Fails the test unless the program printed `text`.
    pub fn expect_text(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{text:?} is missing in the output of {self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}\n--- stdout\n{}--- stderr\n{}", self.command, self.status, self.stdout, self.stderr)
    }
}

/// Runs a program with `input` as its standard input and waits for its end.
///
/// Takes longer than `limit`: it is killed and the test fails.
pub fn run(command: &mut Command, input: &str, limit: Duration) -> Run {
    let line = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("can't start {line}: {error}"));
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // A program may end without having read its input; its status and output tell.
        let _ = stdin.write_all(input.as_bytes());
    }
    let ended = wait(&mut child, limit);
    if ended.is_none() {
        kill(&mut child);
    }
    let (stdout, stderr) = (join(stdout), join(stderr));
    match ended {
        Some(status) => Run { command: line, status, stdout, stderr },
        None => panic!("{line} ran longer than {limit:?}\n--- stdout\n{stdout}--- stderr\n{stderr}"),
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn join(reader: JoinHandle<String>) -> String {
    reader.join().unwrap_or_else(|_| panic!("a thread that reads a peer's output has failed"))
}

/// Waits for the end of `child`, at most `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => thread::sleep(POLL),
            Ok(None) => return None,
            Err(error) => panic!("can't wait for process {}: {error}", child.id()),
        }
    }
}

/// Kills `child`, and it alone, and waits for its end.
pub(crate) fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Starts "$@", says its pid, and ends it when standard input ends: also when the test itself was killed.
const GUARD: &str = r#"
"$@" </dev/null & pid=$!
echo $pid >"$GUARD_PID_FILE.new" && mv "$GUARD_PID_FILE.new" "$GUARD_PID_FILE"
cat >/dev/null
kill $pid 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 $pid 2>/dev/null || break; sleep 0.1; done
kill -9 $pid 2>/dev/null
wait $pid
"#;

/// A program that runs in the background until this value is dropped, or the test process ends however it ends.
#[derive(Debug)]
pub struct Daemon {
    guard: Child,
    pid: u32,
    command: String,
    output: PathBuf,
    _dir: TempDir,
}

impl Daemon {
    /// Starts `command`; its output goes to a file, see [`Daemon::output`].
    pub fn spawn(command: &Command) -> Self {
        let dir = TempDir::new("daemon");
        let (output, pid_file) = (dir.join("output"), dir.join("pid"));
        let line = format!("{command:?}");
        let guard = guarded(command, &output, &pid_file)
            .and_then(|mut guard| guard.spawn())
            .unwrap_or_else(|error| panic!("can't start {line}: {error}"));
        let mut daemon = Daemon { guard, pid: 0, command: line, output, _dir: dir };
        daemon.pid = daemon.read_pid(&pid_file);
        daemon
    }

    fn read_pid(&self, file: &Path) -> u32 {
        let text = poll(STOP, || fs::read_to_string(file).ok());
        let pid = text.and_then(|text| text.trim().parse().ok());
        pid.unwrap_or_else(|| panic!("{} did not start\n{}", self.command, self.output()))
    }

    /// The program's own process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the program still runs; one that has ended and was not yet waited for does not.
    pub fn is_running(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
    }

    /// All that it has printed so far, standard output and error in one.
    pub fn output(&self) -> String {
        read_text(&self.output)
    }

    /// Waits until the program has printed `text`; fails the test after `limit` or when the program ends without it.
    pub fn wait_for(&self, text: &str, limit: Duration) {
        wait_for_text(&self.command, text, limit, || self.output(), || self.is_running());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        if wait(&mut self.guard, STOP).is_none() {
            kill(&mut self.guard);
        }
    }
}

fn guarded(command: &Command, output: &Path, pid_file: &Path) -> io::Result<Command> {
    let out = File::create(output)?;
    let mut guard = Command::new("/bin/sh");
    guard.args(["-c", GUARD, "guard"]).arg(command.get_program()).args(command.get_args());
    guard.env_clear().env("PATH", crate::peer::search_path());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            guard.env(name, value);
        }
    }
    if let Some(directory) = command.get_current_dir() {
        guard.current_dir(directory);
    }
    guard.env("GUARD_PID_FILE", pid_file);
    guard.stdin(Stdio::piped()).stderr(out.try_clone()?).stdout(out);
    Ok(guard)
}

/// Waits until `read` gives text that has `text` in it; fails the test after `limit` or when `alive` says no.
pub(crate) fn wait_for_text(
    who: &str,
    text: &str,
    limit: Duration,
    read: impl Fn() -> String,
    alive: impl Fn() -> bool,
) {
    let found = poll(limit, || {
        let lives = alive();
        if read().contains(text) { Some(true) } else { (!lives).then_some(false) }
    });
    assert!(found == Some(true), "{text:?} is missing after at most {limit:?} in what {who} says:\n{}", read());
}

/// Asks again and again until there is an answer, for at most `limit`.
pub(crate) fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() >= end {
            return answer;
        }
        thread::sleep(POLL);
    }
}

/// The text of a file; nothing if it does not exist yet.
pub(crate) fn read_text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_input_and_status_are_told() {
        let run = run(&mut shell("cat; echo bad >&2; exit 3"), "in", STOP);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str(), run.status.code()), ("in", "bad\n", Some(3)));
    }

    #[test]
    #[should_panic(expected = "ran longer than")]
    fn what_takes_too_long_is_killed() {
        run(&mut shell("exec sleep 60"), "", Duration::from_millis(50));
    }

    #[test]
    fn a_daemon_ends_on_drop() {
        let daemon = Daemon::spawn(&shell("echo ready; exec sleep 60"));
        daemon.wait_for("ready", STOP);
        let stat = format!("/proc/{}/stat", daemon.pid());
        assert!(daemon.is_running());
        drop(daemon);
        assert!(!Path::new(&stat).exists());
    }

    #[test]
    fn a_daemon_that_ignores_the_term_signal_ends_too() {
        let daemon = Daemon::spawn(&shell("trap '' TERM; echo ready; while :; do sleep 0.1; done"));
        daemon.wait_for("ready", STOP);
        let stat = format!("/proc/{}/stat", daemon.pid());
        drop(daemon);
        assert!(!Path::new(&stat).exists());
    }

    #[test]
    #[should_panic(expected = "is missing after at most")]
    fn a_daemon_that_ends_early_is_noticed() {
        Daemon::spawn(&shell("echo no")).wait_for("ready", Duration::from_secs(600));
    }
}
