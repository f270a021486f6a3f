use crate::directory::LongTermKey;
use crate::preauth::{self, check_skew};
use crate::realm::Realm;
use crate::refusal::{Refusal, Seen};
use alloc::format;
use core::net::IpAddr;
use handfast::Time;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{ChecksumKey, CipherKey, EncryptionKey, KeyUsage};
use handfast::krb5::message::{
    AddressType, ApReq, Authenticator, EncTicketPart, ErrorCode, HostAddress, KdcOptions, KdcReq, KdcReqBody,
    PaDataType, Ticket, TicketFlags,
};

/// The bytes of the AP-REQ of a TGS request (RFC 4120 5.2.7.1).
pub(crate) fn proof<'a>(message: &KdcReq<'a>) -> Result<&'a [u8], Refusal> {
    let none = || Refusal::new(ErrorCode::KDC_ERR_PADATA_TYPE_NOSUPP, "no PA-TGS-REQ");
    preauth::find(&message.padata, PaDataType::TGS_REQ).ok_or_else(none)
}

/// The AP-REQ of a TGS request.
pub(crate) fn ap_req<'a>(message: &KdcReq<'a>) -> Result<ApReq<'a>, Refusal> {
    let malformed = |error| Refusal::new(ErrorCode::KRB_AP_ERR_MSG_TYPE, format!("PA-TGS-REQ: {error}"));
    ApReq::decode(proof(message)?).map_err(malformed)
}

impl Realm {
    /// Decrypts the ticket of a TGS request.
    pub(crate) fn open_ticket(&self, ticket: &Ticket<'_>, body: &KdcReqBody<'_>) -> Result<Secret, Refusal> {
        self.check_presentable(ticket, body)?;
        self.open_with_service_key(ticket)
    }

