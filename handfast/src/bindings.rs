use crate::crypto::constant_time_eq;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Sequence};
use md5::{Digest, Md5};
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// What ties a security context to the one connection that it is made over (RFC 2743 1.1.6, RFC 5056).
///
/// Both sides derive it from the connection itself, mostly from its TLS; if a token is carried over to
/// another connection, the two no longer agree.
///
/// ```
/// use handfast::ChannelBindings;
/// let bindings = ChannelBindings::tls_exporter(&[0x2a; 32]);
/// assert!(bindings.matches(&bindings.gss_hash()));
/// ```
#[doc(alias = "gss_channel_bindings_t")]
#[doc(alias = "SEC_CHANNEL_BINDINGS")]
#[derive(Clone)]
pub struct ChannelBindings {
    initiator: ChannelAddress,
    acceptor: ChannelAddress,
    application_data: Vec<u8>,
}

/// An address of one end of a connection, as channel bindings hold it (RFC 2744 3.11). The default is
/// an unspecified one, which all bindings of TLS have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelAddress {
    /// `GSS_C_AF_…` (RFC 2744 A): 0 is unspecified, 2 is IPv4, 255 is no address.
    pub addr_type: u32,
    /// The address in network byte order.
    pub address: Vec<u8>,
}

/// A certificate that no `tls-server-end-point` bindings can be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEndPointError {
    /// It is no X.509 certificate in DER.
    Malformed,
    /// Its signature uses no hash function of its own, or several, or one that isn't known here: RFC 5929 4.1
    /// leaves the bindings undefined for such a certificate. TLS 1.3 has `tls-exporter` bindings instead.
    Undefined {
        /// The signature algorithm's object identifier, such as `1.3.101.112` for Ed25519.
        algorithm: String,
    },
}

impl ChannelBindings {
    /// The hash of bindings that an initiator without any sends (RFC 4121 4.1.1.2).
    #[doc(alias = "GSS_C_NO_CHANNEL_BINDINGS")]
    pub const NO_BINDINGS_HASH: [u8; 16] = [0; 16];

    /// `tls-server-end-point` (RFC 5929 4): the hash of the TLS server's certificate, as it stood in its
    /// Certificate message.
    ///
    /// # Errors
    /// If it is no certificate, or the bindings are undefined for its signature algorithm.
    pub fn tls_server_end_point(certificate_der: &[u8]) -> Result<Self, ServerEndPointError> {
        let hash = end_point_hash(certificate_der)?.digest(certificate_der);
        Ok(Self::prefixed("tls-server-end-point", &hash))
    }

    /// `tls-exporter` (RFC 9266): 32 bytes that TLS exports for the label `EXPORTER-Channel-Binding` and
    /// an empty context.
    pub fn tls_exporter(exported: &[u8; 32]) -> Self {
        Self::prefixed("tls-exporter", exported)
    }

    /// `tls-unique` (RFC 5929 3): the first Finished message of the latest handshake, for TLS up to 1.2.
    pub fn tls_unique(first_finished: &[u8]) -> Self {
        Self::prefixed("tls-unique", first_finished)
    }

    /// Application data alone, as it is agreed upon with the peer.
    pub fn raw(application_data: impl Into<Vec<u8>>) -> Self {
        let unspecified = ChannelAddress::default();
        Self::from_parts(unspecified.clone(), unspecified, application_data)
    }

    /// All parts of the GSS-API's structure (RFC 2744 3.11).
    pub fn from_parts(
        initiator: ChannelAddress,
        acceptor: ChannelAddress,
        application_data: impl Into<Vec<u8>>,
    ) -> Self {
        ChannelBindings { initiator, acceptor, application_data: application_data.into() }
    }

    /// A type's unique prefix, a colon and its data (RFC 5056 2.1).
    fn prefixed(unique_prefix: &str, data: &[u8]) -> Self {
        Self::raw([unique_prefix.as_bytes(), b":", data].concat())
    }

    /// The application data, with the unique prefix of the type.
    pub fn application_data(&self) -> &[u8] {
        &self.application_data
    }

