//! A method for tests, which does what the KDC's offer says: nothing else has all the turns that there are.

use super::{LongTermKeys, Mechanism, Method, Move, OwnedPaData, Replied, Round, Said};
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::exchange::{ClientProof, ExchangeError};
use crate::krb5::message::{ErrorCode, PaDataType};
use crate::question::{Answer, Question};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Its padata type.
pub(in crate::krb5) const REHEARSED: PaDataType = PaDataType(-1);

pub(super) struct Rehearsed;

impl Method for Rehearsed {
    fn padata_type(&self) -> PaDataType {
        REHEARSED
    }

    fn begin(&self, _: &Round<'_>) -> Option<Box<dyn Mechanism>> {
        Some(Box::new(InUse { proven: false }))
    }
}

struct InUse {
    proven: bool,
}

fn send(value: &[u8]) -> Move {
    Move::Send(vec![OwnedPaData::new(REHEARSED, value.to_vec())])
}

impl Mechanism for InUse {
    fn step(&mut self, said: &Said<'_>, _: &Round<'_>) -> Result<Move, ExchangeError> {
        match said.find(REHEARSED) {
            Some(b"challenge") => {
                self.proven = true;
                Ok(send(b"response"))
            }
            Some(b"question") => Ok(Move::Ask(Question::Custom { name: "rehearsed", payload: vec![] })),
            Some(b"unusable") | None => Err(ExchangeError::ApiMisuse("rehearsed: unusable")),
            Some(_) => Ok(send(b"support")),
        }
    }

    fn answered(&mut self, answer: Answer, round: &Round<'_>) -> Result<Move, ExchangeError> {
        let Answer::Custom(answer) = answer else {
            return Err(ExchangeError::ApiMisuse("rehearsed: another answer"));
        };
        Ok(send(&[answer.expose(), &round.nonce.to_be_bytes()[..]].concat()))
    }

    fn refused(&mut self, code: ErrorCode, _: &Said<'_>, _: &Round<'_>) -> Option<Move> {
        (code == ErrorCode::KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED).then(|| send(b"other parameters"))
    }

    fn proof(&self) -> Option<ClientProof> {
        self.proven.then_some(ClientProof::Key(Enctype(17)))
    }

    fn reply_keys(&mut self, reply: &Replied<'_>, round: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError> {
        match reply.find(REHEARSED) {
            Some(b"unproven") => Err(ExchangeError::ApiMisuse("rehearsed: the KDC is not proven")),
            _ => LongTermKeys::of_reply(None, reply, round),
        }
    }
}
