//! Which of the user's caches is for a service: by the rules of `.k5identity` in the home directory, else by the service's realm or its
//! host's name, else the primary one, as MIT krb5 does it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use handfast::krb5::{K5Identity, guessed_client};
use handfast::{NameType, Principal, ServiceName};

use crate::Settings;
use crate::store::{CredentialCache, StoreError};

/// The name of the file.
const FILE: &str = ".k5identity";

impl Settings {
    /// The rules in the file `.k5identity` of the home directory (`HOME`); none where there is no such file.
    ///
    /// # Errors
    /// [`StoreError::Identities`] if it can't be read.
    pub fn k5identity(&self) -> Result<K5Identity, StoreError> {
        let Some(path) = self.k5identity_path() else { return Ok(K5Identity::default()) };
        match text(&path) {
            Ok(text) => Ok(K5Identity::parse(&text, self.default_realm().unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(K5Identity::default()),
            Err(error) => Err(StoreError::Identities { path, error }),
        }
    }

    /// The credential cache of the default collection to go to `service` with: that of the client whom `.k5identity` names for it; else
    /// of one of the service's realm; else of one whose realm is the longest tail of the host's name; else the primary one. The name
    /// is as [`service`](Self::service) or [`services`](Self::services) gives it.
    ///
    /// # Errors
    /// [`StoreError::NoCacheOf`] if `.k5identity` names somebody who has no cache here, and others for a collection that can't be
    /// read.
    #[doc(alias = "krb5_cc_select")]
    pub fn ccache_for(&self, service: &ServiceName) -> Result<Arc<dyn CredentialCache>, StoreError> {
        let service = self.principal_of(service);
        let collection = self.ccaches(None)?;
        if let Some(client) = self.k5identity()?.client_for(&service) {
            let path = self.k5identity_path().unwrap_or_default();
            let none = || StoreError::NoCacheOf { client: Box::new(client.clone()), path };
            return collection.cache_of(client)?.ok_or_else(none);
        }
        let caches = collection.caches()?.into_iter();
        let (clients, mut caches): (Vec<_>, Vec<_>) =
            caches.filter_map(|cache| Some((cache.load().ok()?.principal.clone(), cache))).unzip();
        match guessed_client(&service, &clients) {
            Some(index) if index < caches.len() => Ok(caches.swap_remove(index)),
            _ => collection.primary(),
        }
    }

    fn k5identity_path(&self) -> Option<PathBuf> {
        self.environment().home.as_ref().map(|home| PathBuf::from(home).join(FILE))
    }

    /// A host-based service whose realm nothing says is taken to be of its host's domain in capitals, else of the default realm.
    fn principal_of(&self, service: &ServiceName) -> Principal {
        let principal = service.to_principal("");
        let default_realm = || self.default_realm().unwrap_or_default().to_owned();
        match principal.components() {
            [_, host] if principal.realm().is_empty() && principal.name_type() == NameType::SRV_HST => {
                let domain = host.split_once('.').filter(|_| host.parse::<IpAddr>().is_err());
                let realm = domain.map_or_else(default_realm, |(_, domain)| domain.to_ascii_uppercase());
                principal.with_realm(realm)
            }
            _ => principal,
        }
    }
}

/// The bytes of a regular file, as many as are looked at.
fn text(path: &PathBuf) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = Vec::new();
    let limit = u64::try_from(K5Identity::SIZE_LIMIT).unwrap_or(u64::MAX);
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;
    use crate::scratch::Scratch;
    use handfast::krb5::{Ccache, Conf};

    /// A user with a collection in which alice is first, and these rules.
    fn settings(scratch: &Scratch, rules: Option<&str>) -> Settings {
        if let Some(rules) = rules {
            scratch.file(".k5identity", rules);
        }
        let mut environment = Environment::of_user(1000, "alice");
        environment.home = Some(scratch.path("").into_os_string());
        environment.krb5ccname = Some(format!("DIR:{}", scratch.path("caches").display()).into());
        let conf = "[libdefaults]\n default_realm = R\n[domain_realm]\n .mapped.org = S\n";
        let settings = Settings::new(environment, Conf::parse("krb5.conf", conf).unwrap()).unwrap();
        fs::create_dir_all(scratch.path("caches")).unwrap();
        let collection = settings.ccaches(None).unwrap();
        for client in ["alice@R", "bob@S", "carol@EXAMPLE.COM"] {
            let cache = collection.unused().unwrap();
            cache.replace(&Ccache::new(client.parse().unwrap())).unwrap();
            if client == "alice@R" {
                collection.switch_to(&cache.name()).unwrap();
            }
        }
        settings
    }

    fn chosen(settings: &Settings, service: &str) -> String {
        let service = settings.service(service.parse().unwrap());
        settings.ccache_for(&service).unwrap().load().unwrap().principal.to_string()
    }

    #[test]
    fn rules_count_first_then_realms_then_names_of_hosts() {
        let scratch = Scratch::new("choice");
        let plain = settings(&scratch, None);
        assert_eq!(chosen(&plain, "HTTP/www.mapped.org"), "bob@S");
        assert_eq!(chosen(&plain, "HTTP/www.example.com"), "carol@EXAMPLE.COM");
        assert_eq!(chosen(&plain, "HTTP/www.sub.example.com"), "carol@EXAMPLE.COM");
        assert_eq!(chosen(&plain, "HTTP/www.example.net"), "alice@R");
        assert_eq!(chosen(&plain, "HTTP/www"), "alice@R");
        let scratch = Scratch::new("choice-rules");
        let ruled = settings(&scratch, Some("bob@S host=www.* service=HTTP\ncarol@EXAMPLE.COM realm=S\n"));
        assert_eq!(chosen(&ruled, "HTTP/www.example.com"), "bob@S");
        assert_eq!(chosen(&ruled, "imap/mail.mapped.org"), "carol@EXAMPLE.COM");
        assert_eq!(chosen(&ruled, "imap/mail.example.net"), "alice@R");
    }

    #[test]
    fn who_is_named_and_has_no_cache_is_told() {
        let scratch = Scratch::new("choice-none");
        let settings = settings(&scratch, Some("dora\n"));
        let error = settings.ccache_for(&"HTTP/www".parse().unwrap()).unwrap_err();
        assert!(matches!(&error, StoreError::NoCacheOf { client, .. } if client.to_string() == "dora@R"), "{error}");
        assert!(error.to_string().contains(".k5identity"), "{error}");
        fs::remove_file(scratch.path(".k5identity")).unwrap();
        fs::create_dir(scratch.path(".k5identity")).unwrap();
        assert!(matches!(settings.k5identity(), Err(StoreError::Identities { .. })));
    }
}
