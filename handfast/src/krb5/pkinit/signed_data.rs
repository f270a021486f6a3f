//! Signed messages (CMS SignedData, RFC 5652 5) as PKINIT uses them: one signer, or none.

use super::algorithm::{AlgorithmIdentifier, write_digest};
use super::signer_info::{Attributes, SignerInfo};
use super::{Certificate, CertificateError, CertificateRules, ClientRules, KdcRules, PkinitIdentity, TrustAnchors};
use crate::asn1::{DerReader, DerWriter, der_of, tag};
use crate::crypto::SignatureAlgorithm;
use crate::name::Principal;
use crate::time::Time;
use crate::wire::DecodeError;
use alloc::string::ToString;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;

/// id-signedData (RFC 5652 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// How many certificates are read with a signature.
const CERTIFICATE_LIMIT: usize = 32;
/// How many signers and digest algorithms are read.
const SIGNER_LIMIT: usize = 8;
/// `[0] IMPLICIT` and `[1] IMPLICIT`, constructed.
const IMPLICIT_0: u8 = tag::context(0);
const IMPLICIT_1: u8 = tag::context(1);

/// What PKINIT signs (RFC 4556 3.2.1, 3.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// id-pkinit-authData: an AuthPack, the client's.
    AuthData,
    /// id-pkinit-DHKeyData: a KDCDHKeyInfo, the KDC's.
    DhKeyData,
    /// id-pkinit-rkeyData: a ReplyKeyPack, the KDC's.
    RkeyData,
}

impl ContentType {
    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            ContentType::AuthData => ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.1"),
            ContentType::DhKeyData => ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.2"),
            ContentType::RkeyData => ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.3"),
        }
    }
}

