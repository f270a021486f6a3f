use crate::flags::Flags;
use crate::krb5::Capaths;
use crate::krb5::enctype::Enctype;
use crate::krb5::message::{AdType, PrincipalName};
use crate::name::Principal;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// What is asked for, and what is accepted. The default asks for all there is and accepts nothing unproven.
///
/// What weakens a context has a name that says so: `dangerous_…`.
///
/// ```
/// use handfast::{Flags, Policy};
/// let policy = Policy::default();
/// assert!(policy.flags().contains(Flags::MUTUAL | Flags::REPLAY | Flags::INTEGRITY));
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    flags: Flags,
    enctypes: Vec<Enctype>,
    /// Of tickets alone.
    weak_tickets: Vec<Enctype>,
    clock_skew: Duration,
    kdc_timesync: bool,
    capaths: Capaths,
    absent_bindings: AbsentBindings,
    delegation: Delegation,
    takes_delegated: bool,
    keeps_evidence: bool,
    pac: PacPolicy,
    understood: Vec<AdType>,
    aliases: Vec<Principal>,
    iakerb: Iakerb,
    ntlm_unproven_server: bool,
    token_limit: usize,
    leg_limit: u32,
}

/// What an acceptor that knows its connection's channel bindings does with a client that sends none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AbsentBindings {
    Refuse,
    Accept,
}

/// When an initiator hands its own ticket-granting ticket on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delegation {
    Never,
    /// To services that the realm has marked for it.
    IfOkAsDelegate,
    Always,
}

/// What an acceptor does with the PAC in a client's ticket (MS-PAC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacPolicy {
    /// It is not looked at.
    Ignore,
    /// One that is there is checked, and a client whose PAC is not proven is refused; a client without one is not.
    IfPresent,
    /// A client without a PAC is refused too.
    Require,
}

/// Which IAKERB an end speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IakerbDialect {
    /// As draft-ietf-kitten-iakerb-03 says, and MIT krb5 from 1.22 on.
    #[default]
    Draft,
    /// As MIT krb5 does up to 1.21, Debian 12's among them: only the first token is framed, the realm is an OCTET STRING, and the
    /// proof over the conversation has another number and another key usage. It proves as much; no realm can be asked for,
    /// and something is carried each time, since such acceptors take no AP-REQ as their first token.
    Mit121,
}

/// What a policy says of IAKERB.
#[derive(Clone, Debug, Default)]
struct Iakerb {
    dialect: IakerbDialect,
    relay: Relay,
    offered: bool,
}

/// For whom an acceptor asks KDCs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Relay {
    #[default]
    ForNobody,
    /// For clients that want a ticket of a realm that the acceptor's keytab has keys of.
    OwnRealms,
    /// Of these realms.
    Realms(Vec<String>),
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            flags: Flags::MUTUAL | Flags::REPLAY | Flags::SEQUENCE | Flags::CONFIDENTIALITY | Flags::INTEGRITY,
            enctypes: [
                Enctype::AES256_CTS_HMAC_SHA384_192,
                Enctype::AES128_CTS_HMAC_SHA256_128,
                Enctype::AES256_CTS_HMAC_SHA1_96,
                Enctype::AES128_CTS_HMAC_SHA1_96,
                Enctype::CAMELLIA256_CTS_CMAC,
                Enctype::CAMELLIA128_CTS_CMAC,
            ]
            .into(),
            weak_tickets: Vec::new(),
            clock_skew: Duration::from_secs(300),
            kdc_timesync: true,
            capaths: Capaths::default(),
            absent_bindings: AbsentBindings::Refuse,
            delegation: Delegation::Never,
            takes_delegated: false,
            keeps_evidence: false,
            pac: PacPolicy::IfPresent,
            understood: Vec::new(),
            aliases: Vec::new(),
            iakerb: Iakerb::default(),
            ntlm_unproven_server: false,
            token_limit: 64 * 1024,
            leg_limit: 16,
        }
    }
}

impl Policy {
    /// The flags that an initiator asks for: mutual, replay, sequence, confidentiality and integrity.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Asks for `flags` as well, such as [`Flags::IDENTIFY`].
    #[must_use]
    pub fn with_flags(mut self, flags: Flags) -> Self {
        self.flags |= flags;
        self
    }

