//! Credential caches: the tickets that a client holds, in MIT's FILE format.
//!
//! The format has no RFC; it is described in MIT krb5's documentation ("Credential cache file
//! format"). Versions 1 to 4 are read, version 4 is written. Versions 1 and 2 are in the byte order of
//! the machine that wrote them: they are read as least significant byte first.
//!
//! A file is a header, the client's name, and entries one behind the other up to the end, so that a
//! ticket can be appended to it under a lock: [`CcacheEntry::encode`] makes the bytes. Some entries are
//! no tickets but configuration, such as which pre-authentication the KDC took.
//!
//! Entries and names stand by themselves, laid out as in a file of version 4, where a cache is no file: [`keyring`] has what
//! the Linux kernel keeps, [`kcm`] the messages of a daemon.

mod decode;
mod encode;
pub mod kcm;
pub mod keyring;
mod remembered;

pub use decode::decode_principal;
use encode::as_server;
pub use encode::encode_principal;

use super::held_ticket::HeldTicket;
use crate::name::{Principal, ServiceName};
use crate::time::Time;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The name of the format in errors.
const WHAT: &str = "credential cache";
/// The realm and the first component of what stands in for a server in a configuration entry.
/// As MIT krb5 names it, whose caches these are.
const PROXY_IMPERSONATOR: &str = "proxy_impersonator";
const CONFIG_REALM: &str = "X-CACHECONF:";
const CONFIG_NAME: &str = "krb5_ccache_conf_data";
/// The realm that MIT writes over [`CONFIG_REALM`] to remove a configuration entry.
const REMOVED_CONFIG_REALM: &str = "X-RMED-CONF:";

/// The tickets of one client, and what it remembers of how it got them.
///
/// ```
/// use handfast::krb5::Ccache;
/// let mut ccache = Ccache::new("alice@EXAMPLE.COM".parse()?);
/// ccache.set_config("fast_avail", None, b"yes");
/// let file = ccache.encode()?;
/// assert_eq!(Ccache::decode(file.expose())?, ccache);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "krb5_ccache")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ccache {
    /// Whose tickets they are.
    pub principal: Principal,
    /// How far the KDC's clock is ahead of the client's, if that is known.
    pub kdc_offset: Option<KdcOffset>,
    entries: Vec<CcacheEntry>,
    unknown_tags: Vec<(u16, Vec<u8>)>,
    file_version: u8,
}

/// One entry of a credential cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CcacheEntry {
    /// A ticket with its session key.
    Ticket(HeldTicket),
    /// Something to remember.
    Config(ConfigEntry),
}

/// Something that a cache remembers beside its tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Whose cache it is in.
    pub client: Principal,
    /// What is remembered: `fast_avail`, `pa_type`, `pa_config_data`, `proxy_impersonator`, `refresh_time`, …
    pub name: String,
    /// The principal that it is remembered about, written out; usually a ticket-granting service.
    pub about: Option<String>,
    /// The value.
    pub value: Vec<u8>,
}

/// How far the KDC's clock is ahead of the client's: seconds and microseconds to add to the client's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KdcOffset {
    /// Whole seconds; negative if the KDC's clock is behind.
    pub seconds: i32,
    /// Microseconds, added after the seconds.
    pub microseconds: i32,
}

impl Ccache {
    /// The largest file that is read, in bytes.
    pub const SIZE_LIMIT: usize = 64 << 20;
    /// The most addresses, and the most elements of authorization data, that an entry is read with.
    pub const LIST_LIMIT: usize = 1024;

    /// A cache without tickets.
    pub fn new(principal: Principal) -> Self {
        Ccache { principal, kdc_offset: None, entries: Vec::new(), unknown_tags: Vec::new(), file_version: 4 }
    }

    /// The version of the file that this was read from, 1 to 4. Entries may be appended to a file of
    /// version 4 only; any other is to be written anew.
    pub fn file_version(&self) -> u8 {
        self.file_version
    }

    /// Tickets and configuration, in the order of the file.
    pub fn entries(&self) -> &[CcacheEntry] {
        &self.entries
    }

    /// The tickets, in the order of the file.
    pub fn tickets(&self) -> impl Iterator<Item = &HeldTicket> {
        self.entries.iter().filter_map(CcacheEntry::ticket)
    }

    /// The configuration entries, in the order of the file.
    pub fn configs(&self) -> impl Iterator<Item = &ConfigEntry> {
        self.entries.iter().filter_map(CcacheEntry::config)
    }

    /// The ticket of the cache's own client for `server` that is good at `now`, the KDC's time; the one
    /// that is good for longest if there are several. User-to-user tickets aren't considered.
    #[doc(alias = "krb5_cc_retrieve_cred")]
    pub fn ticket_for(&self, server: &Principal, now: Time) -> Option<&HeldTicket> {
        self.best(now, |ticket| ticket.server == *server)
    }

