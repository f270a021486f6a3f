//! What a login leaves beside its ticket, and what comes of it later: the offset of the KDC's clock, and configuration entries.

use super::{Ccache, CcacheEntry, ConfigEntry, KdcOffset};
use crate::krb5::exchange::{Learned, LoggedIn};
use crate::krb5::message::PaDataType;
use crate::name::Principal;
use crate::time::Time;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// Whether the KDC takes FAST: `yes`, about its ticket-granting service.
const FAST_AVAIL: &str = "fast_avail";
/// The number of the method of pre-authentication, about the ticket-granting service.
const PA_TYPE: &str = "pa_type";
/// Where the ticket-granting ticket is of another realm than the client: that realm. It is about nothing.
const START_REALM: &str = "start_realm";

impl Ccache {
    /// The cache of a new login: its ticket, and what it has learned.
    #[doc(alias = "krb5_get_init_creds_opt_set_out_ccache")]
    pub fn of_login(login: &LoggedIn) -> Self {
        let ticket = &login.ticket;
        let mut cache = Ccache::new(ticket.client.clone());
        cache.remember(&ticket.server, &login.learned);
        if let [_, realm] = ticket.server.components()
            && ticket.server.is_krbtgt()
            && realm != ticket.client.realm()
        {
            cache.set_config(START_REALM, None, realm.as_bytes());
        }
        cache.append(CcacheEntry::Ticket(ticket.clone()));
        cache
    }

    /// Takes what a login has learned that got a ticket for `server`, in the place of what was known.
    pub fn remember(&mut self, server: &Principal, learned: &Learned) {
        self.kdc_offset = learned.kdc_offset;
        self.remove_config(FAST_AVAIL, Some(server));
        self.remove_config(PA_TYPE, Some(server));
        if learned.fast_available {
            self.set_config(FAST_AVAIL, Some(server), b"yes");
        }
        if let Some(method) = learned.preauth {
            self.set_config(PA_TYPE, Some(server), method.0.to_string().as_bytes());
        }
    }

    /// Takes the configuration and the offset of the KDC's clock of another cache, in the place of its own: for a ticket that was
    /// renewed, say, which teaches nothing new.
    pub fn keep_memory_of(&mut self, other: &Ccache) {
        self.kdc_offset = other.kdc_offset;
        self.entries.retain(|entry| entry.config().is_none());
        let client = self.principal.clone();
        let configs =
            other.configs().cloned().map(|entry| CcacheEntry::Config(ConfigEntry { client: client.clone(), ..entry }));
        self.entries.splice(0..0, configs);
    }

    /// Whether a KDC of `realm` is known to take FAST, from a login there (`fast_avail`).
    pub fn knows_fast(&self, realm: &str) -> bool {
        self.config(FAST_AVAIL, Some(&Principal::krbtgt(realm, realm))).is_some()
    }

    /// The realms whose KDCs are known to take FAST.
    pub fn fast_realms(&self) -> Vec<String> {
        let noted = self.configs().filter(|entry| entry.name == FAST_AVAIL);
        let servers = noted.filter_map(|entry| entry.about.as_deref()?.parse::<Principal>().ok());
        servers
            .filter(|server| *server == Principal::krbtgt(server.realm(), server.realm()))
            .map(|server| server.realm().to_string())
            .collect()
    }

    /// The method by which the login in `realm` proved itself (`pa_type`).
    pub fn preauth_method(&self, realm: &str) -> Option<PaDataType> {
        let noted = self.config(PA_TYPE, Some(&Principal::krbtgt(realm, realm)))?;
        core::str::from_utf8(noted).ok()?.parse().ok().map(PaDataType)
    }

    /// The realm to ask first for further tickets: that of the ticket-granting ticket that the login gave (`start_realm`), else the
    /// client's.
    pub fn start_realm(&self) -> &str {
        let noted = self.config(START_REALM, None).and_then(|noted| core::str::from_utf8(noted).ok());
        noted.unwrap_or_else(|| self.principal.realm())
    }

    /// `client_time` by the KDC's clock, as far as it is known.
    pub fn kdc_time(&self, client_time: Time) -> Time {
        self.kdc_offset.map_or(client_time, |offset| offset.kdc_time(client_time))
    }
}

impl KdcOffset {
    /// What the KDC's clock shows when the client's shows `client_time`.
    pub fn kdc_time(self, client_time: Time) -> Time {
        let micros = self.micros();
        moved(client_time, micros < 0, micros.unsigned_abs())
    }

    /// What the client's clock shows when the KDC's shows `kdc_time`.
    pub fn client_time(self, kdc_time: Time) -> Time {
        let micros = self.micros();
        moved(kdc_time, micros > 0, micros.unsigned_abs())
    }

    /// The offset in microseconds.
    pub fn micros(self) -> i64 {
        i64::from(self.seconds) * 1_000_000 + i64::from(self.microseconds)
    }

    /// The offset between two readings of the same moment; saturates at about 68 years.
    pub fn between(client_time: Time, kdc_time: Time) -> Self {
        let micros = kdc_time.unix_micros().saturating_sub(client_time.unix_micros());
        let seconds = micros.div_euclid(1_000_000);
        let saturated = if seconds < 0 { i32::MIN } else { i32::MAX };
        KdcOffset {
            seconds: i32::try_from(seconds).unwrap_or(saturated),
            microseconds: i32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0),
        }
    }
}

fn moved(time: Time, back: bool, micros: u64) -> Time {
    let distance = Duration::from_micros(micros);
    if back { time.saturating_sub(distance) } else { time.saturating_add(distance) }
}
