use super::{LongTermKeys, Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::crypto::Secret;
use crate::krb5::enctype::{CipherKey, EncryptionKey, KeyUsage};
use crate::krb5::exchange::{ClientProof, ExchangeError, draw_confounder};
use crate::krb5::message::{EncryptedData, PaDataType, PaEncTsEnc};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Encrypted timestamp (RFC 4120 5.2.7.2): the client's time under its long-term key. Whoever sees it can guess at the password.
pub(super) struct EncryptedTimestamp;

impl Method for EncryptedTimestamp {
    fn padata_type(&self) -> PaDataType {
        PaDataType::ENC_TIMESTAMP
    }

    fn begin(&self, _round: &Round<'_>) -> Option<Box<dyn Mechanism>> {
        Some(Box::new(InUse { proven: None }))
    }
}

struct InUse {
    proven: Option<(LongTermKeys, ClientProof)>,
}

impl Mechanism for InUse {
    fn step(&mut self, said: &Said<'_>, round: &Round<'_>) -> Result<Move, ExchangeError> {
        let keys = LongTermKeys::choose(round, said.hints)?;
        let timestamp = encrypted_time(keys.first(), KeyUsage::AS_REQ_TIMESTAMP, round)?;
        let proof = keys.proof(round.secret);
        self.proven = Some((keys, proof));
        Ok(Move::Send(vec![OwnedPaData::new(PaDataType::ENC_TIMESTAMP, timestamp)]))
    }

    fn proof(&self) -> Option<ClientProof> {
        self.proven.as_ref().map(|(_, proof)| *proof)
    }

    fn reply_keys(&mut self, reply: &Replied<'_>, round: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        LongTermKeys::of_reply(self.proven.as_ref().map(|(keys, _)| keys), reply, round)
    }
}

/// A PA-ENC-TS-ENC in an EncryptedData (RFC 4120 5.2.7.2).
pub(super) fn encrypted_time(
    key: &EncryptionKey,
    usage: KeyUsage,
    round: &Round<'_>,
) -> Result<Vec<u8>, ExchangeError> {
    let plain = Secret::new(PaEncTsEnc { patimestamp: round.now.into(), pausec: Some(round.now.into()) }.to_der());
    let mut cipher = Vec::new();
    CipherKey::new(key, usage)?.encrypt(&draw_confounder(round.random)?, plain.expose(), &mut cipher);
    Ok(EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher }.to_der())
}
