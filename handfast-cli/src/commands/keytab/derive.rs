//! `handfast keytab derive`: keys of a password.

use super::change::keys;
use super::{Target, principal};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secret::PasswordSource;
use crate::span;
use handfast::Principal;
use handfast::krb5::enctype::{EncryptionKey, Enctype, default_salt, string_to_key};
use handfast::krb5::{Keytab, KeytabEntry};
use handfast_net::Settings;
use serde_json::json;

/// Put the keys of a password into a keytab
///
/// The keys are the KDC's if enctype, version and salt are. The salt is the KDC's choice: usually realm and
/// name, one behind the other, but another one for names that were changed, for computers of Active
/// Directory and for realms with random salts. Then --salt says it. Try the keys with
/// `handfast login --keytab`.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast keytab derive alice@EXAMPLE.COM --kvno 3 -k alice.keytab
  handfast keytab derive HTTP/www.example.com --kvno 2 --enctype aes256-sha1,aes128-sha1
  handfast keytab derive 'WWW$@EXAMPLE.COM' --kvno 1 --salt EXAMPLE.COMhostwww.example.com"
)]
pub(crate) struct Args {
    /// Whose keys
    principal: String,
    /// The version of the keys at the KDC
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    kvno: u32,
    /// Their enctypes [default: those of AES]
    #[arg(long = "enctype", short = 'e', value_name = "ENCTYPES", value_delimiter = ',')]
    enctypes: Vec<Enctype>,
    /// The salt [default: the realm and the parts of the name, one behind the other]
    #[arg(long, value_name = "TEXT")]
    salt: Option<String>,
    /// Iterations of the hash [default: the enctype's own number]
    #[arg(long, value_name = "NUMBER")]
    iterations: Option<u32>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    target: Target,
}

const AES: [Enctype; 4] = [
    Enctype::AES256_CTS_HMAC_SHA384_192,
    Enctype::AES128_CTS_HMAC_SHA256_128,
    Enctype::AES256_CTS_HMAC_SHA1_96,
    Enctype::AES128_CTS_HMAC_SHA1_96,
];

impl Args {
    pub(super) fn run(&self, settings: &Settings, output: &Output) -> Result<(), Failure> {
        let (whose, file) = (principal(settings, &self.principal)?, self.target.file(settings)?);
        let password = self.password.read_new(&format!("Password for {whose}: "))?;
        let mut keytab = Keytab::new();
        for enctype in if self.enctypes.is_empty() { &AES[..] } else { &self.enctypes } {
            let key = self.key(*enctype, &whose, password.expose())?;
            keytab.add(KeytabEntry { principal: whose.clone(), timestamp: span::now(), kvno: self.kvno, key });
        }
        let enctypes: Vec<String> = keytab.entries().iter().map(|entry| entry.key.enctype().to_string()).collect();
        let count = keytab.entries().len();
        file.merge(keytab)?;
        let text = format!("{} of {whose}, version {}, added to {file}", keys(count), self.kvno);
        let object = json!({
            "keytab": file.to_string(),
            "principal": whose.to_string(),
            "kvno": self.kvno,
            "enctypes": enctypes,
        });
        output.result(text, &object)
    }

    fn key(&self, enctype: Enctype, whose: &Principal, password: &[u8]) -> Result<EncryptionKey, Failure> {
        let salt = self.salt.as_ref().map_or_else(|| default_salt(whose), |salt| salt.clone().into_bytes());
        let parameters = self.iterations.map(u32::to_be_bytes);
        let parameters = parameters.as_ref().map(<[u8; 4]>::as_slice);
        string_to_key(enctype, password, &salt, parameters).map_err(|error| Failure::new(Exit::Usage, error))
    }
}
