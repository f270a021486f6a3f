use std::fmt;
use std::io;
use std::sync::Arc;

use handfast::crypto::Secret;
use handfast::krb5::Ccache;
use handfast::krb5::ccache::keyring::{
    COLLECTION_PREFIX, KEY_LIMIT, NAMELESS, PERSISTENT_COLLECTION, PRIMARY, PRINCIPAL, TIME_OFFSETS, UNIQUE_PREFIX,
    decode_primary, decode_time_offsets, encode_primary, encode_time_offsets, entry_name,
};
use handfast::krb5::ccache::{CcacheEntry, decode_principal, encode_principal};
use handfast::wire::DecodeError;

use super::cache::{Latest, random_name};
use super::{CacheCollection, CredentialCache, StoreError};
use crate::Clock;
use crate::environment::{CacheName, KeyringAnchor, KeyringName};

mod kernel;

use kernel::{Key, KeyType};

/// A collection of credential caches in the Linux kernel's keyrings: `KEYRING:persistent:1000`.
///
/// Layout and payloads are MIT's ([`handfast::krb5::ccache::keyring`]), so its programs see the same caches. Tickets vanish from
/// the kernel when they expire, and caches with the last of their tickets.
#[derive(Clone, Debug)]
pub struct Keyrings {
    anchor: KeyringAnchor,
    name: String,
    ring: Key,
}

impl Keyrings {
    /// The collection, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Keyring`] if the kernel refuses.
    pub fn open(anchor: KeyringAnchor, collection: &str) -> Result<Self, StoreError> {
        let name = CacheName::Keyring(KeyringName { anchor, collection: collection.to_owned(), cache: None });
        let ring = ring(anchor, collection).map_err(|error| StoreError::Keyring {
            name,
            doing: "open the collection",
            error,
        })?;
        Ok(Keyrings { anchor, name: collection.to_owned(), ring })
    }

    /// The cache of this name, which need not be there yet.
    pub fn cache(&self, name: &str) -> impl CredentialCache + use<> {
        KeyringCache { collection: self.clone(), name: name.to_owned(), latest: Latest::default() }
    }

    fn shared(&self, name: &str) -> Arc<dyn CredentialCache> {
        Arc::new(self.cache(name))
    }

    fn name(&self) -> CacheName {
        CacheName::Keyring(KeyringName { anchor: self.anchor, collection: self.name.clone(), cache: None })
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> StoreError {
        move |error| StoreError::Keyring { name: self.name(), doing, error }
    }

    fn primary_name(&self) -> Result<String, StoreError> {
        let Some(key) = self.ring.search(KeyType::User, PRIMARY).map_err(self.failed("search"))? else {
            return self.first_primary();
        };
        let payload = key.read().map_err(self.failed("read the primary cache of"))?;
        decode_primary(payload.expose()).map_err(|error| StoreError::MalformedCache { name: self.name(), error })
    }

    /// A new collection has a cache of its own name as the primary one, and takes in one that programs from before
    /// there were collections have made.
    fn first_primary(&self) -> Result<String, StoreError> {
        let name = if self.name.is_empty() { NAMELESS } else { &self.name };
        self.choose(name)?;
        if self.anchor == KeyringAnchor::Legacy {
            let adopt = || match kernel::session()?.search(KeyType::Keyring, name)? {
                Some(old) => self.ring.link(old),
                None => Ok(()),
            };
            adopt().map_err(self.failed("adopt an old cache into"))?;
        }
        Ok(name.to_owned())
    }

    fn choose(&self, name: &str) -> Result<(), StoreError> {
        let payload = encode_primary(name)?;
        self.ring.add(KeyType::User, PRIMARY, &payload).map(drop).map_err(self.failed("write the primary cache of"))
    }
}

/// The keyring of a collection. That of a user's own keyring is linked to the process too, for without that we would see it but
/// not own it.
fn ring(anchor: KeyringAnchor, collection: &str) -> io::Result<Key> {
    let within = |anchor: Key, through: Option<Key>| {
        anchor.search_or_add_ring(&format!("{COLLECTION_PREFIX}{collection}"), through)
    };
    match anchor {
        KeyringAnchor::Persistent => {
            let process = kernel::process()?;
            kernel::persistent(user_id(collection)?, process)?.search_or_add_ring(PERSISTENT_COLLECTION, Some(process))
        }
        KeyringAnchor::User => within(kernel::user()?, Some(kernel::process()?)),
        KeyringAnchor::Process => within(kernel::process()?, None),
        KeyringAnchor::Thread => within(kernel::thread()?, None),
        KeyringAnchor::Session | KeyringAnchor::Legacy => within(kernel::session()?, None),
    }
}

fn user_id(collection: &str) -> io::Result<u32> {
    match collection {
        "" => Ok(nix::unistd::geteuid().as_raw()),
        number => number.parse().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "a persistent keyring is named by a user's number")
        }),
    }
}

