use super::OwnedPaData;
use crate::crypto::{Random, Secret};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage, fx_cf2};
use crate::krb5::exchange::{ExchangeError, Mismatch, draw_confounder};
use crate::krb5::message::{
    ApOptions, ApReq, ArmorType, Authenticator, AuthorizationData, Checksum, Encoded, EncryptedData, KdcRep, KrbError,
    KrbFastArmor, KrbFastArmoredReq, KrbFastFinished, KrbFastReq, KrbFastResponse, MethodData, PaData, PaDataType,
    PaFxFastReply, PaFxFastRequest, PrincipalName, Ticket,
};
use crate::name::Principal;
use crate::time::Time;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The key that protects one conversation (RFC 6113 5.4.1), and what tells it to the KDC.
pub(in crate::krb5) struct Armor {
    key: EncryptionKey,
    /// An AP-REQ; none if the request tells the key by other means, as a TGS-REQ does.
    ap_req: Option<Vec<u8>>,
    /// The realm whose KDC can open it.
    realm: alloc::string::String,
}

/// What a KDC says inside of FAST beside a ticket.
pub(in crate::krb5) struct ArmoredReply {
    pub(in crate::krb5) padata: Vec<OwnedPaData>,
    pub(in crate::krb5) strengthen_key: Option<EncryptionKey>,
    /// The client that was authenticated.
    pub(in crate::krb5) client: Principal,
}

/// A refusal inside of FAST.
pub(in crate::krb5) struct ArmoredError {
    /// A KRB-ERROR without e-data.
    pub(in crate::krb5) error: Vec<u8>,
    /// The METHOD-DATA that goes with it.
    pub(in crate::krb5) method_data: Vec<u8>,
    /// Whether the conversation can go on (RFC 6113 5.2).
    pub(in crate::krb5) has_cookie: bool,
}

impl ArmoredReply {
    /// A reply with what stands inside of FAST instead of what stands outside. There it names the client as inside, or the
    /// anonymous principal if names are hidden (RFC 6113 5.4.2).
    pub(in crate::krb5) fn as_inside<'a>(
        &'a self,
        reply: KdcRep<'a>,
        is_hidden: bool,
    ) -> Result<KdcRep<'a>, ExchangeError> {
        let outside = reply.cname.to_principal(reply.crealm);
        if outside != self.client && !(is_hidden && outside == Principal::anonymous()) {
            return Err(ExchangeError::mismatch(Mismatch::OutsideClient { inside: self.client.clone(), outside }));
        }
        let padata = self.padata.iter().map(OwnedPaData::borrowed).collect();
        Ok(KdcRep { padata, crealm: self.client.realm(), cname: PrincipalName::from(&self.client), ..reply })
    }

    /// A reply key, strengthened as the KDC wishes (RFC 6113 5.4.3).
    pub(in crate::krb5) fn strengthened(&self, key: &EncryptionKey) -> Result<EncryptionKey, CryptoError> {
        match &self.strengthen_key {
            Some(with) => fx_cf2(with, key, b"strengthenkey", b"replykey"),
            None => Ok(key.clone()),
        }
    }
}

impl Armor {
    /// From a ticket of the ticket-granting service, with a subkey of our own (RFC 6113 5.4.1.1).
    pub(in crate::krb5) fn of_ticket(
        ticket: &HeldTicket,
        random: &dyn Random,
        now: Time,
    ) -> Result<Self, ExchangeError> {
        let subkey = EncryptionKey::generate(ticket.key.enctype(), random)?;
        let ap_req = ap_req(ticket, &subkey, random, now)?;
        let realm = ticket.server.realm().to_string();
        Ok(Armor { key: armor_key(&subkey, &ticket.key)?, ap_req: Some(ap_req), realm })
    }

    /// Of a TGS request to the KDC of `realm`: from what its PA-TGS-REQ has in it (RFC 6113 5.4.2).
    pub(in crate::krb5) fn implicit(
        subkey: &EncryptionKey,
        session_key: &EncryptionKey,
        realm: &str,
    ) -> Result<Self, CryptoError> {
        Ok(Armor { key: armor_key(subkey, session_key)?, ap_req: None, realm: realm.to_string() })
    }

    /// The armor key.
    pub(in crate::krb5) fn key(&self) -> &EncryptionKey {
        &self.key
    }

