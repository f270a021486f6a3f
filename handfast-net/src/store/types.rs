use std::path::PathBuf;
use std::sync::Arc;

use super::cache::Alone;
use super::directory::in_directory;
use super::{CacheCollection, CacheDirectory, CcacheFile, CredentialCache, Kcm, MemoryCaches, StoreError};
use crate::environment::{CacheName, KeyringName};

/// The types of credential caches: opens caches and collections by their names.
///
/// ```
/// use handfast_net::store::{CacheTypes, MemoryCaches};
/// let types = CacheTypes::new(MemoryCaches::new(), "/var/run/.heim_org.h5l.kcm-socket");
/// let cache = types.cache(&"MEMORY:mine".parse()?)?;
/// assert!(cache.load().is_err(), "nothing was put there yet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CacheTypes {
    memory: MemoryCaches,
    kcm: Kcm,
}

impl CacheTypes {
    /// With these caches behind `MEMORY`, and the daemon that listens at `kcm_socket` behind `KCM`.
    pub fn new(memory: MemoryCaches, kcm_socket: impl Into<PathBuf>) -> Self {
        CacheTypes { memory, kcm: Kcm::new(kcm_socket) }
    }

    /// The cache of this name; of a collection's name its primary one, as it is now. It need not be there yet.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias = "krb5_cc_resolve")]
    pub fn cache(&self, name: &CacheName) -> Result<Arc<dyn CredentialCache>, StoreError> {
        match name {
            CacheName::File(path) => Ok(Arc::new(CcacheFile::new(path))),
            CacheName::InDirectory(path) => Ok(in_directory(path)),
            CacheName::Memory(name) => Ok(Arc::new(self.memory.cache(name))),
            CacheName::Kcm(name) if !name.is_empty() => Ok(Arc::new(self.kcm.cache(name))),
            CacheName::Keyring(of @ KeyringName { cache: Some(cache), .. }) => self.keyring_cache(of, cache, name),
            CacheName::Directory(_) | CacheName::Kcm(_) | CacheName::Keyring(_) => self.collection(name)?.primary(),
        }
    }

    /// The caches that are meant by this name: a collection, all of the process for `MEMORY`, or one by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn collection(&self, name: &CacheName) -> Result<Arc<dyn CacheCollection>, StoreError> {
        match name {
            CacheName::Directory(path) => Ok(Arc::new(CacheDirectory::open(path)?)),
            CacheName::Kcm(cache) if cache.is_empty() => Ok(Arc::new(self.kcm.clone())),
            CacheName::Keyring(of) if of.cache.is_none() => self.keyring(of, name),
            CacheName::Memory(_) => Ok(Arc::new(self.memory.clone())),
            name => Ok(Arc::new(Alone(self.cache(name)?))),
        }
    }

    /// The collection that a cache can be made the primary one of, whatever of it was named.
    ///
    /// # Errors
    /// [`StoreError::NoCollection`] if there is none.
    pub fn collection_of(&self, cache: &CacheName) -> Result<Arc<dyn CacheCollection>, StoreError> {
        let whole = match cache {
            CacheName::InDirectory(path) => path.parent().map(|directory| CacheName::Directory(directory.to_owned())),
            CacheName::Kcm(_) => Some(CacheName::Kcm(String::new())),
            CacheName::Keyring(of) => Some(CacheName::Keyring(KeyringName { cache: None, ..of.clone() })),
            CacheName::Directory(_) => Some(cache.clone()),
            CacheName::File(_) | CacheName::Memory(_) => None,
        };
        self.collection(&whole.ok_or_else(|| StoreError::NoCollection { name: cache.clone() })?)
    }

    #[cfg(all(target_os = "linux", feature = "keyring"))]
    fn keyring(&self, of: &KeyringName, _: &CacheName) -> Result<Arc<dyn CacheCollection>, StoreError> {
        Ok(Arc::new(super::Keyrings::open(of.anchor, &of.collection)?))
    }

    #[cfg(all(target_os = "linux", feature = "keyring"))]
    fn keyring_cache(
        &self,
        of: &KeyringName,
        cache: &str,
        _: &CacheName,
    ) -> Result<Arc<dyn CredentialCache>, StoreError> {
        Ok(Arc::new(super::Keyrings::open(of.anchor, &of.collection)?.cache(cache)))
    }

    #[cfg(not(all(target_os = "linux", feature = "keyring")))]
    fn keyring(&self, _: &KeyringName, name: &CacheName) -> Result<Arc<dyn CacheCollection>, StoreError> {
        Err(no_keyrings(name))
    }

    #[cfg(not(all(target_os = "linux", feature = "keyring")))]
    fn keyring_cache(
        &self,
        _: &KeyringName,
        _: &str,
        name: &CacheName,
    ) -> Result<Arc<dyn CredentialCache>, StoreError> {
        Err(no_keyrings(name))
    }
}

#[cfg(not(all(target_os = "linux", feature = "keyring")))]
fn no_keyrings(name: &CacheName) -> StoreError {
    let (store, kind) = (crate::environment::Store::Ccache, "KEYRING".to_owned());
    StoreError::Name(crate::environment::StoreNameError::NotSupported { store, kind, name: name.to_string() })
}
