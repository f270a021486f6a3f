//! The realm's file.

use crate::failure::{Exit, Failure};
use crate::span;
use handfast::crypto::OsRandom;
use handfast::{Principal, ServiceName};
use handfast_kdc::{Directory, FileDirectory, FileDirectoryError, PrincipalEntry, Settings};
use handfast_net::Environment;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the realm is.
#[derive(clap::Args, Debug)]
pub(crate) struct DirectoryArgs {
    /// The realm's file [default: ~/.local/share/handfast/realm.db]
    #[arg(long, short = 'd', value_name = "FILE")]
    directory: Option<PathBuf>,
}

impl DirectoryArgs {
    fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.directory {
            return Ok(path.clone());
        }
        let home = Environment::from_process().home.ok_or_else(|| {
            Failure::new(Exit::Files, "HOME is not set, so there is no usual place for the realm")
                .next("name the file with --directory")
        })?;
        Ok(Path::new(&home).join(".local/share/handfast/realm.db"))
    }
}

/// The realm's file, and its name.
pub(super) struct Book {
    realm: String,
    directory: FileDirectory,
}

impl Book {
    /// The file of a new realm.
    pub(super) fn create(args: &DirectoryArgs, realm: &str, settings: &Settings) -> Result<Self, Failure> {
        let path = args.path()?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        }
        Book::of(FileDirectory::create(path, realm, settings, &OsRandom, span::now())?)
    }

    /// The file of a realm that exists.
    pub(super) fn open(args: &DirectoryArgs) -> Result<Self, Failure> {
        let path = args.path()?;
        if !path.exists() {
            let cause = format!("there is no realm in {}", path.display());
            return Err(Failure::new(Exit::Files, cause)
                .next("make one with `handfast realm init REALM`, or name its file with --directory"));
        }
        Book::of(FileDirectory::open(path)?)
    }

    fn of(directory: FileDirectory) -> Result<Self, Failure> {
        Ok(Book { realm: directory.realm()?, directory })
    }

    /// The realm's name.
    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// What the realm's file says and does.
    pub(super) fn directory(&self) -> &FileDirectory {
        &self.directory
    }

    /// A user's principal in this realm, of one part or several.
    pub(super) fn user(&self, name: &str) -> Result<Principal, Failure> {
        self.of_this_realm(Principal::parse_with_realm(name, self.realm())?)
    }

    /// A service's principal in this realm.
    pub(super) fn service(&self, name: &str) -> Result<Principal, Failure> {
        self.of_this_realm(name.parse::<ServiceName>()?.to_principal(self.realm()))
    }

    /// Who is called so: a user, or a service by any way of writing it.
    pub(super) fn existing(&self, name: &str) -> Result<PrincipalEntry, Failure> {
        let user = self.user(name)?;
        let service = name.contains('/').then(|| self.service(name)).transpose()?;
        for principal in service.iter().chain([&user]) {
            if let Some(entry) = self.directory.find(principal)? {
                return Ok(Arc::unwrap_or_clone(entry));
            }
        }
        Err(FileDirectoryError::Unknown(user).into())
    }

    /// Nobody is asked for a password in vain.
    pub(super) fn must_be_new(&self, principal: &Principal) -> Result<(), Failure> {
        match self.directory.find(principal)? {
            None => Ok(()),
            Some(_) => Err(FileDirectoryError::Known(principal.clone()).into()),
        }
    }

    pub(super) fn into_directory(self) -> FileDirectory {
        self.directory
    }

    fn of_this_realm(&self, principal: Principal) -> Result<Principal, Failure> {
        // A key that another realm shares with this one has that realm's name.
        match principal.realm() == self.realm() || principal == Principal::krbtgt(self.realm(), principal.realm()) {
            true => Ok(principal),
            false => Err(FileDirectoryError::WrongRealm { principal, realm: self.realm.clone() }.into()),
        }
    }
}
