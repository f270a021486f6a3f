//! The messages of PKINIT (RFC 4556 3.2, with what RFC 8636 6 and RFC 8070 4 add).
//!
//! All are extensible: what is unknown at their ends is passed over. OCTET STRINGs are tagged implicitly where the RFC says so.

use super::algorithm::AlgorithmIdentifier;
use crate::asn1::{Asn1, DerReader, DerWriter, Listed, der_methods, sequence, tag};
use crate::krb5::message::{KerberosTime, Microseconds, PrincipalName};
use crate::wire::DecodeError;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

/// How many key derivation functions, and sets of domain parameters, are read.
pub const ALGORITHM_LIMIT: usize = 32;

/// `[number] IMPLICIT OCTET STRING`.
const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// The padata-value of a client's proof (RFC 4556 3.2.1).
///
/// ```text
/// PA-PK-AS-REQ ::= SEQUENCE {
///     signedAuthPack     [0] IMPLICIT OCTET STRING,
///     trustedCertifiers  [1] SEQUENCE OF ExternalPrincipalIdentifier OPTIONAL,
///     kdcPkId            [2] IMPLICIT OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
/// The hints `trustedCertifiers` and `kdcPkId` are neither sent nor followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaPkAsReq<'a> {
    /// A ContentInfo with a SignedData around an [`AuthPack`].
    pub signed_auth_pack: &'a [u8],
}

impl<'a> Asn1<'a> for PaPkAsReq<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let signed_auth_pack = fields.primitive(implicit(0))?;
            fields.ignore_rest()?;
            Ok(PaPkAsReq { signed_auth_pack })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| fields.primitive(implicit(0), self.signed_auth_pack));
    }
}
der_methods!(PaPkAsReq<'a>, "PA-PK-AS-REQ");

/// What a client signs (RFC 4556 3.2.1, RFC 8636 6).
///
/// ```text
/// AuthPack ::= SEQUENCE {
///     pkAuthenticator    [0] PKAuthenticator,
///     clientPublicValue  [1] SubjectPublicKeyInfo OPTIONAL,
///     supportedCMSTypes  [2] SEQUENCE OF AlgorithmIdentifier OPTIONAL,
///     clientDHNonce      [3] DHNonce OPTIONAL,
///     ...,
///     supportedKDFs      [4] SEQUENCE OF KDFAlgorithmId OPTIONAL,
///     ...
/// }
/// DHNonce ::= OCTET STRING
/// ```
/// `supportedCMSTypes` and `clientDHNonce` are neither sent nor followed: keys are agreed on, and never used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthPack<'a> {
    /// Who, when, and to what request.
    pub pk_authenticator: PkAuthenticator<'a>,
    /// A SubjectPublicKeyInfo in DER, with the client's half of the key agreement.
    pub client_public_value: Option<&'a [u8]>,
    /// The key derivation functions that the client knows; none in one that knows those of RFC 4556 alone.
    pub supported_kdfs: Option<Vec<KdfAlgorithmId>>,
}

impl<'a> Asn1<'a> for AuthPack<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let pk_authenticator = fields.field(0)?;
            let client_public_value = match fields.peek() {
                Some(next) if next == tag::context(1) => Some(fields.nested(next, |inner| inner.any())?),
                _ => None,
            };
            for passed_over in [2, 3] {
                if fields.peek() == Some(tag::context(passed_over)) {
                    fields.any()?;
                }
            }
            let supported_kdfs = match fields.peek() {
                Some(next) if next == tag::context(4) => Some(fields.nested(next, Vec::read)?),
                _ => None,
            };
            fields.ignore_rest()?;
            Ok(AuthPack { pk_authenticator, client_public_value, supported_kdfs })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.field(0, &self.pk_authenticator);
            if let Some(value) = self.client_public_value {
                fields.nested(tag::context(1), |inner| inner.raw(value));
            }
            if let Some(kdfs) = &self.supported_kdfs {
                fields.field(4, kdfs);
            }
        });
    }
}
der_methods!(AuthPack<'a>, "AuthPack");

/// Who proves itself when, and to what request (RFC 4556 3.2.1, RFC 8070 4).
///
/// ```text
/// PKAuthenticator ::= SEQUENCE {
///     cusec           [0] INTEGER (0..999999),
///     ctime           [1] KerberosTime,
///     nonce           [2] INTEGER (0..4294967295),
///     paChecksum      [3] OCTET STRING OPTIONAL, -- MUST be present
///     ...,
///     freshnessToken  [4] OCTET STRING OPTIONAL,
///     ...,
///     paChecksum2     [5] PAChecksum2 OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PkAuthenticator<'a> {
    /// The microseconds of the client's time.
    pub cusec: Microseconds,
    /// The client's time.
    pub ctime: KerberosTime,
    /// Comes again in the reply.
    pub nonce: u32,
    /// The SHA-1 of the KDC-REQ-BODY.
    pub pa_checksum: Option<&'a [u8]>,
    /// What the KDC said last, as it is.
    pub freshness_token: Option<&'a [u8]>,
    /// A better hash of the KDC-REQ-BODY (MS-PKCA 2.2.3).
    pub pa_checksum2: Option<PaChecksum2<'a>>,
}

