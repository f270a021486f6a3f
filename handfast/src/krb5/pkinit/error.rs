use super::DistinguishedName;
use crate::crypto::SignatureAlgorithm;
use crate::name::Principal;
use crate::time::Time;
use crate::wire::DecodeError;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use der::asn1::ObjectIdentifier;

/// Why a certificate, or what it signed, is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// It does not decode.
    Decode(DecodeError),
    /// An algorithm that is not known here, or that does not go with the key or with the other algorithms named.
    Algorithm {
        /// Its object identifier, dotted.
        oid: String,
        /// What it was to be used for.
        used_for: &'static str,
    },
    /// An algorithm that is weak, and no rule allows it.
    WeakAlgorithm {
        /// Which.
        algorithm: SignatureAlgorithm,
    },
    /// A public key that is too short, or not one.
    PublicKey {
        /// What is wrong with it.
        rule: &'static str,
    },
    /// A signature does not fit what it should sign, or the key.
    Signature {
        /// What was signed: a certificate, a list, a message.
        of: &'static str,
    },
    /// The digest in the signed attributes is not that of the content (RFC 5652 5.6).
    Digest,
    /// The content is of another type than the one asked for, or its signer says so.
    ContentType {
        /// The type asked for.
        expected: String,
        /// The one that is there.
        found: String,
    },
    /// Nobody has signed.
    Unsigned,
    /// There is not one signer, but several.
    Signers {
        /// How many.
        count: usize,
    },
    /// The signer's certificate is not among those that came.
    NoSignerCertificate,
    /// A certificate is not valid yet.
    NotYetValid {
        /// Whose.
        subject: DistinguishedName,
        /// From when on it is.
        from: Time,
        /// The time it was checked for.
        now: Time,
    },
    /// A certificate has ended.
    Expired {
        /// Whose.
        subject: DistinguishedName,
        /// When it did.
        until: Time,
        /// The time it was checked for.
        now: Time,
    },
    /// No trust anchor, and no certificate on the way to one, is of this issuer.
    NoPath {
        /// Whose certificate leads nowhere.
        subject: DistinguishedName,
        /// Who has signed it.
        issuer: DistinguishedName,
    },
    /// The path to a trust anchor is longer than is looked at, or than a certificate in it allows (RFC 5280 4.2.1.9).
    PathTooLong {
        /// How many certificates may stand between the anchor and the last one.
        limit: usize,
    },
    /// A certificate has signed another, and is not one of a certificate authority (RFC 5280 4.2.1.9).
    NotAnAuthority {
        /// Whose.
        subject: DistinguishedName,
    },
    /// A certificate's key may not be used for this (RFC 5280 4.2.1.3).
    KeyUsage {
        /// Whose.
        subject: DistinguishedName,
        /// What it was used for.
        used_for: &'static str,
    },
    /// A certificate has a critical extension that is not known here, or constraints that are not checked here.
    Extension {
        /// Whose.
        subject: DistinguishedName,
        /// Which, dotted.
        oid: String,
    },
    /// A certificate was revoked.
    Revoked {
        /// Whose.
        subject: DistinguishedName,
        /// Since when.
        since: Time,
    },
    /// Whether a certificate was revoked can't be told, and the rules want to know.
    RevocationUnknown {
        /// Who should have issued a list of revoked certificates.
        issuer: DistinguishedName,
    },
    /// A certificate is for another purpose: its extended key usage does not name this one.
    Purpose {
        /// Whose.
        subject: DistinguishedName,
        /// What it was used for.
        wanted: &'static str,
    },
    /// A KDC's certificate does not name the KDC of this realm (RFC 4556 3.2.4).
    NotTheKdc {
        /// The realm.
        realm: String,
        /// Whom it names: principals and hosts.
        names: Vec<String>,
    },
    /// A client's certificate does not name this client (RFC 4556 3.2.2).
    NotTheClient {
        /// The client.
        client: Principal,
        /// Whom it names.
        names: Vec<String>,
    },
}

impl CertificateError {
    pub(super) fn algorithm(oid: ObjectIdentifier, used_for: &'static str) -> Self {
        use alloc::string::ToString;
        CertificateError::Algorithm { oid: oid.to_string(), used_for }
    }
}

impl From<DecodeError> for CertificateError {
    fn from(error: DecodeError) -> Self {
        CertificateError::Decode(error)
    }
}