impl CacheCollection for Keyrings {
    fn primary(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        Ok(self.shared(&self.primary_name()?))
    }

    fn caches(&self) -> Result<Vec<Arc<dyn CredentialCache>>, StoreError> {
        let primary = self.primary_name()?;
        let mut names = Vec::new();
        for key in self.ring.keys(KEY_LIMIT).map_err(self.failed("list"))? {
            names.extend(key.ring_name().map_err(self.failed("list"))?);
        }
        names.sort_by_key(|name| *name != primary);
        Ok(names.iter().map(|name| self.shared(name)).collect())
    }

    fn unused(&self) -> Result<Arc<dyn CredentialCache>, StoreError> {
        loop {
            let name = random_name(UNIQUE_PREFIX, 8)?;
            if self.ring.search(KeyType::Keyring, &name).map_err(self.failed("search"))?.is_none() {
                return Ok(self.shared(&name));
            }
        }
    }

    fn switch_to(&self, name: &CacheName) -> Result<(), StoreError> {
        match name {
            CacheName::Keyring(KeyringName { anchor, collection, cache: Some(cache) })
                if (*anchor, collection) == (self.anchor, &self.name) =>
            {
                self.choose(cache)
            }
            name => Err(StoreError::NoCollection { name: name.clone() }),
        }
    }
}

#[derive(Debug)]
struct KeyringCache {
    collection: Keyrings,
    name: String,
    latest: Latest,
}

