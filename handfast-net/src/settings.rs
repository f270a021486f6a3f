#[cfg(unix)]
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::Arc;

#[cfg(unix)]
use handfast::krb5::ccache::kcm;
use handfast::krb5::conf::{EnctypeList, LibDefaults};
use handfast::krb5::enctype::Enctype;
use handfast::krb5::exchange::TicketOptions;
use handfast::krb5::message::PaDataType;
use handfast::krb5::{Ccache, Conf, HostAddress};
use handfast::{ParseNameError, Policy, Principal, ServiceName, Time};

use crate::config::{self, ConfigError};
#[cfg(unix)]
use crate::environment::Store;
use crate::environment::{CacheName, StoreNameError};
use crate::host_name::HostNames;
#[cfg(unix)]
use crate::store::{CacheCollection, CacheTypes, CredentialCache, MemoryCaches, ReplayFile, StoreError};
use crate::{Environment, Kdcs, PasswordServers, interfaces};

/// Environment and configuration, read once: what a program makes at its start, and keeps.
///
/// ```no_run
/// use handfast::{Credential, Initiator};
/// use handfast_net::Settings;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::from_process()?;
/// let initiator = Initiator::new(settings.policy());
/// let target = settings.service("HTTP/www.example.com".parse()?);
/// # #[cfg(unix)]
/// let credential = Credential::tickets(&*settings.ccache(None)?.load()?);
/// // … and NegotiateStream::connect(tcp, initiator.to(&target).credential(&credential), settings.kdcs(), &options)
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    environment: Environment,
    conf: Conf,
    libdefaults: LibDefaults,
    kdcs: Kdcs,
    password_servers: PasswordServers,
    host_names: HostNames,
}