/// A signed message that came, in its ContentInfo.
///
/// ```text
/// ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, content [0] EXPLICIT ANY DEFINED BY contentType }
/// SignedData  ::= SEQUENCE {
///     version INTEGER, digestAlgorithms SET OF AlgorithmIdentifier,
///     encapContentInfo SEQUENCE { eContentType OBJECT IDENTIFIER, eContent [0] EXPLICIT OCTET STRING OPTIONAL },
///     certificates [0] IMPLICIT SET OF CertificateChoices OPTIONAL,
///     crls [1] IMPLICIT SET OF RevocationInfoChoice OPTIONAL,
///     signerInfos SET OF SignerInfo
/// }
/// ```
/// Its content is there for those who have checked who signed it, [`SignedData::verify`], or that nobody did,
/// [`SignedData::unsigned_content`].
#[derive(Clone, Debug)]
pub struct SignedData<'a> {
    content_type: ObjectIdentifier,
    content: &'a [u8],
    certificates: Vec<Certificate>,
    signers: Vec<SignerInfo<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads a message in DER; octets behind it are an error.
    ///
    /// # Errors
    /// If it is not DER, is no SignedData, has no content, or a certificate that does not decode.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = DerReader::new("SignedData", bytes);
        let signed = reader.nested(tag::SEQUENCE, |info| {
            let at = info.clone();
            if info.oid()? != SIGNED_DATA {
                return Err(at.invalid("the content type must be id-signedData"));
            }
            info.nested(IMPLICIT_0, |content| content.nested(tag::SEQUENCE, SignedData::read))
        })?;
        reader.finish()?;
        Ok(signed)
    }

    fn read(fields: &mut DerReader<'a>) -> Result<Self, DecodeError> {
        let at = fields.clone();
        if !(1..=5).contains(&fields.integer()?) {
            return Err(at.invalid("the version must be from 1 to 5"));
        }
        fields.nested(tag::SET, |digests| {
            let mut count = 0_usize;
            while !digests.is_empty() {
                AlgorithmIdentifier::read(digests)?;
                count += 1;
                if count > SIGNER_LIMIT {
                    return Err(digests.too_large(SIGNER_LIMIT));
                }
            }
            Ok(())
        })?;
        let (content_type, content) = fields.nested(tag::SEQUENCE, |inner| {
            Ok((inner.oid()?, inner.nested(IMPLICIT_0, |content| content.primitive(tag::OCTET_STRING))?))
        })?;
        let certificates = read_certificates(fields)?;
        if fields.peek() == Some(IMPLICIT_1) {
            fields.any()?;
        }
        let signers = fields.nested(tag::SET, |set| {
            let mut signers = Vec::new();
            while !set.is_empty() {
                if signers.len() == SIGNER_LIMIT {
                    return Err(set.too_large(SIGNER_LIMIT));
                }
                signers.push(SignerInfo::read(set)?);
            }
            Ok(signers)
        })?;
        Ok(SignedData { content_type, content, certificates, signers })
    }

    /// Whether somebody claims to have signed it.
    pub fn is_signed(&self) -> bool {
        !self.signers.is_empty()
    }

    /// The certificates that came along, in their order; nothing of them is proven.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Checks the signature of the one signer, and that its certificate leads to an anchor (RFC 5652 5.6, RFC 5280 6).
    ///
    /// # Errors
    /// [`CertificateError`] says what is wrong with the message, or with a certificate.
    pub fn verify(
        &self,
        expected: ContentType,
        anchors: &TrustAnchors,
        rules: &CertificateRules,
        now: Time,
    ) -> Result<VerifiedSigner<'a>, CertificateError> {
        self.check_type(expected)?;
        let signer = match self.signers.as_slice() {
            [] => return Err(CertificateError::Unsigned),
            [signer] => signer,
            more => return Err(CertificateError::Signers { count: more.len() }),
        };
        let certificate = self.certificates.iter().chain(anchors.anchors()).find(|other| signer.names(other));
        let certificate = certificate.ok_or(CertificateError::NoSignerCertificate)?;
        signer.check(certificate, self.content_type, self.content, rules)?;
        anchors.check(certificate, &self.certificates, rules, now)?;
        Ok(VerifiedSigner { certificate: certificate.clone(), content: self.content })
    }

    /// The content of a message that nobody has signed, as that of an anonymous client is (RFC 8062 4.1).
    ///
    /// # Errors
    /// [`CertificateError::Signers`] if somebody did; [`CertificateError::ContentType`].
    pub fn unsigned_content(&self, expected: ContentType) -> Result<&'a [u8], CertificateError> {
        self.check_type(expected)?;
        if self.is_signed() {
            return Err(CertificateError::Signers { count: self.signers.len() });
        }
        Ok(self.content)
    }

    fn check_type(&self, expected: ContentType) -> Result<(), CertificateError> {
        if self.content_type == expected.oid() {
            return Ok(());
        }
        let (expected, found) = (expected.oid().to_string(), self.content_type.to_string());
        Err(CertificateError::ContentType { expected, found })
    }

    /// A message that nobody signs, in its ContentInfo (RFC 8062 4.1).
    pub fn unsigned(content_type: ContentType, content: &[u8]) -> Vec<u8> {
        write_signed_data(content_type, content, &[], None)
    }
}

/// The certificates in a CertificateSet; other choices than X.509's are passed over (RFC 5652 10.2.2).
fn read_certificates(fields: &mut DerReader<'_>) -> Result<Vec<Certificate>, DecodeError> {
    if fields.peek() != Some(IMPLICIT_0) {
        return Ok(Vec::new());
    }
    fields.nested(IMPLICIT_0, |set| {
        let mut certificates = Vec::new();
        let mut count = 0_usize;
        while let Some(kind) = set.peek() {
            if count == CERTIFICATE_LIMIT {
                return Err(set.too_large(CERTIFICATE_LIMIT));
            }
            count += 1;
            let element = set.any()?;
            if kind == tag::SEQUENCE {
                certificates.push(Certificate::decode(element)?);
            }
        }
        Ok(certificates)
    })
}

/// Who has signed a message, with a certificate that leads to an anchor. What was signed is there for who has checked whose
/// certificate it is.
#[derive(Clone, Debug)]
pub struct VerifiedSigner<'a> {
    certificate: Certificate,
    content: &'a [u8],
}

