//! Accounts of NTLM in a text file.
//!
//! One account on a line; empty lines and lines that begin with `#` say nothing. The number of colons tells the form:
//!
//! | line | as |
//! |---|---|
//! | `DOMAIN\user:$NT$8846f7eaee8fb117ad06bdd830b7586c` | Handfast's own: the NT hash in 32 hex digits |
//! | `DOMAIN:user:password` | gss-ntlmssp's and Heimdal's `NTLM_USER_FILE`; the domain may be empty |
//! | `user:1000:LMHASH:NTHASH:[U          ]:LCT-00000000:` | Samba's smbpasswd(5); `DOMAIN\user` may be the name, as gss-ntlmssp has it |
//!
//! A password with a colon in it has no place in the second form: such a line is an error, not another account. Of smbpasswd
//! A password that is empty is an error, too: who means it writes its hash. Of smbpasswd
//! lines the user's number and the LM hash are not looked at; an account without a hash (32 times `X`, or `NO PASSWORD…`), or
//! with one of the flags `D` (disabled), `N` (no password) or `L` (locked), or without `U` (a user's), is known and refused.
//!
//! Names are compared without regard to case. An account without a domain is one of this computer: it is found by a logon
//! that names no domain, or one of [`local_domains`](AccountList::local_domains), and no other. The client chooses how it writes its names
//! (`alıce` is `ALICE` in capitals, too), and is called so afterwards; what an account is called here is its
//! [`own_name`](AccountList::own_name).

use std::collections::BTreeMap;
use std::fmt;
use std::str;

use handfast::crypto::Secret;
use handfast::mech::ntlm::nt_hash;
use handfast::{Account, Logon};

use crate::driver::Accounts;

/// The longest line, in bytes.
const LINE_LIMIT: usize = 16 << 10;
/// What stands before the hash in a line of our own form.
const HASH_MARK: &str = "$NT$";

/// Accounts by their names, each with the NT hash of its password.
///
/// ```
/// use handfast_net::accounts::AccountList;
/// let accounts = AccountList::parse(b"# who may log on\nEXAMPLE:alice:correct horse\n")?;
/// assert_eq!(accounts.len(), 1);
/// # Ok::<(), handfast_net::accounts::AccountListError>(())
/// ```
#[derive(Clone, Default)]
pub struct AccountList {
    accounts: BTreeMap<(String, String), Entry>,
    local_domains: Vec<String>,
}

#[derive(Clone)]
struct Entry {
    /// As the line has it.
    domain: String,
    user: String,
    /// None if it may not log on.
    nt_hash: Option<Secret<[u8; 16]>>,
    line: usize,
}

impl AccountList {
    /// The longest text that is read, in bytes: 16 MiB.
    pub const SIZE_LIMIT: usize = 16 << 20;

