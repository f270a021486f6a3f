//! PACs of other realms: which of their SIDs are believed here (MS-PAC 4.1.2.2, SID filtering).

use crate::realm::Realm;
use crate::refusal::Refusal;
use alloc::vec::Vec;
use handfast::krb5::message::{EncTicketPart, ErrorCode, Ticket};
use handfast::krb5::pac::{LogonInfo, Pac, PacBufferType, PacBuilder, Sid};
use handfast::wire::EncodeError;

/// What goes on of a PAC of another realm, if its SIDs are right. Claims and keys of others are not believed.
const KEPT: [PacBufferType; 6] = [
    PacBufferType::LOGON_INFO,
    PacBufferType::CLIENT_INFO,
    PacBufferType::UPN_DNS_INFO,
    PacBufferType::DELEGATION_INFO,
    PacBufferType::ATTRIBUTES,
    PacBufferType::REQUESTOR,
];

fn refused(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::KDC_ERR_POLICY, reason)
}

fn unreadable(_: impl Sized) -> Refusal {
    refused("the PAC of another realm does not decode")
}

/// The domains whose SIDs another realm may name.
struct Trusted(Vec<Sid>);

impl Trusted {
    fn has(&self, sid: Sid) -> bool {
        sid.split().is_some_and(|(domain, _)| self.0.contains(&domain))
    }
}

impl Realm {
    /// The buffers of a PAC that another realm has issued, as far as they are believed: none where nothing is said of the
    /// domains of that realm. The one key that both realms have proves it; what it says of other domains than that realm's,
    /// of ours above all, is a lie or left out.
    pub(crate) fn filtered_pac(
        &self,
        ticket: &EncTicketPart<'_>,
        shown: &Ticket<'_>,
        bytes: &[u8],
    ) -> Result<Option<PacBuilder>, Refusal> {
        let own = self.settings.domain.as_ref().map(|domain| domain.sid);
        let named =
            self.settings.trusted_domains.iter().filter(|(realm, sid)| realm == shown.realm && Some(*sid) != own);
        let trusted = Trusted(named.map(|(_, sid)| *sid).collect());
        if trusted.0.is_empty() {
            return Ok(None);
        }
        let pac = Pac::decode(bytes).map_err(unreadable)?;
        self.check_server_signature(&pac, ticket, shown)?;
        let user = pac.logon_info().map_err(unreadable)?.map(|logon| filtered(logon, &trusted)).transpose()?;
        let sid = user.as_ref().and_then(LogonInfo::user_sid);
        let requestor = pac.requestor().map_err(unreadable)?;
        if requestor.is_some() && requestor != sid {
            return Err(refused("the PAC of another realm is of another account than asked for it"));
        }
        let mut builder = PacBuilder::of(&pac);
        let not_kept = |kind: &PacBufferType| !KEPT.contains(kind);
        for kind in pac.buffers().iter().map(|buffer| buffer.buffer_type).filter(not_kept) {
            builder.without(kind);
        }
        if let Some(logon) = &user {
            builder.logon_info(logon).map_err(too_large)?;
        }
        let upn = pac.upn_dns_info().map_err(unreadable)?.and_then(|upn| upn.sam_name_and_sid);
        if upn.is_some_and(|(_, of)| Some(of) != sid) {
            builder.without(PacBufferType::UPN_DNS_INFO);
        }
        Ok(Some(builder))
    }
}

/// Who logged on, without the SIDs that are not that realm's to give.
fn filtered(mut logon: LogonInfo, trusted: &Trusted) -> Result<LogonInfo, Refusal> {
    let user = logon.user_sid().ok_or_else(|| refused("the PAC of another realm is nobody's"))?;
    let is_theirs = logon.logon_domain_id.is_none_or(|domain| trusted.0.contains(&domain));
    if !is_theirs || !trusted.has(user) {
        return Err(refused("the PAC of another realm is of a domain that is not that realm's"));
    }
    logon.extra_sids.retain(|extra| trusted.has(extra.sid));
    logon.resource_groups = None; // Of the domain of a service, which is yet to come.
    Ok(logon)
}

fn too_large(error: EncodeError) -> Refusal {
    Refusal::new(ErrorCode::KRB_ERR_GENERIC, alloc::format!("{error}"))
}
