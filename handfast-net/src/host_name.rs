//! Which name a host's services are asked for by: as it was written, or as the DNS and `/etc/hosts` call it, as
//! `dns_canonicalize_hostname`, `rdns` and `qualify_shortname` of krb5.conf say.
//!
//! The DNS is not proven: who answers for it chooses the service that a client proves itself to, and believes. Where the
//! configuration says nothing, names are taken as they are written; MIT's library asks the DNS then.
//!
//! Only what names a host is looked up, not what has a realm already.

use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use handfast::krb5::conf::{CanonicalizeHostname, LibDefaults};

use crate::Deadline;

/// The longest file of hosts that is read, in bytes.
const HOSTS_LIMIT: u64 = 1 << 20;

/// How names of hosts are found.
#[derive(Clone, Debug)]
pub struct HostNames {
    canonicalize: CanonicalizeHostname,
    /// Whether the name is the one that the host's first address has.
    rdns: bool,
    /// What is put behind names without a dot that were not looked up.
    suffix: Option<String>,
    /// Whether the DNS is asked for the realms of hosts.
    realms: bool,
    hosts: Option<PathBuf>,
    #[cfg(feature = "dns")]
    dns: Option<crate::dns::Dns>,
}

impl HostNames {
    /// As a configuration says; the system's file of hosts is at `hosts`.
    #[must_use]
    pub fn new(defaults: &LibDefaults, hosts: Option<PathBuf>) -> Self {
        HostNames {
            canonicalize: defaults.dns_canonicalize_hostname,
            rdns: defaults.rdns,
            suffix: defaults.qualify_shortname.clone().filter(|suffix| !suffix.is_empty()),
            realms: defaults.dns_lookup_realm,
            hosts,
            #[cfg(feature = "dns")]
            dns: None,
        }
    }

    /// Asks these nameservers for what the file of hosts does not say.
    #[cfg(feature = "dns")]
    #[must_use]
    pub fn dns(mut self, dns: crate::dns::Dns) -> Self {
        self.dns = Some(dns);
        self
    }

    /// The names of `host` in the order in which services are looked for by them: one, or with `fallback` two. May wait for the DNS.
    #[must_use]
    pub fn of(&self, host: &str) -> Vec<String> {
        let written = plain(host);
        if written.parse::<IpAddr>().is_ok() {
            return vec![written];
        }
        let own = || self.qualified(&written);
        let canonical = || self.canonical(&written).map_or_else(own, |name| plain(&name));
        match self.canonicalize {
            CanonicalizeHostname::No => vec![own()],
            CanonicalizeHostname::Yes => vec![canonical()],
            CanonicalizeHostname::Fallback => {
                let (first, second) = (own(), canonical());
                if first == second { vec![first] } else { vec![first, second] }
            }
        }
    }

    /// [`of`](Self::of) for tasks of tokio: on a thread for what blocks. If there is no such thread any more, as it is written.
    #[cfg(feature = "tokio")]
    pub async fn of_async(&self, host: &str) -> Vec<String> {
        let (names, asked) = (self.clone(), host.to_owned());
        let found = ::tokio::task::spawn_blocking(move || names.of(&asked)).await;
        found.unwrap_or_else(|_| vec![self.qualified(&plain(host))])
    }

    /// [`realm_of`](Self::realm_of) for tasks of tokio.
    #[cfg(feature = "tokio")]
    pub async fn realm_of_async(&self, host: &str) -> Option<String> {
        let (names, host) = (self.clone(), host.to_owned());
        ::tokio::task::spawn_blocking(move || names.realm_of(&host)).await.ok()?
    }

    /// The realm that the DNS says `host` is in, if it is to be asked (`dns_lookup_realm`). May wait for the DNS.
    #[must_use]
    pub fn realm_of(&self, host: &str) -> Option<String> {
        let host = plain(host);
        if !self.realms || host.parse::<IpAddr>().is_ok() {
            return None;
        }
        #[cfg(feature = "dns")]
        let realm = self.dns.as_ref()?.realm_of(&host);
        #[cfg(not(feature = "dns"))]
        let realm = None;
        realm
    }

    fn qualified(&self, host: &str) -> String {
        match &self.suffix {
            Some(suffix) if !host.contains('.') => format!("{host}.{suffix}"),
            _ => host.to_owned(),
        }
    }

    /// What the host is called where it is known: by the file, else by the DNS; none if nobody knows it.
    fn canonical(&self, host: &str) -> Option<String> {
        let until = self.deadline();
        let hosts = self.hosts.as_deref().and_then(read_hosts).unwrap_or_default();
        let (name, address) = hosts.by_name(host).or_else(|| self.ask(host, until))?;
        if !self.rdns {
            return Some(name);
        }
        Some(hosts.by_address(address).or_else(|| self.ask_reverse(address, until)).unwrap_or(name))
    }

    /// Both questions are one look-up.
    #[cfg(feature = "dns")]
    fn deadline(&self) -> Deadline {
        self.dns.as_ref().map_or_else(Deadline::never, crate::dns::Dns::deadline)
    }

    #[cfg(feature = "dns")]
    fn ask(&self, host: &str, until: Deadline) -> Option<(String, IpAddr)> {
        self.dns.as_ref()?.host_before(host, until)
    }

