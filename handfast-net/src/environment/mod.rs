//! What a program learns from its surroundings: environment variables, user, default names. Read in this one place, when asked.
//!
//! Names are found in MIT's order: the variable, then the setting of `krb5.conf`, then the built-in name. Parameters such as
//! `%{uid}` are expanded in settings and built-in names, not in variables (as MIT's library has it).
//!
//! | what | variable | setting in `[libdefaults]` | built in |
//! |---|---|---|---|
//! | configuration | `KRB5_CONFIG` | | `/etc/krb5.conf` |
//! | credential cache | `KRB5CCNAME` | `default_ccache_name` | `FILE:/tmp/krb5cc_%{uid}` |
//! | keytab | `KRB5_KTNAME` | `default_keytab_name` | `FILE:/etc/krb5.keytab` |
//! | client keytab | `KRB5_CLIENT_KTNAME` | `default_client_keytab_name` | `FILE:/etc/krb5/user/%{euid}/client.keytab` |
//! | replay cache | `KRB5RCACHENAME` | `default_rcache_name` | `dfl:`, which is `/var/tmp/krb5_%{euid}.rcache2`, or in `KRB5RCACHEDIR` or `TMPDIR` |
//! | trace | `KRB5_TRACE` | | none |
//! | nameservers (feature `dns`) | `HANDFAST_RESOLV_CONF` | | `/etc/resolv.conf` |

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

mod cache_name;
mod expand;

pub use cache_name::{CacheName, KeyringAnchor, KeyringName};
pub use expand::ExpandError;

const CONFIG: &str = "/etc/krb5.conf";
const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
const CCACHE: &str = "FILE:/tmp/krb5cc_%{uid}";
const KEYTAB: &str = "FILE:/etc/krb5.keytab";
const CLIENT_KEYTAB: &str = "FILE:/etc/krb5/user/%{euid}/client.keytab";

/// Environment variables and user of a program, as a value.
///
/// ```
/// use handfast_net::Environment;
/// use std::path::Path;
/// let environment = Environment::of_user(1000, "alice");
/// assert_eq!(environment.ccache(None)?.to_string(), "FILE:/tmp/krb5cc_1000");
/// assert_eq!(environment.ccache(Some("DIR:/run/%{username}/cc"))?.to_string(), "DIR:/run/alice/cc");
/// assert_eq!(environment.keytab(None)?, Path::new("/etc/krb5.keytab"));
/// # Ok::<(), handfast_net::environment::StoreNameError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `KRB5_CONFIG`: names of configuration files, separated by `:` (`;` on Windows).
    pub krb5_config: Option<OsString>,
    /// `KRB5CCNAME`: the credential cache.
    pub krb5ccname: Option<OsString>,
    /// `KRB5_KTNAME`: the keytab of services.
    pub krb5_ktname: Option<OsString>,
    /// `KRB5_CLIENT_KTNAME`: the keytab from which a program gets its own tickets.
    pub krb5_client_ktname: Option<OsString>,
    /// `KRB5RCACHENAME`: the replay cache of services.
    pub krb5rcachename: Option<OsString>,
    /// `KRB5RCACHEDIR`: the directory of the default replay cache.
    pub krb5rcachedir: Option<OsString>,
    /// `KRB5_TRACE`: the file to which to trace.
    pub krb5_trace: Option<OsString>,
    /// `TMPDIR`: where temporary files go, if not to `/tmp`.
    pub tmpdir: Option<OsString>,
    /// The file that names the nameservers: in a process `HANDFAST_RESOLV_CONF`, else `/etc/resolv.conf`. Read only by
    /// [`Settings::load`](crate::Settings::load), with the feature `dns`; `None` if the DNS is not to be asked for KDCs.
    pub resolv_conf: Option<PathBuf>,
    /// The file that names hosts (hosts(5)): in a process `HANDFAST_HOSTS`, else `/etc/hosts`. Read only where krb5.conf says that
    /// names of hosts are to be looked up; `None` if it is not to be read.
    pub hosts: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<OsString>,
    /// The real user id; `None` where there is no such thing.
    pub uid: Option<u32>,
    /// The effective user id.
    pub euid: Option<u32>,
    /// The name of the effective user.
    pub username: Username,
}

/// The name of the effective user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Username {
    /// Not known.
    #[default]
    Unknown,
    /// Known.
    Is(String),
    /// Looked up in the system's user database when a name contains `%{username}`, and only then: it may take a while.
    OfProcess,
}

impl Environment {
    /// The environment of this process, as it is now. An empty variable counts as unset.
    ///
    /// In a program that runs with other rights than its caller's (set-user-id, set-group-id), variables are not trusted: all are
    /// taken as unset.
    #[must_use]
    pub fn from_process() -> Self {
        Environment::gather(process_ids(), |name| std::env::var_os(name))
    }

