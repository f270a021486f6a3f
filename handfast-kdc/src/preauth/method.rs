use crate::directory::{LongTermKey, PrincipalEntry};
use crate::refusal::{Refusal, Seen};
use crate::settings::Settings;
use alloc::vec::Vec;
use handfast::Time;
use handfast::crypto::Random;
use handfast::krb5::enctype::EncryptionKey;
use handfast::krb5::message::{Encoded, KdcReqBody, PaDataType};

/// A PA-DATA that owns its value.
pub(crate) type OwnedPaData = (PaDataType, Vec<u8>);

/// One kind of proof.
pub(crate) trait Method: Sync {
    /// The type of the padata that offer it and carry its proofs.
    fn padata_type(&self) -> PaDataType;

    /// What a client without a proof is told; none if this client can't use it.
    ///
    /// # Errors
    /// If our own keys or randomness fail.
    fn offer(&self, ask: &Ask<'_>) -> Result<Option<Offer>, Refusal>;

    /// Checks what the client sent. `state` is what the offer or challenge before left for this request, if the client
    /// brought it back: whatever a client may not choose itself has to stand there.
    ///
    /// # Errors
    /// Refusals. KDC_ERR_PREAUTH_FAILED is sent with our offers.
    fn verify<'a>(
        &self,
        value: &[u8],
        state: Option<&[u8]>,
        ask: &Ask<'a>,
        seen: &mut Seen,
    ) -> Result<Verdict<'a>, Refusal>;
}

/// What an AS request asks, for the methods.
pub(crate) struct Ask<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) random: &'a dyn Random,
    pub(crate) krbtgt: &'a PrincipalEntry,
    pub(crate) client: &'a PrincipalEntry,
    /// The body that counts: the inner one, inside of FAST.
    pub(crate) body: &'a Encoded<'a, KdcReqBody<'a>>,
    /// The whole request, as it came.
    #[cfg_attr(
        not(feature = "pkinit"),
        allow(dead_code, reason = "for methods whose key covers the request (RFC 8636 6)")
    )]
    pub(crate) request: &'a [u8],
    /// The armor key, inside of FAST.
    pub(crate) armor: Option<&'a EncryptionKey>,
    pub(crate) now: Time,
    #[cfg(feature = "pkinit")]
    pub(crate) pkinit: Option<&'a crate::pkinit::RealmPkinit>,
}

impl Ask<'_> {
    /// Whether the client has no name (RFC 8062 3).
    pub(crate) fn is_anonymous(&self) -> bool {
        #[cfg(feature = "pkinit")]
        return crate::pkinit::is_anonymous(&self.client.principal);
        #[cfg(not(feature = "pkinit"))]
        false
    }
}

/// What a method tells a client that may use it.
pub(crate) struct Offer {
    /// The padata-value.
    pub(crate) value: Vec<u8>,
    /// What the method wants to know again when the client answers.
    pub(crate) state: Option<Vec<u8>>,
}

/// What comes of a client's padata.
pub(crate) enum Verdict<'a> {
    /// The client has proven itself.
    Proven(Proof<'a>),
    /// Another step is needed: KDC_ERR_MORE_PREAUTH_DATA_REQUIRED (RFC 6113 5.2).
    #[cfg_attr(not(feature = "spake"), allow(dead_code, reason = "for methods of several steps"))]
    Challenge {
        /// What the client is told.
        padata: Vec<OwnedPaData>,
        /// What the method wants to know again when the client answers.
        state: Vec<u8>,
    },
}

/// A client's proof.
pub(crate) struct Proof<'a> {
    /// What the reply is under, before FAST strengthens it.
    pub(crate) reply_key: ReplyKey<'a>,
    /// What the client is told in the reply.
    pub(crate) padata: Vec<OwnedPaData>,
}

impl Proof<'_> {
    /// When what proved the client ends, and its tickets with it.
    pub(crate) fn until(&self) -> Option<Time> {
        match &self.reply_key {
            #[cfg(feature = "pkinit")]
            ReplyKey::Agreed { until, .. } => *until,
            _ => None,
        }
    }
}

/// The key of a reply (RFC 6113 2.1).
pub(crate) enum ReplyKey<'a> {
    /// A key of the client's.
    LongTerm(&'a LongTermKey),
    /// One that the method made instead.
    #[cfg_attr(
        not(feature = "spake"),
        allow(dead_code, reason = "for methods that replace the reply key (RFC 6113 3.3)")
    )]
    Replaced(EncryptionKey),
    /// One that client and realm have agreed on. The session key is made of it, too (RFC 8062 7), and the ticket ends with the
    /// certificate (RFC 4556 3.2.3).
    #[cfg(feature = "pkinit")]
    Agreed {
        key: EncryptionKey,
        /// The end of the client's certificate, if it has one.
        until: Option<Time>,
    },
}
