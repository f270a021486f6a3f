//! Tickets in another's name: S4U2self and S4U2proxy (MS-SFU), by the policy of the directory.

use crate::as_exchange::check_account;
use crate::authorization;
use crate::directory::PrincipalEntry;
use crate::preauth;
use crate::realm::Realm;
use crate::refusal::Refusal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use handfast::crypto::{Secret, constant_time_eq};
use handfast::krb5::enctype::{ChecksumKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{
    AuthorizationData, Checksum, EncTicketPart, Encoded, ErrorCode, KdcOptions, KdcReq, PaDataType, PaForUser,
    PaPacOptions, PaS4uX509User, PacOptions, PrincipalName, S4uOptions, S4uUserId, Ticket, TicketFlags,
};
use handfast::krb5::{FOR_USER_CHECKSUM_TYPE, FOR_USER_PACKAGE, for_user_checksum};
use handfast::{Principal, Time};

/// The checksum of PA-S4U-X509-USER in a request (MS-SFU 2.2.2).
const KEY_USAGE_REQUEST: KeyUsage = KeyUsage(26);
/// The same in a reply to a client that knows of it.
const KEY_USAGE_REPLY: KeyUsage = KeyUsage(27);

/// What options cannot stand beside a ticket in another's name.
const ALONE: KdcOptions = KdcOptions::RENEW
    .with(KdcOptions::VALIDATE)
    .with(KdcOptions::FORWARDED)
    .with(KdcOptions::PROXY)
    .with(KdcOptions::ENC_TKT_IN_SKEY);

/// How the ticket is asked for that a request wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In the name of the client of the ticket presented.
    Own,
    /// By a service, to itself, in a user's name (S4U2self).
    ForUser,
    /// By a service, to another one, in the name of who has a ticket to it (S4U2proxy).
    Delegated,
    /// In one's own name, under the session key of another's ticket (RFC 4120 3.7).
    UserToUser,
}

/// How the ticket is asked for, unless that contradicts itself.
pub(crate) fn standing(message: &KdcReq<'_>) -> Result<Standing, Refusal> {
    let options = message.req_body.kdc_options;
    let names_user = [PaDataType::FOR_USER, PaDataType::S4U_X509_USER]
        .iter()
        .any(|padata_type| preauth::find(&message.padata, *padata_type).is_some());
    let delegated = options.contains(KdcOptions::CNAME_IN_ADDL_TKT);
    if names_user && delegated || (names_user || delegated) && options.intersects(ALONE) {
        let reason = "a ticket in another's name was asked for, with options that don't go with it";
        return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
    }
    Ok(match (names_user, delegated) {
        (true, _) => Standing::ForUser,
        (_, true) => Standing::Delegated,
        _ if options.contains(KdcOptions::ENC_TKT_IN_SKEY) => Standing::UserToUser,
        _ => Standing::Own,
    })
}

/// The user that a service asks for a ticket to itself for (MS-SFU 3.2.5.1), and what the reply repeats of it.
pub(crate) struct ForUser<'a> {
    pub(crate) crealm: &'a str,
    pub(crate) cname: PrincipalName<'a>,
    /// PA-S4U-X509-USER of the reply, if the request had one.
    pub(crate) reply: Option<Vec<u8>>,
}

/// Who is named, by PA-FOR-USER, PA-S4U-X509-USER or both, with checksums that only the service could make.
pub(crate) fn for_user<'a>(
    message: &KdcReq<'a>,
    session: &EncryptionKey,
    subkey: Option<&EncryptionKey>,
) -> Result<ForUser<'a>, Refusal> {
    let named = preauth::find(&message.padata, PaDataType::FOR_USER);
    let named = named.map(|bytes| checked_for_user(bytes, session)).transpose()?;
    let key = subkey.unwrap_or(session);
    let newer = preauth::find(&message.padata, PaDataType::S4U_X509_USER);
    let newer = newer.map(|bytes| checked_x509_user(bytes, message.req_body.nonce, key)).transpose()?;
    match (named, newer) {
        (Some(named), Some(newer)) if named.crealm != newer.crealm || named.cname != newer.cname => {
            Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, "PA-FOR-USER and PA-S4U-X509-USER name different users"))
        }
        (_, Some(newer)) => Ok(newer),
        (Some(named), None) => Ok(named),
        (None, None) => Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, "no user is named")),
    }
}

fn malformed(what: &'static str) -> impl Fn(handfast::wire::DecodeError) -> Refusal {
    move |_| Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, what)
}

