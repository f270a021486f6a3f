use super::asked::{draw_confounder, draw_nonce};
use super::learned::KdcClock;
use super::password_error::{PasswordError, PasswordRefusal};
use crate::crypto::{Random, Secret};
use crate::krb5::ccache::KdcOffset;
use crate::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    self, AddressType, ApOptions, ApRep, ApReq, Authenticator, AuthorizationData, ChangePasswdData, EncApRepPart,
    EncKrbPrivPart, Encoded, EncryptedData, KeyRef, KrbError, KrbPriv, PasswordMessage, PasswordResult,
    PasswordResultCode, PrincipalName, Ticket,
};
use crate::krb5::{HeldTicket, HostAddress};
use crate::name::{NameType, Principal};
use crate::time::Time;
use crate::wire::{DecodeError, DecodeReason};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// The longest reply that is looked at, in bytes: two messages of a few hundred, and a text.
pub const PASSWORD_REPLY_LIMIT: usize = 16_384;

/// The first octet of a KRB-ERROR. No reply within the limit begins with it, since that would be its length.
const KRB_ERROR: u8 = 0x60 | 30;

/// A directional address (RFC 4120 7.1): of who sent the AP-REQ, and of who took it.
const INITIATOR: [u8; 4] = [0, 0, 0, 0];
const ACCEPTOR: [u8; 4] = [0, 0, 0, 1];

/// A new password on its way to the password service (RFC 3244).
///
/// One's own is changed with a ticket for `kadmin/changepw` that came from the password itself: [`Login`](super::Login) gets it
/// with [`TicketOptions::service`](super::TicketOptions), or by itself for a password that has expired. Another's is set with a ticket
/// of somebody who may do that.
///
/// The request says where it is sent from, which a driver knows once it has a socket: each server that is asked gets an exchange of its
/// own, by [`PasswordChange::begin`]. A request that was not answered may have been heard: the old password may be gone.
///
/// ```
/// # use handfast::krb5::HeldTicket;
/// # use handfast::krb5::exchange::{PasswordChange, PasswordError, PasswordStep};
/// # use handfast::{Time, crypto::{OsRandom, Secret}};
/// # use std::sync::Arc;
/// # fn change(ticket: &HeldTicket, now: Time, send: impl Fn(&[u8]) -> Vec<u8>) -> Result<(), PasswordError> {
/// let change = PasswordChange::new(ticket, Secret::new(b"correct horse".to_vec()), Arc::new(OsRandom));
/// let mut exchange = change.begin(None, now)?;
/// loop {
///     let reply = send(exchange.request());
///     exchange = match exchange.reply(&reply, now)? {
///         PasswordStep::NeedsServer(next) => next,
///         PasswordStep::Complete => return Ok(()),
///     };
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct PasswordChange {
    wish: Arc<Wish>,
    clock: KdcClock,
}

/// What is wanted.
struct Wish {
    ticket: HeldTicket,
    new_password: Secret<Vec<u8>>,
    /// Whose, if not the client's own.
    target: Option<Principal>,
    random: Arc<dyn Random>,
}

/// A request to one server, and what its reply is held against.
pub struct PasswordExchange {
    change: PasswordChange,
    /// Where the request is sent from.
    from: Option<HostAddress>,
    version: u16,
    request: Vec<u8>,
    subkey: EncryptionKey,
    time: Time,
}

/// Where a change of password stands.
#[derive(Debug)]
pub enum PasswordStep {
    /// The request of the exchange shall be sent to the same server, over a connection of its own.
    NeedsServer(PasswordExchange),
    /// The password is the new one: the server has proven itself, and said so.
    Complete,
}

/// What a server said, and whether it is proven that it did.
struct Said<'a> {
    result: PasswordResult<'a>,
    proven: bool,
}