/// Names in a row, or that there are none.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nobody in a form that counts"),
            names => write!(f, "{}", names.join(", ")),
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateError::Decode(error) => error.fmt(f),
            CertificateError::Algorithm { oid, used_for } => {
                write!(f, "the algorithm {oid} for {used_for} is not known here, or does not go with the others named")
            }
            CertificateError::WeakAlgorithm { algorithm } => {
                write!(f, "a signature by {algorithm}, which is weak: it can be forged; have a new certificate issued")
            }
            CertificateError::PublicKey { rule } => write!(f, "a public key that is not taken: {rule}"),
            CertificateError::Signature { of } => write!(f, "the signature of {of} is wrong"),
            CertificateError::Digest => f.write_str("the signed digest is not that of the content"),
            CertificateError::ContentType { expected, found } => {
                write!(f, "signed content of the type {found} where {expected} must stand")
            }
            CertificateError::Unsigned => f.write_str("it is not signed"),
            CertificateError::Signers { count } => write!(f, "{count} signers where one must stand"),
            CertificateError::NoSignerCertificate => {
                f.write_str("the signer's certificate is not among those that came with the signature")
            }
            CertificateError::NotYetValid { subject, from, now } => {
                write!(f, "the certificate of {subject} is valid from {from} on, and it is {now}; is the clock right?")
            }
            CertificateError::Expired { subject, until, now } => {
                write!(f, "the certificate of {subject} was valid until {until}, and it is {now}: it has to be renewed")
            }
            CertificateError::NoPath { subject, issuer } => write!(
                f,
                "the certificate of {subject} was issued by {issuer}, and no trust anchor is that, or has vouched for it"
            ),
            CertificateError::PathTooLong { limit } => {
                write!(f, "more than {limit} certificates between a trust anchor and the last one")
            }
            other => other.fmt_extension(f),
        }
    }
}

impl CertificateError {
    /// The rest of them, which speak of a certificate's extensions.
    fn fmt_extension(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateError::NotAnAuthority { subject } => {
                write!(f, "{subject} has issued a certificate, and is no certificate authority")
            }
            CertificateError::KeyUsage { subject, used_for } => {
                write!(f, "the certificate of {subject} says that its key is not for {used_for}")
            }
            CertificateError::Extension { subject, oid } => {
                write!(f, "the certificate of {subject} has an extension, {oid}, that binds and is not understood here")
            }
            CertificateError::Revoked { subject, since } => {
                write!(f, "the certificate of {subject} was revoked at {since}")
            }
            CertificateError::RevocationUnknown { issuer } => {
                write!(f, "no current list of the certificates that {issuer} has revoked is at hand")
            }
            CertificateError::Purpose { subject, wanted } => {
                write!(f, "the certificate of {subject} is not for {wanted}: its extended key usage lacks it")
            }
            CertificateError::NotTheKdc { realm, names } => {
                write!(f, "the certificate is not that of the KDC of {realm}: it names {}", Names(names))
            }
            CertificateError::NotTheClient { client, names } => {
                write!(f, "the certificate is not that of {client}: it names {}", Names(names))
            }
            _ => Ok(()),
        }
    }
}

impl core::error::Error for CertificateError {}

/// Why a certificate and its private key can't be read or used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// Something does not decode.
    Decode(DecodeError),
    /// The certificate is none that can be used.
    Certificate(CertificateError),
    /// The text is not PEM (RFC 7468).
    Pem {
        /// Where in it, in octets.
        offset: usize,
    },
    /// What is looked for is not there: "a certificate", say.
    Missing(&'static str),
    /// An encryption that is not known here, or too weak.
    Encryption {
        /// The object identifier, dotted.
        oid: String,
    },
    /// The iterations of a key derivation are more than are computed here.
    Iterations {
        /// How many there are.
        found: u64,
        /// How many are computed.
        limit: u32,
    },
    /// It is encrypted, and there is no password.
    NoPassword,
    /// The password is wrong, or the file is damaged.
    WrongPassword,
    /// The private key is not one that is known here, or damaged.
    PrivateKey {
        /// What is wrong with it.
        rule: &'static str,
    },
    /// No certificate is that of the private key.
    KeyOfAnother,
    /// The private key is outside: [`Question::Sign`](crate::Question::Sign) asks for the signature.
    KeyOutside,
    /// The source of randomness failed.
    Random,
}

impl From<DecodeError> for IdentityError {
    fn from(error: DecodeError) -> Self {
        IdentityError::Decode(error)
    }
}

impl From<CertificateError> for IdentityError {
    fn from(error: CertificateError) -> Self {
        IdentityError::Certificate(error)
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityError::Decode(error) => error.fmt(f),
            IdentityError::Certificate(error) => error.fmt(f),
            IdentityError::Pem { offset } => {
                write!(f, "at byte {offset}: no text of the form -----BEGIN ...----- (PEM)")
            }
            IdentityError::Missing(what) => write!(f, "there is no {what} in it"),
            IdentityError::Encryption { oid } => write!(
                f,
                "encrypted or hashed by {oid}, which is not done here: write it anew with AES and SHA-256 (openssl pkcs8, openssl pkcs12)"
            ),
            IdentityError::Iterations { found, limit } => {
                write!(f, "{found} iterations to make a key of the password; up to {limit} are computed")
            }
            IdentityError::NoPassword => f.write_str("the private key is encrypted: a password is needed"),
            IdentityError::WrongPassword => f.write_str("the password is wrong, or the file is damaged"),
            IdentityError::PrivateKey { rule } => write!(f, "a private key that is not taken: {rule}"),
            IdentityError::KeyOfAnother => f.write_str("the private key is that of no certificate here"),
            IdentityError::KeyOutside => f.write_str("the private key is not here: its holder is to be asked to sign"),
            IdentityError::Random => f.write_str("the source of randomness failed"),
        }
    }
}

impl core::error::Error for IdentityError {}
