//! NTLM (MS-NLMP): version 2 of the response only, with key exchange, 128-bit keys and a MIC over the handshake.
//!
//! NTLM proves the client to the server, and nothing to the client: whoever answers may be anybody. That is why an
//! initiator needs [`Policy::dangerous_ntlm_unproven_server`](crate::Policy::dangerous_ntlm_unproven_server), and why the
//! context has no [`Flags::MUTUAL`](crate::Flags::MUTUAL).
//!
//! Tokens are the messages themselves, without the framing of RFC 2743 3.1 (MS-NLMP 3.1.4).
//!
//! What a peer may miss: our acceptor takes nobody without a MIC, and some clients make one only where Negotiate asks them
//! to. Where sealing was not negotiated, our tokens are the signature and the message as it is; some peers encrypt the
//! message all the same, and can then exchange signatures with us but no wrapped messages.

mod acceptor;
mod credential;
mod initiator;
mod message;
mod per_message;
mod response;
mod server;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod vectors;

pub(crate) use acceptor::NtlmAcceptor;
pub(crate) use credential::NtlmCredential;
pub(crate) use initiator::initiate;
pub(crate) use message::is_ntlm;
pub(crate) use per_message::import;
pub use response::nt_hash;
pub use server::NtlmServer;

use alloc::format;
use alloc::string::String;

/// `DOMAIN\user`, or the user alone where there is no domain.
fn account_name(domain: &str, user: &str) -> String {
    if domain.is_empty() { user.into() } else { format!("{domain}\\{user}") }
}
