//! Whom a certificate leads to: paths built and validated (RFC 5280 6).

use super::extension::{DIGITAL_SIGNATURE, KEY_CERT_SIGN};
use super::pem::certificates_in_pem;
use super::{Certificate, CertificateError, IdentityError, RevocationList};
use crate::crypto::SignatureAlgorithm;
use crate::time::Time;
use alloc::string::ToString;
use alloc::vec::Vec;

/// How many certificates may stand between a trust anchor and the last one.
pub(super) const DEPTH_LIMIT: usize = 8;

/// How many signatures are verified to find a path: certificates of many issuers with the same name cost no more.
const SIGNATURE_LIMIT: usize = 64;

/// What is taken of certificates beyond the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRules {
    /// Whether signatures over SHA-1 are taken: a second certificate with the same one can be made (RFC 6194). Off by default.
    pub weak_sha1: bool,
    /// Whether every certificate but the anchor's must be looked up in a current list of revoked ones. Off by default: a list
    /// that is at hand counts in any case.
    pub require_revocation_lists: bool,
}

impl CertificateRules {
    pub(super) fn check_algorithm(&self, algorithm: SignatureAlgorithm) -> Result<(), CertificateError> {
        match algorithm {
            SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::EcdsaSha1 if !self.weak_sha1 => {
                Err(CertificateError::WeakAlgorithm { algorithm })
            }
            _ => Ok(()),
        }
    }
}

/// The certificates that are believed without another's word, and what helps to check those that are not.
#[derive(Clone, Debug, Default)]
#[doc(alias("pkinit_anchors", "pkinit_pool", "pkinit_revoke"))]
pub struct TrustAnchors {
    anchors: Vec<Certificate>,
    pool: Vec<Certificate>,
    lists: Vec<RevocationList>,
}

impl TrustAnchors {
    /// Believes these: certificate authorities, or single certificates.
    pub fn new(anchors: impl IntoIterator<Item = Certificate>) -> Self {
        TrustAnchors { anchors: anchors.into_iter().collect(), ..TrustAnchors::default() }
    }

    /// Believes all certificates of a PEM text (RFC 7468), as bundles of authorities are.
    ///
    /// # Errors
    /// [`IdentityError::Pem`], [`IdentityError::Decode`], [`IdentityError::Missing`] if there is none.
    pub fn from_pem(text: &[u8]) -> Result<Self, IdentityError> {
        Ok(TrustAnchors::new(certificates_in_pem(text)?))
    }

    /// Knows these too, which may stand on the way to an anchor and are not believed by themselves.
    #[must_use]
    pub fn with_intermediates(mut self, pool: impl IntoIterator<Item = Certificate>) -> Self {
        self.pool.extend(pool);
        self
    }

    /// Looks certificates up in these lists of revoked ones.
    #[must_use]
    pub fn with_revocation_lists(mut self, lists: impl IntoIterator<Item = RevocationList>) -> Self {
        self.lists.extend(lists);
        self
    }

    /// The anchors.
    pub fn anchors(&self) -> &[Certificate] {
        &self.anchors
    }

    /// Whether nobody is believed.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Checks that `certificate` leads to an anchor and may sign messages; `came` are the certificates that came with it.
    ///
    /// # Errors
    /// [`CertificateError::NoPath`] if no path leads to an anchor; else why the first path found can't be believed.
    pub fn check(
        &self,
        certificate: &Certificate,
        came: &[Certificate],
        rules: &CertificateRules,
        now: Time,
    ) -> Result<(), CertificateError> {
        let mut search = Search { trust: self, came, rules, now, signatures: SIGNATURE_LIMIT };
        search.climb(&mut Vec::from([certificate]))
    }
}

/// One search for a path.
struct Search<'a> {
    trust: &'a TrustAnchors,
    came: &'a [Certificate],
    rules: &'a CertificateRules,
    now: Time,
    /// How many signatures may still be verified.
    signatures: usize,
}

