//! Who sent a request, and that it is a new one.

use super::{Asked, Denied};
use crate::preauth::check_skew;
use crate::realm::{Realm, Request};
use alloc::vec::Vec;
use core::net::IpAddr;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{
    AddressType, Authenticator, EncKrbPrivPart, EncTicketPart, HostAddress, KerberosTime, KrbPriv, Microseconds,
    PasswordMessage, PasswordResultCode, TicketFlags,
};
use handfast::{Principal, Time};

/// Directional addresses (RFC 4120 7.1): of clients, and of us.
const INITIATOR: [u8; 4] = [0, 0, 0, 0];
const ACCEPTOR: [u8; 4] = [0, 0, 0, 1];

/// A request that is proven to be its client's.
pub(crate) struct Proven {
    pub(super) client: Principal,
    /// Whether the ticket came from the password itself, or from keys.
    pub(super) initial: bool,
    pub(super) session: EncryptionKey,
    pub(super) subkey: EncryptionKey,
    /// The authenticator's.
    pub(super) time: (KerberosTime, Microseconds),
    /// The EncKrbPrivPart.
    pub(super) part: Secret<Vec<u8>>,
}

fn unproven(reason: &'static str) -> Denied {
    Denied::silent(PasswordResultCode::AUTHERROR, reason)
}

impl Realm {
    /// Checks AP-REQ and KRB-PRIV (RFC 4120 3.2.3, 3.5.2).
    pub(super) fn prove(&self, asked: &Asked<'_>, request: &Request<'_>, now: Time) -> Result<Proven, Denied> {
        if !matches!(asked.version, PasswordMessage::CHANGE | PasswordMessage::SET) {
            return Err(Denied::silent(PasswordResultCode::BAD_VERSION, "the version is not known"));
        }
        let named = &asked.ap_req.ticket;
        if named.sname.to_principal(named.realm) != self.password_service() {
            return Err(unproven("the ticket is for another service"));
        }
        let opened = self.open_with_service_key(named)?;
        let ticket = EncTicketPart::decode(opened.expose()).map_err(|error| Denied::malformed(&error))?;
        self.check_ticket(&ticket, request.peer, now)?;
        let session = self.held_key(ticket.key)?;
        let opened = open_authenticator(asked, &session)?;
        let authenticator = Authenticator::decode(opened.expose()).map_err(|error| Denied::malformed(&error))?;
        if authenticator.crealm != ticket.crealm || authenticator.cname != ticket.cname {
            return Err(unproven("ticket and authenticator name different clients"));
        }
        check_skew(authenticator.ctime.with_micros(authenticator.cusec), self.settings.clock_skew, now)?;
        let subkey = authenticator.subkey.ok_or_else(|| unproven("the authenticator has no subkey"))?;
        let subkey = self.held_key(subkey)?;
        let part = open_message(asked.message, &subkey, authenticator.seq_number)?;
        self.check_replay(asked, now)?;
        Ok(Proven {
            client: ticket.cname.to_principal(ticket.crealm),
            initial: ticket.flags.contains(TicketFlags::INITIAL),
            time: (authenticator.ctime, authenticator.cusec),
            session,
            subkey,
            part,
        })
    }

    /// A request counts once: the same again, later, would bring back a password that was given up since.
    fn check_replay(&self, asked: &Asked<'_>, now: Time) -> Result<(), Denied> {
        let cipher = asked.ap_req.authenticator.cipher;
        let mark = cipher.last_chunk::<16>().ok_or_else(|| unproven("the authenticator is too short"))?;
        let keep = self.settings.clock_skew.saturating_mul(2);
        match self.password_requests.admits(*mark, keep, now) {
            true => Ok(()),
            false => Err(unproven("the request was seen before, or there are too many")),
        }
    }
}

fn open_authenticator(asked: &Asked<'_>, session: &EncryptionKey) -> Result<Secret, Denied> {
    let sealed = &asked.ap_req.authenticator;
    if sealed.etype != session.enctype() {
        return Err(unproven("the authenticator is not under the session key"));
    }
    let key = CipherKey::new(session, KeyUsage::AP_REQ_AUTHENTICATOR)?;
    key.decrypt(sealed.cipher).map_err(|_| unproven("the authenticator can't be decrypted"))
}

/// The KRB-PRIV is under the subkey, has the authenticator's number (RFC 3244 2), and is not one that a server sends. MIT's kpasswd
/// leaves both numbers out, which is as good: the subkey is of this request alone.
fn open_message(message: &[u8], subkey: &EncryptionKey, sequence_number: Option<u32>) -> Result<Secret, Denied> {
    let sealed = KrbPriv::decode(message).map_err(|error| Denied::malformed(&error))?.enc_part;
    if sealed.etype != subkey.enctype() {
        return Err(unproven("the message is not under the subkey"));
    }
    let opened = CipherKey::new(subkey, KeyUsage::KRB_PRIV_ENC_PART)?.decrypt(sealed.cipher);
    let opened = opened.map_err(|_| unproven("the message can't be decrypted"))?;
    let part = EncKrbPrivPart::decode(opened.expose()).map_err(|error| Denied::malformed(&error))?;
    if part.seq_number.unwrap_or(0) != sequence_number.unwrap_or(0) {
        return Err(unproven("the message has not the authenticator's number"));
    }
    if part.s_address.addr_type == AddressType::DIRECTIONAL && part.s_address.address != INITIATOR {
        return Err(unproven("the message is one that a server sends"));
    }
    Ok(opened)
}

/// Two confounders.
pub(super) fn halves(octets: &[u8; 32]) -> ([u8; 16], [u8; 16]) {
    let (mut first, mut second) = ([0; 16], [0; 16]);
    let (front, back) = octets.split_at(16);
    first.copy_from_slice(front);
    second.copy_from_slice(back);
    (first, second)
}

/// The sender's address of a reply.
pub(super) struct AddressOctets {
    kind: AddressType,
    octets: Vec<u8>,
}

impl AddressOctets {
    /// An address, or, if it is not known, that it is the server's.
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        let (kind, octets) = match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => (AddressType::IPV4, address.octets().to_vec()),
            Some(IpAddr::V6(address)) => (AddressType::IPV6, address.octets().to_vec()),
            None => (AddressType::DIRECTIONAL, ACCEPTOR.to_vec()),
        };
        AddressOctets { kind, octets }
    }

    pub(super) fn as_message(&self) -> HostAddress<'_> {
        HostAddress { addr_type: self.kind, address: &self.octets }
    }
}
