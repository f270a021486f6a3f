//! `handfast realm show`: all that is known of one principal.

use super::{Book, DirectoryArgs, alias};
use crate::failure::Failure;
use crate::output::{Output, STRONG};
use crate::span;
use clap::Args;
use handfast::{Principal, Time};
use handfast_kdc::PrincipalEntry;
use serde_json::{Value, json};

/// Show all that is known of a user or a service
///
/// Keys are shown by version and type, never themselves.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// The user, or the service as SERVICE/HOST
    name: String,
    #[command(flatten)]
    directory: DirectoryArgs,
}

impl Show {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let book = Book::open(&self.directory)?;
        let entry = book.existing(&self.name)?;
        let others = alias::names_of(&book.directory().settings()?, &entry.principal);
        output.line(output.paint(STRONG, &entry.principal))?;
        let mut rows = rows(&entry);
        if !others.is_empty() {
            rows.insert(0, ("also called", others.join(", ")));
        }
        output.rows(&rows)?;
        let mut object = entry_object(&entry);
        if let Value::Object(fields) = &mut object {
            fields.insert("aliases".to_owned(), json!(others));
        }
        output.object(&object)
    }
}

fn rows(entry: &PrincipalEntry) -> Vec<(&'static str, String)> {
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    let end = |time: Option<Time>| time.map_or("never".to_owned(), |time| format!("{} UTC", span::moment(time)));
    let life = |life: Option<_>| life.map_or("as the realm's".to_owned(), span::words);
    let mut rows = vec![
        ("keys", keys(entry)),
        ("disabled", yes(entry.disabled)),
        ("must prove itself first", yes(entry.requires_preauth)),
        ("forwardable tickets", yes(entry.allow_forwardable)),
        ("account ends", end(entry.expires)),
        ("password ends", end(entry.password_expires)),
        ("failed proofs", failures(entry)),
        ("tickets live", life(entry.max_life)),
        ("renewable for", life(entry.max_renewable_life)),
        ("made", end(Some(entry.created))),
        ("changed", end(Some(entry.modified))),
    ];
    if !entry.is_service {
        rows.push(("password set", entry.password_changed.map_or("unknown".to_owned(), |time| end(Some(time)))));
        rows.push(("earlier ones kept", entry.password_history.len().to_string()));
    }
    if entry.is_service {
        rows.push(("clients may delegate to it", yes(entry.ok_as_delegate)));
        rows.push(("delegates to", listed(&entry.may_delegate_to)));
        rows.push(("for users of anything", yes(entry.protocol_transition)));
        rows.push(("may act for its clients", listed(&entry.allowed_to_act)));
    }
    if let Some(enctypes) = &entry.session_enctypes {
        rows.push(("session keys", enctypes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    if let Some(account) = &entry.account {
        let groups: Vec<_> = account.groups.iter().map(|group| group.0.to_string()).collect();
        rows.push(("in the domain", format!("{}, groups {}", account.rid.0, groups.join(", "))));
    }
    rows
}

/// How often in a row, and when last.
fn failures(entry: &PrincipalEntry) -> String {
    match (entry.failures, entry.last_failure) {
        (0, _) | (_, None) => "none".to_owned(),
        (count, Some(last)) => format!("{count}, the last {} UTC", span::moment(last)),
    }
}

fn keys(entry: &PrincipalEntry) -> String {
    let mut versions: Vec<(u32, Vec<String>)> = Vec::new();
    for key in &entry.keys {
        match versions.iter_mut().find(|(kvno, _)| *kvno == key.kvno()) {
            Some((_, enctypes)) => enctypes.push(key.enctype().to_string()),
            None => versions.push((key.kvno(), vec![key.enctype().to_string()])),
        }
    }
    let shown = versions.iter().map(|(kvno, enctypes)| format!("version {kvno}: {}", enctypes.join(", ")));
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join("; ") }
}

fn listed(names: &[Principal]) -> String {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// All that is known of a principal.
pub(super) fn entry_object(entry: &PrincipalEntry) -> Value {
    let names = |names: &[Principal]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let keys = |key: &std::sync::Arc<handfast_kdc::LongTermKey>| json!({ "kvno": key.kvno(), "enctype": key.enctype().to_string(), "salt": key.salt() });
    let account = entry.account.as_ref().map(|account| {
        json!({ "rid": account.rid.0, "groups": account.groups.iter().map(|group| group.0).collect::<Vec<_>>() })
    });
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    json!({
        "principal": entry.principal.to_string(),
        "service": entry.is_service,
        "keys": entry.keys.iter().map(keys).collect::<Vec<_>>(),
        "disabled": entry.disabled,
        "preauth": entry.requires_preauth,
        "forwardable": entry.allow_forwardable,
        "ok_as_delegate": entry.ok_as_delegate,
        "expires": time(entry.expires),
        "password_expires": time(entry.password_expires),
        "password_changed": time(entry.password_changed),
        "passwords_remembered": entry.password_history.len(),
        "failures": entry.failures,
        "last_failure": time(entry.last_failure),
        "max_life": entry.max_life.map(|life| life.as_secs()),
        "max_renewable_life": entry.max_renewable_life.map(|life| life.as_secs()),
        "delegates_to": names(&entry.may_delegate_to),
        "protocol_transition": entry.protocol_transition,
        "allowed_to_act": names(&entry.allowed_to_act),
        "session_enctypes":
            entry.session_enctypes.as_ref().map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "account": account,
        "created": entry.created.to_string(),
        "changed": entry.modified.to_string(),
    })
}
