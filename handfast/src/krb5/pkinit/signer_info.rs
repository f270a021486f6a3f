//! The signature of a SignedData (SignerInfo, RFC 5652 5.3).

use super::algorithm::{
    AlgorithmIdentifier, DigestAlgorithm, RSA_ENCRYPTION, digest_of, signature_algorithm, write_digest, write_signature,
};
use super::{Certificate, CertificateError, CertificateRules};
use crate::asn1::{DerReader, DerWriter, der_of, tag};
use crate::crypto::SignatureAlgorithm;
use crate::wire::DecodeError;
use alloc::string::ToString;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

/// id-contentType (RFC 5652 11.1).
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
/// id-messageDigest (RFC 5652 11.2).
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");

/// How many attributes are read.
const ATTRIBUTE_LIMIT: usize = 32;
/// `[0] IMPLICIT`, constructed and primitive.
const IMPLICIT_0: u8 = tag::context(0);
const PRIMITIVE_0: u8 = 0x80;
const IMPLICIT_1: u8 = tag::context(1);

/// A signer, and its signature.
///
/// ```text
/// SignerInfo ::= SEQUENCE {
///     version INTEGER, sid SignerIdentifier, digestAlgorithm AlgorithmIdentifier,
///     signedAttrs [0] IMPLICIT SET OF Attribute OPTIONAL, signatureAlgorithm AlgorithmIdentifier,
///     signature OCTET STRING, unsignedAttrs [1] IMPLICIT SET OF Attribute OPTIONAL
/// }
/// SignerIdentifier ::= CHOICE {
///     issuerAndSerialNumber SEQUENCE { issuer Name, serialNumber INTEGER }, subjectKeyIdentifier [0] IMPLICIT OCTET STRING
/// }
/// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }
/// ```
#[derive(Clone, Debug)]
pub(super) struct SignerInfo<'a> {
    identifier: Identifier<'a>,
    digest: AlgorithmIdentifier<'a>,
    attributes: Option<SignedAttributes<'a>>,
    algorithm: AlgorithmIdentifier<'a>,
    signature: &'a [u8],
}

#[derive(Clone, Debug)]
enum Identifier<'a> {
    Number { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

/// The attributes that came: one by one as they stand, and those that count.
#[derive(Clone, Debug)]
struct SignedAttributes<'a> {
    elements: Vec<&'a [u8]>,
    content_type: ObjectIdentifier,
    digest: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    pub(super) fn read(reader: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        reader.nested(tag::SEQUENCE, |fields| {
            let at = fields.clone();
            if !matches!(fields.integer()?, 1 | 3) {
                return Err(at.invalid("the version must be 1 or 3"));
            }
            let identifier = Identifier::read(fields)?;
            let digest = AlgorithmIdentifier::read(fields)?;
            let signed = fields.peek() == Some(IMPLICIT_0);
            let attributes = if signed { Some(fields.nested(IMPLICIT_0, SignedAttributes::read)?) } else { None };
            let algorithm = AlgorithmIdentifier::read(fields)?;
            let signature = fields.primitive(tag::OCTET_STRING)?;
            if fields.peek() == Some(IMPLICIT_1) {
                fields.any()?;
            }
            Ok(SignerInfo { identifier, digest, attributes, algorithm, signature })
        })
    }

    /// Whether this is the signer's certificate.
    pub(super) fn names(&self, certificate: &Certificate) -> bool {
        match self.identifier {
            Identifier::Number { issuer, serial } => {
                certificate.issuer().der() == issuer && certificate.serial_number() == serial
            }
            Identifier::Key(identifier) => certificate.extensions().key_identifier.as_deref() == Some(identifier),
        }
    }

    /// Checks the signature over the content (RFC 5652 5.4, 5.6): over the attributes, of which one is the content's digest and
    /// one its type. They must be there, as the content's type is not id-data (5.3); a signature over other things could
    /// otherwise pass as one over attributes, and the other way round.
    pub(super) fn check(
        &self,
        certificate: &Certificate,
        content_type: ObjectIdentifier,
        content: &[u8],
        rules: &CertificateRules,
    ) -> Result<(), CertificateError> {
        let digest = DigestAlgorithm::named(&self.digest)?;
        let key = certificate.public_key()?;
        let algorithm = key.kind_of(self.signature_algorithm(digest)?);
        rules.check_algorithm(algorithm)?;
        let attributes = self.attributes.as_ref().ok_or(CertificateError::Digest)?;
        if attributes.content_type != content_type {
            let (expected, found) = (content_type.to_string(), attributes.content_type.to_string());
            return Err(CertificateError::ContentType { expected, found });
        }
        if attributes.digest != digest.digest(content) {
            return Err(CertificateError::Digest);
        }
        let fits = |octets: &[u8]| key.verifies(algorithm, octets, self.signature);
        // As DER has them; peers are known that send them, and sign them, in another order.
        let (in_order, as_they_came) = (attributes.in_order(), attributes.as_they_came());
        let right = fits(&in_order) || in_order != as_they_came && fits(&as_they_came);
        if right { Ok(()) } else { Err(CertificateError::Signature { of: "a message" }) }
    }

    /// The algorithm of the signature, which must be of the digest that is named beside it. rsaEncryption takes that one.
    fn signature_algorithm(&self, digest: DigestAlgorithm) -> Result<SignatureAlgorithm, CertificateError> {
        if self.algorithm.oid == RSA_ENCRYPTION {
            return Ok(digest.with_rsa());
        }
        let algorithm = signature_algorithm(&self.algorithm)?;
        if digest_of(algorithm) != digest {
            return Err(CertificateError::algorithm(self.digest.oid, "the digest of a signature"));
        }
        Ok(algorithm)
    }
}

