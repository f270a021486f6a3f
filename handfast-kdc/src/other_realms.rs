//! Tickets from other realms, and tickets for them (RFC 4120 1.2, 3.3.3; RFC 6806 8).

use crate::directory::PrincipalEntry;
use crate::realm::Realm;
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use handfast::krb5::encode_transited;
use handfast::krb5::message::{EncTicketPart, ErrorCode, KdcOptions, KdcReqBody};
use handfast::{Principal, Time};

/// Options of requests that are about the ticket presented, which no other realm could do anything with.
const NOT_REFERRED: KdcOptions = KdcOptions::RENEW
    .with(KdcOptions::VALIDATE)
    .with(KdcOptions::FORWARDED)
    .with(KdcOptions::PROXY)
    .with(KdcOptions::CNAME_IN_ADDL_TKT)
    .with(KdcOptions::ENC_TKT_IN_SKEY);

/// The realms that a ticket has come through, as they go on.
pub(crate) struct Transited {
    /// The field's contents.
    pub(crate) contents: Vec<u8>,
    /// All of them are on the way from the client's realm to this one.
    pub(crate) on_the_way: bool,
}

impl Realm {
    /// The service that a ticket is asked for, or the ticket-granting service of a realm that is nearer to it.
    pub(crate) fn service_or_referral(
        &self,
        body: &KdcReqBody<'_>,
        seen: &Seen,
        now: Time,
    ) -> Result<Arc<PrincipalEntry>, Refusal> {
        match self.service(seen, now) {
            Err(refusal) if refusal.code == ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN => {
                self.referral(body, seen, now)?.ok_or(refusal)
            }
            found => found,
        }
    }

    /// The ticket-granting service of the realm that a service is in, or of one on the way there.
    fn referral(&self, body: &KdcReqBody<'_>, seen: &Seen, now: Time) -> Result<Option<Arc<PrincipalEntry>>, Refusal> {
        let Some(goal) = seen.service.as_ref().and_then(|service| self.realm_of(service, body.kdc_options)) else {
            return Ok(None);
        };
        for next in self.settings.capaths.path(self.name(), goal).iter().skip(1).rev() {
            let krbtgt = Seen { service: Some(Principal::krbtgt(next, self.name())), ..Seen::default() };
            match self.service(&krbtgt, now) {
                Err(refusal) if refusal.code == ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN => {}
                found => return found.map(Some),
            }
        }
        Ok(None)
    }

    /// The other realm in which a service is that was asked for here: named by a ticket-granting service, or known by
    /// the service's host, if the client can be referred on (RFC 6806 8).
    fn realm_of<'s>(&'s self, service: &'s Principal, options: KdcOptions) -> Option<&'s str> {
        if options.intersects(NOT_REFERRED) || service.realm() != self.name() {
            return None;
        }
        let realm = match service.components() {
            [_, realm] if service.is_krbtgt() => realm,
            [_, host, ..] if options.contains(KdcOptions::CANONICALIZE) => self.settings.realm_of_host(host)?,
            _ => return None,
        };
        Some(realm.as_str()).filter(|realm| *realm != self.name())
    }

    /// A ticket of another realm is one for a client of another realm: ours are our own business.
    pub(crate) fn check_issuer(&self, ticket: &EncTicketPart<'_>, issuer: &str) -> Result<(), Refusal> {
        if issuer == self.name() || ticket.crealm != self.name() {
            return Ok(());
        }
        let reason = format!("the realm {} vouches for a client of this realm", issuer.escape_debug());
        Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, reason))
    }

    /// The realms between the client's and this one: those before, and the one that issued the ticket (RFC 4120
    /// 3.3.3.2). It can't leave itself out.
    pub(crate) fn transited(&self, ticket: &EncTicketPart<'_>, issuer: &str) -> Result<Transited, Refusal> {
        let policy = |reason: String| Refusal::new(ErrorCode::KDC_ERR_POLICY, reason);
        let unreadable = |error| policy(format!("the realms that the ticket has come through: {error}"));
        let mut realms = ticket.transited.realms(ticket.crealm, issuer).map_err(unreadable)?;
        let is_end = |realm: &str| realm == ticket.crealm || realm == self.name();
        if !is_end(issuer) && !realms.iter().any(|realm| realm == issuer) {
            realms.push(issuer.into());
        }
        let foreign = self.settings.capaths.first_foreign(ticket.crealm, self.name(), &realms);
        Ok(Transited { on_the_way: foreign.is_none(), contents: encode_transited(&realms).map_err(unreadable)? })
    }

    /// Whether the ticket's way was checked and is one that leads here. A client may ask that it is not checked; then
    /// the service will have to (RFC 4120 2.7). On the way to a further realm, that one checks.
    pub(crate) fn check_way(
        &self,
        transited: &Transited,
        options: KdcOptions,
        service: &PrincipalEntry,
    ) -> Result<bool, Refusal> {
        let goes_on = service.principal.is_krbtgt() && service.principal != self.krbtgt;
        match options.contains(KdcOptions::DISABLE_TRANSITED_CHECK) {
            true => Ok(false),
            false if transited.on_the_way || goes_on => Ok(transited.on_the_way),
            false => {
                let reason = "the ticket has come through a realm that is not on the way from the client's to this one";
                Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, reason))
            }
        }
    }
}