    /// The MD5 hash over all parts that goes over the wire (RFC 4121 4.1.1.2).
    #[doc(alias = "Bnd")]
    pub fn gss_hash(&self) -> [u8; 16] {
        let mut hash = Md5::new();
        for end in [&self.initiator, &self.acceptor] {
            hash.update(end.addr_type.to_le_bytes());
            update_counted(&mut hash, &end.address);
        }
        update_counted(&mut hash, &self.application_data);
        hash.finalize().into()
    }

    /// Whether `hash` is the hash of these bindings, in constant time.
    pub fn matches(&self, hash: &[u8]) -> bool {
        constant_time_eq(&self.gss_hash(), hash)
    }
}

/// The length in four bytes, least significant first, and the bytes.
fn update_counted(hash: &mut Md5, bytes: &[u8]) {
    // A longer one can't be told to a peer (RFC 4121 4.1.1.2); no hash of its own means no match.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash.update(length.to_le_bytes());
    hash.update(bytes);
}

impl PartialEq for ChannelBindings {
    fn eq(&self, other: &Self) -> bool {
        let data_equal = constant_time_eq(&self.application_data, &other.application_data);
        data_equal & (self.initiator == other.initiator) & (self.acceptor == other.acceptor)
    }
}

impl Eq for ChannelBindings {}

impl fmt::Debug for ChannelBindings {
    /// The type and the length; the data of some types is better not seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = ["tls-server-end-point", "tls-exporter", "tls-unique"];
        let kind = known.into_iter().find(|prefix| self.application_data.starts_with(prefix.as_bytes()));
        write!(f, "ChannelBindings({}, {} bytes)", kind.unwrap_or("other"), self.application_data.len())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    /// MD5 or SHA-1, which RFC 5929 4.1 replaces by SHA-256.
    Outdated,
}

impl Hash {
    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha224 => Sha224::digest(data).to_vec(),
            Hash::Sha256 | Hash::Outdated => Sha256::digest(data).to_vec(),
            Hash::Sha384 => Sha384::digest(data).to_vec(),
            Hash::Sha512 => Sha512::digest(data).to_vec(),
        }
    }
}

/// Signature algorithms and the one hash function of each: RFC 3279 2.2, RFC 4055 5, RFC 5758 3, FIPS 186-4.
const BY_SIGNATURE: [(&str, Hash); 17] = [
    ("1.2.840.113549.1.1.4", Hash::Outdated),
    ("1.2.840.113549.1.1.5", Hash::Outdated),
    ("1.2.840.113549.1.1.14", Hash::Sha224),
    ("1.2.840.113549.1.1.11", Hash::Sha256),
    ("1.2.840.113549.1.1.12", Hash::Sha384),
    ("1.2.840.113549.1.1.13", Hash::Sha512),
    ("1.2.840.10045.4.1", Hash::Outdated),
    ("1.2.840.10045.4.3.1", Hash::Sha224),
    ("1.2.840.10045.4.3.2", Hash::Sha256),
    ("1.2.840.10045.4.3.3", Hash::Sha384),
    ("1.2.840.10045.4.3.4", Hash::Sha512),
    ("1.2.840.10040.4.3", Hash::Outdated),
    ("2.16.840.1.101.3.4.3.1", Hash::Sha224),
    ("2.16.840.1.101.3.4.3.2", Hash::Sha256),
    // sha1WithRSASignature of the OIW, in old certificates
    ("1.3.14.3.2.29", Hash::Outdated),
    ("2.16.840.1.101.3.4.3.3", Hash::Sha384),
    ("2.16.840.1.101.3.4.3.4", Hash::Sha512),
];

/// Hash functions by themselves, in the parameters of RSASSA-PSS (RFC 4055 2.1).
const BY_HASH: [(&str, Hash); 5] = [
    ("1.3.14.3.2.26", Hash::Outdated),
    ("2.16.840.1.101.3.4.2.4", Hash::Sha224),
    ("2.16.840.1.101.3.4.2.1", Hash::Sha256),
    ("2.16.840.1.101.3.4.2.2", Hash::Sha384),
    ("2.16.840.1.101.3.4.2.3", Hash::Sha512),
];

