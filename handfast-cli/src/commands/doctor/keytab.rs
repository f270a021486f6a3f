//! The service's keytab: whether its keys are those that the KDC uses now. A ticket that it opens is the proof.

use super::Finding;
use crate::failure::{Exit, Failure};
use handfast::Principal;
use handfast::krb5::enctype::{CipherKey, KeyUsage};
use handfast::krb5::message::Ticket;
use handfast::krb5::{HeldTicket, Keytab, KeytabEntry};
use handfast_net::Settings;
use handfast_net::store::KeytabFile;
use std::path::Path;

/// How to get the right keys.
const EXPORT: &str = "export the keys again: ktadd in MIT krb5, ktpass or `net ads keytab` in Active Directory, \
                      `handfast realm export-keytab` here";

/// The names of a keytab that are listed at most.
const LISTED: usize = 5;

pub(super) fn look(
    settings: &Settings,
    named: Option<&str>,
    service: &Principal,
    ticket: Option<&HeldTicket>,
) -> Vec<Finding> {
    let file = match settings.keytab(named) {
        Ok(file) => file,
        Err(error) => return vec![Finding::wrong("keytab", Failure::from(error))],
    };
    // Whoever only connects has none.
    if named.is_none() && !file.path().exists() {
        return Vec::new();
    }
    let keytab = match file.load() {
        Ok(keytab) => keytab,
        Err(error) if named.is_none() => {
            let next = "nothing to mend if the service runs elsewhere or as another user";
            return vec![Finding::odd("keytab", error, next)];
        }
        Err(error) => return vec![Finding::wrong("keytab", Failure::from(error))],
    };
    let mut findings = readable_by_others(file.path());
    let finding = compare(&file, &keytab, service, ticket);
    findings.push(if named.is_none() { finding.at_least_odd() } else { finding });
    findings
}

fn compare(file: &KeytabFile, keytab: &Keytab, service: &Principal, ticket: Option<&HeldTicket>) -> Finding {
    let keys = keytab.keys_of(service);
    if keys.is_empty() {
        return wrong(format!("{file} has no key of {service}; it has {}", names(keytab)));
    }
    let Some(ticket) = ticket else {
        return Finding::good("keytab", format!("{file} has of {service} {}", listed(&keys)));
    };
    match Ticket::decode(&ticket.ticket) {
        Ok(sealed) => opened(file, &keys, service, &sealed),
        Err(error) => wrong(format!("the ticket for {service} does not decode: {error}")),
    }
}

fn opened(file: &KeytabFile, keys: &[&KeytabEntry], service: &Principal, ticket: &Ticket<'_>) -> Finding {
    let (enctype, kvno) = (ticket.enc_part.etype, ticket.enc_part.kvno);
    let of_enctype: Vec<_> = keys.iter().copied().filter(|key| key.key.enctype() == enctype).collect();
    let opens = |key: &&&KeytabEntry| {
        CipherKey::new(&key.key, KeyUsage::TICKET).is_ok_and(|cipher| cipher.decrypt(ticket.enc_part.cipher).is_ok())
    };
    if let Some(key) = of_enctype.iter().find(opens) {
        let version = key.kvno;
        return match kvno {
            Some(kvno) if kvno != version => Finding::odd(
                "keytab",
                format!("{file} opens the ticket, with a key that it calls version {version} and the KDC {kvno}"),
                "acceptors that look for the version don't find it: correct it in the keytab",
            ),
            _ => Finding::good("keytab", format!("{file} opens the ticket, with version {version} of {enctype}")),
        };
    }
    let used = format!("the KDC uses {}{enctype}", kvno.map_or(String::new(), |kvno| format!("version {kvno} of ")));
    let held = format!("{file} has of {service} {}", listed(keys));
    let same_version = of_enctype.iter().any(|key| kvno.is_none_or(|kvno| kvno == key.kvno));
    wrong(match (of_enctype.is_empty(), same_version) {
        (true, _) => format!("{held}, but {used}"),
        (false, false) => format!("{held}, but {used}: the keys have been changed since"),
        (false, true) => format!(
            "{file} has a key of that version and type, {used}, and it does not open the ticket: made from another password \
             or salt, or of another realm"
        ),
    })
}

fn wrong(cause: String) -> Finding {
    Finding::wrong("keytab", Failure::new(Exit::Files, cause).next(EXPORT))
}

/// Versions and types.
fn listed(keys: &[&KeytabEntry]) -> String {
    let shown = |key: &&KeytabEntry| format!("version {} of {}", key.kvno, key.key.enctype());
    keys.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn names(keytab: &Keytab) -> String {
    let mut names: Vec<String> = keytab.principals().map(ToString::to_string).collect();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    match (names.is_empty(), more) {
        (true, _) => "none at all".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o007 == 0 {
        return Vec::new();
    }
    let what =
        format!("{} can be read by everybody (mode {mode:04o}): who reads it can be the service", path.display());
    vec![Finding::odd("keytab", what, "make it 0600, of the user that the service runs as")]
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Vec<Finding> {
    Vec::new()
}
