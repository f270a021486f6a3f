//! The hashes by which a proof belongs to one request (RFC 4556 3.2.1 paChecksum, MS-PKCA 2.2.3 paChecksum2).

use super::algorithm::{AlgorithmIdentifier, DigestAlgorithm};
use super::{PaChecksum2, PkAuthenticator};
use crate::crypto::constant_time_eq;
use alloc::vec::Vec;

/// The SHA-256 of a KDC-REQ-BODY.
#[derive(Clone, Debug)]
pub struct RequestHash(Vec<u8>);

impl RequestHash {
    /// As it stands in a PKAuthenticator.
    pub fn as_message(&self) -> PaChecksum2<'_> {
        PaChecksum2 { checksum: &self.0, algorithm: DigestAlgorithm::Sha256.oid() }
    }
}

/// The SHA-1 of a KDC-REQ-BODY, which RFC 4556 wants, and a better hash.
pub fn request_hashes(body: &[u8]) -> (Vec<u8>, RequestHash) {
    (DigestAlgorithm::Sha1.digest(body), RequestHash(DigestAlgorithm::Sha256.digest(body)))
}

/// Why a proof does not belong to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestHashError {
    /// There is no SHA-1, which must be there (RFC 4556 3.2.3).
    Missing,
    /// A hash is that of another request, or of an unknown kind.
    Wrong,
}

impl PkAuthenticator<'_> {
    /// Checks that it belongs to the request with this body: every hash that is there.
    ///
    /// # Errors
    /// [`RequestHashError`].
    pub fn check_request(&self, body: &[u8]) -> Result<(), RequestHashError> {
        let sha1 = self.pa_checksum.ok_or(RequestHashError::Missing)?;
        let fits = |digest: DigestAlgorithm, hash: &[u8]| constant_time_eq(&digest.digest(body), hash);
        let second_fits = self.pa_checksum2.is_none_or(|second| {
            let named = AlgorithmIdentifier { oid: second.algorithm, parameters: &[] };
            DigestAlgorithm::named(&named).is_ok_and(|digest| fits(digest, second.checksum))
        });
        if fits(DigestAlgorithm::Sha1, sha1) && second_fits { Ok(()) } else { Err(RequestHashError::Wrong) }
    }
}
