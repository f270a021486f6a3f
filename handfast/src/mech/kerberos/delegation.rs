//! The client's tickets for the acceptor to use: a KRB-CRED in the authenticator's checksum (RFC 4121 4.1.1, RFC 4120 5.8.1).
//!
//! It is under the session key of the ticket that is presented. Some initiators take the subkey, and old MIT krb5 leaves it in
//! the clear (RFC 6448), as the authenticator around it is encrypted; all three are read, the first is written.

use super::credential::Secrets;
use super::decrypt;
use super::initiator::Handshake;
use crate::crypto::{Random, Secret};
use crate::error::{CredentialError, DelegationRefusal, Error, Refusal};
use crate::krb5::enctype::{CipherKey, EncryptionKey, Enctype, KeyUsage};
use crate::krb5::exchange::{ExchangeError, ExchangeStep, TicketRequest};
use crate::krb5::message::{
    EncKrbCredPart, Encoded, EncryptedData, HostAddress, KerberosTime, KeyRef, KrbCred, KrbCredInfo, PrincipalName,
    Ticket, TicketFlags,
};
use crate::krb5::{self, HeldTicket};
use crate::mech::{InitiateInput, InitiateStep, Initiating, Progress};
use crate::name::Principal;
use crate::policy::{Delegation, Policy};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Handshake {
    /// The client's own ticket-granting ticket, if the service of `ticket` shall have one like it.
    pub(super) fn to_hand_on(&self, ticket: &HeldTicket, now: Time) -> Result<Option<Arc<HeldTicket>>, Error> {
        let always = match self.policy.delegation() {
            Delegation::Never => return Ok(None),
            Delegation::IfOkAsDelegate if !ticket.flags.contains(TicketFlags::OK_AS_DELEGATE) => return Ok(None),
            delegation => delegation == Delegation::Always,
        };
        let client = self.credential.acting();
        let service = self.home();
        match self.credential.find(&service, &self.policy, now) {
            Some(tgt) if tgt.flags.contains(TicketFlags::FORWARDABLE) => Ok(Some(tgt)),
            _ if !always => Ok(None),
            Some(_) => Err(CredentialError::NotForwardable { client }.into()),
            None => Err(CredentialError::NoTicket { client, service }.into()),
        }
    }

    /// Whether there may be a ticket for the service, but none that a ticket to hand on can be had for, and a login helps.
    pub(super) fn must_log_in_to_delegate(&self, now: Time) -> bool {
        let can_log_in = !matches!(self.credential.secrets(), Secrets::None);
        self.policy.delegation() != Delegation::Never
            && can_log_in
            && self.credential.find(&self.home(), &self.policy, now).is_none()
    }

    fn home(&self) -> Principal {
        let client = self.credential.acting();
        Principal::krbtgt(client.realm(), client.realm())
    }
}

/// Asks the KDC for a ticket-granting ticket to hand on.
pub(super) struct AskingToHandOn {
    pub(super) handshake: Handshake,
    /// For the service.
    pub(super) ticket: Arc<HeldTicket>,
    pub(super) exchange: TicketRequest,
}

