use crate::{Enctype, TempDir};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A `krb5.conf` for MIT's library, of one realm with its KDCs at given addresses: MIT's own KDC or ours.
///
/// ```
/// use handfast_interop::MitConfig;
/// let config = MitConfig::new("EXAMPLE.TEST", "127.0.0.1:20088".parse()?).tcp_only();
/// assert!(config.text().contains("default_realm = EXAMPLE.TEST"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MitConfig {
    realm: String,
    kdcs: Vec<SocketAddr>,
    settings: Vec<String>,
    sections: String,
    dir: Arc<TempDir>,
}

impl MitConfig {
    /// The realm `realm` with one KDC. Nothing is asked of the DNS, and names of hosts are taken as they are.
    pub fn new(realm: &str, kdc: SocketAddr) -> Self {
        let (realm, kdcs, dir) = (realm.into(), vec![kdc], Arc::new(TempDir::new("config")));
        MitConfig { realm, kdcs, settings: Vec::new(), sections: String::new(), dir }.written()
    }

    /// One more KDC, tried after those before.
    pub fn or_kdc(mut self, kdc: SocketAddr) -> Self {
        self.kdcs.push(kdc);
        self.rewritten()
    }

    /// A setting in `[libdefaults]`, such as `"clockskew = 30"`; it takes the place of an earlier one of that name.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.retain(|earlier| name_of(earlier) != name_of(line));
        self.settings.push(line.into());
        self.rewritten()
    }

    /// More sections, such as those that name another realm.
    pub fn and(mut self, sections: &str) -> Self {
        self.sections += sections;
        self.rewritten()
    }

    /// The KDC is asked over TCP at once.
    pub fn tcp_only(self) -> Self {
        self.setting("udp_preference_limit = 1")
    }

    /// Only these encryption types are asked for and accepted, those before others if there is a choice.
    ///
    /// An initiator needs this for messages of one encryption type: their key is the acceptor's subkey, and MIT's
    /// acceptor takes its type from the initiator's list (RFC 4537), not from the ticket.
    pub fn enctypes(self, enctypes: &[Enctype]) -> Self {
        let names: Vec<&str> = enctypes.iter().map(|enctype| enctype.name()).collect();
        self.setting(&format!("permitted_enctypes = {}", names.join(" ")))
    }

    /// The realm's name.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let Self { realm, .. } = self;
        let settings: String = self.settings.iter().map(|line| format!(" {line}\n")).collect();
        let kdcs: String = self.kdcs.iter().map(|kdc| format!("  kdc = {kdc}\n")).collect();
        format!(
            "[libdefaults]\n default_realm = {realm}\n dns_lookup_realm = false\n dns_lookup_kdc = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n{settings}\
             [realms]\n {realm} = {{\n{kdcs} }}\n[domain_realm]\n localhost = {realm}\n{sections}",
            sections = self.sections
        )
    }

    /// Where the file is; as long as this value or a clone of it lives.
    pub fn path(&self) -> std::path::PathBuf {
        self.dir.join("krb5.conf")
    }

    /// A peer's program with this configuration and nothing of the caller's environment.
    ///
    /// Its replay cache is in `scratch`, so that no two tests share one.
    pub fn command(&self, program: &str, scratch: &Path) -> Command {
        self.command_at(&crate::peer_program(program), scratch)
    }

    /// The same for the program at `path`.
    pub(crate) fn command_at(&self, path: &Path, scratch: &Path) -> Command {
        let mut command = Command::new(path);
        command.env_clear().env("PATH", crate::peer::search_path()).env("LC_ALL", "C").env("TZ", "UTC");
        command.env("KRB5_CONFIG", self.path());
        command.env("KRB5RCACHENAME", format!("file2:{}", scratch.join("replay-cache").display()));
        command.current_dir(scratch);
        command
    }

    // Clones share a file, so a changed copy gets a new one.
    fn rewritten(mut self) -> Self {
        self.dir = Arc::new(TempDir::new("config"));
        self.written()
    }

    fn written(self) -> Self {
        self.dir.write("krb5.conf", self.text());
        self
    }
}

fn name_of(setting: &str) -> &str {
    setting.split('=').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_replaces_an_earlier_one_and_leaves_clones_alone() {
        let first = MitConfig::new("X.TEST", SocketAddr::from(([127, 0, 0, 1], 1))).setting("clockskew = 30");
        let second = first.clone().setting("clockskew = 60");
        let written = |config: &MitConfig| std::fs::read_to_string(config.path()).unwrap();
        assert!(written(&first).contains("clockskew = 30"));
        assert!(written(&second).contains("clockskew = 60") && !written(&second).contains("clockskew = 30"));
    }
}
