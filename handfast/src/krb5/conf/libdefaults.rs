use super::value::{ConfValueError, Lookup, parse_boolean};
use super::{Conf, EnctypeList};
use crate::krb5::message::{PaDataType, SpakeGroup};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::str::FromStr;
use core::time::Duration;

/// The section `[libdefaults]`, with MIT krb5's default where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LibDefaults {
    /// The realm of names that have none.
    pub default_realm: Option<String>,
    /// How far clocks may be apart; 5 minutes.
    pub clockskew: Duration,
    /// Which encryption types are accepted at all.
    pub permitted_enctypes: Option<EnctypeList>,
    /// Which session keys are asked for in a TGS-REQ, if not what is permitted.
    pub default_tgs_enctypes: Option<EnctypeList>,
    /// Which session keys are asked for in an AS-REQ, if not what is permitted.
    pub default_tkt_enctypes: Option<EnctypeList>,
    /// Whether weak enctypes stay in the lists above; no.
    pub allow_weak_crypto: bool,
    /// Whether keys of rc4-hmac may be used; no. For MIT krb5 1.20 this is about session keys, here about all keys, and it alone lets
    /// them in, be they in a list or not.
    pub allow_rc4: bool,
    /// Whether tickets under keys of des3-cbc-sha1 are taken.
    pub allow_des3: bool,
    /// How long initial tickets are to be good; 1 day.
    pub ticket_lifetime: Duration,
    /// How long they are to be renewable; not at all.
    pub renew_lifetime: Option<Duration>,
    /// Whether they are to be forwardable; no.
    pub forwardable: bool,
    /// Whether they are to be proxiable; no.
    pub proxiable: bool,
    /// Whether they are to be good from any address; yes.
    pub noaddresses: bool,
    /// Addresses of this host that it does not know itself, for tickets that are bound to addresses; names are passed over.
    pub extra_addresses: Vec<IpAddr>,
    /// Whether the KDC may answer with another client name; no.
    pub canonicalize: bool,
    /// From which size in bytes on requests go over TCP first; 1465.
    pub udp_preference_limit: u32,
    /// Whether KDCs are looked up in the DNS if none are listed; yes.
    pub dns_lookup_kdc: bool,
    /// Whether URI records are looked up for that, too; yes.
    pub dns_uri_lookup: bool,
    /// Whether a host's realm is looked up in the DNS; no.
    pub dns_lookup_realm: bool,
    /// Whether a host's name is replaced by what the DNS calls it; no, where MIT krb5 says yes: the DNS is not proven.
    pub dns_canonicalize_hostname: CanonicalizeHostname,
    /// Whether that takes the name that its address has; yes.
    pub rdns: bool,
    /// The domain of hosts without one; none, where MIT krb5 takes the first one that the system searches.
    pub qualify_shortname: Option<String>,
    /// How many parents of a host's domain are tried as its realm; -1, for not even the domain itself.
    pub realm_try_domains: i32,
    /// The credential cache, before `%{…}` in its name is expanded.
    pub default_ccache_name: Option<String>,
    /// The keytab of acceptors, before `%{…}` in its name is expanded.
    pub default_keytab_name: Option<String>,
    /// The keytab of initiators, before `%{…}` in its name is expanded.
    pub default_client_keytab_name: Option<String>,
    /// Whether the KDC's clock is followed; yes.
    pub kdc_timesync: bool,
    /// Whether acceptors take a ticket for any host's name of their service; no.
    pub ignore_acceptor_hostname: bool,
    /// Whether tickets are delegated only where the KDC calls that safe; no.
    pub enforce_ok_as_delegate: bool,
    /// Whether a password login fails where no keytab can prove the KDC; no.
    pub verify_ap_req_nofail: bool,
    /// The methods of pre-authentication that a login tries before others, best first, if it says.
    pub preferred_preauth_types: Option<Vec<PaDataType>>,
    /// The groups of SPAKE (RFC 9588) that a login may offer, best first, if it says; names that are not known are passed over.
    pub spake_preauth_groups: Option<Vec<SpakeGroup>>,
    /// How long a request to all KDCs may take; MIT krb5's name for it.
    pub request_timeout: Option<Duration>,
    /// How long to wait for one KDC; Heimdal's name for it.
    pub kdc_timeout: Option<Duration>,
    /// How often to ask a KDC; Heimdal's name for it.
    pub max_retries: Option<u32>,
}

