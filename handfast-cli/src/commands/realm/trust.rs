//! `handfast realm trust`: the keys that two realms share.

use super::principals::KeyTypes;
use super::{Book, DirectoryArgs};
use crate::failure::{Exit, Failure};
use crate::output::{FAINT, Output, STRONG};
use crate::secret::PasswordSource;
use crate::span;
use clap::Args;
use handfast_kdc::PrincipalEntry;
use serde_json::json;

/// Share a key with another realm, so that its users can come here, or ours go there
///
/// A realm's tickets are good in another one if the two share a key for that way. Both make it from the same password: run
/// this in each realm, with the same one. It is worth as much as all users of a realm; make it long and random.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  handfast realm trust OTHER.COM --incoming      users of OTHER.COM may come to services here
  handfast realm trust OTHER.COM --outgoing      our users may go to services there
In a realm of MIT's, the same keys are those of krbtgt/HERE@OTHER.COM (incoming) and krbtgt/OTHER.COM@HERE (outgoing)."
)]
pub(crate) struct Trust {
    /// The other realm
    realm: String,
    /// Its users may come here: they have tickets of krbtgt/HERE@OTHER
    #[arg(long, required_unless_present = "outgoing")]
    incoming: bool,
    /// Our users may go there: they have tickets of krbtgt/OTHER@HERE
    #[arg(long, conflicts_with = "incoming")]
    outgoing: bool,
    #[command(flatten)]
    keys: KeyTypes,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Trust {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let (here, there) = (book.realm(), self.realm.as_str());
        if here == there {
            return Err(Failure::new(Exit::Usage, format!("{here} is this realm")));
        }
        let (from, to) = if self.incoming { (there, here) } else { (here, there) };
        let prompt = format!("Password that {from} and {to} share: ");
        let password = self.password.read_new(&prompt)?;
        let entry = PrincipalEntry::cross_realm(from, to, password.expose(), &self.keys.chosen(), span::now())?;
        book.directory().add(&entry)?;
        let (there, by) = (output.paint(STRONG, there), &entry.principal);
        let text = match self.incoming {
            true => format!("users of {there} may come here, by {by}"),
            false => format!("our users may go to {there}, by {by}"),
        };
        output.line(text)?;
        output.line(output.paint(FAINT, format!("next: the same in {}, with the same password", self.realm)))?;
        output.object(&json!({ "added": entry.principal.to_string(), "kind": "trust", "from": from, "to": to }))
    }
}
