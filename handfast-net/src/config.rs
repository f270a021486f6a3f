//! Reads krb5.conf and the files that it includes, as MIT's library does.
//!
//! Files of the list that aren't there are passed over; so are those that may not be read, unless there is no other. If none is
//! there, the configuration is empty and every default holds. A directory in the list stands for the files in it, and `~/` for
//! the user's home. An included file must be there.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use handfast::krb5::Conf;
use handfast::krb5::conf::{ConfError, ConfValueError, Include, Source};

use crate::Environment;

/// More of one file is not read; the parser's own limit for all files together is lower.
const FILE_LIMIT: u64 = 8 << 20;

/// Why there is no configuration.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file can't be read, and no other one was.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A line can't be parsed, or includes what can't be read.
    Conf(ConfError),
    /// A setting has a value that means nothing.
    Value(ConfValueError),
    /// Tickets are to be bound to the host's addresses, and the system does not tell them.
    Addresses(io::Error),
}

impl From<ConfError> for ConfigError {
    fn from(error: ConfError) -> Self {
        ConfigError::Conf(error)
    }
}

impl From<ConfValueError> for ConfigError {
    fn from(error: ConfValueError) -> Self {
        ConfigError::Value(error)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unreadable { path, error } => write!(f, "can't read {}: {error}", path.display()),
            ConfigError::Conf(error) => error.fmt(f),
            ConfigError::Value(error) => error.fmt(f),
            ConfigError::Addresses(error) => write!(f, "can't find out this host's addresses: {error}"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Unreadable { error, .. } | ConfigError::Addresses(error) => Some(error),
            ConfigError::Conf(error) => Some(error),
            ConfigError::Value(error) => Some(error),
        }
    }
}

/// The configuration in the files that `environment` names.
///
/// # Errors
/// [`ConfigError`], with file and line where there are such.
///
/// ```no_run
/// use handfast_net::{Environment, config};
/// let conf = config::load(&Environment::from_process())?;
/// println!("{:?}", conf.libdefaults(None)?.default_realm);
/// # Ok::<(), config::ConfigError>(())
/// ```
pub fn load(environment: &Environment) -> Result<Conf, ConfigError> {
    load_with(environment, source)
}

fn load_with(environment: &Environment, source: impl Fn(&Path) -> io::Result<Source>) -> Result<Conf, ConfigError> {
    let mut conf = Conf::new();
    let (mut read, mut unreadable) = (false, None);
    for path in environment.config_files() {
        let path = at_home(environment, path);
        match source(&path) {
            Ok(source) => {
                conf.add(&source, &mut include)?;
                read = true;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => unreadable = Some((path, error)),
            Err(error) => return Err(ConfigError::Unreadable { path, error }),
        }
    }
    match unreadable {
        Some((path, error)) if !read => Err(ConfigError::Unreadable { path, error }),
        _ => Ok(conf),
    }
}

fn at_home(environment: &Environment, path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), &environment.home) {
        (Ok(rest), Some(home)) => Path::new(home).join(rest),
        _ => path,
    }
}

/// A file of the list; one that includes all its files for a directory.
fn source(path: &Path) -> io::Result<Source> {
    let name = path.display().to_string();
    if fs::metadata(path)?.is_dir() {
        return Ok(Source { text: format!("includedir {name}").into_bytes(), name });
    }
    Ok(Source { text: text(path)?, name })
}

