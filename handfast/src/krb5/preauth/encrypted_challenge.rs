use super::encrypted_timestamp::encrypted_time;
use super::{LongTermKeys, Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage, fx_cf2};
use crate::krb5::exchange::{ClientProof, ExchangeError, Mismatch};
use crate::krb5::message::{EncryptedData, PaDataType, PaEncTsEnc};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Encrypted challenge (RFC 6113 5.4.6): the client's time under its long-term key and the armor key. Who does not know the armor
/// key has nothing to guess at, and the KDC proves itself with its own time.
pub(super) struct EncryptedChallenge;

impl Method for EncryptedChallenge {
    fn padata_type(&self) -> PaDataType {
        PaDataType::ENCRYPTED_CHALLENGE
    }

    /// Inside of FAST alone.
    fn begin(&self, round: &Round<'_>) -> Option<Box<dyn Mechanism>> {
        let armor = round.armor?.clone();
        Some(Box::new(InUse { armor, proven: None }))
    }
}

struct InUse {
    armor: EncryptionKey,
    proven: Option<(LongTermKeys, ClientProof)>,
}

impl Mechanism for InUse {
    fn step(&mut self, said: &Said<'_>, round: &Round<'_>) -> Result<Move, ExchangeError> {
        let keys = LongTermKeys::choose(round, said.hints)?;
        let key = challenge_key(&self.armor, keys.first(), b"clientchallengearmor")?;
        let value = encrypted_time(&key, KeyUsage::ENC_CHALLENGE_CLIENT, round)?;
        let proof = keys.proof(round.secret);
        self.proven = Some((keys, proof));
        Ok(Move::Send(vec![OwnedPaData::new(PaDataType::ENCRYPTED_CHALLENGE, value)]))
    }

    fn proof(&self) -> Option<ClientProof> {
        self.proven.as_ref().map(|(_, proof)| *proof)
    }

    /// The KDC answers with its time under a key of its own, made of the same two: only who knows the client's key can.
    fn reply_keys(&mut self, reply: &Replied<'_>, round: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        let unproven = || ExchangeError::mismatch(Mismatch::ChallengeUnanswered);
        let (keys, _) = self.proven.as_ref().ok_or_else(unproven)?;
        let answer = reply.find(PaDataType::ENCRYPTED_CHALLENGE).ok_or_else(unproven)?;
        let key = challenge_key(&self.armor, keys.first(), b"kdcchallengearmor")?;
        let sealed = EncryptedData::decode(answer)?;
        if sealed.etype != key.enctype() {
            return Err(unproven());
        }
        let plain =
            CipherKey::new(&key, KeyUsage::ENC_CHALLENGE_KDC)?.decrypt(sealed.cipher).map_err(|_| unproven())?;
        PaEncTsEnc::decode(plain.expose())?;
        LongTermKeys::of_reply(Some(keys), reply, round)
    }
}

/// The key of a challenge, of one direction.
fn challenge_key(
    armor: &EncryptionKey,
    long_term: &EncryptionKey,
    direction: &[u8],
) -> Result<EncryptionKey, CryptoError> {
    fx_cf2(armor, long_term, direction, b"challengelongterm")
}
