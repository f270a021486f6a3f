//! The keys of an acceptor's services, by their tickets.

use crate::error::{Error, Refusal};
use crate::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::keytab::{Keytab, KeytabEntry};
use crate::krb5::message::Ticket;
use crate::krb5::pac::SignatureKey;
use crate::name::Principal;
use crate::policy::Policy;
use alloc::string::String;
use alloc::vec::Vec;

/// A key of one service, scheduled.
pub(super) struct ServiceKey {
    pub(super) service: Principal,
    pub(super) kvno: u32,
    pub(super) cipher: CipherKey,
    pub(super) signature: SignatureKey,
    pub(super) key: EncryptionKey,
}

impl ServiceKey {
    pub(super) fn new(service: Principal, kvno: u32, key: EncryptionKey) -> Result<Self, CryptoError> {
        let cipher = CipherKey::new(&key, KeyUsage::TICKET)?;
        Ok(ServiceKey { service, kvno, cipher, signature: SignatureKey::new(&key)?, key })
    }
}

/// All that a keytab has and that can be used.
pub(super) struct ServiceKeys(Vec<ServiceKey>);

impl ServiceKeys {
    pub(super) fn new(keytab: &Keytab) -> Self {
        let usable = |entry: &KeytabEntry| ServiceKey::new(entry.principal.clone(), entry.kvno, entry.key.clone()).ok();
        ServiceKeys(keytab.entries().iter().filter_map(usable).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that the ticket may be encrypted with: the one that it names, or for an alias those of all services.
    pub(super) fn find(&self, ticket: &Ticket<'_>, policy: &Policy) -> Result<Vec<&ServiceKey>, Error> {
        let is_service = |key: &&ServiceKey| ticket.sname.names(&key.service) && ticket.realm == key.service.realm();
        let (kvno, enctype) = (ticket.enc_part.kvno, ticket.enc_part.etype);
        let fits = |key: &&ServiceKey| key.cipher.enctype() == enctype && kvno.is_none_or(|kvno| kvno == key.kvno);
        let of_service = || self.0.iter().filter(is_service);
        if let Some(key) = of_service().filter(fits).max_by_key(|key| key.kvno) {
            return Ok(Vec::from([key]));
        }
        if policy.is_alias(&ticket.sname, ticket.realm) {
            let of_realm: Vec<_> =
                self.0.iter().filter(|key| key.service.realm() == ticket.realm).filter(fits).collect();
            if !of_realm.is_empty() {
                return Ok(of_realm);
            }
        }
        let held: Vec<_> = of_service().map(|key| (key.kvno, key.cipher.enctype())).collect();
        let service = ticket.sname.to_principal(ticket.realm);
        if held.is_empty() {
            return Err(Error::refused(Refusal::UnknownService { service, held: self.services() }));
        }
        Err(Error::refused(Refusal::NoKey { service, kvno, enctype, held }))
    }

    /// The keys of the realm's ticket-granting service, which a KDC's own keytab has.
    pub(super) fn of_kdc(&self, realm: &str) -> Vec<&ServiceKey> {
        let krbtgt = |key: &&ServiceKey| key.service.is_krbtgt() && key.service.realm() == realm;
        let local = |key: &&ServiceKey| key.service.components().get(1).is_some_and(|of| of == realm);
        self.0.iter().filter(krbtgt).filter(local).collect()
    }

    fn services(&self) -> Vec<Principal> {
        let mut services: Vec<Principal> = Vec::new();
        for key in &self.0 {
            if !services.contains(&key.service) {
                services.push(key.service.clone());
            }
        }
        services
    }

    /// The realms of the services, each once, in the keytab's order.
    pub(super) fn realms(&self) -> Vec<String> {
        let mut realms: Vec<String> = Vec::new();
        for key in &self.0 {
            if realms.iter().all(|realm| realm != key.service.realm()) {
                realms.push(key.service.realm().into());
            }
        }
        realms
    }
}
