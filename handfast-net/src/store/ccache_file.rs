use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use handfast::crypto::Secret;
use handfast::krb5::ccache::CcacheEntry;
use handfast::krb5::{Ccache, HeldTicket};

use super::file::{Access, Kept, Place, Stamp, file_path, wipe};
use super::{CredentialCache, StoreError};
use crate::environment::{CacheName, Store};

/// The first bytes of a file of version 4, the only one that is appended to.
const VERSION_4: [u8; 2] = [5, 4];

/// A credential cache in a file, as `kinit` leaves it: `FILE:/tmp/krb5cc_1000`.
///
/// ```no_run
/// use handfast::{Context, Credential};
/// use handfast_net::store::{CcacheFile, StoreError};
/// # fn connect(credential: Credential, make_context: impl Fn(Credential) -> Context) -> Result<(), StoreError> {
/// let file = CcacheFile::new("/tmp/krb5cc_1000");
/// let context = make_context(Credential::tickets(&*file.load()?));
/// file.add(context.acquired())?; // for the next time, and for other programs
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CcacheFile {
    place: Place,
    kept: Kept<Ccache>,
}

impl CcacheFile {
    /// The cache in the file at `path`, which need not be there yet. [`Settings::ccache`](crate::Settings::ccache) finds the default one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        CcacheFile { place: Place { store: Store::Ccache, path: path.into() }, kept: Kept::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// The tickets; kept from the last time if the file has not changed.
    ///
    /// # Errors
    /// [`StoreError`]: [`Missing`](StoreError::Missing) if there is no such file.
    #[doc(alias = "krb5_cc_resolve")]
    pub fn load(&self) -> Result<Arc<Ccache>, StoreError> {
        self.kept.load(&self.place, || self.place.locked(Access::Read, |file, stamp| Ok((stamp, self.decode(file)?))))
    }

    /// Creates the file with these tickets, in the place of the one that is there. Others read the old or the new one, whole.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias = "krb5_cc_initialize")]
    pub fn replace(&self, ccache: &Ccache) -> Result<(), StoreError> {
        self.place.replace(&ccache.encode()?)
    }

    /// Adds tickets behind those that are there, if there are any to add. A file of an old version is written anew.
    ///
    /// # Errors
    /// [`StoreError`]; then none is added.
    #[doc(alias = "krb5_cc_store_cred")]
    pub fn add(&self, tickets: &[HeldTicket]) -> Result<(), StoreError> {
        self.append(tickets.iter().cloned().map(CcacheEntry::Ticket).collect())
    }

    /// Adds entries of any kind, as [`add`](Self::add) does.
    ///
    /// # Errors
    /// [`StoreError`]; then none is added.
    pub fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.place.locked(Access::Append, |file, stamp| self.append_to(file, stamp, entries))
    }

    /// Removes the file, and writes zeros over what it held. A damaged cache is removed, too.
    ///
    /// # Errors
    /// [`StoreError`]: [`Malformed`](StoreError::Malformed) for what does not even start like a cache, and
    /// [`NotAFile`](StoreError::NotAFile) for a symbolic link; both are left alone.
    #[doc(alias("krb5_cc_destroy", "kdestroy"))]
    pub fn destroy(&self) -> Result<(), StoreError> {
        self.place.refuse_link()?;
        self.place.locked(Access::WriteItself, |file, _| {
            match self.decode(file) {
                Err(StoreError::Malformed { error, .. }) if error.offset > 0 => {}
                decoded => drop(decoded?),
            }
            fs::remove_file(&self.place.path).map_err(self.place.io("remove"))?;
            wipe(file).map_err(self.place.io("wipe"))
        })
    }

    fn decode(&self, file: &File) -> Result<Ccache, StoreError> {
        let bytes = self.place.contents(file, Ccache::SIZE_LIMIT)?;
        Ccache::decode(bytes.expose()).map_err(|error| StoreError::Malformed {
            store: Store::Ccache,
            path: self.place.path.clone(),
            error,
        })
    }

    fn append_to(&self, mut file: &File, stamp: Stamp, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        let mut version = [0; 2];
        file.read_exact(&mut version).map_err(self.place.io("read"))?;
        if version != VERSION_4 {
            return self.rewrite(entries);
        }
        let encoded: Vec<Secret> = entries.iter().map(CcacheEntry::encode).collect::<Result<_, _>>()?;
        let mut bytes = Secret::new(Vec::with_capacity(encoded.iter().map(|entry| entry.expose().len()).sum()));
        encoded.iter().for_each(|entry| bytes.expose_mut().extend_from_slice(entry.expose()));
        let written = file.write_all(bytes.expose());
        if written.is_err() {
            let _ = file.set_len(stamp.size()); // there is a better error to report
        }
        written.map_err(self.place.io("write"))
    }

    fn rewrite(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        let file = File::open(&self.place.path).map_err(self.place.io("read"))?;
        let mut ccache = self.decode(&file)?;
        entries.into_iter().for_each(|entry| ccache.append(entry));
        self.replace(&ccache)
    }
}

impl CredentialCache for CcacheFile {
    fn name(&self) -> CacheName {
        CacheName::File(self.path().to_owned())
    }

    fn load(&self) -> Result<Arc<Ccache>, StoreError> {
        self.load()
    }

    fn replace(&self, ccache: &Ccache) -> Result<(), StoreError> {
        self.replace(ccache)
    }

    fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        self.append(entries)
    }

    fn destroy(&self) -> Result<(), StoreError> {
        self.destroy()
    }
}

impl fmt::Display for CcacheFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&file_path(self.path()))
    }
}
