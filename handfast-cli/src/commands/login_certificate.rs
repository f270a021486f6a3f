//! Logins with a certificate (PKINIT, RFC 4556): which one, and whom the client believes.

use crate::failure::{Exit, Failure};
use crate::secret::PasswordSource;
use handfast::Principal;
use handfast::crypto::Secret;
use handfast::krb5::exchange::{ClientSecret, TicketOptions};
use handfast::krb5::pkinit::{KdcTrust, PkinitIdentity};
use handfast_net::Settings;
use handfast_net::pkinit::{PkinitFileError, from_pem};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the command line says of certificates.
#[derive(clap::Args, Debug)]
pub(crate) struct CertificateOptions {
    /// Log in with a certificate and its key, in PEM or PKCS #12 [default: pkinit_identities of krb5.conf]
    ///
    /// Names as in krb5.conf are taken, too: FILE:CERTIFICATE,KEY and DIR:DIRECTORY and PKCS12:FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with_all = ["keytab", "keytab_file", "default_keytab", "password_stdin", "password_file"])]
    certificate: Option<Option<String>>,
    /// The private key, in PEM, if it is not in the certificate's file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// Read the password of the private key from FILE (its first line) instead of asking for it
    #[arg(long, value_name = "FILE")]
    certificate_password_file: Option<PathBuf>,
    /// Believe KDCs whose certificates these authorities vouch for, in PEM [default: pkinit_anchors of krb5.conf]
    #[arg(long, value_name = "FILE")]
    trust: Vec<String>,
    /// As kinit has it: X509_user_identity=NAME and X509_anchors=NAME, for --certificate and --trust
    #[arg(short = 'X', value_name = "NAME=VALUE", conflicts_with_all = ["keytab", "keytab_file", "default_keytab", "password_stdin", "password_file"])]
    attribute: Vec<String>,
}

impl CertificateOptions {
    /// The secret of `client`, if it shall log in with a certificate.
    pub(crate) fn secret(&self, settings: &Settings, client: &Principal) -> Result<Option<ClientSecret>, Failure> {
        let (identities, mut anchors) = self.attributes()?;
        anchors.extend(self.trust.iter().cloned());
        let name = match (&self.certificate, identities.last()) {
            (Some(name), _) => name.as_deref(),
            (None, Some(name)) => Some(name.as_str()),
            (None, None) => return Ok(None),
        };
        let trust = Arc::new(settings.kdc_trust(&anchors, client.realm())?);
        let identity = self.identity(name, settings, client.realm())?;
        Ok(Some(ClientSecret::Certificate { identity, trust }))
    }

    /// Puts what krb5.conf says of logins with certificates into the options of one.
    pub(crate) fn set(&self, options: &mut TicketOptions, settings: &Settings, realm: &str) -> Result<(), Failure> {
        options.pkinit = settings.pkinit_options(realm)?;
        Ok(())
    }

    /// Whose KDCs are believed in `realm`, for who stays anonymous.
    pub(crate) fn trust(&self, settings: &Settings, realm: &str) -> Result<Arc<KdcTrust>, Failure> {
        let (_, mut anchors) = self.attributes()?;
        anchors.extend(self.trust.iter().cloned());
        Ok(Arc::new(settings.kdc_trust(&anchors, realm)?))
    }

    /// The values of `-X`, by their names.
    fn attributes(&self) -> Result<(Vec<String>, Vec<String>), Failure> {
        let (mut identities, mut anchors) = (Vec::new(), Vec::new());
        for attribute in &self.attribute {
            match attribute.split_once('=') {
                Some(("X509_user_identity", name)) => identities.push(name.to_owned()),
                Some(("X509_anchors", name)) => anchors.push(name.to_owned()),
                _ => {
                    let cause = format!("-X {attribute} is not known here");
                    return Err(
                        Failure::new(Exit::Usage, cause).next("use -X X509_user_identity=NAME or -X X509_anchors=NAME")
                    );
                }
            }
        }
        Ok((identities, anchors))
    }

    /// Reads it; asks for a password if it takes one and none is given.
    fn identity(&self, name: Option<&str>, settings: &Settings, realm: &str) -> Result<PkinitIdentity, Failure> {
        let given = self.certificate_password_file.as_ref();
        let source = PasswordSource { password_stdin: false, password_file: given.cloned() };
        let prompt = "Password of the private key: ";
        let password = given.map(|_| source.read(prompt)).transpose()?;
        match self.load(name, settings, realm, password.as_ref()) {
            Err(error) if error.lacks_password() => {
                let asked = source.read(prompt).map_err(|failure| failure.next(GIVE_PASSWORD))?;
                Ok(self.load(name, settings, realm, Some(&asked))?)
            }
            outcome => Ok(outcome?),
        }
    }

    fn load(
        &self,
        name: Option<&str>,
        settings: &Settings,
        realm: &str,
        password: Option<&Secret>,
    ) -> Result<PkinitIdentity, PkinitFileError> {
        match (name, &self.certificate_key) {
            (Some(name), Some(key)) => from_pem(Path::new(name.trim_start_matches("FILE:")), key, password),
            _ => settings.pkinit_identity(name, realm, password),
        }
    }
}

const GIVE_PASSWORD: &str = "give it with --certificate-password-file FILE";

/// What is to be done depends on which file it is.
impl From<PkinitFileError> for Failure {
    fn from(error: PkinitFileError) -> Self {
        let next = match &error {
            PkinitFileError::NotNamed { relation: "pkinit_anchors", .. } => {
                Some("name the authority that vouches for the realm's KDCs: --trust FILE")
            }
            PkinitFileError::NotNamed { .. } => Some("name it: --certificate FILE"),
            _ => None,
        };
        let failure = Failure::new(Exit::Files, error);
        match next {
            Some(next) => failure.next(next),
            None => failure,
        }
    }
}
