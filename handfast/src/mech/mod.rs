//! Mechanisms (security packages): the shape that every one has, and one folder for each.
//!
//! An application can add its own: implement [`Mechanism`] and hand it to
//! [`Target::mechanism`](crate::Target::mechanism) on one side and
//! [`Session::mechanism`](crate::Session::mechanism) on the other.

pub mod framing;
pub mod kerberos;
pub mod ntlm;

mod established;
mod handshake;

pub use established::{Established, Halves, Protection, Seal, Unprotected, Unseal, Why};
pub use handshake::{
    AcceptInput, AcceptRequest, AcceptStep, Accepting, InitiateInput, InitiateRequest, InitiateStep, Initiating,
    Progress,
};

pub use crate::krb5::enctype::Part;

use crate::error::Error;
use crate::wire::Reader;
use alloc::boxed::Box;
use core::fmt;

/// A mechanism's object identifier, as the bytes of its DER encoding without tag and length.
///
/// ```
/// use handfast::mech::MechanismId;
/// assert_eq!(MechanismId::KERBEROS.to_string(), "1.2.840.113554.1.2.2");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias("gss_OID", "gss_mech_krb5", "PackageName"))]
pub struct MechanismId(&'static [u8]);

impl MechanismId {
    /// Kerberos V5 (RFC 4121 1): 1.2.840.113554.1.2.2.
    pub const KERBEROS: MechanismId = MechanismId(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]);

    /// NTLM (MS-NLMP, the identifier of MS-SPNG 1.9): 1.3.6.1.4.1.311.2.2.10.
    pub const NTLM: MechanismId = MechanismId(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a]);

    /// A mechanism of these bytes.
    pub const fn from_der_contents(bytes: &'static [u8]) -> Self {
        MechanismId(bytes)
    }

    /// The bytes of the DER encoding, without tag and length.
    pub const fn der_contents(self) -> &'static [u8] {
        self.0
    }
}

impl fmt::Display for MechanismId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc = 0_u64;
        let mut first = true;
        for byte in self.0 {
            arc = (arc << 7) | u64::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
            if first {
                let top = (arc / 40).min(2);
                write!(f, "{top}.{}", arc - top * 40)?;
            } else {
                write!(f, ".{arc}")?;
            }
            (first, arc) = (false, 0);
        }
        Ok(())
    }
}

impl fmt::Debug for MechanismId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechanismId({self})")
    }
}

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
