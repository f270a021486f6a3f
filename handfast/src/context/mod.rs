//! The security context: what a completed handshake leaves in both hands.

mod export;

use crate::credential::Credential;
use crate::crypto::Secret;
use crate::error::MessageError;
use crate::flags::Flags;
use crate::identity::Identity;
use crate::krb5::enctype::Enctype;
use crate::krb5::{Authorization, HeldTicket};
use crate::mech::{Established, Halves, MechanismId, Part, PrfKey, Protection, Seal, Unprotected, Unseal, Why};
use crate::time::Time;
use crate::window::Order;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// A security context: the peer's proven identity, a session key, a lifetime, and the means to seal and sign.
///
/// There is one only where the proof has been checked. A message that is refused leaves the context as it was.
#[doc(alias("gss_ctx_id_t", "CtxtHandle", "SecurityContext"))]
pub struct Context {
    established: Box<Established>,
}

impl Context {
    pub(crate) fn new(established: Box<Established>) -> Self {
        Context { established }
    }

    /// Who the peer is.
    #[doc(alias = "gss_inquire_context")]
    pub fn peer(&self) -> &Identity {
        &self.established.peer
    }

    /// Who we are to the peer.
    ///
    /// An acceptor with several services that share a key is the one that its client says: the name of a ticket's service
    /// stands outside of what is encrypted (RFC 4120 5.3).
    pub fn local(&self) -> &Identity {
        &self.established.local
    }

    /// The mechanism that proved it.
    pub fn mechanism(&self) -> MechanismId {
        self.established.mechanism
    }

    /// Why it was this mechanism.
    pub fn why(&self) -> &Why {
        &self.established.why
    }

    /// What the context offers.
    pub fn flags(&self) -> Flags {
        self.established.flags
    }

    /// When the proof ends, if it does. The context goes on working; to end it is the caller's decision.
    pub fn expires(&self) -> Option<Time> {
        self.established.expires
    }

    /// The key that both ends hold and nobody else.
    #[doc(alias("GSS_C_INQ_SSPI_SESSION_KEY", "SECPKG_ATTR_SESSION_KEY"))]
    pub fn session_key(&self) -> &Secret<Vec<u8>> {
        &self.established.session_key
    }

    /// The Kerberos encryption type of the session key, if it has one.
    pub fn enctype(&self) -> Option<Enctype> {
        self.established.enctype
    }

    /// Tickets that were obtained on the way, for the driver to store.
    pub fn acquired(&self) -> &[HeldTicket] {
        &self.established.acquired
    }

    /// On the acceptor's side, the initiator's own credential, if it has delegated one and the policy takes it
    /// ([`Policy::take_delegated`](crate::Policy::take_delegated)): whoever has it is the initiator, wherever the realm lets it.
    ///
    /// It is one more credential each time: keep it, so that what is obtained with it is kept too.
    #[doc(alias("delegated_cred_handle", "ImpersonateSecurityContext", "QuerySecurityContextToken"))]
    pub fn delegated(&self) -> Option<Credential> {
        let client = self.delegated_tickets().first()?.client.clone();
        Some(Credential::held(client, self.delegated_tickets().to_vec()))
    }

    /// On the acceptor's side of Kerberos, the initiator's ticket, if the policy keeps it
    /// ([`Policy::keep_evidence`](crate::Policy::keep_evidence)): with it, [`Credential::on_behalf`] acts for the initiator
    /// where the realm lets this service do so. Not there in a context that was imported, or of user-to-user authentication.
    #[doc(alias("S4U2proxy", "evidence_ticket"))]
    pub fn evidence(&self) -> Option<&HeldTicket> {
        self.established.evidence.as_deref()
    }

    /// On the acceptor's side of Kerberos, what the KDC says of the initiator beside its name: SIDs and groups of a PAC,
    /// authentication indicators, other elements; only what is proven.
    #[doc(alias("gss_get_name_attribute", "SECPKG_ATTR_ACCESS_TOKEN"))]
    pub fn authorization(&self) -> Option<&Authorization> {
        self.established.authorization.as_deref()
    }

    /// The tickets of [`Context::delegated`], for a credential cache; empty if there are none.
    pub fn delegated_tickets(&self) -> &[HeldTicket] {
        &self.established.delegated
    }

