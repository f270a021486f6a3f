use crate::pac::Domain;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use handfast::Principal;
use handfast::krb5::Capaths;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{PaDataType, SpakeGroup};
use handfast::krb5::pac::Sid;

/// The enctypes that new principals have keys of, unless told otherwise. Tickets are encrypted with the first of the
/// service's keys: one that every service has understood since 2005.
pub const DEFAULT_ENCTYPES: [Enctype; 4] = [
    Enctype::AES256_CTS_HMAC_SHA1_96,
    Enctype::AES128_CTS_HMAC_SHA1_96,
    Enctype::AES256_CTS_HMAC_SHA384_192,
    Enctype::AES128_CTS_HMAC_SHA256_128,
];

/// What session keys may be of, unless told otherwise: what new principals have keys of, and Camellia (RFC 6803).
pub const SESSION_ENCTYPES: [Enctype; 6] = [
    Enctype::AES256_CTS_HMAC_SHA1_96,
    Enctype::AES128_CTS_HMAC_SHA1_96,
    Enctype::AES256_CTS_HMAC_SHA384_192,
    Enctype::AES128_CTS_HMAC_SHA256_128,
    Enctype::CAMELLIA256_CTS_CMAC,
    Enctype::CAMELLIA128_CTS_CMAC,
];

/// The methods of pre-authentication that are offered, unless told otherwise: encrypted challenge (inside of FAST alone),
/// encrypted timestamp. SPAKE is for realms that name it in [`Settings::preauth`], best in front of these: it costs two round trips
/// and computations on curves where the others cost one and none.
pub const PREAUTH: [PaDataType; 2] = [PaDataType::ENCRYPTED_CHALLENGE, PaDataType::ENC_TIMESTAMP];

/// The groups of SPAKE that are offered, unless told otherwise: edwards25519, the one that every client with SPAKE has
/// (RFC 9588 12.2).
pub const SPAKE_GROUPS: [SpakeGroup; 1] = [SpakeGroup::EDWARDS25519];

