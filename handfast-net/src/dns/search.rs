use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use handfast::crypto::RandomError;

use super::message::{Heard, Query, Record, Reply};
use super::order::order;
use super::{Dns, DnsAttempt, DnsSilence, KDC_LIMIT, NoKdcFound, RecordType, uri};
use crate::kdc::{KDC_PORT, KdcAddress, Transport};
use crate::password;

/// The search for the KDCs of a realm: who is asked for what next. Whoever drives it does the asking.
pub(super) struct Search<'a> {
    dns: &'a Dns,
    wanted: Wanted,
    realm: &'a str,
    /// The services whose records are still to be asked for.
    services: VecDeque<Service>,
    service: Service,
    name: String,
    query: Option<Query>,
    queue: VecDeque<(SocketAddr, Transport)>,
    found: Vec<KdcAddress>,
    proxies: Vec<String>,
    tried: Vec<DnsAttempt>,
}

/// Who can be asked, each kind in its order.
pub(crate) struct Found {
    pub(crate) kdcs: Vec<KdcAddress>,
    /// The URLs of KDC proxies, which only URI records name.
    #[cfg_attr(not(feature = "kkdcp"), allow(dead_code))] // There are none then.
    pub(crate) proxies: Vec<String>,
}

/// Whose servers are looked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// KDCs (RFC 4120 7.2.3.2).
    Kdc,
    /// KDCs, and the KDC proxies that URI records name, if they can be asked.
    KdcOrProxy,
    /// KDCs that learn of a new password first, as MIT krb5 looks for them.
    Primary,
    /// Password servers, as MIT krb5 looks for them.
    Password,
}

impl Wanted {
    fn label(self) -> &'static str {
        match self {
            Wanted::Kdc | Wanted::KdcOrProxy => "_kerberos",
            Wanted::Primary => "_kerberos-master",
            Wanted::Password => "_kpasswd",
        }
    }

    /// The name of their URI records. Those of primary KDCs are marked among those of all.
    fn uri_label(self) -> &'static str {
        if matches!(self, Wanted::Primary) { Wanted::Kdc.label() } else { self.label() }
    }

    /// Where they listen, if a record doesn't say.
    fn port(self) -> u16 {
        match self {
            Wanted::Kdc | Wanted::KdcOrProxy | Wanted::Primary => KDC_PORT,
            Wanted::Password => password::PORT,
        }
    }
}

/// What has records of its own.
#[derive(Clone, Copy)]
enum Service {
    /// All KDCs, by URI records.
    All,
    /// KDCs that are asked in this way, by SRV records.
    Over(Transport),
}

impl Service {
    fn record(self) -> RecordType {
        match self {
            Service::All => RecordType::Uri,
            Service::Over(_) => RecordType::Srv,
        }
    }

    /// What stands between service and realm.
    fn label(self) -> &'static str {
        match self {
            Service::All => "",
            Service::Over(Transport::Udp) => "._udp",
            Service::Over(Transport::Tcp) => "._tcp",
        }
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(dns: &'a Dns, wanted: Wanted, realm: &'a str) -> Self {
        let all = dns.uri_records.then_some(Service::All);
        let mut search = Search {
            dns,
            wanted,
            realm,
            services: all.into_iter().chain([Transport::Udp, Transport::Tcp].map(Service::Over)).collect(),
            service: Service::All,
            name: String::new(),
            query: None,
            queue: VecDeque::new(),
            found: Vec::new(),
            proxies: Vec::new(),
            tried: Vec::new(),
        };
        search.next_service();
        search
    }

    /// Who is asked next, how, and with which query; `None` at the end.
    pub(super) fn next(&mut self) -> Option<(SocketAddr, Transport, &Query)> {
        let (server, over) = self.queue.pop_front()?;
        self.query.as_ref().map(|query| (server, over, query))
    }

    /// What came of asking.
    pub(super) fn take(&mut self, server: SocketAddr, over: Transport, heard: Result<Heard, DnsSilence>) {
        if let Ok(heard) = &heard {
            self.dns.answers.keep(self.service.record(), &self.name, heard, (server, over), Instant::now());
        }
        self.judge(server, over, heard.map(|heard| heard.reply));
    }

    /// What an answer means, be it new or kept.
    fn judge(&mut self, server: SocketAddr, over: Transport, heard: Result<Reply, DnsSilence>) {
        let mut fail = |why| {
            let attempt = self::attempt(self.service, &self.name, Some((server, over)), why);
            if !self.tried.contains(&attempt) {
                self.tried.push(attempt);
            }
        };
        match heard {
            Ok(Reply::Truncated) if over == Transport::Udp => self.queue.push_front((server, Transport::Tcp)),
            Ok(Reply::Truncated | Reply::Host { .. } | Reply::Name(_)) => fail(DnsSilence::Nonsense { count: 1 }),
            // The next nameserver may know. Once none is left there is no use in asking them all for more.
            Ok(Reply::Failed(code)) => fail(DnsSilence::Failed { code }),
            Err(why) => fail(why),
            Ok(Reply::NoSuchName) => {
                fail(DnsSilence::NoSuchName);
                self.next_service();
            }
            Ok(Reply::NoRecords) => {
                fail(DnsSilence::NoRecords);
                self.next_service();
            }
            Ok(Reply::Records(records)) => {
                if records.iter().all(|record| record.target.is_empty()) {
                    fail(DnsSilence::NotOffered);
                } else if matches!(self.service, Service::All)
                    && !records.iter().any(|record| is_usable(self.service, record, self.wanted))
                {
                    fail(DnsSilence::NoneUsable);
                }
                self.add(records);
                self.next_service();
            }
        }
        // Nameservers, and what stands before them, may know no URI records at all.
        if self.queue.is_empty() && matches!(self.service, Service::All) {
            self.next_service();
        }
    }

