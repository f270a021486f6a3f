use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use handfast::krb5::Ccache;
use handfast::krb5::ccache::CcacheEntry;

use super::cache::random_name;
use super::{CacheCollection, CredentialCache, StoreError};
use crate::environment::CacheName;

/// Credential caches in memory, by name. Clones share them.
///
/// ```
/// use handfast::krb5::Ccache;
/// use handfast_net::store::{CredentialCache, MemoryCaches};
/// let caches = MemoryCaches::new();
/// caches.cache("alice").replace(&Ccache::new("alice@EXAMPLE.COM".parse()?))?;
/// assert_eq!(caches.cache("alice").load()?.principal.to_string(), "alice@EXAMPLE.COM");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryCaches(Arc<Mutex<BTreeMap<String, Arc<Ccache>>>>);

impl MemoryCaches {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        MemoryCaches::default()
    }

    /// Those that are open to everybody in this process: what `MEMORY:name` means to MIT's library.
    pub fn of_process() -> &'static MemoryCaches {
        static CACHES: OnceLock<MemoryCaches> = OnceLock::new();
        CACHES.get_or_init(MemoryCaches::new)
    }

    /// The cache of this name, which need not be there yet.
    pub fn cache(&self, name: &str) -> impl CredentialCache + use<> {
        MemoryCache { caches: self.clone(), name: name.to_owned() }
    }

    fn shared(&self, name: &str) -> Arc<dyn CredentialCache> {
        Arc::new(self.cache(name))
    }

    /// Each entry is replaced whole, so a panic elsewhere leaves them as good as they were.
    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Ccache>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheCollection for MemoryCaches {
    /// The first by name, or the one of no name: there is none to choose.
    fn primary(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        let first = self.held().keys().next().cloned();
        Ok(self.shared(&first.unwrap_or_default()))
    }

    fn caches(&self) -> Result<Vec<Arc<dyn CredentialCache>>, StoreError> {
        Ok(self.held().keys().map(|name| self.shared(name)).collect())
    }

    fn unused(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        Ok(self.shared(&random_name("", 8)?))
    }

    fn switch_to(&self, name: &CacheName) -> Result<(), StoreError> {
        Err(StoreError::NoCollection { name: name.clone() })
    }
}

#[derive(Debug)]
struct MemoryCache {
    caches: MemoryCaches,
    name: String,
}

impl MemoryCache {
    fn missing(&self) -> StoreError {
        StoreError::NoCache { name: self.name() }
    }
}

impl CredentialCache for MemoryCache {
    fn name(&self) -> CacheName {
        CacheName::Memory(self.name.clone())
    }

    fn load(&self) -> Result<Arc<Ccache>, StoreError> {
        self.caches.held().get(&self.name).cloned().ok_or_else(|| self.missing())
    }

    fn replace(&self, ccache: &Ccache) -> Result<(), StoreError> {
        self.caches.held().insert(self.name.clone(), Arc::new(ccache.clone()));
        Ok(())
    }

    fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut held = self.caches.held();
        let cache = held.get_mut(&self.name).ok_or_else(|| self.missing())?;
        let changed = Arc::make_mut(cache);
        entries.into_iter().for_each(|entry| changed.append(entry));
        Ok(())
    }

    fn destroy(&self) -> Result<(), StoreError> {
        self.caches.held().remove(&self.name).map(drop).ok_or_else(|| self.missing())
    }
}

impl fmt::Display for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}