impl<'a> Search<'a> {
    /// Goes on from the end of `path`, whose first is the certificate in question, to an anchor.
    fn climb(&mut self, path: &mut Vec<&'a Certificate>) -> Result<(), CertificateError> {
        let Some(&last) = path.last() else { return Err(CertificateError::NoSignerCertificate) };
        if self.trust.anchors.contains(last) {
            return self.check_path(path);
        }
        let mut reason = None;
        let anchors = self.trust.anchors.iter().map(|anchor| (anchor, true));
        let others = self.came.iter().chain(&self.trust.pool).map(|other| (other, false));
        for (issuer, _) in anchors.chain(others).filter(|(issuer, _)| issuer.subject() == last.issuer()) {
            if path.contains(&issuer) {
                continue;
            }
            let outcome = self.step(path, last, issuer);
            match outcome {
                Ok(()) => return Ok(()),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        if self.signatures == 0 {
            return Err(CertificateError::PathTooLong { limit: DEPTH_LIMIT });
        }
        Err(reason.unwrap_or_else(|| CertificateError::NoPath {
            subject: last.subject().clone(),
            issuer: last.issuer().clone(),
        }))
    }

    /// Goes over one issuer.
    fn step(
        &mut self,
        path: &mut Vec<&'a Certificate>,
        last: &Certificate,
        issuer: &'a Certificate,
    ) -> Result<(), CertificateError> {
        // The path has the last certificate, those between, and here the anchor.
        if path.len() > DEPTH_LIMIT + 1 || self.signatures == 0 {
            return Err(CertificateError::PathTooLong { limit: DEPTH_LIMIT });
        }
        self.signatures -= 1;
        last.signed().check(issuer, self.rules)?;
        path.push(issuer);
        let outcome = self.climb(path);
        path.pop();
        outcome
    }

    /// Checks a whole path, the anchor last (RFC 5280 6.1.3 to 6.1.5).
    fn check_path(&self, path: &[&Certificate]) -> Result<(), CertificateError> {
        for (place, certificate) in path.iter().enumerate() {
            certificate.check_validity(self.now)?;
            if let Some(oid) = certificate.extensions().not_understood {
                let subject = certificate.subject().clone();
                return Err(CertificateError::Extension { subject, oid: oid.to_string() });
            }
            if let Some(issuer) = path.get(place + 1) {
                self.check_revocation(certificate, issuer)?;
            }
            check_role(certificate, path, place)?;
        }
        Ok(())
    }

    /// Looks a certificate up in its issuer's lists (RFC 5280 6.3).
    fn check_revocation(&self, certificate: &Certificate, issuer: &Certificate) -> Result<(), CertificateError> {
        let mut known = false;
        for list in self.trust.lists.iter().filter(|list| list.issuer() == certificate.issuer()) {
            list.check_issuer(issuer, self.rules)?;
            known |= list.is_current(self.now);
            if let Some(since) = list.revoked(certificate.serial_number()) {
                return Err(CertificateError::Revoked { subject: certificate.subject().clone(), since });
            }
        }
        if self.rules.require_revocation_lists && !known {
            return Err(CertificateError::RevocationUnknown { issuer: certificate.issuer().clone() });
        }
        Ok(())
    }
}

/// Whether the certificate at `place` may stand there: at the beginning one that signs messages, behind it authorities.
fn check_role(certificate: &Certificate, path: &[&Certificate], place: usize) -> Result<(), CertificateError> {
    let (subject, extensions) = (certificate.subject(), certificate.extensions());
    if place == 0 {
        let used_for = "signing messages";
        let may = extensions.may(DIGITAL_SIGNATURE);
        return if may { Ok(()) } else { Err(CertificateError::KeyUsage { subject: subject.clone(), used_for }) };
    }
    // An anchor of version 1 says nothing of itself: who put it here has said it.
    let is_anchor = place + 1 == path.len();
    let constraints = extensions.basic_constraints;
    if !constraints.map_or(is_anchor, |constraints| constraints.authority) {
        return Err(CertificateError::NotAnAuthority { subject: subject.clone() });
    }
    if !extensions.may(KEY_CERT_SIGN) {
        return Err(CertificateError::KeyUsage { subject: subject.clone(), used_for: "signing certificates" });
    }
    let below = path.get(1..place).unwrap_or_default();
    let counted = below.iter().filter(|other| other.subject() != other.issuer()).count();
    match constraints.and_then(|constraints| constraints.path_length) {
        Some(limit) if counted > limit => Err(CertificateError::PathTooLong { limit }),
        _ => Ok(()),
    }
}
