//! `handfast keytab list`, `remove` and `merge`.

use super::{Target, principal};
use crate::commands::list::list_keytab;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use handfast::Principal;
use handfast::krb5::enctype::Enctype;
use handfast::krb5::{Keytab, KeytabEntry};
use handfast_net::Settings;
use serde_json::json;

/// Show the keys in a keytab: whose, which version, which enctype, since when
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  handfast keytab list
  handfast keytab list -k http.keytab --json")]
pub(crate) struct List {
    #[command(flatten)]
    target: Target,
}

impl List {
    pub(super) fn run(&self, settings: &Settings, output: &Output) -> Result<(), Failure> {
        list_keytab(settings, self.target.keytab.as_deref(), output)
    }
}

/// Remove keys from a keytab
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  handfast keytab remove host/www.example.com --old     all but the newest version
  handfast keytab remove host/www.example.com --kvno 2
  handfast keytab remove alice@EXAMPLE.COM --enctype aes128-sha1 -k alice.keytab
  handfast keytab remove host/www.example.com --all")]
pub(crate) struct Remove {
    /// Whose keys
    principal: String,
    /// Those of this version
    #[arg(long, value_name = "NUMBER")]
    kvno: Option<u32>,
    /// Those of this enctype
    #[arg(long, value_name = "ENCTYPE")]
    enctype: Option<Enctype>,
    /// All but those of the newest version: when no ticket for them is left
    #[arg(long, conflicts_with = "kvno")]
    old: bool,
    /// All
    #[arg(long, conflicts_with_all = ["kvno", "enctype", "old"], required_unless_present_any = ["kvno", "enctype", "old"])]
    all: bool,
    #[command(flatten)]
    target: Target,
}

impl Remove {
    pub(super) fn run(&self, settings: &Settings, output: &Output) -> Result<(), Failure> {
        let (whose, file) = (principal(settings, &self.principal)?, self.target.file(settings)?);
        let newest = file.load()?.keys_of(&whose).first().map(|entry| entry.kvno);
        let removed = file.remove(|entry| self.unwanted(entry, &whose, newest))?;
        if removed == 0 {
            let failure = Failure::new(Exit::NoCredentials, format!("{file} has no such key of {whose}"));
            return Err(failure.next("see whose keys it has with `handfast keytab list`"));
        }
        let object = json!({ "keytab": file.to_string(), "principal": whose.to_string(), "removed": removed });
        output.result(format!("{} of {whose} removed from {file}", keys(removed)), &object)
    }

    fn unwanted(&self, entry: &KeytabEntry, whose: &Principal, newest: Option<u32>) -> bool {
        entry.principal == *whose
            && self.kvno.is_none_or(|kvno| entry.kvno == kvno)
            && self.enctype.is_none_or(|enctype| entry.key.enctype() == enctype)
            && (!self.old || newest.is_some_and(|newest| entry.kvno < newest))
    }
}

/// Put the keys of other keytabs into one
///
/// A key takes the place of one with the same principal, version and enctype. The others stay, so that
/// tickets made with old keys are still taken.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  handfast keytab merge new-http.keytab new-nfs.keytab -k /etc/krb5.keytab"
)]
pub(crate) struct Merge {
    /// The keytabs to read
    #[arg(required = true, value_name = "FROM")]
    from: Vec<String>,
    #[command(flatten)]
    target: Target,
}

impl Merge {
    pub(super) fn run(&self, settings: &Settings, output: &Output) -> Result<(), Failure> {
        let mut keys_read = Keytab::new();
        for name in &self.from {
            keys_read.merge((*settings.keytab(Some(name))?.load()?).clone());
        }
        let (count, file) = (keys_read.entries().len(), self.target.file(settings)?);
        file.merge(keys_read)?;
        let object = json!({ "keytab": file.to_string(), "merged": count });
        output.result(format!("{} merged into {file}", keys(count)), &object)
    }
}

pub(super) fn keys(count: usize) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{count} keys") }
}