    /// The initiator asks for DCE style, as DCE RPC on Windows and Samba wants it (MS-KILE 3.4.5.1, MS-RPCE 3.3.1.5.2): Kerberos
    /// messages without framing, a third leg in which the client answers the server's proof, and tokens that leave a
    /// message in its place, [`Context::protect_parts`](crate::Context::protect_parts). Mutual, whatever else is asked for.
    ///
    /// An acceptor needs no such word: it does as its client asks.
    #[must_use]
    #[doc(alias("GSS_C_DCE_STYLE", "ISC_REQ_USE_DCE_STYLE"))]
    pub fn dce_style(self) -> Self {
        self.with_flags(Flags::DCE_STYLE | Flags::MUTUAL)
    }

    /// The flags that an acceptor insists on: [`Flags::INTEGRITY`], unless named off. Replays are the receiver's
    /// own matter: they are detected whether the peer asked for it or not.
    pub(crate) fn required_of_initiator(&self) -> Flags {
        self.flags & Flags::INTEGRITY
    }

    /// The context proves who the peer is and protects no message, as HTTP's Negotiate uses it. An acceptor then takes
    /// clients that ask for no integrity.
    #[must_use]
    pub fn authentication_only(mut self) -> Self {
        self.flags = self.flags & !(Flags::INTEGRITY | Flags::CONFIDENTIALITY);
        self
    }

    /// Messages may arrive in any order and with gaps, as over datagrams; replays are still refused.
    #[must_use]
    pub fn any_message_order(mut self) -> Self {
        self.flags = self.flags & !Flags::SEQUENCE;
        self
    }

    /// Asks for no confidentiality: messages are signed, not sealed.
    #[must_use]
    pub fn integrity_only(mut self) -> Self {
        self.flags = self.flags & !Flags::CONFIDENTIALITY;
        self
    }

    /// The initiator does not ask the acceptor to prove itself; whoever answers is believed.
    #[must_use]
    pub fn dangerous_unproven_acceptor(mut self) -> Self {
        self.flags = self.flags & !Flags::MUTUAL;
        self
    }

    /// Replayed messages are neither detected nor refused, unless the peer asks for it.
    #[must_use]
    pub fn dangerous_no_replay_detection(mut self) -> Self {
        self.flags = self.flags & !(Flags::REPLAY | Flags::SEQUENCE);
        self
    }

    /// An acceptor that knows its channel bindings takes clients that send none. Bindings that differ are refused still.
    #[must_use]
    pub fn dangerous_accept_absent_channel_bindings(mut self) -> Self {
        self.absent_bindings = AbsentBindings::Accept;
        self
    }

    pub(crate) fn absent_bindings(&self) -> AbsentBindings {
        self.absent_bindings
    }

    /// The initiator hands a ticket-granting ticket of its own to every acceptor (RFC 4121 4.1.1): whoever that is can then be
    /// this client, everywhere in the realm, until the ticket ends. A handshake that can't do so fails; the ticket that is handed on
    /// is a new one, which the KDC gives only for a forwardable login.
    #[must_use]
    #[doc(alias("GSS_C_DELEG_FLAG", "ISC_REQ_DELEGATE"))]
    pub fn dangerous_delegate(mut self) -> Self {
        self.delegation = Delegation::Always;
        self
    }

    /// The initiator hands a ticket-granting ticket of its own to acceptors that the realm trusts with it: the KDC sets
    /// OK-AS-DELEGATE in tickets for them (RFC 4120 2.8). Where that or a forwardable login is missing, the context is made
    /// without; [`Context::flags`](crate::Context::flags) tell.
    #[must_use]
    #[doc(alias("GSS_C_DELEG_POLICY_FLAG", "enforce_ok_as_delegate"))]
    pub fn delegate_if_ok_as_delegate(mut self) -> Self {
        self.delegation = Delegation::IfOkAsDelegate;
        self
    }

    pub(crate) fn delegation(&self) -> Delegation {
        self.delegation
    }

