use crate::name::Principal;
use alloc::string::String;
use core::fmt;

/// Who one end of a context is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A Kerberos principal that its KDC vouches for.
    Principal(Principal),
    /// A name in the terms of another mechanism: of NTLM `DOMAIN\\user`, or the service that was asked for; of an
    /// application's own mechanism whatever that says.
    Name(String),
}

impl Identity {
    /// The principal, if it is one.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Identity::Principal(principal) => Some(principal),
            Identity::Name(_) => None,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Principal(principal) => principal.fmt(f),
            Identity::Name(name) => f.write_str(name),
        }
    }
}
