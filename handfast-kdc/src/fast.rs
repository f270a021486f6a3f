//! FAST (RFC 6113 5.4): requests, replies and errors inside of an armor that a ticket-granting ticket's session key makes.

use crate::issue::Armored;
use crate::preauth::{self, OwnedPaData, borrowed, check_skew};
use crate::realm::{Realm, Request};
use crate::refusal::Refusal;
use alloc::format;
use alloc::vec::Vec;
use handfast::Time;
use handfast::crypto::{Random, Secret};
use handfast::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage, fx_cf2};
use handfast::krb5::message::{
    AdType, ApReq, ArmorType, Authenticator, Checksum, EncTicketPart, EncryptedData, ErrorCode, FastOptions, KdcReq,
    KeyRef, KrbFastArmor, KrbFastArmoredRep, KrbFastArmoredReq, KrbFastFinished, KrbFastReq, KrbFastResponse, PaData,
    PaDataType, PaFxFastReply, PaFxFastRequest, PrincipalName,
};

/// What protects the answers of one conversation.
pub(crate) struct Armor {
    pub(crate) key: EncryptionKey,
    /// The inner request's nonce, which its answer repeats.
    pub(crate) nonce: u32,
    /// Whether answers name the anonymous principal where eavesdroppers see it.
    pub(crate) hides_client: bool,
}

/// A request that was inside of FAST: its armor key, and a KrbFastReq in DER.
pub(crate) struct Opened {
    key: EncryptionKey,
    plain: Secret,
}

impl Opened {
    /// The inner request, and what protects its answer.
    pub(crate) fn request(&self) -> Result<(KrbFastReq<'_>, Armor), Refusal> {
        let undecodable =
            |error| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, format!("what is inside of FAST: {error}"));
        let inside = KrbFastReq::decode(self.plain.expose()).map_err(undecodable)?;
        let hides_client = inside.fast_options.contains(FastOptions::HIDE_CLIENT_NAMES);
        let armor = Armor { key: self.key.clone(), nonce: inside.req_body.nonce, hides_client };
        Ok((inside, armor))
    }
}

/// Whether all options are known that have to be (RFC 6113 5.4.2).
pub(crate) fn check_options(options: FastOptions) -> Result<(), Refusal> {
    if options.intersects(FastOptions::UNKNOWN_CRITICAL) {
        let reason = format!("FAST options {options:?}");
        return Err(Refusal::new(ErrorCode::KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS, reason));
    }
    Ok(())
}

/// Opens the FAST of a TGS request, whose armor key the keys of `proof`, the AP-REQ, make; none if there is none. An armor beside
/// that is not taken: nothing would bind it to the request (RFC 6113 5.4.1.1).
pub(crate) fn open_tgs_armor(
    message: &KdcReq<'_>,
    proof: &[u8],
    session: &EncryptionKey,
    subkey: Option<&EncryptionKey>,
) -> Result<Option<Opened>, Refusal> {
    let Some(value) = preauth::find(&message.padata, PaDataType::FX_FAST) else { return Ok(None) };
    let failed = |reason| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason);
    let armored = decode(value)?;
    if armored.armor.is_some() {
        return Err(failed("FAST of a TGS request with an armor of its own"));
    }
    let subkey = subkey.ok_or_else(|| failed("FAST of a TGS request without a subkey"))?;
    open(armor_key(subkey, session)?, &armored, proof).map(Some)
}

/// What tickets and authenticators say of their use with FAST (RFC 6113 5.4.1.1, 5.4.2): that they are for armor alone, or that
/// the request was sent inside.
pub(crate) fn check_restrictions(
    ticket: &EncTicketPart<'_>,
    authenticator: &Authenticator<'_>,
    is_inside: bool,
) -> Result<(), Refusal> {
    let unreadable = |_| Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "authorization data that does not decode");
    for data in [&ticket.authorization_data, &authenticator.authorization_data] {
        if data.find(AdType::FX_FAST_ARMOR).map_err(unreadable)?.is_some() {
            return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, "the ticket is good as an armor of FAST alone"));
        }
        if !is_inside && data.find(AdType::FX_FAST_USED).map_err(unreadable)?.is_some() {
            let reason = "the request was sent inside of FAST, and somebody on the way has taken that off";
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, reason));
        }
    }
    Ok(())
}

