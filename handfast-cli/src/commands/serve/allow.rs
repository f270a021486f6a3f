//! Who may come in, of those who have proven who they are.

use crate::failure::{Exit, Failure};
use handfast::krb5::pac::Sid;
use handfast::mech::MechanismId;
use handfast::{Context, Principal};
use handfast_net::accounts::folded_name;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest list that is read, in bytes.
const SIZE_LIMIT: u64 = 16 << 20;

/// Who is named on the command line, and in which files.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub(super) struct Args {
    /// Serve this client; repeat it for several [default: everybody who is proven]
    #[arg(long, short = 'a', value_name = "PRINCIPAL", help_heading = "Who is served")]
    allow: Vec<String>,
    /// Serve every client of this realm; repeat it for several
    #[arg(long, value_name = "REALM", help_heading = "Who is served")]
    allow_realm: Vec<String>,
    /// Serve this account, if it is proven by NTLM; repeat it for several
    #[arg(long, value_name = "DOMAIN\\USER", requires = "dangerous_ntlm", help_heading = "Who is served")]
    allow_account: Vec<String>,
    /// Serve the user or the members of the group with this SID, which the client's PAC names; repeat it for several
    #[arg(long, value_name = "SID", help_heading = "Who is served")]
    allow_sid: Vec<Sid>,
    /// Serve those in FILE, one on a line: a principal, @REALM, DOMAIN\USER, or a SID; SIGHUP reads it anew
    #[arg(long, value_name = "FILE", help_heading = "Who is served")]
    allow_file: Vec<PathBuf>,
}

/// The clients that are served.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    everybody: bool,
    principals: HashSet<Principal>,
    realms: BTreeSet<String>,
    accounts: BTreeSet<String>,
    sids: BTreeSet<Sid>,
    /// The domain of accounts that are written without one.
    domain: String,
}

impl Allowed {
    /// Those named; principals without a realm are of `realm`, accounts without a domain of `domain`. If the command line names nobody and no file, everybody is served.
    /// A file that names nobody lets nobody in.
    pub(super) fn new(args: &Args, realm: &str, domain: &str) -> Result<Self, Failure> {
        let Args { allow, allow_realm, allow_account, allow_sid, allow_file } = args;
        let mut allowed = Allowed { everybody: true, domain: folded_name(domain), ..Allowed::default() };
        allowed.everybody &= allow.is_empty() && allow_realm.is_empty();
        allowed.everybody &= allow_account.is_empty() && allow_sid.is_empty() && allow_file.is_empty();
        for name in allow {
            allowed.principals.insert(Principal::parse_with_realm(name, realm)?);
        }
        allowed.realms.extend(allow_realm.iter().cloned());
        for name in allow_account {
            allowed.accounts.insert(allowed.folded(name));
        }
        allowed.sids.extend(allow_sid);
        for path in allow_file {
            allowed.read(path, realm)?;
        }
        Ok(allowed)
    }

    fn read(&mut self, path: &Path, realm: &str) -> Result<(), Failure> {
        let metadata = fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
        // Reading a pipe anew would wait for somebody who writes to it.
        if !metadata.is_file() {
            return Err(Failure::new(Exit::Files, format!("{} is no regular file", path.display())));
        }
        if metadata.len() > SIZE_LIMIT {
            let cause = format!("{} is longer than the limit of {SIZE_LIMIT} bytes", path.display());
            return Err(Failure::new(Exit::Files, cause));
        }
        let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        self.add_lines(&path.display().to_string(), &text, realm)
    }

    /// The lines of the file that is called `name`.
    fn add_lines(&mut self, name: &str, text: &str, realm: &str) -> Result<(), Failure> {
        for (index, line) in text.lines().enumerate() {
            self.add(line.trim(), realm).map_err(|failure| {
                let cause = format!("{name}, line {}: {}", index + 1, failure.cause);
                Failure { exit: Exit::Files, cause, ..failure }
            })?;
        }
        Ok(())
    }

    /// A line of a file: a backslash makes it an account, an `@` at its beginning a realm, `S-1-` a SID.
    fn add(&mut self, line: &str, realm: &str) -> Result<(), Failure> {
        if line.is_empty() || line.starts_with('#') {
        } else if let Some(realm) = line.strip_prefix('@') {
            self.realms.insert(realm.to_owned());
        } else if line.contains('\\') {
            self.accounts.insert(self.folded(line));
        } else if line.starts_with("S-1-") {
            let wrong = |_| Failure::new(Exit::Files, format!("{line} is no SID"));
            self.sids.insert(line.parse().map_err(wrong)?);
        } else {
            self.principals.insert(Principal::parse_with_realm(line, realm)?);
        }
        Ok(())
    }