/// A pipe is refused: to open one waits for somebody who writes to it.
fn text(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let kind = file.metadata()?.file_type();
    if !(kind.is_file() || is_device(kind)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Such as `/dev/null`.
#[cfg(unix)]
fn is_device(kind: fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&kind)
}

#[cfg(not(unix))]
fn is_device(_: fs::FileType) -> bool {
    false
}

fn include(include: Include<'_>) -> Result<Vec<Source>, String> {
    let path = Path::new(include.name());
    let read = |path: &Path| {
        let name = path.display().to_string();
        text(path).map(|text| Source { name, text }).map_err(|error| format!("{}: {error}", path.display()))
    };
    match include {
        Include::File(_) => {
            text(path).map(|text| vec![Source { name: include.name().into(), text }]).map_err(|error| error.to_string())
        }
        Include::Directory(_) => {
            let mut sources = Vec::new();
            for entry in fs::read_dir(path).map_err(|error| error.to_string())? {
                let name = entry.map_err(|error| error.to_string())?.file_name();
                if name.to_str().is_some_and(|name| include.takes(name)) {
                    sources.push(read(&path.join(name))?);
                }
            }
            Ok(sources)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::ffi::OsString;

    fn environment(files: &[&Path]) -> Environment {
        let krb5_config: OsString = std::env::join_paths(files).unwrap();
        Environment { krb5_config: Some(krb5_config), ..Environment::of_user(1000, "alice") }
    }

    fn realm(conf: &Conf) -> Option<String> {
        conf.libdefaults(None).unwrap().default_realm
    }

    #[test]
    fn files_are_read_in_order_and_missing_ones_passed_over() {
        let scratch = Scratch::new("config");
        let one = scratch.file("one", "[libdefaults]\n default_realm = ONE\n");
        let two = scratch.file("two", "[libdefaults]\n default_realm = TWO\n[realms]\n TWO = {\n  kdc = k\n }\n");
        let conf = load(&environment(&[&scratch.path("none"), &one, &two])).unwrap();
        assert_eq!((realm(&conf).as_deref(), conf.realm("TWO").unwrap().kdc), (Some("ONE"), vec!["k".to_owned()]));
        assert_eq!(load(&environment(&[&scratch.path("none")])).unwrap(), Conf::new());
    }

    /// A pipe without a writer: to open one and wait would hang whoever reads the configuration.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_wherever_it_stands_and_a_device_is_read() {
        let scratch = Scratch::new("pipe");
        std::fs::create_dir(scratch.path("d")).unwrap();
        let pipe = scratch.path("d/pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let directory = scratch.path("d").display().to_string();
        let texts = [format!("include {}\n", pipe.display()), format!("includedir {directory}\n")];
        let mut files: Vec<_> =
            texts.iter().enumerate().map(|(index, text)| scratch.file(&index.to_string(), text)).collect();
        files.push(pipe);
        for file in files {
            let error = load(&environment(&[&file])).unwrap_err().to_string();
            assert!(error.contains("no regular file"), "{error}");
        }
        assert_eq!(load(&environment(&[Path::new("/dev/null")])).unwrap(), Conf::new());
    }

    #[test]
    fn includes_are_followed_and_directories_read_by_name() {
        let scratch = Scratch::new("include");
        std::fs::create_dir(scratch.path("d")).unwrap();
        scratch.file("d/10-a", "[realms]\n R = {\n  kdc = first\n }\n");
        scratch.file("d/20.b.conf", "[realms]\n R = {\n  kdc = second\n }\n");
        for ignored in ["d/old~", "d/.hidden.conf", "d/x.rpmsave"] {
            scratch.file(ignored, "nonsense that nobody reads");
        }
        let more = scratch.file("more", "[libdefaults]\n default_realm = MORE\n");
        let text = format!("include {}\nincludedir {}\n", more.display(), scratch.path("d").display());
        let conf = load(&environment(&[&scratch.file("main", &text)])).unwrap();
        assert_eq!(conf.realm("R").unwrap().kdc, ["first", "second"]);
        assert_eq!(realm(&conf).as_deref(), Some("MORE"));
        let conf = load(&environment(&[&scratch.path("d")])).unwrap();
        assert_eq!(conf.realm("R").unwrap().kdc, ["first", "second"]);
    }

    #[test]
    fn errors_name_file_and_line() {
        let scratch = Scratch::new("errors");
        let file = scratch.file("krb5.conf", "[libdefaults]\n what is this\n");
        let error = load(&environment(&[&file])).unwrap_err();
        assert_eq!(error.to_string(), format!("{}:2: expected name = value", file.display()));
        let file = scratch.file("krb5.conf", "\ninclude /nowhere/krb5.conf\n");
        let error = load(&environment(&[&file])).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{}:2: can't include /nowhere/krb5.conf: ", file.display())));
        let file = scratch.file("krb5.conf", "includedir /nowhere/d\n");
        assert!(matches!(load(&environment(&[&file])), Err(ConfigError::Conf(_))));
    }

    #[test]
    fn files_that_may_not_be_read_are_passed_over_unless_there_is_no_other() {
        let scratch = Scratch::new("denied");
        let (denied, none) = (scratch.path("denied"), scratch.path("none"));
        let one = scratch.file("one", "[libdefaults]\n default_realm = ONE\n");
        let deny =
            |path: &Path| if *path == denied { Err(io::ErrorKind::PermissionDenied.into()) } else { source(path) };
        let conf = load_with(&environment(&[&denied, &one]), deny).unwrap();
        assert_eq!(realm(&conf).as_deref(), Some("ONE"));
        let error = load_with(&environment(&[&none, &denied]), deny).unwrap_err();
        assert!(matches!(&error, ConfigError::Unreadable { path, .. } if *path == denied), "{error}");
        let error = load(&environment(&[&one.join("below"), &one])).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_tilde_is_the_users_home() {
        let scratch = Scratch::new("home");
        scratch.file("krb5.conf", "[libdefaults]\n default_realm = HOME\n");
        let home = Some(scratch.path("").into_os_string());
        let environment = Environment { home, ..environment(&[Path::new("~/krb5.conf")]) };
        assert_eq!(realm(&load(&environment).unwrap()).as_deref(), Some("HOME"));
    }
}