fn checked_for_user<'a>(bytes: &'a [u8], session: &EncryptionKey) -> Result<ForUser<'a>, Refusal> {
    let named = PaForUser::decode(bytes).map_err(malformed("PA-FOR-USER does not decode"))?;
    if named.cksum.cksumtype != FOR_USER_CHECKSUM_TYPE {
        let reason = "the checksum of PA-FOR-USER is not HMAC-MD5: anybody could have made it";
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_INAPP_CKSUM, reason));
    }
    let right = for_user_checksum(session, &named.user_name, named.user_realm, named.auth_package);
    if !constant_time_eq(&right, named.cksum.checksum) || named.auth_package != FOR_USER_PACKAGE {
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "the checksum of PA-FOR-USER does not fit"));
    }
    Ok(ForUser { crealm: named.user_realm, cname: named.user_name, reply: None })
}

fn checked_x509_user<'a>(bytes: &'a [u8], nonce: u32, key: &EncryptionKey) -> Result<ForUser<'a>, Refusal> {
    let named = PaS4uX509User::decode(bytes).map_err(malformed("PA-S4U-X509-USER does not decode"))?;
    let checksum = ChecksumKey::new(key, KEY_USAGE_REQUEST)?;
    if named.checksum.cksumtype != checksum.checksum_type() {
        let reason = "the checksum of PA-S4U-X509-USER is not of the type that goes with the key";
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_INAPP_CKSUM, reason));
    }
    let wrong = |reason| Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, reason);
    let fits = checksum.verify(&[named.user_id.bytes()], named.checksum.checksum);
    fits.map_err(|_| wrong("the checksum of PA-S4U-X509-USER does not fit"))?;
    if named.user_id.nonce != nonce {
        return Err(wrong("PA-S4U-X509-USER is of another request"));
    }
    let reply = Some(reply_x509_user(&named.user_id, key)?);
    let user = named.user_id.into_value();
    let no_name = || Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, "a user is named by a certificate only");
    Ok(ForUser { crealm: user.crealm, cname: user.cname.ok_or_else(no_name)?, reply })
}

/// What the reply says of the user: it is the one that was asked for, proven under the reply's key.
fn reply_x509_user(asked: &S4uUserId<'_>, key: &EncryptionKey) -> Result<Vec<u8>, Refusal> {
    let knows = asked.options.is_some_and(|options| options.contains(S4uOptions::USE_REPLY_KEY_USAGE));
    let usage = if knows { KEY_USAGE_REPLY } else { KEY_USAGE_REQUEST };
    let options = knows.then_some(S4uOptions::USE_REPLY_KEY_USAGE);
    let mut buffer = Vec::new();
    let user_id = S4uUserId { subject_certificate: None, options, ..asked.clone() };
    let user_id = Encoded::<S4uUserId<'_>>::new(user_id, &mut buffer);
    let key = ChecksumKey::new(key, usage)?;
    let mac = key.checksum(&[user_id.bytes()]);
    let checksum = Checksum { cksumtype: key.checksum_type(), checksum: &mac };
    Ok(PaS4uX509User { user_id: user_id.clone(), checksum }.to_der())
}

