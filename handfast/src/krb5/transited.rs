//! The realms that a ticket has come through, as DOMAIN-X500-COMPRESS writes them (RFC 4120 3.3.3.2).

use super::realm_path::hierarchy;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The longest field that is read or written, in bytes.
pub const TRANSITED_LIMIT: usize = 4096;

/// The most realms that a field may stand for.
pub const TRANSITED_REALM_LIMIT: usize = 64;

/// The longest realm that a field may stand for, in bytes.
const REALM_LIMIT: usize = 1024;

/// A transited field that can't be read, or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitedError {
    /// It is longer than [`TRANSITED_LIMIT`], stands for more than [`TRANSITED_REALM_LIMIT`] realms, or for one that
    /// is too long.
    TooLarge,
    /// It is no text.
    NotText,
    /// A `\` at its end.
    DanglingEscape,
    /// A part of a name with no name before it that it could be part of.
    NoRealmBefore,
    /// A realm without a name: neither a gap nor a realm.
    NoName,
    /// It is not of the one kind that there is (RFC 4120 7.5.5).
    UnknownType(i32),
}

impl fmt::Display for TransitedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("it is too long, or stands for too many realms"),
            Self::NotText => f.write_str("it is no text"),
            Self::DanglingEscape => f.write_str("a \\ at its end"),
            Self::NoRealmBefore => f.write_str("a part of a name with no name before it"),
            Self::NoName => f.write_str("a realm in it has no name"),
            Self::UnknownType(number) => write!(f, "its type {number} is not known"),
        }
    }
}

impl core::error::Error for TransitedError {}

/// A subfield, without its quoting.
#[derive(Default)]
struct Subfield {
    text: String,
    /// Quoted or not, something was there.
    present: bool,
    /// An unquoted `.` ends it: it stands before the realm before it.
    prepended: bool,
    /// An unquoted `/` starts it: it stands behind the realm before it.
    appended: bool,
}

impl Subfield {
    fn push(&mut self, c: char, quoted: bool) {
        self.appended |= !self.present && !quoted && c == '/';
        // A space in front makes a name stand by itself, and is not part of it.
        if self.present || quoted || c != ' ' {
            self.text.push(c);
        }
        (self.present, self.prepended) = (true, !quoted && c == '.');
    }

    fn realm(&self, before: &str) -> Result<String, TransitedError> {
        let mut realm = String::new();
        match (self.prepended, self.appended) {
            (true, _) if before.is_empty() => return Err(TransitedError::NoRealmBefore),
            (true, _) => realm.extend([self.text.as_str(), before]),
            (false, true) => realm.extend([before, self.text.as_str()]),
            (false, false) => realm.push_str(&self.text),
        }
        if realm.len() > REALM_LIMIT { Err(TransitedError::TooLarge) } else { Ok(realm) }
    }
}

/// The realms as they are read one after the other.
struct Expanded<'a> {
    realms: Vec<String>,
    /// What stands before the next subfield; the client's realm does so only for gaps.
    before: String,
    last: &'a str,
    gap: bool,
}

impl Expanded<'_> {
    fn subfield(&mut self, subfield: &Subfield) -> Result<(), TransitedError> {
        if !subfield.present {
            self.gap = true;
            return Ok(());
        }
        let realm = subfield.realm(&self.before)?;
        self.fill(&realm)?;
        self.before.clone_from(&realm);
        self.push(realm)
    }

    /// All realms on the way to `next`, if a null subfield stands for them.
    fn fill(&mut self, next: &str) -> Result<(), TransitedError> {
        if !core::mem::take(&mut self.gap) {
            return Ok(());
        }
        let from = if self.before.is_empty() { self.last } else { &self.before };
        let between = hierarchy(from, next);
        let inner = between.len().saturating_sub(2);
        between.into_iter().skip(1).take(inner).try_for_each(|realm| self.push(realm))
    }

    fn push(&mut self, realm: String) -> Result<(), TransitedError> {
        if realm.is_empty() {
            return Err(TransitedError::NoName);
        }
        if self.realms.contains(&realm) {
            return Ok(());
        }
        if self.realms.len() >= TRANSITED_REALM_LIMIT {
            return Err(TransitedError::TooLarge);
        }
        self.realms.push(realm);
        Ok(())
    }
}