impl Realm {
    /// Opens the FAST of an AS request; none if there is none.
    pub(crate) fn open_as_armor(
        &self,
        request: &Request<'_>,
        message: &KdcReq<'_>,
        now: Time,
    ) -> Result<Option<Opened>, Refusal> {
        let Some(value) = preauth::find(&message.padata, PaDataType::FX_FAST) else { return Ok(None) };
        let armored = decode(value)?;
        let failed = |reason| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason);
        let armor = armored.armor.ok_or_else(|| failed("FAST without an armor"))?;
        let key = self.armor_key(&armor, message, request, now)?;
        open(key, &armored, message.req_body.bytes()).map(Some)
    }

    /// The armor key of a ticket and an authenticator's subkey (RFC 6113 5.4.1.1).
    fn armor_key(
        &self,
        armor: &KrbFastArmor<'_>,
        message: &KdcReq<'_>,
        request: &Request<'_>,
        now: Time,
    ) -> Result<EncryptionKey, Refusal> {
        let failed = |reason| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason);
        if armor.armor_type != ArmorType::AP_REQUEST {
            return Err(failed("an armor of an unknown type"));
        }
        let ap_req = ApReq::decode(armor.armor_value).map_err(|_| failed("the armor is no AP-REQ"))?;
        if !ap_req.ticket.sname.names(&self.krbtgt) {
            let reason = "the armor's ticket is not for the ticket-granting service";
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_NOT_US, reason));
        }
        let opened = self.open_ticket(&ap_req.ticket, &message.req_body)?;
        let ticket = EncTicketPart::decode(opened.expose()).map_err(|_| failed("the armor's ticket is unreadable"))?;
        self.check_ticket(&ticket, request.peer, now)?;
        let session = self.held_key(ticket.key)?;
        let opened = open_authenticator(&ap_req, &session)?;
        let authenticator =
            Authenticator::decode(opened.expose()).map_err(|_| failed("the armor's authenticator is unreadable"))?;
        if authenticator.crealm != ticket.crealm || authenticator.cname != ticket.cname {
            let reason = "the armor's ticket and authenticator name different clients";
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_BADMATCH, reason));
        }
        check_skew(authenticator.ctime.with_micros(authenticator.cusec), self.settings.clock_skew, now)?;
        let subkey = authenticator.subkey.ok_or_else(|| failed("an armor without a subkey"))?;
        let subkey = self.held_key(subkey)?;
        Ok(armor_key(&subkey, &session)?)
    }
}

fn decode(value: &[u8]) -> Result<KrbFastArmoredReq<'_>, Refusal> {
    let undecodable = |error| Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, format!("{error}"));
    PaFxFastRequest::decode(value).map(|request| request.0).map_err(undecodable)
}

fn armor_key(subkey: &EncryptionKey, session: &EncryptionKey) -> Result<EncryptionKey, CryptoError> {
    fx_cf2(subkey, session, b"subkeyarmor", b"ticketarmor")
}

fn open_authenticator(message: &ApReq<'_>, session: &EncryptionKey) -> Result<Secret, Refusal> {
    let wrong = || Refusal::new(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, "the armor's authenticator can't be decrypted");
    if message.authenticator.etype != session.enctype() {
        return Err(wrong());
    }
    CipherKey::new(session, KeyUsage::AP_REQ_AUTHENTICATOR)?.decrypt(message.authenticator.cipher).map_err(|_| wrong())
}

