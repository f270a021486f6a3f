use crate::crypto::Secret;
use crate::krb5::enctype::{CipherKey, CryptoError, EncryptionKey, KeyUsage};
use crate::krb5::message::{EncryptedData, PaEncTsEnc};
use crate::time::Time;
use alloc::vec::Vec;

/// The padata-value of PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2): the client's time under its key, with key usage 1.
pub(in crate::krb5) fn encrypted_timestamp(
    key: &EncryptionKey,
    confounder: &[u8; 16],
    now: Time,
) -> Result<Vec<u8>, CryptoError> {
    let plain = Secret::new(PaEncTsEnc { patimestamp: now.into(), pausec: Some(now.into()) }.to_der());
    let mut cipher = Vec::new();
    CipherKey::new(key, KeyUsage::AS_REQ_TIMESTAMP)?.encrypt(confounder, plain.expose(), &mut cipher);
    Ok(EncryptedData { etype: key.enctype(), kvno: None, cipher: &cipher }.to_der())
}