    #[cfg(feature = "dns")]
    fn ask_reverse(&self, address: IpAddr, until: Deadline) -> Option<String> {
        self.dns.as_ref()?.name_before(address, until)
    }

    #[cfg(not(feature = "dns"))]
    #[allow(clippy::unused_self, reason = "with the feature dns it is used")]
    fn deadline(&self) -> Deadline {
        Deadline::never()
    }

    #[cfg(not(feature = "dns"))]
    fn ask(&self, _: &str, _: Deadline) -> Option<(String, IpAddr)> {
        None
    }

    #[cfg(not(feature = "dns"))]
    fn ask_reverse(&self, _: IpAddr, _: Deadline) -> Option<String> {
        None
    }
}

/// In lower case and without a last dot, as in principals.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The lines of a file of hosts (hosts(5)): an address, the host's name, its aliases.
#[derive(Default)]
struct Hosts(Vec<(IpAddr, Vec<String>)>);

fn read_hosts(path: &Path) -> Option<Hosts> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > HOSTS_LIMIT {
        return None;
    }
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(HOSTS_LIMIT).read_to_end(&mut text).ok()?;
    Some(Hosts::parse(&String::from_utf8_lossy(&text)))
}

impl Hosts {
    fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            let names: Vec<_> = words.map(str::to_owned).collect();
            (!names.is_empty()).then_some((address, names))
        };
        Hosts(text.lines().filter_map(line).collect())
    }

    fn by_name(&self, host: &str) -> Option<(String, IpAddr)> {
        let named = |(_, names): &&(IpAddr, Vec<String>)| names.iter().any(|name| name.eq_ignore_ascii_case(host));
        let (address, names) = self.0.iter().find(named)?;
        Some((names.first()?.clone(), *address))
    }

    fn by_address(&self, address: IpAddr) -> Option<String> {
        let (_, names) = self.0.iter().find(|(other, _)| *other == address)?;
        names.first().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::krb5::Conf;

    fn names(says: &str, hosts: &str, host: &str) -> Vec<String> {
        let conf = Conf::parse("krb5.conf", format!("[libdefaults]\n {says}\n")).unwrap();
        let scratch = crate::scratch::Scratch::new("hosts");
        let path = scratch.path("hosts");
        fs::write(&path, hosts).unwrap();
        HostNames::new(&conf.libdefaults(None).unwrap(), Some(path)).of(host)
    }

    const HOSTS: &str =
        "# all\n127.0.0.7 Front.test # first\n::1 six.test\n127.0.0.7 real.test alias.test\nnonsense x\n127.0.0.9\n";

    #[test]
    fn names_are_looked_up_as_the_configuration_says() {
        for (says, host, expected) in [
            ("", "Alias.TEST.", &["alias.test"][..]),
            ("dns_canonicalize_hostname = false", "alias.test", &["alias.test"]),
            ("dns_canonicalize_hostname = true\n rdns = false", "ALIAS.test", &["real.test"]),
            ("dns_canonicalize_hostname = true", "alias.test", &["front.test"]),
            ("dns_canonicalize_hostname = true", "unknown.test", &["unknown.test"]),
            ("dns_canonicalize_hostname = fallback\n rdns = false", "alias.test", &["alias.test", "real.test"]),
            ("dns_canonicalize_hostname = fallback\n rdns = false", "real.test", &["real.test"]),
            ("qualify_shortname = d.test", "www", &["www.d.test"]),
            ("qualify_shortname = d.test\n dns_canonicalize_hostname = true", "www", &["www.d.test"]),
            ("qualify_shortname = d.test", "www.e", &["www.e"]),
            ("qualify_shortname = \"\"", "www", &["www"]),
            ("dns_canonicalize_hostname = true", "127.0.0.7", &["127.0.0.7"]),
        ] {
            assert_eq!(names(says, HOSTS, host), expected, "{says}, {host}");
        }
    }

    #[test]
    fn a_file_that_is_none_says_nothing() {
        let conf = Conf::parse("krb5.conf", "[libdefaults]\n dns_canonicalize_hostname = true\n").unwrap();
        let defaults = conf.libdefaults(None).unwrap();
        for path in [None, Some("/dev/null".into()), Some("/nowhere/at/all".into())] {
            assert_eq!(HostNames::new(&defaults, path).of("www.test"), ["www.test"]);
        }
    }

    /// The runtime has one thread, which goes on while a nameserver is silent.
    #[cfg(all(feature = "dns", feature = "tokio"))]
    #[test]
    fn a_task_that_waits_for_the_dns_lets_others_run() {
        use std::time::Duration;
        let conf = Conf::parse("krb5.conf", "[libdefaults]\n dns_canonicalize_hostname = true\n").unwrap();
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns = crate::dns::Dns::new([silent.local_addr().unwrap()]).whole(Duration::from_millis(700));
        let names = HostNames::new(&conf.libdefaults(None).unwrap(), None).dns(dns);
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut asked = std::pin::pin!(names.of_async("WWW.test"));
            let waited = ::tokio::time::timeout(Duration::from_millis(200), &mut asked).await;
            assert!(waited.is_err(), "the timer has its turn in the meantime");
            assert_eq!(asked.await, ["www.test"]);
        });
    }
}