    /// An acceptor takes what its clients delegate, [`Context::delegated`](crate::Context::delegated); a client whose delegated
    /// tickets are broken or another's is refused. Without this they are not looked at.
    #[must_use]
    pub fn take_delegated(mut self) -> Self {
        self.takes_delegated = true;
        self
    }

    /// An acceptor keeps each client's ticket, [`Context::evidence`](crate::Context::evidence), to act for the client later where
    /// the realm lets the service do so (constrained delegation, MS-SFU). Without this it is forgotten once it is checked.
    #[must_use]
    pub fn keep_evidence(mut self) -> Self {
        self.keeps_evidence = true;
        self
    }

    pub(crate) fn keeps_evidence(&self) -> bool {
        self.keeps_evidence
    }

    /// What an acceptor does with the PAC in a client's ticket: [`PacPolicy::IfPresent`], unless set. It is apart from
    /// who the client is, which the ticket says.
    #[must_use]
    pub fn with_pac(mut self, pac: PacPolicy) -> Self {
        self.pac = pac;
        self
    }

    pub(crate) fn pac(&self) -> PacPolicy {
        self.pac
    }

    /// The application itself looks at elements of these types in tickets and authenticators, which would otherwise be
    /// restrictions that nobody understands, and refused (RFC 4120 5.2.6).
    #[must_use]
    pub fn with_understood_authorization_data(mut self, types: impl IntoIterator<Item = AdType>) -> Self {
        self.understood = types.into_iter().collect();
        self
    }

    pub(crate) fn understands(&self, ad_type: AdType) -> bool {
        self.understood.contains(&ad_type)
    }

    /// Names of this service that its keytab has no entry for, such as those that a realm's directory knows in another
    /// case or without the domain: a ticket for one of them may be under any key of the keytab in that realm.
    /// [`Context::local`](crate::Context::local) is the name that the client asked for.
    #[must_use]
    pub fn with_aliases(mut self, aliases: impl IntoIterator<Item = Principal>) -> Self {
        self.aliases = aliases.into_iter().collect();
        self
    }

    pub(crate) fn is_alias(&self, sname: &PrincipalName<'_>, realm: &str) -> bool {
        self.aliases.iter().any(|alias| sname.names(alias) && alias.realm() == realm)
    }

    /// An acceptor takes clients that can't reach a KDC themselves, and carries their requests to one (IAKERB): to those of the
    /// realms that its keytab has keys of. [`Accept::NeedsKdc`](crate::Accept::NeedsKdc) asks for it.
    ///
    /// Whoever can reach this acceptor then reaches its KDC, before it has proven anything: can guess passwords there, and
    /// keep it busy. What is carried are requests for tickets alone, at most 12 of them and 256 KiB in a handshake.
    #[must_use]
    pub fn relay_iakerb(mut self) -> Self {
        self.iakerb.relay = Relay::OwnRealms;
        self
    }

    /// As [`Policy::relay_iakerb`], to KDCs of these realms and no others, such as those that the users' own realm is among.
    #[must_use]
    pub fn relay_iakerb_to(mut self, realms: impl IntoIterator<Item = String>) -> Self {
        self.iakerb.relay = Relay::Realms(realms.into_iter().collect());
        self
    }

    pub(crate) fn iakerb_relay(&self) -> &Relay {
        &self.iakerb.relay
    }

    /// Which IAKERB is spoken: the draft's, unless set. With [`IakerbDialect::Mit121`] an initiator speaks that; an acceptor
    /// takes clients of both, and answers each in its own.
    ///
    /// A client's first token tells which one it speaks. The client proves all its tokens in the end, the first one too, so
    /// nobody can talk the two into the other one.
    #[must_use]
    pub fn with_iakerb_dialect(mut self, dialect: IakerbDialect) -> Self {
        self.iakerb.dialect = dialect;
        self
    }

    pub(crate) fn iakerb_dialect(&self) -> IakerbDialect {
        self.iakerb.dialect
    }

    /// An initiator that negotiates offers IAKERB too, behind Kerberos: where no KDC can be reached, the login goes through
    /// the acceptor. It sees what a KDC sees, and who it is, is proven only in the end: an impostor can try to guess a weak password
    /// from it, as can whoever listens on the way to a KDC.
    #[must_use]
    pub fn offer_iakerb(mut self) -> Self {
        self.iakerb.offered = true;
        self
    }

