use super::{Ask, Method, Offer, Proof, ReplyKey, Verdict, check_skew};
use crate::directory::LongTermKey;
use crate::refusal::{Refusal, Seen};
use alloc::format;
use alloc::vec::Vec;
use handfast::crypto::Secret;
use handfast::krb5::message::{EncryptedData, ErrorCode, PaDataType, PaEncTsEnc};

/// Encrypted timestamp (RFC 4120 5.2.7.2): the client's time under its long-term key.
pub(super) struct EncryptedTimestamp;

impl Method for EncryptedTimestamp {
    fn padata_type(&self) -> PaDataType {
        PaDataType::ENC_TIMESTAMP
    }

    fn offer(&self, _ask: &Ask<'_>) -> Result<Option<Offer>, Refusal> {
        Ok(Some(Offer { value: Vec::new(), state: None }))
    }

    fn verify<'a>(
        &self,
        value: &[u8],
        _state: Option<&[u8]>,
        ask: &Ask<'a>,
        seen: &mut Seen,
    ) -> Result<Verdict<'a>, Refusal> {
        let sealed = decode(value)?;
        let of_enctype = |key: &&LongTermKey| key.enctype() == sealed.etype && ask.body.etype.contains(&sealed.etype);
        let mut keys = ask.client.current_keys().filter(of_enctype).peekable();
        if keys.peek().is_none() {
            let reason = format!("the time is under {}, which the client has no key of or didn't list", sealed.etype);
            return Err(Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, reason));
        }
        let key = check_time(keys, ask, seen, |key| key.timestamp.decrypt(sealed.cipher).ok())?;
        Ok(Verdict::Proven(Proof { reply_key: ReplyKey::LongTerm(key), padata: Vec::new() }))
    }
}

fn failed(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, reason)
}

/// The EncryptedData that a client's time is in.
pub(super) fn decode(value: &[u8]) -> Result<EncryptedData<'_>, Refusal> {
    EncryptedData::decode(value).map_err(|_| failed("the encrypted time does not decode"))
}

/// Checks a PA-ENC-TS-ENC that one of `keys` opens, which is returned.
pub(super) fn check_time<'a>(
    mut keys: impl Iterator<Item = &'a LongTermKey>,
    ask: &Ask<'_>,
    seen: &mut Seen,
    open: impl Fn(&LongTermKey) -> Option<Secret>,
) -> Result<&'a LongTermKey, Refusal> {
    let opened = keys.find_map(|key| open(key).map(|plain| (key, plain)));
    let (key, plain) = opened.ok_or_else(|| failed("the time is under another key: a wrong password"))?;
    let stamp = PaEncTsEnc::decode(plain.expose()).map_err(|_| failed("PA-ENC-TS-ENC does not decode"))?;
    let time = stamp.patimestamp.with_micros(stamp.pausec.unwrap_or_default());
    seen.client_time = Some(time);
    check_skew(time, ask.settings.clock_skew, ask.now)?;
    Ok(key)
}
