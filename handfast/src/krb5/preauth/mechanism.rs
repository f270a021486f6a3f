use super::{ClientSecret, KeyHints};
use crate::crypto::Random;
use crate::krb5::enctype::{EncryptionKey, Enctype};
use crate::krb5::exchange::{ClientProof, ExchangeError, TicketOptions};
use crate::krb5::message::{ErrorCode, KeyRef, PaData, PaDataType};
use crate::name::Principal;
use crate::question::{Answer, Question};
use crate::time::Time;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// One kind of proof.
pub(in crate::krb5) trait Method: Sync {
    /// The padata by which a KDC offers it, and by which it is named in the options.
    fn padata_type(&self) -> PaDataType;

    /// A use of it, if the client holds what it takes, and it may stand in such a request (inside of FAST, or outside).
    fn begin(&self, round: &Round<'_>) -> Option<Box<dyn Mechanism>>;
}

/// A method in use, for one conversation with the KDC.
pub(in crate::krb5) trait Mechanism: Send + Sync {
    /// Answers the KDC: what it offers at first, its challenge later (KDC_ERR_MORE_PREAUTH_DATA_REQUIRED).
    ///
    /// # Errors
    /// If this can't be used, or not with this KDC: the next method has its turn, unless a proof was sent already.
    fn step(&mut self, said: &Said<'_>, round: &Round<'_>) -> Result<Move, ExchangeError>;

    /// Goes on with the answer to its question. The request is the one of the question: same body, same nonce.
    ///
    /// # Errors
    /// As [`Mechanism::step`].
    fn answered(&mut self, _answer: Answer, _round: &Round<'_>) -> Result<Move, ExchangeError> {
        Err(ExchangeError::ApiMisuse("an answer to no question"))
    }

    /// A better way to ask after a refusal with a code of the mechanism's own, if there is one.
    fn refused(&mut self, _code: ErrorCode, _said: &Said<'_>, _round: &Round<'_>) -> Option<Move> {
        None
    }

    /// What the client has proven itself with, as soon as its secret was used. A refusal is final then.
    fn proof(&self) -> Option<ClientProof>;

    /// The keys that the reply may be under, those to try first in front, before FAST strengthens them. What the KDC proves of
    /// itself is checked here.
    ///
    /// # Errors
    /// If the KDC is not proven, or no key is here.
    fn reply_keys(&mut self, reply: &Replied<'_>, round: &Round<'_>) -> Result<Vec<EncryptionKey>, ExchangeError>;

    /// Checks the session key, where it is not the KDC's alone to make; `padata` are those of the reply.
    ///
    /// # Errors
    /// If it is not the one that it has to be.
    fn check_session_key(&self, _padata: &[PaData<'_>], _session: &KeyRef<'_>) -> Result<(), ExchangeError> {
        Ok(())
    }
}

/// What a mechanism wants next.
pub(in crate::krb5) enum Move {
    /// A request with this padata.
    Send(Vec<OwnedPaData>),
    /// An answer from outside.
    Ask(Question),
}

/// A [`PaData`] that owns its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::krb5) struct OwnedPaData {
    pub(in crate::krb5) padata_type: PaDataType,
    pub(in crate::krb5) padata_value: Vec<u8>,
}

impl OwnedPaData {
    pub(in crate::krb5) fn new(padata_type: PaDataType, padata_value: Vec<u8>) -> Self {
        OwnedPaData { padata_type, padata_value }
    }

    pub(in crate::krb5) fn borrowed(&self) -> PaData<'_> {
        PaData { padata_type: self.padata_type, padata_value: &self.padata_value }
    }
}

impl From<&PaData<'_>> for OwnedPaData {
    fn from(padata: &PaData<'_>) -> Self {
        OwnedPaData::new(padata.padata_type, padata.padata_value.to_vec())
    }
}

/// The request that is being made.
#[derive(Clone, Copy)]
pub(in crate::krb5) struct Round<'a> {
    pub(in crate::krb5) client: &'a Principal,
    pub(in crate::krb5) secret: &'a ClientSecret,
    pub(in crate::krb5) options: &'a TicketOptions,
    pub(in crate::krb5) random: &'a dyn Random,
    /// The KDC's time, as far as it is known: of proofs, and what they are held against.
    pub(in crate::krb5) now: Time,
    /// Our own clock, which no KDC can set: certificates are judged by it.
    #[cfg_attr(
        not(feature = "pkinit"),
        allow(dead_code, reason = "for mechanisms with certificates (RFC 4556 3.2.4)")
    )]
    pub(in crate::krb5) here: Time,
    /// The enctypes that the body offers, in its order.
    pub(in crate::krb5) enctypes: &'a [Enctype],
    /// The body's nonce.
    #[cfg_attr(
        not(feature = "pkinit"),
        allow(dead_code, reason = "for mechanisms that repeat the nonce (RFC 4556 3.2.1)")
    )]
    pub(in crate::krb5) nonce: u32,
    /// The KDC-REQ-BODY, the inner one inside of FAST, as it goes into the request.
    #[cfg_attr(
        not(any(feature = "pkinit", feature = "spake")),
        allow(dead_code, reason = "for mechanisms that cover the body (RFC 4556 3.2.1, RFC 9588 7)")
    )]
    pub(in crate::krb5) body: &'a [u8],
    /// The armor key, inside of FAST.
    pub(in crate::krb5) armor: Option<&'a EncryptionKey>,
}

/// What the KDC says in an error.
pub(in crate::krb5) struct Said<'a> {
    pub(in crate::krb5) padata: &'a [PaData<'a>],
    /// How the client's keys are made, from this error or one before.
    pub(in crate::krb5) hints: &'a KeyHints,
}

impl<'a> Said<'a> {
    /// The first value of a type.
    pub(in crate::krb5) fn find(&self, wanted: PaDataType) -> Option<&'a [u8]> {
        find(self.padata, wanted)
    }
}

/// What the KDC says beside the ticket.
pub(in crate::krb5) struct Replied<'a> {
    pub(in crate::krb5) padata: &'a [PaData<'a>],
    /// How the client's keys are made, as errors before said.
    pub(in crate::krb5) hints: &'a KeyHints,
    /// The enctype of the reply's encrypted part.
    pub(in crate::krb5) enctype: Enctype,
    /// The request that it answers, as it was sent.
    #[cfg_attr(
        not(feature = "pkinit"),
        allow(dead_code, reason = "for mechanisms whose key covers the request (RFC 8636 6)")
    )]
    pub(in crate::krb5) request: &'a [u8],
}

impl<'a> Replied<'a> {
    /// The first value of a type.
    pub(in crate::krb5) fn find(&self, wanted: PaDataType) -> Option<&'a [u8]> {
        find(self.padata, wanted)
    }
}

pub(super) fn find<'a>(padata: &[PaData<'a>], wanted: PaDataType) -> Option<&'a [u8]> {
    padata.iter().find(|padata| padata.padata_type == wanted).map(|padata| padata.padata_value)
}