/// Decrypts what is inside, and checks that it belongs to `covered` outside (RFC 6113 5.4.2).
fn open(key: EncryptionKey, armored: &KrbFastArmoredReq<'_>, covered: &[u8]) -> Result<Opened, Refusal> {
    let checksum_key = ChecksumKey::new(&key, KeyUsage::FAST_REQ_CHECKSUM)?;
    if armored.req_checksum.cksumtype != checksum_key.checksum_type() {
        let reason = "FAST's checksum of the request is not of the type that goes with the armor key";
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_INAPP_CKSUM, reason));
    }
    let altered = |_| Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, "FAST's checksum does not fit the request");
    checksum_key.verify(&[covered], armored.req_checksum.checksum).map_err(altered)?;
    let sealed = &armored.enc_fast_req;
    let wrong = || Refusal::new(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY, "what is inside of FAST can't be decrypted");
    if sealed.etype != key.enctype() {
        return Err(wrong());
    }
    let plain = CipherKey::new(&key, KeyUsage::FAST_ENC)?.decrypt(sealed.cipher).map_err(|_| wrong())?;
    Ok(Opened { key, plain })
}

impl Armor {
    /// The reply key, strengthened with a new key, and what FAST makes of the reply (RFC 6113 5.4.3).
    pub(crate) fn strengthen(
        &self,
        reply_key: &EncryptionKey,
        random: &dyn Random,
        now: Time,
    ) -> Result<(EncryptionKey, Armored<'_>), Refusal> {
        let strengthen_key = EncryptionKey::generate(reply_key.enctype(), random)?;
        let reply_key = fx_cf2(&strengthen_key, reply_key, b"strengthenkey", b"replykey")?;
        Ok((reply_key, Armored { armor: self, strengthen_key, now }))
    }

    /// The PA-FX-FAST of a reply with a ticket.
    pub(crate) fn seal_reply(
        &self,
        padata: &[PaData<'_>],
        strengthen_key: &EncryptionKey,
        client: (&str, &PrincipalName<'_>),
        ticket: &[u8],
        now: Time,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Refusal> {
        let checksum_key = ChecksumKey::new(&self.key, KeyUsage::FAST_FINISHED)?;
        let finished = KrbFastFinished {
            timestamp: now.into(),
            usec: now.into(),
            crealm: client.0,
            cname: client.1.clone(),
            ticket_checksum: Checksum {
                cksumtype: checksum_key.checksum_type(),
                checksum: &checksum_key.checksum(&[ticket]),
            },
        };
        let response = KrbFastResponse {
            padata: padata.to_vec(),
            strengthen_key: Some(KeyRef::from(strengthen_key)),
            finished: Some(finished),
            nonce: self.nonce,
        };
        self.seal(&response, random)
    }

    /// The PA-FX-FAST of an error: `error` is a KRB-ERROR without e-data (RFC 6113 5.4.4).
    pub(crate) fn seal_error(
        &self,
        error: &[u8],
        padata: &[OwnedPaData],
        random: &dyn Random,
    ) -> Result<Vec<u8>, Refusal> {
        let error = PaData { padata_type: PaDataType::FX_ERROR, padata_value: error };
        let padata = core::iter::once(error).chain(padata.iter().map(borrowed)).collect();
        self.seal(&KrbFastResponse { padata, strengthen_key: None, finished: None, nonce: self.nonce }, random)
    }

    fn seal(&self, response: &KrbFastResponse<'_>, random: &dyn Random) -> Result<Vec<u8>, Refusal> {
        let mut confounder = [0; 16];
        random.fill(&mut confounder).map_err(CryptoError::from)?;
        let plain = Secret::new(response.to_der());
        let mut cipher = Vec::new();
        CipherKey::new(&self.key, KeyUsage::FAST_REP)?.encrypt(&confounder, plain.expose(), &mut cipher);
        let enc_fast_rep = EncryptedData { etype: self.key.enctype(), kvno: None, cipher: &cipher };
        Ok(PaFxFastReply(KrbFastArmoredRep { enc_fast_rep }).to_der())
    }
}
