mod service_name;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

pub use service_name::{ParseServiceNameError, ServiceName};

/// The type of a principal name (RFC 4120 6.2). A hint only: it takes no part in comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct NameType(pub i32);

impl NameType {
    /// Name type not known.
    pub const UNKNOWN: NameType = NameType(0);
    /// Just the name of the principal, as for users.
    pub const PRINCIPAL: NameType = NameType(1);
    /// Service and other unique instance (krbtgt).
    pub const SRV_INST: NameType = NameType(2);
    /// Service with host name as instance.
    pub const SRV_HST: NameType = NameType(3);
    /// Enterprise name, may be mapped to a principal name (RFC 6806 5).
    pub const ENTERPRISE: NameType = NameType(10);
    /// Well-known name (RFC 6111).
    pub const WELLKNOWN: NameType = NameType(11);
}

/// A Kerberos principal: components and a realm (RFC 4120 6).
///
/// Written `component/component@REALM`, with `/`, `@` and `\` in a component escaped by `\`.
/// Two principals are equal if components and realm are, whatever their name types (RFC 4120 6.2).
///
/// ```
/// use handfast::Principal;
/// let alice: Principal = "alice@EXAMPLE.COM".parse()?;
/// assert_eq!(alice.realm(), "EXAMPLE.COM");
/// assert_eq!(alice.components(), ["alice"]);
/// # Ok::<(), handfast::ParseNameError>(())
/// ```
///
/// Clones share one copy of the text.
#[derive(Clone)]
pub struct Principal(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    name_type: NameType,
    components: Box<[String]>,
    realm: Box<str>,
}

impl Principal {
    /// A principal of these parts. An empty realm stands for "not known yet".
    pub fn new(
        name_type: NameType,
        components: impl IntoIterator<Item = impl Into<String>>,
        realm: impl Into<String>,
    ) -> Self {
        let components = components.into_iter().map(Into::into).collect();
        let realm: String = realm.into();
        Principal(Arc::new(Parts { name_type, components, realm: realm.into() }))
    }

    /// The ticket-granting service of `realm`, as issued by `issuer` (RFC 4120 7.3): `krbtgt/realm@issuer`.
    pub fn krbtgt(realm: &str, issuer: &str) -> Self {
        Principal::new(NameType::SRV_INST, ["krbtgt", realm], issuer)
    }

    /// The anonymous principal in the anonymous realm (RFC 8062 3).
    pub fn anonymous() -> Self {
        Principal::new(NameType::WELLKNOWN, ["WELLKNOWN", "ANONYMOUS"], "WELLKNOWN:ANONYMOUS")
    }

    /// An enterprise name (RFC 6806 5), such as `alice@example.com`, to be looked up by the KDC of `realm`: all of it is one
    /// component, whatever its characters.
    #[doc(alias = "UPN")]
    pub fn enterprise(name: &str, realm: impl Into<String>) -> Self {
        Principal::new(NameType::ENTERPRISE, [name], realm)
    }

    /// Parses `text`, with `realm` where the text names none.
    pub fn parse_with_realm(text: &str, realm: &str) -> Result<Self, ParseNameError> {
        let (components, given) = split_escaped(text)?;
        let name_type = if components.first().is_some_and(|first| first == "krbtgt") {
            NameType::SRV_INST
        } else {
            NameType::PRINCIPAL
        };
        Ok(Principal::new(name_type, components, given.unwrap_or_else(|| realm.to_string())))
    }

    /// The name type.
    pub fn name_type(&self) -> NameType {
        self.0.name_type
    }

    /// The components of the name, without the realm.
    pub fn components(&self) -> &[String] {
        &self.0.components
    }

    /// The realm; empty if not known yet.
    pub fn realm(&self) -> &str {
        &self.0.realm
    }

    /// The same name in another realm.
    pub fn with_realm(mut self, realm: impl Into<String>) -> Self {
        let realm: String = realm.into();
        Arc::make_mut(&mut self.0).realm = realm.into();
        self
    }

    /// The same name with another name type.
    pub fn with_name_type(mut self, name_type: NameType) -> Self {
        Arc::make_mut(&mut self.0).name_type = name_type;
        self
    }

    /// Whether this is the ticket-granting service of some realm.
    pub fn is_krbtgt(&self) -> bool {
        self.components().len() == 2 && self.components().first().is_some_and(|first| first == "krbtgt")
    }

    /// Components written without the realm, escaped.
    pub fn without_realm(&self) -> impl fmt::Display + '_ {
        Escaped { components: self.components() }
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.realm() == other.realm() && self.components() == other.components()
    }
}

impl Eq for Principal {}

impl core::hash::Hash for Principal {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.realm().hash(state);
        self.components().hash(state);
    }
}

