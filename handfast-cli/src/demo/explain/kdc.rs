//! AS and TGS exchanges (RFC 4120 3.1, 3.3).

use super::words::{day_and_time, enctypes, first_bytes, full, iterations, list, short, ticket_flags, time_of_day};
use super::{Reader, Reading, datagram, open};
use crate::demo::Trouble;
use crate::demo::wire::{Party, Passed};
use handfast::krb5::enctype::{ChecksumKey, EncryptionKey, KeyUsage, fx_cf2};
use handfast::krb5::message::{
    ApReq, Authenticator, EncKdcRepPart, EncryptedData, ErrorCode, EtypeInfo2, KdcExchange, KdcRep, KdcReq, KrbError,
    KrbFastResponse, MethodData, PaData, PaDataType, PaEncTsEnc, PaFxFastReply,
};

/// The first byte of a KRB-ERROR: APPLICATION 30 (RFC 4120 5.9.1).
const KRB_ERROR: u8 = 0x60 | 30;

const STRENGTHENED: &str = "the subkey in the request and a key sent inside of FAST";

impl Reader<'_> {
    pub(super) fn kdc_message(&mut self, passed: &Passed) -> Result<Reading, Trouble> {
        let (message, says) = match passed.bytes.first() {
            _ if passed.to == Party::Kdc => self.request(&KdcReq::decode(&passed.bytes)?)?,
            Some(&KRB_ERROR) => ("KRB-ERROR", refusal(&KrbError::decode(&passed.bytes)?)?),
            _ => self.reply(&KdcRep::decode(&passed.bytes)?)?,
        };
        Ok(Reading { message, carrier: datagram(passed.via), says })
    }

    fn request(&mut self, request: &KdcReq<'_>) -> Result<(&'static str, Vec<String>), Trouble> {
        match request.exchange {
            KdcExchange::As => Ok(("AS-REQ", self.as_request(request)?)),
            KdcExchange::Tgs => Ok(("TGS-REQ", self.tgs_request(request)?)),
        }
    }

    fn as_request(&mut self, request: &KdcReq<'_>) -> Result<Vec<String>, Trouble> {
        let body = &request.req_body;
        let client = body.cname.as_ref().map(|name| full(name, body.realm)).unwrap_or_default();
        let wanted = body.sname.as_ref().map(short).unwrap_or_default();
        match find(&request.padata, PaDataType::ENC_TIMESTAMP) {
            None => Ok(vec![
                format!("I am {client}. I bring no proof yet."),
                format!("I want a ticket for {wanted}."),
                format!("I take {}.", enctypes(body)),
            ]),
            Some(proof) => {
                let data = EncryptedData::decode(proof.padata_value)?;
                let plain = open(&self.keys.client, KeyUsage::AS_REQ_TIMESTAMP, &data)?;
                let stamp = PaEncTsEnc::decode(plain.expose())?;
                let time =
                    stamp.pausec.map_or_else(|| stamp.patimestamp.to_time(), |us| stamp.patimestamp.with_micros(us));
                Ok(vec![
                    format!(
                        "I am {client}. My proof is the time, {}, under the key of my password.",
                        time_of_day(time)
                    ),
                    format!("On the wire, that is {} bytes: {} …", data.cipher.len(), first_bytes(data.cipher, 8)),
                ])
            }
        }
    }

    fn tgs_request(&mut self, request: &KdcReq<'_>) -> Result<Vec<String>, Trouble> {
        let proof =
            find(&request.padata, PaDataType::TGS_REQ).ok_or_else(|| Trouble::new("a TGS-REQ without proof"))?;
        let ap_req = ApReq::decode(proof.padata_value)?;
        let client = self.open_ticket(&ap_req.ticket, |part| full(&part.cname, part.crealm))?;
        let plain = open(self.session()?, KeyUsage::TGS_REQ_AUTHENTICATOR, &ap_req.authenticator)?;
        let authenticator = Authenticator::decode(plain.expose())?;
        let time = authenticator.ctime.with_micros(authenticator.cusec);
        self.subkey = authenticator.subkey.map(|key| key.to_key()).transpose()?;
        let wanted = request.req_body.sname.as_ref().map(short).unwrap_or_default();
        let covered = self.covered(&authenticator, request.req_body.bytes())?;
        Ok(vec![
            format!("Here is the ticket of {client} for {}.", short(&ap_req.ticket.sname)),
            format!("It is mine: the time, {}{covered}, under its session key.", time_of_day(time)),
            format!("I want a ticket for {wanted}."),
        ])
    }

    /// Whether the authenticator covers the request's body (RFC 4120 3.3.1).
    fn covered(&self, authenticator: &Authenticator<'_>, body: &[u8]) -> Result<&'static str, Trouble> {
        let Some(checksum) = &authenticator.cksum else { return Ok("") };
        let key = ChecksumKey::new(self.session()?, KeyUsage::TGS_REQ_AUTHENTICATOR_CHECKSUM)?;
        key.verify(&[body], checksum.checksum)?;
        Ok(", and a checksum of this request")
    }

    /// The key that strengthens the subkey of the request, if the KDC answers inside of FAST (RFC 6113 5.4.3).
    fn strengthening(&self, reply: &KdcRep<'_>, subkey: &EncryptionKey) -> Result<Option<EncryptionKey>, Trouble> {
        let Some(fast) = find(&reply.padata, PaDataType::FX_FAST) else { return Ok(None) };
        let armor = fx_cf2(subkey, self.session()?, b"subkeyarmor", b"ticketarmor")?;
        let sealed = PaFxFastReply::decode(fast.padata_value)?.0.enc_fast_rep;
        let plain = open(&armor, KeyUsage::FAST_REP, &sealed)?;
        Ok(KrbFastResponse::decode(plain.expose())?.strengthen_key.map(|key| key.to_key()).transpose()?)
    }

    fn reply(&mut self, reply: &KdcRep<'_>) -> Result<(&'static str, Vec<String>), Trouble> {
        let (message, under, plain) = match (reply.exchange, &self.subkey) {
            (KdcExchange::As, _) => (
                "AS-REP",
                "the key of the password",
                open(&self.keys.client, KeyUsage::AS_REP_ENC_PART, &reply.enc_part)?,
            ),
            (KdcExchange::Tgs, Some(subkey)) => {
                let (key, under) = match self.strengthening(reply, subkey)? {
                    Some(with) => (fx_cf2(&with, subkey, b"strengthenkey", b"replykey")?, STRENGTHENED),
                    None => (subkey.clone(), "the subkey in the request"),
                };
                ("TGS-REP", under, open(&key, KeyUsage::TGS_REP_ENC_PART_SUBKEY, &reply.enc_part)?)
            }
            (KdcExchange::Tgs, None) => {
                let plain = open(self.session()?, KeyUsage::TGS_REP_ENC_PART_SESSION_KEY, &reply.enc_part)?;
                ("TGS-REP", "the session key", plain)
            }
        };
        let part = EncKdcRepPart::decode(plain.expose())?;
        let ticket = &reply.ticket;
        let service = short(&ticket.sname);
        let owner = if reply.exchange == KdcExchange::As { "the KDC's own key" } else { "the service's key" };
        Ok((
            message,
            vec![
                format!("A ticket for {service}, {} bytes. Only {owner} opens it.", ticket.bytes().len()),
                format!(
                    "For {}, under {under}: the session key that is in the ticket, {}.",
                    short(&reply.cname),
                    part.key.keytype
                ),
                format!("Good until {}; {}.", day_and_time(part.endtime.to_time()), ticket_flags(part.flags)),
            ],
        ))
    }
}