    fn gather((uid, euid, trusted): (Option<u32>, Option<u32>, bool), read: impl Fn(&str) -> Option<OsString>) -> Self {
        let variable = |name| read(name).filter(|value| trusted && !value.is_empty());
        Environment {
            krb5_config: variable("KRB5_CONFIG"),
            krb5ccname: variable("KRB5CCNAME"),
            krb5_ktname: variable("KRB5_KTNAME"),
            krb5_client_ktname: variable("KRB5_CLIENT_KTNAME"),
            krb5rcachename: variable("KRB5RCACHENAME"),
            krb5rcachedir: variable("KRB5RCACHEDIR"),
            krb5_trace: variable("KRB5_TRACE"),
            tmpdir: variable("TMPDIR"),
            resolv_conf: Some(variable("HANDFAST_RESOLV_CONF").unwrap_or_else(|| RESOLV_CONF.into()).into()),
            hosts: Some(variable("HANDFAST_HOSTS").unwrap_or_else(|| HOSTS.into()).into()),
            home: variable("HOME"),
            uid,
            euid,
            username: Username::OfProcess,
        }
    }

    /// The environment of a user with no variable set.
    #[must_use]
    pub fn of_user(uid: u32, username: &str) -> Self {
        Environment {
            uid: Some(uid),
            euid: Some(uid),
            username: Username::Is(username.to_owned()),
            ..Environment::default()
        }
    }

    /// The configuration files, in the order in which they are read. MIT's library skips those that can't be read unless none
    /// can.
    #[must_use]
    pub fn config_files(&self) -> Vec<PathBuf> {
        let listed = self.krb5_config.as_deref().unwrap_or(OsStr::new(CONFIG));
        std::env::split_paths(listed).filter(|path| !path.as_os_str().is_empty()).collect()
    }

    /// The name of the default credential cache; `setting` is `default_ccache_name` of the configuration.
    ///
    /// # Errors
    /// [`StoreNameError`] if it names nothing, or can't be expanded.
    pub fn ccache(&self, setting: Option<&str>) -> Result<CacheName, StoreNameError> {
        self.name(Store::Ccache, self.krb5ccname.as_deref(), setting, CCACHE)?.parse()
    }

    /// The file of the default keytab; `setting` is `default_keytab_name` of the configuration.
    ///
    /// # Errors
    /// [`StoreNameError`] if it is not a file, or its name can't be expanded.
    pub fn keytab(&self, setting: Option<&str>) -> Result<PathBuf, StoreNameError> {
        Store::Keytab.file(&self.name(Store::Keytab, self.krb5_ktname.as_deref(), setting, KEYTAB)?)
    }

    /// The file of the keytab for getting one's own tickets; `setting` is `default_client_keytab_name` of the configuration.
    ///
    /// # Errors
    /// As for [`keytab`](Self::keytab).
    pub fn client_keytab(&self, setting: Option<&str>) -> Result<PathBuf, StoreNameError> {
        Store::Keytab.file(&self.name(Store::Keytab, self.krb5_client_ktname.as_deref(), setting, CLIENT_KEYTAB)?)
    }

    /// The name of the default replay cache; `setting` is `default_rcache_name` of the configuration.
    ///
    /// # Errors
    /// [`StoreNameError`] if it can't be expanded.
    pub fn replay_cache(&self, setting: Option<&str>) -> Result<String, StoreNameError> {
        self.name(Store::ReplayCache, self.krb5rcachename.as_deref(), setting, "dfl:")
    }

    /// The directory of the replay cache `dfl:`: `KRB5RCACHEDIR`, `TMPDIR`, `/var/tmp`.
    #[must_use]
    pub fn replay_directory(&self) -> &Path {
        let named = self.krb5rcachedir.as_deref().or(self.tmpdir.as_deref());
        named.map_or(Path::new("/var/tmp"), Path::new)
    }

    /// The file to which to trace, if that is asked for.
    #[must_use]
    pub fn trace(&self) -> Option<&Path> {
        self.krb5_trace.as_deref().map(Path::new)
    }

    /// `text` with its parameters replaced: `%{uid}` and `%{USERID}` (real user id), `%{euid}`, `%{username}`, `%{TEMP}`, `%{null}`
    /// (nothing).
    ///
    /// # Errors
    /// [`ExpandError`] for a parameter that is not one of these, that has no `}`, or whose value is not known. MIT's `%{LIBDIR}`,
    /// `%{BINDIR}` and `%{SBINDIR}` name where MIT's library was installed: they are not known here.
    pub fn expand(&self, text: &str) -> Result<String, ExpandError> {
        expand::expand(self, text)
    }

