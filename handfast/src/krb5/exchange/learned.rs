//! What a login learns of its KDC beside the ticket.

use crate::krb5::ccache::KdcOffset;
use crate::krb5::message::{KerberosTime, Microseconds, PaDataType};
use crate::krb5::{Ccache, HeldTicket};
use crate::time::Time;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// What a login gave: a ticket, and what it is good to know for the requests that follow.
/// [`Ccache::of_login`](crate::krb5::Ccache::of_login) keeps both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// The ticket that was asked for.
    pub ticket: HeldTicket,
    /// What was learned on the way.
    pub learned: Learned,
}

/// What a login has learned of the KDC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The method of pre-authentication by which the client proved itself; none if the KDC wanted no proof.
    pub preauth: Option<PaDataType>,
    /// Whether the KDC knows FAST, as its encrypted reply says (RFC 6113 5.4.3, RFC 6806 11).
    pub fast_available: bool,
    /// How far the KDC's clock is ahead of ours; none unless [`TicketOptions::kdc_timesync`](super::TicketOptions::kdc_timesync)
    /// says that its clock is to be followed.
    pub kdc_offset: Option<KdcOffset>,
}

/// What an exchange knows of the KDC's clock.
///
/// In a login the KDC tells its time twice. The error that asks for a proof has it first. Nothing protects that outside of FAST, yet
/// the proof is made for it, as MIT krb5 does; it would be refused otherwise. Who forges it gets a proof for another time, to show to
/// the KDC then: what the KDC answers is under the client's key, and no easier to guess from than what an eavesdropper has anyway. The
/// end of the ticket is asked for by it only where our clock can't be right, certificates are not judged by it, and nothing of it is
/// kept. The time in the encrypted reply is proven: that is what is learned, and what was told before has to agree with it, which
/// MIT does not look at.
#[derive(Clone, Copy, Default)]
pub(super) struct KdcClock {
    /// From a login before.
    pub(super) known: Option<KdcOffset>,
    /// As an error of this exchange says. Inside of FAST it is proven.
    heard: Option<KdcOffset>,
}

impl KdcClock {
    /// What the KDC's clock shows, as far as is known, when ours shows `now`.
    pub(super) fn time(&self, now: Time) -> Time {
        self.heard.or(self.known).map_or(now, |offset| offset.kdc_time(now))
    }

    /// The same, but for who may have told it without proof: it is followed only where it is further than `skew` from what we would go
    /// by else, as a KDC puts up with less.
    pub(super) fn request_time(&self, now: Time, skew: Duration) -> Time {
        let (told, own) = (self.time(now), self.known.map_or(now, |offset| offset.kdc_time(now)));
        if told.abs_diff(own) <= skew { own } else { told }
    }

    /// Whether what was told agrees with what is proven.
    pub(super) fn agrees(&self, proven: KdcOffset, skew: Duration) -> bool {
        self.heard.is_none_or(|told| told.micros().abs_diff(proven.micros()) / 1_000_000 <= skew.as_secs())
    }

    /// Takes the time of an error that asks for a proof, or for another.
    pub(super) fn hear(&mut self, stime: KerberosTime, susec: Microseconds, now: Time) {
        self.heard = Some(KdcOffset::between(now, stime.with_micros(susec)));
    }

    /// The next realm's KDC has another clock.
    pub(super) fn forget_heard(&mut self) {
        self.heard = None;
    }
}

/// How far the clock of a KDC is ahead that issued a ticket at `auth_time`, in answer to a request that was made at `sent`. The
/// time in a ticket is of whole seconds, and so is this.
pub(super) fn offset_of_reply(sent: Time, auth_time: Time) -> KdcOffset {
    KdcOffset::between(sent.whole_seconds(), auth_time)
}

/// What is known of KDCs from a login before.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// How far their clock is ahead of ours.
    pub(crate) kdc_offset: Option<KdcOffset>,
    /// The realms whose KDCs take FAST.
    fast_realms: Vec<String>,
}

impl Known {
    pub(crate) fn of_cache(cache: &Ccache) -> Self {
        Known { kdc_offset: cache.kdc_offset, fast_realms: cache.fast_realms() }
    }

    /// Takes what a login at a KDC of `realm` has learned.
    pub(crate) fn learn(&mut self, realm: &str, learned: &Learned) {
        self.kdc_offset = learned.kdc_offset;
        self.fast_realms.retain(|known| known != realm);
        self.fast_realms.extend(learned.fast_available.then(|| realm.to_string()));
    }

    /// The same where the KDC's clock is followed; without its time where not.
    pub(crate) fn following_clock(mut self, kdc_timesync: bool) -> Self {
        self.kdc_offset = self.kdc_offset.filter(|_| kdc_timesync);
        self
    }

    /// What the KDC's clock shows when ours shows `now`.
    pub(crate) fn kdc_time(&self, now: Time) -> Time {
        self.kdc_offset.map_or(now, |offset| offset.kdc_time(now))
    }

    pub(super) fn knows_fast(&self, realm: &str) -> bool {
        self.fast_realms.iter().any(|known| known == realm)
    }
}
