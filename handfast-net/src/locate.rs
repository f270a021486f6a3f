//! Which KDCs a realm has: what krb5.conf says under `[realms]`, in its order; if it says none, what the DNS says, where that is
//! to be asked. A KDC that was silent while another one answered is asked after the others for a while
//! ([`SILENCE_REMEMBERED`](crate::kdc::SILENCE_REMEMBERED)), by all clones of the [`Kdcs`].

use std::collections::BTreeMap;
use std::time::Instant;

use handfast::krb5::Conf;
use handfast::krb5::conf::{LibDefaults, RealmConf};
use handfast::krb5::exchange::{KdcAttempt, KdcRequest, KdcUnreachable};

use crate::driver::{HeardKdc, KdcAnswer, KdcExchange};
use crate::kdc::{Attempt, KdcAddress, KdcClient, KdcReply, Memory, ParseKdcAddressError, Transport, Unreachable};
use crate::resolve::addresses;

/// The KDCs of all realms that are known, and how to ask them.
///
/// ```
/// use handfast_net::Kdcs;
/// let kdcs = Kdcs::new().with("EXAMPLE.COM", ["kdc1.example.com".parse()?, "tcp/kdc2.example.com:750".parse()?]);
/// assert_eq!(kdcs.of("EXAMPLE.COM").count(), 2);
/// # Ok::<(), handfast_net::kdc::ParseKdcAddressError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Kdcs {
    realms: BTreeMap<String, Vec<Result<KdcAddress, ParseKdcAddressError>>>,
    /// Those that learn of a new password first.
    primaries: BTreeMap<String, Vec<KdcAddress>>,
    client: KdcClient,
    memory: Memory,
    #[cfg(feature = "kkdcp")]
    proxies: BTreeMap<String, crate::kkdcp::Proxies>,
    #[cfg(feature = "dns")]
    dns: Option<crate::dns::Dns>,
}

impl Kdcs {
    /// No realm is known.
    #[must_use]
    pub fn new() -> Self {
        Kdcs::default()
    }

    /// The KDCs of `conf`, asked as `defaults` say. An entry that can't be read counts as a KDC that does not answer.
    ///
    /// With the feature `kkdcp`, KDC proxies (`https://host/path`) are asked once no KDC of their realm has answered, in their order
    /// and together for as long as the KDCs; so are those that URI records of the DNS name. Without it, they are entries that can't be read.
    ///
    /// `udp_preference_limit` and `request_timeout` are followed. `kdc_timeout` and `max_retries` are not: MIT's library has
    /// forgotten them, too.
    #[must_use]
    pub fn from_conf(conf: &Conf, defaults: &LibDefaults) -> Self {
        let mut client = KdcClient {
            udp_preference_limit: usize::try_from(defaults.udp_preference_limit).unwrap_or(usize::MAX),
            ..KdcClient::default()
        };
        client.pace.whole = defaults.request_timeout.filter(|time| !time.is_zero()).unwrap_or(client.pace.whole);
        let named = conf.realms().filter_map(|name| conf.realm(name));
        let readable = |realm: RealmConf| {
            let kdcs = realm.primary_kdc.iter().filter_map(|kdc| kdc.parse().ok()).collect();
            (realm.name, kdcs)
        };
        let primaries = conf.realms().filter_map(|name| conf.realm(name)).map(readable).collect();
        #[cfg(feature = "kkdcp")]
        let mut proxies = BTreeMap::new();
        #[cfg(feature = "kkdcp")]
        let named = named.map(|mut realm| {
            let urls = realm.kdc.extract_if(.., |kdc| crate::kkdcp::is_url(kdc)).collect();
            let anchors = std::mem::take(&mut realm.http_anchors);
            proxies.insert(realm.name.clone(), crate::kkdcp::Proxies { urls, anchors });
            realm
        });
        let realms = named.map(|realm| (realm.name, realm.kdc.iter().map(|kdc| kdc.parse()).collect())).collect();
        Kdcs {
            realms,
            primaries,
            client,
            memory: Memory::default(),
            #[cfg(feature = "kkdcp")]
            proxies,
            #[cfg(feature = "dns")]
            dns: None,
        }
    }

