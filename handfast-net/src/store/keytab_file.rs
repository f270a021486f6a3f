use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use handfast::crypto::Secret;
use handfast::krb5::{Keytab, KeytabEntry};

use super::StoreError;
use super::file::{Access, Kept, Place, file_path};
use crate::environment::Store;

/// A keytab in a file: `FILE:/etc/krb5.keytab`.
///
/// A server loads it for each connection: as long as the file is the same that costs one call of `stat`, and when keys have
/// been added, they are there.
///
/// ```no_run
/// use handfast_net::store::KeytabFile;
/// let file = KeytabFile::new("/etc/krb5.keytab");
/// for principal in file.load()?.principals() {
///     println!("{principal}");
/// }
/// # Ok::<(), handfast_net::store::StoreError>(())
/// ```
#[derive(Debug)]
pub struct KeytabFile {
    place: Place,
    kept: Kept<Keytab>,
}

impl KeytabFile {
    /// The keytab in the file at `path`, which need not be there yet. [`Settings::keytab`](crate::Settings::keytab) finds the default one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        KeytabFile { place: Place { store: Store::Keytab, path: path.into() }, kept: Kept::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// The keys; kept from the last time if the file has not changed. The same [`Arc`] comes as long as it has not.
    ///
    /// # Errors
    /// [`StoreError`]: [`Missing`](StoreError::Missing) if there is no such file.
    #[doc(alias = "krb5_kt_resolve")]
    pub fn load(&self) -> Result<Arc<Keytab>, StoreError> {
        self.kept.load(&self.place, || self.place.locked(Access::Read, |file, stamp| Ok((stamp, self.decode(file)?.1))))
    }

    /// Adds keys to those that are there, each in the place of one with the same principal, version and enctype; creates the file
    /// if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias("krb5_kt_add_entry", "ktutil"))]
    pub fn merge(&self, keys: Keytab) -> Result<(), StoreError> {
        let result = self.place.locked(Access::Write, |file, _| {
            let (before, mut keytab) = self.decode(file)?;
            keytab.merge(keys.clone());
            self.rewrite(file, &before, &keytab.encode()?)
        });
        match result {
            Err(StoreError::Missing { .. }) => self.replace(&keys),
            result => result,
        }
    }

    /// Removes the keys that `unwanted` returns true for; returns how many. Nothing is left of them in the file.
    ///
    /// # Errors
    /// [`StoreError`]: [`Missing`](StoreError::Missing) if there is no such file.
    #[doc(alias = "krb5_kt_remove_entry")]
    pub fn remove(&self, unwanted: impl FnMut(&KeytabEntry) -> bool) -> Result<usize, StoreError> {
        self.place.locked(Access::Write, |file, _| {
            let (before, mut keytab) = self.decode(file)?;
            let removed = keytab.remove(unwanted);
            if removed > 0 {
                let after = keytab.encode()?;
                wipe_behind(file, &before, after.expose().len()).map_err(self.place.io("wipe"))?;
                self.rewrite(file, &before, &after)?;
            }
            Ok(removed)
        })
    }

    /// Creates the file with these keys, in the place of the one that is there. Others read the old or the new one, whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replace(&self, keytab: &Keytab) -> Result<(), StoreError> {
        self.place.replace(&keytab.encode()?)
    }

    fn decode(&self, file: &File) -> Result<(Secret, Keytab), StoreError> {
        let bytes = self.place.contents(file, Keytab::SIZE_LIMIT)?;
        let keytab = Keytab::decode(bytes.expose()).map_err(|error| StoreError::Malformed {
            store: Store::Keytab,
            path: self.place.path.clone(),
            error,
        })?;
        Ok((bytes, keytab))
    }

    /// In the same file, since others may wait for its lock; only from where it differs.
    fn rewrite(&self, mut file: &File, before: &Secret, after: &Secret) -> Result<(), StoreError> {
        let (before, after) = (before.expose(), after.expose());
        let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let rest = after.get(same..).unwrap_or_default();
        file.seek(SeekFrom::Start(number(same)))
            .and_then(|_| file.write_all(rest))
            .and_then(|()| file.set_len(number(after.len())))
            .map_err(self.place.io("write"))
    }
}

/// Zeros over what is cut off: it may stay on the disk.
fn wipe_behind(mut file: &File, before: &Secret, length: usize) -> io::Result<()> {
    let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let behind = number(before.expose().len().saturating_sub(length));
    file.seek(SeekFrom::Start(number(length)))?;
    io::copy(&mut io::repeat(0).take(behind), &mut file).map(|_| ())
}

impl fmt::Display for KeytabFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&file_path(self.path()))
    }
}
