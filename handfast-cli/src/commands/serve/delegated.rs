//! What a client hands on, for the service behind: a credential cache for its connection, for as long as that lasts.

use crate::failure::Failure;
use crate::journal::{Event, Journal, Level};
use crate::listen::Connection;
use crate::span;
use handfast::krb5::Ccache;
use handfast::{Context, Principal, Time};
use handfast_net::store::CcacheFile;
use serde_json::json;
use std::path::Path;

/// A client's credential cache; it is destroyed with this value.
pub(super) struct Delegated {
    file: CcacheFile,
    cache: Option<Ccache>,
    client: Principal,
    until: Option<Time>,
}

impl Delegated {
    /// What this client has handed on, to be written below `directory`; nothing if it has handed on nothing.
    pub(super) fn of(directory: Option<&Path>, connection: Connection, context: &Context) -> Option<Self> {
        let tickets = context.delegated_tickets();
        let client = tickets.first()?.client.clone();
        let mut cache = Ccache::new(client.clone());
        tickets.iter().for_each(|ticket| cache.replace(ticket.clone()));
        let file = CcacheFile::new(directory?.join(format!("{}-{}", connection.number, file_name(&client))));
        let until = tickets.iter().map(|ticket| ticket.end_time).max();
        Some(Delegated { file, cache: Some(cache), client, until })
    }

    /// Writes the file. May wait.
    pub(super) fn write(mut self) -> Result<Self, Failure> {
        if let Some(cache) = self.cache.take() {
            self.file.replace(&cache)?;
        }
        Ok(self)
    }

    /// Logs where it is.
    pub(super) fn tell(&self, journal: &Journal, Connection { number, peer }: Connection) {
        let cache = format!("FILE:{}", self.file.path().display());
        let until = self.until.map(|time| format!(", until {} UTC", span::moment(time))).unwrap_or_default();
        let text = format!("{} hands on its login: {cache}{until}", self.client);
        let fields = json!({
            "client": self.client.to_string(),
            "cache": cache,
            "expires": self.until.map(|time| time.to_string()),
        });
        journal.log(Event::new(Level::Info, "delegated", text).of(number, peer).with(fields));
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        // Where it was never written, or somebody has removed it, there is nothing to destroy.
        let _ = self.file.destroy();
    }
}

/// A client's name as a part of a file's: what could mean something else there is written in hex.
fn file_name(client: &Principal) -> String {
    const LONGEST: usize = 128;
    let mut name = String::new();
    for octet in client.to_string().bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'-' | b'_' | b'.' => name.push(char::from(octet)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name.truncate(LONGEST);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::NameType;

    #[test]
    fn a_name_stays_inside_of_the_directory() {
        let name = |parts: &[&str]| file_name(&Principal::new(NameType::PRINCIPAL, parts.iter().copied(), "R"));
        assert_eq!(name(&["alice"]), "alice@R");
        assert_eq!(name(&["HTTP", "www"]), "HTTP%2Fwww@R");
        assert!(!name(&["..", "..", "etc/passwd\n\0"]).contains(['/', '\n', '\0', '\\']));
        assert_eq!(name(&["x".repeat(300).as_str()]).len(), 128);
    }
}