/// Whether a host's name is replaced by what the DNS calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanonicalizeHostname {
    /// Always.
    Yes,
    /// Never.
    No,
    /// If there is no service under the name as it is.
    Fallback,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Conf {
    /// The section `[libdefaults]`. What its subsection named as `realm` says goes first.
    ///
    /// # Errors
    /// If a value is not what its relation wants.
    pub fn libdefaults(&self, realm: Option<&str>) -> Result<LibDefaults, ConfValueError> {
        let section = self.root().section("libdefaults");
        let of_realm = realm.and_then(|realm| section?.section(realm));
        let found = Lookup { sections: [of_realm, section] };
        let allow_weak_crypto = found.boolean("allow_weak_crypto", false)?;
        let allow_rc4 = found.boolean("allow_rc4", false)?;
        let enctypes = |name| {
            let list = EnctypeList::parse_with(found.text(name)?, allow_rc4);
            Some(if allow_weak_crypto { list } else { list.without_weak() })
        };
        Ok(LibDefaults {
            default_realm: found.owned("default_realm"),
            clockskew: found.duration("clockskew")?.unwrap_or(Duration::from_secs(300)),
            permitted_enctypes: enctypes("permitted_enctypes"),
            default_tgs_enctypes: enctypes("default_tgs_enctypes"),
            default_tkt_enctypes: enctypes("default_tkt_enctypes"),
            allow_weak_crypto,
            allow_rc4,
            allow_des3: found.boolean("allow_des3", false)?,
            ticket_lifetime: found.duration("ticket_lifetime")?.unwrap_or(DAY),
            renew_lifetime: found.duration("renew_lifetime")?.filter(|lifetime| !lifetime.is_zero()),
            forwardable: found.boolean("forwardable", false)?,
            proxiable: found.boolean("proxiable", false)?,
            noaddresses: found.boolean("noaddresses", true)?,
            extra_addresses: found.text("extra_addresses").map(listed).unwrap_or_default(),
            canonicalize: found.boolean("canonicalize", false)?,
            udp_preference_limit: found.number("udp_preference_limit")?.unwrap_or(1465),
            dns_lookup_kdc: found.boolean("dns_lookup_kdc", true)?,
            dns_uri_lookup: found.boolean("dns_uri_lookup", true)?,
            dns_lookup_realm: found.boolean("dns_lookup_realm", false)?,
            dns_canonicalize_hostname: found
                .parsed("dns_canonicalize_hostname", "yes, no or fallback", CanonicalizeHostname::parse)?
                .unwrap_or(CanonicalizeHostname::No),
            rdns: found.boolean("rdns", true)?,
            qualify_shortname: found.owned("qualify_shortname"),
            realm_try_domains: found.number("realm_try_domains")?.unwrap_or(-1),
            default_ccache_name: found.owned("default_ccache_name"),
            default_keytab_name: found.owned("default_keytab_name"),
            default_client_keytab_name: found.owned("default_client_keytab_name"),
            kdc_timesync: found.boolean("kdc_timesync", true)?,
            ignore_acceptor_hostname: found.boolean("ignore_acceptor_hostname", false)?,
            enforce_ok_as_delegate: found.boolean("enforce_ok_as_delegate", false)?,
            verify_ap_req_nofail: found.boolean("verify_ap_req_nofail", false)?,
            preferred_preauth_types: found
                .text("preferred_preauth_types")
                .map(|text| listed(text).into_iter().map(PaDataType).collect()),
            spake_preauth_groups: found.text("spake_preauth_groups").map(listed),
            request_timeout: found.duration("request_timeout")?,
            kdc_timeout: found.duration("kdc_timeout")?,
            max_retries: found.number("max_retries")?,
        })
    }
}

/// What is listed with commas or white space between; each counts once, and what is none of them not at all.
fn listed<T: FromStr + PartialEq>(text: &str) -> Vec<T> {
    let mut all = Vec::new();
    for item in text.split([',', ' ', '\t', '\r', '\n']) {
        all.extend(item.parse().ok().filter(|item| !all.contains(item)));
    }
    all
}

impl CanonicalizeHostname {
    fn parse(text: &str) -> Option<Self> {
        match parse_boolean(text) {
            Some(true) => Some(CanonicalizeHostname::Yes),
            Some(false) => Some(CanonicalizeHostname::No),
            None => text.eq_ignore_ascii_case("fallback").then_some(CanonicalizeHostname::Fallback),
        }
    }
}
