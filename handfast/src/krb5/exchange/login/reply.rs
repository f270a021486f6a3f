//! What a KDC's reply has to prove before its ticket is taken (RFC 4120 3.1.5).

use super::{Login, Sent, not_armored};
use crate::crypto::Secret;
use crate::krb5::enctype::{ChecksumKey, CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::exchange::learned::{Learned, LoggedIn, offset_of_reply};
use crate::krb5::exchange::{ExchangeError, Mismatch};
use crate::krb5::message::{Checksum, EncKdcRepPart, EncryptedData, KdcRep, PaDataType, TicketFlags};
use crate::krb5::preauth::ArmoredReply;
use crate::time::Time;

impl Login {
    pub(super) fn accept(&mut self, sent: &Sent, reply: KdcRep<'_>, now: Time) -> Result<LoggedIn, ExchangeError> {
        let asked = &sent.draft.asked;
        let inside = self.inside(sent, &reply)?;
        let reply = match &inside {
            Some(inside) => inside.as_inside(reply, self.applicant.is_hidden())?,
            None => reply,
        };
        asked.check_outside(&reply)?;
        let round = self.applicant.round(&sent.draft, self.armor.as_ref(), self.clock.time(now), now);
        let keys = self.conversation.reply_keys(&reply.padata, reply.enc_part.etype, &sent.request.bytes, &round)?;
        let keys = match &inside {
            Some(inside) => keys.iter().map(|key| inside.strengthened(key)).collect::<Result<_, _>>()?,
            None => keys,
        };
        let (key, plain) = self.decrypt(&keys, &reply.enc_part)?;
        let part = EncKdcRepPart::decode(plain.expose())?;
        self.conversation.check_session_key(&reply.padata, &part.key)?;
        let learned = self.learned(sent, &part);
        let kdc_time = learned.kdc_offset.map_or(now, |offset| offset.kdc_time(now));
        let ticket = asked.take(&reply, &part, inside.is_some(), kdc_time)?;
        check_request(key, &sent.request.bytes, &part)?;
        if learned.kdc_offset.is_some_and(|offset| !self.clock.agrees(offset, self.applicant.options.clock_skew)) {
            return Err(ExchangeError::mismatch(Mismatch::OtherTimeTold));
        }
        if self.without_armor && names_fast(&part) {
            return Err(ExchangeError::mismatch(Mismatch::FastStripped));
        }
        Ok(LoggedIn { ticket, learned })
    }

    /// What a reply teaches, once all checks are passed. Its `authtime` is the KDC's clock (RFC 4120 3.1.3). That the KDC knows FAST
    /// counts where it also says what it was asked (RFC 6806 11).
    fn learned(&self, sent: &Sent, part: &EncKdcRepPart<'_>) -> Learned {
        let kdc_offset = offset_of_reply(sent.at, part.authtime.into());
        Learned {
            preauth: self.conversation.method(),
            fast_available: part.flags.contains(TicketFlags::ENC_PA_REP) && names_fast(part),
            kdc_offset: self.applicant.options.kdc_timesync.then_some(kdc_offset),
        }
    }

    /// What the KDC says inside of FAST; none if the login goes on without.
    fn inside(&mut self, sent: &Sent, reply: &KdcRep<'_>) -> Result<Option<ArmoredReply>, ExchangeError> {
        let Some(armor) = &self.armor else { return Ok(None) };
        let inside = armor.open_reply(&reply.padata, sent.draft.asked.nonce, reply.ticket.bytes())?;
        if inside.is_none() {
            if !self.may_go_without_armor() {
                return Err(not_armored(sent, None));
            }
            (self.armor, self.without_armor) = (None, true);
        }
        Ok(inside)
    }

    fn decrypt<'k>(
        &self,
        keys: &'k [EncryptionKey],
        part: &EncryptedData<'_>,
    ) -> Result<(&'k EncryptionKey, Secret), ExchangeError> {
        for key in keys {
            match CipherKey::new(key, KeyUsage::AS_REP_ENC_PART)?.decrypt(part.cipher) {
                Ok(plain) => return Ok((key, plain)),
                Err(CryptoError::IntegrityCheckFailed | CryptoError::TooShort { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let client = self.applicant.client.clone();
        Err(ExchangeError::WrongSecret { client, enctype: part.etype, kvno: part.kvno })
    }
}

/// Whether the KDC says that it knows FAST (RFC 6113 5.4.3).
fn names_fast(part: &EncKdcRepPart<'_>) -> bool {
    part.encrypted_pa_data.iter().any(|padata| padata.padata_type == PaDataType::FX_FAST)
}

/// Whether the KDC saw the request that was sent. It says so if it sets the flag enc-pa-rep (RFC 6806 11).
fn check_request(key: &EncryptionKey, request: &[u8], part: &EncKdcRepPart<'_>) -> Result<(), ExchangeError> {
    if !part.flags.contains(TicketFlags::ENC_PA_REP) {
        return Ok(());
    }
    let changed = || ExchangeError::mismatch(Mismatch::RequestChanged);
    let seen = part.encrypted_pa_data.iter().find(|padata| padata.padata_type == PaDataType::REQ_ENC_PA_REP);
    let seen = Checksum::decode(seen.ok_or_else(changed)?.padata_value)?;
    let key = ChecksumKey::new(key, KeyUsage::AS_REQ_CHECKSUM)?;
    if seen.cksumtype != key.checksum_type() {
        return Err(changed());
    }
    key.verify(&[request], seen.checksum).map_err(|_| changed())
}
