//! PKINIT (RFC 4556): logins by a certificate's private key in place of a password.
//!
//! What is here are the identities, for both sides: [`Certificate`]s (RFC 5280) and whom they lead to ([`TrustAnchors`]), what
//! they sign ([`SignedData`], RFC 5652), and the private keys ([`PkinitIdentity`]).
//!
//! ```text
//!  client                                                                      KDC
//!    PkinitIdentity                                                  TrustAnchors
//!        │                                                                 │
//!        ▼                                                                 ▼
//!    ToSign::new ──► octets ──► signature ──► finish ──► SignedData::decode ──► verify ──► VerifiedSigner
//!                   (or a smart card's:                                                   │
//!                    Question::Sign)                                          check_client, check_kdc
//! ```
//!
//! What was signed can be had only from a [`VerifiedSigner`], or, by a name that says so, unsigned (RFC 8062).

mod algorithm;
mod certificate;
mod error;
mod extension;
mod identity;
mod key_text;
mod pem;
mod pkcs12;
mod private_key;
mod public_key;
mod purpose;
mod revocation;
mod signed_data;
mod signer_info;
#[cfg(test)]
mod tests;
mod trust;

pub use certificate::{Certificate, DistinguishedName};
pub use error::{CertificateError, IdentityError};
pub use identity::PkinitIdentity;
pub use pem::certificates_in_pem;
pub use purpose::{ClientRules, KdcRules, KdcTrust};
pub use revocation::RevocationList;
pub use signed_data::{ContentType, SignedData, ToSign, VerifiedSigner};
pub use trust::{CertificateRules, TrustAnchors};