struct Escaped<'a> {
    components: &'a [String],
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, component) in self.components.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            write_escaped(f, component, true)?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, in_component: bool) -> fmt::Result {
    use fmt::Write;
    for c in text.chars() {
        match c {
            '/' if !in_component => f.write_char('/')?,
            '/' | '@' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\0' => f.write_str("\\0")?,
            // Names come from peers and go to logs and terminals.
            c if c.is_control() => write!(f, "{}", c.escape_unicode())?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.without_realm().fmt(f)?;
        if !self.realm().is_empty() {
            f.write_str("@")?;
            write_escaped(f, self.realm(), false)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({self}, type {})", self.name_type().0)
    }
}

impl FromStr for Principal {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        Principal::parse_with_realm(text, "")
    }
}

/// A name that can't be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseNameError {
    /// Nothing there, or nothing before the realm.
    Empty,
    /// A second unescaped `@`.
    TwoRealms,
    /// An `@` with nothing behind it.
    EmptyRealm,
    /// A `\` at the very end.
    DanglingEscape,
    /// Longer than a name may be.
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for ParseNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseNameError::Empty => f.write_str("the name is empty"),
            ParseNameError::TwoRealms => f.write_str("the name has two '@': write '\\@' for one that is part of it"),
            ParseNameError::EmptyRealm => f.write_str("nothing follows the '@'"),
            ParseNameError::DanglingEscape => f.write_str("the name ends in a single '\\'"),
            ParseNameError::TooLong { limit } => write!(f, "the name is longer than {limit} bytes"),
        }
    }
}

impl core::error::Error for ParseNameError {}

/// The longest name that is parsed, in bytes.
const NAME_LIMIT: usize = 4096;

fn split_escaped(text: &str) -> Result<(Vec<String>, Option<String>), ParseNameError> {
    if text.len() > NAME_LIMIT {
        return Err(ParseNameError::TooLong { limit: NAME_LIMIT });
    }
    let mut components = Vec::new();
    let mut current = String::new();
    let mut in_realm = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => current.push(unescape(&mut chars).ok_or(ParseNameError::DanglingEscape)?),
            '/' if !in_realm => components.push(core::mem::take(&mut current)),
            '@' if in_realm => return Err(ParseNameError::TwoRealms),
            '@' => {
                components.push(core::mem::take(&mut current));
                in_realm = true;
            }
            c => current.push(c),
        }
    }
    if in_realm && current.is_empty() {
        return Err(ParseNameError::EmptyRealm);
    }
    let realm = in_realm.then(|| core::mem::take(&mut current));
    if !in_realm {
        components.push(current);
    }
    if components.iter().all(String::is_empty) {
        return Err(ParseNameError::Empty);
    }
    Ok((components, realm))
}

/// The character that stands behind a `\`; `\u{…}` is how control characters are shown.
fn unescape(chars: &mut core::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'b' => '\u{8}',
        '0' => '\0',
        'u' => return Some(unicode(chars).unwrap_or('u')),
        c => c,
    })
}

/// The character whose number stands in braces; takes nothing if none does.
fn unicode(chars: &mut core::str::Chars<'_>) -> Option<char> {
    let (number, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
    let hexadecimal = number.len() <= 6 && number.bytes().all(|digit| digit.is_ascii_hexdigit());
    let c = hexadecimal.then(|| u32::from_str_radix(number, 16).ok()).flatten().and_then(char::from_u32)?;
    *chars = rest.chars();
    Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_writing_and_parsing() {
        for text in ["alice@A.B", "HTTP/www.example.com@A", "a\\/b/c\\@d@R", "x\\\\y", "krbtgt/A@B", "a/@R"] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!(principal.to_string(), text);
        }
    }

    #[test]
    fn bad_names_say_why() {
        for (text, error) in [
            ("", ParseNameError::Empty),
            ("@R", ParseNameError::Empty),
            ("a@b@c", ParseNameError::TwoRealms),
            ("a@", ParseNameError::EmptyRealm),
            ("a\\", ParseNameError::DanglingEscape),
            (&"a".repeat(4097), ParseNameError::TooLong { limit: 4096 }),
        ] {
            assert_eq!(text.parse::<Principal>().unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let principal = Principal::new(NameType::PRINCIPAL, ["a\u{1b}[2J\r"], "R\u{7}");
        assert_eq!(principal.to_string(), "a\\u{1b}[2J\\u{d}@R\\u{7}");
        assert_eq!(principal.to_string().parse::<Principal>().unwrap(), principal);
        for (text, name) in
            [("\\u", "u"), ("\\u{zz}", "u{zz}"), ("\\u{d800}", "u{d800}"), ("\\u{}", "u{}"), ("\\u{1", "u{1")]
        {
            assert_eq!(text.parse::<Principal>().unwrap().components(), [name], "{text}");
        }
    }

    #[test]
    fn the_name_type_takes_no_part_in_comparison() {
        let a: Principal = "HTTP/h@R".parse().unwrap();
        assert_eq!(a, a.clone().with_name_type(NameType::SRV_HST));
        assert_ne!(a, a.clone().with_realm("S"));
    }
}