const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";

/// ```text
/// Certificate ::= SEQUENCE {                                   -- RFC 5280 4.1
///     tbsCertificate      TBSCertificate,
///     signatureAlgorithm  AlgorithmIdentifier,
///     signatureValue      BIT STRING }
/// ```
#[derive(Sequence)]
struct Certificate<'a> {
    _tbs_certificate: AnyRef<'a>,
    signature_algorithm: AlgorithmIdentifier<'a>,
    _signature_value: BitStringRef<'a>,
}

/// ```text
/// AlgorithmIdentifier ::= SEQUENCE {                           -- RFC 5280 4.1.1.2
///     algorithm   OBJECT IDENTIFIER,
///     parameters  ANY DEFINED BY algorithm OPTIONAL }
/// ```
#[derive(Sequence)]
struct AlgorithmIdentifier<'a> {
    algorithm: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

/// ```text
/// RSASSA-PSS-params ::= SEQUENCE {                             -- RFC 4055 3.1
///     hashAlgorithm     [0] HashAlgorithm DEFAULT sha1Identifier,
///     maskGenAlgorithm  [1] MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
///     saltLength        [2] INTEGER DEFAULT 20,
///     trailerField      [3] INTEGER DEFAULT 1 }
/// ```
#[derive(Sequence)]
struct RsassaPssParams<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifier<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask_gen_algorithm: Option<AlgorithmIdentifier<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    _salt_length: Option<AnyRef<'a>>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    _trailer_field: Option<AnyRef<'a>>,
}

/// The hash function that goes with a certificate's signature (RFC 5929 4.1).
fn end_point_hash(certificate_der: &[u8]) -> Result<Hash, ServerEndPointError> {
    let certificate = Certificate::from_der(certificate_der).map_err(|_| ServerEndPointError::Malformed)?;
    let signature = certificate.signature_algorithm;
    let hash = if is(&signature.algorithm, RSASSA_PSS) {
        pss_hash(&signature)?
    } else {
        find(&BY_SIGNATURE, &signature.algorithm)
    };
    hash.ok_or_else(|| ServerEndPointError::Undefined { algorithm: signature.algorithm.to_string() })
}

/// The hash function of RSASSA-PSS; none if its mask generation uses another one, too.
fn pss_hash(signature: &AlgorithmIdentifier<'_>) -> Result<Option<Hash>, ServerEndPointError> {
    let malformed = |_| ServerEndPointError::Malformed;
    let parameters = signature.parameters.ok_or(ServerEndPointError::Malformed)?;
    let parameters: RsassaPssParams<'_> = parameters.decode_as().map_err(malformed)?;
    let hash_of = |identifier: Option<AlgorithmIdentifier<'_>>| match identifier {
        Some(identifier) => find(&BY_HASH, &identifier.algorithm),
        None => Some(Hash::Outdated),
    };
    let mask_hash = match parameters.mask_gen_algorithm.and_then(|mask| mask.parameters) {
        Some(hash) => hash_of(Some(hash.decode_as().map_err(malformed)?)),
        None => Some(Hash::Outdated),
    };
    Ok(hash_of(parameters.hash_algorithm).filter(|hash| mask_hash == Some(*hash)))
}

fn find(table: &[(&str, Hash)], algorithm: &ObjectIdentifier) -> Option<Hash> {
    table.iter().find(|(known, _)| is(algorithm, known)).map(|(_, hash)| *hash)
}

fn is(algorithm: &ObjectIdentifier, dotted: &str) -> bool {
    ObjectIdentifier::new(dotted).is_ok_and(|known| known == *algorithm)
}

impl fmt::Display for ServerEndPointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerEndPointError::Malformed => f.write_str("the server's certificate is no X.509 certificate in DER"),
            ServerEndPointError::Undefined { algorithm } => write!(
                f,
                "tls-server-end-point bindings are undefined for a certificate with signature algorithm {algorithm}; \
                 with TLS 1.3, tls-exporter bindings can be used"
            ),
        }
    }
}

impl core::error::Error for ServerEndPointError {}
