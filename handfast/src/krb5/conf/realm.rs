use super::value::{ConfValueError, Lookup};
use super::{Conf, Section};
use crate::krb5::auth_to_local::{AuthToLocal, AuthToLocalError};
use crate::name::Principal;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What the section `[realms]` says about one realm. Servers are `host`, `host:port`, `[address]:port` or
/// `https://host/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RealmConf {
    /// The realm's name.
    pub name: String,
    /// Its KDCs, in the order in which to ask them.
    pub kdc: Vec<String>,
    /// Certificates (`FILE:`, `DIR:`) of those who are trusted to issue the KDC proxies' certificates.
    pub http_anchors: Vec<String>,
    /// The KDCs that learn of a new password first (`primary_kdc`, or `master_kdc` as it was called).
    pub primary_kdc: Vec<String>,
    /// Its administration servers.
    pub admin_server: Vec<String>,
    /// Its password servers.
    pub kpasswd_server: Vec<String>,
    /// The rules that make local names of principals, if it is the default realm.
    pub auth_to_local: Vec<String>,
    /// Local names of principals, these without a realm.
    pub auth_to_local_names: Vec<(String, String)>,
}

impl Conf {
    /// What is said about a realm; nothing if it has no entry.
    pub fn realm(&self, name: &str) -> Option<RealmConf> {
        let section = self.root().section_at(&["realms", name])?;
        let list = |relation: &str| section.values(relation).to_vec();
        let primary_kdc = Some(list("primary_kdc")).filter(|list| !list.is_empty());
        Some(RealmConf {
            name: name.to_string(),
            kdc: list("kdc"),
            http_anchors: list("http_anchors"),
            primary_kdc: primary_kdc.unwrap_or_else(|| list("master_kdc")),
            admin_server: list("admin_server"),
            kpasswd_server: list("kpasswd_server"),
            auth_to_local: list("auth_to_local"),
            auth_to_local_names: section.section("auth_to_local_names").map(last_values).unwrap_or_default(),
        })
    }

    /// Whether logins to a realm are to do without encrypted timestamps (`disable_encrypted_timestamp`); no. Who pretends to be the
    /// KDC can ask for one, and guess the password from it.
    ///
    /// # Errors
    /// If its value is neither yes nor no.
    pub fn disable_encrypted_timestamp(&self, realm: &str) -> Result<bool, ConfValueError> {
        let found = Lookup { sections: [self.root().section_at(&["realms", realm]), None] };
        found.boolean("disable_encrypted_timestamp", false)
    }

    /// The names of all realms that have an entry, sorted.
    pub fn realms(&self) -> impl Iterator<Item = &str> {
        self.root().section("realms").into_iter().flat_map(Section::sections).map(|(name, _)| name)
    }

    /// The realm of a host by the section `[domain_realm]`: what is said of the host itself, or of the
    /// nearest domain above it. An entry for `example.com` is for its hosts, too, unless there is one for
    /// `.example.com`. Addresses have none.
    pub fn realm_of_host(&self, host: &str) -> Option<&str> {
        let map = self.root().section("domain_realm")?;
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if is_address(&host) {
            return None;
        }
        let mut rest = host.as_str();
        loop {
            if let Some(realm) = map.value(rest) {
                return Some(realm);
            }
            rest = match rest.strip_prefix('.') {
                Some(domain) => domain,
                None => rest.get(rest.find('.')?..)?,
            };
        }
    }

    /// The realms between `client` and `server` by the section `[capaths]`, in order; none if they share
    /// keys. Nothing if the section doesn't say.
    pub fn path_between(&self, client: &str, server: &str) -> Option<Vec<&str>> {
        let values = self.root().section_at(&["capaths", client])?.values(server);
        let path = values.iter().map(String::as_str).filter(|realm| *realm != ".");
        (!values.is_empty()).then(|| path.collect())
    }

    /// How local names are made of principals: what is said about the default realm.
    ///
    /// # Errors
    /// If a rule can't be parsed.
    pub fn auth_to_local(&self) -> Result<AuthToLocal, AuthToLocalError> {
        let default_realm = self.root().section("libdefaults").and_then(|section| section.value("default_realm"));
        let realm = default_realm.and_then(|name| self.realm(name));
        let (rules, names) = realm.map(|realm| (realm.auth_to_local, realm.auth_to_local_names)).unwrap_or_default();
        Ok(AuthToLocal::parse(&rules, default_realm)?.with_names(names))
    }

    /// `principal`, with the default realm if it has none.
    pub fn with_default_realm(&self, principal: Principal) -> Principal {
        let default_realm = self.root().section("libdefaults").and_then(|section| section.value("default_realm"));
        match default_realm {
            Some(realm) if principal.realm().is_empty() => principal.with_realm(realm),
            _ => principal,
        }
    }
}

/// The last value counts here, unlike elsewhere.
fn last_values(section: &Section) -> Vec<(String, String)> {
    let relations = section.relations();
    relations.filter_map(|(name, values)| Some((name.to_string(), values.last()?.clone()))).collect()
}

fn is_address(host: &str) -> bool {
    host.parse::<core::net::IpAddr>().is_ok()
}
