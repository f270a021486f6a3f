use crate::krb5::enctype::Enctype;
use crate::krb5::message::{PaDataType, SpakeGroup};
use crate::krb5::{Capaths, HostAddress};
use crate::name::Principal;
use alloc::vec::Vec;
use core::time::Duration;

/// The methods of pre-authentication that a login uses by itself, best first: PKINIT (with a certificate, and
/// the Cargo feature `pkinit`), SPAKE (which takes the Cargo feature `spake`),
/// encrypted challenge (inside of FAST alone), encrypted timestamp. SPAKE gives nobody anything to guess at, not even who knows the
/// armor key; these three prove the same secret. Last a one-time password (inside of FAST alone), where the KDC takes nothing
/// else that is there.
pub const PREAUTH: [PaDataType; 5] = [
    PaDataType::PK_AS_REQ,
    PaDataType::SPAKE,
    PaDataType::ENCRYPTED_CHALLENGE,
    PaDataType::ENC_TIMESTAMP,
    PaDataType::OTP_CHALLENGE,
];

/// The groups of SPAKE that a login uses by itself: edwards25519, which every KDC with SPAKE must have (RFC 9588 12.2).
pub const SPAKE_GROUPS: [SpakeGroup; 1] = [SpakeGroup::EDWARDS25519];

/// Whether a login goes on inside of FAST (RFC 6113 5.4), which hides it and its proofs from eavesdroppers, and refusals too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FastUse {
    /// It does not, even with an armor ticket at hand.
    Off,
    /// It does if there is an armor ticket that fits, and the KDC takes it. A KDC that does not know FAST is asked without it. If
    /// the KDC's proven reply then says that it does know FAST, somebody on the way has pretended, and there is no ticket.
    #[default]
    IfPossible,
    /// It does as with [`FastUse::IfPossible`], but only with a KDC that is known to take it: a login before has found that out, and
    /// the cache says so ([`Ccache::knows_fast`](crate::krb5::Ccache::knows_fast)).
    IfKnown,
    /// It does, or there is no ticket: nothing that a KDC, or who pretends to be it, says outside of FAST is believed.
    Required,
}