    pub(crate) fn offers_iakerb(&self) -> bool {
        self.iakerb.offered
    }

    pub(crate) fn takes_delegated(&self) -> bool {
        self.takes_delegated
    }

    /// The initiator may use NTLM, which never proves who the server is: whoever answers is believed, and gets a proof
    /// that a weak password can be guessed from. Without this, an NTLM handshake does not begin.
    #[must_use]
    pub fn dangerous_ntlm_unproven_server(mut self) -> Self {
        self.ntlm_unproven_server = true;
        self
    }

    pub(crate) fn permits_ntlm_unproven_server(&self) -> bool {
        self.ntlm_unproven_server
    }

    /// The encryption types that may be used, best first: the AES types of RFC 8009 and RFC 3962, then the
    /// Camellia types of RFC 6803, as MIT krb5 takes them too.
    pub fn enctypes(&self) -> &[Enctype] {
        &self.enctypes
    }

    /// Allows these encryption types and no others, best first. Weak ones among them are left out: each has a name of its own,
    /// such as [`Policy::weak_rc4`], which adds it behind these.
    #[must_use]
    pub fn with_enctypes(mut self, enctypes: impl IntoIterator<Item = Enctype>) -> Self {
        self.enctypes = enctypes.into_iter().filter(|enctype| !enctype.is_weak()).collect();
        self.weak_tickets.clear();
        self
    }

    /// Allows rc4-hmac (RFC 4757) everywhere, after all others: for the keys of passwords and of services, of sessions, and for
    /// messages, which then are those of RFC 4757 7.
    ///
    /// A password's key has no salt and costs nothing to guess, messages have a MAC of 8 octets, and the two directions
    /// of a context share key streams. For services whose *tickets* alone are of RC4 there is [`Policy::weak_rc4_tickets`].
    #[must_use]
    pub fn weak_rc4(mut self) -> Self {
        self.enctypes.retain(|enctype| *enctype != Enctype::RC4_HMAC);
        self.enctypes.push(Enctype::RC4_HMAC);
        self
    }

    /// An acceptor takes tickets that are encrypted with its key of rc4-hmac, if the session key in them is of an enctype that is
    /// permitted: a service whose keytab has no better key, in a realm that knows that it can do better.
    #[must_use]
    pub fn weak_rc4_tickets(self) -> Self {
        self.weak_tickets(Enctype::RC4_HMAC)
    }

    /// An acceptor takes tickets that are encrypted with its key of triple DES, des3-cbc-sha1-kd (RFC 3961 6.3), as
    /// [`Policy::weak_rc4_tickets`] does it for rc4-hmac. There are no sessions with such keys.
    #[must_use]
    pub fn weak_des3_tickets(self) -> Self {
        self.weak_tickets(Enctype::DES3_CBC_SHA1_KD)
    }

    fn weak_tickets(mut self, enctype: Enctype) -> Self {
        self.weak_tickets.push(enctype);
        self
    }

    /// Whether keys of `enctype` may be used: those of sessions, and of all else.
    pub fn permits(&self, enctype: Enctype) -> bool {
        self.enctypes.contains(&enctype)
    }

    /// Whether an acceptor takes tickets under its key of `enctype`, whatever the session key in them is.
    pub fn permits_ticket(&self, enctype: Enctype) -> bool {
        self.permits(enctype) || self.weak_tickets.contains(&enctype)
    }

    /// How far two clocks may be apart: 5 minutes (RFC 4120 3.1.3), unless set.
    pub fn clock_skew(&self) -> Duration {
        self.clock_skew
    }