/// The realms that a ticket of a client of realm `client` for a service of realm `server` has come through, each
/// once. Their order means nothing (RFC 4120 3.3.3.2).
///
/// ```
/// use handfast::krb5::{decode_transited, encode_transited};
/// let realms = decode_transited(b"EDU,MIT.,WASHINGTON.EDU", "ATHENA.MIT.EDU", "CS.WASHINGTON.EDU")?;
/// assert_eq!(realms, ["EDU", "MIT.EDU", "WASHINGTON.EDU"]);
/// assert_eq!(encode_transited(&realms)?, b"EDU,MIT.,WASHINGTON.EDU");
/// # Ok::<(), handfast::krb5::TransitedError>(())
/// ```
///
/// # Errors
/// [`TransitedError`].
pub fn decode_transited(contents: &[u8], client: &str, server: &str) -> Result<Vec<String>, TransitedError> {
    if contents.is_empty() {
        return Ok(Vec::new());
    }
    if contents.len() > TRANSITED_LIMIT {
        return Err(TransitedError::TooLarge);
    }
    let text = core::str::from_utf8(contents).map_err(|_| TransitedError::NotText)?;
    let mut expanded = Expanded { realms: Vec::new(), before: String::new(), last: client, gap: false };
    let mut subfield = Subfield::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => subfield.push(chars.next().ok_or(TransitedError::DanglingEscape)?, true),
            ',' => expanded.subfield(&core::mem::take(&mut subfield))?,
            c => subfield.push(c, false),
        }
    }
    expanded.subfield(&subfield)?;
    expanded.fill(server)?;
    Ok(expanded.realms)
}

/// The field for these realms.
///
/// # Errors
/// [`TransitedError::TooLarge`], and [`TransitedError::NoName`]: a name of nothing would read as a gap.
pub fn encode_transited<R: AsRef<str>>(realms: &[R]) -> Result<Vec<u8>, TransitedError> {
    let mut out = String::new();
    let mut before = "";
    for (index, realm) in realms.iter().enumerate() {
        let realm = realm.as_ref();
        if realm.is_empty() {
            return Err(TransitedError::NoName);
        }
        if index > 0 {
            out.push(',');
        }
        write_realm(realm, before, &mut out);
        before = realm;
    }
    let fits = out.len() <= TRANSITED_LIMIT && realms.len() <= TRANSITED_REALM_LIMIT;
    if fits { Ok(out.into_bytes()) } else { Err(TransitedError::TooLarge) }
}

/// A realm, short if it stands below the one before it.
fn write_realm(realm: &str, before: &str, out: &mut String) {
    let below = |rest: &&str| !rest.is_empty() && !before.is_empty();
    if let Some(prefix) = realm.strip_suffix(before).and_then(|prefix| prefix.strip_suffix('.')).filter(below) {
        write_quoted(prefix, out);
        out.push('.');
    } else if realm.starts_with('/') {
        match realm.strip_prefix(before).filter(|rest| rest.starts_with('/') && before.starts_with('/')) {
            Some(rest) => write_text(rest, out),
            None => {
                out.push(' ');
                write_text(realm, out);
            }
        }
    } else {
        write_quoted(realm, out);
    }
}

/// A name that is to stand by itself.
fn write_quoted(name: &str, out: &mut String) {
    if name.starts_with([' ', '/']) {
        out.push('\\');
    }
    write_text(name, out);
}