impl Initiating for AskingToHandOn {
    fn step(self: Box<Self>, input: InitiateInput<'_>, now: Time, out: &mut Vec<u8>) -> Result<InitiateStep, Error> {
        let AskingToHandOn { mut handshake, ticket, exchange } = *self;
        match exchange.reply(handshake.kdc_reply(input, now)?, now) {
            Ok(ExchangeStep::NeedsKdc(exchange, request)) => {
                handshake.ask_kdc(request, out, |handshake| Box::new(AskingToHandOn { handshake, ticket, exchange }))
            }
            Ok(ExchangeStep::NeedsAnswer(..)) => {
                Err(Error::ApiMisuse("a request for a ticket asks nobody but the KDC"))
            }
            Ok(ExchangeStep::Complete(acquired)) => handshake.present(ticket, Some(&acquired.ticket), now, out),
            Err(ExchangeError::Refused(_)) if handshake.policy.delegation() == Delegation::IfOkAsDelegate => {
                handshake.present(ticket, None, now, out)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn progress(&self) -> Progress {
        self.handshake.progress()
    }
}

/// Writes the KRB-CRED that hands `ticket` on.
pub(super) fn write(
    ticket: &HeldTicket,
    session_key: &EncryptionKey,
    random: &dyn Random,
    now: Time,
) -> Result<Vec<u8>, Error> {
    let mut confounder = [0; 16];
    random.fill(&mut confounder)?;
    let part = EncKrbCredPart {
        ticket_info: Vec::from([info(ticket)]),
        nonce: None,
        timestamp: Some(now.into()),
        usec: Some(now.into()),
        s_address: None,
        r_address: None,
    };
    let plain = Secret::new(part.to_der());
    let mut cipher = Vec::new();
    CipherKey::new(session_key, KeyUsage::KRB_CRED_ENC_PART)?.encrypt(&confounder, plain.expose(), &mut cipher);
    let enc_part = EncryptedData { etype: session_key.enctype(), kvno: None, cipher: &cipher };
    let tickets = Vec::from([Encoded::<Ticket<'_>>::decode(&ticket.ticket)?]);
    Ok(KrbCred { tickets, enc_part }.to_der())
}

fn info(ticket: &HeldTicket) -> KrbCredInfo<'_> {
    KrbCredInfo {
        key: KeyRef::from(&ticket.key),
        prealm: Some(ticket.client.realm()),
        pname: Some(PrincipalName::from(&ticket.client)),
        flags: Some(ticket.flags),
        authtime: Some(ticket.auth_time.into()),
        starttime: Some(ticket.starts().into()),
        endtime: Some(ticket.end_time.into()),
        renew_till: ticket.renew_till.map(KerberosTime::from),
        srealm: Some(ticket.server.realm()),
        sname: Some(PrincipalName::from(&ticket.server)),
        caddr: ticket.addresses.iter().map(address).collect(),
    }
}

fn address(address: &krb5::HostAddress) -> HostAddress<'_> {
    HostAddress { addr_type: crate::krb5::message::AddressType(address.addr_type), address: &address.address }
}

/// What an acceptor knows of a client that delegates.
pub(super) struct Delegator<'a> {
    pub(super) client: &'a Principal,
    /// The session key of the ticket that was presented.
    pub(super) session_key: &'a EncryptionKey,
    /// The client's subkey.
    pub(super) subkey: Option<&'a EncryptionKey>,
    pub(super) policy: &'a Policy,
}

impl Delegator<'_> {
    /// The tickets in a KRB-CRED: of this client, current, with keys that may be used, and a ticket-granting one among them.
    ///
    /// Addresses and a nonce say nothing here: the message is bound to the authenticator that it stands in.
    pub(super) fn read(&self, message: &[u8], now: Time) -> Result<Vec<HeldTicket>, Error> {
        let message = KrbCred::decode(message)?;
        let plain = self.open(&message.enc_part)?;
        let part = EncKrbCredPart::decode(plain.expose())?;
        self.check_time(&part, now)?;
        if part.ticket_info.len() != message.tickets.len() {
            return refuse(DelegationRefusal::Malformed("as many keys as tickets"));
        }
        let both = message.tickets.iter().zip(&part.ticket_info);
        let held = both.map(|(ticket, info)| self.take(ticket, info, now)).collect::<Result<Vec<_>, Error>>()?;
        let grants = held.iter().any(|ticket| ticket.server.is_krbtgt());
        if grants { Ok(held) } else { refuse(DelegationRefusal::Malformed("a ticket-granting ticket")) }
    }

    fn open(&self, encrypted: &EncryptedData<'_>) -> Result<Secret<Vec<u8>>, Error> {
        const IN_THE_CLEAR: Enctype = Enctype(0);
        if encrypted.etype == IN_THE_CLEAR {
            return Ok(Secret::new(encrypted.cipher.to_vec()));
        }
        let refusal = || Refusal::Delegation(DelegationRefusal::NotDecryptable);
        let under = |key| decrypt(&CipherKey::new(key, KeyUsage::KRB_CRED_ENC_PART)?, encrypted, refusal());
        match (under(self.session_key), self.subkey) {
            (Err(_), Some(subkey)) => under(subkey),
            (opened, _) => opened,
        }
    }

    fn check_time(&self, part: &EncKrbCredPart<'_>, now: Time) -> Result<(), Error> {
        let Some(timestamp) = part.timestamp else { return Ok(()) };
        let made = part.usec.map_or(timestamp.to_time(), |usec| timestamp.with_micros(usec));
        let limit = self.policy.clock_skew();
        match made.abs_diff(now) > limit {
            true => Err(Error::refused(Refusal::ClockSkew { seconds: made.seconds_since(now), limit })),
            false => Ok(()),
        }
    }

    fn take(&self, ticket: &Encoded<'_, Ticket<'_>>, info: &KrbCredInfo<'_>, now: Time) -> Result<HeldTicket, Error> {
        let client = principal(info.pname.as_ref(), info.prealm, "the name of its client")?;
        if client != *self.client {
            let (client, delegated) = (self.client.clone(), client);
            return refuse(DelegationRefusal::OfAnother { client, delegated });
        }
        let server = principal(info.sname.as_ref(), info.srealm, "the name of its service")?;
        if !ticket.sname.names(&server) || ticket.realm != server.realm() {
            return refuse(DelegationRefusal::Malformed("the same service inside and outside"));
        }
        if !self.policy.permits(info.key.keytype) {
            return Err(Error::refused(Refusal::EnctypeNotPermitted(info.key.keytype)));
        }
        let Some(end) = info.endtime else { return refuse(DelegationRefusal::Malformed("the end of its time")) };
        let end_time = end.to_time();
        if end_time <= now {
            return Err(Error::refused(Refusal::TicketExpired { end: end_time, now }));
        }
        Ok(HeldTicket {
            client,
            server,
            key: info.key.to_key()?,
            auth_time: info.authtime.or(info.starttime).map_or(now, KerberosTime::to_time),
            start_time: info.starttime.map(KerberosTime::to_time),
            end_time,
            renew_till: info.renew_till.map(KerberosTime::to_time),
            is_skey: false,
            flags: info.flags.unwrap_or(TicketFlags::NONE),
            addresses: info.caddr.iter().map(held_address).collect(),
            authorization_data: Vec::new(),
            ticket: ticket.bytes().to_vec(),
            second_ticket: Vec::new(),
        })
    }
}

fn held_address(address: &HostAddress<'_>) -> krb5::HostAddress {
    krb5::HostAddress { addr_type: address.addr_type.0, address: address.address.to_vec() }
}

fn principal(name: Option<&PrincipalName<'_>>, realm: Option<&str>, missing: &'static str) -> Result<Principal, Error> {
    match (name, realm) {
        (Some(name), Some(realm)) => Ok(name.to_principal(realm)),
        _ => refuse(DelegationRefusal::Malformed(missing)),
    }
}

fn refuse<T>(refusal: DelegationRefusal) -> Result<T, Error> {
    Err(Error::refused(Refusal::Delegation(refusal)))
}