fn refusal(error: &KrbError<'_>) -> Result<Vec<String>, Trouble> {
    let code = error.error_code;
    let mut says = vec![match code {
        ErrorCode::KDC_ERR_PREAUTH_REQUIRED => format!("No ticket without a proof (error {}).", code.0),
        _ => format!("{code}."),
    }];
    let methods = error.e_data.map(MethodData::decode).transpose()?.unwrap_or_default().0;
    if let Some(info) = find(&methods, PaDataType::ETYPE_INFO2) {
        for entry in EtypeInfo2::decode(info.padata_value)?.0 {
            let rounds = entry.s2kparams.and_then(iterations).or_else(|| entry.etype.default_iterations());
            let salt = entry.salt.map_or_else(|| "the usual salt".to_owned(), |salt| format!("salt {salt}"));
            says.push(format!("Your key: {}, {salt}, {} rounds.", entry.etype, rounds.unwrap_or_default()));
        }
    }
    let takes = list(methods.iter().filter_map(|method| method_name(method.padata_type)));
    says.push(format!("As proof I take {takes}."));
    Ok(says)
}

fn method_name(method: PaDataType) -> Option<String> {
    match method {
        PaDataType::ENC_TIMESTAMP => Some("the encrypted time (PA-ENC-TIMESTAMP)".to_owned()),
        PaDataType::ENCRYPTED_CHALLENGE => Some("an encrypted challenge".to_owned()),
        PaDataType::SPAKE => Some("SPAKE".to_owned()),
        _ => None,
    }
}

fn find<'a>(padata: &'a [PaData<'a>], wanted: PaDataType) -> Option<&'a PaData<'a>> {
    padata.iter().find(|padata| padata.padata_type == wanted)
}
