//! Opening the database file: for its owner alone, for a moment, and again if another process has it open.

use super::FileDirectoryError;
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadOnlyDatabase};
use std::fs::{File, Metadata, OpenOptions};
use std::path::Path;
use std::string::ToString;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long another process may have the file open before we give up. Edits take some hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Memory for pages; the file is open for moments only.
const CACHE: usize = 4 << 20;

/// What tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    identity: (u64, u64),
    size: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Stamp { identity: identity(metadata), size: metadata.len(), modified: metadata.modified().ok() }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Makes the file, which must not be there yet; nobody else can open it at any time.
pub(super) fn create(path: &Path) -> Result<Database, FileDirectoryError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| io(path, error))?;
    check_owner_only(path, &file)?;
    writable(file).map_err(|error| database(path, error))
}

/// Opens the file to write; waits while another process has it open.
pub(super) fn open(path: &Path) -> Result<Database, FileDirectoryError> {
    patiently(path, || {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| io(path, error))?;
        check_owner_only(path, &file)?;
        Ok(writable(file))
    })
}

/// Opens the file to read, together with its stamp, which holds while it is open.
pub(super) fn open_to_read(path: &Path) -> Result<(ReadOnlyDatabase, Stamp), FileDirectoryError> {
    patiently(path, || try_to_read(path))
}

/// As [`open_to_read`], without waiting: `Busy` if another process is writing.
pub(super) fn open_to_read_now(path: &Path) -> Result<(ReadOnlyDatabase, Stamp), FileDirectoryError> {
    try_to_read(path)?.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => {
            FileDirectoryError::Busy { path: path.to_path_buf(), waited: Duration::ZERO }
        }
        error => database(path, error),
    })
}

type Tried<T> = Result<Result<T, DatabaseError>, FileDirectoryError>;

fn try_to_read(path: &Path) -> Tried<(ReadOnlyDatabase, Stamp)> {
    match readable(path)? {
        // A writer was killed: opening to write repairs the file.
        Err(DatabaseError::RepairAborted) => {
            let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| io(path, error))?;
            match writable(file) {
                Ok(repaired) => drop(repaired),
                Err(error) => return Ok(Err(error)),
            }
            readable(path)
        }
        tried => Ok(tried),
    }
}

fn readable(path: &Path) -> Tried<(ReadOnlyDatabase, Stamp)> {
    let file = File::open(path).map_err(|error| io(path, error))?;
    check_owner_only(path, &file)?;
    let for_stamp = file.try_clone().map_err(|error| io(path, error))?;
    let opened = FileBackend::new(file)
        .and_then(|backend| Builder::new().set_cache_size(CACHE).open_read_only_with_backend(backend));
    Ok(match opened {
        Ok(database) => Ok((database, Stamp::of(&for_stamp.metadata().map_err(|error| io(path, error))?))),
        Err(error) => Err(error),
    })
}

fn writable(file: File) -> Result<Database, DatabaseError> {
    Builder::new().set_cache_size(CACHE).create_with_backend(FileBackend::new(file)?)
}

/// Tries again, at growing intervals, while another process has the file open.
fn patiently<T>(path: &Path, mut attempt: impl FnMut() -> Tried<T>) -> Result<T, FileDirectoryError> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match attempt()? {
            Ok(opened) => return Ok(opened),
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                let waited = started.elapsed();
                if waited >= PATIENCE {
                    return Err(FileDirectoryError::Busy { path: path.to_path_buf(), waited });
                }
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            Err(error) => return Err(database(path, error)),
        }
    }
}

/// Keys stand in the file in clear: nobody but its owner may read it.
#[cfg(unix)]
fn check_owner_only(path: &Path, file: &File) -> Result<(), FileDirectoryError> {
    use std::os::unix::fs::MetadataExt;
    let mode = file.metadata().map_err(|error| io(path, error))?.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(FileDirectoryError::OpenToOthers { path: path.to_path_buf(), mode })
}

/// Where files have no modes, the folder's protection counts.
#[cfg(not(unix))]
fn check_owner_only(_: &Path, _: &File) -> Result<(), FileDirectoryError> {
    Ok(())
}

pub(super) fn io(path: &Path, error: std::io::Error) -> FileDirectoryError {
    FileDirectoryError::Io { path: path.to_path_buf(), error }
}

/// Any error of the database, in its words.
pub(super) fn database(path: &Path, error: impl ToString) -> FileDirectoryError {
    FileDirectoryError::Database { path: path.to_path_buf(), reason: error.to_string() }
}
