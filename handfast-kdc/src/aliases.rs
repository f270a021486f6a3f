//! Names that stand for others: aliases, enterprise names, and clients of other realms (RFC 6806 5, 6, 7).

use crate::directory::{DirectoryError, PrincipalEntry};
use crate::realm::Realm;
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::sync::Arc;
use handfast::krb5::message::{ErrorCode, KdcOptions, KdcReqBody};
use handfast::{NameType, Principal};

impl Realm {
    /// The principal of that name, or the one of this realm that it is another name of.
    pub(crate) fn resolve(&self, name: &Principal) -> Result<Option<Arc<PrincipalEntry>>, DirectoryError> {
        match self.find(name)? {
            Some(entry) => Ok(Some(entry)),
            None => self.right_name(name).map_or(Ok(None), |right| self.find(right)),
        }
    }

    /// The client of a login, by its own name or, if it takes another than it asked for, by another. `seen` then has the right
    /// one. Who logs in under a name that another realm knows is referred there.
    pub(crate) fn named_client(&self, body: &KdcReqBody<'_>, seen: &mut Seen) -> Result<Arc<PrincipalEntry>, Refusal> {
        let unknown = |reason| Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, reason);
        let name = seen.client.clone().ok_or_else(|| unknown("the request names no client"))?;
        let gone = || unknown("the directory has no such client");
        let enterprise = name.name_type() == NameType::ENTERPRISE;
        if !enterprise && let Some(entry) = self.find(&name)? {
            return Ok(entry);
        }
        if !enterprise && !body.kdc_options.contains(KdcOptions::CANONICALIZE) {
            return Err(gone());
        }
        let right = match self.right_name(&name) {
            Some(right) => right.clone(),
            None => enterprise.then(|| self.of_enterprise(&name)).flatten().ok_or_else(gone)?,
        };
        if right.realm() != self.name() {
            let reason = format!("the realm {} knows this client", right.realm());
            seen.client = Some(name.with_realm(right.realm()));
            return Err(Refusal::new(ErrorCode::KDC_ERR_WRONG_REALM, reason));
        }
        let entry = self.find(&right)?.ok_or_else(gone)?;
        seen.client = Some(entry.principal.clone());
        Ok(entry)
    }

    /// What a name is another name of. Never a ticket-granting service, which would be a referral (RFC 6806 6).
    fn right_name(&self, name: &Principal) -> Option<&Principal> {
        let (_, right) = self.settings.aliases.iter().find(|(alias, _)| alias == name)?;
        Some(right).filter(|right| !right.is_krbtgt() && !name.is_krbtgt())
    }

    /// The user that an enterprise name means, by what stands behind its last `@`; one without is a name of this realm.
    fn of_enterprise(&self, name: &Principal) -> Option<Principal> {
        let [text] = name.components() else { return None };
        let (user, realm) = match text.rsplit_once('@') {
            Some((user, suffix)) => (user, self.settings.realm_of_suffix(suffix, self.name())?),
            None => (text.as_str(), self.name()),
        };
        Some(Principal::new(NameType::PRINCIPAL, [user], realm)).filter(|_| !user.is_empty())
    }
}