    /// Adds KDCs to those of `realm`, to be asked after them.
    #[must_use]
    pub fn with(mut self, realm: &str, kdcs: impl IntoIterator<Item = KdcAddress>) -> Self {
        self.realms.entry(realm.to_owned()).or_default().extend(kdcs.into_iter().map(Ok));
        self
    }

    /// Adds primary KDCs of `realm`, which learn of a new password first (`primary_kdc`): a login that another KDC refuses is tried
    /// once more there. That another KDC is asked in the first place takes [`with`](Self::with).
    #[must_use]
    pub fn with_primary(mut self, realm: &str, kdcs: impl IntoIterator<Item = KdcAddress>) -> Self {
        self.primaries.entry(realm.to_owned()).or_default().extend(kdcs);
        self
    }

    /// Asks in another way: longer or shorter, by UDP or TCP first.
    #[must_use]
    pub fn client(mut self, client: KdcClient) -> Self {
        self.client = client;
        self
    }

    /// Looks realms of which no KDC is known up in the DNS, for each request; what that said is [kept](crate::dns) for its time.
    #[cfg(feature = "dns")]
    #[must_use]
    pub fn dns(mut self, dns: crate::dns::Dns) -> Self {
        self.dns = Some(dns);
        self
    }

    /// The KDCs of `realm` that are known without asking the DNS, in the order in which they are asked.
    pub fn of(&self, realm: &str) -> impl Iterator<Item = &KdcAddress> {
        self.realms.get(realm).into_iter().flatten().filter_map(|kdc| kdc.as_ref().ok())
    }
}

impl Kdcs {
    /// Whom to ask for the KDCs of a realm of which none is configured.
    #[cfg(feature = "dns")]
    fn dns_for(&self, realm: &str) -> Option<&crate::dns::Dns> {
        #[cfg(feature = "kkdcp")]
        if self.proxies.get(realm).is_some_and(|proxies| !proxies.urls.is_empty()) {
            return None;
        }
        self.dns.as_ref().filter(|_| self.realms.get(realm).is_none_or(Vec::is_empty))
    }

    /// The KDCs of `realm`, of the configuration or the DNS; empty if neither knows one, but perhaps KDC proxies.
    ///
    /// # Errors
    /// [`KdcUnreachable`] if the DNS, where it is asked, does not say.
    pub fn locate(&self, realm: &str) -> Result<Vec<KdcAddress>, KdcUnreachable> {
        self.located(realm).map(|located| located.kdcs)
    }

    fn located(&self, realm: &str) -> Result<Located, KdcUnreachable> {
        #[cfg(feature = "dns")]
        if let Some(dns) = self.dns_for(realm) {
            return Ok(self.named_by_dns(realm, dns.kdcs_and_proxies(realm)?));
        }
        Ok(self.configured(realm))
    }

    fn configured(&self, realm: &str) -> Located {
        Located {
            kdcs: self.of(realm).cloned().collect(),
            #[cfg(feature = "kkdcp")]
            proxies: self.proxies.get(realm).cloned().unwrap_or_default(),
        }
    }

    /// Proxies that the DNS names are believed by the realm's `http_anchors` in the configuration, or the system's.
    #[cfg(feature = "dns")]
    #[cfg_attr(not(feature = "kkdcp"), allow(clippy::unused_self))] // Without proxies the realm's section says nothing more.
    fn named_by_dns(&self, _realm: &str, found: crate::dns::Found) -> Located {
        Located {
            kdcs: found.kdcs,
            #[cfg(feature = "kkdcp")]
            proxies: crate::kkdcp::Proxies {
                urls: found.proxies,
                anchors: self.proxies.get(_realm).map(|proxies| proxies.anchors.clone()).unwrap_or_default(),
            },
        }
    }

