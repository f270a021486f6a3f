use super::encrypted_timestamp::{check_time, decode};
use super::{Ask, Method, Offer, Proof, ReplyKey, Verdict};
use crate::directory::LongTermKey;
use crate::refusal::{Refusal, Seen};
use alloc::vec;
use alloc::vec::Vec;
use handfast::crypto::Secret;
use handfast::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage, fx_cf2};
use handfast::krb5::message::{EncryptedData, ErrorCode, PaDataType, PaEncTsEnc};

/// Encrypted challenge (RFC 6113 5.4.6): the client's time under its long-term key and the armor key; answered in kind.
///
/// A challenge that comes again is answered again: the reply key is strengthened with a key that only the armor opens.
pub(super) struct EncryptedChallenge;

impl Method for EncryptedChallenge {
    fn padata_type(&self) -> PaDataType {
        PaDataType::ENCRYPTED_CHALLENGE
    }

    /// Inside of FAST alone.
    fn offer(&self, ask: &Ask<'_>) -> Result<Option<Offer>, Refusal> {
        Ok(ask.armor.map(|_| Offer { value: Vec::new(), state: None }))
    }

    fn verify<'a>(
        &self,
        value: &[u8],
        _state: Option<&[u8]>,
        ask: &Ask<'a>,
        seen: &mut Seen,
    ) -> Result<Verdict<'a>, Refusal> {
        let outside = || Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, "an encrypted challenge outside of FAST");
        let armor = ask.armor.ok_or_else(outside)?;
        let sealed = decode(value)?;
        // It is of the armor key's enctype (RFC 6113 5.1), whatever the long-term key's.
        let keys = ask.client.current_keys().filter(|key| ask.body.etype.contains(&key.enctype()));
        let open = |key: &LongTermKey| open(armor, key.key(), &sealed).ok();
        let key = check_time(keys, ask, seen, open)?;
        let padata = vec![(PaDataType::ENCRYPTED_CHALLENGE, answer(armor, key.key(), ask)?)];
        Ok(Verdict::Proven(Proof { reply_key: ReplyKey::LongTerm(key), padata }))
    }
}

fn open(armor: &EncryptionKey, long_term: &EncryptionKey, sealed: &EncryptedData<'_>) -> Result<Secret, CryptoError> {
    let key = challenge_key(armor, long_term, b"clientchallengearmor")?;
    if sealed.etype != key.enctype() {
        return Err(CryptoError::IntegrityCheckFailed);
    }
    CipherKey::new(&key, KeyUsage::ENC_CHALLENGE_CLIENT)?.decrypt(sealed.cipher)
}

/// Our own time, by which the client sees that we know its key.
fn answer(armor: &EncryptionKey, long_term: &EncryptionKey, ask: &Ask<'_>) -> Result<Vec<u8>, Refusal> {
    let mut confounder = [0; 16];
    ask.random.fill(&mut confounder).map_err(CryptoError::from)?;
    let key = challenge_key(armor, long_term, b"kdcchallengearmor")?;
    let plain = PaEncTsEnc { patimestamp: ask.now.into(), pausec: Some(ask.now.into()) }.to_der();
    let mut cipher = Vec::new();
    CipherKey::new(&key, KeyUsage::ENC_CHALLENGE_KDC)?.encrypt(&confounder, &plain, &mut cipher);
    Ok(EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher }.to_der())
}

fn challenge_key(
    armor: &EncryptionKey,
    long_term: &EncryptionKey,
    direction: &[u8],
) -> Result<EncryptionKey, CryptoError> {
    fx_cf2(armor, long_term, direction, b"challengelongterm")
}
