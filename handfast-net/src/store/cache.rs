use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use handfast::Principal;
use handfast::crypto::{OsRandom, Random, RandomError};
use handfast::krb5::ccache::CcacheEntry;
use handfast::krb5::{Ccache, HeldTicket};

use super::StoreError;
use crate::environment::CacheName;

/// A credential cache of any type; its `Display` is its name.
///
/// ```no_run
/// use handfast_net::Settings;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Settings::from_process()?.ccache(None)?; // FILE, DIR, KEYRING, KCM: as the environment and krb5.conf say
/// for ticket in cache.load()?.tickets() {
///     println!("{}", ticket.server);
/// }
/// # Ok(())
/// # }
/// ```
#[doc(alias = "krb5_ccache")]
pub trait CredentialCache: fmt::Debug + fmt::Display + Send + Sync {
    /// Its whole name, under which it and no other can be opened.
    fn name(&self) -> CacheName;

    /// What is in it. The same [`Arc`] comes as long as that is the same.
    ///
    /// # Errors
    /// [`StoreError`]: [`Missing`](StoreError::Missing) or [`NoCache`](StoreError::NoCache) if there is none.
    #[doc(alias = "krb5_cc_start_seq_get")]
    fn load(&self) -> Result<Arc<Ccache>, StoreError>;

    /// Makes the cache with these tickets, in the place of what is there.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias = "krb5_cc_initialize")]
    fn replace(&self, ccache: &Ccache) -> Result<(), StoreError>;

    /// Adds tickets and configuration entries to those that are there, if there are any to add.
    ///
    /// # Errors
    /// [`StoreError`].
    fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError>;

    /// Removes the cache.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias("krb5_cc_destroy", "kdestroy"))]
    fn destroy(&self) -> Result<(), StoreError>;

    /// Adds tickets, if there are any to add.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    #[doc(alias = "krb5_cc_store_cred")]
    fn add(&self, tickets: &[HeldTicket]) -> Result<(), StoreError> {
        self.append(tickets.iter().cloned().map(CcacheEntry::Ticket).collect())
    }
}

/// Credential caches that come together, one of them the primary one.
#[doc(alias = "krb5_cccol")]
pub trait CacheCollection: fmt::Debug + Send + Sync {
    /// The primary cache: the one that programs take if they are not told otherwise. It need not be there yet.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias = "krb5_cc_default")]
    fn primary(&self) -> Result<Arc<dyn CredentialCache>, StoreError>;

    /// All caches that are there, the primary one first.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias("krb5_cccol_cursor_new", "klist -A"))]
    fn caches(&self) -> Result<Vec<Arc<dyn CredentialCache>>, StoreError>;

    /// A cache that is not there yet, under a name that no other one has. A collection that takes one cache only gives that.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(alias = "krb5_cc_new_unique")]
    fn unused(&self) -> Result<Arc<dyn CredentialCache>, StoreError>;

    /// Makes the cache of this name the primary one.
    ///
    /// # Errors
    /// [`StoreError::NoCollection`] if it is none of this collection, or there is nothing to choose.
    #[doc(alias("krb5_cc_switch", "kswitch"))]
    fn switch_to(&self, name: &CacheName) -> Result<(), StoreError>;

    /// The cache with the tickets of `principal`, if there is one. Caches that can't be read are passed over.
    ///
    /// # Errors
    /// [`StoreError`] if the collection can't be read.
    #[doc(alias = "krb5_cc_cache_match")]
    fn cache_of(&self, principal: &Principal) -> Result<Option<Arc<dyn CredentialCache>>, StoreError> {
        let is_theirs = |cache: &Arc<dyn CredentialCache>| cache.load().is_ok_and(|held| held.principal == *principal);
        Ok(self.caches()?.into_iter().find(is_theirs))
    }
}

/// A cache that is in no collection, or is looked at by itself.
#[derive(Debug)]
pub(super) struct Alone(pub(super) Arc<dyn CredentialCache>);

impl CacheCollection for Alone {
    fn primary(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        Ok(Arc::clone(&self.0))
    }

    fn caches(&self) -> Result<Vec<Arc<dyn CredentialCache>>, StoreError> {
        match self.0.load() {
            Err(StoreError::Missing { .. } | StoreError::NoCache { .. }) => Ok(Vec::new()),
            _ => Ok(vec![Arc::clone(&self.0)]),
        }
    }

    fn unused(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        self.primary()
    }

    fn switch_to(&self, name: &CacheName) -> Result<(), StoreError> {
        Err(StoreError::NoCollection { name: name.clone() })
    }
}

/// What was last read, so that the same [`Arc`] can be given again.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Option<Arc<Ccache>>>);

impl Latest {
    pub(super) fn or_same(&self, read: Ccache) -> Arc<Ccache> {
        // What is inside is replaced whole, so a panic elsewhere leaves it as good as it was.
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.as_ref().filter(|latest| ***latest == read) {
            Some(same) => Arc::clone(same),
            None => Arc::clone(latest.insert(Arc::new(read))),
        }
    }
}

/// `prefix` with `count` random letters and digits behind it.
pub(super) fn random_name(prefix: &str, count: usize) -> Result<String, RandomError> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = vec![0; count];
    OsRandom.fill(&mut random)?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from);
    Ok(prefix.chars().chain(random.iter().filter_map(letter)).collect())
}