    #[cfg(feature = "tokio")]
    async fn located_async(&self, realm: &str) -> Result<Located, KdcUnreachable> {
        #[cfg(feature = "dns")]
        if let Some(dns) = self.dns_for(realm) {
            return Ok(self.named_by_dns(realm, dns.kdcs_and_proxies_async(realm).await?));
        }
        Ok(self.configured(realm))
    }

    /// The KDCs in the order in which they are asked now.
    fn ordered(&self, mut kdcs: Vec<KdcAddress>) -> Vec<KdcAddress> {
        self.memory.order(&mut kdcs, Instant::now());
        kdcs
    }

    /// Keeps in mind who was silent, or adds the KDCs of the configuration that can't be read to those that did not answer.
    fn answer(
        &self,
        KdcRequest { realm, tcp_required, .. }: &KdcRequest,
        kdcs: &[KdcAddress],
        heard: Result<KdcReply, Unreachable>,
    ) -> Result<KdcAnswer, KdcUnreachable> {
        if let Ok(reply) = &heard {
            let could_be_asked = |kdc: &&KdcAddress| !(*tcp_required && kdc.transport == Some(Transport::Udp));
            self.memory.learn(kdcs.iter().filter(could_be_asked), &reply.kdc, Instant::now());
        }
        let answer = |KdcReply { bytes, kdc, address, .. }| {
            let from = Some(HeardKdc { realm: realm.clone(), kdc, address });
            KdcAnswer { bytes, from }
        };
        heard.map(answer).map_err(|unreachable| {
            let mut unreachable = KdcUnreachable::from(unreachable);
            let unreadable = self.realms.get(realm).into_iter().flatten().filter_map(|kdc| kdc.as_ref().err());
            unreachable.tried.extend(unreadable.map(|error| KdcAttempt {
                kdc: error.text.clone(),
                reason: format!("was not asked: {}", error.reason()),
            }));
            unreachable
        })
    }
}

/// Whom to ask: the KDCs, and then the proxies.
struct Located {
    kdcs: Vec<KdcAddress>,
    #[cfg(feature = "kkdcp")]
    proxies: crate::kkdcp::Proxies,
}

/// The KDCs that did not answer, and the proxies after them.
#[cfg(feature = "kkdcp")]
fn and_tried(unreachable: &KdcUnreachable, tried: Vec<KdcAttempt>) -> KdcUnreachable {
    let tried = unreachable.tried.iter().cloned().chain(tried).collect();
    KdcUnreachable { tried, realm: unreachable.realm.clone() }
}

impl KdcExchange for Kdcs {
    fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        self.exchange_noted(request).map(|answer| answer.bytes)
    }

    fn exchange_noted(&self, request: &KdcRequest) -> Result<KdcAnswer, KdcUnreachable> {
        let KdcRequest { realm, bytes, tcp_required } = request;
        let located = self.located(realm)?;
        let kdcs = self.ordered(located.kdcs);
        let answer = self.answer(request, &kdcs, self.client.exchange(realm, &kdcs, bytes, *tcp_required));
        #[cfg(feature = "kkdcp")]
        if let (Err(unreachable), false) = (&answer, located.proxies.urls.is_empty()) {
            let by_proxy = located.proxies.exchange(request, crate::Deadline::after(self.client.pace.whole));
            let by_proxy = by_proxy.map(|bytes| KdcAnswer { bytes, from: None });
            return by_proxy.map_err(|tried| and_tried(unreachable, tried));
        }
        answer
    }

    fn any_replica(&self, heard: &[HeardKdc]) -> bool {
        heard.iter().any(|heard| is_replica(heard, &self.locate_primaries(&heard.realm)))
    }

    fn exchange_with_primary(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        let KdcRequest { realm, bytes, tcp_required } = request;
        let kdcs = self.locate_primaries(realm);
        Ok(self.client.exchange(realm, &kdcs, bytes, *tcp_required)?.bytes)
    }
}

