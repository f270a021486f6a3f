use super::{CertificateError, DhGroup, IdentityError, PublicValueError};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a login with a certificate, or without a name, did not come to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PkinitError {
    /// The KDC's certificate or signature is not believed.
    Kdc(CertificateError),
    /// The client's own message can't be made.
    Message(CertificateError),
    /// The client's private key can't be used.
    Identity(IdentityError),
    /// No group is permitted that keys can be agreed on in, or none that the KDC takes.
    NoGroup {
        /// Those permitted.
        permitted: Vec<DhGroup>,
    },
    /// The KDC replies without its half of the key agreement.
    NoReply,
    /// The KDC's half is for another request, or one that it uses again, which was not asked for.
    Nonce,
    /// The KDC's half is none of the group.
    PublicValue(PublicValueError),
    /// The KDC derives the key by a function that was not offered.
    Kdf {
        /// Its object identifier, dotted.
        oid: String,
    },
    /// The KDC, or somebody on the way, knows no key derivation of RFC 8636, and that is not permitted.
    NoKdf,
    /// The reply to an anonymous client lacks the KDC's part of the session key, without which somebody between both could know
    /// it (RFC 8062 7).
    NoKeyExchange,
    /// The session key is not the one that client and KDC have made together (RFC 8062 7).
    SessionKey,
}

impl fmt::Display for PkinitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PkinitError::Kdc(error) => write!(f, "the KDC does not prove itself by its certificate: {error}"),
            PkinitError::Message(error) => write!(f, "the client's certificate can't be used: {error}"),
            PkinitError::Identity(error) => write!(f, "the client's private key can't be used: {error}"),
            PkinitError::NoGroup { permitted } => {
                f.write_str("no Diffie-Hellman group is permitted here that the KDC takes; permitted:")?;
                permitted.iter().enumerate().try_for_each(|(place, group)| {
                    write!(f, "{} {group}", if place == 0 { "" } else { "," })
                })
            }
            PkinitError::NoReply => f.write_str(
                "the KDC's reply is not one to a certificate: does the realm want certificates from this client, and \
                 pre-authentication?",
            ),
            PkinitError::Nonce => f.write_str("the KDC's signed reply answers another request"),
            PkinitError::PublicValue(error) => error.fmt(f),
            PkinitError::Kdf { oid } => write!(f, "the KDC derives the key by {oid}, which was not offered"),
            PkinitError::NoKdf => f.write_str(
                "the KDC knows no key derivation of RFC 8636, or somebody on the way has hidden that it does; permit it \
                 only for old KDCs",
            ),
            PkinitError::NoKeyExchange => f.write_str(
                "the reply lacks the KDC's part of an anonymous client's session key: somebody between could know the key",
            ),
            PkinitError::SessionKey => f.write_str("the session key is not the one that client and KDC have made together"),
        }
    }
}

impl core::error::Error for PkinitError {}