impl Settings {
    /// The settings of this process, as its environment and the configuration files are now.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_process() -> Result<Self, ConfigError> {
        Settings::load(Environment::from_process())
    }

    /// The settings in the configuration files that `environment` names. With the feature `dns`, realms of which these name no KDC
    /// are looked up at the environment's nameservers, unless `dns_lookup_kdc` is false.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(environment: Environment) -> Result<Self, ConfigError> {
        let conf = config::load(&environment)?;
        let settings = Settings::new(environment, conf)?;
        #[cfg(feature = "dns")]
        let settings = settings.with_dns_of_environment();
        Ok(settings)
    }

    /// With the nameservers of the environment, unless `dns_lookup_kdc` says no. A file that can't be read names none, which is told
    /// when one is wanted.
    #[cfg(feature = "dns")]
    fn with_dns_of_environment(mut self) -> Self {
        let Some(file) = self.environment.resolv_conf.as_deref() else { return self };
        let dns = crate::dns::Dns::load(file).unwrap_or_else(|error| crate::dns::Dns::unreadable(file, &error));
        self.host_names = self.host_names.dns(dns.clone());
        if self.libdefaults.dns_lookup_kdc {
            let dns = dns.uri_records(self.libdefaults.dns_uri_lookup);
            self.password_servers = self.password_servers.dns(dns.clone());
            self.kdcs = self.kdcs.dns(dns);
        }
        self
    }

    /// The settings of a configuration that is at hand.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a setting whose value means nothing.
    pub fn new(environment: Environment, conf: Conf) -> Result<Self, ConfigError> {
        let realm = conf.libdefaults(None)?.default_realm;
        let libdefaults = conf.libdefaults(realm.as_deref())?;
        let kdcs = Kdcs::from_conf(&conf, &libdefaults);
        let password_servers = PasswordServers::from_conf(&conf);
        let host_names = HostNames::new(&libdefaults, environment.hosts.clone());
        Ok(Settings { environment, conf, libdefaults, kdcs, password_servers, host_names })
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The whole configuration.
    pub fn conf(&self) -> &Conf {
        &self.conf
    }

    /// The section `[libdefaults]`, with what it says for the default realm.
    pub fn libdefaults(&self) -> &LibDefaults {
        &self.libdefaults
    }

    /// The KDCs of all realms.
    pub fn kdcs(&self) -> &Kdcs {
        &self.kdcs
    }

    /// The password servers of all realms.
    pub fn password_servers(&self) -> &PasswordServers {
        &self.password_servers
    }

    /// `default_realm`.
    pub fn default_realm(&self) -> Option<&str> {
        self.libdefaults.default_realm.as_deref()
    }

    /// The principal that `name` names; in the default realm, if it names none. Where there is no default realm either, it has none.
    ///
    /// # Errors
    /// If it can't be parsed.
    pub fn principal(&self, name: &str) -> Result<Principal, ParseNameError> {
        Principal::parse_with_realm(name, self.default_realm().unwrap_or_default())
    }

    /// The enterprise name `name` (RFC 6806 5), such as `alice@example.com`, for the KDC of the default realm to look up, or of the one
    /// behind a second `@`. Where there is no default realm either, it has none.
    pub fn enterprise(&self, name: &str) -> Principal {
        let realm = || self.default_realm().unwrap_or_default();
        match name.rsplit_once('@') {
            Some((name, realm)) if name.contains('@') => Principal::enterprise(name, realm),
            _ => Principal::enterprise(name, realm()),
        }
    }

    /// `name`, with the realm of its host by `[domain_realm]`, if that says one. Else the client's realm is asked for it.
    pub fn service(&self, name: ServiceName) -> ServiceName {
        let realm = name.host().filter(|_| name.realm().is_none()).and_then(|host| self.conf.realm_of_host(host));
        match realm {
            Some(realm) => ServiceName::principal(name.to_principal(realm)),
            None => name,
        }
    }

    /// The names to look for the service by, in this order: its host as it is written or as it is [looked up](crate::host_name), each
    /// with its realm as by [`service`](Self::service), and last the one in the realm that the DNS says (`dns_lookup_realm`). Each is
    /// for when the KDC doesn't know those before it. May wait for the DNS.
    pub fn services(&self, name: &ServiceName) -> Vec<ServiceName> {
        let Some(host) = name.host().filter(|_| name.realm().is_none()) else { return vec![name.clone()] };
        let names = self.services_at(name, self.host_names.of(host));
        let realm = self.wants_realm(&names).and_then(|host| self.host_names.realm_of(host));
        with_realm_of_dns(names, realm)
    }

    /// [`services`](Self::services) for tasks of tokio: the DNS is waited for without blocking the runtime.
    #[cfg(feature = "tokio")]
    pub async fn services_async(&self, name: &ServiceName) -> Vec<ServiceName> {
        let Some(host) = name.host().filter(|_| name.realm().is_none()) else { return vec![name.clone()] };
        let names = self.services_at(name, self.host_names.of_async(host).await);
        let realm = match self.wants_realm(&names) {
            Some(host) => self.host_names.realm_of_async(host).await,
            None => None,
        };
        with_realm_of_dns(names, realm)
    }

    fn services_at(&self, name: &ServiceName, hosts: Vec<String>) -> Vec<ServiceName> {
        let named = |host: String| name.with_host(&host).unwrap_or_else(|_| name.clone());
        hosts.into_iter().map(|host| self.service(named(host))).collect()
    }

    /// The host whose realm the DNS may be asked for: of names that no configuration gives a realm.
    fn wants_realm<'n>(&self, names: &'n [ServiceName]) -> Option<&'n str> {
        names.iter().find(|name| name.realm().is_none()).and_then(ServiceName::host)
    }

    /// How names of hosts are looked up.
    pub fn host_names(&self) -> &HostNames {
        &self.host_names
    }

    /// The default policy, with `clockskew`, `kdc_timesync`, `permitted_enctypes`, `allow_rc4`, `allow_des3` and the section `[capaths]`.
    pub fn policy(&self) -> Policy {
        let policy = Policy::default()
            .with_clock_skew(self.libdefaults.clockskew)
            .with_kdc_timesync(self.libdefaults.kdc_timesync)
            .with_capaths(self.conf.capaths());
        let listed = self.libdefaults.permitted_enctypes.as_ref();
        let policy = match self.usable(listed) {
            Some(enctypes) => policy.with_enctypes(enctypes),
            None => policy,
        };
        let policy = if self.libdefaults.allow_des3 { policy.weak_des3_tickets() } else { policy };
        if self.weak_rc4(listed) { policy.weak_rc4() } else { policy }
    }

    /// What tickets shall be like: `ticket_lifetime`, `renew_lifetime`, `forwardable`, `proxiable`, `clockskew`, `kdc_timesync`,
    /// `default_tkt_enctypes`, `permitted_enctypes`, `allow_rc4`, `preferred_preauth_types` and `spake_preauth_groups`, and the section
    /// `[capaths]`. For a login, [`login_options`](Self::login_options) has more.
    pub fn ticket_options(&self) -> TicketOptions {
        let defaults = &self.libdefaults;
        let enctypes = defaults.default_tkt_enctypes.as_ref().or(defaults.permitted_enctypes.as_ref());
        let mut options = TicketOptions {
            clock_skew: defaults.clockskew,
            kdc_timesync: defaults.kdc_timesync,
            lifetime: defaults.ticket_lifetime,
            renewable_for: defaults.renew_lifetime,
            forwardable: defaults.forwardable,
            proxiable: defaults.proxiable,
            canonicalize: defaults.canonicalize,
            capaths: self.conf.capaths(),
            ..TicketOptions::default()
        };
        options.enctypes = self.usable(enctypes).unwrap_or(options.enctypes);
        options.weak_rc4 = self.weak_rc4(enctypes);
        options.spake_groups = defaults.spake_preauth_groups.clone().unwrap_or(options.spake_groups);
        let first = defaults.preferred_preauth_types.as_deref().unwrap_or_default();
        options.preauth.sort_by_key(|method| first.iter().position(|other| other == method).unwrap_or(first.len()));
        options
    }

    /// What the ticket of a login to `realm` shall be like: [`ticket_options`](Self::ticket_options), bound to this host's addresses if
    /// `noaddresses` is false, and without encrypted timestamp where the realm has `disable_encrypted_timestamp`.
    ///
    /// # Errors
    /// [`ConfigError`] for a value that means nothing, or if the system does not tell its addresses.
    pub fn login_options(&self, realm: &str) -> Result<TicketOptions, ConfigError> {
        let mut options = self.ticket_options();
        if self.conf.disable_encrypted_timestamp(realm)? {
            options.preauth.retain(|method| *method != PaDataType::ENC_TIMESTAMP);
        }
        if !self.libdefaults.noaddresses {
            options.addresses = self.addresses()?;
        }
        Ok(options)
    }

    /// The addresses of this host for tickets that are bound to addresses: those of its interfaces (Unix, with the feature `addresses`), but not that of itself, and
    /// `extra_addresses`.
    ///
    /// # Errors
    /// [`ConfigError::Addresses`].
    pub fn addresses(&self) -> Result<Vec<HostAddress>, ConfigError> {
        let mut addresses = interfaces::addresses().map_err(ConfigError::Addresses)?;
        for extra in &self.libdefaults.extra_addresses {
            if !addresses.contains(extra) {
                addresses.push(*extra);
            }
        }
        Ok(addresses.into_iter().map(HostAddress::from).collect())
    }

    /// Those of a list that can be used here and are strong.
    fn usable(&self, list: Option<&EnctypeList>) -> Option<Vec<Enctype>> {
        Some(list?.enctypes.iter().copied().filter(|enctype| enctype.is_strong()).collect())
    }

    /// Whether `allow_rc4` is set, and a list, if there is one, has RC4.
    fn weak_rc4(&self, list: Option<&EnctypeList>) -> bool {
        self.libdefaults.allow_rc4 && list.is_none_or(|list| list.enctypes.contains(&Enctype::RC4_HMAC))
    }

    /// The name of a credential cache: `name`, or the default one: `KRB5CCNAME`, `default_ccache_name`, `FILE:/tmp/krb5cc_UID`.
    ///
    /// # Errors
    /// [`StoreNameError`] if it names nothing.
    pub fn ccache_name(&self, name: Option<&str>) -> Result<CacheName, StoreNameError> {
        let default = || self.environment.ccache(self.libdefaults.default_ccache_name.as_deref());
        name.map_or_else(default, str::parse)
    }

    /// The credential cache `name`, or the default one ([`ccache_name`](Self::ccache_name)); the primary one of a collection.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError) if it names nothing, or a collection that can't be read.
    #[cfg(unix)]
    pub fn ccache(&self, name: Option<&str>) -> Result<Arc<dyn CredentialCache>, StoreError> {
        self.cache_types().cache(&self.ccache_name(name)?)
    }

    /// The time by which tickets of `cache` begin and end, when it is `now`: that of the KDC's clock, as the cache remembers it, unless
    /// `kdc_timesync` is off.
    pub fn kdc_time(&self, cache: &Ccache, now: Time) -> Time {
        if self.libdefaults.kdc_timesync { cache.kdc_time(now) } else { now }
    }

    /// The credential caches that `name`, or the default name, stands for.
    ///
    /// # Errors
    /// As for [`ccache`](Self::ccache).
    #[cfg(unix)]
    pub fn ccaches(&self, name: Option<&str>) -> Result<Arc<dyn CacheCollection>, StoreError> {
        self.cache_types().collection(&self.ccache_name(name)?)
    }

    /// The replay cache `name`, or the default one: `KRB5RCACHENAME`, `default_rcache_name`, `dfl:`. `file2:path`, a path, and `dfl:`
    /// are known.
    ///
    /// # Errors
    /// [`StoreNameError`] if that is none.
    #[cfg(unix)]
    pub fn replay_cache(&self, name: Option<&str>) -> Result<ReplayFile, StoreNameError> {
        let setting = self.conf.root().section("libdefaults").and_then(|section| section.value("default_rcache_name"));
        let name = name.map_or_else(|| self.environment.replay_cache(setting), |name| Ok(name.to_owned()))?;
        let none = |kind: &str| StoreNameError::NotSupported {
            store: Store::ReplayCache,
            kind: kind.to_owned(),
            name: name.clone(),
        };
        match name.split_once(':') {
            _ if name.starts_with('/') => Ok(ReplayFile::new(&name)),
            Some(("file2", path)) if !path.is_empty() => Ok(ReplayFile::new(path)),
            Some(("dfl", _)) => {
                let uid = self.environment.euid.ok_or_else(|| none("dfl"))?;
                Ok(ReplayFile::of_user(self.environment.replay_directory(), uid))
            }
            Some((kind, _)) => Err(none(kind)),
            None if name.is_empty() => Err(StoreNameError::NoPath { store: Store::ReplayCache, name: name.clone() }),
            None => Ok(ReplayFile::new(&name)),
        }
    }

    /// The types of credential caches: `MEMORY` has those of the process, `KCM` the daemon of `kcm_socket`.
    #[cfg(unix)]
    pub fn cache_types(&self) -> CacheTypes {
        let socket = self.conf.root().section("libdefaults").and_then(|section| section.value("kcm_socket"));
        CacheTypes::new(MemoryCaches::of_process().clone(), socket.unwrap_or(kcm::SOCKET))
    }

    /// The keytab `name`, or the default one: `KRB5_KTNAME`, `default_keytab_name`, `FILE:/etc/krb5.keytab`.
    ///
    /// # Errors
    /// [`StoreNameError`] if that is no file.
    #[cfg(unix)]
    pub fn keytab(&self, name: Option<&str>) -> Result<crate::store::KeytabFile, StoreNameError> {
        let default = || self.environment.keytab(self.libdefaults.default_keytab_name.as_deref());
        named(Store::Keytab, name, default).map(crate::store::KeytabFile::new)
    }

    /// The keytab `name`, or the default one of clients: `KRB5_CLIENT_KTNAME`, `default_client_keytab_name`, built in.
    ///
    /// # Errors
    /// [`StoreNameError`] if that is no file.
    #[cfg(unix)]
    pub fn client_keytab(&self, name: Option<&str>) -> Result<crate::store::KeytabFile, StoreNameError> {
        let default = || self.environment.client_keytab(self.libdefaults.default_client_keytab_name.as_deref());
        named(Store::Keytab, name, default).map(crate::store::KeytabFile::new)
    }
}