#[cfg(feature = "tokio")]
impl crate::tokio::KdcExchange for Kdcs {
    async fn exchange(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        crate::tokio::KdcExchange::exchange_noted(self, request).await.map(|answer| answer.bytes)
    }

    async fn exchange_noted(&self, request: &KdcRequest) -> Result<KdcAnswer, KdcUnreachable> {
        let KdcRequest { realm, bytes, tcp_required } = request;
        let located = self.located_async(realm).await?;
        let kdcs = self.ordered(located.kdcs);
        let answer = self.answer(request, &kdcs, self.client.exchange_async(realm, &kdcs, bytes, *tcp_required).await);
        #[cfg(feature = "kkdcp")]
        if let (Err(unreachable), false) = (&answer, located.proxies.urls.is_empty()) {
            let (proxies, request) = (located.proxies, request.clone());
            let deadline = crate::Deadline::after(self.client.pace.whole);
            let asked = ::tokio::task::spawn_blocking(move || proxies.exchange(&request, deadline)).await;
            let ended = |error: ::tokio::task::JoinError| {
                Err(vec![KdcAttempt { kdc: "KDC proxies".to_owned(), reason: error.to_string() }])
            };
            let by_proxy = asked.unwrap_or_else(ended).map(|bytes| KdcAnswer { bytes, from: None });
            return by_proxy.map_err(|tried| and_tried(unreachable, tried));
        }
        answer
    }

    async fn any_replica(&self, heard: &[HeardKdc]) -> bool {
        for heard in heard {
            let (primaries, heard) = (self.locate_primaries_async(&heard.realm).await, heard.clone());
            // Names of hosts are looked up.
            let judged = ::tokio::task::spawn_blocking(move || is_replica(&heard, &primaries)).await;
            if judged.unwrap_or_default() {
                return true;
            }
        }
        false
    }

    async fn exchange_with_primary(&self, request: &KdcRequest) -> Result<Vec<u8>, KdcUnreachable> {
        let KdcRequest { realm, bytes, tcp_required } = request;
        let kdcs = self.locate_primaries_async(realm).await;
        Ok(self.client.exchange_async(realm, &kdcs, bytes, *tcp_required).await?.bytes)
    }
}

impl Kdcs {
    /// The primary KDCs of `realm`: those of the configuration; those that the DNS names, if the realm's other KDCs are looked up there,
    /// too. None where neither says, as then all know the same.
    fn locate_primaries(&self, realm: &str) -> Vec<KdcAddress> {
        #[cfg(feature = "dns")]
        if let (None, Some(dns)) = (self.primaries_of(realm), self.dns_for(realm)) {
            return dns.primary_kdcs(realm).unwrap_or_default();
        }
        self.primaries_of(realm).unwrap_or_default().to_vec()
    }

    #[cfg(feature = "tokio")]
    #[cfg_attr(not(feature = "dns"), allow(clippy::unused_async))] // Without the DNS there is nothing to wait for.
    async fn locate_primaries_async(&self, realm: &str) -> Vec<KdcAddress> {
        #[cfg(feature = "dns")]
        if let (None, Some(dns)) = (self.primaries_of(realm), self.dns_for(realm)) {
            return dns.primary_kdcs_async(realm).await.unwrap_or_default();
        }
        self.primaries_of(realm).unwrap_or_default().to_vec()
    }

    fn primaries_of(&self, realm: &str) -> Option<&[KdcAddress]> {
        self.primaries.get(realm).map(Vec::as_slice).filter(|kdcs| !kdcs.is_empty())
    }
}