    fn name(
        &self,
        store: Store,
        variable: Option<&OsStr>,
        setting: Option<&str>,
        built_in: &str,
    ) -> Result<String, StoreNameError> {
        match variable {
            Some(variable) => text_of(store, variable).map(str::to_owned),
            None => self.expand(setting.unwrap_or(built_in)).map_err(StoreNameError::Expand),
        }
    }
}

fn text_of(store: Store, name: &OsStr) -> Result<&str, StoreNameError> {
    name.to_str().ok_or_else(|| StoreNameError::NotUnicode { store, name: name.to_owned() })
}

/// Real and effective user id, and whether they (and the group's) are the same.
#[cfg(unix)]
fn process_ids() -> (Option<u32>, Option<u32>, bool) {
    use nix::unistd::{getegid, geteuid, getgid, getuid};
    (Some(getuid().as_raw()), Some(geteuid().as_raw()), getuid() == geteuid() && getgid() == getegid())
}

#[cfg(not(unix))]
fn process_ids() -> (Option<u32>, Option<u32>, bool) {
    (None, None, true)
}

/// What is kept under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A credential cache.
    Ccache,
    /// A keytab.
    Keytab,
    /// A replay cache.
    ReplayCache,
}

impl Store {
    /// The file that `name` stands for: `FILE:path` or a bare path (for keytabs `WRFILE:path` too).
    ///
    /// As with MIT's library a `:` ends the type; a path that begins with `/`, and a Windows drive letter, have none.
    ///
    /// # Errors
    /// [`StoreNameError::NotSupported`] for other types, [`StoreNameError::NoPath`] if nothing follows the type.
    ///
    /// ```
    /// use handfast_net::environment::Store;
    /// assert_eq!(Store::Ccache.file("FILE:/tmp/cc")?, std::path::Path::new("/tmp/cc"));
    /// let error = Store::Ccache.file("KCM:").unwrap_err();
    /// assert_eq!(error.to_string(), "credential caches of type KCM are not supported here: KCM: (use FILE:path)");
    /// # Ok::<(), handfast_net::environment::StoreNameError>(())
    /// ```
    pub fn file(self, name: &str) -> Result<PathBuf, StoreNameError> {
        let (kind, path) = match name.split_once(':') {
            Some((kind, path)) if has_type(name, kind) => (kind, path),
            _ => ("FILE", name),
        };
        let is_file = kind == "FILE" || (self == Store::Keytab && kind == "WRFILE");
        match (is_file, path.is_empty()) {
            (false, _) => {
                Err(StoreNameError::NotSupported { store: self, kind: kind.to_owned(), name: name.to_owned() })
            }
            (true, true) => Err(StoreNameError::NoPath { store: self, name: name.to_owned() }),
            (true, false) => Ok(PathBuf::from(path)),
        }
    }
}

fn has_type(name: &str, kind: &str) -> bool {
    let drive_letter = kind.len() == 1 && kind.chars().all(|c| c.is_ascii_alphabetic());
    !name.starts_with('/') && !drive_letter
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Store::Ccache => "credential cache",
            Store::Keytab => "keytab",
            Store::ReplayCache => "replay cache",
        })
    }
}

/// A name under which no credential cache or keytab can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreNameError {
    /// A type that is not known here, such as `API`, or for keytabs `MEMORY`.
    NotSupported {
        /// What was to be opened.
        store: Store,
        /// The type.
        kind: String,
        /// The whole name.
        name: String,
    },
    /// Nothing behind the type.
    NoPath {
        /// What was to be opened.
        store: Store,
        /// The whole name.
        name: String,
    },
    /// A name that its type does not have.
    Invalid {
        /// What was to be opened.
        store: Store,
        /// The whole name.
        name: String,
        /// What such a name is like.
        rule: &'static str,
    },
    /// A variable that is not Unicode.
    NotUnicode {
        /// What was to be opened.
        store: Store,
        /// The whole name.
        name: OsString,
    },
    /// A parameter that can't be expanded.
    Expand(ExpandError),
}

