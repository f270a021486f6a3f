use crate::krb5::Capaths;
use crate::krb5::enctype::Enctype;
use crate::krb5::message::PaDataType;
use crate::name::Principal;
use alloc::vec::Vec;
use core::time::Duration;

/// The methods of pre-authentication that a login uses by itself, best first: encrypted timestamp.
pub const PREAUTH: [PaDataType; 1] = [PaDataType::ENC_TIMESTAMP];

/// What a ticket shall be like. The KDC may give less.
///
/// ```
/// use handfast::krb5::exchange::TicketOptions;
/// let options = TicketOptions { forwardable: true, ..TicketOptions::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketOptions {
    /// The enctypes of keys that are taken, best first. All that this build supports and that are not weak, by default.
    pub enctypes: Vec<Enctype>,
    /// How far the KDC's clock and ours may be apart: 5 minutes by default.
    pub clock_skew: Duration,
    /// How long the ticket shall be good, from now on: a day by default. A ticket for a service ends with the
    /// ticket-granting ticket at the latest.
    pub lifetime: Duration,
    /// How long it shall be renewable, from now on, if it shall be.
    pub renewable_for: Option<Duration>,
    /// Whether the login may be forwarded to another host (RFC 4120 2.6).
    pub forwardable: bool,
    /// Whether services may get tickets for other addresses (RFC 4120 2.5).
    pub proxiable: bool,
    /// Whether a ticket request follows the KDC to another realm (RFC 6806 8). On by default.
    pub referrals: bool,
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
}

impl Default for TicketOptions {
    fn default() -> Self {
        TicketOptions {
            enctypes: Enctype::strong().collect(),
            clock_skew: Duration::from_secs(300),
            lifetime: Duration::from_secs(86_400),
            renewable_for: None,
            forwardable: false,
            proxiable: false,
            referrals: true,
            capaths: Capaths::default(),
            service: None,
            weak_string_to_key: false,
            preauth: PREAUTH.to_vec(),
        }
    }
}
