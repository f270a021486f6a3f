//! The bytes of a TGS request, and the proof in it (RFC 4120 5.2.7.1, 5.4.1).

use super::asked::{Asked, draw_confounder};
use super::s4u::NamedUser;
use super::{ExchangeError, Mismatch};
use super::{KdcRequest, REQUEST_CHECKSUM};
use crate::crypto::{Random, Secret};
use crate::krb5::HeldTicket;
use crate::krb5::enctype::{ChecksumKey, CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::message::{
    ApOptions, ApReq, Authenticator, AuthorizationData, Checksum, EncKdcRepPart, Encoded, EncryptedData, FastOptions,
    KdcExchange, KdcOptions, KdcReq, KdcReqBody, KeyRef, KrbFastReq, PaData, PaDataType, PrincipalName, Ticket,
};
use crate::krb5::preauth::Armor;
use crate::time::Time;
use alloc::vec;
use alloc::vec::Vec;

/// How a TGS request goes inside of FAST.
pub(super) struct Inside<'a> {
    pub(super) armor: &'a Armor,
    /// Whether nothing but what must be there stands outside, too, as it does for a KDC that doesn't know FAST.
    pub(super) is_alone: bool,
    pub(super) options: FastOptions,
}

/// The TGS-REQ: the body, and beside it the proof that covers the body's bytes (RFC 4120 5.2.7.1). FAST covers the proof
/// (RFC 6113 5.4.2).
pub(super) fn write_request(
    held: &HeldTicket,
    asked: &Asked,
    subkey: &EncryptionKey,
    inside: Option<Inside<'_>>,
    random: &dyn Random,
    now: Time,
) -> Result<KdcRequest, ExchangeError> {
    let additional = asked.terms.additional_ticket.as_deref();
    let additional_tickets = additional.map(Encoded::<Ticket<'_>>::decode).transpose()?.into_iter().collect();
    let mut body = Vec::new();
    let req_body = KdcReqBody { additional_tickets, ..asked.body() };
    let req_body = Encoded::<KdcReqBody<'_>>::new(req_body, &mut body);
    let proof = proof(held, req_body.bytes(), subkey, random, now)?;
    let own = asked.terms.padata.iter();
    let mut own: Vec<_> =
        own.map(|(padata_type, value)| PaData { padata_type: *padata_type, padata_value: value }).collect();
    let named = asked.terms.for_user.as_ref().map(|user| NamedUser::new(user, asked.nonce, &held.key, subkey));
    let named = named.transpose()?;
    own.extend(named.iter().flat_map(NamedUser::padata));
    if asked.options.contains(KdcOptions::CANONICALIZE) {
        own.push(PaData { padata_type: PaDataType::REQ_ENC_PA_REP, padata_value: &[] });
    }
    let mut padata = vec![PaData { padata_type: PaDataType::TGS_REQ, padata_value: &proof }];
    let armored = inside.as_ref().map(|inside| {
        let req_body = Encoded::<KdcReqBody<'_>>::decode(req_body.bytes())?;
        let request = KrbFastReq { fast_options: inside.options, padata: own.clone(), req_body };
        inside.armor.seal(&request, &proof, random)
    });
    let armored = armored.transpose()?;
    padata.extend(armored.iter().map(|value| PaData { padata_type: PaDataType::FX_FAST, padata_value: value }));
    if !inside.is_some_and(|inside| inside.is_alone) {
        padata.extend(own);
    }
    let bytes = KdcReq { exchange: KdcExchange::Tgs, padata, req_body }.to_der();
    Ok(KdcRequest { realm: asked.kdc_realm.clone(), bytes, tcp_required: false })
}

/// The AP-REQ of PA-TGS-REQ.
fn proof(
    held: &HeldTicket,
    body: &[u8],
    subkey: &EncryptionKey,
    random: &dyn Random,
    now: Time,
) -> Result<Vec<u8>, ExchangeError> {
    let key = &held.key;
    let checksum_key = ChecksumKey::new(key, KeyUsage::TGS_REQ_AUTHENTICATOR_CHECKSUM)?;
    let authenticator = Authenticator {
        crealm: held.client.realm(),
        cname: PrincipalName::from(&held.client),
        cksum: Some(Checksum { cksumtype: checksum_key.checksum_type(), checksum: &checksum_key.checksum(&[body]) }),
        cusec: now.into(),
        ctime: now.into(),
        subkey: Some(KeyRef::from(subkey)),
        seq_number: None,
        authorization_data: AuthorizationData::default(),
    };
    let plain = Secret::new(authenticator.to_der());
    let confounder = draw_confounder(random)?;
    let mut cipher = Vec::new();
    CipherKey::new(key, KeyUsage::TGS_REQ_AUTHENTICATOR)?.encrypt(&confounder, plain.expose(), &mut cipher);
    let request = ApReq {
        ap_options: ApOptions::NONE,
        ticket: Encoded::<Ticket<'_>>::decode(&held.ticket)?,
        authenticator: EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher },
    };
    Ok(request.to_der())
}

/// Whether the KDC saw the request that was sent, if it says what it saw (RFC 6806 11): a checksum under the key of
/// the reply. A KDC need not say it of a TGS request, whose body the proof covers anyway.
pub(super) fn check_request(
    key: &EncryptionKey,
    request: &[u8],
    part: &EncKdcRepPart<'_>,
) -> Result<(), ExchangeError> {
    let changed = || ExchangeError::mismatch(Mismatch::RequestChanged);
    let said = part.encrypted_pa_data.iter().find(|padata| padata.padata_type == PaDataType::REQ_ENC_PA_REP);
    let Some(said) = said else { return Ok(()) };
    let seen = Checksum::decode(said.padata_value)?;
    let key = ChecksumKey::new(key, REQUEST_CHECKSUM)?;
    if seen.cksumtype != key.checksum_type() {
        return Err(changed());
    }
    key.verify(&[request], seen.checksum).map_err(|_| changed())
}
