//! The commands that make a realm and change who is in it.

use super::{Book, DirectoryArgs};
use crate::failure::{Exit, Failure};
use crate::output::{FAINT, Output, STRONG};
use crate::secret::PasswordSource;
use crate::span;
use clap::Args;
use handfast::Principal;
use handfast::crypto::OsRandom;
use handfast::krb5::Keytab;
use handfast::krb5::enctype::Enctype;
use handfast_kdc::{DEFAULT_ENCTYPES, PrincipalEntry, Settings};
use handfast_net::Settings as NetSettings;
use serde_json::json;
use std::time::Duration;

/// Make a new realm
///
/// The realm's name is by custom a domain in capitals. The file must not exist yet.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  handfast realm init EXAMPLE.COM"
)]
pub(crate) struct Init {
    /// The realm's name, such as EXAMPLE.COM
    realm: String,
    /// The longest life of its tickets, such as 10h
    #[arg(long, value_name = "SPAN", default_value = "1d", value_parser = span::parse)]
    max_life: Duration,
    /// How long tickets can be renewed at most, such as 7d
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = span::parse)]
    max_renewable_life: Duration,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Init {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let Init { max_life, max_renewable_life, .. } = *self;
        let settings = Settings { max_life, max_renewable_life, ..Settings::default() };
        let book = Book::create(&self.directory, &self.realm, &settings)?;
        book.directory().add(&PrincipalEntry::password_service(&self.realm, &OsRandom, span::now())?)?;
        let file = book.directory().path().display().to_string();
        output.line(format!("realm {} made in {file}", output.paint(STRONG, &self.realm)))?;
        output.line(output.paint(FAINT, "next: handfast realm add-user NAME, handfast realm serve"))?;
        output.object(&json!({ "realm": self.realm, "directory": file }))
    }
}

/// The enctypes of a principal's keys.
#[derive(Args, Debug)]
pub(super) struct KeyTypes {
    /// The types of its keys, such as aes256-sha2,camellia256-cts
    #[arg(long = "enctype", value_name = "ENCTYPES", value_delimiter = ',')]
    enctypes: Vec<Enctype>,
}

impl KeyTypes {
    /// Each once, in the order given.
    pub(super) fn chosen(&self) -> Vec<Enctype> {
        let mut chosen = Vec::new();
        for enctype in if self.enctypes.is_empty() { &DEFAULT_ENCTYPES[..] } else { &self.enctypes } {
            if !chosen.contains(enctype) {
                chosen.push(*enctype);
            }
        }
        chosen
    }
}

/// Add a user, with a password
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm add-user alice                       asks for the password, twice
  printf '%s' \"$PASSWORD\" | handfast realm add-user alice --password-stdin"
)]
pub(crate) struct AddUser {
    /// The user, as NAME or NAME@REALM
    name: String,
    #[command(flatten)]
    keys: KeyTypes,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl AddUser {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let user = book.user(&self.name)?;
        book.must_be_new(&user)?;
        let password = self.password.read_new(&format!("Password for {user}: "))?;
        let now = span::now();
        let mut entry = PrincipalEntry::user_of(user.clone(), password.expose(), &self.keys.chosen(), now)?;
        let age = book.directory().settings()?.max_password_age;
        entry.password_expires = age.map(|age| now.saturating_add(age));
        book.directory().add(&entry)?;
        let text = format!("user {} added", output.paint(STRONG, &user));
        output.result(text, &json!({ "added": user.to_string(), "kind": "user" }))
    }
}

/// Add a service, with random keys
///
/// The service proves itself with its keys, which a keytab brings to it: write one here with --keytab, or later
/// with `export-keytab`.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm add-service host/localhost --keytab host.keytab
  handfast realm add-service HTTP/www.example.com --keytab FILE:/etc/http.keytab
  handfast realm add-service nfs/files.example.com --enctype camellia256-cts,aes256-sha2"
)]
pub(crate) struct AddService {
    /// The service, as SERVICE/HOST
    service: String,
    /// Add its keys to this keytab, which is made if it does not exist
    #[arg(long, short = 'k', value_name = "FILE")]
    keytab: Option<String>,
    #[command(flatten)]
    keys: KeyTypes,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl AddService {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let service = book.service(&self.service)?;
        book.must_be_new(&service)?;
        let entry = PrincipalEntry::service_of(service.clone(), &self.keys.chosen(), &OsRandom, span::now())?;
        book.directory().add(&entry)?;
        output.line(format!("service {} added", output.paint(STRONG, &service)))?;
        let file = self.keytab.as_deref().map(|name| export(name, entry.keytab(), output)).transpose()?;
        output.object(&json!({ "added": service.to_string(), "kind": "service", "keytab": file }))
    }
}