    /// Allows clocks to be this far apart.
    #[must_use]
    pub fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.clock_skew = clock_skew;
        self
    }

    /// Whether an initiator follows the clock of its KDC where that differs from its own: on, unless set.
    pub fn kdc_timesync(&self) -> bool {
        self.kdc_timesync
    }

    /// Whether an initiator follows the clock of its KDC (`kdc_timesync` of krb5.conf(5)): a login takes the KDC's time, and tickets
    /// are asked for and presented by it, as the cache remembers it
    /// ([`TicketOptions::kdc_timesync`](crate::krb5::exchange::TicketOptions::kdc_timesync)). An acceptor never does.
    #[must_use]
    pub fn with_kdc_timesync(mut self, kdc_timesync: bool) -> Self {
        self.kdc_timesync = kdc_timesync;
        self
    }

    /// The ways between realms: an initiator goes them where no KDC refers it on; an acceptor refuses a client that
    /// came by another way, unless its KDC says that it has checked it (RFC 4120 2.7). By the hierarchy of the realms'
    /// names, unless set.
    pub fn capaths(&self) -> &Capaths {
        &self.capaths
    }

    /// Goes, and takes, these ways between realms.
    #[must_use]
    pub fn with_capaths(mut self, capaths: Capaths) -> Self {
        self.capaths = capaths;
        self
    }

    /// The longest handshake token that is looked at, in bytes: 64 KiB, unless set.
    pub fn token_limit(&self) -> usize {
        self.token_limit
    }

    /// Looks at handshake tokens of up to `limit` bytes.
    #[must_use]
    pub fn with_token_limit(mut self, limit: usize) -> Self {
        self.token_limit = limit;
        self
    }

    /// How many steps a handshake may take, KDC exchanges included: 16, unless set.
    pub fn leg_limit(&self) -> u32 {
        self.leg_limit
    }

    /// Allows this many steps.
    #[must_use]
    pub fn with_leg_limit(mut self, limit: u32) -> Self {
        self.leg_limit = limit;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_all_that_is_not_weak_and_camellia_comes_last() {
        let strong: Vec<_> = Enctype::strong().collect();
        assert_eq!(Policy::default().enctypes(), strong);
        assert_eq!(Policy::default().enctypes(), [20, 19, 18, 17, 26, 25].map(Enctype));
    }

    #[test]
    fn weak_enctypes_come_in_by_their_own_names_alone() {
        let (rc4, aes) = (Enctype::RC4_HMAC, Enctype::AES256_CTS_HMAC_SHA1_96);
        let default = Policy::default();
        assert!(!default.permits(rc4) && !default.permits_ticket(rc4));
        for enctype in Enctype::computable().filter(|enctype| enctype.is_weak()) {
            let named = default.clone().with_enctypes([enctype, aes]);
            assert_eq!((named.enctypes(), named.permits_ticket(enctype)), (&[aes][..], false));
        }
        let tickets = default.clone().weak_rc4_tickets();
        assert!(!tickets.permits(rc4) && tickets.permits_ticket(rc4) && tickets.permits_ticket(aes));
        assert!(!tickets.with_enctypes([aes]).permits_ticket(rc4));
        let des3 = Enctype::DES3_CBC_SHA1_KD;
        let tickets = default.clone().weak_des3_tickets();
        assert!(!tickets.permits(des3) && tickets.permits_ticket(des3) && !tickets.permits_ticket(rc4));
        let all = default.clone().weak_rc4().weak_rc4();
        assert_eq!(all.enctypes(), [default.enctypes(), &[rc4]].concat());
        assert_eq!(default.with_enctypes([]).weak_rc4().enctypes(), [rc4]);
    }

    #[test]
    fn each_weakening_takes_away_what_it_names() {
        let all = Policy::default();
        assert_eq!(all.flags().missing(all.clone().dangerous_unproven_acceptor().flags()), Flags::NONE);
        assert!(!all.clone().dangerous_unproven_acceptor().flags().contains(Flags::MUTUAL));
        assert!(!all.clone().integrity_only().flags().contains(Flags::CONFIDENTIALITY));
        assert!(!all.clone().any_message_order().flags().contains(Flags::SEQUENCE));
        assert!(all.clone().any_message_order().flags().contains(Flags::REPLAY));
        assert!(!all.clone().dangerous_no_replay_detection().flags().contains(Flags::REPLAY));
        assert_eq!(all.required_of_initiator(), Flags::INTEGRITY);
        assert_eq!(all.authentication_only().required_of_initiator(), Flags::NONE);
    }
}