    /// Whether the ticket is one for this ticket-granting service, by this realm or another one that shares keys with it,
    /// or one that is to be renewed (RFC 4120 3.3.3), by the body that counts.
    pub(crate) fn check_presentable(&self, ticket: &Ticket<'_>, body: &KdcReqBody<'_>) -> Result<(), Refusal> {
        let to_renew = body.kdc_options.intersects(KdcOptions::RENEW | KdcOptions::VALIDATE)
            && body.sname.as_ref() == Some(&ticket.sname);
        let of_this_realm = ticket.realm == self.name() && to_renew;
        if !(ticket.sname.names(&self.krbtgt) || of_this_realm) {
            let reason = "the ticket is not for this realm's ticket-granting service";
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_NOT_US, reason));
        }
        Ok(())
    }

    /// Decrypts a ticket with the key of the service that it names.
    pub(crate) fn open_with_service_key(&self, ticket: &Ticket<'_>) -> Result<Secret, Refusal> {
        let name = ticket.sname.to_principal(ticket.realm);
        let no_key = |code, reason| Refusal::new(code, reason);
        let entry = self.resolve(&name)?;
        let unknown = || match ticket.realm == self.name() {
            true => no_key(ErrorCode::KRB_AP_ERR_NOKEY, "the ticket's service is not known"),
            false => no_key(ErrorCode::KRB_AP_ERR_NOT_US, "the ticket is of a realm that shares no keys with this one"),
        };
        let entry = entry.ok_or_else(unknown)?;
        let sealed = &ticket.enc_part;
        let of_version = |key: &&LongTermKey| sealed.kvno.is_none_or(|kvno| kvno == key.kvno());
        let mut keys = entry.keys.iter().map(AsRef::as_ref).filter(of_version).peekable();
        if keys.peek().is_none() {
            return Err(no_key(ErrorCode::KRB_AP_ERR_BADKEYVER, "the ticket is under a version of the key not held"));
        }
        let mut keys = keys.filter(|key| key.enctype() == sealed.etype).peekable();
        if keys.peek().is_none() {
            return Err(no_key(ErrorCode::KDC_ERR_ETYPE_NOSUPP, "the ticket is under a key of an enctype not held"));
        }
        let opened = keys.find_map(|key| key.ticket.decrypt(sealed.cipher).ok());
        opened.ok_or_else(|| {
            Refusal::new(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, "the ticket can't be decrypted: not ours, or altered")
        })
    }

    /// Whether the ticket may be presented now: one to be validated is not valid yet, but has begun (RFC 4120 3.3.3).
    pub(crate) fn check_presented(
        &self,
        ticket: &EncTicketPart<'_>,
        options: KdcOptions,
        peer: Option<IpAddr>,
        now: Time,
    ) -> Result<(), Refusal> {
        if !(options.contains(KdcOptions::VALIDATE) && ticket.flags.contains(TicketFlags::INVALID)) {
            return self.check_ticket(ticket, peer, now);
        }
        let begun = EncTicketPart { flags: ticket.flags.without(TicketFlags::INVALID), ..ticket.clone() };
        self.check_ticket(&begun, peer, now)
    }

    /// Whether the ticket is valid now, from there (RFC 4120 3.2.3).
    pub(crate) fn check_ticket(
        &self,
        ticket: &EncTicketPart<'_>,
        peer: Option<IpAddr>,
        now: Time,
    ) -> Result<(), Refusal> {
        let start = ticket.starttime.unwrap_or(ticket.authtime).to_time();
        if start > now.saturating_add(self.settings.clock_skew) || ticket.flags.contains(TicketFlags::INVALID) {
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_NYV, "the ticket is not valid yet"));
        }
        if ticket.endtime.to_time() <= now {
            let reason = format!("the ticket ended {}", ticket.endtime);
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_EXPIRED, reason));
        }
        match peer {
            Some(peer) if !ticket.caddr.is_empty() && !ticket.caddr.iter().any(|address| is_of(address, peer)) => {
                Err(Refusal::new(ErrorCode::KRB_AP_ERR_BADADDR, "the ticket is bound to other addresses"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the authenticator proves that the ticket's client makes this very request, now (RFC 4120 3.3.2, 3.2.3).
    pub(crate) fn check_authenticator(
        &self,
        authenticator: &Authenticator<'_>,
        ticket: &EncTicketPart<'_>,
        session: &EncryptionKey,
        body: &[u8],
        now: Time,
        seen: &mut Seen,
    ) -> Result<(), Refusal> {
        let time = authenticator.ctime.with_micros(authenticator.cusec);
        seen.client_time = Some(time);
        if authenticator.crealm != ticket.crealm || authenticator.cname != ticket.cname {
            return Err(Refusal::new(
                ErrorCode::KRB_AP_ERR_BADMATCH,
                "ticket and authenticator name different clients",
            ));
        }
        check_skew(time, self.settings.clock_skew, now)?;
        check_body(authenticator, session, body)
    }
}

/// Decrypts the authenticator (RFC 4120 5.5.1).
pub(crate) fn open_authenticator(message: &ApReq<'_>, session: &EncryptionKey) -> Result<Secret, Refusal> {
    let wrong = || Refusal::new(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, "the authenticator can't be decrypted");
    if message.authenticator.etype != session.enctype() {
        return Err(wrong());
    }
    let key = CipherKey::new(session, KeyUsage::TGS_REQ_AUTHENTICATOR)?;
    key.decrypt(message.authenticator.cipher).map_err(|_| wrong())
}

/// The checksum over the request's body must be there, and of the one type that goes with the session key: keyed.
fn check_body(authenticator: &Authenticator<'_>, session: &EncryptionKey, body: &[u8]) -> Result<(), Refusal> {
    let refused = |reason| Refusal::new(ErrorCode::KRB_AP_ERR_INAPP_CKSUM, reason);
    let checksum = authenticator.cksum.ok_or_else(|| refused("the authenticator has no checksum of the request"))?;
    let key = ChecksumKey::new(session, KeyUsage::TGS_REQ_AUTHENTICATOR_CHECKSUM)?;
    if checksum.cksumtype != key.checksum_type() {
        return Err(refused("the checksum is not of the type that goes with the session key"));
    }
    let altered = |_| Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "the checksum does not fit the request's body");
    key.verify(&[body], checksum.checksum).map_err(altered)
}

fn is_of(address: &HostAddress<'_>, peer: IpAddr) -> bool {
    match peer.to_canonical() {
        IpAddr::V4(peer) => address.addr_type == AddressType::IPV4 && address.address == peer.octets(),
        IpAddr::V6(peer) => address.addr_type == AddressType::IPV6 && address.address == peer.octets(),
    }
}
