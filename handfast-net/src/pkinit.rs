//! Certificates, private keys and trust anchors from files, by the names that krb5.conf has for them (RFC 4556; feature `pkinit`).
//!
//! | name | an identity | anchors, pool, revoked |
//! |---|---|---|
//! | `FILE:path` or `path` | a certificate and its key in PEM; `FILE:certificate,key` where they are two files | all of the file, in PEM |
//! | `PKCS12:path` | a file of PKCS #12 | |
//! | `DIR:path` | the first `NAME.crt` that has a `NAME.key` beside it | all files of the directory |
//!
//! `PKCS11:` (smart cards) is refused: an application that has one makes
//! [`PkinitIdentity::with_key_outside`] and answers [`Question::Sign`](handfast::Question::Sign). `ENV:` is refused: the
//! environment is read in one place, [`Environment`](crate::Environment); name the file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use handfast::crypto::Secret;
use handfast::krb5::conf::{ConfValueError, EkuChecking, PkinitConf};
use handfast::krb5::pkinit::{
    CertificateRules, DhGroup, IdentityError, KdcRules, KdcTrust, PkinitIdentity, PkinitOptions, RevocationList,
    TrustAnchors, certificates_in_pem,
};

use crate::Settings;

/// Octets that are read of one file.
const FILE_LIMIT: u64 = 16 << 20;
/// How many files are read of a directory.
const FILES_LIMIT: usize = 1024;

/// Why there is no identity, or nobody is trusted.
#[derive(Debug)]
#[non_exhaustive]
pub enum PkinitFileError {
    /// A file can't be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is not what it should be.
    Contents {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: IdentityError,
    },
    /// A name of a kind that is not taken here.
    Kind {
        /// The name.
        name: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// Nothing is named, neither by the caller nor in krb5.conf.
    NotNamed {
        /// The relation that would.
        relation: &'static str,
        /// For which realm.
        realm: String,
    },
    /// A setting has a value that means nothing.
    Value(ConfValueError),
}

impl PkinitFileError {
    /// Whether it is that a private key is encrypted, and no password was given.
    #[must_use]
    pub fn lacks_password(&self) -> bool {
        matches!(self, PkinitFileError::Contents { error: IdentityError::NoPassword, .. })
    }
}

impl fmt::Display for PkinitFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PkinitFileError::Unreadable { path, error } => write!(f, "can't read {}: {error}", path.display()),
            PkinitFileError::Contents { path, error } => write!(f, "{}: {error}", path.display()),
            PkinitFileError::Kind { name, instead } => write!(f, "`{name}` is not taken here: {instead}"),
            PkinitFileError::NotNamed { relation, realm } => {
                write!(f, "no {relation} is set in krb5.conf for {realm}, and none was named")
            }
            PkinitFileError::Value(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PkinitFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PkinitFileError::Unreadable { error, .. } => Some(error),
            PkinitFileError::Contents { error, .. } => Some(error),
            PkinitFileError::Value(error) => Some(error),
            PkinitFileError::Kind { .. } | PkinitFileError::NotNamed { .. } => None,
        }
    }
}

impl From<ConfValueError> for PkinitFileError {
    fn from(error: ConfValueError) -> Self {
        PkinitFileError::Value(error)
    }
}

