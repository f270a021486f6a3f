//! `handfast realm alias`: other names of users and services.

use super::{Book, DirectoryArgs};
use crate::failure::{Exit, Failure};
use crate::output::{FAINT, Output, STRONG};
use clap::Args;
use handfast::Principal;
use handfast_kdc::{Directory, Settings};
use serde_json::json;

/// Give a user or a service another name
///
/// A user logs in by it with `login --canonicalize` (MIT's kinit -C), and has tickets by the right name; a service's
/// tickets have the name that was asked for. Where the right name is of another realm, users are referred there.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm alias al alice
  handfast realm alias HTTP/www.example.com host/web1.example.com
  handfast realm alias bob bob@OTHER.COM                  he has moved: logins go on there
  handfast realm alias al --remove
A KDC that runs learns of it when it is started again."
)]
pub(crate) struct Alias {
    /// The other name, in this realm
    name: String,
    /// The right one, here or in another realm
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    principal: Option<String>,
    /// Take the other name away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Alias {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let mut settings = book.directory().settings()?;
        let alias = book.user(&self.name)?;
        let before = settings.aliases.iter().position(|(other, _)| *other == alias);
        let shown = output.paint(STRONG, &alias);
        let Some(principal) = &self.principal else {
            let unknown = || Failure::new(Exit::Files, format!("{alias} is nobody's other name"));
            let next = "see those of the realm with `handfast realm settings`";
            settings.aliases.remove(before.ok_or_else(|| unknown().next(next))?);
            book.directory().set_settings(&settings)?;
            return output
                .result(format!("{shown} is no other name any more"), &json!({ "removed": alias.to_string() }));
        };
        let right = right_name(&book, &alias, principal)?;
        if let Some(before) = before {
            settings.aliases.remove(before);
        }
        settings.aliases.push((alias.clone(), right.clone()));
        book.directory().set_settings(&settings)?;
        output.line(format!("{shown} is another name of {}", output.paint(STRONG, &right)))?;
        output.line(output.paint(FAINT, "next: start the realm's KDC again, if it runs"))?;
        output.object(&json!({ "alias": alias.to_string(), "principal": right.to_string() }))
    }
}

/// Who it is another name of: somebody here, or a name of another realm.
fn right_name(book: &Book, alias: &Principal, name: &str) -> Result<Principal, Failure> {
    let usage = |cause: String| Failure::new(Exit::Usage, cause);
    if book.directory().find(alias)?.is_some() {
        let cause = format!("{alias} is a principal itself, and would never be taken for another");
        return Err(usage(cause).next("choose another name, or remove the principal"));
    }
    let right = Principal::parse_with_realm(name, book.realm())?;
    if alias.is_krbtgt() || right.is_krbtgt() {
        return Err(usage("a ticket-granting service has no other name".to_owned()));
    }
    if right.realm() != book.realm() { Ok(right) } else { Ok(book.existing(name)?.principal) }
}

/// The other names of a principal.
pub(super) fn names_of(settings: &Settings, principal: &Principal) -> Vec<String> {
    let theirs = settings.aliases.iter().filter(|(_, right)| right == principal);
    theirs.map(|(alias, _)| alias.to_string()).collect()
}

/// All of them, as `ALIAS=PRINCIPAL`.
pub(super) fn all(settings: &Settings) -> Vec<String> {
    settings.aliases.iter().map(|(alias, right)| format!("{alias}={right}")).collect()
}
