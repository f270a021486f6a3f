use crate::as_exchange::check_account;
use crate::authorization;
use crate::directory::PrincipalEntry;
use crate::event::Outcome;
use crate::fast::{self, Armor};
use crate::issue::{Armored, Grant, request_checksum, session_enctype};
use crate::lifetime::{self, Times};
use crate::on_behalf::{Standing, for_user, one_additional, standing};
use crate::pac;
use crate::preauth;
use crate::realm::{Realm, Request};
use crate::refusal::{Refusal, Seen};
use crate::tgs_proof::{ap_req, open_authenticator, proof};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use handfast::Time;
use handfast::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage};
use handfast::krb5::message::{
    Authenticator, EncTicketPart, ErrorCode, HostAddress, KdcExchange, KdcOptions, KdcReq, KdcReqBody, KeyRef,
    LastReqEntry, LrType, PaData, PaDataType, PrincipalName, Ticket, TicketFlags,
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

/// The ticket of a TGS request, whose proof was found right, and the keys that go with it.
struct Presented<'a> {
    sealed: &'a Ticket<'a>,
    ticket: &'a EncTicketPart<'a>,
    session: &'a EncryptionKey,
    subkey: Option<&'a EncryptionKey>,
}

impl Realm {
    /// The TGS exchange (RFC 4120 3.3.3), inside of FAST or not.
    pub(crate) fn answer_tgs(
        &self,
        request: &Request<'_>,
        message: &KdcReq<'_>,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(Vec<u8>, Outcome), Refusal> {
        let ap_req = ap_req(message)?;
        let opened = self.open_ticket(&ap_req.ticket, &message.req_body)?;
        let ticket = EncTicketPart::decode(opened.expose()).map_err(|_| unreadable("the ticket"))?;
        seen.client = Some(ticket.cname.to_principal(ticket.crealm));
        let session = self.held_key(ticket.key)?;
        let opened = open_authenticator(&ap_req, &session)?;
        let authenticator = Authenticator::decode(opened.expose()).map_err(|_| unreadable("the authenticator"))?;
        self.check_authenticator(&authenticator, &ticket, &session, message.req_body.bytes(), now, seen)?;
        let subkey = authenticator.subkey.map(|key| self.held_key(key)).transpose()?;
        let opened = fast::open_tgs_armor(message, proof(message)?, &session, subkey.as_ref())?;
        fast::check_restrictions(&ticket, &authenticator, opened.is_some())?;
        let presented =
            Presented { sealed: &ap_req.ticket, ticket: &ticket, session: &session, subkey: subkey.as_ref() };
        let Some(opened) = opened else {
            return self.answer_presented(request, message, &presented, None, now, seen);
        };
        let (inside, armor) = opened.request()?;
        seen.service = inside.req_body.sname.as_ref().map(|name| name.to_principal(inside.req_body.realm));
        let message = KdcReq { exchange: message.exchange, padata: inside.padata, req_body: inside.req_body };
        let answer = fast::check_options(inside.fast_options)
            .and_then(|()| self.answer_presented(request, &message, &presented, Some(&armor), now, seen));
        answer.map_err(|refusal| refusal.inside(armor))
    }

