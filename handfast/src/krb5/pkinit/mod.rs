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
mod certifiers;
mod error;
mod extension;
mod failure;
mod group;
mod identity;
mod kdf;
mod key_text;
mod message;
mod options;
mod pem;
mod pkcs12;
mod private_key;
mod public_key;
mod purpose;
mod request_hash;
mod revocation;
mod signed_data;
mod signer_info;
#[cfg(test)]
mod tests;
mod trust;

pub use certificate::{Certificate, DistinguishedName};
pub use certifiers::{CERTIFIER_LIMIT, ExternalPrincipalIdentifier, TdCertificates};
pub use error::{CertificateError, IdentityError};
pub use failure::PkinitError;
pub use group::{DhGroup, DhKeyPair, PublicValueError, public_key_info};
pub use identity::PkinitIdentity;
pub use kdf::{KeyContext, PkinitKdf};
pub use message::{
    ALGORITHM_LIMIT, AuthPack, DhRepInfo, DomainParameters, KdcDhKeyInfo, KdfAlgorithmId, PaChecksum2, PaPkAsRep,
    PaPkAsReq, PkAuthenticator, TdDhParameters,
};
pub use options::PkinitOptions;
pub use pem::certificates_in_pem;
pub use purpose::{ClientRules, KdcRules, KdcTrust};
pub use request_hash::{RequestHash, RequestHashError, request_hashes};
pub use revocation::RevocationList;
pub use signed_data::{ContentType, SignedData, ToSign, VerifiedSigner};
pub use trust::{CertificateRules, TrustAnchors};