sequence! {
    PkAuthenticator<'a>,
    fields {
        field 0 cusec,
        field 1 ctime,
        field 2 nonce,
        optional 3 pa_checksum,
        optional 4 freshness_token,
        optional 5 pa_checksum2,
    },
    extensible
}

/// A hash of the KDC-REQ-BODY, with its kind (MS-PKCA 2.2.3).
///
/// ```text
/// PAChecksum2 ::= SEQUENCE {
///     checksum             [0] OCTET STRING,
///     algorithmIdentifier  [1] AlgorithmIdentifier
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaChecksum2<'a> {
    /// The hash.
    pub checksum: &'a [u8],
    /// Which hash function.
    pub algorithm: ObjectIdentifier,
}

impl<'a> Asn1<'a> for PaChecksum2<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let checksum = fields.field(0)?;
            let algorithm = fields.nested(tag::context(1), AlgorithmIdentifier::read)?.oid;
            Ok(PaChecksum2 { checksum, algorithm })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.field(0, &self.checksum);
            fields.nested(tag::context(1), |inner| inner.nested(tag::SEQUENCE, |fields| fields.oid(self.algorithm)));
        });
    }
}

/// A key derivation function (RFC 8636 6).
///
/// ```text
/// KDFAlgorithmId ::= SEQUENCE {
///     kdf-id  [0] OBJECT IDENTIFIER,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfAlgorithmId {
    /// Which.
    pub kdf_id: ObjectIdentifier,
}

impl<'a> Asn1<'a> for KdfAlgorithmId {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let kdf_id = fields.nested(tag::context(0), DerReader::oid)?;
            fields.ignore_rest()?;
            Ok(KdfAlgorithmId { kdf_id })
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| fields.nested(tag::context(0), |inner| inner.oid(self.kdf_id)));
    }
}

impl Listed for KdfAlgorithmId {
    const LIMIT: usize = ALGORITHM_LIMIT;
}

/// The padata-value of a KDC's reply (RFC 4556 3.2.3).
///
/// ```text
/// PA-PK-AS-REP ::= CHOICE {
///     dhInfo      [0] DHRepInfo,
///     encKeyPack  [1] IMPLICIT OCTET STRING,
///     ...
/// }
/// ```
/// A reply key that comes encrypted to the client's public key (`encKeyPack`) is not taken: decrypting with RSA as PKCS #1 v1.5
/// pads tells who can measure it too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaPkAsRep<'a> {
    /// The KDC's half of the key agreement.
    pub dh_info: DhRepInfo<'a>,
}

impl<'a> Asn1<'a> for PaPkAsRep<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        if reader.peek() == Some(implicit(1)) {
            return Err(reader.invalid("a reply key that is encrypted to the client's RSA key is not taken"));
        }
        reader.nested(tag::context(0), DhRepInfo::read).map(|dh_info| PaPkAsRep { dh_info })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::context(0), |inner| self.dh_info.write(inner));
    }
}
der_methods!(PaPkAsRep<'a>, "PA-PK-AS-REP");

/// A KDC's half of a key agreement (RFC 4556 3.2.3, RFC 8636 6).
///
/// ```text
/// DHRepInfo ::= SEQUENCE {
///     dhSignedData   [0] IMPLICIT OCTET STRING,
///     serverDHNonce  [1] DHNonce OPTIONAL,
///     ...,
///     kdf            [2] KDFAlgorithmId OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DhRepInfo<'a> {
    /// A ContentInfo with a SignedData around a [`KdcDhKeyInfo`].
    pub dh_signed_data: &'a [u8],
    /// Where the KDC uses its half again.
    pub server_dh_nonce: Option<&'a [u8]>,
    /// How the reply key is derived; as RFC 4556 3.2.3.1 says if absent.
    pub kdf: Option<KdfAlgorithmId>,
}