    /// The same for a service as somebody names it: where nobody has said its realm it is taken to be of the client's, and a ticket
    /// will do that was asked for in no realm, which MIT krb5 keeps under an empty one.
    pub fn ticket_for_service(&self, service: &ServiceName, now: Time) -> Option<&HeldTicket> {
        let server = service.to_principal(self.start_realm());
        let of_no_realm = || self.ticket_for(&server.clone().with_realm(""), now);
        self.ticket_for(&server, now).or_else(|| service.realm().is_none().then(of_no_realm).flatten())
    }

    /// A ticket for the ticket-granting service of `realm`, whichever realm issued it, that is good at
    /// `now`, the KDC's time. One that `realm` itself issued goes before all others.
    pub fn tgt(&self, realm: &str, now: Time) -> Option<&HeldTicket> {
        let is_tgt =
            |server: &Principal| server.is_krbtgt() && server.components().get(1).is_some_and(|of| of == realm);
        self.ticket_for(&Principal::krbtgt(realm, realm), now)
            .or_else(|| self.best(now, |ticket| is_tgt(&ticket.server)))
    }

    fn best(&self, now: Time, wanted: impl Fn(&HeldTicket) -> bool) -> Option<&HeldTicket> {
        self.tickets()
            .filter(|ticket| !ticket.is_skey && ticket.client == self.principal && ticket.has_usable_key())
            .filter(|ticket| ticket.is_valid_at(now) && wanted(ticket))
            .max_by_key(|ticket| ticket.end_time)
    }

    /// The service that acts for the cache's client with these tickets, if one does (constrained delegation): what is remembered
    /// as `proxy_impersonator`. One that is no name is nobody.
    #[doc(alias = "proxy_impersonator")]
    pub fn impersonator(&self) -> Option<Principal> {
        core::str::from_utf8(self.config(PROXY_IMPERSONATOR, None)?).ok()?.parse().ok()
    }

    /// Says that `service` acts for the cache's client.
    pub fn set_impersonator(&mut self, service: &Principal) {
        self.set_config(PROXY_IMPERSONATOR, None, service.to_string().as_bytes());
    }

    /// The ticket of the cache's client to `service`, by which that may act for the client.
    pub fn evidence(&self, service: &Principal) -> Option<&HeldTicket> {
        self.tickets()
            .filter(|ticket| !ticket.is_skey && ticket.client == self.principal && ticket.server == *service)
            .max_by_key(|ticket| ticket.end_time)
    }

    /// Adds an entry behind all others, as a file is appended to.
    #[doc(alias = "krb5_cc_store_cred")]
    pub fn append(&mut self, entry: CcacheEntry) {
        self.entries.push(entry);
    }

    /// Adds a ticket and removes those of the same client for the same server.
    pub fn replace(&mut self, ticket: HeldTicket) {
        self.remove(|held| {
            held.client == ticket.client && held.server == ticket.server && held.is_skey == ticket.is_skey
        });
        self.append(CcacheEntry::Ticket(ticket));
    }

    /// Removes the tickets that `unwanted` returns true for; returns how many.
    #[doc(alias = "krb5_cc_remove_cred")]
    pub fn remove(&mut self, unwanted: impl Fn(&HeldTicket) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.ticket().is_some_and(&unwanted));
        before - self.entries.len()
    }

    /// What the cache remembers as `name`, about a principal or in general.
    #[doc(alias = "krb5_cc_get_config")]
    pub fn config(&self, name: &str, about: Option<&Principal>) -> Option<&[u8]> {
        let about = about.map(ToString::to_string);
        self.configs().find(|entry| entry.name == name && entry.about == about).map(|entry| entry.value.as_slice())
    }

    /// Remembers `value` as `name`, in the place of what was remembered.
    #[doc(alias = "krb5_cc_set_config")]
    pub fn set_config(&mut self, name: &str, about: Option<&Principal>, value: &[u8]) {
        self.remove_config(name, about);
        self.append(CcacheEntry::Config(ConfigEntry {
            client: self.principal.clone(),
            name: name.to_string(),
            about: about.map(ToString::to_string),
            value: value.to_vec(),
        }));
    }

    /// Forgets what was remembered as `name`; returns whether there was anything.
    pub fn remove_config(&mut self, name: &str, about: Option<&Principal>) -> bool {
        let about = about.map(ToString::to_string);
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.config().is_some_and(|held| held.name == name && held.about == about));
        before != self.entries.len()
    }
}

impl CcacheEntry {
    /// The ticket, if it is one.
    pub fn ticket(&self) -> Option<&HeldTicket> {
        match self {
            CcacheEntry::Ticket(ticket) => Some(ticket),
            CcacheEntry::Config(_) => None,
        }
    }

    /// The configuration entry, if it is one.
    pub fn config(&self) -> Option<&ConfigEntry> {
        match self {
            CcacheEntry::Ticket(_) => None,
            CcacheEntry::Config(config) => Some(config),
        }
    }
}