impl PasswordChange {
    /// A new password, in UTF-8, for the client of `ticket`, which is one for `kadmin/changepw`.
    pub fn new(ticket: &HeldTicket, new_password: Secret<Vec<u8>>, random: Arc<dyn Random>) -> Self {
        let wish = Wish { ticket: ticket.clone(), new_password, target: None, random };
        PasswordChange { wish: Arc::new(wish), clock: KdcClock::default() }
    }

    /// A new password, in UTF-8, for `target`, set by the client of `ticket`, which is one for `kadmin/changepw` of its realm.
    pub fn set(ticket: &HeldTicket, target: Principal, new_password: Secret<Vec<u8>>, random: Arc<dyn Random>) -> Self {
        let wish = Wish { ticket: ticket.clone(), new_password, target: Some(target), random };
        PasswordChange { wish: Arc::new(wish), clock: KdcClock::default() }
    }

    /// Goes by a clock of the realm's that is known to be so far ahead of ours. The times that the exchange is given stay those of our
    /// clock.
    #[must_use]
    pub fn with_kdc_offset(mut self, offset: impl Into<Option<KdcOffset>>) -> Self {
        self.clock.known = offset.into();
        self
    }

    /// The service that tickets are needed for, in a realm (RFC 3244 2).
    pub fn service(realm: &str) -> Principal {
        Principal::new(NameType::SRV_INST, ["kadmin", "changepw"], realm)
    }

    /// The realm whose password service is asked.
    pub fn realm(&self) -> &str {
        self.whose().realm()
    }

    /// Whose password it is.
    pub fn whose(&self) -> &Principal {
        self.wish.target.as_ref().unwrap_or(&self.wish.ticket.client)
    }

    /// Makes a request, to be sent from the address `from`. Some servers want that to be the one that they see; without one the
    /// request says that it is from the client.
    ///
    /// # Errors
    /// [`PasswordError::WrongService`] if the ticket is for another service, [`PasswordError::TicketEnded`],
    /// [`PasswordError::TooLong`], and what goes wrong with keys and randomness.
    pub fn begin(&self, from: Option<HostAddress>, now: Time) -> Result<PasswordExchange, PasswordError> {
        let (ticket, needed) = (&self.wish.ticket, PasswordChange::service(self.realm()));
        if ticket.server != needed {
            return Err(PasswordError::WrongService { needed, got: ticket.server.clone() });
        }
        if ticket.end_time <= self.clock.time(now) {
            return Err(PasswordError::TicketEnded { end: ticket.end_time });
        }
        // For one's own, all servers know the original protocol; MIT's takes RFC 3244's for others alone.
        let version = if self.wish.target.is_some() { PasswordMessage::SET } else { PasswordMessage::CHANGE };
        self.ask(from, version, now)
    }

    fn ask(&self, from: Option<HostAddress>, version: u16, now: Time) -> Result<PasswordExchange, PasswordError> {
        let (random, now) = (&*self.wish.random, self.clock.time(now));
        let subkey = EncryptionKey::generate(self.wish.ticket.key.enctype(), random)?;
        let sequence_number = draw_nonce(random)?;
        let ap = self.ap_req(&subkey, sequence_number, now)?;
        let sealed = self.sealed(from.as_ref(), version, &subkey, sequence_number)?;
        let message = PasswordMessage { version, ap: &ap, message: &sealed };
        let request = message.to_bytes().map_err(PasswordError::TooLong)?;
        Ok(PasswordExchange { change: self.clone(), from, version, request, subkey, time: now })
    }

    /// The AP-REQ, which wants the server to prove itself.
    fn ap_req(&self, subkey: &EncryptionKey, sequence_number: u32, now: Time) -> Result<Vec<u8>, PasswordError> {
        let ticket = &self.wish.ticket;
        let authenticator = Authenticator {
            crealm: ticket.client.realm(),
            cname: PrincipalName::from(&ticket.client),
            cksum: None,
            cusec: now.into(),
            ctime: now.into(),
            subkey: Some(KeyRef::from(subkey)),
            seq_number: Some(sequence_number),
            authorization_data: AuthorizationData::default(),
        };
        let plain = Secret::new(authenticator.to_der());
        let key = CipherKey::new(&ticket.key, KeyUsage::AP_REQ_AUTHENTICATOR)?;
        let mut cipher = Vec::new();
        key.encrypt(&draw_confounder(&*self.wish.random)?, plain.expose(), &mut cipher);
        let request = ApReq {
            ap_options: ApOptions::MUTUAL_REQUIRED,
            ticket: Encoded::<Ticket<'_>>::decode(&ticket.ticket)?,
            authenticator: EncryptedData { etype: ticket.key.enctype(), kvno: None, cipher: &cipher },
        };
        Ok(request.to_der())
    }