impl<'a> Asn1<'a> for DhRepInfo<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let dh_signed_data = fields.primitive(implicit(0))?;
            let info = DhRepInfo { dh_signed_data, server_dh_nonce: fields.optional(1)?, kdf: fields.optional(2)? };
            fields.ignore_rest()?;
            Ok(info)
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.primitive(implicit(0), self.dh_signed_data);
            fields.optional(1, &self.server_dh_nonce);
            fields.optional(2, &self.kdf);
        });
    }
}

/// What a KDC signs (RFC 4556 3.2.3).
///
/// ```text
/// KDCDHKeyInfo ::= SEQUENCE {
///     subjectPublicKey  [0] BIT STRING,
///     nonce             [1] INTEGER (0..4294967295),
///     dhKeyExpiration   [2] KerberosTime OPTIONAL,
///     ...
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdcDhKeyInfo<'a> {
    /// The KDC's public value.
    pub subject_public_key: &'a [u8],
    /// That of the [`PkAuthenticator`]; 0 where the KDC uses its half again.
    pub nonce: u32,
    /// Until when the KDC uses its half again, if it does.
    pub dh_key_expiration: Option<KerberosTime>,
}

impl<'a> Asn1<'a> for KdcDhKeyInfo<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let subject_public_key = fields.nested(tag::context(0), DerReader::bit_octets)?;
            let info =
                KdcDhKeyInfo { subject_public_key, nonce: fields.field(1)?, dh_key_expiration: fields.optional(2)? };
            fields.ignore_rest()?;
            Ok(info)
        })
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.nested(tag::SEQUENCE, |fields| {
            fields.nested(tag::context(0), |inner| write_bits(self.subject_public_key, inner));
            fields.field(1, &self.nonce);
            fields.optional(2, &self.dh_key_expiration);
        });
    }
}
der_methods!(KdcDhKeyInfo<'a>, "KDCDHKeyInfo");

/// BIT STRING of whole octets.
pub(super) fn write_bits(octets: &[u8], writer: &mut DerWriter<'_>) {
    let mut contents = Vec::from([0]);
    contents.extend_from_slice(octets);
    writer.primitive(tag::BIT_STRING, &contents);
}

/// The domain parameters that a KDC takes, best first (RFC 4556 3.2.2).
///
/// ```text
/// TD-DH-PARAMETERS ::= SEQUENCE OF AlgorithmIdentifier
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdDhParameters<'a>(pub Vec<DomainParameters<'a>>);

/// An AlgorithmIdentifier of a key agreement, in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainParameters<'a>(pub &'a [u8]);

impl<'a> Asn1<'a> for DomainParameters<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.with_bytes(AlgorithmIdentifier::read).map(|(_, bytes)| DomainParameters(bytes))
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        writer.raw(self.0);
    }
}

impl Listed for DomainParameters<'_> {
    const LIMIT: usize = ALGORITHM_LIMIT;
}

impl<'a> Asn1<'a> for TdDhParameters<'a> {
    fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        Vec::read(reader).map(TdDhParameters)
    }

    fn write(&self, writer: &mut DerWriter<'_>) {
        self.0.write(writer);
    }
}
der_methods!(TdDhParameters<'a>, "TD-DH-PARAMETERS");

/// A principal with its realm (RFC 4556 3.2.2), as RFC 8636 derives keys from it.
///
/// ```text
/// KRB5PrincipalName ::= SEQUENCE {
///     realm          [0] Realm,
///     principalName  [1] PrincipalName
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Krb5PrincipalName<'a> {
    pub(super) realm: &'a str,
    pub(super) principal_name: PrincipalName<'a>,
}

sequence! { Krb5PrincipalName<'a>, fields { field 0 realm, field 1 principal_name } }
