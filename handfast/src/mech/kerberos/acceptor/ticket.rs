use super::{Waiting, refuse};
use crate::crypto::Secret;
use crate::error::{Error, Refusal};
use crate::krb5::enctype::{CryptoError, EncryptionKey};
use crate::krb5::message::{EncTicketPart, Encoded, KeyRef, Ticket, TicketFlags};
use crate::krb5::{Authorization, HeldTicket};
use crate::mech::kerberos::authorization::{self, TicketKeys};
use crate::mech::kerberos::on_behalf;
use crate::mech::kerberos::service_keys::ServiceKey;
use crate::mech::kerberos::style::Style;
use crate::name::Principal;
use crate::time::Time;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What the ticket proves, once it has been decrypted.
pub(super) struct Client {
    pub(super) principal: Principal,
    pub(super) service: Principal,
    pub(super) session_key: EncryptionKey,
    pub(super) expires: Time,
    pub(super) authorization: Box<Authorization>,
    pub(super) evidence: Option<Box<HeldTicket>>,
}

impl Waiting {
    /// Decrypts the ticket with the service's key and checks what the KDC says in it (RFC 4120 3.2.3).
    pub(super) fn open_ticket(&self, ticket: &Encoded<'_, Ticket<'_>>, now: Time) -> Result<Client, Error> {
        let enctype = ticket.enc_part.etype;
        if !self.policy.permits_ticket(enctype) {
            return refuse(Refusal::EnctypeNotPermitted(enctype));
        }
        let (key, plain) = self.decrypt_ticket(ticket, now)?;
        let part = EncTicketPart::decode(key.cipher.unpadded(plain.expose()))?;
        self.check_times(&part, now)?;
        self.check_transited(&part, ticket.realm)?;
        let keys = TicketKeys { server: key, kdc: self.shared.keys.of_kdc(ticket.realm) };
        let authorization = authorization::read(&part, &ticket.sname, &keys, &self.policy)?;
        let session_key = self.permitted_key(part.key)?;
        let kept = self.policy.keeps_evidence() && !matches!(self.style, Style::UserToUser(_));
        let evidence = kept.then(|| Box::new(on_behalf::evidence_of(ticket, &part, session_key.clone())));
        Ok(Client {
            principal: part.cname.to_principal(part.crealm),
            service: if ticket.sname.names(&key.service) {
                key.service.clone()
            } else {
                ticket.sname.to_principal(ticket.realm)
            },
            session_key,
            expires: part.endtime.to_time(),
            authorization: Box::new(authorization),
            evidence,
        })
    }

    /// Tries the keys of the service, or all where the ticket is for an alias of one of them.
    fn decrypt_ticket(&self, ticket: &Ticket<'_>, now: Time) -> Result<(&ServiceKey, Secret<Vec<u8>>), Error> {
        let keys = match &self.style {
            Style::UserToUser(login) => Vec::from([login.find(ticket, now)?]),
            Style::Plain | Style::Iakerb(_) => self.shared.keys.find(ticket, &self.policy)?,
        };
        let mut refusal = None;
        for key in keys {
            match key.cipher.decrypt(ticket.enc_part.cipher) {
                Ok(plain) => return Ok((key, plain)),
                Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => {
                    let (service, enctype) = (key.service.clone(), key.cipher.enctype());
                    refusal = Some(Refusal::TicketNotDecryptable { service, enctype });
                }
                Err(error) => return Err(error.into()),
            }
        }
        // There is a key: `find` says otherwise why not.
        refuse(refusal.unwrap_or(Refusal::AuthenticatorNotDecryptable))
    }

    fn check_times(&self, part: &EncTicketPart<'_>, now: Time) -> Result<(), Error> {
        let skew = self.policy.clock_skew();
        let start = part.starttime.unwrap_or(part.authtime).to_time();
        if part.flags.contains(TicketFlags::INVALID) || start > now.saturating_add(skew) {
            return refuse(Refusal::TicketNotYetValid { start, now });
        }
        let end = part.endtime.to_time();
        if end < now.saturating_sub(skew) {
            return refuse(Refusal::TicketExpired { end, now });
        }
        Ok(())
    }

    /// A client of another realm must have come on a way that leads here, or the KDC must vouch for it (RFC 4120 2.7).
    fn check_transited(&self, part: &EncTicketPart<'_>, realm: &str) -> Result<(), Error> {
        let client_realm = part.crealm;
        if client_realm == realm || part.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED) {
            return Ok(());
        }
        let transited = part.transited.realms(client_realm, realm).map_err(|error| {
            Error::refused(Refusal::TransitedNotReadable { client_realm: client_realm.into(), error })
        })?;
        match self.policy.capaths().first_foreign(client_realm, realm, &transited) {
            Some(foreign) => refuse(Refusal::ForeignRealm { client_realm: client_realm.into(), realm: foreign.into() }),
            None => Ok(()),
        }
    }

    pub(super) fn permitted_key(&self, key: KeyRef<'_>) -> Result<EncryptionKey, Error> {
        if !self.policy.permits(key.keytype) {
            return refuse(Refusal::EnctypeNotPermitted(key.keytype));
        }
        Ok(EncryptionKey::new(key.keytype, key.keyvalue)?)
    }
}