    /// Reads the lines of a file in UTF-8.
    ///
    /// # Errors
    /// [`AccountListError`] with the line: nobody is found in a list with a mistake in it.
    pub fn parse(text: &[u8]) -> Result<Self, AccountListError> {
        if text.len() > Self::SIZE_LIMIT {
            return Err(AccountListError { line: 1, mistake: Mistake::TooLarge });
        }
        let mut list = AccountList::default();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            list.add(index + 1, line).map_err(|mistake| AccountListError { line: index + 1, mistake })?;
        }
        Ok(list)
    }

    /// The domains of the accounts that are written without one, such as the computer's name: a logon may name them.
    #[must_use]
    pub fn local_domains<'a>(mut self, domains: impl IntoIterator<Item = &'a str>) -> Self {
        self.local_domains = domains.into_iter().map(folded_name).collect();
        self
    }

    /// Refuses a list in which two lines are the same account: one without a domain, and one with a domain of
    /// [`local_domains`](Self::local_domains).
    ///
    /// # Errors
    /// [`AccountListError`] with the line of the second.
    pub fn check_local(&self) -> Result<(), AccountListError> {
        for ((domain, user), named) in &self.accounts {
            let local = self.accounts.get(&(String::new(), user.clone()));
            if let Some(local) = local.filter(|_| self.local_domains.contains(domain)) {
                let (first, line) = (named.line.min(local.line), named.line.max(local.line));
                return Err(AccountListError { line, mistake: Mistake::Twice { first } });
            }
        }
        Ok(())
    }

    /// What the account is called that a logon by `name` finds, `DOMAIN\user` or `user`, in the spelling of its line: one name for one
    /// account, however its client writes it. An account without a domain is of the first of [`local_domains`](Self::local_domains), if
    /// there are any.
    ///
    /// ```
    /// use handfast_net::accounts::AccountList;
    /// let list = AccountList::parse(b"Example:alice:pencil\n:bob:paper\n")?.local_domains(["WWW"]);
    /// assert_eq!(list.own_name("EXAMPLE\\ALICE").as_deref(), Some("Example\\alice"));
    /// assert_eq!(list.own_name("Bob").as_deref(), Some("WWW\\bob"));
    /// assert_eq!(list.own_name("alice"), None);
    /// # Ok::<(), handfast_net::accounts::AccountListError>(())
    /// ```
    pub fn own_name(&self, name: &str) -> Option<String> {
        let (domain, user) = domain_and_user(name);
        let Entry { domain, user, .. } = self.entry(domain, user)?;
        let local = self.local_domains.first().map(String::as_str).unwrap_or_default();
        let domain = if domain.is_empty() { local } else { domain };
        Some(if domain.is_empty() { user.clone() } else { format!("{domain}\\{user}") })
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    fn add(&mut self, number: usize, line: &[u8]) -> Result<(), Mistake> {
        if line.len() > LINE_LIMIT {
            return Err(Mistake::LongLine);
        }
        let line = str::from_utf8(line).map_err(|_| Mistake::NotText)?;
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (domain, user, nt_hash) = read(line)?;
        let name = (folded_name(domain), folded_name(user));
        if name.1.is_empty() {
            return Err(Mistake::NoUser);
        }
        if [domain, user].iter().any(|part| part.chars().any(|c| c == '\\' || c.is_control())) {
            return Err(Mistake::BadName);
        }
        let entry = Entry { domain: domain.to_owned(), user: user.to_owned(), nt_hash, line: number };
        match self.accounts.insert(name, entry) {
            None => Ok(()),
            Some(before) => Err(Mistake::Twice { first: before.line }),
        }
    }

    fn entry(&self, domain: &str, user: &str) -> Option<&Entry> {
        let (domain, user) = (folded_name(domain), folded_name(user));
        let local = self.local_domains.contains(&domain);
        let exactly = self.accounts.get(&(domain, user.clone()));
        exactly.or_else(|| self.accounts.get(&(String::new(), user)).filter(|_| local))
    }
}

/// An account that is not in the list is refused in the same way as one that may not log on.
impl Accounts for AccountList {
    fn find(&self, logon: &Logon) -> Account {
        match self.entry(&logon.domain, &logon.user).and_then(|entry| entry.nt_hash.as_ref()) {
            Some(nt_hash) => Account::NtHash(nt_hash.clone()),
            None => Account::Refused,
        }
    }
}

impl fmt::Debug for AccountList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountList").field("accounts", &self.len()).finish_non_exhaustive()
    }
}

type Line<'a> = (&'a str, &'a str, Option<Secret<[u8; 16]>>);