/// Show who is in the realm
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl List {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let entries = book.directory().entries()?;
        let width = entries.iter().map(|entry| entry.principal.to_string().chars().count()).max().unwrap_or(0).max(9);
        output.line(output.paint(FAINT, format!("{:<width$}  kind     kvno  changed (UTC)", "principal")))?;
        for entry in &entries {
            let (name, kvno) = (entry.principal.to_string(), entry.kvno().unwrap_or(0));
            let changed = span::moment(entry.modified);
            output.line(format!("{name:<width$}  {:<7}  {kvno:>4}  {changed}", kind(entry)))?;
        }
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                let enctypes: Vec<String> = entry.current_keys().map(|key| key.enctype().to_string()).collect();
                json!({
                    "principal": entry.principal.to_string(),
                    "kind": kind(entry),
                    "kvno": entry.kvno(),
                    "enctypes": enctypes,
                    "changed": entry.modified.to_string(),
                })
            })
            .collect();
        output.object(&json!({ "realm": book.realm(), "directory": book.directory().path(), "principals": entries }))
    }
}

fn kind(entry: &PrincipalEntry) -> &'static str {
    match entry {
        entry if entry.principal == Principal::krbtgt(entry.principal.realm(), entry.principal.realm()) => "realm",
        entry if entry.principal.is_krbtgt() => "trust",
        entry if entry.is_service => "service",
        _ => "user",
    }
}

/// Remove a user or a service
///
/// Tickets that it has stay good until they end.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// The user, or the service as SERVICE/HOST
    name: String,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Remove {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let principal = book.existing(&self.name)?.principal;
        book.directory().remove(&principal)?;
        output.result(
            format!("{} removed", output.paint(STRONG, &principal)),
            &json!({ "removed": principal.to_string() }),
        )
    }
}

/// Give a user another password
///
/// Any will do: the rules of `realm settings` are for those that are set over the network.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm set-password alice                   asks for the password, twice
  printf '%s' \"$PASSWORD\" | handfast realm set-password alice --password-stdin"
)]
pub(crate) struct SetPassword {
    /// The user, as NAME or NAME@REALM
    name: String,
    #[command(flatten)]
    keys: KeyTypes,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl SetPassword {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let entry = book.existing(&self.name)?;
        let user = &entry.principal;
        if entry.is_service {
            return Err(Failure::new(Exit::Usage, format!("{user} is a service: it has random keys and no password")));
        }
        let password = self.password.read_new(&format!("New password for {user}: "))?;
        let enctypes = self.keys.chosen();
        let settings = book.directory().settings()?;
        let (now, age) = (span::now(), settings.max_password_age);
        let set = |entry: &mut PrincipalEntry| {
            entry.password_expires = age.map(|age| now.saturating_add(age));
            entry.failures = 0;
            entry.remember_password(settings.password_history);
            entry.set_password(password.expose(), &enctypes, None, now)
        };
        book.directory().change(user, set)?;
        let kvno = book.existing(&self.name)?.kvno();
        let text = format!("password of {} set", output.paint(STRONG, user));
        output.result(text, &json!({ "principal": user.to_string(), "kvno": kvno }))
    }
}

/// Write the keys of a service, or of a user, to a keytab
///
/// Whoever can read the keytab can be that service, and read what its clients send it.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  handfast realm export-keytab host/localhost --keytab host.keytab"
)]
pub(crate) struct ExportKeytab {
    /// The service as SERVICE/HOST, or the user
    name: String,
    /// Add the keys to this keytab, which is made if it does not exist
    #[arg(long, short = 'k', value_name = "FILE")]
    keytab: String,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl ExportKeytab {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let entry = Book::open(&self.directory)?.existing(&self.name)?;
        let file = export(&self.keytab, entry.keytab(), output)?;
        output.object(&json!({ "principal": entry.principal.to_string(), "kvno": entry.kvno(), "keytab": file }))
    }
}

/// Adds keys to a keytab, and returns its name.
fn export(name: &str, keys: Keytab, output: &Output) -> Result<String, Failure> {
    let file = NetSettings::from_process()?.keytab(Some(name))?;
    let count = keys.entries().len();
    file.merge(keys)?;
    output.line(format!("{count} keys written to {file}"))?;
    Ok(file.to_string())
}