    /// The PA-FX-FAST that has `request` inside, bound to `covered` outside (RFC 6113 5.4.2).
    pub(in crate::krb5) fn seal(
        &self,
        request: &KrbFastReq<'_>,
        covered: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, ExchangeError> {
        let checksum_key = ChecksumKey::new(&self.key, KeyUsage::FAST_REQ_CHECKSUM)?;
        let plain = Secret::new(request.to_der());
        let mut cipher = Vec::new();
        CipherKey::new(&self.key, KeyUsage::FAST_ENC)?.encrypt(&draw_confounder(random)?, plain.expose(), &mut cipher);
        let armor =
            self.ap_req.as_deref().map(|value| KrbFastArmor { armor_type: ArmorType::AP_REQUEST, armor_value: value });
        let armored = KrbFastArmoredReq {
            armor,
            req_checksum: Checksum {
                cksumtype: checksum_key.checksum_type(),
                checksum: &checksum_key.checksum(&[covered]),
            },
            enc_fast_req: EncryptedData { etype: self.key.enctype(), kvno: None, cipher: &cipher },
        };
        Ok(PaFxFastRequest(armored).to_der())
    }

    /// What the KDC says inside of FAST beside `ticket`, whose bytes it vouches for; none if it says nothing there.
    ///
    /// # Errors
    /// If it is not under the armor key, not for the request of that nonce, or for another ticket.
    pub(in crate::krb5) fn open_reply(
        &self,
        padata: &[PaData<'_>],
        nonce: u32,
        ticket: &[u8],
    ) -> Result<Option<ArmoredReply>, ExchangeError> {
        let Some(plain) = self.open(padata)? else { return Ok(None) };
        let response = response(plain.expose(), nonce)?;
        let finished = response.finished.ok_or_else(|| ExchangeError::mismatch(Mismatch::NotFinished))?;
        self.check_ticket(&finished, ticket)?;
        Ok(Some(ArmoredReply {
            padata: response.padata.iter().map(OwnedPaData::from).collect(),
            strengthen_key: response.strengthen_key.map(|key| key.to_key()).transpose()?,
            client: finished.cname.to_principal(finished.crealm),
        }))
    }

    /// The refusal inside of FAST that stands in the e-data of one outside; none if there is none.
    ///
    /// # Errors
    /// As [`Armor::open_reply`].
    pub(in crate::krb5) fn open_error(
        &self,
        outside: &KrbError<'_>,
        nonce: u32,
    ) -> Result<Option<ArmoredError>, ExchangeError> {
        let Ok(methods) = super::method_data(outside.e_data) else { return Ok(None) };
        let Some(plain) = self.open(&methods)? else { return Ok(None) };
        let padata = response(plain.expose(), nonce)?.padata;
        let find = |wanted| padata.iter().find(|padata| padata.padata_type == wanted);
        let none = || ExchangeError::mismatch(Mismatch::NoErrorInside);
        let error = find(PaDataType::FX_ERROR).ok_or_else(none)?.padata_value.to_vec();
        let has_cookie = find(PaDataType::FX_COOKIE).is_some();
        let others = padata.into_iter().filter(|padata| padata.padata_type != PaDataType::FX_ERROR);
        Ok(Some(ArmoredError { error, method_data: MethodData(others.collect()).to_der(), has_cookie }))
    }

    /// The KrbFastResponse, in DER (RFC 6113 5.4.3).
    fn open(&self, padata: &[PaData<'_>]) -> Result<Option<Secret>, ExchangeError> {
        let Some(value) = super::mechanism::find(padata, PaDataType::FX_FAST) else { return Ok(None) };
        if value.is_empty() {
            return Ok(None); // It stands for "FAST is taken here" (RFC 6113 5.4.2).
        }
        let sealed = PaFxFastReply::decode(value)?.0.enc_fast_rep;
        let unproven = || ExchangeError::ReplyNotProven { realm: self.realm.clone() };
        if sealed.etype != self.key.enctype() {
            return Err(unproven());
        }
        match CipherKey::new(&self.key, KeyUsage::FAST_REP)?.decrypt(sealed.cipher) {
            Ok(plain) => Ok(Some(plain)),
            Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => Err(unproven()),
            Err(error) => Err(error.into()),
        }
    }

    fn check_ticket(&self, finished: &KrbFastFinished<'_>, ticket: &[u8]) -> Result<(), ExchangeError> {
        let changed = || ExchangeError::mismatch(Mismatch::TicketChanged);
        let key = ChecksumKey::new(&self.key, KeyUsage::FAST_FINISHED)?;
        if finished.ticket_checksum.cksumtype != key.checksum_type() {
            return Err(changed());
        }
        key.verify(&[ticket], finished.ticket_checksum.checksum).map_err(|_| changed())
    }
}

/// The armor key of a ticket and a subkey (RFC 6113 5.4.1.1).
fn armor_key(subkey: &EncryptionKey, session_key: &EncryptionKey) -> Result<EncryptionKey, CryptoError> {
    fx_cf2(subkey, session_key, b"subkeyarmor", b"ticketarmor")
}

/// The response to the request of that nonce: nothing of another message of the conversation is taken (RFC 6113 5.4.3).
fn response(plain: &[u8], nonce: u32) -> Result<KrbFastResponse<'_>, ExchangeError> {
    let response = KrbFastResponse::decode(plain)?;
    if response.nonce == nonce { Ok(response) } else { Err(ExchangeError::mismatch(Mismatch::Nonce)) }
}

fn ap_req(
    ticket: &HeldTicket,
    subkey: &EncryptionKey,
    random: &dyn Random,
    now: Time,
) -> Result<Vec<u8>, ExchangeError> {
    let authenticator = Authenticator {
        crealm: ticket.client.realm(),
        cname: PrincipalName::from(&ticket.client),
        cksum: None,
        cusec: now.into(),
        ctime: now.into(),
        subkey: Some(subkey.into()),
        seq_number: None,
        authorization_data: AuthorizationData::default(),
    };
    let plain = Secret::new(authenticator.to_der());
    let mut cipher = Vec::new();
    let key = CipherKey::new(&ticket.key, KeyUsage::AP_REQ_AUTHENTICATOR)?;
    key.encrypt(&draw_confounder(random)?, plain.expose(), &mut cipher);
    let request = ApReq {
        ap_options: ApOptions::NONE,
        ticket: Encoded::<Ticket<'_>>::decode(&ticket.ticket)?,
        authenticator: EncryptedData { etype: ticket.key.enctype(), kvno: None, cipher: &cipher },
    };
    Ok(request.to_der())
}
