use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Store, StoreNameError, has_type};

/// The name of a credential cache, or of a collection of them, in which one is the primary one.
///
/// | name | cache | collection |
/// |---|---|---|
/// | `FILE:path`, `path` | the file | only that |
/// | `DIR:directory` | the one that the file `primary` in it names | the files `tkt…` in it |
/// | `DIR::directory/tktNAME` | that file | only that; of its directory when it is switched to |
/// | `MEMORY:name` | that one of the process | all of the process |
/// | `KEYRING:anchor:collection` | the collection's primary one | those of the collection |
/// | `KEYRING:anchor:collection:name` | that one | only that; of its collection when it is switched to |
/// | `KCM:` | the daemon's primary one | the daemon's, as far as they are the user's |
/// | `KCM:name` | that one | only that; the daemon's when it is switched to |
///
/// ```
/// use handfast_net::environment::CacheName;
/// let name: CacheName = "KEYRING:persistent:1000".parse()?;
/// assert!(name.is_collection());
/// assert_eq!(name.to_string(), "KEYRING:persistent:1000");
/// # Ok::<(), handfast_net::environment::StoreNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheName {
    /// `FILE:path`, or a path alone.
    File(PathBuf),
    /// `DIR:directory`
    Directory(PathBuf),
    /// `DIR::path`, of a file whose name starts with `tkt`.
    InDirectory(PathBuf),
    /// `MEMORY:name`
    Memory(String),
    /// `KEYRING:…`
    Keyring(KeyringName),
    /// `KCM:name`; empty for the primary one.
    Kcm(String),
}

/// The name of a cache, or of a collection, in the Linux kernel's keyrings: `[anchor:]collection[:name]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyringName {
    /// Where the collection is.
    pub anchor: KeyringAnchor,
    /// Its name; for [`Persistent`](KeyringAnchor::Persistent) a user id, or empty for the process's own.
    pub collection: String,
    /// The cache's; `None` for the primary one.
    pub cache: Option<String>,
}

/// Which keyring a collection is linked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyringAnchor {
    /// `persistent`: the user's, which stays for days after the last login.
    Persistent,
    /// `session`
    Session,
    /// `user`: all sessions of the user.
    User,
    /// `process`
    Process,
    /// `thread`
    Thread,
    /// `legacy`, or nothing: the session's; the cache that is named like its collection is linked from the session's keyring, too.
    Legacy,
}

impl KeyringAnchor {
    const ALL: [KeyringAnchor; 6] = [
        KeyringAnchor::Persistent,
        KeyringAnchor::Session,
        KeyringAnchor::User,
        KeyringAnchor::Process,
        KeyringAnchor::Thread,
        KeyringAnchor::Legacy,
    ];

    fn name(self) -> &'static str {
        match self {
            KeyringAnchor::Persistent => "persistent",
            KeyringAnchor::Session => "session",
            KeyringAnchor::User => "user",
            KeyringAnchor::Process => "process",
            KeyringAnchor::Thread => "thread",
            KeyringAnchor::Legacy => "legacy",
        }
    }
}

/// What the name of a cache file in a directory starts with.
const IN_DIRECTORY: &str = "tkt";

impl CacheName {
    /// Whether it stands for a collection, whose primary cache can change.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        match self {
            CacheName::Directory(_) => true,
            CacheName::Keyring(name) => name.cache.is_none(),
            CacheName::Kcm(name) => name.is_empty(),
            CacheName::File(_) | CacheName::InDirectory(_) | CacheName::Memory(_) => false,
        }
    }
}

impl FromStr for CacheName {
    type Err = StoreNameError;

    /// As with MIT's library a `:` ends the type; a path that begins with `/`, and a Windows drive letter, have none.
    fn from_str(name: &str) -> Result<Self, StoreNameError> {
        let (kind, rest) = match name.split_once(':') {
            Some((kind, rest)) if has_type(name, kind) => (kind, rest),
            _ => ("FILE", name),
        };
        let whole = || name.to_owned();
        let path = |path: &str| match path.is_empty() {
            true => Err(StoreNameError::NoPath { store: Store::Ccache, name: whole() }),
            false => Ok(PathBuf::from(path)),
        };
        match kind {
            _ if rest.contains('\0') => Err(invalid(name, "a name has no zero byte")),
            "FILE" => path(rest).map(CacheName::File),
            "DIR" => match rest.strip_prefix(':') {
                Some(file) => in_directory(name, path(file)?),
                None => path(rest).map(CacheName::Directory),
            },
            "MEMORY" => Ok(CacheName::Memory(rest.to_owned())),
            "KEYRING" => keyring(name, rest).map(CacheName::Keyring),
            "KCM" => Ok(CacheName::Kcm(rest.to_owned())),
            kind => Err(StoreNameError::NotSupported { store: Store::Ccache, kind: kind.to_owned(), name: whole() }),
        }
    }
}