    /// The KDCs, and the proxies, in the order in which they are to be asked.
    pub(super) fn finish(self) -> Result<Found, NoKdcFound> {
        let (mut kdcs, mut proxies) = (self.found, self.proxies);
        kdcs.truncate(KDC_LIMIT);
        proxies.truncate(KDC_LIMIT);
        if kdcs.is_empty() && proxies.is_empty() {
            return Err(NoKdcFound { realm: self.realm.to_owned(), tried: self.tried });
        }
        Ok(Found { kdcs, proxies })
    }

    /// Begins to ask for the next service, if there is one.
    fn next_service(&mut self) {
        self.queue.clear();
        let Some(service) = self.services.pop_front() else { return };
        self.service = service;
        let label = if matches!(service, Service::All) { self.wanted.uri_label() } else { self.wanted.label() };
        self.name = format!("{label}{}.{}", service.label(), self.realm.trim_end_matches('.'));
        if let Some((reply, (server, over))) = self.dns.answers.recall(service.record(), &self.name, Instant::now()) {
            self.judge(server, over, Ok(reply));
            return;
        }
        match self.query() {
            Ok(query) => self.query = Some(query),
            Err(why) => {
                self.tried.push(attempt(service, &self.name, None, why));
                return;
            }
        }
        if self.dns.nameservers.is_empty() {
            self.tried.push(attempt(service, &self.name, None, self.dns.none_because.clone()));
        }
        for _ in 0..self.dns.attempts {
            self.queue.extend(self.dns.nameservers.iter().map(|server| (*server, Transport::Udp)));
        }
    }

    fn query(&self) -> Result<Query, DnsSilence> {
        let mut id = [0; 2];
        self.dns.random.fill(&mut id).map_err(|RandomError| DnsSilence::NoRandom)?;
        Query::new(self.service.record(), &self.name, u16::from_be_bytes(id)).ok_or(DnsSilence::NoDomain)
    }

    /// Adds the KDCs that records name, in the order of these. If URI records name any, nothing else is asked for.
    fn add(&mut self, records: Vec<Record>) {
        let (service, wanted) = (self.service, self.wanted);
        let usable = records.into_iter().filter(|record| is_usable(service, record, wanted)).collect();
        match order(usable, &*self.dns.random) {
            Ok(records) => records.iter().take(KDC_LIMIT).for_each(|record| match kdc(service, record, wanted) {
                Some(kdc) => self.found(kdc),
                None => self.proxies.extend(uri::proxy(&record.target).filter(|url| !self.proxies.contains(url))),
            }),
            Err(RandomError) => self.tried.push(attempt(service, &self.name, None, DnsSilence::NoRandom)),
        }
        if matches!(service, Service::All) && !(self.found.is_empty() && self.proxies.is_empty()) {
            self.services.clear();
        }
    }

    /// Adds a KDC; one that both ways of SRV records name is asked either way, while URI records have an order among ways, too.
    fn found(&mut self, kdc: KdcAddress) {
        let by_uri = matches!(self.service, Service::All);
        let is_same = |other: &&mut KdcAddress| {
            other.host == kdc.host && other.port == kdc.port && (!by_uri || other.transport == kdc.transport)
        };
        match self.found.iter_mut().find(is_same) {
            Some(other) if other.transport != kdc.transport => other.transport = None,
            Some(_) => {}
            None => self.found.push(kdc),
        }
    }
}

/// Whether a record names a KDC that can be asked, or a proxy where they are taken.
fn is_usable(service: Service, record: &Record, wanted: Wanted) -> bool {
    let is_proxy =
        || matches!((service, wanted), (Service::All, Wanted::KdcOrProxy)) && uri::proxy(&record.target).is_some();
    kdc(service, record, wanted).is_some() || is_proxy()
}

/// The KDC that a record names, if it can be asked.
fn kdc(service: Service, record: &Record, wanted: Wanted) -> Option<KdcAddress> {
    match service {
        Service::All if matches!(wanted, Wanted::Primary) && !uri::is_primary(&record.target) => None,
        Service::All => uri::kdc(&record.target, wanted.port()),
        Service::Over(transport) => (record.port != 0 && is_host(&record.target)).then(|| KdcAddress {
            host: record.target.clone(),
            port: record.port,
            transport: Some(transport),
        }),
    }
}

fn attempt(service: Service, name: &str, nameserver: Option<(SocketAddr, Transport)>, why: DnsSilence) -> DnsAttempt {
    DnsAttempt { record: service.record(), name: name.to_owned(), nameserver, why }
}

/// Whether it can be a host's name.
pub(super) fn is_host(target: &str) -> bool {
    !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