    /// Refuses whoever is not served.
    pub(super) fn check(&self, context: &Context) -> Result<(), Failure> {
        let peer = context.peer();
        let named = match (context.mechanism(), peer.principal()) {
            (MechanismId::NTLM, _) => self.accounts.contains(&self.folded(&peer.to_string())),
            (_, Some(principal)) => self.has(principal),
            _ => false,
        };
        if self.everybody || named || self.is_member(context) {
            return Ok(());
        }
        Err(Failure::new(Exit::PeerRefused, format!("{peer} is proven, but is not one of those allowed")))
    }

    /// Whether a PAC that has been proven names one of the SIDs, and grants it.
    fn is_member(&self, context: &Context) -> bool {
        let pac = || context.authorization()?.pac();
        !self.sids.is_empty() && pac().is_some_and(|pac| self.sids.iter().any(|sid| pac.grants(*sid)))
    }

    /// Accounts are compared without regard to case; without a domain they are of ours.
    fn folded(&self, account: &str) -> String {
        match folded_name(account).split_once('\\') {
            Some((domain, user)) if !domain.is_empty() => format!("{domain}\\{user}"),
            Some((_, user)) => format!("{}\\{user}", self.domain),
            None => format!("{}\\{}", self.domain, folded_name(account)),
        }
    }

    fn has(&self, principal: &Principal) -> bool {
        self.principals.contains(principal) || self.realms.contains(principal.realm())
    }

    /// In a few words, for the log.
    pub(super) fn summary(&self) -> String {
        if self.everybody {
            return "everybody who is proven".to_owned();
        }
        let (principals, realms, accounts) = (self.principals.len(), self.realms.len(), self.accounts.len());
        format!("{principals} principals, {realms} realms, {accounts} accounts, {} SIDs", self.sids.len())
    }
}

/// Who is let in by a file: whether there is no mistake in it, and whether `principal` is on it.
#[cfg(fuzzing)]
pub(crate) fn fuzz_list(text: &str, realm: &str, principal: &Principal) -> Result<bool, String> {
    let mut allowed = Allowed { domain: folded_name("host"), ..Allowed::default() };
    allowed.add_lines("fuzz", text, realm).map_err(|failure| failure.cause)?;
    Ok(allowed.has(principal))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn allowed(principals: &[&str], realms: &[&str], lines: &str) -> Allowed {
        let text = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let args = Args { allow: text(principals), allow_realm: text(realms), ..Args::default() };
        let mut allowed = Allowed::new(&args, "HOME", "Www").unwrap();
        lines.lines().for_each(|line| allowed.add(line, "HOME").unwrap());
        allowed
    }

    fn has(allowed: &Allowed, name: &str) -> bool {
        allowed.has(&name.parse().unwrap())
    }

    #[test]
    fn only_who_is_named_is_served() {
        let alice = allowed(&["alice@A", "carol"], &[], "");
        assert!(!alice.everybody && has(&alice, "alice@A") && has(&alice, "carol@HOME"));
        for other in ["bob@A", "alice@B", "alice/admin@A", "Alice@A"] {
            assert!(!has(&alice, other), "{other}");
        }
        let realm = allowed(&["alice@A"], &["B"], "");
        assert!(has(&realm, "alice@A") && has(&realm, "carol@B") && !has(&realm, "carol@A"));
        assert!(allowed(&[], &[], "").everybody);
    }

    #[test]
    fn a_line_of_a_file_is_a_principal_a_realm_or_an_account() {
        let list = allowed(&[], &["X"], "# who\n\n@B\nalice\nCorp\\bob\n\\local\nS-1-5-32-544\n");
        assert!(has(&list, "carol@B") && has(&list, "alice@HOME") && !has(&list, "bob@HOME"));
        assert_eq!(list.accounts, ["CORP\\BOB".to_owned(), "WWW\\LOCAL".to_owned()].into());
        assert_eq!(list.folded("wWw\\Local"), list.folded("local"));
        assert_eq!(list.summary(), "1 principals, 2 realms, 2 accounts, 1 SIDs");
        assert!(Allowed::default().add("a@b@c", "HOME").is_err());
        assert!(Allowed::default().add("S-1-5-x", "HOME").unwrap_err().cause.contains("no SID"));
    }

    #[test]
    fn a_file_that_names_nobody_lets_nobody_in() {
        let path = std::env::temp_dir().join(format!("handfast-nobody-{}", std::process::id()));
        fs::write(&path, "# nobody\n").unwrap();
        let args = |path| Args { allow_file: vec![path], ..Args::default() };
        let nobody = Allowed::new(&args(path.clone()), "HOME", "Www").unwrap();
        fs::remove_file(path).unwrap();
        assert!(!nobody.everybody && !has(&nobody, "alice@HOME"));
        assert_eq!(Allowed::new(&args("/dev/null".into()), "HOME", "Www").unwrap_err().exit, Exit::Files);
    }
}
