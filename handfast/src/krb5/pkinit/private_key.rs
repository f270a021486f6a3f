//! Private keys, and signatures made with them.

use super::IdentityError;
use super::algorithm::{AlgorithmIdentifier, EC_PUBLIC_KEY, RSA_ENCRYPTION, digest_of, is_rsa};
use super::public_key::{P256, P384, P521, PublicKey, p521_prehash, pkcs1};
use crate::asn1::{DerReader, tag};
use crate::crypto::{Random, SignatureAlgorithm};
use alloc::boxed::Box;
use alloc::vec::Vec;
use der::asn1::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rand_core_06::{CryptoRng, Error, RngCore};
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};

/// A private key; each kind wipes itself.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl PrivateKey {
    /// Reads a PrivateKeyInfo (RFC 5958 2).
    ///
    /// ```text
    /// OneAsymmetricKey ::= SEQUENCE {
    ///     version INTEGER, privateKeyAlgorithm AlgorithmIdentifier, privateKey OCTET STRING,
    ///     attributes [0] IMPLICIT SET OPTIONAL, ..., publicKey [1] IMPLICIT BIT STRING OPTIONAL
    /// }
    /// ```
    pub(super) fn decode(info: &[u8]) -> Result<Self, IdentityError> {
        let mut reader = DerReader::new("PrivateKeyInfo", info);
        let (algorithm, octets) = reader.nested(tag::SEQUENCE, |fields| {
            let at = fields.clone();
            if !matches!(fields.integer()?, 0 | 1) {
                return Err(at.invalid("the version must be 1 or 2"));
            }
            let read = (AlgorithmIdentifier::read(fields)?, fields.primitive(tag::OCTET_STRING)?);
            fields.remaining()?;
            Ok(read)
        })?;
        reader.finish()?;
        match algorithm.oid {
            RSA_ENCRYPTION => PrivateKey::decode_rsa(octets),
            EC_PUBLIC_KEY => {
                let named = algorithm.parameters("ECParameters").oid()?;
                PrivateKey::decode_ec(octets, Some(named))
            }
            _ => Err(IdentityError::PrivateKey { rule: "neither RSA nor of an elliptic curve" }),
        }
    }

    /// Reads an RSAPrivateKey (RFC 8017 A.1.2) of two primes.
    pub(super) fn decode_rsa(octets: &[u8]) -> Result<Self, IdentityError> {
        let mut reader = DerReader::new("RSAPrivateKey", octets);
        let [n, e, d, p, q] = reader.nested(tag::SEQUENCE, |fields| {
            let at = fields.clone();
            if fields.integer()? != 0 {
                return Err(at.invalid("the version must be 0: two primes"));
            }
            let mut number = || fields.unsigned().map(BigUint::from_bytes_be);
            let read = [number()?, number()?, number()?, number()?, number()?];
            // The rest follows from these, and is computed.
            fields.remaining()?;
            Ok(read)
        })?;
        reader.finish()?;
        let key = RsaPrivateKey::from_components(n, e, d, Vec::from([p, q]));
        let key = key.map_err(|_| IdentityError::PrivateKey { rule: "an RSA key whose parts don't fit" })?;
        Ok(PrivateKey::Rsa(Box::new(key)))
    }

    /// Reads an ECPrivateKey (RFC 5915 3).
    ///
    /// ```text
    /// ECPrivateKey ::= SEQUENCE {
    ///     version INTEGER, privateKey OCTET STRING, parameters [0] ECParameters OPTIONAL, publicKey [1] BIT STRING OPTIONAL
    /// }
    /// ```
    pub(super) fn decode_ec(octets: &[u8], curve: Option<ObjectIdentifier>) -> Result<Self, IdentityError> {
        let mut reader = DerReader::new("ECPrivateKey", octets);
        let (scalar, named) = reader.nested(tag::SEQUENCE, |fields| {
            let at = fields.clone();
            if fields.integer()? != 1 {
                return Err(at.invalid("the version must be 1"));
            }
            let scalar = fields.primitive(tag::OCTET_STRING)?;
            let has_curve = fields.peek() == Some(tag::context(0));
            let named = if has_curve { Some(fields.nested(tag::context(0), DerReader::oid)?) } else { None };
            fields.remaining()?;
            Ok((scalar, named))
        })?;
        reader.finish()?;
        let wrong = |_| IdentityError::PrivateKey { rule: "a number that is none of its curve's private keys" };
        match curve.or(named) {
            Some(other) if named.is_some_and(|named| named != other) => {
                Err(IdentityError::PrivateKey { rule: "two curves named" })
            }
            Some(P256) => p256::ecdsa::SigningKey::from_slice(scalar).map(PrivateKey::P256).map_err(wrong),
            Some(P384) => p384::ecdsa::SigningKey::from_slice(scalar).map(PrivateKey::P384).map_err(wrong),
            Some(P521) => p521::ecdsa::SigningKey::from_slice(scalar).map(PrivateKey::P521).map_err(wrong),
            _ => Err(IdentityError::PrivateKey { rule: "of a curve other than P-256, P-384 and P-521" }),
        }
    }

    pub(super) fn public_key(&self) -> PublicKey {
        match self {
            PrivateKey::Rsa(key) => PublicKey::Rsa(RsaPublicKey::from(key.as_ref())),
            PrivateKey::P256(key) => PublicKey::P256(*key.verifying_key()),
            PrivateKey::P384(key) => PublicKey::P384(*key.verifying_key()),
            PrivateKey::P521(key) => PublicKey::P521(*key.verifying_key()),
        }
    }

    /// The signature of `message`. RSA blinds what it computes with; ECDSA draws its number from key and message (RFC 6979).
    pub(super) fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, IdentityError> {
        let digest = digest_of(algorithm);
        let hash = digest.digest(message);
        let failed = IdentityError::PrivateKey { rule: "it can't sign so" };
        if is_rsa(algorithm) != matches!(self, PrivateKey::Rsa(_)) {
            return Err(failed);
        }
        let signature = match self {
            PrivateKey::Rsa(key) => {
                let mut blinding = Blinding { random, failed: false };
                let signature = key.sign_with_rng(&mut blinding, pkcs1(digest), &hash);
                if blinding.failed {
                    return Err(IdentityError::Random);
                }
                signature.ok()
            }
            PrivateKey::P256(key) => {
                let signature: Option<p256::ecdsa::Signature> = key.sign_prehash(&hash).ok();
                signature.map(|signature| signature.to_der().as_bytes().to_vec())
            }
            PrivateKey::P384(key) => {
                let signature: Option<p384::ecdsa::Signature> = key.sign_prehash(&hash).ok();
                signature.map(|signature| signature.to_der().as_bytes().to_vec())
            }
            PrivateKey::P521(key) => {
                let signature: Option<p521::ecdsa::Signature> = key.sign_prehash(&p521_prehash(&hash)).ok();
                signature.map(|signature| signature.to_der().as_bytes().to_vec())
            }
        };
        signature.ok_or(failed)
    }
}

/// Our randomness as RSA's blinding wants it, which can't fail: what it did with a failed one is thrown away.
struct Blinding<'a> {
    random: &'a dyn Random,
    failed: bool,
}

impl RngCore for Blinding<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut octets = [0; 4];
        self.fill_bytes(&mut octets);
        u32::from_le_bytes(octets)
    }

    fn next_u64(&mut self) -> u64 {
        let mut octets = [0; 8];
        self.fill_bytes(&mut octets);
        u64::from_le_bytes(octets)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        if self.random.fill(out).is_err() {
            out.fill(0);
            self.failed = true;
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Blinding<'_> {}
