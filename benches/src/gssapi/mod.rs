//! A peer's GSS-API library (RFC 2744), loaded at run time: enough of it to measure contexts and messages.

mod context;
mod library;
mod values;

pub use context::{Context, Proof, establish};
pub use library::{Gssapi, KERBEROS, NTLM, Oid};
pub use values::{Buffer, Credential, Name, Offer, Usage};
