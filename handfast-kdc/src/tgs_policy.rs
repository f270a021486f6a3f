//! What the realm's policy lets a ticket have that is made from another.

use crate::authorization;
use crate::directory::PrincipalEntry;
use crate::issue::session_enctype;
use crate::lifetime::{self, Times};
use crate::on_behalf::{Standing, one_additional};
use crate::other_realms::Transited;
use crate::pac::IssuedPac;
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::tgs_exchange::{Asked, Wanted};
use alloc::format;
use alloc::vec::Vec;
use handfast::Time;
use handfast::crypto::Secret;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::message::{
    EncTicketPart, ErrorCode, HostAddress, KdcOptions, KdcReq, KdcReqBody, PrincipalName, Ticket, TicketFlags,
};

/// What asks for the ticket itself, with other times.
const AGAIN: KdcOptions = KdcOptions::RENEW.with(KdcOptions::VALIDATE);

/// Options, each with the flag that the ticket must have for it (RFC 4120 3.3.3).
const NEED_FLAGS: [(KdcOptions, TicketFlags, &str); 9] = [
    (
        KdcOptions::ALLOW_POSTDATE,
        TicketFlags::MAY_POSTDATE,
        "a ticket to postdate from was asked for, and this is none",
    ),
    (KdcOptions::POSTDATED, TicketFlags::MAY_POSTDATE, "POSTDATED was asked for, the ticket may not be postdated"),
    (KdcOptions::VALIDATE, TicketFlags::INVALID, "VALIDATE was asked for, the ticket is valid"),
    (KdcOptions::FORWARDABLE, TicketFlags::FORWARDABLE, "FORWARDABLE was asked for, the ticket is not forwardable"),
    (KdcOptions::FORWARDED, TicketFlags::FORWARDABLE, "FORWARDED was asked for, the ticket is not forwardable"),
    (KdcOptions::PROXIABLE, TicketFlags::PROXIABLE, "PROXIABLE was asked for, the ticket is not proxiable"),
    (KdcOptions::PROXY, TicketFlags::PROXIABLE, "PROXY was asked for, the ticket is not proxiable"),
    (KdcOptions::RENEWABLE, TicketFlags::RENEWABLE, "RENEWABLE was asked for, the ticket is not renewable"),
    (KdcOptions::RENEW, TicketFlags::RENEWABLE, "RENEW was asked for, the ticket is not renewable"),
];

/// Flags that go from a ticket to those that are issued from it.
const INHERITED: TicketFlags = TicketFlags::NONE
    .with(TicketFlags::PRE_AUTHENT)
    .with(TicketFlags::HW_AUTHENT)
    .with(TicketFlags::ANONYMOUS)
    .with(TicketFlags::FORWARDED)
    .with(TicketFlags::PROXY);

/// A ticket that the realm is ready to issue.
pub(crate) struct Allowed<'a> {
    pub(crate) sname: PrincipalName<'a>,
    pub(crate) session: Enctype,
    pub(crate) flags: TicketFlags,
    pub(crate) times: Times,
    pub(crate) transited: Transited,
    pub(crate) caddr: Vec<HostAddress<'a>>,
    /// What the client adds to the authorization data, decrypted.
    pub(crate) added: Option<Secret>,
    pub(crate) pac: Option<IssuedPac>,
}

impl Realm {
    /// The ticket that is wanted, made from `basis`: the one presented, or one in another's name.
    pub(crate) fn allowed<'a>(
        &self,
        asked: &Asked<'a>,
        wanted: &'a Wanted<'_>,
        evidence: Option<&EncTicketPart<'_>>,
        basis: &EncTicketPart<'a>,
    ) -> Result<Allowed<'a>, Refusal> {
        let (body, presented, service) = (&asked.message.req_body, &asked.presented, &*wanted.service);
        let issuer = if evidence.is_some() { self.name() } else { presented.sealed.realm };
        let transited = self.transited(basis, issuer)?;
        let way_checked = self.check_way(&transited, body.kdc_options, service)?;
        check_options(asked.message, presented.ticket, service)?;
        let times = self.times(body, basis, service, asked.now)?;
        let added = body.enc_authorization_data.as_ref();
        let added = added.map(|sealed| authorization::open(sealed, presented.session, presented.subkey)).transpose()?;
        let sname = named(body, service);
        let pac = self.pac(asked, wanted, evidence, basis, &sname)?;
        let flags = flags(body.kdc_options, basis, service, times.renew_till.is_some(), way_checked);
        let later = lifetime::later(&times, &self.settings, asked.now);
        Ok(Allowed {
            session: session_enctype(&body.etype, &self.settings, service)?,
            flags: if body.kdc_options.intersects(AGAIN) { flags } else { flags.with(later) },
            caddr: addresses(body, basis),
            sname,
            times,
            transited,
            added,
            pac,
        })
    }

    fn pac(
        &self,
        asked: &Asked<'_>,
        wanted: &Wanted<'_>,
        evidence: Option<&EncTicketPart<'_>>,
        basis: &EncTicketPart<'_>,
        sname: &PrincipalName<'_>,
    ) -> Result<Option<IssuedPac>, Refusal> {
        let (presented, for_krbtgt) = (&asked.presented, wanted.service.principal.is_krbtgt());
        // Whoever asks, in whatever name, is the account that the ticket presented was issued to.
        let own_pac = self.further_pac(presented.ticket, presented.sealed, for_krbtgt)?;
        match (wanted.standing, evidence) {
            (Standing::Own | Standing::UserToUser, _) => Ok(own_pac),
            (Standing::ForUser, _) => self.users_pac(basis, for_krbtgt),
            (Standing::Delegated, Some(evidence)) => {
                self.delegated_pac(evidence, one_additional(asked.message)?, presented.ticket, sname)
            }
            (Standing::Delegated, None) => Ok(None),
        }
    }

    fn times(
        &self,
        body: &KdcReqBody<'_>,
        ticket: &EncTicketPart<'_>,
        service: &PrincipalEntry,
        now: Time,
    ) -> Result<Times, Refusal> {
        if body.kdc_options.contains(KdcOptions::VALIDATE) {
            return lifetime::validated(ticket);
        }
        if !body.kdc_options.contains(KdcOptions::RENEW) {
            return lifetime::further(body, &self.settings, ticket, service, now);
        }
        match ticket.renew_till.map(Time::from) {
            Some(till) if till > now => lifetime::renewed(ticket, till, now),
            till => {
                let reason = format!("the ticket could be renewed until {till:?}");
                Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_EXPIRED, reason))
            }
        }
    }
}