    /// The KRB-PRIV, under the subkey (RFC 3244 2).
    fn sealed(
        &self,
        from: Option<&HostAddress>,
        version: u16,
        subkey: &EncryptionKey,
        sequence_number: u32,
    ) -> Result<Vec<u8>, PasswordError> {
        let data = Secret::new(self.user_data(version));
        let directional = message::HostAddress { addr_type: AddressType::DIRECTIONAL, address: &INITIATOR };
        let part = EncKrbPrivPart {
            user_data: data.expose(),
            timestamp: None,
            usec: None,
            seq_number: Some(sequence_number),
            s_address: from.map_or(directional, HostAddress::as_message),
            r_address: None,
        };
        let plain = Secret::new(part.to_der());
        let mut cipher = Vec::new();
        let key = CipherKey::new(subkey, KeyUsage::KRB_PRIV_ENC_PART)?;
        key.encrypt(&draw_confounder(&*self.wish.random)?, plain.expose(), &mut cipher);
        Ok(KrbPriv { enc_part: EncryptedData { etype: subkey.enctype(), kvno: None, cipher: &cipher } }.to_der())
    }

    fn user_data(&self, version: u16) -> Vec<u8> {
        let new_password = self.wish.new_password.expose();
        if version == PasswordMessage::CHANGE {
            return new_password.clone();
        }
        let target = self.wish.target.as_ref();
        let (targname, targrealm) = (target.map(PrincipalName::from), target.map(Principal::realm));
        ChangePasswdData { newpasswd: new_password, targname, targrealm }.to_der()
    }

    fn refusal(&self, said: &Said<'_>) -> PasswordError {
        let (client, target) = (self.wish.ticket.client.clone(), self.whose().clone());
        PasswordError::Refused(PasswordRefusal::new(&said.result, client, target, said.proven).into())
    }
}

impl PasswordExchange {
    /// The message to send, without TCP's length prefix.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the server's reply. A change of one's own password is asked for in the original protocol; a server that says that it does
    /// not know that is asked once more in that of RFC 3244. Both protect the password alike, so that it does not matter who says so.
    ///
    /// # Errors
    /// Any [`PasswordError`].
    pub fn reply(self, reply: &[u8], now: Time) -> Result<PasswordStep, PasswordError> {
        let edata;
        let said = match self.open(reply, now)? {
            Opened::Proven(plain) => {
                edata = plain;
                Said { result: PasswordResult::decode(self.user_data(edata.expose())?)?, proven: true }
            }
            Opened::Claimed(result) => Said { result, proven: false },
        };
        match said.result.code {
            PasswordResultCode::SUCCESS if said.proven => Ok(PasswordStep::Complete),
            PasswordResultCode::SUCCESS => Err(self.not_proven()),
            PasswordResultCode::BAD_VERSION if self.version == PasswordMessage::CHANGE => {
                let Self { change, from, .. } = self;
                Ok(PasswordStep::NeedsServer(change.ask(from, PasswordMessage::SET, now)?))
            }
            _ => Err(self.change.refusal(&said)),
        }
    }