    /// What counts of a request is `message`: what is inside of FAST, if something is.
    fn answer_presented(
        &self,
        request: &Request<'_>,
        message: &KdcReq<'_>,
        presented: &Presented<'_>,
        armor: Option<&Armor>,
        now: Time,
        seen: &mut Seen,
    ) -> Result<(Vec<u8>, Outcome), Refusal> {
        let body = &message.req_body;
        let Presented { sealed, ticket, session, subkey } = *presented;
        self.check_presentable(sealed, body)?;
        self.check_presented(ticket, body.kdc_options, request.peer, now)?;
        self.check_issuer(ticket, sealed.realm)?;
        self.check_client(seen, now)?;

        check_renewal(body, sealed)?;
        let standing = standing(message)?;
        let to_user = (standing == Standing::UserToUser).then(|| self.to_user(message, seen, now)).transpose()?;
        let service = match &to_user {
            Some(to_user) => Arc::clone(&to_user.peer),
            None => self.service_or_referral(body, seen, now)?,
        };
        let user = (standing == Standing::ForUser).then(|| for_user(message, session, subkey)).transpose()?;
        let evidence = (standing == Standing::Delegated).then(|| self.open_evidence(message, ticket)).transpose()?;
        let evidence = evidence.as_ref().map(|opened| EncTicketPart::decode(opened.expose())).transpose();
        let evidence = evidence.map_err(|_| unreadable("the additional ticket"))?;
        let basis = match (&user, &evidence) {
            (Some(user), _) => self.in_users_name(user, ticket, &service, now)?,
            (_, Some(evidence)) => {
                self.check_ticket(evidence, None, now)?;
                self.in_clients_name(evidence, ticket, message, &service, now)?
            }
            _ => ticket.clone(),
        };
        if standing != Standing::Own {
            seen.client = Some(basis.cname.to_principal(basis.crealm));
        }
        let issuer = if evidence.is_some() { self.name() } else { sealed.realm };
        let transited = self.transited(&basis, issuer)?;
        let way_checked = self.check_way(&transited, body.kdc_options, &service)?;
        check_options(message, ticket, &service)?;
        let times = self.times(body, &basis, &service, now)?;
        let added = body.enc_authorization_data.as_ref();
        let added = added.map(|sealed| authorization::open(sealed, session, subkey)).transpose()?;
        let (for_krbtgt, sname) = (service.principal.is_krbtgt(), named(body, &service));
        // Whoever asks, in whatever name, is the account that the ticket presented was issued to.
        let own_pac = self.further_pac(ticket, sealed, for_krbtgt)?;
        let pac = match standing {
            Standing::Own | Standing::UserToUser => own_pac,
            Standing::ForUser => self.users_pac(&basis, for_krbtgt)?,
            Standing::Delegated => match &evidence {
                Some(evidence) => self.delegated_pac(evidence, one_additional(message)?, ticket, &sname)?,
                None => None,
            },
        };
        let reply_key = reply_key(session, subkey);
        let asked_for_checksum = preauth::find(&message.padata, PaDataType::REQ_ENC_PA_REP).is_some();
        let strengthened = armor.map(|armor| armor.strengthen(reply_key.0, &*self.random)).transpose()?;
        let key = strengthened.as_ref().map_or(reply_key.0, |(_, strengthened)| strengthened);
        let checksum = asked_for_checksum.then(|| ChecksumKey::new(key, KeyUsage::AS_REQ_CHECKSUM)).transpose()?;
        let later = self.later(body.kdc_options, &times, now);
        Grant {
            exchange: KdcExchange::Tgs,
            body,
            crealm: basis.crealm,
            cname: basis.cname.clone(),
            service: &service,
            sname,
            session: session_enctype(&body.etype, &self.settings, &service)?,
            session_key: None,
            flags: flags(body.kdc_options, &basis, &service, times.renew_till.is_some(), way_checked).with(later),
            transited: &transited.contents,
            times,
            caddr: addresses(body, &basis),
            authorization_data: authorization::combined(
                &pac::without_pac(&basis.authorization_data),
                added.as_ref().map(|data| data.expose().as_slice()),
            )?,
            pac,
            last_req: vec![LastReqEntry { lr_type: LrType::NONE, lr_value: now.into() }],
            key_expiration: None,
            padata: user.iter().filter_map(|user| user.reply.as_deref()).map(s4u_reply).collect(),
            user_to_user: to_user.as_ref().map(|to_user| &to_user.key),
            request_checksum: checksum.map(|key| request_checksum(&key, request.bytes)),
            reply_key: &CipherKey::new(key, reply_key.1)?,
            reply_kvno: None,
            armor: armor.zip(strengthened.as_ref()).map(|(armor, (strengthen_key, _))| Armored {
                armor,
                strengthen_key,
                now,
            }),
        }
        .issue(&*self.random)
    }

    /// The flags of a ticket that begins later.
    fn later(&self, options: KdcOptions, times: &Times, now: Time) -> TicketFlags {
        match lifetime::is_postdated(times, &self.settings, now) && !options.intersects(AGAIN) {
            true => TicketFlags::POSTDATED | TicketFlags::INVALID,
            false => TicketFlags::NONE,
        }
    }

    /// A key out of a ticket or authenticator, if it is of an enctype that is used here.
    pub(crate) fn held_key(&self, key: KeyRef<'_>) -> Result<EncryptionKey, Refusal> {
        let unusable = |error: CryptoError| Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, format!("{error}"));
        if !self.settings.permits(key.keytype) {
            return Err(unusable(CryptoError::UnsupportedEnctype(key.keytype)));
        }
        EncryptionKey::new(key.keytype, key.keyvalue).map_err(unusable)
    }

    /// A client that was removed or disabled after it got its ticket gets no further ones (RFC 4120 3.3.3.1). Another
    /// realm's clients are that realm's business.
    fn check_client(&self, seen: &Seen, now: Time) -> Result<(), Refusal> {
        if seen.client.as_ref().is_some_and(|client| client.realm() != self.name()) {
            return Ok(());
        }
        let gone = || Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, "the ticket's client is not in the directory");
        let entry = seen.client.as_ref().map(|name| self.find(name)).transpose()?.flatten();
        check_account(&*entry.ok_or_else(gone)?, now)
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

fn s4u_reply(value: &[u8]) -> PaData<'_> {
    PaData { padata_type: PaDataType::S4U_X509_USER, padata_value: value }
}

/// The service as the client named it, by an alias, too (RFC 6806 6), unless it is another one: a referral.
fn named<'a>(body: &KdcReqBody<'a>, service: &'a PrincipalEntry) -> PrincipalName<'a> {
    let is_referral = service.principal.is_krbtgt();
    let asked = body.sname.as_ref().filter(|name| !is_referral || name.names(&service.principal));
    asked.cloned().unwrap_or_else(|| PrincipalName::from(&service.principal))
}

fn unreadable(what: &str) -> Refusal {
    Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, format!("{what} does not decode"))
}

/// The subkey if there is one, and the usage that goes with it (RFC 4120 3.3.3, 7.5.1).
fn reply_key<'a>(session: &'a EncryptionKey, subkey: Option<&'a EncryptionKey>) -> (&'a EncryptionKey, KeyUsage) {
    match subkey {
        Some(subkey) => (subkey, KeyUsage::TGS_REP_ENC_PART_SUBKEY),
        None => (session, KeyUsage::TGS_REP_ENC_PART_SESSION_KEY),
    }
}

/// A renewed or validated ticket is for the service that it was for (RFC 4120 3.3.3): not a way around another service's limits.
fn check_renewal(body: &KdcReqBody<'_>, ticket: &Ticket<'_>) -> Result<(), Refusal> {
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