/// Whether a KDC is not among the primary ones, of which there are some. May wait for the system to look their names up.
fn is_replica(heard: &HeardKdc, primaries: &[KdcAddress]) -> bool {
    let is_it = |primary: &KdcAddress| {
        let named = primary.port == heard.kdc.port && primary.host.eq_ignore_ascii_case(&heard.kdc.host);
        named || addresses(&primary.host, primary.port).is_ok_and(|addresses| addresses.contains(&heard.address))
    };
    !primaries.is_empty() && !primaries.iter().any(is_it)
}

impl From<Unreachable> for KdcUnreachable {
    fn from(unreachable: Unreachable) -> Self {
        let attempt = |attempt: &Attempt| KdcAttempt { kdc: attempt.place(), reason: attempt.why.to_string() };
        KdcUnreachable { tried: unreachable.tried.iter().map(attempt).collect(), realm: unreachable.realm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "dns")]
    #[test]
    fn the_dns_is_asked_for_realms_of_which_no_kdc_is_known() {
        let conf = Conf::parse("krb5.conf", "[realms]\n A = {\n  kdc = tcp/127.0.0.1:1\n }\n B = {\n }\n").unwrap();
        let kdcs = Kdcs::from_conf(&conf, &conf.libdefaults(None).unwrap()).dns(crate::dns::Dns::new([]));
        let asked = |realm: &str| {
            let blocking = kdcs.exchange(&request(realm)).unwrap_err();
            #[cfg(feature = "tokio")]
            {
                let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let request = request(realm);
                let exchange = crate::tokio::KdcExchange::exchange(&kdcs, &request);
                assert_eq!(runtime.block_on(exchange).unwrap_err(), blocking);
            }
            blocking.tried[0].clone()
        };
        let of_dns = |realm: &str| KdcAttempt {
            kdc: "the DNS".to_owned(),
            reason: format!("SRV _kerberos._udp.{realm}: no nameserver is known"),
        };
        assert_eq!(asked("A").kdc, "127.0.0.1:1 over TCP");
        assert_eq!(asked("B"), of_dns("B"));
        assert_eq!(asked("C"), of_dns("C"));
    }
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    fn request(realm: &str) -> KdcRequest {
        KdcRequest { realm: realm.into(), bytes: b"request".to_vec(), tcp_required: true }
    }

    #[test]
    fn kdcs_are_those_of_the_configuration_in_its_order() {
        let conf = Conf::parse(
            "krb5.conf",
            "[libdefaults]\n udp_preference_limit = 1\n request_timeout = 7s\n\
             [realms]\n A = {\n  kdc = one\n  kdc = tcp/two:750\n  kdc = https://three/KdcProxy\n }\n B = {\n }\n",
        )
        .unwrap();
        let kdcs = Kdcs::from_conf(&conf, &conf.libdefaults(None).unwrap());
        assert_eq!(kdcs.of("A").map(ToString::to_string).collect::<Vec<_>>(), ["one:88", "tcp/two:750"]);
        assert_eq!((kdcs.of("B").count(), kdcs.of("C").count()), (0, 0));
        assert_eq!((kdcs.client.udp_preference_limit, kdcs.client.pace.whole), (1, Duration::from_secs(7)));
    }

