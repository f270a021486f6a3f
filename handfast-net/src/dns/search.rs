use std::collections::VecDeque;
use std::net::SocketAddr;

use handfast::crypto::RandomError;

use super::message::{Query, Record, Reply};
use super::order::order;
use super::{Dns, DnsAttempt, DnsSilence, KDC_LIMIT, NoKdcFound};
use crate::kdc::{KdcAddress, Transport};

/// The search for the KDCs of a realm: who is asked for what next. Whoever drives it does the asking.
pub(super) struct Search<'a> {
    dns: &'a Dns,
    realm: &'a str,
    /// The KDCs' transports whose records are still to be asked for.
    services: VecDeque<Transport>,
    service: Transport,
    name: String,
    query: Option<Query>,
    queue: VecDeque<(SocketAddr, Transport)>,
    found: Vec<(Transport, Record)>,
    tried: Vec<DnsAttempt>,
}

impl<'a> Search<'a> {
    pub(super) fn new(dns: &'a Dns, realm: &'a str) -> Self {
        let mut search = Search {
            dns,
            realm,
            services: [Transport::Udp, Transport::Tcp].into(),
            service: Transport::Udp,
            name: String::new(),
            query: None,
            queue: VecDeque::new(),
            found: Vec::new(),
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
    pub(super) fn take(&mut self, server: SocketAddr, over: Transport, heard: Result<Reply, DnsSilence>) {
        let mut fail = |why| {
            let attempt = self::attempt(&self.name, Some((server, over)), why);
            if !self.tried.contains(&attempt) {
                self.tried.push(attempt);
            }
        };
        match heard {
            Ok(Reply::Truncated) if over == Transport::Udp => self.queue.push_front((server, Transport::Tcp)),
            Ok(Reply::Truncated) => fail(DnsSilence::Nonsense { count: 1 }),
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
                }
                self.add(records);
                self.next_service();
            }
        }
    }

    /// The KDCs in the order in which they are to be asked.
    pub(super) fn finish(self) -> Result<Vec<KdcAddress>, NoKdcFound> {
        let mut kdcs: Vec<KdcAddress> = Vec::new();
        for (transport, Record { target: host, port, .. }) in self.found {
            match kdcs.iter_mut().find(|kdc| kdc.host == host && kdc.port == port) {
                // In both lists: asked either way.
                Some(kdc) if kdc.transport != Some(transport) => kdc.transport = None,
                Some(_) => {}
                None => kdcs.push(KdcAddress { host, port, transport: Some(transport) }),
            }
        }
        kdcs.truncate(KDC_LIMIT);
        if kdcs.is_empty() { Err(NoKdcFound { realm: self.realm.to_owned(), tried: self.tried }) } else { Ok(kdcs) }
    }

    /// Begins to ask for the next service, if there is one.
    fn next_service(&mut self) {
        self.queue.clear();
        let Some(service) = self.services.pop_front() else { return };
        let label = match service {
            Transport::Udp => "_udp",
            Transport::Tcp => "_tcp",
        };
        self.service = service;
        self.name = format!("_kerberos.{label}.{}", self.realm.trim_end_matches('.'));
        match self.query() {
            Ok(query) => self.query = Some(query),
            Err(why) => {
                self.tried.push(attempt(&self.name, None, why));
                return;
            }
        }
        if self.dns.nameservers.is_empty() {
            self.tried.push(attempt(&self.name, None, self.dns.none_because.clone()));
        }
        for _ in 0..self.dns.attempts {
            self.queue.extend(self.dns.nameservers.iter().map(|server| (*server, Transport::Udp)));
        }
    }

    fn query(&self) -> Result<Query, DnsSilence> {
        let mut id = [0; 2];
        self.dns.random.fill(&mut id).map_err(|RandomError| DnsSilence::NoRandom)?;
        Query::new(&self.name, u16::from_be_bytes(id)).ok_or(DnsSilence::NoDomain)
    }

    fn add(&mut self, records: Vec<Record>) {
        let usable = records.into_iter().filter(|record| record.port != 0 && is_host(&record.target)).collect();
        match order(usable, &*self.dns.random) {
            Ok(records) => self.found.extend(records.into_iter().take(KDC_LIMIT).map(|record| (self.service, record))),
            Err(RandomError) => self.tried.push(attempt(&self.name, None, DnsSilence::NoRandom)),
        }
    }
}

fn attempt(name: &str, nameserver: Option<(SocketAddr, Transport)>, why: DnsSilence) -> DnsAttempt {
    DnsAttempt { name: name.to_owned(), nameserver, why }
}

/// Whether it can be a host's name.
fn is_host(target: &str) -> bool {
    !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
