//! Finds the KDCs of a realm in the DNS: the SRV records `_kerberos._udp.REALM` and `_kerberos._tcp.REALM` (RFC 4120 7.2.3.2,
//! RFC 2782); if [that is set](Dns::uri_records), first the URI records `_kerberos.REALM`, as MIT krb5 has them. Behind the feature
//! `dns`.
//!
//! ```no_run
//! use handfast_net::dns::Dns;
//! let dns = Dns::load("/etc/resolv.conf".as_ref())?;
//! for kdc in dns.kdcs("EXAMPLE.COM")? {
//!     println!("{kdc}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the DNS says is not proven, and need not be: a KDC that is none can't answer. It can only keep us from those that are.
//!
//! # What counts as an answer
//! A response with the id and the one question of the query, from the address that was asked; every query has an id and a port of
//! its own. Other datagrams are ignored, up to [`NONSENSE_LIMIT`]. One that is truncated is asked for again over TCP. A nameserver that
//! fails or is silent is passed over, and asked again after the others.
//!
//! # What is kept
//! An answer, and that there is none if the zone's SOA record says for how long (RFC 2308), for its time to live: for [`ANSWER_LIFETIME_LIMIT`] or
//! [`NOTHING_LIFETIME_LIMIT`] at the most, and [`ANSWER_LIMIT`] of them. All clones of a [`Dns`] share them. What failed is not kept, and
//! the order among KDCs of the same priority is drawn anew each time.
//!
//! # Limits
//! [`NAMESERVER_LIMIT`] nameservers, [`CNAME_LIMIT`] aliases one behind the other, [`KDC_LIMIT`] KDCs; each nameserver is waited for
//! as long as [`timeout`](Dns::timeout) says, as often as [`attempts`](Dns::attempts) says, and all of them together for as long as
//! [`whole`](Dns::whole) says.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handfast::crypto::{OsRandom, Random};

mod ask;
mod cache;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod host;
mod message;
mod order;
mod search;
#[cfg(feature = "tokio")]
mod tasks;
mod uri;

pub use cache::{ANSWER_LIFETIME_LIMIT, ANSWER_LIMIT, NOTHING_LIFETIME_LIMIT};
pub use error::{DnsAttempt, DnsSilence, NoKdcFound, RecordType};
pub(crate) use search::Found;

/// The most nameservers that are asked.
pub const NAMESERVER_LIMIT: usize = 3;
/// The most aliases (CNAME) that are followed.
pub const CNAME_LIMIT: usize = 8;
/// The most KDCs of a realm that are used.
pub const KDC_LIMIT: usize = 16;
/// The most datagrams of a nameserver that are no answer.
pub const NONSENSE_LIMIT: u32 = 100;

const PORT: u16 = 53;

/// Whom to ask in the DNS, and how patiently.
#[derive(Clone)]
pub struct Dns {
    nameservers: Vec<SocketAddr>,
    /// Why there is no nameserver, if there is none.
    none_because: DnsSilence,
    timeout: Duration,
    attempts: u32,
    uri_records: bool,
    whole: Duration,
    answers: cache::Answers,
    random: Arc<dyn Random>,
}

impl Dns {
    /// Asks these nameservers, in this order.
    #[must_use]
    pub fn new(nameservers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Dns {
            nameservers: nameservers.into_iter().take(NAMESERVER_LIMIT).collect(),
            none_because: DnsSilence::NoNameserver,
            timeout: Duration::from_secs(5),
            attempts: 2,
            uri_records: false,
            whole: Duration::from_secs(20),
            answers: cache::Answers::new(ANSWER_LIMIT),
            random: Arc::new(OsRandom),
        }
    }

    /// What a `resolv.conf` says: `nameserver` and the options `timeout` and `attempts`. Without a nameserver, the one on this host.
    /// `nameserver [192.0.2.53]:5353` has a port of its own: not all resolvers know this form.
    ///
    /// ```
    /// use handfast_net::dns::Dns;
    /// let dns = Dns::from_resolv_conf("nameserver 192.0.2.53\noptions timeout:1 attempts:3\n");
    /// assert_eq!(dns.nameservers(), ["192.0.2.53:53".parse().unwrap()]);
    /// ```
    #[must_use]
    pub fn from_resolv_conf(text: &str) -> Self {
        let mut dns = Dns::new(text.lines().filter_map(nameserver));
        if dns.nameservers.is_empty() {
            dns.nameservers.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        for option in text.lines().filter_map(|line| words(line, "options")).flatten() {
            match option.split_once(':').map(|(name, value)| (name, value.parse::<u32>())) {
                Some(("timeout", Ok(seconds))) => dns.timeout = Duration::from_secs(seconds.clamp(1, 30).into()),
                Some(("attempts", Ok(attempts))) => dns.attempts = attempts.clamp(1, 5),
                _ => {}
            }
        }
        dns
    }

    /// What the file at `path` says, usually `/etc/resolv.conf`; a file that is not there says nothing.
    ///
    /// # Errors
    /// The system's.
    pub fn load(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(text) => Ok(Dns::from_resolv_conf(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Dns::from_resolv_conf("")),
            Err(error) => Err(error),
        }
    }

    /// Asks nobody, since the file that names the nameservers can't be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Dns { none_because: DnsSilence::NoResolvConf { path: path.to_owned(), why: error.to_string() }, ..Dns::new([]) }
    }

    /// How long a nameserver is waited for: 5 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often each nameserver is asked: twice unless set.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long one look-up may take, with all its questions to all nameservers: 20 s unless set.
    #[must_use]
    pub fn whole(mut self, whole: Duration) -> Self {
        self.whole = whole;
        self
    }

    /// Whether a realm's URI records are asked for before its SRV records, which are not asked for then if those name a KDC
    /// (`dns_uri_lookup`). Not unless set.
    #[must_use]
    pub fn uri_records(mut self, uri_records: bool) -> Self {
        self.uri_records = uri_records;
        self
    }

    /// Keeps this many answers, not [`ANSWER_LIMIT`], and none of those that it has; with 0 none at all. Clones that are made
    /// afterwards share them.
    #[must_use]
    pub fn answer_limit(mut self, limit: usize) -> Self {
        self.answers = cache::Answers::new(limit);
        self
    }

    /// Another source of randomness than the system's, for ids and for the choice between KDCs of the same priority.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// The nameservers.
    #[must_use]
    pub fn nameservers(&self) -> &[SocketAddr] {
        &self.nameservers
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns")
            .field("nameservers", &self.nameservers)
            .field("uri_records", &self.uri_records)
            .finish_non_exhaustive()
    }
}

fn nameserver(line: &str) -> Option<SocketAddr> {
    let address = words(line, "nameserver")?.next()?;
    match address.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((host, port)) => Some((host.parse::<IpAddr>().ok()?, port.parse::<u16>().ok()?).into()),
        None => Some((address.parse::<IpAddr>().ok()?, PORT).into()),
    }
}

/// What follows `keyword` at the beginning of a line.
fn words<'t>(line: &'t str, keyword: &str) -> Option<impl Iterator<Item = &'t str>> {
    let mut words = line.split_whitespace();
    (words.next() == Some(keyword)).then_some(words)
}

#[cfg(test)]
mod tests;