/// What a ticket shall be like. The KDC may give less.
///
/// ```
/// use handfast::krb5::exchange::TicketOptions;
/// let options = TicketOptions { forwardable: true, ..TicketOptions::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketOptions {
    /// The enctypes of keys that are taken, best first: [`Enctype::strong`] by default. One that this build can't compute with,
    /// or that is weak, is passed over.
    pub enctypes: Vec<Enctype>,
    /// Whether keys of rc4-hmac (RFC 4757) are taken too, for passwords, replies and sessions, after all others. Off by default:
    /// the key of a password has no salt and costs nothing to guess.
    pub weak_rc4: bool,
    /// How far the KDC's clock and ours may be apart: 5 minutes by default.
    pub clock_skew: Duration,
    /// Whether a KDC's clock is followed where it differs from ours: a login then takes the time of its KDC, and later requests go by what
    /// it has learned (`kdc_timesync` of krb5.conf(5)). On by default. Without it a login fails if the clocks are further apart
    /// than [`clock_skew`](Self::clock_skew).
    pub kdc_timesync: bool,
    /// How long the ticket shall be good, from now on: a day by default. A ticket for a service ends with the
    /// ticket-granting ticket at the latest.
    pub lifetime: Duration,
    /// How long from now the ticket shall begin to be good: a postdated ticket, to be [validated](super::TicketRequest::validate) then
    /// (RFC 4120 2.4). Its lifetime counts from then on. At once by default. For logins.
    pub start_in: Option<Duration>,
    /// How long it shall be renewable, from now on, if it shall be.
    pub renewable_for: Option<Duration>,
    /// Whether the login may be forwarded to another host (RFC 4120 2.6).
    pub forwardable: bool,
    /// Whether services may get tickets for other addresses (RFC 4120 2.5).
    pub proxiable: bool,
    /// The addresses that a login's ticket shall be bound to (RFC 4120 5.4.1), where the KDC binds tickets at all; what comes of a
    /// bound ticket is bound as well. Good from anywhere, by default.
    pub addresses: Vec<HostAddress>,
    /// Whether a login asks for a PAC or for none (KERB-PA-PAC-REQUEST, MS-KILE 2.2.3). It leaves that to the KDC by default.
    pub request_pac: Option<bool>,
    /// Whether a ticket request follows the KDC to another realm (RFC 6806 8). On by default.
    pub referrals: bool,
    /// Whether a ticket for a service may be under another name than was asked for, which its KDC says is of the same service (RFC 6806
    /// 5): the name that then stands in the ticket, and that a context shows as its peer's. Off by default: the KDC is asked once
    /// more, without referrals, for the very name.
    #[doc(alias = "KRB5_GC_CANONICALIZE")]
    pub renamed_service: bool,
    /// Whether a login may end as another client than was asked for: one of whom that is an alias (RFC 6806 6), in this
    /// realm or in another to which the KDC refers (7). It is believed where the KDC proves, by FAST or the checksum of RFC 6806
    /// 11, what it was asked. That a KDC refers to another realm nothing proves outside of FAST: whoever answers can choose the
    /// realm that is asked next, so require [`FastUse::Required`] where that matters. For enterprise names
    /// ([`Principal::enterprise`]) it is always so; off by default for others.
    pub canonicalize: bool,
    /// The ways to other realms, where a KDC knows none itself. By the hierarchy of their names by default.
    pub capaths: Capaths,
    /// A login's service, if it shall not be for the ticket-granting service (`kadmin/changepw`, say).
    pub service: Option<Principal>,
    /// Whether a KDC may ask for fewer iterations of string-to-key than the enctype's default. It makes guessing the
    /// password from what is sent easier, for whoever pretends to be the KDC (RFC 3962 6). Off by default.
    pub weak_string_to_key: bool,
    /// The methods by which a login may prove itself, best first, each named by its padata type: [`PREAUTH`] by default.
    /// One that is not here is not used, whatever a KDC asks for; one that this build doesn't have is passed over.
    pub preauth: Vec<PaDataType>,
    /// The groups of SPAKE (RFC 9588) that are offered, best first: [`SPAKE_GROUPS`] by default. One that this build can't compute
    /// with is passed over.
    pub spake_groups: Vec<SpakeGroup>,
    /// How a login with a certificate agrees on a key.
    #[cfg(feature = "pkinit")]
    pub pkinit: crate::krb5::pkinit::PkinitOptions,
    /// Whether a login goes on inside of FAST, with [`Login::with_armor`](super::Login::with_armor): if possible, by default.
    pub fast: FastUse,
    /// Whether requests for further tickets go inside of FAST; they need no armor ticket (RFC 6113 5.4.2). By default they do where
    /// the KDC is known to take it, which [`TicketRequest::knowing`](super::TicketRequest::knowing) tells.
    pub fast_tgs: FastUse,
    /// Whether the client's name stays inside of FAST, where eavesdroppers don't see it (hide-client-names, RFC 6113 5.4.2).
    /// It counts where FAST is required, as a KDC that doesn't know FAST has to see the name. Off by default.
    pub hide_client_name: bool,
}

impl Default for TicketOptions {
    fn default() -> Self {
        TicketOptions {
            enctypes: Enctype::strong().collect(),
            weak_rc4: false,
            clock_skew: Duration::from_secs(300),
            kdc_timesync: true,
            lifetime: Duration::from_secs(86_400),
            start_in: None,
            renewable_for: None,
            forwardable: false,
            proxiable: false,
            addresses: Vec::new(),
            request_pac: None,
            referrals: true,
            renamed_service: false,
            canonicalize: false,
            capaths: Capaths::default(),
            service: None,
            weak_string_to_key: false,
            preauth: PREAUTH.to_vec(),
            spake_groups: SPAKE_GROUPS.to_vec(),
            #[cfg(feature = "pkinit")]
            pkinit: crate::krb5::pkinit::PkinitOptions::default(),
            fast: FastUse::default(),
            fast_tgs: FastUse::IfKnown,
            hide_client_name: false,
        }
    }
}

impl TicketOptions {
    /// What may be asked for, best first.
    pub(super) fn usable_enctypes(&self) -> Vec<Enctype> {
        let strong = self.enctypes.iter().copied().filter(|enctype| enctype.is_strong());
        strong.chain(self.weak_rc4.then_some(Enctype::RC4_HMAC)).collect()
    }
}
