//! Mechanisms (security packages): the shape that every one has, and one folder for each.
//!
//! An application can add its own: implement [`Mechanism`] and hand it to
//! [`Target::mechanism`](crate::Target::mechanism) on one side and
//! [`Session::mechanism`](crate::Session::mechanism) on the other.

pub mod framing;
pub mod kerberos;
pub mod negotiate;
pub mod ntlm;

mod established;
mod handshake;

pub use established::{Established, Halves, PrfKey, Protection, Seal, Unprotected, Unseal, Why};
pub use handshake::{
    AcceptInput, AcceptRequest, AcceptStep, Accepting, InitiateInput, InitiateRequest, InitiateStep, Initiating,
    Progress,
};

pub use crate::mechanism_id::MechanismId;

pub use crate::krb5::enctype::Part;

use crate::error::Error;
use crate::wire::Reader;
use alloc::boxed::Box;

/// A security package: makes the handshakes of both ends.
pub trait Mechanism: Send + Sync {
    /// Its object identifier.
    fn id(&self) -> MechanismId;

    /// An initiator's handshake, which has made no token yet. What can't work fails at its first step.
    fn initiate(&self, request: &InitiateRequest<'_>) -> Box<dyn Initiating>;

    /// An acceptor's handshake, which has seen no token yet. What can't work fails at its first step.
    fn accept(&self, request: &AcceptRequest<'_>) -> Box<dyn Accepting>;

    /// The halves of an exported context, from what their `export` wrote, in the order seal, unseal.
    ///
    /// A mechanism whose contexts can't be exported leaves this as it is: an error.
    fn import(&self, exported: &mut Reader<'_>) -> Result<Halves, Error> {
        Err(exported.invalid("contexts of this mechanism can't be imported").into())
    }
}