impl SignerInfo<'_> {
    /// The DER of a signature by the key of `certificate`.
    pub(super) fn encode(
        certificate: &Certificate,
        attributes: &Attributes,
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Vec<u8> {
        der_of(|writer| {
            writer.nested(tag::SEQUENCE, |fields| {
                fields.integer(1);
                fields.nested(tag::SEQUENCE, |number| {
                    number.raw(certificate.issuer().der());
                    number.primitive(tag::INTEGER, certificate.serial_number());
                });
                write_digest(attributes.digest(), fields);
                fields.set_of(IMPLICIT_0, attributes.elements.clone());
                write_signature(algorithm, fields);
                fields.primitive(tag::OCTET_STRING, signature);
            });
        })
    }
}

impl<'a> Identifier<'a> {
    fn read(fields: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        if fields.peek() == Some(PRIMITIVE_0) {
            return fields.primitive(PRIMITIVE_0).map(Identifier::Key);
        }
        fields.nested(tag::SEQUENCE, |number| {
            Ok(Identifier::Number { issuer: number.any()?, serial: number.integer_octets()? })
        })
    }
}

impl<'a> SignedAttributes<'a> {
    fn read(set: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = set.clone();
        let (mut elements, mut content_type, mut digest) = (Vec::new(), None, None);
        while !set.is_empty() {
            if elements.len() == ATTRIBUTE_LIMIT {
                return Err(set.too_large(ATTRIBUTE_LIMIT));
            }
            let at = set.clone();
            let (twice, element) = set.with_bytes(|set| {
                set.nested(tag::SEQUENCE, |attribute| match attribute.oid()? {
                    CONTENT_TYPE => {
                        let read = attribute.nested(tag::SET, DerReader::oid)?;
                        Ok(content_type.replace(read).is_some())
                    }
                    MESSAGE_DIGEST => {
                        let read = attribute.nested(tag::SET, |values| values.primitive(tag::OCTET_STRING))?;
                        Ok(digest.replace(read).is_some())
                    }
                    _ => attribute.nested(tag::SET, |values| values.remaining().map(|_| false)),
                })
            })?;
            if twice {
                return Err(at.invalid("the same attribute twice"));
            }
            elements.push(element);
        }
        match (content_type, digest) {
            (Some(content_type), Some(digest)) => Ok(SignedAttributes { elements, content_type, digest }),
            _ => Err(at.invalid("signed attributes without the content's type or digest")),
        }
    }

    /// What is signed: a SET OF in DER (RFC 5652 5.4).
    fn in_order(&self) -> Vec<u8> {
        let elements = self.elements.iter().map(|element| element.to_vec()).collect();
        der_of(|writer| writer.set_of(tag::SET, elements))
    }

    fn as_they_came(&self) -> Vec<u8> {
        der_of(|writer| writer.nested(tag::SET, |set| self.elements.iter().for_each(|element| set.raw(element))))
    }
}

/// The attributes of a message that is to be signed.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    elements: Vec<Vec<u8>>,
    octets: Vec<u8>,
    digest: DigestAlgorithm,
}

impl Attributes {
    pub(super) fn new(content_type: ObjectIdentifier, content: &[u8], algorithm: SignatureAlgorithm) -> Self {
        let digest = digest_of(algorithm);
        let attribute = |oid, value: &dyn Fn(&mut DerWriter<'_>)| {
            der_of(|writer| {
                writer.nested(tag::SEQUENCE, |attribute| {
                    attribute.oid(oid);
                    attribute.nested(tag::SET, value);
                });
            })
        };
        let hash = digest.digest(content);
        let elements = Vec::from([
            attribute(CONTENT_TYPE, &|value| value.oid(content_type)),
            attribute(MESSAGE_DIGEST, &|value| value.primitive(tag::OCTET_STRING, &hash)),
        ]);
        let octets = der_of(|writer| writer.set_of(tag::SET, elements.clone()));
        Attributes { elements, octets, digest }
    }

    /// What is signed (RFC 5652 5.4).
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn digest(&self) -> DigestAlgorithm {
        self.digest
    }
}