impl Settings {
    /// The identity that `name` names, or the first of `pkinit_identities` for `realm` that can be read.
    ///
    /// # Errors
    /// [`PkinitFileError`]; of several identities, that of the first.
    pub fn pkinit_identity(
        &self,
        name: Option<&str>,
        realm: &str,
        password: Option<&Secret<Vec<u8>>>,
    ) -> Result<PkinitIdentity, PkinitFileError> {
        if let Some(name) = name {
            return identity(name, password);
        }
        let listed = self.conf().pkinit(realm)?.identities;
        let mut reason = None;
        for name in &listed {
            match identity(name, password) {
                Ok(identity) => return Ok(identity),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        let relation = "pkinit_identities";
        Err(reason.unwrap_or_else(|| PkinitFileError::NotNamed { relation, realm: realm.to_owned() }))
    }

    /// By what the KDCs of `realm` are known: `named` anchors, or `pkinit_anchors`; and `pkinit_pool`, `pkinit_revoke`,
    /// `pkinit_require_crl_checking`, `pkinit_eku_checking` and `pkinit_kdc_hostname`.
    ///
    /// # Errors
    /// [`PkinitFileError`].
    pub fn kdc_trust(&self, named: &[String], realm: &str) -> Result<KdcTrust, PkinitFileError> {
        let conf = self.conf().pkinit(realm)?;
        let anchors = if named.is_empty() { conf.anchors.as_slice() } else { named };
        if anchors.is_empty() {
            return Err(PkinitFileError::NotNamed { relation: "pkinit_anchors", realm: realm.to_owned() });
        }
        let trusted = TrustAnchors::new(all(anchors, certificates_in_pem)?)
            .with_intermediates(all(&conf.pool, certificates_in_pem)?)
            .with_revocation_lists(all(&conf.revoke, RevocationList::from_pem)?);
        Ok(KdcTrust { certificates: certificate_rules(&conf), kdc: kdc_rules(&conf), ..KdcTrust::new(trusted) })
    }

    /// How logins to `realm` agree on keys: `pkinit_dh_min_bits`, which curves meet by the bits of a group of the same strength (NIST
    /// SP 800-57 part 1, table 2).
    ///
    /// # Errors
    /// [`PkinitFileError::Value`].
    pub fn pkinit_options(&self, realm: &str) -> Result<PkinitOptions, PkinitFileError> {
        let mut options = PkinitOptions::default();
        if let Some(least) = self.conf().pkinit(realm)?.dh_min_bits {
            options.groups.retain(|group| strength(*group) >= least);
        }
        Ok(options)
    }
}

fn strength(group: DhGroup) -> u32 {
    match group {
        DhGroup::Modp1024 => 1024,
        DhGroup::Modp2048 => 2048,
        DhGroup::P256 => 3072,
        DhGroup::Modp4096 => 4096,
        DhGroup::P384 => 7680,
        DhGroup::P521 => 15360,
        _ => 0,
    }
}

/// All certificates of these files, in PEM, as anchors.
///
/// # Errors
/// [`PkinitFileError`], for the first file that can't be read or has none.
pub fn trust_anchors(files: &[PathBuf]) -> Result<TrustAnchors, PkinitFileError> {
    let mut anchors = Vec::new();
    for path in files {
        let contents = |error| PkinitFileError::Contents { path: path.clone(), error };
        anchors.extend(certificates_in_pem(read(path)?.expose()).map_err(contents)?);
    }
    Ok(TrustAnchors::new(anchors))
}

fn certificate_rules(conf: &PkinitConf) -> CertificateRules {
    CertificateRules { require_revocation_lists: conf.require_crl_checking, ..CertificateRules::default() }
}

fn kdc_rules(conf: &PkinitConf) -> KdcRules {
    KdcRules {
        weak_server_auth: conf.eku_checking == EkuChecking::KpServerAuth,
        dangerous_any_purpose: conf.eku_checking == EkuChecking::None,
        weak_host_names: conf.kdc_hostname.clone(),
    }
}

/// A name of krb5.conf, taken apart.
enum Name<'n> {
    File(&'n str),
    Directory(&'n str),
    Pkcs12(&'n str),
}

impl<'n> Name<'n> {
    fn parse(name: &'n str) -> Result<Self, PkinitFileError> {
        let refused = |instead| Err(PkinitFileError::Kind { name: name.to_owned(), instead });
        match name.split_once(':') {
            Some(("FILE", path)) => Ok(Name::File(path)),
            Some(("DIR", path)) => Ok(Name::Directory(path)),
            Some(("PKCS12", path)) => Ok(Name::Pkcs12(path)),
            Some(("PKCS11", _)) => refused("no library for smart cards is loaded; use FILE:, DIR: or PKCS12:"),
            Some(("ENV", _)) => refused("no variable of the environment is read for it; name the file, as FILE:path"),
            _ => Ok(Name::File(name)),
        }
    }
}

/// The identity with a name of the kinds above. A plain file may be of PKCS #12, too.
///
/// # Errors
/// [`PkinitFileError`].
pub fn identity(name: &str, password: Option<&Secret<Vec<u8>>>) -> Result<PkinitIdentity, PkinitFileError> {
    match Name::parse(name)? {
        Name::File(path) => match path.split_once(',') {
            Some((certificate, key)) => from_pem(Path::new(certificate), Path::new(key), password),
            None => from_file(Path::new(path), password),
        },
        Name::Pkcs12(path) => from_pkcs12(Path::new(path), &read(Path::new(path))?, password),
        Name::Directory(path) => from_directory(Path::new(path), password),
    }
}

/// A certificate and its key in two files of PEM.
///
/// # Errors
/// [`PkinitFileError`].
pub fn from_pem(
    certificate: &Path,
    key: &Path,
    password: Option<&Secret<Vec<u8>>>,
) -> Result<PkinitIdentity, PkinitFileError> {
    let (certificates, key_text) = (read(certificate)?, read(key)?);
    let password = password.map(|password| password.expose().as_slice());
    let identity = PkinitIdentity::from_pem(certificates.expose(), key_text.expose(), password);
    let path = if certificates_in_pem(certificates.expose()).is_ok() { key } else { certificate };
    identity.map_err(|error| PkinitFileError::Contents { path: path.to_owned(), error })
}

fn from_file(path: &Path, password: Option<&Secret<Vec<u8>>>) -> Result<PkinitIdentity, PkinitFileError> {
    /// The first octet of a SEQUENCE, which no text begins with for long.
    const SEQUENCE: [u8; 2] = [0x30, 0x82];
    let contents = read(path)?;
    if contents.expose().starts_with(&SEQUENCE) {
        return from_pkcs12(path, &contents, password);
    }
    from_pem(path, path, password)
}

fn from_pkcs12(
    path: &Path,
    contents: &Secret<Vec<u8>>,
    password: Option<&Secret<Vec<u8>>>,
) -> Result<PkinitIdentity, PkinitFileError> {
    let wrong = |error| PkinitFileError::Contents { path: path.to_owned(), error };
    let password = password.ok_or_else(|| wrong(IdentityError::NoPassword))?;
    let password = std::str::from_utf8(password.expose()).map_err(|_| wrong(IdentityError::WrongPassword))?;
    PkinitIdentity::from_pkcs12(contents.expose(), password).map_err(wrong)
}

/// The first certificate with a key beside it, by name.
fn from_directory(path: &Path, password: Option<&Secret<Vec<u8>>>) -> Result<PkinitIdentity, PkinitFileError> {
    for certificate in files(path)? {
        let key = certificate.with_extension("key");
        if certificate.extension().is_some_and(|extension| extension == "crt") && key.is_file() {
            return from_pem(&certificate, &key, password);
        }
    }
    let error = IdentityError::Missing("NAME.crt with a NAME.key beside it");
    Err(PkinitFileError::Contents { path: path.to_owned(), error })
}

/// What `parse` finds in all files with these names. Files of a directory in which there is nothing are passed over.
fn all<T>(names: &[String], parse: fn(&[u8]) -> Result<Vec<T>, IdentityError>) -> Result<Vec<T>, PkinitFileError> {
    let mut found = Vec::new();
    for name in names {
        let (paths, is_directory) = match Name::parse(name)? {
            Name::File(path) => (vec![PathBuf::from(path)], false),
            Name::Directory(path) => (files(Path::new(path))?, true),
            Name::Pkcs12(_) => {
                let instead = "certificates that are believed come as FILE: or DIR:";
                return Err(PkinitFileError::Kind { name: name.clone(), instead });
            }
        };
        for path in paths {
            match parse(read(&path)?.expose()) {
                Ok(some) => found.extend(some),
                Err(IdentityError::Missing(_)) if is_directory => {}
                Err(error) => return Err(PkinitFileError::Contents { path, error }),
            }
        }
    }
    Ok(found)
}

/// The files of a directory, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, PkinitFileError> {
    let unreadable = |error| PkinitFileError::Unreadable { path: path.to_owned(), error };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)?.take(FILES_LIMIT) {
        let file = entry.map_err(unreadable)?.path();
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Secret<Vec<u8>>, PkinitFileError> {
    let unreadable = |error| PkinitFileError::Unreadable { path: path.to_owned(), error };
    let file = File::open(path).map_err(unreadable)?;
    // Laid out once, so that no copy of a key stays behind.
    let length = file.metadata().map_err(unreadable)?.len().min(FILE_LIMIT);
    let capacity = usize::try_from(length).unwrap_or(0).saturating_add(1);
    let mut contents = Secret::new(Vec::with_capacity(capacity));
    file.take(FILE_LIMIT).read_to_end(contents.expose_mut()).map_err(unreadable)?;
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;
    use handfast::krb5::Conf;

    /// OpenSSL's certificates of the core's own tests.
    const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../handfast/tests/pkinit");

    fn settings(text: &str) -> Settings {
        let conf = Conf::parse("krb5.conf", text).unwrap();
        Settings::new(Environment::of_user(1000, "alice"), conf).unwrap()
    }

    fn subject(name: &str, password: Option<&str>) -> Result<String, PkinitFileError> {
        let password = password.map(|password| Secret::new(password.as_bytes().to_vec()));
        identity(name, password.as_ref()).map(|identity| identity.certificate().subject().to_string())
    }

    #[test]
    fn identities_by_the_names_of_krb5_conf() {
        for name in ["FILE:{}/user-rsa.pem,{}/user-rsa.key", "{}/user-rsa.pem,{}/user-rsa-pkcs1.key"] {
            assert_eq!(subject(&name.replace("{}", FILES), None).unwrap(), "CN=user rsa,O=Test");
        }
        for name in ["PKCS12:{}/user-ec.p12", "{}/user-ec.p12", "FILE:{}/user-ec.p12"] {
            let name = name.replace("{}", FILES);
            assert_eq!(subject(&name, Some("geheim")).unwrap(), "CN=user ec,O=Test");
            assert!(subject(&name, None).unwrap_err().lacks_password());
            assert!(
                subject(&name, Some("x"))
                    .unwrap_err()
                    .to_string()
                    .ends_with("the password is wrong, or the file is damaged")
            );
        }
        for name in ["PKCS11:module_name=x", "ENV:X509_USER"] {
            assert!(matches!(subject(name, None), Err(PkinitFileError::Kind { .. })), "{name}");
        }
        assert!(matches!(subject("DIR:/nowhere/at/all", None), Err(PkinitFileError::Unreadable { .. })));
        assert!(matches!(subject("/nowhere/at/all", None), Err(PkinitFileError::Unreadable { .. })));
    }

    #[test]
    fn a_directory_has_a_key_beside_the_certificate() {
        let directory = crate::scratch::Scratch::new("pkinit");
        let copy = |from: &str, to: &str| fs::copy(format!("{FILES}/{from}"), directory.path(to)).unwrap();
        let name = format!("DIR:{}", directory.path("").display());
        copy("user-rsa.pem", "alone.crt");
        copy("user-ec.pem", "b.crt");
        assert!(matches!(subject(&name, None), Err(PkinitFileError::Contents { .. })));
        copy("user-ec.key", "b.key");
        assert_eq!(subject(&name, None).unwrap(), "CN=user ec,O=Test");
        let trust = settings("").kdc_trust(std::slice::from_ref(&name), "R").unwrap();
        assert_eq!(trust.anchors.anchors().len(), 2, "the key is none of them");
    }

    #[test]
    fn krb5_conf_says_who_is_believed_and_how() {
        let text = format!(
            "[libdefaults]\n pkinit_anchors = FILE:/nowhere\n pkinit_eku_checking = kpServerAuth\n\
             [realms]\n R = {{\n  pkinit_anchors = FILE:{FILES}/ca.pem\n  pkinit_kdc_hostname = kdc.r\n\
             pkinit_identities = FILE:/nowhere\n  pkinit_identities = {FILES}/user-ec.pem,{FILES}/user-ec.key\n\
             pkinit_require_crl_checking = true\n }}\n"
        );
        let settings = settings(&text);
        let trust = settings.kdc_trust(&[], "R").unwrap();
        assert_eq!(trust.anchors.anchors()[0].subject().to_string(), "CN=CA,O=Test");
        assert!(trust.kdc.weak_server_auth && !trust.kdc.dangerous_any_purpose);
        assert_eq!(trust.kdc.weak_host_names, ["kdc.r"]);
        assert!(trust.certificates.require_revocation_lists && !trust.certificates.weak_sha1);
        let identity = settings.pkinit_identity(None, "R", None).unwrap();
        assert_eq!(identity.certificate().subject().to_string(), "CN=user ec,O=Test");
        assert!(matches!(settings.kdc_trust(&[], "S"), Err(PkinitFileError::Unreadable { .. })));
        let none = settings.pkinit_identity(None, "S", None);
        assert!(matches!(none, Err(PkinitFileError::NotNamed { relation: "pkinit_identities", .. })));
    }

    #[test]
    fn groups_have_the_bits_that_are_wanted() {
        let groups = |bits: &str| {
            let text = format!("[libdefaults]\n pkinit_dh_min_bits = {bits}\n");
            settings(&text).pkinit_options("R").map(|options| options.groups)
        };
        assert_eq!(settings("").pkinit_options("R").unwrap(), PkinitOptions::default());
        assert_eq!(groups("2048").unwrap(), DhGroup::STRONG);
        assert_eq!(groups("4096").unwrap(), [DhGroup::Modp4096, DhGroup::P384, DhGroup::P521]);
        assert_eq!(groups("1024").unwrap(), DhGroup::STRONG, "fewer than the default are not taken");
        assert!(matches!(groups("many"), Err(PkinitFileError::Value(_))));
    }

    #[test]
    fn by_default_the_rules_are_the_strictest() {
        let named = [format!("FILE:{FILES}/ca.pem")];
        let trust = settings("").kdc_trust(&named, "R").unwrap();
        assert_eq!((trust.kdc, trust.certificates), (KdcRules::default(), CertificateRules::default()));
        assert!(matches!(settings("").kdc_trust(&[], "R"), Err(PkinitFileError::NotNamed { .. })));
        let wrong = settings("[libdefaults]\n pkinit_eku_checking = kpkdcs\n").kdc_trust(&named, "R");
        assert!(matches!(wrong, Err(PkinitFileError::Value(_))));
    }
}