impl Realm {
    /// The ticket that one in the user's name is made from: like the service's own, but that it says nothing that was
    /// said of the service, and can be forwarded only where the realm trusts the service with that (MS-SFU 3.2.5.1.2).
    pub(crate) fn in_users_name<'a>(
        &self,
        user: &ForUser<'a>,
        ticket: &EncTicketPart<'a>,
        service: &PrincipalEntry,
        now: Time,
    ) -> Result<EncTicketPart<'a>, Refusal> {
        if !ticket.cname.names(&service.principal) || ticket.crealm != service.principal.realm() {
            let reason = "a service asks for a ticket in a user's name to another service than itself";
            return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
        }
        let name = user.cname.to_principal(user.crealm);
        let unknown = || Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, "the directory has no such user");
        let found = if name.realm() == self.name() { self.find(&name)? } else { None };
        let entry = found.ok_or_else(unknown)?;
        check_account(&entry, now)?;
        let mut flags = ticket.flags.without(TicketFlags::PRE_AUTHENT).without(TicketFlags::HW_AUTHENT);
        if !(service.protocol_transition && entry.allow_forwardable) {
            flags = flags.without(TicketFlags::FORWARDABLE);
        }
        Ok(EncTicketPart {
            flags,
            crealm: user.crealm,
            cname: user.cname.clone(),
            authorization_data: AuthorizationData::default(),
            ..ticket.clone()
        })
    }

    /// Opens the ticket by which a service shows whom it acts for: one to itself.
    pub(crate) fn open_evidence(&self, message: &KdcReq<'_>, own: &EncTicketPart<'_>) -> Result<Secret, Refusal> {
        let evidence = one_additional(message)?;
        // The name may be another one of the service (RFC 6806 6).
        let named = evidence.sname.to_principal(evidence.realm);
        let is_own = |entry: Arc<PrincipalEntry>| own.cname.names(&entry.principal);
        let to_itself = evidence.realm == self.name() && self.resolve(&named)?.is_some_and(is_own);
        if !to_itself || own.crealm != self.name() {
            let reason = "the ticket that shows whom the service acts for is not one to that service";
            return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
        }
        self.open_with_service_key(evidence)
    }

    /// The ticket that one to `target` is made from: the evidence, for as long as the service's own lasts (MS-SFU
    /// 3.2.5.2). By the list of the service it must be forwardable and not of that service's making; by the list of the
    /// target it need be neither.
    pub(crate) fn in_clients_name<'a>(
        &self,
        evidence: &EncTicketPart<'a>,
        own: &EncTicketPart<'_>,
        message: &KdcReq<'_>,
        target: &PrincipalEntry,
        now: Time,
    ) -> Result<EncTicketPart<'a>, Refusal> {
        let refused = |reason| Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
        if target.principal.is_krbtgt() {
            return refused("a ticket-granting ticket was asked for in another's name");
        }
        let client = evidence.cname.to_principal(evidence.crealm);
        let signed = self.further_pac(evidence, one_additional(message)?, false)?.is_some();
        if client.realm() == self.name() {
            let gone = || Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, "the client to act for is not in the directory");
            let entry = self.find(&client)?.ok_or_else(gone)?;
            check_account(&entry, now)?;
            if !entry.allow_forwardable {
                return refused("the client to act for is one that nobody may act for");
            }
        } else if !signed {
            // No service can name clients of other realms, whose directories we don't have.
            return refused("the ticket of another realm's client has no PAC of ours: the service may have made it");
        }
        let service = own.cname.to_principal(own.crealm);
        if !allows(message, &service, target)? {
            self.check_own_list(&service, target, evidence, signed)?;
        }
        let endtime = evidence.endtime.min(own.endtime);
        let shown = if signed { evidence.clone() } else { as_the_service_may_say(evidence) };
        Ok(EncTicketPart { endtime, renew_till: None, caddr: Vec::new(), ..shown })
    }

    /// By its own list, a service acts for clients that came to it with a forwardable ticket. It has the key to write such
    /// tickets itself (CVE-2020-17049), so ours are told by the signatures in their PACs; unless the service may name any
    /// user anyway.
    fn check_own_list(
        &self,
        service: &Principal,
        target: &PrincipalEntry,
        evidence: &EncTicketPart<'_>,
        signed: bool,
    ) -> Result<(), Refusal> {
        let refused = |reason| Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, reason));
        let entry = self.find(service)?.filter(|entry| entry.may_delegate_to.contains(&target.principal));
        let Some(entry) = entry else {
            return refused("neither may the service delegate to this one, nor does this one allow it");
        };
        if !evidence.flags.contains(TicketFlags::FORWARDABLE) {
            return refused("the ticket that shows whom the service acts for is not forwardable");
        }
        if !signed && !entry.protocol_transition {
            return refused(
                "the ticket that shows whom the service acts for has no PAC of ours: the service may have made it",
            );
        }
        Ok(())
    }
}

/// What counts of a ticket that its service may have made: not that the client has proven itself, nor what only a KDC says.
fn as_the_service_may_say<'a>(evidence: &EncTicketPart<'a>) -> EncTicketPart<'a> {
    let flags = evidence.flags.without(TicketFlags::PRE_AUTHENT).without(TicketFlags::HW_AUTHENT);
    EncTicketPart {
        flags,
        authorization_data: authorization::of_a_service(&evidence.authorization_data),
        ..evidence.clone()
    }
}

/// Whether the target lets the service act for others, and the client of the KDC knows of such (MS-SFU 3.2.5.2.2).
fn allows(message: &KdcReq<'_>, service: &Principal, target: &PrincipalEntry) -> Result<bool, Refusal> {
    let options = preauth::find(&message.padata, PaDataType::PAC_OPTIONS);
    let options = options.map(PaPacOptions::decode).transpose().map_err(malformed("PA-PAC-OPTIONS does not decode"))?;
    let knows = |options: PaPacOptions| options.flags.contains(PacOptions::RESOURCE_BASED_CONSTRAINED_DELEGATION);
    Ok(options.is_some_and(knows) && target.allowed_to_act.contains(service))
}

/// The one additional ticket of a request.
pub(crate) fn one_additional<'m, 'a>(message: &'m KdcReq<'a>) -> Result<&'m Ticket<'a>, Refusal> {
    match message.req_body.additional_tickets.as_slice() {
        [ticket] => Ok(ticket),
        _ => Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, "one additional ticket is needed")),
    }
}