    /// Appends a token that holds `message`, encrypted and signed.
    ///
    /// Fails if the context was made without [`Flags::CONFIDENTIALITY`].
    #[doc(alias("gss_wrap", "EncryptMessage"))]
    pub fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        self.protect(Protection::Confidentiality, message, out)
    }

    /// Opens a sealed message in place. A message that is only signed is refused.
    #[doc(alias("gss_unwrap", "DecryptMessage"))]
    pub fn unseal<'t>(&mut self, token: &'t mut [u8]) -> Result<&'t mut [u8], MessageError> {
        unseal(&mut *self.established.halves.unseal, token)
    }

    /// Appends a token that holds `message` with the protection named.
    ///
    /// Fails if the context was made without the flag for it.
    pub fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        negotiated(self.established.flags, protection)?;
        self.established.halves.seal.protect(protection, message, out)
    }

    /// Opens a message in place, sealed or signed only; the answer says which.
    pub fn unprotect<'t>(&mut self, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        self.established.halves.unseal.unprotect(Protection::Integrity, token)
    }

    /// Protects `parts` in place; the token is `header`, the sealed parts and `trailer`, in this order. Signed parts travel as
    /// they are, outside of the token, and both ends name them in the same places.
    ///
    /// `header` and `trailer` have the [`sizes`](Context::sizes) of the protection. Where nothing can stand behind the message
    /// (SSPI's TOKEN and DATA buffers), `trailer` is empty, and `header` as long as both; in DCE style this is the rule.
    ///
    /// # Errors
    /// [`MessageError::BufferSize`] for buffers of other sizes, [`MessageError::TooManyParts`] for more than 8 parts, and as
    /// [`Context::protect`].
    #[doc(alias = "gss_wrap_iov")]
    pub fn protect_parts(
        &mut self,
        protection: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError> {
        negotiated(self.established.flags, protection)?;
        self.established.halves.seal.protect_parts(protection, header, parts, trailer)
    }

    /// Opens in place a message whose pieces stand apart, as [`Context::protect_parts`] has made them, with a trailer or with all
    /// but the parts in `header`. One that is protected less than `least` is refused.
    #[doc(alias = "gss_unwrap_iov")]
    pub fn unprotect_parts(
        &mut self,
        least: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        self.established.halves.unseal.unprotect_parts(least, header, parts, trailer)
    }

    /// The sizes of a token's header and trailer in bytes, around a message of any length.
    #[doc(alias("gss_wrap_iov_length", "SecPkgContext_Sizes"))]
    pub fn sizes(&self, protection: Protection) -> (usize, usize) {
        self.established.halves.seal.sizes(protection)
    }

    /// The longest message whose token has at most `token` bytes.
    #[doc(alias("gss_wrap_size_limit", "cbMaximumMessage"))]
    pub fn message_limit(&self, protection: Protection, token: usize) -> usize {
        message_limit(&*self.established.halves.seal, protection, token)
    }

    /// Appends a signature of `message`, to be sent apart from it.
    #[doc(alias("gss_get_mic", "MakeSignature"))]
    pub fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        negotiated(self.established.flags, Protection::Integrity)?;
        self.established.halves.seal.sign(message, out)
    }

    /// As [`Context::sign`], of a message in up to 8 slices, one after the other.
    #[doc(alias = "gss_get_mic_iov")]
    pub fn sign_slices(&mut self, message: &[&[u8]], out: &mut Vec<u8>) -> Result<(), MessageError> {
        negotiated(self.established.flags, Protection::Integrity)?;
        self.established.halves.seal.sign_slices(message, out)
    }

    /// Checks the peer's signature of `message`.
    #[doc(alias("gss_verify_mic", "VerifySignature"))]
    pub fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        self.established.halves.unseal.verify(message, signature)
    }

    /// As [`Context::verify`], of a message in up to 8 slices, one after the other.
    #[doc(alias = "gss_verify_mic_iov")]
    pub fn verify_slices(&mut self, message: &[&[u8]], signature: &[u8]) -> Result<Order, MessageError> {
        self.established.halves.unseal.verify_slices(message, signature)
    }

    /// `length` octets that both ends of this context get from `input`, and nobody else: keys for another protocol, each named
    /// by its input (RFC 4401; RFC 7802 for Kerberos).
    ///
    /// # Errors
    /// [`MessageError::NoPrf`] if the mechanism has none, as NTLM.
    #[doc(alias = "gss_pseudo_random")]
    pub fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Result<Secret<Vec<u8>>, MessageError> {
        self.established.halves.seal.prf(key, input, length)
    }

    /// Parts the two directions, one half for each task of a full-duplex connection; no lock is shared.
    pub fn split(self) -> Result<(Sealer, Unsealer), (Context, MessageError)> {
        if !self.established.halves.splittable {
            return Err((self, MessageError::NotSplittable));
        }
        let Established { flags, halves: Halves { seal, unseal, .. }, .. } = *self.established;
        Ok((Sealer { flags, seal }, Unsealer { unseal }))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("peer", self.peer())
            .field("local", self.local())
            .field("mechanism", &self.mechanism())
            .field("flags", &self.flags())
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}

