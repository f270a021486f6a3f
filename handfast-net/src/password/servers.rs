use std::collections::BTreeMap;

use handfast::krb5::Conf;
use handfast::krb5::exchange::KdcAttempt;

use super::{PORT, Patience};
use crate::kdc::{KdcAddress, ParseKdcAddressError};

type Listed = Result<KdcAddress, ParseKdcAddressError>;

/// The password servers of all realms that are known: those that krb5.conf names as `kpasswd_server`; else those that the DNS names,
/// where that is to be asked; else the hosts that krb5.conf names as `admin_server`, on port 464. MIT krb5 has the same order.
///
/// ```
/// use handfast_net::password::PasswordServers;
/// let servers = PasswordServers::new().with("EXAMPLE.COM", ["tcp/kdc1.example.com:464".parse()?]);
/// assert_eq!(servers.of("EXAMPLE.COM").count(), 1);
/// # Ok::<(), handfast_net::kdc::ParseKdcAddressError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PasswordServers {
    realms: BTreeMap<String, Vec<Listed>>,
    administration: BTreeMap<String, Vec<Listed>>,
    pub(crate) patience: Patience,
    #[cfg(feature = "dns")]
    dns: Option<crate::dns::Dns>,
}

/// Who is to be asked, and who can't be.
#[derive(Debug, Default)]
pub(crate) struct Located {
    pub(crate) servers: Vec<KdcAddress>,
    pub(crate) tried: Vec<KdcAttempt>,
}

impl PasswordServers {
    /// No realm is known.
    #[must_use]
    pub fn new() -> Self {
        PasswordServers::default()
    }

    /// The password servers of `conf`.
    #[must_use]
    pub fn from_conf(conf: &Conf) -> Self {
        let mut all = PasswordServers::new();
        for realm in conf.realms().filter_map(|name| conf.realm(name)) {
            let servers = realm.kpasswd_server.iter().map(|text| KdcAddress::parse(text, PORT)).collect();
            all.realms.insert(realm.name.clone(), servers);
            // Their port is that of another service, and they are asked in both ways whatever they say.
            let hosts = realm.admin_server.iter().map(|text| KdcAddress::parse(text, PORT));
            let hosts = hosts.map(|host| host.map(|host| KdcAddress { port: PORT, transport: None, ..host })).collect();
            all.administration.insert(realm.name, hosts);
        }
        all
    }

    /// Adds servers to those of `realm`, to be asked after them.
    #[must_use]
    pub fn with(mut self, realm: &str, servers: impl IntoIterator<Item = KdcAddress>) -> Self {
        self.realms.entry(realm.to_owned()).or_default().extend(servers.into_iter().map(Ok));
        self
    }

    /// Waits longer or shorter.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Looks realms of which no password server is known up in the DNS.
    #[cfg(feature = "dns")]
    #[must_use]
    pub fn dns(mut self, dns: crate::dns::Dns) -> Self {
        self.dns = Some(dns);
        self
    }

    /// The servers of `realm` that are known without asking the DNS, in the order in which they are asked.
    pub fn of(&self, realm: &str) -> impl Iterator<Item = &KdcAddress> {
        self.listed(realm).iter().filter_map(|server| server.as_ref().ok())
    }

    fn listed(&self, realm: &str) -> &[Listed] {
        let of = |realms: &'_ BTreeMap<String, Vec<Listed>>| realms.get(realm).is_some_and(|listed| !listed.is_empty());
        let chosen = if of(&self.realms) { &self.realms } else { &self.administration };
        chosen.get(realm).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whom to ask in the DNS for a realm's servers: if krb5.conf names none itself.
    #[cfg(feature = "dns")]
    fn dns_for(&self, realm: &str) -> Option<&crate::dns::Dns> {
        self.dns.as_ref().filter(|_| self.realms.get(realm).is_none_or(Vec::is_empty))
    }

    fn configured(&self, realm: &str) -> Located {
        let mut located = Located::default();
        for listed in self.listed(realm) {
            match listed {
                Ok(server) => located.servers.push(server.clone()),
                Err(error) => located
                    .tried
                    .push(KdcAttempt { kdc: error.text.clone(), reason: format!("was not asked: {}", error.reason()) }),
            }
        }
        located
    }

    /// The servers of a realm. May wait for the DNS.
    pub(crate) fn locate(&self, realm: &str) -> Located {
        #[cfg(feature = "dns")]
        if let Some(dns) = self.dns_for(realm) {
            return self.found(realm, dns.password_servers(realm));
        }
        self.configured(realm)
    }

    /// [`locate`](Self::locate) for tasks of tokio.
    #[cfg(feature = "tokio")]
    #[cfg_attr(not(feature = "dns"), allow(clippy::unused_async))] // Without the DNS there is nothing to wait for.
    pub(crate) async fn locate_async(&self, realm: &str) -> Located {
        #[cfg(feature = "dns")]
        if let Some(dns) = self.dns_for(realm) {
            return self.found(realm, dns.password_servers_async(realm).await);
        }
        self.configured(realm)
    }

    /// What the DNS names, else the hosts of the administration servers.
    #[cfg(feature = "dns")]
    fn found(&self, realm: &str, found: Result<Vec<KdcAddress>, crate::dns::NoKdcFound>) -> Located {
        match found {
            Ok(servers) => Located { servers, tried: Vec::new() },
            Err(none) => {
                let mut located = self.configured(realm);
                located.tried.extend(handfast::krb5::exchange::KdcUnreachable::from(none).tried);
                located
            }
        }
    }
}