impl fmt::Display for StoreNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreNameError::NotSupported { store, kind, name } => {
                write!(f, "{store}s of type {kind} are not supported here: {name} (use FILE:path)")
            }
            StoreNameError::NoPath { store, name } => write!(f, "the {store} name {name:?} has no path"),
            StoreNameError::Invalid { store, name, rule } => write!(f, "the {store} name {name:?}: {rule}"),
            StoreNameError::NotUnicode { store, name } => write!(f, "the {store} name {name:?} is not Unicode"),
            StoreNameError::Expand(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreNameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreNameError::Expand(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Environment {
        Environment::of_user(1000, "alice")
    }

    #[test]
    fn without_variables_and_settings_names_are_mits_defaults() {
        assert_eq!(alice().config_files(), [Path::new("/etc/krb5.conf")]);
        assert_eq!(alice().ccache(None).unwrap(), CacheName::File("/tmp/krb5cc_1000".into()));
        assert_eq!(alice().keytab(None).unwrap(), Path::new("/etc/krb5.keytab"));
        assert_eq!(alice().client_keytab(None).unwrap(), Path::new("/etc/krb5/user/1000/client.keytab"));
        assert_eq!(alice().trace(), None);
    }

    #[test]
    fn a_setting_is_expanded_and_a_variable_goes_first_and_is_not() {
        let mut environment = alice();
        let setting = Some("DIR:/run/%{uid}/cc");
        assert_eq!(environment.ccache(setting).unwrap(), CacheName::Directory("/run/1000/cc".into()));
        environment.krb5ccname = Some("FILE:/home/%{uid}".into());
        assert_eq!(environment.ccache(setting).unwrap(), CacheName::File("/home/%{uid}".into()));
        environment.krb5_ktname = Some("WRFILE:/a/kt".into());
        assert_eq!(environment.keytab(Some("/b/kt")).unwrap(), Path::new("/a/kt"));
        environment.krb5_client_ktname = Some("/c:kt".into());
        assert_eq!(environment.client_keytab(None).unwrap(), Path::new("/c:kt"));
        environment.krb5_trace = Some("/dev/stderr".into());
        assert_eq!(environment.trace(), Some(Path::new("/dev/stderr")));
    }

    #[cfg(unix)]
    #[test]
    fn configuration_files_are_a_list() {
        let environment = Environment { krb5_config: Some("/a/krb5.conf::b".into()), ..alice() };
        assert_eq!(environment.config_files(), [Path::new("/a/krb5.conf"), Path::new("b")]);
    }

    #[test]
    fn other_types_than_files_say_that_they_are_not_supported() {
        for name in ["KEYRING:persistent:1000", "KCM:", "DIR:/tmp/d", "MEMORY:x", "API:1", "WRFILE:/x"] {
            let error = Store::Ccache.file(name).unwrap_err();
            let kind = name.split(':').next().unwrap().to_owned();
            assert_eq!(error, StoreNameError::NotSupported { store: Store::Ccache, kind, name: name.to_owned() });
        }
        assert!(Store::Keytab.file("MEMORY:x").unwrap_err().to_string().starts_with("keytabs of type MEMORY are not"));
    }

    #[test]
    fn bare_paths_and_drive_letters_are_files() {
        for name in ["/tmp/a:b", "C:/cc", "cc"] {
            assert_eq!(Store::Ccache.file(name).unwrap(), Path::new(name));
        }
    }

    #[test]
    fn names_without_a_path_are_refused() {
        for name in ["FILE:", ""] {
            assert!(matches!(Store::Keytab.file(name), Err(StoreNameError::NoPath { .. })), "{name:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_unicode_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let environment = Environment { krb5ccname: Some(OsString::from_vec(vec![b'/', 0xff])), ..alice() };
        assert!(matches!(environment.ccache(None), Err(StoreNameError::NotUnicode { .. })));
    }

    #[test]
    fn each_variable_lands_in_its_field_unless_it_is_empty_or_not_trusted() {
        let read = |name: &str| Some(OsString::from(if name == "HOME" { "" } else { name }));
        let of = |environment: Environment| {
            let Environment {
                krb5_config, krb5ccname, krb5_ktname, krb5_client_ktname, krb5_trace, tmpdir, home, ..
            } = environment;
            [krb5_config, krb5ccname, krb5_ktname, krb5_client_ktname, krb5_trace, tmpdir, home]
        };
        let trusted = of(Environment::gather((Some(1), Some(1), true), read));
        let names = ["KRB5_CONFIG", "KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "KRB5_TRACE", "TMPDIR"];
        assert_eq!(trusted[..6], names.map(|name| Some(OsString::from(name))));
        assert_eq!(trusted[6], None);
        let not_trusted = of(Environment::gather((Some(1), Some(0), false), read));
        assert!(not_trusted.iter().all(Option::is_none), "{not_trusted:?}");
        for (trusted, file) in [(true, "HANDFAST_RESOLV_CONF"), (false, RESOLV_CONF)] {
            assert_eq!(Environment::gather((Some(1), Some(1), trusted), read).resolv_conf, Some(file.into()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_process_has_a_user() {
        let environment = Environment::from_process();
        assert_eq!(environment.uid, Some(nix::unistd::getuid().as_raw()));
        let name = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
        assert_eq!(environment.expand("%{username}").unwrap(), name);
    }
}
