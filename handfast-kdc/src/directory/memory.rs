use super::{Directory, DirectoryError, PrincipalEntry};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use handfast::crypto::Random;
use handfast::krb5::Keytab;
use handfast::krb5::enctype::CryptoError;
use handfast::{Principal, Time};

/// A directory in memory. To edit it while it is served, put it into an `RwLock` (feature `std`).
#[derive(Clone, Debug, Default)]
pub struct MemoryDirectory {
    /// Sorted by [`order`].
    entries: Vec<Arc<PrincipalEntry>>,
}

impl MemoryDirectory {
    /// The directory of a new realm: its ticket-granting service is in it, with random keys.
    ///
    /// # Errors
    /// If the keys can't be made.
    pub fn new(realm: &str, random: &dyn Random, now: Time) -> Result<Self, CryptoError> {
        let mut directory = MemoryDirectory::default();
        directory.insert(PrincipalEntry::krbtgt(realm, random, now)?);
        Ok(directory)
    }

    /// Adds a principal, in the place of the one of that name if there is one.
    pub fn insert(&mut self, entry: PrincipalEntry) {
        match self.position(&entry.principal) {
            Ok(held) => {
                if let Some(slot) = self.entries.get_mut(held) {
                    *slot = Arc::new(entry);
                }
            }
            Err(place) => self.entries.insert(place, Arc::new(entry)),
        }
    }

    /// Removes a principal and returns it.
    pub fn remove(&mut self, name: &Principal) -> Option<Arc<PrincipalEntry>> {
        self.position(name).ok().map(|held| self.entries.remove(held))
    }

    /// Changes a principal in place; whether there is one.
    pub fn change(&mut self, name: &Principal, change: impl FnOnce(&mut PrincipalEntry)) -> bool {
        let slot = self.position(name).ok().and_then(|held| self.entries.get_mut(held));
        slot.map(|entry| change(Arc::make_mut(entry))).is_some()
    }

    /// All principals, sorted by realm and name.
    pub fn entries(&self) -> impl Iterator<Item = &PrincipalEntry> {
        self.entries.iter().map(Arc::as_ref)
    }

    /// The keys of a principal; none if it is not here.
    pub fn keytab(&self, name: &Principal) -> Keytab {
        self.held(name).map(|entry| entry.keytab()).unwrap_or_default()
    }

    fn held(&self, name: &Principal) -> Option<&Arc<PrincipalEntry>> {
        self.position(name).ok().and_then(|held| self.entries.get(held))
    }

    fn position(&self, name: &Principal) -> Result<usize, usize> {
        self.entries.binary_search_by(|held| order(&held.principal, name))
    }
}

impl Directory for MemoryDirectory {
    fn find(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        Ok(self.held(name).cloned())
    }

    fn update_mut(
        &mut self,
        name: &Principal,
        change: &dyn Fn(&mut PrincipalEntry) -> bool,
    ) -> Result<bool, DirectoryError> {
        let mut changed = false;
        self.change(name, |entry| changed = change(entry));
        Ok(changed)
    }
}

/// By realm, then by components; the name type takes no part (RFC 4120 6.2).
fn order(a: &Principal, b: &Principal) -> Ordering {
    (a.realm(), a.components()).cmp(&(b.realm(), b.components()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn entry(name: &str) -> PrincipalEntry {
        let principal: Principal = name.parse().unwrap();
        PrincipalEntry { keys: vec![], ..PrincipalEntry::service_of(principal, &[], &Broken, Time::EPOCH).unwrap() }
    }

    struct Broken;

    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), handfast::crypto::RandomError> {
            Err(handfast::crypto::RandomError)
        }
    }

    fn names(directory: &MemoryDirectory) -> Vec<alloc::string::String> {
        directory.entries().map(|entry| alloc::format!("{}", entry.principal)).collect()
    }

    #[test]
    fn principals_are_found_by_name_and_realm() {
        let mut directory = MemoryDirectory::default();
        for name in ["b@R", "a/c@R", "a@S", "a@R", "b@R"] {
            directory.insert(entry(name));
        }
        assert_eq!(names(&directory), ["a@R", "a/c@R", "b@R", "a@S"]);
        let found = |name: &str| directory.find(&name.parse().unwrap()).unwrap().map(|entry| entry.principal.clone());
        assert_eq!(found("a/c@R"), Some("a/c@R".parse().unwrap()));
        assert_eq!((found("c@R"), found("b@S"), found("a/c/d@R")), (None, None, None));
    }

    #[test]
    fn principals_are_changed_and_removed() {
        let mut directory = MemoryDirectory::default();
        directory.insert(entry("a@R"));
        let a: Principal = "a@R".parse().unwrap();
        let before = directory.find(&a).unwrap().unwrap();
        assert!(directory.change(&a, |entry| entry.disabled = true));
        assert!(directory.find(&a).unwrap().unwrap().disabled && !before.disabled);
        assert!(directory.remove(&a).is_some() && directory.remove(&a).is_none());
        assert!(!directory.change(&a, |_| ()));
        assert!(MemoryDirectory::new("R", &Broken, Time::EPOCH).is_err());
    }
}
