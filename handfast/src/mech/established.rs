use super::MechanismId;
use crate::crypto::Secret;
use crate::error::{Error, MessageError};
use crate::flags::Flags;
use crate::identity::Identity;
use crate::krb5::enctype::{Enctype, Part};
use crate::krb5::{Authorization, HeldTicket};
use crate::time::Time;
use crate::window::Order;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// What a completed handshake has established; [`Context`](crate::Context) is made of it.
///
/// A mechanism makes one only after the proof has been checked: on the acceptor's side the initiator's, on the
/// initiator's side the acceptor's, wherever the mechanism can give one.
pub struct Established {
    /// The mechanism.
    pub mechanism: MechanismId,
    /// Why it was this mechanism.
    pub why: Why,
    /// Who the peer is.
    pub peer: Identity,
    /// Who we are to the peer.
    pub local: Identity,
    /// What the context offers.
    pub flags: Flags,
    /// When the proof ends; `None` if it has no end.
    pub expires: Option<Time>,
    /// The key that both ends hold and nobody else.
    pub session_key: Secret<Vec<u8>>,
    /// The Kerberos encryption type of the session key, if it has one.
    pub enctype: Option<Enctype>,
    /// Tickets that were obtained on the way, for the driver to store.
    pub acquired: Vec<HeldTicket>,
    /// On the acceptor's side, tickets of the initiator that it has delegated.
    pub delegated: Vec<HeldTicket>,
    /// On the acceptor's side, the initiator's ticket, where the policy keeps it.
    pub evidence: Option<Box<HeldTicket>>,
    /// On the acceptor's side, what a KDC says of the initiator beside its name.
    pub authorization: Option<Box<Authorization>>,
    /// The protection of messages, one half for each direction.
    pub halves: Halves,
}

impl Established {
    /// What every mechanism knows of a context. The rest is nothing yet: no end, no enctype, no tickets, no authorization data.
    pub fn new(
        mechanism: MechanismId,
        peer: Identity,
        local: Identity,
        flags: Flags,
        session_key: Secret<Vec<u8>>,
        halves: Halves,
    ) -> Self {
        Established {
            mechanism,
            why: Why::Raw,
            peer,
            local,
            flags,
            expires: None,
            session_key,
            enctype: None,
            acquired: Vec::new(),
            delegated: Vec::new(),
            evidence: None,
            authorization: None,
            halves,
        }
    }
}

impl fmt::Debug for Established {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Established")
            .field("mechanism", &self.mechanism)
            .field("peer", &self.peer)
            .field("local", &self.local)
            .field("flags", &self.flags)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why a context has its mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nothing was negotiated: its tokens came raw.
    Raw,
    /// Negotiated: the initiator's first choice, and the acceptor could do it.
    FirstChoice,
    /// Negotiated: the acceptor could not do the initiator's first choice, or chose another one. Both have proven that they
    /// saw the same list.
    ChosenByAcceptor {
        /// The object identifier of the initiator's first choice.
        first_choice: Box<str>,
    },
    /// Negotiated, and the initiator's first choice could not begin: it was not in the offer. An acceptor does not see that.
    Fallback {
        /// The mechanism that would have been the first choice.
        first_choice: MechanismId,
        /// Why it could not begin.
        reason: Box<Error>,
    },
    /// It is the one of the context that was imported.
    Imported,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Raw => f.write_str("not negotiated"),
            Why::FirstChoice => f.write_str("negotiated: the initiator's first choice"),
            Why::ChosenByAcceptor { first_choice } => {
                write!(f, "negotiated: chosen by the acceptor, where the initiator's first choice was {first_choice}")
            }
            Why::Fallback { first_choice, reason } => {
                write!(f, "negotiated without {first_choice}, which could not begin: {reason}")
            }
            Why::Imported => f.write_str("the mechanism of the imported context"),
        }
    }
}

