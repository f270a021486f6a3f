//! Tickets under the session key of another's ticket-granting ticket (RFC 4120 2.9.2, 3.7).

use crate::directory::PrincipalEntry;
use crate::on_behalf::one_additional;
use crate::realm::Realm;
use crate::refusal::{Refusal, Seen};
use alloc::sync::Arc;
use handfast::Time;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{EncTicketPart, ErrorCode, KdcReq};

/// Who the ticket is for, and the key that it is under.
pub(crate) struct ToUser {
    pub(crate) peer: Arc<PrincipalEntry>,
    pub(crate) key: UserKey,
}

/// The session key of the peer's ticket-granting ticket.
pub(crate) struct UserKey {
    pub(crate) cipher: CipherKey,
    pub(crate) key: EncryptionKey,
}

impl Realm {
    /// The holder of the additional ticket, who must be the one that the request names (RFC 4120 3.3.3).
    pub(crate) fn to_user(&self, message: &KdcReq<'_>, seen: &Seen, now: Time) -> Result<ToUser, Refusal> {
        let additional = one_additional(message)?;
        if additional.realm != self.name() || !additional.sname.names(&self.krbtgt) {
            let reason = "the additional ticket is no ticket-granting ticket of this realm";
            return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, reason));
        }
        let opened = self.open_with_service_key(additional)?;
        let unreadable = |_| Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "the additional ticket does not decode");
        let ticket = EncTicketPart::decode(opened.expose()).map_err(unreadable)?;
        self.check_ticket(&ticket, None, now)?;
        let holder = ticket.cname.to_principal(ticket.crealm);
        if seen.service.as_ref() != Some(&holder) {
            let reason = "the additional ticket is another's than the one that is asked for";
            return Err(Refusal::new(ErrorCode::KDC_ERR_SERVER_NOMATCH, reason));
        }
        let key = self.held_key(ticket.key)?;
        let key = UserKey { cipher: CipherKey::new(&key, KeyUsage::TICKET)?, key };
        Ok(ToUser { peer: self.peer(seen, now)?, key })
    }
}