/// Domain, user and hash of a line, by the number of its fields.
fn read(line: &str) -> Result<Line<'_>, Mistake> {
    let mut fields = line.split(':');
    let mut next = || fields.next();
    match (next(), next(), next(), next(), next()) {
        (Some(name), Some(hash), None, ..) => {
            let hash = hash.strip_prefix(HASH_MARK).and_then(hex).ok_or(Mistake::NotAHash)?;
            let (domain, user) = domain_and_user(name);
            Ok((domain, user, Some(hash)))
        }
        (Some(_), Some(_), Some(""), None, _) => Err(Mistake::NoPassword),
        (Some(domain), Some(user), Some(password), None, _) => Ok((domain, user, Some(nt_hash(password)))),
        (Some(name), Some(_uid), Some(lm), Some(nt), flags) if lm.len() == 32 => {
            let (domain, user) = domain_and_user(name);
            Ok((domain, user, smbpasswd_hash(nt, flags.unwrap_or_default())?))
        }
        (_, None, ..) => Err(Mistake::NoColon),
        _ => Err(Mistake::ColonInPassword),
    }
}

fn domain_and_user(name: &str) -> (&str, &str) {
    name.split_once('\\').unwrap_or(("", name))
}

/// The hash of an account that may log on (smbpasswd(5)).
fn smbpasswd_hash(nt: &str, flags: &str) -> Result<Option<Secret<[u8; 16]>>, Mistake> {
    if nt.len() == 32 && (nt.starts_with("NO PASSWORD") || nt.bytes().all(|byte| byte == b'X')) {
        return Ok(None);
    }
    let hash = hex(nt).ok_or(Mistake::NotAHash)?;
    let may = !flags.starts_with('[') || (flags.contains('U') && !flags.contains(['D', 'N', 'L']));
    Ok(may.then_some(hash))
}

/// 32 hex digits.
fn hex(text: &str) -> Option<Secret<[u8; 16]>> {
    let digits = text.as_bytes();
    let mut bytes = Secret::new([0; 16]);
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.expose_mut().iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(bytes)
}

/// A name as it is compared, in capitals: one character stays one character (`ß` is itself, not `SS`), as NTLM has it.
pub fn folded_name(name: &str) -> String {
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(upper), None) => upper,
            _ => c,
        }
    };
    name.chars().map(upper).collect()
}

/// A line of an account list that can't be read. It says nothing of what is in the line: that may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountListError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub mistake: Mistake,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// The whole list is longer than [`AccountList::SIZE_LIMIT`].
    TooLarge,
    /// Longer than 16 KiB.
    LongLine,
    /// Not UTF-8.
    NotText,
    /// No fields.
    NoColon,
    /// No user.
    NoUser,
    /// An empty password, with which everybody could log on.
    NoPassword,
    /// A control character in a name, or a backslash that is not the one between domain and user.
    BadName,
    /// Neither `$NT$` and 32 hex digits, nor, in a line of smbpasswd, 32 hex digits.
    NotAHash,
    /// Four fields or more, and not those of smbpasswd.
    ColonInPassword,
    /// The account is in another line, too.
    Twice {
        /// The line where it was first.
        first: usize,
    },
}

impl fmt::Display for AccountListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.mistake {
            Mistake::TooLarge => write!(f, "the list is longer than {} bytes", AccountList::SIZE_LIMIT),
            Mistake::LongLine => write!(f, "longer than {LINE_LIMIT} bytes"),
            Mistake::NotText => f.write_str("not UTF-8"),
            Mistake::NoColon => f.write_str("no colon: write DOMAIN:user:password, or DOMAIN\\user:$NT$ and the hash"),
            Mistake::NoUser => f.write_str("the user has no name"),
            Mistake::NoPassword => f.write_str("the password is empty, so that everybody could log on"),
            Mistake::BadName => f.write_str("a backslash or a control character in a name"),
            Mistake::NotAHash => {
                f.write_str("the hash must be 32 hex digits, with $NT$ before them in a line of two fields")
            }
            Mistake::ColonInPassword => {
                f.write_str("four fields, and they are not smbpasswd's: for a password with a colon, write its hash")
            }
            Mistake::Twice { first } => write!(f, "the same account as in line {first}"),
        }
    }
}

impl std::error::Error for AccountListError {}

#[cfg(unix)]
pub use file::{AccountFile, AccountFileError};

#[cfg(unix)]
mod file;

#[cfg(test)]
mod tests;