fn write_text(name: &str, out: &mut String) {
    let dots = name.len() - name.trim_end_matches('.').len();
    for (at, c) in name.char_indices() {
        if matches!(c, ',' | '\\') || at + dots >= name.len() {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn decode(text: &str) -> Vec<String> {
        decode_transited(text.as_bytes(), "CS.MIT.EDU", "/COM/HP/LAB").unwrap()
    }

    /// The examples of RFC 4120 3.3.3.2.
    #[test]
    fn what_the_rfc_shows() {
        let all = ["EDU", "MIT.EDU", "ATHENA.MIT.EDU", "WASHINGTON.EDU", "CS.WASHINGTON.EDU"];
        assert_eq!(decode("EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS."), all);
        assert_eq!(encode_transited(&all).unwrap(), b"EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.");
        assert_eq!(decode("EDU,MIT.,WASHINGTON.EDU"), ["EDU", "MIT.EDU", "WASHINGTON.EDU"]);
        assert_eq!(decode("/COM,/HP,/APOLLO, /COM/DEC"), ["/COM", "/COM/HP", "/COM/HP/APOLLO", "/COM/DEC"]);
        assert_eq!(decode(",EDU, /COM,"), ["MIT.EDU", "EDU", "/COM", "/COM/HP"]);
        assert_eq!(decode_transited(b",", "A.B.C", "D.C").unwrap(), ["B.C", "C"]);
    }

    #[test]
    fn gaps_are_filled_and_nothing_is_there_twice() {
        assert!(decode("").is_empty());
        assert_eq!(decode_transited(b",EDU", "A.B.EDU", "X").unwrap(), ["B.EDU", "EDU"]);
        assert_eq!(decode_transited(b"EDU,", "X", "A.B.EDU").unwrap(), ["EDU", "B.EDU"]);
        assert_eq!(decode_transited(b"EDU,,C.B.A.EDU", "X", "Y").unwrap(), ["EDU", "A.EDU", "B.A.EDU", "C.B.A.EDU"]);
        assert_eq!(decode_transited(b"A,B,A", "X", "Y").unwrap(), ["A", "B"]);
    }

    /// A space alone is a quoted nothing, and written back would be a gap, which stands for realms.
    #[test]
    fn realms_without_a_name_are_refused() {
        for text in [" ", "E, ,", ",E, /COM, ,", "E, ,F"] {
            assert_eq!(decode_transited(text.as_bytes(), "CS.MIT.EDU", "/COM/HP/LAB"), Err(TransitedError::NoName));
        }
        for realms in [&[""][..], &["E", ""], &["", "E"]] {
            assert_eq!(encode_transited(realms), Err(TransitedError::NoName));
        }
    }

    #[test]
    fn quoted_names_survive() {
        let names = [
            "A,B", "C\\D", "E.", "F..", " G", "/H", "/H/I", "/J,", "X./H", "K", "L.K", "M..L.K", " N.K", "/O.K", "P Q",
            "/", "R./",
        ];
        for first in 0..names.len() {
            for second in 0..names.len() {
                let pair = if first == second { &names[first..=first] } else { &[names[first], names[second]][..] };
                let text = encode_transited(pair).unwrap();
                assert_eq!(decode(core::str::from_utf8(&text).unwrap()), pair, "{}", String::from_utf8_lossy(&text));
            }
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        let error = |bytes: &[u8]| decode_transited(bytes, "A", "B").unwrap_err();
        assert_eq!(error(b"X\\"), TransitedError::DanglingEscape);
        assert_eq!(error(b"\xff"), TransitedError::NotText);
        assert_eq!(error(b"MIT."), TransitedError::NoRealmBefore);
        assert_eq!(error(&[b','; TRANSITED_LIMIT + 1]), TransitedError::TooLarge);
        let many: Vec<String> = (0..=TRANSITED_REALM_LIMIT).map(|number| number.to_string()).collect();
        assert_eq!(error(many.join(",").as_bytes()), TransitedError::TooLarge);
        assert_eq!(encode_transited(&many), Err(TransitedError::TooLarge));
        assert_eq!(decode_transited(many[1..].join(",").as_bytes(), "A", "B").unwrap(), many[1..]);
        // Names that grow with each subfield.
        assert_eq!(error(["A", &",abcdefghijklmnopqrstuvw.".repeat(60)].concat().as_bytes()), TransitedError::TooLarge);
        assert_eq!(encode_transited(&["x".repeat(TRANSITED_LIMIT + 1)]), Err(TransitedError::TooLarge));
    }
}
