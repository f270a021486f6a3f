use super::private_key::PrivateKey;
use super::{Certificate, IdentityError, ToSign, key_text, pem, pkcs12};
use crate::crypto::{Random, SignatureAlgorithm};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// A certificate, those that lead from it to an authority, and the private key, unless that is outside: on a smart card, say.
///
/// Clones share it; `Debug` shows the certificate.
#[derive(Clone)]
#[doc(alias("X509_user_identity", "pkinit_identities"))]
pub struct PkinitIdentity(Arc<Parts>);

struct Parts {
    /// The certificate first.
    chain: Vec<Certificate>,
    key: Option<PrivateKey>,
}

impl PkinitIdentity {
    /// From PEM texts (RFC 7468): certificates in one, a private key in the other; they may be the same. The certificate is the
    /// one of the key; others are sent along. The key is in PKCS#8 (RFC 5958), encrypted by PBES2 with AES or not, or in the older
    /// forms `RSA PRIVATE KEY` and `EC PRIVATE KEY`, not encrypted.
    ///
    /// # Errors
    /// [`IdentityError`]: it says what is wrong with which.
    pub fn from_pem(certificates: &[u8], key: &[u8], password: Option<&[u8]>) -> Result<Self, IdentityError> {
        let certificates = pem::certificates_in_pem(certificates)?;
        let blocks = pem::blocks(key)?;
        let key = blocks.iter().find_map(|block| key_text::in_block(block, password));
        PkinitIdentity::with_key(certificates, key.ok_or(IdentityError::Missing("private key"))??)
    }

    /// From a file of PKCS #12 (RFC 7292) in DER: one whose MAC is HMAC with SHA-1 or SHA-2 and whose contents are encrypted by
    /// PBES2 with AES, as current tools write it.
    ///
    /// # Errors
    /// [`IdentityError`]: it says what is wrong with which.
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, IdentityError> {
        let contents = pkcs12::decode(file, password)?;
        let key = contents.keys.into_iter().next().ok_or(IdentityError::Missing("private key"))?;
        PkinitIdentity::with_key(contents.certificates, key)
    }

    /// Of certificates alone, the client's first: for each signature
    /// [`Question::Sign`](crate::Question::Sign) asks who holds the key.
    ///
    /// # Errors
    /// [`IdentityError::Missing`] if there is none; [`IdentityError::Certificate`] for a public key of an unknown kind.
    pub fn with_key_outside(chain: impl IntoIterator<Item = Certificate>) -> Result<Self, IdentityError> {
        let chain: Vec<_> = chain.into_iter().collect();
        chain.first().ok_or(IdentityError::Missing("certificate"))?.public_key()?;
        Ok(PkinitIdentity(Arc::new(Parts { chain, key: None })))
    }

    /// The certificate that is the key's, in front of the others.
    pub(super) fn with_key(mut chain: Vec<Certificate>, key: PrivateKey) -> Result<Self, IdentityError> {
        let public = key.public_key();
        let own = chain.iter().position(|certificate| certificate.public_key().is_ok_and(|key| key == public));
        let own = chain.remove(own.ok_or(IdentityError::KeyOfAnother)?);
        chain.insert(0, own);
        Ok(PkinitIdentity(Arc::new(Parts { chain, key: Some(key) })))
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        // One is there by construction; the field is private.
        #[allow(clippy::indexing_slicing)]
        &self.0.chain[0]
    }

    /// The certificate, and those that lead from it to an authority.
    pub fn chain(&self) -> &[Certificate] {
        &self.0.chain
    }

    /// Whether the private key is here, and not outside.
    pub fn holds_key(&self) -> bool {
        self.0.key.is_some()
    }

    /// Signs a message; the result is for [`ToSign::finish`].
    ///
    /// # Errors
    /// [`IdentityError::KeyOutside`] if the key is not here; [`IdentityError::Random`].
    pub fn sign(&self, message: &ToSign, random: &dyn Random) -> Result<Vec<u8>, IdentityError> {
        self.sign_octets(message.algorithm(), message.octets(), random)
    }

    /// The signature of `octets`, which are hashed here, as [`Question::Sign`](crate::Question::Sign) asks for it.
    ///
    /// # Errors
    /// As [`PkinitIdentity::sign`]; [`IdentityError::PrivateKey`] if the key is not of the algorithm's kind.
    pub fn sign_octets(
        &self,
        algorithm: SignatureAlgorithm,
        octets: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, IdentityError> {
        self.0.key.as_ref().ok_or(IdentityError::KeyOutside)?.sign(algorithm, octets, random)
    }
}

impl fmt::Debug for PkinitIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PkinitIdentity").field("certificate", self.certificate()).finish_non_exhaustive()
    }
}