fn invalid(name: &str, rule: &'static str) -> StoreNameError {
    StoreNameError::Invalid { store: Store::Ccache, name: name.to_owned(), rule }
}

fn in_directory(name: &str, path: PathBuf) -> Result<CacheName, StoreNameError> {
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let directory = path.parent().unwrap_or(Path::new(""));
    match file_name.starts_with(IN_DIRECTORY) && !directory.as_os_str().is_empty() {
        true => Ok(CacheName::InDirectory(path)),
        false => Err(invalid(name, "DIR:: is followed by DIRECTORY/tktNAME")),
    }
}

fn keyring(name: &str, residual: &str) -> Result<KeyringName, StoreNameError> {
    let mut parts = residual.splitn(3, ':');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some(collection) = second else {
        return Ok(KeyringName { anchor: KeyringAnchor::Legacy, collection: first.to_owned(), cache: None });
    };
    let anchor = KeyringAnchor::ALL.into_iter().find(|anchor| anchor.name() == first).ok_or_else(|| {
        invalid(name, "the anchor of a KEYRING is persistent, session, user, process, thread or legacy")
    })?;
    if third.is_some_and(str::is_empty) {
        return Err(invalid(name, "a cache in a KEYRING has a name"));
    }
    Ok(KeyringName { anchor, collection: collection.to_owned(), cache: third.map(str::to_owned) })
}

impl fmt::Display for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CacheName::File(path) => write!(f, "FILE:{}", path.display()),
            CacheName::Directory(path) => write!(f, "DIR:{}", path.display()),
            CacheName::InDirectory(path) => write!(f, "DIR::{}", path.display()),
            CacheName::Memory(name) => write!(f, "MEMORY:{name}"),
            CacheName::Keyring(name) => write!(f, "KEYRING:{name}"),
            CacheName::Kcm(name) => write!(f, "KCM:{name}"),
        }
    }
}

impl fmt::Display for KeyringName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.anchor.name(), self.collection)?;
        self.cache.iter().try_for_each(|cache| write!(f, ":{cache}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> CacheName {
        name.parse().unwrap()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            "FILE:/tmp/cc",
            "DIR:/run/cc",
            "DIR::/run/cc/tktA1",
            "MEMORY:",
            "MEMORY:a:b",
            "KEYRING:persistent:1000",
            "KEYRING:session:a:b",
            "KEYRING:legacy:a",
            "KCM:",
            "KCM:1000:7",
        ] {
            assert_eq!(parse(name).to_string(), name);
        }
        assert_eq!(parse("/tmp/a:b"), CacheName::File("/tmp/a:b".into()));
        assert_eq!(parse("cc"), CacheName::File("cc".into()));
        assert_eq!(parse("KEYRING:old").to_string(), "KEYRING:legacy:old");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for name in
            ["FILE:", "", "DIR:", "DIR::", "DIR::/run/cc/x", "DIR::tkt", "KEYRING:x:y", "KEYRING:user:c:", "KCM:\0"]
        {
            let error = name.parse::<CacheName>().unwrap_err();
            assert!(!matches!(error, StoreNameError::NotSupported { .. }), "{error}");
        }
        assert!(
            matches!("API:x".parse::<CacheName>(), Err(StoreNameError::NotSupported { kind, .. }) if kind == "API")
        );
    }

    #[test]
    fn collections_are_those_whose_primary_cache_can_change() {
        for name in ["DIR:/run/cc", "KEYRING:user:c", "KCM:"] {
            assert!(parse(name).is_collection(), "{name}");
        }
        for name in ["FILE:/x", "DIR::/run/cc/tkt", "KEYRING:user:c:d", "KCM:1000", "MEMORY:x"] {
            assert!(!parse(name).is_collection(), "{name}");
        }
    }
}