/// The service as the client named it, by an alias, too (RFC 6806 6), unless it is another one: a referral.
fn named<'a>(body: &KdcReqBody<'a>, service: &'a PrincipalEntry) -> PrincipalName<'a> {
    let is_referral = service.principal.is_krbtgt();
    let asked = body.sname.as_ref().filter(|name| !is_referral || name.names(&service.principal));
    asked.cloned().unwrap_or_else(|| PrincipalName::from(&service.principal))
}

/// A renewed or validated ticket is for the service that it was for (RFC 4120 3.3.3): not a way around another service's limits.
pub(crate) fn check_renewal(body: &KdcReqBody<'_>, ticket: &Ticket<'_>) -> Result<(), Refusal> {
    let same = body.sname.as_ref() == Some(&ticket.sname) && body.realm == ticket.realm;
    if same || !body.kdc_options.intersects(AGAIN) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::KDC_ERR_SERVER_NOMATCH, "the ticket to be renewed or validated is for another service"))
}

fn check_options(message: &KdcReq<'_>, ticket: &EncTicketPart<'_>, service: &PrincipalEntry) -> Result<(), Refusal> {
    let options = message.req_body.kdc_options;
    let refused = |reason| Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
    if options.contains(KdcOptions::ANONYMOUS) && !ticket.flags.contains(TicketFlags::ANONYMOUS) {
        return refused("an anonymous ticket was asked for with one that has a name");
    }
    for (option, flag, reason) in NEED_FLAGS {
        if options.contains(option) && !ticket.flags.contains(flag) {
            return refused(reason);
        }
    }
    if options.intersects(AGAIN) && options.intersects(KdcOptions::FORWARDED | KdcOptions::PROXY) {
        return refused("a renewed or validated ticket for other addresses was asked for");
    }
    if options.contains(KdcOptions::PROXY) && service.principal.is_krbtgt() {
        return refused("a proxy ticket-granting ticket was asked for");
    }
    Ok(())
}

/// A renewed ticket keeps its flags; others inherit some and are asked for others (RFC 4120 3.3.3).
fn flags(
    options: KdcOptions,
    ticket: &EncTicketPart<'_>,
    service: &PrincipalEntry,
    renewable: bool,
    way_checked: bool,
) -> TicketFlags {
    if options.intersects(AGAIN) {
        return ticket.flags.without(TicketFlags::INITIAL).without(TicketFlags::INVALID);
    }
    let mut flags = ticket.flags & INHERITED | TicketFlags::ENC_PA_REP;
    // In another's name, a ticket may be made from one that has less than the ticket presented.
    let may = |option, flag| service.allow_forwardable && options.contains(option) && ticket.flags.contains(flag);
    for (set, flag) in [
        (renewable, TicketFlags::RENEWABLE),
        (may(KdcOptions::FORWARDABLE, TicketFlags::FORWARDABLE), TicketFlags::FORWARDABLE),
        (may(KdcOptions::PROXIABLE, TicketFlags::PROXIABLE), TicketFlags::PROXIABLE),
        (options.contains(KdcOptions::ALLOW_POSTDATE), TicketFlags::MAY_POSTDATE),
        (options.contains(KdcOptions::FORWARDED), TicketFlags::FORWARDED),
        (options.contains(KdcOptions::PROXY), TicketFlags::PROXY),
        (service.ok_as_delegate, TicketFlags::OK_AS_DELEGATE),
        (way_checked, TicketFlags::TRANSITED_POLICY_CHECKED),
    ] {
        flags = if set { flags | flag } else { flags };
    }
    flags
}

/// Forwarded and proxy tickets are for the addresses asked for, others for the ticket's.
fn addresses<'a>(body: &KdcReqBody<'a>, ticket: &EncTicketPart<'a>) -> Vec<HostAddress<'a>> {
    match body.kdc_options.intersects(KdcOptions::FORWARDED | KdcOptions::PROXY) {
        true => body.addresses.clone(),
        false => ticket.caddr.clone(),
    }
}