#[cfg(unix)]
fn named(
    store: Store,
    name: Option<&str>,
    default: impl FnOnce() -> Result<PathBuf, StoreNameError>,
) -> Result<PathBuf, StoreNameError> {
    name.map_or_else(default, |name| store.file(name))
}

/// With the first name that has no realm once more, in this one.
fn with_realm_of_dns(mut names: Vec<ServiceName>, realm: Option<String>) -> Vec<ServiceName> {
    let unplaced = names.iter().find(|name| name.realm().is_none());
    if let (Some(name), Some(realm)) = (unplaced, realm) {
        let placed = ServiceName::principal(name.to_principal(&realm));
        names.push(placed);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::krb5::exchange::SPAKE_GROUPS;
    use handfast::krb5::message::SpakeGroup;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn the_realm_of_the_dns_comes_last() {
        let name = |name: &str| name.parse::<ServiceName>().unwrap();
        let far = ServiceName::principal("HTTP/a.test@FAR.TEST".parse().unwrap());
        let named = with_realm_of_dns(vec![name("HTTP/a.test"), name("HTTP/b.test")], Some("FAR.TEST".into()));
        assert_eq!(named, [name("HTTP/a.test"), name("HTTP/b.test"), far.clone()]);
        assert_eq!(with_realm_of_dns(vec![far.clone()], Some("X".into())), [far], "a configuration has said it");
        assert_eq!(with_realm_of_dns(vec![name("HTTP/a.test")], None), [name("HTTP/a.test")]);
        let says = |text: &str| settings(text).host_names.realm_of("a.test");
        assert_eq!(
            (says(""), says("[libdefaults]\n dns_lookup_realm = yes\n")),
            (None, None),
            "no nameserver is known"
        );
    }

    fn settings(text: &str) -> Settings {
        let conf = Conf::parse("krb5.conf", text).unwrap();
        Settings::new(Environment::of_user(1000, "alice"), conf).unwrap()
    }

    #[test]
    fn names_get_the_realms_that_the_configuration_says() {
        let settings = settings("[libdefaults]\n default_realm = R\n[domain_realm]\n .example.com = E\n");
        assert_eq!(settings.principal("alice").unwrap().to_string(), "alice@R");
        assert_eq!(settings.principal("alice@A").unwrap().to_string(), "alice@A");
        let enterprise = |name: &str| settings.enterprise(name).to_string();
        assert_eq!((enterprise("a"), enterprise("a@b.c")), ("a@R".into(), "a\\@b.c@R".into()));
        assert_eq!(enterprise("a@b.c@S"), "a\\@b.c@S");
        let realm = |name: &str| settings.service(name.parse().unwrap()).to_principal("CLIENT").to_string();
        assert_eq!(realm("HTTP/www.example.com"), "HTTP/www.example.com@E");
        assert_eq!(realm("HTTP/www.example.com@X"), "HTTP/www.example.com@X");
        assert_eq!(realm("HTTP/www.example.org"), "HTTP/www.example.org@CLIENT");
    }

    #[test]
    fn policy_and_tickets_follow_the_configuration() {
        let settings = settings(
            "[libdefaults]\n clockskew = 60\n permitted_enctypes = aes256-cts des-cbc-crc aes128-cts\n\
             default_tkt_enctypes = aes128-cts\n ticket_lifetime = 8h\n renew_lifetime = 7d\n forwardable = true\n",
        );
        let policy = settings.policy();
        assert_eq!(policy.clock_skew(), Duration::from_secs(60));
        assert_eq!(policy.enctypes(), [Enctype::AES256_CTS_HMAC_SHA1_96, Enctype::AES128_CTS_HMAC_SHA1_96]);
        let options = settings.ticket_options();
        assert_eq!(options.enctypes, [Enctype::AES128_CTS_HMAC_SHA1_96]);
        assert_eq!((options.lifetime.as_secs(), options.forwardable, options.proxiable), (8 * 3600, true, false));
        assert_eq!(options.renewable_for, Some(Duration::from_secs(7 * 86400)));
    }

    #[test]
    fn rc4_takes_a_relation_of_its_own() {
        let rc4 = |text: &str| {
            let settings = settings(&format!("[libdefaults]\n{text}"));
            let (policy, options) = (settings.policy(), settings.ticket_options());
            assert!(!options.enctypes.contains(&Enctype::RC4_HMAC));
            assert_eq!(policy.permits(Enctype::RC4_HMAC), policy.permits_ticket(Enctype::RC4_HMAC));
            (policy.permits(Enctype::RC4_HMAC), options.weak_rc4)
        };
        for refused in ["", "permitted_enctypes = aes rc4\n", "permitted_enctypes = rc4\nallow_weak_crypto = true\n"] {
            assert_eq!(rc4(refused), (false, false), "{refused}");
        }
        assert_eq!(rc4("allow_rc4 = true\n"), (true, true));
        assert_eq!(rc4("allow_rc4 = true\npermitted_enctypes = aes rc4\n"), (true, true));
        assert_eq!(rc4("allow_rc4 = true\npermitted_enctypes = DEFAULT\n"), (true, true));
        assert_eq!(rc4("permitted_enctypes = DEFAULT\n"), (false, false));
        assert_eq!(rc4("allow_rc4 = true\npermitted_enctypes = aes\n"), (false, false));
        assert_eq!(rc4("allow_rc4 = true\npermitted_enctypes = DEFAULT -rc4\n"), (false, false));
        assert_eq!(rc4("allow_rc4 = true\ndefault_tkt_enctypes = aes\n"), (true, false));
    }

    #[test]
    fn without_a_configuration_defaults_hold() {
        let settings = settings("");
        assert_eq!(settings.default_realm(), None);
        assert_eq!(settings.policy().enctypes(), Policy::default().enctypes());
        assert_eq!(settings.ticket_options().enctypes, TicketOptions::default().enctypes);
        assert_eq!(settings.ticket_options().renewable_for, None);
        assert_eq!(settings.ticket_options().spake_groups, SPAKE_GROUPS);
    }

    #[test]
    fn groups_of_spake_are_those_that_are_named_and_known() {
        let groups = |text: &str| {
            let settings = settings(&format!("[libdefaults]\n spake_preauth_groups = {text}\n"));
            settings.ticket_options().spake_groups
        };
        assert_eq!(groups("p-521, nonsense,P-256 P-521"), [SpakeGroup::P521, SpakeGroup::P256]);
        assert_eq!(groups("edwards25519"), [SpakeGroup::EDWARDS25519]);
        assert_eq!(groups("none"), []);
    }

    #[cfg(all(unix, feature = "addresses"))]
    #[test]
    fn a_login_follows_what_is_said_of_addresses_and_proofs() {
        let said =
            "[libdefaults]\n noaddresses = false\n extra_addresses = 192.0.2.7, nobody.test 2001:db8::7 192.0.2.7\n";
        let realm = "[realms]\n R = {\n  disable_encrypted_timestamp = true\n }\n";
        let options = settings(&[said, realm].concat()).login_options("R").unwrap();
        let shown: Vec<_> = options.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(shown.iter().filter(|address| *address == "192.0.2.7").count(), 1, "{shown:?}");
        assert!(shown.contains(&"2001:db8::7".to_owned()) && !shown.iter().any(|address| address.starts_with("127.")));
        assert!(!options.preauth.contains(&PaDataType::ENC_TIMESTAMP) && options.preauth.contains(&PaDataType::SPAKE));
        let other = settings(realm).login_options("S").unwrap();
        assert!(other.preauth.contains(&PaDataType::ENC_TIMESTAMP) && other.addresses.is_empty());
        let wrong = settings("[realms]\n R = {\n  disable_encrypted_timestamp = perhaps\n }\n").login_options("R");
        assert!(matches!(wrong, Err(ConfigError::Value(_))));
    }

    #[test]
    fn what_is_preferred_is_tried_first_and_the_rest_in_its_order() {
        let order = |text: &str| {
            let settings = settings(&format!("[libdefaults]\n preferred_preauth_types = {text}\n"));
            settings.ticket_options().preauth.into_iter().map(|method| method.0).collect::<Vec<_>>()
        };
        let usual: Vec<_> = TicketOptions::default().preauth.into_iter().map(|method| method.0).collect();
        assert_eq!((usual[0], order("17, 16, 15, 14")), (16, usual.clone()));
        assert_eq!(order("2, 138")[..2], [2, 138]);
        assert_eq!(order("nonsense"), usual);
    }

    #[cfg(unix)]
    #[test]
    fn stores_are_those_of_the_name_or_the_default() {
        let settings =
            settings("[libdefaults]\n default_ccache_name = FILE:/run/%{uid}/cc\n kcm_socket = /nowhere/kcm\n");
        assert_eq!(settings.ccache(None).unwrap().to_string(), "FILE:/run/1000/cc");
        assert_eq!(settings.ccache(Some("MEMORY:x")).unwrap().to_string(), "MEMORY:x");
        assert_eq!(settings.keytab(None).unwrap().to_string(), "FILE:/etc/krb5.keytab");
        assert_eq!(settings.client_keytab(Some("/k")).unwrap().path(), Path::new("/k"));
        assert!(settings.ccache(Some("API:")).is_err());
        let replay = |name| settings.replay_cache(name).unwrap().to_string();
        assert_eq!(replay(None), "file2:/var/tmp/krb5_1000.rcache2");
        assert_eq!((replay(Some("file2:/r")), replay(Some("/r"))), ("file2:/r".to_owned(), "file2:/r".to_owned()));
        assert!(settings.replay_cache(Some("none:")).is_err() && settings.replay_cache(Some("")).is_err());
        let error = settings.ccache(Some("KCM:")).unwrap_err().to_string();
        assert!(error.starts_with("the KCM daemon at /nowhere/kcm: "), "{error}");
    }

    #[cfg(feature = "dns")]
    #[test]
    fn nameservers_are_those_of_the_environment_unless_the_configuration_says_no() {
        let scratch = crate::scratch::Scratch::new("dns");
        let resolv_conf = Some(scratch.file("resolv.conf", "nameserver 192.0.2.53\n"));
        let load = |text: &str, resolv_conf: &Option<PathBuf>| {
            let krb5_config = Some(scratch.file("krb5.conf", text).into_os_string());
            let environment = Environment { krb5_config, resolv_conf: resolv_conf.clone(), ..Environment::default() };
            format!("{:?}", Settings::load(environment).unwrap().kdcs())
        };
        assert!(load("", &resolv_conf).contains("192.0.2.53:53"));
        assert!(!load("[libdefaults]\n dns_lookup_kdc = false\n", &resolv_conf).contains("192.0.2.53"));
        assert!(load("", &None).contains("dns: None"));
        assert!(load("", &Some(scratch.path(""))).contains("nameservers: []"));
    }

    #[test]
    fn a_value_that_means_nothing_is_an_error() {
        let conf = Conf::parse("krb5.conf", "[libdefaults]\n clockskew = soon\n").unwrap();
        assert!(matches!(Settings::new(Environment::default(), conf), Err(ConfigError::Value(_))));
    }
}
