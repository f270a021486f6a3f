//! Whole-file locks on ticket stores and keytabs, such that MIT's library and we exclude each other.
//!
//! On Linux these are open-file-description locks (`F_OFD_SETLK`), as MIT's library takes them: they belong to the open file and
//! hold between threads too, and they exclude the POSIX locks that other programs take. Elsewhere they are POSIX locks
//! (`F_SETLK`), which hold between processes only, and which the system drops as soon as the process closes *any* handle of that
//! file. All locks are advisory.

use std::fmt;
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Who else may hold the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Other readers may: for reading. The file must be open for reading.
    Shared,
    /// Nobody may: for writing. The file must be open for writing.
    Exclusive,
}

/// A lock on a whole file; it ends when this is dropped.
///
/// ```
/// use handfast_net::lock::{FileLock, LockMode};
/// use std::{fs::File, time::Duration};
/// # let path = std::env::temp_dir().join(format!("handfast-lock-doc-{}", std::process::id()));
/// let file = File::create(&path)?;
/// let lock = FileLock::acquire(&file, LockMode::Exclusive, Duration::from_secs(5))?;
/// // read and write the file
/// drop(lock);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileLock<'a> {
    file: &'a File,
}

/// The pause after the first refusal; it doubles with each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

impl<'a> FileLock<'a> {
    /// Locks `file`, waiting at most `patience` for others to let go. MIT's library holds its locks for milliseconds.
    ///
    /// # Errors
    /// [`LockError::Held`] if somebody else holds it all the while, [`LockError::Io`] if the system takes no lock on this file.
    pub fn acquire(file: &'a File, mode: LockMode, patience: Duration) -> Result<Self, LockError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        while !try_lock(file, kind(mode))? {
            let left = patience.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(LockError::Held { mode, waited: began.elapsed() });
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(FileLock { file })
    }
}

impl Drop for FileLock<'_> {
    fn drop(&mut self) {
        // Taking a lock off can't fail on a file that took one; and closing the file takes it off in any case.
        let _ = try_lock(self.file, unlocked());
    }
}

/// A lock that was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else holds the file.
    Held {
        /// The lock that was wanted.
        mode: LockMode,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The system refuses to lock this file.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::Held { mode, waited } => {
                let what = if *mode == LockMode::Shared { "reading" } else { "writing" };
                write!(f, "another program keeps the file locked: no lock for {what} in {:.1} s", waited.as_secs_f64())
            }
            LockError::Io(error) => write!(f, "the file can't be locked: {error}"),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LockError::Held { .. } => None,
            LockError::Io(error) => Some(error),
        }
    }
}

// The constants are `c_short` on some systems and `c_int` on others.
#[allow(clippy::useless_conversion)]
fn kind(mode: LockMode) -> libc::c_int {
    match mode {
        LockMode::Shared => libc::F_RDLCK.into(),
        LockMode::Exclusive => libc::F_WRLCK.into(),
    }
}

#[allow(clippy::useless_conversion)] // as above
fn unlocked() -> libc::c_int {
    libc::F_UNLCK.into()
}

/// Takes (or, with `F_UNLCK`, drops) the lock if that is possible now.
fn try_lock(file: &File, kind: libc::c_int) -> Result<bool, LockError> {
    let whole = whole_file(kind)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let operation = FcntlArg::F_OFD_SETLK(&whole);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let operation = FcntlArg::F_SETLK(&whole);
    match fcntl(file, operation) {
        Ok(_) => Ok(true),
        // POSIX lets a system say either, fcntl(2); EINTR is tried again like a refusal.
        Err(nix::Error::EAGAIN | nix::Error::EACCES | nix::Error::EINTR) => Ok(false),
        Err(error) => Err(LockError::Io(error.into())),
    }
}