impl<'a> VerifiedSigner<'a> {
    /// The signer's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What a KDC of `realm` has signed.
    ///
    /// # Errors
    /// If it is not one: [`KdcRules::check`].
    pub fn content_of_kdc(&self, realm: &str, rules: &KdcRules) -> Result<&'a [u8], CertificateError> {
        rules.check(&self.certificate, realm).map(|()| self.content)
    }

    /// What `client` has signed.
    ///
    /// # Errors
    /// If it is not the signer: [`ClientRules::check`].
    pub fn content_of_client(&self, client: &Principal, rules: &ClientRules) -> Result<&'a [u8], CertificateError> {
        rules.check(&self.certificate, client).map(|()| self.content)
    }
}

/// A message that lacks only its signature. Who holds the private key, which may be a smart card, signs
/// [`ToSign::octets`].
#[derive(Clone, Debug)]
pub struct ToSign {
    content_type: ContentType,
    content: Vec<u8>,
    chain: Vec<Certificate>,
    attributes: Attributes,
    algorithm: SignatureAlgorithm,
}

impl ToSign {
    /// A message with the certificates of `identity`, to be signed by its key.
    ///
    /// # Errors
    /// If its certificate has a key of an unknown kind.
    pub fn new(content_type: ContentType, content: &[u8], identity: &PkinitIdentity) -> Result<Self, CertificateError> {
        let algorithm = identity.certificate().public_key()?.preferred();
        Ok(ToSign {
            content_type,
            content: content.to_vec(),
            chain: identity.chain().to_vec(),
            attributes: Attributes::new(content_type.oid(), content, algorithm),
            algorithm,
        })
    }

    /// How to sign.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// What to sign: the signed attributes, not yet hashed (RFC 5652 5.4).
    pub fn octets(&self) -> &[u8] {
        self.attributes.octets()
    }

    /// The certificate whose key signs.
    ///
    /// # Errors
    /// None if made by [`ToSign::new`].
    fn certificate(&self) -> Result<&Certificate, CertificateError> {
        self.chain.first().ok_or(CertificateError::NoSignerCertificate)
    }

    /// The message in its ContentInfo, in DER.
    ///
    /// # Errors
    /// [`CertificateError::Signature`] if the signature is not right: a faulty one can tell the private key, and is not sent.
    pub fn finish(&self, signature: &[u8]) -> Result<Vec<u8>, CertificateError> {
        let certificate = self.certificate()?;
        if !certificate.public_key()?.verifies(self.algorithm, self.octets(), signature) {
            return Err(CertificateError::Signature { of: "our own message" });
        }
        let signer = SignerInfo::encode(certificate, &self.attributes, self.algorithm, signature);
        Ok(write_signed_data(self.content_type, &self.content, &self.chain, Some((signer, &self.attributes))))
    }
}

/// A ContentInfo around a SignedData. Its version is 3, as the content is not id-data (RFC 5652 5.1).
fn write_signed_data(
    content_type: ContentType,
    content: &[u8],
    chain: &[Certificate],
    signer: Option<(Vec<u8>, &Attributes)>,
) -> Vec<u8> {
    let fields = |fields: &mut DerWriter<'_>| {
        fields.integer(3);
        fields.nested(tag::SET, |digests| {
            signer.iter().for_each(|(_, attributes)| write_digest(attributes.digest(), digests));
        });
        fields.nested(tag::SEQUENCE, |inner| {
            inner.oid(content_type.oid());
            inner.nested(IMPLICIT_0, |explicit| explicit.primitive(tag::OCTET_STRING, content));
        });
        if !chain.is_empty() {
            fields.set_of(IMPLICIT_0, chain.iter().map(|certificate| certificate.der().to_vec()).collect());
        }
        fields.nested(tag::SET, |set| signer.iter().for_each(|(signer, _)| set.raw(signer)));
    };
    der_of(|writer| {
        writer.nested(tag::SEQUENCE, |info| {
            info.oid(SIGNED_DATA);
            info.nested(IMPLICIT_0, |explicit| explicit.nested(tag::SEQUENCE, fields));
        });
    })
}