/// What holds for all of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest that a ticket is valid without renewal: 24 hours.
    pub max_life: Duration,
    /// The longest that a ticket can be renewed, counted from its first issue: 7 days; zero for never.
    pub max_renewable_life: Duration,
    /// How far a client's clock may be from ours (RFC 4120 1.6 (7)): 5 minutes.
    pub clock_skew: Duration,
    /// What session keys may be of. The request's order decides (RFC 4120 3.1.3), and a service takes those that it has
    /// keys of, unless its entry names others: [`SESSION_ENCTYPES`].
    pub session_enctypes: Vec<Enctype>,
    /// The ways from other realms to this one that their clients' tickets may have come; for others than those that are
    /// named, the hierarchy of realm names. Clients are referred along them, too, as far as there are keys.
    pub capaths: Capaths,
    /// Which realm a host is in that this realm has no services of: clients are referred there (RFC 6806 8). Names of
    /// hosts, or of domains with a `.` in front, in lower case; the longest that fits counts.
    pub domain_realm: Vec<(String, String)>,
    /// Other names of principals, each with the right one (RFC 6806 6). A client that takes another name than it asks for logs in
    /// by such a name; tickets for a service keep the name that was asked for. Where the right name is in another realm, the client
    /// is referred there (7). Nothing can be another name of a ticket-granting service.
    pub aliases: Vec<(Principal, Principal)>,
    /// What stands behind the `@` of enterprise names (RFC 6806 5), in lower case, and the realm that knows such users: this one,
    /// which looks for a user of the name before it, or another, to which clients are referred. This realm's own name, in lower
    /// case, needs no mention.
    pub enterprise_suffixes: Vec<(String, String)>,
    /// Whether keys of rc4-hmac (RFC 4757) are used at all: those of clients and services that have one, and session keys, where
    /// `session_enctypes` or a service's entry names them. No: such a key is as good as none.
    pub weak_rc4: bool,
    /// The longest reply that goes by UDP, in bytes; for a longer one the client is told to ask over TCP
    /// (RFC 4120 7.2.1): 4096.
    pub udp_reply_limit: usize,
    /// Whether tickets may be postdated (RFC 4120 2.4), by as long as they may be renewed at most: no.
    pub postdated: bool,
    /// The domain whose SIDs go into the PACs of tickets (MS-PAC); no PACs are issued without one.
    pub domain: Option<Domain>,
    /// The domains that other realms' clients may be of, each by the realm that issues the tickets with which they come here, and
    /// the domain's SID. PACs of a realm that is not here are left out; of one that is, SIDs of its domains alone are passed on
    /// (MS-PAC 4.1.2.2). The realm's own domain is nobody else's, whatever stands here.
    pub trusted_domains: Vec<(String, Sid)>,
    /// The methods of pre-authentication that are offered, best first, each named by its padata type: [`PREAUTH`].
    /// A client's proof by another is as good as none; a method that this build doesn't have (SPAKE takes the Cargo feature
    /// `spake`) is passed over.
    pub preauth: Vec<PaDataType>,
    /// The groups of SPAKE (RFC 9588) that are offered: [`SPAKE_GROUPS`]. The client's order decides; SPAKE is not offered if this
    /// build can't compute with any.
    pub spake_groups: Vec<SpakeGroup>,
    /// The group of the challenge that goes with the offer of SPAKE, if one shall (RFC 9588 4.6). It spares clients that know the
    /// group a round trip, and costs a computation for each first request, whoever sent it. None: clients are asked for their groups.
    pub spake_challenge: Option<SpakeGroup>,
    /// The fewest characters of a password that is set over the network: 8.
    pub min_password_length: usize,
    /// After how long a password that is set over the network has to be changed again, if it has to: never.
    pub max_password_age: Option<Duration>,
    /// How long a password stays at least before its owner may change it over the network again, unless it has expired: zero. It keeps
    /// users from going through [`Settings::password_history`] at once.
    pub min_password_age: Duration,
    /// How many passwords a new one that is set over the network must differ from, the current one counted: 1, and never fewer; more
    /// than [`PASSWORD_HISTORY_LIMIT`](crate::PASSWORD_HISTORY_LIMIT) don't count. Those before are kept as keys, one of each.
    pub password_history: u32,
    /// Who may set others' passwords over the network: nobody.
    pub password_administrators: Vec<Principal>,
    /// After how many failed proofs a client is locked out: zero for never, which it is. Whoever knows a name can lock it out.
    pub max_failures: u32,
    /// Failed proofs count together if there is no longer time between one and the next: 15 minutes; zero for any time.
    pub failure_interval: Duration,
    /// For how long a client is locked out, from its last failed proof on: 15 minutes; zero for until it is unlocked.
    pub lockout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_life: Duration::from_secs(24 * 3600),
            max_renewable_life: Duration::from_secs(7 * 24 * 3600),
            clock_skew: Duration::from_secs(300),
            session_enctypes: SESSION_ENCTYPES.to_vec(),
            capaths: Capaths::default(),
            domain_realm: Vec::new(),
            aliases: Vec::new(),
            enterprise_suffixes: Vec::new(),
            weak_rc4: false,
            udp_reply_limit: 4096,
            postdated: false,
            domain: None,
            trusted_domains: Vec::new(),
            preauth: PREAUTH.to_vec(),
            spake_groups: SPAKE_GROUPS.to_vec(),
            spake_challenge: None,
            min_password_length: 8,
            max_password_age: None,
            min_password_age: Duration::ZERO,
            password_history: 1,
            password_administrators: Vec::new(),
            max_failures: 0,
            failure_interval: Duration::from_secs(900),
            lockout: Duration::from_secs(900),
        }
    }
}

impl Settings {
    /// The realm of a host, by [`Settings::domain_realm`]. A port behind the host does not matter.
    pub(crate) fn realm_of_host(&self, host: &str) -> Option<&String> {
        let host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
        let fits = |name: &str| if name.starts_with('.') { host.ends_with(name) } else { host == name };
        let fitting = self.domain_realm.iter().filter(|(name, _)| fits(name));
        fitting.max_by_key(|(name, _)| (!name.starts_with('.'), name.len())).map(|(_, realm)| realm)
    }

    /// The realm that knows the users of enterprise names with this behind the `@`, by [`Settings::enterprise_suffixes`].
    pub(crate) fn realm_of_suffix<'s>(&'s self, suffix: &str, own: &'s str) -> Option<&'s str> {
        let mut suffixes = self.enterprise_suffixes.iter();
        let found = suffixes.find(|(known, _)| known.eq_ignore_ascii_case(suffix)).map(|(_, realm)| realm.as_str());
        found.or_else(|| own.eq_ignore_ascii_case(suffix).then_some(own))
    }

    /// Whether keys of `enctype` are used.
    pub(crate) fn permits(&self, enctype: Enctype) -> bool {
        enctype.is_strong() || (self.weak_rc4 && enctype == Enctype::RC4_HMAC)
    }
}