/// The two directions of a context.
pub struct Halves {
    /// Protects what we send.
    pub seal: Box<dyn Seal>,
    /// Checks what we receive.
    pub unseal: Box<dyn Unseal>,
    /// Whether the halves may be used apart.
    pub splittable: bool,
}

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Halves").field("splittable", &self.splittable).finish_non_exhaustive()
    }
}

/// How a message is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// Signed: can be read, can't be changed.
    Integrity,
    /// Sealed: can neither be read nor changed.
    Confidentiality,
}

/// With which of a context's keys pseudo-random octets are made (RFC 4401 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrfKey {
    /// The context's own key, to which both ends have contributed where the mechanism lets them.
    #[doc(alias = "GSS_C_PRF_KEY_FULL")]
    Full,
    /// The one that an initiator has before the acceptor has answered.
    #[doc(alias = "GSS_C_PRF_KEY_PARTIAL")]
    Partial,
}

/// A received message whose protection was checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Unprotected<'t> {
    /// The message, within the token's buffer.
    pub message: &'t mut [u8],
    /// How it was protected.
    pub protection: Protection,
    /// Where it stands in the order of messages.
    pub order: Order,
}

/// The sending half of a context's message protection.
pub trait Seal: Send {
    /// Appends a token that holds `message`.
    fn protect(&mut self, protection: Protection, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError>;

    /// Protects `parts` in place; the token is `header`, the parts and `trailer`, in this order.
    ///
    /// `header` and `trailer` must have the sizes that [`Seal::sizes`] gives. Where nothing can stand behind a message, `trailer`
    /// is empty and `header` as long as both.
    fn protect_parts(
        &mut self,
        protection: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(), MessageError>;

    /// The sizes of header and trailer in bytes, around a message of any length.
    fn sizes(&self, protection: Protection) -> (usize, usize);

    /// Appends a signature of `message`, a MIC token.
    fn sign(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), MessageError>;

    /// The same for a message in slices, one after the other.
    fn sign_slices(&mut self, message: &[&[u8]], out: &mut Vec<u8>) -> Result<(), MessageError> {
        self.sign(&message.concat(), out)
    }

    /// `length` octets that both ends can make and nobody else (RFC 4401). A mechanism without it leaves this as it is: an error.
    fn prf(&self, _key: PrfKey, _input: &[u8], _length: usize) -> Result<Secret<Vec<u8>>, MessageError> {
        Err(MessageError::NoPrf)
    }

    /// Negotiate has used [`Seal::sign`] for its list of mechanisms, before there is a context. NTLM's key stream begins anew
    /// then, and its numbers don't (MS-SPNG 3.3.5.1); others have nothing to do.
    fn after_mech_list_mic(&mut self) {}

    /// Appends all that is needed to go on elsewhere; secrets included.
    fn export(&self, out: &mut Vec<u8>);
}

/// The receiving half of a context's message protection.
pub trait Unseal: Send {
    /// Checks a token and opens it in place; one that is protected less than `least` is [`MessageError::NotSealed`].
    ///
    /// A token that is refused leaves this half as it was; what the token's buffer then holds is not said.
    fn unprotect<'t>(&mut self, least: Protection, token: &'t mut [u8]) -> Result<Unprotected<'t>, MessageError>;

    /// Checks a token whose pieces stand apart, and opens it in place.
    fn unprotect_parts(
        &mut self,
        least: Protection,
        header: &mut [u8],
        parts: &mut [Part<'_>],
        trailer: &mut [u8],
    ) -> Result<(Protection, Order), MessageError>;

    /// Checks a signature of `message`.
    fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<Order, MessageError>;

    /// The same for a message in slices, one after the other.
    fn verify_slices(&mut self, message: &[&[u8]], signature: &[u8]) -> Result<Order, MessageError> {
        self.verify(&message.concat(), signature)
    }

    /// As [`Seal::after_mech_list_mic`], where [`Unseal::verify`] has accepted the peer's.
    fn after_mech_list_mic(&mut self) {}

    /// Appends all that is needed to go on elsewhere; secrets included.
    fn export(&self, out: &mut Vec<u8>);
}