/// From the first byte to the last, however long the file is or grows: start 0, length 0.
fn whole_file(kind: libc::c_int) -> Result<libc::flock, LockError> {
    let narrow = |value: libc::c_int| {
        libc::c_short::try_from(value).map_err(|_| LockError::Io(io::Error::from(io::ErrorKind::InvalidInput)))
    };
    Ok(libc::flock {
        l_type: narrow(kind)?,
        l_whence: narrow(libc::SEEK_SET)?,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
        #[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
        l_sysid: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};

    const PATH: &str = "HANDFAST_LOCK_TEST_PATH";
    const MODE: &str = "HANDFAST_LOCK_TEST_MODE";
    const NO_WAIT: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(20);

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("handfast-lock-{}-{name}", std::process::id()));
            std::fs::write(&path, b"tickets").unwrap();
            Scratch(path)
        }

        fn open(&self) -> File {
            File::options().read(true).write(true).open(&self.0).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    /// The second process: takes a POSIX lock (what `lockf` and programs without OFD locks take), says `held` or `refused`,
    /// and keeps it until its standard input ends. As a test by itself it locks a file of its own.
    #[test]
    fn second_process() {
        let own = std::env::var_os(PATH).is_none().then(|| Scratch::new("own"));
        let path = own.as_ref().map_or_else(|| std::env::var_os(PATH).unwrap().into(), |own| own.0.clone());
        let mode = if std::env::var(MODE).as_deref() == Ok("shared") { LockMode::Shared } else { LockMode::Exclusive };
        let file = File::options().read(true).write(true).open(path).unwrap();
        let held = fcntl(&file, FcntlArg::F_SETLK(&whole_file(kind(mode)).unwrap())).is_ok();
        println!("\n{}", if held { "held" } else { "refused" });
        if own.is_some() {
            assert!(held);
        } else {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        }
    }

    struct Second {
        child: Child,
        lines: Box<dyn Iterator<Item = String>>,
    }

    /// Starts the second process; tells whether it got its lock.
    fn second(scratch: &Scratch, mode: &str) -> (Second, bool) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::second_process", "--nocapture"])
            .env(PATH, &scratch.0)
            .env(MODE, mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said = lines.find(|line| line == "held" || line == "refused").unwrap();
        (Second { child, lines: Box::new(lines) }, said == "held")
    }

    fn let_go(mut second: Second) {
        drop(second.child.stdin.take());
        second.lines.by_ref().for_each(drop);
        assert!(second.child.wait().unwrap().success());
    }

    #[test]
    fn our_exclusive_lock_keeps_another_process_out() {
        let scratch = Scratch::new("ours");
        let file = scratch.open();
        let lock = FileLock::acquire(&file, LockMode::Exclusive, NO_WAIT).unwrap();
        let (child, held) = second(&scratch, "shared");
        assert!(!held);
        let_go(child);
        drop(lock);
        let (child, held) = second(&scratch, "exclusive");
        assert!(held);
        let_go(child);
    }

    #[test]
    fn another_processs_lock_keeps_us_out_until_it_ends() {
        let scratch = Scratch::new("theirs");
        let file = scratch.open();
        let (child, held) = second(&scratch, "exclusive");
        assert!(held);
        for mode in [LockMode::Shared, LockMode::Exclusive] {
            let error = FileLock::acquire(&file, mode, Duration::from_millis(30)).unwrap_err();
            assert!(
                matches!(error, LockError::Held { mode: wanted, waited } if wanted == mode && waited.as_millis() >= 30)
            );
        }
        let_go(child);
        FileLock::acquire(&file, LockMode::Exclusive, LONG).unwrap();
    }

    #[test]
    fn readers_of_two_processes_share() {
        let scratch = Scratch::new("shared");
        let file = scratch.open();
        let lock = FileLock::acquire(&file, LockMode::Shared, NO_WAIT).unwrap();
        let (child, held) = second(&scratch, "shared");
        assert!(held);
        let_go(child);
        let (child, held) = second(&scratch, "exclusive");
        assert!(!held);
        let_go(child);
        drop(lock);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn two_threads_of_one_process_exclude_each_other_and_waiting_ends_when_the_other_lets_go() {
        let scratch = Scratch::new("threads");
        let (first, second) = (scratch.open(), scratch.open());
        let lock = FileLock::acquire(&first, LockMode::Exclusive, NO_WAIT).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| FileLock::acquire(&second, LockMode::Shared, LONG).map(|_| ()));
            assert!(FileLock::acquire(&scratch.open(), LockMode::Shared, NO_WAIT).is_err());
            drop(lock);
            waiting.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_file_that_is_not_open_for_writing_takes_no_exclusive_lock() {
        let scratch = Scratch::new("read-only");
        let file = File::open(&scratch.0).unwrap();
        let error = FileLock::acquire(&file, LockMode::Exclusive, LONG).unwrap_err();
        assert!(matches!(error, LockError::Io(_)), "{error}");
    }

    #[test]
    fn a_locked_file_can_be_written() {
        let scratch = Scratch::new("written");
        let file = scratch.open();
        let lock = FileLock::acquire(&file, LockMode::Exclusive, NO_WAIT).unwrap();
        (&file).write_all(b"TICKETS").unwrap();
        drop(lock);
        assert_eq!(std::fs::read(&scratch.0).unwrap(), b"TICKETS");
    }
}
