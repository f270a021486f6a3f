//! A method of two steps for tests: an offer, a challenge, and a reply key of its own.

use super::{Ask, Method, Offer, Proof, ReplyKey, Verdict};
use crate::refusal::{Refusal, Seen};
use alloc::vec;
use handfast::krb5::enctype::{EncryptionKey, Enctype};
use handfast::krb5::message::{ErrorCode, PaDataType};

/// Its padata type.
pub(crate) const REHEARSED: PaDataType = PaDataType(-1);

/// The key that its replies are under.
pub(crate) fn rehearsed_key() -> EncryptionKey {
    EncryptionKey::new(Enctype::AES256_CTS_HMAC_SHA1_96, vec![7; 32]).unwrap()
}

pub(super) struct Rehearsed;

impl Method for Rehearsed {
    fn padata_type(&self) -> PaDataType {
        REHEARSED
    }

    fn offer(&self, _: &Ask<'_>) -> Result<Option<Offer>, Refusal> {
        Ok(Some(Offer { value: b"offer".to_vec(), state: Some(b"offered".to_vec()) }))
    }

    fn verify<'a>(
        &self,
        value: &[u8],
        state: Option<&[u8]>,
        _: &Ask<'a>,
        _: &mut Seen,
    ) -> Result<Verdict<'a>, Refusal> {
        match (value, state) {
            (b"support", Some(b"offered")) => Ok(Verdict::Challenge {
                padata: vec![(REHEARSED, b"challenge".to_vec())],
                state: b"challenged".to_vec(),
            }),
            (b"response", Some(b"challenged")) => Ok(Verdict::Proven(Proof {
                reply_key: ReplyKey::Replaced(rehearsed_key()),
                padata: vec![(REHEARSED, b"done".to_vec())],
            })),
            _ => Err(Refusal::new(ErrorCode::KDC_ERR_PREAUTH_FAILED, "rehearsed: no such step")),
        }
    }
}
