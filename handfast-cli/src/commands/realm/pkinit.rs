//! The certificate of a realm, and whose it believes (PKINIT, RFC 4556): given when it is served, and not kept.

use crate::failure::Failure;
use crate::secret::PasswordSource;
use handfast::krb5::pkinit::{PkinitIdentity, TrustAnchors};
use handfast_kdc::RealmPkinit;
use handfast_net::pkinit::{from_pem, trust_anchors};
use std::path::{Path, PathBuf};

/// What the command line says of certificates.
#[derive(clap::Args, Debug)]
pub(crate) struct PkinitArgs {
    /// Let users log in with certificates (PKINIT): the KDC's own certificate, in PEM
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM, if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// Read the password of the private key from FILE (its first line)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_password_file: Option<PathBuf>,
    /// The authorities that vouch for users' certificates, in PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    client_trust: Vec<PathBuf>,
    /// Give anonymous tickets to anybody, such as protect logins by passwords (FAST)
    #[arg(long, requires = "certificate")]
    anonymous: bool,
    /// Take a certificate only from who holds its key now (RFC 8070): older clients can't prove that
    #[arg(long, requires = "certificate")]
    require_freshness: bool,
}

impl PkinitArgs {
    /// How the realm takes certificates, if it does.
    pub(crate) fn terms(&self) -> Result<Option<RealmPkinit>, Failure> {
        let Some(certificate) = &self.certificate else { return Ok(None) };
        let mut terms = RealmPkinit::new(self.identity(certificate)?, self.client_trust()?);
        (terms.anonymous, terms.require_freshness) = (self.anonymous, self.require_freshness);
        Ok(Some(terms))
    }

    fn identity(&self, certificate: &Path) -> Result<PkinitIdentity, Failure> {
        let given = self.certificate_password_file.as_ref();
        let source = PasswordSource { password_stdin: false, password_file: given.cloned() };
        let password = given.map(|_| source.read("Password of the private key: ")).transpose()?;
        Ok(from_pem(certificate, self.certificate_key.as_deref().unwrap_or(certificate), password.as_ref())?)
    }

    fn client_trust(&self) -> Result<TrustAnchors, Failure> {
        Ok(trust_anchors(&self.client_trust)?)
    }
}