    #[test]
    fn a_realm_without_kdcs_says_so_and_unreadable_ones_are_listed() {
        let conf = Conf::parse("krb5.conf", "[realms]\n A = {\n  kdc = http://proxy/KdcProxy\n }\n").unwrap();
        let kdcs = Kdcs::from_conf(&conf, &conf.libdefaults(None).unwrap());
        assert!(kdcs.exchange(&request("B")).unwrap_err().to_string().starts_with("no KDC is known for the realm B"));
        let error = kdcs.exchange(&request("A")).unwrap_err();
        let why = if cfg!(feature = "kkdcp") {
            "a KDC proxy is asked by https:// only"
        } else {
            "that is a URL, and KDC proxies want the feature kkdcp"
        };
        let expected = format!("no KDC of the realm A answered: http://proxy/KdcProxy: was not asked: {why}");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_request_goes_to_the_realms_kdc_and_silent_ones_are_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let kdcs = Kdcs::new().with("A", [format!("tcp/{address}").parse().unwrap()]);
        let server = thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            let mut request = [0; 4 + 7];
            tcp.read_exact(&mut request).unwrap();
            assert_eq!(&request, b"\0\0\0\x07request");
            tcp.write_all(b"\0\0\0\x02\x6b\0").unwrap();
        });
        assert_eq!(kdcs.exchange(&request("A")).unwrap(), [0x6b, 0]);
        server.join().unwrap();
        let error = kdcs.exchange(&request("A")).unwrap_err();
        let expected = KdcAttempt { kdc: format!("{address} over TCP"), reason: "refused the connection".into() };
        assert_eq!(error.tried, [expected]);
    }

    #[test]
    fn who_was_silent_is_asked_last_next_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let [dead, alive, udp]: [KdcAddress; 3] =
            [format!("tcp/{closed}"), format!("tcp/{address}"), "udp/127.0.0.1:1".to_owned()]
                .map(|kdc| kdc.parse().unwrap());
        let kdcs = Kdcs::new().with("A", [udp.clone(), dead.clone(), alive.clone()]);
        let server = thread::spawn(move || {
            for _ in 0..2 {
                let (mut tcp, _) = listener.accept().unwrap();
                let mut request = [0; 4 + 7];
                tcp.read_exact(&mut request).unwrap();
                tcp.write_all(b"\0\0\0\x02\x6b\0").unwrap();
            }
        });
        kdcs.exchange(&request("A")).unwrap();
        let order = || kdcs.ordered(kdcs.locate("A").unwrap());
        // The one for UDP could not be asked.
        assert_eq!(order(), [udp.clone(), alive.clone(), dead.clone()]);
        kdcs.clone().exchange(&request("A")).unwrap();
        server.join().unwrap();
        assert_eq!(order(), [udp, alive, dead]);
    }

    fn heard(kdc: &str, address: &str) -> HeardKdc {
        HeardKdc { realm: "A".into(), kdc: kdc.parse().unwrap(), address: address.parse().unwrap() }
    }

    #[test]
    fn a_replica_is_who_is_no_primary_kdc() {
        let conf =
            Conf::parse("krb5.conf", "[realms]\n A = {\n  kdc = one\n  primary_kdc = two\n  master_kdc = three\n }\n");
        let kdcs = Kdcs::from_conf(&conf.unwrap(), &Conf::default().libdefaults(None).unwrap());
        let kdcs = kdcs.with_primary("A", ["127.0.0.1:750".parse().unwrap()]);
        let is_replica = |kdc, address| {
            let heard = [heard(kdc, address)];
            #[cfg(feature = "tokio")]
            {
                let runtime = ::tokio::runtime::Builder::new_current_thread().build().unwrap();
                let found = runtime.block_on(crate::tokio::KdcExchange::any_replica(&kdcs, &heard));
                assert_eq!(found, kdcs.any_replica(&heard));
            }
            kdcs.any_replica(&heard)
        };
        assert!(is_replica("one", "192.0.2.1:88"));
        assert!(is_replica("three", "192.0.2.1:88"), "the older name stands for nothing beside the newer one");
        assert!(!is_replica("tcp/TWO", "192.0.2.1:88"), "by name");
        assert!(!is_replica("one:750", "127.0.0.1:750"), "by address");
        assert!(is_replica("two:750", "127.0.0.1:88"));
        assert!(!kdcs.any_replica(&[HeardKdc { realm: "B".into(), ..heard("one", "192.0.2.1:88") }]), "none is known");
        assert!(kdcs.any_replica(&[heard("two", "192.0.2.1:88"), heard("one", "192.0.2.1:88")]), "one of several");
    }
}
