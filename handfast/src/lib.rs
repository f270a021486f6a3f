//! Two programs, one connection, each sure of the other.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod crypto;
pub mod krb5;
pub mod wire;

mod asn1;
mod bindings;
mod name;
mod time;

pub use bindings::{ChannelAddress, ChannelBindings, ServerEndPointError};
pub use name::{NameType, ParseNameError, ParseServiceNameError, Principal, ServiceName};
pub use time::Time;