impl KeyringCache {
    fn missing(&self) -> StoreError {
        StoreError::NoCache { name: self.name() }
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> StoreError {
        move |error| StoreError::Keyring { name: self.name(), doing, error }
    }

    fn malformed(&self) -> impl Fn(DecodeError) -> StoreError {
        move |error| StoreError::MalformedCache { name: self.name(), error }
    }

    fn ring(&self) -> Result<Option<Key>, StoreError> {
        self.collection.ring.search(KeyType::Keyring, &self.name).map_err(self.failed("search"))
    }

    /// What was visible before there were collections: it is linked from the session's keyring, too.
    fn is_legacy(&self) -> bool {
        self.collection.anchor == KeyringAnchor::Legacy && self.collection.name == self.name
    }

    fn ring_or_new(&self) -> Result<Key, StoreError> {
        let ring = self.collection.ring.search_or_add_ring(&self.name, None).map_err(self.failed("make"))?;
        if self.is_legacy() {
            kernel::session().and_then(|session| session.link(ring)).map_err(self.failed("link"))?;
        }
        Ok(ring)
    }

    fn read(&self, ring: Key) -> Result<Ccache, StoreError> {
        let principal = ring.search(KeyType::User, PRINCIPAL).map_err(self.failed("search"))?;
        let principal = principal.ok_or_else(|| self.missing())?;
        let offsets = ring.search(KeyType::User, TIME_OFFSETS).map_err(self.failed("search"))?;
        let payload = principal.read().map_err(self.failed("read"))?;
        let mut ccache = Ccache::new(decode_principal(payload.expose()).map_err(self.malformed())?);
        if let Some(offsets) = offsets {
            let payload = offsets.read().map_err(self.failed("read"))?;
            ccache.kdc_offset = Some(decode_time_offsets(payload.expose()).map_err(self.malformed())?);
        }
        let others = ring.keys(KEY_LIMIT).map_err(self.failed("list"))?;
        for key in others.into_iter().filter(|key| *key != principal && Some(*key) != offsets) {
            // One that has expired or was taken away since is none.
            if let Some(payload) = key.read_if_there().map_err(self.failed("read"))? {
                let entry = CcacheEntry::decode(payload.expose()).map_err(self.malformed())?;
                entry.into_iter().for_each(|entry| ccache.append(entry));
            }
        }
        Ok(ccache)
    }

    fn write(&self, ring: Key, entries: &[CcacheEntry]) -> Result<(), StoreError> {
        let now = Clock::system().now();
        for entry in entries {
            let encoded: Secret = entry.encode()?;
            let kind = if self.collection.anchor == KeyringAnchor::Legacy { KeyType::User } else { KeyType::BigKey };
            let key = ring.add(kind, &entry_name(entry), encoded.expose()).map_err(self.failed("write"))?;
            let left = entry.ticket().map(|ticket| ticket.remaining(now)).filter(|left| !left.is_zero());
            left.map_or(Ok(()), |left| key.set_timeout(left)).map_err(self.failed("write"))?;
        }
        Ok(())
    }

    /// The cache goes with the last of its tickets.
    fn set_expiry(&self, ring: Key) -> Result<(), StoreError> {
        let ccache = self.read(ring)?;
        let now = Clock::system().now();
        let longest = ccache.tickets().map(|ticket| ticket.remaining(now)).max();
        let at_least = std::time::Duration::from_secs(1); // zero would mean for ever
        longest.map_or(Ok(()), |longest| ring.set_timeout(longest.max(at_least))).map_err(self.failed("write"))
    }
}

impl CredentialCache for KeyringCache {
    fn name(&self) -> CacheName {
        let Keyrings { anchor, name, .. } = &self.collection;
        CacheName::Keyring(KeyringName { anchor: *anchor, collection: name.clone(), cache: Some(self.name.clone()) })
    }

    fn load(&self) -> Result<Arc<Ccache>, StoreError> {
        let ring = self.ring()?.ok_or_else(|| self.missing())?;
        Ok(self.latest.or_same(self.read(ring)?))
    }

    fn replace(&self, ccache: &Ccache) -> Result<(), StoreError> {
        let principal = encode_principal(&ccache.principal)?;
        let ring = self.ring_or_new()?;
        ring.clear().map_err(self.failed("clear"))?;
        ring.add(KeyType::User, PRINCIPAL, &principal).map_err(self.failed("write"))?;
        // Programs from before there were collections can't read it.
        if let Some(offset) = ccache.kdc_offset.filter(|_| !self.is_legacy()) {
            ring.add(KeyType::User, TIME_OFFSETS, &encode_time_offsets(offset)).map_err(self.failed("write"))?;
        }
        self.write(ring, ccache.entries())?;
        self.set_expiry(ring)
    }

    fn append(&self, entries: Vec<CcacheEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let ring = self.ring()?.ok_or_else(|| self.missing())?;
        self.write(ring, &entries)?;
        self.set_expiry(ring)
    }

    fn destroy(&self) -> Result<(), StoreError> {
        let ring = self.ring()?.ok_or_else(|| self.missing())?;
        ring.clear().and_then(|()| self.collection.ring.unlink(ring)).map_err(self.failed("remove"))?;
        if self.is_legacy() {
            // It was linked there unless somebody took it away.
            let _ = kernel::session().and_then(|session| session.unlink(ring));
        }
        Ok(())
    }
}

impl fmt::Display for KeyringCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}