    fn open<'a>(&self, reply: &'a [u8], now: Time) -> Result<Opened<'a>, PasswordError> {
        if reply.len() > PASSWORD_REPLY_LIMIT {
            let reason = DecodeReason::TooLarge { limit: PASSWORD_REPLY_LIMIT };
            return Err(DecodeError { what: "password message", offset: 0, reason }.into());
        }
        if reply.first() == Some(&KRB_ERROR) {
            return self.claimed(reply, now).map(Opened::Claimed);
        }
        let message = PasswordMessage::decode(reply)?;
        if !matches!(message.version, PasswordMessage::CHANGE | PasswordMessage::SET) {
            return Err(PasswordError::Version(message.version));
        }
        if message.ap.is_empty() {
            return self.claimed(message.message, now).map(Opened::Claimed);
        }
        let sequence_number = self.check_proof(message.ap)?;
        self.unseal(message.message, sequence_number).map(Opened::Proven)
    }

    /// What a KRB-ERROR says, which nothing protects.
    fn claimed<'a>(&self, bytes: &'a [u8], now: Time) -> Result<PasswordResult<'a>, PasswordError> {
        let error = KrbError::decode(bytes)?;
        match error.e_data {
            Some(data) => Ok(PasswordResult::decode(data)?),
            None => Err(PasswordError::server_error(self.change.realm(), &error, now)),
        }
    }

    /// The server's proof answers our time, under the ticket's session key (RFC 4120 3.2.5). Gives the number of its first message.
    fn check_proof(&self, ap_rep: &[u8]) -> Result<u32, PasswordError> {
        let reply = ApRep::decode(ap_rep)?;
        let key = &self.change.wish.ticket.key;
        let plain = self.decrypt(key, KeyUsage::AP_REP_ENC_PART, &reply.enc_part)?;
        let part = EncApRepPart::decode(plain.expose())?;
        if (part.ctime, part.cusec) != (self.time.into(), self.time.into()) {
            return Err(PasswordError::AnswersAnother);
        }
        part.seq_number.ok_or(PasswordError::OutOfOrder)
    }

    /// Opens the KRB-PRIV, which is under our subkey whatever the server proposes (RFC 3244 2).
    fn unseal(&self, bytes: &[u8], sequence_number: u32) -> Result<Secret<Vec<u8>>, PasswordError> {
        let message = KrbPriv::decode(bytes)?;
        let plain = self.decrypt(&self.subkey, KeyUsage::KRB_PRIV_ENC_PART, &message.enc_part)?;
        let part = EncKrbPrivPart::decode(plain.expose())?;
        if part.s_address.addr_type == AddressType::DIRECTIONAL && part.s_address.address != ACCEPTOR {
            return Err(PasswordError::WrongDirection);
        }
        if part.seq_number != Some(sequence_number) {
            return Err(PasswordError::OutOfOrder);
        }
        Ok(plain)
    }

    /// The user data of a KRB-PRIV's part that was found good.
    fn user_data<'a>(&self, part: &'a [u8]) -> Result<&'a [u8], PasswordError> {
        Ok(EncKrbPrivPart::decode(part)?.user_data)
    }

    fn decrypt(
        &self,
        key: &EncryptionKey,
        usage: KeyUsage,
        sealed: &EncryptedData<'_>,
    ) -> Result<Secret<Vec<u8>>, PasswordError> {
        if sealed.etype != key.enctype() {
            return Err(self.not_proven());
        }
        match CipherKey::new(key, usage)?.decrypt(sealed.cipher) {
            Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => Err(self.not_proven()),
            plain => Ok(plain?),
        }
    }

    fn not_proven(&self) -> PasswordError {
        PasswordError::NotProven { realm: self.change.realm().into() }
    }
}

/// What is in a reply.
enum Opened<'a> {
    /// The part of a KRB-PRIV.
    Proven(Secret<Vec<u8>>),
    /// The e-data of a KRB-ERROR.
    Claimed(PasswordResult<'a>),
}

/// Shows whose password it is, not the password.
impl fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordChange").field("whose", self.whose()).finish_non_exhaustive()
    }
}

/// Shows whose password it is, not the request, which holds it.
impl fmt::Debug for PasswordExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordExchange").field("whose", self.change.whose()).finish_non_exhaustive()
    }
}