/// The sending half of a split [`Context`].
pub struct Sealer {
    flags: Flags,
    seal: Box<dyn Seal>,
}

impl Sealer {
    /// As [`Context::seal`].
    pub fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        self.protect(Protection::Confidentiality, message, out)
    }

    /// As [`Context::protect`].
    pub fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        negotiated(self.flags, protection)?;
        self.seal.protect(protection, message, out)
    }

    /// As [`Context::protect_parts`].
    pub fn protect_parts(
        &mut self,
        protection: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError> {
        negotiated(self.flags, protection)?;
        self.seal.protect_parts(protection, header, parts, trailer)
    }

    /// As [`Context::sign`].
    pub fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError> {
        negotiated(self.flags, Protection::Integrity)?;
        self.seal.sign(message, out)
    }

    /// As [`Context::sign_slices`].
    pub fn sign_slices(&mut self, message: &[&[u8]], out: &mut Vec<u8>) -> Result<(), MessageError> {
        negotiated(self.flags, Protection::Integrity)?;
        self.seal.sign_slices(message, out)
    }

    /// As [`Context::sizes`].
    pub fn sizes(&self, protection: Protection) -> (usize, usize) {
        self.seal.sizes(protection)
    }

    /// As [`Context::message_limit`].
    pub fn message_limit(&self, protection: Protection, token: usize) -> usize {
        message_limit(&*self.seal, protection, token)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("flags", &self.flags).finish_non_exhaustive()
    }
}

/// The receiving half of a split [`Context`].
pub struct Unsealer {
    unseal: Box<dyn Unseal>,
}

impl Unsealer {
    /// As [`Context::unseal`].
    pub fn unseal<'t>(&mut self, token: &'t mut [u8]) -> Result<&'t mut [u8], MessageError> {
        unseal(&mut *self.unseal, token)
    }

    /// As [`Context::unprotect`].
    pub fn unprotect<'t>(&mut self, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError> {
        self.unseal.unprotect(Protection::Integrity, token)
    }

    /// As [`Context::unprotect_parts`].
    pub fn unprotect_parts(
        &mut self,
        least: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(Protection, Order), MessageError> {
        self.unseal.unprotect_parts(least, header, parts, trailer)
    }

    /// As [`Context::verify`].
    pub fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError> {
        self.unseal.verify(message, signature)
    }

    /// As [`Context::verify_slices`].
    pub fn verify_slices(&mut self, message: &[&[u8]], signature: &[u8]) -> Result<Order, MessageError> {
        self.unseal.verify_slices(message, signature)
    }
}

impl fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealer").finish_non_exhaustive()
    }
}

fn negotiated(flags: Flags, protection: Protection) -> Result<(), MessageError> {
    let needed = match protection {
        Protection::Integrity => Flags::INTEGRITY,
        Protection::Confidentiality => Flags::CONFIDENTIALITY,
    };
    if flags.contains(needed) { Ok(()) } else { Err(MessageError::NotNegotiated(needed)) }
}

fn unseal<'t>(half: &mut dyn Unseal, token: &'t mut [u8]) -> Result<&'t mut [u8], MessageError> {
    Ok(half.unprotect(Protection::Confidentiality, token)?.message)
}

fn message_limit(seal: &dyn Seal, protection: Protection, token: usize) -> usize {
    let (header, trailer) = seal.sizes(protection);
    token.saturating_sub(header).saturating_sub(trailer)
}
